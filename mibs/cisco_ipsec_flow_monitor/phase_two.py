"""The phase-2 group (IPsec): 1.3.6.1.4.1.9.9.171.1.3."""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter

from datasource.control import TunnelControl
from datasource.model import (
    ChildSaParameters,
    EncapsulationMode,
    Endpoint,
    IpsecTunnel,
    Spi,
)
from mibs.algorithms import AlgorithmNumbers
from mibs.cisco_ipsec_flow_monitor.choices import MEDIA_GATEWAYS, Choices, columns_without_rows
from mibs.cisco_ipsec_flow_monitor.endpoint import (
    end_pt_addr1,
    end_pt_addr2,
    end_pt_port,
    end_pt_type,
    no_name,
)
from mibs.cisco_ipsec_flow_monitor.status import tunnel_status
from mibs.forms import constant, ip_address, kilobytes, positive, truth_value, wraps
from mibs.table import Age, Column, Key, Root, Scalar, Table

__all__ = ["ENCAP_MODE", "IPSEC_TUNNELS", "SCALARS", "in_comp_algo", "out_comp_algo", "tables"]


def tables(choices: Choices, control: TunnelControl | None) -> tuple[Table, ...]:
    """Return the tables of the group."""
    return (
        _cipsec_tunnel_table(choices.algorithms, control),
        _CIPSEC_END_PT_TABLE,
        _CIPSEC_SPI_TABLE,
        _CIPSEC_PHASE2_GW_STATS_TABLE,
    )


IPSEC_TUNNELS = Root("IPsec tunnels", attrgetter("ipsec_tunnels"), lambda row: (row.index,))

# cipSecGlobalStats .1.3.1 -------------------------------------------------------------------------

SCALARS = (
    Scalar("cipSecGlobalActiveTunnels", "ipsec_tunnels", len),
    Scalar("cipSecGlobalPreviousTunnels", "totals.ipsec_ended"),
    Scalar("cipSecGlobalInOctets", "totals.ipsec.in_octets"),
    Scalar("cipSecGlobalHcInOctets", "totals.ipsec.in_octets"),
    Scalar("cipSecGlobalInOctWraps", "totals.ipsec.in_octets", wraps),
    Scalar("cipSecGlobalInDecompOctets", "totals.ipsec.in_plain_octets"),
    Scalar("cipSecGlobalHcInDecompOctets", "totals.ipsec.in_plain_octets"),
    Scalar("cipSecGlobalInDecompOctWraps", "totals.ipsec.in_plain_octets", wraps),
    Scalar("cipSecGlobalInPkts", "totals.ipsec.in_packets"),
    Scalar("cipSecGlobalInDrops", "totals.ipsec.in_drops"),
    Scalar("cipSecGlobalInReplayDrops", "totals.ipsec.in_replay_drops"),
    Scalar("cipSecGlobalInAuths", "totals.ipsec.in_auths"),
    Scalar("cipSecGlobalInAuthFails", "totals.ipsec.in_auth_fails"),
    Scalar("cipSecGlobalInDecrypts", "totals.ipsec.in_decrypts"),
    Scalar("cipSecGlobalInDecryptFails", "totals.ipsec.in_decrypt_fails"),
    Scalar("cipSecGlobalOutOctets", "totals.ipsec.out_octets"),
    Scalar("cipSecGlobalHcOutOctets", "totals.ipsec.out_octets"),
    Scalar("cipSecGlobalOutOctWraps", "totals.ipsec.out_octets", wraps),
    Scalar("cipSecGlobalOutUncompOctets", "totals.ipsec.out_plain_octets"),
    Scalar("cipSecGlobalHcOutUncompOctets", "totals.ipsec.out_plain_octets"),
    Scalar("cipSecGlobalOutUncompOctWraps", "totals.ipsec.out_plain_octets", wraps),
    Scalar("cipSecGlobalOutPkts", "totals.ipsec.out_packets"),
    Scalar("cipSecGlobalOutDrops", "totals.ipsec.out_drops"),
    Scalar("cipSecGlobalOutAuths", "totals.ipsec.out_auths"),
    Scalar("cipSecGlobalOutAuthFails", "totals.ipsec.out_auth_fails"),
    Scalar("cipSecGlobalOutEncrypts", "totals.ipsec.out_encrypts"),
    Scalar("cipSecGlobalOutEncryptFails", "totals.ipsec.out_encrypt_fails"),
    Scalar("cipSecGlobalProtocolUseFails", "totals.ipsec_failures.protocol_use"),
    Scalar("cipSecGlobalNoSaFails", "totals.ipsec_failures.no_sa"),
    Scalar("cipSecGlobalSysCapFails", "totals.ipsec_failures.system_capacity"),
)

# cipSecTunnelTable .1.3.2 -------------------------------------------------------------------------

ENCAP_MODE = {EncapsulationMode.TUNNEL: 1, EncapsulationMode.TRANSPORT: 2}
_LDF = 2


def _comp_algo(cpi: int | None) -> int:
    """CompAlgo: none(1), ldf(2): the one number there is for whatever IPComp does."""
    return 1 if cpi is None else _LDF


def in_comp_algo(parameters: ChildSaParameters) -> int:
    """CompAlgo of what comes in."""
    return _comp_algo(parameters.cpi_in)


def out_comp_algo(parameters: ChildSaParameters) -> int:
    """CompAlgo of what goes out."""
    return _comp_algo(parameters.cpi_out)


async def _terminate(control: TunnelControl, index: int) -> None:
    await control.terminate_ipsec(index)


def _cipsec_tunnel_table(numbers: AlgorithmNumbers, control: TunnelControl | None) -> Table:
    return Table(
        "cipSecTunnelTable",
        IPSEC_TUNNELS,
        (
            Column("cipSecTunIkeTunnelIndex", "ike_index"),
            Column("cipSecTunIkeTunnelAlive", "ike_alive", truth_value),
            Column("cipSecTunLocalAddr", "local_address", ip_address),
            Column("cipSecTunRemoteAddr", "remote_address", ip_address),
            Column("cipSecTunKeyType", "index", constant(1)),
            Column("cipSecTunEncapMode", "parameters.mode", ENCAP_MODE.get),
            Column("cipSecTunLifeSize", "parameters.lifetime_octets", kilobytes),
            Column("cipSecTunLifeTime", "parameters.lifetime", positive),
            Age("cipSecTunActiveTime", "started_at"),
            Column("cipSecTunSaLifeSizeThreshold", "parameters.rekey_octets", kilobytes),
            Column("cipSecTunSaLifeTimeThreshold", "parameters.rekey_after", positive),
            Column("cipSecTunTotalRefreshes", "refreshes"),
            Column("cipSecTunExpiredSaInstances", "expired_spis"),
            Column("cipSecTunCurrentSaInstances", "spis", len),
            Column(
                "cipSecTunInSaDiffHellmanGrp", "parameters.proposal", numbers.diffie_hellman_grp
            ),
            Column("cipSecTunInSaEncryptAlgo", "parameters", numbers.esp_encrypt_algo),
            Column("cipSecTunInSaAhAuthAlgo", "parameters", numbers.ah_auth_algo),
            Column("cipSecTunInSaEspAuthAlgo", "parameters", numbers.esp_auth_algo),
            Column("cipSecTunInSaDecompAlgo", "parameters", in_comp_algo),
            Column(
                "cipSecTunOutSaDiffHellmanGrp", "parameters.proposal", numbers.diffie_hellman_grp
            ),
            Column("cipSecTunOutSaEncryptAlgo", "parameters", numbers.esp_encrypt_algo),
            Column("cipSecTunOutSaAhAuthAlgo", "parameters", numbers.ah_auth_algo),
            Column("cipSecTunOutSaEspAuthAlgo", "parameters", numbers.esp_auth_algo),
            Column("cipSecTunOutSaCompAlgo", "parameters", out_comp_algo),
            Column("cipSecTunInOctets", "traffic.in_octets"),
            Column("cipSecTunHcInOctets", "traffic.in_octets"),
            Column("cipSecTunInOctWraps", "traffic.in_octets", wraps),
            Column("cipSecTunInDecompOctets", "traffic.in_plain_octets"),
            Column("cipSecTunHcInDecompOctets", "traffic.in_plain_octets"),
            Column("cipSecTunInDecompOctWraps", "traffic.in_plain_octets", wraps),
            Column("cipSecTunInPkts", "traffic.in_packets"),
            Column("cipSecTunInDropPkts", "traffic.in_drops"),
            Column("cipSecTunInReplayDropPkts", "traffic.in_replay_drops"),
            Column("cipSecTunInAuths", "traffic.in_auths"),
            Column("cipSecTunInAuthFails", "traffic.in_auth_fails"),
            Column("cipSecTunInDecrypts", "traffic.in_decrypts"),
            Column("cipSecTunInDecryptFails", "traffic.in_decrypt_fails"),
            Column("cipSecTunOutOctets", "traffic.out_octets"),
            Column("cipSecTunHcOutOctets", "traffic.out_octets"),
            Column("cipSecTunOutOctWraps", "traffic.out_octets", wraps),
            Column("cipSecTunOutUncompOctets", "traffic.out_plain_octets"),
            Column("cipSecTunHcOutUncompOctets", "traffic.out_plain_octets"),
            Column("cipSecTunOutUncompOctWraps", "traffic.out_plain_octets", wraps),
            Column("cipSecTunOutPkts", "traffic.out_packets"),
            Column("cipSecTunOutDropPkts", "traffic.out_drops"),
            Column("cipSecTunOutAuths", "traffic.out_auths"),
            Column("cipSecTunOutAuthFails", "traffic.out_auth_fails"),
            Column("cipSecTunOutEncrypts", "traffic.out_encrypts"),
            Column("cipSecTunOutEncryptFails", "traffic.out_encrypt_fails"),
            tunnel_status("cipSecTunStatus", control, _terminate),
        ),
    )


# cipSecEndPtTable .1.3.3 --------------------------------------------------------------------------


def _end_points(tunnel: IpsecTunnel) -> Iterator[tuple[Key, Endpoint]]:
    for number, endpoint in enumerate(tunnel.endpoints, 1):
        yield (number,), endpoint


_CIPSEC_END_PT_TABLE = Table(
    "cipSecEndPtTable",
    IPSEC_TUNNELS,
    (
        Column("cipSecEndPtLocalName", "local", no_name),
        Column("cipSecEndPtLocalType", "local", end_pt_type),
        Column("cipSecEndPtLocalAddr1", "local", end_pt_addr1),
        Column("cipSecEndPtLocalAddr2", "local", end_pt_addr2),
        Column("cipSecEndPtLocalProtocol", "local.protocol"),
        Column("cipSecEndPtLocalPort", "local", end_pt_port),
        Column("cipSecEndPtRemoteName", "remote", no_name),
        Column("cipSecEndPtRemoteType", "remote", end_pt_type),
        Column("cipSecEndPtRemoteAddr1", "remote", end_pt_addr1),
        Column("cipSecEndPtRemoteAddr2", "remote", end_pt_addr2),
        Column("cipSecEndPtRemoteProtocol", "remote.protocol"),
        Column("cipSecEndPtRemotePort", "remote", end_pt_port),
    ),
    expand=_end_points,
)

# cipSecSpiTable .1.3.4 ----------------------------------------------------------------------------

_SPI_PROTOCOL = {"AH": 1, "ESP": 2, "IPCOMP": 3}


def _spi_direction(inbound: bool) -> int:
    return 1 if inbound else 2


def _spi_status(expiring: bool) -> int:
    return 2 if expiring else 1


def _spis(tunnel: IpsecTunnel) -> Iterator[tuple[Key, Spi]]:
    for spi in tunnel.spis:
        yield (spi.number,), spi


_CIPSEC_SPI_TABLE = Table(
    "cipSecSpiTable",
    IPSEC_TUNNELS,
    (
        Column("cipSecSpiDirection", "inbound", _spi_direction),
        Column("cipSecSpiValue", "value"),
        Column("cipSecSpiProtocol", "protocol", _SPI_PROTOCOL.get),
        Column("cipSecSpiStatus", "expiring", _spi_status),
    ),
    expand=_spis,
)

# cipSecPhase2GWStatsTable .1.3.5 ------------------------------------------------------------------

_CIPSEC_PHASE2_GW_STATS_TABLE = Table(
    "cipSecPhase2GWStatsTable",
    MEDIA_GATEWAYS,
    columns_without_rows(
        "cipSecPhase2GWActiveTunnels",
        "cipSecPhase2GWPreviousTunnels",
        "cipSecPhase2GWInOctets",
        "cipSecPhase2GWInOctWraps",
        "cipSecPhase2GWInDecompOctets",
        "cipSecPhase2GWInDecompOctWraps",
        "cipSecPhase2GWInPkts",
        "cipSecPhase2GWInDrops",
        "cipSecPhase2GWInReplayDrops",
        "cipSecPhase2GWInAuths",
        "cipSecPhase2GWInAuthFails",
        "cipSecPhase2GWInDecrypts",
        "cipSecPhase2GWInDecryptFails",
        "cipSecPhase2GWOutOctets",
        "cipSecPhase2GWOutOctWraps",
        "cipSecPhase2GWOutUncompOctets",
        "cipSecPhase2GWOutUncompOctWraps",
        "cipSecPhase2GWOutPkts",
        "cipSecPhase2GWOutDrops",
        "cipSecPhase2GWOutAuths",
        "cipSecPhase2GWOutAuthFails",
        "cipSecPhase2GWOutEncrypts",
        "cipSecPhase2GWOutEncryptFails",
        "cipSecPhase2GWProtocolUseFails",
        "cipSecPhase2GWNoSaFails",
        "cipSecPhase2GWSysCapFails",
    ),
)
