"""The phase-1 group (IKE): 1.3.6.1.4.1.9.9.171.1.2."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from operator import attrgetter

from datasource.control import TunnelControl
from datasource.model import (
    Identity,
    IdentityType,
    IkeSaParameters,
    Membership,
    Peer,
    PeerAssociation,
)
from mibs.algorithms import AlgorithmNumbers
from mibs.cisco_ipsec_flow_monitor.choices import MEDIA_GATEWAYS, Choices, columns_without_rows
from mibs.cisco_ipsec_flow_monitor.status import tunnel_status
from mibs.forms import (
    display_string,
    identity_octets,
    identity_type,
    identity_value,
    ip_address,
    positive,
)
from mibs.table import Age, Column, Key, Root, Scalar, Table

__all__ = ["IKE_TUNNELS", "SCALARS", "remote_name_form", "tables"]


def tables(choices: Choices, control: TunnelControl | None) -> tuple[Table, ...]:
    """Return the tables of the group."""
    peers = Root(
        "peer associations",
        attrgetter("associations"),
        lambda association: _peer_key(association, octets=choices.peer_index_octets),
        identity=attrgetter("key"),
    )
    return (
        _cike_peer_table(peers),
        _cike_tunnel_table(choices.algorithms, choices.descriptions, control),
        _cike_peer_corr_table(peers),
        _CIKE_PHASE1_GW_STATS_TABLE,
    )


IKE_TUNNELS = Root("IKE tunnels", attrgetter("ike_tunnels"), lambda row: (row.index,))

# cikeGlobalStats .1.2.1 ---------------------------------------------------------------------------

SCALARS = (
    Scalar("cikeGlobalActiveTunnels", "ike_tunnels", len),
    Scalar("cikeGlobalPreviousTunnels", "totals.ike_ended"),
    Scalar("cikeGlobalInOctets", "totals.ike.in_octets"),
    Scalar("cikeGlobalInPkts", "totals.ike.in_packets"),
    Scalar("cikeGlobalInDropPkts", "totals.ike.in_drops"),
    Scalar("cikeGlobalInNotifys", "totals.ike.in_notifies"),
    Scalar("cikeGlobalInP2Exchgs", "totals.ike.in_phase2_exchanges"),
    Scalar("cikeGlobalInP2ExchgInvalids", "totals.ike.in_phase2_invalids"),
    Scalar("cikeGlobalInP2ExchgRejects", "totals.ike.in_phase2_rejects"),
    Scalar("cikeGlobalInP2SaDelRequests", "totals.ike.in_phase2_deletes"),
    Scalar("cikeGlobalOutOctets", "totals.ike.out_octets"),
    Scalar("cikeGlobalOutPkts", "totals.ike.out_packets"),
    Scalar("cikeGlobalOutDropPkts", "totals.ike.out_drops"),
    Scalar("cikeGlobalOutNotifys", "totals.ike.out_notifies"),
    Scalar("cikeGlobalOutP2Exchgs", "totals.ike.out_phase2_exchanges"),
    Scalar("cikeGlobalOutP2ExchgInvalids", "totals.ike.out_phase2_invalids"),
    Scalar("cikeGlobalOutP2ExchgRejects", "totals.ike.out_phase2_rejects"),
    Scalar("cikeGlobalOutP2SaDelRequests", "totals.ike.out_phase2_deletes"),
    Scalar("cikeGlobalInitTunnels", "totals.initiated"),
    Scalar("cikeGlobalInitTunnelFails", "totals.initiated_failures"),
    Scalar("cikeGlobalRespTunnelFails", "totals.responded_failures"),
    Scalar("cikeGlobalSysCapFails", "totals.failures.system_capacity"),
    Scalar("cikeGlobalAuthFails", "totals.failures.authentication"),
    Scalar("cikeGlobalDecryptFails", "totals.failures.decryption"),
    Scalar("cikeGlobalHashValidFails", "totals.failures.hash_validation"),
    Scalar("cikeGlobalNoSaFails", "totals.failures.no_sa"),
)

# cikePeerTable .1.2.2 -----------------------------------------------------------------------------


def _peer_key(association: Peer, *, octets: bool) -> Key:
    value = identity_octets if octets else identity_value
    local, remote = value(association.local_identity), value(association.remote_identity)
    return (
        identity_type(association.local_identity),
        len(local),
        *local,
        identity_type(association.remote_identity),
        len(remote),
        *remote,
        association.number,
    )


def _cike_peer_table(peers: Root) -> Table:
    return Table(
        "cikePeerTable",
        peers,
        (
            Column("cikePeerLocalAddr", "local_address", ip_address),
            Column("cikePeerRemoteAddr", "remote_address", ip_address),
            Age("cikePeerActiveTime", "started_at"),
            Column("cikePeerActiveTunnelIndex", "ike_index"),
        ),
    )


# cikeTunnelTable .1.2.3 ---------------------------------------------------------------------------


def remote_name_form(descriptions: Mapping[str, str]) -> Callable[[IkeSaParameters], bytes]:
    """Return the form of a peer's name: its description, or its identity if that is a host name."""
    return lambda parameters: _remote_name(parameters, descriptions)


def _remote_name(parameters: IkeSaParameters, descriptions: Mapping[str, str]) -> bytes:
    identity = parameters.remote_identity
    for key in (identity.text, str(parameters.remote_address)):
        if (description := descriptions.get(key)) is not None:
            return display_string(description)
    return display_string(identity.text) if _is_host_name(identity) else b""


def _is_host_name(identity: Identity) -> bool:
    text = identity.text
    return identity.type is IdentityType.NAME and not any(c in text for c in "@=%/ ")


async def _terminate(control: TunnelControl, index: int) -> None:
    await control.terminate_ike(index)


def _cike_tunnel_table(
    numbers: AlgorithmNumbers, descriptions: Mapping[str, str], control: TunnelControl | None
) -> Table:
    return Table(
        "cikeTunnelTable",
        IKE_TUNNELS,
        (
            Column("cikeTunLocalType", "parameters.local_identity", identity_type),
            Column("cikeTunLocalValue", "parameters.local_identity", identity_value),
            Column("cikeTunLocalAddr", "parameters.local_address", ip_address),
            Column("cikeTunLocalName", "parameters.connection", display_string),
            Column("cikeTunRemoteType", "parameters.remote_identity", identity_type),
            Column("cikeTunRemoteValue", "parameters.remote_identity", identity_value),
            Column("cikeTunRemoteAddr", "parameters.remote_address", ip_address),
            Column("cikeTunRemoteName", "parameters", remote_name_form(descriptions)),
            Column("cikeTunNegoMode", "parameters.mode", numbers.ike_nego_mode),
            Column("cikeTunDiffHellmanGrp", "parameters.proposal", numbers.diffie_hellman_grp),
            Column("cikeTunEncryptAlgo", "parameters.proposal", numbers.encrypt_algo),
            Column("cikeTunHashAlgo", "parameters.proposal", numbers.ike_hash_algo),
            Column("cikeTunAuthMethod", "parameters.auth_method", numbers.ike_auth_method),
            Column("cikeTunLifeTime", "parameters.lifetime", positive),
            Age("cikeTunActiveTime", "started_at"),
            Column("cikeTunSaRefreshThreshold", "parameters.rekey_after", positive),
            Column("cikeTunTotalRefreshes", "refreshes"),
            Column("cikeTunInOctets", "traffic.in_octets"),
            Column("cikeTunInPkts", "traffic.in_packets"),
            Column("cikeTunInDropPkts", "traffic.in_drops"),
            Column("cikeTunInNotifys", "traffic.in_notifies"),
            Column("cikeTunInP2Exchgs", "traffic.in_phase2_exchanges"),
            Column("cikeTunInP2ExchgInvalids", "traffic.in_phase2_invalids"),
            Column("cikeTunInP2ExchgRejects", "traffic.in_phase2_rejects"),
            Column("cikeTunInP2SaDelRequests", "traffic.in_phase2_deletes"),
            Column("cikeTunOutOctets", "traffic.out_octets"),
            Column("cikeTunOutPkts", "traffic.out_packets"),
            Column("cikeTunOutDropPkts", "traffic.out_drops"),
            Column("cikeTunOutNotifys", "traffic.out_notifies"),
            Column("cikeTunOutP2Exchgs", "traffic.out_phase2_exchanges"),
            Column("cikeTunOutP2ExchgInvalids", "traffic.out_phase2_invalids"),
            Column("cikeTunOutP2ExchgRejects", "traffic.out_phase2_rejects"),
            Column("cikeTunOutP2SaDelRequests", "traffic.out_phase2_deletes"),
            tunnel_status("cikeTunStatus", control, _terminate),
        ),
    )


# cikePeerCorrTable .1.2.4 -------------------------------------------------------------------------


def _members(association: PeerAssociation) -> Iterator[tuple[Key, Membership]]:
    for member in association.members:
        yield (member.number,), member


def _cike_peer_corr_table(peers: Root) -> Table:
    return Table(
        "cikePeerCorrTable",
        peers,
        (Column("cikePeerCorrIpSecTunIndex", "ipsec_index"),),
        expand=_members,
    )


# cikePhase1GWStatsTable .1.2.5 --------------------------------------------------------------------

_CIKE_PHASE1_GW_STATS_TABLE = Table(
    "cikePhase1GWStatsTable",
    MEDIA_GATEWAYS,
    columns_without_rows(
        "cikePhase1GWActiveTunnels",
        "cikePhase1GWPreviousTunnels",
        "cikePhase1GWInOctets",
        "cikePhase1GWInPkts",
        "cikePhase1GWInDropPkts",
        "cikePhase1GWInNotifys",
        "cikePhase1GWInP2Exchgs",
        "cikePhase1GWInP2ExchgInvalids",
        "cikePhase1GWInP2ExchgRejects",
        "cikePhase1GWInP2SaDelRequests",
        "cikePhase1GWOutOctets",
        "cikePhase1GWOutPkts",
        "cikePhase1GWOutDropPkts",
        "cikePhase1GWOutNotifys",
        "cikePhase1GWOutP2Exchgs",
        "cikePhase1GWOutP2ExchgInvalids",
        "cikePhase1GWOutP2ExchgRejects",
        "cikePhase1GWOutP2SaDelRequests",
        "cikePhase1GWInitTunnels",
        "cikePhase1GWInitTunnelFails",
        "cikePhase1GWRespTunnelFails",
        "cikePhase1GWSysCapFails",
        "cikePhase1GWAuthFails",
        "cikePhase1GWDecryptFails",
        "cikePhase1GWHashValidFails",
        "cikePhase1GWNoSaFails",
    ),
)
