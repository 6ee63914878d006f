"""CISCO-IPSEC-FLOW-MONITOR-MIB (1.3.6.1.4.1.9.9.171): which attribute each object is.

The groups of the MIB are modules of this package; in each the objects stand in order of OID. Search
for an object by its name.
"""

from __future__ import annotations

from collections.abc import Mapping

from datasource.control import TunnelControl
from mibs.cisco_ipsec_flow_monitor import failures, history, phase_one, phase_two
from mibs.cisco_ipsec_flow_monitor.archive import Archive
from mibs.cisco_ipsec_flow_monitor.choices import Choices
from mibs.cisco_ipsec_flow_monitor.trap_control import NOTIFICATION_OF
from mibs.forms import constant
from mibs.settable import Switch, trap_switches
from mibs.table import Binding, Scalar

__all__ = ["MODULE", "Archive", "Choices", "bind"]

MODULE = "CISCO-IPSEC-FLOW-MONITOR-MIB"

_LEVEL = Scalar("cipSecMibLevel", "totals", constant(1))


def bind(
    choices: Choices,
    control: TunnelControl | None = None,
    archive: Archive | None = None,
    switches: Mapping[str, Switch] | None = None,
) -> Binding:
    """Return the binding of the whole module.

    Args:
        choices: of the operator.
        control: what ends tunnels; without it, nobody can.
        archive: where the past is; without one, there is none.
        switches: for each notification, by its name; without them, each has one of its own.
    """
    archive = archive or Archive()
    if switches is None:
        switches = {name: Switch() for name in NOTIFICATION_OF.values()}
    return Binding(
        MODULE,
        scalars=(
            _LEVEL,
            *phase_one.SCALARS,
            *phase_two.SCALARS,
            *history.scalars(archive),
            *failures.scalars(archive),
            *trap_switches(NOTIFICATION_OF, switches),
        ),
        tables=(
            *phase_one.tables(choices, control),
            *phase_two.tables(choices, control),
            *history.tables(choices, archive),
            *failures.tables(archive),
        ),
    )
