"""agent.notify.informs: tries, the window, and what becomes of each inform."""

from __future__ import annotations

import errno
import itertools
import logging

import pytest

from agent.config import parse_text
from agent.notify.communities import V2cMessages
from agent.notify.engines import RemoteEngine
from agent.notify.informs import InformOriginator
from agent.notify.messages import InformMessages
from agent.notify.pdus import Pdus
from agent.notify.statistics import Loss
from agent.snmp.limits import QuietLog
from agent.snmp.message import RESPONSE, encode_pdu
from agent.snmp.security import SecurityLevel
from agent.snmp.usm.users import Secret, UserSettings, make_user
from mibs import ber
from tests.inform_receiver import Receiver
from tests.originating import LOGGER, make_encoder, number_in, pdus_of, start_of, vacm_of

NO_ROUTE = OSError(errno.ENETUNREACH, "Network is unreachable")
REFUSED = ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
TOO_LARGE = OSError(errno.EMSGSIZE, "Message too long")
TITLE = "v2c informs to udp:192.0.2.1:162: "


def make(
    *settings: str, messages: InformMessages | None = None, largest: int = 65507
) -> InformOriginator:
    lines = "\n".join(settings)
    config = parse_text(
        "[[notify.target]]\naddress = 'udp:192.0.2.1:162'\ncommunity = 'public'\ninform = true\n"
        f"rate = 100000\n{lines}",
        "",
    )
    (target,) = config.notify.targets
    return InformOriginator(
        target,
        vacm_of(config),
        messages or V2cMessages(b"public"),
        largest,
        QuietLog(LOGGER, lambda: 0.0),
    )


def filled(count: int, *settings: str) -> InformOriginator:
    originator = make(*settings)
    for number in range(1, count + 1):
        originator.notify(pdus_of(number), 0.0)
    return originator


def sent(originator: InformOriginator, now: float) -> list[int]:
    """Send all that may be sent now, and tell what that was."""
    found = []
    while (datagram := originator.peek(now)) is not None:
        found.append(number_in(datagram))
        originator.sent(now)
    return found


def response(number: int, error_status: int = 0) -> bytes:
    pdu = encode_pdu(RESPONSE, ber.encode_integer(number), b"", error_status=error_status)
    return ber.encode_tlv(0x30, b"\x02\x01\x01\x04\x06public" + pdu)


class TestTries:
    def test_no02_it_is_repeated_ever_later_and_then_given_up(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        originator = filled(1, "timeout = 2", "retries = 3")
        times = []
        now: float | None = 0.0
        while now is not None:
            if sent(originator, now):
                times.append(now)
            now = originator.wake_at()
        assert times == [0, 2, 2 + 4, 2 + 4 + 8]
        statistics = originator.statistics
        assert (statistics.sent, statistics.retransmitted) == (1, 3)
        assert statistics.dropped == {Loss.NO_ANSWER: 1}
        assert statistics.queued == 0
        assert caplog.messages == [TITLE + "notifications are lost: no answer"]

    def test_no02_no_repetition(self) -> None:
        originator = filled(1, "timeout = 2", "retries = 0")
        assert sent(originator, 0.0) == [1]
        assert sent(originator, 2.0) == []
        assert originator.statistics.dropped == {Loss.NO_ANSWER: 1}

    def test_no02_the_wait_is_bounded(self) -> None:
        originator = filled(1, "timeout = 50", "retries = 20")
        gaps = []
        now = 0.0
        while sent(originator, now):
            at = originator.wake_at()
            assert at is not None
            gaps.append(at - now)
            now = at
        assert gaps == [50.0] + [60.0] * 20

    @pytest.mark.parametrize("tries", [1, 2, 4])
    def test_no02_any_try_may_be_answered(self, tries: int) -> None:
        originator = filled(1)
        now = 0.0
        for _ in range(tries):
            assert sent(originator, now) == [1]
            now = originator.wake_at() or 0.0
        originator.receive(response(1), now)
        assert sent(originator, now + 1000) == []
        assert originator.statistics.acknowledged == 1
        assert originator.statistics.dropped == {}

    def test_no02_an_answer_that_comes_when_it_is_to_be_repeated(self) -> None:
        originator = filled(1)
        sent(originator, 0.0)
        assert originator.peek(5.0)
        originator.receive(response(1), 5.0)
        assert originator.peek(5.0) is None
        assert originator.statistics.acknowledged == 1

    def test_no02_a_second_answer_is_none(self) -> None:
        originator = filled(1)
        sent(originator, 0.0)
        originator.receive(response(1), 0.1)
        originator.receive(response(1), 0.1)
        assert originator.statistics.acknowledged == 1
        assert originator.statistics.strange_answers == 1

    @pytest.mark.parametrize("data", [b"", b"garbage", response(2), response(1)[:-1]])
    def test_se02_what_is_no_answer_is_only_counted(self, data: bytes) -> None:
        originator = filled(1)
        sent(originator, 0.0)
        originator.receive(data, 0.1)
        assert originator.statistics.strange_answers == 1
        assert originator.waiting == 1
        originator.receive(response(1), 0.2)
        assert originator.statistics.acknowledged == 1

    @pytest.mark.parametrize(
        ("status", "said"), [(5, "genErr"), (16, "authorizationError"), (99, "error-status 99")]
    )
    def test_no02_an_error_is_final(
        self, status: int, said: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        originator = filled(1)
        sent(originator, 0.0)
        originator.receive(response(1, status), 0.1)
        assert originator.statistics.dropped == {Loss.ERROR_STATUS: 1}
        assert originator.waiting == 0
        assert caplog.messages == [
            TITLE + "notifications are lost: it answers with an error: " + said
        ]


class TestWindow:
    def test_no02_several_are_under_way(self) -> None:
        originator = filled(200)
        assert sent(originator, 0.0) == list(range(1, 65))
        assert (originator.waiting, originator.statistics.queued) == (200, 200)
        for number in (3, 1, 64):
            originator.receive(response(number), 0.1)
        assert sent(originator, 0.1) == [65, 66, 67]

    def test_no02_what_is_lost_halves_it_and_what_arrives_widens_it(self) -> None:
        originator = filled(1000, "timeout = 1")
        first = sent(originator, 0.0)
        for number in first[1:]:
            originator.receive(response(number), 0.1)
        under_way = sent(originator, 0.1)
        assert len(under_way) == 63
        # One was lost. It is repeated, and there is nothing new.
        assert sent(originator, 1.0) == [1]
        for number in under_way[:15]:
            originator.receive(response(number), 1.0)
        assert sent(originator, 1.0) == []
        for number in under_way[15:31]:
            originator.receive(response(number), 1.0)
        assert len(sent(originator, 1.0)) == 30

    def test_no02_a_dead_target_gets_one_at_a_time_in_the_end(self) -> None:
        originator = filled(500, "timeout = 1", "retries = 1")
        now = 0.0
        while originator.statistics.lost < 100:
            sent(originator, now)
            now = originator.wake_at() or pytest.fail("it gives up")
        assert len(originator._under_way) == 1
        assert originator.waiting == 500 - originator.statistics.lost

    def test_no02_it_recovers_at_once_when_the_target_is_back(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, LOGGER.name)
        originator = filled(500, "timeout = 1", "retries = 1")
        now = 0.0
        while originator.statistics.lost < 100:
            sent(originator, now)
            now = originator.wake_at() or pytest.fail("it gives up")
        rounds = 0
        while originator.waiting:
            for number in sent(originator, now):
                originator.receive(response(number), now)
            now = max(now + 0.01, originator.wake_at() or 0.0)
            rounds += 1
        assert rounds < 30
        statistics = originator.statistics
        assert statistics.acknowledged + statistics.lost == 500
        assert caplog.messages == [
            TITLE + "notifications are lost: no answer",
            f"{TITLE}reached again; {statistics.lost} were lost",
        ]

    def test_no02_a_full_queue_drops_the_oldest_that_wait(self) -> None:
        originator = filled(100, "queue = 10")
        assert originator.statistics.dropped == {Loss.QUEUE_FULL: 90}
        assert sent(originator, 0.0) == list(range(91, 101))
        for number in range(101, 121):
            originator.notify(pdus_of(number), 0.0)
        assert originator.statistics.dropped == {Loss.QUEUE_FULL: 100}
        # Those that are under way are not in the queue.
        assert originator.waiting == 20

    def test_no02_the_end(self) -> None:
        originator = filled(100)
        sent(originator, 0.0)
        originator.receive(response(1), 0.0)
        originator.end()
        assert originator.statistics.dropped == {Loss.CLOSED: 99}
        assert (originator.waiting, originator.wake_at()) == (0, 5.0)
        assert originator.peek(5.0) is None
        assert originator.wake_at() is None
        originator.receive(response(2), 0.0)
        assert originator.statistics.acknowledged == 1


class TestSocket:
    def test_no02_no_route_counts_as_a_try(self, caplog: pytest.LogCaptureFixture) -> None:
        originator = filled(1, "timeout = 1", "retries = 1")
        for now in (0.0, 1.0):
            assert originator.peek(now)
            originator.failed(NO_ROUTE, now)
            assert originator.peek(now) is None
        assert originator.peek(3.0) is None
        statistics = originator.statistics
        assert (statistics.sent, statistics.socket_errors) == (0, 2)
        assert statistics.dropped == {Loss.SOCKET_ERROR: 1}
        assert caplog.messages == [
            TITLE + "notifications are lost: they cannot be sent: Network is unreachable"
        ]

    def test_no02_icmp_is_no_death_sentence(self, caplog: pytest.LogCaptureFixture) -> None:
        originator = filled(1, "timeout = 1", "retries = 1")
        sent(originator, 0.0)
        originator.refused(REFUSED, 0.0)
        assert originator.waiting == 1
        assert sent(originator, 1.0) == [1]
        originator.refused(REFUSED, 1.0)
        sent(originator, 3.0)
        assert originator.statistics.socket_errors == 2
        assert originator.statistics.dropped == {Loss.NO_ANSWER: 1}
        assert caplog.messages == [TITLE + "notifications are lost: no answer: Connection refused"]

    @pytest.mark.parametrize("by", ["configuration", "system"])
    def test_no02_too_large(self, by: str) -> None:
        originator = make(largest=484 if by == "configuration" else 65507)
        text = (1, 3, 6, 1, 2, 1, 1, 5, 0), ber.OCTET_STRING, bytes(400)
        originator.notify(Pdus(start_of(1, text), 1), 0.0)
        originator.notify(pdus_of(2), 0.0)
        if by == "system":
            assert originator.peek(0.0)
            originator.failed(TOO_LARGE, 0.0)
        assert sent(originator, 0.0) == [2]
        assert originator.statistics.dropped == {Loss.TOO_LARGE: 1}
        assert originator.statistics.sent == 1


class TestVersion3:
    """With an engine to be found out about."""

    @staticmethod
    def make(*settings: str) -> tuple[InformOriginator, RemoteEngine]:
        user = UserSettings(
            "admin",
            "SHA-256",
            Secret("maplesyrup"),
            "AES-128",
            Secret("pancakes with butter"),
        )
        engine = RemoteEngine(make_encoder(), user, SecurityLevel.AUTH_PRIV, itertools.count(1000))
        return make(*settings, messages=engine), engine

    @staticmethod
    def exchange(
        originator: InformOriginator, engine: RemoteEngine, receiver: Receiver, now: float
    ) -> int:
        """Send all that may be sent now and have it answered; return how much that was."""
        datagrams = []
        while (datagram := originator.peek(now)) is not None:
            originator.sent(now)
            datagrams.append(datagram)
        for datagram in datagrams:
            originator.receive(receiver.answer(datagram), now)
        if engine.wants_keys:
            engine.set_keys(make_user(engine.user, engine.engine_id), engine.user, engine.engine_id)
        return len(datagrams)

    def test_no01_one_asks_and_the_others_wait(self) -> None:
        originator, engine = self.make()
        receiver = Receiver()
        for number in range(1, 11):
            originator.notify(pdus_of(number), 0.0)
        assert [self.exchange(originator, engine, receiver, 0.0) for _ in range(4)] == [1, 1, 10, 0]
        statistics = originator.statistics
        assert (statistics.sent, statistics.retransmitted, statistics.acknowledged) == (10, 0, 10)
        assert [inform.request_id for inform in receiver.informs] == list(range(1, 11))

    def test_no02_it_sleeps_while_keys_are_made(self) -> None:
        originator, engine = self.make()
        originator.notify(pdus_of(1), 0.0)
        originator.notify(pdus_of(2), 0.0)
        datagram = originator.peek(0.0)
        assert datagram
        originator.sent(0.0)
        originator.receive(Receiver().answer(datagram), 0.0)
        assert originator.peek(0.0) is None
        assert engine.wants_keys
        assert originator.wake_at() in (None, 5.0)
        assert originator.peek(100.0) is None
        assert originator.wake_at() is None
        assert originator.statistics.lost == 0

    def test_no02_all_that_is_under_way_survives_a_restart_of_the_receiver(self) -> None:
        originator, engine = self.make("timeout = 1", "retries = 0")
        receiver = Receiver()
        originator.notify(pdus_of(0), 0.0)
        while originator.waiting:
            self.exchange(originator, engine, receiver, 0.0)
        receiver.boots, receiver.time = 9, 0
        for number in range(1, 41):
            originator.notify(pdus_of(number), 10.0)
        rounds = 0
        while self.exchange(originator, engine, receiver, 10.0):
            rounds += 1
        assert rounds == 2
        statistics = originator.statistics
        assert (statistics.acknowledged, statistics.retransmitted) == (41, 40)
        assert statistics.dropped == {}

    def test_no01_a_question_that_is_answered_acknowledges_nothing(self) -> None:
        originator, engine = self.make()
        # For an engine that has never booted, the question is right in time.
        receiver = Receiver(boots=0, time=0)
        originator.notify(pdus_of(1), 0.0)
        assert [self.exchange(originator, engine, receiver, 0.0) for _ in range(2)] == [1, 1]
        assert (originator.statistics.acknowledged, originator.waiting) == (0, 1)
        # The answer to a question has not the privacy that an answer to an inform needs.
        assert self.exchange(originator, engine, receiver, 5.0) == 1
        assert originator.statistics.acknowledged == 1
        assert len(receiver.informs) == 1

    def test_no02_a_report_that_comes_every_time(self, caplog: pytest.LogCaptureFixture) -> None:
        originator, engine = self.make("timeout = 1", "retries = 1")
        receiver = Receiver()
        originator.notify(pdus_of(1), 0.0)
        while not engine.is_ready:
            self.exchange(originator, engine, receiver, 0.0)
        now = 0.0
        while originator.waiting:
            datagram = originator.peek(now)
            if datagram:
                originator.sent(now)
                key = receiver.msg_id_of(datagram)
                originator.receive(receiver.report("usmStatsUnknownUserNames", key), now)
            now = originator.wake_at() or now
        assert originator.statistics.dropped == {Loss.REPORTED: 1}
        (said,) = caplog.messages
        assert said.endswith("it answers with a Report: usmStatsUnknownUserNames")

    def test_no02_an_engine_that_never_knows_itself_is_asked_a_few_times_only(self) -> None:
        originator, engine = self.make("timeout = 1", "retries = 1")
        receiver = Receiver()
        originator.notify(pdus_of(1), 0.0)
        asked = 0
        now: float | None = 0.0
        while now is not None:
            while (datagram := originator.peek(now)) is not None:
                originator.sent(now)
                asked += 1
                key = receiver.msg_id_of(datagram)
                originator.receive(receiver.report("usmStatsUnknownEngineIDs", key), now)
                if engine.wants_keys:
                    user = make_user(engine.user, engine.engine_id)
                    engine.set_keys(user, engine.user, engine.engine_id)
            now = originator.wake_at()
        assert asked == 2 * (1 + 4)
        assert originator.statistics.dropped == {Loss.NO_ANSWER: 1}
        # And then everything begins anew.
        assert engine.engine_id == b""
