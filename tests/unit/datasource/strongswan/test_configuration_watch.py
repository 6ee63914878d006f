from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from datasource.control import UnloadError
from datasource.errors import DataSourceError
from datasource.strongswan import configuration_watch
from datasource.strongswan.configuration_watch import ConfigurationWatch
from datasource.strongswan.link import Link
from datasource.strongswan.packet import ViciError
from datasource.strongswan.session import StrongSwanSession
from datasource.tracker import Tracker
from tests.unit.datasource.strongswan.fake_vici import FakeVici, until
from tests.unit.datasource.strongswan.replay import messages_of

(CONNECTION,) = messages_of("v2-up-alpha", "list-conn")
OTHER = {"other": CONNECTION["site"]}
FILE = """
connections { site {
  version = 2
  local_addrs = 10.9.0.1
  remote_addrs = 10.9.0.2
  proposals = aes128-sha256-modp2048
  local { auth = psk }
  remote { auth = psk }
  children { net { } }
} }
"""


class Rig:
    def __init__(self, path: Path) -> None:
        self.fake = FakeVici(path / "vici")
        self.fake.connections = [CONNECTION]
        self.fake.knows_names = True
        self.fake.algorithms = {"encryption": {"3DES_CBC": b"des"}}
        self.file = path / "swanctl.conf"
        self.tracker = Tracker()
        self.session = StrongSwanSession(self.tracker)
        self.problems: list[DataSourceError] = []
        self.watch = ConfigurationWatch(
            self.tracker,
            self.session,
            self.connect,
            swanctl_conf=self.file,
            patience=1.0,
            clock=lambda: asyncio.get_running_loop().time(),
            on_problem=self.problems.append,
        )

    async def connect(self) -> Link:
        return await Link.connect(self.fake.path, patience=1.0)

    def asked(self, command: str) -> int:
        return sum(name == command for name, _ in self.fake.commands)

    @property
    def sets(self) -> set[str]:
        return {row.name for row in self.tracker.snapshot(0.0).configuration.static_sets}

    @property
    def ciphers(self) -> list[str]:
        policies = self.tracker.snapshot(0.0).configuration.policies
        return [one.policy.proposal.encryption for one in policies]

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with await self.connect() as link:
            await self.watch.began(link)
            await self.watch.list(link)
        task = asyncio.create_task(self.watch.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(configuration_watch, "_NAMES_EVERY", 0.01)
    monkeypatch.setattr(configuration_watch, "_SETTLE", 0.0)


def run(path: Path, body: Callable[[Rig], Awaitable[None]]) -> None:
    async def main() -> None:
        rig = Rig(path)
        rig.file.write_text(FILE, "utf-8")
        async with rig.fake.running(), rig.running():
            await body(rig)

    asyncio.run(main())


def test_the_first_listing(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        assert rig.sets == {"site"}
        assert rig.ciphers == ["AES_CBC"]
        assert rig.tracker.snapshot(0.0).configuration.defaults.triple_des is True
        assert not rig.problems

    run(tmp_path, body)


@pytest.mark.usefixtures("quick")
def test_other_names_lead_to_a_listing(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        await until(lambda: rig.asked("get-conns") >= 3, "the names")
        assert rig.asked("list-conns") == 1
        rig.fake.connections = [CONNECTION, OTHER]
        await until(lambda: rig.sets == {"site", "other"}, "another")
        assert rig.asked("list-conns") == 2
        rig.fake.connections = [OTHER]
        await until(lambda: rig.sets == {"other"}, "one less")
        assert rig.asked("get-algorithms") == 1

    run(tmp_path, body)


def test_what_was_loaded_is_listed_soon(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        changed = {**CONNECTION["site"], "dpd_delay": b"7"}
        rig.fake.connections = [{"site": changed}]
        rig.watch.refresh()
        now = asyncio.get_running_loop().time()
        await until(
            lambda: rig.tracker.snapshot(0.0).configuration.keepalive == 7, "the change", 0.8
        )
        assert asyncio.get_running_loop().time() - now < 0.8

    run(tmp_path, body)


@pytest.mark.usefixtures("quick")
def test_everything_is_asked_for_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(configuration_watch, "_ALL_EVERY", 0.05)

    async def body(rig: Rig) -> None:
        rig.fake.connections = [{"site": {**CONNECTION["site"], "dpd_delay": b"7"}}]
        await until(lambda: rig.tracker.snapshot(0.0).configuration.keepalive == 7, "the change")

    run(tmp_path, body)


@pytest.mark.usefixtures("quick")
def test_a_daemon_that_has_no_names(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        rig.fake.knows_names = False
        await until(lambda: rig.asked("get-conns") == 1, "the names")
        rig.watch.refresh()
        await until(lambda: rig.asked("list-conns") == 2, "a listing")
        assert rig.asked("get-conns") <= 2
        assert rig.sets == {"site"}

    run(tmp_path, body)


def test_a_daemon_that_does_not_tell_what_it_can(tmp_path: Path) -> None:
    async def main() -> None:
        rig = Rig(tmp_path)
        rig.fake.algorithms = None
        async with rig.fake.running(), rig.running():
            assert rig.sets == {"site"}
            assert rig.tracker.snapshot(0.0).configuration.defaults.triple_des is None
        # The file is not there.
        assert len(rig.problems) == 1

    asyncio.run(main())


@pytest.mark.usefixtures("quick")
def test_the_file_is_read_again(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        rig.file.write_text(FILE.replace("aes128", "camellia128"), "utf-8")
        await until(lambda: rig.ciphers == ["CAMELLIA_CBC"], "the change")
        assert rig.asked("list-conns") == 1
        rig.watch.reload()
        await until(lambda: rig.asked("list-conns") == 2, "a listing")
        await until(lambda: rig.asked("get-algorithms") == 2, "the algorithms")
        assert rig.ciphers == ["CAMELLIA_CBC"]

    run(tmp_path, body)


@pytest.mark.usefixtures("quick")
def test_a_connection_that_ends_is_made_again(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        await until(lambda: rig.asked("get-conns"), "the names")
        rig.fake.hang_up()
        rig.fake.connections = [OTHER]
        await until(lambda: rig.sets == {"other"}, "the change")

    run(tmp_path, body)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("running", "sets"), [("3 seconds", set()), ("61 seconds", {"site"})])
def test_a_daemon_that_has_just_started(tmp_path: Path, running: str, sets: set[str]) -> None:
    async def main() -> None:
        rig = Rig(tmp_path)
        rig.fake.running_for = running
        rig.fake.connections = []
        async with rig.fake.running(), rig.running():
            rig.tracker.take_events()
            rig.fake.connections = [CONNECTION]
            await until(lambda: rig.sets == {"site"}, "the connection")
            assert {event.crypto_map.set_name for event in _added(rig)} == sets

    asyncio.run(main())


def _added(rig: Rig) -> list[Any]:
    return [event for event in rig.tracker.take_events() if hasattr(event, "crypto_map")]


# Unloading ----------------------------------------------------------------------------------------


def test_unload(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        rig.fake.unload = {"success": b"yes"}
        rig.fake.connections = [OTHER]
        await rig.watch.unload("site")
        assert rig.sets == {"other"}
        assert ("unload-conn", {"name": b"site"}) in rig.fake.commands

    run(tmp_path, body)


def test_one_that_has_gone_is_no_error(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        rig.fake.unload = {"success": b"no", "errmsg": b"not found"}
        rig.fake.connections = [OTHER]
        await rig.watch.unload("site")
        assert rig.sets == {"other"}

    run(tmp_path, body)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"success": b"no", "errmsg": b"not today"}, "not today"),
        ({"success": b"no"}, "no reason given"),
        ({"success": {}}, "success="),
        (None, "no command unload-conn"),
    ],
)
def test_one_that_stays(tmp_path: Path, answer: dict[str, Any] | None, words: str) -> None:
    async def body(rig: Rig) -> None:
        rig.fake.unload = answer
        with pytest.raises(UnloadError, match=words):
            await rig.watch.unload("site")
        assert rig.sets == {"site"}

    run(tmp_path, body)


def test_a_daemon_that_hangs(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        rig.fake.deaf = True
        with pytest.raises(UnloadError, match="no answer within 1 s"):
            await rig.watch.unload("site")

    run(tmp_path, body)


def test_a_daemon_that_is_away(tmp_path: Path) -> None:
    async def main() -> None:
        rig = Rig(tmp_path)
        with pytest.raises(UnloadError, match="No such file"):
            await rig.watch.unload("site")
        with pytest.raises(ViciError):
            await rig.connect()

    asyncio.run(main())
