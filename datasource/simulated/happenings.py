"""What will happen to the simulated gateway, and when: everything is on one heap."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable

__all__ = ["Happenings"]

_FEW = 1000
"""Happenings that are not worth tidying up."""

_Happening = tuple[float, int, Callable[[float], None], Callable[[], bool]]
"""When, a number to tell apart what is at once, what, and whether it still can happen."""


class Happenings:
    """Lets happen what is due, in order of time; at once, in the order in which it was put here."""

    def __init__(self, now: float) -> None:
        self.now = now
        """The time of what is happening; in between, the latest that was asked for."""
        self._heap: list[_Happening] = []
        self._order = 0
        self._tidy_at = _FEW

    def at(
        self,
        time: float,
        happen: Callable[[float], None],
        can_happen: Callable[[], bool] = lambda: True,
    ) -> None:
        """Have this called with its time, unless it cannot happen by then."""
        self._order += 1
        heapq.heappush(self._heap, (time, self._order, happen, can_happen))
        if len(self._heap) > self._tidy_at:
            # An SA that ended early leaves its rekey behind, hours ahead.
            self._heap[:] = [entry for entry in self._heap if entry[3]()]
            heapq.heapify(self._heap)
            self._tidy_at = 2 * len(self._heap) + _FEW

    def after(self, rng: random.Random, mean: float) -> float:
        """Draw when something happens next that happens every ``mean`` seconds or so."""
        return self.now + rng.expovariate(1 / mean)

    def advance(self, now: float, at_most: int | None) -> bool:
        """See :meth:`datasource.simulated.gateway.SimulatedGateway.advance`."""
        heap = self._heap
        while heap and heap[0][0] <= now:
            if at_most is not None:
                if not at_most:
                    return False
                at_most -= 1
            self.now, _, happen, can_happen = heapq.heappop(heap)
            if can_happen():
                happen(self.now)
        self.now = max(self.now, now)
        return True
