"""What is malformed does nothing to the agent: the classes of PROTOS c06-snmpv1, and any octets."""

from __future__ import annotations

import gc
import os
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.snmp.engine import Engine
from mibs import ber
from mibs.smi import Oid
from tests.engine import ENGINE_ID
from tests.examined import BOOTS, COMMUNITIES, NO_REQUEST, SECRETS, TIME, USERS, Examined
from tests.malformed import ANOMALIES, KINDS, make, signed
from tests.snmp_peer import read, request, varbinds_of
from tests.usm_peer import Manager, pdu
from tests.words import Words

DATAGRAMS = 100_000
WARM = 20_000
"""After so many, everything that is kept has been kept."""

FLOW_MONITOR: Oid = (1, 3, 6, 1, 4, 1, 9, 9, 171)
BEYOND: Oid = (*FLOW_MONITOR[:-1], FLOW_MONITOR[-1] + 1)
TUN_STATUS: Oid = (*FLOW_MONITOR, 1, 2, 3, 1, 35, 1)
SYS_DESCR: Oid = (1, 3, 6, 1, 2, 1, 1, 1, 0)
WRITER, READER, *_ = COMMUNITIES

OPERATOR = Manager(ENGINE_ID, "operator", "SHA-1")
ADMIN = Manager(ENGINE_ID, "admin", "SHA-256", "AES-128")
VETERAN = Manager(ENGINE_ID, "veteran", "MD5", "DES")
MANAGERS = OPERATOR, ADMIN, VETERAN

STATUSES = (
    *("noError", "tooBig", "noSuchName", "badValue", "noAccess", "wrongType", "wrongEncoding"),
    *("wrongValue", "noCreation", "inconsistentValue", "commitFailed", "authorizationError"),
    *("notWritable", "genErr"),  # as which SNMPv1 knows commitFailed
)
COUNTERS = (
    *("snmpInBadVersions", "snmpInBadCommunityNames", "snmpInASNParseErrs", "snmpSilentDrops"),
    *("snmpUnknownSecurityModels", "snmpInvalidMsgs", "snmpUnknownPDUHandlers"),
    *("snmpUnknownContexts", "usmStatsUnsupportedSecLevels", "usmStatsNotInTimeWindows"),
    *("usmStatsUnknownUserNames", "usmStatsUnknownEngineIDs", "usmStatsWrongDigests"),
    "usmStatsDecryptionErrors",
)

EXAMINED = Examined()
"""For tests to which it does not matter what was asked before."""


def of_admin(content: bytes) -> bytes:
    return ADMIN.message(content, boots=BOOTS, time=TIME)


class TestMessages:
    """The generator itself: what the other tests are worth."""

    def test_the_same_number_makes_the_same_message(self) -> None:
        target = Examined().target
        for seed in range(100):
            assert make(EXAMINED.target, seed) == make(target, seed)

    def test_se01_every_anomaly_is_in_messages_of_every_kind(self) -> None:
        found = Counter(
            (made.kind, anomaly)
            for made in (make(EXAMINED.target, seed) for seed in range(10_000))
            for anomaly in made.anomalies
        )
        for kind in KINDS:
            for anomaly in ANOMALIES:
                if anomaly != "other flags" or kind.startswith("v3"):
                    assert found[kind, anomaly] > 2, (kind, anomaly)


class Usual:
    """What the agent answers to good managers, and how soon."""

    def __init__(self, examined: Examined) -> None:
        self._examined = examined
        self._asked = {
            "v1": request("next", [FLOW_MONITOR] * 4, version=0, community=READER),
            "v2c": request("bulk", [FLOW_MONITOR], community=READER, max_repetitions=20),
            "v3": of_admin(pdu("bulk", FLOW_MONITOR)),
        }

    def answers(self) -> list[object]:
        """A walk of the flow monitor, and a request of every kind of manager."""
        found: list[object] = [read(self._examined.answer(self._asked["v1"]))]
        for manager in MANAGERS:
            asked = manager.message(pdu("get", SYS_DESCR), boots=BOOTS, time=TIME)
            found.append(manager.read(self._examined.answer(asked)).pdu)
        name = FLOW_MONITOR
        while name < BEYOND:
            asked = request("bulk", [name], community=READER, max_repetitions=50)
            varbinds = {
                ber.decode_oid(ber.name_of(varbind)): varbind
                for varbind in varbinds_of(self._examined.answer(asked))
            }
            # What comes after it are counters.
            found += (varbind for oid, varbind in varbinds.items() if oid < BEYOND)
            name = max(varbinds)
        assert len(found) > 1000
        return found

    def seconds(self) -> dict[str, float]:
        """The median of each version."""
        return {version: self._median(asked) for version, asked in self._asked.items()}

    def _median(self, asked: bytes) -> float:
        return statistics.median(took(lambda: self._examined.answer(asked)) for _ in range(500))


def took(do: Callable[[], object]) -> float:
    begin = time.perf_counter()
    do()
    return time.perf_counter() - begin


def memory(examined: Examined) -> tuple[int, int, int]:
    """Blocks of at most 512 octets, objects that the collector knows, resident octets.

    Without the places of walks: those are remembered up to a bound that takes longer to reach than
    there are datagrams here, the more columns there are.
    """
    view = examined.engine._contexts[b""].current()
    view._places.clear()
    view._together.clear()
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return sys.getallocatedblocks(), len(gc.get_objects()), pages * os.sysconf("SC_PAGESIZE")


def remembered(engine: Engine) -> dict[str, int]:
    """How much there is in everything that the engine keeps of what it was asked."""
    policy, processor = engine._policy, engine._processor
    return {
        "callers": len(engine._callers),
        "communities": len(policy.communities._remembered),
        "hosts": len(policy.users._hosts),
        "users": len(policy.users._remembered),
        "buckets": len(policy.failures._buckets),
        "accesses": len(policy.vacm._answers),
        "who is in": len(processor._users),
    }


def test_se01_se02_sn02_a_hundred_thousand_datagrams() -> None:
    examined = Examined()
    words = Words([*SECRETS, *(community.decode() for community in COMMUNITIES)])
    usual = Usual(examined)
    answers, seconds = usual.answers(), usual.seconds()
    came_to: Counter[str] = Counter()
    with words.heard():
        for seed in range(DATAGRAMS):
            if seed == WARM:
                before = memory(examined)
            made = make(examined.target, seed)
            try:
                came_to[examined.examine(made.data)] += 1
            except Exception as error:
                error.add_note(f"seed {seed}, {made.kind}, {made.anomalies}: {made.data.hex()}")
                raise
        after = memory(examined)
    # Everything was reached, which is why it is worth something that nothing has happened.
    assert came_to.keys() == {*STATUSES, *COUNTERS, NO_REQUEST}
    # Answers and walks are remembered, up to a bound. If one datagram in sixteen left something
    # behind, it would be 5000.
    blocks, objects, octets = (new - old for new, old in zip(after, before, strict=True))
    assert blocks < 5000
    assert objects < 5000
    assert octets < 16 << 20
    assert max(remembered(examined.engine).values()) < 200
    assert not words.wrong
    # A line for each SET, and for all else ten a minute, of two kinds; one more sums them up.
    assert words.lines.keys() == {"flowmib.audit", "flowmib.snmp"}
    assert words.lines["flowmib.snmp"] <= 2 * 11 * (examined.now // 60 + 1)
    assert usual.answers() == answers
    for version, now in usual.seconds().items():
        assert now < 3 * seconds[version]


def test_se03_a_line_of_the_log_is_bounded() -> None:
    """Whoever may read can have a SET refused, and so can whoever gives a reader's address."""
    words = Words(SECRETS)
    asked = request("set", [TUN_STATUS] * 2000, community=READER, value=2**31 - 1)
    with words.heard():
        EXAMINED.examine(asked)
    assert words.lines["flowmib.audit"] == 1
    assert words.longest < 10_000


def test_sn07_an_unknown_context_is_counted() -> None:
    asked = ADMIN.message(boots=BOOTS, time=TIME, context_name=b"another")
    assert EXAMINED.examine(asked) == "snmpUnknownContexts"


def test_se02_whoever_asks_in_many_ways_is_not_remembered_in_all_of_them() -> None:
    """A community may be written with lengths of several forms, and come from many addresses."""
    engine = Examined().engine
    bare = request("get", [SYS_DESCR], community=READER)
    community = ber.encode_tlv(ber.OCTET_STRING, READER)
    for number in range(10_000):
        octets = number % 4 + 1
        longer = bytes((4, 0x80 | octets)) + len(READER).to_bytes(octets, "big") + READER
        data = ber.encode_tlv(ber.SEQUENCE, bare[2:].replace(community, longer))
        assert engine.process(data, f"127.0.{number >> 8}.{number & 255}") is not None
        engine.process(b"\x30\x03\x02\x01\x03", f"127.1.{number >> 8}.{number & 255}")
    assert 1000 < max(remembered(engine).values()) <= 4096


SHAPES: dict[str, Callable[[int], bytes]] = {
    "names": lambda n: request("next", [TUN_STATUS] * n, community=READER),
    "settings": lambda n: request("set", [TUN_STATUS] * n, community=WRITER, value=1),
    "bulk": lambda n: request(
        "bulk", [TUN_STATUS] * n, community=READER, max_repetitions=2**31 - 1
    ),
    "one long name": lambda n: request(
        "get", [(1, 3, *[2**32 - 1] * (n * 4))], community=READER, version=0
    ),
    "one long community": lambda n: request("get", [], community=b"x" * (n * 20)),
    "nesting": lambda n: nested(n * 5),
    "encrypted": lambda n: of_admin(b"\xa0\x84" + (n * 20).to_bytes(4, "big") + bytes(n * 20)),
}


def nested(depth: int) -> bytes:
    data = b""
    for _ in range(depth):
        data = ber.encode_tlv(ber.SEQUENCE, data)
    return data


@pytest.mark.parametrize("shape", SHAPES)
def test_se02_eight_times_the_octets_take_no_more_than_eight_times_the_time(shape: str) -> None:
    """Or so: where the time goes with the square, it would be 64 times."""
    small, large = SHAPES[shape](300), SHAPES[shape](2400)
    assert len(large) > 5 * len(small)

    def fastest(data: bytes) -> float:
        return min(took(lambda: EXAMINED.answer(data)) for _ in range(7))

    assert fastest(large) < 32 * fastest(small)


@given(st.binary(max_size=100))
def test_se02_any_octets(data: bytes) -> None:
    EXAMINED.examine(data)


@given(
    st.sampled_from([b"\x02\x01\x00", b"\x02\x01\x01"]), st.binary(max_size=100), st.integers(0, 3)
)
def test_se02_any_octets_of_a_community(version: bytes, data: bytes, number: int) -> None:
    known = version + ber.encode_tlv(ber.OCTET_STRING, COMMUNITIES[number])
    EXAMINED.examine(ber.encode_tlv(ber.SEQUENCE, known + data))


@given(st.sampled_from(MANAGERS), st.binary(max_size=100))
def test_se02_any_octets_of_a_user(manager: Manager, data: bytes) -> None:
    """Signed, and encrypted where the user can: in place of a scoped PDU, or of its PDU."""
    EXAMINED.examine(manager.message(data, boots=BOOTS, time=TIME))
    EXAMINED.examine(manager.message(scoped=ber.encode_tlv(0x30, data), boots=BOOTS, time=TIME))


@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 255)), min_size=1, max_size=5))
def test_se02_octets_changed_before_the_signature(changes: list[tuple[int, int]]) -> None:
    user = USERS[b"operator"]
    data = bytearray(OPERATOR.message(boots=BOOTS, time=TIME))
    place = data.index(b"\x04\x0c", data.index(user.name)) + 2
    for position, octet in changes:
        data[position % len(data)] = octet
    EXAMINED.examine(signed(bytes(data), place, user))
