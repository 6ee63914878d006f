"""How a MIB is bound to the model: literal declarations, one line for every object.

A binding module lists, for each scalar and each column of its MIB, the path of the attribute that
the object shows and, where the MIB wants another form, the function that makes it. Nothing else
about the object is said there: OID, type, index and access come from the compiled MIB.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from mibs.forms import time_interval
from mibs.setting import ColumnSetting, ScalarSetting

__all__ = ["Age", "Binding", "Column", "Key", "Live", "Root", "Scalar", "Table", "Value"]

Value = int | bytes | tuple[int, ...]
"""What an object can hold: any INTEGER, an OCTET STRING, an OBJECT IDENTIFIER."""

Key = tuple[int, ...]
"""An index, as the sub-identifiers that follow the column's OID."""


def _identity(value: Any) -> Any:
    return value


@dataclass(frozen=True, slots=True)
class Scalar:
    """An object with the one instance ``.0``, read from the snapshot."""

    name: str
    path: str
    form: Callable[[Any], Value | None] = _identity
    write: ScalarSetting | None = None
    """What a SET does; None where it is refused."""
    missing: Value | None = None
    """What is shown where the path ends at None; None where the object is absent then."""

    def value(self, snapshot: Any) -> Value | None:
        """Return what the object holds in this snapshot, None when it is absent."""
        value = attrgetter(self.path)(snapshot)
        return self.missing if value is None else self.form(value)


@dataclass(frozen=True, slots=True)
class Live:
    """A scalar that is read anew for every request: a counter of the agent's own, the up time."""

    name: str
    read: Callable[[], Value | None]
    write: ScalarSetting | None = None
    """What a SET does; None where it is refused."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column, read from the rows of its table.

    ``path`` is one attribute of the row, or more, joined by dots. The first one is what a change of
    the row is told by: the encoded column is kept while that attribute is equal. Where the form
    needs several attributes of the row, they are joined by ``", "``, and it is given a tuple.
    """

    name: str
    path: str
    form: Callable[[Any], Value | None] = _identity
    write: ColumnSetting | None = None
    """What a SET does to a row that is there; None where it is refused."""
    missing: Value | None = None
    """What is shown where the path ends at None; None where the object is absent then."""
    read_only: Container[Value] = ()
    """Values of the type that no SET can give it."""

    first: Callable[[Any], Any] = field(init=False, repr=False, compare=False)
    rest: Callable[[Any], Any] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        rest = self.path[len(self.part) + 1 :]
        object.__setattr__(self, "first", attrgetter(*self.part.split(", ")))
        object.__setattr__(self, "rest", attrgetter(rest) if rest else _identity)

    @property
    def part(self) -> str:
        """Names what ``first`` gets."""
        return self.path if ", " in self.path else self.path.partition(".")[0]

    def values(self, source: Sequence[Any], at: float) -> list[Value | None]:
        """Return the column of these first attributes, at this time; None where it is absent."""
        del at
        form, missing = self.form, self.missing
        values = source if self.rest is _identity else list(map(self.rest, source))
        if form is _identity and missing is None:
            return list(values)
        return [missing if value is None else form(value) for value in values]


@dataclass(frozen=True, slots=True)
class Age(Column):
    """A TimeInterval since the time that ``path`` gives, in hundredths of a second.

    It stops at its largest value, after 248.5 days (RFC 2579), and does not wrap.
    """

    def values(self, source: Sequence[Any], at: float) -> list[Value | None]:
        """Return the ages at this time."""
        return [time_interval(at - began) for began in map(self.rest, source)]


@dataclass(frozen=True, slots=True)
class Root:
    """A list of rows of the snapshot, from which one table or more are made."""

    name: str
    rows: Callable[[Any], Sequence[Any]]
    key: Callable[[Any], Key]
    """Index of a row, or that part of it which its tables share. It must not change."""
    identity: Callable[[Any], int] | None = None
    """A number that a row keeps, given when the rows do not come in order of their key."""


@dataclass(frozen=True, slots=True)
class Table:
    """A conceptual table: the rows of its root, or several rows for each of those."""

    name: str
    root: Root
    columns: tuple[Column, ...]
    expand: Callable[[Any], Iterable[tuple[Key, Any]]] | None = None
    """For a row of the root: the rest of the index and the row, in order of the index."""


@dataclass(frozen=True, slots=True)
class Binding:
    """What a binding module says of its MIB."""

    module: str
    scalars: tuple[Scalar | Live, ...] = ()
    tables: tuple[Table, ...] = ()
    unsupported: Mapping[str, str] = field(default_factory=dict)
    """Scalars and tables that are not served, with the reason."""
