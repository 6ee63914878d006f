"""agent.notify.account: a change is said once, everything is counted."""

from __future__ import annotations

import logging

import pytest

from agent.notify.account import Account
from agent.notify.statistics import Loss
from agent.snmp.limits import QuietLog
from tests.originating import LOGGER


@pytest.fixture
def account(caplog: pytest.LogCaptureFixture) -> Account:
    caplog.set_level(logging.DEBUG, LOGGER.name)
    return Account("v2c traps to there", QuietLog(LOGGER, lambda: 0.0))


def test_no02_failing_and_back_are_said_once(
    account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    account.reached(0.0, proven=True)
    for now in range(5):
        account.lost(Loss.NO_ANSWER, float(now), "Connection refused")
    account.lost(Loss.QUEUE_FULL, 5.0)
    for _ in range(3):
        account.reached(6.0, proven=True)
    assert caplog.messages == [
        "v2c traps to there: notifications are lost: no answer: Connection refused",
        "v2c traps to there: reached again; 6 were lost",
    ]
    assert account.statistics.dropped == {Loss.NO_ANSWER: 5, Loss.QUEUE_FULL: 1}
    assert account.statistics.lost == 6
    account.lost(Loss.NO_ANSWER, 7.0)
    account.reached(8.0, proven=True)
    assert caplog.messages[2:] == [
        "v2c traps to there: notifications are lost: no answer",
        "v2c traps to there: reached again; 1 were lost",
    ]


def test_no02_a_trap_that_was_sent_proves_little(
    account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    account.failed("it is not there", 0.0)
    account.reached(9.9, proven=False)
    assert account.is_failing
    account.failed("it is still not there", 5.0)
    account.reached(14.9, proven=False)
    assert account.is_failing
    account.reached(15.0, proven=False)
    assert caplog.messages[1:] == ["v2c traps to there: reached again"]


@pytest.mark.parametrize("why", [Loss.COUNTER64, Loss.NOT_IN_VIEW, Loss.TOO_LARGE])
def test_no02_what_lies_in_the_notification_is_no_fault_of_the_way(
    account: Account, caplog: pytest.LogCaptureFixture, why: Loss
) -> None:
    for _ in range(3):
        account.lost(why, 0.0, "coldStart")
    assert caplog.messages == [f"v2c traps to there: some are not sent: {why.value}: coldStart"]
    assert not account.is_failing
    assert account.statistics.dropped == {why: 3}


def test_no02_the_end(account: Account, caplog: pytest.LogCaptureFixture) -> None:
    account.ended(12)
    assert caplog.messages == ["v2c traps to there: 12 were still waiting at the end"]
    assert account.statistics.dropped == {Loss.CLOSED: 12}
