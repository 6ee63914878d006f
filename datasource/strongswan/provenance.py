"""Where the values of the model come from with strongSwan: words of docs/mib-coverage.md.

``list-sas``, ``list-conns``, ``get-counters`` and ``get-algorithms`` are commands of VICI, and what
follows is their field. *log*: a line of the daemon's log, over VICI; without ``log_events`` it is
absent. *kernel*: a counter of the SA in the kernel (NETLINK_XFRM); absent where the kernel does not
do charon's ESP or may not be read.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["PROVENANCE"]

_LOG_FAILURES = "error-notify, `alert` events, log, `ike-updown`: see [failures.md](failures.md)"
_SELF = "; else `list-conns`, if it is fixed there"
_NOT_COUNTED = "absent: neither charon nor the kernel counts them for an SA"
_PACKETS_IN = "`list-sas` `packets-in`: charon counts what has passed"
_PACKETS_OUT = "`list-sas` `packets-out`"
_COMPRESSED = "absent with IPComp: charon counts the outer ones"

PROVENANCE: Mapping[str, str] = {
    # datasource.model
    "ChildSaParameters.cpi_in": "`list-sas` `cpi-in`",
    "ChildSaParameters.cpi_out": "`list-sas` `cpi-out`",
    "ChildSaParameters.lifetime": "`list-sas` `install-time` + `life-time`",
    "ChildSaParameters.lifetime_octets": "kernel: the hard limit of octets; absent where there is "
    "none: VICI does not tell it",
    "ChildSaParameters.mode": "`list-sas` `mode`; absent for BEET, which the MIB does not know",
    "ChildSaParameters.proposal": "`list-sas` `encr-alg`, `encr-keysize`, `integ-alg`, `dh-group`",
    "ChildSaParameters.protocol": "`list-sas` `protocol`",
    "ChildSaParameters.rekey_after": "`list-sas` `install-time` + `rekey-time`",
    "ChildSaParameters.rekey_octets": "`list-conns` `rekey_bytes` of the child",
    "Endpoint.local": "`list-sas` `local-ts`",
    "Endpoint.remote": "`list-sas` `remote-ts`",
    "IkeFailures.authentication": "log: AUTHENTICATION_FAILED sent or received, XAuth failed, a "
    "main mode message with another pre-shared key",
    "IkeFailures.decryption": "log: `could not decrypt payloads` where the integrity was not "
    "checked",
    "IkeFailures.hash_validation": "log: `verifying ... integrity failed`, a HASH payload that "
    "does not match",
    "IkeFailures.no_sa": "`get-counters` `invalid-spi`, summed over restarts; absent without the "
    "plugin counters",
    "IkeFailures.system_capacity": "absent: charon does not count them",
    "IkeSaParameters.auth_method": "`list-conns` `class` of the first `remote` round",
    "IkeSaParameters.connection": "`list-sas`: the name of the connection",
    "IkeSaParameters.lifetime": "`list-conns` `rekey_time` or `reauth_time`, the shorter one; "
    "absent where the connection has neither",
    "IkeSaParameters.local_address": "`list-sas` `local-host`",
    "IkeSaParameters.local_identity": "`list-sas` `local-id`",
    "IkeSaParameters.mode": "IKEv2: `list-sas` `version`. IKEv1: log, the exchange of the first "
    "message; absent where the tunnel is older than the agent",
    "IkeSaParameters.proposal": "`list-sas` `encr-alg`, `encr-keysize`, `integ-alg`, `dh-group`",
    "IkeSaParameters.rekey_after": "`list-sas` `established` + `rekey-time` or `reauth-time`, the "
    "earlier one",
    "IkeSaParameters.remote_address": "`list-sas` `remote-host`",
    "IkeSaParameters.remote_identity": "`list-sas` `remote-id`",
    "IkeTraffic.in_drops": "absent: charon does not count them",
    "IkeTraffic.in_notifies": "log: `N(...)` payloads of `parsed ...`",
    "IkeTraffic.in_octets": "log: `received packet: ... (N bytes)`",
    "IkeTraffic.in_packets": "log: `received packet: ...`",
    "IkeTraffic.in_phase2_deletes": "log: `received DELETE for ... CHILD_SA`",
    "IkeTraffic.in_phase2_exchanges": "log: `parsed QUICK_MODE request`, or `CREATE_CHILD_SA` or "
    "`IKE_AUTH` with `SA TSi`",
    "IkeTraffic.in_phase2_invalids": "log: answered with `N(INVAL_SYN)`",
    "IkeTraffic.in_phase2_rejects": "log: answered with `N(NO_PROP)`, `N(TS_UNACCEPT)` or "
    "`N(INVAL_ID)`",
    "IkeTraffic.out_drops": "absent: charon does not count them",
    "IkeTraffic.out_notifies": "log: `N(...)` payloads of `generating ...`",
    "IkeTraffic.out_octets": "log: `sending packet: ... (N bytes)`",
    "IkeTraffic.out_packets": "log: `sending packet: ...`",
    "IkeTraffic.out_phase2_deletes": "log: `sending DELETE for ... CHILD_SA`",
    "IkeTraffic.out_phase2_exchanges": "log: `generating QUICK_MODE request`, or `CREATE_CHILD_SA` "
    "or `IKE_AUTH` with `SA TSi`",
    "IkeTraffic.out_phase2_invalids": "log: the peer answers with `N(INVAL_SYN)`",
    "IkeTraffic.out_phase2_rejects": "log: the peer answers with `N(NO_PROP)`, `N(TS_UNACCEPT)` or "
    "`N(INVAL_ID)`",
    "IkeTunnel.started_at": "`list-sas` `established` of the first SA",
    "IpsecFailures.no_sa": "kernel: `/proc/net/xfrm_stat` XfrmInNoStates",
    "IpsecFailures.protocol_use": "kernel: `/proc/net/xfrm_stat` XfrmInHdrError, "
    "XfrmInStateMismatch, Xfrm(In,Out)StateProtoError, Xfrm(In,Out)StateModeError",
    "IpsecFailures.system_capacity": "kernel: `/proc/net/xfrm_stat` XfrmInBufferError, "
    "XfrmOutNoQueueSpace",
    "IpsecTraffic.in_auth_fails": "kernel: `failed` of the inbound SA",
    "IpsecTraffic.in_auths": f"{_PACKETS_IN}; 0 without authentication",
    "IpsecTraffic.in_decrypt_fails": _NOT_COUNTED,
    "IpsecTraffic.in_decrypts": f"{_PACKETS_IN}; 0 without encryption",
    "IpsecTraffic.in_drops": _NOT_COUNTED,
    "IpsecTraffic.in_octets": "`list-sas` `bytes-in`",
    "IpsecTraffic.in_packets": "`list-sas` `packets-in`",
    "IpsecTraffic.in_plain_octets": f"`list-sas` `bytes-in`; {_COMPRESSED}",
    "IpsecTraffic.in_replay_drops": "kernel: `replay-window` and `replay` of the inbound SA",
    "IpsecTraffic.out_auth_fails": _NOT_COUNTED,
    "IpsecTraffic.out_auths": f"{_PACKETS_OUT}; 0 without authentication",
    "IpsecTraffic.out_drops": _NOT_COUNTED,
    "IpsecTraffic.out_encrypt_fails": _NOT_COUNTED,
    "IpsecTraffic.out_encrypts": f"{_PACKETS_OUT}; 0 without encryption",
    "IpsecTraffic.out_octets": "`list-sas` `bytes-out`",
    "IpsecTraffic.out_packets": "`list-sas` `packets-out`",
    "IpsecTraffic.out_plain_octets": f"`list-sas` `bytes-out`; {_COMPRESSED}",
    "IpsecTunnel.started_at": "`list-sas` `install-time` of the first child SA",
    "Spi.protocol": "`list-sas` `protocol`; IPCOMP for a `cpi-in` or `cpi-out`",
    "Spi.value": "`list-sas` `spi-in`, `spi-out`, `cpi-in`, `cpi-out`",
    "Totals.initiated_failures": "`ike-updown` of an IKE SA that was not up, with `initiator`; log",
    "Totals.responded_failures": "`ike-updown` of an IKE SA that was not up, without `initiator`; "
    "log",
    "TrafficSelector.protocol": "`list-sas` `local-ts`, `remote-ts`: the part in brackets",
    # datasource.history, datasource.failures
    "EndedIkeTunnel.reason": "`ike-updown`: the state and the tasks of the IKE SA; log: whether "
    "an operator asked for it, the peer was silent or charon stopped",
    "EndedIpsecTunnel.reason": "`child-updown`: the state and the tasks of the IKE SA; log: "
    "whether an operator asked for it, the peer was silent or charon stopped",
    "IkeFailure.local_address": f"error-notify, `alert`, log, `ike-updown`{_SELF}",
    "IkeFailure.local_identity": f"`alert`, `ike-updown`{_SELF}",
    "IkeFailure.reason": _LOG_FAILURES,
    "IkeFailure.remote_address": f"error-notify, `alert`, log, `ike-updown`{_SELF}",
    "IkeFailure.remote_identity": f"`alert`, `ike-updown`{_SELF}; else the EAP identity that "
    "error-notify has",
    "IpsecFailure.destination": "of a packet: kernel, the SA's. Else the peer's address",
    "IpsecFailure.reason": "error-notify, `alert` events, log: see [failures.md](failures.md); "
    "kernel: `failed` or XfrmInNoStates has grown",
    "IpsecFailure.source": "of a packet: kernel, the SA's. Else our own address",
    "IpsecFailure.spi": "kernel: the SA whose `failed` has grown. At the end of a tunnel "
    "`list-sas` `spi-in`",
    # datasource.configuration
    "Child.lifetime": "swanctl.conf or `list-conns` `rekey_time`; 0, the default of all, where it "
    "is that",
    "Child.lifetime_octets": "`list-conns` `rekey_bytes`; 0, the default of all, without",
    "Child.name": "`list-conns`: the name of the child",
    "Configuration.enabled": "whether charon answers at the VICI socket",
    "Configuration.identity_type": "`list-conns` `id` of the first `local` round; unknown where "
    "connections differ",
    "Configuration.keepalive": "`list-conns` `dpd_delay`, the shortest; absent without DPD",
    "Defaults.lifetime": "charon's default `rekey_time` of a child, 3600 seconds",
    "Defaults.lifetime_octets": "absent: charon has no default `rekey_bytes`",
    "Defaults.triple_des": "`get-algorithms`: whether 3DES_CBC is there",
    "Interface.virtual": "rtnetlink: IFLA_INFO_KIND of the interface with a local address of the "
    "connection, or over which its peer is reached",
    "Policy.auth_method": "`list-conns` `class` of the first `remote` round; of a default policy "
    "each of two",
    "Policy.lifetime": "`list-conns` `rekey_time` or `reauth_time`; of a default policy charon's "
    "default, 14400 seconds",
    "Policy.proposal": "swanctl.conf `proposals`; without that file learned from `list-sas`. Of a "
    "default policy `get-algorithms`",
}
"""By class and field."""
