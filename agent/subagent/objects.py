"""The objects of a View as AgentX wants them: names and values that are not encoded in BER."""

from __future__ import annotations

from collections.abc import Sequence

from agent.agentx.values import (
    END_OF_MIB_VIEW,
    NO_SUCH_INSTANCE,
    NO_SUCH_OBJECT,
    Oid,
    SearchRange,
    VarBind,
)
from mibs import ber
from mibs.table import Key, Value
from mibs.tree import ScalarSpan, Span, Tree
from mibs.view import View

__all__ = ["ObjectReader", "ServedObjects", "plain_varbind"]

_WRAP = {ber.COUNTER32: 1 << 32, ber.TIME_TICKS: 1 << 32, ber.COUNTER64: 1 << 64}


class ServedObjects:
    """The objects of one module in a tree: what is served of it, and where."""

    def __init__(self, tree: Tree, module: str) -> None:
        self.tree = tree
        self.spans = tuple(span for span in tree.spans if span.type.module == module)
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


class ObjectReader:
    """Gives the instances of one View (RFC 2741 section 7.2.3)."""

    __slots__ = ("_objects", "_view")

    def __init__(self, objects: ServedObjects, view: View) -> None:
        self._objects = objects
        self._view = view

    def get(self, name: Oid) -> VarBind:
        """Return this very instance, or why there is none."""
        span, key = self._objects.tree.find_plain(name)
        if span is None or span.number not in self._objects.numbers:
            return VarBind(name, NO_SUCH_OBJECT)
        value = self._view.value(span, key)
        if value is None:
            return VarBind(name, NO_SUCH_INSTANCE)
        return _varbind(span, key, value)

    def next(self, wanted: SearchRange) -> VarBind:
        """Return the first instance of a range, or endOfMibView."""
        start, include, end = wanted
        objects, view = self._objects, self._view
        span, key = objects.tree.find_plain(start)
        if span is None:
            number = objects.tree.after_plain(start)
        else:
            number = span.number + 1
            if span.number in objects.numbers:
                if include and (value := view.value(span, key)) is not None:
                    return _within(_varbind(span, key, value), wanted)
                found = view.following(span, key)
                if found is not None:
                    return _within(_varbind(span, *found), wanted)
        for later in objects.after(number):
            if end and later.type.oid >= end:
                break
            found = view.following(later, ())
            if found is not None:
                return _within(_varbind(later, *found), wanted)
        return VarBind(start, END_OF_MIB_VIEW)


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
    type_ = span.type
    # The types of AgentX have the numbers of BER's tags. A counter is given modulo its size.
    wrap = _WRAP.get(type_.tag)
    if wrap and isinstance(value, int):
        value %= wrap
    return VarBind(type_.oid + key, type_.tag, value)
