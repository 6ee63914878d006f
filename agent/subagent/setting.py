"""A SET that comes through a master: the steps of ``mibs.transaction``, one PDU each."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from agent.agentx.handler import Done
from agent.agentx.values import VarBind
from agent.snmp.engine import Context
from mibs import ber, transaction
from mibs.access import Access
from mibs.setting import ErrorStatus, SetError

__all__ = ["SetTransaction"]

_audit = logging.getLogger("flowmib.audit")
_FAULTS = (ErrorStatus.GEN_ERR, ErrorStatus.COMMIT_FAILED, ErrorStatus.UNDO_FAILED)
_MAX_LISTED = 4000
"""Characters that a line of the log has of one request."""


class SetTransaction:
    """See :class:`agent.agentx.handler.Transaction`.

    From the first test on it has the turn of whoever sets, up to its last step.

    Args:
        context: what is set.
        access: what of it may be.
        turn: entered while something is set, by one at a time.
        keep: keeps a task until it has ended.
        fault: told of what must not happen.
    """

    def __init__(
        self,
        context: Context,
        access: Access,
        turn: contextlib.AbstractAsyncContextManager[Any],
        keep: Callable[[asyncio.Task[None]], None],
        fault: Callable[[Exception], None],
    ) -> None:
        self._context = context
        self._access = access
        self._turn = turn
        self._keep = keep
        self._fault = fault
        self._stack = contextlib.AsyncExitStack()
        self._has_turn = False
        self._parts: list[tuple[int, transaction.Transaction]] = []
        """The index of the first variable of each test, less one, and its changes."""
        self._wanted: list[transaction.VarBind] = []
        self._last: asyncio.Task[None] | None = None

    def test(self, varbinds: Sequence[VarBind], done: Done) -> None:
        """See whether these can be set."""
        self._step(partial(self._test, [_in_ber(varbind) for varbind in varbinds]), done)

    def commit(self, done: Done) -> None:
        """Make the changes of all tests: those that can be undone first."""
        self._step(self._commit, done)

    def undo(self, done: Done) -> None:
        """Take back what was changed."""
        self._step(self._undo, done)

    def cleanup(self) -> None:
        """Give the turn back."""
        self._step(self._stack.aclose, lambda _error, _index: None)

    def _step(self, work: Callable[[], Awaitable[None]], done: Done) -> None:
        self._last = asyncio.get_running_loop().create_task(self._run(self._last, work, done))
        self._keep(self._last)

    async def _run(
        self, before: asyncio.Task[None] | None, work: Callable[[], Awaitable[None]], done: Done
    ) -> None:
        if before is not None:
            await asyncio.wait((before,))
        try:
            await work()
        except SetError as error:
            if error.status in _FAULTS and isinstance(error.__cause__, Exception):
                self._fault(error.__cause__)
            done(error.status, error.index)
        else:
            done(ErrorStatus.NO_ERROR, 0)

    async def _test(self, varbinds: Sequence[transaction.VarBind]) -> None:
        if not self._has_turn:
            await self._stack.enter_async_context(self._turn)
            self._has_turn = True
        self._context.expire()
        view = self._context.current()
        offset = len(self._wanted)
        self._wanted += varbinds
        try:
            self._parts.append((offset, transaction.test(view, self._access, varbinds)))
        except SetError as error:
            self._tell(error.status, offset + error.index)
            raise

    async def _commit(self) -> None:
        try:
            for offset, part in self._parts:
                with _counted_from(offset):
                    part.apply()
            for offset, part in self._parts:
                with _counted_from(offset):
                    await part.act()
        except SetError as error:
            self._tell(error.status, error.index)
            raise
        finally:
            self._context.expire()
        self._tell(ErrorStatus.NO_ERROR, 0)

    async def _undo(self) -> None:
        failed: SetError | None = None
        for _, part in reversed(self._parts):
            try:
                part.undo()
            except SetError as error:
                failed = error
        self._context.expire()
        await self._stack.aclose()
        self._tell_undone(failed)
        if failed is not None:
            raise failed

    # Words ----------------------------------------------------------------------------------------

    def _tell(self, status: ErrorStatus, index: int) -> None:
        at = f" at {index}" if index else ""
        _audit.info("SET by AgentX: %s: %s%s", self._listed(), status.label, at)

    def _tell_undone(self, failed: SetError | None) -> None:
        status = "undone" if failed is None else failed.status.label
        _audit.info("SET by AgentX: %s: %s", self._listed(), status)

    def _listed(self) -> str:
        tree = self._context.current().tree
        described = transaction.describe(tree, self._wanted)
        return ", ".join(f"{name} = {value}" for name, value in described)[:_MAX_LISTED]


@contextlib.contextmanager
def _counted_from(offset: int) -> Any:
    """Have the index of an error count the variables of all tests."""
    try:
        yield
    except SetError as error:
        raise SetError(error.status, offset + error.index) from error.__cause__


def _in_ber(varbind: VarBind) -> transaction.VarBind:
    name = ber.encode_oid(varbind.name)
    value = varbind.value
    if value is None:
        return name, varbind.type, b""
    encoded = ber.encode_value(varbind.type, value)
    _, start, _ = ber.read_header(encoded, 0, len(encoded))
    return name, varbind.type, encoded[start:]
