"""AgentX: what is encoded is decoded, however the stream is cut; garbage does nothing else."""

from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.agentx.codec import HEADER_LENGTH, decode, encode
from agent.agentx.errors import AgentXError
from agent.agentx.framing import Framing
from agent.agentx.pdu import Pdu
from agent.agentx.values import BIG, ByteOrder
from tests.agentx_pdus import ANY, ORDERS

_U32 = st.integers(0, 2**32 - 1)


@given(ANY, ORDERS, _U32, _U32, _U32)
def test_ax02_03_04_05_whatever_is_encoded_is_decoded(
    pdu: Pdu, order: ByteOrder, session: int, transaction: int, packet: int
) -> None:
    data = encode(pdu, order, session_id=session, transaction_id=transaction, packet_id=packet)
    assert len(data) % 4 == 0
    header, found = decode(data)
    assert found == pdu
    assert header[2:] == (session, transaction, packet)
    assert bool(header.flags & 0x10) == (order is BIG)


@given(st.lists(st.tuples(ANY, ORDERS), max_size=5), st.data())
def test_ax01_any_chunking_is_one_chunk(
    sent: list[tuple[Pdu, ByteOrder]], data: st.DataObject
) -> None:
    frames = [encode(pdu, order) for pdu, order in sent]
    stream = b"".join(frames)
    assert Framing().feed(stream) == frames
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=20)))
    framing = Framing()
    found = []
    for start, stop in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += framing.feed(stream[start:stop])
    assert found == frames


@given(ANY, ORDERS)
def test_ax01_octet_by_octet(pdu: Pdu, order: ByteOrder) -> None:
    frame = encode(pdu, order)
    framing = Framing()
    found = [whole for octet in frame for whole in framing.feed(bytes((octet,)))]
    assert found == [frame]


@given(ANY, ORDERS, st.data())
def test_se02_a_damaged_pdu_is_refused_or_is_another(
    pdu: Pdu, order: ByteOrder, data: st.DataObject
) -> None:
    frame = bytearray(encode(pdu, order))
    for _ in range(data.draw(st.integers(1, 4))):
        frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(AgentXError):
        decode(bytes(frame))


@given(st.integers(0, 30), st.integers(0, 31), st.binary(max_size=200))
@example(14, 0x18, bytes.fromhex("ffffffff"))
@example(5, 0x10, bytes.fromhex("80000000") + bytes(200))
@example(12, 0x10, bytes.fromhex("0046000000000000"))
def test_se02_garbage_is_refused_or_is_a_pdu(type_: int, flags: int, payload: bytes) -> None:
    payload = payload[: len(payload) & ~3]
    order = ">" if flags & 0x10 else "<"
    frame = struct.pack(f"{order}4B4I", 1, type_, flags, 0, 1, 2, 3, len(payload)) + payload
    with contextlib.suppress(AgentXError):
        decode(frame)


@given(st.lists(st.binary(max_size=100)))
def test_se02_a_garbage_stream_raises_one_exception_and_keeps_little(chunks: list[bytes]) -> None:
    framing = Framing(max_payload=64)
    for chunk in chunks:
        try:
            frames = framing.feed(chunk)
        except AgentXError:
            return
        assert all(len(frame) <= HEADER_LENGTH + 64 for frame in frames)
        assert len(framing._kept) < HEADER_LENGTH + 64


@pytest.mark.parametrize("length", [2**32 - 4, 2**20 + 4])
def test_ax01_se02_a_long_payload_is_refused_by_its_header(length: int) -> None:
    header = struct.pack(">4B4I", 1, 18, 0x10, 0, 1, 2, 3, length)
    with pytest.raises(AgentXError, match="a payload of"):
        Framing().feed(header)
