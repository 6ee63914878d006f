"""The notifications for one target: which it gets, and those that wait (RFC 3413 section 3.3).

No socket and no clock is here. Who has them asks :meth:`Originator.peek` for a datagram, says with
:meth:`Originator.sent` or :meth:`Originator.failed` what became of it, and asks again, up to None;
then again at :meth:`Originator.wake_at` or when anything has happened.
"""

from __future__ import annotations

import abc
import errno
from collections import deque

from agent.notify.account import Account
from agent.notify.pacing import Pacer
from agent.notify.pdus import Pdus
from agent.notify.statistics import Loss, TargetStatistics
from agent.notify.target import Target
from agent.snmp.limits import QuietLog
from agent.snmp.security import SecurityModel
from agent.snmp.vacm import Denied, Vacm, ViewType
from mibs.access import Access

__all__ = ["Originator", "is_too_large", "said_of"]


class Originator(abc.ABC):
    """What traps and informs have in common.

    Args:
        target: who gets them.
        vacm: says what the target may be told.
        largest: octets of a message at most.
        quiet: where faults are said.
    """

    def __init__(self, target: Target, vacm: Vacm, largest: int, quiet: QuietLog) -> None:
        self._account = Account(target.title, quiet)
        self._largest = largest
        self._queue: deque[Pdus] = deque()
        self.source = "0.0.0.0"  # noqa: S104 - that it is not known yet
        """Own address that datagrams are sent from; whoever has the socket says it."""
        self.adopt(target, vacm)

    def adopt(self, target: Target, vacm: Vacm) -> None:
        """Go on for a target to which the :attr:`Target.way` is the same."""
        self.target = target
        self._vacm = vacm
        self._accesses: dict[bytes, Access | Denied] = {}
        """By context: what the target may be told there."""
        self._pacer = Pacer(target.rate)

    @property
    def statistics(self) -> TargetStatistics:
        """What has become of all notifications, up to now."""
        statistics = self._account.statistics
        statistics.queued = self.waiting
        return statistics

    @property
    def waiting(self) -> int:
        """How many notifications have not come to their end yet."""
        return len(self._queue)

    @property
    def is_hopeful(self) -> bool:
        """Whether something waits that may come to its end soon."""
        return self.waiting > 0 and not self._account.is_failing

    def notify(self, pdus: Pdus, now: float) -> bool:
        """Take a notification if it is for this target. Whether it was taken."""
        target, account = self.target, self._account
        name = pdus.notification.name
        if not target.wants(name, pdus.notification.context):
            return False
        account.statistics.wanted += 1
        if not self._may_be_told(pdus):
            account.lost(Loss.NOT_IN_VIEW, now, name)
            return False
        if target.model is SecurityModel.V1 and pdus.has_counter64:
            account.lost(Loss.COUNTER64, now, name)
            return False
        if len(self._queue) >= target.queue:
            self._queue.popleft()
            account.lost(Loss.QUEUE_FULL, now)
        self._queue.append(pdus)
        return True

    def _may_be_told(self, pdus: Pdus) -> bool:
        context = pdus.notification.context
        access = self._accesses.get(context)
        if access is None:
            target = self.target
            access = self._accesses[context] = self._vacm.access(
                target.model, target.security_name, target.level, context, ViewType.NOTIFY
            )
        return isinstance(access, Access) and all(map(access.allows, pdus.names))

    def end(self) -> None:
        """Count what waits as lost, because nothing is sent any more."""
        if waiting := self.waiting:
            self._account.ended(waiting)
        self._clear()

    def _clear(self) -> None:
        self._queue.clear()

    def _reached(self, now: float, *, proven: bool) -> None:
        # While a full queue is only just less than full, it is about to lose more.
        if self._account.is_failing and 2 * len(self._queue) <= self.target.queue:
            self._account.reached(now, proven=proven)

    @abc.abstractmethod
    def peek(self, now: float) -> bytes | None:
        """Return the next datagram to send; None if there is none now."""

    @abc.abstractmethod
    def sent(self, now: float) -> None:
        """Note that the datagram of :meth:`peek` was sent."""

    @abc.abstractmethod
    def failed(self, error: OSError, now: float) -> None:
        """Note that the datagram of :meth:`peek` could not be sent."""

    @abc.abstractmethod
    def refused(self, error: OSError, now: float) -> None:
        """Note that some datagram that was sent did not arrive (RFC 1122 section 4.1.3.3)."""

    @abc.abstractmethod
    def receive(self, data: bytes, now: float) -> None:
        """Take a datagram that came from the target."""

    @abc.abstractmethod
    def wake_at(self) -> float | None:
        """Return when :meth:`peek` may have another datagram, if nothing happens before."""


def is_too_large(error: OSError) -> bool:
    """Whether a datagram was refused for its size."""
    return error.errno == errno.EMSGSIZE


def said_of(error: OSError) -> str:
    """Return what the system says of an error."""
    return error.strerror or str(error)
