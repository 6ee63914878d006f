"""Messages of SNMPv1 and SNMPv2c, and the PDUs of all versions (RFC 1157, RFC 1901, RFC 3416).

Read by hand in the shapes that managers send, because it is on the path of every request. What goes
back as it came (version and community, request-id, variable bindings) is kept encoded.
"""

from __future__ import annotations

from typing import NamedTuple

from mibs import ber
from mibs.ber import BerError

__all__ = [
    "BULK_REQUEST",
    "GET_NEXT_REQUEST",
    "GET_REQUEST",
    "INFORM_REQUEST",
    "REPORT",
    "RESPONSE",
    "SET_REQUEST",
    "TRAP",
    "TRAP_V1",
    "VERSION_1",
    "VERSION_2C",
    "VERSION_3",
    "Binding",
    "Envelope",
    "Pdu",
    "content_room",
    "decode_bindings",
    "decode_envelope",
    "decode_pdu",
    "decode_version",
    "encode_exception",
    "encode_pdu",
    "varbinds_room",
]

VERSION_1 = 0
VERSION_2C = 1
VERSION_3 = 3

GET_REQUEST = 0xA0
GET_NEXT_REQUEST = 0xA1
RESPONSE = 0xA2
SET_REQUEST = 0xA3
TRAP_V1 = 0xA4
BULK_REQUEST = 0xA5
INFORM_REQUEST = 0xA6
TRAP = 0xA7
REPORT = 0xA8

_NO_ERROR = b"\x02\x01\x00\x02\x01\x00"
"""error-status and error-index of an answer that is none."""
_NO_ERROR_LIST = _NO_ERROR + bytes((ber.SEQUENCE,))


class Envelope(NamedTuple):
    """What stands around the PDU of a community-based message (RFC 1901 section 3)."""

    version: int
    community: bytes
    head: bytes
    """Version and community, as they came."""
    pdu_type: int
    start: int
    stop: int
    """Where the content of the PDU begins and stops in the datagram."""


class Pdu(NamedTuple):
    """A request (RFC 3416 section 3). A bulk request has the two numbers for itself."""

    type: int
    request_id: bytes
    """The whole element, as it came."""
    error_status: int
    """non_repeaters of a bulk request."""
    error_index: int
    """max_repetitions of a bulk request."""
    names: list[bytes]
    """Content of each OID, in order."""
    varbinds: bytes
    """The content of the whole list, as it came."""


class Binding(NamedTuple):
    """A variable binding of a request to set."""

    name: bytes
    """Content of the OID."""
    tag: int
    content: bytes


def decode_version(data: bytes) -> int:
    """Read the version of a message.

    Raises:
        BerError: this is no SNMP message.
    """
    if len(data) > 5 and data[1] == len(data) - 2 < 0x80 and data[2:4] == b"\x02\x01":
        version = data[4]
        if data[0] == ber.SEQUENCE and version < 0x80:
            return version
    return _version(data)[0]


def _version(data: bytes) -> tuple[int, int, int]:
    """Return the version, where its element begins and stops, of a message that ends with data."""
    tag, pos, end = ber.read_header(data, 0, len(data))
    if tag != ber.SEQUENCE:
        raise BerError(f"a message begins with tag {tag:#04x}")
    tag, start, stop = ber.read_header(data, pos, end)
    if tag != ber.INTEGER:
        raise BerError(f"a version has tag {tag:#04x}")
    return ber.decode_integer(data, start, stop), pos, stop


def decode_envelope(data: bytes) -> Envelope:
    """Read a message of SNMPv1 or SNMPv2c up to its PDU.

    Raises:
        BerError: this is no such message.
    """
    size = len(data)
    # Almost every request is so short that each of its lengths is one octet.
    if 12 < size < 130 and data[0] == ber.SEQUENCE and data[1] == size - 2:
        stop = 7 + data[6]
        if (
            data[2:6:3] == b"\x02\x04"
            and data[3] == 1
            and stop + 2 <= size
            and data[stop + 1] == size - stop - 2
        ):
            return Envelope(data[4], data[7:stop], data[2:stop], data[stop], stop + 2, size)
    version, begin, stop = _version(data)
    end = ber.read_header(data, 0, size)[2]
    tag, start, pos = ber.read_header(data, stop, end)
    if tag != ber.OCTET_STRING:
        raise BerError(f"a community has tag {tag:#04x}")
    pdu_type, pdu_start, pdu_stop = ber.read_header(data, pos, end)
    if pdu_stop != end:
        raise BerError(f"{end - pdu_stop} octets follow the PDU")
    return Envelope(version, data[start:pos], data[begin:pos], pdu_type, pdu_start, pdu_stop)


def decode_pdu(data: bytes, pdu_type: int, start: int, stop: int) -> Pdu:
    """Read the content of a PDU, from where it begins to where it stops in the octets.

    The values of the variable bindings are checked for their length only: those of a request to
    read mean nothing (RFC 3416 section 3).

    Raises:
        BerError: this is no PDU.
    """
    if stop - start > 12 and data[start] == ber.INTEGER and 0 < data[start + 1] < 5:
        pos = start + 2 + data[start + 1]
    else:
        pos = _number(data, start, stop, "request-id")[1]
    request_id = data[start:pos]
    numbers = data[pos : pos + 6]
    if len(numbers) == 6 and numbers[0::3] == b"\x02\x02" and numbers[1::3] == b"\x01\x01":
        status, index = numbers[2], numbers[5]
        if status > 0x7F or index > 0x7F:
            status = int.from_bytes(numbers[2:3], "big", signed=True)
            index = int.from_bytes(numbers[5:6], "big", signed=True)
        pos += 6
    else:
        status, pos = _number(data, pos, stop, "error-status")
        index, pos = _number(data, pos, stop, "error-index")
    if data[pos : pos + 2] == bytes((ber.SEQUENCE, (stop - pos - 2) & 0x7F)) and stop - pos < 130:
        first, end = pos + 2, stop
    else:
        tag, first, end = ber.read_header(data, pos, stop)
        if tag != ber.SEQUENCE or end != stop:
            raise BerError("the variable bindings are not the last part of the PDU")
    names = []
    pos = first
    while pos < end:
        # Almost every binding is SEQUENCE, OID and NULL with short lengths.
        head = data[pos : pos + 4]
        if len(head) == 4 and head[0] == ber.SEQUENCE and head[2] == ber.OBJECT_IDENTIFIER:
            length = head[3]
            value = pos + 4 + length
            if (
                0 < length < 0x7C
                and head[1] == length + 4
                and data[value : value + 2] == b"\x05\x00"
                and value + 2 <= end
            ):
                names.append(data[pos + 4 : value])
                pos = value + 2
                continue
        name, _, _, pos = _binding(data, pos, end)
        names.append(name)
    return Pdu(pdu_type, request_id, status, index, names, data[first:end])


def decode_bindings(varbinds: bytes) -> list[Binding]:
    """Read the variable bindings of a PDU with their values.

    Raises:
        BerError: one is malformed; never for the bindings of a PDU that was read.
    """
    found = []
    pos = 0
    while pos < len(varbinds):
        name, tag, start, pos = _binding(varbinds, pos, len(varbinds))
        found.append(Binding(name, tag, varbinds[start:pos]))
    return found


def _number(data: bytes, pos: int, stop: int, what: str) -> tuple[int, int]:
    tag, begin, pos = ber.read_header(data, pos, stop)
    if tag != ber.INTEGER:
        raise BerError(f"a {what} has tag {tag:#04x}")
    return ber.decode_integer(data, begin, pos), pos


def _binding(data: bytes, pos: int, end: int) -> tuple[bytes, int, int, int]:
    """Return name, tag of the value, and where the value's content begins and stops."""
    tag, begin, binding_end = ber.read_header(data, pos, end)
    if tag != ber.SEQUENCE:
        raise BerError(f"a variable binding has tag {tag:#04x}")
    tag, begin, name_end = ber.read_header(data, begin, binding_end)
    if tag != ber.OBJECT_IDENTIFIER or begin == name_end:
        raise BerError(f"a name at {begin} is no OID")
    tag, start, value_end = ber.read_header(data, name_end, binding_end)
    if value_end != binding_end:
        raise BerError(f"{binding_end - value_end} octets follow a value")
    return data[begin:name_end], tag, start, value_end


def encode_pdu(
    pdu_type: int,
    request_id: bytes,
    varbinds: bytes,
    *,
    error_status: int = 0,
    error_index: int = 0,
) -> bytes:
    """Return a whole PDU around an encoded request-id and encoded variable bindings."""
    size = len(varbinds)
    if not error_status and size < 100:
        # Almost every answer to a GET is so short that each of its lengths is one octet.
        head = bytes((pdu_type, len(request_id) + 8 + size)) + request_id
        return head + _NO_ERROR_LIST + bytes((size,)) + varbinds
    status = _NO_ERROR
    if error_status:
        status = ber.encode_integer(error_status) + ber.encode_integer(error_index)
    head = ber.encode_header(ber.SEQUENCE, size)
    length = len(request_id) + len(status) + len(head) + size
    return b"".join((ber.encode_header(pdu_type, length), request_id, status, head, varbinds))


def encode_exception(name: bytes, tag: int) -> bytes:
    """Return a variable binding with noSuchObject, noSuchInstance or endOfMibView."""
    return ber.encode_tlv(
        ber.SEQUENCE, ber.encode_tlv(ber.OBJECT_IDENTIFIER, name) + bytes((tag, 0))
    )


def varbinds_room(room: int, request_id: bytes) -> int:
    """Return the octets that variable bindings may have in an answer of at most ``room``."""
    return content_room(content_room(room) - len(request_id) - len(_NO_ERROR))


def content_room(size: int) -> int:
    """Return the octets that content may have in an element of this size: the header has 2 to 4."""
    if size < 130:
        return size - 2
    if size < 259:
        return max(size - 3, 127)
    return max(size - 4, 255)
