from __future__ import annotations

import asyncio
import functools
import time
from pathlib import Path
from typing import Literal

import pytest

from agent.config import Source, StrongSwan
from agent.feed import make_feed
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
        feed = make_feed(source, time.monotonic)
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
