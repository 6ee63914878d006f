"""Messages of SNMPv1 and SNMPv2c: bytes to values and back (RFC 1157, RFC 1901, RFC 3416).

Read by hand in the shapes that managers send, because it is on the path of every request.
"""

from __future__ import annotations

from typing import NamedTuple

from mibs import ber
from mibs.ber import BerError

__all__ = [
    "BULK_REQUEST",
    "GET_NEXT_REQUEST",
    "GET_REQUEST",
    "RESPONSE",
    "SET_REQUEST",
    "VERSION_1",
    "VERSION_2C",
    "Envelope",
    "Pdu",
    "decode_envelope",
    "decode_pdu",
    "encode_exception",
    "encode_response",
    "name_of",
]

VERSION_1 = 0
VERSION_2C = 1

GET_REQUEST = 0xA0
GET_NEXT_REQUEST = 0xA1
RESPONSE = 0xA2
SET_REQUEST = 0xA3
BULK_REQUEST = 0xA5


class Envelope(NamedTuple):
    """What stands before the PDU of a community-based message (RFC 1901 section 3)."""

    version: int
    community: bytes
    pdu_type: int
    start: int
    stop: int
    """Where the content of the PDU begins and stops in the datagram."""


class Pdu(NamedTuple):
    """A request (RFC 3416 section 3). A bulk request has the last two numbers for itself."""

    request_id: int
    error_status: int
    """non_repeaters of a bulk request."""
    error_index: int
    """max_repetitions of a bulk request."""
    names: list[bytes]
    """Content of each OID, in order."""
    varbinds: bytes
    """The content of the whole list, to be sent back with an error."""


def decode_envelope(data: bytes) -> Envelope:
    """Read a message up to its PDU; of an unknown version, only the version.

    Raises:
        BerError: this is no SNMP message.
    """
    tag, pos, end = ber.read_header(data, 0, len(data))
    if tag != ber.SEQUENCE:
        raise BerError(f"a message begins with tag {tag:#04x}")
    tag, start, stop = ber.read_header(data, pos, end)
    if tag != ber.INTEGER:
        raise BerError(f"a version has tag {tag:#04x}")
    version = ber.decode_integer(data, start, stop)
    if version not in (VERSION_1, VERSION_2C):
        return Envelope(version, b"", 0, stop, end)
    tag, start, pos = ber.read_header(data, stop, end)
    if tag != ber.OCTET_STRING:
        raise BerError(f"a community has tag {tag:#04x}")
    pdu_type, pdu_start, pdu_stop = ber.read_header(data, pos, end)
    if pdu_stop != end:
        raise BerError(f"{end - pdu_stop} octets follow the PDU")
    return Envelope(version, data[start:pos], pdu_type, pdu_start, pdu_stop)


def decode_pdu(data: bytes, start: int, stop: int) -> Pdu:
    """Read the content of a PDU, from where it begins to where it stops in the datagram.

    The values of the variable bindings are checked for their length only: those of a request to
    read mean nothing (RFC 3416 section 3).

    Raises:
        BerError: this is no PDU.
    """
    numbers = []
    pos = start
    for what in ("request-id", "error-status", "error-index"):
        tag, begin, pos = ber.read_header(data, pos, stop)
        if tag != ber.INTEGER:
            raise BerError(f"a {what} has tag {tag:#04x}")
        numbers.append(ber.decode_integer(data, begin, pos))
    tag, pos, end = ber.read_header(data, pos, stop)
    if tag != ber.SEQUENCE or end != stop:
        raise BerError("the variable bindings are not the last part of the PDU")
    first = pos
    names = []
    while pos < end:
        # Almost every binding is SEQUENCE, OID and NULL with short lengths.
        if data[pos] != ber.SEQUENCE:
            raise BerError(f"a variable binding has tag {data[pos]:#04x}")
        _, begin, binding_end = ber.read_header(data, pos, end)
        tag, begin, name_end = ber.read_header(data, begin, binding_end)
        if tag != ber.OBJECT_IDENTIFIER or begin == name_end:
            raise BerError(f"a name at {begin} is no OID")
        _, _, value_end = ber.read_header(data, name_end, binding_end)
        if value_end != binding_end:
            raise BerError(f"{binding_end - value_end} octets follow a value")
        names.append(data[begin:name_end])
        pos = binding_end
    return Pdu(numbers[0], numbers[1], numbers[2], names, data[first:end])


def encode_response(
    version: int,
    community: bytes,
    request_id: int,
    varbinds: bytes,
    *,
    error_status: int = 0,
    error_index: int = 0,
) -> bytes:
    """Return a whole Response message around encoded variable bindings."""
    status = (
        b"\x02\x01\x00\x02\x01\x00"
        if not error_status
        else ber.encode_integer(error_status) + ber.encode_integer(error_index)
    )
    pdu = ber.encode_tlv(
        RESPONSE,
        ber.encode_integer(request_id) + status + ber.encode_tlv(ber.SEQUENCE, varbinds),
    )
    head = bytes((ber.INTEGER, 1, version)) + ber.encode_tlv(ber.OCTET_STRING, community)
    return ber.encode_tlv(ber.SEQUENCE, head + pdu)


def encode_exception(name: bytes, tag: int) -> bytes:
    """Return a variable binding with noSuchObject, noSuchInstance or endOfMibView."""
    return ber.encode_tlv(
        ber.SEQUENCE, ber.encode_tlv(ber.OBJECT_IDENTIFIER, name) + bytes((tag, 0))
    )


def name_of(varbind: bytes) -> bytes:
    """Return the content of the name of an encoded variable binding."""
    _, pos, end = ber.read_header(varbind, 0, len(varbind))
    _, start, stop = ber.read_header(varbind, pos, end)
    return varbind[start:stop]
