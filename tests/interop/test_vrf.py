"""Three connections of two real charons in three contexts, followed by one source."""

from __future__ import annotations

import asyncio
import dataclasses
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path

import pytest

from datasource.control import TrackerControl
from datasource.events import (
    EndReason,
    Event,
    IkeFailed,
    IkeTunnelStarted,
    IkeTunnelStopped,
    IpsecTunnelStarted,
    IpsecTunnelStopped,
    SetupFailed,
)
from datasource.model import IkeTunnel, IpsecTunnel, Mark
from datasource.strongswan.source import StrongSwanSource, tracker_for
from datasource.tracker_group import TrackerGroup
from datasource.vrf import VrfRule
from tests import sas
from tests.following import following
from tests.gateway_config import SIDES, further_connection
from tests.gateways import CommandError, Gateways

# Context, connection, child, more lines for the child.
SITES = (
    ("", "site", "net", ""),
    ("red", "red-1", "red", "mark_in = 0x2a/0xff\n mark_out = 43"),
    ("blue", "blue-1", "blue", "if_id_in = 44\n if_id_out = 44"),
)
CONTEXTS = tuple(site[0] for site in SITES)
STRANGER = "red-stranger"
BY_NAME = (VrfRule("red", connections=("red-*",)), VrfRule("blue", connections=("b?ue-1",)))
BY_SA = (VrfRule("red", marks=(Mark(0x2A),)), VrfRule("blue", if_ids=(44,)))
by_either = pytest.mark.parametrize("rules", [BY_NAME, BY_SA], ids=["by_name", "by_sa"])


class World:
    """Alpha, as a group of trackers sees it."""

    def __init__(self, gateways: Gateways, rules: Sequence[VrfRule]) -> None:
        self.gateways = gateways
        self.group = TrackerGroup(rules, lambda: tracker_for(log_events=True))
        self.source = StrongSwanSource(
            self.group, gateways.vici("alpha"), interval=0.3, min_interval=0.1, patience=2.0
        )
        self._events: dict[str, list[Event]] = {context: [] for context in CONTEXTS}

    async def swanctl(self, *arguments: str) -> None:
        await asyncio.to_thread(self.gateways._swan, "alpha", *arguments)

    async def until(self, condition: Callable[[], object], what: str) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + 10
        while not condition():
            assert loop.time() < deadline, f"not within 10 s: {what}; rows: {self.rows}"
            self.source.refresh()
            await asyncio.sleep(0.01)

    @property
    def rows(self) -> dict[str, list[tuple[str, int, int]]]:
        """Return of each context the IKE tunnels, and how many IPsec tunnels each has."""
        found = {}
        for context, tracker in self.group.trackers.items():
            now = tracker.snapshot(0.0)
            found[context] = [
                (
                    ike.parameters.connection,
                    ike.index,
                    sum(one.ike_index == ike.index for one in now.ipsec_tunnels),
                )
                for ike in now.ike_tunnels
            ]
        return found

    def ike(self, context: str) -> IkeTunnel:
        (tunnel,) = self.group.trackers[context].snapshot(0.0).ike_tunnels
        return tunnel

    def ipsec(self, context: str) -> IpsecTunnel:
        (tunnel,) = self.group.trackers[context].snapshot(0.0).ipsec_tunnels
        return tunnel

    def events(self, context: str, *kinds: type) -> list[Event]:
        known = self._events[context]
        known += self.group.trackers[context].take_events()
        return [event for event in known if isinstance(event, kinds)]

    async def up(self) -> None:
        for _, _, child, _ in SITES:
            await asyncio.to_thread(self.gateways.initiate, child)
        await self.until(lambda: self.rows == UP, "the tunnels")


UP = {context: [(name, 1, 1)] for context, name, *_ in SITES}


@pytest.fixture
def gateways() -> Iterator[Gateways]:
    # pytest's own may be too long for a unix socket.
    with (
        tempfile.TemporaryDirectory(prefix="fm") as name,
        Gateways(Path(name), children=3) as started,
    ):
        for side in SIDES:
            with (Path(name) / side / "swanctl" / "swanctl.conf").open("a") as file:
                for index, (_, conn, child, more) in enumerate(SITES[1:], 1):
                    file.write(further_connection(side, conn, child, index, more))
                if side == "alpha":
                    file.write(further_connection(side, STRANGER, "stranger", 9, peer="nobody"))
            started._swan(side, "--load-conns")
        yield started


def run(
    gateways: Gateways, rules: Sequence[VrfRule], body: Callable[[World], Awaitable[None]]
) -> None:
    async def main() -> None:
        world = World(gateways, rules)
        async with following(world.source):
            await body(world)
        assert not world.source._problems

    asyncio.run(main())


@by_either
def test_each_context_has_its_own_tunnels(gateways: Gateways, rules: Sequence[VrfRule]) -> None:
    async def body(world: World) -> None:
        await world.up()
        for context, tracker in world.group.trackers.items():
            now = tracker.snapshot(0.0)
            (ike,) = now.ike_tunnels
            await world.until(
                lambda t=tracker, c=context: t.snapshot(0.0).totals.ike == world.ike(c).traffic,  # type: ignore[misc]
                "the messages",
            )
            assert ike.traffic.in_packets
            assert now.totals.initiated == 1
            assert len(now.associations) == 1
            started = world.events(context, IkeTunnelStarted, IpsecTunnelStarted)
            assert [type(event) for event in started] == [IkeTunnelStarted, IpsecTunnelStarted]
        red, blue = world.ipsec("red").parameters, world.ipsec("blue").parameters
        assert (red.mark_in, red.mark_out) == (Mark(0x2A, 0xFF), Mark(43))
        assert (blue.if_id_in, blue.if_id_out) == (44, 44)

    run(gateways, rules, body)


def test_packets_are_counted_in_their_context_only(gateways: Gateways) -> None:
    async def body(world: World) -> None:
        await world.up()
        assert await asyncio.to_thread(gateways.ping, 3) == 3
        await world.until(lambda: world.ipsec("").traffic.in_packets == 3, "the packets")
        counted = {
            context: tracker.snapshot(0.0).totals.ipsec.in_packets
            for context, tracker in world.group.trackers.items()
        }
        assert counted == {"": 3, "red": 0, "blue": 0}

    run(gateways, BY_NAME, body)


@by_either
def test_tunnels_stay_in_their_context_when_sas_are_replaced(
    gateways: Gateways, rules: Sequence[VrfRule]
) -> None:
    async def body(world: World) -> None:
        await world.up()
        await world.swanctl("--rekey", "--child", "red")
        await world.until(lambda: world.ipsec("red").refreshes == 1, "the new child SA")
        await world.swanctl("--rekey", "--ike", "blue-1")
        await world.until(lambda: world.ike("blue").refreshes == 1, "the new IKE SA")
        await world.swanctl("--rekey", "--ike", "red-1")
        await world.until(lambda: world.ike("red").refreshes == 1, "the new IKE SA")
        await world.until(lambda: world.rows == UP, "the children to be where they were")
        assert world.ipsec("red").refreshes == 1
        assert world.ike("").refreshes == world.ipsec("blue").refreshes == 0
        for context in CONTEXTS:
            assert not world.events(context, IkeTunnelStopped, IpsecTunnelStopped)

    run(gateways, rules, body)


@by_either
def test_a_control_ends_what_is_in_its_context(
    gateways: Gateways, rules: Sequence[VrfRule]
) -> None:
    async def body(world: World) -> None:
        await world.up()
        control = {
            context: TrackerControl(world.source, tracker)
            for context, tracker in world.group.trackers.items()
        }
        await control["blue"].terminate_ike(1)
        await world.until(lambda: world.rows == {**UP, "blue": []}, "blue's row to go")
        await control["red"].terminate_ipsec(1)
        await world.until(lambda: world.rows["red"] == [("red-1", 1, 0)], "red's row to go")
        assert world.rows[""] == UP[""]
        (ended,) = world.events("red", IkeTunnelStopped, IpsecTunnelStopped)
        assert isinstance(ended, IpsecTunnelStopped)
        assert ended.reason is EndReason.OPERATOR
        await world.source.terminate_ike(1)
        await world.until(lambda: not world.rows[""], "the global row to go")
        assert world.rows["red"] == [("red-1", 1, 0)]

    run(gateways, rules, body)


def test_a_listing_that_waits_knows_the_sas_of_all_contexts(gateways: Gateways) -> None:
    async def body(world: World) -> None:
        await world.up()
        async with await world.source._connect() as link:
            assert not await world.source._listings.list(link, waited=True)
        # charon has never had this one.
        gone = sas.ike(sas.child(9_999), number=9_999)
        parameters = dataclasses.replace(gone.parameters, connection="red-9")
        now = asyncio.get_running_loop().time()
        world.group.saw(now, dataclasses.replace(gone, parameters=parameters))
        assert len(world.rows["red"]) == 2
        await world.until(lambda: world.rows == UP, "it to go")
        ends = world.events("red", IkeTunnelStopped, IpsecTunnelStopped)
        assert len(ends) == 2
        assert not world.events("", IkeTunnelStopped) + world.events("blue", IkeTunnelStopped)

    run(gateways, BY_NAME, body)


def test_a_set_up_that_fails_is_in_the_context_of_its_connection(gateways: Gateways) -> None:
    async def body(world: World) -> None:
        await world.up()
        with pytest.raises(CommandError):
            await asyncio.to_thread(gateways.initiate, "stranger")
        await world.until(lambda: world.events("red", IkeFailed), "the failure")
        assert len(world.events("red", SetupFailed)) == 1
        for context, tracker in world.group.trackers.items():
            totals = tracker.snapshot(0.0).totals
            failed = context == "red"
            assert (totals.initiated, totals.initiated_failures) == (1 + failed, int(failed))
            assert totals.failures.authentication == int(failed)
            assert failed or not world.events(context, IkeFailed, SetupFailed)

    run(gateways, BY_NAME, body)


def test_when_the_daemon_dies_all_contexts_are_empty(gateways: Gateways) -> None:
    async def body(world: World) -> None:
        await world.up()
        gateways.kill("alpha")
        await world.until(lambda: not any(world.rows.values()), "the rows to go")
        for context in CONTEXTS:
            assert len(world.events(context, IkeTunnelStopped)) == 1

    run(gateways, BY_SA, body)
