"""Rows in blocks, and their columns encoded on first use.

A block is a run of some hundred rows of a root. It stays the same object from one view to the next
while its rows do, so everything encoded for it stays too. When a row changes, its block is made
anew, but takes over what is still right: the encoded names while the indexes are the same, and each
encoded column while the attribute that it shows is equal in every row.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from operator import is_
from typing import Any
from weakref import WeakSet

from mibs import ber
from mibs.table import Age, Column, Key, Root, Table, Value
from mibs.tree import ColumnSpan

__all__ = ["Block", "Cells", "EncodingBudget", "TableBlock", "partition"]

_SMALLEST, _USUAL, _LARGEST = 128, 256, 512
_MOST_PIECES = 200_000


class EncodingBudget:
    """Bounds the memory of encoded columns: when it is used up, all of them are forgotten.

    What is needed is then encoded again, which takes less than a microsecond a cell; a table that
    fits is encoded once and kept.
    """

    def __init__(self, octets: int) -> None:
        self._octets = octets
        self._used = 0
        self._kept: WeakSet[_Columns] = WeakSet()
        self._cut: list[Cells] = []
        self._cut_cells = 0

    def spend(self, columns: _Columns, octets: int) -> None:
        """Count what is about to be kept, less what it replaces."""
        self._used += octets
        if self._used > self._octets:
            for kept in self._kept:
                kept.cells.clear()
            self._kept.clear()
            self._used = max(octets, 0)
        self._kept.add(columns)

    def pieces(self, cells: Cells) -> list[bytes]:
        """Return the varbinds of a run one by one, cut now if they were not yet.

        Only requests for several columns at once need them so, and each takes more memory than it
        has octets: of those too some are kept.
        """
        if cells.pieces is None:
            self._cut_cells += len(cells)
            if self._cut_cells > _MOST_PIECES:
                for cut in self._cut:
                    cut.pieces = None
                self._cut = []
                self._cut_cells = len(cells)
            self._cut.append(cells)
            cells.pieces = cells.slice(0, len(cells))
        return cells.pieces


class Cells:
    """One column of one block, encoded: present cells only, joined."""

    __slots__ = ("data", "offsets", "pieces", "positions", "source")

    def __init__(
        self,
        source: object,
        positions: Sequence[int] | None,
        data: bytes,
        offsets: array[int],
    ) -> None:
        self.source = source
        """What the column was encoded of."""
        self.positions = positions
        """Of the rows that have a cell, when not all have."""
        self.data = data
        self.offsets = offsets
        self.pieces: list[bytes] | None = None
        """See :meth:`EncodingBudget.pieces`."""

    @property
    def octets(self) -> int:
        """How much memory it takes, more or less."""
        return len(self.data) + self.offsets.itemsize * len(self.offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def cell(self, number: int) -> bytes:
        """Return one encoded varbind."""
        return self.data[self.offsets[number] : self.offsets[number + 1]]

    @classmethod
    def of_one(cls, cell: bytes) -> Cells:
        """Return a run of one cell that stands alone."""
        return cls(None, None, cell, array("I", (0, len(cell))))

    def slice(self, start: int, stop: int) -> list[bytes]:
        """Return encoded varbinds from one on, up to another."""
        data, offsets = self.data, self.offsets
        return [
            data[a:b]
            for a, b in zip(offsets[start:stop], offsets[start + 1 : stop + 1], strict=True)
        ]

    def from_row(self, position: int) -> int:
        """Return the number of the first cell at or after a row."""
        return position if self.positions is None else bisect_left(self.positions, position)

    def at_row(self, position: int) -> bytes | None:
        """Return the cell of a row, None when it is absent."""
        number = self.from_row(position)
        if self.positions is None or (
            number < len(self.positions) and self.positions[number] == position
        ):
            return self.cell(number)
        return None


class _Columns:
    """The encoded columns of a block of a table, by the number of their span."""

    __slots__ = ("__weakref__", "cells")

    def __init__(self) -> None:
        self.cells: dict[int, Cells] = {}


class TableBlock:
    """The rows that one table has of a block."""

    __slots__ = ("_columns", "_sources", "keys", "names", "rows")

    def __init__(self, keys: list[Key], rows: Sequence[Any], old: TableBlock | None) -> None:
        self.rows = rows
        self._sources: dict[str, list[Any]] = {}
        if old is not None and old.keys == keys:
            self.keys: list[Key] = old.keys
            self.names: list[bytes] = old.names
            self._columns: _Columns = old._columns  # noqa: SLF001 - one's successor
        else:
            self.keys = keys
            self.names = [ber.encode_sub_identifiers(key) for key in keys]
            self._columns = _Columns()

    def retire(self) -> TableBlock:
        """Let go of the rows; what is encoded stays, for the successor to look at."""
        self.rows = ()
        self._sources = {}
        return self

    def value(self, column: Column, position: int, at: float) -> Value | None:
        """Return what a column holds in a row, None when it is absent."""
        return column.values((column.first(self.rows[position]),), at)[0]

    def cells(self, span: ColumnSpan, at: float, budget: EncodingBudget) -> Cells:
        """Return a column of this block, encoded now if it was not yet."""
        column = span.column
        attributes = self._sources.get(column.part)
        if attributes is None:
            attributes = self._sources[column.part] = list(map(column.first, self.rows))
        source: object = (at, attributes) if isinstance(column, Age) else attributes
        known = self._columns.cells.get(span.number)
        if known is not None:
            if known.source is source:
                return known
            if known.source == source:
                known.source = source
                return known
        values = column.values(attributes, at)
        positions: list[int] | None = None
        names = self.names
        if None in values:
            positions = [n for n, value in enumerate(values) if value is not None]
            names = [names[n] for n in positions]
        present = [value for value in values if value is not None]
        data, offsets = ber.encode_varbinds(span.prefix, names, span.type.tag, present)
        cells = Cells(source, positions, data, offsets)
        budget.spend(self._columns, cells.octets - (0 if known is None else known.octets))
        self._columns.cells[span.number] = cells
        return cells


class Block:
    """A run of rows of a root, and what its tables have of them."""

    __slots__ = ("_old_tables", "_tables", "first", "rows")

    def __init__(self, rows: Sequence[Any], first: Key, old: Block | None) -> None:
        self.rows = rows
        self.first = first
        """Its lower bound: every row here is at or after this key, every earlier one before it."""
        self._tables: dict[str, TableBlock] = {}
        self._old_tables: dict[str, TableBlock] = {}
        if old is not None:
            self._old_tables = old.retire()

    def retire(self) -> dict[str, TableBlock]:
        """Let go of the rows; return what was encoded of them, by table."""
        self.rows = ()
        return {**self._old_tables, **{n: table.retire() for n, table in self._tables.items()}}

    def table(self, table: Table) -> TableBlock:
        """Return the rows of a table."""
        known = self._tables.get(table.name)
        if known is not None:
            return known
        key = table.root.key
        rows: Sequence[Any]
        if table.expand is None:
            keys, rows = [key(row) for row in self.rows], self.rows
        else:
            expanded = [
                (key(row) + rest, part) for row in self.rows for rest, part in table.expand(row)
            ]
            keys, rows = [k for k, _ in expanded], [part for _, part in expanded]
        made = TableBlock(keys, rows, self._old_tables.pop(table.name, None))
        self._tables[table.name] = made
        return made


def partition(root: Root, rows: Sequence[Any], old: Sequence[Block]) -> list[Block]:
    """Cut rows, which are in order of their key, into blocks at the places of the old ones.

    A block whose rows are the very same objects is taken over as it is. Small neighbours are joined
    and large blocks cut, so that a block has 128 to 512 rows, if there are so many.
    """
    key = root.key
    starts = [0, *(bisect_left(rows, block.first, key=key) for block in old[1:])]
    runs: list[tuple[int, int, Block | None]] = []
    for block, start, stop in zip(old or (None,), starts, [*starts[1:], len(rows)], strict=True):
        size = stop - start
        last = runs[-1][1] - runs[-1][0] if runs else _LARGEST
        if min(size, last) < _SMALLEST and size + last <= _USUAL:
            runs[-1] = (runs[-1][0], stop, runs[-1][2])
        elif size > _LARGEST:
            runs.append((start, start + _USUAL, block))
            runs += ((n, min(n + _USUAL, stop), None) for n in range(start + _USUAL, stop, _USUAL))
        elif size:
            runs.append((start, stop, block))
    blocks = []
    for start, stop, before in runs:
        run = rows[start:stop]
        if before is not None and len(before.rows) == len(run) and all(map(is_, before.rows, run)):
            blocks.append(before)
            continue
        first: Key = ()
        if blocks:
            first = key(run[0]) if before is None else before.first
        blocks.append(Block(run, first, before))
    return blocks
