"""Which crypto map set is at which interface."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from datasource.configuration import Attachment, Connection, CryptoMapSet, Interfaces
from datasource.model import IpAddress

__all__ = ["attachments", "routed_peers"]


def attachments(
    sets: Iterable[CryptoMapSet], connections: Mapping[str, Connection], interfaces: Interfaces
) -> tuple[Attachment, ...]:
    """Return where the sets are: in order of the interface's index, then in that of the sets.

    A set is where its connection's packets leave: at the interfaces with one of its local
    addresses, or, where it may use any, at the one over which its preferred peer is reached.
    """
    up = {one.index: one for one in interfaces.interfaces if one.up}
    at_address: dict[IpAddress, list[int]] = {}
    for interface in up.values():
        for address in interface.addresses:
            at_address.setdefault(address, []).append(interface.index)
    found: dict[int, list[str]] = {}
    for row in sets:
        for index in _places(connections[row.connection], at_address, interfaces.routes):
            if index in up:
                found.setdefault(index, []).append(row.name)
    return tuple(Attachment(up[index], name) for index in sorted(found) for name in found[index])


def routed_peers(connections: Iterable[Connection]) -> frozenset[IpAddress]:
    """Return the peers whose interface depends on the route to them."""
    return frozenset(
        peer
        for connection in connections
        if not connection.dynamic and not connection.local_addresses
        for peer in connection.peers[:1]
        if peer is not None
    )


def _places(
    connection: Connection,
    at_address: Mapping[IpAddress, Sequence[int]],
    routes: Mapping[IpAddress, int],
) -> set[int]:
    if connection.local_addresses:
        return {
            index for address in connection.local_addresses for index in at_address.get(address, ())
        }
    return {routes[peer] for peer in connection.peers[:1] if peer is not None and peer in routes}
