"""The ISAKMP group: 1.3.6.1.4.1.9.10.62.1.1."""

from __future__ import annotations

from operator import attrgetter

from datasource.model import IdentityType
from mibs.algorithms import AlgorithmNumbers
from mibs.forms import truth_value, within
from mibs.table import Column, Root, Scalar, Table

__all__ = ["SCALARS", "policy_table"]

_UNKNOWN = 0
_IDENTITY = {IdentityType.ADDRESS: 1, IdentityType.NAME: 2}
"""IkeIdentityType: isakmpIdTypeADDRESS(1), isakmpIdTypeHOSTNAME(2)."""

_POLICIES = Root(
    "ISAKMP policies", attrgetter("configuration.policies"), lambda row: (row.priority,)
)

SCALARS = (
    Scalar("cipsIsakmpEnabled", "configuration.enabled", truth_value),
    Scalar("cipsIsakmpIdentity", "configuration.identity_type", _IDENTITY.get, missing=_UNKNOWN),
    Scalar("cipsIsakmpKeepaliveInterval", "configuration.keepalive", within(10, 3600)),
    # The range begins at 1; without policies the truth is 0 all the same.
    Scalar("cipsNumIsakmpPolicies", "configuration.policies", len),
)

# cipsIsakmpPolicyTable .1.1.5 ---------------------------------------------------------------------


def policy_table(numbers: AlgorithmNumbers) -> Table:
    """Return the table of the group."""
    return Table(
        "cipsIsakmpPolicyTable",
        _POLICIES,
        (
            Column("cipsIsakmpPolEncr", "policy.proposal", numbers.encrypt_algo),
            Column("cipsIsakmpPolHash", "policy.proposal", numbers.ike_hash_algo),
            Column("cipsIsakmpPolAuth", "policy.auth_method", numbers.ike_auth_method),
            Column("cipsIsakmpPolGroup", "policy.proposal", numbers.diffie_hellman_grp),
            Column("cipsIsakmpPolLifetime", "policy.lifetime", within(60, 86400)),
        ),
    )
