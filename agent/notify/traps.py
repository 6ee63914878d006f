"""Traps: each is sent once, and nobody says whether it arrived."""

from __future__ import annotations

from agent.notify.messages import TrapMessages
from agent.notify.originator import Originator, is_too_large, said_of
from agent.notify.pdus import Pdus
from agent.notify.statistics import Loss
from agent.notify.target import Target
from agent.snmp.limits import QuietLog
from agent.snmp.vacm import Vacm

__all__ = ["TrapOriginator"]

_PAUSE = 1.0
"""Seconds before the system is asked again to send what it could not."""
_TRIES = 4


class TrapOriginator(Originator):
    """Traps to one target.

    What the system cannot send, for want of a route for example, has everything behind it wait.

    Args:
        target: who gets them.
        vacm: says what the target may be told.
        messages: makes them.
        largest: octets of a message at most.
        quiet: where faults are said.
    """

    def __init__(
        self, target: Target, vacm: Vacm, messages: TrapMessages, largest: int, quiet: QuietLog
    ) -> None:
        super().__init__(target, vacm, largest, quiet)
        self.messages = messages
        self._paused_until = float("-inf")
        self._tried: tuple[Pdus | None, int] = None, 0
        """What the system could not send, and how often."""

    def peek(self, now: float) -> bytes | None:
        """Return the next trap."""
        queue = self._queue
        while queue and now >= self._paused_until and self._pacer.ready(now):
            message = self.messages.trap(queue[0], self.source)
            if len(message) <= self._largest:
                return message
            self._drop(Loss.TOO_LARGE, now, queue[0].notification.name)
        return None

    def sent(self, now: float) -> None:
        """Count it, and go on to the next."""
        self._queue.popleft()
        self._pacer.take()
        self._account.statistics.sent += 1
        self._reached(now, proven=False)

    def failed(self, error: OSError, now: float) -> None:
        """Try again in a while, a few times."""
        pdus = self._queue[0]
        if is_too_large(error):
            self._drop(Loss.TOO_LARGE, now, pdus.notification.name)
            return
        self._account.statistics.socket_errors += 1
        self._account.failed(f"notifications wait: {said_of(error)}", now)
        self._paused_until = now + _PAUSE
        tried, times = self._tried
        times = times + 1 if tried is pdus else 1
        self._tried = pdus, times
        if times >= _TRIES:
            self._drop(Loss.SOCKET_ERROR, now, said_of(error))

    def refused(self, error: OSError, now: float) -> None:
        """Say it: nobody will ever know which traps were lost."""
        self._account.statistics.socket_errors += 1
        self._account.failed(f"traps that were sent did not arrive: {said_of(error)}", now)

    def receive(self, data: bytes, now: float) -> None:  # noqa: ARG002
        """Count what nobody has asked for."""
        self._account.statistics.strange_answers += 1

    def wake_at(self) -> float | None:
        """Return when the next trap may be sent."""
        if not self._queue:
            return None
        return max(self._paused_until, self._pacer.ready_at(len(self._queue)))

    def _drop(self, why: Loss, now: float, detail: str) -> None:
        self._queue.popleft()
        self._pacer.take()
        self._account.lost(why, now, detail)
