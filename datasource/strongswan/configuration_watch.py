"""Keeps up with a daemon's configuration, over a connection of its own.

The daemon's log tells that a connection was loaded; that one was unloaded, nothing tells. So the
names alone are asked for every second, and everything every minute, for what the names do not show.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

from datasource.control import UnloadError
from datasource.errors import DataSourceError
from datasource.ledger import Ledger
from datasource.pacing import REST, sliced
from datasource.strongswan.catalogue import Catalogue
from datasource.strongswan.fields import ConvertError, section, text, texts
from datasource.strongswan.link import Link, UnknownCommandError
from datasource.strongswan.packet import ViciError
from datasource.strongswan.session import StrongSwanSession
from datasource.strongswan.swanctl_files import SwanctlFiles

__all__ = ["ConfigurationWatch"]

_NAMES_EVERY = 1.0
_ALL_EVERY = 60.0
_SETTLE = 0.1
"""Connections are loaded in a row, and what is unloaded then comes last."""
_BACK_OFF = (0.2, 5.0)
_SECONDS = re.compile(r"(\d{1,9}) seconds?")


class ConfigurationWatch:
    """Tells the tracker, and the session, what connections there are.

    Args:
        tracker: is told what is configured.
        session: gets what the conversion of SAs needs.
        connect: connects to the daemon that is followed.
        swanctl_conf: the file to be read beside; None where none is.
        patience: seconds after which the daemon is taken to hang.
        clock: the tracker's.
        on_configured: called when the tracker has been told.
        on_problem: told of what cannot be understood, and is left out.
    """

    def __init__(
        self,
        tracker: Ledger,
        session: StrongSwanSession,
        connect: Callable[[], Awaitable[Link]],
        *,
        swanctl_conf: str | Path | None,
        patience: float,
        clock: Callable[[], float],
        on_configured: Callable[[], None] = lambda: None,
        on_problem: Callable[[DataSourceError], None],
    ) -> None:
        self.listed_at: float | None = None
        """When everything was asked for last, of this daemon."""
        self._session = session
        self._connect = connect
        self._files = None if swanctl_conf is None else SwanctlFiles(swanctl_conf, on_problem)
        self._patience = patience
        self._clock = clock
        self._on_configured = on_configured
        self._catalogue = Catalogue(tracker, on_problem)
        self._turn = asyncio.Lock()
        self._wanted = asyncio.Event()
        self._reloads = False
        self._knows_algorithms = False
        self._knows_names = True

    def refresh(self) -> None:
        """Something was loaded: ask for everything, soon."""
        self._wanted.set()

    def reload(self) -> None:
        """Ask for everything, and read the file, soon, whether or not anything has changed."""
        self._reloads = True
        self._wanted.set()

    async def began(self, link: Link) -> None:
        """Another daemon is followed, over this connection among others.

        Raises:
            ViciError: the connection failed.
        """
        self.listed_at = None
        self._knows_algorithms, self._knows_names = False, True
        self._catalogue.began(self._clock(), await _age(link))

    async def list(self, link: Link) -> None:
        """Ask for everything, and tell of it.

        Raises:
            ViciError: the connection failed.
        """
        async with self._turn:
            self._wanted.clear()
            reloads, self._reloads = self._reloads, False
            if reloads or not self._knows_algorithms:
                with contextlib.suppress(UnknownCommandError):
                    self._catalogue.algorithms(await link.command("get-algorithms"))
                self._knows_algorithms = True
            self._catalogue.begin_listing()
            async for message in sliced(link.stream("list-conns", "list-conn")):
                self._catalogue.add(message)
            changed = self._catalogue.end_listing()
            self.listed_at = self._clock()
            await self._read_file(anyway=reloads)
            if changed or self._session.wants_connections:
                self._session.connections(self._catalogue.connections)
            self._tell()

    async def run(self) -> None:
        """Keep up with the daemon until cancelled; it has been listed before."""
        delay = _BACK_OFF[0]
        while True:
            # That the daemon is away, others find out as well, and tell.
            with contextlib.suppress(ViciError):
                async with await self._connect() as link:
                    while True:
                        began = self._clock()
                        await self._look(link)
                        delay = _BACK_OFF[0]
                        await self._pause(self._clock() - began)
            await asyncio.sleep(delay)
            delay = min(delay * 2, _BACK_OFF[1])

    async def unload(self, connection: str) -> None:
        """Take a connection out of the running configuration. One that is gone is no error.

        Raises:
            UnloadError: it stays, as far as can be told.
        """
        try:
            async with asyncio.timeout(self._patience), await self._connect() as link:
                answer = await link.command("unload-conn", {"name": connection.encode()})
                if text(answer, "success", "") != "yes":
                    reason = text(answer, "errmsg", "no reason given")
                    if connection in texts(await link.command("get-conns"), "conns"):
                        raise UnloadError(reason)
                await self.list(link)
        except TimeoutError as error:
            raise UnloadError(f"no answer within {self._patience:g} s") from error
        except (ConvertError, ViciError) as error:
            raise UnloadError(str(error)) from error

    async def _pause(self, took: float) -> None:
        await asyncio.sleep(REST * took)
        open_ = self._catalogue.is_due(self._clock())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_BACK_OFF[0] if open_ else _NAMES_EVERY):
                await self._wanted.wait()
                await asyncio.sleep(_SETTLE)

    async def _look(self, link: Link) -> None:
        """Ask for everything where that is due, or else only whether it is."""
        now = self._clock()
        if (
            self._wanted.is_set()
            or self.listed_at is None
            or now - self.listed_at >= _ALL_EVERY
            or self._catalogue.is_due(now)
            or await self._has_other_names(link)
        ):
            await self.list(link)
            return
        async with self._turn:
            if await self._read_file():
                self._tell()

    def _tell(self) -> None:
        if self._catalogue.tell(self._clock()):
            self._on_configured()

    async def _has_other_names(self, link: Link) -> bool:
        if not self._knows_names:
            return False
        try:
            answer = await link.command("get-conns")
            return self._catalogue.has_other_names(texts(answer, "conns"))
        except (UnknownCommandError, ConvertError):
            self._knows_names = False
            return False

    async def _read_file(self, *, anyway: bool = False) -> bool:
        """Read the file where it has changed, or anyway; return whether it was read."""
        declared = None if self._files is None else await self._files.read(anyway=anyway)
        if declared is None:
            return False
        self._catalogue.declare(declared)
        return True


async def _age(link: Link) -> float | None:
    """Return how many seconds a daemon runs, None where it is more than a minute, or not known."""
    with contextlib.suppress(ConvertError, UnknownCommandError):
        running = text(section(await link.command("stats"), "uptime"), "running", "")
        if match := _SECONDS.fullmatch(running):
            return float(match[1])
    return None
