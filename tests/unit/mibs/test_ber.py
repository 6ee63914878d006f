"""mibs.ber: the examples of X.690, its boundaries, and pyasn1 as the other side."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pyasn1.codec.ber import decoder, encoder
from pysnmp.proto import rfc1902

from mibs import ber
from mibs.ber import BerError

sub_identifiers = st.one_of(st.integers(0, 300), st.integers(0, 2**32 - 1))
oids = st.builds(
    lambda root, second, rest: (root, second, *rest),
    st.integers(0, 2),
    st.integers(0, 39),
    st.lists(sub_identifiers, max_size=126),
)
integer_types: tuple[tuple[int, Callable[[int], Any], int, int], ...] = (
    (ber.INTEGER, rfc1902.Integer32, -(2**31), 2**31 - 1),
    (ber.COUNTER32, rfc1902.Counter32, 0, 2**32 - 1),
    (ber.GAUGE32, rfc1902.Gauge32, 0, 2**32 - 1),
    (ber.TIME_TICKS, rfc1902.TimeTicks, 0, 2**32 - 1),
    (ber.COUNTER64, rfc1902.Counter64, 0, 2**64 - 1),
)
typed_integers = st.sampled_from(integer_types).flatmap(
    lambda item: st.tuples(
        st.just(item[0]),
        st.just(item[1]),
        st.one_of(st.integers(item[2], item[3]), st.integers(max(item[2], -300), 300)),
    )
)


def tlv(data: bytes) -> tuple[int, bytes]:
    """The one element that these octets are, by the module's own reader."""
    tag, start, stop = ber.read_header(data, 0, len(data))
    assert stop == len(data)
    return tag, data[start:stop]


class TestIntegers:
    @pytest.mark.parametrize(
        ("value", "encoded"),
        [
            (0, "020100"),
            (1, "020101"),
            (127, "02017f"),
            (128, "02020080"),
            (255, "020200ff"),
            (256, "02020100"),
            (32767, "02027fff"),
            (32768, "0203008000"),
            (-1, "0201ff"),
            (-128, "020180"),
            (-129, "0202ff7f"),
            (2**31 - 1, "02047fffffff"),
            (2**31, "02050080000000"),
            (-(2**31), "020480000000"),
            (2**32 - 1, "020500ffffffff"),
            (2**64 - 1, "020900ffffffffffffffff"),
        ],
    )
    def test_fewest_octets(self, value: int, encoded: str) -> None:
        assert ber.encode_integer(value).hex() == encoded
        data, _ = ber.encode_varbinds(b"\x2b", (b"\x00",), ber.INTEGER, (value,))
        assert data.hex().endswith("06022b00" + encoded)

    @pytest.mark.parametrize(
        ("content", "value"),
        [
            ("00", 0),
            ("7f", 127),
            ("0080", 128),
            ("80", -128),
            ("ff7f", -129),
            ("ffffffff", -1),
            ("80000000", -(2**31)),
            ("7fffffff", 2**31 - 1),
            ("00ffffffff", 2**32 - 1),
            ("0000000000", 0),
        ],
    )
    def test_decode(self, content: str, value: int) -> None:
        octets = bytes.fromhex(content)
        assert ber.decode_integer(octets, 0, len(octets)) == value

    @pytest.mark.parametrize("content", ["", "0100000000", "ffffffffff", "000000000000"])
    def test_se02_an_integer_of_no_octet_or_too_many_is_refused(self, content: str) -> None:
        octets = bytes.fromhex(content)
        with pytest.raises(BerError):
            ber.decode_integer(octets, 0, len(octets))

    @given(st.integers(-(2**31), 2**32 - 1))
    def test_round_trip(self, value: int) -> None:
        tag, content = tlv(ber.encode_integer(value))
        assert tag == ber.INTEGER
        assert ber.decode_integer(content, 0, len(content)) == value

    @given(typed_integers)
    def test_pyasn1_writes_the_same(self, item: tuple[int, Callable[[int], Any], int]) -> None:
        tag, peer, value = item
        # pyasn1 gives -2^7, -2^15 ... a padding octet, against X.690 section 8.3.2.
        assume(value >= 0 or (-value).bit_count() > 1 or (-value).bit_length() % 8)
        assert ber.encode_value(tag, value) == encoder.encode(peer(value))

    @given(typed_integers)
    def test_pyasn1_reads_it(self, item: tuple[int, Callable[[int], Any], int]) -> None:
        tag, peer, value = item
        decoded, rest = decoder.decode(ber.encode_value(tag, value), asn1Spec=peer(0))
        assert (int(decoded), rest) == (value, b"")

    # pyasn1 writes -2^31 with a padding octet, which makes five.
    @given(st.integers(-(2**31) + 1, 2**31 - 1))
    def test_what_pyasn1_writes_is_read(self, value: int) -> None:
        _, content = tlv(encoder.encode(rfc1902.Integer32(value)))
        assert ber.decode_integer(content, 0, len(content)) == value

    @pytest.mark.parametrize(
        ("tag", "bits"), [(ber.COUNTER32, 32), (ber.TIME_TICKS, 32), (ber.COUNTER64, 64)]
    )
    def test_a_counter_is_taken_modulo_its_size(self, tag: int, bits: int) -> None:
        for value in (2**bits, 2**bits + 5, 2**bits - 1, 7 * 2**bits + 200):
            assert ber.encode_value(tag, value) == ber.encode_integer(value % 2**bits, tag)
            data, _ = ber.encode_varbinds(b"\x2b", (b"\x01",), tag, (value,))
            assert data.endswith(ber.encode_integer(value % 2**bits, tag))


class TestObjectIdentifiers:
    @pytest.mark.parametrize(
        ("oid", "content"),
        [
            ((2, 999, 3), "883703"),  # X.690 section 8.19.5
            ((1, 3, 6, 1), "2b0601"),
            ((0, 0), "00"),
            ((1, 39), "4f"),
            ((2, 0), "50"),
            ((2, 47), "7f"),
            ((2, 48), "8100"),
            ((1, 3, 127), "2b7f"),
            ((1, 3, 128), "2b8100"),
            ((1, 3, 16383), "2bff7f"),
            ((1, 3, 16384), "2b818000"),
            ((1, 3, 2**31), "2b8880808000"),
            ((1, 3, 2**32 - 1), "2b8fffffff7f"),
        ],
    )
    def test_examples(self, oid: tuple[int, ...], content: str) -> None:
        assert ber.encode_oid(oid).hex() == content
        assert ber.decode_oid(bytes.fromhex(content)) == oid

    @given(oids)
    def test_round_trip(self, oid: tuple[int, ...]) -> None:
        assert ber.decode_oid(ber.encode_oid(oid)) == oid

    @given(st.lists(sub_identifiers, max_size=128))
    def test_round_trip_of_a_part(self, numbers: list[int]) -> None:
        encoded = ber.encode_sub_identifiers(numbers)
        assert ber.decode_sub_identifiers(encoded) == tuple(numbers)

    @given(oids)
    def test_pyasn1_both_ways(self, oid: tuple[int, ...]) -> None:
        ours = ber.encode_value(ber.OBJECT_IDENTIFIER, oid)
        assert ours == encoder.encode(rfc1902.ObjectIdentifier(oid))
        decoded, rest = decoder.decode(ours, asn1Spec=rfc1902.ObjectIdentifier())
        assert (tuple(decoded), rest) == (oid, b"")

    @pytest.mark.parametrize(
        "content",
        [
            "",
            "80",  # cut short
            "2b81",
            "2b8001",  # a padding octet
            "8001",
            "2b9080808000",  # 2^32
            "2bffffffff7f",
            "2b" + "ff" * 40 + "7f",
        ],
    )
    def test_se01_a_bad_sub_identifier_is_refused(self, content: str) -> None:
        with pytest.raises(BerError):
            ber.decode_oid(bytes.fromhex(content))

    def test_se01_at_most_128_sub_identifiers(self) -> None:
        longest = (1, 3, *[1] * 126)
        assert ber.decode_oid(ber.encode_oid(longest)) == longest
        for more in (1, 300):
            with pytest.raises(BerError):
                ber.decode_oid(ber.encode_oid((*longest, more)))
        for numbers in ([1] * 129, [300] * 129):
            with pytest.raises(BerError):
                ber.decode_sub_identifiers(ber.encode_sub_identifiers(numbers))

    def test_short_oids_have_an_encoding(self) -> None:
        assert ber.encode_oid(()) == b"\x00"
        assert ber.encode_oid((1,)) == b"\x28"


class TestHeaders:
    @pytest.mark.parametrize("size", [0, 1, 127, 128, 255, 256, 65535])
    def test_lengths(self, size: int) -> None:
        encoded = ber.encode_tlv(ber.OCTET_STRING, bytes(size))
        assert encoded == encoder.encode(rfc1902.OctetString(bytes(size)))
        assert ber.read_header(encoded, 0, len(encoded)) == (4, len(encoded) - size, len(encoded))

    def test_longer_than_need_be_is_read(self) -> None:
        assert ber.read_header(bytes.fromhex("048400000001aa"), 0, 7) == (4, 6, 7)

    @pytest.mark.parametrize(
        "data",
        [
            "",
            "04",
            "0401",
            "0480",  # indefinite
            "04850000000001aa",  # in more octets than a length of ours has
            "04ff",
            "0482",
            "048200",
            "0484ffffffff",
            "04847fffffffaa",
        ],
    )
    def test_se01_a_bad_length_is_refused(self, data: str) -> None:
        octets = bytes.fromhex(data)
        with pytest.raises(BerError):
            ber.read_header(octets, 0, len(octets))

    def test_content_may_not_reach_beyond_its_frame(self) -> None:
        octets = bytes.fromhex("0403aabbcc")
        assert ber.read_header(octets, 0, 5) == (4, 2, 5)
        with pytest.raises(BerError):
            ber.read_header(octets, 0, 4)

    @given(st.binary(max_size=40), st.integers(0, 45))
    def test_se02_only_ber_errors(self, data: bytes, pos: int) -> None:
        for decode in (
            lambda: ber.read_header(data, min(pos, len(data)), len(data)),
            lambda: ber.decode_integer(data, min(pos, len(data)), len(data)),
            lambda: ber.decode_oid(data),
            lambda: ber.decode_sub_identifiers(data),
        ):
            try:
                decode()
            except BerError as error:
                assert str(error)  # noqa: PT017 - either outcome is right

    @given(st.binary(max_size=40))
    def test_what_is_read_is_inside(self, data: bytes) -> None:
        try:
            _, start, stop = ber.read_header(data, 0, len(data))
        except BerError:
            return
        assert 2 <= start <= stop <= len(data)

    def test_se02_a_length_field_allocates_nothing(self) -> None:
        bad = (bytes.fromhex("0484ffffffff"), bytes.fromhex("04847fffffff") + bytes(100))
        tracemalloc.start()
        try:
            for data in bad * 50:
                with pytest.raises(BerError):
                    ber.read_header(data, 0, len(data))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 1_000_000


class TestVarbinds:
    values = st.one_of(
        st.lists(st.integers(-(2**31), 2**31 - 1)).map(lambda found: (ber.INTEGER, found)),
        st.lists(st.integers(0, 2**66)).map(lambda found: (ber.COUNTER64, found)),
        st.lists(st.integers(0, 2**33)).map(lambda found: (ber.COUNTER32, found)),
        st.lists(st.binary(max_size=300)).map(lambda found: (ber.OCTET_STRING, found)),
        st.lists(st.binary(min_size=4, max_size=4)).map(lambda found: (ber.IP_ADDRESS, found)),
        st.lists(oids).map(lambda found: (ber.OBJECT_IDENTIFIER, found)),
    )

    @given(values, st.lists(sub_identifiers, max_size=100))
    def test_the_same_as_piece_by_piece(
        self, column: tuple[int, list[Any]], key: list[int]
    ) -> None:
        tag, values = column
        prefix = ber.encode_oid((1, 3, 6, 1, 4, 1, 9, 9, 171, 1))
        suffixes = [ber.encode_sub_identifiers((*key, n)) for n in range(len(values))]
        data, offsets = ber.encode_varbinds(prefix, suffixes, tag, values)
        expected = [
            ber.encode_tlv(
                ber.SEQUENCE,
                ber.encode_tlv(ber.OBJECT_IDENTIFIER, prefix + suffix) + ber.encode_value(tag, v),
            )
            for suffix, v in zip(suffixes, values, strict=True)
        ]
        assert [data[a:b] for a, b in pairwise(offsets)] == expected
        assert data == b"".join(expected)

    def test_nothing(self) -> None:
        data, offsets = ber.encode_varbinds(b"\x2b", (), ber.INTEGER, ())
        assert (data, list(offsets)) == (b"", [0])

    def test_as_many_values_as_names(self) -> None:
        with pytest.raises(ValueError, match="shorter"):
            ber.encode_varbinds(b"\x2b", (b"\x01",), ber.INTEGER, ())

    def test_a_truth_value_counts_as_a_number(self) -> None:
        data, _ = ber.encode_varbinds(b"\x2b", (b"\x01",), ber.INTEGER, (True,))
        assert data.hex() == "300706022b01020101"
