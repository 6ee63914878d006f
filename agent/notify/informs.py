"""Informs: each is sent until the target says that it has it, or for so many times."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from agent.notify.messages import Answer, InformMessages, Outgoing, Verdict
from agent.notify.originator import Originator, is_too_large, said_of
from agent.notify.pdus import Pdus
from agent.notify.statistics import Loss
from agent.notify.target import Target
from agent.snmp.limits import QuietLog
from agent.snmp.vacm import Vacm
from mibs.ber import BerError
from mibs.setting import ErrorStatus

__all__ = ["InformOriginator"]

_WINDOW = 64
"""Informs that may be under way. What is lost halves it, what arrives adds one."""
_LONGEST_WAIT = 60.0
"""Seconds between two tries, unless the configuration wants more."""
_MAX_AGAIN = 4
"""How often in one try an answer may have a message sent again: to find out who is there, what time
it is, and both once more because it has just started."""
_NEVER = float("inf")


@dataclass(slots=True, eq=False)
class _Inform:
    """An inform that is under way."""

    pdus: Pdus
    keys: dict[int, bool] = field(default_factory=dict)
    """Of all messages for it, any of which may still be answered; whether it was the inform."""
    tries: int = 0
    again: int = 0
    is_sent: bool = False
    """Whether the inform itself was, and not only a question before it."""
    is_done: bool = False
    deadline: float = _NEVER
    why: tuple[Loss, str] = Loss.NO_ANSWER, ""
    """What is to be said if no good answer comes."""


class InformOriginator(Originator):
    """Informs to one target.

    Args:
        target: who gets them.
        vacm: says what the target may be told.
        messages: makes them and understands the answers.
        largest: octets of a message at most.
        quiet: where faults are said.
    """

    def __init__(
        self, target: Target, vacm: Vacm, messages: InformMessages, largest: int, quiet: QuietLog
    ) -> None:
        super().__init__(target, vacm, largest, quiet)
        self.messages = messages
        self._under_way: dict[_Inform, None] = {}
        self._by_key: dict[int, _Inform] = {}
        self._again: deque[_Inform] = deque()
        """Those that are to be sent once more, as soon as it can be."""
        self._window = _WINDOW
        self._next_deadline = _NEVER
        """The first of all, or earlier."""
        self._current: list[tuple[_Inform, Outgoing]] = []
        """What was peeked at, at most one."""
        self._is_stuck = False
        """Whether somebody makes keys, without which nothing goes on."""
        self._icmp = ""

    @property
    def waiting(self) -> int:
        """How many notifications were neither acknowledged nor dropped yet."""
        return len(self._queue) + len(self._under_way)

    def _clear(self) -> None:
        super()._clear()
        for inform in list(self._under_way):
            self._finish(inform)

    # Sending --------------------------------------------------------------------------------------

    def peek(self, now: float) -> bytes | None:
        """Return what is to be sent again, or else a new inform if there may be more under way."""
        if now >= self._next_deadline:
            self._expire(now)
        while (inform := self._next(now)) is not None:
            outgoing = self.messages.encode(inform.pdus, now)
            self._is_stuck = outgoing is None
            if outgoing is None:
                return None
            if len(outgoing.message) <= min(self._largest, self.messages.largest):
                self._current = [(inform, outgoing)]
                return outgoing.message
            self._begin(inform)
            self._drop(inform, now, Loss.TOO_LARGE, inform.pdus.notification.name)
        return None

    def _next(self, now: float) -> _Inform | None:
        while self._again:
            if not self._again[0].is_done:
                return self._again[0]
            # Answered late, but answered.
            self._again.popleft()
        window = self._window if self.messages.is_ready else 1
        if self._queue and len(self._under_way) < window and self._pacer.ready(now):
            return _Inform(self._queue[0])
        return None

    def _begin(self, inform: _Inform) -> None:
        """Take an inform from where :meth:`_next` has found it."""
        if inform in self._under_way:
            self._again.popleft()
        else:
            self._queue.popleft()
            self._pacer.take()
            self._under_way[inform] = None

    def sent(self, now: float) -> None:
        """Wait for its answer."""
        statistics = self._account.statistics
        inform, outgoing = self._departed(now)
        if not outgoing.is_inform:
            return
        if inform.is_sent:
            statistics.retransmitted += 1
        else:
            statistics.sent += 1
            inform.is_sent = True

    def failed(self, error: OSError, now: float) -> None:
        """Try again as if it had been lost on the way."""
        inform, _ = self._departed(now)
        if is_too_large(error):
            self._drop(inform, now, Loss.TOO_LARGE, inform.pdus.notification.name)
            return
        self._account.statistics.socket_errors += 1
        inform.why = Loss.SOCKET_ERROR, said_of(error)

    def _departed(self, now: float) -> tuple[_Inform, Outgoing]:
        inform, outgoing = self._current.pop()
        self._begin(inform)
        if outgoing.key not in self._by_key:
            inform.keys[outgoing.key] = outgoing.is_inform
            self._by_key[outgoing.key] = inform
        if not inform.again:
            inform.tries += 1
            inform.why = Loss.NO_ANSWER, self._icmp
        timeout = self.target.timeout
        wait = min(timeout * 2 ** (inform.tries - 1), max(timeout, _LONGEST_WAIT))
        inform.deadline = now + wait
        self._next_deadline = min(self._next_deadline, inform.deadline)
        return inform, outgoing

    def refused(self, error: OSError, now: float) -> None:  # noqa: ARG002
        """Note it; the inform is sent again in its time."""
        self._account.statistics.socket_errors += 1
        self._icmp = said_of(error)

    # Answers --------------------------------------------------------------------------------------

    def receive(self, data: bytes, now: float) -> None:
        """Take an answer, or count that it is none."""
        try:
            answer = self.messages.decode(data, self._by_key, now)
        except BerError:
            answer = None
        inform = self._by_key.get(answer.key) if answer else None
        if answer is None or inform is None or not self._take(inform, answer, now):
            self._account.statistics.strange_answers += 1

    def _take(self, inform: _Inform, answer: Answer, now: float) -> bool:
        verdict = answer.verdict
        if not inform.keys[answer.key] and (verdict is Verdict.RESPONSE or self.messages.is_ready):
            # Only a question was answered, in whatever way.
            verdict = Verdict.AGAIN
        match verdict:
            case Verdict.RESPONSE:
                if answer.request_id != inform.pdus.request_id:
                    return False
                self._icmp = ""
                self._window = min(_WINDOW, self._window + 1)
                if answer.error_status:
                    status = _label(answer.error_status)
                    self._drop(inform, now, Loss.ERROR_STATUS, status)
                else:
                    self._finish(inform)
                    self._account.statistics.acknowledged += 1
                    self._reached(now, proven=True)
            case Verdict.AGAIN:
                # One that is to be sent again anyway has no deadline.
                if inform.again >= _MAX_AGAIN or inform.deadline == _NEVER:
                    return False
                inform.again += 1
                inform.deadline = _NEVER
                self._again.append(inform)
            case Verdict.REPORT:
                inform.why = Loss.REPORTED, answer.detail
        return True

    def _expire(self, now: float) -> None:
        """See to those that were not answered in time."""
        self._next_deadline = _NEVER
        for inform in list(self._under_way):
            if inform.deadline > now:
                self._next_deadline = min(self._next_deadline, inform.deadline)
            elif inform.tries <= self.target.retries:
                inform.deadline = _NEVER
                inform.again = 0
                self._again.append(inform)
                self._window = max(1, self._window // 2)
            else:
                self._drop(inform, now, *inform.why)
                # Whoever is there now may be another engine.
                self.messages.forget()

    def _drop(self, inform: _Inform, now: float, why: Loss, detail: str) -> None:
        self._finish(inform)
        self._account.lost(why, now, detail)

    def _finish(self, inform: _Inform) -> None:
        inform.is_done = True
        self._under_way.pop(inform, None)
        for key in inform.keys:
            del self._by_key[key]

    # Time -----------------------------------------------------------------------------------------

    def wake_at(self) -> float | None:
        """Return when an answer is overdue, or the next inform may be sent."""
        at = self._next_deadline
        window = self._window if self.messages.is_ready else 1
        if self._queue and len(self._under_way) < window and not self._is_stuck:
            at = min(at, self._pacer.ready_at(len(self._queue)))
        return None if at == _NEVER else at


def _label(error_status: int) -> str:
    try:
        return ErrorStatus(error_status).label
    except ValueError:
        return f"error-status {error_status}"
