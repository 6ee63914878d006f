"""What pysnmp calls things, and what this project does. It takes long to import, as pysnmp does."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pysnmp.entity import config

from mibs import ber
from mibs.smi import Oid

__all__ = ["AUTH_PROTOCOLS", "PRIV_PROTOCOLS", "plain", "reason"]

AUTH_PROTOCOLS: Mapping[str | None, Oid] = MappingProxyType(
    {
        None: config.USM_AUTH_NONE,
        "MD5": config.USM_AUTH_HMAC96_MD5,
        "SHA-1": config.USM_AUTH_HMAC96_SHA,
        "SHA-224": config.USM_AUTH_HMAC128_SHA224,
        "SHA-256": config.USM_AUTH_HMAC192_SHA256,
        "SHA-384": config.USM_AUTH_HMAC256_SHA384,
        "SHA-512": config.USM_AUTH_HMAC384_SHA512,
    }
)
PRIV_PROTOCOLS: Mapping[str | None, Oid] = MappingProxyType(
    {
        None: config.USM_PRIV_NONE,
        "DES": config.USM_PRIV_CBC56_DES,
        "AES-128": config.USM_PRIV_CFB128_AES,
        "AES-192": config.USM_PRIV_CFB192_AES_BLUMENTHAL,
        "AES-256": config.USM_PRIV_CFB256_AES_BLUMENTHAL,
        "AES-192-C": config.USM_PRIV_CFB192_AES,
        "AES-256-C": config.USM_PRIV_CFB256_AES,
    }
)

_OCTETS = (ber.OCTET_STRING, ber.IP_ADDRESS, ber.OPAQUE)
_WITHOUT_VALUE = (ber.NULL, ber.NO_SUCH_OBJECT, ber.NO_SUCH_INSTANCE, ber.END_OF_MIB_VIEW)

_tags: dict[type, int] = {}


def plain(value: Any) -> tuple[int, int | bytes | Oid]:
    """Return the BER tag of a value, and the value; no octets where the tag says it all."""
    tag = _tags.get(type(value))
    if tag is None:
        tag = _tags[type(value)] = sum(value.tagSet.superTags[-1])
    if tag in _OCTETS:
        return tag, bytes(value)
    if tag == ber.OBJECT_IDENTIFIER:
        return tag, tuple(value)
    if tag in _WITHOUT_VALUE:
        return tag, b""
    return tag, int(value)


def reason(indication: Any) -> str:
    """Return an errorIndication (RFC 3413 section 4.1), such as ``requestTimedOut``."""
    if isinstance(indication, str):
        return indication
    name = type(indication).__name__
    return str(indication) if name == "ReportPduReceived" else name[0].lower() + name[1:]
