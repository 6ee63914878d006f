"""Counts what becomes of the notifications for one target, and says so when that changes."""

from __future__ import annotations

import logging

from agent.notify.statistics import Loss, TargetStatistics
from agent.snmp.limits import QuietLog

__all__ = ["Account"]

_CALM = 10.0
"""Seconds without a fault after which a trap that was sent is taken to have arrived."""
_BY_NATURE = frozenset((Loss.TOO_LARGE, Loss.COUNTER64, Loss.NOT_IN_VIEW))
"""What would be lost again however well the target can be reached."""


class Account:
    """The account of one target.

    Args:
        title: what lines of the log call the target.
        quiet: where they go.
    """

    def __init__(self, title: str, quiet: QuietLog) -> None:
        self.statistics = TargetStatistics()
        self.title = title
        self.is_failing = False
        """Whether notifications were lost since it was reached last."""
        self._quiet = quiet
        self._said: set[Loss] = set()
        self._missed = 0
        self._failed_at = 0.0

    def lost(self, why: Loss, now: float, detail: str = "") -> None:
        """Count a notification that the target is not told of.

        Args:
            why: the reason.
            now: seconds.
            detail: what else is known of the reason.
        """
        self._count(why, 1)
        reason = f"{why.value}: {detail}" if detail else why.value
        if why not in _BY_NATURE:
            self.failed(f"notifications are lost: {reason}", now)
            self._missed += 1
        elif why not in self._said:
            self._said.add(why)
            self._warn(f"some are not sent: {reason}")

    def ended(self, waiting: int) -> None:
        """Count those that nothing becomes of any more."""
        self._count(Loss.CLOSED, waiting)
        self._warn(f"{waiting} were still waiting at the end")

    def failed(self, what: str, now: float) -> None:
        """Note a fault of the way to the target; say so unless that is known."""
        self._failed_at = now
        if not self.is_failing:
            self.is_failing = True
            self._warn(what)

    def reached(self, now: float, *, proven: bool) -> None:
        """Note that something got through, which the target has proven or not."""
        if self.is_failing and (proven or now - self._failed_at >= _CALM):
            missed = f"; {self._missed} were lost" if self._missed else ""
            self._quiet.log(logging.INFO, self.title, "%s: reached again%s", self.title, missed)
            self.is_failing = False
            self._missed = 0

    def _count(self, why: Loss, count: int) -> None:
        dropped = self.statistics.dropped
        dropped[why] = dropped.get(why, 0) + count

    def _warn(self, what: str) -> None:
        self._quiet.log(logging.WARNING, self.title, "%s: %s", self.title, what)
