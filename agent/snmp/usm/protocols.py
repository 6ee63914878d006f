"""Authentication and privacy protocols, and the way from a passphrase to a localised key.

RFC 3414 appendix A.2 and section 2.6, RFC 7860 section 9.3, RFC 3826 section 1.2. AES with longer
keys is in no RFC, and there are two ways to make such a key of a hash that is too short.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = [
    "AUTH_PROTOCOLS",
    "PRIV_PROTOCOLS",
    "AuthProtocol",
    "PrivProtocol",
    "localize",
    "localized_key_for_priv",
    "password_to_key",
]

_PASSWORD_OCTETS = 1 << 20
"""So many octets of the passphrase, over and over, are hashed (RFC 3414 appendix A.2)."""


@dataclass(frozen=True, slots=True)
class AuthProtocol:
    """HMAC with a hash, cut short."""

    name: str
    hash_name: str
    """As :mod:`hashlib` calls it."""
    key_length: int
    """Octets of a key, which are those of the hash."""
    mac_length: int
    """Octets of msgAuthenticationParameters."""
    weak: bool = False
    """Whether it should not be used where there is a choice."""


@dataclass(frozen=True, slots=True)
class PrivProtocol:
    """A cipher, and how its key is made."""

    name: str
    key_length: int
    """Octets of a localised key. With DES the second half is no key, but makes the IV."""
    reeder: bool = False
    """Whether a short key is extended as in draft-reeder-snmpv3-usm-3desede section 2.1, which
    Cisco does, and not as in draft-blumenthal-aes-usm-04 section 3.1.2.1, which net-snmp does."""
    weak: bool = False


AUTH_PROTOCOLS: Mapping[str, AuthProtocol] = MappingProxyType(
    {
        protocol.name: protocol
        for protocol in (
            AuthProtocol("MD5", "md5", 16, 12, weak=True),
            AuthProtocol("SHA-1", "sha1", 20, 12),
            AuthProtocol("SHA-224", "sha224", 28, 16),
            AuthProtocol("SHA-256", "sha256", 32, 24),
            AuthProtocol("SHA-384", "sha384", 48, 32),
            AuthProtocol("SHA-512", "sha512", 64, 48),
        )
    }
)

PRIV_PROTOCOLS: Mapping[str, PrivProtocol] = MappingProxyType(
    {
        protocol.name: protocol
        for protocol in (
            PrivProtocol("DES", 16, weak=True),
            PrivProtocol("AES-128", 16),
            PrivProtocol("AES-192", 24),
            PrivProtocol("AES-256", 32),
            PrivProtocol("AES-192-C", 24, reeder=True),
            PrivProtocol("AES-256-C", 32, reeder=True),
        )
    }
)


def _digest(auth: AuthProtocol, data: bytes) -> bytes:
    return hashlib.new(auth.hash_name, data).digest()


def password_to_key(auth: AuthProtocol, passphrase: bytes) -> bytes:
    """Return the key that this passphrase, of one octet at least, means to every engine.

    It takes milliseconds, which is meant to make guessing dear (RFC 3414 section 11.2).
    """
    times = _PASSWORD_OCTETS // len(passphrase) + 1
    return _digest(auth, (passphrase * times)[:_PASSWORD_OCTETS])


def localize(auth: AuthProtocol, key: bytes, engine_id: bytes) -> bytes:
    """Return the key that is good for one engine only (RFC 3414 section 2.6)."""
    return _digest(auth, key + engine_id + key)


def localized_key_for_priv(
    priv: PrivProtocol, auth: AuthProtocol, key: bytes, engine_id: bytes
) -> bytes:
    """Return the key for privacy: a localised key of the authentication protocol, cut or extended.

    Args:
        priv: the protocol to use it with.
        auth: the protocol whose hash made the key.
        key: the privacy passphrase's key, localised.
        engine_id: of the engine it is localised for.
    """
    while len(key) < priv.key_length:
        if priv.reeder:
            key += localize(auth, password_to_key(auth, key), engine_id)
        else:
            key += _digest(auth, key)
    return key[: priv.key_length]
