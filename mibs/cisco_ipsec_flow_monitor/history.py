"""The history group: 1.3.6.1.4.1.9.9.171.1.4."""

from __future__ import annotations

from operator import attrgetter

from datasource.reasons import EndReason
from mibs.algorithms import AlgorithmNumbers
from mibs.cisco_ipsec_flow_monitor.archive import Archive, check_point, table_size
from mibs.cisco_ipsec_flow_monitor.choices import Choices
from mibs.cisco_ipsec_flow_monitor.endpoint import (
    end_pt_addr1,
    end_pt_addr2,
    end_pt_port,
    end_pt_type,
    no_name,
)
from mibs.cisco_ipsec_flow_monitor.phase_one import remote_name_form
from mibs.cisco_ipsec_flow_monitor.phase_two import ENCAP_MODE, in_comp_algo, out_comp_algo
from mibs.forms import (
    constant,
    display_string,
    identity_type,
    identity_value,
    ip_address,
    kilobytes,
    positive,
    time_interval,
    wraps,
)
from mibs.table import Column, Live, Root, Scalar, Table

__all__ = ["scalars", "tables"]


def scalars(archive: Archive) -> tuple[Scalar | Live, ...]:
    """Return the scalars of the group, cipSecHistGlobalCntl .1.4.1.1."""
    return (
        table_size("cipSecHistTableSize", "past.tunnel_size", archive.history.resize_tunnels),
        check_point("cipSecHistCheckPoint", archive.check_point),
    )


def tables(choices: Choices, archive: Archive) -> tuple[Table, ...]:
    """Return the tables of the group."""
    return (
        _cike_tunnel_hist_table(choices, archive),
        _cipsec_tunnel_hist_table(choices.algorithms, archive),
        _CIPSEC_END_PT_HIST_TABLE,
    )


# cikeTunnelHistTable .1.4.2.1 ---------------------------------------------------------------------

_IKE_TUNNELS = Root("ended IKE tunnels", attrgetter("past.ike_tunnels"), lambda row: (row.number,))

_CIKE_TERM_REASON = {
    EndReason.OTHER: 1,
    EndReason.NORMAL: 2,
    EndReason.OPERATOR: 3,
    EndReason.PEER_DELETE: 4,
    EndReason.PEER_LOST: 5,
    EndReason.LOCAL_FAILURE: 6,
    EndReason.CHECK_POINT: 7,
}


def _cike_tunnel_hist_table(choices: Choices, archive: Archive) -> Table:
    numbers = choices.algorithms
    remote_name = remote_name_form(choices.descriptions)
    return Table(
        "cikeTunnelHistTable",
        _IKE_TUNNELS,
        (
            Column("cikeTunHistTermReason", "content.reason", _CIKE_TERM_REASON.get),
            Column("cikeTunHistActiveIndex", "content.tunnel.index"),
            Column("cikeTunHistPeerLocalType", "content.peer.local_identity", identity_type),
            Column("cikeTunHistPeerLocalValue", "content.peer.local_identity", identity_value),
            Column("cikeTunHistPeerIntIndex", "content.peer.number"),
            Column("cikeTunHistPeerRemoteType", "content.peer.remote_identity", identity_type),
            Column("cikeTunHistPeerRemoteValue", "content.peer.remote_identity", identity_value),
            Column("cikeTunHistLocalAddr", "content.tunnel.parameters.local_address", ip_address),
            Column("cikeTunHistLocalName", "content.tunnel.parameters.connection", display_string),
            Column("cikeTunHistRemoteAddr", "content.tunnel.parameters.remote_address", ip_address),
            Column("cikeTunHistRemoteName", "content.tunnel.parameters", remote_name),
            Column("cikeTunHistNegoMode", "content.tunnel.parameters.mode", numbers.ike_nego_mode),
            Column(
                "cikeTunHistDiffHellmanGrp",
                "content.tunnel.parameters.proposal",
                numbers.diffie_hellman_grp,
            ),
            Column(
                "cikeTunHistEncryptAlgo",
                "content.tunnel.parameters.proposal",
                numbers.encrypt_algo,
            ),
            Column(
                "cikeTunHistHashAlgo", "content.tunnel.parameters.proposal", numbers.ike_hash_algo
            ),
            Column(
                "cikeTunHistAuthMethod",
                "content.tunnel.parameters.auth_method",
                numbers.ike_auth_method,
            ),
            Column("cikeTunHistLifeTime", "content.tunnel.parameters.lifetime", positive),
            Column("cikeTunHistStartTime", "content.tunnel.started_at", archive.time_stamp),
            Column("cikeTunHistActiveTime", "content.lasted", time_interval),
            Column("cikeTunHistTotalRefreshes", "content.tunnel.refreshes"),
            Column("cikeTunHistTotalSas", "content.sas"),
            Column("cikeTunHistInOctets", "content.tunnel.traffic.in_octets"),
            Column("cikeTunHistInPkts", "content.tunnel.traffic.in_packets"),
            Column("cikeTunHistInDropPkts", "content.tunnel.traffic.in_drops"),
            Column("cikeTunHistInNotifys", "content.tunnel.traffic.in_notifies"),
            Column("cikeTunHistInP2Exchgs", "content.tunnel.traffic.in_phase2_exchanges"),
            Column("cikeTunHistInP2ExchgInvalids", "content.tunnel.traffic.in_phase2_invalids"),
            Column("cikeTunHistInP2ExchgRejects", "content.tunnel.traffic.in_phase2_rejects"),
            Column("cikeTunHistInP2SaDelRequests", "content.tunnel.traffic.in_phase2_deletes"),
            Column("cikeTunHistOutOctets", "content.tunnel.traffic.out_octets"),
            Column("cikeTunHistOutPkts", "content.tunnel.traffic.out_packets"),
            Column("cikeTunHistOutDropPkts", "content.tunnel.traffic.out_drops"),
            Column("cikeTunHistOutNotifys", "content.tunnel.traffic.out_notifies"),
            Column("cikeTunHistOutP2Exchgs", "content.tunnel.traffic.out_phase2_exchanges"),
            Column("cikeTunHistOutP2ExchgInvalids", "content.tunnel.traffic.out_phase2_invalids"),
            Column("cikeTunHistOutP2ExchgRejects", "content.tunnel.traffic.out_phase2_rejects"),
            Column("cikeTunHistOutP2SaDelRequests", "content.tunnel.traffic.out_phase2_deletes"),
        ),
    )


# cipSecTunnelHistTable .1.4.3.1 -------------------------------------------------------------------

_IPSEC_TUNNELS = Root(
    "ended IPsec tunnels", attrgetter("past.ipsec_tunnels"), lambda row: (row.number,)
)

_CIPSEC_TERM_REASON = {
    **_CIKE_TERM_REASON,
    # The label of 6 is seqNumRollOver here, which would send people the wrong way.
    EndReason.LOCAL_FAILURE: 1,
}


def _cipsec_tunnel_hist_table(numbers: AlgorithmNumbers, archive: Archive) -> Table:
    return Table(
        "cipSecTunnelHistTable",
        _IPSEC_TUNNELS,
        (
            Column("cipSecTunHistTermReason", "content.reason", _CIPSEC_TERM_REASON.get),
            Column("cipSecTunHistActiveIndex", "content.tunnel.index"),
            Column("cipSecTunHistIkeTunnelIndex", "content.tunnel.ike_index"),
            Column("cipSecTunHistLocalAddr", "content.tunnel.local_address", ip_address),
            Column("cipSecTunHistRemoteAddr", "content.tunnel.remote_address", ip_address),
            Column("cipSecTunHistKeyType", "content.tunnel.index", constant(1)),
            Column("cipSecTunHistEncapMode", "content.tunnel.parameters.mode", ENCAP_MODE.get),
            Column("cipSecTunHistLifeSize", "content.tunnel.parameters.lifetime_octets", kilobytes),
            Column("cipSecTunHistLifeTime", "content.tunnel.parameters.lifetime", positive),
            Column("cipSecTunHistStartTime", "content.tunnel.started_at", archive.time_stamp),
            Column("cipSecTunHistActiveTime", "content.lasted", time_interval),
            Column("cipSecTunHistTotalRefreshes", "content.tunnel.refreshes"),
            Column("cipSecTunHistTotalSas", "content.sas"),
            Column(
                "cipSecTunHistInSaDiffHellmanGrp",
                "content.tunnel.parameters.proposal",
                numbers.diffie_hellman_grp,
            ),
            Column(
                "cipSecTunHistInSaEncryptAlgo",
                "content.tunnel.parameters",
                numbers.esp_encrypt_algo,
            ),
            Column(
                "cipSecTunHistInSaAhAuthAlgo", "content.tunnel.parameters", numbers.ah_auth_algo
            ),
            Column(
                "cipSecTunHistInSaEspAuthAlgo", "content.tunnel.parameters", numbers.esp_auth_algo
            ),
            Column("cipSecTunHistInSaDecompAlgo", "content.tunnel.parameters", in_comp_algo),
            Column(
                "cipSecTunHistOutSaDiffHellmanGrp",
                "content.tunnel.parameters.proposal",
                numbers.diffie_hellman_grp,
            ),
            Column(
                "cipSecTunHistOutSaEncryptAlgo",
                "content.tunnel.parameters",
                numbers.esp_encrypt_algo,
            ),
            Column(
                "cipSecTunHistOutSaAhAuthAlgo", "content.tunnel.parameters", numbers.ah_auth_algo
            ),
            Column(
                "cipSecTunHistOutSaEspAuthAlgo", "content.tunnel.parameters", numbers.esp_auth_algo
            ),
            Column("cipSecTunHistOutSaCompAlgo", "content.tunnel.parameters", out_comp_algo),
            Column("cipSecTunHistInOctets", "content.tunnel.traffic.in_octets"),
            Column("cipSecTunHistHcInOctets", "content.tunnel.traffic.in_octets"),
            Column("cipSecTunHistInOctWraps", "content.tunnel.traffic.in_octets", wraps),
            Column("cipSecTunHistInDecompOctets", "content.tunnel.traffic.in_plain_octets"),
            Column("cipSecTunHistHcInDecompOctets", "content.tunnel.traffic.in_plain_octets"),
            Column(
                "cipSecTunHistInDecompOctWraps", "content.tunnel.traffic.in_plain_octets", wraps
            ),
            Column("cipSecTunHistInPkts", "content.tunnel.traffic.in_packets"),
            Column("cipSecTunHistInDropPkts", "content.tunnel.traffic.in_drops"),
            Column("cipSecTunHistInReplayDropPkts", "content.tunnel.traffic.in_replay_drops"),
            Column("cipSecTunHistInAuths", "content.tunnel.traffic.in_auths"),
            Column("cipSecTunHistInAuthFails", "content.tunnel.traffic.in_auth_fails"),
            Column("cipSecTunHistInDecrypts", "content.tunnel.traffic.in_decrypts"),
            Column("cipSecTunHistInDecryptFails", "content.tunnel.traffic.in_decrypt_fails"),
            Column("cipSecTunHistOutOctets", "content.tunnel.traffic.out_octets"),
            Column("cipSecTunHistHcOutOctets", "content.tunnel.traffic.out_octets"),
            Column("cipSecTunHistOutOctWraps", "content.tunnel.traffic.out_octets", wraps),
            Column("cipSecTunHistOutUncompOctets", "content.tunnel.traffic.out_plain_octets"),
            Column("cipSecTunHistHcOutUncompOctets", "content.tunnel.traffic.out_plain_octets"),
            Column(
                "cipSecTunHistOutUncompOctWraps", "content.tunnel.traffic.out_plain_octets", wraps
            ),
            Column("cipSecTunHistOutPkts", "content.tunnel.traffic.out_packets"),
            Column("cipSecTunHistOutDropPkts", "content.tunnel.traffic.out_drops"),
            Column("cipSecTunHistOutAuths", "content.tunnel.traffic.out_auths"),
            Column("cipSecTunHistOutAuthFails", "content.tunnel.traffic.out_auth_fails"),
            Column("cipSecTunHistOutEncrypts", "content.tunnel.traffic.out_encrypts"),
            Column("cipSecTunHistOutEncryptFails", "content.tunnel.traffic.out_encrypt_fails"),
        ),
    )


# cipSecEndPtHistTable .1.4.3.2 --------------------------------------------------------------------

_CIPSEC_END_PT_HIST_TABLE = Table(
    "cipSecEndPtHistTable",
    Root("ended endpoints", attrgetter("past.endpoints"), lambda row: (row.number,)),
    (
        Column("cipSecEndPtHistTunIndex", "content.tunnel_index"),
        Column("cipSecEndPtHistActiveIndex", "content.number"),
        Column("cipSecEndPtHistLocalName", "content", no_name),
        Column("cipSecEndPtHistLocalType", "content.endpoint.local", end_pt_type),
        Column("cipSecEndPtHistLocalAddr1", "content.endpoint.local", end_pt_addr1),
        Column("cipSecEndPtHistLocalAddr2", "content.endpoint.local", end_pt_addr2),
        Column("cipSecEndPtHistLocalProtocol", "content.endpoint.local.protocol"),
        Column("cipSecEndPtHistLocalPort", "content.endpoint.local", end_pt_port),
        Column("cipSecEndPtHistRemoteName", "content", no_name),
        Column("cipSecEndPtHistRemoteType", "content.endpoint.remote", end_pt_type),
        Column("cipSecEndPtHistRemoteAddr1", "content.endpoint.remote", end_pt_addr1),
        Column("cipSecEndPtHistRemoteAddr2", "content.endpoint.remote", end_pt_addr2),
        Column("cipSecEndPtHistRemoteProtocol", "content.endpoint.remote.protocol"),
        Column("cipSecEndPtHistRemotePort", "content.endpoint.remote", end_pt_port),
    ),
)
