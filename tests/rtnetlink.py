"""Builds what the kernel sends over NETLINK_ROUTE, as linux/rtnetlink.h and if_addr.h have it."""

from __future__ import annotations

import ipaddress
import struct

from tests.netlink import MULTI, SEQUENCE, attribute, message

__all__ = ["address", "link", "route"]

NEWLINK, NEWADDR, NEWROUTE = 16, 20, 24
UP = 0x1


def link(
    index: int,
    name: str,
    *,
    kind: str = "",
    up: bool = True,
    flags: int = MULTI,
    sequence: int = SEQUENCE,
) -> bytes:
    """The message of an interface; of hardware, where it has no kind."""
    body = struct.pack("=BxHiII", 0, 1, index, UP if up else 0, 0)
    body += attribute(3, name.encode() + b"\0") + attribute(4, struct.pack("=I", 1500))
    if kind:
        body += attribute(18, attribute(1, kind.encode()) + attribute(2, b""))
    return message(NEWLINK, body, flags=flags, sequence=sequence)


def address(
    index: int,
    text: str,
    *,
    peer: str | None = None,
    state: int = 0x80,
    more_state: int | None = None,
    sequence: int = SEQUENCE,
) -> bytes:
    """The message of an address; ``peer`` is the other end of a point-to-point link."""
    own = ipaddress.ip_address(text)
    family = 2 if own.version == 4 else 10
    body = struct.pack("=BBBBI", family, own.max_prefixlen, state, 0, index)
    other = own if peer is None else ipaddress.ip_address(peer)
    body += attribute(1, other.packed)
    if own.version == 4 or peer is not None:
        body += attribute(2, own.packed)
    if more_state is not None:
        body += attribute(8, struct.pack("=I", more_state))
    return message(NEWADDR, body, sequence=sequence)


def route(index: int, destination: str, *, kind: int = 1, sequence: int = SEQUENCE) -> bytes:
    """The answer to one question: of type RTN_UNICAST, or another."""
    own = ipaddress.ip_address(destination)
    family = 2 if own.version == 4 else 10
    body = struct.pack("=BBBBBBBBI", family, own.max_prefixlen, 0, 0, 254, 0, 0, kind, 0)
    body += attribute(1, own.packed) + attribute(4, struct.pack("=i", index))
    return message(NEWROUTE, body, flags=0, sequence=sequence)
