"""Listings of all SAs that a daemon has.

Those of every poll leave out SAs that are busy. Which of the missing are dead, listings that wait
for these tell: they may take long, and have a connection of their own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from datasource.ledger import Ledger
from datasource.pacing import REST, sliced
from datasource.strongswan.link import Link
from datasource.strongswan.packet import Message, ViciError
from datasource.strongswan.session import StrongSwanSession

__all__ = ["Listings"]

_WAITING = 10.0
_SETTLE = 0.3

_log = logging.getLogger("flowmib.strongswan")


class Listings:
    """Has the daemon list its SAs.

    Args:
        tracker: is told what is listed.
        session: understands it.
        connect: connects to the daemon that is followed.
        clock: the tracker's.
    """

    def __init__(
        self,
        tracker: Ledger,
        session: StrongSwanSession,
        connect: Callable[[], Awaitable[Link]],
        *,
        clock: Callable[[], float],
    ) -> None:
        self.settle_after = 0.0
        """When :meth:`settle` has rested."""
        self._tracker = tracker
        self._session = session
        self._connect = connect
        self._clock = clock
        self._said_hung = False

    async def list(self, link: Link, *, waited: bool) -> bool:
        """List the SAs, also those that are busy if ``waited``; return whether one was missing."""
        listing = self._tracker.list()
        arguments: Message = {} if waited else {"noblock": b"yes"}
        async for message in sliced(link.stream("list-sas", "list-sa", arguments)):
            self._session.listed(self._clock(), listing, message)
        if not waited:  # the two kinds overlap; only one of them tells what is gone
            self._session.listing_ended()
        return listing.end(self._clock(), waited=waited)

    async def settle(self) -> None:
        """Find out whether missing SAs are dead, with listings that wait for busy SAs."""
        began = self._clock()
        try:
            async with asyncio.timeout(_WAITING), await self._connect() as link:
                # What two listings in a row do not have is dead.
                if await self.list(link, waited=True):
                    await asyncio.sleep(_SETTLE)
                    await self.list(link, waited=True)
                self._said_hung = False
        except (TimeoutError, ViciError) as error:
            if not self._said_hung:
                self._said_hung = True
                words = str(error) or f"no end within {_WAITING:g} s"
                _log.warning("strongSwan: a listing of all SAs did not end: %s", words)
        took = self._clock() - began - _SETTLE
        self.settle_after = self._clock() + REST * max(took, 0)
