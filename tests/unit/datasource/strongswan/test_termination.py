"""datasource.strongswan.termination against a daemon that answers as told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from datasource.control import TerminateError
from datasource.strongswan.link import Link
from datasource.strongswan.session import StrongSwanSession
from datasource.strongswan.source import tracker_for
from datasource.strongswan.termination import Terminator
from tests.unit.datasource.strongswan.fake_vici import FakeVici, until

PATIENCE = 0.5
NO_MATCH = {"success": b"no", "errmsg": b"no matching SAs to terminate found"}
FAILED = {"success": b"no", "errmsg": b"terminating SA failed"}
kinds = pytest.mark.parametrize("child", [False, True])


class Announcements(StrongSwanSession):
    """Notes what it is told beforehand."""

    def __init__(self) -> None:
        super().__init__(tracker_for(log_events=False))
        self.noted: list[tuple[int, bool]] = []

    def terminating(self, sa_id: int, *, child: bool) -> None:
        self.noted.append((sa_id, child))


class Rig:
    def __init__(self, path: Path) -> None:
        self.fake = FakeVici(path / "vici")
        self.session = Announcements()
        self.terminator = Terminator(
            lambda: Link.connect(self.fake.path, patience=5.0), self.session, PATIENCE
        )

    def arguments(self) -> list[dict[str, Any]]:
        return [dict(given) for name, given in self.fake.commands if name == "terminate"]

    async def failure(self, *, child: bool) -> str:
        with pytest.raises(TerminateError) as caught:
            await self.terminator.end((1,), child=child)
        return str(caught.value)


def run(path: Path, body: Callable[[Rig], Awaitable[None]]) -> None:
    async def main() -> None:
        rig = Rig(path)
        async with rig.fake.running():
            await body(rig)

    asyncio.run(main())


def listed(sa_id: int, state: str, child_state: str = "INSTALLED") -> dict[str, Any]:
    child = {"uniqueid": str(sa_id).encode(), "state": child_state.encode()}
    ike = {"uniqueid": str(sa_id).encode(), "state": state.encode(), "child-sas": {"c": child}}
    return {"site": ike}


def test_an_ike_sa_is_ended_by_force_after_a_while(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        rig.fake.terminate = {"success": b"yes"}
        await rig.terminator.end((4, 7), child=False)
        forced = {"force": b"yes", "timeout": b"500"}
        assert rig.arguments() == [{"ike-id": b"4", **forced}, {"ike-id": b"7", **forced}]
        assert rig.session.noted == [(4, False), (7, False)]

    run(tmp_path, body)


def test_a_child_sa_is_ended_without_waiting(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        rig.fake.terminate = {"success": b"yes"}
        await rig.terminator.end((4,), child=True)
        assert rig.arguments() == [{"child-id": b"4", "timeout": b"-1"}]
        assert rig.session.noted == [(4, True)]

    run(tmp_path, body)


def test_nothing_to_end_needs_no_daemon(tmp_path: Path) -> None:
    asyncio.run(Rig(tmp_path).terminator.end((), child=False))


@kinds
@pytest.mark.parametrize("answer", [NO_MATCH, FAILED])
def test_an_sa_that_is_gone_is_no_error(
    tmp_path: Path, answer: dict[str, bytes], *, child: bool
) -> None:
    async def body(rig: Rig) -> None:
        rig.fake.terminate = answer
        await rig.terminator.end((1,), child=child)
        # This daemon lists others than it was asked for.
        rig.fake.sas = [listed(2, "ESTABLISHED"), listed(12, "ESTABLISHED")]
        await rig.terminator.end((1,), child=child)
        rig.fake.sas = [listed(1, "DELETING", "DELETED"), listed(2, "ESTABLISHED")]
        await rig.terminator.end((1,), child=child)
        assert len(rig.session.noted) == 3

    run(tmp_path, body)


@kinds
def test_an_sa_that_goes_on_is_an_error(tmp_path: Path, *, child: bool) -> None:
    async def body(rig: Rig) -> None:
        rig.fake.terminate = FAILED
        rig.fake.sas = [listed(1, "ESTABLISHED"), listed(2, "DELETING", "DELETING")]
        assert await rig.failure(child=child) == "terminating SA failed"
        rig.fake.terminate = {}
        assert await rig.failure(child=child) == "no reason given"

    run(tmp_path, body)


@kinds
def test_an_answer_that_makes_no_sense(tmp_path: Path, *, child: bool) -> None:
    async def body(rig: Rig) -> None:
        assert await rig.failure(child=child) == "the daemon has no command terminate"
        rig.fake.terminate = {"success": [b"yes"]}
        assert "success" in await rig.failure(child=child)
        rig.fake.terminate = FAILED
        rig.fake.sas = [{"site": {"uniqueid": b"1", "child-sas": {"c": {"uniqueid": b"1"}}}}]
        assert "state" in await rig.failure(child=child)

    run(tmp_path, body)


def test_a_daemon_that_hangs(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        rig.fake.deaf_to_terminate = True
        assert await rig.failure(child=False) == "no end within 0.5 s"
        await until(lambda: not rig.fake.connected, "its connection to be closed")

    run(tmp_path, body)


def test_many_at_once_take_turns(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        rig.fake.deaf_to_terminate = True
        ends = [rig.terminator.end((n,), child=False) for n in range(20)]
        tasks = [asyncio.ensure_future(end) for end in ends]
        await until(lambda: len(rig.arguments()) == 4, "the first to be asked for")
        assert rig.fake.connected == 4
        assert not any(task.done() for task in tasks)
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert {str(result) for result in results} == {"no end within 0.5 s"}

    run(tmp_path, body)


def test_no_daemon(tmp_path: Path) -> None:
    async def main() -> None:
        assert await Rig(tmp_path).failure(child=False) == "No such file or directory"

    asyncio.run(main())
