"""What is malformed does nothing to the receiver of notifications, and pysnmp does not show it."""

from __future__ import annotations

import dataclasses
import gc
import json
import logging
import sys
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from agent.snmp.message import TRAP
from agent.snmp.usm.users import make_user
from agent.traps.decode import Decoder
from agent.traps.notification import Received, json_line, text_block
from mibs import ber, smi
from mibs.names import Names
from mibs.smi import Oid
from tests.malformed import Target, make
from tests.trap_sender import COLD_START, SYS_UP_TIME, TRAP_OID, head, message, message_v1
from tests.unit.agent.traps.post import NOBODY, OLD, OPS, OURS, THEIRS, WATCHER, Post, sender
from tests.words import Words

DATAGRAMS = 8_000
WARM = 3_000
"""After so many, everything that is kept has been kept."""
COMMUNITY = b"r-flute-4712"

DECODER = Decoder(Names(smi.load()))
FLOW_MONITOR: Oid = (1, 3, 6, 1, 4, 1, 9, 9, 171)
NAMES = [
    ber.encode_oid(oid)
    for oid in (
        SYS_UP_TIME,
        TRAP_OID,
        COLD_START,
        (*FLOW_MONITOR, 2),
        (*FLOW_MONITOR, 1, 2, 3, 1, 15, 1),
        (*FLOW_MONITOR, 1, 2, 2, 1, 6, 1, 3, 58, 58, 49, 1, 3, 58, 58, 50, 1),
    )
]


def _target(engine_id: bytes, boots: int) -> Target:
    users = [make_user(user, engine_id) for user in (OPS, OLD, WATCHER)]
    return Target([COMMUNITY], users, engine_id, boots, 0, NAMES, NAMES, notified=True)


INFORMED, TRAPPED = _target(OURS, 2), _target(THEIRS, 1)
"""pysnmp begins with its second boot."""


def printed(received: Received) -> str:
    """Give what is printed, which must be as it always is."""
    text = text_block(received, DECODER)
    assert text.endswith("\n\n")
    assert all(line.isprintable() for line in text.split("\n"))
    line = json_line(received, DECODER)
    assert line.isascii()
    assert line.index("\n") == len(line) - 1
    assert len(json.loads(line)) == 13
    return text


def test_se01_se02_malformed_notifications() -> None:
    post = Post(users=(OPS, OLD, WATCHER), per_minute=10)
    words = Words([COMMUNITY.decode(), "maplesyrup", "pancakes"])
    came: Counter[tuple[str, str]] = Counter()
    blocks = 0
    with words.heard():
        for seed in range(DATAGRAMS):
            if seed == WARM:
                gc.collect()
                blocks = sys.getallocatedblocks()
            target = dataclasses.replace(TRAPPED, time=seed) if seed % 2 else INFORMED
            made = make(target, seed)
            try:
                post(made.data)
                for received in post.received:
                    came[received.version, received.kind] += 1
                    assert COMMUNITY.decode() not in printed(received)
            except Exception as error:
                error.add_note(f"seed {seed}, {made.kind}, {made.anomalies}: {made.data.hex()}")
                raise
            post.received.clear()
            # pysnmp forgets by the second.
            post.time = float(seed)
            post.pysnmp.tick(post.time)
    gc.collect()
    # If one datagram in ten left something behind, it would be 500 of several blocks.
    assert sys.getallocatedblocks() - blocks < 1000
    # Some are still whole enough.
    assert came.keys() == {
        ("1", "trap"),
        ("2c", "trap"),
        ("2c", "inform"),
        ("3", "trap"),
        ("3", "inform"),
    }
    assert words.lines["flowmib.traps"] <= 11 * (post.time // 60 + 1)
    assert not words.wrong
    assert post(message("inform", head())) is not None


def test_se02_what_pysnmp_would_keep() -> None:
    """Traps that it cannot read, and a request: it forgets none of them by itself."""
    post = Post(users=(OPS,), per_minute=1)
    unreadable = message_v1(generic=5).replace(b"\x02\x01\x05", b"\x02\x01\x07")
    number_of_7000_digits = ber.encode_tlv(ber.INTEGER, b"\x7f" * 3000)
    encrypted = sender(OPS).message(ber.encode_tlv(TRAP, number_of_7000_digits), flags=3)
    logging.disable()
    try:
        for number in range(1500):
            if number == 500:
                gc.collect()
                blocks = sys.getallocatedblocks()
            assert post(unreadable) is None
            assert post(encrypted) is None
            assert post(message("get", head())) is None
            # What it does forget, it forgets by the second.
            post.pysnmp.tick(float(number))
    finally:
        logging.disable(logging.NOTSET)
    gc.collect()
    assert sys.getallocatedblocks() - blocks < 500
    assert post.received == []


POST = Post(users=(NOBODY,), per_minute=1)


@given(st.binary(max_size=100))
def test_se02_any_octets(data: bytes) -> None:
    POST(data)


@given(
    st.sampled_from([(b"\x02\x01\x00", 0xA4), (b"\x02\x01\x01", 0xA7), (b"\x02\x01\x01", 0xA6)]),
    st.binary(max_size=100),
)
def test_se02_any_octets_of_a_community(kind: tuple[bytes, int], data: bytes) -> None:
    version, pdu_type = kind
    known = version + ber.encode_tlv(ber.OCTET_STRING, COMMUNITY) + ber.encode_tlv(pdu_type, data)
    POST(ber.encode_tlv(ber.SEQUENCE, known))
