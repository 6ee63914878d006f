"""The View: every object at one moment, for everybody who reads.

A View is made of a snapshot and never changes; a request is answered from one. Making one is cheap,
since rows are only put into blocks; columns are encoded when somebody asks (see ``block``). Names
come and go as the content of a BER OID, and varbinds are given out encoded. A View is good until
its builder makes the next one, which takes over what was encoded.

Which spans a reader may see, it says with a mask: one octet for each span, 0 where it may not
(see :attr:`Tree.spans`). What is not visible is not there, also for GETNEXT (RFC 3415 section 3).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Sequence
from typing import Any

from mibs import ber
from mibs.block import Block, Cells, EncodingBudget, TableBlock, partition
from mibs.table import Key, Live, Root, Table
from mibs.tree import ColumnSpan, ScalarSpan, Span, Tree

__all__ = ["Mask", "View", "ViewBuilder"]

Mask = bytes

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
        self._budget = budget
        self._scalars: dict[int, bytes | None] = {}

    def get(self, name: bytes, mask: Mask) -> bytes | int:
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
        if not mask[span.number]:
            return ber.NO_SUCH_OBJECT
        cell: bytes | None = None
        if isinstance(span, ScalarSpan):
            if key == (0,):
                cell = self._scalar(span)
        elif isinstance(span, ColumnSpan) and (block := self._block(span.table, key)) is not None:
            keys = block.keys
            position = bisect_left(keys, key)
            if position < len(keys) and keys[position] == key:
                cell = block.cells(span, self.at, self._budget).at_row(position)
        return ber.NO_SUCH_INSTANCE if cell is None else cell

    def next(self, name: bytes, mask: Mask) -> bytes | None:
        """Return the encoded varbind of the first instance after a name, None at the end.

        Raises:
            BerError: the name is not an OID.
        """
        for cells, number in self._runs(name, mask):
            return cells if isinstance(cells, bytes) else cells.cell(number)
        return None

    def walk(self, name: bytes, mask: Mask, count: int) -> list[bytes]:
        """Return up to ``count`` encoded varbinds after a name; fewer at the end of the view.

        Raises:
            BerError: the name is not an OID.
        """
        found: list[bytes] = []
        for cells, number in self._runs(name, mask):
            if isinstance(cells, bytes):
                found.append(cells)
            else:
                stop = min(number + count - len(found), len(cells))
                found += [cells.cell(n) for n in range(number, stop)]
            if len(found) >= count:
                break
        return found

    def walk_joined(
        self, name: bytes, mask: Mask, count: int, room: int
    ) -> tuple[bytes, int, bytes, bool]:
        """Do as :meth:`walk`, with the varbinds joined and no longer than ``room`` octets.

        Returns:
            The varbinds, how many they are, the last of them (empty if there is none), and whether
            the view has no more.

        Raises:
            BerError: the name is not an OID.
        """
        parts: list[bytes] = []
        got = 0
        last = b""
        for cells, number in self._runs(name, mask):
            if isinstance(cells, bytes):
                if len(cells) > room:
                    return b"".join(parts), got, last, False
                parts.append(cells)
                room -= len(cells)
                got += 1
                last = cells
            else:
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
                if end < wanted:
                    return b"".join(parts), got, last, False
            if got >= count:
                return b"".join(parts), got, last, False
        return b"".join(parts), got, last, True

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

    def _block(self, table: Table, key: Key) -> TableBlock | None:
        blocks = self._blocks[table.root.name]
        if not blocks:
            return None
        # What is before the first block's lower bound would be in the first block.
        return blocks[max(bisect_right(blocks, key, key=_first) - 1, 0)].table(table)

    def _runs(self, name: bytes, mask: Mask) -> Iterator[tuple[Cells | bytes, int]]:
        """Give what follows a name: a scalar, or a column of a block and the cell to start at."""
        span, rest = self.tree.find(name)
        if span is None:
            number = self.tree.after(name)
        else:
            key = ber.decode_sub_identifiers(rest)
            if mask[span.number]:
                yield from self._span(span, key)
            number = span.number + 1
        for following in self.tree.spans[number:]:
            if mask[following.number]:
                yield from self._span(following, ())

    def _span(self, span: Span, key: Key) -> Iterator[tuple[Cells | bytes, int]]:
        if isinstance(span, ColumnSpan):
            yield from self._column(span, key)
        elif isinstance(span, ScalarSpan) and key < (0,) and (cell := self._scalar(span)):
            yield cell, 0

    def _column(self, span: ColumnSpan, key: Key) -> Iterator[tuple[Cells, int]]:
        table = span.table
        blocks = self._blocks[table.root.name]
        begin = max(bisect_right(blocks, key, key=_first) - 1, 0)
        for number in range(begin, len(blocks)):
            block = blocks[number].table(table)
            position = bisect_right(block.keys, key) if number == begin and key else 0
            if position >= len(block.keys):
                continue
            cells = block.cells(span, self.at, self._budget)
            first = cells.from_row(position)
            if first < len(cells):
                yield cells, first


def _first(block: Block) -> Key:
    return block.first


class ViewBuilder:
    """Makes one View after the other, each with what is still right of the one before."""

    def __init__(self, tree: Tree, *, cache_octets: int = 64 << 20) -> None:
        """``cache_octets`` bounds the encoded columns that all views together keep."""
        self._tree = tree
        self._budget = EncodingBudget(cache_octets)
        self._blocks: dict[str, list[Block]] = {root.name: [] for root in tree.roots}
        self._orders: dict[str, tuple[dict[int, Key], list[int]]] = {
            root.name: ({}, []) for root in tree.roots
        }

    def build(self, snapshot: Any, at: float) -> View:
        """Make the View of a snapshot, at this time of the same clock."""
        for root in self._tree.roots:
            rows = self._in_order(root, root.rows(snapshot))
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
