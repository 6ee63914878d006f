"""A VICI server of the tests' own, that misbehaves on demand."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

from vici.protocol import FiniteStream, Message, Packet

__all__ = ["FakeVici", "frame", "until"]


async def until(condition: Callable[[], object], what: str, seconds: float = 5.0) -> None:
    """Let the event loop run until ``condition`` is true."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, f"not within {seconds} s: {what}"
        await asyncio.sleep(0.002)


def frame(packet: bytes) -> bytes:
    """Return a packet as it goes over the wire."""
    return struct.pack("!I", len(packet)) + packet


class FakeVici:
    """What a charon with these SAs would answer.

    Attributes:
        sas: the messages of list-sas.
        busy: indexes into ``sas`` of those that a listing with noblock leaves out.
        connections: the messages of list-conns.
        commands: those that came, in their order.
        script: when set, is given each connection's writer instead of the ordinary service.
        deaf: leaves every packet unanswered.
        deaf_to_waiting: leaves a listing without noblock unanswered.
        deaf_to_terminate: leaves that command unanswered.
        terminate: the answer to it.
        knows_names: has the command get-conns.
        algorithms: the answer to get-algorithms.
        unload: the answer to unload-conn.
        running_for: how long it has been, by its own account.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.sas: Sequence[dict[str, Any]] = ()
        self.busy: set[int] = set()
        self.connections: Sequence[dict[str, Any]] = ()
        self.counters: dict[str, Any] | None = None
        self.unknown_events: set[str] = set()
        self.early_event: bytes | None = None
        self.commands: list[tuple[str, dict[str, Any]]] = []
        self.script: bytes | None = None
        self.deaf = False
        self.deaf_to_waiting = False
        self.deaf_to_terminate = False
        self.terminate: dict[str, Any] | None = None
        self.knows_names = False
        self.algorithms: dict[str, Any] | None = None
        self.unload: dict[str, Any] | None = None
        self.running_for = "2 hours"
        self.chunk = 0
        self._server: asyncio.Server | None = None
        self._writers: dict[asyncio.StreamWriter, set[str]] = {}

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[FakeVici]:
        """Serve, and stop at the end."""
        await self.start()
        try:
            yield self
        finally:
            await self.stop()

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_unix_server(self._serve, self.path)

    async def stop(self) -> None:
        """Close every connection and go, as a process that ends does."""
        assert self._server is not None
        self._server.close()
        for writer in tuple(self._writers):
            writer.close()
        await until(lambda: not self._writers, "connections closed")
        await self._server.wait_closed()
        if self.path.exists():
            self.path.unlink()

    def hang_up(self) -> None:
        """Close every connection and go on listening."""
        for writer in tuple(self._writers):
            writer.close()

    def event(self, name: str, message: dict[str, Any]) -> None:
        """Send an event to whoever wants it."""
        for writer, wanted in self._writers.items():
            if name in wanted:
                self._send(writer, _event(name, message))

    @property
    def listeners(self) -> int:
        """How many connections have asked for ike-updown."""
        return sum("ike-updown" in wanted for wanted in self._writers.values())

    @property
    def connected(self) -> int:
        """How many connections there are."""
        return len(self._writers)

    def _send(self, writer: asyncio.StreamWriter, packet: bytes) -> None:
        writer.write(frame(packet))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers[writer] = set()
        try:
            if self.script is not None:
                writer.write(self.script)
            while True:
                (length,) = struct.unpack("!I", await reader.readexactly(4))
                packet = await reader.readexactly(length)
                if not self.deaf and self.script is None:
                    await self._answer(writer, packet)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            del self._writers[writer]
            writer.close()

    async def _answer(self, writer: asyncio.StreamWriter, packet: bytes) -> None:
        kind, length = packet[0], packet[1]
        name = packet[2 : 2 + length].decode()
        answer = bytearray()
        if kind == Packet.EVENT_REGISTER:
            if self.early_event is not None:
                answer += frame(self.early_event)
            known = name not in self.unknown_events
            if known:
                self._writers[writer].add(name)
            answer += frame(bytes([Packet.EVENT_CONFIRM if known else Packet.EVENT_UNKNOWN]))
        else:
            arguments = Message.deserialize(FiniteStream(packet[2 + length :]))
            self.commands.append((name, arguments))
            if name == "list-sas" and self.deaf_to_waiting and "noblock" not in arguments:
                return
            if name == "terminate" and self.deaf_to_terminate:
                return
            for part in self._command(name, arguments):
                answer += frame(part)
        await self._write(writer, bytes(answer))

    async def _write(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        if not self.chunk:
            writer.write(data)
            return
        for start in range(0, len(data), self.chunk):
            writer.write(data[start : start + self.chunk])
            await writer.drain()
            await asyncio.sleep(0)

    def _command(self, name: str, arguments: dict[str, Any]) -> list[bytes]:
        done = bytes([Packet.CMD_RESPONSE])
        if name == "list-sas":
            left_out = self.busy if "noblock" in arguments else set()
            sas = [sa for index, sa in enumerate(self.sas) if index not in left_out]
            return [*(_event("list-sa", sa) for sa in sas), done]
        if name == "list-conns":
            return [*(_event("list-conn", message) for message in self.connections), done]
        if name == "get-counters" and self.counters is not None:
            return [done + Message.serialize(self.counters)]
        if name == "terminate" and self.terminate is not None:
            return [done + Message.serialize(self.terminate)]
        if name == "stats":
            uptime = {"running": self.running_for, "since": "Nov 23 13:31:05 2026"}
            return [done + Message.serialize({"uptime": uptime})]
        if name == "get-conns" and self.knows_names:
            names = [name.encode() for message in self.connections for name in message]
            return [done + Message.serialize({"conns": names})]
        if name == "get-algorithms" and self.algorithms is not None:
            return [done + Message.serialize(self.algorithms)]
        if name == "unload-conn" and self.unload is not None:
            return [done + Message.serialize(self.unload)]
        return [bytes([Packet.CMD_UNKNOWN])]


def _event(name: str, message: dict[str, Any]) -> bytes:
    return bytes([Packet.EVENT, len(name)]) + name.encode() + bytes(Message.serialize(message))
