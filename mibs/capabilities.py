"""What the agent says about how much of each module it serves: the rows of sysORTable (RFC 3418).

The statements themselves are in ``asn1/FLOWMIB-CAPABILITIES.mib`` (RFC 2580 section 6).
"""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

from mibs import smi
from mibs.snmpv2_mib import ObjectResource

__all__ = ["MODULE", "STATEMENTS", "resources"]

MODULE = "FLOWMIB-CAPABILITIES"

STATEMENTS = MappingProxyType(
    {
        "SNMPv2-MIB": "flowmibSnmpv2",
        "SNMP-FRAMEWORK-MIB": "flowmibSnmpFramework",
        "SNMP-MPD-MIB": "flowmibSnmpMpd",
        "SNMP-TARGET-MIB": "flowmibSnmpTarget",
        "SNMP-USER-BASED-SM-MIB": "flowmibSnmpUsm",
        "CISCO-IPSEC-FLOW-MONITOR-MIB": "flowmibIpsecFlowMonitor",
        "CISCO-IPSEC-MIB": "flowmibIpsec",
        "CISCO-IPSEC-POLICY-MAP-MIB": "flowmibIpsecPolicyMap",
    }
)
"""Name of the statement about each module."""

_DESCRIPTION = "flowmib AGENT-CAPABILITIES SUPPORTS "
"""Observium finds the name of a module in sysORDescr after the last two of these words."""


def resources(modules: Sequence[str]) -> tuple[ObjectResource, ...]:
    """Return a row for each of these modules, in their order.

    Raises:
        KeyError: there is no statement about a module.
    """
    nodes = smi.load([MODULE]).module(MODULE).nodes
    return tuple(
        ObjectResource(number, nodes[STATEMENTS[name]], _DESCRIPTION + name)
        for number, name in enumerate(modules, 1)
    )
