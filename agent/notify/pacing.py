"""How fast one target is told: the buffer of its socket is small, and bursts are large."""

from __future__ import annotations

__all__ = ["Pacer"]

_BURST = 64
"""A receive buffer of 208 KiB, which Linux gives, holds some 160 small datagrams."""
_BURST_TIME = 0.05
"""Seconds whose share may be sent at once, if that is less."""
_ONE = 0.999
"""A token, since the time that :meth:`Pacer.ready_at` gives is rounded."""


class Pacer:
    """A token bucket.

    Args:
        rate: tokens a second, 1 at least.
    """

    __slots__ = ("_at", "_burst", "_rate", "_tokens")

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._burst = max(1.0, min(_BURST, rate * _BURST_TIME))
        self._tokens = self._burst
        self._at = float("-inf")

    def ready(self, now: float) -> bool:
        """Tell whether there is a token. Time does not go back."""
        if self._tokens < self._burst:
            self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        return self._tokens >= _ONE

    def take(self) -> None:
        """Take a token that is there."""
        self._tokens -= 1.0

    def ready_at(self, wanted: int) -> float:
        """Return when there are so many tokens, or half as many as there can be.

        To wait for a few costs less than to wake up for each.
        """
        missing = min(float(wanted), max(1.0, self._burst / 2)) - self._tokens
        return self._at + max(0.0, missing) / self._rate
