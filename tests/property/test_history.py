"""Invariants 8, 9 and 10: windows hold the newest run, whatever is done to them meanwhile."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from datasource.events import (
    EndReason,
    IkeFailed,
    IkeTunnelStopped,
    IpsecFailed,
    IpsecTunnelStopped,
)
from datasource.history import Record
from datasource.model import Totals
from datasource.simulated import SimulatedGateway, tracker_for_simulation
from datasource.snapshot import Snapshot

START = 5_000.0
SIZES = st.sampled_from([1, 2, 200, 10_000])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("advance"), st.floats(0.1, 600)),
        st.tuples(st.just("tunnels"), SIZES),
        st.tuples(st.just("failures"), SIZES),
        st.tuples(st.just("check point"), st.just(0.0)),
        st.tuples(st.just("outage"), st.just(0.0)),
    ),
    min_size=1,
    max_size=12,
)


class Watcher:
    """Keeps every row that there ever was, and what of them should be left."""

    def __init__(self, seed: int, tunnels: int, tunnel_size: int, failure_size: int) -> None:
        self.tracker = tracker_for_simulation()
        self.gateway = SimulatedGateway(self.tracker, tunnels=tunnels, seed=seed, started_at=START)
        self.tracker.history.resize_tunnels(tunnel_size)
        self.tracker.history.resize_failures(failure_size)
        self.now = START
        self.gateway.advance(START)
        self.tracker.take_events()
        names = ("ike_tunnels", "ipsec_tunnels", "endpoints", "ike_failures", "ipsec_failures")
        self.kept: dict[str, list[Any]] = {name: [] for name in names}
        self.count = dict.fromkeys(names, 0)
        self.size = {name: failure_size if "fail" in name else tunnel_size for name in names}
        self.totals = self.tracker.snapshot(START).totals

    def add(self, name: str, content: object) -> None:
        self.count[name] += 1
        kept = self.kept[name]
        kept.append((self.count[name], content))
        del kept[: -self.size[name]]

    def do(self, what: str, much: float) -> None:
        before = self.tracker.snapshot(self.now)
        if what == "advance":
            self.now += much
            self.gateway.advance(self.now)
        elif what == "outage":
            for tunnel in before.ike_tunnels:
                self.gateway.terminate_ike(self.tracker.ike_sas(tunnel.index))
            self.now += 1.0
            self.gateway.advance(self.now)
        elif what == "check point":
            self.tracker.check_point(self.now)
            self.check_point(before)
        else:
            self.resize(what, int(much))
        self.follow()
        self.look()

    def check_point(self, before: Snapshot) -> None:
        after = self.tracker.snapshot(self.now)
        assert dataclasses.replace(after, past=before.past) == before
        assert self.tracker.take_events() == ()
        for tunnel in before.ike_tunnels:
            self.add("ike_tunnels", (EndReason.CHECK_POINT, tunnel))
        for ipsec in before.ipsec_tunnels:
            self.add_ipsec(EndReason.CHECK_POINT, ipsec)

    def add_ipsec(self, reason: EndReason, ipsec: Any) -> None:
        self.add("ipsec_tunnels", (reason, ipsec))
        for endpoint in ipsec.endpoints:
            self.add("endpoints", (ipsec.index, endpoint))

    def resize(self, what: str, size: int) -> None:
        if what == "tunnels":
            self.tracker.history.resize_tunnels(size)
        else:
            self.tracker.history.resize_failures(size)
        for name in self.kept:
            if ("fail" in name) == (what == "failures"):
                self.size[name] = size
                del self.kept[name][:-size]

    def follow(self) -> None:
        for event in self.tracker.take_events():
            match event:
                case IkeTunnelStopped(_, tunnel, reason, record):
                    self.add("ike_tunnels", (reason, tunnel))
                    assert record.number == self.count["ike_tunnels"]
                case IpsecTunnelStopped(_, ipsec, reason, ended, _):
                    self.add_ipsec(reason, ipsec)
                    assert ended.number == self.count["ipsec_tunnels"]
                case IkeFailed(failure):
                    self.add("ike_failures", failure)
                case IpsecFailed(failed):
                    self.add("ipsec_failures", failed)

    def look(self) -> None:
        snapshot = self.tracker.snapshot(self.now)
        past = snapshot.past
        found = {
            "ike_tunnels": rows(past.ike_tunnels, lambda row: (row.reason, row.tunnel)),
            "ipsec_tunnels": rows(past.ipsec_tunnels, lambda row: (row.reason, row.tunnel)),
            "endpoints": rows(past.endpoints, lambda row: (row.tunnel_index, row.endpoint)),
            "ike_failures": rows(past.ike_failures, lambda row: row),
            "ipsec_failures": rows(past.ipsec_failures, lambda row: row),
        }
        assert found == self.kept
        assert past.tunnel_size == self.size["ike_tunnels"]
        assert past.failure_size == self.size["ike_failures"]
        self.check_totals(snapshot.totals)

    def check_totals(self, totals: Totals) -> None:
        for part in ("ike", "ipsec", "failures", "ipsec_failures"):
            before, after = getattr(self.totals, part), getattr(totals, part)
            if not isinstance(before, tuple):
                before, after = dataclasses.astuple(before), dataclasses.astuple(after)
            assert all(a <= b for a, b in zip(before, after, strict=True))
        assert self.totals.ike_ended <= totals.ike_ended
        assert self.totals.ipsec_ended <= totals.ipsec_ended
        self.totals = totals


def rows(window: Sequence[Record[Any]], of: Any) -> list[tuple[int, Any]]:
    return [(record.number, of(record.content)) for record in window]


# Few examples, with many things done in each.
@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**32),
    tunnels=st.integers(1, 80),
    tunnel_size=SIZES,
    failure_size=SIZES,
    steps=STEPS,
)
def test_windows_hold_the_newest_run_and_totals_do_not_fall(
    seed: int,
    tunnels: int,
    tunnel_size: int,
    failure_size: int,
    steps: list[tuple[str, float]],
) -> None:
    watcher = Watcher(seed, tunnels, tunnel_size, failure_size)
    for what, much in steps:
        watcher.do(what, much)
