"""agent.agentx.setting: the steps of a SET, once each, whatever the master does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.agentx import pdu as pdus
from agent.agentx.values import INTEGER, VarBind
from tests.agentx_world import ROOT, World

ONE = pdus.TestSet((VarBind((*ROOT, 1), INTEGER, 1),))
TWO = pdus.TestSet((VarBind((*ROOT, 1), INTEGER, 1), VarBind((*ROOT, 2), INTEGER, 1)))
COMMIT, UNDO, CLEANUP = pdus.CommitSet(), pdus.UndoSet(), pdus.CleanupSet()
GOOD = (0, 0)
COMMIT_FAILED, UNDO_FAILED = 14, 15


def test_ax30_31_a_set() -> None:
    world = World()
    assert world.error(ONE) == GOOD
    assert world.error(COMMIT) == GOOD
    world.send(CLEANUP)
    assert world.said() == []
    assert world.handler.log == ["test", "commit", "cleanup"]


@pytest.mark.parametrize("error", [*range(6, 14), 17, 18])
def test_ax30_a_refused_test(error: int) -> None:
    world = World()
    world.handler.errors["test"] = error, 2
    assert world.error(TWO) == (error, 2)
    world.send(CLEANUP)
    assert world.said() == []
    assert world.handler.log == ["test", "cleanup"]


def test_ax31_a_failed_commit_is_undone_and_no_cleanup_comes() -> None:
    world = World(transaction=20.0, idle=1000.0)
    world.handler.errors["commit"] = COMMIT_FAILED, 1
    assert world.error(ONE) == GOOD
    assert world.error(COMMIT) == (COMMIT_FAILED, 1)
    assert world.error(UNDO) == GOOD
    assert world.handler.log == ["test", "commit", "undo"]
    world.wait(20)
    assert world.handler.log == ["test", "commit", "undo"]
    assert world.session.deadline == world.now - 20 + 1000


def test_ax31_an_undo_that_fails() -> None:
    world = World()
    world.handler.errors["undo"] = UNDO_FAILED, 0
    assert world.error(ONE) == GOOD
    assert world.error(COMMIT) == GOOD
    assert world.error(UNDO) == (UNDO_FAILED, 0)


def test_ax31_steps_without_a_test() -> None:
    world = World()
    assert world.error(COMMIT) == (COMMIT_FAILED, 0)
    assert world.error(UNDO) == (UNDO_FAILED, 0)
    world.send(CLEANUP)
    assert world.said() == []
    assert world.handler.log == []


def test_ax31_a_cleanup_after_the_test_ends_it() -> None:
    world = World()
    assert world.error(ONE) == GOOD
    world.send(CLEANUP)
    assert world.error(COMMIT) == (COMMIT_FAILED, 0)
    assert world.error(UNDO) == (UNDO_FAILED, 0)
    assert world.handler.log == ["test", "cleanup"]


def test_ax26_each_step_is_taken_once() -> None:
    world = World()
    for step in (ONE, COMMIT, UNDO):
        first = world.error(step, packet=step.TYPE)
        assert world.error(step, packet=step.TYPE) == first
    world.send(CLEANUP)
    world.send(CLEANUP)
    assert world.handler.log == ["test", "commit", "undo"]
    assert world.error(COMMIT, packet=COMMIT.TYPE) == GOOD


@pytest.mark.parametrize("step", ["test", "commit", "undo"])
def test_ax26_while_a_step_is_under_way_the_master_asks_again(step: str) -> None:
    world = World()
    steps: list[pdus.Pdu] = [ONE, COMMIT, UNDO]
    todo = steps[: ["test", "commit", "undo"].index(step) + 1]
    for pdu in todo[:-1]:
        world.error(pdu)
    world.handler.held = []
    for _ in range(3):
        world.send(todo[-1], packet=42)
    assert world.said() == []
    (let_go,) = world.handler.held
    woken = world.woken
    let_go()
    assert world.woken == woken + 1
    ((header, answer),) = world.said()
    assert (header.packet_id, answer) == (42, pdus.Response())


def test_ax30_the_tests_of_several_regions_are_one_transaction() -> None:
    world = World()
    assert world.error(TWO) == GOOD
    assert world.error(ONE) == GOOD
    assert world.error(COMMIT) == GOOD
    assert world.error(COMMIT) == GOOD
    world.send(CLEANUP)
    world.send(CLEANUP)
    assert world.handler.log == ["test", "test", "commit", "cleanup"]


@pytest.mark.parametrize(("failed", "told"), [(0, 0), (2, 2), (3, 1)])
def test_ax31_the_index_is_one_of_the_pdu_that_is_answered(failed: int, told: int) -> None:
    """net-snmp makes genErr of an error whose index it does not know."""
    world = World()
    world.handler.errors["commit"] = COMMIT_FAILED, failed
    world.error(TWO)
    world.error(ONE)
    assert world.error(COMMIT) == (COMMIT_FAILED, told)


def test_ax30_transactions_are_told_apart() -> None:
    world = World()
    world.error(ONE, transaction=1)
    world.error(ONE, transaction=2)
    world.send(CLEANUP, transaction=1)
    assert world.error(COMMIT, transaction=2) == GOOD
    assert world.error(COMMIT, transaction=1) == (COMMIT_FAILED, 0)


def test_ax30_a_number_may_be_used_again() -> None:
    world = World()
    for _ in range(3):
        world.error(ONE)
        world.error(COMMIT)
        world.send(CLEANUP)
    assert world.handler.log == ["test", "commit", "cleanup"] * 3
    world.error(ONE)
    world.error(COMMIT)
    # This time without the cleanup.
    assert world.error(ONE) == GOOD
    assert world.handler.log[-4:] == ["test", "commit", "cleanup", "test"]


def test_ax31_what_nobody_goes_on_with_expires() -> None:
    world = World(transaction=20.0)
    world.error(ONE)
    world.wait(19)
    assert world.handler.log == ["test"]
    world.wait(1)
    assert world.handler.log == ["test", "cleanup"]
    assert world.error(COMMIT) == (COMMIT_FAILED, 0)


def test_ax31_what_failed_in_part_is_undone_when_it_expires() -> None:
    world = World(transaction=20.0)
    world.handler.errors["commit"] = COMMIT_FAILED, 1
    world.error(ONE)
    world.error(COMMIT)
    world.wait(20)
    assert world.handler.log == ["test", "commit", "undo"]


def test_ax31_what_is_under_way_does_not_expire() -> None:
    world = World(transaction=20.0, idle=1000.0)
    world.error(ONE)
    world.handler.held = []
    world.send(COMMIT)
    world.wait(100)
    world.said()
    assert world.handler.log == ["test", "commit"]
    world.handler.held[0]()
    assert [pdu for _, pdu in world.said()] == [pdus.Response()]


@pytest.mark.parametrize(
    ("steps", "log"),
    [
        ([ONE], ["test", "cleanup"]),
        ([ONE, COMMIT], ["test", "commit", "cleanup"]),
        ([ONE, COMMIT, UNDO], ["test", "commit", "undo"]),
    ],
)
def test_ax32_a_session_that_is_lost(steps: list[pdus.Pdu], log: list[str]) -> None:
    world = World()
    for step in steps:
        world.error(step)
    world.session.lost("broken")
    assert world.handler.log == log


def test_ax32_a_session_that_is_lost_while_it_commits() -> None:
    world = World()
    world.error(ONE)
    world.handler.held = []
    world.send(COMMIT)
    world.session.lost("broken")
    assert world.handler.log == ["test", "commit", "undo"]
    for let_go in world.handler.held:
        let_go()
    assert world.said() == []


def test_ax32_a_failed_commit_whose_undo_never_comes() -> None:
    world = World()
    world.handler.errors["commit"] = COMMIT_FAILED, 1
    world.error(ONE)
    world.error(COMMIT)
    world.session.lost("broken")
    assert world.handler.log == ["test", "commit", "undo"]


def test_ax30_not_more_than_a_few_at_once() -> None:
    world = World(transaction=20.0, idle=1000.0)
    for number in range(32):
        assert world.error(ONE, transaction=number) == GOOD
    assert world.error(ONE, transaction=32) == (13, 1)
    world.send(CLEANUP, transaction=5)
    assert world.error(ONE, transaction=32) == GOOD
    world.wait(20)
    assert world.handler.log.count("cleanup") == 33


_PDUS = st.sampled_from([ONE, TWO, COMMIT, UNDO, CLEANUP])
_STEPS = st.one_of(
    st.tuples(_PDUS, st.integers(1, 3), st.integers(1, 4)),
    st.just("let go"),
    st.just("wait"),
)


@given(st.lists(_STEPS, max_size=40), st.booleans())
def test_ax26_31_32_any_master(steps: list[tuple[pdus.Pdu, int, int] | str], slow: bool) -> None:
    """Each answer is one of a request, none is of a CleanupSet, and nothing is left behind."""
    world = World(transaction=20.0, idle=1000.0)
    if slow:
        world.handler.held = []
    asked: set[tuple[int, int]] = set()
    for step in steps:
        if step == "let go" and world.handler.held:
            world.handler.held.pop(0)()
        elif step == "wait":
            world.wait(7)
        elif not isinstance(step, str):
            pdu, transaction, packet = step
            if pdu is not CLEANUP:
                asked.add((transaction, packet))
            world.send(pdu, transaction=transaction, packet=packet)
        for header, answer in world.said():
            if isinstance(answer, pdus.Response):
                assert (header.transaction_id, header.packet_id) in asked
                assert answer.varbinds == ()
    world.session.lost("broken")
    log = world.handler.log
    ends = log.count("cleanup") + log.count("undo")
    begun = log.count("test")
    # Several tests may be one transaction, and each of those ends once.
    assert ends <= begun
    assert (ends > 0) == (begun > 0)
    assert world.session.deadline is None
