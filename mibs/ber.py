"""The part of the Basic Encoding Rules that SNMP uses (RFC 3417 section 8, X.690).

Encoders take plain values: int, bytes, and a tuple of sub-identifiers for an OID. Decoders work on
offsets into the datagram, allocate nothing before a length is checked, and raise :class:`BerError`
only. Indefinite lengths are refused, lengths that are longer than need be are accepted.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence

from mibs.errors import MibError

__all__ = [
    "COUNTER32",
    "COUNTER64",
    "END_OF_MIB_VIEW",
    "GAUGE32",
    "INTEGER",
    "IP_ADDRESS",
    "MAX_SUB_IDENTIFIERS",
    "NO_SUCH_INSTANCE",
    "NO_SUCH_OBJECT",
    "NULL",
    "OBJECT_IDENTIFIER",
    "OCTET_STRING",
    "OPAQUE",
    "SEQUENCE",
    "TIME_TICKS",
    "BerError",
    "decode_integer",
    "decode_oid",
    "decode_sub_identifiers",
    "encode_header",
    "encode_integer",
    "encode_oid",
    "encode_sub_identifiers",
    "encode_tlv",
    "encode_value",
    "encode_varbinds",
    "name_of",
    "read_header",
]

INTEGER = 0x02
OCTET_STRING = 0x04
NULL = 0x05
OBJECT_IDENTIFIER = 0x06
SEQUENCE = 0x30
IP_ADDRESS = 0x40
COUNTER32 = 0x41
GAUGE32 = 0x42
TIME_TICKS = 0x43
OPAQUE = 0x44
COUNTER64 = 0x46
NO_SUCH_OBJECT = 0x80
NO_SUCH_INSTANCE = 0x81
END_OF_MIB_VIEW = 0x82

MAX_SUB_IDENTIFIERS = 128
"""RFC 2578 section 7.1.3."""
_MAX_SUB_IDENTIFIER = 0xFFFFFFFF
_SHORT = 0x80
_MODULUS = {COUNTER32: 1 << 32, COUNTER64: 1 << 64, TIME_TICKS: 1 << 32}


class BerError(MibError):
    """Octets that are not what SNMP's subset of BER allows."""


# Encoding -----------------------------------------------------------------------------------------


def _length(n: int) -> bytes:
    if n < _SHORT:
        return bytes((n,))
    octets = n.to_bytes((n.bit_length() + 7) >> 3, "big")
    return bytes((_SHORT | len(octets),)) + octets


def encode_header(tag: int, length: int) -> bytes:
    """Return tag and length of an element with this many octets of content."""
    if length < _SHORT:
        return bytes((tag, length))
    if length < 0x100:
        return bytes((tag, 0x81, length))
    if length < 0x10000:
        return bytes((tag, 0x82, length >> 8, length & 0xFF))
    return bytes((tag,)) + _length(length)


def encode_tlv(tag: int, content: bytes) -> bytes:
    """Return tag, length and content."""
    return encode_header(tag, len(content)) + content


def _integer_content(value: int) -> bytes:
    bits = value.bit_length() if value >= 0 else (~value).bit_length()
    return value.to_bytes((bits >> 3) + 1, "big", signed=True)


def encode_integer(value: int, tag: int = INTEGER) -> bytes:
    """Return an integer of any SNMP type, in the fewest octets."""
    return encode_tlv(tag, _integer_content(value))


def encode_sub_identifiers(numbers: Iterable[int]) -> bytes:
    """Return sub-identifiers one after the other, base 128 (X.690 section 8.19.2)."""
    out = bytearray()
    for number in numbers:
        if number < _SHORT:
            out.append(number)
            continue
        shift = (number.bit_length() - 1) // 7 * 7
        while shift:
            out.append(_SHORT | (number >> shift & 0x7F))
            shift -= 7
        out.append(number & 0x7F)
    return bytes(out)


def encode_oid(oid: Sequence[int]) -> bytes:
    """Return the content of an OID: the first two sub-identifiers share one number."""
    if len(oid) < 2:
        return encode_sub_identifiers((oid[0] * 40,)) if oid else b"\x00"
    return encode_sub_identifiers((oid[0] * 40 + oid[1], *oid[2:]))


def encode_value(tag: int, value: int | bytes | tuple[int, ...]) -> bytes:
    """Return a value as the SNMP type that the tag names; a counter is taken modulo its size."""
    if isinstance(value, int):
        modulus = _MODULUS.get(tag)
        return encode_integer(value % modulus if modulus else value, tag)
    if isinstance(value, bytes):
        return encode_tlv(tag, value)
    return encode_tlv(tag, encode_oid(value))


_HEADS: dict[tuple[int, int], bytes] = {}


def _head(name_length: int, value_length: int) -> bytes:
    """Everything before the name's content: SEQUENCE and its length, OID and its length."""
    head = _HEADS.get((name_length, value_length))
    if head is None:
        name = b"\x06" + _length(name_length)
        inner = len(name) + name_length + value_length
        head = _HEADS[name_length, value_length] = b"\x30" + _length(inner) + name
    return head


_SMALL = {
    tag: tuple(bytes((tag, 1, n)) for n in range(128))
    for tag in (INTEGER, COUNTER32, GAUGE32, TIME_TICKS, COUNTER64)
}


def encode_varbinds(
    prefix: bytes,
    suffixes: Iterable[bytes],
    tag: int,
    values: Iterable[int | bytes | tuple[int, ...]],
) -> tuple[bytes, array[int]]:
    """Encode one column: the varbinds one after the other, and the offsets of all and of the end.

    This is the one loop that runs once per cell, so it takes the shapes of columns by hand.
    """
    cells = []
    offsets = array("I", (0,))
    end = 0
    prefix_length = len(prefix)
    heads = _HEADS
    small = _SMALL.get(tag, ())
    modulus = _MODULUS.get(tag)
    for suffix, value in zip(suffixes, values, strict=True):
        if isinstance(value, int):
            number = value % modulus if modulus else value
            if 0 <= number < len(small):
                encoded = small[number]
            elif number >= 0:
                body = number.to_bytes((number.bit_length() >> 3) + 1, "big")
                encoded = bytes((tag, len(body))) + body
            else:
                encoded = encode_integer(number, tag)
        else:
            encoded = encode_value(tag, value)
        name_length = prefix_length + len(suffix)
        head = heads.get((name_length, len(encoded))) or _head(name_length, len(encoded))
        cell = head + prefix + suffix + encoded
        cells.append(cell)
        end += len(cell)
        offsets.append(end)
    return b"".join(cells), offsets


# Decoding -----------------------------------------------------------------------------------------


def read_header(data: bytes, pos: int, end: int) -> tuple[int, int, int]:
    """Read tag and length at ``pos``; return the tag and where the content begins and stops.

    Raises:
        BerError: the header or the content reaches beyond ``end``, or the form is not SNMP's.
    """
    if pos + 2 > end:
        raise BerError(f"octets end at {end}, inside a header that begins at {pos}")
    tag = data[pos]
    length = data[pos + 1]
    start = pos + 2
    if length >= _SHORT:
        count = length & 0x7F
        if not 0 < count <= 4:
            raise BerError(f"length at {pos + 1} is in {count} octets, 1 to 4 are allowed")
        start += count
        if start > end:
            raise BerError(f"octets end at {end}, inside a length that begins at {pos + 1}")
        length = int.from_bytes(data[start - count : start], "big")
    stop = start + length
    if stop > end:
        raise BerError(f"content at {start} is {length} octets long, {end - start} are there")
    return tag, start, stop


def name_of(varbind: bytes) -> bytes:
    """Return the content of the name of an encoded variable binding, one of ours."""
    if varbind[1] < _SHORT:
        return varbind[4 : 4 + varbind[3]]
    _, pos, end = read_header(varbind, 0, len(varbind))
    _, start, stop = read_header(varbind, pos, end)
    return varbind[start:stop]


def decode_integer(data: bytes, start: int, stop: int) -> int:
    """Return a signed integer of at most 32 bits.

    Raises:
        BerError: there is no octet, or more than 4 (5 with a leading zero octet).
    """
    if not start < stop <= start + 5 or (stop == start + 5 and data[start]):
        raise BerError(f"an integer of {stop - start} octets at {start}")
    return int.from_bytes(data[start:stop], "big", signed=True)


def decode_sub_identifiers(content: bytes) -> tuple[int, ...]:
    """Return the sub-identifiers of a part of an OID.

    Raises:
        BerError: one is cut short, is over 32 bits or begins with a padding octet, or there are
            more than 128.
    """
    if content.isascii():
        if len(content) > MAX_SUB_IDENTIFIERS:
            raise BerError(f"an OID of {len(content)} sub-identifiers")
        return tuple(content)
    numbers = []
    number = 0
    inside = False
    for octet in content:
        if octet == _SHORT and not inside:
            raise BerError("a sub-identifier begins with a padding octet")
        number = number << 7 | octet & 0x7F
        inside = octet >= _SHORT
        if not inside:
            numbers.append(number)
            number = 0
        elif number > _MAX_SUB_IDENTIFIER >> 7:
            raise BerError("a sub-identifier is over 32 bits")
    if inside:
        raise BerError("a sub-identifier is cut short")
    if len(numbers) > MAX_SUB_IDENTIFIERS:
        raise BerError(f"an OID of {len(numbers)} sub-identifiers")
    return tuple(numbers)


def decode_oid(content: bytes) -> tuple[int, ...]:
    """Return an OID of its content.

    Raises:
        BerError: the content is empty, not a list of sub-identifiers, or one of more than 128.
    """
    numbers = decode_sub_identifiers(content)
    # The first number is two sub-identifiers.
    if not 0 < len(numbers) < MAX_SUB_IDENTIFIERS:
        raise BerError(f"an OID of {len(numbers) + 1 if numbers else 0} sub-identifiers")
    first = numbers[0]
    root = min(first // 40, 2)
    return (root, first - root * 40, *numbers[1:])
