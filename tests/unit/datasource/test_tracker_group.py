from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest

from datasource.configuration import Child, Connection, Interface, Interfaces, Wanted
from datasource.control import TrackerControl
from datasource.events import (
    CryptoMapAdded,
    EndReason,
    IkeFailed,
    IkeTunnelStarted,
    IkeTunnelStopped,
    IpsecFailed,
    SetupFailed,
)
from datasource.failures import IkeFailure, IpsecFailure
from datasource.ledger import Ledger
from datasource.model import (
    ChildSa,
    IkeSa,
    IkeTraffic,
    Mark,
    Peer,
    SaState,
)
from datasource.reasons import IkeFailureReason, IpsecFailureReason
from datasource.tracker import Tracker
from datasource.tracker_group import FIRST_CHILD, TrackerGroup
from datasource.vrf import VrfRule
from tests import sas

NAMED = (VrfRule("red", connections=("red*",)), VrfRule("blue", connections=("blue*",)))
MARKED = (
    VrfRule("red", marks=(Mark(42),), connections=("red*",)),
    VrfRule("blue", marks=(Mark(43),), if_ids=(43,)),
)
MESSAGES = IkeTraffic(in_packets=1)


def group(rules: Sequence[VrfRule] = NAMED) -> TrackerGroup:
    return TrackerGroup(rules, Tracker)


def child(number: int, mark: int | None = None) -> ChildSa:
    made = sas.child(number)
    marked = None if mark is None else Mark(mark)
    return dataclasses.replace(
        made, parameters=dataclasses.replace(made.parameters, mark_in=marked)
    )


def ike(number: int, connection: str, *children: ChildSa, age: float = 0, **changes: Any) -> IkeSa:
    parameters = dataclasses.replace(sas.IKE, connection=connection, **changes)
    return IkeSa(number, SaState.ACTIVE, age, parameters, children)


def tunnels(ledger: TrackerGroup) -> dict[str, list[tuple[str, int, int]]]:
    """Return the connections of the IKE tunnels, with their indexes and numbers of SAs."""
    return {
        context: [
            (one.parameters.connection, one.index, len(tracker.ike_sas(one.index)))
            for one in tracker.snapshot(0.0).ike_tunnels
        ]
        for context, tracker in ledger.trackers.items()
        if tracker.snapshot(0.0).ike_tunnels
    }


def ipsec_counts(ledger: TrackerGroup) -> dict[str, int]:
    return {
        context: len(tracker.snapshot(0.0).ipsec_tunnels)
        for context, tracker in ledger.trackers.items()
    }


def sets(ledger: TrackerGroup) -> dict[str, list[str]]:
    return {
        context: [row.name for row in tracker.snapshot(0.0).configuration.static_sets]
        for context, tracker in ledger.trackers.items()
    }


def events(ledger: TrackerGroup) -> dict[str, list[type]]:
    taken = {context: one.take_events() for context, one in ledger.trackers.items()}
    return {context: list(map(type, some)) for context, some in taken.items() if some}


def test_both_are_ledgers() -> None:
    ledgers: list[Ledger] = [Tracker(), group()]
    assert all(ledger.ledger_of(0, "red") for ledger in ledgers)


# By name ------------------------------------------------------------------------------------------


def test_each_context_has_its_own_indexes() -> None:
    ledger = group()
    assert list(ledger.trackers) == ["", "red", "blue"]
    for number, connection in enumerate(("red-1", "site", "blue", "red-2"), 1):
        ledger.saw(0.0, ike(number, connection, child(number)))
    assert tunnels(ledger) == {
        "": [("site", 1, 1)],
        "red": [("red-1", 1, 1), ("red-2", 2, 1)],
        "blue": [("blue", 1, 1)],
    }
    assert ipsec_counts(ledger) == {"": 1, "red": 2, "blue": 1}
    ledger.ike_down(1.0, 4, EndReason.OPERATOR)
    ended = {name: one.snapshot(1.0).totals.ike_ended for name, one in ledger.trackers.items()}
    assert ended == {"": 0, "red": 1, "blue": 0}


def test_a_successor_stays_though_its_name_is_another() -> None:
    ledger = group()
    ledger.saw(0.0, ike(1, "red-1", child(1)))
    ledger.ike_rekeyed(5.0, 1, ike(2, "site"))
    assert tunnels(ledger) == {"red": [("site", 1, 1)]}
    ledger.child_rekeyed(6.0, ike(2, "site"), child(1), child(2))
    assert ipsec_counts(ledger) == {"": 0, "red": 1, "blue": 0}
    ledger.child_down(7.0, ike(2, "site"), child(2), EndReason.PEER_DELETE)
    ledger.child_down(7.0, ike(2, "site"), child(1), EndReason.PEER_DELETE)
    assert ipsec_counts(ledger) == {"": 0, "red": 0, "blue": 0}


def test_a_successor_without_an_event_is_found_by_its_children() -> None:
    ledger = group()
    ledger.saw(0.0, ike(1, "red-1", child(1)))
    ledger.saw(5.0, ike(2, "site", child(1)))
    assert tunnels(ledger) == {"red": [("site", 1, 2)]}
    assert ledger.replaces(2)
    assert not ledger.replaces(9)


def test_a_successor_in_ikev1_is_found_by_its_peers() -> None:
    ledger = group(MARKED)
    ledger.saw(0.0, ike(1, "site", child(1, 42), version=1))
    ledger.saw(5.0, ike(2, "site", version=1))
    assert tunnels(ledger) == {"red": [("site", 1, 2)]}


def test_a_successor_that_was_listed_before_it_was_told() -> None:
    ledger = group()
    ledger.saw(0.0, ike(1, "red-1"))
    ledger.saw(5.0, ike(2, "site"))
    ledger.ike_rekeyed(5.0, 1, ike(2, "site"))
    assert tunnels(ledger) == {"": [("site", 1, 1)]}
    ledger.ike_rekeyed(6.0, 99, ike(3, "blue"))
    assert tunnels(ledger) == {"": [("site", 1, 1)], "blue": [("blue", 1, 1)]}


def test_a_child_whose_ike_sa_is_not_known() -> None:
    ledger = group()
    ledger.saw(0.0, ike(1, "red-1", child(1)))
    ledger.child_down(1.0, ike(7, "site"), child(1), EndReason.PEER_DELETE)
    assert ipsec_counts(ledger)["red"] == 0
    ledger.child_down(1.0, ike(8, "site"), child(5), EndReason.PEER_DELETE)
    ledger.saw(2.0, ike(9, "red-1", child(2)))
    ledger.child_rekeyed(3.0, ike(10, "site"), child(2), child(3))
    assert ipsec_counts(ledger) == {"": 0, "red": 1, "blue": 0}
    assert tunnels(ledger) == {"red": [("red-1", 1, 1), ("site", 2, 2)]}


def test_what_is_not_up_has_no_home() -> None:
    ledger = group()
    for state in (SaState.STARTING, SaState.EXPIRING):
        ledger.saw(0.0, dataclasses.replace(ike(1, "red-1"), state=state))
    assert tunnels(ledger) == {}
    assert not ledger.has_had(1)
    assert ledger.peer_of(1) is None
    assert ledger.ipsec_tunnel_of(1, "net") is None


def test_messages_go_where_their_sa_is_or_will_be() -> None:
    ledger = group()
    for sa_id in (1, 1, 2, 3):
        ledger.count_ike(sa_id, MESSAGES)
    ledger.saw(1.0, ike(1, "red-1"))
    ledger.count_ike(1, MESSAGES)
    ledger.ike_down(2.0, 1, EndReason.NORMAL)
    ledger.count_ike(1, MESSAGES)
    ledger.setup_failed(2.0, 3, initiator=True, connection="blue")
    ledger.saw(3.0, ike(3, "blue"))
    counts = {name: one.snapshot(3.0).totals.ike for name, one in ledger.trackers.items()}
    assert counts == {"": IkeTraffic(), "red": IkeTraffic(in_packets=4), "blue": IkeTraffic()}


def test_messages_of_too_many_negotiations() -> None:
    ledger = group()
    for sa_id in range(1, 10_002):
        ledger.count_ike(sa_id, MESSAGES)
    ledger.saw(0.0, ike(1, "red"))
    ledger.saw(0.0, ike(2, "red"))
    assert ledger.trackers["red"].snapshot(0.0).totals.ike == MESSAGES


# Listings -----------------------------------------------------------------------------------------


def test_a_listing_is_one_over_all_contexts() -> None:
    ledger = group()
    some = [ike(1, "red-1", child(1)), ike(2, "site", child(2))]
    for sa in some:
        ledger.saw(0.0, sa)
    listing = ledger.list()
    listing.add(1.0, some[0])
    assert listing.end(1.0, waited=False)
    for _ in range(2):
        assert tunnels(ledger)[""]
        listing = ledger.list()
        listing.add(2.0, some[0])
        listing.end(2.0, waited=True)
    assert tunnels(ledger) == {"red": [("red-1", 1, 1)]}
    listing = ledger.list()
    listing.add(3.0, some[0])
    assert not listing.end(3.0, waited=True)


def test_a_listing_from_before_a_restart_means_other_sas() -> None:
    ledger = group()
    ledger.saw(0.0, ike(1, "red-1", child(1)))
    ledger.count_ike(5, MESSAGES)
    listing = ledger.list()
    ledger.restarted(1.0, EndReason.LOCAL_FAILURE)
    assert tunnels(ledger) == {}
    listing.add(1.0, ike(1, "red-1", child(1)))
    listing.end(1.0, waited=True)
    assert not ledger.has_had(1)
    ledger.saw(2.0, ike(1, "blue", child(1)))
    ledger.saw(2.0, ike(5, "blue"))
    assert tunnels(ledger) == {"blue": [("blue", 1, 1), ("blue", 2, 1)]}
    assert ledger.trackers["blue"].snapshot(2.0).totals.ike == IkeTraffic()


def test_homes_of_forgotten_sas_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasource._journal._MAX_REMEMBERED", 100)
    ledger = group()
    ledger.saw(0.0, ike(1, "red-1"))
    for sa_id in range(2, 2_000):
        ledger.saw(0.0, ike(sa_id, "site"))
        ledger.ike_down(0.0, sa_id, EndReason.NORMAL)
        assert len(ledger._homes) < 300
    assert ledger.has_had(1)
    ledger.ike_rekeyed(1.0, 1, ike(2_000, "site"))
    assert tunnels(ledger) == {"red": [("site", 1, 1)]}


# By what SAs have ---------------------------------------------------------------------------------


def test_an_ike_sa_waits_for_its_first_child() -> None:
    ledger = group(MARKED)
    ledger.count_ike(1, MESSAGES)
    ledger.saw(10.0, ike(1, "site"))
    assert tunnels(ledger) == {}
    assert ledger.has_had(1)
    assert ledger.peer_of(1) is None
    ledger.setup_failed(10.0, 1, initiator=True)
    ledger.saw(10.5, ike(1, "site", child(1, 42)))
    assert tunnels(ledger) == {"red": [("site", 1, 1)]}
    tracker = ledger.trackers["red"]
    snapshot = tracker.snapshot(10.5)
    assert snapshot.ike_tunnels[0].started_at == 10.0
    assert snapshot.totals.ike == MESSAGES
    started = tracker.take_events()[0]
    assert isinstance(started, IkeTunnelStarted)
    assert (started.at, started.tunnel.traffic) == (10.5, MESSAGES)
    assert ledger.trackers[""].take_events() == ()


@pytest.mark.parametrize("by_listing", [True, False])
def test_an_ike_sa_that_waited_in_vain(*, by_listing: bool) -> None:
    ledger = group(MARKED)
    if by_listing:
        ledger.list().add(10.0, ike(1, "site", age=1))
    else:
        ledger.saw(10.0, ike(1, "site", age=1))
    assert not ledger.list().end(10.0 + FIRST_CHILD - 0.5, waited=True)
    assert tunnels(ledger) == {}
    assert not ledger.list().end(10.0 + FIRST_CHILD, waited=True)
    assert tunnels(ledger) == {"": [("site", 1, 1)]}
    assert ledger.trackers[""].snapshot(0.0).ike_tunnels[0].started_at == 9.0
    # Its child comes late and does not move it.
    ledger.saw(20.0, ike(1, "site", child(1, 42)))
    assert ipsec_counts(ledger) == {"": 1, "red": 0, "blue": 0}


def test_an_ike_sa_that_is_old_does_not_wait() -> None:
    ledger = group(MARKED)
    ledger.list().add(10.0, ike(1, "site", age=FIRST_CHILD))
    assert tunnels(ledger) == {"": [("site", 1, 1)]}


def test_an_ike_sa_waits_no_longer_than_it_lives() -> None:
    ledger = group(MARKED)
    ledger.saw(10.0, ike(1, "site"))
    ledger.ike_down(11.0, 1, EndReason.PEER_DELETE)
    assert events(ledger)[""][:2] == [IkeTunnelStarted, IkeTunnelStopped]
    ledger.saw(12.0, ike(2, "site"))
    ledger.restarted(13.0, EndReason.LOCAL_FAILURE)
    assert events(ledger)[""][:2] == [IkeTunnelStarted, IkeTunnelStopped]
    assert not ledger.has_had(2)


def test_an_ike_sa_that_waits_and_is_replaced() -> None:
    ledger = group(MARKED)
    ledger.saw(10.0, ike(1, "site"))
    ledger.ike_rekeyed(11.0, 1, ike(2, "site"))
    assert tunnels(ledger) == {"": [("site", 1, 1)]}
    ledger.saw(20.0, ike(3, "site", child(3, 42)))
    ledger.saw(21.0, ike(4, "site"))
    ledger.ike_rekeyed(21.0, 3, ike(4, "site"))
    assert tunnels(ledger) == {"": [("site", 1, 1)], "red": [("site", 1, 1)]}
    assert ledger.trackers["red"].snapshot(21.0).ike_tunnels[0].refreshes == 1


def test_names_and_interface_ids_of_the_ike_sa_need_no_child() -> None:
    ledger = group(MARKED)
    ledger.saw(0.0, ike(1, "red-1"))
    ledger.saw(0.0, ike(2, "site", if_id_in=43))
    assert tunnels(ledger) == {"red": [("red-1", 1, 1)], "blue": [("site", 1, 1)]}


def test_the_first_assignment_of_an_ike_sa_holds_for_all_its_children() -> None:
    ledger = group(MARKED)
    ledger.saw(0.0, ike(1, "site", child(1, 43)))
    ledger.saw(1.0, ike(1, "site", child(2, 42)))
    ledger.saw(2.0, ike(1, "site", child(3)))
    assert ipsec_counts(ledger) == {"": 0, "red": 0, "blue": 3}
    # Of two known at once, the first rule decides.
    ledger.saw(3.0, ike(2, "site", child(4, 43), child(5, 42)))
    assert ipsec_counts(ledger) == {"": 0, "red": 2, "blue": 3}


def test_a_connection_is_where_its_newest_sa_told() -> None:
    ledger = group(MARKED)
    ledger.saw(0.0, ike(1, "site", child(1, 42)))
    ledger.saw(10.0, ike(2, "site", age=FIRST_CHILD))  # has no child for long
    assert tunnels(ledger) == {"red": [("site", 1, 1), ("site", 2, 1)]}
    ledger.saw(20.0, ike(3, "site", child(3, 43)))
    assert ledger.ledger_of(0, "site") is ledger.trackers["blue"]
    ledger.saw(30.0, ike(4, "site", child(4)))
    assert ledger.ledger_of(0, "site") is ledger.trackers[""]
    assert ledger.ledger_of(1, "site") is ledger.trackers["red"]


# Failures -----------------------------------------------------------------------------------------


def test_failures_go_where_their_sa_or_connection_is() -> None:
    ledger = group()
    ledger.saw(0.0, ike(1, "red-1", child(1)))
    failure = IkeFailure(1.0, IkeFailureReason.PEER_LOST, None, None, None, None)
    ledger.ledger_of(1, "blue").ike_failed(failure)
    ledger.ledger_of(9, "blue").ike_failed(failure)
    ledger.ledger_of(9, "blue").count_failure("authentication")
    ledger.ike_failed(failure)
    ledger.setup_failed(1.0, 9, initiator=True, connection="blue")
    ledger.setup_failed(1.0, 1, initiator=True, connection="blue")  # was up
    found = events(ledger)
    assert found["red"][-1:] == [IkeFailed]
    assert found["blue"] == [IkeFailed, SetupFailed]
    assert found[""] == [IkeFailed]
    ledger.count_failure("authentication")
    ledger.count_failure("authentication")
    counts = {
        name: one.snapshot(1.0).totals.failures.authentication
        for name, one in ledger.trackers.items()
    }
    assert counts == {"": 2, "red": None, "blue": 1}


def test_no_pattern_fits_what_is_under_no_connection() -> None:
    ledger = group([VrfRule("red", connections=("*",))])
    ledger.setup_failed(0.0, 1, initiator=False)
    assert ledger.ledger_of(0, "") is ledger.trackers[""]
    assert events(ledger) == {"": [SetupFailed]}


def test_a_failure_of_a_tunnel_goes_where_the_tunnel_is() -> None:
    ledger = group()
    ledger.saw(0.0, ike(1, "site", child(1)))
    ledger.saw(0.0, ike(2, "red-1", child(2)))
    events(ledger)
    found = ledger.find_spi(0x1002, sas.OURS)
    assert found is not None
    tunnel, peer = found
    assert isinstance(peer, Peer)
    failure = IpsecFailure(1.0, IpsecFailureReason.IN_AUTHENTICATION, peer, tunnel)
    ledger.ipsec_failed(failure)
    assert events(ledger) == {"red": [IpsecFailed]}
    ledger.ike_down(2.0, 2, EndReason.NORMAL)
    ledger.child_down(2.0, ike(2, "red-1"), child(2), EndReason.NORMAL)
    events(ledger)
    ledger.ipsec_failed(failure)
    ledger.ipsec_failed(IpsecFailure(2.0, IpsecFailureReason.NO_SA))
    assert events(ledger) == {"": [IpsecFailed, IpsecFailed]}
    assert ledger.find_spi(0x1002, sas.OURS) is None


def test_what_nobody_is_concerned_with_is_global() -> None:
    ledger = group()
    ledger.set_failures(no_sa=7)
    ledger.count_ipsec_failure("no_sa", 3)
    for name, tracker in ledger.trackers.items():
        totals = tracker.snapshot(0.0).totals
        expected = (7, 3) if name == "" else (None, None)
        assert (totals.failures.no_sa, totals.ipsec_failures.no_sa) == expected


def test_questions() -> None:
    ledger = group()
    ledger.saw(0.0, ike(1, "red-1", child(1)))
    ledger.saw(0.0, ike(2, "red-1", child(2)))
    ledger.saw(0.0, ike(3, "site", child(3)))
    peer, tunnel = ledger.peer_of(2), ledger.ipsec_tunnel_of(2, "net")
    assert peer is not None
    assert tunnel is not None
    assert (peer.number, tunnel.index) == (2, 2)
    assert ledger.ike_sa_with("red-1", sas.THEIRS) == 2
    assert ledger.ike_sa_with("blue", sas.THEIRS) == 0
    assert ledger.has_had(3)
    assert not ledger.has_had(4)
    assert ledger.ike_sas(1) == ledger.child_sas(1) == (3,)


# What is configured -------------------------------------------------------------------------------


def connection(name: str) -> Connection:
    return Connection(name, (Child("net"),), peers=(sas.THEIRS,))


def test_the_configuration_is_shared_out() -> None:
    ledger = group()
    ledger.configure(0.0, [connection(name) for name in ("red-1", "site", "blue")])
    assert sets(ledger) == {"": ["site"], "red": ["red-1"], "blue": ["blue"]}
    assert events(ledger) == {}
    assert ledger.routed_peers() == {sas.THEIRS}
    assert ledger.connection_of("blue") == "blue"
    assert ledger.connection_of("green") is None
    ledger.attach(1.0, Interfaces((Interface(3, "eth0"),), {sas.THEIRS: 3}))
    ledger.enable(enabled=True)
    ledger.want(Wanted(max_sas=5))
    for tracker in ledger.trackers.values():
        now = tracker.snapshot(1.0).configuration
        assert now.enabled
        assert now.wanted.max_sas == 5
        assert [one.interface.name for one in now.attachments] == ["eth0"]
    events(ledger)
    ledger.configure(2.0, [connection(name) for name in ("red-1", "red-2", "site", "blue")])
    assert set(events(ledger)) == {"red"}


def test_a_connection_moves_where_its_sas_are_and_that_is_no_news() -> None:
    ledger = group(MARKED)
    known = [connection("site"), connection("other")]
    ledger.configure(0.0, known)
    assert sets(ledger) == {"": ["site", "other"], "red": [], "blue": []}
    ledger.saw(1.0, ike(1, "site", child(1, 42)))
    ledger.list().end(1.0, waited=False)
    assert sets(ledger) == {"": ["other"], "red": ["site"], "blue": []}
    row = ledger.trackers["red"].snapshot(1.0).configuration.static_sets[0]
    assert row.sas == 2
    ledger.saw(2.0, ike(2, "other", child(2, 43)))
    ledger.configure(2.0, [*known, connection("third")])
    assert sets(ledger) == {"": ["third"], "red": ["site"], "blue": ["other"]}
    found = events(ledger)
    assert found[""] == [CryptoMapAdded]
    assert CryptoMapAdded not in found["red"] + found["blue"]
    # What is remembered holds when the connection comes back.
    ledger.configure(3.0, [])
    ledger.configure(4.0, known)
    assert sets(ledger) == {"": [], "red": ["site"], "blue": ["other"]}
    assert CryptoMapAdded in events(ledger)["red"]


def test_what_sas_tell_of_a_connection_is_kept_for_a_hundred_thousand(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("datasource.tracker_group._MAX_LEARNED", 3)
    ledger = group(MARKED)
    for number in range(1, 6):
        ledger.saw(0.0, ike(number, f"site-{number}", child(number, 42)))
    homes = [ledger.ledger_of(0, f"site-{number}") for number in range(1, 6)]
    assert homes == [ledger.trackers[""]] * 2 + [ledger.trackers["red"]] * 3


# Control ------------------------------------------------------------------------------------------


class Shared:
    can_terminate = True

    def __init__(self) -> None:
        self.ended: list[tuple[int, ...]] = []

    async def terminate_ike(self, index: int, tracker: Tracker | None = None) -> None:
        assert tracker is not None
        self.ended.append(tracker.ike_sas(index))

    async def terminate_ipsec(self, index: int, tracker: Tracker | None = None) -> None:
        assert tracker is not None
        self.ended.append(tracker.child_sas(index))


def test_a_control_ends_the_tunnels_of_its_tracker() -> None:
    ledger = group()
    ledger.saw(0.0, ike(1, "site", child(11)))
    ledger.saw(0.0, ike(2, "red-1", child(12)))
    shared = Shared()
    control = TrackerControl(shared, ledger.trackers["red"])
    assert control.can_terminate
    asyncio.run(control.terminate_ike(1))
    asyncio.run(control.terminate_ipsec(1))
    assert shared.ended == [(2,), (12,)]
