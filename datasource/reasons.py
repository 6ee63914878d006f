"""Why tunnels end and what goes wrong, as far as it can be told apart.

The reasons of failures are those that the two failure tables of CISCO-IPSEC-FLOW-MONITOR-MIB have,
in its order. A source picks the one that it can vouch for, and OTHER where there is none.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping

__all__ = [
    "IKE_END_FAILURES",
    "IPSEC_END_FAILURES",
    "EndReason",
    "IkeFailureReason",
    "IpsecFailureReason",
]


class EndReason(enum.Enum):
    """Why a tunnel ended, as far as its source can tell."""

    OTHER = enum.auto()
    """Not known: for one, it was gone when the source could be asked again."""
    NORMAL = enum.auto()
    """Its time had come: lifetime, inactivity, replaced by a reauthentication."""
    OPERATOR = enum.auto()
    PEER_DELETE = enum.auto()
    PEER_LOST = enum.auto()
    LOCAL_FAILURE = enum.auto()
    CHECK_POINT = enum.auto()
    """It has not ended: this is a copy that somebody asked for."""


class IkeFailureReason(enum.Enum):
    """Why IKE could not do something, or why an IKE tunnel ended before its time."""

    OTHER = enum.auto()
    PEER_DELETE = enum.auto()
    PEER_LOST = enum.auto()
    LOCAL_FAILURE = enum.auto()
    AUTHENTICATION = enum.auto()
    HASH_VALIDATION = enum.auto()
    ENCRYPTION = enum.auto()
    INTERNAL_ERROR = enum.auto()
    SYSTEM_CAPACITY = enum.auto()
    PROPOSAL = enum.auto()
    PEER_CERTIFICATE_UNAVAILABLE = enum.auto()
    PEER_CERTIFICATE_NOT_VALID = enum.auto()
    LOCAL_CERTIFICATE_EXPIRED = enum.auto()
    CRL = enum.auto()
    PEER_ENCODING = enum.auto()
    NO_SA = enum.auto()
    OPERATOR = enum.auto()


class IpsecFailureReason(enum.Enum):
    """Why IPsec could not do something, or why an IPsec tunnel ended before its time."""

    OTHER = enum.auto()
    INTERNAL_ERROR = enum.auto()
    PEER_ENCODING = enum.auto()
    PROPOSAL = enum.auto()
    PROTOCOL_USE = enum.auto()
    NO_SA = enum.auto()
    DECRYPTION = enum.auto()
    ENCRYPTION = enum.auto()
    IN_AUTHENTICATION = enum.auto()
    OUT_AUTHENTICATION = enum.auto()
    COMPRESSION = enum.auto()
    SYSTEM_CAPACITY = enum.auto()
    PEER_DELETE = enum.auto()
    PEER_LOST = enum.auto()
    SEQUENCE_NUMBER_ROLL_OVER = enum.auto()
    OPERATOR = enum.auto()


IKE_END_FAILURES: Mapping[EndReason, IkeFailureReason] = {
    EndReason.OPERATOR: IkeFailureReason.OPERATOR,
    EndReason.PEER_DELETE: IkeFailureReason.PEER_DELETE,
    EndReason.PEER_LOST: IkeFailureReason.PEER_LOST,
    EndReason.LOCAL_FAILURE: IkeFailureReason.LOCAL_FAILURE,
}
"""Ends of a tunnel that are failures too. A tunnel whose time has come is none."""

IPSEC_END_FAILURES: Mapping[EndReason, IpsecFailureReason] = {
    EndReason.OPERATOR: IpsecFailureReason.OPERATOR,
    EndReason.PEER_DELETE: IpsecFailureReason.PEER_DELETE,
    EndReason.PEER_LOST: IpsecFailureReason.PEER_LOST,
    EndReason.LOCAL_FAILURE: IpsecFailureReason.INTERNAL_ERROR,
}
