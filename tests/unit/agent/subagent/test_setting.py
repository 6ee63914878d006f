"""agent.subagent: a SET through a master, with what can be taken back and what cannot."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from agent.agentx.values import COUNTER32, INTEGER, OCTET_STRING, Oid, VarBind
from agent.subagent.setting import SetTransaction
from mibs.access import SHOWN, Access
from mibs.setting import ErrorStatus, Irreversible, Reversible, SetError
from mibs.table import Binding, Live
from mibs.tree import Tree
from mibs.view import View, ViewBuilder
from tests.engine import Still
from tests.small_mib import MODULE, ROOT, Small, binding, object_type, small_smi

NUMBER, ACTION, READ_ONLY = ((*ROOT, 200, n, 0) for n in (1, 2, 3))
Outcome = tuple[int, int]


class World:
    """A number that can be set, and an action that takes a while."""

    def __init__(self) -> None:
        self.number = 1
        self.acted = 0
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.turn = asyncio.Lock()
        self.faults: list[Exception] = []
        self.fails: str | None = None
        own = [
            object_type("number", (200, 1), "scalar", access="read-write"),
            object_type("action", (200, 2), "scalar", access="read-write"),
            object_type("fixed", (200, 3), "scalar"),
        ]
        small = binding()
        scalars = (
            Live("number", lambda: self.number, self._set_number),
            Live("action", lambda: 1, self._act_on),
            Live("fixed", lambda: 3),
        )
        bound = Binding(MODULE, (*small.scalars, *scalars), small.tables)
        tree = Tree(small_smi(*own), (bound,))
        self.view: View = ViewBuilder(tree).build(Small(), 0.0)
        self._access = Access(bytes([SHOWN]) * len(tree.spans))
        self._tasks: list[asyncio.Task[None]] = []

    def _set_number(self, value: int) -> Reversible:
        if value > 100:
            raise SetError(ErrorStatus.WRONG_VALUE)
        before = self.number

        def apply() -> None:
            if self.fails == "apply":
                raise OSError("full")
            self.number = value

        def undo() -> None:
            if self.fails == "undo":
                raise OSError("gone")
            self.number = before

        return Reversible(apply, undo)

    def _act_on(self, _value: int) -> Irreversible:
        async def act() -> None:
            await self.go_on.wait()
            if self.fails == "act":
                raise OSError("refused")
            self.acted += 1

        return Irreversible(act)

    def transaction(self) -> SetTransaction:
        context = Still(self.view)
        return SetTransaction(
            context, self._access, self.turn, self._tasks.append, self.faults.append
        )

    async def step(self, take: Callable[..., None], *arguments: object) -> Outcome:
        """Take a step, and wait for its end."""
        outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        take(*arguments, lambda error, index: outcome.set_result((int(error), index)))
        async with asyncio.timeout(10):
            return await outcome

    async def settle(self) -> None:
        await asyncio.gather(*self._tasks)


def lived(test: Callable[[World], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    async def run() -> None:
        await test(World())

    def wrapper() -> None:
        asyncio.run(run())

    wrapper.__name__ = test.__name__
    return wrapper


def wanted(name: Oid, value: int) -> VarBind:
    return VarBind(name, INTEGER, value)


@lived
async def test_ax30_31_all_or_nothing_in_four_steps(world: World) -> None:
    one = world.transaction()
    assert await world.step(one.test, [wanted(NUMBER, 5), wanted(ACTION, 1)]) == (0, 0)
    assert (world.number, world.acted) == (1, 0)
    assert world.turn.locked()
    assert await world.step(one.commit) == (0, 0)
    assert (world.number, world.acted) == (5, 1)
    assert world.turn.locked()
    one.cleanup()
    await world.settle()
    assert not world.turn.locked()


@pytest.mark.parametrize(
    ("varbind", "status"),
    [
        (wanted(NUMBER, 101), ErrorStatus.WRONG_VALUE),
        (VarBind(NUMBER, OCTET_STRING, b"5"), ErrorStatus.WRONG_TYPE),
        (VarBind(NUMBER, COUNTER32, 5), ErrorStatus.WRONG_TYPE),
        (VarBind(NUMBER, 5), ErrorStatus.WRONG_TYPE),
        (wanted((*NUMBER[:-1], 1), 5), ErrorStatus.NO_CREATION),
        (wanted(READ_ONLY, 5), ErrorStatus.NOT_WRITABLE),
        (wanted((1, 3, 6, 1, 9), 5), ErrorStatus.NOT_WRITABLE),
        (wanted((), 5), ErrorStatus.NOT_WRITABLE),
    ],
)
def test_ax30_refused(varbind: VarBind, status: ErrorStatus) -> None:
    async def run() -> None:
        world = World()
        one = world.transaction()
        assert await world.step(one.test, [wanted(ACTION, 1), varbind]) == (status, 2)
        one.cleanup()
        await world.settle()
        assert not world.turn.locked()
        assert world.faults == []

    asyncio.run(run())


@lived
async def test_ax31_a_commit_that_fails_and_its_undo(world: World) -> None:
    world.fails = "act"
    one = world.transaction()
    await world.step(one.test, [wanted(ACTION, 1), wanted(NUMBER, 5)])
    assert await world.step(one.commit) == (ErrorStatus.COMMIT_FAILED, 1)
    assert [str(fault) for fault in world.faults] == ["refused"]
    assert world.number == 5
    assert await world.step(one.undo) == (0, 0)
    assert world.number == 1
    assert not world.turn.locked()


@lived
async def test_ax31_what_cannot_be_taken_back(world: World) -> None:
    one = world.transaction()
    await world.step(one.test, [wanted(ACTION, 1), wanted(NUMBER, 5)])
    assert await world.step(one.commit) == (0, 0)
    assert await world.step(one.undo) == (ErrorStatus.UNDO_FAILED, 0)
    assert (world.number, world.acted) == (1, 1)


@lived
async def test_ax31_the_index_counts_the_variables_of_all_tests(world: World) -> None:
    world.fails = "apply"
    one = world.transaction()
    await world.step(one.test, [wanted(ACTION, 1), wanted(ACTION, 1)][:1])
    assert await world.step(one.test, [wanted(NUMBER, 5)]) == (0, 0)
    assert await world.step(one.commit) == (ErrorStatus.COMMIT_FAILED, 2)
    # What can be taken back is tried before what cannot.
    assert world.acted == 0
    assert await world.step(one.undo) == (0, 0)


@lived
async def test_ax30_one_after_the_other(world: World) -> None:
    one, two = world.transaction(), world.transaction()
    await world.step(one.test, [wanted(NUMBER, 5)])
    waiting = asyncio.create_task(world.step(two.test, [wanted(NUMBER, 6)]))
    await asyncio.sleep(0)
    await world.step(one.commit)
    assert not waiting.done()
    one.cleanup()
    assert await waiting == (0, 0)
    await world.step(two.commit)
    await world.step(two.undo)
    assert world.number == 5


@lived
async def test_ax32_an_undo_waits_for_a_commit_that_is_under_way(world: World) -> None:
    world.go_on.clear()
    one = world.transaction()
    await world.step(one.test, [wanted(NUMBER, 5), wanted(ACTION, 1)])
    committing = asyncio.create_task(world.step(one.commit))
    await asyncio.sleep(0)
    undoing = asyncio.create_task(world.step(one.undo))
    for _ in range(10):
        await asyncio.sleep(0)
    assert world.number == 5
    world.go_on.set()
    assert await committing == (0, 0)
    assert await undoing == (ErrorStatus.UNDO_FAILED, 0)
    assert world.number == 1


def test_every_set_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        world = World()
        one = world.transaction()
        await world.step(one.test, [wanted(NUMBER, 5)])
        await world.step(one.commit)
        await world.step(one.undo)
        two = world.transaction()
        await world.step(two.test, [wanted(NUMBER, 101)])
        two.cleanup()
        await world.settle()

    with caplog.at_level(logging.INFO, logger="flowmib.audit"):
        asyncio.run(run())
    assert [record.getMessage() for record in caplog.records] == [
        "SET by AgentX: number.0 = 5: noError",
        "SET by AgentX: number.0 = 5: undone",
        "SET by AgentX: number.0 = 101: wrongValue at 1",
    ]
