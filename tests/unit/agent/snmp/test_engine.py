"""agent.snmp.engine: RFC 3416 and RFC 1157 to the letter, with pysnmp reading every answer."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.snmp.community import Community, Origins
from agent.snmp.engine import Limits
from mibs import ber
from mibs.smi import Oid
from mibs.snmp_statistics import SnmpStatistics
from mibs.view import View, ViewBuilder
from tests.engine import LOOPBACK, finished, make_engine
from tests.small_mib import ROOT, Part, Peer, Reference, Small, Thing, small_tree
from tests.snmp_peer import Reply, Varbind, items, read, request, varbinds_of

COUNT, BIG, NOTE, NEVER, AGE, OID, ODD, WEIGHT = ((*ROOT, 2, 1, n) for n in range(2, 10))
MEMBER = (*ROOT, 5, 1, 2)
LIVE = (*ROOT, 1, 300)
HERE = "127.0.0.1"

SNAPSHOT = Small(
    tuple(
        Thing(n * 100, n, 0.0, bytes(n * 7 % 256) if n % 3 else None, (Part(1, n),))
        for n in range(1, 61)
    ),
    tuple(Peer(n, (1, 1, n, 1), n, (Part(1, n),)) for n in range(1, 6)),
    2**40,
)
LAST = (*MEMBER, 1, 1, 5, 1, 1)
"""The last instance of all."""


class Agent:
    """An engine, the View that it reads, and what it has counted."""

    def __init__(
        self,
        live: Callable[[], int | None] = lambda: 7,
        *,
        snapshot: Small = SNAPSHOT,
        max_message_size: int = 65507,
        max_repetitions: int = 1000,
    ) -> None:
        self.tree = small_tree(live)
        self.view = ViewBuilder(self.tree).build(snapshot, 100.0)
        self.reference = Reference(self.tree, snapshot, 100.0) if live() == 7 else None
        self.limits = Limits(max_message_size, max_repetitions)
        self.begin()

    def begin(self, max_message_size: int | None = None) -> None:
        """Begin anew to count, perhaps with another size."""
        if max_message_size is not None:
            self.limits = replace(self.limits, max_message_size=max_message_size)
        self.statistics = SnmpStatistics()
        self.engine = make_engine(
            self.tree,
            self,
            self.statistics,
            readers=[b"public", b"x" * 255, b"y" * 600],
            writers=[b"writer"],
            limits=self.limits,
        )

    def current(self) -> View:
        return self.view

    def expire(self) -> None:
        pass

    def __call__(self, data: bytes, host: str = HERE) -> bytes | None:
        return finished(self.engine.process(data, host))

    def ask(self, kind: str, *names: Oid, **details: Any) -> Reply:
        return read(self(request(kind, names, **details)))

    def after(self, name: Oid, count: int = 1) -> list[Oid]:
        assert self.reference is not None
        names = self.reference.names
        return [n for n in names if n > name][:count]

    def counted(self) -> dict[str, int]:
        names = SnmpStatistics.__slots__
        return {name: n for name in names if (n := getattr(self.statistics, name))}


@pytest.fixture(scope="module")
def shared() -> Agent:
    """For tests that do not look at what is counted."""
    return Agent()


@pytest.fixture
def agent() -> Agent:
    return Agent()


class TestGet:
    def test_sn04_values_of_every_type(self, shared: Agent) -> None:
        names = [(*column, 200) for column in (COUNT, BIG, NOTE, AGE, OID)]
        names += [(*ROOT, 1, n, 0) for n in (1, 2, 300)]
        reply = shared.ask("get", *names, request_id=77)
        assert (reply.version, reply.community, reply.request_id) == (1, b"public", 77)
        assert reply.error == (0, 0)
        assert reply.varbinds == [
            Varbind(names[0], "Counter32", 2),
            Varbind(names[1], "Counter64", 2 << 33),
            Varbind(names[2], "OctetString", bytes(14)),
            Varbind(names[3], "Integer", 10_000),
            Varbind(names[4], "ObjectIdentifier", (1, 3, 200)),
            Varbind(names[5], "Counter64", 2**40),
            Varbind(names[6], "Gauge32", 60),
            Varbind(names[7], "TimeTicks", 7),
        ]

    @pytest.mark.parametrize(
        ("name", "kind"),
        [
            ((*COUNT, 101), "NoSuchInstance"),  # no row
            ((*NOTE, 300), "NoSuchInstance"),  # no value in this row
            ((*NEVER, 100), "NoSuchInstance"),  # no value in any
            (COUNT, "NoSuchInstance"),  # no index
            ((*COUNT, 100, 0), "NoSuchInstance"),  # too much index
            ((*ROOT, 1, 2), "NoSuchInstance"),
            ((*ROOT, 1, 2, 1), "NoSuchInstance"),
            ((*ROOT, 1, 2, 0, 0), "NoSuchInstance"),
            ((*ROOT, 130, 1, 2, 1), "NoSuchInstance"),  # an empty table
            ((*ROOT, 2, 1, 1, 100), "NoSuchObject"),  # not-accessible (SEMANTICS D5)
            ((*ROOT, 2, 1), "NoSuchObject"),
            (ROOT, "NoSuchObject"),
            ((0, 0), "NoSuchObject"),
            ((1, 3), "NoSuchObject"),
            ((2, 39, 5), "NoSuchObject"),
            ((*ROOT, 1, 4, 0), "NoSuchObject"),
        ],
    )
    def test_sn04_exceptions(self, shared: Agent, name: Oid, kind: str) -> None:
        reply = shared.ask("get", (*COUNT, 100), name, (*COUNT, 200))
        assert reply.error == (0, 0)
        assert reply.varbinds[1] == Varbind(name, kind, None)
        assert reply.types == ["Counter32", kind, "Counter32"]

    def test_sn04_no_bindings(self, shared: Agent) -> None:
        for kind in ("get", "next", "bulk"):
            reply = shared.ask(kind, max_repetitions=10)
            assert (reply.error, reply.varbinds) == ((0, 0), [])

    def test_sn04_duplicates(self, shared: Agent) -> None:
        name = (*COUNT, 100)
        assert shared.ask("get", name, name).varbinds == [Varbind(name, "Counter32", 1)] * 2
        assert shared.ask("next", COUNT, COUNT).names == [name] * 2

    @pytest.mark.parametrize("number", [0, 1, -1, 2**31 - 1, -(2**31) + 1])
    def test_the_request_id_comes_back(self, shared: Agent, number: int) -> None:
        assert shared.ask("get", (*COUNT, 100), request_id=number).request_id == number


class TestGetNext:
    @pytest.mark.parametrize(
        "name",
        [(0, 0), ROOT, COUNT, (*COUNT, 100), (*COUNT, 150), (*COUNT, 6000), (*NEVER, 1), NOTE],
    )
    def test_sn04_the_next_instance(self, shared: Agent, name: Oid) -> None:
        assert shared.ask("next", name).names == shared.after(name)

    @pytest.mark.parametrize("name", [LAST, (*LAST, 0), (*ROOT, 130), (1, 3, 7), (2, 39)])
    def test_sn04_end_of_mib_view(self, shared: Agent, name: Oid) -> None:
        reply = shared.ask("next", COUNT, name)
        assert reply.error == (0, 0)
        assert reply.varbinds[1] == Varbind(name, "EndOfMibView", None)
        assert reply.names[0] == (*COUNT, 100)

    def test_sn08_a_walk_rises_and_ends(self, shared: Agent) -> None:
        assert shared.reference is not None
        found = []
        name: Oid = (0, 0)
        while (reply := shared.ask("next", name)).types != ["EndOfMibView"]:
            (name,) = reply.names
            found.append(name)
        assert found == shared.reference.names


class TestBulk:
    def expected(
        self, agent: Agent, names: list[Oid], non_repeaters: int, max_repetitions: int
    ) -> list[Oid]:
        """RFC 3416 section 4.2.3, word for word; every row is there."""
        number = max(min(non_repeaters, len(names)), 0)
        found = [(agent.after(name) or [name])[0] for name in names[:number]]
        rows = list(names[number:])
        for _ in range(max(max_repetitions, 0)):
            rows = [(agent.after(name) or [name])[0] for name in rows]
            found += rows
        return found

    @pytest.mark.parametrize("max_repetitions", [0, 1, 2, 7, -1, -(2**31) + 1])
    @pytest.mark.parametrize("non_repeaters", [0, 1, 2, 3, 4, 100, 2**31 - 1, -1, -(2**31) + 1])
    def test_sn04_numbers(self, shared: Agent, non_repeaters: int, max_repetitions: int) -> None:
        names = [(*ROOT, 1), COUNT, (*NOTE, 200)]
        # What pysnmp would not write is written into its message.
        data = request("bulk", names, non_repeaters=1111, max_repetitions=2222)
        for wrong, right in ((1111, non_repeaters), (2222, max_repetitions)):
            old = ber.encode_integer(wrong)
            assert data.count(old) == 1
            new = ber.encode_integer(right)
            data = data.replace(old, b"\x02" + bytes([len(new) - 2]) + new[2:])
        data = with_lengths_mended(data)
        reply = read(shared(data))
        assert reply.error == (0, 0)
        assert reply.names == self.expected(shared, names, non_repeaters, max_repetitions)

    @given(
        st.lists(
            st.sampled_from(
                [COUNT, (*COUNT, 5900), (*ODD, 5950), (*MEMBER, 1, 1, 4), LAST, (2, 1), (0, 0)]
            ),
            min_size=1,
            max_size=4,
        ),
        st.integers(0, 5),
        st.integers(0, 12),
    )
    def test_sn04_any(self, names: list[Oid], non_repeaters: int, max_repetitions: int) -> None:
        agent = AGENT
        reply = agent.ask(
            "bulk", *names, non_repeaters=non_repeaters, max_repetitions=max_repetitions
        )
        expected = self.expected(agent, names, non_repeaters, max_repetitions)
        assert reply.error == (0, 0)
        assert reply.names == expected[: len(reply.names)]
        repeaters = max(len(names) - non_repeaters, 0)
        if len(reply.names) < len(expected):
            # Stopped early: the last row says of every name that there is no more.
            assert reply.types[-repeaters:] == ["EndOfMibView"] * repeaters

    def test_sn04_names_at_the_end(self, shared: Agent) -> None:
        """A column that ends is filled with its last name (section 4.2.3)."""
        first = (*MEMBER, 1, 1, 3, 1, 1)
        reply = shared.ask("bulk", first, (*COUNT, 100), max_repetitions=4)
        ends = [Varbind(LAST, "EndOfMibView", None)] * 2
        assert reply.names[0::2][:2] == shared.after(first, 2)
        assert reply.varbinds[4::2] == ends
        assert reply.names[1::2] == shared.after((*COUNT, 100), 4)

    def test_sn04_stops_when_all_have_ended(self, shared: Agent) -> None:
        for names in ([LAST], [LAST, LAST], [LAST, (*MEMBER, 1, 1, 4, 1, 1)]):
            reply = shared.ask("bulk", *names, max_repetitions=100)
            assert len(reply.names) <= 2 * len(names)
            assert reply.types[-len(names) :] == ["EndOfMibView"] * len(names)
            assert set(reply.names) == {LAST}

    def test_se03_repetitions_are_capped(self) -> None:
        agent = Agent(max_repetitions=5)
        assert len(agent.ask("bulk", COUNT, max_repetitions=2**31 - 1).names) == 5
        assert len(agent.ask("bulk", COUNT, BIG, max_repetitions=2**31 - 1).names) == 10

    def test_se03_many_repeaters_are_not_multiplied_beyond_a_message(self) -> None:
        agent = Agent(max_repetitions=100_000)
        names = [(0, 0)] * 200
        reply = agent(request("bulk", names, max_repetitions=2**31 - 1))
        assert reply is not None
        assert 60_000 < len(reply) <= 65507


def with_lengths_mended(data: bytes) -> bytes:
    """A message whose integers have changed their size."""
    body = data[2:]
    version, body = body[:3], body[3:]
    community, body = body[: 2 + body[1]], body[2 + body[1] :]
    pdu = ber.encode_tlv(body[0], body[2:])
    return ber.encode_tlv(0x30, version + community + pdu)


AGENT = Agent()


class TestVersion1:
    def test_sn06_get(self, shared: Agent) -> None:
        name = (*COUNT, 200)
        reply = shared.ask("get", name, version=0)
        assert (reply.version, reply.error) == (0, (0, 0))
        assert reply.varbinds == [Varbind(name, "Counter", 2)]

    @pytest.mark.parametrize(
        "name", [(*COUNT, 101), (*NOTE, 300), COUNT, (*BIG, 100), (*ROOT, 1, 1, 0), ROOT, (2, 5)]
    )
    @pytest.mark.parametrize("index", [1, 2, 3])
    def test_sn06_no_such_name(self, shared: Agent, name: Oid, index: int) -> None:
        names = [(*COUNT, 100), (*COUNT, 200), (*COUNT, 300)]
        names[index - 1] = name
        reply = shared.ask("get", *names, version=0)
        assert reply.error == (2, index)
        assert reply.varbinds == [Varbind(name, "Null", None) for name in names]

    def test_sn06_the_first_error_counts(self, shared: Agent) -> None:
        reply = shared.ask("get", (*COUNT, 100), (1, 3), (1, 4), version=0)
        assert reply.error == (2, 2)

    def test_sn06_get_next_steps_over_counter64(self, shared: Agent) -> None:
        reply = shared.ask("next", (*COUNT, 6000), (*BIG, 100), (*ROOT, 1), version=0)
        assert reply.error == (0, 0)
        assert reply.names == [(*NOTE, 100), (*NOTE, 100), (*ROOT, 1, 2, 0)]

    def test_sn06_the_end_of_the_view(self, shared: Agent) -> None:
        # The last column of all is a Counter64.
        for name in ((*ROOT, 4, 1, 2, 1, 1, 5, 1), MEMBER, LAST, (2, 5)):
            reply = shared.ask("next", (0, 0), name, version=0)
            assert reply.error == (2, 2)
            assert reply.names == [(0, 0), name]

    def test_sn06_a_walk_sees_no_counter64(self, shared: Agent) -> None:
        assert shared.reference is not None
        found = []
        name: Oid = (0, 0)
        while (reply := shared.ask("next", name, version=0)).error == (0, 0):
            (name,) = reply.names
            found.append(name)
        hidden = ((*ROOT, 1, 1), BIG, MEMBER)
        assert found == [
            n for n in shared.reference.names if not any(n[: len(h)] == h for h in hidden)
        ]


class TestSet:
    def test_sn05_va01_a_reader_can_set_nothing(self, agent: Agent) -> None:
        names = [(*COUNT, 100), (*ROOT, 1, 2, 0)]
        reply = agent.ask("set", *names, value=5)
        assert reply.error == (16, 0)  # authorizationError
        assert reply.varbinds == [Varbind(name, "Integer", 5) for name in names]
        reply = agent.ask("set", *names, value=5, version=0)
        assert reply.error == (2, 1)  # noSuchName
        assert reply.names == names
        assert agent.ask("set").error == (16, 0)
        assert agent.counted() == {"snmpInPkts": 3, "snmpInBadCommunityUses": 3}
        assert agent.ask("get", names[0]).varbinds[0].value == 1

    def test_sn05_a_writer_cannot_set_what_cannot_be_set(self, agent: Agent) -> None:
        names = [(*COUNT, 100), (*ROOT, 1, 2, 0)]
        assert agent.ask("set", *names, value=5, community=b"writer").error == (17, 1)
        assert agent.ask("set", *names, value=5, community=b"writer", version=0).error == (2, 1)
        assert agent.ask("set", community=b"writer").error == (0, 0)
        assert agent.counted() == {"snmpInPkts": 3}


def sizes(kind: str, names: list[Oid], **details: Any) -> Iterator[tuple[int, Agent, bytes | None]]:
    """The answer to a request at every limit around the size of the whole one, and from 484."""
    data = request(kind, names, **details)
    whole = Agent()(data)
    assert whole is not None
    near = {n for n in range(len(whole) - 12, len(whole) + 12) if n >= 484}
    agent = Agent()
    for size in sorted({*range(484, 560), *range(560, 2500, 37), *near}):
        agent.begin(size)
        yield size, agent, agent(data)


COMMUNITIES = [b"public", b"x" * 255]


class TestSizes:
    @pytest.mark.parametrize("community", COMMUNITIES, ids=["short", "long"])
    @pytest.mark.parametrize(
        ("names", "non_repeaters", "max_repetitions"),
        [
            ([COUNT], 0, 40),
            ([NOTE], 0, 200),
            ([(*ROOT, 1), NOTE, COUNT], 1, 30),
            ([(*NOTE, 100), (*NOTE, 400), (*NOTE, 1000), (*NOTE, 1600)], 3, 20),
            ([NOTE, OID, LAST], 0, 30),
            ([(*NOTE, 3400)] * 6, 6, 0),
            ([(*MEMBER, 1, 1, 2)], 0, 100),
        ],
    )
    def test_sn03_bulk_is_cut_to_whole_bindings(
        self, names: list[Oid], non_repeaters: int, max_repetitions: int, community: bytes
    ) -> None:
        details: dict[str, Any] = {
            "community": community,
            "non_repeaters": non_repeaters,
            "max_repetitions": max_repetitions,
        }
        whole = varbinds_of(AGENT(request("bulk", names, **details)))
        last = 0
        for size, agent, answer in sizes("bulk", names, **details):
            assert answer is not None
            assert len(answer) <= size
            got = varbinds_of(answer)
            assert got == whole[: len(got)]
            assert len(got) >= last
            last = len(got)
            assert agent.counted() == {"snmpInPkts": 1}
            if not got:
                assert read(answer).error == (1, 0)
            elif len(got) < len(whole):
                # One more would not have fitted.
                more = b"".join(whole[: len(got) + 1])
                assert with_varbinds(answer, more) > size
        assert last == len(whole) or size < 2500

    @pytest.mark.parametrize("community", COMMUNITIES, ids=["short", "long"])
    @pytest.mark.parametrize("version", [0, 1])
    @pytest.mark.parametrize("kind", ["get", "next"])
    def test_sn03_too_big(self, kind: str, version: int, community: bytes) -> None:
        names = [(*NOTE, 1000 if kind == "get" else 900)] * 14
        details: dict[str, Any] = {"version": version, "community": community, "request_id": 99}
        data = request(kind, names, **details)
        whole = AGENT(data)
        assert whole is not None
        assert len(whole) > 1000
        for size, agent, answer in sizes(kind, names, **details):
            counted = {"snmpInPkts": 1}
            if size >= len(whole):
                assert answer == whole
            elif version == 0 and len(data) > size:
                # Not even the bindings of the request fit.
                assert answer is None
                counted["snmpSilentDrops"] = 1
            else:
                assert answer is not None
                assert len(answer) <= size
                reply = read(answer)
                assert reply.error == (1, 0)
                assert reply.request_id == 99
                assert reply.names == ([] if version else names)
            assert agent.counted() == counted

    @pytest.mark.parametrize("kind", ["get", "bulk", "set"])
    def test_sn03_silent_drop(self, kind: str) -> None:
        agent = Agent(max_message_size=484)
        data = request(kind, [(*COUNT, 100)], community=b"y" * 600, max_repetitions=9)
        assert agent(data) is None
        assert agent.counted() == {"snmpInPkts": 1, "snmpSilentDrops": 1}

    def test_sn03_an_error_may_be_too_big_too(self) -> None:
        agent = Agent(max_message_size=484)
        names = [(*COUNT, 1)] * 40
        assert len(request("set", names, value=1)) > 484
        assert agent.ask("set", *names, value=1).error == (1, 0)
        assert agent(request("set", names, value=1, version=0)) is None
        assert agent(request("get", names, version=0)) is None

    def test_the_largest_message(self) -> None:
        names = [(*NOTE, 2400)] * 300
        answer = AGENT(request("bulk", names, max_repetitions=5))
        assert answer is not None
        assert 65507 - 300 < len(answer) <= 65507


def with_varbinds(response: bytes, varbinds: bytes) -> int:
    """The size that a response would have with other bindings."""
    version, community, pdu = items(items(response)[0][1])
    head = b"".join(whole for _, _, whole in items(pdu[1])[:3])
    new = ber.encode_tlv(pdu[0], head + ber.encode_tlv(0x30, varbinds))
    return len(ber.encode_tlv(0x30, version[2] + community[2] + new))


def test_sn02_strangers_are_told_of(agent: Agent) -> None:
    strangers: list[str] = []
    engine = make_engine(agent.tree, agent, agent.statistics, on_stranger=strangers.append)
    engine.process(request("get", [LIVE]), HERE)
    assert strangers == []
    engine.process(request("get", [LIVE], community=b"guess"), HERE)
    engine.process(request("get", [LIVE]), "192.0.2.7")
    assert strangers == [HERE, "192.0.2.7"]


class TestCounters:
    def test_sn02_what_is_answered_counts_as_a_packet(self, agent: Agent) -> None:
        for kind in ("get", "next", "bulk"):
            agent.ask(kind, COUNT)
        assert agent.counted() == {"snmpInPkts": 3}

    @pytest.mark.parametrize("version", [2, 4, -1, 2**31 - 1, 255])
    def test_sn02_bad_version(self, agent: Agent, version: int) -> None:
        data = ber.encode_tlv(0x30, ber.encode_integer(version) + b"\x04\x06public\xa0\x00")
        assert agent(data) is None
        assert agent.counted() == {"snmpInPkts": 1, "snmpInBadVersions": 1}

    @pytest.mark.parametrize("version", [0, 1])
    def test_sn02_bad_community(self, agent: Agent, version: int) -> None:
        assert agent(request("get", [COUNT], community=b"secret", version=version)) is None
        assert agent(request("set", [COUNT], community=b"", value=1, version=version)) is None
        assert agent.counted() == {"snmpInPkts": 2, "snmpInBadCommunityNames": 2}

    def test_sn02_bad_network(self, agent: Agent) -> None:
        assert agent(request("get", [COUNT]), "192.0.2.1") is None
        assert agent(request("get", [COUNT]), "2001:db8::1") is None
        assert agent(request("get", [COUNT]), "::1") is not None
        assert agent.counted() == {"snmpInPkts": 3, "snmpInBadCommunityNames": 2}

    @pytest.mark.parametrize("data", [b"", b"\x00", b"0", b"garbage", bytes(2000), b"\xff" * 2000])
    def test_sn02_garbage(self, agent: Agent, data: bytes) -> None:
        assert agent(data) is None
        assert agent.counted() == {"snmpInPkts": 1, "snmpInASNParseErrs": 1}

    @pytest.mark.parametrize(
        ("version", "tag", "faults"),
        [
            (0, 0xA2, 0),
            (0, 0xA4, 0),
            (0, 0xA5, 1),  # GETBULK is unknown to version 1
            (0, 0xA7, 1),
            (1, 0xA2, 0),
            (1, 0xA6, 0),
            (1, 0xA7, 0),
            (1, 0xA8, 0),
            (1, 0xA4, 1),  # the trap of version 1 is unknown to version 2
            (1, 0xA9, 1),
            (1, 0x30, 1),
            (1, 0x20, 1),
            (0, 0x00, 1),
        ],
    )
    def test_se01_other_messages_are_not_answered(
        self, agent: Agent, version: int, tag: int, faults: int
    ) -> None:
        data = request("get", [COUNT], version=version)
        assert data.count(b"\xa0") == 1
        assert agent(data.replace(b"\xa0", bytes([tag]))) is None
        counted = agent.counted()
        assert counted.pop("snmpInPkts") == 1
        assert counted == ({"snmpInASNParseErrs": faults} if faults else {})

    @pytest.mark.parametrize("kind", ["get", "next", "set", "bulk"])
    @pytest.mark.parametrize("version", [0, 1])
    @pytest.mark.parametrize("position", [0, 1, 2])
    @pytest.mark.parametrize("count", [0, 5])
    def test_se01_a_name_that_is_no_oid(
        self, agent: Agent, kind: str, version: int, position: int, count: int
    ) -> None:
        """Wherever it stands, also where the names would only be sent back."""
        if kind == "bulk" and version == 0:
            return
        names = [(*ROOT, 9, 9, 9), COUNT, COUNT]
        names[position] = (*ROOT, 99, 2**32 - 1)
        details: dict[str, Any] = {"max_repetitions": count} if kind == "bulk" else {}
        data = request(kind, names, version=version, **details)
        bad = ber.encode_sub_identifiers((2**32 - 1,))
        end = data.rindex(bad)
        data = data[:end] + bad[:-1] + b"\xff" + data[end + len(bad) :]
        assert agent(data) is None
        counted = agent.counted()
        counted.pop("snmpInBadCommunityUses", None)
        assert counted == {"snmpInPkts": 1, "snmpInASNParseErrs": 1}


class BrokenError(Exception):
    pass


def broken() -> int:
    raise BrokenError("a fault of ours")


class TestFaults:
    """genErr: a fault of the agent does not stop it."""

    @pytest.fixture
    def agent(self, caplog: pytest.LogCaptureFixture) -> Agent:
        caplog.set_level(logging.CRITICAL + 1)
        numbers = iter((8, 8))

        def live() -> int:
            return next(numbers, 0) or broken()

        return Agent(live)

    @pytest.mark.parametrize("version", [0, 1])
    @pytest.mark.parametrize("index", [1, 2, 3])
    def test_get(self, agent: Agent, version: int, index: int) -> None:
        agent.ask("get", (*LIVE, 0))
        names = [(*COUNT, 100), (*COUNT, 200), (*COUNT, 300)]
        names[index - 1] = (*LIVE, 0)
        reply = agent.ask("get", *names, version=version)
        assert reply.error == (5, index)
        assert reply.varbinds == [Varbind(name, "Null", None) for name in names]
        assert agent.ask("get", (*COUNT, 100)).error == (0, 0)
        assert agent.counted() == {"snmpInPkts": 3}

    @pytest.mark.parametrize(
        ("names", "non_repeaters", "index"),
        [
            ([LIVE], 0, 1),
            ([LIVE], 1, 1),
            ([COUNT, LIVE], 2, 2),
            ([COUNT, LIVE], 1, 2),
            ([COUNT, COUNT, LIVE], 0, 3),
            ([COUNT, COUNT, LIVE, COUNT], 1, 3),
        ],
    )
    def test_bulk(self, agent: Agent, names: list[Oid], non_repeaters: int, index: int) -> None:
        agent.ask("get", (*LIVE, 0))
        reply = agent.ask("bulk", *names, non_repeaters=non_repeaters, max_repetitions=3)
        assert reply.error == (5, index)
        assert reply.names == names

    def test_it_is_logged(self, agent: Agent, caplog: pytest.LogCaptureFixture) -> None:
        agent.ask("get", (*LIVE, 0))
        caplog.set_level(logging.INFO)
        agent.ask("get", (*LIVE, 0))
        (record,) = caplog.records
        assert record.message.endswith(".".join(map(str, (*LIVE, 0))))
        assert record.exc_info is not None

    def test_sn03_it_may_be_too_big(self, agent: Agent) -> None:
        agent.ask("get", (*LIVE, 0))
        agent.begin(484)
        names = [(*LIVE, 0)] * 40
        assert agent.ask("get", *names).error == (1, 0)
        assert agent(request("get", names, version=0)) is None

    def test_no_view(self, agent: Agent) -> None:
        agent.current = broken  # type: ignore[assignment, method-assign]
        assert agent.ask("get", COUNT).error == (5, 1)
        assert agent.ask("bulk").error == (5, 0)

    def test_se01_with_a_name_that_is_no_oid(self, agent: Agent) -> None:
        agent.ask("get", (*LIVE, 0))
        data = request("get", [(*LIVE, 0), (*ROOT, 5)])
        data = data[:-3] + b"\x80" + data[-2:]
        assert agent(data) is None
        assert agent.counted() == {"snmpInPkts": 2, "snmpInASNParseErrs": 1}


def test_a_bulk_walk_gives_everything_in_order(shared: Agent) -> None:
    assert shared.reference is not None
    for repetitions in (1, 10, 50):
        found: list[Oid] = []
        name: Oid = (0, 0)
        ended = False
        while not ended:
            reply = shared.ask("bulk", name, max_repetitions=repetitions)
            ended = "EndOfMibView" in reply.types
            found += [v.name for v in reply.varbinds if v.type != "EndOfMibView"]
            name = found[-1]
        assert found == shared.reference.names
        assert all(a < b for a, b in pairwise(found))


class TestContexts:
    def test_a_community_that_is_for_another_context_sees_that_one(self, agent: Agent) -> None:
        elsewhere = Community(b"public", LOOPBACK, b"public", b"red")
        agent.engine._contexts = {b"red": agent}
        agent.engine.replace(
            replace(agent.engine._policy, communities=Origins([(b"public", LOOPBACK, elsewhere)]))
        )
        assert agent.ask("get", (*COUNT, 200)).error_status == 0

    def test_a_community_for_a_context_that_is_not_there_gets_no_answer(self, agent: Agent) -> None:
        """RFC 3413 section 3.2: a report is of SNMPv3 only."""
        elsewhere = Community(b"public", LOOPBACK, b"public", b"red")
        agent.engine.replace(
            replace(agent.engine._policy, communities=Origins([(b"public", LOOPBACK, elsewhere)]))
        )
        assert agent(request("get", [(*COUNT, 200)])) is None
        assert agent.counted() == {"snmpInPkts": 1, "snmpUnknownContexts": 1}
