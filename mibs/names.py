"""From OIDs to names: the object or notification that one stands for, and what its index says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from mibs import ber
from mibs.smi import NotificationType, ObjectType, Oid, Smi

__all__ = ["TYPES", "IndexPart", "Names"]

TYPES: Final[Mapping[int, str]] = MappingProxyType(
    {
        ber.INTEGER: "INTEGER",
        ber.OCTET_STRING: "OCTET STRING",
        ber.NULL: "NULL",
        ber.OBJECT_IDENTIFIER: "OBJECT IDENTIFIER",
        ber.IP_ADDRESS: "IpAddress",
        ber.COUNTER32: "Counter32",
        ber.GAUGE32: "Gauge32",
        ber.TIME_TICKS: "TimeTicks",
        ber.OPAQUE: "Opaque",
        ber.COUNTER64: "Counter64",
        ber.NO_SUCH_OBJECT: "noSuchObject",
        ber.NO_SUCH_INSTANCE: "noSuchInstance",
        ber.END_OF_MIB_VIEW: "endOfMibView",
    }
)
"""What values are on the wire, by their tag."""


class IndexPart(NamedTuple):
    """What an instance has for one object of the INDEX clause: a length is left out."""

    item: ObjectType
    numbers: Oid


class Names:
    """Finds the object that an instance belongs to. Does not change."""

    def __init__(self, modules: Smi) -> None:
        self.modules = modules
        every = [item for module in modules.modules for item in module.objects]
        self._objects = {item.oid: item for item in every if item.kind in ("scalar", "column")}
        self._sizes = sorted({len(oid) for oid in self._objects}, reverse=True)
        self._indexes = {
            item.oid: tuple(map(modules.object, item.index)) for item in every if item.kind == "row"
        }
        self._notifications = {
            item.oid: item for module in modules.modules for item in module.notifications
        }

    def find(self, name: Oid) -> ObjectType | None:
        """Return the scalar or column that begins this name."""
        for size in self._sizes:
            item = self._objects.get(name[:size])
            if item is not None:
                return item
        return None

    def notification(self, oid: Oid) -> NotificationType | None:
        """Return the notification that a snmpTrapOID.0 names."""
        return self._notifications.get(oid)

    def oid(self, name: str) -> Oid:
        """Return the OID of an object, which is in the MIBs."""
        return self.modules.object(name).oid

    def oids(self) -> Iterator[Oid]:
        """Go through the OIDs of all objects that can be read."""
        return (oid for oid, item in self._objects.items() if item.access.startswith("read-"))

    def label(self, name: Oid) -> str:
        """Return an instance as ``cikeTunStatus.3``, or in numbers if no MIB has it."""
        item = self.find(name)
        if item is None:
            return ".".join(map(str, name))
        return ".".join((item.name, *map(str, name[len(item.oid) :])))

    def index(self, item: ObjectType, suffix: Oid) -> tuple[IndexPart, ...] | None:
        """Cut what follows an object's OID into the objects of its index (RFC 2578 section 7.7).

        No module of flowmib says IMPLIED, so there is nothing of it here.

        Returns:
            Nothing for a scalar, whose instance is 0; None if the suffix is not of the form that
            the INDEX clause gives.
        """
        if item.kind == "scalar":
            return () if suffix == (0,) else None
        parts: list[IndexPart] = []
        for part in self._indexes[item.oid[:-1]]:
            size, rest = _size(part, suffix)
            numbers, suffix = rest[:size], rest[size:]
            octets = part.tag in (ber.OCTET_STRING, ber.IP_ADDRESS)
            if len(numbers) != size or (octets and any(number > 255 for number in numbers)):
                return None
            parts.append(IndexPart(part, numbers))
        return None if suffix else tuple(parts)


def _size(part: ObjectType, suffix: Oid) -> tuple[int, Oid]:
    """Return how many sub-identifiers a part of an index has, and from where on."""
    if part.tag == ber.IP_ADDRESS:
        return 4, suffix
    if part.tag not in (ber.OCTET_STRING, ber.OBJECT_IDENTIFIER):
        return 1, suffix
    if len(part.ranges) == 1 and part.ranges[0][0] == part.ranges[0][1]:
        return part.ranges[0][0], suffix
    # A length that is missing is as wrong as one that is too long.
    return (suffix[0], suffix[1:]) if suffix else (1, suffix)
