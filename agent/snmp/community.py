"""Who may ask: communities and the networks they may be used from (RFC 1157 section 3.2.5)."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from mibs import ber
from mibs.tree import Tree

__all__ = ["Communities", "Community", "Principal"]

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_MAX_REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class Community:
    """A community name, which may read everything, and where it may come from."""

    name: bytes
    networks: tuple[Network, ...]


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who was let in, and what there is to see: a mask for each version (see View)."""

    v1_mask: bytes
    """Counter64 does not exist in SNMPv1 (RFC 3584 section 4.2.2.1)."""
    v2c_mask: bytes


class Communities:
    """Tells who is who. Answers are remembered, since the same few managers ask all the time."""

    def __init__(self, communities: Sequence[Community], tree: Tree) -> None:
        self._communities = tuple(communities)
        self._names = frozenset(community.name for community in communities)
        self._reader = Principal(
            bytes(span.type.tag != ber.COUNTER64 for span in tree.spans),
            bytes([1]) * len(tree.spans),
        )
        self._known: dict[tuple[bytes, str], Principal | None] = {}

    def find(self, name: bytes, host: str) -> Principal | None:
        """Return who asks from this address with this community, None for somebody unknown."""
        try:
            return self._known[name, host]
        except KeyError:
            pass
        if name not in self._names:
            # Not remembered: whoever guesses would have us keep all guesses.
            return None
        address = ipaddress.ip_address(host.partition("%")[0])
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        allowed = any(
            community.name == name and any(address in network for network in community.networks)
            for community in self._communities
        )
        if len(self._known) >= _MAX_REMEMBERED:
            self._known.clear()
        principal = self._known[name, host] = self._reader if allowed else None
        return principal
