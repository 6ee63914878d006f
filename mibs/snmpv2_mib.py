"""SNMPv2-MIB (RFC 3418): the system group and the snmp group."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mibs.forms import display_string
from mibs.snmp_statistics import SnmpStatistics
from mibs.table import Binding, Column, Live, Root, Table, Value

__all__ = ["MODULE", "ObjectResource", "SystemGroup", "bind"]

MODULE = "SNMPv2-MIB"
_DISABLED = 2


@dataclass(frozen=True, slots=True)
class ObjectResource:
    """A row of sysORTable: a MIB module that this agent serves."""

    number: int
    identity: tuple[int, ...]
    """OID of the module."""
    description: str


@dataclass(frozen=True, slots=True)
class SystemGroup:
    """What the operator says of the managed system (RFC 3418 section 2)."""

    description: str
    object_id: tuple[int, ...] = (0, 0)
    """zeroDotZero while the project has no enterprise number of its own."""
    contact: str = ""
    name: str = ""
    location: str = ""
    services: int = 76
    """A gateway (layer 3) that is a host too (layers 4 and 7)."""
    resources: Sequence[ObjectResource] = ()


def bind(system: SystemGroup, statistics: SnmpStatistics, up_time: Callable[[], float]) -> Binding:
    """Return the binding; ``up_time`` gives the seconds since the agent began."""

    def fixed(value: Value) -> Callable[[], Value]:
        return lambda: value

    def counter(name: str) -> Live:
        return Live(name, lambda: getattr(statistics, name))

    return Binding(
        MODULE,
        scalars=(
            Live("sysDescr", fixed(display_string(system.description))),
            Live("sysObjectID", fixed(system.object_id)),
            Live("sysUpTime", lambda: int(up_time() * 100)),
            Live("sysContact", fixed(display_string(system.contact))),
            Live("sysName", fixed(display_string(system.name))),
            Live("sysLocation", fixed(display_string(system.location))),
            Live("sysServices", fixed(system.services)),
            Live("sysORLastChange", fixed(0)),
            counter("snmpInPkts"),
            counter("snmpInBadVersions"),
            counter("snmpInBadCommunityNames"),
            counter("snmpInBadCommunityUses"),
            counter("snmpInASNParseErrs"),
            Live("snmpEnableAuthenTraps", fixed(_DISABLED)),
            counter("snmpSilentDrops"),
            counter("snmpProxyDrops"),
        ),
        tables=(_sys_or_table(tuple(system.resources)),),
        unsupported={"snmpSetSerialNo": "nothing can be set yet"},
    )


def _sys_or_table(resources: tuple[ObjectResource, ...]) -> Table:
    root = Root("object resources", lambda _: resources, lambda row: (row.number,))
    return Table(
        "sysORTable",
        root,
        (
            Column("sysORID", "identity"),
            Column("sysORDescr", "description", display_string),
            Column("sysORUpTime", "number", lambda _: 0),
        ),
    )
