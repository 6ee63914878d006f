"""Runs the simulated gateway beside whoever serves what it shows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from datasource.ledger import Ledger
from datasource.pacing import pause
from datasource.simulated.configuration import DEFAULTS, INTERFACES
from datasource.simulated.gateway import SimulatedGateway
from datasource.tracker import Tracker

__all__ = ["SimulatedSource"]

_SAS_AT_ONCE = 64
"""SAs between two turns of the event loop: about a millisecond of work."""
_HAPPENINGS_AT_ONCE = 16
"""A happening may be a whole peer that comes up: these are about a millisecond, too."""
_SOONEST = 0.1
"""Seconds between two passes that somebody asked for."""


class SimulatedSource:
    """Keeps a tracker up to date with a simulated gateway.

    Args:
        gateway: made with the same tracker.
        tracker: who is told.
        clock: gives seconds, of the clock that the gateway was started by.
        interval: seconds between two passes over all SAs, more where they take long.
    """

    def __init__(
        self,
        gateway: SimulatedGateway,
        tracker: Ledger,
        clock: Callable[[], float],
        *,
        interval: float = 1.0,
    ) -> None:
        self.ready = asyncio.Event()
        """Set when all SAs have been listed once."""
        self._gateway = gateway
        self._tracker = tracker
        self._clock = clock
        self._interval = interval
        self._wanted = asyncio.Event()

    def refresh(self) -> None:
        """Ask for a pass soon. To be called as often as one likes."""
        self._wanted.set()

    def reload_configuration(self) -> None:
        """Nothing: there is no file, and what changes the configuration tells of it."""

    # Control: see datasource.control --------------------------------------------------------------

    @property
    def can_terminate(self) -> bool:
        """Always: nothing can get lost on the way to this gateway."""
        return True

    async def terminate_ike(self, index: int, tracker: Tracker | None = None) -> None:
        """End an IKE tunnel."""
        self._gateway.advance(self._clock())
        self._gateway.terminate_ike((tracker or self._tracker).ike_sas(index))

    async def terminate_ipsec(self, index: int, tracker: Tracker | None = None) -> None:
        """End an IPsec tunnel."""
        self._gateway.advance(self._clock())
        self._gateway.terminate_child((tracker or self._tracker).child_sas(index))

    @property
    def can_unload(self) -> bool:
        """Always."""
        return True

    async def unload(self, connection: str) -> None:
        """Take a connection out of the configuration, for good: there is no file to load it from.

        Its tunnels go on and are replaced as ever. One that ends does not come back.
        """
        now = self._clock()
        self._gateway.advance(now)
        self._gateway.unload(connection)
        self._tracker.configure(now, self._gateway.connections(), DEFAULTS)

    # Work -----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Work until cancelled."""
        now = self._clock()
        self._tracker.configure(now, self._gateway.connections(), DEFAULTS)
        self._tracker.attach(now, INTERFACES)
        self._tracker.enable(enabled=True)
        while True:
            self._wanted.clear()
            began = self._clock()
            await self._pass(began)
            self.ready.set()
            took = self._clock() - began
            await pause(self._wanted, took=took, soonest=_SOONEST, interval=self._interval)

    async def _pass(self, now: float) -> None:
        caught_up = False
        while not caught_up:
            caught_up = self._gateway.advance(now, at_most=_HAPPENINGS_AT_ONCE)
            await asyncio.sleep(0)
        listing = self._tracker.list()
        sas = 0
        for ike in self._gateway.listing(now):
            sas += 1 + len(ike.children)
            if sas > _SAS_AT_ONCE:
                await asyncio.sleep(0)
                sas = 1 + len(ike.children)
            listing.add(now, ike)
        listing.end(now, waited=True)
