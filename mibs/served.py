"""Which MIBs the agent serves: the one list that the agent and its documentation are made of."""

from __future__ import annotations

from collections.abc import Callable

from mibs import cisco_ipsec_flow_monitor, snmpv2_mib
from mibs.snmp_statistics import SnmpStatistics
from mibs.table import Binding

__all__ = ["MODULES", "bind_all"]

MODULES = (snmpv2_mib.MODULE, cisco_ipsec_flow_monitor.MODULE)
"""In the order of sysORTable."""


def bind_all(
    system: snmpv2_mib.SystemGroup,
    statistics: SnmpStatistics,
    up_time: Callable[[], float],
    choices: cisco_ipsec_flow_monitor.Choices,
) -> tuple[Binding, ...]:
    """Return the binding of each of :data:`MODULES`, in their order."""
    return (
        snmpv2_mib.bind(system, statistics, up_time),
        cisco_ipsec_flow_monitor.bind(choices),
    )
