"""Where the values of the model come from in the simulated gateway: words of docs/mib-coverage.md.

Nothing of it is measured, but it all hangs together: what is made up is drawn from the seed.
"""

from __future__ import annotations

from collections.abc import Mapping

from datasource.model import IkeTraffic, IpsecTraffic

__all__ = ["PROVENANCE"]

_PEER = "made up: the peer's"
_CHILD = "made up: the child's"
_FAILURE = "made up: failures at random times"
_SET_UP = "made up: the configuration"

PROVENANCE: Mapping[str, str] = {
    # datasource.model
    "ChildSaParameters.cpi_in": f"{_CHILD}; new with each SA",
    "ChildSaParameters.cpi_out": f"{_CHILD}; new with each SA",
    "ChildSaParameters.lifetime": _CHILD,
    "ChildSaParameters.lifetime_octets": f"{_CHILD}; absent for three in four",
    "ChildSaParameters.mode": _CHILD,
    "ChildSaParameters.proposal": _CHILD,
    "ChildSaParameters.protocol": _CHILD,
    "ChildSaParameters.rekey_after": "made up: a share of the lifetime, another for each SA",
    "ChildSaParameters.rekey_octets": "nine tenths of the volume after which the SA is deleted",
    "Endpoint.local": _CHILD,
    "Endpoint.remote": _CHILD,
    "IkeFailures.authentication": _FAILURE,
    "IkeFailures.decryption": _FAILURE,
    "IkeFailures.hash_validation": _FAILURE,
    "IkeFailures.no_sa": _FAILURE,
    "IkeFailures.system_capacity": _FAILURE,
    "IkeSaParameters.auth_method": _PEER,
    "IkeSaParameters.connection": _PEER,
    "IkeSaParameters.lifetime": _PEER,
    "IkeSaParameters.local_address": _PEER,
    "IkeSaParameters.local_identity": _PEER,
    "IkeSaParameters.mode": _PEER,
    "IkeSaParameters.proposal": _PEER,
    "IkeSaParameters.rekey_after": "made up: a share of the lifetime, another for each SA",
    "IkeSaParameters.remote_address": f"{_PEER}; some roam",
    "IkeSaParameters.remote_identity": _PEER,
    **{
        f"IkeTraffic.{field}": "made up: messages of its set-ups, rekeys, checks and deletes"
        for field in IkeTraffic._fields
    },
    "IkeTunnel.started_at": "made up, at the beginning; then the time of the set-up",
    "IpsecFailures.no_sa": _FAILURE,
    "IpsecFailures.protocol_use": _FAILURE,
    "IpsecFailures.system_capacity": _FAILURE,
    **{
        f"IpsecTraffic.{field}": "made up: a flow with its rates, sizes and faults"
        for field in IpsecTraffic._fields
    },
    "IpsecTraffic.out_auth_fails": "always 0",
    "IpsecTraffic.out_encrypt_fails": "always 0",
    "IpsecTunnel.started_at": "made up, at the beginning; then the time of the set-up",
    "Spi.protocol": f"{_CHILD}; IPCOMP for a CPI",
    "Spi.value": "made up: new with each SA",
    "Totals.initiated_failures": _FAILURE,
    "Totals.responded_failures": _FAILURE,
    "TrafficSelector.protocol": _CHILD,
    # datasource.history, datasource.failures
    "EndedIkeTunnel.reason": "made up; operator where somebody ends it by SNMP",
    "EndedIpsecTunnel.reason": "made up; operator where somebody ends it by SNMP",
    "IkeFailure.local_address": _FAILURE,
    "IkeFailure.local_identity": f"{_FAILURE}; absent of a message outside of a set-up",
    "IkeFailure.reason": _FAILURE,
    "IkeFailure.remote_address": _FAILURE,
    "IkeFailure.remote_identity": f"{_FAILURE}; absent of a message outside of a set-up",
    "IpsecFailure.destination": _FAILURE,
    "IpsecFailure.reason": _FAILURE,
    "IpsecFailure.source": _FAILURE,
    "IpsecFailure.spi": f"{_FAILURE}; at the end of a tunnel its own",
    # datasource.configuration
    "Child.lifetime": _SET_UP,
    "Child.lifetime_octets": _SET_UP,
    "Child.name": _SET_UP,
    "Configuration.enabled": _SET_UP,
    "Configuration.identity_type": _SET_UP,
    "Configuration.keepalive": _SET_UP,
    "Defaults.lifetime": _SET_UP,
    "Defaults.lifetime_octets": _SET_UP,
    "Defaults.triple_des": _SET_UP,
    "Interface.virtual": _SET_UP,
    "Policy.auth_method": _SET_UP,
    "Policy.lifetime": _SET_UP,
    "Policy.proposal": f"{_SET_UP}; of a default policy those of an IOS router",
}
"""By class and field."""
