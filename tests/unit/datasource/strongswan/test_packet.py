from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from vici.protocol import Message as Codec

from datasource.strongswan.packet import (
    MAX_PACKET,
    Framing,
    PacketType,
    ViciError,
    parse,
    register,
    request,
)

names = st.text(min_size=1, max_size=20)
values = st.binary(max_size=50)
messages = st.recursive(
    st.dictionaries(names, values | st.lists(values, max_size=4), max_size=4),
    lambda inner: st.dictionaries(names, inner | values, max_size=4),
    max_leaves=10,
)


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=6), st.integers(1, 50))
def test_framing_gives_the_packets_however_the_bytes_come(packets: list[bytes], size: int) -> None:
    stream = b"".join(struct.pack("!I", len(packet)) + packet for packet in packets)
    framing = Framing()
    got: list[bytes] = []
    for start in range(0, len(stream), size):
        got += framing.feed(stream[start : start + size])
    assert got == packets


@pytest.mark.parametrize("length", [0, MAX_PACKET + 1, 0xFFFFFFFF])
def test_an_absurd_length_is_refused(length: int) -> None:
    with pytest.raises(ViciError, match=str(length)):
        list(Framing().feed(struct.pack("!I", length)))


def test_packets_before_an_absurd_length_are_given() -> None:
    feed = Framing().feed(struct.pack("!I", 1) + b"\x01" + struct.pack("!I", 0))
    assert next(feed) == b"\x01"
    with pytest.raises(ViciError):
        next(feed)


@given(messages)
def test_an_event_is_parsed(message: dict[str, object]) -> None:
    packet = parse(b"\x07\x03log" + Codec.serialize(message))
    assert (packet.type, packet.name, packet.message) == (PacketType.EVENT, "log", message)


@given(st.binary(max_size=60))
def test_any_bytes_are_parsed_or_refused(data: bytes) -> None:
    with contextlib.suppress(ViciError):
        parse(data)


@pytest.mark.parametrize("packet", [b"", b"\x07", b"\x07\x01\xff", b"\x2a"])
def test_malformed_packets_are_refused(packet: bytes) -> None:
    with pytest.raises(ViciError):
        parse(packet)


@pytest.mark.parametrize(
    "packet",
    [
        b"\x01\x02",  # the end of a section that was not begun
        b"\x01\x01\x01a",  # a section without its end
        b"\x01\x04\x01a",  # a list without its end
        b"\x01\x03\x01\xff\x00\x01x",  # a key that is not UTF-8
    ],
)
def test_a_malformed_message_is_a_fault_of_its_packet_alone(packet: bytes) -> None:
    parsed = parse(packet)
    assert parsed.fault.startswith("a malformed message")
    assert parsed.message == {}


def test_a_request_is_a_frame_with_the_command_and_its_arguments() -> None:
    packet = b"\x00\x08list-sas" + b"\x03\x07noblock\x00\x03yes"
    assert request("list-sas", {"noblock": b"yes"}) == struct.pack("!I", len(packet)) + packet
    assert request("version") == b"\x00\x00\x00\x09\x00\x07version"


def test_a_registration_is_a_frame_with_the_event() -> None:
    assert register("log") == b"\x00\x00\x00\x05\x03\x03log"
