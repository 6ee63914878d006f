"""The live source against two real charons; ``swanctl`` is the independent witness."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Unpack

import pytest

from datasource.events import EndReason, Event, IkeTunnelStopped, IpsecTunnelStopped
from datasource.model import IkeTunnel, IpsecTunnel, NegotiationMode
from datasource.snapshot import Snapshot
from datasource.strongswan.source import StrongSwanSource, tracker_for
from tests.gateway_config import SIDES, Changes, Side
from tests.gateways import Gateways
from tests.swanctl_raw import child_sas, ike_sas

versions = pytest.mark.parametrize("version", [1, 2])


class Watched:
    """One gateway, as the source shows it."""

    def __init__(self, path: str) -> None:
        self.tracker = tracker_for(log_events=True)
        self.source = StrongSwanSource(
            self.tracker, path, interval=0.3, min_interval=0.1, patience=2.0
        )
        self.events: list[Event] = []

    @property
    def snapshot(self) -> Snapshot:
        return self.tracker.snapshot(asyncio.get_running_loop().time())

    @property
    def ike(self) -> IkeTunnel:
        (tunnel,) = self.snapshot.ike_tunnels
        return tunnel

    @property
    def ipsec(self) -> IpsecTunnel:
        (tunnel,) = self.snapshot.ipsec_tunnels
        return tunnel

    @property
    def rows(self) -> tuple[int, int]:
        snapshot = self.snapshot
        return len(snapshot.ike_tunnels), len(snapshot.ipsec_tunnels)

    def reasons(self) -> list[EndReason]:
        self.events += self.tracker.take_events()
        ends = (IkeTunnelStopped, IpsecTunnelStopped)
        return [event.reason for event in self.events if isinstance(event, ends)]


class Rig:
    def __init__(self, gateways: Gateways) -> None:
        self.gateways = gateways
        self.watched = {side: Watched(gateways.vici(side)) for side in SIDES}
        self.alpha, self.beta = self.watched["alpha"], self.watched["beta"]

    async def until(
        self, condition: Callable[[], object], what: str, seconds: float = 10.0
    ) -> None:
        """Wait, with the sources at work, for a condition."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while not condition():
            assert loop.time() < deadline, f"not within {seconds} s: {what}"
            for watched in self.watched.values():
                watched.source.refresh()
            await asyncio.sleep(0.01)

    async def rows(self, ike: int, ipsec: int) -> None:
        for side, watched in self.watched.items():
            await self.until(lambda w=watched: w.rows == (ike, ipsec), f"{side}'s rows")  # type: ignore[misc]

    async def up(self) -> None:
        await asyncio.to_thread(self.gateways.initiate)
        await self.rows(1, 1)

    async def ping(self, count: int) -> None:
        """Send packets, and wait until they are counted."""
        before = {side: w.ipsec.traffic.in_packets or 0 for side, w in self.watched.items()}
        assert await asyncio.to_thread(self.gateways.ping, count) == count
        for side, watched in self.watched.items():
            expected = before[side] + count
            await self.until(
                lambda w=watched, n=expected: w.ipsec.traffic.in_packets == n,  # type: ignore[misc]
                f"{side}'s packets",
            )

    async def agree(self, side: Side) -> None:
        """Check the rows against what swanctl lists."""
        watched = self.watched[side]
        listed = await asyncio.to_thread(self.gateways.list_sas, side)
        # charon lists in no order; with IKEv1 it keeps the old IKE SA for a while.
        ike = max(ike_sas(listed), key=lambda sa: int(sa["uniqueid"]))
        child = max(child_sas(listed), key=lambda sa: int(sa["uniqueid"]))
        parameters, ipsec = watched.ike.parameters, watched.ipsec
        assert str(parameters.local_address) == ike["local-host"]
        assert str(parameters.remote_address) == ike["remote-host"]
        assert parameters.remote_identity.text == ike["remote-id"]
        assert parameters.remote_port == int(ike["remote-port"])
        assert parameters.version == int(ike["version"])
        assert f"{parameters.initiator_spi:016x}" == ike["initiator-spi"]
        assert f"{parameters.responder_spi:016x}" == ike["responder-spi"]
        assert parameters.proposal.encryption == ike["encr-alg"]
        assert parameters.proposal.group == ike["dh-group"]
        assert parameters.initiator == (ike.get("initiator") == "yes")
        assert f"{ipsec.parameters.spi_in:08x}" == child["spi-in"]
        assert f"{ipsec.parameters.spi_out:08x}" == child["spi-out"]
        assert ipsec.parameters.proposal.integrity == child["integ-alg"]
        assert ipsec.parameters.udp_encapsulation == (child.get("encap") == "yes")
        assert ipsec.parameters.reqid == int(child["reqid"])
        told = ipsec.parameters.rekey_after
        assert told is not None
        assert abs(told - int(child["install-time"]) - int(child["rekey-time"])) <= 1

    def close(self) -> None:
        for watched in self.watched.values():
            assert not watched.source._problems


@contextlib.asynccontextmanager
async def following(rig: Rig) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(watched.source.run()) for watched in rig.watched.values()]
    try:
        for watched in rig.watched.values():
            await watched.source.ready.wait()
            assert watched.source.connected
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def run(
    directory: Path, body: Callable[[Rig], Awaitable[None]], **settings: Unpack[Changes]
) -> None:
    async def main(gateways: Gateways) -> None:
        rig = Rig(gateways)
        async with following(rig):
            await body(rig)
        rig.close()

    with Gateways(directory, **settings) as gateways:
        asyncio.run(main(gateways))


@versions
def test_rows_agree_with_swanctl(directory: Path, version: int) -> None:
    async def body(rig: Rig) -> None:
        await rig.up()
        await rig.ping(3)
        mode = NegotiationMode.IKEV2 if version == 2 else NegotiationMode.MAIN
        for side in SIDES:
            await rig.agree(side)
            watched = rig.watched[side]
            await rig.until(lambda w=watched: w.ike.parameters.mode is mode, "the mode")  # type: ignore[misc]
            assert watched.ipsec.traffic.in_octets == 3 * 84
            assert watched.ike.parameters.lifetime == 3600
        alpha, beta = rig.alpha.ike.traffic, rig.beta.ike.traffic
        assert (alpha.in_octets, alpha.out_octets) == (beta.out_octets, beta.in_octets)
        assert alpha.out_phase2_exchanges == beta.in_phase2_exchanges == 1

    run(directory, body, version=version, dpd_delay=0)


@versions
def test_what_was_up_before_the_source(directory: Path, version: int) -> None:
    async def main(gateways: Gateways) -> None:
        rig = Rig(gateways)
        async with following(rig):
            await rig.rows(1, 1)
            await rig.agree("alpha")

    with Gateways(directory, version=version) as gateways:
        gateways.initiate()
        asyncio.run(main(gateways))


@versions
def test_a_child_rekey_keeps_the_row(directory: Path, version: int) -> None:
    async def body(rig: Rig) -> None:
        await rig.up()
        await rig.ping(3)
        before = {side: rig.watched[side].ipsec for side in SIDES}
        await asyncio.to_thread(rig.gateways.rekey_child)
        for side in SIDES:
            watched = rig.watched[side]
            await rig.until(lambda w=watched: w.ipsec.refreshes == 1, f"{side}'s refresh")  # type: ignore[misc]
            after = watched.ipsec
            assert after.index == before[side].index
            assert after.started_at == before[side].started_at
            assert after.parameters.spi_in != before[side].parameters.spi_in
            assert (after.traffic.in_octets or 0) >= (before[side].traffic.in_octets or 0)
        await rig.ping(2)
        for side in SIDES:
            await rig.agree(side)
            assert rig.watched[side].ipsec.traffic.in_octets == 5 * 84
            assert not rig.watched[side].reasons()

    run(directory, body, version=version)


@versions
def test_an_ike_rekey_keeps_the_rows(directory: Path, version: int) -> None:
    async def body(rig: Rig) -> None:
        await rig.up()
        await rig.ping(3)
        await asyncio.to_thread(rig.gateways.rekey_ike)
        for side in SIDES:
            watched = rig.watched[side]
            await rig.until(lambda w=watched: w.ike.refreshes == 1, f"{side}'s refresh")  # type: ignore[misc]
            assert (watched.ike.index, watched.ipsec.index, watched.ipsec.ike_index) == (1, 1, 1)
        await rig.ping(2)
        for side in SIDES:
            await rig.agree(side)
            assert rig.watched[side].ipsec.traffic.in_octets == 5 * 84
            assert not rig.watched[side].reasons()
            assert rig.watched[side].snapshot.totals.ike_ended == 0

    run(directory, body, version=version)


@versions
def test_terminate(directory: Path, version: int) -> None:
    async def body(rig: Rig) -> None:
        await rig.up()
        await asyncio.to_thread(rig.gateways.terminate)
        await rig.rows(0, 0)
        assert rig.alpha.reasons() == [EndReason.OPERATOR] * 2
        assert rig.beta.reasons() == [EndReason.PEER_DELETE] * 2
        for side in SIDES:
            totals = rig.watched[side].snapshot.totals
            assert (totals.ike_ended, totals.ipsec_ended) == (1, 1)
        await rig.up()
        await asyncio.to_thread(rig.gateways.terminate, child="net", side="beta")
        await rig.rows(1, 0)
        assert rig.alpha.reasons()[2:] == [EndReason.PEER_DELETE]
        assert rig.beta.reasons()[2:] == [EndReason.OPERATOR]

    run(directory, body, version=version)


@versions
def test_a_killed_daemon(directory: Path, version: int) -> None:
    async def body(rig: Rig) -> None:
        await rig.up()
        rig.gateways.kill("alpha")
        await rig.until(lambda: rig.alpha.rows == (0, 0), "the end of the rows", 2)
        assert rig.alpha.reasons() == [EndReason.LOCAL_FAILURE] * 2
        assert not rig.alpha.source.connected
        await asyncio.to_thread(rig.gateways.start, "alpha")
        await rig.until(lambda: rig.alpha.source.connected, "the daemon to be back")
        assert rig.alpha.rows == (0, 0)
        await rig.until(lambda: rig.beta.rows == (0, 0), "the peer to notice")
        assert rig.beta.reasons() == [EndReason.PEER_LOST] * 2
        await rig.up()
        assert (rig.alpha.ike.index, rig.alpha.ipsec.index) == (2, 2)

    run(directory, body, version=version)


@versions
def test_a_stopped_daemon(directory: Path, version: int) -> None:
    async def body(rig: Rig) -> None:
        await rig.up()
        await asyncio.to_thread(rig.gateways.stop, "alpha")
        await rig.rows(0, 0)
        # SIGTERM is an operator's wish. But charon, as it stops, may lose that log line, and stop
        # before it has told the end of every SA.
        told = {EndReason.OPERATOR, EndReason.NORMAL, EndReason.LOCAL_FAILURE}
        assert set(rig.alpha.reasons()) <= told
        assert rig.beta.reasons() == [EndReason.PEER_DELETE] * 2

    run(directory, body, version=version)


@versions
def test_a_daemon_that_hangs(directory: Path, version: int) -> None:
    async def body(rig: Rig) -> None:
        await rig.up()
        await rig.ping(3)
        before = rig.alpha.snapshot.totals
        rig.gateways.freeze("alpha")
        await rig.until(lambda: not rig.alpha.source.connected, "the silence to be noticed")
        assert rig.alpha.rows == (1, 1)
        rig.gateways.thaw("alpha")
        await rig.until(lambda: rig.alpha.source.connected, "the answers")
        await rig.ping(2)
        after = rig.alpha.snapshot.totals
        assert after.ipsec.in_octets == (before.ipsec.in_octets or 0) + 2 * 84
        assert after.ike == before.ike
        assert (rig.alpha.ike.index, rig.alpha.ike.refreshes, rig.alpha.ipsec.refreshes) == (
            1,
            0,
            0,
        )
        assert not rig.alpha.reasons()

    run(directory, body, version=version, dpd_delay=0)


@versions
def test_failed_set_ups(directory: Path, version: int) -> None:
    async def body(rig: Rig) -> None:
        rig.gateways.reconfigure("beta", proposals="aes256-sha512-modp3072")
        with contextlib.suppress(Exception):
            await asyncio.to_thread(rig.gateways.initiate)
        await rig.until(lambda: rig.alpha.snapshot.totals.initiated_failures == 1, "alpha's")
        await rig.until(lambda: rig.beta.snapshot.totals.responded_failures == 1, "beta's")
        rig.gateways.kill("beta")
        with contextlib.suppress(Exception):
            await asyncio.to_thread(rig.gateways.initiate)
        await rig.until(lambda: rig.alpha.snapshot.totals.initiated_failures == 2, "the silent one")

    run(directory, body, version=version)
