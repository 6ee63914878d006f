"""agent.pump: every event once, in order, to everybody, and the loop stays free."""

from __future__ import annotations

import asyncio
import itertools

from agent.pump import EventPump
from datasource.events import EndReason, Event
from datasource.tracker import Tracker
from tests.sas import child, ike


class Heard(list[Event]):
    """A sink that can be waited for."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self._count = count
        self.all = asyncio.Event()

    def __call__(self, event: Event) -> None:
        self.append(event)
        if len(self) == self._count:
            self.all.set()


async def until_all(pump: EventPump, heard: Heard) -> None:
    task = asyncio.create_task(pump.run())
    try:
        async with asyncio.timeout(10):
            await heard.all.wait()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def test_events_go_to_everybody_in_order() -> None:
    async def main() -> None:
        tracker = Tracker()
        first, second = Heard(3), Heard(3)
        pump = EventPump(tracker, (first, second))
        tracker.saw(1, ike(child(1)))
        tracker.ike_down(2, 1, EndReason.NORMAL)
        await until_all(pump, first)
        assert first == second
        assert [event.at for event in first] == [1, 1, 2]

    asyncio.run(main())


def test_events_of_before_it_was_made_are_there_too() -> None:
    async def main() -> None:
        tracker = Tracker()
        tracker.saw(1, ike(child(1)))
        heard = Heard(2)
        await until_all(EventPump(tracker, (heard,)), heard)

    asyncio.run(main())


def test_others_have_their_turn_in_a_storm() -> None:
    async def main() -> None:
        tracker = Tracker()
        heard = Heard(1000)
        turns: list[int] = []

        async def other() -> None:
            while not heard.all.is_set():
                turns.append(len(heard))
                await asyncio.sleep(0)

        tracker.saw(1, ike(*map(child, range(1, 1000))))
        await asyncio.gather(other(), until_all(EventPump(tracker, (heard,)), heard))
        assert max(b - a for a, b in itertools.pairwise(turns)) <= 32

    asyncio.run(main())


def test_what_is_left_is_passed_on_at_the_end() -> None:
    tracker = Tracker()
    heard = Heard(2)
    pump = EventPump(tracker, (heard,))
    tracker.saw(1, ike(child(1)))
    pump.drain()
    pump.drain()
    assert len(heard) == 2


def test_a_storm_that_the_end_cuts_short_is_passed_on_all_the_same() -> None:
    async def main() -> None:
        tracker = Tracker()
        heard = Heard(100)
        tracker.saw(1, ike(*map(child, range(1, 1000))))
        pump = EventPump(tracker, (heard,))
        await until_all(pump, heard)
        assert len(heard) < 1000
        pump.drain()
        assert len(heard) == 1000

    asyncio.run(main())
