"""What walks gave, sorted by the objects of the MIBs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from types import MappingProxyType

from agent.doctor.walk import Value, Varbind
from mibs.names import Names
from mibs.smi import ObjectType, Oid

__all__ = ["Seen"]

_NOTHING: Mapping[Oid, Value] = MappingProxyType({})


class Seen:
    """Instances and their values, column by column, in the order in which they came."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.unknown: dict[Oid, Value] = {}
        self._columns: dict[str, dict[Oid, Value]] = {}
        self._last: ObjectType | None = None
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def add(self, varbind: Varbind) -> ObjectType | None:
        """Keep an instance; return its object, None if no MIB has it."""
        name, _, value = varbind
        self._size += 1
        item = self._last
        if item is None or name[: len(item.oid)] != item.oid:
            item = self._last = self.names.find(name)
        if item is None:
            self.unknown[name] = value
        else:
            self._columns.setdefault(item.name, {})[name[len(item.oid) :]] = value
        return item

    def column(self, name: str) -> Mapping[Oid, Value]:
        """Return the instances of an object by their suffix; a scalar has one, ``(0,)``."""
        return self._columns.get(name, _NOTHING)

    def numbers(self, name: str) -> dict[Oid, int]:
        """Return those instances that are numbers, as they should be."""
        return {
            index: value for index, value in self.column(name).items() if isinstance(value, int)
        }

    def texts(self, name: str) -> dict[Oid, bytes]:
        """Return those instances that are octets, as they should be."""
        return {
            index: value for index, value in self.column(name).items() if isinstance(value, bytes)
        }

    def objects(self) -> Iterator[ObjectType]:
        """Go through the objects that have instances."""
        return map(self.names.modules.object, self._columns)

    def instances(self, rows: int | None = None) -> Iterator[tuple[ObjectType | None, Oid]]:
        """Go through everything, or through the first rows of each object."""
        for item in self.objects():
            for suffix in islice(self._columns[item.name], rows):
                yield item, (*item.oid, *suffix)
        for name in self.unknown:
            yield None, name
