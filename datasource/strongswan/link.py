"""One VICI connection, over asyncio.

A connection is for commands or for events, never for both: an event that comes first would be taken
for the answer to a command.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import os
import socket
import struct
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from datasource.strongswan import packet
from datasource.strongswan.packet import Framing, Message, Packet, PacketType, ViciError

__all__ = [
    "DEFAULT_TIMEOUT",
    "DaemonAbsentError",
    "Link",
    "Process",
    "TimedOutError",
    "UnknownCommandError",
]

DEFAULT_TIMEOUT = 10.0
"""Seconds without a byte, while an answer is due, after which the daemon is taken to hang."""
_CHUNK = 256 * 1024
_UCRED = struct.Struct("3i")
_START_TIME = 19  # field 22 of /proc/PID/stat, counted from the one after the name: proc(5)

Process = tuple[int, str]
"""A process id and when that process started, which tells it from a later one with its id."""


class DaemonAbsentError(ViciError):
    """There is no socket, or nobody listens at it: the daemon does not run."""


class TimedOutError(ViciError):
    """The daemon accepted the connection but does not answer."""


class UnknownCommandError(ViciError):
    """The daemon does not know the command; for one, the plugin that has it is not loaded."""


class Link:
    """A connection to the daemon; an asynchronous context manager that closes it.

    Any :class:`ViciError` but UnknownCommandError leaves it unusable.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        patience: float,
        on_problem: Callable[[ViciError], None],
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._patience = patience
        self._on_problem = on_problem
        self._framing = Framing()
        self._packets: collections.deque[bytes] = collections.deque()
        self._early: collections.deque[Packet] = collections.deque()
        self._registered: set[str] = set()

    @classmethod
    async def connect(
        cls,
        path: str | Path,
        *,
        patience: float = DEFAULT_TIMEOUT,
        on_problem: Callable[[ViciError], None] = lambda _: None,
    ) -> Self:
        """Connect to the socket at ``path``; ``on_problem`` hears of events left out as malformed.

        Raises:
            DaemonAbsentError: there is no socket or nobody listens.
            ViciError: any other reason, such as a lack of permission.
        """
        try:
            async with asyncio.timeout(patience):
                reader, writer = await asyncio.open_unix_connection(path, limit=_CHUNK)
        except (FileNotFoundError, ConnectionRefusedError) as error:
            raise DaemonAbsentError(_text(error)) from error
        except TimeoutError as error:
            raise TimedOutError(f"no connection within {patience:g} s") from error
        except OSError as error:
            raise ViciError(_text(error)) from error
        return cls(reader, writer, patience, on_problem)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection."""
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    def process(self) -> Process | None:
        """Return who listens at the socket; None where that cannot be told.

        The id is 0 for a process in a PID namespace that this one cannot see: see unix(7),
        SO_PEERCRED.
        """
        connection = self._writer.get_extra_info("socket")
        with contextlib.suppress(OSError):
            found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
            pid, _uid, _gid = _UCRED.unpack(found)
            if pid:
                stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
                return pid, stat.rpartition(")")[2].split()[_START_TIME]
        return None

    async def command(self, name: str, arguments: Message | None = None) -> Message:
        """Run a command and return its answer.

        Raises:
            UnknownCommandError: the daemon does not have it.
            ViciError: the connection failed.
        """
        await self._send(packet.request(name, arguments))
        return _answer(name, await self._receive(self._patience))

    async def stream(
        self, name: str, event: str, arguments: Message | None = None
    ) -> AsyncIterator[Message]:
        """Run a command that answers with events, and give each of them as it comes.

        Close the connection when this is not read to its end.

        Raises:
            UnknownCommandError: the daemon does not have it.
            ViciError: the connection failed.
        """
        if event not in self._registered and not await self.register(event):
            raise UnknownCommandError(f"the daemon has no event {event}")
        await self._send(packet.request(name, arguments))
        while (got := await self._receive(self._patience)).type is PacketType.EVENT:
            yield got.message
        _answer(name, got)

    async def register(self, event: str) -> bool:
        """Ask for an event; return False when the daemon does not have it.

        Raises:
            ViciError: the connection failed.
        """
        await self._send(packet.register(event))
        # Once one event is registered, it may come before the answer about the next.
        while (got := await self._receive(self._patience)).type is PacketType.EVENT:
            self._early.append(got)
        if got.type is PacketType.EVENT_CONFIRM:
            self._registered.add(event)
            return True
        if got.type is PacketType.EVENT_UNKNOWN:
            return False
        raise ViciError(f"{got.type.name} as the answer to a registration")

    async def next_event(self) -> tuple[str, Message]:
        """Wait for an event, for ever, and return its name and message.

        Raises:
            ViciError: the connection failed.
        """
        got = self._early.popleft() if self._early else await self._receive(None)
        if got.type is not PacketType.EVENT:
            raise ViciError(f"{got.type.name} on a connection for events")
        return got.name, got.message

    async def _send(self, frame: bytes) -> None:
        try:
            self._writer.write(frame)
            async with asyncio.timeout(self._patience):
                await self._writer.drain()
        except TimeoutError as error:
            raise TimedOutError(f"took no command within {self._patience:g} s") from error
        except OSError as error:
            raise ViciError(_text(error)) from error

    async def _receive(self, patience: float | None) -> Packet:
        while (got := packet.parse(await self._next_packet(patience))).fault:
            problem = ViciError(f"{got.name or got.type.name}: {got.fault}")
            if got.type is not PacketType.EVENT:
                raise problem
            # One SA or event that cannot be read must not take the others with it.
            self._on_problem(problem)
        return got

    async def _next_packet(self, patience: float | None) -> bytes:
        while not self._packets:
            try:
                async with asyncio.timeout(patience):
                    data = await self._reader.read(_CHUNK)
            except TimeoutError as error:
                raise TimedOutError(f"no answer within {patience:g} s") from error
            except OSError as error:
                raise ViciError(_text(error)) from error
            if not data:
                raise ViciError("the daemon closed the connection")
            self._packets.extend(self._framing.feed(data))
        return self._packets.popleft()


def _answer(name: str, got: Packet) -> Message:
    if got.type is PacketType.COMMAND_UNKNOWN:
        raise UnknownCommandError(f"the daemon has no command {name}")
    if got.type is not PacketType.RESPONSE:
        raise ViciError(f"{got.type.name} as the answer to {name}")
    return got.message


def _text(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)
