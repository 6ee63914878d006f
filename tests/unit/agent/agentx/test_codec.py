"""agent.agentx.codec and framing: octets written by hand or by net-snmp, and what is refused."""

from __future__ import annotations

import struct

import pytest

from agent.agentx import pdu as pdus
from agent.agentx.codec import MAX_PAYLOAD, decode, decode_header, encode, encode_response
from agent.agentx.errors import AgentXError
from agent.agentx.framing import Framing
from agent.agentx.pdu import Header, Pdu
from agent.agentx.values import (
    BIG,
    COUNTER32,
    COUNTER64,
    INTEGER,
    IP_ADDRESS,
    LITTLE,
    NULL,
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    ByteOrder,
    SearchRange,
    VarBind,
    decode_oid,
    encode_oid,
    encode_varbind,
)

FLOW = (1, 3, 6, 1, 4, 1, 9, 9, 171)


# From the text of RFC 2741 section 5.1.
@pytest.mark.parametrize(
    ("oid", "include", "octets"),
    [
        (
            (1, 3, 6, 1, 2, 1, 1, 1, 0),
            False,
            "04 02 00 00  00000001 00000001 00000001 00000000",
        ),
        ((1, 2, 3, 4), False, "04 00 00 00  00000001 00000002 00000003 00000004"),
        ((), False, "00 00 00 00"),
        ((1, 3, 6, 1, 4), True, "00 04 01 00"),
        ((1, 3, 6, 1, 0), False, "05 00 00 00  00000001 00000003 00000006 00000001 00000000"),
        ((1, 3, 6, 1, 256), False, "05 00 00 00  00000001 00000003 00000006 00000001 00000100"),
        ((1, 3, 6, 1), False, "04 00 00 00  00000001 00000003 00000006 00000001"),
        ((0, 0xFFFFFFFF), False, "02 00 00 00  00000000 ffffffff"),
    ],
)
def test_ax03_oids(oid: tuple[int, ...], include: bool, octets: str) -> None:
    data = bytes.fromhex(octets)
    assert encode_oid(oid, BIG, include=include) == data
    assert decode_oid(data, 0, len(data), BIG) == (oid, include, len(data))


@pytest.mark.parametrize("prefix", [0, 4])
def test_ax03_at_most_128_sub_identifiers(prefix: int) -> None:
    longest = 123 if prefix else 128
    for count in (longest, longest + 1):
        data = bytes((count, prefix, 0, 0)) + bytes(4 * count)
        if count == longest:
            oid, _, _ = decode_oid(data, 0, len(data), BIG)
            assert len(oid) == 128
            assert encode_oid(oid, BIG) == data
        else:
            with pytest.raises(AgentXError, match="over 128"):
                decode_oid(data, 0, len(data), BIG)
    with pytest.raises(AgentXError, match="129"):
        encode_oid((1,) * 129, BIG)
    with pytest.raises(AgentXError):
        encode_varbind(VarBind((1, 3, 6, 1, 4, *(1,) * 124), INTEGER, 1), BIG)


@pytest.mark.parametrize(
    ("varbind", "octets"),
    [
        (VarBind((1, 2), INTEGER, -2), "0002 0000 02000000 00000001 00000002 fffffffe"),
        (VarBind((1, 2), COUNTER32, 2**32 - 1), "0041 0000 02000000 00000001 00000002 ffffffff"),
        (
            VarBind((1, 2), COUNTER64, 2**64 - 2),
            "0046 0000 02000000 00000001 00000002 fffffffffffffffe",
        ),
        (
            VarBind((1, 2), OCTET_STRING, b"abcde"),
            "0004 0000 02000000 00000001 00000002 00000005 6162636465000000",
        ),
        (VarBind((1, 2), OCTET_STRING, b""), "0004 0000 02000000 00000001 00000002 00000000"),
        (
            VarBind((1, 2), IP_ADDRESS, b"\x7f\0\0\1"),
            "0040 0000 02000000 00000001 00000002 00000004 7f000001",
        ),
        (
            VarBind((1, 2), OBJECT_IDENTIFIER, (1, 3, 6, 1, 6)),
            "0006 0000 02000000 00000001 00000002 00060000",
        ),
        (VarBind((), NULL), "0005 0000 00000000"),
        (VarBind((1, 3, 6, 1, 4), 130), "0082 0000 00040000"),
    ],
)
def test_ax03_04_values(varbind: VarBind, octets: str) -> None:
    data = bytes.fromhex(octets)
    assert encode_varbind(varbind, BIG) == data
    frame = encode(pdus.Notify((varbind,)))
    assert frame[20:] == data
    assert decode(frame)[1] == pdus.Notify((varbind,))


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        (INTEGER, 2**31),
        (INTEGER, None),
        (INTEGER, b"1"),
        (COUNTER32, -1),
        (COUNTER32, 2**32),
        (COUNTER64, 2**64),
        (OCTET_STRING, 1),
        (OCTET_STRING, None),
        (IP_ADDRESS, bytes(16)),
        (OBJECT_IDENTIFIER, (2**32,)),
        (OBJECT_IDENTIFIER, (-1,)),
        (NULL, 0),
        (69, 1),
    ],
)
def test_ax25_a_value_that_cannot_be_represented(type_: int, value: object) -> None:
    with pytest.raises(AgentXError):
        encode_varbind(VarBind((1, 2), type_, value), BIG)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "pdu",
    [
        pdus.Open(timeout=256),
        pdus.Close(-1),
        pdus.Register((1, 2), priority=256),
        pdus.GetBulk((), 65536, 0),
        pdus.Response(up_time=2**32),
        pdus.Response(error=-1),
        pdus.Notify((VarBind((1, 2), OCTET_STRING, bytes(MAX_PAYLOAD)),)),
    ],
)
def test_ax01_what_cannot_be_encoded(pdu: Pdu) -> None:
    with pytest.raises(AgentXError):
        encode(pdu)


def test_ax01_the_largest_payload() -> None:
    cells = (VarBind((1, 2), OCTET_STRING, bytes(MAX_PAYLOAD - 8 - 20)),)
    frame = encode(pdus.Response(varbinds=cells))
    assert len(frame) == 20 + MAX_PAYLOAD
    assert Framing(MAX_PAYLOAD).feed(frame) == [frame]
    body = frame[28:]
    asked = Header(5, 0x10, 1, 2, 3)
    assert len(encode_response(asked, [body])) == len(frame)
    with pytest.raises(AgentXError, match="65540"):
        encode_response(asked, [body, bytes(4)])


@pytest.mark.parametrize("order", [BIG, LITTLE])
def test_ax02_a_response_is_in_the_order_of_the_request(order: ByteOrder) -> None:
    numbers = {"session_id": 7, "transaction_id": 8, "packet_id": 9}
    asked = decode_header(encode(pdus.Get((SearchRange((1, 3)),)), order, **numbers))
    varbind = VarBind((1, 3), INTEGER, 5)
    answer = encode_response(asked, [encode_varbind(varbind, order)], error=5, index=1)
    assert answer == encode(pdus.Response(5, 1, (varbind,)), order, **numbers)


def test_ax05_the_context_comes_first() -> None:
    plain = encode(pdus.Get((SearchRange((1, 3)),)))
    frame = encode(pdus.Get((SearchRange((1, 3)),), b"vpn"))
    assert frame[2] == plain[2] | 0x08
    assert frame[20:] == bytes.fromhex("00000003 76706e00") + plain[20:]


REFUSED = {
    "no header": "0105",
    "version 2": "02051000 00000001 00000002 00000003 00000000",
    "too short": "01051000 00000001 00000002 00000003 00000004",
    "not a multiple": "01051000 00000001 00000002 00000003 00000002 0000",
    "unknown type": "01131000 00000001 00000002 00000003 00000000",
    "type 0": "01001000 00000001 00000002 00000003 00000000",
    "context too long": "01051800 00000001 00000002 00000003 00000004 ffffffff",
    "no context": "01051800 00000001 00000002 00000003 00000000",
    "OID too long": "01051000 00000001 00000002 00000003 00000004 01000000",
    "half a range": "01051000 00000001 00000002 00000003 00000004 00000000",
    "octets too long": "010c1000 00000001 00000002 00000003 0000000c 00040000 00000000 00000001",
    "no value": "010c1000 00000001 00000002 00000003 00000008 00020000 00000000",
    "half a value": "010c1000 00000001 00000002 00000003 0000000c 00460000 00000000 00000000",
    "unknown value": "010c1000 00000001 00000002 00000003 00000008 00030000 00000000",
    "IpAddress of 8": "010c1000 00000001 00000002 00000003 00000014"
    "00400000 00000000 00000008 00000000 00000000",
    "half a binding": "010c1000 00000001 00000002 00000003 00000004 00020000",
    "content of CommitSet": "01091000 00000001 00000002 00000003 00000004 00000000",
    "no reason": "01021000 00000001 00000002 00000003 00000000",
    "no bound": "01031000 00000001 00000002 00000003 00000008 007f0100 00000000",
    "half a response": "01121000 00000001 00000002 00000003 00000004 00000000",
}


@pytest.mark.parametrize("octets", REFUSED.values(), ids=REFUSED.keys())
def test_ax01_se02_refused(octets: str) -> None:
    with pytest.raises(AgentXError):
        decode(bytes.fromhex(octets))


@pytest.mark.parametrize(
    ("octets", "message"),
    [
        ("0205100000000001000000020000000300000000", "version 2"),
        ("0105100000000001000000020000000300000002", "multiple of four"),
        ("010500000000000100000002000000030000007f", "2130706432"),
    ],
)
def test_ax01_a_stream_that_is_none(octets: str, message: str) -> None:
    with pytest.raises(AgentXError, match=message):
        Framing().feed(bytes.fromhex(octets))


def test_ax01_octet_by_octet_takes_linear_time() -> None:
    framing = Framing(max_payload=1 << 20)
    framing.feed(struct.pack(">4B4I", 1, 13, 0x10, 0, 1, 2, 3, 1 << 20))
    for _ in range(50_000):
        assert framing.feed(b"\0") == []
