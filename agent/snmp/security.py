"""Security models and levels (RFC 3411 section 5), in numbers that can be compared."""

from __future__ import annotations

import enum

__all__ = ["SecurityLevel", "SecurityModel"]


class SecurityModel(enum.IntEnum):
    """SnmpSecurityModel."""

    ANY = 0
    V1 = 1
    V2C = 2
    USM = 3


class SecurityLevel(enum.IntEnum):
    """SnmpSecurityLevel; a greater one protects more."""

    NO_AUTH_NO_PRIV = 1
    AUTH_NO_PRIV = 2
    AUTH_PRIV = 3

    @property
    def label(self) -> str:
        """Its name in the MIBs, such as ``authNoPriv``."""
        return ("noAuthNoPriv", "authNoPriv", "authPriv")[self - 1]
