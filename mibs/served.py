"""Which MIBs the agent serves: the one list that the agent and its documentation are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from datasource.control import TunnelControl
from mibs import capabilities, cisco_ipsec_flow_monitor, snmp_engine_mibs, snmpv2_mib
from mibs.settable import SerialNumber, Switch
from mibs.snmp_statistics import SnmpStatistics
from mibs.table import Binding

__all__ = ["MODULES", "Shown", "bind"]

MODULES = (snmpv2_mib.MODULE, *snmp_engine_mibs.MODULES, cisco_ipsec_flow_monitor.MODULE)
"""In the order of sysORTable."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What the MIBs show and set beside the tunnels."""

    system: snmpv2_mib.SystemGroup
    engine: snmp_engine_mibs.EngineGroup
    statistics: SnmpStatistics
    up_time: Callable[[], float]
    """Seconds since the agent began."""
    serial_number: SerialNumber
    authen_traps: Switch
    choices: cisco_ipsec_flow_monitor.Choices
    control: TunnelControl | None = None
    """What ends tunnels; without it, nobody can."""


def bind(shown: Shown) -> tuple[Binding, ...]:
    """Return the binding of each of :data:`MODULES`, in their order."""
    return (
        snmpv2_mib.bind(
            shown.system,
            capabilities.resources(MODULES),
            shown.statistics,
            shown.up_time,
            serial_number=shown.serial_number,
            authen_traps=shown.authen_traps,
        ),
        *snmp_engine_mibs.bind(shown.engine, shown.statistics),
        cisco_ipsec_flow_monitor.bind(shown.choices, shown.control),
    )
