from __future__ import annotations

import asyncio
import contextlib
import logging
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from datasource.strongswan.error_link import follow_error_notify
from datasource.strongswan.error_notify import ErrorRecord
from tests.unit.datasource.strongswan.fake_vici import until

RECORD = struct.pack(">i384s64s256s60s", 2, b"no", b"site", b"them", b"10.9.0.2[500]")


class FakePlugin:
    """A socket that hands out records, and the records that were read from it."""

    def __init__(self, path: Path) -> None:
        self.path = path / "enfy"
        self.found: list[ErrorRecord] = []
        self.writers: list[asyncio.StreamWriter] = []
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_unix_server(self._serve, self.path)

    async def _serve(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self.hang_up()
            self._server = None
            self.path.unlink(missing_ok=True)

    def hang_up(self) -> None:
        for writer in self.writers:
            writer.close()
        self.writers.clear()

    async def send(self, data: bytes) -> None:
        await until(lambda: self.writers, "a reader")
        for writer in self.writers:
            writer.write(data)

    async def read(self, count: int) -> None:
        await until(lambda: len(self.found) == count, f"{count} records")


def run(path: Path, body: Callable[[FakePlugin], Awaitable[None]]) -> None:
    async def main() -> None:
        plugin = FakePlugin(path)
        following = follow_error_notify(plugin.path, plugin.found.append, jitter=lambda: 0.01)
        task = asyncio.create_task(following)
        try:
            await body(plugin)
            assert not task.done()
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            await plugin.stop()

    asyncio.run(main())


def test_records_are_read(tmp_path: Path) -> None:
    async def body(plugin: FakePlugin) -> None:
        await plugin.start()
        await plugin.send(RECORD * 2 + RECORD[:100])
        await plugin.read(2)
        await plugin.send(RECORD[100:])
        await plugin.read(3)
        assert {record.connection for record in plugin.found} == {"site"}

    run(tmp_path, body)


def test_a_daemon_that_restarts(tmp_path: Path) -> None:
    async def body(plugin: FakePlugin) -> None:
        for count in range(1, 4):
            await plugin.start()
            # A record that was cut short does not spoil the next daemon's.
            await plugin.send(RECORD + RECORD[:5])
            await plugin.read(count)
            await plugin.stop()

    run(tmp_path, body)


def test_no_plugin_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def body(plugin: FakePlugin) -> None:
        await until(lambda: "No such file" in caplog.text, "the word")
        await asyncio.sleep(0.1)
        await plugin.start()
        await plugin.send(RECORD)
        await plugin.read(1)

    run(tmp_path, body)
    assert caplog.text.count("nothing from error-notify") == 1
    assert [record.levelname for record in caplog.records] == ["INFO"] * 2


def test_something_else_at_the_socket(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def body(plugin: FakePlugin) -> None:
        await plugin.start()
        await plugin.send(b"SSH-2.0-OpenSSH" * 100)
        await until(lambda: "not a record" in caplog.text, "the complaint")
        plugin.hang_up()
        await plugin.send(RECORD)
        await plugin.read(1)

    run(tmp_path, body)
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_record_that_cannot_be_told_ends_nothing(tmp_path: Path) -> None:
    async def body(plugin: FakePlugin) -> None:
        await plugin.start()
        await plugin.send(struct.pack(">i764s", 77, b"news") + RECORD)
        await plugin.read(2)

    run(tmp_path, body)
