"""sysUpTime of the master, which is the one that managers see below it."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["MasterTime"]


class MasterTime:
    """Tells times as TimeStamps of the master (RFC 2579), once it has said how long it is up.

    Args:
        clock: gives seconds. Up to the first session, up time counts from now.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._started_at = clock()

    def learn(self, up_time: int) -> None:
        """Take note of the master's sysUpTime, in hundredths of a second."""
        self._started_at = self._clock() - up_time / 100

    def time_stamp(self, at: float) -> int:
        """Return sysUpTime at a time of the clock, 0 where it is before the master began.

        It wraps where sysUpTime does (RFC 2578 section 7.1.8).
        """
        return max(int((at - self._started_at) * 100), 0)
