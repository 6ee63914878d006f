"""How much of what strangers can provoke is done: answers to one source, lines in the log.

Whoever may send datagrams may send many, with any source address. Without a limit, the agent would
send as many reports to a victim, or fill a disk.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Limiter", "QuietLog"]

_MINUTE = 60.0


class Limiter:
    """A token bucket for each source address.

    Args:
        rate: tokens that each source gets a second.
        burst: tokens that it can save up, 1 at least.
        clock: monotonic seconds.
        max_sources: sources that are known at a time.

    A source that is unknown has a full bucket. So to be forgotten would fill one's bucket, and
    whoever can send from many addresses could have itself forgotten. Therefore the source that
    has not asked for the longest time is forgotten, allowed or not; and if its bucket was not yet
    full again, the newcomer in its place starts with a single token. Under such a flood, a token
    more than the rate costs ``max_sources`` datagrams, and a newcomer is still answered.
    """

    def __init__(
        self, rate: float, burst: int, clock: Callable[[], float], *, max_sources: int = 4096
    ) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._clock = clock
        self._max_sources = max_sources
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def allow(self, source: str) -> bool:
        """Take a token of this source. Whether there was one."""
        now = self._clock()
        bucket = self._buckets.pop(source, None)
        tokens = self._newcomer(now) if bucket is None else self._filled(bucket, now)
        allowed = tokens >= 1
        self._buckets[source] = _Bucket(tokens - allowed, now)
        return allowed

    def _newcomer(self, now: float) -> float:
        if len(self._buckets) < self._max_sources:
            return self._burst
        _, forgotten = self._buckets.popitem(last=False)
        return self._burst if self._filled(forgotten, now) == self._burst else 1.0

    def _filled(self, bucket: _Bucket, now: float) -> float:
        return min(self._burst, bucket.tokens + (now - bucket.at) * self._rate)


@dataclass(frozen=True, slots=True)
class _Bucket:
    tokens: float
    at: float


class QuietLog:
    """A log of what anybody can provoke, which says at most so many lines a minute of each kind.

    When the minute is over, one line more says how many were left out.

    Args:
        logger: where the lines go.
        clock: monotonic seconds.
        per_minute: lines of a kind in a minute, 1 at least.
    """

    def __init__(
        self, logger: logging.Logger, clock: Callable[[], float], *, per_minute: int = 10
    ) -> None:
        self._logger = logger
        self._clock = clock
        self._per_minute = per_minute
        self._minutes: dict[str, _Minute] = {}

    def log(
        self, level: int, kind: str, message: str, *args: object, exc_info: bool = False
    ) -> None:
        """Say a line, or count it.

        Args:
            level: as of the module ``logging``.
            kind: what is counted together: one of a few words in the code, nothing that was sent.
            message: the line, as of the module ``logging``.
            args: what goes into the line.
            exc_info: whether to add the traceback of the exception that is being handled.
        """
        self.sum_up()
        minute = self._minutes.get(kind)
        if minute is None:
            minute = self._minutes[kind] = _Minute(self._clock() + _MINUTE)
        if minute.said == self._per_minute:
            minute.left_out += 1
            return
        minute.said += 1
        minute.last = level, message % args if args else message
        self._logger.log(level, message, *args, exc_info=exc_info)

    def sum_up(self) -> None:
        """Say what was left out of each minute that is over; to be called every few seconds."""
        now = self._clock()
        over = [kind for kind, minute in self._minutes.items() if minute.ends <= now]
        for kind in over:
            minute = self._minutes.pop(kind)
            if minute.left_out:
                level, line = minute.last
                self._logger.log(
                    level, "%s, %d more like this in the last minute", line, minute.left_out
                )


@dataclass(slots=True)
class _Minute:
    """What was said of a kind since its first line, which began the minute."""

    ends: float
    said: int = 0
    left_out: int = 0
    last: tuple[int, str] = (logging.NOTSET, "")
