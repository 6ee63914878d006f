"""Passes on what happens to tunnels, as it happens, to all who are to hear of it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from datasource.events import Event
from datasource.tracker import Tracker

__all__ = ["EventPump"]

_AT_ONCE = 32
"""Events between two turns of the event loop: a few milliseconds with every notification made."""


class EventPump:
    """Takes the tracker's events.

    Args:
        tracker: whose events these are. There is one pump for a tracker.
        sinks: each is called with every event, in order; none may raise.
    """

    def __init__(self, tracker: Tracker, sinks: Sequence[Callable[[Event], None]]) -> None:
        self._tracker = tracker
        self._sinks = tuple(sinks)
        self._taken: deque[Event] = deque()
        """Those that are not passed on yet: they must outlast the end of :meth:`run`."""
        self._happened = asyncio.Event()
        self._happened.set()  # there may be some already
        tracker.on_event(self._happened.set)

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await self._happened.wait()
            self._happened.clear()
            self._taken.extend(self._tracker.take_events())
            while self._taken:
                self._pass_on(_AT_ONCE)
                await asyncio.sleep(0)

    def drain(self) -> None:
        """Pass on what is left, at once: nothing else will happen."""
        self._taken.extend(self._tracker.take_events())
        self._pass_on(len(self._taken))

    def _pass_on(self, most: int) -> None:
        for _ in range(min(most, len(self._taken))):
            event = self._taken.popleft()
            for sink in self._sinks:
                sink(event)
