"""agent.snmp.message: read and write, with pysnmp's codec as the other side."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.snmp import message
from agent.snmp.message import decode_bindings, decode_envelope, decode_pdu, encode_pdu
from mibs import ber
from mibs.ber import BerError
from tests import snmp_peer
from tests.snmp_peer import Varbind

NAME = (1, 3, 6, 1, 2, 1, 1, 3, 0)

oids = st.lists(st.integers(0, 2**32 - 1), max_size=30).map(lambda rest: (1, 3, 6, *rest))
communities = st.binary(max_size=200)
int32s = st.one_of(st.integers(0, 2**31 - 1), st.integers(-(2**31) + 1, 300))


def tlv(tag: int, *content: bytes) -> bytes:
    return ber.encode_tlv(tag, b"".join(content))


def varbind(name: bytes = b"\x2b\x06", value: bytes = b"\x05\x00") -> bytes:
    return tlv(0x30, tlv(6, name), value)


def pdu(*parts: bytes) -> bytes:
    """The content of a PDU with these bindings."""
    return b"\x02\x01\x01\x02\x01\x00\x02\x01\x00" + tlv(0x30, *parts)


def response(version: int, community: bytes, number: int, varbinds: bytes, **error: int) -> bytes:
    answer = encode_pdu(0xA2, ber.encode_integer(number), varbinds, **error)
    return tlv(0x30, ber.encode_integer(version), tlv(4, community), answer)


class TestDecode:
    @given(
        st.sampled_from(["get", "next", "bulk"]),
        communities,
        int32s,
        st.tuples(st.integers(0, 2**31 - 1), st.integers(0, 2**31 - 1)),
        st.lists(oids, max_size=8),
    )
    def test_what_pysnmp_writes(
        self,
        kind: str,
        community: bytes,
        number: int,
        counts: tuple[int, int],
        names: list[tuple[int, ...]],
    ) -> None:
        data = snmp_peer.request(
            kind,
            names,
            community=community,
            request_id=number,
            non_repeaters=counts[0],
            max_repetitions=counts[1],
        )
        envelope = decode_envelope(data)
        assert (envelope.version, envelope.community) == (1, community)
        assert envelope.pdu_type == {"get": 0xA0, "next": 0xA1, "bulk": 0xA5}[kind]
        decoded = decode_pdu(data, *envelope[3:])
        expected = counts if kind == "bulk" else (0, 0)
        assert decoded[:4] == (envelope.pdu_type, ber.encode_integer(number), *expected)
        assert [ber.decode_oid(name) for name in decoded.names] == names
        assert decoded.varbinds in data

    def test_version_1(self) -> None:
        envelope = decode_envelope(snmp_peer.request("get", [NAME], version=0))
        assert (envelope.version, envelope.pdu_type) == (0, 0xA0)
        assert envelope.head == b"\x02\x01\x00\x04\x06public"

    @pytest.mark.parametrize("version", [0, 1, 3, 127, 128, -1, 2**31 - 1])
    @pytest.mark.parametrize("rest", [b"", bytes(200)])
    def test_the_version_can_be_read_alone(self, version: int, rest: bytes) -> None:
        data = tlv(0x30, ber.encode_integer(version), rest)
        assert message.decode_version(data) == version

    @pytest.mark.parametrize("zeros", [0, 1, 2, 3])
    def test_lengths_may_be_longer_than_need_be(self, zeros: int) -> None:
        def long(tag: int, content: bytes) -> bytes:
            size = bytes(zeros) + len(content).to_bytes(1, "big")
            return bytes((tag, 0x80 | len(size))) + size + content

        names = long(0x30, long(0x30, long(6, b"\x2b\x06") + long(5, b"")))
        content = long(2, b"\x07") + long(2, b"\x00") + long(2, b"\x00") + names
        data = long(0x30, long(2, b"\x01") + long(4, b"public") + long(0xA0, content))
        envelope = decode_envelope(data)
        decoded = decode_pdu(data, *envelope[3:])
        assert envelope.community == b"public"
        assert (decoded.request_id[-1], decoded.names) == (7, [b"\x2b\x06"])

    @pytest.mark.parametrize(
        "value", [b"\x05\x00", b"\x04\x03abc", b"\x02\x01\x05", b"\x80\x00", b"\x30\x00"]
    )
    def test_the_value_of_a_binding_means_nothing(self, value: bytes) -> None:
        data = pdu(varbind(value=value))
        decoded = decode_pdu(data, 0xA0, 0, len(data))
        assert decoded.names == [b"\x2b\x06"]
        assert decode_bindings(decoded.varbinds) == [(b"\x2b\x06", value[0], value[2:])]

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"\x30",
            b"\x31\x00",
            b"\x30\x00",
            tlv(0x30, b"\x04\x01\x01"),
            tlv(0x30, b"\x02\x00"),
            tlv(0x30, b"\x02\x01\x01"),
            tlv(0x30, b"\x02\x01\x01", b"\x02\x01\x01"),
            tlv(0x30, b"\x02\x01\x01", b"\x04\x02p"),
            tlv(0x30, b"\x02\x01\x01", b"\x04\x01p"),
            tlv(0x30, b"\x02\x01\x01", b"\x04\x01p", b"\xa0\x05"),
            tlv(0x30, b"\x02\x01\x01", b"\x04\x01p", b"\xa0\x00", b"\x00"),
            tlv(0x30, b"\x02\x01\x03", b"\x30\x03abc", b"\xa0\x00"),
            tlv(0x30, b"\x02\x06\x00\x00\x00\x00\x00\x01"),
        ],
    )
    def test_se01_no_message(self, data: bytes) -> None:
        with pytest.raises(BerError):
            decode_envelope(data)

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"\x02\x01\x01",
            b"\x04\x01\x01" + pdu()[3:],
            pdu() + b"\x00",
            pdu()[:-2] + b"\x31\x00",
            pdu(b"\x00"),
            pdu(b"\x30"),
            pdu(b"\x31\x00"),
            pdu(b"\x30\x00"),
            pdu(tlv(0x30, b"\x06\x00\x05\x00")),
            pdu(tlv(0x30, b"\x04\x01\x2b\x05\x00")),
            pdu(tlv(0x30, b"\x06\x01\x2b")),
            pdu(tlv(0x30, b"\x06\x01\x2b\x05\x01")),
            pdu(tlv(0x30, b"\x06\x01\x2b\x05\x00\x05\x00")),
            pdu(tlv(0x30, b"\x06\x7f\x2b\x05\x00")),
            pdu(varbind(), b"\x30\x7f"),
            b"\x02\x06\x00\x00\x00\x00\x00\x01" + pdu()[3:],
            b"\x02\x01\x01\x04\x01\x00" + pdu()[6:],
            b"\x02\x01\x01\x02\x01\x00\x04\x01\x00" + pdu()[9:],
        ],
    )
    def test_se01_no_pdu(self, data: bytes) -> None:
        with pytest.raises(BerError):
            decode_pdu(data, 0xA0, 0, len(data))

    @given(st.binary(max_size=80))
    def test_se02_arbitrary_octets(self, data: bytes) -> None:
        for decode in (decode_envelope, lambda data: decode_pdu(data, 0xA0, 0, len(data))):
            try:
                decode(data)
            except BerError as error:
                assert str(error)  # noqa: PT017 - either outcome is right

    @given(st.integers(0, 10**6))
    def test_se02_damaged_messages(self, seed: int) -> None:
        rng = random.Random(seed)
        data = bytearray(snmp_peer.request("get", [NAME, (1, 3, 6, 2**32 - 1)]))
        for _ in range(rng.randrange(1, 4)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        cut = bytes(data[: rng.randrange(len(data) + 1)] if rng.random() < 0.3 else data)
        try:
            envelope = decode_envelope(cut)
            decode_pdu(cut, *envelope[3:])
        except BerError as error:
            assert str(error)  # noqa: PT017 - either outcome is right

    @pytest.mark.parametrize("content", ["0102", "7f80", "ffff", "80", "0100", "00000001"])
    def test_numbers_are_signed_and_of_any_size(self, content: str) -> None:
        octets = bytes.fromhex(content)
        data = b"\x02\x01\x01" + tlv(2, octets) * 2 + b"\x30\x00"
        value = int.from_bytes(octets, "big", signed=True)
        assert decode_pdu(data, 0xA5, 0, len(data))[2:4] == (value, value)


class TestEncode:
    @given(
        st.sampled_from([0, 1]),
        communities,
        int32s,
        st.tuples(st.integers(0, 5), st.integers(0, 300)),
        st.lists(oids, max_size=20),
    )
    def test_pysnmp_reads_a_response(
        self,
        version: int,
        community: bytes,
        number: int,
        error: tuple[int, int],
        names: list[tuple[int, ...]],
    ) -> None:
        varbinds = b"".join(
            tlv(0x30, tlv(6, ber.encode_oid(name)), b"\x02\x01\x05") for name in names
        )
        index = error[1] if error[0] else 0
        reply = snmp_peer.read(
            response(version, community, number, varbinds, error_status=error[0], error_index=index)
        )
        assert reply[:3] == (version, community, number)
        assert reply.error == (error[0], index)
        assert [(v.name, v.value) for v in reply.varbinds] == [(name, 5) for name in names]

    @pytest.mark.parametrize(
        ("tag", "kind"),
        [(0x80, "NoSuchObject"), (0x81, "NoSuchInstance"), (0x82, "EndOfMibView")],
    )
    def test_exceptions(self, tag: int, kind: str) -> None:
        name = ber.encode_oid(NAME)
        encoded = message.encode_exception(name, tag)
        assert ber.name_of(encoded) == name
        reply = snmp_peer.read(response(1, b"", 1, encoded))
        assert reply.varbinds == [Varbind(NAME, kind, None)]

    @given(oids, st.binary(max_size=300))
    def test_the_name_of_a_binding(self, name: tuple[int, ...], value: bytes) -> None:
        encoded = tlv(0x30, tlv(6, ber.encode_oid(name)), tlv(4, value))
        assert ber.decode_oid(ber.name_of(encoded)) == name
