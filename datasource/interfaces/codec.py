"""rtnetlink on the wire, without the wire: requests, and what the answers say (sans-IO).

pyroute2 knows how the messages are laid out; what is wanted of them is said here. To decode one
takes some 0.4 ms, so answers are given one by one and whoever asks can do other things in between.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pyroute2.netlink.exceptions import NetlinkDecodeError
from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
from pyroute2.netlink.rtnl.rtmsg import rtmsg

from datasource.configuration import Interface
from datasource.errors import DataSourceError
from datasource.model import IpAddress

__all__ = [
    "ADDRESS_GROUPS",
    "ROUTE_GROUPS",
    "TUNNELS",
    "Address",
    "Answer",
    "Link",
    "Route",
    "RtnetlinkError",
    "ask_addresses",
    "ask_links",
    "ask_route",
    "make_interfaces",
]

# Bits of the groups of linux/rtnetlink.h, RTNLGRP_x as 1 << (x - 1).
ADDRESS_GROUPS = 1 << 0 | 1 << 4 | 1 << 8
"""Links, IPv4 addresses and IPv6 addresses change."""
ROUTE_GROUPS = 1 << 6 | 1 << 7 | 1 << 10 | 1 << 18
"""IPv4 routes and rules and IPv6 routes and rules change."""

TUNNELS = frozenset(
    {
        "amt", "bareudp", "erspan", "fou", "geneve", "gre", "gretap", "gtp", "ip6erspan", "ip6gre",
        "ip6gretap", "ip6tnl", "ipip", "ovpn", "sit", "tun", "vti", "vti6", "vxlan", "wireguard",
        "xfrm",
    }
)  # fmt: skip
"""Kinds of links (IFLA_INFO_KIND) that are tunnels. Of ``ppp`` the kernel does not tell whether it
is PPPoE, over which a gateway has its provider, or a tunnel such as PPTP: it is none."""

_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence, port: 16 octets
_CODE = struct.Struct("=i")

_NLMSG_ERROR, _NLMSG_DONE, _NLMSG_OVERRUN = 2, 3, 4
_RTM_NEWLINK, _RTM_GETLINK = 16, 18
_RTM_NEWADDR, _RTM_GETADDR = 20, 22
_RTM_NEWROUTE, _RTM_GETROUTE = 24, 26
_NLM_F_REQUEST, _NLM_F_MULTI, _NLM_F_DUMP_INTR, _NLM_F_DUMP = 0x1, 0x2, 0x10, 0x300
_RTEXT_FILTER_SKIP_STATS = 8
_AF_INET, _AF_INET6 = 2, 10
_IFF_UP = 0x1
# An address that is being checked for duplicates, or is one, is not ours (RFC 4862 section 5.4).
_IFA_F_OPTIMISTIC, _IFA_F_DADFAILED, _IFA_F_TENTATIVE = 0x04, 0x08, 0x40
_RTN_UNICAST = 1

# What pyroute2 raises at messages that are malformed.
_MALFORMED = (NetlinkDecodeError, struct.error, LookupError, TypeError, ValueError)


class RtnetlinkError(DataSourceError):
    """The kernel refuses, or what it says is not what linux/rtnetlink.h says.

    ``errno`` is the kernel's number of an error, 0 where it gave none.
    """

    def __init__(self, words: str, number: int = 0) -> None:
        super().__init__(words)
        self.errno = number


@dataclass(frozen=True, slots=True)
class Link:
    """A network interface."""

    index: int
    name: str
    up: bool
    """As an administrator wants it, whether or not there is a carrier."""
    kind: str
    """IFLA_INFO_KIND; empty for hardware."""


@dataclass(frozen=True, slots=True)
class Address:
    """An address of ours."""

    index: int
    """Of the link."""
    address: IpAddress


@dataclass(frozen=True, slots=True)
class Route:
    """The answer to one question for a route."""

    index: int | None
    """Of the link over which packets leave; None where they do not leave this machine."""


Row = Link | Address | Route


def ask_links(sequence: int) -> bytes:
    """Return the message that asks for all links, to be answered under this 32-bit number."""
    message = ifinfmsg()
    message["attrs"] = [("IFLA_EXT_MASK", _RTEXT_FILTER_SKIP_STATS)]
    return _encode(message, _RTM_GETLINK, _NLM_F_REQUEST | _NLM_F_DUMP, sequence)


def ask_addresses(sequence: int) -> bytes:
    """Return the message that asks for all addresses."""
    return _encode(ifaddrmsg(), _RTM_GETADDR, _NLM_F_REQUEST | _NLM_F_DUMP, sequence)


def ask_route(sequence: int, destination: IpAddress) -> bytes:
    """Return the message that asks for the route to an address."""
    message = rtmsg()
    message["family"] = _AF_INET if destination.version == 4 else _AF_INET6
    message["dst_len"] = destination.max_prefixlen
    # Without the zone, which only the textual form of an address has.
    message["attrs"] = [("RTA_DST", str(type(destination)(destination.packed)))]
    return _encode(message, _RTM_GETROUTE, _NLM_F_REQUEST, sequence)


def _encode(message: Any, kind: int, flags: int, sequence: int) -> bytes:
    message["header"]["type"] = kind
    message["header"]["flags"] = flags
    message["header"]["sequence_number"] = sequence
    message.encode()
    return bytes(message.data)


class Answer:
    """The answer to the request of this number, as far as it has come."""

    def __init__(self, sequence: int) -> None:
        self.done = False
        """Whether it is complete."""
        self.interrupted = False
        """Whether something has changed meanwhile, so that what was there may be missing."""
        self._sequence = sequence

    def feed(self, datagram: bytes) -> Iterator[Row]:
        """Take a datagram as it came, and give what it says, one by one.

        Messages under other numbers are left out, and addresses that are not in use.

        Raises:
            RtnetlinkError: the kernel refuses, or the datagram is malformed. Nothing more can be
                read.
        """
        start, size = 0, len(datagram)
        while start < size:
            if size - start < _HEADER.size:
                raise RtnetlinkError(f"a message of {size - start} octets")
            length, kind, flags, sequence, _port = _HEADER.unpack_from(datagram, start)
            if not _HEADER.size <= length <= size - start:
                raise RtnetlinkError(f"a message of {length} octets in a datagram that has {size}")
            if sequence == self._sequence and not self.done:
                row = self._message(datagram[start : start + length], kind, flags)
                if row is not None:
                    yield row
            start += (length + 3) & ~3

    def _message(self, message: bytes, kind: int, flags: int) -> Row | None:
        self.interrupted |= bool(flags & _NLM_F_DUMP_INTR)
        self.done = kind == _NLMSG_DONE or not flags & _NLM_F_MULTI
        if kind == _NLMSG_OVERRUN:
            raise RtnetlinkError("messages were lost")
        if kind == _NLMSG_ERROR or (kind == _NLMSG_DONE and len(message) > _HEADER.size):
            _check_code(message)
            return None
        if (known := _ROWS.get(kind)) is None:
            return None
        layout, read = known
        try:
            decoded = layout(message)
            decoded.decode()
            return read(decoded)
        except _MALFORMED as error:
            raise RtnetlinkError(f"a malformed {layout.__name__}: {error}") from error


def _check_code(message: bytes) -> None:
    if len(message) < _HEADER.size + _CODE.size:
        raise RtnetlinkError(f"an error of {len(message)} octets")
    (code,) = _CODE.unpack_from(message, _HEADER.size)
    if code:
        known = -code in errno.errorcode
        raise RtnetlinkError(os.strerror(-code) if known else f"error {code}", -code)


def _link(message: Any) -> Link:
    info = message.get_attr("IFLA_LINKINFO")
    return Link(
        index=message["index"],
        name=str(message.get_attr("IFLA_IFNAME")),
        up=bool(message["flags"] & _IFF_UP),
        kind="" if info is None else str(info.get_attr("IFLA_INFO_KIND") or ""),
    )


def _address(message: Any) -> Address | None:
    flags = message["flags"] | (message.get_attr("IFA_FLAGS") or 0)
    tentative = flags & _IFA_F_TENTATIVE and not flags & _IFA_F_OPTIMISTIC
    # At the end of a point-to-point link, IFA_ADDRESS is the other end's.
    text = message.get_attr("IFA_LOCAL") or message.get_attr("IFA_ADDRESS")
    if text is None or tentative or flags & _IFA_F_DADFAILED:
        return None
    return Address(message["index"], ipaddress.ip_address(text))


def _route(message: Any) -> Route:
    leaves = message["type"] == _RTN_UNICAST
    return Route(message.get_attr("RTA_OIF") if leaves else None)


_ROWS: dict[int, tuple[Callable[[bytes], Any], Callable[[Any], Row | None]]] = {
    _RTM_NEWLINK: (ifinfmsg, _link),
    _RTM_NEWADDR: (ifaddrmsg, _address),
    _RTM_NEWROUTE: (rtmsg, _route),
}


def make_interfaces(rows: Iterable[Row]) -> tuple[Interface, ...]:
    """Put links and their addresses together, in order of index; those of 127.0.0.0/8 and ::1 not.

    An address at the link ``lo`` that others may know is like any other.
    """
    links: dict[int, Link] = {}
    addresses: dict[int, set[IpAddress]] = {}
    for row in rows:
        if isinstance(row, Link):
            links[row.index] = row
        elif isinstance(row, Address) and not row.address.is_loopback:
            addresses.setdefault(row.index, set()).add(row.address)
    return tuple(
        Interface(
            index,
            links[index].name,
            virtual=links[index].kind in TUNNELS,
            addresses=frozenset(addresses.get(index, ())),
            up=links[index].up,
        )
        for index in sorted(links)
    )
