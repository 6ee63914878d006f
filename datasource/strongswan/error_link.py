"""The connection to the plugin error-notify, over asyncio.

charon writes to it from the threads that do the work, and waits where nobody reads: some two
hundred records after a reader has stopped, charon stops, too. So records are read as soon as the
event loop turns, and never held back.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
from collections.abc import Callable
from pathlib import Path

from datasource.strongswan.error_notify import ErrorNotifyError, ErrorRecord, ErrorRecords

__all__ = ["follow_error_notify"]

_BACK_OFF = (0.2, 5.0)
_PATIENCE = 10.0

_log = logging.getLogger("flowmib.strongswan")


class _Reader(asyncio.Protocol):
    """Hands out records; :attr:`ended` has what ended the connection."""

    def __init__(self, on_record: Callable[[ErrorRecord], None]) -> None:
        self._on_record = on_record
        self._records = ErrorRecords()
        self._transport: asyncio.BaseTransport | None = None
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        try:
            records = self._records.feed(data)
        except ErrorNotifyError as error:
            self._end(error)
            return
        for record in records:
            self._on_record(record)

    def connection_lost(self, error: Exception | None) -> None:
        self._end(error)

    def _end(self, error: Exception | None) -> None:
        if self._transport is not None:
            self._transport.close()
        if not self.ended.done():
            if error is None:
                self.ended.set_result(None)
            else:
                self.ended.set_exception(error)


async def follow_error_notify(
    path: str | Path,
    on_record: Callable[[ErrorRecord], None],
    *,
    jitter: Callable[[], float] = lambda: random.uniform(0.8, 1.2),
) -> None:
    """Hand out the records of the socket at ``path`` until cancelled, whatever happens to it.

    Args:
        path: the socket. It need not be there.
        on_record: called with every record.
        jitter: gives a factor, about 1, for the delay of a reconnection.
    """
    delay = _BACK_OFF[0]
    said = ""
    while True:
        try:
            await _read(path, on_record)
            delay, problem, level = _BACK_OFF[0], "", logging.INFO
        except (FileNotFoundError, ConnectionRefusedError) as error:
            problem, level = _text(error), logging.INFO
        except (ErrorNotifyError, OSError, TimeoutError) as error:
            problem, level = _text(error), logging.WARNING
        # Once: the plugin may be off for good, and all else works without.
        if problem and problem != said:
            said = problem
            _log.log(
                level,
                "strongSwan: nothing from error-notify at %s: %s. Failures are known from"
                " events and the log alone",
                path,
                problem,
            )
        await asyncio.sleep(delay * jitter())
        delay = min(delay * 2, _BACK_OFF[1])


async def _read(path: str | Path, on_record: Callable[[ErrorRecord], None]) -> None:
    async with asyncio.timeout(_PATIENCE):
        transport, reader = await asyncio.get_running_loop().create_unix_connection(
            lambda: _Reader(on_record), str(path)
        )
    _log.info("strongSwan: error-notify at %s is read", path)
    try:
        await reader.ended
    finally:
        transport.close()


def _text(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    return str(error) or f"no connection within {_PATIENCE:g} s"
