from __future__ import annotations

import asyncio
import dataclasses
import ipaddress
import itertools
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import chain

import pytest

from datasource.control import TrackerControl
from datasource.events import (
    EndReason,
    IkeTunnelStopped,
    IpsecFailed,
    IpsecTunnelStarted,
    IpsecTunnelStopped,
    SetupFailed,
)
from datasource.model import (
    AuthMethod,
    ChildSa,
    EncapsulationMode,
    IdentityType,
    IkeSa,
    IkeTraffic,
    IpAddress,
    IpsecTraffic,
    NegotiationMode,
    SaState,
)
from datasource.reasons import IpsecFailureReason
from datasource.simulated import SimulatedGateway, SimulatedSource, tracker_for_simulation
from datasource.tracker import Tracker
from datasource.tracker_group import TrackerGroup
from datasource.vrf import VrfRule, VrfRules

ENDS = set(EndReason) - {EndReason.CHECK_POINT}
START = 1_000_000.0
DAY = 86_400.0

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

OUTSIDE = [
    ipaddress.ip_network(text)
    for text in (
        "192.0.2.0/24",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "198.18.0.0/15",
        "2001:db8::/32",
    )
]
INSIDE = [
    ipaddress.ip_network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "2001:db8::/32")
]


def simulate(tunnels: int, seed: int = 1) -> tuple[Tracker, SimulatedGateway]:
    tracker = tracker_for_simulation()
    gateway = SimulatedGateway(tracker, tunnels=tunnels, seed=seed, started_at=START)
    return tracker, gateway


def list_all(tracker: Tracker, gateway: SimulatedGateway, now: float) -> None:
    listing = tracker.list()
    for sa in gateway.listing(now):
        listing.add(now, sa)
    listing.end(now, waited=True)


def children_of(sas: list[IkeSa]) -> list[ChildSa]:
    return list(chain.from_iterable(sa.children for sa in sas))


def fell(old: int | None, new: int | None) -> bool:
    return old is None or new is None or new < old


def is_in(address: IpAddress, networks: list[Network]) -> bool:
    return any(address in network for network in networks)


@pytest.mark.parametrize("tunnels", [1, 2, 3, 7, 20, 100, 1000])
def test_all_tunnels_are_up_at_the_start(tunnels: int) -> None:
    tracker, gateway = simulate(tunnels)
    assert gateway.advance(START)
    snapshot = tracker.snapshot(START)
    assert len(snapshot.ipsec_tunnels) == tunnels
    assert 1 <= len(snapshot.ike_tunnels) <= tunnels
    assert len(children_of(list(gateway.listing(START)))) == tunnels
    list_all(tracker, gateway, START)
    assert len(tracker.snapshot(START).ipsec_tunnels) == tunnels


@pytest.mark.parametrize("tunnels", [-1, 0, 50_001])
def test_the_number_of_tunnels_has_bounds(tunnels: int) -> None:
    with pytest.raises(ValueError, match="from 1 to 50000"):
        simulate(tunnels)


def test_the_first_peers_are_what_people_expect() -> None:
    _, gateway = simulate(20)
    first = next(gateway.listing(START))
    assert first.parameters.connection == "branch-oslo"
    assert first.parameters.remote_identity.text == "oslo.example.net"


def test_a_peer_looks_the_same_at_every_size() -> None:
    small = [sa.parameters for sa in simulate(10)[1].listing(START)]
    large = [sa.parameters for sa in simulate(500)[1].listing(START)]
    # The last one may have got fewer children than it would have.
    assert small[:-1] == large[: len(small) - 1]


@pytest.mark.parametrize("tunnels", [1, 40])
def test_the_world_does_not_depend_on_how_often_it_is_asked(tunnels: int) -> None:
    tracker, gateway = simulate(tunnels)
    other_tracker, other = simulate(tunnels)
    now = START
    for step in (0.0, 0.001, 0.5, 3.0, 60.0, 0.25, 900.0, 1800.0, 7.0, 3600.0, 9000.0):
        now += step
        other.advance(now)
        assert other.advance(now)
    gateway.advance(now)
    assert tracker.snapshot(now) == other_tracker.snapshot(now)
    assert tracker.take_events() == other_tracker.take_events()
    assert list(gateway.listing(now)) == list(other.listing(now))


def test_being_listed_changes_nothing() -> None:
    _, gateway = simulate(40)
    _, other = simulate(40)
    for now in range(int(START), int(START) + 600, 7):
        list(other.listing(now))
    assert list(gateway.listing(START + 600)) == list(other.listing(START + 600))


def test_another_seed_is_another_world() -> None:
    assert list(simulate(5, 1)[1].listing(START)) != list(simulate(5, 2)[1].listing(START))


def test_time_does_not_go_back() -> None:
    _, gateway = simulate(5)
    later = list(gateway.listing(START + 60))
    assert list(gateway.listing(START)) == later


def test_happenings_may_be_taken_a_few_at_a_time() -> None:
    tracker, gateway = simulate(20)
    whole_tracker, whole = simulate(20)
    calls = 1
    while not gateway.advance(START + 3600, at_most=16):
        calls += 1
    whole.advance(START + 3600)
    assert calls > 10
    assert tracker.snapshot(0) == whole_tracker.snapshot(0)


def test_counters_of_an_sa_only_grow() -> None:
    _, gateway = simulate(100)
    before: dict[int, IpsecTraffic] = {}
    for now in range(int(START), int(START) + 4000, 13):
        for child in children_of(list(gateway.listing(now))):
            old = before.get(child.id, child.traffic)
            assert not any(map(fell, old, child.traffic))
            before[child.id] = child.traffic


def test_some_counters_have_passed_32_bits_at_the_start_and_some_tunnels_are_days_old() -> None:
    tracker, gateway = simulate(300)
    gateway.advance(START)
    tunnels = tracker.snapshot(START).ipsec_tunnels
    assert max(t.traffic.in_octets or 0 for t in tunnels) > 1 << 32
    ages = [START - t.started_at for t in tunnels]
    assert min(ages) < 1800
    assert max(ages) > 2 * DAY


def test_a_quiet_tunnel_reports_the_very_same_counters() -> None:
    _, gateway = simulate(100)
    before = {child.id: child for child in children_of(list(gateway.listing(START + 1)))}
    after = children_of(list(gateway.listing(START + 1.05)))
    same = [child.id for child in after if child.traffic is before[child.id].traffic]
    assert len(same) > 20
    assert all(child.parameters is before[child.id].parameters for child in after)


def test_the_population_stays_close_to_its_number() -> None:
    tracker, gateway = simulate(100)
    for hours in range(1, 13):
        now = START + hours * 3600
        list_all(tracker, gateway, now)
        assert 85 <= len(tracker.snapshot(now).ipsec_tunnels) <= 100


@pytest.mark.parametrize(
    ("tunnels", "seconds", "low", "high"), [(20, 3600, 120, 360), (5000, 120, 24, 240)]
)
def test_ends_are_as_frequent_as_at_real_gateways(
    tunnels: int, seconds: float, low: int, high: int
) -> None:
    tracker, gateway = simulate(tunnels)
    gateway.advance(START + seconds)
    ends = {event.at for event in tracker.take_events() if isinstance(event, IpsecTunnelStopped)}
    assert low <= len(ends) <= high


def test_a_tunnel_that_was_replaced_keeps_its_index() -> None:
    tracker, gateway = simulate(60)
    gateway.advance(START + DAY)
    snapshot = tracker.snapshot(START + DAY)
    assert max(t.refreshes for t in snapshot.ipsec_tunnels) > 5
    versions = {t.parameters.version for t in snapshot.ike_tunnels if t.refreshes}
    assert versions == {1, 2}


def test_everything_that_a_gateway_may_have_turns_up_within_a_day() -> None:
    tracker, gateway = simulate(300, seed=3)
    sas: list[IkeSa] = []
    for number in range(49):
        now = START + number * DAY / 144
        sas += gateway.listing(now)
    children = children_of(sas)
    ike, ipsec = [sa.parameters for sa in sas], [child.parameters for child in children]

    assert {sa.state for sa in sas} == set(SaState)
    assert {child.state for child in children} == {SaState.ACTIVE, SaState.EXPIRING}
    assert {p.mode for p in ike} == set(NegotiationMode)
    assert {p.auth_method for p in ike} == set(AuthMethod)
    assert {p.mode for p in ipsec} == set(EncapsulationMode)
    assert {p.protocol for p in ipsec} == {"ESP", "AH"}
    assert {p.local_address.version for p in ike} == {4, 6}
    assert {p.initiator for p in ike} == {True, False}
    assert {bool(p.remote_account) for p in ike if p.version == 1} == {True, False}
    assert {bool(p.remote_account) for p in ike if p.version == 2} == {True, False}
    assert {p.udp_encapsulation for p in ipsec} == {True, False}
    assert {p.cpi_in is None for p in ipsec} == {True, False}
    assert {p.lifetime is None for p in ike} == {p.lifetime is None for p in ipsec} == {True, False}
    assert {p.rekey_octets is None for p in ipsec} == {True, False}

    identities = {p.remote_identity for p in ike} | {p.local_identity for p in ike}
    assert {identity.type for identity in identities} == set(IdentityType)
    texts = {identity.text for identity in identities}
    assert any("@" in text for text in texts)
    assert any(text.startswith("C=") for text in texts)
    assert any("=" in text and len(text) == 54 for text in texts), "a DN that was cut"
    assert any("=" not in text and len(text) == 54 for text in texts), "a name that was cut"

    groups = {p.proposal.group for p in ike} | {p.proposal.group for p in ipsec}
    assert groups >= {
        "",
        "MODP_768",
        "MODP_1024",
        "MODP_1536",
        "MODP_2048",
        "MODP_3072",
        "MODP_4096",
        "MODP_6144",
        "MODP_8192",
        "ECP_256",
        "ECP_384",
        "ECP_521",
        "MODP_2048_256",
        "CURVE_25519",
    }
    encryption = {p.proposal.encryption for p in ike} | {p.proposal.encryption for p in ipsec}
    assert encryption >= {
        "",
        "DES_CBC",
        "3DES_CBC",
        "AES_CBC",
        "AES_GCM_16",
        "CHACHA20_POLY1305",
        "NULL",
    }
    integrity = {p.proposal.integrity for p in ike} | {p.proposal.integrity for p in ipsec}
    assert integrity >= {
        "",
        "HMAC_MD5_96",
        "HMAC_SHA1_96",
        "HMAC_SHA2_256_128",
        "HMAC_SHA2_384_192",
        "HMAC_SHA2_512_256",
    }
    assert {p.proposal.key_bits for p in ike} >= {0, 128, 192, 256}

    both = [(p.local_selectors, p.remote_selectors) for p in ipsec]
    assert {len(remote) for _, remote in both} >= {1, 2, 3}
    selectors = set(chain.from_iterable(local + remote for local, remote in both))
    assert {s.protocol for s in selectors} >= {0, 1, 6, 17, 47}
    assert {None, 0, 16, 24, 27, 32, 64} <= {s.prefix for s in selectors}
    assert {s.first_port == 0 for s in selectors} == {True, False}

    events = tracker.take_events()
    for kind in (IkeTunnelStopped, IpsecTunnelStopped):
        assert {event.reason for event in events if isinstance(event, kind)} == ENDS
    failed = {event.initiator for event in events if isinstance(event, SetupFailed)}
    assert failed == {True, False}
    starts = [event for event in events if isinstance(event, IpsecTunnelStarted)]
    assert len(starts) > 500

    totals = tracker.snapshot(START).totals
    assert all(dataclasses.astuple(totals.failures))
    assert all(dataclasses.astuple(totals.ipsec_failures))
    assert {name for name in IkeTraffic._fields if not getattr(totals.ike, name)} == set()
    # Nothing fails on the way out: there is no such thing as a packet that one cannot encrypt.
    assert {name for name in IpsecTraffic._fields if not getattr(totals.ipsec, name)} == {
        "out_auth_fails",
        "out_encrypt_fails",
    }


@pytest.mark.parametrize("tunnels", [60, 2000])
def test_addresses_are_those_set_aside_for_examples(tunnels: int) -> None:
    _, gateway = simulate(tunnels)
    for sa in gateway.listing(START + 3600):
        assert is_in(sa.parameters.local_address, OUTSIDE)
        assert is_in(sa.parameters.remote_address, OUTSIDE)
        for child in sa.children:
            parameters = child.parameters
            for selector in parameters.local_selectors + parameters.remote_selectors:
                if selector.prefix != 0:
                    assert is_in(selector.first, INSIDE + OUTSIDE)
                    assert is_in(selector.last, INSIDE + OUTSIDE)


def test_values_are_in_their_ranges() -> None:
    _, gateway = simulate(300)
    for sa in gateway.listing(START + 7200):
        assert sa.age >= 0
        assert 0 < sa.parameters.initiator_spi < 1 << 64
        assert 0 < sa.parameters.remote_port < 1 << 16
        if sa.parameters.lifetime is not None and sa.parameters.rekey_after is not None:
            assert sa.age <= sa.parameters.rekey_after + 60 <= sa.parameters.lifetime
        assert len(sa.children) <= 16
        for child in sa.children:
            assert child.age >= 0
            assert 256 <= child.parameters.spi_in < 1 << 32
            assert 256 <= child.parameters.spi_out < 1 << 32
            assert 256 <= (child.parameters.cpi_in or 256) < 1 << 16
            assert all(count is not None and count >= 0 for count in child.traffic)
            if child.parameters.cpi_in is None:
                assert child.traffic.in_octets == child.traffic.in_plain_octets
                assert child.traffic.out_octets == child.traffic.out_plain_octets


def test_ids_are_never_used_again() -> None:
    _, gateway = simulate(40)
    seen: dict[int, int] = {}
    gone: set[int] = set()
    before: set[int] = set()
    for now in range(int(START), int(START) + 3600, 5):
        children = children_of(list(gateway.listing(now)))
        ids = [child.id for child in children]
        assert len(ids) == len(set(ids))
        for child in children:
            assert seen.setdefault(child.id, child.parameters.spi_in) == child.parameters.spi_in
        gone |= before - set(ids)
        before = set(ids)
        assert gone.isdisjoint(ids)
    assert gone


# The source -------------------------------------------------------------------------------------


def run_source(
    tunnels: int,
    clock: Callable[[], float],
    meanwhile: Callable[[SimulatedSource, Tracker], Awaitable[None]],
    *,
    interval: float = 1.0,
) -> None:
    tracker, gateway = simulate(tunnels)

    async def main() -> None:
        source = SimulatedSource(gateway, tracker, clock, interval=interval)
        task = asyncio.create_task(source.run())
        async with asyncio.timeout(20):
            await meanwhile(source, tracker)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


def test_the_source_is_ready_after_the_first_listing() -> None:
    async def meanwhile(source: SimulatedSource, tracker: Tracker) -> None:
        assert not source.ready.is_set()
        await source.ready.wait()
        assert len(tracker.snapshot(START).ipsec_tunnels) == 50

    run_source(50, lambda: START, meanwhile)


def test_the_event_loop_turns_every_64_sas() -> None:
    async def meanwhile(source: SimulatedSource, tracker: Tracker) -> None:
        most, before = 0, 0
        while not source.ready.is_set():
            sas = len(tracker._ike._sas) + len(tracker._ipsec._sas)
            most, before = max(most, sas - before), sas
            await asyncio.sleep(0)
        assert before > 1000
        # At the start 16 peers come up at once, with at most 8 children each.
        assert most <= 16 * 9

    run_source(1000, lambda: START, meanwhile)


def test_a_refresh_that_was_asked_for_comes_soon() -> None:
    async def meanwhile(source: SimulatedSource, tracker: Tracker) -> None:
        await source.ready.wait()
        before = tracker._journal.listing
        source.refresh()
        source.refresh()
        # The next regular one is an hour away.
        while tracker._journal.listing == before:  # noqa: ASYNC110 - no event says so
            await asyncio.sleep(0.01)

    run_source(5, lambda: START, meanwhile, interval=3600)


def test_a_slow_pass_is_followed_by_a_rest_of_four_times_its_length(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rests: list[float] = []
    sleep = asyncio.sleep

    async def no_sleep(seconds: float) -> None:
        if seconds:
            rests.append(seconds)
        await sleep(0)

    ticks = itertools.count(int(START), 10)

    async def meanwhile(source: SimulatedSource, _: Tracker) -> None:
        while len(rests) < 3:
            source.refresh()
            await sleep(0)

    monkeypatch.setattr(asyncio, "sleep", no_sleep)
    run_source(5, lambda: float(next(ticks)), meanwhile)
    assert rests[:3] == [40.0] * 3


def test_what_cannot_happen_any_more_does_not_pile_up() -> None:
    tracker = tracker_for_simulation()
    gateway = SimulatedGateway(tracker, tunnels=100, seed=1, started_at=0.0)
    for hour in range(1, 25):
        gateway.advance(hour * 3600.0)
        tracker.take_events()
    assert tracker.snapshot(24 * 3600.0).totals.ipsec_ended > 5000
    assert len(gateway._happenings._heap) < 3000


@pytest.mark.parametrize("seed", range(4))
def test_an_ike_tunnel_that_is_terminated_ends_and_comes_back(seed: int) -> None:
    tracker, gateway = simulate(20, seed)
    source = SimulatedSource(gateway, tracker, lambda: START + 1)
    gateway.advance(START)
    assert source.can_terminate
    row = tracker.snapshot(START).ike_tunnels[1]
    own = {t.index for t in tracker.snapshot(START).ipsec_tunnels if t.ike_index == row.index}
    tracker.take_events()
    asyncio.run(source.terminate_ike(row.index))
    assert row.index not in {t.index for t in tracker.snapshot(START + 1).ike_tunnels}
    gateway.advance(START + 2.5)  # some peers are slow to let go of the children
    ended = [
        event
        for event in tracker.take_events()
        if isinstance(event, IkeTunnelStopped | IpsecTunnelStopped) and event.at < START + 2.5
    ]
    assert {type(e).__name__ for e in ended} == {"IkeTunnelStopped", "IpsecTunnelStopped"}
    assert {e.tunnel.index for e in ended if isinstance(e, IpsecTunnelStopped)} >= own
    assert {e.reason for e in ended if e.tunnel.index in own} == {EndReason.OPERATOR}
    gateway.advance(START + 20)
    peers = [t.parameters.remote_identity for t in tracker.snapshot(START + 20).ike_tunnels]
    assert row.parameters.remote_identity in peers
    before = tracker.revision
    asyncio.run(source.terminate_ike(row.index))  # that tunnel has ended
    assert tracker.revision == before


def test_an_ipsec_tunnel_that_is_terminated_ends_alone_and_comes_back() -> None:
    tracker, gateway = simulate(20)
    source = SimulatedSource(gateway, tracker, lambda: START)
    gateway.advance(START)
    before = tracker.snapshot(START)
    row = before.ipsec_tunnels[3]
    tracker.take_events()
    asyncio.run(source.terminate_ipsec(row.index))
    ended, failed = tracker.take_events()
    assert isinstance(ended, IpsecTunnelStopped)
    assert (ended.tunnel.index, ended.reason) == (row.index, EndReason.OPERATOR)
    assert isinstance(failed, IpsecFailed)
    assert failed.failure.reason is IpsecFailureReason.OPERATOR
    after = tracker.snapshot(START)
    assert len(after.ike_tunnels) == len(before.ike_tunnels)
    assert len(after.ipsec_tunnels) == 19
    gateway.advance(START + 16)
    started = [e for e in tracker.take_events() if isinstance(e, IpsecTunnelStarted)]
    assert any(e.tunnel.parameters.name == row.parameters.name for e in started)


def test_a_tunnel_whose_sa_is_due_to_be_replaced_is_terminated_too() -> None:
    tracker, gateway = simulate(200)
    gateway.advance(START)
    rekeys = [
        (at, happen.args[0].id)
        for at, _, happen, _ in gateway._happenings._heap
        if isinstance(happen, partial) and happen.func == gateway._rekey_child
    ]
    at, sa_id = min(rekeys)
    (index,) = [
        tunnel.index
        for tunnel in tracker.snapshot(START).ipsec_tunnels
        if sa_id in tracker.child_sas(tunnel.index)
    ]
    asyncio.run(SimulatedSource(gateway, tracker, lambda: at).terminate_ipsec(index))
    (ended,) = [e for e in tracker.take_events() if isinstance(e, IpsecTunnelStopped)][-1:]
    assert (ended.tunnel.index, ended.tunnel.refreshes) == (index, 1)


def test_a_group_of_trackers_sees_the_same_world_in_parts() -> None:
    whole, one_gateway = simulate(60)
    rules = (
        VrfRule("red", connections=("branch-*",)),
        VrfRule("blue", connections=("sales-*", "partner-*")),
    )
    group = TrackerGroup(rules, tracker_for_simulation)
    gateway = SimulatedGateway(group, tunnels=60, seed=1, started_at=START)
    now = START + 20_000
    source = SimulatedSource(gateway, group, lambda: now)
    for each in (one_gateway, gateway):
        each.advance(now)
    snapshots = {context: one.snapshot(now) for context, one in group.trackers.items()}
    expected = whole.snapshot(now)
    assert all(len(snapshot.ike_tunnels) > 3 for snapshot in snapshots.values())
    for context, snapshot in snapshots.items():
        names = {tunnel.parameters.connection for tunnel in snapshot.ike_tunnels}
        assert all(VrfRules(rules).by_name(name) == (context or None) for name in names)
    for kind in ("ike_tunnels", "ipsec_tunnels"):
        parts = [t.parameters for snapshot in snapshots.values() for t in getattr(snapshot, kind)]
        assert sorted(map(repr, parts)) == sorted(
            repr(t.parameters) for t in getattr(expected, kind)
        )
    for count in ("ike_ended", "ipsec_ended", "initiated", "initiated_failures"):
        parts_of_it = [getattr(snapshot.totals, count) for snapshot in snapshots.values()]
        assert sum(parts_of_it) == getattr(expected.totals, count)
        assert all(parts_of_it)
    control = TrackerControl(source, group.trackers["blue"])
    row = snapshots["blue"].ike_tunnels[0]
    asyncio.run(control.terminate_ike(row.index))
    after = {context: one.snapshot(now).ike_tunnels for context, one in group.trackers.items()}
    assert row.index not in {tunnel.index for tunnel in after["blue"]}
    for context in ("", "red"):
        assert after[context] == snapshots[context].ike_tunnels
