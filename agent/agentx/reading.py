"""Answers to Get, GetNext and GetBulk (RFC 2741 section 7.2.3)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from agent.agentx.codec import HEADER_LENGTH, MAX_PAYLOAD, encode_response
from agent.agentx.errors import AgentXError
from agent.agentx.handler import Reader
from agent.agentx.pdu import NETWORK_BYTE_ORDER, Get, GetBulk, GetNext, Header
from agent.agentx.values import (
    BIG,
    END_OF_MIB_VIEW,
    LITTLE,
    ByteOrder,
    SearchRange,
    VarBind,
    encode_varbind,
)

__all__ = ["ReadError", "answer", "go_on"]

_ROOM = MAX_PAYLOAD - 8
"""For variable bindings, after up time, error and index."""


class ReadError(AgentXError):
    """A variable cannot be given; ``index`` counts from 1, the cause says why."""

    def __init__(self, index: int) -> None:
        super().__init__(f"variable {index} cannot be given")
        self.index = index


def answer(header: Header, pdu: Get | GetNext | GetBulk, reader: Reader) -> bytes:
    """Return the response to a request.

    Raises:
        ReadError: one of the variables cannot be given.
    """
    order = BIG if header.flags & NETWORK_BYTE_ORDER else LITTLE
    if isinstance(pdu, GetBulk):
        cells = _bulk(pdu, reader, order)
    elif isinstance(pdu, GetNext):
        cells = _cells(pdu.ranges, reader.next, order)
    else:
        cells = _cells(pdu.ranges, lambda wanted: reader.get(wanted.start), order)
    return encode_response(header, cells)


def go_on(header: Header, frame: bytes, reader: Reader) -> bytes | None:
    """Return the response to a GetNext in network byte order that goes on with a walk.

    A master sends one PDU for each step of a walk, so this is most of what there is to do. None if
    the PDU has to be looked at as any other.
    """
    pos = HEADER_LENGTH
    end = len(frame)
    cells = []
    follow = reader.follow
    while pos < end:
        middle = pos + 4 + 4 * frame[pos]
        if middle >= end:
            return None
        stop = middle + 4 + 4 * frame[middle]
        cell = follow(frame[pos:middle], frame[middle:stop])
        if cell is None:
            return None
        cells.append(cell)
        pos = stop
    if pos != end:
        return None
    try:
        return encode_response(header, cells)
    except AgentXError:
        return None


def _cells(
    ranges: Sequence[SearchRange], read: Callable[[SearchRange], VarBind], order: ByteOrder
) -> list[bytes]:
    cells = []
    room = _ROOM
    for index, wanted in enumerate(ranges, 1):
        try:
            cell = encode_varbind(read(wanted), order)
        except Exception as error:
            raise ReadError(index) from error
        room -= len(cell)
        if room < 0:
            # Fewer variables than were asked for would make net-snmp hang, more octets too.
            raise ReadError(index) from AgentXError("the response is too long")
        cells.append(cell)
    return cells


def _bulk(pdu: GetBulk, reader: Reader, order: ByteOrder) -> list[bytes]:
    """Give up to max-repetitions; fewer where they do not fit or all are at their end."""
    cells = _cells(pdu.ranges[: pdu.non_repeaters], reader.next, order)
    repeated = list(pdu.ranges[pdu.non_repeaters :])
    room = _ROOM - sum(map(len, cells))
    for _ in range(pdu.max_repetitions if repeated else 0):
        found = []
        more = False
        for position, wanted in enumerate(repeated):
            try:
                varbind = reader.next(wanted)
                found.append(encode_varbind(varbind, order))
            except Exception as error:
                raise ReadError(len(pdu.ranges) - len(repeated) + position + 1) from error
            if varbind.type != END_OF_MIB_VIEW:
                more = True
                repeated[position] = SearchRange(varbind.name, include=False, end=wanted.end)
        room -= sum(map(len, found))
        if room < 0:
            break
        cells += found
        if not more:
            break
    return cells
