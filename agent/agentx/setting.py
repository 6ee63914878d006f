"""The SETs of a session: TestSet, CommitSet, UndoSet and CleanupSet (RFC 2741 section 7.2.4).

The master asks again when an answer is late, so each step is taken once, however often it is asked
for, and what was answered is answered again. net-snmp makes of one SET as many TestSet and
CommitSet PDUs as it concerns regions, all with one transactionID; what they test is one transaction
here, and the first CommitSet commits all of it.

A master may forget CleanupSet, and never sends it after UndoSet: what nobody asks for any more is
let go of after a while.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from agent.agentx.codec import encode_response
from agent.agentx.handler import Handler, Transaction
from agent.agentx.pdu import CommitSet, Error, Header, TestSet, UndoSet

__all__ = ["Sets"]

NO_ERROR = 0
RESOURCE_UNAVAILABLE = 13
COMMIT_FAILED = 14
UNDO_FAILED = 15

_MAX_KEPT = 32
"""Transactions that are open, or answered so lately that the master might ask again."""

_Step = tuple[int, int]
"""The type of a PDU, and of TestSet, of which there may be several, the packetID."""


@dataclass(slots=True)
class _Record:
    """A transaction and what was answered."""

    work: Transaction
    expires_at: float
    context: bytes
    tested: list[int] = field(default_factory=list)
    """How many variables each TestSet had."""
    waiting: dict[_Step, list[Header]] = field(default_factory=dict)
    """Who is to hear the outcome of a step that is under way."""
    outcomes: dict[_Step, tuple[int, int]] = field(default_factory=dict)
    ended: bool = False

    @property
    def committing(self) -> bool:
        return _COMMIT in self.waiting or _COMMIT in self.outcomes

    def end(self, *, lost: bool = False) -> None:
        """Let go of it; take back what is changed in part, or was when the session got lost."""
        if self.ended:
            return
        self.ended = True
        error, _ = self.outcomes.get(_COMMIT, (NO_ERROR, 0))
        if error or (lost and _COMMIT in self.waiting):
            self.work.undo(lambda _error, _index: None)
        else:
            self.work.cleanup()


_COMMIT: _Step = CommitSet.TYPE, 0
_UNDO: _Step = UndoSet.TYPE, 0


class Sets:
    """All transactions of one session.

    Args:
        handler: what is set.
        send: takes a response.
        patience: seconds after which a transaction that nobody goes on with is let go of.
    """

    def __init__(self, handler: Handler, send: Callable[[bytes], None], patience: float) -> None:
        self._handler = handler
        self._send = send
        self._patience = patience
        self._records: dict[int, _Record] = {}

    @property
    def deadline(self) -> float | None:
        """When :meth:`expire` is due; None while there is no transaction."""
        return min((record.expires_at for record in self._records.values()), default=None)

    def test(self, header: Header, pdu: TestSet, now: float) -> None:
        """Take a TestSet."""
        step = TestSet.TYPE, header.packet_id
        record = self._records.get(header.transaction_id)
        if record is None or (step not in record.outcomes and step not in record.waiting):
            if record is not None and (record.ended or record.committing):
                # The number was used before.
                self._forget(header.transaction_id)
                record = None
            if record is None:
                record = self._begin(header, pdu.context, now)
                if record is None:
                    return
            elif record.context != pdu.context:
                self._respond(header, Error.PROCESSING_ERROR)
                return
            record.expires_at = now + self._patience
            record.tested.append(len(pdu.varbinds))
            work = record.work
            self._take(record, step, header, partial(work.test, pdu.varbinds))
        else:
            self._again(record, step, header)

    def commit(self, header: Header, now: float) -> None:
        """Take a CommitSet."""
        record = self._records.get(header.transaction_id)
        if record is None or (record.ended and not record.committing):
            self._respond(header, COMMIT_FAILED)
            return
        record.expires_at = now + self._patience
        if record.committing:
            self._again(record, _COMMIT, header)
        else:
            self._take(record, _COMMIT, header, record.work.commit)

    def undo(self, header: Header, now: float) -> None:
        """Take an UndoSet."""
        record = self._records.get(header.transaction_id)
        if record is None or (record.ended and _UNDO not in record.outcomes | record.waiting):
            self._respond(header, UNDO_FAILED)
            return
        record.expires_at = now + self._patience
        if record.ended:
            self._again(record, _UNDO, header)
        else:
            record.ended = True
            self._take(record, _UNDO, header, record.work.undo)

    def clean_up(self, header: Header) -> None:
        """Take a CleanupSet, which has no response."""
        record = self._records.get(header.transaction_id)
        if record is not None:
            record.end()

    def expire(self, now: float) -> None:
        """Let go of what nobody has gone on with."""
        for number, record in list(self._records.items()):
            if record.expires_at > now:
                continue
            if record.waiting:
                # It takes long, but it is at work.
                record.expires_at = now + self._patience
            else:
                self._forget(number)

    def abandon(self) -> None:
        """Take back what is not committed, since the session is lost."""
        for record in self._records.values():
            record.end(lost=True)
        self._records.clear()

    def _begin(self, header: Header, context: bytes, now: float) -> _Record | None:
        if len(self._records) >= _MAX_KEPT:
            idle = (n for n, record in self._records.items() if record.ended and not record.waiting)
            oldest = next(idle, None)
            if oldest is None:
                self._respond(header, RESOURCE_UNAVAILABLE, 1)
                return None
            del self._records[oldest]
        work = self._handler.transaction(context)
        if work is None:
            self._respond(header, Error.UNSUPPORTED_CONTEXT)
            return None
        record = _Record(work, now + self._patience, context)
        self._records[header.transaction_id] = record
        return record

    def _take(
        self,
        record: _Record,
        step: _Step,
        header: Header,
        work: Callable[[Callable[[int, int], None]], None],
    ) -> None:
        record.waiting[step] = [header]
        work(partial(self._done, record, step))

    def _again(self, record: _Record, step: _Step, header: Header) -> None:
        """Answer as before, or together with those who wait for the same."""
        waiting = record.waiting.get(step)
        if waiting is None:
            self._respond(header, *record.outcomes[step])
        elif all(header.packet_id != other.packet_id for other in waiting):
            waiting.append(header)

    def _done(self, record: _Record, step: _Step, error: int, index: int) -> None:
        if step == _COMMIT and index > record.tested[0]:
            # It is in another PDU's list than the one that is answered.
            index = 1
        record.outcomes[step] = error, index
        for header in record.waiting.pop(step, ()):
            self._respond(header, error, index)

    def _forget(self, number: int) -> None:
        self._records.pop(number).end()

    def _respond(self, header: Header, error: int, index: int = 0) -> None:
        self._send(encode_response(header, error=error, index=index))
