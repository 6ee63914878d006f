"""Sources that are followed for the length of a block."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from datasource.strongswan.source import StrongSwanSource

__all__ = ["following"]


@contextlib.asynccontextmanager
async def following(*sources: StrongSwanSource) -> AsyncIterator[None]:
    """Run them; the block begins when all have listed what there is."""
    tasks = [asyncio.create_task(source.run()) for source in sources]
    try:
        for source in sources:
            await source.ready.wait()
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
