"""agent.notify.engines: traps and informs of SNMPv3, with pysnmp's USM on the other side."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from agent.notify.engines import RemoteEngine, UserTraps
from agent.notify.messages import Answer, Outgoing, Verdict
from agent.notify.pdus import Pdus
from agent.snmp.security import SecurityLevel
from agent.snmp.usm.users import Secret, UserSettings, make_user
from mibs.ber import BerError
from mibs.notification import Notification
from tests.inform_receiver import Receiver
from tests.originating import COLD_START, ENGINE_ID, make_encoder, pdus_of, start_of
from tests.usm_peer import Manager, pdu

NO_AUTH, AUTH, PRIV = SecurityLevel
AGAIN, REPORT, RESPONSE = Verdict.AGAIN, Verdict.REPORT, Verdict.RESPONSE
OTHER_ENGINE = b"\x80\x00\x1f\x88\x04another"
PROTOCOLS = {NO_AUTH: (None, None), AUTH: ("SHA-256", None), PRIV: ("SHA-256", "AES-128")}


def settings(auth: str | None = "SHA-256", priv: str | None = "AES-128") -> UserSettings:
    return UserSettings(
        "admin",
        auth,
        Secret("maplesyrup") if auth else None,
        priv,
        Secret("pancakes with butter") if priv else None,
    )


class Conversation:
    """A remote engine, what is outstanding, and the receiver it talks to."""

    def __init__(self, level: SecurityLevel = PRIV, receiver: Receiver | None = None) -> None:
        protocols = PROTOCOLS[level]
        self.receiver = receiver or Receiver(auth=protocols[0], priv=protocols[1])
        self.now = 1000.0
        self.engine = RemoteEngine(
            make_encoder(), settings(*protocols), level, itertools.count(2**31 - 3)
        )
        self.expected: set[int] = set()

    def ask(self, number: int = 1) -> Outgoing:
        outgoing = self.engine.encode(pdus_of(number), self.now)
        assert outgoing is not None
        self.expected.add(outgoing.key)
        return outgoing

    def hear(self, data: bytes) -> Answer | None:
        return self.engine.decode(data, self.expected, self.now)

    def make_keys(self) -> None:
        user = self.engine.user
        self.engine.set_keys(make_user(user, self.engine.engine_id), user, self.engine.engine_id)

    def turn(self, number: int = 1) -> Answer | None:
        """Ask, have it answered, and make keys if they are wanted."""
        answer = self.hear(self.receiver.answer(self.ask(number).message))
        if self.engine.wants_keys:
            self.make_keys()
        return answer

    def begin(self) -> None:
        """Find out all there is."""
        while not self.engine.is_ready:
            answer = self.turn()
            assert answer
            assert answer.verdict is AGAIN

    def pass_time(self, seconds: int) -> None:
        self.now += seconds
        self.receiver.time += seconds


class TestTraps:
    @pytest.mark.parametrize(("level", "flags"), [(NO_AUTH, 0), (AUTH, 1), (PRIV, 3)])
    def test_no01_this_engine_is_authoritative(self, level: SecurityLevel, flags: int) -> None:
        user = make_user(settings(), ENGINE_ID)
        traps = UserTraps(make_encoder(engine_time=lambda: 40), user, level, itertools.count(7))
        reader = Manager(ENGINE_ID, "admin", "SHA-256", "AES-128")
        for msg_id in (7, 8):
            read = reader.read(traps.trap(pdus_of(5), ""))
            assert read[:7] == (msg_id, 65507, flags, ENGINE_ID, 3, 40, b"admin")
            assert (read.context_engine_id, read.context_name) == (ENGINE_ID, b"")
            assert (read.kind, read.request_id, read.pdu) == ("trap", 5, pdus_of(5).trap())

    def test_the_context_of_the_objects(self) -> None:
        user = make_user(settings(), ENGINE_ID)
        traps = UserTraps(make_encoder(), user, PRIV, itertools.count())
        elsewhere = Notification("coldStart", COLD_START.trap_oid, 7, (), b"vrf-1")
        read = Manager(ENGINE_ID, "admin", "SHA-256", "AES-128").read(
            traps.trap(Pdus(elsewhere, 1), "")
        )
        assert read.context_name == b"vrf-1"


class TestInforms:
    @pytest.mark.parametrize(("level", "turns"), [(NO_AUTH, 1), (AUTH, 2), (PRIV, 2)])
    def test_no01_discovery_and_time_come_first(self, level: SecurityLevel, turns: int) -> None:
        talk = Conversation(level)
        for _ in range(turns):
            assert not talk.engine.is_ready
            assert not talk.ask().is_inform
            answer = talk.turn()
            assert answer
            assert answer.verdict is AGAIN
        assert talk.engine.is_ready
        answer = talk.turn(9)
        assert answer
        assert (answer.verdict, answer.request_id, answer.error_status) == (RESPONSE, 9, 0)
        (inform,) = talk.receiver.informs
        assert inform.flags == {NO_AUTH: 4, AUTH: 5, PRIV: 7}[level]
        assert inform.pdu == pdus_of(9).inform()
        assert (inform.context_engine_id, inform.engine_id) == (ENGINE_ID, talk.receiver.engine_id)
        if level is not NO_AUTH:
            assert (inform.boots, inform.time) == (4, 100)

    def test_no02_each_message_has_an_id_of_its_own(self) -> None:
        talk = Conversation()
        talk.begin()
        outgoing = [talk.ask(5) for _ in range(6)]
        assert len({one.key for one in outgoing}) == 6
        assert all(0 <= one.key < 2**31 for one in outgoing)
        read = [talk.receiver.manager.read(one.message) for one in outgoing]
        assert {
            (one.request_id, one.msg_id == out.key) for one, out in zip(read, outgoing, strict=True)
        } == {(5, True)}

    def test_no01_nothing_is_sent_while_keys_are_made(self) -> None:
        talk = Conversation()
        talk.hear(talk.receiver.answer(talk.ask().message))
        assert talk.engine.wants_keys
        assert talk.engine.encode(pdus_of(1), talk.now) is None
        user = talk.engine.user
        wrong = make_user(user, OTHER_ENGINE)
        talk.engine.set_keys(wrong, user, OTHER_ENGINE)
        assert talk.engine.wants_keys
        talk.make_keys()
        assert talk.ask()

    def test_no01_its_clock_goes_on(self) -> None:
        talk = Conversation()
        talk.begin()
        talk.pass_time(100_000)
        talk.turn()
        (inform,) = talk.receiver.informs
        assert inform.time == talk.receiver.time == 100_100

    def test_no01_a_clock_that_runs_faster_is_followed(self) -> None:
        talk = Conversation()
        talk.begin()
        for _ in range(5):
            talk.pass_time(1000)
            talk.receiver.time += 100
            talk.turn()
        assert len(talk.receiver.informs) == 5
        talk.receiver.time += 151
        answer = talk.turn()
        assert answer
        assert answer.verdict is AGAIN
        talk.turn()
        assert len(talk.receiver.informs) == 6

    @pytest.mark.parametrize(
        ("boots", "time"), [(5, 0), (4, 0), (1, 3), (9, 2**31 - 1)], ids=["+", "same", "-", "late"]
    )
    def test_no01_the_receiver_starts_anew(self, boots: int, time: int) -> None:
        talk = Conversation()
        talk.begin()
        talk.pass_time(10_000)
        talk.turn()
        talk.receiver.boots, talk.receiver.time = boots, time
        turns = 0
        while len(talk.receiver.informs) < 2:
            answer = talk.turn()
            assert answer
            turns += 1
        assert turns <= 3
        inform = talk.receiver.informs[-1]
        assert (inform.boots, inform.time) == (boots, time)

    def test_no01_a_receiver_whose_boots_are_latched_gets_nothing(self) -> None:
        talk = Conversation(receiver=Receiver(boots=2**31 - 1))
        for _ in range(5):
            answer = talk.turn()
            assert answer
            assert answer.verdict is AGAIN
        assert not talk.engine.is_ready

    @pytest.mark.parametrize("level", PROTOCOLS)
    def test_no01_another_engine_is_there_now(self, level: SecurityLevel) -> None:
        talk = Conversation(level)
        talk.begin()
        talk.turn()
        talk.receiver = Receiver(OTHER_ENGINE, *PROTOCOLS[level])
        answer = talk.turn()
        assert answer
        assert answer.verdict is AGAIN
        assert talk.engine.engine_id == OTHER_ENGINE
        talk.begin()
        talk.turn()
        assert len(talk.receiver.informs) == 1

    def test_no02_all_anew(self) -> None:
        talk = Conversation()
        talk.begin()
        talk.engine.forget()
        assert (talk.engine.is_ready, talk.engine.engine_id) == (False, b"")
        talk.begin()
        talk.turn()
        assert len(talk.receiver.informs) == 1

    def test_no02_what_the_receiver_takes_at_most(self) -> None:
        talk = Conversation()
        talk.begin()
        response = talk.receiver.manager.message(
            pdu("response"), boots=4, time=100, flags=3, msg_id=talk.ask().key, msg_max_size=1500
        )
        assert talk.hear(response)
        assert talk.engine.largest == 1500


class TestWhatProvesNothing:
    """Whatever it is, the inform is answered afterwards as if it had not come."""

    @pytest.fixture
    def talk(self) -> Conversation:
        talk = Conversation()
        talk.begin()
        return talk

    def unmoved(self, talk: Conversation) -> None:
        before = len(talk.receiver.informs)
        answer = talk.turn()
        assert answer
        assert answer.verdict is RESPONSE
        assert len(talk.receiver.informs) == before + 1

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda talk, read: talk.receiver.response(read, flags=1),
            lambda talk, read: talk.receiver.response(read, flags=0),
            lambda _, read: Receiver(OTHER_ENGINE).response(read),
            lambda talk, read: talk.receiver.response(read)[:-1] + b"\xff",
            lambda talk, read: talk.receiver.manager.message(flags=2, msg_id=read.msg_id),
            lambda talk, read: talk.receiver.message(b"\xa7\x00", read.msg_id, 3),
            lambda talk, read: talk.receiver.message(b"\xa7\x00", read.msg_id, 0),
        ],
        ids=[
            "without privacy",
            "without authentication",
            "from another engine",
            "with a wrong digest",
            "with a flag too few",
            "a trap",
            "a trap without authentication",
        ],
    )
    def test_no01_a_response_that_is_none(
        self, talk: Conversation, spoil: Callable[[Conversation, object], bytes]
    ) -> None:
        read = talk.receiver.manager.read(talk.ask().message)
        assert talk.hear(spoil(talk, read)) is None
        self.unmoved(talk)

    def test_no01_a_response_to_something_else(self, talk: Conversation) -> None:
        asked = talk.ask()
        response = talk.receiver.response(talk.receiver.manager.read(asked.message))
        talk.expected.remove(asked.key)
        assert talk.hear(response) is None
        talk.expected.add(asked.key)
        answer = talk.hear(response)
        assert answer
        assert answer.verdict is RESPONSE

    @pytest.mark.parametrize(
        "counter",
        [
            "usmStatsUnknownUserNames",
            "usmStatsWrongDigests",
            "usmStatsUnsupportedSecLevels",
            "usmStatsDecryptionErrors",
            "usmStatsNotInTimeWindows",
        ],
    )
    def test_no01_a_report_that_anybody_could_send(self, talk: Conversation, counter: str) -> None:
        key = talk.ask().key
        answer = talk.hear(talk.receiver.report(counter, key))
        assert answer == Answer(key, REPORT, detail=counter)
        self.unmoved(talk)

    def test_no01_a_report_of_an_unknown_counter(self, talk: Conversation) -> None:
        key = talk.ask().key
        answer = talk.hear(talk.receiver.report("nonsense", key))
        assert answer == Answer(key, REPORT, detail="an unknown counter")

    def test_no01_a_report_on_something_else_changes_nothing(self, talk: Conversation) -> None:
        report = Receiver(OTHER_ENGINE).report("usmStatsUnknownEngineIDs", 4711)
        assert talk.hear(report) is None
        assert talk.engine.engine_id == talk.receiver.engine_id

    @pytest.mark.parametrize("engine_id", [b"\x80\x00\x1f\x88", b"\x80" + b"x" * 32])
    def test_no01_an_engine_id_that_is_none(self, engine_id: bytes) -> None:
        talk = Conversation()
        key = talk.ask().key
        report = Receiver(engine_id).report("usmStatsUnknownEngineIDs", key)
        answer = talk.hear(report)
        assert answer
        assert answer.verdict is REPORT
        assert talk.engine.engine_id == b""

    def test_no01_a_stranger_cannot_set_the_clock(self, talk: Conversation) -> None:
        liar = Receiver(talk.receiver.engine_id, boots=77, time=5)
        for flags in (0, 1):
            report = liar.report("usmStatsNotInTimeWindows", talk.ask().key, flags=flags)
            spoiled = report[:-1] + bytes((report[-1] ^ 1,)) if flags else report
            talk.hear(spoiled)
        self.unmoved(talk)
        assert talk.receiver.informs[-1].boots == 4

    @pytest.mark.parametrize("data", [b"", b"\x30\x00", b"\x30\x03\x02\x01\x03", b"x" * 60])
    def test_se02_garbage(self, talk: Conversation, data: bytes) -> None:
        with pytest.raises(BerError):
            talk.hear(data)
        self.unmoved(talk)

    def test_se02_every_octet_damaged_in_turn(self, talk: Conversation) -> None:
        asked = talk.ask()
        response = talk.receiver.response(talk.receiver.manager.read(asked.message))
        for position in range(len(response)):
            damaged = bytearray(response)
            damaged[position] ^= 0x55
            try:
                answer = talk.hear(bytes(damaged))
            except BerError:
                continue
            assert answer is None or answer.verdict is not RESPONSE, position
        self.unmoved(talk)


def test_an_inform_that_is_long() -> None:
    talk = Conversation()
    talk.begin()
    long = start_of(1, *[((1, 3, 6, 1, 2, 1, 1, 5, n), 4, bytes(200)) for n in range(10)])
    outgoing = talk.engine.encode(Pdus(long, 3), talk.now)
    assert outgoing
    assert len(outgoing.message) > 2000
    assert talk.receiver.manager.read(outgoing.message).pdu == Pdus(long, 3).inform()
