"""NETLINK_XFRM on the wire, without the wire: the request for all SAs, and the answer (sans-IO).

The body of a message about an SA is a ``struct xfrm_usersa_info`` and attributes (linux/xfrm.h).
Numbers are in the byte order of the host, addresses and SPIs in that of the network.

The answer has the keys of the SAs, too. They are stepped over and never kept.
"""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass
from typing import NamedTuple

from datasource.model import EncapsulationMode, IpAddress, Mark
from datasource.netlink.codec import DUMP, HEADER, REQUEST, NetlinkError, Reply, aligned

__all__ = ["AH", "ESP", "IPCOMP", "Dump", "KernelSa", "SaId", "XfrmError", "request"]

ESP, AH, IPCOMP = 50, 51, 108
"""Protocols by their IANA numbers."""

_ATTRIBUTE = struct.Struct("=HH")  # length, type: 4 octets
# struct xfrm_usersa_info, with the alignment of this machine. Checked with linux/xfrm.h of 6.1 on
# x86-64, offset and size: sel 0/56, id.daddr 56/16, id.spi 72/4, id.proto 76/1 and 3 unused,
# saddr 80/16, lft 96/64, curlft 160/32, stats 192/12, seq 204/4, reqid 208/4, family 212/2,
# mode 214/1, replay_window 215/1, flags 216/1: 217 octets. Its 64-bit numbers are at multiples of 8
# everywhere. So machines differ in its end only: 224 octets where those are aligned to 8, as nearly
# everywhere, and 220 where to 4, as on i386. "0Q" is that padding.
_SA = struct.Struct("@56x16s4sB3x16s4Q32x2Q16x3I4xIHB2x0Q")

_XFRM_MSG_NEWSA, _XFRM_MSG_GETSA = 0x10, 0x12
_XFRMA_MARK, _XFRMA_IF_ID = 21, 31
_WANTED = {_XFRMA_MARK: struct.Struct("=II"), _XFRMA_IF_ID: struct.Struct("=I")}
_AF_INET, _AF_INET6 = 2, 10
_INFINITE = 2**64 - 1
_MODES = {
    0: EncapsulationMode.TRANSPORT,
    1: EncapsulationMode.TUNNEL,
    4: EncapsulationMode.BEET,
}


class XfrmError(NetlinkError):
    """The kernel refuses, or what it says is not what linux/xfrm.h says."""


class SaId(NamedTuple):
    """What tells the SAs of a kernel apart (RFC 4301 section 4.1)."""

    destination: IpAddress
    spi: int
    """A CPI where the protocol is IPComp (RFC 3173)."""
    protocol: int
    """50 (ESP), 51 (AH) or 108 (IPComp)."""


@dataclass(frozen=True, slots=True)
class KernelSa:
    """One SA, in one direction. Counters are those since it was installed."""

    id: SaId
    source: IpAddress
    reqid: int
    mode: EncapsulationMode | None
    """None for a mode that no IKE daemon negotiates."""
    octets: int
    packets: int
    soft_octets: int | None
    """Volume at which the kernel tells the daemon; None where there is no limit, as below."""
    hard_octets: int | None
    """Volume at which the SA ends."""
    soft_packets: int | None
    hard_packets: int | None
    replay_window: int
    """Packets that were older than the window (RFC 4303 section 3.4.3); modulo 2^32, as below."""
    replay: int
    """Packets that had come before."""
    integrity_failed: int
    """Packets whose integrity check value was wrong."""
    mark: Mark | None = None
    """Of the packets that are for it."""
    if_id: int | None = None
    """Number of its XFRM interface."""


def request(sequence: int) -> bytes:
    """Return the message that asks for all SAs, to be answered under this 32-bit number."""
    return HEADER.pack(HEADER.size, _XFRM_MSG_GETSA, REQUEST | DUMP, sequence, 0)


class Dump(Reply):
    """The answer to the request of this number, as far as it has come."""

    error = XfrmError

    def __init__(self, sequence: int) -> None:
        super().__init__(sequence)
        self.sas: dict[SaId, KernelSa] = {}

    def feed(self, datagram: bytes) -> None:
        """Take a datagram as it came. Messages under other numbers are left out.

        Raises:
            XfrmError: the kernel refuses, or the datagram is malformed. Nothing more can be read.
        """
        for kind, message in self.messages(datagram):
            if kind == _XFRM_MSG_NEWSA:
                sa = _sa(message[HEADER.size :])
                self.sas[sa.id] = sa


def _sa(body: bytes) -> KernelSa:
    if len(body) < _SA.size:
        raise XfrmError(f"an SA of {len(body)} octets")
    (
        destination, spi, protocol, source,
        soft_octets, hard_octets, soft_packets, hard_packets,
        octets, packets, replay_window, replay, integrity_failed, reqid, family, mode,
    ) = _SA.unpack_from(body)  # fmt: skip
    attributes = _attributes(body)
    mark, if_id = attributes.get(_XFRMA_MARK), attributes.get(_XFRMA_IF_ID)
    return KernelSa(
        id=SaId(_address(family, destination), int.from_bytes(spi), protocol),
        source=_address(family, source),
        reqid=reqid,
        mode=_MODES.get(mode),
        octets=octets,
        packets=packets,
        soft_octets=_limit(soft_octets),
        hard_octets=_limit(hard_octets),
        soft_packets=_limit(soft_packets),
        hard_packets=_limit(hard_packets),
        replay_window=replay_window,
        replay=replay,
        integrity_failed=integrity_failed,
        mark=None if mark is None else Mark(*mark),
        if_id=None if if_id is None else if_id[0],
    )


def _attributes(body: bytes) -> dict[int, tuple[int, ...]]:
    """Return the numbers of those attributes that are wanted."""
    found: dict[int, tuple[int, ...]] = {}
    start, size = _SA.size, len(body)
    while size - start >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(body, start)
        if not _ATTRIBUTE.size <= length <= size - start:
            raise XfrmError(f"an attribute of {length} octets where {size - start} are left")
        if (numbers := _WANTED.get(kind)) is not None:
            if length < _ATTRIBUTE.size + numbers.size:
                raise XfrmError(f"attribute {kind} of {length} octets")
            found[kind] = numbers.unpack_from(body, start + _ATTRIBUTE.size)
        start += aligned(length)
    return found


def _limit(number: int) -> int | None:
    return None if number == _INFINITE else number


def _address(family: int, octets: bytes) -> IpAddress:
    if family == _AF_INET:
        return ipaddress.IPv4Address(octets[:4])
    if family == _AF_INET6:
        return ipaddress.IPv6Address(octets)
    raise XfrmError(f"an SA of the address family {family}")
