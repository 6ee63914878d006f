"""Who may ask from where: communities and users, and the networks that they may come from.

RFC 1157 section 3.2.5 lets the agent decide what a community is; here the source address is a part
of it. SNMPv3 proves who asks, and still its users can be kept to some networks.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

__all__ = ["Community", "Network", "Origins", "neighbourhood"]

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_MAX_REMEMBERED = 4096

_Who = TypeVar("_Who")


@dataclass(frozen=True, slots=True)
class Community:
    """A community name, where it may come from, and whom it stands for (RFC 3584 section 5)."""

    name: bytes = field(repr=False)
    networks: tuple[Network, ...]
    security_name: bytes
    """What access control knows it by."""
    context: bytes = b""
    """Where it asks."""


class Origins(Generic[_Who]):
    """Tells who is who. Answers are remembered, since the same few managers ask all the time.

    Args:
        known: a name, the networks it may be used from, and who that is.
    """

    def __init__(self, known: Iterable[tuple[bytes, Sequence[Network], _Who]]) -> None:
        self._entries = tuple(known)
        self._names = frozenset(name for name, _, _ in self._entries)
        self._remembered: dict[tuple[bytes, str], _Who | None] = {}
        self._hosts: dict[str, bool] = {}

    def find(self, name: bytes, host: str) -> _Who | None:
        """Return who asks by this name from this address, None for somebody unknown."""
        try:
            return self._remembered[name, host]
        except KeyError:
            pass
        if name not in self._names:
            # Not remembered: whoever guesses would have us keep all guesses.
            return None
        address = _address(host)
        found = (
            who
            for known, networks, who in self._entries
            if known == name and any(address in network for network in networks)
        )
        if len(self._remembered) >= _MAX_REMEMBERED:
            self._remembered.clear()
        who = self._remembered[name, host] = next(found, None)
        return who

    def anybody(self, host: str) -> bool:
        """Return whether somebody, whoever it is, may ask from this address."""
        try:
            return self._hosts[host]
        except KeyError:
            pass
        address = _address(host)
        if len(self._hosts) >= _MAX_REMEMBERED:
            self._hosts.clear()
        may = self._hosts[host] = any(
            address in network for _, networks, _ in self._entries for network in networks
        )
        return may


def neighbourhood(host: str) -> str:
    """Return what stands for all addresses that one sender can easily have.

    That is the address itself, and of IPv6 the 64 bits that are the same for a whole link.
    """
    address = _address(host)
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(ipaddress.IPv6Address(int(address) >> 64 << 64))


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    address = ipaddress.ip_address(host.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address
