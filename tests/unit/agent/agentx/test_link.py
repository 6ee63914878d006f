"""agent.agentx.link: a real socket, and a master that behaves badly."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from agent.agentx import pdu as pdus
from agent.agentx.address import TcpAddress, UnixAddress
from agent.agentx.codec import decode, encode
from agent.agentx.events import Event, Granted, Lost, Opened
from agent.agentx.framing import Framing
from agent.agentx.link import Link
from agent.agentx.notifications import NotifyQueue
from agent.agentx.pdu import Header, Pdu
from agent.agentx.session import Session, SessionSettings
from agent.agentx.values import INTEGER, OCTET_STRING, SearchRange, VarBind
from tests.agentx_world import REGIONS, ROOT, Handler

A = (*ROOT, 1, 1)
PATIENCE = 20


class Master:
    """Accepts connections on a Unix socket; does nothing else by itself."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.connections: asyncio.Queue[Connection] = asyncio.Queue()
        self._writers: list[asyncio.StreamWriter] = []

    async def start(self) -> None:
        self.path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._accept, self.path)

    async def stop(self) -> None:
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        # From Python 3.12 on, this waits for the connections, too.
        await self._server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        self.connections.put_nowait(Connection(reader, writer))

    async def accept(self) -> Connection:
        async with asyncio.timeout(PATIENCE):
            return await self.connections.get()


class Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self._framing = Framing()
        self._frames: list[bytes] = []

    async def take(self) -> tuple[Header, Pdu]:
        async with asyncio.timeout(PATIENCE):
            while not self._frames:
                data = await self.reader.read(65536)
                assert data, "the link closed the connection"
                self._frames = self._framing.feed(data)
        return decode(self._frames.pop(0))

    async def open(self) -> None:
        """Let the session in, and give it all it asks for."""
        for _ in range(1 + len(REGIONS)):
            header, _ = await self.take()
            self.say(pdus.Response(up_time=100), header.packet_id)

    def say(self, pdu: Pdu, packet: int = 0, transaction: int = 0) -> None:
        self.writer.write(encode(pdu, session_id=5, packet_id=packet, transaction_id=transaction))

    async def ask(self, pdu: Pdu, packet: int = 1) -> Pdu:
        self.say(pdu, packet)
        header, answer = await self.take()
        assert header.packet_id == packet
        return answer

    async def ended(self) -> None:
        async with asyncio.timeout(PATIENCE):
            while await self.reader.read(65536):
                pass
        self.writer.close()


class World:
    def __init__(self, directory: Path) -> None:
        self.master = Master(directory / "master")
        self.handler = Handler()
        self.handler.put(A, 5)
        self.queue = NotifyQueue(10_000)
        self.events: list[Event] = []
        self.waits: list[str] = []
        self.patience = 15.0
        self.chance = 0.0
        self.link = Link(
            UnixAddress(str(self.master.path)),
            self._session,
            self.events.append,
            self.waits.append,
            chance=lambda: self.chance,
        )

    def _session(self, wake: Callable[[], None]) -> Session:
        settings = SessionSettings(pdus.Open(), REGIONS, patience=self.patience)
        return Session(settings, self.handler, self.queue, asyncio.get_running_loop().time, wake)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.link.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition():  # noqa: ASYNC110 - what is looked at tells nobody
                await asyncio.sleep(0.005)


def lived(test: Callable[[World], Awaitable[None]]) -> Callable[[], None]:
    """Run a test in a world of its own, with a master that listens."""

    async def run(directory: str) -> None:
        world = World(Path(directory))
        await world.master.start()
        try:
            await test(world)
        finally:
            await world.master.stop()

    def wrapper() -> None:
        with tempfile.TemporaryDirectory() as directory:
            asyncio.run(run(directory))

    wrapper.__name__ = test.__name__
    wrapper.__doc__ = test.__doc__
    return wrapper


GET = pdus.Get((SearchRange(A),))
ANSWER = pdus.Response(varbinds=(VarBind(A, INTEGER, 5),))


@lived
async def test_ax01_10_11_it_serves(world: World) -> None:
    async with world.running():
        master = await world.master.accept()
        await master.open()
        assert await master.ask(GET) == ANSWER
        frame = encode(GET, session_id=5, packet_id=9)
        for octet in frame:
            master.writer.write(bytes((octet,)))
            await master.writer.drain()
        header, answer = await master.take()
        assert (header.packet_id, answer) == (9, ANSWER)
    assert world.events[:3] == [Opened(100), *map(Granted, REGIONS)]


@lived
async def test_ax12_it_says_good_bye_when_it_is_stopped(world: World) -> None:
    async with world.running():
        master = await world.master.accept()
        await master.open()
        await world.until(lambda: len(world.events) == 1 + len(REGIONS))
    said = [(await master.take())[1] for _ in range(3)]
    assert said[-1] == pdus.Close(pdus.CloseReason.SHUTDOWN)
    assert all(isinstance(pdu, pdus.Unregister) for pdu in said[:2])
    await master.ended()
    assert world.events[-1] == Lost("closed")


@lived
async def test_ax15_it_comes_back_whatever_ends_the_session(world: World) -> None:
    async def close(master: Connection) -> None:
        master.say(pdus.Close(5))
        await master.ended()

    async def hang_up(master: Connection) -> None:
        master.writer.close()

    async def reset(master: Connection) -> None:
        master.say(GET)
        master.writer.transport.abort()

    async def talk_nonsense(master: Connection) -> None:
        master.writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await master.ended()

    async def stop_inside_a_pdu(master: Connection) -> None:
        master.writer.write(encode(GET, session_id=5)[:25])
        master.writer.close()

    async def refuse(master: Connection) -> None:
        # The next session, that is.
        master.writer.close()
        again = await world.master.accept()
        header, _ = await again.take()
        again.say(pdus.Response(pdus.Error.OPEN_FAILED), header.packet_id)
        await again.ended()

    # A twentieth of the usual pauses.
    world.chance = -0.9
    ends = [close, hang_up, reset, talk_nonsense, stop_inside_a_pdu, refuse]
    async with world.running():
        for end in ends:
            master = await world.master.accept()
            await master.open()
            assert await master.ask(GET) == ANSWER
            await end(master)
        master = await world.master.accept()
        await master.open()
        assert await master.ask(GET) == ANSWER
    lost = [event.reason for event in world.events if isinstance(event, Lost)]
    assert len(lost) == len(ends) + 2
    assert lost[0] == "the master closed the session: shutdown"
    assert lost[1] == "the master closed the connection"
    assert "does not speak AgentX: version 72" in lost[3]


@lived
async def test_ax14_15_a_master_that_is_deaf(world: World) -> None:
    world.patience = 0.2
    async with world.running():
        first = await world.master.accept()
        second = await world.master.accept()
        await second.open()
        assert await second.ask(GET) == ANSWER
        first.writer.close()
    assert Lost("the master does not answer Open") in world.events


@lived
async def test_ax15_no_master_costs_nothing(world: World) -> None:
    await world.master.stop()
    world.master.path.unlink(missing_ok=True)
    before = time.process_time()
    async with world.running():
        await asyncio.sleep(2)
        # 0.05, 0.1, 0.2, 0.4 and 0.8 seconds after each other.
        assert 4 <= len(world.waits) <= 6
        assert time.process_time() - before < 0.1
        await world.master.start()
        master = await world.master.accept()
        await master.open()
        assert await master.ask(GET) == ANSWER
    assert set(world.waits) == {"No such file or directory"}


@lived
async def test_ax41_it_reads_while_it_writes(world: World) -> None:
    """snmpd answers a Notify with a write that blocks, and reads nothing meanwhile."""
    notify = pdus.Notify((VarBind(A, OCTET_STRING, bytes(20_000)),))
    async with world.running():
        master = await world.master.accept()
        await master.open()
        for _ in range(200):
            world.queue.put(notify)
        world.link.wake()
        # More than the socket holds is on its way to us, and none of ours is read.
        size = 60_000
        name = VarBind((*ROOT, 1, 2), OCTET_STRING, bytes(size))
        world.handler.values[name.name] = name
        for number in range(100):
            master.say(pdus.Get((SearchRange(A),) * 500), number)
        async with asyncio.timeout(PATIENCE):
            await master.writer.drain()
        seen = 0
        answered = 0
        while seen < 200 or answered < 100:
            header, pdu = await master.take()
            if isinstance(pdu, pdus.Notify):
                seen += 1
                master.say(pdus.Response(), header.packet_id)
            else:
                answered += 1
        await world.until(lambda: world.queue.sent == 200)
        assert await master.ask(GET) == ANSWER
    assert world.queue.unanswered == 0


@lived
async def test_se02_a_master_that_asks_and_never_reads_is_left(world: World) -> None:
    big = (*ROOT, 1, 2)
    world.handler.values[big] = VarBind(big, OCTET_STRING, bytes(60_000))
    async with world.running():
        master = await world.master.accept()
        await master.open()
        for number in range(200):
            master.say(pdus.Get((SearchRange(big),)), number)
        await world.until(lambda: Lost("the master does not read") in world.events)
        master.writer.transport.abort()
        again = await world.master.accept()
        await again.open()
        assert await again.ask(GET) == ANSWER


@lived
async def test_ax28_a_walk_leaves_the_event_loop_its_turn(world: World) -> None:
    """A master that never stops asking does not keep others from being served."""
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    async with world.running():
        master = await world.master.accept()
        await master.open()
        task = asyncio.create_task(others())
        for number in range(500):
            assert await master.ask(GET, number) == ANSWER
        task.cancel()
    assert turns >= 500


def test_ax15_tcp() -> None:
    async def run() -> None:
        accepted: asyncio.Queue[Connection] = asyncio.Queue()

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            accepted.put_nowait(Connection(reader, writer))

        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        world = World(Path("/nowhere"))
        world.link._address = TcpAddress("127.0.0.1", port)
        async with world.running():
            async with asyncio.timeout(PATIENCE):
                master = await accepted.get()
            await master.open()
            assert await master.ask(GET) == ANSWER
            no_delay = master.writer.get_extra_info("socket")
            assert no_delay.family == socket.AF_INET
        await master.ended()
        server.close()
        await server.wait_closed()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("address", "text"),
    [
        (UnixAddress("/var/agentx/master"), "unix:/var/agentx/master"),
        (TcpAddress("127.0.0.1", 705), "tcp:127.0.0.1:705"),
        (TcpAddress("::1", 705), "tcp:[::1]:705"),
    ],
)
def test_addresses_as_an_operator_writes_them(address: UnixAddress | TcpAddress, text: str) -> None:
    assert str(address) == text
