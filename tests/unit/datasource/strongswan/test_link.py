from __future__ import annotations

import asyncio
import os
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from datasource.strongswan.link import (
    DaemonAbsentError,
    Link,
    TimedOutError,
    UnknownCommandError,
)
from datasource.strongswan.packet import ViciError
from tests.unit.datasource.strongswan.fake_vici import FakeVici, frame
from tests.unit.datasource.strongswan.replay import encode

Body = Callable[[FakeVici, Link], Awaitable[None]]


def with_link(
    path: Path,
    body: Body,
    prepare: Callable[[FakeVici], None] | None = None,
    patience: float = 10.0,
) -> None:
    async def main() -> None:
        fake = FakeVici(path / "vici")
        if prepare is not None:
            prepare(fake)
        async with fake.running(), await Link.connect(fake.path, patience=patience) as link:
            await body(fake, link)

    asyncio.run(main())


def test_a_command(tmp_path: Path) -> None:
    async def body(_fake: FakeVici, link: Link) -> None:
        answer = await link.command("stats")
        assert answer == {"uptime": {"running": b"2 hours", "since": b"Nov 23 13:31:05 2026"}}

    with_link(tmp_path, body)


@pytest.mark.parametrize("chunk", [0, 1, 7])
def test_a_stream_hands_over_messages_as_they_come(tmp_path: Path, chunk: int) -> None:
    sas = [encode({"site": {"uniqueid": str(number)}}) for number in range(20)]

    def prepare(fake: FakeVici) -> None:
        fake.sas, fake.chunk = sas, chunk

    async def body(fake: FakeVici, link: Link) -> None:
        for _ in range(2):
            got = [m async for m in link.stream("list-sas", "list-sa", {"noblock": b"yes"})]
            assert got == sas
        assert fake.commands == [("list-sas", {"noblock": b"yes"})] * 2

    with_link(tmp_path, body, prepare)


def test_events(tmp_path: Path) -> None:
    def prepare(fake: FakeVici) -> None:
        # As charon does: the first event comes before the answer to the next registration.
        fake.early_event = b"\x07\x03log\x03\x03msg\x00\x01a"
        fake.unknown_events = {"alert"}

    async def body(fake: FakeVici, link: Link) -> None:
        assert await link.register("log")
        assert not await link.register("alert")
        fake.event("log", encode({"msg": "b"}))
        got = [await link.next_event() for _ in range(3)]
        assert got == [("log", {"msg": text}) for text in (b"a", b"a", b"b")]

    with_link(tmp_path, body, prepare)


def test_an_unknown_command_does_no_harm(tmp_path: Path) -> None:
    async def body(_fake: FakeVici, link: Link) -> None:
        with pytest.raises(UnknownCommandError, match="get-counters"):
            await link.command("get-counters")
        assert await link.command("stats")

    with_link(tmp_path, body)


def test_a_stream_of_an_unknown_event(tmp_path: Path) -> None:
    def prepare(fake: FakeVici) -> None:
        fake.unknown_events = {"list-sa"}

    async def body(_fake: FakeVici, link: Link) -> None:
        with pytest.raises(UnknownCommandError, match="list-sa"):
            [m async for m in link.stream("list-sas", "list-sa")]

    with_link(tmp_path, body, prepare)


def test_a_daemon_that_hangs(tmp_path: Path) -> None:
    def prepare(fake: FakeVici) -> None:
        fake.deaf = True

    async def body(_fake: FakeVici, link: Link) -> None:
        with pytest.raises(TimedOutError, match=r"no answer within 0\.1 s"):
            await link.command("stats")

    with_link(tmp_path, body, prepare, patience=0.1)


def test_a_daemon_that_goes(tmp_path: Path) -> None:
    async def body(fake: FakeVici, link: Link) -> None:
        await link.register("log")
        fake.hang_up()
        with pytest.raises(ViciError, match="closed the connection"):
            await link.next_event()
        with pytest.raises(ViciError):
            await link.command("stats")

    with_link(tmp_path, body)


@pytest.mark.parametrize(
    "garbage",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        struct.pack("!I", 0),
        frame(b"\x63"),
        frame(b"\x01\x02"),
        frame(b"\x05"),
        frame(b"\x06"),
    ],
)
def test_garbage_as_the_answer_to_a_command(tmp_path: Path, garbage: bytes) -> None:
    def prepare(fake: FakeVici) -> None:
        fake.script = garbage

    async def body(_fake: FakeVici, link: Link) -> None:
        with pytest.raises(ViciError):
            await link.command("stats")

    with_link(tmp_path, body, prepare)


def test_an_event_that_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    # One connection whose name is not UTF-8 must not hide all the others.
    async def main() -> None:
        fake = FakeVici(tmp_path / "vici")
        unreadable = b"\x07\x07list-sa\x01\x02\xff\xfe\x02"
        readable = b"\x07\x07list-sa\x01\x04site\x02"
        fake.script = b"".join(map(frame, (b"\x05", unreadable, readable, b"\x01")))
        problems: list[ViciError] = []
        async with fake.running():
            link = await Link.connect(fake.path, on_problem=problems.append)
            async with link:
                assert [m async for m in link.stream("list-sas", "list-sa")] == [{"site": {}}]
        (problem,) = problems
        assert str(problem).startswith("list-sa: a malformed message: 'utf-8' codec can't decode")

    asyncio.run(main())


def test_an_answer_where_none_was_due(tmp_path: Path) -> None:
    def prepare(fake: FakeVici) -> None:
        fake.script = frame(b"\x01") + frame(b"\x01")

    async def body(_fake: FakeVici, link: Link) -> None:
        with pytest.raises(ViciError, match="RESPONSE as the answer to a registration"):
            await link.register("log")
        with pytest.raises(ViciError, match="RESPONSE on a connection for events"):
            await link.next_event()

    with_link(tmp_path, body, prepare)


def test_nobody_there(tmp_path: Path) -> None:
    async def main() -> None:
        path = tmp_path / "vici"
        with pytest.raises(DaemonAbsentError, match="No such file"):
            await Link.connect(path)
        async with FakeVici(path).running():
            left = tmp_path / "left"
            os.link(path, left)
        with pytest.raises(DaemonAbsentError, match="refused"):
            await Link.connect(left)
        path.write_text("no socket")
        with pytest.raises(ViciError):
            await Link.connect(path)

    asyncio.run(main())


def test_the_daemons_process(tmp_path: Path) -> None:
    async def body(fake: FakeVici, link: Link) -> None:
        process = link.process()
        assert process is not None
        assert process[0] == os.getpid()
        async with await Link.connect(fake.path) as other:
            assert other.process() == process

    with_link(tmp_path, body)
