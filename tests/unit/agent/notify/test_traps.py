"""agent.notify.traps, and what agent.notify.originator does for traps and informs alike."""

from __future__ import annotations

import dataclasses
import errno
import logging

import pytest

from agent.config import parse_text
from agent.notify.communities import TrapsV1, V2cMessages
from agent.notify.originator import Originator
from agent.notify.pdus import Pdus
from agent.notify.statistics import Loss
from agent.notify.traps import TrapOriginator
from agent.snmp.limits import QuietLog
from mibs import ber
from tests.originating import COLD_START, LOGGER, number_in, pdus_of, start_of, vacm_of

NO_ROUTE = OSError(errno.ENETUNREACH, "Network is unreachable")
TOO_LARGE = OSError(errno.EMSGSIZE, "Message too long")
REFUSED = ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
CONTEXTS = "".join(f"[[vrf]]\nname = '{name}'\nmarks = ['1']\n" for name in ("red", "blue"))
VIEW = "[[snmp.view]]\nname = 'tunnels'\ninclude = ['1.3.6.1.4.1.9.9.171']\n"


def make(*settings: str, version: str = "2c", largest: int = 65507) -> TrapOriginator:
    lines = "\n".join(settings)
    config = parse_text(
        f"{VIEW}[[notify.target]]\naddress = 'udp:192.0.2.1:162'\ncommunity = 'public'\n"
        f"version = '{version}'\n{lines}",
        "",
    )
    messages = TrapsV1(b"public") if version == "1" else V2cMessages(b"public")
    (target,) = config.notify.targets
    return TrapOriginator(target, vacm_of(config), messages, largest, QuietLog(LOGGER, lambda: 0.0))


def up_times(originator: Originator, now: float) -> list[int]:
    """Send all that may be sent now, and tell what that was."""
    found = []
    while (datagram := originator.peek(now)) is not None:
        found.append(number_in(datagram))
        originator.sent(now)
    return found


class TestWhichItGets:
    def test_no03_its_own_filter(self) -> None:
        originator = make("send = ['ipsec', 'isakmp tunnel stop', 'snmp coldstart']")
        assert not originator.notify(pdus_of(1), 0.0)
        assert originator.notify(Pdus(COLD_START, 2), 0.0)
        assert (originator.statistics.wanted, originator.statistics.queued) == (1, 1)
        assert originator.statistics.dropped == {}

    def test_va04_an_object_out_of_its_view(self) -> None:
        originator = make("view = 'tunnels'")
        assert originator.notify(pdus_of(1), 0.0)
        sys_name = (1, 3, 6, 1, 2, 1, 1, 5, 0), ber.OCTET_STRING, b"gw1"
        assert not originator.notify(Pdus(start_of(2, sys_name), 2), 0.0)
        assert originator.statistics.dropped == {Loss.NOT_IN_VIEW: 1}
        assert up_times(originator, 0.0) == [1]

    def test_va04_a_notification_out_of_its_view_without_objects(self) -> None:
        originator = make("view = 'tunnels'")
        assert not originator.notify(Pdus(COLD_START, 1), 0.0)
        assert originator.statistics.dropped == {Loss.NOT_IN_VIEW: 1}

    def test_no03_only_of_its_contexts(self) -> None:
        red, blue = (dataclasses.replace(start_of(1), context=name) for name in (b"red", b"blue"))
        for settings, wanted in (
            ("", [True, True, True]),
            ("contexts = ['red']", [False, True, False]),
            ("contexts = ['', 'blue']", [True, False, True]),
        ):
            originator = make(settings, CONTEXTS)
            told = [originator.notify(Pdus(one, 1), 0.0) for one in (start_of(1), red, blue)]
            assert told == wanted
            assert originator.statistics.dropped == {}

    @pytest.mark.parametrize(("version", "sent"), [("1", [1]), ("2c", [1, 2])])
    def test_no01_a_counter64_is_not_for_version_1(self, version: str, sent: list[int]) -> None:
        originator = make(version=version)
        octets = (1, 3, 6, 1, 4, 1, 9, 9, 171, 1, 3, 2, 1, 29, 1), ber.COUNTER64, 5
        originator.notify(pdus_of(1), 0.0)
        originator.notify(Pdus(start_of(2, octets), 2), 0.0)
        assert up_times(originator, 0.0) == sent
        assert originator.statistics.dropped == ({Loss.COUNTER64: 1} if version == "1" else {})


class TestQueue:
    def test_no02_the_oldest_are_dropped_when_it_is_full(self) -> None:
        originator = make("queue = 3")
        for number in range(1, 8):
            originator.notify(pdus_of(number), 0.0)
        assert originator.waiting == 3
        assert originator.statistics.dropped == {Loss.QUEUE_FULL: 4}
        assert up_times(originator, 0.0) == [5, 6, 7]

    def test_no02_a_burst_is_paced(self) -> None:
        originator = make("rate = 100")
        for number in range(1, 11):
            originator.notify(pdus_of(number), 0.0)
        assert up_times(originator, 0.0) == [1, 2, 3, 4, 5]
        at = originator.wake_at()
        assert at is not None
        assert 0.0 < at < 0.05
        assert up_times(originator, 0.1) == [6, 7, 8, 9, 10]
        assert originator.wake_at() is None

    def test_no02_a_new_rate_and_filter_after_a_reload(self) -> None:
        originator = make("rate = 1")
        for number in range(1, 6):
            originator.notify(pdus_of(number), 0.0)
        assert up_times(originator, 0.0) == [1]
        changed = make("rate = 1000", "send = ['snmp']")
        originator.adopt(changed.target, changed._vacm)
        assert not originator.notify(pdus_of(9), 0.0)
        assert up_times(originator, 0.0) == [2, 3, 4, 5]

    def test_no02_the_end(self) -> None:
        originator = make()
        originator.end()
        assert originator.statistics.dropped == {}
        for number in range(3):
            originator.notify(pdus_of(number), 0.0)
        assert originator.is_hopeful
        originator.end()
        assert originator.statistics.dropped == {Loss.CLOSED: 3}
        assert originator.peek(0.0) is None


class TestWhatCannotBeSent:
    def test_no02_no_route_makes_it_wait_and_is_tried_again(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, LOGGER.name)
        originator = make()
        for number in (1, 2, 3):
            originator.notify(pdus_of(number), 0.0)
        for now in (0.0, 1.0, 2.0, 3.0):
            assert originator.peek(now)
            originator.failed(NO_ROUTE, now)
            assert originator.peek(now + 0.9) is None
            assert originator.wake_at() == now + 1.0
            assert not originator.is_hopeful
        assert originator.statistics.dropped == {Loss.SOCKET_ERROR: 1}
        assert originator.statistics.socket_errors == 4
        # It has another few tries for the next one.
        assert originator.peek(4.0)
        originator.failed(NO_ROUTE, 4.0)
        assert up_times(originator, 15.0) == [2, 3]
        assert originator.statistics.dropped == {Loss.SOCKET_ERROR: 1}
        assert caplog.messages == [
            "v2c traps to udp:192.0.2.1:162: notifications wait: Network is unreachable",
            "v2c traps to udp:192.0.2.1:162: reached again; 1 were lost",
        ]

    def test_no02_the_one_that_was_tried_may_be_dropped_meanwhile(self) -> None:
        originator = make("queue = 1")
        for number in range(6):
            originator.notify(pdus_of(number), float(number))
            assert originator.peek(float(number))
            originator.failed(NO_ROUTE, float(number))
        assert originator.statistics.dropped == {Loss.QUEUE_FULL: 5}
        assert up_times(originator, 9.0) == [5]

    def test_no02_icmp_is_said_and_nothing_waits(self, caplog: pytest.LogCaptureFixture) -> None:
        originator = make()
        originator.notify(pdus_of(1), 0.0)
        originator.notify(pdus_of(2), 0.0)
        originator.refused(REFUSED, 0.0)
        assert up_times(originator, 0.0) == [1, 2]
        statistics = originator.statistics
        assert (statistics.socket_errors, statistics.sent, statistics.lost) == (1, 2, 0)
        (said,) = caplog.messages
        assert said.endswith(": traps that were sent did not arrive: Connection refused")

    def test_no02_too_large_for_the_configuration(self) -> None:
        originator = make(largest=484)
        text = (1, 3, 6, 1, 2, 1, 1, 5, 0), ber.OCTET_STRING, bytes(400)
        for number in range(200):
            originator.notify(Pdus(start_of(number, text), number), 0.0)
        originator.notify(pdus_of(7), 0.0)
        # However many there are, the event loop has its turn between them.
        assert up_times(originator, 0.0) == []
        assert 0 < originator.statistics.dropped[Loss.TOO_LARGE] < 200
        now = 0.0
        while originator.waiting and not up_times(originator, now):
            now = originator.wake_at() or pytest.fail("it does not go on")
        assert originator.statistics.dropped == {Loss.TOO_LARGE: 200}
        assert originator.statistics.sent == 1

    def test_no02_too_large_for_the_system(self) -> None:
        originator = make()
        originator.notify(pdus_of(1), 0.0)
        originator.notify(pdus_of(2), 0.0)
        assert originator.peek(0.0)
        originator.failed(TOO_LARGE, 0.0)
        assert up_times(originator, 0.0) == [2]
        assert originator.statistics.dropped == {Loss.TOO_LARGE: 1}
        assert originator.statistics.socket_errors == 0


def test_what_nobody_asked_for_is_counted() -> None:
    originator = make()
    originator.receive(b"hello", 0.0)
    assert originator.statistics.strange_answers == 1
