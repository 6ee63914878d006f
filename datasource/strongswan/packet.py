"""VICI on the wire, without the wire: frames, packets and messages (sans-IO).

A frame is a 32-bit length in network order and a packet; a packet is a type, for some types a name,
and a message (strongSwan's src/libcharon/plugins/vici/README.md). The codec of packets and messages
is that of the package ``vici``. It has no types, which stay behind this module.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from vici.exception import DeserializationException
from vici.protocol import Message as Codec
from vici.protocol import Packet as Wire

from datasource.errors import DataSourceError

__all__ = [
    "MAX_PACKET",
    "Framing",
    "Message",
    "Packet",
    "PacketType",
    "Value",
    "ViciError",
    "parse",
    "register",
    "request",
]

Value: TypeAlias = "bytes | list[bytes] | Message"
Message: TypeAlias = "Mapping[str, Value]"
"""A section: by its name a value, a list of values, or a section. Values are bytes."""

MAX_PACKET = 16 * 1024 * 1024
"""charon itself sends no packet of more than 512 KiB; more than this is not VICI."""

_LENGTH = struct.Struct("!I")


class ViciError(DataSourceError):
    """The VICI connection failed, or what came over it is not VICI."""


class PacketType(enum.IntEnum):
    """The types of packet that a server sends."""

    RESPONSE = 1
    COMMAND_UNKNOWN = 2
    EVENT_CONFIRM = 5
    EVENT_UNKNOWN = 6
    EVENT = 7


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet from the server; ``name`` is that of an event and otherwise empty."""

    type: PacketType
    name: str
    message: Message
    fault: str = ""
    """Why the message cannot be read and is empty. The next packet can be read all the same."""


class Framing:
    """Cuts a stream of bytes into packets."""

    def __init__(self, limit: int = MAX_PACKET) -> None:
        self._limit = limit
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take bytes as they come, and give each packet that is complete.

        Raises:
            ViciError: the length of a packet is absurd; nothing is allocated for it.
        """
        buffer = self._buffer
        buffer += data
        start = 0
        try:
            while len(buffer) - start >= _LENGTH.size:
                (length,) = _LENGTH.unpack_from(buffer, start)
                if not 0 < length <= self._limit:
                    raise ViciError(f"a packet of {length} bytes")
                end = start + _LENGTH.size + length
                if len(buffer) < end:
                    break
                packet = bytes(buffer[start + _LENGTH.size : end])
                start = end
                yield packet
        finally:
            del buffer[:start]


def parse(packet: bytes) -> Packet:
    """Decode a packet of the server.

    Raises:
        ViciError: its type or its name is malformed; of its message, ``fault`` tells.
    """
    try:
        parsed = Wire.parse(packet)
        kind = PacketType(parsed.response_type)
        name = parsed.event_type.decode() if kind is PacketType.EVENT else ""
    except (struct.error, ValueError) as error:
        raise ViciError(f"a malformed packet: {error}") from error
    try:
        return Packet(kind, name, Codec.deserialize(parsed.payload))
    except (DeserializationException, struct.error, ValueError) as error:
        return Packet(kind, name, {}, f"a malformed message: {error}")


def request(command: str, message: Message | None = None) -> bytes:
    """Return the frame of a command."""
    return _frame(Wire.request(command, None if message is None else Codec.serialize(message)))


def register(event: str) -> bytes:
    """Return the frame that asks for an event."""
    return _frame(Wire.register_event(event))


def _frame(packet: bytes) -> bytes:
    return _LENGTH.pack(len(packet)) + packet
