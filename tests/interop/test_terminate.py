"""Ending tunnels of real charons: what goes, how soon, what the peer is told, and the reason."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Unpack

import pytest

from datasource.control import TerminateError
from datasource.events import EndReason, IkeTunnelStopped, IpsecTunnelStopped
from datasource.strongswan.source import StrongSwanSource, tracker_for
from datasource.strongswan.termination import ANSWER_WITHIN
from mibs import ber, cisco_ipsec_flow_monitor, smi, transaction
from mibs.access import SHOWN, Access
from mibs.cisco_ipsec_flow_monitor import Choices
from mibs.setting import ErrorStatus, SetError
from mibs.tree import Tree
from mibs.view import ViewBuilder
from tests.following import following
from tests.gateway_config import Changes, Side
from tests.gateways import Gateways
from tests.swanctl_raw import child_sas, ike_sas

versions = pytest.mark.parametrize("version", [1, 2])
DESTROY = 2
IKE, IPSEC = "cikeTunStatus", "cipSecTunStatus"


class Gateway:
    """Alpha, as its manager sees and sets it."""

    def __init__(self, gateways: Gateways, *, log_events: bool) -> None:
        self.gateways = gateways
        self.tracker = tracker_for(log_events)
        self.source = StrongSwanSource(
            self.tracker,
            gateways.vici("alpha"),
            interval=0.3,
            min_interval=0.1,
            patience=2.0,
            log_events=log_events,
        )
        modules = smi.load((cisco_ipsec_flow_monitor.MODULE,))
        binding = cisco_ipsec_flow_monitor.bind(Choices(), self.source)
        self._tree = Tree(modules, (binding,))
        self._views = ViewBuilder(self._tree)
        self._oids = {name: modules.object(name).oid for name in (IKE, IPSEC)}
        self._ends: list[IkeTunnelStopped | IpsecTunnelStopped] = []

    async def destroy(self, *rows: tuple[str, int]) -> float:
        """Set to destroy(2); return the seconds that it took."""
        view = self._views.build(self.tracker.snapshot(0.0), 0.0)
        varbinds = [
            (ber.encode_oid((*self._oids[name], index)), ber.INTEGER, bytes((DESTROY,)))
            for name, index in rows
        ]
        everything = Access(bytes([SHOWN]) * len(self._tree.spans))
        loop = asyncio.get_running_loop()
        began = loop.time()
        await transaction.test(view, everything, varbinds).commit()
        return loop.time() - began

    @property
    def rows(self) -> tuple[list[int], list[int]]:
        snapshot = self.tracker.snapshot(0.0)
        ipsec = [tunnel.index for tunnel in snapshot.ipsec_tunnels]
        return [tunnel.index for tunnel in snapshot.ike_tunnels], ipsec

    def reasons(self, kind: type = object) -> set[EndReason]:
        ends = (IkeTunnelStopped, IpsecTunnelStopped)
        self._ends += [event for event in self.tracker.take_events() if isinstance(event, ends)]
        return {event.reason for event in self._ends if isinstance(event, kind)}

    async def until(
        self, condition: Callable[[], object], what: str, seconds: float = 10.0
    ) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while not condition():
            assert loop.time() < deadline, f"not within {seconds} s: {what}; rows: {self.rows}"
            self.source.refresh()
            await asyncio.sleep(0.01)

    async def up(self, *children: str) -> None:
        for child in children or ("net",):
            await asyncio.to_thread(self.gateways.initiate, child)
        await self.until(lambda: len(self.rows[1]) == len(children or ("net",)), "the tunnels")

    async def has(self, side: Side) -> tuple[int, set[str]]:
        """Return the number of IKE SAs and the names of the children that swanctl lists."""
        listed = await asyncio.to_thread(self.gateways.list_sas, side)
        up = [sa for sa in child_sas(listed) if sa["state"] == "INSTALLED"]
        return len(ike_sas(listed)), {sa["name"] for sa in up}

    async def until_has(self, side: Side, expected: tuple[int, set[str]]) -> None:
        deadline = asyncio.get_running_loop().time() + 5
        while (found := await self.has(side)) != expected:
            assert asyncio.get_running_loop().time() < deadline, found


def run(
    directory: Path,
    body: Callable[[Gateway], Awaitable[None]],
    *,
    log_events: bool = True,
    **settings: Unpack[Changes],
) -> None:
    async def main(gateways: Gateways) -> None:
        gateway = Gateway(gateways, log_events=log_events)
        async with following(gateway.source):
            await body(gateway)
        assert not gateway.source._problems

    with Gateways(directory, **settings) as gateways:
        asyncio.run(main(gateways))


@pytest.mark.parametrize("log_events", [True, False])
@versions
def test_an_ike_tunnel_goes_with_its_children(
    directory: Path, version: int, *, log_events: bool
) -> None:
    async def body(gateway: Gateway) -> None:
        await gateway.up("net", "net2")
        assert await gateway.destroy((IKE, 1)) < ANSWER_WITHIN
        await gateway.until(lambda: gateway.rows == ([], []), "the rows to go", 1)
        assert gateway.reasons() == {EndReason.OPERATOR}
        assert await gateway.has("alpha") == (0, set())
        await gateway.until_has("beta", (0, set()))
        await gateway.up()
        assert gateway.rows == ([2], [3])
        assert gateway.tracker.snapshot(0.0).totals.failures.no_sa in (None, 0)

    run(directory, body, version=version, children=2, log_events=log_events)


@pytest.mark.parametrize("log_events", [True, False])
@versions
def test_an_ipsec_tunnel_goes_alone(directory: Path, version: int, *, log_events: bool) -> None:
    async def body(gateway: Gateway) -> None:
        await gateway.up("net", "net2")
        assert await gateway.destroy((IPSEC, 1)) < ANSWER_WITHIN
        await gateway.until(lambda: gateway.rows == ([1], [2]), "the row to go", 1)
        assert gateway.reasons() == {EndReason.OPERATOR}
        assert await gateway.has("alpha") == (1, {"net2"})
        await gateway.until_has("beta", (1, {"net2"}))

    run(directory, body, version=version, children=2, log_events=log_events)


@versions
def test_tunnels_whose_sas_were_replaced(directory: Path, version: int) -> None:
    async def body(gateway: Gateway) -> None:
        await gateway.up("net", "net2")
        await asyncio.to_thread(gateway.gateways.rekey_child)
        await asyncio.to_thread(gateway.gateways.rekey_ike)
        await gateway.until(
            lambda: gateway.tracker.snapshot(0.0).ike_tunnels[0].refreshes == 1, "the new IKE SA"
        )
        await gateway.destroy((IPSEC, 1))
        await gateway.until(lambda: gateway.rows == ([1], [2]), "the row to go", 2)
        await gateway.until_has("beta", (len(gateway.tracker.ike_sas(1)), {"net2"}))
        await gateway.destroy((IKE, 1))
        await gateway.until(lambda: gateway.rows == ([], []), "the rows to go", 2)
        assert gateway.reasons() == {EndReason.OPERATOR}
        for side in ("alpha", "beta"):
            await gateway.until_has(side, (0, set()))

    run(directory, body, version=version, children=2)


@versions
def test_an_ike_tunnel_whose_peer_is_silent(directory: Path, version: int) -> None:
    async def body(gateway: Gateway) -> None:
        await gateway.up()
        gateway.gateways.cut()
        assert await gateway.destroy((IKE, 1)) < 3  # charon would wait for longer than that
        await gateway.until(lambda: gateway.rows == ([], []), "the rows to go", 1)
        assert gateway.reasons() == {EndReason.OPERATOR}
        assert await gateway.has("alpha") == (0, set())

    run(directory, body, version=version, dpd_delay=30, retransmit_timeout=4.0)


@versions
def test_an_ipsec_tunnel_whose_peer_is_silent(directory: Path, version: int) -> None:
    async def body(gateway: Gateway) -> None:
        await gateway.up()
        gateway.gateways.cut()
        assert await gateway.destroy((IPSEC, 1)) < ANSWER_WITHIN
        # With IKEv2 charon holds on to it until it gives the peer up.
        await gateway.until(lambda: not gateway.rows[1], "the row to go", 5)
        assert gateway.reasons(IpsecTunnelStopped) == {EndReason.OPERATOR}
        if version == 2:
            assert gateway.reasons(IkeTunnelStopped) == {EndReason.PEER_LOST}

    run(directory, body, version=version, dpd_delay=30)


@versions
def test_a_tunnel_and_the_one_below_it_in_one_set(directory: Path, version: int) -> None:
    async def body(gateway: Gateway) -> None:
        await gateway.up("net", "net2")
        await gateway.destroy((IKE, 1), (IPSEC, 1), (IPSEC, 2))
        await gateway.until(lambda: gateway.rows == ([], []), "the rows to go", 1)
        assert gateway.reasons() == {EndReason.OPERATOR}

    run(directory, body, version=version, children=2)


def test_several_sets_at_once(directory: Path) -> None:
    children = [f"net{number}" if number > 1 else "net" for number in range(1, 9)]

    async def body(gateway: Gateway) -> None:
        await gateway.up(*children)
        await asyncio.gather(*(gateway.destroy((IPSEC, index)) for index in range(2, 9)))
        await gateway.until(lambda: gateway.rows == ([1], [1]), "the rows to go", 2)
        assert await gateway.has("alpha") == (1, {"net"})

    run(directory, body, children=8)


@versions
def test_a_daemon_that_cannot_act(directory: Path, version: int) -> None:
    async def body(gateway: Gateway) -> None:
        await gateway.up()
        gateway.gateways.freeze("alpha")
        # It is not known yet that it hangs.
        with pytest.raises(SetError) as caught:
            await gateway.destroy((IKE, 1))
        assert (caught.value.status, caught.value.index) == (ErrorStatus.COMMIT_FAILED, 1)
        assert isinstance(caught.value.__cause__, TerminateError)
        await gateway.until(lambda: not gateway.source.connected, "the silence to be noticed")
        with pytest.raises(SetError) as caught:
            await gateway.destroy((IKE, 1))
        assert (caught.value.status, caught.value.index) == (ErrorStatus.NOT_WRITABLE, 1)
        gateway.gateways.thaw("alpha")

    run(directory, body, version=version, dpd_delay=30)
