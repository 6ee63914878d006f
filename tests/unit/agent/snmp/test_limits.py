"""agent.snmp.limits: what a flood gets, and what it does not."""

from __future__ import annotations

import logging

import pytest

from agent.snmp.limits import Limiter, QuietLog

ATTACKER, VICTIM, MANAGER = "192.0.2.66", "192.0.2.1", "2001:db8::7"
KIND = "authentication failure"
LOGGER = logging.getLogger("test_limits")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def tokens(limiter: Limiter, source: str) -> int:
    """Take tokens as long as there are any."""
    taken = 0
    while taken < 100 and limiter.allow(source):
        taken += 1
    return taken


class TestLimiter:
    def test_se03_a_burst_and_no_more(self, clock: Clock) -> None:
        limiter = Limiter(2.0, 5, clock)
        assert tokens(limiter, VICTIM) == 5
        assert not limiter.allow(VICTIM)

    def test_se03_time_refills(self, clock: Clock) -> None:
        limiter = Limiter(2.0, 5, clock)
        tokens(limiter, VICTIM)
        clock.now += 0.25
        assert not limiter.allow(VICTIM)
        clock.now += 0.25
        assert tokens(limiter, VICTIM) == 1
        clock.now += 2.0
        assert tokens(limiter, VICTIM) == 4
        clock.now += 3600.0
        assert tokens(limiter, VICTIM) == 5

    def test_se03_a_refused_request_costs_nothing(self, clock: Clock) -> None:
        limiter = Limiter(1.0, 1, clock)
        assert limiter.allow(VICTIM)
        for _ in range(8):
            assert not limiter.allow(VICTIM)
            clock.now += 0.125
        assert limiter.allow(VICTIM)

    def test_se03_in_the_long_run_it_is_the_rate(self, clock: Clock) -> None:
        limiter = Limiter(4.0, 8, clock)
        allowed = 0
        for _ in range(16 * 60):
            allowed += limiter.allow(VICTIM)
            clock.now += 1 / 16
        assert 4 * 60 <= allowed <= 4 * 60 + 8

    def test_se03_each_source_has_a_bucket_of_its_own(self, clock: Clock) -> None:
        limiter = Limiter(1.0, 3, clock)
        assert tokens(limiter, ATTACKER) == 3
        assert tokens(limiter, MANAGER) == 3
        assert not limiter.allow(ATTACKER)

    def test_se03_memory_is_bounded(self, clock: Clock) -> None:
        limiter = Limiter(1.0, 3, clock, max_sources=10)
        for number in range(1000):
            assert limiter.allow(f"source {number}")
            assert len(limiter._buckets) <= 10

    def test_se03_a_flood_does_not_lock_newcomers_out(self, clock: Clock) -> None:
        limiter = Limiter(1.0, 3, clock, max_sources=10)
        for number in range(100):
            tokens(limiter, f"source {number}")
        assert limiter.allow(MANAGER)

    def test_se03_to_be_forgotten_refills_a_bucket_by_one_token_only(self, clock: Clock) -> None:
        limiter = Limiter(1.0, 50, clock, max_sources=10)
        assert tokens(limiter, VICTIM) == 50
        for number in range(10):
            limiter.allow(f"source {number}")
        assert VICTIM not in limiter._buckets
        assert tokens(limiter, VICTIM) == 1

    def test_se03_who_goes_on_asking_is_not_forgotten(self, clock: Clock) -> None:
        limiter = Limiter(1.0, 50, clock, max_sources=10)
        tokens(limiter, VICTIM)
        for number in range(100):
            limiter.allow(f"source {number}")
            assert not limiter.allow(VICTIM)

    def test_se03_after_a_flood_newcomers_start_with_full_buckets(self, clock: Clock) -> None:
        limiter = Limiter(1.0, 5, clock, max_sources=10)
        for number in range(100):
            limiter.allow(f"source {number}")
        clock.now += 5.0
        assert tokens(limiter, MANAGER) == 5


@pytest.fixture
def quiet(clock: Clock) -> QuietLog:
    return QuietLog(LOGGER, clock, per_minute=3)


def fail(quiet: QuietLog, *numbers: int, kind: str = KIND) -> None:
    for number in numbers:
        quiet.log(logging.WARNING, kind, "no %s of 10%% from %d", "digest", number)


class TestQuietLog:
    def test_se03_so_many_lines_a_minute_and_no_more(
        self, quiet: QuietLog, clock: Clock, caplog: pytest.LogCaptureFixture
    ) -> None:
        for number in range(590):
            fail(quiet, number)
            clock.now += 0.1
        assert caplog.messages == [f"no digest of 10% from {number}" for number in (0, 1, 2)]

    def test_se03_then_one_line_tells_how_many_more_there_were(
        self, quiet: QuietLog, clock: Clock, caplog: pytest.LogCaptureFixture
    ) -> None:
        fail(quiet, *range(40))
        clock.now += 59.9
        quiet.sum_up()
        assert len(caplog.messages) == 3
        clock.now += 0.1
        quiet.sum_up()
        assert caplog.messages[3:] == [
            "no digest of 10% from 2, 37 more like this in the last minute"
        ]
        clock.now += 600.0
        quiet.sum_up()
        assert len(caplog.messages) == 4

    def test_se03_the_next_line_of_any_kind_makes_it_tell(
        self, quiet: QuietLog, clock: Clock, caplog: pytest.LogCaptureFixture
    ) -> None:
        fail(quiet, *range(5))
        clock.now += 60.0
        fail(quiet, 99, kind="another")
        assert caplog.messages[3:] == [
            "no digest of 10% from 2, 2 more like this in the last minute",
            "no digest of 10% from 99",
        ]

    def test_se03_a_new_minute_is_a_new_chance(
        self, quiet: QuietLog, clock: Clock, caplog: pytest.LogCaptureFixture
    ) -> None:
        for minute in range(3):
            fail(quiet, *range(10 * minute, 10 * minute + 10))
            clock.now += 60.0
        quiet.sum_up()
        assert [line.rpartition("from ")[2] for line in caplog.messages] == [
            *("0", "1", "2", "2, 7 more like this in the last minute"),
            *("10", "11", "12", "12, 7 more like this in the last minute"),
            *("20", "21", "22", "22, 7 more like this in the last minute"),
        ]
        assert not quiet._minutes

    def test_nothing_is_summed_up_where_nothing_was_left_out(
        self, quiet: QuietLog, clock: Clock, caplog: pytest.LogCaptureFixture
    ) -> None:
        fail(quiet, 1, 2, 3)
        clock.now += 60.0
        quiet.sum_up()
        assert len(caplog.messages) == 3

    def test_kinds_are_counted_each_for_itself(
        self, quiet: QuietLog, caplog: pytest.LogCaptureFixture
    ) -> None:
        fail(quiet, *range(10))
        fail(quiet, *range(100, 110), kind="refused SET")
        assert len(caplog.messages) == 6
        assert caplog.messages[-1].endswith("102")

    def test_a_line_without_arguments_is_said_as_it_is(
        self, quiet: QuietLog, clock: Clock, caplog: pytest.LogCaptureFixture
    ) -> None:
        for _ in range(4):
            quiet.log(logging.ERROR, KIND, "100 %s")
        clock.now += 60.0
        quiet.sum_up()
        assert caplog.messages[2:] == ["100 %s", "100 %s, 1 more like this in the last minute"]

    def test_a_traceback_goes_with_the_line_and_not_with_the_sum(
        self, quiet: QuietLog, clock: Clock, caplog: pytest.LogCaptureFixture
    ) -> None:
        for _ in range(5):
            try:
                _ = 1 // 0
            except ZeroDivisionError:
                quiet.log(logging.ERROR, "genErr", "cannot answer", exc_info=True)
        clock.now += 60.0
        quiet.sum_up()
        assert {record.levelno for record in caplog.records} == {logging.ERROR}
        assert [record.exc_info is not None for record in caplog.records] == [True] * 3 + [False]
        assert "ZeroDivisionError" in caplog.text
