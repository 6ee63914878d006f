"""rtnetlink on the wire, without the wire: requests, and what the answers say (sans-IO).

pyroute2 knows how the messages are laid out; what is wanted of them is said here. To decode one
takes some 0.4 ms, so answers are given one by one and whoever asks can do other things in between.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pyroute2.netlink.exceptions import NetlinkDecodeError
from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
from pyroute2.netlink.rtnl.rtmsg import rtmsg

from datasource.configuration import Interface
from datasource.model import IpAddress
from datasource.netlink.codec import DUMP, REQUEST, NetlinkError, Reply

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

_RTM_NEWLINK, _RTM_GETLINK = 16, 18
_RTM_NEWADDR, _RTM_GETADDR = 20, 22
_RTM_NEWROUTE, _RTM_GETROUTE = 24, 26
_RTEXT_FILTER_SKIP_STATS = 8
_AF_INET, _AF_INET6 = 2, 10
_IFF_UP = 0x1
# An address that is being checked for duplicates, or is one, is not ours (RFC 4862 section 5.4).
_IFA_F_OPTIMISTIC, _IFA_F_DADFAILED, _IFA_F_TENTATIVE = 0x04, 0x08, 0x40
_RTN_UNICAST = 1

# What pyroute2 raises at messages that are malformed.
_MALFORMED = (NetlinkDecodeError, struct.error, LookupError, TypeError, ValueError)


class RtnetlinkError(NetlinkError):
    """The kernel refuses, or what it says is not what linux/rtnetlink.h says."""


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
    return _encode(message, _RTM_GETLINK, REQUEST | DUMP, sequence)


def ask_addresses(sequence: int) -> bytes:
    """Return the message that asks for all addresses."""
    return _encode(ifaddrmsg(), _RTM_GETADDR, REQUEST | DUMP, sequence)


def ask_route(sequence: int, destination: IpAddress) -> bytes:
    """Return the message that asks for the route to an address."""
    message = rtmsg()
    message["family"] = _AF_INET if destination.version == 4 else _AF_INET6
    message["dst_len"] = destination.max_prefixlen
    # Without the zone, which only the textual form of an address has.
    message["attrs"] = [("RTA_DST", str(type(destination)(destination.packed)))]
    return _encode(message, _RTM_GETROUTE, REQUEST, sequence)


def _encode(message: Any, kind: int, flags: int, sequence: int) -> bytes:
    message["header"]["type"] = kind
    message["header"]["flags"] = flags
    message["header"]["sequence_number"] = sequence
    message.encode()
    return bytes(message.data)


class Answer(Reply):
    """The answer to the request of this number, as far as it has come."""

    error = RtnetlinkError

    def feed(self, datagram: bytes) -> Iterator[Row]:
        """Take a datagram as it came, and give what it says, one by one.

        Messages under other numbers are left out, and addresses that are not in use.

        Raises:
            RtnetlinkError: the kernel refuses, or the datagram is malformed. Nothing more can be
                read.
        """
        for kind, message in self.messages(datagram):
            if (known := _ROWS.get(kind)) is None:
                continue
            layout, read = known
            try:
                decoded = layout(message)
                decoded.decode()
                row = read(decoded)
            except _MALFORMED as error:
                raise RtnetlinkError(f"a malformed {layout.__name__}: {error}") from error
            if row is not None:
                yield row


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
