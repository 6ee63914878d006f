"""Which attributes of the model a binding shows, as class and field: ``IkeSaParameters.lifetime``.

The same attribute is reached by several paths, for one from a live tunnel and from its copy in the
history. Where a source has it from is the same for all of them.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Iterable
from operator import attrgetter
from typing import Any, Union, get_args, get_origin, get_type_hints

from datasource.snapshot import Snapshot
from mibs.forms import Constant
from mibs.table import Column, Scalar, Table

__all__ = ["PARTS", "CoverageError", "attributes", "owner", "paths"]

_AH_OR_ESP = ("protocol", "proposal")

PARTS = {
    "cikeTunRemoteName": ("remote_identity",),
    "cikeTunHistRemoteName": ("remote_identity",),
    "cipSecTunInSaEncryptAlgo": _AH_OR_ESP,
    "cipSecTunInSaAhAuthAlgo": _AH_OR_ESP,
    "cipSecTunInSaEspAuthAlgo": _AH_OR_ESP,
    "cipSecTunInSaDecompAlgo": ("cpi_in",),
    "cipSecTunOutSaEncryptAlgo": _AH_OR_ESP,
    "cipSecTunOutSaAhAuthAlgo": _AH_OR_ESP,
    "cipSecTunOutSaEspAuthAlgo": _AH_OR_ESP,
    "cipSecTunOutSaCompAlgo": ("cpi_out",),
    "cipSecTunHistInSaEncryptAlgo": _AH_OR_ESP,
    "cipSecTunHistInSaAhAuthAlgo": _AH_OR_ESP,
    "cipSecTunHistInSaEspAuthAlgo": _AH_OR_ESP,
    "cipSecTunHistInSaDecompAlgo": ("cpi_in",),
    "cipSecTunHistOutSaEncryptAlgo": _AH_OR_ESP,
    "cipSecTunHistOutSaAhAuthAlgo": _AH_OR_ESP,
    "cipSecTunHistOutSaEspAuthAlgo": _AH_OR_ESP,
    "cipSecTunHistOutSaCompAlgo": ("cpi_out",),
    "ipSecPolMapCryptoMapName": ("set_name",),
    "ipSecPolMapCryptoMapNum": ("priority",),
    "ipSecPolMapAclString": ("access_list",),
    "ipSecPolMapAceString": ("access_list", "endpoint"),
}
"""What an object takes of a whole that its path leads to, and its form picks from."""


class CoverageError(Exception):
    """Of an object it cannot be told what it shows, or where that comes from."""


def paths(source: Scalar | Column) -> tuple[str, ...]:
    """Return the paths of all attributes that an object shows, from its row or the snapshot."""
    own = [path.strip() for path in source.path.split(",")]
    parts = PARTS.get(source.name)
    return tuple(own if parts is None else (f"{own[0]}.{part}" for part in parts))


def attributes(source: Scalar | Column, table: Table | None = None) -> tuple[str, ...]:
    """Return what an object shows, as ``Class.field``; nothing where it is a constant.

    Raises:
        CoverageError: the path leads nowhere.
    """
    if isinstance(source.form, Constant):
        return ()
    row: Any = Snapshot if table is None else _row(table)
    try:
        return tuple(_last(row, path.split(".")) for path in paths(source))
    except CoverageError as error:
        raise CoverageError(f"{source.name}: {error}") from None


def owner(class_: type, field: str) -> tuple[type, Any] | None:
    """Return the class that declares a field or property, and the type of it; None for none."""
    for base in class_.__mro__:
        if field in inspect.get_annotations(base):
            return base, get_type_hints(base)[field]
        declared = base.__dict__.get(field)
        if isinstance(declared, property):
            return base, get_type_hints(declared.fget)["return"]
    return None


def _last(row: Any, names: Iterable[str]) -> str:
    key, type_ = "", row
    for name in names:
        class_, bound = _class(type_)
        found = owner(class_, name)
        if found is None:
            raise CoverageError(f"{class_.__name__} has no {name}")
        declaring, type_ = found
        key = f"{declaring.__name__}.{name}"
        # A generic class has one variable at the most.
        if bound and type_ in getattr(class_, "__parameters__", ()):
            type_ = bound[0]
    return key


def _class(type_: Any) -> tuple[type, tuple[Any, ...]]:
    """Return the class of a type, None left out, and what its variable stands for."""
    if get_origin(type_) in (Union, types.UnionType):
        some = [one for one in get_args(type_) if one is not types.NoneType]
        if len(some) != 1:
            raise CoverageError(f"{type_} is more than one class")
        return _class(some[0])
    return get_origin(type_) or type_, get_args(type_)


def _row(table: Table) -> Any:
    """Return what the rows of a table are, as the annotations have it."""
    if table.expand is not None:
        # Iterator[tuple[Key, Row]]
        ((_key, row),) = map(get_args, get_args(get_type_hints(table.expand)["return"]))
        return row
    if not isinstance(table.root.rows, attrgetter):
        raise CoverageError(f"{table.name}: its rows are not an attribute of the snapshot")
    path = str(table.root.rows.__reduce__()[1][0])
    type_: Any = Snapshot
    for name in path.split("."):
        found = owner(_class(type_)[0], name)
        if found is None:
            raise CoverageError(f"{table.name}: its rows are at {path}, where nothing is")
        type_ = found[1]
    return get_args(type_)[0]
