"""Notifications by the names that network engineers know.

A name is words, as in ``snmp-server enable traps`` on a router. The first words of several names
stand for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["EVERYTHING", "NAMES", "parse_name"]

NAMES: Mapping[str, str] = MappingProxyType(
    {
        "isakmp tunnel start": "cikeTunnelStart",
        "isakmp tunnel stop": "cikeTunnelStop",
        "isakmp failure system": "cikeSysFailure",
        "isakmp failure certificate": "cikeCertCrlFailure",
        "isakmp failure protocol": "cikeProtocolFailure",
        "isakmp failure no-sa": "cikeNoSa",
        "isakmp policy add": "cipsIsakmpPolicyAdded",
        "isakmp policy delete": "cipsIsakmpPolicyDeleted",
        "ipsec tunnel start": "cipSecTunnelStart",
        "ipsec tunnel stop": "cipSecTunnelStop",
        "ipsec failure system": "cipSecSysFailure",
        "ipsec failure setup": "cipSecSetUpFailure",
        "ipsec failure early-termination": "cipSecEarlyTunTerm",
        "ipsec failure protocol": "cipSecProtocolFailure",
        "ipsec failure no-sa": "cipSecNoSa",
        "ipsec too-many-sas": "cipsTooManySAs",
        "ipsec cryptomap add": "cipsCryptomapAdded",
        "ipsec cryptomap delete": "cipsCryptomapDeleted",
        "ipsec cryptomap attach": "cipsCryptomapSetAttached",
        "ipsec cryptomap detach": "cipsCryptomapSetDetached",
        "snmp coldstart": "coldStart",
        "snmp authentication": "authenticationFailure",
    }
)
"""The descriptor, in its MIB, of what each whole name stands for."""

EVERYTHING = frozenset(NAMES.values())
"""Every notification that there is, by its descriptor."""

_PATHS = {tuple(name.split()): descriptor for name, descriptor in NAMES.items()}


def parse_name(text: str) -> frozenset[str]:
    """Return the descriptors of all notifications that a name, or the beginning of one, stands for.

    Raises:
        ValueError: there is no such name; the message says how far it is right, and what is known
            from there on.
    """
    words = tuple(text.split())
    found = frozenset(_PATHS[path] for path in _going_on(words))
    if words and found:
        return found
    right = next(words[:n] for n in range(len(words), -1, -1) if _going_on(words[:n]))
    known = sorted({path[len(right)] for path in _going_on(right) if path != right})
    where = f" after {' '.join(right)!r}" if right else ""
    raise ValueError(f"{text!r} is no notification; known{where}: {', '.join(known) or 'no more'}")


def _going_on(words: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [path for path in _PATHS if path[: len(words)] == words]
