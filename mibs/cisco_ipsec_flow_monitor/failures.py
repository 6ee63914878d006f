"""The failure group: 1.3.6.1.4.1.9.9.171.1.5."""

from __future__ import annotations

from operator import attrgetter

from datasource.reasons import IkeFailureReason, IpsecFailureReason
from mibs.cisco_ipsec_flow_monitor.archive import Archive, table_size
from mibs.forms import identity_type, identity_value, ip_address
from mibs.table import Column, Root, Scalar, Table

__all__ = ["scalars", "tables"]


def scalars(archive: Archive) -> tuple[Scalar, ...]:
    """Return the scalars of the group, cipSecFailGlobalCntl .1.5.1.1."""
    return (
        table_size("cipSecFailTableSize", "past.failure_size", archive.history.resize_failures),
    )


def tables(archive: Archive) -> tuple[Table, ...]:
    """Return the tables of the group."""
    return _cike_fail_table(archive), _cipsec_fail_table(archive)


# cikeFailTable .1.5.2.1 ---------------------------------------------------------------------------

_CIKE_FAIL_REASON = {
    IkeFailureReason.OTHER: 1,
    IkeFailureReason.PEER_DELETE: 2,
    IkeFailureReason.PEER_LOST: 3,
    IkeFailureReason.LOCAL_FAILURE: 4,
    IkeFailureReason.AUTHENTICATION: 5,
    IkeFailureReason.HASH_VALIDATION: 6,
    IkeFailureReason.ENCRYPTION: 7,
    IkeFailureReason.INTERNAL_ERROR: 8,
    IkeFailureReason.SYSTEM_CAPACITY: 9,
    IkeFailureReason.PROPOSAL: 10,
    IkeFailureReason.PEER_CERTIFICATE_UNAVAILABLE: 11,
    IkeFailureReason.PEER_CERTIFICATE_NOT_VALID: 12,
    IkeFailureReason.LOCAL_CERTIFICATE_EXPIRED: 13,
    IkeFailureReason.CRL: 14,
    IkeFailureReason.PEER_ENCODING: 15,
    IkeFailureReason.NO_SA: 16,
    IkeFailureReason.OPERATOR: 17,
}


def _cike_fail_table(archive: Archive) -> Table:
    return Table(
        "cikeFailTable",
        Root("IKE failures", attrgetter("past.ike_failures"), lambda row: (row.number,)),
        (
            Column("cikeFailReason", "content.reason", _CIKE_FAIL_REASON.get),
            Column("cikeFailTime", "content.at", archive.time_stamp),
            Column("cikeFailLocalType", "content.local_identity", identity_type),
            Column("cikeFailLocalValue", "content.local_identity", identity_value),
            Column("cikeFailRemoteType", "content.remote_identity", identity_type),
            Column("cikeFailRemoteValue", "content.remote_identity", identity_value),
            Column("cikeFailLocalAddr", "content.local_address", ip_address),
            Column("cikeFailRemoteAddr", "content.remote_address", ip_address),
        ),
    )


# cipSecFailTable .1.5.3.1 -------------------------------------------------------------------------

_CIPSEC_FAIL_REASON = {
    IpsecFailureReason.OTHER: 1,
    IpsecFailureReason.INTERNAL_ERROR: 2,
    IpsecFailureReason.PEER_ENCODING: 3,
    IpsecFailureReason.PROPOSAL: 4,
    IpsecFailureReason.PROTOCOL_USE: 5,
    IpsecFailureReason.NO_SA: 6,
    IpsecFailureReason.DECRYPTION: 7,
    IpsecFailureReason.ENCRYPTION: 8,
    IpsecFailureReason.IN_AUTHENTICATION: 9,
    IpsecFailureReason.OUT_AUTHENTICATION: 10,
    IpsecFailureReason.COMPRESSION: 11,
    IpsecFailureReason.SYSTEM_CAPACITY: 12,
    IpsecFailureReason.PEER_DELETE: 13,
    IpsecFailureReason.PEER_LOST: 14,
    IpsecFailureReason.SEQUENCE_NUMBER_ROLL_OVER: 15,
    IpsecFailureReason.OPERATOR: 16,
}

_MAX_SIGNED = 0x7FFFFFFF


def _signed_spi(spi: int) -> int:
    """Return the SPI; half of all are too large for the type, and 0, which is no SPI, says that."""
    return spi if spi <= _MAX_SIGNED else 0


def _cipsec_fail_table(archive: Archive) -> Table:
    return Table(
        "cipSecFailTable",
        Root("IPsec failures", attrgetter("past.ipsec_failures"), lambda row: (row.number,)),
        (
            Column("cipSecFailReason", "content.reason", _CIPSEC_FAIL_REASON.get),
            Column("cipSecFailTime", "content.at", archive.time_stamp),
            Column("cipSecFailTunnelIndex", "content.tunnel_index"),
            Column("cipSecFailSaSpi", "content.spi", _signed_spi),
            Column("cipSecFailPktSrcAddr", "content.source", ip_address),
            Column("cipSecFailPktDstAddr", "content.destination", ip_address),
        ),
    )
