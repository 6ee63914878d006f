"""The tree of all bound objects, checked against the compiled MIBs. Made once, at start."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mibs import ber
from mibs.errors import MibError
from mibs.smi import ObjectType, Oid, Smi
from mibs.table import Binding, Column, Key, Live, Root, Scalar, Table

__all__ = ["BindingError", "ColumnSpan", "ScalarSpan", "Span", "Tree"]

_WRITABLE = ("read-write", "read-create")


class BindingError(MibError):
    """A binding and its compiled MIB do not agree; the message names every object concerned."""


@dataclass(frozen=True, slots=True, eq=False)
class Span:
    """One object of the tree with all its instances: a run of neighbours in a walk."""

    number: int
    """Position among all spans, which are in order of OID."""
    type: ObjectType
    prefix: bytes
    """The encoded OID of the object, as it begins the name of each instance."""


@dataclass(frozen=True, slots=True, eq=False)
class ScalarSpan(Span):
    """A scalar: no instance or one."""

    scalar: Scalar | Live


@dataclass(frozen=True, slots=True, eq=False)
class ColumnSpan(Span):
    """A column: as many instances as its table has rows, or fewer."""

    column: Column
    table: Table


class Tree:
    """All spans in order, and where an encoded name falls among them."""

    def __init__(self, smi: Smi, bindings: Sequence[Binding]) -> None:
        """Check and join the bindings.

        Raises:
            BindingError: an accessible object is neither bound nor listed as unsupported, a name
                is bound twice, is unknown, is of the wrong kind, or can be set against its
                MAX-ACCESS, or two roots have one name.
        """
        self.bindings = tuple(bindings)
        found: list[tuple[ObjectType, Scalar | Live | Column, Table | None]] = []
        faults: list[str] = []
        seen: set[str] = set()
        for binding in bindings:
            bound = list(_bound(smi, binding, seen, faults))
            found += bound
            faults += _forgotten(smi, binding, {type_.name for type_, _, _ in bound})
        roots: dict[str, Root] = {}
        for table in (table for binding in bindings for table in binding.tables):
            if roots.setdefault(table.root.name, table.root) is not table.root:
                faults.append(f"{table.name} has a root of its own named {table.root.name!r} too")
        if faults:
            raise BindingError("; ".join(faults))
        self.roots = tuple(roots.values())
        found.sort(key=lambda item: item[0].oid)
        self.spans = tuple(_span(number, *item) for number, item in enumerate(found))
        self._oids = [span.type.oid for span in self.spans]
        self._by_prefix = {span.prefix: span for span in self.spans}
        self._by_oid = {span.type.oid: span for span in self.spans}
        oid_lengths = Counter(len(span.type.oid) for span in self.spans)
        self._oid_lengths = tuple(length for length, _ in oid_lengths.most_common())
        # No prefix is the beginning of another: the usual length may come first.
        lengths = Counter(len(span.prefix) for span in self.spans)
        self._lengths = tuple(length for length, _ in lengths.most_common())

    def find(self, name: bytes) -> tuple[Span | None, bytes]:
        """Return the span that an encoded name is in, and the encoded rest of the name."""
        by_prefix = self._by_prefix
        for length in self._lengths:
            if (span := by_prefix.get(name[:length])) is not None:
                return span, name[length:]
        return None, b""

    def find_plain(self, name: Oid) -> tuple[Span | None, Key]:
        """Do as :meth:`find`, with a name that is not encoded."""
        by_oid = self._by_oid
        for length in self._oid_lengths:
            if (span := by_oid.get(name[:length])) is not None:
                return span, name[length:]
        return None, ()

    def after_plain(self, name: Oid) -> int:
        """Do as :meth:`after`, with a name that is not encoded."""
        return bisect_left(self._oids, name)

    def after(self, name: bytes) -> int:
        """Return the number of the first span beyond an encoded name that is in no span.

        Raises:
            BerError: the name is not an OID.
        """
        return bisect_left(self._oids, ber.decode_oid(name))


def _span(
    number: int, type_: ObjectType, source: Scalar | Live | Column, table: Table | None
) -> Span:
    prefix = ber.encode_oid(type_.oid)
    if isinstance(source, Column) and table is not None:
        return ColumnSpan(number, type_, prefix, source, table)
    assert not isinstance(source, Column)  # noqa: S101 - _bound pairs columns with tables
    return ScalarSpan(number, type_, prefix, source)


def _bound(
    smi: Smi, binding: Binding, seen: set[str], faults: list[str]
) -> Iterator[tuple[ObjectType, Scalar | Live | Column, Table | None]]:
    sources: Iterable[tuple[Scalar | Live | Column, Table | None, str]] = [
        *((scalar, None, "scalar") for scalar in binding.scalars),
        *((column, table, "column") for table in binding.tables for column in table.columns),
    ]
    for source, table, kind in sources:
        try:
            type_ = smi.object(source.name)
        except MibError:
            faults.append(f"{binding.module} has no object {source.name}")
            continue
        if type_.module != binding.module or type_.kind != kind:
            faults.append(f"{source.name} is bound as a {kind} of {binding.module}")
        elif not type_.access.startswith("read-"):
            faults.append(f"{source.name} is bound, but {type_.access}")
        elif source.write is not None and type_.access not in _WRITABLE:
            faults.append(f"{source.name} can be set, but is {type_.access}")
        elif table is not None and not _has_column(smi, table, type_):
            faults.append(f"{source.name} is bound as a column of {table.name}")
        elif source.name in seen:
            faults.append(f"{source.name} is bound twice")
        seen.add(source.name)
        yield type_, source, table


def _has_column(smi: Smi, table: Table, type_: ObjectType) -> bool:
    try:
        return type_ in smi.columns(table.name)
    except MibError:
        return False


def _forgotten(smi: Smi, binding: Binding, bound: set[str]) -> Iterator[str]:
    left_out = []
    for name in binding.unsupported:
        try:
            left_out.append(smi.object(name).oid)
        except MibError:
            yield f"{binding.module} has no object {name}, which is listed as unsupported"
    for type_ in smi.objects(binding.module):
        if type_.kind not in ("scalar", "column") or not type_.access.startswith("read-"):
            continue
        unsupported = any(type_.oid[: len(oid)] == oid for oid in left_out)
        if type_.name in bound and unsupported:
            yield f"{type_.name} is bound and listed as unsupported"
        elif type_.name not in bound and not unsupported:
            yield f"{type_.name} is neither bound nor listed as unsupported"
