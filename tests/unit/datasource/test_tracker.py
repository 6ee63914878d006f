from __future__ import annotations

import dataclasses
import gc
import ipaddress

import pytest

from datasource.events import (
    EndReason,
    Event,
    IkeTunnelStarted,
    IkeTunnelStopped,
    IpsecFailed,
    IpsecTunnelStarted,
    IpsecTunnelStopped,
    SetupFailed,
)
from datasource.model import (
    ChildSa,
    ChildSaParameters,
    Identity,
    IkeFailures,
    IkeSa,
    IkeSaParameters,
    IkeTraffic,
    IkeTunnel,
    IpsecFailures,
    IpsecTraffic,
    IpsecTunnel,
    NegotiationMode,
    Peer,
    SaState,
    TrafficSelector,
)
from datasource.simulated import SimulatedGateway, tracker_for_simulation
from datasource.snapshot import Snapshot
from datasource.tracker import Tracker

ACTIVE, EXPIRING, STARTING = SaState.ACTIVE, SaState.EXPIRING, SaState.STARTING


def address_of(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.ip_address(text)


def subnet(text: str) -> TrafficSelector:
    network = ipaddress.ip_network(text)
    return TrafficSelector(network[0], network[-1])


IKE = IkeSaParameters(
    connection="site",
    version=2,
    initiator=True,
    local_address=address_of("192.0.2.1"),
    remote_address=address_of("198.51.100.2"),
    local_identity=Identity.parse("192.0.2.1"),
    remote_identity=Identity.parse("oslo.example.net"),
)
IKEV1 = dataclasses.replace(IKE, version=1, mode=NegotiationMode.MAIN)
CHILD = ChildSaParameters(
    name="lan",
    reqid=1,
    spi_in=0x1001,
    spi_out=0x2001,
    local_selectors=(subnet("10.1.0.0/16"),),
    remote_selectors=(subnet("10.2.0.0/16"),),
)
NOT_COUNTED = IpsecTraffic()


def ike(
    sa_id: int = 1,
    *children: ChildSa,
    parameters: IkeSaParameters = IKE,
    state: SaState = ACTIVE,
    age: float = 0,
) -> IkeSa:
    return IkeSa(sa_id, state, age, parameters, children)


def child(
    sa_id: int = 1,
    in_octets: int | None = 0,
    *,
    parameters: ChildSaParameters | None = None,
    state: SaState = ACTIVE,
    age: float = 0,
    reqid: int = 1,
) -> ChildSa:
    if parameters is None:
        parameters = dataclasses.replace(
            CHILD, reqid=reqid, spi_in=0x1000 + sa_id, spi_out=0x2000 + sa_id
        )
    return ChildSa(sa_id, state, age, parameters, IpsecTraffic(in_octets=in_octets))


@pytest.fixture
def tracker() -> Tracker:
    return Tracker(
        ike=IkeTraffic(in_packets=0), ipsec=IpsecTraffic(in_octets=0), failures=IkeFailures(no_sa=0)
    )


def list_all(tracker: Tracker, now: float, *sas: IkeSa, waited: bool = True) -> bool:
    listing = tracker.list()
    for sa in sas:
        listing.add(now, sa)
    return listing.end(now, waited=waited)


def only_ike(tracker: Tracker) -> IkeTunnel:
    (tunnel,) = tracker.snapshot(0).ike_tunnels
    return tunnel


def only_ipsec(tracker: Tracker) -> IpsecTunnel:
    (tunnel,) = tracker.snapshot(0).ipsec_tunnels
    return tunnel


def stopped(events: tuple[Event, ...]) -> list[tuple[type[Event], int, EndReason]]:
    return [
        (type(event), event.tunnel.index, event.reason)
        for event in events
        if isinstance(event, IkeTunnelStopped | IpsecTunnelStopped)
    ]


def indexes(snapshot: Snapshot) -> tuple[list[int], list[int]]:
    return [t.index for t in snapshot.ike_tunnels], [t.index for t in snapshot.ipsec_tunnels]


# Tunnels that start -----------------------------------------------------------------------------


def test_a_new_sa_with_a_child_makes_two_tunnels_and_an_association(tracker: Tracker) -> None:
    tracker.saw(100, ike(7, child(9, 5, age=10), age=40))
    snapshot = tracker.snapshot(101)
    (tunnel,) = snapshot.ike_tunnels
    (ipsec,) = snapshot.ipsec_tunnels
    (association,) = snapshot.associations
    assert (tunnel.index, tunnel.started_at, tunnel.refreshes) == (1, 60, 0)
    assert (ipsec.index, ipsec.started_at, ipsec.ike_index, ipsec.ike_alive) == (1, 90, 1, True)
    assert (ipsec.local_address, ipsec.remote_address) == (IKE.local_address, IKE.remote_address)
    assert ipsec.traffic == IpsecTraffic(in_octets=5)
    assert association.ike_index == 1
    assert association.members == ((1, 1),)
    assert tunnel.association == association.key
    assert snapshot.taken_at == 101
    events = tracker.take_events()
    peer = Peer(IKE.local_identity, IKE.remote_identity, 1, IKE.local_address, IKE.remote_address)
    assert events == (IkeTunnelStarted(100, tunnel, peer), IpsecTunnelStarted(100, ipsec))
    assert tracker.take_events() == ()


def test_an_sa_that_is_being_negotiated_is_no_tunnel(tracker: Tracker) -> None:
    tracker.saw(1, ike(1, state=STARTING))
    assert tracker.snapshot(1).ike_tunnels == ()


@pytest.mark.parametrize("state", [STARTING, EXPIRING])
def test_a_child_that_is_not_active_starts_no_tunnel(tracker: Tracker, state: SaState) -> None:
    tracker.saw(1, ike(1, child(1, state=state)))
    assert len(tracker.snapshot(1).ike_tunnels) == 1
    assert tracker.snapshot(1).ipsec_tunnels == ()


def test_an_ike_sa_that_is_about_to_go_starts_no_tunnel(tracker: Tracker) -> None:
    tracker.saw(1, ike(1, child(1), state=EXPIRING))
    assert indexes(tracker.snapshot(1)) == ([], [])


def test_starts_by_this_side_are_counted_and_those_of_peers_are_not(tracker: Tracker) -> None:
    tracker.saw(1, ike(1))
    tracker.saw(1, ike(2, parameters=dataclasses.replace(IKE, initiator=False)))
    assert tracker.snapshot(1).totals.initiated == 1


# Rekeys of children -----------------------------------------------------------------------------


def test_a_rekey_event_keeps_the_tunnel_and_adds_counters(tracker: Tracker) -> None:
    tracker.saw(0, ike(1, child(1, 100)))
    tracker.child_rekeyed(60, ike(1), child(1, 150), child(2, 0))
    tunnel = only_ipsec(tracker)
    assert (tunnel.index, tunnel.started_at, tunnel.refreshes) == (1, 0, 1)
    assert tunnel.traffic.in_octets == 150
    assert tunnel.parameters.spi_in == 0x1002
    assert [(s.number, s.value, s.expiring) for s in tunnel.spis] == [
        (1, 0x1001, True),
        (2, 0x2001, True),
        (3, 0x1002, False),
        (4, 0x2002, False),
    ]
    list_all(tracker, 61, ike(1, child(1, 170, state=EXPIRING), child(2, 30)))
    assert only_ipsec(tracker).traffic.in_octets == 200
    assert only_ipsec(tracker).refreshes == 1
    assert [type(event) for event in tracker.take_events()] == [
        IkeTunnelStarted,
        IpsecTunnelStarted,
    ]


def test_a_rekey_is_found_in_a_listing_when_its_event_was_missed(tracker: Tracker) -> None:
    tracker.saw(0, ike(1, child(1, 100)))
    list_all(tracker, 60, ike(1, child(1, 110, state=EXPIRING), child(2, 1)))
    tunnel = only_ipsec(tracker)
    assert (tunnel.index, tunnel.refreshes, tunnel.traffic.in_octets) == (1, 1, 111)
    assert [s.expiring for s in tunnel.spis] == [True, True, False, False]


def test_a_rekey_event_after_a_listing_that_had_the_new_sa_counts_once(tracker: Tracker) -> None:
    tracker.saw(0, ike(1, child(1, 100)))
    list_all(tracker, 60, ike(1, child(1, 100), child(2, 1)))
    tracker.child_rekeyed(60, ike(1), child(1, 120), child(2, 0))
    tunnel = only_ipsec(tracker)
    assert (tunnel.refreshes, tunnel.traffic.in_octets) == (1, 121)
    assert [s.number for s in tunnel.spis] == [1, 2, 3, 4]
    assert [s.expiring for s in tunnel.spis] == [True, True, False, False]


def test_a_rekey_of_an_unknown_sa_starts_a_tunnel(tracker: Tracker) -> None:
    tracker.child_rekeyed(5, ike(1), child(1, 70), child(2, 3))
    assert only_ipsec(tracker).traffic.in_octets == 3
    assert only_ipsec(tracker).refreshes == 0


def test_the_old_sa_lingers_until_two_listings_lack_it(tracker: Tracker) -> None:
    tracker.saw(0, ike(1, child(1)))
    tracker.child_rekeyed(60, ike(1), child(1), child(2))
    list_all(tracker, 61, ike(1, child(2)))
    assert (len(only_ipsec(tracker).spis), only_ipsec(tracker).expired_spis) == (4, 0)
    list_all(tracker, 62, ike(1, child(2)))
    tunnel = only_ipsec(tracker)
    assert [s.number for s in tunnel.spis] == [3, 4]
    assert tunnel.expired_spis == 2
    assert tunnel.index == 1


def test_spi_numbers_are_not_used_again(tracker: Tracker) -> None:
    tracker.saw(0, ike(1, child(1)))
    for new in range(2, 6):
        tracker.child_rekeyed(new, ike(1), child(new - 1), child(new))
        tracker.child_down(new, ike(1), child(new - 1), EndReason.NORMAL)
    tunnel = only_ipsec(tracker)
    assert [s.number for s in tunnel.spis] == [9, 10]
    assert (tunnel.refreshes, tunnel.expired_spis) == (4, 8)


def test_compression_has_spis_of_its_own(tracker: Tracker) -> None:
    parameters = dataclasses.replace(CHILD, protocol="AH", cpi_in=300, cpi_out=301)
    tracker.saw(0, ike(1, child(1, parameters=parameters)))
    assert [(s.number, s.inbound, s.value, s.protocol) for s in only_ipsec(tracker).spis] == [
        (1, True, 0x1001, "AH"),
        (2, False, 0x2001, "AH"),
        (3, True, 300, "IPCOMP"),
        (4, False, 301, "IPCOMP"),
    ]


def test_a_direction_that_is_not_installed_has_no_spi(tracker: Tracker) -> None:
    parameters = dataclasses.replace(CHILD, spi_out=0)
    tracker.saw(0, ike(1, child(1, parameters=parameters)))
    (spi,) = only_ipsec(tracker).spis
    assert (spi.number, spi.inbound) == (1, True)


def test_selectors_that_change_with_a_rekey_change_the_endpoints(tracker: Tracker) -> None:
    tracker.saw(0, ike(1, child(1)))
    other = dataclasses.replace(CHILD, remote_selectors=(subnet("10.9.0.0/16"),))
    tracker.child_rekeyed(1, ike(1), child(1), child(2, parameters=other))
    (endpoint,) = only_ipsec(tracker).endpoints
    assert endpoint.remote == subnet("10.9.0.0/16")


def test_selectors_that_change_within_an_sa_change_the_endpoints(tracker: Tracker) -> None:
    tracker.saw(0, ike(1, child(1)))
    other = dataclasses.replace(CHILD, remote_selectors=(subnet("10.9.0.0/16"),))
    list_all(tracker, 1, ike(1, child(1, parameters=other)))
    (endpoint,) = only_ipsec(tracker).endpoints
    assert endpoint.remote == subnet("10.9.0.0/16")


def test_endpoints_are_every_pair_of_one_family_up_to_a_bound(tracker: Tracker) -> None:
    parameters = dataclasses.replace(
        CHILD,
        local_selectors=(subnet("10.1.0.0/16"), subnet("2001:db8:1::/48")),
        remote_selectors=(subnet("10.2.0.0/16"), subnet("10.3.0.0/16"), subnet("2001:db8:2::/48")),
    )
    tracker.saw(0, ike(1, child(1, parameters=parameters)))
    pairs = [(e.local.first.version, e.remote.first.version) for e in only_ipsec(tracker).endpoints]
    assert pairs == [(4, 4), (4, 4), (6, 6)]
    many = tuple(subnet(f"10.{n}.0.0/16") for n in range(100))
    parameters = dataclasses.replace(CHILD, local_selectors=many, remote_selectors=many, reqid=2)
    tracker.saw(0, ike(1, child(2, parameters=parameters)))
    assert len(tracker.snapshot(0).ipsec_tunnels[1].endpoints) == 256


def test_a_policy_that_is_renamed_is_found_under_its_new_name_only(tracker: Tracker) -> None:
    tracker.saw(0, ike(1, child(1, reqid=1)))
    list_all(tracker, 1, ike(1, child(1, reqid=5)))
    list_all(tracker, 2, ike(1, child(1, reqid=5), child(2, reqid=5)))
    assert only_ipsec(tracker).refreshes == 1
    tracker.child_down(3, ike(1), child(1), EndReason.NORMAL)
    tracker.child_down(3, ike(1), child(2), EndReason.NORMAL)
    list_all(tracker, 4, ike(1, child(3, reqid=1)))
    assert (only_ipsec(tracker).index, only_ipsec(tracker).refreshes) == (2, 0)


def test_two_sas_under_one_policy_are_one_tunnel_until_both_end(tracker: Tracker) -> None:
    tracker.saw(0, ike(1, child(1, 10), child(2, 20)))
    assert only_ipsec(tracker).traffic.in_octets == 30
    tracker.child_down(1, ike(1), child(2, 25), EndReason.PEER_DELETE)
    tunnel = only_ipsec(tracker)
    assert (tunnel.traffic.in_octets, tunnel.expired_spis, len(tunnel.spis)) == (35, 2, 2)
    list_all(tracker, 2, ike(1, child(1, 11)))
    assert only_ipsec(tracker).parameters.spi_in == 0x1001
    tracker.child_down(3, ike(1), child(1, 12), EndReason.PEER_DELETE)
    assert tracker.snapshot(3).ipsec_tunnels == ()
    (stop,) = (e for e in tracker.take_events() if isinstance(e, IpsecTunnelStopped))
    assert stop.tunnel.traffic.in_octets == 37


def test_the_newest_sa_speaks_for_its_tunnel(tracker: Tracker) -> None:
    tracker.saw(0, ike(1, child(1)))
    tracker.child_rekeyed(1, ike(1), child(1), child(2))
    list_all(tracker, 2, ike(1, child(2), child(1, state=EXPIRING)))
    assert only_ipsec(tracker).parameters.spi_in == 0x1002


# Rekeys of IKE ----------------------------------------------------------------------------------


def test_the_sas_of_a_tunnel(tracker: Tracker) -> None:
    tracker.saw(0, ike(1, child(1), parameters=IKEV1))
    tracker.saw(1, ike(2, child(1), child(2), parameters=IKEV1))
    assert tracker.ike_sas(1) == (1, 2)
    assert tracker.child_sas(1) == (1, 2)
    tracker.ike_down(2, 1, EndReason.NORMAL)
    assert tracker.ike_sas(1) == (2,)
    assert not tracker.ike_sas(2)
    assert not tracker.child_sas(2)
    tracker.restarted(3, EndReason.OTHER)
    assert not tracker.ike_sas(1)
    assert not tracker.child_sas(1)


def test_an_ike_rekey_event_keeps_both_tunnels(tracker: Tracker) -> None:
    tracker.saw(0, ike(1, child(1, 10)))
    new = dataclasses.replace(IKE, initiator_spi=77)
    tracker.ike_rekeyed(60, 1, ike(2, parameters=new))
    list_all(tracker, 61, ike(2, child(1, 20), parameters=new))
    tunnel = only_ike(tracker)
    assert (tunnel.index, tunnel.started_at, tunnel.refreshes) == (1, 0, 1)
    assert tunnel.parameters.initiator_spi == 77
    assert (only_ipsec(tracker).index, only_ipsec(tracker).traffic.in_octets) == (1, 20)
    assert stopped(tracker.take_events()) == []
    assert tracker.snapshot(61).totals.ike_ended == 0


def test_an_ike_rekey_event_after_the_listing_counts_once(tracker: Tracker) -> None:
    tracker.saw(0, ike(1, child(1)))
    list_all(tracker, 60, ike(2, child(1)), ike(1, state=EXPIRING))
    assert only_ike(tracker).refreshes == 1
    tracker.ike_rekeyed(60, 1, ike(2))
    assert only_ike(tracker).refreshes == 1
    assert stopped(tracker.take_events()) == []


def test_an_ike_rekey_that_nobody_told_of_is_found_by_the_child(tracker: Tracker) -> None:
    tracker.saw(0, ike(1, child(1)))
    list_all(tracker, 60, ike(2, child(1)))
    list_all(tracker, 61, ike(2, child(1)))
    assert (only_ike(tracker).index, only_ike(tracker).refreshes) == (1, 1)
    assert only_ipsec(tracker).index == 1
    assert stopped(tracker.take_events()) == []


def test_an_ike_rekey_of_an_unknown_sa_starts_a_tunnel(tracker: Tracker) -> None:
    tracker.ike_rekeyed(5, 1, ike(2))
    assert (only_ike(tracker).index, only_ike(tracker).refreshes) == (1, 0)


def test_an_older_sa_does_not_speak_for_its_tunnel(tracker: Tracker) -> None:
    tracker.saw(0, ike(1, child(1)))
    new = dataclasses.replace(IKE, initiator_spi=77)
    list_all(tracker, 1, ike(2, child(1), parameters=new))
    list_all(tracker, 2, ike(2, child(1), parameters=new), ike(1, state=EXPIRING))
    assert only_ike(tracker).parameters.initiator_spi == 77


def test_a_second_ikev2_sa_between_the_same_peers_is_a_tunnel_of_its_own(tracker: Tracker) -> None:
    list_all(tracker, 0, ike(1, child(1)), ike(2, child(2)))
    assert indexes(tracker.snapshot(0)) == ([1, 2], [1, 2])


def test_an_ikev1_sa_succeeds_the_one_between_the_same_peers(tracker: Tracker) -> None:
    tracker.saw(0, ike(1, child(1), parameters=IKEV1))
    tracker.saw(60, ike(2, parameters=dataclasses.replace(IKEV1, mode=None)))
    assert (only_ike(tracker).index, only_ike(tracker).refreshes) == (1, 1)
    assert only_ike(tracker).parameters.mode is NegotiationMode.MAIN
    tracker.ike_down(65, 1, EndReason.NORMAL)
    list_all(tracker, 66, ike(2, child(1), parameters=IKEV1))
    assert only_ipsec(tracker).ike_index == 1
    assert stopped(tracker.take_events()) == []


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_two_ikev1_sas_make_the_same_tunnel_whichever_is_listed_first(
    tracker: Tracker, order: tuple[int, int]
) -> None:
    sas = {
        1: ike(1, parameters=dataclasses.replace(IKEV1, initiator_spi=0xA), age=50),
        2: ike(2, child(1), parameters=dataclasses.replace(IKEV1, initiator_spi=0xB), age=5),
    }
    list_all(tracker, 100, *(sas[number] for number in order))
    tunnel = only_ike(tracker)
    assert (tunnel.started_at, tunnel.refreshes) == (50, 1)
    assert tunnel.parameters.initiator_spi == 0xB
    list_all(tracker, 101, *(sas[number] for number in order))
    assert only_ike(tracker).parameters.initiator_spi == 0xB
    tracker.ike_down(102, 1, EndReason.NORMAL)
    assert only_ike(tracker).index == tunnel.index


def test_a_tunnel_does_not_have_the_counts_that_its_sa_lacks() -> None:
    # With IPComp, charon does not know the octets inside.
    tracker = Tracker(ipsec=IpsecTraffic(in_octets=0, in_plain_octets=0))
    tracker.saw(0, ike(1, child(1, 7)))
    assert only_ipsec(tracker).traffic == IpsecTraffic(in_octets=7)
    assert tracker.snapshot(0).totals.ipsec.in_octets == 7


@pytest.mark.parametrize(
    "change",
    [
        {"connection": "other"},
        {"remote_port": 4500},
        {"remote_account": "ada"},
        {"remote_address": address_of("198.51.100.9")},
        {"remote_identity": Identity.parse("lima.example.net")},
        {"version": 2},
    ],
    ids=lambda change: next(iter(change)),
)
def test_an_ikev1_sa_of_other_peers_is_a_tunnel_of_its_own(
    tracker: Tracker, change: dict[str, object]
) -> None:
    tracker.saw(0, ike(1, parameters=IKEV1))
    tracker.saw(1, ike(2, parameters=dataclasses.replace(IKEV1, **change)))  # type: ignore[arg-type]
    assert indexes(tracker.snapshot(0)) == ([1, 2], [])


def test_an_ikev1_sa_does_not_succeed_a_dead_one(tracker: Tracker) -> None:
    tracker.saw(0, ike(1, parameters=IKEV1))
    tracker.ike_down(1, 1, EndReason.PEER_LOST)
    tracker.saw(2, ike(2, parameters=IKEV1))
    assert (only_ike(tracker).index, only_ike(tracker).refreshes) == (2, 0)


def test_an_ikev1_peer_that_has_moved_is_succeeded_where_it_is_now(tracker: Tracker) -> None:
    moved = dataclasses.replace(IKEV1, remote_address=address_of("203.0.113.7"))
    tracker.saw(0, ike(1, parameters=IKEV1))
    tracker.saw(1, ike(1, parameters=moved))
    tracker.saw(2, ike(2, parameters=moved))
    tracker.saw(3, ike(3, parameters=IKEV1))
    assert [t.refreshes for t in tracker.snapshot(3).ike_tunnels] == [1, 0]


def test_a_mode_that_only_the_first_sa_showed_stays_and_is_no_change(tracker: Tracker) -> None:
    unknown = dataclasses.replace(IKEV1, mode=None)
    tracker.saw(0, ike(1, parameters=IKEV1))
    list_all(tracker, 1, ike(1, parameters=unknown))
    assert only_ike(tracker).parameters.mode is NegotiationMode.MAIN
    before = tracker.revision
    list_all(tracker, 2, ike(1, parameters=dataclasses.replace(unknown)))
    assert tracker.revision == before


def test_a_peer_that_moves_takes_its_tunnels_along(tracker: Tracker) -> None:
    tracker.saw(0, ike(1, child(1)))
    there = address_of("203.0.113.7")
    list_all(
        tracker, 1, ike(1, child(1), parameters=dataclasses.replace(IKE, remote_address=there))
    )
    assert only_ike(tracker).parameters.remote_address == there
    assert only_ipsec(tracker).remote_address == there
    assert tracker.snapshot(1).associations[0].remote_address == there


def test_a_child_moves_to_another_tunnel_with_its_new_ike_sa(tracker: Tracker) -> None:
    other = dataclasses.replace(IKE, remote_address=address_of("198.51.100.9"))
    list_all(tracker, 0, ike(1, child(1)), ike(2, parameters=other))
    list_all(tracker, 1, ike(1), ike(2, child(1, 5), parameters=other))
    tunnel = only_ipsec(tracker)
    assert (tunnel.index, tunnel.ike_index, tunnel.traffic.in_octets) == (1, 2, 5)
    assert tunnel.remote_address == other.remote_address
    first, second = tracker.snapshot(1).associations
    assert (first.members, second.members) == ((), ((1, 1),))
    list_all(tracker, 2, ike(1), ike(2, child(1, 5), child(2), parameters=other))
    assert only_ipsec(tracker).refreshes == 1


def test_a_child_that_ends_under_another_ike_sa_moves_first(tracker: Tracker) -> None:
    other = dataclasses.replace(IKE, remote_address=address_of("198.51.100.9"))
    list_all(tracker, 0, ike(1, child(1)), ike(2, parameters=other))
    tracker.child_down(1, ike(2, parameters=other), child(1), EndReason.PEER_DELETE)
    (stop,) = (e for e in tracker.take_events() if isinstance(e, IpsecTunnelStopped))
    assert stop.tunnel.ike_index == 2
    assert [a.members for a in tracker.snapshot(1).associations] == [(), ()]


# Ends by event ----------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", EndReason)
def test_a_child_ends_with_its_final_counters(tracker: Tracker, reason: EndReason) -> None:
    tracker.saw(0, ike(1, child(1, 100)))
    tracker.take_events()
    tracker.child_down(5, ike(1), child(1, 130), reason)
    stop, *failed = tracker.take_events()
    assert isinstance(stop, IpsecTunnelStopped)
    assert all(isinstance(event, IpsecFailed) for event in failed)
    assert (stop.at, stop.reason, stop.tunnel.index) == (5, reason, 1)
    assert stop.tunnel.traffic.in_octets == 130
    totals = tracker.snapshot(5).totals
    assert (totals.ipsec.in_octets, totals.ipsec_ended, totals.ike_ended) == (130, 1, 0)


def test_an_ike_sa_may_end_before_its_children(tracker: Tracker) -> None:
    tracker.saw(0, ike(1, child(1)))
    tracker.take_events()
    tracker.ike_down(5, 1, EndReason.PEER_LOST)
    snapshot = tracker.snapshot(5)
    assert snapshot.ike_tunnels == ()
    (ipsec,) = snapshot.ipsec_tunnels
    assert (ipsec.ike_index, ipsec.ike_alive) == (1, False)
    (association,) = snapshot.associations
    assert (association.ike_index, association.members) == (0, ((1, 1),))
    tracker.child_down(6, ike(1), child(1), EndReason.PEER_LOST)
    assert stopped(tracker.take_events()) == [
        (IkeTunnelStopped, 1, EndReason.PEER_LOST),
        (IpsecTunnelStopped, 1, EndReason.PEER_LOST),
    ]
    assert tracker.snapshot(6).associations == ()
    assert tracker.snapshot(6).totals.ike_ended == 1


def test_ends_of_the_unknown_are_nothing(tracker: Tracker) -> None:
    tracker.ike_down(1, 5, EndReason.NORMAL)
    tracker.child_down(1, ike(5), child(6, 100), EndReason.NORMAL)
    assert tracker.take_events() == ()
    assert tracker.snapshot(1).totals.ipsec.in_octets == 0


def test_a_tunnel_that_comes_back_has_a_new_index(tracker: Tracker) -> None:
    tracker.saw(0, ike(1, child(1, 10)))
    tracker.child_down(1, ike(1), child(1, 10), EndReason.PEER_LOST)
    tracker.ike_down(1, 1, EndReason.PEER_LOST)
    tracker.saw(2, ike(2, child(2, 3)))
    assert (only_ike(tracker).index, only_ipsec(tracker).index) == (2, 2)
    assert only_ipsec(tracker).traffic.in_octets == 3
    assert tracker.snapshot(2).totals.ipsec.in_octets == 13


# Ends by absence, and the dead ------------------------------------------------------------------


def test_a_listing_that_did_not_wait_kills_nothing(tracker: Tracker) -> None:
    tracker.saw(0, ike(1, child(1)))
    for now in range(1, 9):
        assert list_all(tracker, now, waited=False)
    assert indexes(tracker.snapshot(9)) == ([1], [1])


def test_what_two_waiting_listings_lack_is_dead(tracker: Tracker) -> None:
    tracker.saw(0, ike(1, child(1)))
    tracker.take_events()
    assert list_all(tracker, 1)
    assert indexes(tracker.snapshot(1)) == ([1], [1])
    assert list_all(tracker, 2)
    assert indexes(tracker.snapshot(2)) == ([], [])
    assert stopped(tracker.take_events()) == [
        (IpsecTunnelStopped, 1, EndReason.OTHER),
        (IkeTunnelStopped, 1, EndReason.OTHER),
    ]
    assert not list_all(tracker, 3)


def test_absences_must_be_in_a_row(tracker: Tracker) -> None:
    tracker.saw(0, ike(1, child(1)))
    for now in range(1, 9):
        list_all(tracker, now, *([ike(1, child(1))] if now % 2 else []))
    assert indexes(tracker.snapshot(9)) == ([1], [1])


def test_what_came_by_event_during_a_listing_is_not_missing_from_it(tracker: Tracker) -> None:
    listing = tracker.list()
    tracker.saw(1, ike(1, child(1)))
    assert not listing.end(2, waited=True)


def test_an_expiring_sa_alone_does_not_keep_absence_from_ending_a_tunnel(tracker: Tracker) -> None:
    tracker.saw(0, ike(1, child(1)))
    tracker.child_rekeyed(1, ike(1), child(1), child(2))
    list_all(tracker, 2, ike(1))
    list_all(tracker, 3, ike(1))
    assert indexes(tracker.snapshot(3)) == ([1], [])
    assert tracker.snapshot(3).totals.ipsec_ended == 1


def test_a_listing_cannot_bring_back_what_ended_while_it_ran(tracker: Tracker) -> None:
    tracker.saw(0, ike(1, child(1, 10)))
    listing = tracker.list()
    tracker.child_down(1, ike(1), child(1, 20), EndReason.OPERATOR)
    listing.add(2, ike(1, child(1, 15)))
    assert indexes(tracker.snapshot(2)) == ([1], [])
    tracker.ike_down(3, 1, EndReason.OPERATOR)
    listing.add(4, ike(1, child(1, 15)))
    listing.end(5, waited=True)
    assert indexes(tracker.snapshot(5)) == ([], [])
    assert tracker.snapshot(5).totals.ipsec.in_octets == 20


def test_a_rekey_event_cannot_bring_back_what_has_ended(tracker: Tracker) -> None:
    tracker.saw(0, ike(1, child(1), child(2, reqid=2)))
    tracker.child_down(1, ike(1), child(2), EndReason.NORMAL)
    tracker.child_rekeyed(2, ike(1), child(1), child(2, reqid=1))
    assert only_ipsec(tracker).refreshes == 0
    tracker.saw(3, ike(9))
    tracker.ike_down(3, 9, EndReason.NORMAL)
    tracker.ike_rekeyed(4, 1, ike(9))
    assert tracker.snapshot(4).ike_tunnels == ()


# Restarts ---------------------------------------------------------------------------------------


def test_a_restart_ends_everything_and_ids_start_anew(tracker: Tracker) -> None:
    tracker.saw(0, ike(1, child(1, 10)))
    tracker.saw(0, ike(2))
    tracker.ike_down(1, 2, EndReason.NORMAL)
    tracker.take_events()
    tracker.restarted(5, EndReason.LOCAL_FAILURE)
    assert stopped(tracker.take_events()) == [
        (IkeTunnelStopped, 1, EndReason.LOCAL_FAILURE),
        (IpsecTunnelStopped, 1, EndReason.LOCAL_FAILURE),
    ]
    assert tracker.snapshot(5).associations == ()
    list_all(tracker, 6, ike(1, child(1, 4)), ike(2))
    assert indexes(tracker.snapshot(6)) == ([3, 4], [2])
    assert tracker.snapshot(6).totals.ipsec.in_octets == 14


def test_a_listing_from_before_a_restart_is_void(tracker: Tracker) -> None:
    tracker.saw(0, ike(1, child(1)))
    listing = tracker.list()
    tracker.restarted(1, EndReason.OTHER)
    listing.add(2, ike(1, child(1)))
    listing.end(2, waited=True)
    assert indexes(tracker.snapshot(2)) == ([], [])
    tracker.saw(3, ike(1, child(1)))
    assert not listing.end(3, waited=True)
    assert indexes(tracker.snapshot(3)) == ([2], [2])


# Counters ---------------------------------------------------------------------------------------


def test_what_is_not_counted_stays_none(tracker: Tracker) -> None:
    tracker.saw(0, ike(1, child(1, 10)))
    traffic = only_ipsec(tracker).traffic
    assert (traffic.in_octets, traffic.out_octets) == (10, None)
    assert only_ike(tracker).traffic == IkeTraffic(in_packets=0)
    totals = tracker.snapshot(0).totals
    assert (totals.ipsec.in_octets, totals.ipsec.out_octets) == (10, None)
    assert (totals.failures.no_sa, totals.failures.decryption) == (0, None)


def test_what_is_counted_is_zero_before_anything_came(tracker: Tracker) -> None:
    tracker.saw(0, IkeSa(1, ACTIVE, 0, IKE, (ChildSa(1, ACTIVE, 0, CHILD),)))
    assert only_ipsec(tracker).traffic == IpsecTraffic(in_octets=0)
    assert tracker.snapshot(0).totals.ike == IkeTraffic(in_packets=0)


def test_a_count_that_one_sa_lacks_is_that_of_the_others(tracker: Tracker) -> None:
    tracker.saw(0, ike(1, child(1, 10)))
    tracker.child_rekeyed(1, ike(1), child(1, 10), child(2, None))
    list_all(tracker, 2, ike(1, child(1, 10), child(2, None)))
    assert only_ipsec(tracker).traffic.in_octets == 10


def test_a_count_that_comes_later_is_there_also_if_it_is_0(tracker: Tracker) -> None:
    def known(sa_id: int, drops: int | None) -> ChildSa:
        traffic = IpsecTraffic(in_octets=10, in_replay_drops=drops)
        return dataclasses.replace(child(sa_id), traffic=traffic)

    def seen() -> list[int | None]:
        totals = tracker.snapshot(0).totals.ipsec
        return [only_ipsec(tracker).traffic.in_replay_drops, totals.in_replay_drops]

    tracker.saw(0, ike(1, known(1, None)))
    assert seen() == [None, None]
    before = tracker.revision
    tracker.saw(1, ike(1, known(1, 0)))
    assert seen() == [0, 0]
    assert tracker.revision > before
    tracker.saw(2, ike(1, known(1, 3)))
    tracker.saw(3, ike(1, known(1, None)))
    assert seen() == [3, 3]
    tracker.child_rekeyed(4, ike(1), known(1, None), known(2, None))
    assert seen() == [3, 3]
    list_all(tracker, 5, ike(1, known(2, 4)))
    list_all(tracker, 6, ike(1, known(2, 4)))
    assert only_ipsec(tracker).expired_spis == 2
    assert seen() == [7, 7]


def test_a_report_that_comes_late_takes_nothing_away(tracker: Tracker) -> None:
    tracker = Tracker(ipsec=IpsecTraffic(*[0] * 17))
    many = ChildSa(1, ACTIVE, 0, CHILD, IpsecTraffic(*[100] * 17))
    less = ChildSa(1, ACTIVE, 0, CHILD, IpsecTraffic(*[90] * 17)._replace(out_encrypt_fails=120))
    tracker.saw(0, ike(1, many))
    tracker.saw(1, ike(1, less))
    assert only_ipsec(tracker).traffic == IpsecTraffic(*[100] * 17)._replace(out_encrypt_fails=120)
    tracker.saw(2, ike(1, many))
    assert tracker.snapshot(2).totals.ipsec == IpsecTraffic(*[100] * 17)._replace(
        out_encrypt_fails=120
    )


def test_counters_of_several_sas_add_up_where_all_are_counted() -> None:
    tracker = Tracker(ipsec=IpsecTraffic(*[0] * 17))

    def counted(sa_id: int, count: int) -> ChildSa:
        return dataclasses.replace(child(sa_id), traffic=IpsecTraffic(*[count] * 17))

    tracker.saw(0, ike(1, counted(1, 5)))
    tracker.child_rekeyed(1, ike(1), counted(1, 6), counted(2, 0))
    list_all(tracker, 2, ike(1, counted(1, 8), counted(2, 3)))
    list_all(tracker, 3, ike(1, counted(1, 8), counted(2, 4)))
    assert only_ipsec(tracker).traffic == IpsecTraffic(*[12] * 17)
    assert tracker.snapshot(3).totals.ipsec == IpsecTraffic(*[12] * 17)


def test_nothing_new_is_no_change(tracker: Tracker) -> None:
    tracker.saw(0, ike(1, child(1, 10)))
    before, snapshot = tracker.revision, tracker.snapshot(0)
    list_all(tracker, 1, ike(1, child(1, 10)))
    assert tracker.revision == before
    assert tracker.snapshot(0) == snapshot
    list_all(tracker, 2, ike(1, child(1, 11)))
    assert tracker.revision > before


def test_ike_messages_are_increments(tracker: Tracker) -> None:
    tracker.saw(0, ike(1))
    tracker.count_ike(1, IkeTraffic(in_packets=2, in_octets=200))
    tracker.count_ike(1, IkeTraffic(in_packets=1))
    assert only_ike(tracker).traffic == IkeTraffic(in_packets=3, in_octets=200)
    assert tracker.snapshot(0).totals.ike.in_packets == 3


def test_ike_messages_of_a_set_up_wait_for_the_tunnel(tracker: Tracker) -> None:
    tracker.count_ike(1, IkeTraffic(in_packets=2))
    tracker.count_ike(1, IkeTraffic(in_packets=3))
    assert tracker.snapshot(0).totals.ike.in_packets == 0
    tracker.saw(1, ike(1))
    assert only_ike(tracker).traffic.in_packets == 5
    (started,) = tracker.take_events()
    assert isinstance(started, IkeTunnelStarted)
    assert started.tunnel.traffic.in_packets == 5


def test_ike_messages_of_a_successor_wait_for_it_too(tracker: Tracker) -> None:
    tracker.saw(0, ike(1))
    tracker.count_ike(2, IkeTraffic(in_packets=4))
    tracker.ike_rekeyed(1, 1, ike(2))
    assert only_ike(tracker).traffic.in_packets == 4


def test_ike_messages_logged_after_the_end_count_in_the_totals_only(tracker: Tracker) -> None:
    tracker.saw(0, ike(1))
    tracker.ike_down(1, 1, EndReason.NORMAL)
    tracker.count_ike(1, IkeTraffic(in_packets=2))
    tracker.saw(2, ike(2))
    assert only_ike(tracker).traffic.in_packets == 0
    assert tracker.snapshot(2).totals.ike.in_packets == 2


def test_ike_messages_of_a_replaced_sa_count_for_its_tunnel(tracker: Tracker) -> None:
    tracker.saw(0, ike(1))
    tracker.ike_rekeyed(1, 1, ike(2))
    tracker.count_ike(1, IkeTraffic(in_packets=2))
    assert only_ike(tracker).traffic.in_packets == 2


def test_ike_messages_of_set_ups_that_nobody_ends_are_bounded(tracker: Tracker) -> None:
    for sa_id in range(1, 10_003):
        tracker.count_ike(sa_id, IkeTraffic(in_packets=1))
    tracker.saw(0, ike(1))
    tracker.saw(0, ike(10_002))
    assert [t.traffic.in_packets for t in tracker.snapshot(0).ike_tunnels] == [0, 1]


# Set-ups and messages that fail -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("initiator", "counts"), [(True, (1, 1, 0)), (False, (0, 0, 1))], ids=["ours", "theirs"]
)
def test_a_set_up_that_fails(
    tracker: Tracker, initiator: bool, counts: tuple[int, int, int]
) -> None:
    tracker.count_ike(1, IkeTraffic(in_packets=9))
    tracker.setup_failed(3, 1, initiator=initiator)
    totals = tracker.snapshot(3).totals
    assert (totals.initiated, totals.initiated_failures, totals.responded_failures) == counts
    assert totals.ike.in_packets == 0
    assert tracker.take_events() == (SetupFailed(3, initiator=initiator),)


def test_an_sa_that_was_up_cannot_fail_to_come_up(tracker: Tracker) -> None:
    tracker.saw(0, ike(1))
    tracker.setup_failed(1, 1, initiator=True)
    tracker.ike_down(2, 1, EndReason.NORMAL)
    tracker.setup_failed(3, 1, initiator=True)
    assert tracker.snapshot(3).totals.initiated_failures == 0


def test_failures_of_ipsec_have_counts_of_their_own(tracker: Tracker) -> None:
    tracker.count_ipsec_failure("no_sa")
    totals = tracker.snapshot(0).totals
    assert totals.ipsec_failures == IpsecFailures(no_sa=1)
    assert totals.failures == IkeFailures(no_sa=0)
    tracker.count_ipsec_failure("no_sa", 4)
    tracker.count_ipsec_failure("protocol_use", 0)
    totals = tracker.snapshot(0).totals
    assert totals.ipsec_failures == IpsecFailures(no_sa=5, protocol_use=0)


def test_failures_are_counted_or_taken_over(tracker: Tracker) -> None:
    tracker.count_failure("no_sa")
    tracker.count_failure("no_sa")
    tracker.count_failure("authentication")
    assert tracker.snapshot(0).totals.failures == IkeFailures(no_sa=2, authentication=1)
    tracker.set_failures(decryption=7, no_sa=5)
    assert tracker.snapshot(0).totals.failures == IkeFailures(
        no_sa=5, authentication=1, decryption=7
    )


# Indexes ----------------------------------------------------------------------------------------


def test_indexes_start_again_at_1_and_skip_the_living() -> None:
    tracker = Tracker(max_index=4)
    for sa_id in range(1, 5):
        tracker.saw(0, ike(sa_id, child(sa_id)))
    for sa_id in (1, 3):
        tracker.child_down(1, ike(sa_id), child(sa_id), EndReason.NORMAL)
        tracker.ike_down(1, sa_id, EndReason.NORMAL)
    assert indexes(tracker.snapshot(1)) == ([2, 4], [2, 4])
    tracker.saw(2, ike(5, child(5)))
    tracker.saw(2, ike(6, child(6)))
    assert indexes(tracker.snapshot(2)) == ([1, 2, 3, 4], [1, 2, 3, 4])


def test_an_index_that_an_orphan_still_names_does_not_come_alive_again() -> None:
    tracker = Tracker(max_index=2)
    tracker.saw(0, ike(1, child(1)))
    tracker.saw(0, ike(2))
    tracker.ike_down(1, 1, EndReason.NORMAL)
    tracker.ike_down(1, 2, EndReason.NORMAL)
    tracker.saw(2, ike(3, parameters=IKEV1))
    assert only_ike(tracker).index == 2
    assert (only_ipsec(tracker).ike_index, only_ipsec(tracker).ike_alive) == (1, False)


def test_what_has_ended_is_freed_without_the_collector() -> None:
    # The agent keeps full collections away: with many rows, one would stop it for a second.
    tracker = tracker_for_simulation()
    gateway = SimulatedGateway(tracker, tunnels=20, seed=1, started_at=0.0)
    gc.collect()
    gc.disable()
    try:
        for hour in range(1, 13):
            gateway.advance(hour * 3600.0)
            tracker.take_events()
        totals = tracker.snapshot(12 * 3600.0).totals
        assert totals.ike_ended > 100
        assert gc.collect() < 100
    finally:
        gc.enable()
