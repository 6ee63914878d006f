"""Windows of what was, and what the tracker puts into them."""

from __future__ import annotations

import dataclasses

import pytest

from datasource.events import (
    Event,
    IkeFailed,
    IkeTunnelStarted,
    IkeTunnelStopped,
    IpsecFailed,
    IpsecTunnelStarted,
    IpsecTunnelStopped,
)
from datasource.failures import IkeFailure
from datasource.history import History, Window
from datasource.reasons import EndReason, IkeFailureReason, IpsecFailureReason
from datasource.tracker import Tracker
from tests.sas import IKE, OURS, THEIRS, child, ike


def numbers(window: Window[str]) -> list[int]:
    return [record.number for record in window.rows()]


class TestWindow:
    def test_the_oldest_makes_room(self) -> None:
        window: Window[str] = Window(2)
        for text in "abc":
            window.add(text)
        assert [(r.number, r.content) for r in window.rows()] == [(2, "b"), (3, "c")]

    def test_rows_are_the_same_object_until_one_comes(self) -> None:
        window: Window[str] = Window(2)
        window.add("a")
        assert window.rows() is window.rows()

    def test_smaller_drops_the_oldest_and_larger_brings_nothing_back(self) -> None:
        window: Window[str] = Window(4)
        for text in "abcd":
            window.add(text)
        assert [record.content for record in window.resize(1)] == ["a", "b", "c"]
        assert (numbers(window), window.size) == ([4], 1)
        assert window.resize(3) == ()
        window.add("e")
        assert (numbers(window), window.size) == ([4, 5], 3)

    def test_a_change_of_size_is_taken_back_with_what_came_meanwhile(self) -> None:
        window: Window[str] = Window(3)
        for text in "abc":
            window.add(text)
        dropped = window.resize(1)
        window.add("d")
        window.restore(dropped, 3)
        assert (numbers(window), window.size) == ([1, 2, 4], 3)

    def test_numbers_start_again_in_order(self) -> None:
        window: Window[str] = Window(3, max_number=5)
        for text in "abcdefg":
            window.add(text)
        assert [(r.number, r.content) for r in window.rows()] == [(1, "f"), (2, "g"), (5, "e")]


class TestHistory:
    def test_sizes_are_those_of_all_windows_of_a_kind(self) -> None:
        changes: list[None] = []
        history = History(5, 7, lambda: changes.append(None))
        past = history.past()
        assert (past.tunnel_size, past.failure_size) == (5, 7)
        undo = history.resize_tunnels(2)
        assert (history.past().tunnel_size, history.past().failure_size) == (2, 7)
        undo()
        assert history.past().tunnel_size == 5
        assert len(changes) == 2


def started(tracker: Tracker) -> list[bool]:
    kinds = IkeTunnelStarted | IpsecTunnelStarted
    return [event.found for event in tracker.take_events() if isinstance(event, kinds)]


def kinds(events: tuple[Event, ...]) -> list[type[Event]]:
    return [type(event) for event in events]


def test_what_ends_is_history_in_the_same_step() -> None:
    tracker = Tracker()
    tracker.saw(10, ike(child(1)))
    tracker.child_down(15, ike(), child(1), EndReason.PEER_DELETE)
    tracker.ike_down(16, 1, EndReason.NORMAL)
    snapshot = tracker.snapshot(20)
    assert (snapshot.ike_tunnels, snapshot.ipsec_tunnels) == ((), ())
    (ended,) = snapshot.past.ike_tunnels
    assert (ended.number, ended.content.reason, ended.content.tunnel.index) == (
        1,
        EndReason.NORMAL,
        1,
    )
    assert (ended.content.lasted, ended.content.sas, ended.content.peer.number) == (6, 1, 1)
    (ipsec,) = snapshot.past.ipsec_tunnels
    assert (ipsec.content.lasted, ipsec.content.sas) == (5, 2)
    endpoints = [
        (e.number, e.content.tunnel_index, e.content.number) for e in snapshot.past.endpoints
    ]
    assert endpoints == [(1, 1, 1), (2, 1, 2)]
    assert (snapshot.totals.ike_ended, snapshot.totals.ipsec_ended) == (1, 1)


@pytest.mark.parametrize(
    ("reason", "of_ike", "of_ipsec"),
    [
        (EndReason.OPERATOR, IkeFailureReason.OPERATOR, IpsecFailureReason.OPERATOR),
        (EndReason.PEER_DELETE, IkeFailureReason.PEER_DELETE, IpsecFailureReason.PEER_DELETE),
        (EndReason.PEER_LOST, IkeFailureReason.PEER_LOST, IpsecFailureReason.PEER_LOST),
        (
            EndReason.LOCAL_FAILURE,
            IkeFailureReason.LOCAL_FAILURE,
            IpsecFailureReason.INTERNAL_ERROR,
        ),
    ],
)
def test_an_early_end_is_a_failure_too(
    reason: EndReason, of_ike: IkeFailureReason, of_ipsec: IpsecFailureReason
) -> None:
    tracker = Tracker()
    tracker.saw(10, ike(child(1)))
    tracker.take_events()
    tracker.child_down(15, ike(), child(1), reason)
    tracker.ike_down(16, 1, reason)
    past = tracker.snapshot(20).past
    (failure,) = past.ike_failures
    assert failure.content == IkeFailure(
        16, of_ike, IKE.local_identity, IKE.remote_identity, OURS, THEIRS
    )
    (failed,) = past.ipsec_failures
    assert (failed.content.at, failed.content.reason) == (15, of_ipsec)
    assert (failed.content.tunnel_index, failed.content.spi) == (1, 0x1001)
    assert (failed.content.source, failed.content.destination) == (OURS, THEIRS)
    assert kinds(tracker.take_events()) == [
        IpsecTunnelStopped,
        IpsecFailed,
        IkeTunnelStopped,
        IkeFailed,
    ]


@pytest.mark.parametrize("reason", [EndReason.NORMAL, EndReason.OTHER])
def test_an_end_in_time_or_of_unknown_cause_is_no_failure(reason: EndReason) -> None:
    tracker = Tracker()
    tracker.saw(10, ike(child(1)))
    tracker.child_down(15, ike(), child(1), reason)
    tracker.ike_down(16, 1, reason)
    past = tracker.snapshot(20).past
    assert (past.ike_failures, past.ipsec_failures) == ((), ())


def test_a_packet_is_put_to_its_tunnel() -> None:
    tracker = Tracker()
    tracker.saw(10, ike(child(1), child(2)))
    found = tracker.find_spi(0x1002, OURS)
    assert found is not None
    tunnel, peer = found
    assert (tunnel.index, peer.remote_identity) == (2, IKE.remote_identity)
    assert tracker.find_spi(0x1002, THEIRS) is None
    assert tracker.find_spi(0x2001, OURS) is None  # that is the SPI of what goes out


def test_a_check_point_copies_and_changes_nothing_else() -> None:
    """Invariant 10: one row with reason 7 for each live tunnel, and nothing that lives moves."""
    tracker = Tracker()
    tracker.saw(10, ike(child(1), child(2)))
    before, revision = tracker.snapshot(20), tracker.revision
    tracker.take_events()
    tracker.check_point(20)
    after = tracker.snapshot(20)
    assert dataclasses.replace(after, past=before.past) == before
    assert [r.content.reason for r in after.past.ike_tunnels] == [EndReason.CHECK_POINT]
    assert [r.content.tunnel for r in after.past.ipsec_tunnels] == list(before.ipsec_tunnels)
    assert len(after.past.endpoints) == 4
    assert tracker.take_events() == ()
    assert tracker.revision > revision
    tracker.ike_down(25, 1, EndReason.NORMAL)
    assert [r.number for r in tracker.snapshot(25).past.ike_tunnels] == [1, 2]


class TestFound:
    """NO-05: that a tunnel came up before anybody watched is no news."""

    def test_up_before(self) -> None:
        tracker = Tracker(watching_since=100)
        tracker.list().add(101, ike(child(1, age=50), age=60))
        assert started(tracker) == [True, True]

    def test_up_before_by_less_than_a_listing_can_tell(self) -> None:
        tracker = Tracker(watching_since=100)
        # The SA is 0.9 s old and is said to be 0 s old: it began before 100.
        tracker.list().add(100.5, ike(child(1, age=0), age=0))
        assert started(tracker) == [True, True]

    def test_came_up_while_watched_and_was_listed_before_its_event(self) -> None:
        tracker = Tracker(watching_since=100)
        tracker.list().add(105, ike(child(1, age=3), age=3))
        assert started(tracker) == [False, False]

    def test_came_up_at_once(self) -> None:
        tracker = Tracker(watching_since=100)
        tracker.saw(100.2, ike(child(1)))
        assert started(tracker) == [False, False]

    def test_a_new_child_of_an_old_peer_is_news(self) -> None:
        tracker = Tracker(watching_since=100)
        tracker.list().add(101, ike(child(1, age=50), age=60))
        tracker.take_events()
        tracker.saw(102, ike(child(2), age=61))
        assert started(tracker) == [False]


def test_whoever_waits_for_events_is_called_once() -> None:
    tracker = Tracker()
    called: list[None] = []
    tracker.on_event(lambda: called.append(None))
    tracker.saw(10, ike(child(1), child(2)))
    assert len(called) == 1
    tracker.take_events()
    tracker.ike_down(11, 1, EndReason.NORMAL)
    assert len(called) == 2
