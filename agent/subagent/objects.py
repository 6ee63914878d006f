"""The objects of a View as AgentX wants them: names and values that are not encoded in BER."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from agent.agentx.errors import AgentXError
from agent.agentx.values import (
    BIG,
    END_OF_MIB_VIEW,
    NO_SUCH_INSTANCE,
    NO_SUCH_OBJECT,
    Oid,
    SearchRange,
    VarBind,
    decode_oid,
    encode_name_head,
    encode_oid,
    encode_value,
)
from mibs import ber
from mibs.block import TableBlock
from mibs.table import Key, Value
from mibs.tree import ColumnSpan, ScalarSpan, Span, Tree
from mibs.view import View

__all__ = ["ObjectReader", "ServedObjects", "plain_varbind"]

_WRAP = {ber.COUNTER32: 1 << 32, ber.TIME_TICKS: 1 << 32, ber.COUNTER64: 1 << 64}
_MAX_PLACES = 4096
"""Walks that are remembered."""


class ServedObjects:
    """The objects of some modules in a tree: what is served of it, and where.

    The modules are neighbours in the tree, with no other one between them.
    """

    def __init__(self, tree: Tree, modules: Collection[str]) -> None:
        self.tree = tree
        self.spans = tuple(span for span in tree.spans if span.type.module in modules)
        self.numbers = frozenset(span.number for span in self.spans)

    def regions(self) -> tuple[Oid, ...]:
        """Return every table, and every group of scalars, in order."""
        return tuple(sorted({_region(span) for span in self.spans}))

    def after(self, number: int) -> Sequence[Span]:
        """Return the objects from this number of a span on."""
        spans = self.spans
        # They are neighbours in the tree.
        return spans[max(number - spans[0].number, 0) :]


def _region(span: Span) -> Oid:
    # A column is below the row of its table (RFC 2578 section 7.10).
    return span.type.oid[: -1 if isinstance(span, ScalarSpan) else -2]


class _Run:
    """A column in one block of rows, encoded when a walk goes through it."""

    __slots__ = ("_block", "_cells", "_span", "end", "key_length", "name_end")

    def __init__(self, span: ColumnSpan, block: TableBlock, key_length: int) -> None:
        self._span = span
        self._block = block
        self._cells: list[bytes | None] | None = None
        self.key_length = key_length
        self.name_end = 0
        self.end = b""
        """An end of a range, encoded, that is beyond the column."""

    def cells(self, at: float) -> list[bytes | None]:
        """Return a binding for each row: None where it is absent, empty where it is at fault."""
        cells = self._cells
        if cells is None:
            cells = self._cells = self._encoded(at)
        return cells

    def is_beyond(self, encoded: bytes) -> bool:
        """Tell whether an encoded end of a range is beyond the column; if so, remember it."""
        end, _, _ = decode_oid(encoded, 0, len(encoded), BIG)
        oid = self._span.type.oid
        if end and end[: len(oid)] <= oid:
            return False
        self.end = encoded
        return True

    def _encoded(self, at: float) -> list[bytes | None]:
        span, length = self._span, self.key_length
        tag = span.type.tag
        head = encode_name_head(tag, span.type.oid, length, BIG)
        self.name_end = len(head) + 4 * length
        pack = BIG.numbers[length].pack
        cells: list[bytes | None] = []
        values = span.column.values(list(map(span.column.first, self._block.rows)), at)
        for key, value in zip(self._block.keys, values, strict=True):
            if value is None:
                cells.append(None)
            elif len(key) != length:
                cells.append(b"")
            else:
                try:
                    content = encode_value(tag, _wrapped(tag, value), BIG)
                    cells.append(head + pack(*key) + content)
                except AgentXError:
                    cells.append(b"")
        return cells


class ObjectReader:
    """Gives the instances of one View (RFC 2741 section 7.2.3)."""

    def __init__(self, objects: ServedObjects, view: View) -> None:
        self.view = view
        self._objects = objects
        self._places: dict[bytes, tuple[_Run, int]] = {}
        """After which name, encoded, comes which row of a run."""
        self._runs: dict[tuple[int, int], _Run] = {}

    def get(self, name: Oid) -> VarBind:
        """Return this very instance, or why there is none."""
        span, key = self._objects.tree.find_plain(name)
        if span is None or span.number not in self._objects.numbers:
            return VarBind(name, NO_SUCH_OBJECT)
        value = self.view.value(span, key)
        if value is None:
            return VarBind(name, NO_SUCH_INSTANCE)
        return _varbind(span, key, value)

    def next(self, wanted: SearchRange) -> VarBind:
        """Return the first instance of a range, or endOfMibView."""
        start, include, end = wanted
        objects = self._objects
        span, key = objects.tree.find_plain(start)
        if span is None:
            number = objects.tree.after_plain(start)
        else:
            number = span.number + 1
            if span.number in objects.numbers:
                if include and (value := self.view.value(span, key)) is not None:
                    return _within(_varbind(span, key, value), wanted)
                if (found := self._following(span, key)) is not None:
                    return _within(found, wanted)
        for later in objects.after(number):
            if end and later.type.oid >= end:
                break
            if (found := self._following(later, ())) is not None:
                return _within(found, wanted)
        return VarBind(start, END_OF_MIB_VIEW)

    def follow(self, start: bytes, end: bytes) -> bytes | None:
        """Go on with a walk, inside a block of rows."""
        place = self._places.get(start)
        if place is None:
            return None
        run, position = place
        if end != run.end and not run.is_beyond(end):
            return None
        cells = run.cells(self.view.at)
        try:
            while (cell := cells[position]) is None:
                position += 1
        except IndexError:
            # The next block begins.
            return None
        if cell:
            self._note(cell[4 : run.name_end], run, position + 1)
        return cell or None

    def _following(self, span: Span, key: Key) -> VarBind | None:
        """Return the first instance of an object after a key; note where it is."""
        if not isinstance(span, ColumnSpan):
            found = self.view.following(span, key)
            return None if found is None else _varbind(span, *found)
        place = self.view.place_after(span, key)
        if place is None:
            return None
        block, position, value = place
        varbind = _varbind(span, block.keys[position], value)
        length = len(varbind.name) - len(span.type.oid)
        run = self._runs.get((span.number, id(block)))
        if run is None or run.key_length != length:
            run = self._runs[span.number, id(block)] = _Run(span, block, length)
        self._note(encode_oid(varbind.name, BIG), run, position + 1)
        return varbind

    def _note(self, name: bytes, run: _Run, position: int) -> None:
        if len(self._places) >= _MAX_PLACES:
            self._places.clear()
        self._places[name] = run, position


def plain_varbind(encoded: bytes) -> VarBind:
    """Decode a variable binding of our own.

    Raises:
        BerError: it is none.
    """
    _, start, end = ber.read_header(encoded, 0, len(encoded))
    _, name, name_end = ber.read_header(encoded, start, end)
    tag, content, stop = ber.read_header(encoded, name_end, end)
    octets = encoded[content:stop]
    value: Value
    if tag == ber.OBJECT_IDENTIFIER:
        value = ber.decode_oid(octets)
    elif tag == ber.INTEGER or tag in _WRAP or tag == ber.GAUGE32:
        value = int.from_bytes(octets, "big", signed=True)
    else:
        value = octets
    return VarBind(ber.decode_oid(encoded[name:name_end]), tag, value)


def _within(found: VarBind, wanted: SearchRange) -> VarBind:
    if wanted.end and found.name >= wanted.end:
        return VarBind(wanted.start, END_OF_MIB_VIEW)
    return found


def _varbind(span: Span, key: Key, value: Value) -> VarBind:
    # The types of AgentX have the numbers of BER's tags.
    tag = span.type.tag
    return VarBind(span.type.oid + key, tag, _wrapped(tag, value))


def _wrapped(tag: int, value: Value) -> Value:
    """Return a counter modulo its size."""
    wrap = _WRAP.get(tag)
    return value % wrap if wrap and isinstance(value, int) else value
