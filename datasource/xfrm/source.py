"""Reads what the kernel counts, over and over, beside whoever follows the IKE daemon.

The counters of SAs go to :class:`KernelSas`, for the daemon's source to take them from. The counts
of failures go to the tracker as they stand in the kernel, which began when its network namespace
did: as an SA's own counters they are there before the agent is. They are told once an SA of the
daemon was found in this kernel, and from then on. So are the failures that two readings show: at
most one for each SA and reading, and one for packets without an SA.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from datasource.failures import IpsecFailure
from datasource.ledger import Ledger
from datasource.model import IpsecFailures
from datasource.pacing import REST
from datasource.reasons import IpsecFailureReason
from datasource.xfrm.codec import Dump, XfrmError
from datasource.xfrm.link import read_sas
from datasource.xfrm.sas import KernelSas
from datasource.xfrm.statistics import failures, parse
from datasource.xfrm.watch import KernelEvent, KernelWatch, NoSaFound

__all__ = ["STATISTICS", "KernelSource"]

STATISTICS = Path("/proc/net/xfrm_stat")
_KINDS = ("protocol_use", "no_sa", "system_capacity")
_OFF = 'or set source.strongswan.kernel to "off"'
_ADVICE = {
    errno.EPERM: f": give flowmib the capability CAP_NET_ADMIN, {_OFF}",
    errno.EAFNOSUPPORT: f": let flowmib have sockets of the family AF_NETLINK, {_OFF}",
    errno.EPROTONOSUPPORT: ": this kernel is without XFRM",
}

_log = logging.getLogger("flowmib.kernel")


class KernelSource:
    """Keeps ``sas`` and a tracker's counts of IPsec failures up to date.

    Args:
        tracker: gets the failures.
        read: reads all SAs; raises XfrmError.
        statistics: the file of the failures.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        tracker: Ledger,
        *,
        read: Callable[[], Awaitable[Dump]] = read_sas,
        statistics: Path = STATISTICS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.sas = KernelSas()
        self._tracker = tracker
        self._read = read
        self._statistics = statistics
        self._clock = clock
        self._watch = KernelWatch()
        self._counted: dict[str, int] = {}
        self._absent: set[str] = set()
        self._reading: asyncio.Task[None] | None = None
        self._not_before = 0.0

    def poll(self) -> None:
        """Begin to read, unless that is under way or the last reading is still to be rested from.

        Returns at once: nobody waits for the kernel.
        """
        idle = self._reading is None or self._reading.done()
        if idle and self._clock() >= self._not_before:
            self._reading = asyncio.create_task(self._poll())

    async def close(self) -> None:
        """End a reading that is under way."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def _poll(self) -> None:
        began = self._clock()
        try:
            dump = await self._read()
        except XfrmError as error:
            self._failed("counters of SAs", error)
        else:
            self._works("counters of SAs")
            self._take(dump)
        now = self._clock()
        self._not_before = now + REST * (now - began)

    def _take(self, dump: Dump) -> None:
        counts = self._failures()
        events = self._watch.update(dump, counts.no_sa)
        self.sas.replace(dump.sas)
        if self.sas.matched:
            self._count(counts)
            for event in events:
                self._tell(event)

    def _tell(self, event: KernelEvent) -> None:
        """Make a failure of what happened between two readings."""
        now = self._clock()
        if isinstance(event, NoSaFound):
            self._tracker.ipsec_failed(IpsecFailure(now, IpsecFailureReason.NO_SA))
            return
        spi, ours = event.sa.spi, event.sa.destination
        # Other daemons and manual keys have SAs in the same kernel.
        if (found := self._tracker.find_spi(spi, ours)) is not None:
            tunnel, peer = found
            reason = IpsecFailureReason.IN_AUTHENTICATION
            self._tracker.ipsec_failed(
                IpsecFailure(now, reason, peer, tunnel, spi, event.source, ours)
            )

    def _failures(self) -> IpsecFailures:
        try:
            text = self._statistics.read_text("ascii", "replace")
            counts = failures(parse(text))
        except OSError as error:
            self._failed("counts of failures", XfrmError(f"{self._statistics}: {error.strerror}"))
        except XfrmError as error:
            self._failed("counts of failures", error)
        else:
            self._works("counts of failures")
            return counts
        return IpsecFailures()

    def _count(self, counts: IpsecFailures) -> None:
        for kind in _KINDS:
            count = getattr(counts, kind)
            if count is None:
                continue
            before = self._counted.get(kind)
            self._counted[kind] = count
            # A count that falls has begun anew somewhere; what is told may not.
            if before is None or count > before:
                self._tracker.count_ipsec_failure(kind, count - (before or 0))

    # Words ----------------------------------------------------------------------------------------

    def _failed(self, what: str, error: XfrmError) -> None:
        if what not in self._absent:
            self._absent.add(what)
            _log.warning(
                "the kernel's %s are absent: %s%s", what, error, _ADVICE.get(error.errno, "")
            )

    def _works(self, what: str) -> None:
        if what in self._absent:
            self._absent.remove(what)
            _log.info("the kernel's %s are there again", what)
