"""A small MIB made by hand, bound to rows of its own, and what a walk of it must give.

It has what the View has to cope with: columns with gaps, columns that are wholly absent, ages, rows
made of parts, rows that do not come in order of their index, an empty table, large sub-identifiers.
The reference is a sorted list made row by row, without blocks, caches or encoded columns.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Literal

from mibs import ber
from mibs.access import HIDDEN, SHOWN, Access
from mibs.smi import Module, ObjectType, Oid, Smi
from mibs.table import Age, Binding, Column, Key, Live, Root, Scalar, Table
from mibs.tree import ColumnSpan, ScalarSpan, Tree

__all__ = [
    "MODULE",
    "ROOT",
    "Part",
    "Peer",
    "Reference",
    "Small",
    "Thing",
    "binding",
    "object_type",
    "small_smi",
    "small_tree",
]

MODULE = "SMALL-MIB"
ROOT: Oid = (1, 3, 6, 1, 4, 1, 4294967295, 300)


@dataclass(frozen=True, slots=True)
class Part:
    number: int
    weight: int


@dataclass(frozen=True, slots=True)
class Thing:
    number: int
    count: int
    began: float
    note: bytes | None = None
    parts: tuple[Part, ...] = ()

    @property
    def pair(self) -> Part:
        """Something with an attribute of its own."""
        return Part(self.count % 5, self.count % 1000)


@dataclass(frozen=True, slots=True)
class Peer:
    identity: int
    key: Key
    state: int
    members: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Small:
    """A snapshot."""

    things: tuple[Thing, ...] = ()
    peers: tuple[Peer, ...] = ()
    total: int | None = 0


def object_type(
    name: str,
    oid: Oid,
    kind: Literal["scalar", "table", "row", "column"],
    tag: int = ber.INTEGER,
    access: str = "read-only",
) -> ObjectType:
    return ObjectType(MODULE, name, (*ROOT, *oid), kind, "", tag, {}, (), access, (), "")


def _table(name: str, number: int, *columns: tuple[str, int]) -> Iterator[ObjectType]:
    yield object_type(f"{name}Table", (number,), "table", 0, "not-accessible")
    yield object_type(f"{name}Entry", (number, 1), "row", 0, "not-accessible")
    yield object_type(
        f"{name}Index", (number, 1, 1), "column", ber.INTEGER, access="not-accessible"
    )
    for position, (column, tag) in enumerate(columns, 2):
        yield object_type(column, (number, 1, position), "column", tag)


def small_smi(*more: ObjectType) -> Smi:
    objects = (
        object_type("smallTotal", (1, 1), "scalar", ber.COUNTER64),
        object_type("smallThings", (1, 2), "scalar", ber.GAUGE32),
        object_type("smallLive", (1, 300), "scalar", ber.TIME_TICKS),
        *_table(
            "thing",
            2,
            ("thingCount", ber.COUNTER32),
            ("thingBig", ber.COUNTER64),
            ("thingNote", ber.OCTET_STRING),
            ("thingNever", ber.INTEGER),
            ("thingAge", ber.INTEGER),
            ("thingOid", ber.OBJECT_IDENTIFIER),
            ("thingOdd", ber.INTEGER),
            ("thingWeight", ber.GAUGE32),
        ),
        *_table("part", 3, ("partWeight", ber.INTEGER)),
        *_table("peer", 4, ("peerState", ber.INTEGER)),
        *_table("member", 5, ("memberWeight", ber.COUNTER64)),
        *_table("empty", 130, ("emptyValue", ber.INTEGER)),
        *more,
    )
    ordered = tuple(sorted(objects, key=attrgetter("oid")))
    return Smi([Module(MODULE, ROOT, ordered, (), {})])


def _odd(count: int) -> int | None:
    return count if count % 2 else None


def _parts(thing: Thing) -> Iterator[tuple[Key, Part]]:
    return (((part.number,), part) for part in thing.parts)


def _members(peer: Peer) -> Iterator[tuple[Key, Part]]:
    return (((part.number,), part) for part in peer.members)


def binding(live: Callable[[], int | None] = lambda: 4711) -> Binding:
    things = Root("things", attrgetter("things"), lambda row: (row.number,))
    peers = Root("peers", attrgetter("peers"), attrgetter("key"), identity=attrgetter("identity"))
    nothing = Root("nothing", lambda _: (), lambda _: ())
    return Binding(
        MODULE,
        scalars=(
            Scalar("smallTotal", "total"),
            Scalar("smallThings", "things", len),
            Live("smallLive", live),
        ),
        tables=(
            Table(
                "thingTable",
                things,
                (
                    Column("thingCount", "count"),
                    Column("thingBig", "count", lambda count: count << 33),
                    Column("thingNote", "note"),
                    Column("thingNever", "number", lambda _: None),
                    Age("thingAge", "began"),
                    Column("thingOid", "number", lambda number: (1, 3, number)),
                    Column("thingOdd", "count", _odd),
                    Column("thingWeight", "pair.weight"),
                ),
            ),
            Table("partTable", things, (Column("partWeight", "weight"),), _parts),
            Table("peerTable", peers, (Column("peerState", "state"),)),
            Table("memberTable", peers, (Column("memberWeight", "weight"),), _members),
            Table("emptyTable", nothing, (Column("emptyValue", "nothing"),)),
        ),
    )


def small_tree(live: Callable[[], int | None] = lambda: 4711) -> Tree:
    return Tree(small_smi(), (binding(live),))


class Reference:
    """All instances, as a sorted list of name and encoded binding."""

    def __init__(self, tree: Tree, snapshot: Any, at: float, access: Access | None = None) -> None:
        self.tree = tree
        self._access = access
        self._visible = [span for span in tree.spans if self._shown(span.number) != HIDDEN]
        self.cells: list[tuple[Oid, bytes]] = []
        for span in self._visible:
            for key, value in _instances(span, snapshot, at):
                name = (*span.type.oid, *key)
                if value is not None and self._may_see(span.number, name):
                    self.cells.append((name, _encoded(name, span.type.tag, value)))
        self.cells.sort()
        self._by_name = dict(self.cells)
        self.names = [name for name, _ in self.cells]
        assert len(set(self.names)) == len(self.names)

    def get(self, name: Oid) -> bytes | int:
        known = self._by_name.get(name)
        if known is not None:
            return known
        there = any(name[: len(span.type.oid)] == span.type.oid for span in self._visible)
        return ber.NO_SUCH_INSTANCE if there else ber.NO_SUCH_OBJECT

    def after(self, name: Oid) -> list[bytes]:
        """Everything that a walk from this name gives."""
        return [cell for _, cell in self.cells[bisect_right(self.names, name) :]]

    def _shown(self, number: int) -> int:
        return SHOWN if self._access is None else self._access.spans[number]

    def _may_see(self, number: int, name: Oid) -> bool:
        if self._access is None or self._shown(number) == SHOWN:
            return True
        return self._access.allows(ber.encode_oid(name))


def _instances(span: Any, snapshot: Any, at: float) -> Iterator[tuple[Key, Any]]:
    if isinstance(span, ScalarSpan):
        source = span.scalar
        yield (0,), source.read() if isinstance(source, Live) else source.value(snapshot)
        return
    assert isinstance(span, ColumnSpan)
    table, column = span.table, span.column
    for row in table.root.rows(snapshot):
        key = table.root.key(row)
        parts = [((), row)] if table.expand is None else table.expand(row)
        for rest, part in parts:
            yield (*key, *rest), _value(column, part, at)


def _value(column: Column, row: Any, at: float) -> Any:
    value = attrgetter(column.path)(row)
    if isinstance(column, Age):
        return max(0, min(2**31 - 1, int((at - value) * 100)))
    return None if value is None else column.form(value)


def _encoded(name: Oid, tag: int, value: Any) -> bytes:
    content = ber.encode_tlv(ber.OBJECT_IDENTIFIER, ber.encode_oid(name))
    return ber.encode_tlv(ber.SEQUENCE, content + ber.encode_value(tag, value))
