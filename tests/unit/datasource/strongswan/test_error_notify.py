from __future__ import annotations

import ipaddress
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasource.strongswan.alerts import Alert
from datasource.strongswan.error_notify import (
    RECORD_SIZE,
    ErrorNotifyError,
    ErrorRecord,
    ErrorRecords,
    parse_record,
)

SIZES = (383, 63, 255, 59)
PEER = ipaddress.ip_address("10.9.0.2")


def record(kind: int, *texts: str) -> bytes:
    values = [text.encode() for text in texts] + [b""] * (4 - len(texts))
    return struct.pack(">i384s64s256s60s", kind, *values)


# As strongSwan 5.9.8 said it.
LOCAL_AUTH = record(2, "local authentication failed", "site", "10.9.0.2", "10.9.0.2[4500]")
HEADER = record(4, "parsing IKE header from 10.9.0.1[33159] failed")


def test_a_record() -> None:
    assert len(LOCAL_AUTH) == RECORD_SIZE == 768
    found = parse_record(LOCAL_AUTH)
    assert found == ErrorRecord(2, "local authentication failed", "site", "10.9.0.2", PEER)
    assert found.alert is Alert.LOCAL_AUTH_FAILED


def test_without_an_ike_sa_the_text_has_the_address() -> None:
    found = parse_record(HEADER)
    assert (found.peer_address, found.connection, found.peer_id) == (
        ipaddress.ip_address("10.9.0.1"),
        "",
        "",
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fd09::2[500]", "fd09::2"),
        ("fe80::1%eth0[500]", "fe80::1"),
        ("10.9.0.999[500]", None),
        ("peer.example[500]", None),
        ("", None),
    ],
)
def test_addresses(text: str, expected: str | None) -> None:
    address = parse_record(record(2, "", "", "", text)).peer_address
    assert address == (None if expected is None else ipaddress.ip_address(expected))


def test_a_type_that_nobody_knows_is_a_record() -> None:
    found = parse_record(record(99, "news"))
    assert (found.type, found.text, found.alert) == (99, "news", None)
    assert parse_record(record(0)).alert is None


@pytest.mark.parametrize(
    "data",
    [
        LOCAL_AUTH[:-1],
        LOCAL_AUTH + b"\0",
        LOCAL_AUTH[10:] + LOCAL_AUTH[:10],
        record(-1),
        record(2, "x" * 384),
        b"",
    ],
)
def test_what_is_no_record(data: bytes) -> None:
    with pytest.raises(ErrorNotifyError):
        parse_record(data)


@given(st.lists(st.sampled_from([LOCAL_AUTH, HEADER, record(99, "ü")]), max_size=4), st.data())
def test_a_stream_is_cut_anywhere(records: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(records)
    cutter, found, rest = ErrorRecords(), [], stream
    while rest:
        length = data.draw(st.integers(1, len(rest)))
        found += cutter.feed(rest[:length])
        rest = rest[length:]
    assert found == [parse_record(one) for one in records]


@given(st.binary(max_size=2 * RECORD_SIZE))
def test_nothing_else_is_raised(data: bytes) -> None:
    try:
        for found in ErrorRecords().feed(data):
            assert found.alert is None or found.type == found.alert.value
    except ErrorNotifyError:
        pass


@given(st.integers(0, 999), st.tuples(*(st.binary(max_size=n) for n in SIZES)))
def test_any_text_is_taken(kind: int, texts: tuple[bytes, ...]) -> None:
    data = struct.pack(">i384s64s256s60s", kind, *texts)
    assert parse_record(data).type == kind
