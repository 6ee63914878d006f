"""CISCO-IPSEC-FLOW-MONITOR-MIB (1.3.6.1.4.1.9.9.171): which attribute each object is.

The groups of the MIB are modules of this package; in each the objects stand in order of OID. Search
for an object by its name.
"""

from __future__ import annotations

from datasource.control import TunnelControl
from mibs.cisco_ipsec_flow_monitor import phase_one, phase_two
from mibs.cisco_ipsec_flow_monitor.choices import Choices
from mibs.forms import constant
from mibs.table import Binding, Scalar

__all__ = ["MODULE", "Choices", "bind"]

MODULE = "CISCO-IPSEC-FLOW-MONITOR-MIB"

_LEVEL = Scalar("cipSecMibLevel", "totals", constant(1))


def bind(choices: Choices, control: TunnelControl | None = None) -> Binding:
    """Return the binding of the whole module; without a control, no tunnel can be ended."""
    return Binding(
        MODULE,
        scalars=(_LEVEL, *phase_one.SCALARS, *phase_two.SCALARS),
        tables=(*phase_one.tables(choices, control), *phase_two.tables(choices, control)),
        unsupported={
            **dict.fromkeys(_HISTORY, "no history is kept yet"),
            **dict.fromkeys(_FAILURES, "no failure log is kept yet"),
            **dict.fromkeys(_TRAP_CONTROL, "no notifications are sent yet"),
        },
    )


_HISTORY = (
    "cipSecHistTableSize",
    "cipSecHistCheckPoint",
    "cikeTunnelHistTable",
    "cipSecTunnelHistTable",
    "cipSecEndPtHistTable",
)
_FAILURES = ("cipSecFailTableSize", "cikeFailTable", "cipSecFailTable")
_TRAP_CONTROL = (
    "cipSecTrapCntlIkeTunnelStart",
    "cipSecTrapCntlIkeTunnelStop",
    "cipSecTrapCntlIkeSysFailure",
    "cipSecTrapCntlIkeCertCrlFailure",
    "cipSecTrapCntlIkeProtocolFail",
    "cipSecTrapCntlIkeNoSa",
    "cipSecTrapCntlIpSecTunnelStart",
    "cipSecTrapCntlIpSecTunnelStop",
    "cipSecTrapCntlIpSecSysFailure",
    "cipSecTrapCntlIpSecSetUpFailure",
    "cipSecTrapCntlIpSecEarlyTunTerm",
    "cipSecTrapCntlIpSecProtocolFail",
    "cipSecTrapCntlIpSecNoSa",
)
