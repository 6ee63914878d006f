"""PDUs to octets and back (RFC 2741 section 6)."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import NamedTuple

from agent.agentx.errors import AgentXError
from agent.agentx.pdu import (
    ANY_INDEX,
    INSTANCE_REGISTRATION,
    NETWORK_BYTE_ORDER,
    NEW_INDEX,
    NON_DEFAULT_CONTEXT,
    AddAgentCaps,
    CleanupSet,
    Close,
    CommitSet,
    Get,
    GetBulk,
    GetNext,
    Header,
    IndexAllocate,
    IndexDeallocate,
    Notify,
    Open,
    Pdu,
    Ping,
    Register,
    RemoveAgentCaps,
    Response,
    TestSet,
    UndoSet,
    Unregister,
)
from agent.agentx.values import (
    BIG,
    LITTLE,
    ByteOrder,
    Oid,
    decode_octets,
    decode_oid,
    decode_ranges,
    decode_varbinds,
    encode_octets,
    encode_oid,
    encode_range,
    encode_varbind,
)

__all__ = [
    "HEADER_LENGTH",
    "MAX_PAYLOAD",
    "VERSION",
    "decode",
    "decode_header",
    "decode_payload",
    "encode",
    "encode_response",
]

HEADER_LENGTH = 20
MAX_PAYLOAD = 65536
"""Octets. More than that, net-snmp drops without a word."""
VERSION = 1


# Decoding -----------------------------------------------------------------------------------------


def decode_header(data: bytes) -> Header:
    """Return the header of a whole PDU.

    Raises:
        AgentXError: version or lengths are wrong.
    """
    if len(data) < HEADER_LENGTH:
        raise AgentXError(f"a PDU of {len(data)} octets")
    order = BIG if data[2] & NETWORK_BYTE_ORDER else LITTLE
    version, type_, flags, _, session, transaction, packet, length = order.header.unpack_from(data)
    if version != VERSION:
        raise AgentXError(f"version {version} of AgentX")
    if length != len(data) - HEADER_LENGTH or length & 3:
        raise AgentXError(f"a PDU of {len(data)} octets says it has {length} after the header")
    return Header(type_, flags, session, transaction, packet)


def decode_payload(header: Header, data: bytes) -> Pdu:
    """Return the content of a whole PDU whose header is known.

    Raises:
        AgentXError: the type is unknown, or the content is not what it has to be.
    """
    reader = _READERS.get(header.type)
    if reader is None:
        raise AgentXError(f"a PDU of type {header.type}")
    order = BIG if header.flags & NETWORK_BYTE_ORDER else LITTLE
    pos, end = HEADER_LENGTH, len(data)
    context = b""
    if header.flags & NON_DEFAULT_CONTEXT and header.type in _WITH_CONTEXT:
        context, pos = decode_octets(data, pos, end, order)
    if header.type == Get.TYPE:
        # All that a manager asks by GET comes here, so it goes the short way.
        return Get(decode_ranges(data, pos, end, order), context)
    pdu, pos = reader(_Payload(data, pos, end, order, header.flags, context))
    if pos != end:
        raise AgentXError(f"{end - pos} octets after the end of the content")
    return pdu


def decode(data: bytes) -> tuple[Header, Pdu]:
    """Return header and content of a whole PDU.

    Raises:
        AgentXError: it is not right.
    """
    header = decode_header(data)
    return header, decode_payload(header, data)


def _need(count: int, pos: int, end: int) -> int:
    if pos + count > end:
        raise AgentXError(f"octets end at {end}, {count} are needed from {pos} on")
    return pos + count


class _Payload(NamedTuple):
    """What a reader of a payload is given: where it goes on after the context, and the context."""

    data: bytes
    pos: int
    end: int
    order: ByteOrder
    flags: int
    context: bytes


_Read = tuple[Pdu, int]


def _open(given: _Payload) -> _Read:
    data, pos, end, order, _, _ = given
    after = _need(4, pos, end)
    oid, _, stop = decode_oid(data, after, end, order)
    description, stop = decode_octets(data, stop, end, order)
    return Open(oid, description, data[pos]), stop


def _close(given: _Payload) -> _Read:
    after = _need(4, given.pos, given.end)
    return Close(given.data[given.pos]), after


def _region(given: _Payload) -> tuple[int, int, int, int, Oid, int]:
    data, pos, end, order, _, _ = given
    after = _need(4, pos, end)
    timeout, priority, range_subid, _ = data[pos:after]
    subtree, _, pos = decode_oid(data, after, end, order)
    upper_bound = 0
    if range_subid:
        after = _need(4, pos, end)
        (upper_bound,) = order.u32.unpack_from(data, pos)
        pos = after
    return timeout, priority, range_subid, upper_bound, subtree, pos


def _register(given: _Payload) -> _Read:
    timeout, priority, range_subid, upper_bound, subtree, stop = _region(given)
    instance = bool(given.flags & INSTANCE_REGISTRATION)
    pdu = Register(subtree, priority, range_subid, upper_bound, timeout, instance, given.context)
    return pdu, stop


def _unregister(given: _Payload) -> _Read:
    _, priority, range_subid, upper_bound, subtree, stop = _region(given)
    return Unregister(subtree, priority, range_subid, upper_bound, given.context), stop


def _get(given: _Payload) -> _Read:
    data, pos, end, order, _, context = given
    return Get(decode_ranges(data, pos, end, order), context), end


def _get_next(given: _Payload) -> _Read:
    data, pos, end, order, _, context = given
    return GetNext(decode_ranges(data, pos, end, order), context), end


def _get_bulk(given: _Payload) -> _Read:
    data, pos, end, order, _, context = given
    after = _need(4, pos, end)
    non_repeaters, max_repetitions = order.u16x2.unpack_from(data, pos)
    ranges = decode_ranges(data, after, end, order)
    return GetBulk(ranges, non_repeaters, max_repetitions, context), end


def _with_varbinds(kind: Callable[..., Pdu]) -> Callable[[_Payload], _Read]:
    def read(given: _Payload) -> _Read:
        return kind(decode_varbinds(*given[:4]), context=given.context), given.end

    return read


def _index_allocate(given: _Payload) -> _Read:
    new, any_ = bool(given.flags & NEW_INDEX), bool(given.flags & ANY_INDEX)
    return IndexAllocate(decode_varbinds(*given[:4]), new, any_, given.context), given.end


def _empty(kind: Callable[[], Pdu]) -> Callable[[_Payload], _Read]:
    return lambda given: (kind(), given.pos)


def _ping(given: _Payload) -> _Read:
    return Ping(given.context), given.pos


def _add_agent_caps(given: _Payload) -> _Read:
    data, pos, end, order, _, context = given
    oid, _, pos = decode_oid(data, pos, end, order)
    description, pos = decode_octets(data, pos, end, order)
    return AddAgentCaps(oid, description, context), pos


def _remove_agent_caps(given: _Payload) -> _Read:
    oid, _, stop = decode_oid(*given[:4])
    return RemoveAgentCaps(oid, given.context), stop


def _response(given: _Payload) -> _Read:
    data, pos, end, order, _, _ = given
    after = _need(8, pos, end)
    (up_time,) = order.u32.unpack_from(data, pos)
    error, index = order.u16x2.unpack_from(data, pos + 4)
    return Response(error, index, decode_varbinds(data, after, end, order), up_time), end


_READERS: dict[int, Callable[[_Payload], _Read]] = {
    Open.TYPE: _open,
    Close.TYPE: _close,
    Register.TYPE: _register,
    Unregister.TYPE: _unregister,
    Get.TYPE: _get,
    GetNext.TYPE: _get_next,
    GetBulk.TYPE: _get_bulk,
    TestSet.TYPE: _with_varbinds(TestSet),
    CommitSet.TYPE: _empty(CommitSet),
    UndoSet.TYPE: _empty(UndoSet),
    CleanupSet.TYPE: _empty(CleanupSet),
    Notify.TYPE: _with_varbinds(Notify),
    Ping.TYPE: _ping,
    IndexAllocate.TYPE: _index_allocate,
    IndexDeallocate.TYPE: _with_varbinds(IndexDeallocate),
    AddAgentCaps.TYPE: _add_agent_caps,
    RemoveAgentCaps.TYPE: _remove_agent_caps,
    Response.TYPE: _response,
}

_WITH_CONTEXT = frozenset(
    kind.TYPE
    for kind in (
        *(Register, Unregister, Get, GetNext, GetBulk, TestSet, Notify, Ping),
        *(IndexAllocate, IndexDeallocate, AddAgentCaps, RemoveAgentCaps),
    )
)
"""The types that may be about a context (section 6.1.1)."""


# Encoding -----------------------------------------------------------------------------------------


def encode(
    pdu: Pdu,
    order: ByteOrder = BIG,
    *,
    session_id: int = 0,
    transaction_id: int = 0,
    packet_id: int = 0,
) -> bytes:
    """Return a whole PDU.

    Raises:
        AgentXError: a value cannot be encoded, or the payload would be over :data:`MAX_PAYLOAD`.
    """
    flags = NETWORK_BYTE_ORDER if order is BIG else 0
    context = getattr(pdu, "context", b"")
    payload = b""
    if context:
        flags |= NON_DEFAULT_CONTEXT
        payload = encode_octets(context, order)
    try:
        more_flags, content = _content(pdu, order)
        payload += content
        if len(payload) > MAX_PAYLOAD:
            raise AgentXError(f"a payload of {len(payload)} octets, {MAX_PAYLOAD} are allowed")
        numbers = session_id, transaction_id, packet_id, len(payload)
        return order.header.pack(VERSION, pdu.TYPE, flags | more_flags, 0, *numbers) + payload
    except (struct.error, ValueError) as error:
        raise AgentXError(f"{pdu} cannot be encoded: {error}") from None


def encode_response(
    header: Header, varbinds: Sequence[bytes] = (), *, error: int = 0, index: int = 0
) -> bytes:
    """Return a subagent's response to the PDU of this header, in that one's byte order.

    Raises:
        AgentXError: the payload would be over :data:`MAX_PAYLOAD`.
    """
    order = BIG if header.flags & NETWORK_BYTE_ORDER else LITTLE
    body = b"".join(varbinds)
    length = 8 + len(body)
    if length > MAX_PAYLOAD:
        raise AgentXError(f"a payload of {length} octets, {MAX_PAYLOAD} are allowed")
    flags = header.flags & NETWORK_BYTE_ORDER
    return (
        order.header.pack(VERSION, Response.TYPE, flags, 0, *header[2:], length)
        + order.u32.pack(0)
        + order.u16x2.pack(error, index)
        + body
    )


def _content(pdu: Pdu, order: ByteOrder) -> tuple[int, bytes]:
    """Return the flags that a PDU adds, and its payload after the context."""
    match pdu:
        case Open(oid, description, timeout):
            rest = encode_oid(oid, order) + encode_octets(description, order)
            return 0, bytes((timeout, 0, 0, 0)) + rest
        case Close(reason):
            return 0, bytes((reason, 0, 0, 0))
        case Register() | Unregister():
            return _encoded_region(pdu, order)
        case Get(ranges) | GetNext(ranges):
            return 0, b"".join(encode_range(wanted, order) for wanted in ranges)
        case GetBulk(ranges, non_repeaters, max_repetitions):
            head = order.u16x2.pack(non_repeaters, max_repetitions)
            return 0, head + b"".join(encode_range(wanted, order) for wanted in ranges)
        case AddAgentCaps(oid, description):
            return 0, encode_oid(oid, order) + encode_octets(description, order)
        case RemoveAgentCaps(oid):
            return 0, encode_oid(oid, order)
        case Response(error, index, varbinds, up_time):
            head = order.u32.pack(up_time) + order.u16x2.pack(error, index)
            return 0, head + b"".join(encode_varbind(varbind, order) for varbind in varbinds)
        case IndexAllocate(varbinds, new_index, any_index):
            flags = NEW_INDEX * new_index | ANY_INDEX * any_index
            return flags, b"".join(encode_varbind(varbind, order) for varbind in varbinds)
        case TestSet(varbinds) | Notify(varbinds) | IndexDeallocate(varbinds):
            return 0, b"".join(encode_varbind(varbind, order) for varbind in varbinds)
        case CommitSet() | UndoSet() | CleanupSet() | Ping():
            return 0, b""


def _encoded_region(pdu: Register | Unregister, order: ByteOrder) -> tuple[int, bytes]:
    timeout, instance = 0, False
    if isinstance(pdu, Register):
        timeout, instance = pdu.timeout, pdu.instance
    head = bytes((timeout, pdu.priority, pdu.range_subid, 0)) + encode_oid(pdu.subtree, order)
    bound = order.u32.pack(pdu.upper_bound) if pdu.range_subid else b""
    return INSTANCE_REGISTRATION * instance, head + bound
