"""flowmib with a simulated gateway that stands still once it has been listed.

    python -m benchmarks.still run --source simulated ...

The tables in C that flowmib is measured beside never change; this is flowmib with such a one. Only
the ages of tunnels go on, as they are made of the clock.
"""

from __future__ import annotations

import asyncio
import sys

from agent.cli.main import main
from datasource.simulated import SimulatedSource

_run = SimulatedSource.run


async def _run_once(self: SimulatedSource) -> None:
    running = asyncio.create_task(_run(self))
    await self.ready.wait()
    running.cancel()
    await asyncio.Event().wait()


if __name__ == "__main__":
    SimulatedSource.run = _run_once  # type: ignore[method-assign]
    sys.exit(main())
