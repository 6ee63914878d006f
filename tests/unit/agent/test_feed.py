from __future__ import annotations

import asyncio
import functools
import time
from pathlib import Path
from typing import Literal

import pytest

from agent.config import Simulated, Source, StrongSwan
from agent.feed import make_feed
from datasource.vrf import VrfRule
from datasource.xfrm.codec import Dump
from datasource.xfrm.source import KernelSource
from tests.unit.datasource.strongswan.fake_vici import FakeVici, until


@pytest.mark.parametrize("kernel", ["auto", "off"])
def test_the_kernel_is_read_unless_that_is_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kernel: Literal["auto", "off"]
) -> None:
    asked = 0

    async def read() -> Dump:
        nonlocal asked
        asked += 1
        return Dump(1)

    async def main() -> None:
        fake = FakeVici(tmp_path / "vici")
        source = Source("strongswan", StrongSwan(fake.path, kernel=kernel))
        feed = make_feed(source, (), time.monotonic)
        async with fake.running():
            task = asyncio.create_task(feed.source.run())
            await feed.source.ready.wait()
            if kernel == "auto":
                await until(lambda: asked, "a reading")
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    monkeypatch.setattr("agent.feed.KernelSource", functools.partial(KernelSource, read=read))
    asyncio.run(main())
    assert bool(asked) == (kernel == "auto")


def test_each_vrf_is_a_context_with_a_tracker_and_a_control() -> None:
    async def main() -> None:
        rules = VrfRule("red", connections=("branch-*",)), VrfRule("red", marks=())
        source = Source("simulated", simulated=Simulated(tunnels=20))
        feed = make_feed(source, rules, time.monotonic)
        assert list(feed.trackers) == [b"", b"red"]
        task = asyncio.create_task(feed.run())
        await feed.source.ready.wait()
        now = time.monotonic()
        everywhere = {name: tracker.snapshot(now) for name, tracker in feed.trackers.items()}
        connections = {
            name: {one.parameters.connection.startswith("branch-") for one in shown.ike_tunnels}
            for name, shown in everywhere.items()
        }
        assert connections == {b"": {False}, b"red": {True}}
        assert sum(len(shown.ipsec_tunnels) for shown in everywhere.values()) == 20
        red = feed.trackers[b"red"]
        index = everywhere[b"red"].ike_tunnels[0].index
        await feed.control(red).terminate_ike(index)
        assert index not in {one.index for one in red.snapshot(now).ike_tunnels}
        assert feed.trackers[b""].snapshot(now).totals.ike_ended == 0
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())


def test_without_vrfs_there_is_one_context() -> None:
    source = Source("simulated", simulated=Simulated(tunnels=1))
    assert list(make_feed(source, (), time.monotonic).trackers) == [b""]
