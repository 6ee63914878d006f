"""Forms that several MIBs share: from a value of the model to what SMI wants to see."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass

from datasource.model import Identity, IdentityType, IpAddress

__all__ = [
    "FALSE",
    "TRUE",
    "Constant",
    "constant",
    "display_string",
    "identity_octets",
    "identity_type",
    "identity_value",
    "ip_address",
    "kilobytes",
    "positive",
    "time_interval",
    "truth_value",
    "within",
    "wraps",
]

TRUE, FALSE = 1, 2
"""TruthValue (RFC 2579)."""


def truth_value(value: bool) -> int:
    """TruthValue: true(1), false(2)."""
    return TRUE if value else FALSE


def display_string(text: str) -> bytes:
    """DisplayString: at most 255 octets of NVT ASCII (RFC 2579)."""
    return text.encode("ascii", "replace")[:255]


def ip_address(address: IpAddress) -> bytes:
    """IPSIpAddress: 4 or 16 octets in network order."""
    return address.packed


def identity_type(identity: Identity) -> int:
    """IkePeerType: ipAddrPeer(1), namePeer(2)."""
    return 1 if identity.type is IdentityType.ADDRESS else 2


def identity_value(identity: Identity) -> bytes:
    """Return an IKE identity as text, as DisplayString wants it."""
    return display_string(identity.text)


def identity_octets(identity: Identity) -> bytes:
    """Return an identity as IOS puts it in an index: an address as its 4 or 16 octets."""
    if identity.type is IdentityType.ADDRESS:
        return ipaddress.ip_address(identity.text).packed
    return identity_value(identity)


def positive(number: int) -> int | None:
    """Integer32 (1..2147483647): 0 stands for no limit, which the type cannot say."""
    return min(number, 0x7FFFFFFF) if number > 0 else None


def within(lowest: int, highest: int) -> Callable[[int], int | None]:
    """Return a form of numbers in a range: what is outside of it, the type cannot say."""
    return lambda number: number if lowest <= number <= highest else None


def kilobytes(octets: int) -> int | None:
    """Return a volume in the unit of the lifesize objects."""
    return positive(octets >> 10)


def time_interval(seconds: float) -> int:
    """TimeInterval: hundredths of a second. It stops at its largest value, after 248.5 days."""
    return min(max(int(seconds * 100), 0), 0x7FFFFFFF)


def wraps(octets: int) -> int:
    """How often the 32-bit counter beside it has rolled over."""
    return octets >> 32


@dataclass(frozen=True, slots=True)
class Constant:
    """A form that gives the same for whatever is there."""

    value: int | bytes

    def __call__(self, _value: object) -> int | bytes:
        """Return it."""
        return self.value


def constant(value: int | bytes) -> Constant:
    """Return a form that gives the same for whatever is there."""
    return Constant(value)
