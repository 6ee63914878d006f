"""The authentication module: HMAC, cut short (RFC 3414 sections 6 and 7, RFC 7860 section 4)."""

from __future__ import annotations

import hashlib

from agent.snmp.usm.protocols import AuthProtocol

__all__ = ["Authenticator"]

_INNER = bytes(octet ^ 0x36 for octet in range(256))
_OUTER = bytes(octet ^ 0x5C for octet in range(256))


class Authenticator:
    """Makes and checks message authentication codes with one key.

    HMAC is done by hand (RFC 2104 section 2), because copies of two hashes that have already taken
    the key take a third of the time of :func:`hmac.digest` for a short message.
    """

    __slots__ = ("_inner", "_outer", "mac_length")

    def __init__(self, protocol: AuthProtocol, key: bytes) -> None:
        self.mac_length = protocol.mac_length
        block = hashlib.new(protocol.hash_name).block_size
        padded = key.ljust(block, b"\0")
        self._inner = hashlib.new(protocol.hash_name, padded.translate(_INNER))
        self._outer = hashlib.new(protocol.hash_name, padded.translate(_OUTER))

    def mac(self, message: bytes) -> bytes:
        """Return the code of a whole message, in which there are zero octets where it will be."""
        inner = self._inner.copy()
        inner.update(message)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.digest()[: self.mac_length]
