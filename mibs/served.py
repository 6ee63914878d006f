"""Which MIBs the agent serves: the one list that the agent and its documentation are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from datasource.control import TunnelControl
from mibs import (
    capabilities,
    cisco_ipsec,
    cisco_ipsec_flow_monitor,
    cisco_ipsec_policy_map,
    snmp_engine_mibs,
    snmpv2_mib,
)
from mibs.cisco_ipsec_flow_monitor import trap_control
from mibs.settable import SerialNumber, Switch
from mibs.snmp_statistics import SnmpStatistics
from mibs.table import Binding

__all__ = ["CISCO_MODULES", "MODULES", "NOTIFICATIONS", "Shown", "bind", "make_switches"]

CISCO_MODULES = (
    cisco_ipsec_flow_monitor.MODULE,
    cisco_ipsec.MODULE,
    cisco_ipsec_policy_map.MODULE,
)
"""What the agent is there for; nothing else is between them in a walk."""
MODULES = (snmpv2_mib.MODULE, *snmp_engine_mibs.MODULES, *CISCO_MODULES)
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
    switches: Mapping[str, Switch]
    """For each of the notifications, by its name: see :func:`make_switches`."""
    choices: cisco_ipsec_flow_monitor.Choices
    archive: cisco_ipsec_flow_monitor.Archive = field(
        default_factory=cisco_ipsec_flow_monitor.Archive
    )
    control: TunnelControl | None = None
    """What ends tunnels; without it, nobody can."""
    crypto_maps: cisco_ipsec.CryptoMapControl | None = None
    """What detaches crypto map sets; without it, nobody can."""


NOTIFICATIONS = (
    "coldStart",
    "authenticationFailure",
    *trap_control.NOTIFICATION_OF.values(),
    *cisco_ipsec.NOTIFICATION_OF.values(),
)
"""Those that can be sent. The switch of coldStart is in no MIB."""


def make_switches() -> dict[str, Switch]:
    """Return a switch for each of :data:`NOTIFICATIONS`, disabled as the MIB has it."""
    return {name: Switch() for name in NOTIFICATIONS}


def bind(shown: Shown) -> tuple[Binding, ...]:
    """Return the binding of each of :data:`MODULES`, in their order."""
    return (
        snmpv2_mib.bind(
            shown.system,
            capabilities.resources(MODULES),
            shown.statistics,
            shown.up_time,
            serial_number=shown.serial_number,
            authen_traps=shown.switches["authenticationFailure"],
        ),
        *snmp_engine_mibs.bind(shown.engine, shown.statistics),
        cisco_ipsec_flow_monitor.bind(shown.choices, shown.control, shown.archive, shown.switches),
        cisco_ipsec.bind(
            shown.choices.algorithms, shown.choices.descriptions, shown.switches, shown.crypto_maps
        ),
        cisco_ipsec_policy_map.BINDING,
    )
