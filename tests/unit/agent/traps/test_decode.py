"""agent.traps.decode: names, indexes and values."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.traps.decode import DecodedObject, Decoder, Value, duration
from mibs import ber, smi
from mibs.names import Names
from mibs.smi import Oid, Smi

NAMES = Names(smi.load())
DECODER = Decoder(NAMES)
UNKNOWN: Oid = (1, 3, 6, 1, 4, 1, 99999, 1, 0)

TEXT_PEER = (1, *(8, *b"10.9.0.1"), 1, *(8, *b"10.9.0.2"), 1)
OCTETS_PEER = (1, *(4, 10, 9, 0, 1), 1, *(4, 10, 9, 0, 2), 1)
NAMED_PEER = (1, *(9, *b"fe80::1:2"), 2, *(11, *b'a "quoted" '), 3)


def decoded(name: str, suffix: Oid, value: Value, tag: int | None = None) -> DecodedObject:
    item = NAMES.modules.object(name)
    return DECODER.object((*item.oid, *suffix), item.tag if tag is None else tag, value)


def shown(name: str, suffix: Oid, value: Value) -> str:
    found = decoded(name, suffix, value)
    return f"{found.label} = {found.text}"


class TestNames:
    def test_a_column(self) -> None:
        assert decoded("cikeTunLifeTime", (3,), 3600) == DecodedObject(
            oid=(1, 3, 6, 1, 4, 1, 9, 9, 171, 1, 2, 3, 1, 15, 3),
            name="cikeTunLifeTime",
            index=(3,),
            label="cikeTunLifeTime.3",
            type="INTEGER",
            value=3600,
            text="3600 seconds",
        )

    def test_a_scalar(self) -> None:
        found = decoded("cipsNumIsakmpPolicies", (0,), 5)
        assert (found.name, found.index, found.label) == (
            "cipsNumIsakmpPolicies",
            (0,),
            "cipsNumIsakmpPolicies.0",
        )

    def test_what_no_mib_has(self) -> None:
        assert DECODER.object(UNKNOWN, ber.COUNTER32, 7) == DecodedObject(
            oid=UNKNOWN,
            name=None,
            index=(),
            label="1.3.6.1.4.1.99999.1.0",
            type="Counter32",
            value=7,
            text="Counter32: 7",
        )

    def test_notifications(self) -> None:
        assert DECODER.notification((1, 3, 6, 1, 6, 3, 1, 1, 5, 1)) == "coldStart"
        assert DECODER.notification((1, 3, 6, 1, 4, 1, 9, 10, 62, 2, 0, 7)) == "cipsTooManySAs"
        assert DECODER.notification(UNKNOWN) is None


class TestIndex:
    @pytest.mark.parametrize(
        ("suffix", "index", "label"),
        [
            (TEXT_PEER, (1, "10.9.0.1", 1, "10.9.0.2", 1), '1."10.9.0.1".1."10.9.0.2".1'),
            (OCTETS_PEER, (1, "0x0a090001", 1, "0x0a090002", 1), "1.0x0a090001.1.0x0a090002.1"),
            (
                NAMED_PEER,
                (1, "fe80::1:2", 2, 'a "quoted" ', 3),
                r'1."fe80::1:2".2."a \"quoted\" ".3',
            ),
            ((1, 0, 1, 0, 1), (1, "", 1, "", 1), '1."".1."".1'),
        ],
    )
    def test_a_peer_as_text_or_as_octets(
        self, suffix: Oid, index: tuple[int | str, ...], label: str
    ) -> None:
        found = decoded("cikePeerLocalAddr", suffix, bytes((10, 9, 0, 1)))
        assert (found.index, found.label) == (index, f"cikePeerLocalAddr.{label}")

    def test_a_crypto_map(self) -> None:
        found = decoded("cipsCryptomapSetIfVirtual", (2, 9, *b"ftpPolicy"), 1)
        assert (found.index, found.label) == (
            (2, "ftpPolicy"),
            'cipsCryptomapSetIfVirtual.2."ftpPolicy"',
        )

    @pytest.mark.parametrize("suffix", [(), (1, 2), (1, 9, 1), (1, 1, 256, 1, 1, 1, 1)])
    def test_one_that_does_not_fit_is_shown_in_numbers(self, suffix: Oid) -> None:
        found = decoded("cikePeerLocalAddr", suffix, bytes(4))
        assert found.index == suffix
        assert found.label == ".".join(map(str, ("cikePeerLocalAddr", *suffix)))

    @pytest.mark.parametrize(
        ("tag", "suffix", "part"),
        [
            (ber.IP_ADDRESS, (192, 0, 2, 1), "192.0.2.1"),
            (ber.OBJECT_IDENTIFIER, (3, 1, 3, 6), "1.3.6"),
        ],
    )
    def test_other_types(self, tag: int, suffix: Oid, part: str) -> None:
        names = Names(_with(NAMES.modules, "cikeTunIndex", tag))
        name = (*names.oid("cikeTunLifeTime"), *suffix)
        found = Decoder(names).object(name, ber.INTEGER, 1)
        assert (found.index, found.label) == ((part,), f"cikeTunLifeTime.{part}")


def _with(modules: Smi, name: str, tag: int) -> Smi:
    """Give modules in which an object has another type."""
    return Smi(
        dataclasses.replace(
            module,
            objects=tuple(
                dataclasses.replace(item, tag=tag) if item.name == name else item
                for item in module.objects
            ),
        )
        for module in modules.modules
    )


class TestValues:
    @pytest.mark.parametrize(
        ("name", "suffix", "value", "plain", "text"),
        [
            ("cikeTunHistTermReason", (1,), 5, 5, "peerLost(5)"),
            ("cikeTunHistTermReason", (1,), 99, 99, "99"),
            ("cikeTunHistTermReason", (1,), -1, -1, "-1"),
            ("cikePeerLocalAddr", TEXT_PEER, bytes((10, 9, 0, 1)), "10.9.0.1", "10.9.0.1"),
            ("cikePeerLocalAddr", TEXT_PEER, b"ABCD", "65.66.67.68", "65.66.67.68"),
            (
                "cikePeerLocalAddr",
                TEXT_PEER,
                bytes.fromhex("20010db8000000000000000000000001"),
                "2001:db8::1",
                "2001:db8::1",
            ),
            ("cikePeerLocalAddr", TEXT_PEER, b"", "0x", "0x"),
            ("cikePeerLocalAddr", TEXT_PEER, b"10.9.0.1", "0x31302e392e302e31", None),
            ("cipSecTunActiveTime", (1,), 8640000, 8640000, "1d 00:00:00.00"),
            ("cipSecTunActiveTime", (1,), -1, -1, "-1"),
            ("cikeTunHistStartTime", (1,), 4294967295, 4294967295, "497d 02:27:52.95"),
            ("sysUpTime", (0,), 1, 1, "00:00:00.01"),
            ("cipSecTunLifeSize", (1,), 4096, 4096, "4096 KBytes"),
            ("cipSecTunHcInOctets", (1,), 2**64 - 1, 2**64 - 1, f"{2**64 - 1} Octets"),
            ("cipsStaticCryptomapSetSize", (1, 102), 3, 3, "3"),
            ("cikeTunLocalValue", (1,), b"moon.strongswan.org", "moon.strongswan.org", None),
            ("cikeTunLocalValue", (1,), b"", "", '""'),
            ("cikeTunLocalValue", (1,), b"\xff", "0xff", "0xff"),
            ("cikeTunLocalValue", (1,), b"\x1b[2J", "0x1b5b324a", None),
            ("sysLocation", (0,), "Z\u00fcrich".encode(), "Z\u00fcrich", None),
            ("sysLocation", (0,), "\u202egnp.exe".encode(), "0xe280ae676e702e657865", None),
            ("sysDescr", (0,), b"Cisco\r\n\tIOS", "Cisco\r\n\tIOS", r"Cisco\r\n\tIOS"),
            ("sysObjectID", (0,), (1, 3, 6, 1), "1.3.6.1", "1.3.6.1"),
            ("snmpEngineID", (0,), b"ABCDE", "0x4142434445", None),
        ],
    )
    def test_by_the_mib(
        self, name: str, suffix: Oid, value: Value, plain: int | str, text: str | None
    ) -> None:
        found = decoded(name, suffix, value)
        assert (found.value, found.text) == (plain, plain if text is None else text)

    @pytest.mark.parametrize(
        ("tag", "value", "plain", "text"),
        [
            (ber.INTEGER, -5, -5, "INTEGER: -5"),
            (ber.OCTET_STRING, b"a text", "a text", "OCTET STRING: a text"),
            (ber.OCTET_STRING, b"\x00\x01", "0x0001", "OCTET STRING: 0x0001"),
            (ber.OCTET_STRING, b"", "", 'OCTET STRING: ""'),
            (ber.NULL, b"", None, "NULL"),
            (ber.OBJECT_IDENTIFIER, (1, 3, 6), "1.3.6", "OBJECT IDENTIFIER: 1.3.6"),
            (ber.IP_ADDRESS, bytes((192, 0, 2, 1)), "192.0.2.1", "IpAddress: 192.0.2.1"),
            (ber.COUNTER32, 4294967295, 4294967295, "Counter32: 4294967295"),
            (ber.GAUGE32, 7, 7, "Gauge32: 7"),
            (ber.TIME_TICKS, 100, 100, "TimeTicks: 00:00:01.00"),
            (ber.OPAQUE, b"\x9f\x78", "0x9f78", "Opaque: 0x9f78"),
            (ber.OPAQUE, b"", "0x", "Opaque: 0x"),
            (ber.COUNTER64, 2**64 - 1, 2**64 - 1, f"Counter64: {2**64 - 1}"),
            (ber.NO_SUCH_OBJECT, b"", None, "noSuchObject"),
            (ber.NO_SUCH_INSTANCE, b"", None, "noSuchInstance"),
            (ber.END_OF_MIB_VIEW, b"", None, "endOfMibView"),
            (0x47, 7, 7, "tag 0x47: 7"),
            (0x47, b"\x07", "0x07", "tag 0x47: 0x07"),
        ],
    )
    def test_every_type_without_a_mib(
        self, tag: int, value: Value, plain: int | str | None, text: str
    ) -> None:
        found = DECODER.object(UNKNOWN, tag, value)
        assert (found.value, found.text) == (plain, text)

    def test_a_type_that_the_mib_does_not_say_is_shown(self) -> None:
        found = decoded("cikeTunLifeTime", (1,), b"long", ber.OCTET_STRING)
        assert (found.name, found.type, found.text) == (
            "cikeTunLifeTime",
            "OCTET STRING",
            "OCTET STRING: long",
        )
        assert decoded("cikeTunLifeTime", (1,), b"", ber.NO_SUCH_INSTANCE).text == "noSuchInstance"

    @pytest.mark.parametrize(
        ("hundredths", "text"),
        [
            (0, "00:00:00.00"),
            (100 * 3723 + 45, "01:02:03.45"),
            (8639999, "23:59:59.99"),
            (2**31 - 1, "248d 13:13:56.47"),
        ],
    )
    def test_durations(self, hundredths: int, text: str) -> None:
        assert duration(hundredths) == text


SUB_IDENTIFIERS = st.integers(0, 2**32 - 1)
OIDS = st.lists(SUB_IDENTIFIERS | st.integers(0, 20), max_size=30).map(tuple)
STARTS = st.sampled_from(
    [
        item.oid
        for module in NAMES.modules.modules
        for item in module.objects
        if item.kind in ("scalar", "column")
    ]
)
VALUES = st.one_of(
    st.tuples(
        st.sampled_from((ber.INTEGER, ber.COUNTER32, ber.GAUGE32, ber.TIME_TICKS, ber.COUNTER64)),
        st.integers(-(2**31), 2**64 - 1),
    ),
    st.tuples(
        st.sampled_from((ber.OCTET_STRING, ber.IP_ADDRESS, ber.OPAQUE, ber.NULL)), st.binary()
    ),
    st.tuples(st.just(ber.OCTET_STRING), st.text().map(str.encode)),
    st.tuples(st.just(ber.OBJECT_IDENTIFIER), OIDS),
)


@given(start=STARTS | st.just((1, 3)), suffix=OIDS, value=VALUES)
def test_se02_whatever_comes_is_shown_in_one_line(
    start: Oid, suffix: Oid, value: tuple[int, Value]
) -> None:
    found = DECODER.object((*start, *suffix), *value)
    assert f"{found.label} = {found.text}".isprintable()
    assert found.oid == (*start, *suffix)
    json.dumps([found.index, found.value])
