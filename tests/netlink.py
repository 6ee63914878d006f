"""Builds what the kernel sends over NETLINK_XFRM, field by field as linux/xfrm.h has them."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable

__all__ = [
    "INFINITE",
    "INTERRUPTED",
    "MULTI",
    "SEQUENCE",
    "attribute",
    "done",
    "error",
    "message",
    "sa",
]

SEQUENCE = 1
INFINITE = 2**64 - 1

ERROR, DONE, NEWSA = 2, 3, 0x10
MULTI, INTERRUPTED = 0x2, 0x10


def message(kind: int, body: bytes, *, flags: int = MULTI, sequence: int = SEQUENCE) -> bytes:
    length = 16 + len(body)
    return struct.pack("=IHHII", length, kind, flags, sequence, 4242) + body + bytes(-length % 4)


def done(code: int = 0) -> bytes:
    return message(DONE, struct.pack("=i", code))


def error(code: int) -> bytes:
    """An answer of this negative number, with the header of the request."""
    return message(ERROR, struct.pack("=i", code) + bytes(16), flags=0)


def attribute(kind: int, body: bytes) -> bytes:
    length = 4 + len(body)
    return struct.pack("=HH", length, kind) + body + bytes(-length % 4)


def sa(
    destination: str = "192.0.2.1",
    source: str = "198.51.100.2",
    *,
    spi: int = 0xC0FFEE01,
    protocol: int = 50,
    reqid: int = 1,
    mode: int = 1,
    limits: tuple[int, int, int, int] = (INFINITE,) * 4,
    octets: int = 0,
    packets: int = 0,
    stats: tuple[int, int, int] = (0, 0, 0),
    attributes: Iterable[bytes] = (),
    flags: int = MULTI,
) -> bytes:
    """The message of one SA; limits are octets soft and hard, then packets soft and hard."""
    family = 10 if ":" in destination else 2
    to, by = (ipaddress.ip_address(text).packed.ljust(16, b"\0") for text in (destination, source))
    plain = struct.calcsize("@B0Q") - 1  # what follows the flags, the last field
    body = b"".join(
        (
            bytes(16 + 16 + 8),  # selector: addresses, ports
            struct.pack("=H3B3xiI", family, 0, 0, 0, 0, 0),
            to + struct.pack("!IB3x", spi, protocol),
            by,
            struct.pack("=8Q", *limits, 1, 2, 3, 4),
            struct.pack("=4Q", octets, packets, 1_700_000_000, 0),
            struct.pack("=3I", *stats),
            struct.pack("=II", 0, reqid),
            struct.pack("=HBBB", family, mode, 32, 0) + bytes(plain),
            *attributes,
        )
    )
    return message(NEWSA, body, flags=flags)
