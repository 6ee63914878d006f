"""agent.snmp.v3_message: what is a message of SNMPv3, with pysnmp writing the good ones."""

from __future__ import annotations

import pytest

from agent.snmp.v3_message import (
    NO_REQUEST_ID,
    decode_header,
    decode_plain_text,
    decode_scoped_pdu,
    decode_security_parameters,
    request_id_of,
)
from mibs import ber
from mibs.ber import BerError
from tests.usm_peer import Manager, pdu

ENGINE_ID = bytes.fromhex("80001f88045a5a5a5a5a")
HEADER = b"\x02\x01\x09\x02\x02\x01\xe4\x04\x01\x04\x02\x01\x03"
"""The content of a HeaderData: msgID 9, msgMaxSize 484, reportable, USM."""
PARAMETERS = b"\x04\x01e\x02\x01\x05\x02\x01\x06\x04\x01u\x04\x01m\x04\x01s"


def tlv(tag: int, *content: bytes) -> bytes:
    return ber.encode_tlv(tag, b"".join(content))


def long(tag: int, *content: bytes) -> bytes:
    """The same with a length of two octets more than need be."""
    joined = b"".join(content)
    return bytes((tag, 0x83)) + len(joined).to_bytes(3, "big") + joined


def message(
    *, version: bytes = b"\x02\x01\x03", header: bytes = HEADER, data: bytes = b"\x30\x00"
) -> bytes:
    return tlv(0x30, version, tlv(0x30, header), tlv(4, b"anything"), data)


class TestHeader:
    def test_what_pysnmp_writes(self) -> None:
        data = Manager(ENGINE_ID).message(msg_id=2**31 - 1, msg_max_size=484)
        header = decode_header(data)
        assert header[:4] == (b"\x02\x04\x7f\xff\xff\xff", 484, 4, 3)
        assert not header.is_encrypted
        parameters = decode_security_parameters(data, header.parameters, header.parameters_stop)
        assert parameters[:4] == (ENGINE_ID, 1, 0, b"admin")
        assert (parameters.mac, parameters.salt) == (parameters.mac_stop, b"")
        scoped = decode_scoped_pdu(data, header.msg_data, len(data))
        assert scoped[1:4] == (ENGINE_ID, b"", 0xA0)
        assert data[scoped.start - 2 : scoped.stop] == pdu()

    def test_an_encrypted_pdu(self) -> None:
        assert decode_header(message(data=b"\x04\x03abc")).is_encrypted

    def test_lengths_may_be_longer_than_need_be(self) -> None:
        numbers = long(2, b"\x09"), long(2, b"\x01\xe4"), long(4, b"\x04"), long(2, b"\x03")
        usm = long(0x30, long(4, b"e"), long(2, b"\5"), long(2, b"\6"), *[long(4, b"abc")] * 3)
        scoped = long(4, b"e"), long(4, b"c"), long(0xA1, b"pdu")
        data = long(0x30, long(2, b"\x03"), long(0x30, *numbers), long(4, usm), long(0x30, *scoped))
        header = decode_header(data)
        assert header[:4] == (numbers[0], 484, 4, 3)
        parameters = decode_security_parameters(data, header.parameters, header.parameters_stop)
        assert parameters[:4] == (b"e", 5, 6, b"abc")
        assert data[parameters.mac : parameters.mac_stop] == parameters.salt == b"abc"
        decoded = decode_scoped_pdu(data, header.msg_data, len(data))
        assert decoded[:4] == (scoped[0] + scoped[1], b"e", b"c", 0xA1)
        assert data[decoded.start : decoded.stop] == b"pdu"

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"\x30",
            b"\x30\x00",
            b"\x31" + message()[1:],
            message() + b"\x00",
            message()[:-1],
            bytes((0x30, len(message()) - 3)) + message()[2:],
            message(version=b"\x02\x01\x01"),
            message(version=b"\x02\x02\x00\x03"),
            message(version=b"\x04\x01\x03"),
            message(data=b""),
            message(data=b"\x30\x01"),
            message(data=b"\x30\x00\x00"),
            message(data=b"\x02\x00"),
            message(data=b"\xa0\x00"),
            message(header=HEADER[:-1]),
            message(header=HEADER + b"\x00"),
            message(header=b""),
            message(header=HEADER.replace(b"\x02\x01\x09", b"\x02\x00")),
            message(header=HEADER.replace(b"\x02\x01\x09", b"\x02\x01\x80")),
            message(header=HEADER.replace(b"\x02\x01\x09", b"\x02\x05\x00\x00\x00\x00\x09")),
            message(header=HEADER.replace(b"\x01\xe4", b"\x01\xe3")),
            message(header=HEADER.replace(b"\x01\xe4", b"\x81\xe4")),
            message(header=HEADER.replace(b"\x04\x01\x04", b"\x04\x00")),
            message(header=HEADER.replace(b"\x04\x01\x04", b"\x04\x02\x04\x04")),
            message(header=HEADER.replace(b"\x04\x01\x04", b"\x02\x01\x04")),
        ],
    )
    def test_se01_no_message(self, data: bytes) -> None:
        with pytest.raises(BerError):
            decode_header(data)


class TestSecurityParameters:
    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"\x30",
            tlv(0x31, PARAMETERS),
            tlv(0x30, PARAMETERS) + b"\x00",
            tlv(0x30, PARAMETERS, b"\x00"),
            tlv(0x30, PARAMETERS[:-1]),
            tlv(0x30, PARAMETERS[:-3]),
            tlv(0x30, b"\x02" + PARAMETERS[1:]),
            tlv(0x30, PARAMETERS.replace(b"\x02\x01\x05", b"\x02\x00")),
            tlv(0x30, PARAMETERS.replace(b"\x02\x01\x05", b"\x02\x01\xff")),
            tlv(0x30, PARAMETERS.replace(b"\x02\x01\x06", b"\x02\x05\x01\x00\x00\x00\x00")),
            tlv(0x30, PARAMETERS.replace(b"\x04\x01u", tlv(4, b"u" * 33))),
        ],
    )
    def test_se01_no_usm_security_parameters(self, content: bytes) -> None:
        with pytest.raises(BerError):
            decode_security_parameters(content, 0, len(content))

    def test_the_longest_user_name(self) -> None:
        content = tlv(0x30, PARAMETERS.replace(b"\x04\x01u", tlv(4, b"u" * 32)))
        assert decode_security_parameters(content, 0, len(content)).user_name == b"u" * 32


class TestScopedPdu:
    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"\x04\x00",
            b"\x04\x00\x04\x00",
            b"\x04\x00\x02\x00\xa0\x00",
            b"\x04\x00\x04\x00\xa0\x01",
            b"\x04\x00\x04\x00\xa0\x00\x00",
            b"\x04\x00\x04\x00\xa4\x00",
            b"\x04\x00\x04\x00\x30\x00",
            b"\x04\x7f\x04\x00\xa0\x00",
        ],
    )
    def test_se01_no_scoped_pdu(self, content: bytes) -> None:
        with pytest.raises(BerError):
            decode_scoped_pdu(content, 0, len(content))
        with pytest.raises(BerError):
            decode_plain_text(tlv(0x30, content))

    def test_what_a_cipher_filled_up_is_left_alone(self) -> None:
        scoped = decode_plain_text(tlv(0x30, b"\x04\x00\x04\x01c\xa0\x00") + b"\xff" * 8)
        assert scoped == (b"\x04\x00\x04\x01c", b"", b"c", 0xA0, 9, 9)

    def test_plain_text_is_a_sequence(self) -> None:
        with pytest.raises(BerError):
            decode_plain_text(tlv(4, b"\x04\x00\x04\x00\xa0\x00"))


@pytest.mark.parametrize(
    ("content", "request_id"),
    [
        (b"\x02\x01\x07rest", b"\x02\x01\x07"),
        (b"\x02\x04\xff\x00\x00\x00", b"\x02\x04\xff\x00\x00\x00"),
        (b"", NO_REQUEST_ID),
        (b"\x02\x00", NO_REQUEST_ID),
        (b"\x02\x04\x01\x02", NO_REQUEST_ID),
        (b"\x02\x05\x01\x00\x00\x00\x00", NO_REQUEST_ID),
        (b"\x04\x01\x07", NO_REQUEST_ID),
    ],
)
def test_us03_request_id_where_it_can_be_read(content: bytes, request_id: bytes) -> None:
    assert request_id_of(content, 0, len(content)) == request_id


def test_us05_parameters_of_one_length_may_be_cut_in_different_ways() -> None:
    """What is remembered of one user must not mislead about the next."""

    def parameters(name: bytes, mac: bytes, time: int) -> bytes:
        content = tlv(4, b"engine") + b"\x02\x01\x01" + ber.encode_integer(time)
        content += tlv(4, name) + tlv(4, mac) + tlv(4, b"saltsalt")
        return tlv(0x30, content)

    kinds = [(b"bob", b"m" * 24), (b"b" * 15, b"m" * 12), (b"\x04\x0cbob", b"m" * 22)]
    for time in (5, 6):
        for name, mac in kinds * 2:
            data = b"before" + parameters(name, mac, time)
            found = decode_security_parameters(data, 6, len(data))
            assert (found.user_name, found.time) == (name, time)
            assert data[found.mac : found.mac_stop] == mac
            assert found.salt == b"saltsalt"
