"""What PDUs are made of: OIDs, octet strings, search ranges and variable bindings (RFC 2741, 5).

Values are plain: int, bytes, None, and a tuple of sub-identifiers for an OID. Both byte orders are
here; a PDU says which one it is in. Decoders check a length before they use it, and raise
:class:`AgentXError` only.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from agent.agentx.errors import AgentXError

__all__ = [
    "BIG",
    "COUNTER32",
    "COUNTER64",
    "END_OF_MIB_VIEW",
    "GAUGE32",
    "INTEGER",
    "IP_ADDRESS",
    "LITTLE",
    "MAX_SUB_IDENTIFIERS",
    "NO_SUCH_INSTANCE",
    "NO_SUCH_OBJECT",
    "NULL",
    "OBJECT_IDENTIFIER",
    "OCTET_STRING",
    "OPAQUE",
    "TIME_TICKS",
    "ByteOrder",
    "Oid",
    "SearchRange",
    "Value",
    "VarBind",
    "decode_octets",
    "decode_oid",
    "decode_ranges",
    "decode_varbinds",
    "encode_name_head",
    "encode_octets",
    "encode_oid",
    "encode_range",
    "encode_value",
    "encode_varbind",
]

Oid = tuple[int, ...]
Value = int | bytes | Oid | None

# Types of a value (section 5.4).
INTEGER = 2
OCTET_STRING = 4
NULL = 5
OBJECT_IDENTIFIER = 6
IP_ADDRESS = 64
COUNTER32 = 65
GAUGE32 = 66
TIME_TICKS = 67
OPAQUE = 68
COUNTER64 = 70
NO_SUCH_OBJECT = 128
NO_SUCH_INSTANCE = 129
END_OF_MIB_VIEW = 130

MAX_SUB_IDENTIFIERS = 128

_INTERNET: Final = (1, 3, 6, 1)
_PREFIXED = ((), *((*_INTERNET, number) for number in range(1, 256)))
"""What the prefix octet of an OID stands for (section 5.1)."""
_NOTHING = (NULL, NO_SUCH_OBJECT, NO_SUCH_INSTANCE, END_OF_MIB_VIEW)
_OCTETS = (OCTET_STRING, IP_ADDRESS, OPAQUE)
_PADDING = (b"", bytes(3), bytes(2), bytes(1))


class ByteOrder:
    """One of the two byte orders, as everything that reads and writes numbers in it."""

    __slots__ = ("header", "named", "numbers", "oids", "u16x2", "u32", "values")

    def __init__(self, mark: str) -> None:
        counts = range(MAX_SUB_IDENTIFIERS + 1)
        self.header = struct.Struct(f"{mark}4B4I")
        self.u16x2 = struct.Struct(f"{mark}HH")
        self.u32 = struct.Struct(f"{mark}I")
        self.numbers = [struct.Struct(f"{mark}{count}I") for count in counts]
        """So many sub-identifiers."""
        self.oids = [struct.Struct(f"{mark}4B{count}I") for count in counts]
        """An OID of so many, less its prefix."""
        integers = {INTEGER: "i", COUNTER64: "Q"} | dict.fromkeys(
            (COUNTER32, GAUGE32, TIME_TICKS), "I"
        )
        kinds = {kind: [struct.Struct(f"{mark}HH4B{n}I{kind}") for n in counts] for kind in "iIQ"}
        self.named = {type_: kinds[kind] for type_, kind in integers.items()}
        """A whole variable binding, for the types that hold a number."""
        self.values = {type_: struct.Struct(mark + kind) for type_, kind in integers.items()}
        """The value alone."""


BIG: Final = ByteOrder(">")
"""Network byte order."""
LITTLE: Final = ByteOrder("<")


class VarBind(NamedTuple):
    """A name, the type of a value, and the value: None for the types that have none."""

    name: Oid
    type: int
    value: Value = None


class SearchRange(NamedTuple):
    """Where to look: after ``start``, or at it with ``include``, and before ``end``.

    An empty end is no bound.
    """

    start: Oid
    include: bool = False
    end: Oid = ()


# Encoding -----------------------------------------------------------------------------------------


def encode_oid(oid: Oid, order: ByteOrder, *, include: bool = False) -> bytes:
    """Return an OID, with its prefix in one octet where it has one (section 5.1).

    Raises:
        AgentXError: it has more than 128 sub-identifiers, or one that is not of 32 bits.
    """
    prefix = 0
    rest = oid
    if oid[:4] == _INTERNET and len(oid) > 4 and 0 < oid[4] < 256:
        prefix = oid[4]
        rest = oid[5:]
    if len(oid) > MAX_SUB_IDENTIFIERS:
        raise AgentXError(f"an OID of {len(oid)} sub-identifiers")
    try:
        return order.oids[len(rest)].pack(len(rest), prefix, include, 0, *rest)
    except struct.error as error:
        raise AgentXError(f"an OID that cannot be encoded: {error}") from None


def encode_name_head(type_: int, oid: Oid, more: int, order: ByteOrder) -> bytes:
    """Return how the binding of a type begins whose name is an OID and so many numbers more.

    Raises:
        AgentXError: the name cannot be encoded.
    """
    encoded = encode_oid(oid, order)
    if len(oid) + more > MAX_SUB_IDENTIFIERS:
        raise AgentXError(f"an OID of {len(oid) + more} sub-identifiers")
    return order.u16x2.pack(type_, 0) + bytes((encoded[0] + more,)) + encoded[1:]


def encode_value(type_: int, value: Value, order: ByteOrder) -> bytes:
    """Return what follows the name in a binding.

    Raises:
        AgentXError: the type is none of AgentX, or the value is not of the type.
    """
    structs = order.values.get(type_)
    if structs is None or not isinstance(value, int):
        return encode_varbind(VarBind((), type_, value), order)[8:]
    try:
        return structs.pack(value)
    except struct.error as error:
        raise AgentXError(f"{value!r} of type {type_}: {error}") from None


def encode_octets(octets: bytes, order: ByteOrder) -> bytes:
    """Return an octet string with its length, filled up to a multiple of four (section 5.3)."""
    return order.u32.pack(len(octets)) + octets + _PADDING[len(octets) & 3]


def encode_range(wanted: SearchRange, order: ByteOrder) -> bytes:
    """Return a search range (section 5.2).

    Raises:
        AgentXError: an OID cannot be encoded.
    """
    start = encode_oid(wanted.start, order, include=wanted.include)
    return start + encode_oid(wanted.end, order)


def encode_varbind(varbind: VarBind, order: ByteOrder) -> bytes:
    """Return a variable binding (section 5.4).

    Raises:
        AgentXError: the type is none of AgentX, or the value is not of the type.
    """
    name, type_, value = varbind
    structs = order.named.get(type_)
    if structs is not None:
        # The one function that a walk calls for each object.
        prefix = 0
        rest = name
        if name[:4] == _INTERNET and len(name) > 4 and 0 < name[4] < 256:
            prefix = name[4]
            rest = name[5:]
        count = len(rest)
        if len(name) <= MAX_SUB_IDENTIFIERS:
            try:
                return structs[count].pack(type_, 0, count, prefix, 0, 0, *rest, value)
            except struct.error as error:
                raise AgentXError(f"{value!r} of type {type_}: {error}") from None
    head = order.u16x2.pack(type_, 0) + encode_oid(name, order)
    if type_ in _OCTETS and isinstance(value, bytes):
        if type_ == IP_ADDRESS and len(value) != 4:
            raise AgentXError(f"an IpAddress of {len(value)} octets")
        return head + encode_octets(value, order)
    if type_ == OBJECT_IDENTIFIER and isinstance(value, tuple):
        return head + encode_oid(value, order)
    if type_ in _NOTHING and value is None:
        return head
    raise AgentXError(f"{value!r} cannot be of type {type_}")


# Decoding -----------------------------------------------------------------------------------------


def decode_oid(data: bytes, pos: int, end: int, order: ByteOrder) -> tuple[Oid, bool, int]:
    """Read an OID; return it, its include field, and where it stops.

    Raises:
        AgentXError: it reaches beyond ``end``, or has more than 128 sub-identifiers.
    """
    start = pos + 4
    if start > end:
        raise AgentXError(f"octets end at {end}, inside an OID that begins at {pos}")
    count = data[pos]
    stop = start + 4 * count
    if stop > end:
        raise AgentXError(f"an OID at {pos} has {count} sub-identifiers, and octets end at {end}")
    prefix = data[pos + 1]
    if count > MAX_SUB_IDENTIFIERS - (5 if prefix else 0):
        raise AgentXError(f"an OID at {pos} has over {MAX_SUB_IDENTIFIERS} sub-identifiers")
    rest: Oid = order.numbers[count].unpack_from(data, start)
    return (_PREFIXED[prefix] + rest if prefix else rest), data[pos + 2] != 0, stop


def decode_octets(data: bytes, pos: int, end: int, order: ByteOrder) -> tuple[bytes, int]:
    """Read an octet string; return it, and where its padding stops.

    Raises:
        AgentXError: it reaches beyond ``end``.
    """
    start = pos + 4
    if start > end:
        raise AgentXError(f"octets end at {end}, inside a length that begins at {pos}")
    (size,) = order.u32.unpack_from(data, pos)
    stop = start + (size + 3 & ~3)
    if stop > end:
        raise AgentXError(f"octets at {start} are {size} long, {end - start} are there")
    return data[start : start + size], stop


def decode_ranges(data: bytes, pos: int, end: int, order: ByteOrder) -> tuple[SearchRange, ...]:
    """Read search ranges up to the end.

    Raises:
        AgentXError: they do not fill it.
    """
    found = []
    while pos < end:
        start, include, pos = decode_oid(data, pos, end, order)
        bound, _, pos = decode_oid(data, pos, end, order)
        found.append(SearchRange(start, include, bound))
    return tuple(found)


def decode_varbinds(data: bytes, pos: int, end: int, order: ByteOrder) -> tuple[VarBind, ...]:
    """Read variable bindings up to the end.

    Raises:
        AgentXError: they do not fill it, or one has a type that AgentX does not know.
    """
    found = []
    while pos < end:
        if pos + 4 > end:
            raise AgentXError(f"octets end at {end}, inside a binding that begins at {pos}")
        type_, _ = order.u16x2.unpack_from(data, pos)
        name, _, pos = decode_oid(data, pos + 4, end, order)
        value, pos = _decode_value(type_, data, pos, end, order)
        found.append(VarBind(name, type_, value))
    return tuple(found)


def _decode_value(
    type_: int, data: bytes, pos: int, end: int, order: ByteOrder
) -> tuple[Value, int]:
    value: Value
    if type_ in order.named:
        number = order.named[type_][0]
        # These begin with type, reserved octets and an OID, 8 octets without any sub-identifier.
        stop = pos + number.size - 8
        if stop > end:
            raise AgentXError(f"octets end at {end}, inside a number that begins at {pos}")
        signed = type_ == INTEGER
        value = int.from_bytes(data[pos:stop], "big" if order is BIG else "little", signed=signed)
        return value, stop
    if type_ in _OCTETS:
        value, stop = decode_octets(data, pos, end, order)
        if type_ == IP_ADDRESS and len(value) != 4:
            raise AgentXError(f"an IpAddress of {len(value)} octets at {pos}")
        return value, stop
    if type_ == OBJECT_IDENTIFIER:
        value, _, stop = decode_oid(data, pos, end, order)
        return value, stop
    if type_ in _NOTHING:
        return None, pos
    raise AgentXError(f"a value at {pos} has the type {type_}")
