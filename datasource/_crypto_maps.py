"""Crypto map sets, made of connections and of the SAs that they have."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from itertools import chain
from operator import attrgetter

from datasource._numbers import Names, Numbers
from datasource.configuration import (
    MAX_SET_NAME,
    Child,
    Connection,
    CryptoMap,
    CryptoMapSet,
    CryptoMapType,
    TransformSet,
)
from datasource.model import ChildSaParameters, Endpoint, IpAddress, PolicyMap

__all__ = ["CryptoMaps"]

_PRIORITIES = range(1, 65_536)
_MAX_GONE = 10_000
"""Sets that are remembered although they are not configured."""


@dataclasses.dataclass(slots=True, eq=False)
class _Set:
    """What is known of a connection, be it configured or not."""

    name: str
    connection: Connection | None = None
    children: frozenset[str] = frozenset()
    priorities: Numbers[str] = dataclasses.field(default_factory=lambda: Numbers(_PRIORITIES))
    groups: dict[str, str] = dataclasses.field(default_factory=dict)
    """By child, the PFS group of the newest SA that had one."""
    peer: IpAddress | None = None
    sas: int = 0
    row: CryptoMapSet | None = None
    position: int = 0
    """Of the row, among those of its kind."""


class CryptoMaps:
    """Holds the sets."""

    def __init__(self) -> None:
        self._names = Names(MAX_SET_NAME)
        self._sets: dict[str, _Set] = {}
        """By the name of the connection."""
        self._gone: dict[str, None] = {}
        """Those that are not configured, oldest first."""
        self._defaults: tuple[TransformSet, ...] = ()
        self._touched: set[_Set] = set()
        self._sorted = True
        # Static ones, and dynamic ones. The lists are for changing, the tuples for readers.
        self._rows: tuple[list[CryptoMapSet], list[CryptoMapSet]] = ([], [])
        self._shown: tuple[tuple[CryptoMapSet, ...], tuple[CryptoMapSet, ...]] = ((), ())
        self._crypto_maps: tuple[CryptoMap, ...] = ()

    # Reports ------------------------------------------------------------------------------------

    def configure(self, name: str, connection: Connection | None) -> None:
        """Take over what a connection is now, None for one that is not configured any more."""
        known = self._of(name)
        before, known.connection = known.connection, connection
        if before is None or connection is None or before.dynamic != connection.dynamic:
            self._sorted = False
        if connection is None:
            known.row, known.children = None, frozenset()
            self._retire(name)
            return
        self._gone.pop(name, None)
        self._touched.add(known)
        known.children = frozenset(child.name for child in connection.children)
        same = frozenset(() if before is None else before.children)
        for child in connection.children:
            known.priorities.of(child.name, known.children)
            if child not in same:
                known.groups.pop(child.name, None)

    def set_defaults(self, transform_sets: tuple[TransformSet, ...]) -> None:
        """Take over the gateway's default transform sets."""
        if transform_sets != self._defaults:
            self._defaults = transform_sets
            self._touched.update(
                known
                for known in self._sets.values()
                if known.connection is not None
                and any(child.uses_defaults for child in known.connection.children)
            )

    def uses_peer(self, connection: str, peer: IpAddress) -> None:
        """An IKE SA of a connection goes to this address."""
        known = self._of(connection)
        if known.peer != peer:
            known.peer = peer
            self._touch(known)

    def count_sas(self, connection: str, more: int) -> None:
        """So many more IPsec SAs of a connection are active, or fewer."""
        known = self._of(connection)
        known.sas += more
        self._touch(known)

    def policy_map_of(
        self, connection: str, child: ChildSaParameters, endpoints: Sequence[Endpoint]
    ) -> PolicyMap:
        """Return which crypto map an IPsec tunnel is of."""
        known = self._of(connection)
        group = child.proposal.group
        if group and known.groups.get(child.name) != group:
            known.groups[child.name] = group
            self._touch(known)
        return PolicyMap(
            known.name,
            known.priorities.of(child.name, known.children) or _PRIORITIES[-1],
            child.name,
            endpoints[0] if endpoints else None,
        )

    # Questions ----------------------------------------------------------------------------------

    def connection_of(self, set_name: str) -> Connection | None:
        """Return the connection that is a static set, None where there is none."""
        known = self._sets.get(self._names.text_of(set_name) or "")
        connection = None if known is None else known.connection
        return None if connection is None or connection.dynamic else connection

    def static_sets(self) -> tuple[CryptoMapSet, ...]:
        """Return the static sets: the same object while none changes, as for all that follow."""
        self._update()
        return self._shown[False]

    def dynamic_sets(self) -> tuple[CryptoMapSet, ...]:
        """Return the dynamic sets."""
        self._update()
        return self._shown[True]

    def crypto_maps(self) -> tuple[CryptoMap, ...]:
        """Return the members of all static sets."""
        self._update()
        return self._crypto_maps

    # Rows ---------------------------------------------------------------------------------------

    def _of(self, connection: str) -> _Set:
        known = self._sets.get(connection)
        if known is None:
            known = self._sets[connection] = _Set(self._names.of(connection))
            self._retire(connection)
        return known

    def _retire(self, connection: str) -> None:
        self._gone[connection] = None
        # One that still has SAs goes to the end. By two at a time, those without any run out.
        for _ in range(2):
            if len(self._gone) <= _MAX_GONE:
                return
            oldest = next(iter(self._gone))
            del self._gone[oldest]
            if self._sets[oldest].sas:
                self._gone[oldest] = None
            else:
                del self._sets[oldest]
                self._names.forget(oldest)

    def _touch(self, known: _Set) -> None:
        if known.connection is not None:
            self._touched.add(known)

    def _update(self) -> None:
        sets = members = not self._sorted
        touched, self._touched = self._touched, set()
        for known in touched:
            if known.connection is None:
                continue
            before, row = known.row, self._make(known, known.connection)
            if row != before:
                known.row = row
                sets = True
                members = members or before is None or row.members is not before.members
                if self._sorted:
                    self._rows[row.dynamic][known.position] = row
        if not self._sorted:
            self._sort()
        if sets:
            self._shown = tuple(self._rows[False]), tuple(self._rows[True])
        if members:
            self._crypto_maps = tuple(
                chain.from_iterable(row.members for row in self._shown[False])
            )

    def _sort(self) -> None:
        """Put all rows in the order of an index that begins with its length (RFC 2578 7.7)."""
        self._rows = [], []
        for known in sorted(self._sets.values(), key=lambda known: (len(known.name), known.name)):
            if known.row is not None:
                rows = self._rows[known.row.dynamic]
                known.position = len(rows)
                rows.append(known.row)
        self._sorted = True

    def _make(self, known: _Set, connection: Connection) -> CryptoMapSet:
        kind = CryptoMapType.DYNAMIC if connection.dynamic else CryptoMapType.ISAKMP
        peer = _peer_of(known, connection)
        made = (
            CryptoMap(
                known.name,
                priority,
                kind,
                child,
                peer,
                len(connection.peers),
                self._pfs_group(known, child),
            )
            for child in connection.children
            if (priority := known.priorities.of(child.name, known.children)) is not None
        )
        members = tuple(sorted(made, key=attrgetter("priority")))
        if known.row is not None and known.row.members == members:
            # The same object: what has been made of it holds.
            members = known.row.members
        return CryptoMapSet(known.name, connection.name, connection.dynamic, members, known.sas)

    def _pfs_group(self, known: _Set, child: Child) -> str | None:
        transforms = self._defaults if child.uses_defaults else child.transforms
        seen = known.groups.get(child.name)
        if not transforms:
            return seen
        groups = [transform.proposal.group for transform in transforms]
        return seen if seen in groups else groups[0]


def _peer_of(known: _Set, connection: Connection) -> IpAddress | None:
    if connection.dynamic or not connection.peers:
        return None
    if known.peer is not None and (known.peer in connection.peers or None in connection.peers):
        return known.peer
    return connection.peers[0]
