"""A strongSwan daemon as a data source: its connections, their failures, and the polling.

There are up to three connections: one for events, one for commands, and now and then one for a
listing that waits for busy SAs, which may take long and must not hold up the others. Beside them
the kernel is asked for what it counts (:mod:`datasource.xfrm`).

The connection for events is the daemon's pulse. While it stands, the daemon is the one whose SAs
are known. When it ends, and nobody listens at the socket any more or somebody else does, its SAs
are gone. A daemon that only does not answer keeps its SAs.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import random
import time
from collections.abc import Callable
from pathlib import Path

from datasource.errors import DataSourceError
from datasource.ledger import Ledger
from datasource.pacing import SLICE, pause, sliced
from datasource.strongswan.configuration_watch import ConfigurationWatch
from datasource.strongswan.error_link import follow_error_notify
from datasource.strongswan.error_notify import ErrorRecord
from datasource.strongswan.fields import ConvertError, section, text
from datasource.strongswan.ike_log import tells_of_configuration
from datasource.strongswan.link import DaemonAbsentError, Link, Process, UnknownCommandError
from datasource.strongswan.listings import Listings
from datasource.strongswan.measured import (
    FAILURES_WITH_LOG,
    MEASURED_IKE,
    MEASURED_IPSEC,
    tracker_for,
)
from datasource.strongswan.packet import Message, ViciError
from datasource.strongswan.session import StrongSwanSession
from datasource.strongswan.termination import Terminator
from datasource.tracker import Tracker
from datasource.xfrm.source import KernelSource

__all__ = [
    "EVENTS",
    "FAILURES_WITH_LOG",
    "MEASURED_IKE",
    "MEASURED_IPSEC",
    "MIN_INTERVAL",
    "StrongSwanSource",
    "tracker_for",
]

EVENTS = ("ike-updown", "child-updown", "ike-rekey", "child-rekey", "ike-update")
_ALERT = "alert"
"""From strongSwan 6.0.3 on; before, error-notify and the log tell the same."""
MIN_INTERVAL = 1.0
"""Seconds between two polls, where nothing else is configured."""
_BACK_OFF = (0.2, 5.0)
_ASK_AGAIN = 300.0
_CONNECTIONS_REST = 2.0
_CLOCK_STEP = 3.0

_log = logging.getLogger("flowmib.strongswan")


class StrongSwanSource:
    """Keeps a tracker up to date with the daemon at a VICI socket.

    Everything here runs on one event loop, that of :meth:`run`; so do the tracker's readers.

    Args:
        tracker: gets everything; see :func:`tracker_for`, which makes the trackers of a group too.
        path: the VICI socket.
        interval: seconds between polls that nobody asked for.
        min_interval: seconds between polls, however often a refresh is asked for.
        log_events: whether to read the daemon's log, the source of all that is known about IKE
            messages. It costs some CPU at both ends.
        kernel: what the kernel counts; None where that is not to be read.
        error_notify: the socket of the plugin error-notify, None where it is not to be used.
        swanctl_conf: the file that the daemon's connections were loaded from, which tells their
            proposals; None where it is not to be read.
        on_configured: called when the tracker has been told what is configured.
        patience: seconds without an answer after which the daemon is taken to hang.
        clock: monotonic seconds: the tracker's time.
        jitter: gives a factor, about 1, for the delay of a reconnection.
    """

    def __init__(
        self,
        tracker: Ledger,
        path: str | Path,
        *,
        interval: float = 5.0,
        min_interval: float = MIN_INTERVAL,
        log_events: bool = True,
        kernel: KernelSource | None = None,
        error_notify: str | Path | None = None,
        swanctl_conf: str | Path | None = None,
        on_configured: Callable[[], None] = lambda: None,
        patience: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = lambda: random.uniform(0.7, 1.0),
    ) -> None:
        self.connected = False
        """Whether the daemon answers."""
        self.ready = asyncio.Event()
        """Set after the first listing, or the first failure to get one."""
        self._tracker = tracker
        self._path = path
        self._interval = interval
        self._min_interval = min_interval
        self._log_events = log_events
        self._kernel = kernel
        self._error_notify = error_notify
        self._patience = patience
        self._clock = clock
        self._jitter = jitter
        self._session = StrongSwanSession(
            tracker,
            log_events=log_events,
            kernel=None if kernel is None else kernel.sas,
            on_problem=self._on_problem,
        )
        self._wanted = asyncio.Event()
        self._daemon: Process | dt.datetime | None = None
        self._followed = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._lost_since: float | None = None
        self._problems: set[str] = set()
        self._certificates_at: float | None = None
        self._has_counters = True
        self._listings = Listings(tracker, self._session, self._connect, clock=clock)
        self._terminator = Terminator(self._connect, self._session, patience)
        self._configuration = ConfigurationWatch(
            tracker,
            self._session,
            self._connect,
            swanctl_conf=swanctl_conf,
            patience=patience,
            clock=clock,
            on_configured=on_configured,
            on_problem=self._on_problem,
        )

    def refresh(self) -> None:
        """Ask for a poll soon. Cheap: to be called at every read."""
        self._wanted.set()

    def reload_configuration(self) -> None:
        """Ask for the configuration soon, all of it."""
        self._configuration.reload()

    async def run(self) -> None:
        """Follow the daemon until cancelled, whatever happens to it."""
        if self._error_notify is None:
            await self._run()
            return
        records = asyncio.create_task(follow_error_notify(self._error_notify, self._error_record))
        try:
            await self._run()
        finally:
            await _end(records)

    async def _run(self) -> None:
        delay = 0.0
        while True:
            began = self._clock()
            try:
                await self._follow()
            except ViciError as error:
                self._lost(error)
                if isinstance(error, DaemonAbsentError):
                    self._gone()
            # A connection that stood is made anew at once: the daemon may have restarted.
            stood = self._clock() - began > _BACK_OFF[1]
            delay = 0 if stood else min(max(delay * 2, _BACK_OFF[0]), _BACK_OFF[1])
            await asyncio.sleep(delay * self._jitter())

    # Control: see datasource.control --------------------------------------------------------------

    @property
    def can_terminate(self) -> bool:
        """Whether the daemon answers."""
        return self.connected

    async def terminate_ike(self, index: int, tracker: Tracker | None = None) -> None:
        """End an IKE tunnel, whether or not its peer answers.

        Raises:
            TerminateError: it goes on.
        """
        await self._terminator.end((tracker or self._tracker).ike_sas(index), child=False)

    async def terminate_ipsec(self, index: int, tracker: Tracker | None = None) -> None:
        """End an IPsec tunnel, as soon as charon lets go of it.

        Raises:
            TerminateError: it goes on.
        """
        await self._terminator.end((tracker or self._tracker).child_sas(index), child=True)

    @property
    def can_unload(self) -> bool:
        """Whether the daemon answers."""
        return self.connected

    async def unload(self, connection: str) -> None:
        """Unload a connection, with all its children.

        Raises:
            UnloadError: it stays.
        """
        await self._configuration.unload(connection)

    # One daemon -----------------------------------------------------------------------------------

    async def _follow(self) -> None:
        """Follow one daemon until its connection for events ends, which raises ViciError."""
        async with await self._open() as events:
            await self._recognize(events)
            await events.register(_ALERT)
            names = (*EVENTS, "log") if self._log_events else EVENTS
            for name in names:
                if not await events.register(name):
                    self._on_problem(DataSourceError(f"the daemon has no event {name}"))
            tasks = [
                asyncio.create_task(self._read_events(events)),
                asyncio.create_task(self._poll_for_ever()),
                asyncio.create_task(self._follow_configuration()),
            ]
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            finally:
                await _end(*tasks)

    async def _open(self) -> Link:
        return await Link.connect(self._path, patience=self._patience, on_problem=self._on_problem)

    async def _connect(self) -> Link:
        """Connect once more to the daemon that is followed."""
        link = await self._open()
        process = link.process()
        if process is not None and isinstance(self._daemon, tuple) and process != self._daemon:
            await link.close()
            raise ViciError("another daemon has taken the socket")
        return link

    async def _recognize(self, link: Link) -> None:
        """Find out whether this is the daemon whose SAs are known."""
        daemon = link.process() or await _up_since(link)
        same = daemon is not None and daemon == self._daemon
        if isinstance(daemon, dt.datetime) and isinstance(self._daemon, dt.datetime):
            # charon computes it anew each time, of two clocks.
            same = abs((daemon - self._daemon).total_seconds()) <= _CLOCK_STEP
        if not same:
            self._gone()
            await self._configuration.began(link)
        self._daemon = daemon
        self._followed = True

    def _gone(self) -> None:
        """The daemon that was followed is no more."""
        if self._followed:
            self._session.restarted(self._clock())
            self._followed = False
            self._daemon = None
            self._certificates_at = None
            self._has_counters = True

    async def _read_events(self, link: Link) -> None:
        count = 0
        try:
            while True:
                name, message = await link.next_event()
                self._session.event(self._clock(), name, message)
                self._set_timer()
                if self._session.wants_connections:
                    self._wanted.set()
                if name == "log" and tells_of_configuration(message):
                    self._configuration.refresh()
                if (count := count + 1) % SLICE == 0:
                    await asyncio.sleep(0)
        finally:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    def _error_record(self, record: ErrorRecord) -> None:
        self._session.error_record(self._clock(), record)
        self._set_timer()

    def _set_timer(self) -> None:
        deadline = self._session.deadline
        if deadline is None or (self._timer is not None and deadline >= self._timer_at):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = deadline
        delay = max(deadline - self._clock(), 0)
        self._timer = asyncio.get_running_loop().call_later(delay, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._session.tick(self._clock())
        self._set_timer()

    # Polling --------------------------------------------------------------------------------------

    async def _poll_for_ever(self) -> None:
        delay = _BACK_OFF[0]
        settling: asyncio.Task[None] | None = None
        try:
            while True:
                try:
                    async with await self._connect() as link:
                        while True:
                            began = self._clock()
                            missing = await self._poll(link)
                            took = self._clock() - began
                            delay = _BACK_OFF[0]
                            self._back()
                            done = settling is None or settling.done()
                            if missing and done and self._clock() >= self._listings.settle_after:
                                settling = asyncio.create_task(self._listings.settle())
                            await pause(
                                self._wanted,
                                took=took,
                                soonest=self._min_interval,
                                interval=self._interval,
                            )
                except ViciError as error:
                    self._lost(error)
                await asyncio.sleep(delay * self._jitter())
                delay = min(delay * 2, _BACK_OFF[1])
        finally:
            if settling is not None:
                await _end(settling)
            if self._kernel is not None:
                await self._kernel.close()

    async def _poll(self, link: Link) -> bool:
        """Ask for everything; return True when an SA that is known was not listed."""
        self._wanted.clear()
        if self._kernel is not None:
            self._kernel.poll()
        if self._configuration.listed_at is None:
            await self._configuration.list(link)
        if self._session.uses_certificates and self._is_due(self._certificates_at):
            await self._list_certificates(link)
        missing = await self._listings.list(link, waited=False)
        listed_at = self._configuration.listed_at
        if self._session.wants_connections and self._is_due(listed_at, _CONNECTIONS_REST):
            await self._configuration.list(link)
            self._wanted.set()
        if self._has_counters:
            try:
                self._session.counters(await link.command("get-counters"))
            except UnknownCommandError:
                self._has_counters = False
        self.ready.set()
        return missing

    def _is_due(self, asked_at: float | None, every: float = _ASK_AGAIN) -> bool:
        return asked_at is None or self._clock() - asked_at >= every

    async def _list_certificates(self, link: Link) -> None:
        self._certificates_at = self._clock()
        arguments: Message = {"type": b"X509", "flag": b"NONE"}
        try:
            listing = link.stream("list-certs", "list-cert", arguments)
            messages = [message async for message in sliced(listing)]
        except UnknownCommandError:
            return
        self._session.certificates(self._clock(), dt.datetime.now(dt.UTC), messages)

    async def _follow_configuration(self) -> None:
        await self.ready.wait()
        await self._configuration.run()

    # Words ----------------------------------------------------------------------------------------

    def _lost(self, error: ViciError) -> None:
        self.connected = False
        self._tracker.enable(enabled=False)
        self.ready.set()
        if self._lost_since is None:
            self._lost_since = self._clock()
            _log.warning("strongSwan at %s is lost: %s", self._path, error)

    def _back(self) -> None:
        if not self.connected:
            self.connected = True
            self._tracker.enable(enabled=True)
            away = "" if self._lost_since is None else f" after {self._away():.1f} s"
            self._lost_since = None
            _log.info("strongSwan at %s answers%s", self._path, away)

    def _away(self) -> float:
        return self._clock() - (self._lost_since or 0)

    def _on_problem(self, problem: DataSourceError) -> None:
        # Once each: what is malformed is so at every poll.
        words = str(problem)
        if words not in self._problems and len(self._problems) < 100:
            self._problems.add(words)
            _log.warning("strongSwan at %s: left out: %s", self._path, words)


async def _end(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _up_since(link: Link) -> dt.datetime | None:
    """Return when the daemon started by its own account, to the second."""
    try:
        since = text(section(await link.command("stats"), "uptime"), "since")
        return dt.datetime.strptime(since, "%b %d %H:%M:%S %Y").replace(tzinfo=dt.UTC)
    except (ConvertError, UnknownCommandError, ValueError):
        return None
