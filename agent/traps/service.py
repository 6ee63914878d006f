"""The shell around the receiver: sockets, signals, the clock and the standard output."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from agent.config import ListenAddress
from agent.snmp.limits import Limiter, QuietLog
from agent.snmp.udp import UdpListener
from agent.snmp.usm.users import UserSettings
from agent.traps.admission import Admission, Clocks
from agent.traps.decode import Decoder
from agent.traps.errors import TrapsError
from agent.traps.notification import Received
from agent.traps.pysnmp_receiver import Receiver
from agent.traps.reception import Reception
from mibs import smi
from mibs.names import Names

__all__ = ["serve"]

_log = logging.getLogger("flowmib.traps")

_ENGINE_ID = bytes.fromhex("8000000005")
"""The form of RFC 3411 section 5: no enterprise, octets that the administrator assigns."""
_REPORTS_PER_SECOND = 50
_BURST = 200
_TICK = 1.0
"""Seconds."""

Render = Callable[[Received, Decoder], str]


class _Output:
    """Prints each notification at once; says when it has printed enough or can print no more."""

    def __init__(
        self, stream: TextIO, render: Render, count: int | None, stop: asyncio.Event
    ) -> None:
        self.error: OSError | None = None
        self._stream = stream
        self._render = render
        self._left = count
        self._stop = stop
        self._decoder = Decoder(Names(smi.load()))

    def deliver(self, received: Received) -> None:
        try:
            self._stream.write(self._render(received, self._decoder))
            self._stream.flush()
        except OSError as error:
            self.error = error
            self._stop.set()
            # What is left in the buffer would fail once more at the exit.
            with Path(os.devnull).open("wb") as nowhere:
                os.dup2(nowhere.fileno(), self._stream.fileno())
            return
        if self._left is not None:
            self._left -= 1
            if not self._left:
                self._stop.set()


async def serve(
    addresses: Sequence[ListenAddress],
    *,
    users: Sequence[UserSettings],
    communities: Sequence[bytes],
    keyed_engine: bytes | None,
    render: Render,
    count: int | None,
) -> None:
    """Receive and print notifications until SIGINT, SIGTERM or the end of their number.

    The engine ID is a new one each time. So our boots begin at 1 and need no keeping, and nobody
    can replay an inform that an earlier run has taken. A sender that still has the old ID is told
    the new one.

    Args:
        addresses: where to listen.
        users: who may send over SNMPv3.
        communities: that are taken over SNMPv1 and SNMPv2c; none for any.
        keyed_engine: the engine that localised keys of users are for.
        render: makes text of a notification.
        count: how many notifications there are to be; None for any number.

    Raises:
        ListenError: an address cannot be listened on.
        TrapsError: the standard output takes no more, other than because its reader has gone.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    quiet = QuietLog(_log, time.monotonic)
    engine_id = _ENGINE_ID + secrets.token_bytes(12)
    receiver = Receiver(engine_id, users)
    output = _Output(sys.stdout, render, count, stop)
    reception = Reception(
        admission=Admission(engine_id, users, communities, keyed_engine),
        receiver=receiver,
        clocks=Clocks(time.monotonic),
        quiet=quiet,
        reports=Limiter(_REPORTS_PER_SECOND, _BURST, time.monotonic),
        now=lambda: datetime.now(UTC).astimezone(),
        deliver=output.deliver,
        is_over=stop.is_set,
    )
    with contextlib.ExitStack() as stack:
        for address in addresses:
            listener = stack.enter_context(contextlib.closing(UdpListener(address, reception)))
            listener.start()
        _log.info("listening on %s", ", ".join(address.text for address in addresses))
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _TICK)
            receiver.tick(time.monotonic())
            quiet.sum_up()
    # Whoever reads the output may stop when it has seen enough.
    if output.error is not None and not isinstance(output.error, BrokenPipeError):
        raise TrapsError(f"the standard output: {output.error.strerror}")
