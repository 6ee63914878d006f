"""The entry of an access list that lets a flow in, as the text that a router has it in.

    access-list net permit ip 10.1.0.0 0.0.255.255 10.2.0.0 0.0.255.255
    access-list web permit tcp any host 10.2.0.7 eq 443
    access-list six permit ipv6 2001:DB8:1::/48 any

That is the form of IOS, as far as it goes. It has no addresses from one to another that are not a
subnet: they are written as its object groups do, ``range 10.0.0.1 10.0.0.9``.
"""

from __future__ import annotations

from collections.abc import Iterator

from datasource.model import Endpoint, TrafficSelector

__all__ = ["access_list_entry"]

_PROTOCOLS = {
    1: "icmp", 2: "igmp", 4: "ipinip", 6: "tcp", 17: "udp", 47: "gre", 50: "esp", 51: "ahp",
    58: "icmp", 88: "eigrp", 89: "ospf", 103: "pim", 108: "pcp", 132: "sctp",
}  # fmt: skip
"""By the words of IOS; it takes the others by their number."""
_ICMP = (1, 58)


def access_list_entry(name: str, flow: Endpoint) -> str:
    """Return the entry of the access list of this name that permits a flow."""
    return " ".join(("access-list", name, "permit", *_words(flow)))


def _words(flow: Endpoint) -> Iterator[str]:
    local, remote = flow.local, flow.remote
    protocol = local.protocol or remote.protocol
    any_protocol = "ip" if local.first.version == 4 else "ipv6"
    yield _PROTOCOLS.get(protocol, str(protocol)) if protocol else any_protocol
    for selector in (local, remote):
        yield from _addresses(selector)
        if protocol not in _ICMP:
            yield from _ports(selector)
    if protocol in _ICMP:
        yield from _icmp_types(remote if _any_port(local) else local)


def _addresses(selector: TrafficSelector) -> Iterator[str]:
    first, last, prefix = selector.first, selector.last, selector.prefix
    start = str(first).upper()
    if prefix is None:
        yield from ("range", start, str(last).upper())
    elif prefix == 0:
        yield "any"
    elif prefix == first.max_prefixlen:
        yield from ("host", start)
    elif first.version == 6:
        yield f"{start}/{prefix}"
    else:
        # What may differ: the bits of a wildcard are those that a mask does not have.
        yield from (start, str(type(first)(int(first) ^ int(last))))


def _any_port(selector: TrafficSelector) -> bool:
    return (selector.first_port, selector.last_port) == (0, 65535)


def _ports(selector: TrafficSelector) -> Iterator[str]:
    first, last = selector.first_port, selector.last_port
    if first == last:
        yield from ("eq", str(first))
    elif not _any_port(selector):
        yield from ("range", str(first), str(last))


def _icmp_types(selector: TrafficSelector) -> Iterator[str]:
    """Give type and code, which share the 16 bits of a port (RFC 7296 section 3.13.1)."""
    if _any_port(selector):
        return
    (first_type, first_code), (last_type, last_code) = (
        divmod(selector.first_port, 256),
        divmod(selector.last_port, 256),
    )
    if (first_type, first_code, last_code) == (last_type, 0, 255):
        yield str(first_type)
    elif first_type == last_type and first_code == last_code:
        yield from (str(first_type), str(first_code))
    else:
        yield from ("range", f"{first_type}/{first_code}", f"{last_type}/{last_code}")
