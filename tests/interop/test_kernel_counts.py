"""What the kernel counts, joined to the SAs of a real charon.

charon does ESP in user space here, and the kernel has none of its SAs: that is one case. For the
other, an SA with the SPI of charon's is made in the kernel of the gateway's namespace. It waits for
keys that never come, so its counts are 0: but they are there.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from datasource.model import IpsecFailures, IpsecTunnel
from datasource.snapshot import Snapshot
from datasource.strongswan.source import StrongSwanSource, tracker_for
from datasource.xfrm.source import KernelSource
from tests.following import following
from tests.gateways import Gateways
from tests.netns import inside, ip


class Rig:
    """The gateway alpha, and a source beside it in its namespace."""

    def __init__(self, gateways: Gateways) -> None:
        self.gateways = gateways
        self.tracker = tracker_for(log_events=True)
        self.kernel = KernelSource(self.tracker)
        self.source = StrongSwanSource(
            self.tracker,
            gateways.vici("alpha"),
            interval=0.2,
            min_interval=0.05,
            kernel=self.kernel,
            patience=2.0,
        )

    @property
    def snapshot(self) -> Snapshot:
        return self.tracker.snapshot(asyncio.get_running_loop().time())

    @property
    def tunnel(self) -> IpsecTunnel:
        (tunnel,) = self.snapshot.ipsec_tunnels
        return tunnel

    def counts(self) -> tuple[int | None, int | None]:
        return self.tunnel.traffic.in_replay_drops, self.tunnel.traffic.in_auth_fails

    async def until(self, condition: Callable[[], object], what: str) -> None:
        deadline = asyncio.get_running_loop().time() + 10
        while not condition():
            assert asyncio.get_running_loop().time() < deadline, what
            await asyncio.sleep(0.01)

    async def more_packets(self) -> None:
        """Send some, and wait until they are counted: then a whole poll has gone by."""
        before = self.tunnel.traffic.in_packets or 0
        await asyncio.to_thread(self.gateways.ping, 3)
        await self.until(lambda: (self.tunnel.traffic.in_packets or 0) > before, "packets")

    def install(self, *, local: str | None = None) -> None:
        """Make an SA in the kernel with the SPI of the tunnel's newest."""
        spi = hex(self.tunnel.parameters.spi_in)
        peer, here = self.gateways.endpoint("beta"), local or self.gateways.endpoint("alpha")
        ip(
            self.gateways.netns("alpha"),
            *("xfrm", "state", "allocspi", "src", peer, "dst", here, "proto", "esp"),
            *("mode", "tunnel", "min", spi, "max", spi),
        )


def run(body: Callable[[Rig], Awaitable[None]]) -> None:
    async def main(gateways: Gateways) -> None:
        rig = Rig(gateways)
        await asyncio.to_thread(gateways.initiate)
        async with following(rig.source):
            await rig.until(lambda: len(rig.snapshot.ipsec_tunnels) == 1, "the tunnel")
            await body(rig)

    with (
        tempfile.TemporaryDirectory(prefix="fm") as directory,
        Gateways(Path(directory)) as gateways,
        inside(gateways.netns("alpha")),
    ):
        asyncio.run(main(gateways))


def test_esp_in_user_space_is_not_counted_by_the_kernel(caplog: pytest.LogCaptureFixture) -> None:
    async def body(rig: Rig) -> None:
        await rig.more_packets()
        rig.install(local="10.9.0.7")  # the same SPI, but another's
        await rig.more_packets()
        await rig.more_packets()
        assert rig.counts() == (None, None)
        totals = rig.snapshot.totals
        assert (totals.ipsec.in_replay_drops, totals.ipsec.in_auth_fails) == (None, None)
        assert totals.ipsec_failures == IpsecFailures()

    run(body)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_an_sa_that_the_kernel_has_is_counted_by_it() -> None:
    async def body(rig: Rig) -> None:
        assert rig.counts() == (None, None)
        rig.install()
        await rig.until(lambda: rig.counts() == (0, 0), "the kernel's counts")
        nothing = IpsecFailures(protocol_use=0, no_sa=0, system_capacity=0)
        await rig.until(lambda: rig.snapshot.totals.ipsec_failures == nothing, "failures")
        await asyncio.to_thread(rig.gateways.rekey_child)
        await rig.until(lambda: rig.tunnel.refreshes == 1, "the rekey")
        await rig.more_packets()
        assert rig.counts() == (0, 0)
        ip(rig.gateways.netns("alpha"), "xfrm", "state", "flush")
        await rig.more_packets()
        assert rig.counts() == (0, 0)
        totals = rig.snapshot.totals
        assert (totals.ipsec.in_replay_drops, totals.ipsec.in_auth_fails) == (0, 0)
        assert totals.ipsec_failures == nothing

    run(body)
