"""What answers the requests of the master: the interface between a session and what it serves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from agent.agentx.values import Oid, SearchRange, VarBind

__all__ = ["Done", "Handler", "Reader", "Transaction"]

Done = Callable[[int, int], None]
"""Called once when a step of a SET has ended: with the error, 0 for none, and the index of the
variable that is to blame, counted from 1, or 0. It may be called before the step returns."""


class Reader(Protocol):
    """All variables of one context at one moment. One PDU is answered from one reader.

    Whatever a method raises is told to the master as genErr.
    """

    def get(self, name: Oid) -> VarBind:
        """Return this very instance, or noSuchInstance or noSuchObject under the same name."""

    def next(self, wanted: SearchRange) -> VarBind:
        """Return the first instance of a range, or endOfMibView under the name of its start."""

    def follow(self, start: bytes, end: bytes) -> bytes | None:
        """Return the first variable binding of a range, encoded, if that can be had quickly.

        Start and end are OIDs as they are encoded in network byte order, and so is the binding.
        Where it is None, :meth:`next` is asked.
        """


class Transaction(Protocol):
    """The variables that one SET of a manager wants changed here, step by step (section 7.2.4).

    A step that is asked for while another is under way begins when that one has ended.
    """

    def test(self, varbinds: Sequence[VarBind], done: Done) -> None:
        """See whether these can be set, beside those of an earlier test; change nothing."""

    def commit(self, done: Done) -> None:
        """Change all of them. The index counts the variables of all tests."""

    def undo(self, done: Done) -> None:
        """Take back what was changed; this is the last step."""

    def cleanup(self) -> None:
        """Let go of what is held; this is the last step."""


class Handler(Protocol):
    """What a subagent serves."""

    def reader(self, context: bytes) -> Reader | None:
        """Return what there is now; None if the context is unknown."""

    def transaction(self, context: bytes) -> Transaction | None:
        """Begin a SET; None if the context is unknown."""
