"""Captures of real charons, reported to a group: all is as with one tracker, in one context."""

from __future__ import annotations

from typing import Any

import pytest

from datasource.model import Mark
from datasource.snapshot import Snapshot
from datasource.strongswan.failures import HOLD
from datasource.strongswan.session import StrongSwanSession
from datasource.strongswan.source import tracker_for
from datasource.tracker import Tracker
from datasource.tracker_group import FIRST_CHILD, TrackerGroup
from datasource.vrf import VrfRule
from tests.unit.datasource.strongswan.replay import SCENARIOS, scenario

BY_NAME = VrfRule("red", connections=("site",))
BY_MARK = VrfRule("red", marks=(Mark(0x2A),))
ANY_NAME = VrfRule("red", connections=("*",))


def marked(value: Any) -> Any:
    """Give each child SA in a message a mark."""
    if not isinstance(value, dict):
        return value
    more = {"mark-in": b"0000002a"} if "reqid" in value else {}
    return {key: marked(item) for key, item in value.items()} | more


def play(name: str, ledger: Tracker | TrackerGroup, *, rests: float = HOLD) -> float:
    """Feed a capture, line by line; return the time of its end."""
    problems: list[Exception] = []
    session = StrongSwanSession(ledger, on_problem=problems.append)
    now = 1000.0
    answer: list[dict[str, Any]] = []
    for kind, message in scenario(name):
        now += 2**-10
        if kind == "list-sa":
            answer.append(marked(message))
        elif kind == "list-sas":
            now += rests
            session.tick(now)
            for _ in range(2):
                listing = ledger.list()
                for one in answer:
                    session.listed(now, listing, one)
                listing.end(now, waited=True)
            answer.clear()
        elif kind not in ("list-conn", "list-conns"):
            session.event(now, kind, marked(message))
    assert not problems
    return now


def tunnels(snapshot: Snapshot) -> tuple[object, ...]:
    totals = snapshot.totals
    counts = (totals.ike, totals.ipsec, totals.ike_ended, totals.ipsec_ended)
    return snapshot.ike_tunnels, snapshot.ipsec_tunnels, snapshot.associations, counts


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        (rule, name)
        for rule in (BY_NAME, ANY_NAME, BY_MARK)
        for name in SCENARIOS
        # Without a child there is no mark.
        if rule is not BY_MARK or "child-proposal-mismatch" not in name
    ],
)
def test_tunnels_are_in_their_context(rule: VrfRule, name: str) -> None:
    alone = tracker_for(log_events=True)
    group = TrackerGroup([rule], lambda: tracker_for(log_events=True))
    now = play(name, alone)
    assert play(name, group) == now
    assert tunnels(group.trackers["red"].snapshot(now)) == tunnels(alone.snapshot(now))
    assert not group.trackers[""].snapshot(now).ike_tunnels


@pytest.mark.parametrize("side", ["alpha", "beta"])
@pytest.mark.parametrize("rule", [BY_NAME, ANY_NAME], ids=["name", "any"])
def test_a_failed_set_up_is_in_the_context_of_its_connection(rule: VrfRule, side: str) -> None:
    group = TrackerGroup([rule], lambda: tracker_for(log_events=True))
    play(f"v2-auth-failure-{side}", group)
    counts = {context: tracker.snapshot(0.0).totals for context, tracker in group.trackers.items()}
    assert counts["red"].initiated_failures + counts["red"].responded_failures == 1
    assert (counts["red"].failures.authentication, counts[""].failures.authentication) == (1, 0)
    assert len(group.trackers["red"].take_events()) == 2
    assert not group.trackers[""].take_events()


@pytest.mark.parametrize("side", ["alpha", "beta"])
def test_what_is_under_no_connection_fits_no_pattern(side: str) -> None:
    group = TrackerGroup([ANY_NAME], lambda: tracker_for(log_events=True))
    play(f"v1-ike-proposal-mismatch-{side}", group)
    # The initiator knows what it wanted; the responder refused somebody.
    expected = {"alpha": {"red": 2}, "beta": {"": 2}}[side]
    events = {context: len(one.take_events()) for context, one in group.trackers.items()}
    assert {context: count for context, count in events.items() if count} == expected


def test_a_tunnel_without_children_is_shown_in_the_end() -> None:
    group = TrackerGroup([BY_MARK], lambda: tracker_for(log_events=True))
    play("v2-child-proposal-mismatch-alpha", group, rests=FIRST_CHILD)
    snapshots = {context: one.snapshot(0.0) for context, one in group.trackers.items()}
    assert not snapshots["red"].ike_tunnels
    assert len(snapshots[""].ike_tunnels) + snapshots[""].totals.ike_ended == 1
