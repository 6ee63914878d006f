"""Traffic selectors, as strongSwan prints them (its traffic_selector.c)."""

from __future__ import annotations

import functools
import ipaddress
import re
import socket

from datasource.model import IpAddress, TrafficSelector

__all__ = ["parse_selector"]

_FORM = re.compile(r"([^\[\]]+)(?:\[([^\[\]]+)\])?")
_ICMP = re.compile(r"(\d+)(?:\((\d+)\))?")
_ICMP_PROTOCOLS = (1, 58)
_ANY_PORT = (0, 65535)
_PROTOCOLS = {
    "icmp": 1, "tcp": 6, "udp": 17, "gre": 47, "esp": 50, "ah": 51, "ipv6-icmp": 58, "sctp": 132,
}  # fmt: skip
_DYNAMIC = (ipaddress.IPv4Address(0), ipaddress.IPv4Address(0xFFFFFFFF))


@functools.lru_cache(maxsize=4096)
def parse_selector(text: str) -> TrafficSelector:
    """Parse ``10.0.0.0/24``, ``10.0.0.1..10.0.0.9[tcp/443]``, ``::/0[ipv6-icmp/128(0)-129(0)]``.

    Opaque ports (RFC 7296 section 3.13.1: no port can be seen) come out as any port; ``dynamic``
    (an address that is not known before there is an SA) as any address.

    Raises:
        ValueError: it is none of these.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise ValueError("not a traffic selector")
    first, last = _addresses(match[1])
    protocol, ports = _protocol_and_ports(match[2]) if match[2] else (0, _ANY_PORT)
    return TrafficSelector(first, last, protocol, *ports)


def _addresses(text: str) -> tuple[IpAddress, IpAddress]:
    if text == "dynamic":
        return _DYNAMIC
    start, dots, end = text.partition("..")
    if dots:
        first, last = ipaddress.ip_address(start), ipaddress.ip_address(end)
        if first.version != last.version or int(first) > int(last):
            raise ValueError("not a range")
        return first, last
    network = ipaddress.ip_network(text, strict=False)
    return network[0], network[-1]


def _protocol_and_ports(text: str) -> tuple[int, tuple[int, int]]:
    name, slash, ports = text.partition("/")
    if slash:
        protocol = _protocol(name)
        return protocol, _ports(ports, protocol)
    try:
        return _protocol(name), _ANY_PORT
    except ValueError:
        # Ports of any protocol are printed without one.
        return 0, _ports(name, 0)


def _protocol(name: str) -> int:
    if name in _PROTOCOLS:
        return _PROTOCOLS[name]
    if name.isdecimal():
        if (number := int(name)) > 255:
            raise ValueError("not a protocol")
        return number
    try:
        return socket.getprotobyname(name)
    except OSError as error:
        raise ValueError("not a protocol") from error


def _ports(text: str, protocol: int) -> tuple[int, int]:
    if text == "OPAQUE":
        return _ANY_PORT
    # A service's name may have a hyphen too.
    first, hyphen, last = text.partition("-") if text[:1].isdecimal() else (text, "", "")
    ports = _port(first, protocol), _port(last if hyphen else first, protocol)
    if not 0 <= ports[0] <= ports[1] <= 65535:
        raise ValueError("not a range of ports")
    return ports


def _port(text: str, protocol: int) -> int:
    if protocol in _ICMP_PROTOCOLS and (icmp := _ICMP.fullmatch(text)):
        # Type and code share the port's 16 bits: RFC 7296 section 3.13.1.
        return int(icmp[1]) * 256 + int(icmp[2] or 0)
    if text.isdecimal():
        return int(text)
    try:
        return socket.getservbyname(text)
    except OSError as error:
        raise ValueError("not a port") from error
