"""Follows the interfaces of this machine, and tells a tracker.

The kernel tells at once that something has changed. Then everything is read anew, after a moment in
which more may change, and not more often than a fifth of a processor allows: however much changes,
one reading has it all. Now and then it is read unasked, in case that the kernel did not tell.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import time
from collections.abc import Callable
from itertools import islice
from typing import Protocol

from datasource.configuration import Interface, Interfaces
from datasource.interfaces.codec import ADDRESS_GROUPS, ROUTE_GROUPS, RtnetlinkError
from datasource.interfaces.link import Connect, connect, read_interfaces, read_routes, watch
from datasource.model import IpAddress
from datasource.pacing import pause

__all__ = ["PEERS", "InterfaceSource", "Listener"]

PEERS = 1_000
"""Peers whose routes are looked up in one reading; others have their turn in the next."""
_SETTLE = 0.05
"""Seconds in which more may change: what an administrator does is seldom one thing."""
_SOONEST = 0.2
"""Seconds between two readings, at the least."""
_RETRY = 5.0
"""Seconds until the next try, where the kernel does not answer."""
_ADVICE = {
    errno.EAFNOSUPPORT: ": let flowmib have sockets of the family AF_NETLINK",
}

_log = logging.getLogger("flowmib.interfaces")


class Listener(Protocol):
    """What is told: a :class:`~datasource.tracker.Tracker`, or several behind one front."""

    def attach(self, now: float, interfaces: Interfaces) -> None:
        """Take over which interfaces there are: all of them."""

    def routed_peers(self) -> frozenset[IpAddress]:
        """Return the peers for which the interfaces must tell the route."""


class InterfaceSource:
    """Keeps the interfaces of a tracker current.

    Args:
        tracker: is told.
        interval: seconds between readings when nothing changes.
        peers: how many routes are looked up in one reading.
        make: makes sockets; those of another network namespace show that one's interfaces.
        clock: monotonic seconds: the tracker's time.
    """

    def __init__(
        self,
        tracker: Listener,
        *,
        interval: float = 60.0,
        peers: int = PEERS,
        make: Connect = connect,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tracker = tracker
        self._interval = interval
        self._peers = peers
        self._make = make
        self._clock = clock
        self._wanted = asyncio.Event()
        self._changed = False
        self._interfaces: tuple[Interface, ...] = ()
        self._routes: dict[IpAddress, int] = {}
        # Whose routes are to be looked up, first those that have waited longest.
        self._waiting: dict[IpAddress, None] = {}
        self._attached = False
        self._failing = False

    def refresh(self) -> None:
        """Say that the tracker was told what is configured: its peers may be others now. Cheap.

        Before this is called for the first time nothing is read. Otherwise an interface would be
        known before what is configured at it, and to find that would look like news.
        """
        self._changed = True
        self._wanted.set()

    async def run(self) -> None:
        """Follow the interfaces until cancelled."""
        await self._wanted.wait()
        while True:
            self._wanted.clear()
            began = self._clock()
            try:
                await self._follow(began)
            except RtnetlinkError as error:
                self._failed(error)
                await self._pause(began, min(self._interval, _RETRY))

    async def _follow(self, began: float) -> None:
        """Read everything, and wait until it is to be read again."""
        peers = self._tracker.routed_peers()
        groups = ADDRESS_GROUPS | (ROUTE_GROUPS if peers else 0)
        # From before the reading on, so that no change falls between the two.
        with watch(groups, self.refresh, self._make):
            if await self._read(peers):
                self._works()
                self._tell()
            else:
                self.refresh()
            if self._waiting:
                self._wanted.set()
            await self._pause(began, self._interval)

    async def _pause(self, began: float, interval: float) -> None:
        took = self._clock() - began
        await pause(self._wanted, took=took, soonest=_SOONEST, interval=interval)
        await asyncio.sleep(_SETTLE)

    async def _read(self, peers: frozenset[IpAddress]) -> bool:
        """Read the interfaces and some of the routes; False where there is nothing to rely on."""
        changed, self._changed = self._changed, False
        interfaces = await read_interfaces(self._make)
        if interfaces is None:
            return False
        self._interfaces = interfaces
        self._waiting = {peer: None for peer in self._waiting if peer in peers}
        if changed or not self._waiting:
            self._waiting |= dict.fromkeys(peers)
        turn = frozenset(islice(self._waiting, self._peers))
        found = await read_routes(turn, self._make)
        self._waiting = {peer: None for peer in self._waiting if peer not in turn}
        others = peers - turn
        kept = {peer: index for peer, index in self._routes.items() if peer in others}
        self._routes = kept | found
        return True

    def _tell(self) -> None:
        # What is known of the first ones only would make the others look like news later.
        if self._attached or not self._waiting:
            self._attached = True
            self._tracker.attach(self._clock(), Interfaces(self._interfaces, dict(self._routes)))

    # Words ----------------------------------------------------------------------------------------

    def _failed(self, error: RtnetlinkError) -> None:
        if not self._failing:
            self._failing = True
            _log.warning(
                "at which interfaces crypto maps are cannot be told: %s%s",
                error,
                _ADVICE.get(error.errno, ""),
            )

    def _works(self) -> None:
        if self._failing:
            self._failing = False
            _log.info("at which interfaces crypto maps are can be told again")
