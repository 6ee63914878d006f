"""SNMPv2-MIB (RFC 3418): the system group, the snmp group and the snmpSet group."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mibs.forms import constant, display_string
from mibs.settable import SerialNumber, Switch
from mibs.snmp_statistics import SnmpStatistics
from mibs.table import Binding, Column, Live, Root, Table, Value

__all__ = ["MODULE", "ObjectResource", "SystemGroup", "bind", "counters"]

MODULE = "SNMPv2-MIB"


@dataclass(frozen=True, slots=True)
class ObjectResource:
    """A row of sysORTable: what this agent serves of a MIB module."""

    number: int
    identity: tuple[int, ...]
    """OID of the capabilities statement about it."""
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


def bind(
    system: SystemGroup,
    resources: Sequence[ObjectResource],
    statistics: SnmpStatistics,
    up_time: Callable[[], float],
    *,
    serial_number: SerialNumber,
    authen_traps: Switch,
) -> Binding:
    """Return the binding.

    Args:
        system: what it says of the host.
        resources: the rows of sysORTable.
        statistics: what the engine counts.
        up_time: gives the seconds since the agent began.
        serial_number: snmpSetSerialNo.
        authen_traps: snmpEnableAuthenTraps.
    """

    def fixed(value: Value) -> Callable[[], Value]:
        return lambda: value

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
            Live("sysORLastChange", fixed(_SINCE_START)),
            *counters(
                statistics,
                "snmpInPkts",
                "snmpInBadVersions",
                "snmpInBadCommunityNames",
                "snmpInBadCommunityUses",
                "snmpInASNParseErrs",
            ),
            Live("snmpEnableAuthenTraps", authen_traps.read, authen_traps.write),
            *counters(statistics, "snmpSilentDrops", "snmpProxyDrops"),
            Live("snmpSetSerialNo", serial_number.read, serial_number.write),
        ),
        tables=(_sys_or_table(tuple(resources)),),
    )


def counters(statistics: SnmpStatistics, *names: str) -> tuple[Live, ...]:
    """Bind objects that the engine counts by their own names."""

    def counter(name: str) -> Live:
        return Live(name, lambda: getattr(statistics, name))

    return tuple(map(counter, names))


_SINCE_START = 0
"""sysUpTime at which the agent began to serve what it serves: no module comes or goes later."""


def _sys_or_table(resources: tuple[ObjectResource, ...]) -> Table:
    root = Root("object resources", lambda _: resources, lambda row: (row.number,))
    return Table(
        "sysORTable",
        root,
        (
            Column("sysORID", "identity"),
            Column("sysORDescr", "description", display_string),
            Column("sysORUpTime", "number", constant(_SINCE_START)),
        ),
    )
