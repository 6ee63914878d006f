"""CISCO-IPSEC-POLICY-MAP-MIB (1.3.6.1.4.1.9.9.172): which attribute each object is.

The tables are made of the very lists that the tunnel tables of CISCO-IPSEC-FLOW-MONITOR-MIB are
made of, so that they have the same rows at any moment.
"""

from __future__ import annotations

from datasource.model import PolicyMap
from mibs.access_list import access_list_entry
from mibs.cisco_ipsec_flow_monitor.phase_one import IKE_TUNNELS
from mibs.cisco_ipsec_flow_monitor.phase_two import IPSEC_TUNNELS
from mibs.forms import display_string
from mibs.table import Binding, Column, Table

__all__ = ["BINDING", "MODULE"]

MODULE = "CISCO-IPSEC-POLICY-MAP-MIB"

_NO_POLICY = b""

# ikePolMapTable .1.1.1 ----------------------------------------------------------------------------

_IKE_POL_MAP_TABLE = Table(
    "ikePolMapTable",
    IKE_TUNNELS,
    # 0 is out of the range, and by the description it means that there is none.
    (Column("ikePolMapPolicyNum", "policy"),),
)

# ipSecPolMapTable .1.2.1 --------------------------------------------------------------------------


def _set_name(policy_map: PolicyMap) -> bytes:
    return display_string(policy_map.set_name)


def _priority(policy_map: PolicyMap) -> int:
    return policy_map.priority


def _acl_string(policy_map: PolicyMap) -> bytes:
    return display_string(policy_map.access_list)


def _ace_string(policy_map: PolicyMap) -> bytes:
    name, flow = policy_map.access_list, policy_map.endpoint
    return display_string(access_list_entry(name, flow)) if name and flow else _NO_POLICY


_IPSEC_POL_MAP_TABLE = Table(
    "ipSecPolMapTable",
    IPSEC_TUNNELS,
    (
        Column("ipSecPolMapCryptoMapName", "policy_map", _set_name, missing=_NO_POLICY),
        Column("ipSecPolMapCryptoMapNum", "policy_map", _priority),
        Column("ipSecPolMapAclString", "policy_map", _acl_string, missing=_NO_POLICY),
        Column("ipSecPolMapAceString", "policy_map", _ace_string, missing=_NO_POLICY),
    ),
)

BINDING = Binding(MODULE, tables=(_IKE_POL_MAP_TABLE, _IPSEC_POL_MAP_TABLE))
"""Of the whole module."""
