"""Passes on what happens to tunnels, as it happens, to all who are to hear of it."""

from __future__ import annotations

import asyncio
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
        self._happened = asyncio.Event()
        self._happened.set()  # there may be some already
        tracker.on_event(self._happened.set)

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await self._happened.wait()
            self._happened.clear()
            for number, event in enumerate(self._tracker.take_events(), 1):
                for sink in self._sinks:
                    sink(event)
                if number % _AT_ONCE == 0:
                    await asyncio.sleep(0)

    def drain(self) -> None:
        """Pass on what is left, at once: nothing else will happen."""
        for event in self._tracker.take_events():
            for sink in self._sinks:
                sink(event)
