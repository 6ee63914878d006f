"""Messages of SNMPv3: bytes to values and back (RFC 3412 section 6, RFC 3414 section 2.4).

Read by hand, because it is on the path of every request. What goes back as it came is kept encoded.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from agent.snmp.message import (
    BULK_REQUEST,
    GET_NEXT_REQUEST,
    GET_REQUEST,
    INFORM_REQUEST,
    REPORT,
    RESPONSE,
    SET_REQUEST,
    TRAP,
)
from mibs import ber
from mibs.ber import BerError, encode_header, encode_integer, encode_tlv, read_header

__all__ = [
    "NO_REQUEST_ID",
    "Header",
    "ScopedPdu",
    "SecurityParameters",
    "decode_header",
    "decode_plain_text",
    "decode_scoped_pdu",
    "decode_security_parameters",
    "encode_security_parameters",
    "request_id_of",
]

NO_REQUEST_ID = b"\x02\x01\x00"
"""The request-id of a Report on a PDU that cannot be read (RFC 3412 section 7.1)."""

_VERSION_3 = b"\x03"
_MIN_MAX_SIZE = 484
"""Octets that every engine takes (RFC 3412 section 6.3)."""
_MAX_USER_NAME = 32
_PDU_TYPES = frozenset(
    (
        GET_REQUEST,
        GET_NEXT_REQUEST,
        RESPONSE,
        SET_REQUEST,
        BULK_REQUEST,
        INFORM_REQUEST,
        TRAP,
        REPORT,
    )
)

_INTEGER = bytes((ber.INTEGER,))
_OCTET_STRING = bytes((ber.OCTET_STRING,))
_SEQUENCE = bytes((ber.SEQUENCE,))
_MESSAGE = _INTEGER + _SEQUENCE + _OCTET_STRING
_AFTER_MSG_ID = _INTEGER + _OCTET_STRING + _INTEGER
_UP_TO_MAC = _OCTET_STRING + _INTEGER * 2 + _OCTET_STRING * 2
_SALT = _OCTET_STRING
_CONTEXT = _OCTET_STRING * 2


class Header(NamedTuple):
    """What every message has, whatever its security model (RFC 3412 section 6)."""

    msg_id: bytes
    """The whole element, as it came."""
    msg_max_size: int
    msg_flags: int
    security_model: int
    parameters: int
    parameters_stop: int
    """Where the content of msgSecurityParameters begins and stops."""
    is_encrypted: bool
    """Whether msgData is an encryptedPDU, which may be wrong."""
    msg_data: int
    """Where the content of msgData begins. It stops where the message does."""


class SecurityParameters(NamedTuple):
    """UsmSecurityParameters (RFC 3414 section 2.4)."""

    engine_id: bytes
    boots: int
    time: int
    """Seconds."""
    user_name: bytes
    mac: int
    mac_stop: int
    """Where msgAuthenticationParameters begins and stops."""
    salt: bytes
    """msgPrivacyParameters."""


class ScopedPdu(NamedTuple):
    """A ScopedPDU (RFC 3412 section 6.8)."""

    scope: bytes
    """contextEngineID and contextName, two whole elements, as they came."""
    context_engine_id: bytes
    context_name: bytes
    pdu_type: int
    start: int
    stop: int
    """Where the content of the PDU begins and stops."""


def _bounds(data: bytes, pos: int, end: int, tags: bytes) -> list[int]:
    """Read elements with these tags, one after the other from ``pos`` on.

    Returns:
        Where the content of the first begins and stops, then that of the second, and so on.

    Raises:
        BerError: there are others, or not so many before ``end``.
    """
    bounds: list[int] = []
    for expected in tags:
        start = pos + 2
        # Almost every length is one octet.
        if (
            start <= end
            and data[pos] == expected
            and (length := data[pos + 1]) < 0x80
            and (stop := start + length) <= end
        ):
            pos = stop
        else:
            tag, start, pos = read_header(data, pos, end)
            if tag != expected:
                raise BerError(f"a tag {tag:#04x} before {start}, not {expected:#04x}")
        bounds.append(start)
        bounds.append(pos)
    return bounds


def _number(data: bytes, start: int, stop: int) -> int:
    """Return an INTEGER (0..2147483647).

    Raises:
        BerError: it is none.
    """
    if not start < stop <= start + 4 or data[start] > 0x7F:
        raise BerError(f"no number of 0 to 2147483647 at {start}")
    return int.from_bytes(data[start:stop], "big")


def decode_header(data: bytes) -> Header:
    """Read a message but for its security parameters and its scoped PDU.

    Raises:
        BerError: this is no message of SNMPv3.
    """
    end = len(data)
    pos, stop = _bounds(data, 0, end, _SEQUENCE)
    if stop != end:
        raise BerError(f"{end - stop} octets follow the message")
    version, version_stop, header, header_stop, parameters, parameters_stop = _bounds(
        data, pos, end, _MESSAGE
    )
    if data[version:version_stop] != _VERSION_3:
        raise BerError("the version is not 3")
    start, stop = _bounds(data, header, header_stop, _INTEGER)
    _number(data, start, stop)
    msg_max_size, msg_flags, security_model = _decode_after_msg_id(data[stop:header_stop])
    tag, msg_data, msg_data_stop = read_header(data, parameters_stop, end)
    if tag not in (ber.SEQUENCE, ber.OCTET_STRING) or msg_data_stop != end:
        raise BerError(f"no msgData at {parameters_stop}")
    return Header(
        data[header:stop],
        msg_max_size,
        msg_flags,
        security_model,
        parameters,
        parameters_stop,
        tag == ber.OCTET_STRING,
        msg_data,
    )


# A manager sends the same octets with every request.
@lru_cache(maxsize=64)
def _decode_after_msg_id(data: bytes) -> tuple[int, int, int]:
    """Return msgMaxSize, msgFlags and msgSecurityModel, the rest of a HeaderData.

    Raises:
        BerError: this is something else.
    """
    end = len(data)
    size, size_stop, flags, flags_stop, model, model_stop = _bounds(data, 0, end, _AFTER_MSG_ID)
    if flags_stop - flags != 1 or model_stop != end:
        raise BerError("no HeaderData")
    msg_max_size = _number(data, size, size_stop)
    if msg_max_size < _MIN_MAX_SIZE:
        raise BerError(f"msgMaxSize is {msg_max_size}, 484 is the least")
    return msg_max_size, data[flags], _number(data, model, model_stop)


def decode_security_parameters(data: bytes, pos: int, end: int) -> SecurityParameters:
    """Read the content of msgSecurityParameters.

    Raises:
        BerError: these are no UsmSecurityParameters.
    """
    # What one user sends in one second begins with the same octets, and has the same length.
    length = _head_lengths.get(end - pos, 0)
    head = _decode_head(data[pos : pos + length], end - pos) if length else None
    if head is None:
        length = _head_length(data, pos, end)
        # Nothing honest is longer, and whatever is remembered has to be small.
        decode = _decode_head if length <= _LONGEST_HEAD else _decode_head.__wrapped__
        head = decode(data[pos : pos + length], end - pos)
        if head is None:
            raise BerError(f"no UsmSecurityParameters at {pos}")
        if length <= _LONGEST_HEAD:
            if len(_head_lengths) >= _MAX_HEAD_LENGTHS:
                _head_lengths.clear()
            _head_lengths[end - pos] = length
    engine_id, boots, time, user_name, mac_length = head
    mac = pos + length
    salt, salt_stop = _bounds(data, mac + mac_length, end, _SALT)
    if salt_stop != end:
        raise BerError(f"{end - salt_stop} octets follow msgPrivacyParameters")
    return SecurityParameters(
        engine_id, boots, time, user_name, mac, mac + mac_length, data[salt:salt_stop]
    )


_head_lengths: dict[int, int] = {}
"""By the length of msgSecurityParameters: where the MAC began in the last ones."""
_MAX_HEAD_LENGTHS = 256
_LONGEST_HEAD = 128


def _head_length(data: bytes, pos: int, end: int) -> int:
    """Return how far it is to the content of msgAuthenticationParameters.

    Raises:
        BerError: there is none.
    """
    start, stop = _bounds(data, pos, end, _SEQUENCE)
    return _bounds(data, start, stop, _UP_TO_MAC)[-2] - pos


@lru_cache(maxsize=256)
def _decode_head(head: bytes, length: int) -> tuple[bytes, int, int, bytes, int] | None:
    """Read security parameters of this length, as far as they are there: up to the MAC.

    Returns:
        The engine's ID, boots and time, the user's name and the length of the MAC; None where these
        octets are not such a beginning.

    Raises:
        BerError: a number is out of range.
    """
    whole = head + bytes(length - len(head))
    try:
        pos, stop = _bounds(whole, 0, length, _SEQUENCE)
        a, b, c, d, e, f, name, name_stop, mac, mac_stop = _bounds(whole, pos, stop, _UP_TO_MAC)
    except BerError:
        return None
    if mac != len(head) or stop != length or name_stop - name > _MAX_USER_NAME:
        return None
    boots, time = _number(whole, c, d), _number(whole, e, f)
    return whole[a:b], boots, time, whole[name:name_stop], mac_stop - mac


def decode_scoped_pdu(data: bytes, pos: int, end: int) -> ScopedPdu:
    """Read the content of a scoped PDU up to the content of the PDU.

    Raises:
        BerError: this is no content of a scoped PDU.
    """
    engine_id, engine_id_stop, name, name_stop = _bounds(data, pos, end, _CONTEXT)
    pdu_type, start, stop = read_header(data, name_stop, end)
    if pdu_type not in _PDU_TYPES or stop != end:
        raise BerError(f"no PDU at {name_stop}")
    return ScopedPdu(
        data[pos:name_stop],
        data[engine_id:engine_id_stop],
        data[name:name_stop],
        pdu_type,
        start,
        stop,
    )


def decode_plain_text(data: bytes) -> ScopedPdu:
    """Read a scoped PDU that was encrypted. What the cipher filled up may follow it.

    Raises:
        BerError: this is none, most likely because the keys differ.
    """
    pos, end = _bounds(data, 0, len(data), _SEQUENCE)
    return decode_scoped_pdu(data, pos, end)


def request_id_of(data: bytes, pos: int, end: int) -> bytes:
    """Return the request-id of a PDU as it came, and 0 where it cannot be read."""
    try:
        start, stop = _bounds(data, pos, end, _INTEGER)
        ber.decode_integer(data, start, stop)
    except BerError:
        return NO_REQUEST_ID
    return data[pos:stop]


# The same for everything that one user is told in one second.
@lru_cache(maxsize=256)
def encode_security_parameters(
    engine: bytes, time: int, user_name: bytes, mac_length: int, salt_length: int
) -> bytes:
    """Return msgSecurityParameters up to the salt, which is the last of it.

    Args:
        engine: msgAuthoritativeEngineID and msgAuthoritativeEngineBoots, two whole elements.
        time: msgAuthoritativeEngineTime.
        user_name: msgUserName.
        mac_length: octets of msgAuthenticationParameters, which are zero yet.
        salt_length: octets of msgPrivacyParameters, which have to follow.
    """
    content = (
        engine
        + encode_integer(time)
        + encode_tlv(ber.OCTET_STRING, user_name)
        + encode_tlv(ber.OCTET_STRING, bytes(mac_length))
        + encode_header(ber.OCTET_STRING, salt_length)
    )
    sequence = encode_header(ber.SEQUENCE, len(content) + salt_length) + content
    return encode_header(ber.OCTET_STRING, len(sequence) + salt_length) + sequence
