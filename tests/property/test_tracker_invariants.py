"""What must hold at every moment of every world, however often somebody looks at it."""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter

from hypothesis import given, settings
from hypothesis import strategies as st

from datasource.events import (
    Event,
    IkeTunnelStarted,
    IkeTunnelStopped,
    IpsecTunnelStarted,
    IpsecTunnelStopped,
    SetupFailed,
)
from datasource.model import IpsecTunnel, Spi, Totals, add_counters
from datasource.simulated import (
    MEASURED_IKE,
    MEASURED_IPSEC,
    SimulatedGateway,
    tracker_for_simulation,
)
from datasource.snapshot import Snapshot
from datasource.tracker import Tracker

START = 5_000.0

SECONDS = st.one_of(st.floats(0.001, 1), st.floats(1, 60), st.floats(60, 1_800))
LONG = st.sampled_from([0.0, 7_200.0])
STEPS = st.lists(st.tuples(SECONDS, st.booleans()), min_size=1, max_size=8)


class Watcher:
    """Follows a tracker from snapshot to snapshot, and says what is wrong."""

    def __init__(self, tracker: Tracker) -> None:
        self.tracker = tracker
        self.last_totals = Totals(ike=MEASURED_IKE, ipsec=MEASURED_IPSEC)
        self.live_ike: set[int] = set()
        self.live_ipsec: set[int] = set()
        self.last_ike_index = 0
        self.last_ipsec_index = 0
        self.ike_ended = 0
        self.ipsec_ended = 0
        self.left_by_ike = list[int | None](MEASURED_IKE)
        self.left_by_ipsec = list[int | None](MEASURED_IPSEC)
        self.setups_failed = 0
        self.spis: dict[int, dict[int, Spi]] = {}
        self.last_at = START

    def look(self, now: float) -> None:
        for event in self.tracker.take_events():
            self._follow(event)
            assert self.last_at <= event.at <= now
            self.last_at = event.at
        snapshot = self.tracker.snapshot(now)
        self._check_tunnels(snapshot)
        self._check_associations(snapshot)
        self._check_spis(snapshot.ipsec_tunnels)
        self._check_totals(snapshot)

    def _follow(self, event: Event) -> None:
        match event:
            case IkeTunnelStarted(_, tunnel):
                assert tunnel.index > self.last_ike_index, "index used again"
                self.last_ike_index = tunnel.index
                self.live_ike.add(tunnel.index)
            case IpsecTunnelStarted(_, ipsec):
                assert ipsec.index > self.last_ipsec_index, "index used again"
                self.last_ipsec_index = ipsec.index
                self.live_ipsec.add(ipsec.index)
            case IkeTunnelStopped(_, tunnel, _):
                self.live_ike.remove(tunnel.index)
                self.ike_ended += 1
                self.left_by_ike = add_counters(self.left_by_ike, tunnel.traffic)
            case IpsecTunnelStopped(_, ipsec, _):
                self.live_ipsec.remove(ipsec.index)
                self.ipsec_ended += 1
                self.left_by_ipsec = add_counters(self.left_by_ipsec, ipsec.traffic)
            case SetupFailed():
                self.setups_failed += 1

    def _check_tunnels(self, snapshot: Snapshot) -> None:
        ike = [tunnel.index for tunnel in snapshot.ike_tunnels]
        ipsec = [tunnel.index for tunnel in snapshot.ipsec_tunnels]
        assert ike == sorted(self.live_ike)
        assert ipsec == sorted(self.live_ipsec)
        for tunnel in snapshot.ipsec_tunnels:
            assert tunnel.ike_alive == (tunnel.ike_index in self.live_ike)
            assert tunnel.started_at <= snapshot.taken_at
            assert tunnel.endpoints

    def _check_associations(self, snapshot: Snapshot) -> None:
        keys = [association.key for association in snapshot.associations]
        assert keys == sorted(set(keys))
        members = [m.ipsec_index for a in snapshot.associations for m in a.members]
        assert sorted(members) == sorted(self.live_ipsec), "each IPsec tunnel once"
        ike = [a.ike_index for a in snapshot.associations if a.ike_index]
        assert sorted(ike) == sorted(self.live_ike), "each IKE tunnel once"
        by_key = {association.key: association for association in snapshot.associations}
        for tunnel in snapshot.ike_tunnels:
            assert by_key[tunnel.association].ike_index == tunnel.index
        identities = [(a.local_identity, a.remote_identity, a.number) for a in by_key.values()]
        assert len(set(identities)) == len(identities)
        for association in snapshot.associations:
            numbers = [member.number for member in association.members]
            assert numbers == sorted(set(numbers))
            assert association.ike_index or association.members

    def _check_spis(self, tunnels: Iterable[IpsecTunnel]) -> None:
        for tunnel in tunnels:
            known = self.spis.setdefault(tunnel.index, {})
            numbers = [spi.number for spi in tunnel.spis]
            assert numbers == sorted(set(numbers))
            newest = max(known, default=0)
            assert tunnel.spis
            for spi in tunnel.spis:
                before = known.setdefault(spi.number, spi)
                assert (before.value, before.inbound) == (spi.value, spi.inbound)
                assert not (before.expiring and not spi.expiring)
                assert before is spi or spi.number <= newest
            # Numbers run without gaps: those given out have gone or are here.
            assert tunnel.expired_spis + len(numbers) == numbers[-1]

    def _check_totals(self, snapshot: Snapshot) -> None:
        totals = snapshot.totals
        ike, ipsec = self.left_by_ike, self.left_by_ipsec
        for tunnel in snapshot.ike_tunnels:
            ike = add_counters(ike, tunnel.traffic)
        for ipsec_tunnel in snapshot.ipsec_tunnels:
            ipsec = add_counters(ipsec, ipsec_tunnel.traffic)
        assert list(totals.ike) == ike
        assert list(totals.ipsec) == ipsec
        assert totals.ike_ended == self.ike_ended
        assert totals.ipsec_ended == self.ipsec_ended
        assert totals.initiated_failures + totals.responded_failures == self.setups_failed
        before = self.last_totals
        for name in ("ike", "ipsec"):
            pairs = zip(getattr(before, name), getattr(totals, name), strict=True)
            assert all(old <= new for old, new in pairs)
        for name in ("initiated", "initiated_failures", "responded_failures"):
            assert attrgetter(name)(before) <= attrgetter(name)(totals)
        self.last_totals = totals


def watch(seed: int, tunnels: int, steps: list[tuple[float, bool]], *, waited: bool) -> None:
    tracker = tracker_for_simulation()
    gateway = SimulatedGateway(tracker, tunnels=tunnels, seed=seed, started_at=START)
    watcher = Watcher(tracker)
    gateway.advance(START)
    watcher.look(START)
    assert len(tracker.snapshot(START).ipsec_tunnels) == tunnels
    now = START
    for step, listed in steps:
        now += step
        while not gateway.advance(now, at_most=500):
            watcher.look(now)
        if listed:
            listing = tracker.list()
            for sa in gateway.listing(now):
                listing.add(now, sa)
            listing.end(now, waited=waited)
        watcher.look(now)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**64),
    tunnels=st.integers(1, 60),
    long=LONG,
    steps=STEPS,
    waited=st.booleans(),
)
def test_the_invariants_hold_at_every_moment(
    seed: int, tunnels: int, long: float, steps: list[tuple[float, bool]], *, waited: bool
) -> None:
    watch(seed, tunnels, [(long, True), *steps], waited=waited)


# Few examples: a day of sixty tunnels takes a second.
@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 2**64), tunnels=st.integers(1, 60), steps=STEPS)
def test_the_invariants_hold_after_a_day(
    seed: int, tunnels: int, steps: list[tuple[float, bool]]
) -> None:
    watch(seed, tunnels, [(86_400.0, True), *steps], waited=True)


@settings(max_examples=10, deadline=None)
@given(
    seed=st.integers(0, 2**64),
    tunnels=st.integers(1, 60),
    steps=st.lists(SECONDS, max_size=5),
    long=LONG,
)
def test_the_same_seed_makes_the_same_world_at_any_pace(
    seed: int, tunnels: int, steps: list[float], long: float
) -> None:
    tracker, other_tracker = tracker_for_simulation(), tracker_for_simulation()
    gateway = SimulatedGateway(tracker, tunnels=tunnels, seed=seed, started_at=START)
    other = SimulatedGateway(other_tracker, tunnels=tunnels, seed=seed, started_at=START)
    now = START
    for step in [*steps, long]:
        now += step
        gateway.advance(now)
    other.advance(now)
    assert list(gateway.listing(now)) == list(other.listing(now))
    assert tracker.take_events() == other_tracker.take_events()
    assert tracker.snapshot(now) == other_tracker.snapshot(now)
