"""Forms of a traffic selector, for the endpoints of live tunnels and of those that have ended."""

from __future__ import annotations

from datasource.model import TrafficSelector
from mibs.forms import constant

__all__ = ["end_pt_addr1", "end_pt_addr2", "end_pt_port", "end_pt_type", "no_name"]

_SINGLE_IP_ADDR, _IP_ADDR_RANGE, _IP_SUBNET = 1, 2, 3


def end_pt_type(selector: TrafficSelector) -> int:
    """EndPtType: singleIpAddr(1), ipAddrRange(2), ipSubnet(3)."""
    prefix = selector.prefix
    if prefix is None:
        return _IP_ADDR_RANGE
    return _SINGLE_IP_ADDR if prefix == selector.first.max_prefixlen else _IP_SUBNET


def end_pt_addr1(selector: TrafficSelector) -> bytes:
    """Return the address, the first of a range, or the address of a subnet."""
    return selector.first.packed


def end_pt_addr2(selector: TrafficSelector) -> bytes:
    """Return the address once more, the mask of a subnet, or the end of a range."""
    prefix = selector.prefix
    size = selector.first.max_prefixlen
    if prefix is None or prefix == size:
        return selector.last.packed
    return ((1 << size) - (1 << (size - prefix))).to_bytes(size // 8, "big")


def end_pt_port(selector: TrafficSelector) -> int:
    """Return the port; 0 is any, and stands for a range too, which has no number."""
    return selector.first_port if selector.first_port == selector.last_port else 0


no_name = constant(b"")
"""DisplayString: no endpoint has a name."""
