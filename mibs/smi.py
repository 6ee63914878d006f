"""The compiled MIB modules as frozen values: what every object is called and allowed to hold.

``load()`` reads ``mibs/compiled/<MODULE>.json``, the output of ``python -m mibs.compile``,
and resolves what those files leave open: the type of an object is followed through the
textual conventions (RFC 2579) down to a type of SMIv2 (RFC 2578, section 7.1), so that each
object carries its own tag, enumeration and limits. A textual convention is looked up in the
module that uses it and in what that module imports; CISCO-IPSEC-MIB and
CISCO-IPSEC-FLOW-MONITOR-MIB both define ``TrapStatus``, for one.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias, TypeVar

from mibs.errors import MibError

__all__ = [
    "ALL",
    "Module",
    "NotificationType",
    "ObjectType",
    "Oid",
    "Smi",
    "SmiError",
    "load",
]

Oid: TypeAlias = tuple[int, ...]
_T = TypeVar("_T")

ALL: Final = (
    "SNMPv2-MIB",
    "SNMP-FRAMEWORK-MIB",
    "SNMP-MPD-MIB",
    "SNMP-TARGET-MIB",
    "SNMP-USER-BASED-SM-MIB",
    "CISCO-IPSEC-FLOW-MONITOR-MIB",
    "CISCO-IPSEC-MIB",
    "CISCO-IPSEC-POLICY-MAP-MIB",
)
"""The modules that the agent serves objects of."""

# Tags of the BER (RFC 2578, section 7.1, and RFC 3417, section 8).
_TAGS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "INTEGER": 0x02,
        "Integer32": 0x02,
        "OCTET STRING": 0x04,
        "BITS": 0x04,
        "OBJECT IDENTIFIER": 0x06,
        "IpAddress": 0x40,
        "Counter32": 0x41,
        "Gauge32": 0x42,
        "Unsigned32": 0x42,
        "TimeTicks": 0x43,
        "Opaque": 0x44,
        "Counter64": 0x46,
    }
)


class SmiError(MibError):
    """A compiled module is missing or broken, or a name is in none of the loaded modules."""


@dataclass(frozen=True, slots=True)
class ObjectType:
    """One OBJECT-TYPE (RFC 2578, section 7).

    Attributes:
        module: name of the module that defines it.
        name: its own name.
        oid: its object identifier, without an instance.
        kind: what it is.
        syntax: type as the module declares it, such as ``IkePeerType`` or ``Counter32``;
            empty for a table or row.
        tag: BER tag of a value on the wire; 0 for a table or row.
        enumeration: label to number, in the order of the numbers; empty if there is none.
        ranges: pairs of lowest and highest, both allowed: of the value for an integer, of
            the number of octets for a string. Empty if the wire type alone sets limits.
        access: MAX-ACCESS, such as ``read-only``.
        index: for a row, the names of its index objects in order; else empty.
        units: UNITS; empty if there are none.
        status: STATUS.
        default: DEFVAL as a number; ``None`` if there is none, or one that is no number.
    """

    module: str
    name: str
    oid: Oid
    kind: Literal["scalar", "table", "row", "column"]
    syntax: str
    tag: int
    # A read-only mapping has no hash before Python 3.12.
    enumeration: Mapping[str, int] = field(hash=False)
    ranges: tuple[tuple[int, int], ...]
    access: str
    index: tuple[str, ...]
    units: str
    status: str = "current"
    default: int | None = None


@dataclass(frozen=True, slots=True)
class NotificationType:
    """One NOTIFICATION-TYPE (RFC 2578, section 8).

    Attributes:
        module: name of the module that defines it.
        name: its own name.
        oid: its object identifier, which is the value of snmpTrapOID.0.
        objects: names of the objects it carries, in order.
    """

    module: str
    name: str
    oid: Oid
    objects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Module:
    """One MIB module.

    Attributes:
        name: its name.
        oid: object identifier of its MODULE-IDENTITY; empty if it has none.
        objects: its objects, in the order of their OIDs.
        notifications: its notifications, in the order of their OIDs.
        nodes: name to OID of everything in it that has an OID.
    """

    name: str
    oid: Oid
    objects: tuple[ObjectType, ...]
    notifications: tuple[NotificationType, ...]
    nodes: Mapping[str, Oid] = field(hash=False)


class Smi:
    """Modules that were loaded together. Does not change.

    Names are looked up without their module: the modules of flowmib share no name of an
    object or notification.
    """

    __slots__ = ("_columns", "_modules", "_notifications", "_objects", "_rows")

    def __init__(self, modules: Iterable[Module]) -> None:
        self._modules = {module.name: module for module in modules}
        self._objects: dict[str, ObjectType] = {}
        self._notifications: dict[str, NotificationType] = {}
        for module in self._modules.values():
            for item in module.objects:
                _add(self._objects, item.name, item)
            for notification in module.notifications:
                _add(self._notifications, notification.name, notification)
        tables = {o.oid: o.name for o in self._objects.values() if o.kind == "table"}
        columns: dict[str, list[ObjectType]] = {name: [] for name in tables.values()}
        self._rows: dict[str, ObjectType] = {}
        for item in self._objects.values():
            # Below a table there is exactly its row, below the row its columns
            # (RFC 2578, section 7.10).
            if item.kind == "row" and item.oid[:-1] in tables:
                self._rows[tables[item.oid[:-1]]] = item
            elif item.kind == "column" and item.oid[:-2] in tables:
                columns[tables[item.oid[:-2]]].append(item)
        self._columns = {name: tuple(items) for name, items in columns.items()}

    @property
    def modules(self) -> tuple[Module, ...]:
        """The loaded modules: those asked for, then those they take index objects from."""
        return tuple(self._modules.values())

    def module(self, name: str) -> Module:
        """Gives a module.

        Raises:
            SmiError: it is not loaded.
        """
        return _get(self._modules, name, "module")

    def object(self, name: str) -> ObjectType:
        """Gives an object: a scalar, table, row or column.

        Raises:
            SmiError: no loaded module has it.
        """
        return _get(self._objects, name, "object")

    def notification(self, name: str) -> NotificationType:
        """Gives a notification.

        Raises:
            SmiError: no loaded module has it.
        """
        return _get(self._notifications, name, "notification")

    def objects(self, module: str) -> tuple[ObjectType, ...]:
        """Gives all objects of a module, tables and rows too, in the order of their OIDs.

        Raises:
            SmiError: the module is not loaded.
        """
        return self.module(module).objects

    def notifications(self, module: str) -> tuple[NotificationType, ...]:
        """Gives all notifications of a module, in the order of their OIDs.

        Raises:
            SmiError: the module is not loaded.
        """
        return self.module(module).notifications

    def columns(self, table: str) -> tuple[ObjectType, ...]:
        """Gives the columns of a table, in the order of their OIDs.

        Raises:
            SmiError: no loaded module has the table.
        """
        return _get(self._columns, table, "table")

    def index(self, table: str) -> tuple[ObjectType, ...]:
        """Gives the index objects of a table, in the order of its INDEX clause.

        They need not be columns of the table (RFC 2578, section 7.7).

        Raises:
            SmiError: no loaded module has the table.
        """
        return tuple(self.object(name) for name in _get(self._rows, table, "table").index)


def load(modules: Sequence[str] = ALL) -> Smi:
    """Loads compiled modules.

    Args:
        modules: their names. A module that one of them takes an index object from is
            loaded as well.

    Raises:
        SmiError: a compiled file is missing or is not what ``mibs.compile`` writes, or two
            modules give the same name to two objects.
    """
    library = _Library(resources.files("mibs") / "compiled")
    loaded: dict[str, Module] = {}
    wanted = list(modules)
    while wanted:
        name = wanted.pop(0)
        if name not in loaded:
            loaded[name], foreign = library.module(name)
            wanted += foreign
    return Smi(loaded.values())


@dataclass(frozen=True, slots=True)
class _Type:
    """A type once its textual conventions are followed to the end."""

    tag: int
    enumeration: Mapping[str, int]
    ranges: tuple[tuple[int, int], ...]


_NO_ENUMERATION: Final[Mapping[str, int]] = MappingProxyType({})
_NO_TYPE: Final = _Type(0, _NO_ENUMERATION, ())


class _Library:
    """The compiled files of one directory, each read once and when it is first needed."""

    def __init__(self, directory: Traversable) -> None:
        self._directory = directory
        self._documents: dict[str, Any] = {}
        self._types: dict[tuple[str, str], _Type] = {}

    def module(self, name: str) -> tuple[Module, list[str]]:
        """Gives a module, and the names of the modules its index objects come from."""
        document = self._document(name)
        try:
            return self._module(name, document)
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
            what = f"no {error} where one is needed" if isinstance(error, KeyError) else str(error)
            raise SmiError(f"{name}.json: not a compiled module: {what}") from error

    def _module(self, name: str, document: Any) -> tuple[Module, list[str]]:
        identity: Oid = ()
        objects: list[ObjectType] = []
        notifications: list[NotificationType] = []
        nodes: dict[str, Oid] = {}
        foreign: list[str] = []
        for entry in document.values():
            if "oid" not in entry:
                continue  # imports, meta and types
            oid = tuple(map(int, entry["oid"].split(".")))
            nodes[entry["name"]] = oid
            match entry["class"]:
                case "objecttype":
                    objects.append(self._object(name, oid, entry))
                    foreign += (i["module"] for i in entry.get("indices", ()))
                case "notificationtype":
                    carried = tuple(item["object"] for item in entry.get("objects", ()))
                    notifications.append(NotificationType(name, entry["name"], oid, carried))
                case "moduleidentity":
                    identity = oid
        objects.sort(key=_by_oid)
        notifications.sort(key=_by_oid)
        module = Module(
            name, identity, tuple(objects), tuple(notifications), MappingProxyType(nodes)
        )
        return module, foreign

    def _object(self, module: str, oid: Oid, entry: Any) -> ObjectType:
        syntax = entry.get("syntax")
        resolved = self._resolve(module, syntax) if syntax else _NO_TYPE
        return ObjectType(
            module=module,
            name=entry["name"],
            oid=oid,
            kind=entry["nodetype"],
            syntax=syntax["type"] if syntax else "",
            tag=resolved.tag,
            enumeration=resolved.enumeration,
            ranges=resolved.ranges,
            access=entry["maxaccess"],
            index=tuple(item["object"] for item in entry.get("indices", ())),
            units=entry.get("units", ""),
            status=entry["status"],
            default=_default(entry),
        )

    def _resolve(self, module: str, syntax: Any) -> _Type:
        """Gives what a SYNTAX clause of a module comes to."""
        base = self._named(module, syntax["type"])
        constraints = syntax.get("constraints")
        if not constraints:
            return base
        # A constraint may only narrow the type it is put on (RFC 2578, section 9), so the
        # outermost one holds.
        labels = constraints.get("enumeration")
        limits = constraints.get("range") or constraints.get("size")
        return _Type(
            base.tag,
            MappingProxyType(dict(sorted(labels.items(), key=lambda item: item[1])))
            if labels
            else base.enumeration,
            tuple((limit["min"], limit["max"]) for limit in limits) if limits else base.ranges,
        )

    def _named(self, module: str, name: str) -> _Type:
        """Gives the type that a name stands for in a module."""
        if name in _TAGS:
            return _Type(_TAGS[name], _NO_ENUMERATION, ())
        known = self._types.get((module, name))
        if known is None:
            document = self._document(module)
            if name in document:
                known = self._resolve(module, document[name]["type"])
            else:
                known = self._named(_source(document, name), name)
            self._types[module, name] = known
        return known

    def _document(self, module: str) -> Any:
        if module not in self._documents:
            try:
                text = self._directory.joinpath(f"{module}.json").read_text("utf-8")
                document = json.loads(text)
            except (OSError, ValueError) as error:
                raise SmiError(f"{module}.json: {error}") from error
            if not isinstance(document, dict):
                raise SmiError(f"{module}.json: not a compiled module: not a JSON object")
            self._documents[module] = document
        return self._documents[module]


def _source(document: Any, name: str) -> str:
    """Names the module that a name is imported from."""
    imports = document["imports"]
    for module, names in imports.items():
        if module != "class" and name in names:
            return str(module)
    raise ValueError(f"type {name} is neither defined nor imported")


def _default(entry: Any) -> int | None:
    """Gives a DEFVAL that is a label or a number."""
    if "default" not in entry:
        return None
    default = entry["default"]["default"]
    return int(default["value"]) if default["format"] == "decimal" else None


def _by_oid(item: ObjectType | NotificationType) -> Oid:
    return item.oid


def _add(items: dict[str, _T], name: str, item: _T) -> None:
    if name in items:
        raise SmiError(f"{name}: more than one of the loaded modules defines it")
    items[name] = item


def _get(items: Mapping[str, _T], name: str, what: str) -> _T:
    try:
        return items[name]
    except KeyError:
        raise SmiError(f"{name}: no such {what} in the loaded modules") from None
