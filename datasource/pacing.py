"""How often a source works: when somebody reads, but never more than a fifth of a processor."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import TypeVar

__all__ = ["REST", "SLICE", "pause", "sliced"]

_Item = TypeVar("_Item")

REST = 4.0
"""Seconds of rest for each second of work."""
SLICE = 32
"""SAs, connections or events after which everybody else on the event loop has a turn: about 3 ms of
work."""


async def pause(wanted: asyncio.Event, *, took: float, soonest: float, interval: float) -> None:
    """Wait for the next turn of a source that works over and over.

    Args:
        wanted: is set when somebody reads.
        took: seconds that the last turn took; it is rested from first.
        soonest: seconds to wait at the least, even if somebody reads.
        interval: seconds to wait at the most, unless the rest is longer.
    """
    rest = max(soonest, REST * took)
    await asyncio.sleep(rest)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(max(interval - rest, 0)):
            await wanted.wait()


async def sliced(items: AsyncIterator[_Item]) -> AsyncIterator[_Item]:
    """Give what there is to work on, and everybody else a turn now and then."""
    count = 0
    async for item in items:
        yield item
        if (count := count + 1) % SLICE == 0:
            await asyncio.sleep(0)
