"""The View: every object at one moment, for everybody who reads.

A View is made of a snapshot and never changes; a request is answered from one. Making one is cheap,
since rows are only put into blocks; columns are encoded when somebody asks (see ``block``). Names
come and go as the content of a BER OID, and varbinds are given out encoded. A View is good until
its builder makes the next one, which takes over what was encoded.

What a reader may see, it says with an :class:`~mibs.access.Access`.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from mibs import ber
from mibs.access import HIDDEN, PARTLY, SHOWN, Access
from mibs.block import Block, Cells, EncodingBudget, TableBlock, partition
from mibs.table import Key, Live, Root, Table, Value
from mibs.tree import ColumnSpan, ScalarSpan, Span, Tree

__all__ = ["View", "ViewBuilder"]

_Place = tuple[Cells, int, Span, int]
"""Where a walk is: a run of cells, the number of the cell that comes next in it (one too many when
the run is at its end), and the span and the number of the block that the run is of. No class, since
many are made."""
_SPAN: Final = 2

_MAX_PLACES = 4096
"""Walks that are remembered, so that they can go on without looking for where they were."""

_FEW = 100
"""Rows that are put into their place one by one; of more, all are sorted."""


class View:
    """All instances of all objects of a tree, in the order of a walk."""

    def __init__(
        self,
        tree: Tree,
        snapshot: Any,
        at: float,
        blocks: dict[str, list[Block]],
        budget: EncodingBudget,
    ) -> None:
        self.tree = tree
        self.snapshot = snapshot
        self.at = at
        self._blocks = blocks
        self._firsts = {root: [block.first for block in found] for root, found in blocks.items()}
        self._budget = budget
        self._scalars: dict[int, bytes | None] = {}
        self._places: dict[bytes, _Place] = {}
        self._together: dict[tuple[Access | bytes, ...], list[_Place]] = {}

    def get(self, name: bytes, access: Access) -> bytes | int:
        """Return the encoded varbind of this very instance, or the tag of an exception.

        The exceptions are noSuchObject and noSuchInstance (RFC 3416 section 4.2.1).

        Raises:
            BerError: the name is not an OID.
        """
        span, rest = self.tree.find(name)
        if span is None:
            ber.decode_oid(name)
            return ber.NO_SUCH_OBJECT
        key = ber.decode_sub_identifiers(rest)
        shown = access.spans[span.number]
        if shown == HIDDEN:
            return ber.NO_SUCH_OBJECT
        if shown == PARTLY and not access.allows(name):
            # Another instance of the object could be seen.
            return ber.NO_SUCH_INSTANCE
        cell: bytes | None = None
        if isinstance(span, ColumnSpan):
            if (found := self._find(span.table, key)) is not None:
                block, position = found
                cell = block.cells(span, self.at, self._budget).at_row(position)
        elif isinstance(span, ScalarSpan) and key == (0,):
            cell = self._scalar(span)
        return ber.NO_SUCH_INSTANCE if cell is None else cell

    def row(self, span: ColumnSpan, key: Key) -> Any | None:
        """Return the row that a column shows under this index, None when there is none."""
        found = self._find(span.table, key)
        return None if found is None else found[0].rows[found[1]]

    def value(self, span: Span, key: Key) -> Value | None:
        """Return what an instance holds, None when it is absent.

        This and :meth:`following` are for those who encode by themselves: nothing that they look at
        is kept.
        """
        if isinstance(span, ColumnSpan):
            found = self._find(span.table, key)
            return None if found is None else found[0].value(span.column, found[1], self.at)
        assert isinstance(span, ScalarSpan)  # noqa: S101 - there is no other
        if key != (0,):
            return None
        source = span.scalar
        return source.read() if isinstance(source, Live) else source.value(self.snapshot)

    def following(self, span: Span, key: Key) -> tuple[Key, Value] | None:
        """Return the first instance of an object after a key, which may be empty, and its value."""
        if not isinstance(span, ColumnSpan):
            value = self.value(span, (0,)) if key < (0,) else None
            return None if value is None else ((0,), value)
        place = self.place_after(span, key)
        if place is None:
            return None
        block, position, value = place
        return block.keys[position], value

    def place_after(self, span: ColumnSpan, key: Key) -> tuple[TableBlock, int, Value] | None:
        """Return the first row after a key in which a column is present, and what it holds."""
        table, column = span.table, span.column
        blocks = self._blocks[table.root.name]
        begin = bisect_right(self._firsts[table.root.name], key) - 1
        for number in range(max(begin, 0), len(blocks)):
            block = blocks[number].table(table)
            keys = block.keys
            position = bisect_right(keys, key) if key else 0
            key = ()
            if position >= len(keys):
                continue
            value = block.value(column, position, self.at)
            if value is None:
                # The encoded column knows at once where the next one is.
                cells = block.cells(span, self.at, self._budget)
                cell = cells.from_row(position)
                if cell == len(cells):
                    continue
                assert cells.positions is not None  # noqa: S101 - one is absent
                position = cells.positions[cell]
                value = block.value(column, position, self.at)
                assert value is not None  # noqa: S101 - it has a cell
            return block, position, value
        return None

    def next(self, name: bytes, access: Access) -> bytes | None:
        """Return the encoded varbind of the first instance after a name, None at the end.

        Raises:
            BerError: the name is not an OID.
        """
        found = self.walk(name, access, 1)
        return found[0] if found else None

    def walk(self, name: bytes, access: Access, count: int) -> list[bytes]:
        """Return up to ``count`` encoded varbinds after a name; fewer at the end of the view.

        Raises:
            BerError: the name is not an OID.
        """
        if (place := self._stopped(name, access, count)) is not None:
            cells, number, span, block = place
            found = self._budget.pieces(cells)[number : number + count]
            self._places[ber.name_of(found[-1])] = cells, number + count, span, block
            return found
        found = []
        for cells, number, span, block in self._after(name, access):
            stop = min(number + count - len(found), len(cells))
            found += cells.slice(number, stop)
            if len(found) == count:
                self._remember(found[-1], (cells, stop, span, block), access)
                break
        return found

    def walk_joined(
        self, name: bytes, access: Access, count: int, room: int
    ) -> tuple[bytes, int, bytes, bool]:
        """Do as :meth:`walk`, with the varbinds joined and no longer than ``room`` octets.

        Returns:
            The varbinds, how many they are, the last of them (empty if there is none), and whether
            the view has no more.

        Raises:
            BerError: the name is not an OID.
        """
        if (place := self._stopped(name, access, count)) is not None:
            cells, number, span, block = place
            start, stop = cells.offsets[number], cells.offsets[number + count]
            if stop - start <= room:
                last = cells.cell(number + count - 1)
                self._places[ber.name_of(last)] = cells, number + count, span, block
                return cells.data[start:stop], count, last, False
        parts: list[bytes] = []
        got = 0
        last = b""
        for cells, number, span, block in self._after(name, access):
            offsets = cells.offsets
            wanted = end = min(number + count - got, len(cells))
            start = offsets[number]
            if offsets[end] - start > room:
                end = bisect_right(offsets, start + room, number, end) - 1
            if end > number:
                stop = offsets[end]
                parts.append(cells.data[start:stop])
                room -= stop - start
                got += end - number
                last = cells.cell(end - 1)
                if end < wanted or got == count:
                    self._remember(last, (cells, end, span, block), access)
            if end < wanted or got == count:
                return b"".join(parts), got, last, False
        return b"".join(parts), got, last, True

    def walk_on(
        self, names: Sequence[bytes], access: Access, count: int
    ) -> list[list[bytes]] | None:
        """Go on with a walk of several columns where :meth:`stopped_together` says it stopped.

        Returns:
            ``count`` encoded varbinds after each name, or None where this is no such walk or its
            columns have to be looked for. Then each is to be walked for itself.
        """
        places = self._together.get((access, *names))
        if places is None:
            return None
        columns = []
        moved = []
        for cells, number, span, block in places:
            stop = number + count
            pieces = self._budget.pieces(cells) if cells.pieces is None else cells.pieces
            if stop > len(pieces):
                return None
            columns.append(pieces[number:stop])
            moved.append((cells, stop, span, block))
        self._remember_together(columns, moved, access)
        return columns

    def stopped_together(self, columns: Sequence[list[bytes]], access: Access) -> None:
        """Note where several walks by :meth:`walk` have stopped, to go on with them together."""
        places = [self._places.get(ber.name_of(cells[-1])) if cells else None for cells in columns]
        known = [
            place
            for place in places
            if place is not None and access.spans[place[_SPAN].number] == SHOWN
        ]
        if len(known) == len(places):
            self._remember_together(columns, known, access)

    def _remember_together(
        self, columns: Sequence[list[bytes]], places: list[_Place], access: Access
    ) -> None:
        if len(self._together) >= _MAX_PLACES:
            self._together.clear()
        self._together[access, *[ber.name_of(cells[-1]) for cells in columns]] = places

    def _scalar(self, span: ScalarSpan) -> bytes | None:
        source = span.scalar
        if isinstance(source, Live):
            value = source.read()
        elif span.number in self._scalars:
            return self._scalars[span.number]
        else:
            value = source.value(self.snapshot)
        cell = None
        if value is not None:
            cell, _ = ber.encode_varbinds(span.prefix, (b"\x00",), span.type.tag, (value,))
        if not isinstance(source, Live):
            self._scalars[span.number] = cell
        return cell

    def _find(self, table: Table, key: Key) -> tuple[TableBlock, int] | None:
        """Return the block that has a row under this very index, and where in it."""
        blocks = self._blocks[table.root.name]
        if not blocks:
            return None
        # What is before the first block's lower bound would be in the first block.
        number = bisect_right(self._firsts[table.root.name], key) - 1
        block = blocks[max(number, 0)].table(table)
        keys = block.keys
        position = bisect_left(keys, key)
        if position < len(keys) and keys[position] == key:
            return block, position
        return None

    # What follows a name --------------------------------------------------------------------------

    def _stopped(self, name: bytes, access: Access, count: int) -> _Place | None:
        """Return where a walk stopped, if the cells it wants next are in one run."""
        place = self._places.get(name)
        if place is None:
            return None
        cells, number, span, _ = place
        if number + count > len(cells) or access.spans[span.number] != SHOWN:
            return None
        return place

    def _after(self, name: bytes, access: Access) -> Iterator[_Place]:
        """Give what follows a name: runs of encoded cells, and the cell of each to start at."""
        place = self._places.get(name)
        span: Span | None
        if place is not None and access.spans[place[_SPAN].number] == SHOWN:
            # A walk goes on where it stopped.
            cells, number, span, block = place
            if number < len(cells):
                yield place
            yield from self._column(span, block + 1, ())
            number = span.number + 1
        else:
            span, rest = self.tree.find(name)
            if span is None:
                number = self.tree.after(name)
            else:
                key = ber.decode_sub_identifiers(rest)
                if access.spans[span.number]:
                    yield from self._span(span, key, access)
                number = span.number + 1
        spans, shown = self.tree.spans, access.spans
        for number in range(number, len(spans)):  # noqa: B020 - from there to the end
            if shown[number]:
                yield from self._span(spans[number], (), access)

    def _span(self, span: Span, key: Key, access: Access) -> Iterator[_Place]:
        if isinstance(span, ColumnSpan):
            begin = bisect_right(self._firsts[span.table.root.name], key) - 1
            runs = self._column(span, max(begin, 0), key)
            if access.spans[span.number] == PARTLY:
                runs = _allowed(runs, access)
            yield from runs
        elif isinstance(span, ScalarSpan) and key < (0,) and (cell := self._scalar(span)):
            place = Cells.of_one(cell), 0, span, 0
            shown = access.spans[span.number] == SHOWN
            yield from (place,) if shown else _allowed((place,), access)

    def _column(self, span: Span, begin: int, key: Key) -> Iterator[_Place]:
        """Give a column from a block on, and in that from after a key on."""
        if not isinstance(span, ColumnSpan):
            return
        table = span.table
        blocks = self._blocks[table.root.name]
        for number in range(begin, len(blocks)):
            block = blocks[number].table(table)
            position = bisect_right(block.keys, key) if key else 0
            key = ()
            if position >= len(block.keys):
                continue
            cells = block.cells(span, self.at, self._budget)
            first = cells.from_row(position)
            if first < len(cells):
                yield cells, first, span, number

    def _remember(self, last: bytes, place: _Place, access: Access) -> None:
        """Note where the cell before a place is, if what follows it there follows for everybody."""
        span = place[_SPAN]
        if isinstance(span, ColumnSpan) and access.spans[span.number] == SHOWN:
            if len(self._places) >= _MAX_PLACES:
                self._places.clear()
            self._places[ber.name_of(last)] = place


def _allowed(places: Iterable[_Place], access: Access) -> Iterator[_Place]:
    """Leave out the cells that may not be seen."""
    for cells, first, span, block in places:
        for cell in cells.slice(first, len(cells)):
            if access.allows(ber.name_of(cell)):
                yield Cells.of_one(cell), 0, span, block


class ViewBuilder:
    """Makes one View after the other, each with what is still right of the one before."""

    def __init__(self, tree: Tree, *, cache_octets: int = 64 << 20) -> None:
        """``cache_octets`` bounds the encoded columns that all views together keep."""
        self._tree = tree
        self._budget = EncodingBudget(cache_octets)
        self._rows: dict[str, Sequence[Any]] = {root.name: () for root in tree.roots}
        self._blocks: dict[str, list[Block]] = {root.name: [] for root in tree.roots}
        self._orders: dict[str, tuple[dict[int, Key], list[int]]] = {
            root.name: ({}, []) for root in tree.roots
        }

    def build(self, snapshot: Any, at: float) -> View:
        """Make the View of a snapshot, at this time of the same clock."""
        for root in self._tree.roots:
            found = root.rows(snapshot)
            if found is self._rows[root.name]:
                continue
            self._rows[root.name] = found
            rows = self._in_order(root, found)
            self._blocks[root.name] = partition(root, rows, self._blocks[root.name])
        return View(self._tree, snapshot, at, dict(self._blocks), self._budget)

    def _in_order(self, root: Root, rows: Sequence[Any]) -> Sequence[Any]:
        if root.identity is None:
            return rows
        # From one view to the next few come and go, so the old order is kept and not made anew.
        by_identity = {root.identity(row): row for row in rows}
        keys, order = self._orders[root.name]
        gone = keys.keys() - by_identity.keys()
        if gone:
            order[:] = [identity for identity in order if identity in by_identity]
            for identity in gone:
                del keys[identity]
        new = by_identity.keys() - keys.keys()
        keys.update((identity, root.key(by_identity[identity])) for identity in new)
        if len(new) > _FEW:
            order[:] = sorted(keys, key=keys.__getitem__)
        else:
            for identity in new:
                insort(order, identity, key=keys.__getitem__)
        return [by_identity[identity] for identity in order]
