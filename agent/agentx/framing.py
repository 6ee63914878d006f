"""PDUs out of a stream of octets (RFC 2741 section 6.1)."""

from __future__ import annotations

import struct
from typing import Final

from agent.agentx.codec import HEADER_LENGTH, VERSION
from agent.agentx.errors import AgentXError

__all__ = ["Framing"]

_MAX_RECEIVED = 1 << 20
"""The names of a request of 64 KiB may take four times as much as in SNMP, and a second name bounds
each."""
_PAYLOAD_LENGTH: Final = (struct.Struct("<I"), struct.Struct(">I"))


class Framing:
    """Cuts a stream of octets, however it comes, into PDUs."""

    def __init__(self, max_payload: int = _MAX_RECEIVED) -> None:
        """``max_payload`` bounds, in octets, what is accepted and so what is kept here."""
        self._max_payload = max_payload
        self._kept = bytearray()
        self._needed = HEADER_LENGTH

    def feed(self, data: bytes) -> list[bytes]:
        """Take what has been received; return the PDUs that are whole now.

        Raises:
            AgentXError: this is no AgentX of version 1, a payload is too long, or its length is no
                multiple of four. What follows cannot be understood any more.
        """
        if self._kept:
            self._kept += data
            if len(self._kept) < self._needed:
                return []
            data = bytes(self._kept)
        frames = []
        pos = 0
        available = len(data)
        self._needed = HEADER_LENGTH
        while available - pos >= HEADER_LENGTH:
            length = HEADER_LENGTH + self._payload_length(data, pos)
            if available - pos < length:
                self._needed = length
                break
            # Usually it is the one that there is, and need not be copied.
            frames.append(data if length == available else data[pos : pos + length])
            pos += length
        if pos < available or self._kept:
            self._kept = bytearray(data[pos:])
        return frames

    def _payload_length(self, data: bytes, pos: int) -> int:
        if data[pos] != VERSION:
            raise AgentXError(f"version {data[pos]} of AgentX")
        in_order = _PAYLOAD_LENGTH[data[pos + 2] >> 4 & 1]
        length: int = in_order.unpack_from(data, pos + 16)[0]
        if length > self._max_payload:
            raise AgentXError(f"a payload of {length} octets, {self._max_payload} are allowed")
        if length & 3:
            raise AgentXError(f"a payload of {length} octets, which is no multiple of four")
        return length
