"""The configuration as a tracker has it: what it tells, and what its tunnels have of it."""

from __future__ import annotations

import dataclasses
import ipaddress

import pytest

from datasource.configuration import (
    Child,
    Connection,
    Interface,
    Interfaces,
    Policy,
    PolicyKind,
    Wanted,
)
from datasource.events import (
    CryptoMapAdded,
    CryptoMapDeleted,
    CryptoMapSetAttached,
    CryptoMapSetDetached,
    Event,
    IsakmpPolicyAdded,
    IsakmpPolicyDeleted,
    TooManySas,
)
from datasource.model import (
    AuthMethod,
    ChildSa,
    ChildSaParameters,
    Endpoint,
    Identity,
    IdentityType,
    IkeSa,
    IkeSaParameters,
    Proposal,
    SaState,
    TrafficSelector,
)
from datasource.reasons import EndReason
from datasource.tracker import Tracker
from tests.connections import (
    AES,
    DEFAULTS,
    GCM,
    LIMA,
    OLD,
    OSLO,
    OURS,
    PSK,
    SIGNATURE,
    connection,
    news,
)

SITE = connection("site", "lan", "voice", policies=(Policy(AES, PSK),))
OUTSIDE = Interface(2, "eth0", addresses=frozenset([OURS]))
INSIDE = Interface(3, "eth1", addresses=frozenset([ipaddress.ip_address("10.0.0.1")]))
NET = TrafficSelector(ipaddress.ip_address("10.1.0.0"), ipaddress.ip_address("10.1.255.255"))


@pytest.fixture
def tracker() -> Tracker:
    return Tracker()


def ike(
    sa_id: int = 1,
    *children: ChildSa,
    of: str = "site",
    proposal: Proposal = AES,
    auth_method: AuthMethod | None = PSK,
    version: int = 2,
) -> IkeSa:
    parameters = IkeSaParameters(
        of, version, True, OURS, OSLO, Identity.parse("us"), Identity.parse(of),
        proposal=proposal, auth_method=auth_method,
    )  # fmt: skip
    return IkeSa(sa_id, SaState.ACTIVE, 0, parameters, children)


def child(
    sa_id: int = 1, name: str = "lan", *, state: SaState = SaState.ACTIVE, group: str = ""
) -> ChildSa:
    spis = 0x1000 + sa_id, 0x2000 + sa_id
    parameters = ChildSaParameters(
        name, 1, *spis, (NET,), (NET,), proposal=Proposal("AES_GCM_16", 128, group=group)
    )
    return ChildSa(sa_id, state, 0, parameters)


def policies(tracker: Tracker) -> list[int]:
    return [row.priority for row in tracker.snapshot(0).configuration.policies]


def policy(tracker: Tracker) -> int:
    (tunnel,) = tracker.snapshot(0).ike_tunnels
    return tunnel.policy


def sas(tracker: Tracker) -> dict[str, int]:
    configuration = tracker.snapshot(0).configuration
    return {row.name: row.sas for row in configuration.static_sets + configuration.dynamic_sets}


def take_news(tracker: Tracker) -> list[tuple[str, object]]:
    return news(tracker.take_events())


# What is told -----------------------------------------------------------------------------------


def test_what_was_there_at_first_is_no_news(tracker: Tracker) -> None:
    tracker.attach(0, Interfaces((OUTSIDE,)))
    tracker.configure(0, [SITE], DEFAULTS)
    assert tracker.take_events() == ()
    configuration = tracker.snapshot(0).configuration
    assert [row.name for row in configuration.static_sets] == ["site"]
    assert len(configuration.attachments) == len(configuration.policies) == 1


def test_that_nothing_was_there_at_first_makes_the_rest_news(tracker: Tracker) -> None:
    tracker.configure(0, [])
    tracker.configure(1, [SITE])
    assert take_news(tracker) == [("+policy", 1), ("+map", ("site", 1)), ("+map", ("site", 2))]


def test_interfaces_that_were_not_looked_for_are_no_news(tracker: Tracker) -> None:
    tracker.configure(0, [SITE])
    tracker.attach(1, Interfaces((OUTSIDE,)))
    assert tracker.take_events() == ()
    tracker.attach(2, Interfaces())
    tracker.attach(3, Interfaces((OUTSIDE,)))
    assert take_news(tracker) == [("-at", (2, "site")), ("+at", (2, "site"))]


def test_that_there_were_no_interfaces_makes_the_rest_news(tracker: Tracker) -> None:
    tracker.configure(0, [SITE])
    tracker.attach(1, Interfaces())
    tracker.attach(2, Interfaces((OUTSIDE,)))
    assert take_news(tracker) == [("+at", (2, "site"))]


def test_what_goes_is_told_before_what_comes(tracker: Tracker) -> None:
    tracker.configure(0, [SITE])
    tracker.attach(0, Interfaces((OUTSIDE,)))
    tracker.configure(5, [connection("other", "lan", policies=(Policy(GCM, PSK),))])
    events = tracker.take_events()
    assert news(events) == [
        ("-at", (2, "site")),
        ("-map", ("site", 1)),
        ("-map", ("site", 2)),
        ("-policy", 1),
        ("+policy", 2),
        ("+map", ("other", 1)),
        ("+at", (2, "other")),
    ]
    assert {event.at for event in events} == {5}


def test_sets_and_counts_in_events_are_those_after_the_change(tracker: Tracker) -> None:
    tracker.configure(0, [SITE])
    tracker.attach(0, Interfaces((OUTSIDE,)))
    tracker.configure(1, [connection("site", "voice", "guests", policies=(Policy(GCM, PSK),))])
    sizes: dict[type[Event], list[int]] = {}
    for event in tracker.take_events():
        match event:
            case CryptoMapAdded() | CryptoMapDeleted():
                sizes[type(event)] = [row.priority for row in event.crypto_map_set.members]
            case IsakmpPolicyAdded() | IsakmpPolicyDeleted():
                sizes[type(event)] = [row.priority for row in event.configuration.policies]
    assert sizes == {
        CryptoMapAdded: [2, 3],
        CryptoMapDeleted: [2, 3],
        IsakmpPolicyAdded: [2],
        IsakmpPolicyDeleted: [2],
    }
    tracker.configure(2, [])
    detached, *deleted, _ = tracker.take_events()
    assert isinstance(detached, CryptoMapSetDetached)
    assert len(detached.crypto_map_set.members) == 2, "as it was"
    left = [one.crypto_map_set.members for one in deleted if isinstance(one, CryptoMapDeleted)]
    assert left == [(), ()]


def test_an_event_of_policies_counts_what_live_tunnels_show_as_well(tracker: Tracker) -> None:
    unknown = connection("unknown", "lan")
    tracker.configure(0, [unknown])
    tracker.saw(1, ike(of="unknown"))
    tracker.take_events()
    tracker.configure(2, [dataclasses.replace(unknown, lifetime=99), connection(
        "site", policies=(Policy(GCM, PSK),)
    )])  # fmt: skip
    (event,) = tracker.take_events()
    assert isinstance(event, IsakmpPolicyAdded)
    assert len(event.configuration.policies) == 2


def test_an_address_that_comes_to_an_interface_attaches_a_set(tracker: Tracker) -> None:
    tracker.configure(0, [SITE])
    tracker.attach(0, Interfaces((OUTSIDE, INSIDE)))
    gained = dataclasses.replace(INSIDE, addresses=INSIDE.addresses | {OURS})
    tracker.attach(1, Interfaces((OUTSIDE, gained)))
    (event,) = tracker.take_events()
    assert isinstance(event, CryptoMapSetAttached)
    assert (event.attachment.interface, event.crypto_map_set.name) == (gained, "site")
    tracker.attach(2, Interfaces((OUTSIDE, INSIDE)))
    assert take_news(tracker) == [("-at", (3, "site"))]


@pytest.mark.parametrize(
    "change",
    [
        {"keepalive": 20},
        {"peers": (LIMA,)},
        {"children": (Child("lan", lifetime=60), Child("voice"))},
        {"children": (Child("voice"), Child("lan"))},
        {"policies": (Policy(AES, PSK), Policy(AES, PSK))},
    ],
)
def test_a_change_that_adds_and_deletes_nothing_is_no_news(
    tracker: Tracker, change: dict[str, object]
) -> None:
    tracker.configure(0, [SITE])
    tracker.configure(1, [dataclasses.replace(SITE, **change)])  # type: ignore[arg-type]
    assert tracker.take_events() == ()


def test_a_set_that_becomes_dynamic_has_gone(tracker: Tracker) -> None:
    tracker.configure(0, [SITE])
    tracker.attach(0, Interfaces((OUTSIDE,)))
    tracker.configure(1, [dataclasses.replace(SITE, dynamic=True)])
    assert take_news(tracker) == [
        ("-at", (2, "site")), ("-map", ("site", 1)), ("-map", ("site", 2)),
    ]  # fmt: skip


def test_a_number_that_goes_to_another_policy_is_told_twice(tracker: Tracker) -> None:
    def easy_vpn(first: int) -> Connection:
        lifetimes = tuple(Policy(AES, PSK, 3600 + n) for n in range(first, first + 21))
        return connection("users", "lan", easy_vpn=True, policies=lifetimes)

    tracker.configure(0, [easy_vpn(0)])
    tracker.configure(1, [easy_vpn(1)])
    assert take_news(tracker) == [("-policy", 65515), ("+policy", 65515)]


def test_that_proposals_become_known_is_no_news_but_their_change_is(tracker: Tracker) -> None:
    tracker.configure(0, [connection("site")])
    tracker.configure(1, [connection("site", policies=(Policy(AES, PSK),))])
    assert policies(tracker) == [1]
    assert tracker.take_events() == ()
    tracker.configure(2, [connection("site", policies=(Policy(GCM, PSK),))])
    assert take_news(tracker) == [("-policy", 1), ("+policy", 2)]
    tracker.configure(3, [connection("site")])
    assert policies(tracker) == []
    assert tracker.take_events() == ()


def test_the_same_again_changes_nothing(tracker: Tracker) -> None:
    tracker.configure(0, [SITE], DEFAULTS)
    tracker.attach(0, Interfaces((OUTSIDE,)))
    tracker.enable(enabled=True)
    tracker.saw(0, ike(1, child()))
    tracker.take_events()
    before, revision = tracker.snapshot(0), tracker.revision
    tracker.configure(1, [dataclasses.replace(SITE)], dataclasses.replace(DEFAULTS))
    tracker.attach(1, Interfaces((dataclasses.replace(OUTSIDE),)))
    tracker.enable(enabled=True)
    tracker.want(Wanted())
    after = tracker.snapshot(0)
    assert tracker.revision == revision
    assert tracker.take_events() == ()
    assert after.configuration is before.configuration
    assert after.ike_tunnels[0] is before.ike_tunnels[0]
    assert after.ipsec_tunnels[0] is before.ipsec_tunnels[0]


def test_rows_of_tunnels_that_a_change_does_not_touch_are_the_same(tracker: Tracker) -> None:
    tracker.configure(0, [SITE], DEFAULTS)
    tracker.saw(0, ike(1, child()))
    before = tracker.snapshot(0)
    longer = dataclasses.replace(SITE, children=(*SITE.children, Child("guests")))
    tracker.configure(1, [longer], dataclasses.replace(DEFAULTS, lifetime=60))
    after = tracker.snapshot(1)
    assert len(after.configuration.crypto_maps) == 3
    assert after.ike_tunnels[0] is before.ike_tunnels[0]
    assert after.ipsec_tunnels[0] is before.ipsec_tunnels[0]


# The whole gateway ------------------------------------------------------------------------------


def test_the_kind_of_identity_is_known_where_all_connections_agree(tracker: Tracker) -> None:
    by_name = dataclasses.replace(SITE, local_identity=Identity.parse("us.example.net"))
    by_address = dataclasses.replace(
        SITE, name="other", local_identity=Identity.parse("192.0.2.1"), keepalive=30
    )
    unknown = dataclasses.replace(SITE, name="third", keepalive=20)

    def kind(*connections: Connection) -> IdentityType | None:
        tracker.configure(0, connections)
        return tracker.snapshot(0).configuration.identity_type

    assert kind(by_name) is IdentityType.NAME
    assert kind(by_address) is IdentityType.ADDRESS
    assert kind(by_name, by_address) is kind(by_name, unknown) is kind(unknown) is kind() is None
    tracker.configure(0, [by_name, by_address, unknown])
    assert tracker.snapshot(0).configuration.keepalive == 20


def test_it_answers_or_not(tracker: Tracker) -> None:
    assert not tracker.snapshot(0).configuration.enabled
    tracker.configure(0, [SITE])
    tracker.enable(enabled=True)
    assert tracker.snapshot(0).configuration.enabled
    revision = tracker.revision
    tracker.restarted(1, EndReason.OTHER)
    tracker.enable(enabled=False)
    configuration = tracker.snapshot(1).configuration
    assert not configuration.enabled
    assert len(configuration.static_sets) == 1, "what was configured last"
    assert tracker.revision > revision


def test_routes_are_asked_for_and_connections_found_by_their_set(tracker: Tracker) -> None:
    assert tracker.routed_peers() == frozenset()
    assert tracker.connection_of("site") is None
    tracker.configure(0, [dataclasses.replace(SITE, local_addresses=())])
    assert tracker.routed_peers() == {OSLO}
    assert tracker.connection_of("site") == "site"
    tracker.attach(0, Interfaces((INSIDE,), {OSLO: 3}))
    assert len(tracker.snapshot(0).configuration.attachments) == 1


# Defaults ---------------------------------------------------------------------------------------


def test_defaults_are_in_force_while_something_uses_them_or_nothing_is_configured(
    tracker: Tracker,
) -> None:
    uses = Child("lan", uses_defaults=True)

    def in_force(*connections: Connection) -> tuple[list[int], int]:
        tracker.configure(0, connections, DEFAULTS)
        return policies(tracker), len(tracker.snapshot(0).configuration.transform_sets)

    default = list(range(65507, 65511))
    assert in_force() == (default, 1)
    assert in_force(SITE) == ([1], 0)
    assert in_force(SITE, connection("other", uses_defaults=True)) == ([1, *default], 0)
    assert in_force(dataclasses.replace(SITE, children=(uses,))) == ([1], 1)
    kinds = {row.kind for row in tracker.snapshot(0).configuration.policies}
    assert kinds == {PolicyKind.CONFIGURED}


def test_defaults_are_no_news(tracker: Tracker) -> None:
    tracker.configure(0, [], DEFAULTS)
    tracker.configure(1, [connection(uses_defaults=True)])
    tracker.configure(2, [connection(uses_defaults=True)], DEFAULTS)
    tracker.configure(3, [connection(policies=())], DEFAULTS)
    assert policies(tracker) == []
    assert tracker.take_events() == ()


def test_the_operator_may_not_want_defaults(tracker: Tracker) -> None:
    site = Connection("site", (Child("lan", uses_defaults=True),), uses_defaults=True)
    pfs = dataclasses.replace(DEFAULTS.transform_sets[0], proposal=Proposal(group="ECP_256"))
    tracker.configure(0, [site], dataclasses.replace(DEFAULTS, transform_sets=(pfs,)))
    tracker.saw(0, ike())
    assert policy(tracker) == 65508
    tracker.take_events()

    def shown() -> tuple[list[int], int, str | None]:
        configuration = tracker.snapshot(0).configuration
        (member,) = configuration.crypto_maps
        return policies(tracker), len(configuration.transform_sets), member.pfs_group

    assert shown() == (list(range(65507, 65511)), 1, "ECP_256")
    tracker.want(Wanted(default_transform_set=False))
    assert shown() == (list(range(65507, 65511)), 0, "ECP_256")
    tracker.want(Wanted(default_policy=False))
    assert shown() == ([], 1, "ECP_256")
    assert policy(tracker) == 65508, "what it was negotiated by does not change"
    tracker.want(Wanted())
    assert shown() == (list(range(65507, 65511)), 1, "ECP_256")
    assert policy(tracker) == 65508
    assert tracker.take_events() == ()


# What tunnels have of it ------------------------------------------------------------------------


def test_a_tunnel_has_the_policy_that_it_was_negotiated_by(tracker: Tracker) -> None:
    tracker.configure(0, [connection(policies=(Policy(OLD, PSK), Policy(AES, PSK)))])
    tracker.saw(1, ike())
    assert policy(tracker) == 2
    tracker.ike_rekeyed(2, 1, ike(2, proposal=OLD))
    assert policy(tracker) == 1


def test_tunnels_that_were_seen_first_get_theirs_with_the_configuration(tracker: Tracker) -> None:
    tracker.saw(0, ike(1, child(1, "voice")))
    assert policy(tracker) == 0
    before = tracker.take_events()
    tracker.configure(1, [connection("site", "voice", "lan", policies=(Policy(AES, PSK),))])
    assert policy(tracker) == 1
    assert before
    assert tracker.take_events() == ()
    assert sas(tracker) == {"site": 2}


def test_what_sas_show_is_no_news(tracker: Tracker) -> None:
    tracker.configure(0, [connection("site", "lan")])
    tracker.saw(1, ike())
    assert policies(tracker) == [policy(tracker)] == [1]
    tracker.configure(2, [])
    tracker.configure(3, [connection("site", "lan")])
    assert [name for name, _ in take_news(tracker)] == ["-map", "+map"]
    assert policies(tracker) == [1], "the tunnel shows it again"


def test_a_tunnel_whose_proposal_is_not_known_has_no_policy(tracker: Tracker) -> None:
    tracker.configure(0, [connection("site", "lan")])
    tracker.saw(1, ike(proposal=Proposal()))
    assert (policy(tracker), policies(tracker)) == (0, [])


def test_a_tunnel_keeps_what_it_had_of_a_connection_that_is_unloaded(tracker: Tracker) -> None:
    other = connection("other", policies=(Policy(GCM, PSK),))
    tracker.configure(0, [other, SITE])
    tracker.saw(0, ike(1, child(1, "voice")))
    (before,) = tracker.snapshot(0).ipsec_tunnels
    assert before.policy_map is not None
    assert (before.policy_map.set_name, before.policy_map.priority) == ("site", 2)
    assert before.policy_map.endpoint == Endpoint(NET, NET)
    tracker.configure(1, [other])
    tracker.child_rekeyed(2, ike(1), child(1, "voice"), child(2, "voice"))
    tracker.ike_rekeyed(3, 1, ike(2))
    (after,) = tracker.snapshot(3).ipsec_tunnels
    assert after.policy_map is before.policy_map
    assert policy(tracker) == 2
    assert sas(tracker) == {"other": 0}
    tracker.configure(4, [other, SITE])
    assert sas(tracker) == {"other": 0, "site": 2}
    assert policy(tracker) == 2


def test_active_sas_are_counted_over_rekeys_and_ends(tracker: Tracker) -> None:
    tracker.configure(0, [SITE])
    tracker.saw(0, ike(1, child(1), child(2, "voice")))
    assert sas(tracker) == {"site": 4}
    tracker.child_rekeyed(1, ike(1), child(1), child(3))
    assert sas(tracker) == {"site": 4}, "the old ones are about to go"
    tracker.child_down(2, ike(1), child(1), EndReason.NORMAL)
    assert sas(tracker) == {"site": 4}
    tracker.child_down(3, ike(1), child(3), EndReason.NORMAL)
    assert sas(tracker) == {"site": 2}
    tracker.ike_down(4, 1, EndReason.NORMAL)
    assert sas(tracker) == {"site": 2}, "an IPsec tunnel outlives its IKE tunnel"
    tracker.restarted(5, EndReason.OTHER)
    assert sas(tracker) == {"site": 0}
    assert tracker._configured.active_sas == 0


def test_sas_go_over_with_their_ike_tunnel_to_another_connection(tracker: Tracker) -> None:
    tracker.configure(0, [SITE, connection("other", "lan")])
    tracker.saw(0, ike(1, child(1)))
    # A new SA under another connection that carries a child of the old one: the same tunnel.
    tracker.saw(1, ike(2, child(1), of="other"))
    (tunnel,) = tracker.snapshot(1).ipsec_tunnels
    assert tunnel.policy_map is not None
    assert tunnel.policy_map.set_name == "other"
    assert sas(tracker) == {"site": 0, "other": 2}


def test_sas_move_with_their_tunnel_to_another_ike_tunnel(tracker: Tracker) -> None:
    tracker.configure(0, [SITE, connection("other", "lan")])
    tracker.saw(0, ike(1, child(1)))
    tracker.saw(0, ike(2, of="other"))
    tracker.saw(1, ike(2, child(1), of="other"))
    assert sas(tracker) == {"site": 0, "other": 2}


def test_a_dynamic_set_counts_the_sas_of_all_its_peers(tracker: Tracker) -> None:
    tracker.configure(0, [connection("users", "lan", dynamic=True)])
    for number in range(1, 4):
        tracker.saw(0, ike(number, child(number), of="users"))
    assert sas(tracker) == {"users": 6}


# Too many SAs -----------------------------------------------------------------------------------


def test_a_tunnel_that_comes_up_over_the_limit_is_told(tracker: Tracker) -> None:
    tracker.configure(0, [SITE])
    tracker.want(Wanted(max_sas=4))
    for number in range(1, 4):
        tracker.saw(number, ike(number, child(number)))
    told = [event for event in tracker.take_events() if isinstance(event, TooManySas)]
    assert [event.at for event in told] == [3]
    assert told[0].configuration.wanted.max_sas == 4
    tracker.child_rekeyed(4, ike(1), child(1), child(9))
    tracker.child_down(4, ike(1), child(9), EndReason.NORMAL)
    tracker.saw(5, ike(1, child(10)))
    assert [event.at for event in tracker.take_events() if isinstance(event, TooManySas)] == [5]


def test_tunnels_that_were_up_before_are_not_too_many() -> None:
    tracker = Tracker(watching_since=100)
    tracker.want(Wanted(max_sas=1))
    tracker.saw(99, ike(1, child(1)))
    assert not any(isinstance(event, TooManySas) for event in tracker.take_events())


def test_without_a_limit_there_are_never_too_many(tracker: Tracker) -> None:
    tracker.saw(0, ike(1, child(1)))
    assert not any(isinstance(event, TooManySas) for event in tracker.take_events())


def test_the_signature_of_the_method_counts(tracker: Tracker) -> None:
    tracker.configure(0, [connection(policies=(Policy(AES, SIGNATURE), Policy(AES, PSK)))])
    tracker.saw(0, ike(auth_method=SIGNATURE))
    assert policy(tracker) == 1
