"""The privacy module: DES in CBC (RFC 3414 section 8) and AES in CFB (RFC 3826 section 3).

A salt must not come twice with the same key. It is made of a number that the caller counts up with
every message, for all users together since two of them may have the same key.
"""

from __future__ import annotations

from struct import pack
from typing import Protocol

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives import ciphers
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from agent.errors import AgentError
from agent.snmp.usm.protocols import PrivProtocol

try:
    from cryptography.hazmat.decrepit.ciphers.modes import CFB
except ImportError:  # pragma: no cover - before cryptography 47
    from cryptography.hazmat.primitives.ciphers.modes import CFB

__all__ = ["SALT_LENGTH", "Cipher", "DecryptionError", "make_cipher"]

SALT_LENGTH = 8
"""Octets of msgPrivacyParameters, with every protocol."""
_BLOCK = 16
"""Octets that AES does at once."""


class DecryptionError(AgentError):
    """Octets that cannot have been encrypted by this protocol."""


class Cipher(Protocol):
    """Encrypts and decrypts with one key."""

    block: int
    """What is encrypted is filled up to a multiple of so many octets."""

    def encrypt(self, data: bytes, boots: int, time: int, number: int) -> tuple[bytes, bytes]:
        """Return the encrypted data and the salt.

        Args:
            data: a scoped PDU.
            boots: snmpEngineBoots.
            time: snmpEngineTime in seconds.
            number: of 64 bits, another one every time.
        """

    def decrypt(self, data: bytes, salt: bytes, boots: int, time: int) -> bytes:
        """Return what was encrypted, and what it was filled up with.

        Raises:
            DecryptionError: the salt or the data have a length that this protocol does not give.
        """


class _DesCipher:
    """CBC-DES (RFC 3414 section 8.1.1). DES is Triple DES with three times the same key."""

    __slots__ = ("_algorithm", "_pre_iv")
    block = 8

    def __init__(self, key: bytes) -> None:
        self._algorithm = TripleDES(key[:8] * 3)
        self._pre_iv = int.from_bytes(key[8:], "big")

    def _cipher(self, salt: bytes) -> ciphers.Cipher[CBC]:
        iv = self._pre_iv ^ int.from_bytes(salt, "big")
        return ciphers.Cipher(self._algorithm, CBC(iv.to_bytes(8, "big")))

    def encrypt(self, data: bytes, boots: int, time: int, number: int) -> tuple[bytes, bytes]:  # noqa: ARG002
        salt = pack(">II", boots, number & 0xFFFFFFFF)
        padded = data + bytes(-len(data) % 8)
        return self._cipher(salt).encryptor().update(padded), salt

    def decrypt(self, data: bytes, salt: bytes, boots: int, time: int) -> bytes:  # noqa: ARG002
        if len(salt) != SALT_LENGTH or len(data) % 8:
            raise DecryptionError(f"{len(data)} octets with a salt of {len(salt)}")
        return self._cipher(salt).decryptor().update(data)


class _AesCipher:
    """CFB128-AES (RFC 3826 section 3.1).

    To begin with a new IV takes several times as long as to encrypt a short message, if it needs a
    new context. So both contexts stay. Their register is the last whole block of ciphertext that
    they had, which means that ciphertext equal to the IV is as good as the IV itself. To that end
    every message is filled up to whole blocks, and what comes of the filling is dropped.
    """

    __slots__ = ("_decryptor", "_encryptor", "_register")
    block = 1

    def __init__(self, key: bytes) -> None:
        self._register = bytes(_BLOCK)
        """Of the encryptor."""
        cipher = ciphers.Cipher(AES(key), CFB(self._register))
        self._encryptor = cipher.encryptor()
        self._decryptor = cipher.decryptor()

    def encrypt(self, data: bytes, boots: int, time: int, number: int) -> tuple[bytes, bytes]:
        iv = pack(">IIQ", boots, time, number)
        # What has to be encrypted now to give the IV.
        first = self._decryptor.update(self._register + iv)[_BLOCK:]
        size = len(data)
        encrypted = self._encryptor.update(first + data + bytes(-size % _BLOCK))
        self._register = encrypted[-_BLOCK:]
        return encrypted[_BLOCK : _BLOCK + size], iv[-SALT_LENGTH:]

    def decrypt(self, data: bytes, salt: bytes, boots: int, time: int) -> bytes:
        if len(salt) != SALT_LENGTH:
            raise DecryptionError(f"a salt of {len(salt)} octets")
        size = len(data)
        blocks = pack(">II", boots, time) + salt + data + bytes(-size % _BLOCK)
        return self._decryptor.update(blocks)[_BLOCK : _BLOCK + size]


def make_cipher(protocol: PrivProtocol, key: bytes) -> Cipher:
    """Return the cipher of a protocol, with a localised key of the protocol's length."""
    return _DesCipher(key) if protocol.name == "DES" else _AesCipher(key)
