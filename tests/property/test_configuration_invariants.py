"""What must hold between what is configured, what is up, and what was told of it."""

from __future__ import annotations

import dataclasses
import ipaddress
from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from datasource.configuration import (
    DEFAULT_POLICIES,
    Child,
    Configuration,
    Connection,
    Defaults,
    Interface,
    Interfaces,
    Policy,
    PolicyKind,
    Wanted,
)
from datasource.model import (
    AuthMethod,
    ChildSa,
    ChildSaParameters,
    Identity,
    IkeSa,
    IkeSaParameters,
    Proposal,
    SaState,
    TrafficSelector,
)
from datasource.reasons import EndReason
from datasource.tracker import Tracker
from tests.connections import AES, DEFAULTS, GCM, OLD, OSLO, OURS, PSK, SIGNATURE, news

NAMES = ("a", "bb", "cc", "users", "b\u00f8", "b?")
CHILDREN = ("lan", "voice", "guests")
OTHER = ipaddress.ip_address("192.0.2.2")
NET = (TrafficSelector(OURS, OURS),)
PROPOSALS = st.sampled_from([AES, GCM, OLD, Proposal()])
POLICIES = st.lists(
    st.builds(Policy, st.sampled_from([AES, GCM, OLD]), st.sampled_from([PSK, SIGNATURE, None])),
    min_size=1,
    max_size=3,
).map(tuple)


@st.composite
def connections(draw: st.DrawFn, name: str) -> Connection:
    children = draw(st.lists(st.sampled_from(CHILDREN), unique=True, max_size=3))
    uses_defaults = draw(st.booleans())
    return Connection(
        name,
        tuple(Child(child, lifetime=draw(st.sampled_from([None, 60]))) for child in children),
        local_addresses=draw(st.sampled_from([(), (OURS,), (OTHER,), (OURS, OTHER)])),
        peers=draw(st.sampled_from([(), (OSLO,), (None, OSLO)])),
        dynamic=draw(st.booleans()),
        # That proposals become known, or unknown, is no news: so each keeps to what it is.
        policies=None if name in {"a", "b?"} else () if uses_defaults else draw(POLICIES),
        uses_defaults=uses_defaults and name not in {"a", "b?"},
        easy_vpn=name == "users",
    )


@st.composite
def configurations(draw: st.DrawFn) -> tuple[Connection, ...]:
    names = draw(st.lists(st.sampled_from(NAMES), unique=True))
    return tuple(draw(connections(name)) for name in names)


INTERFACES = st.builds(
    lambda ours, others, up, routes: Interfaces(
        (
            Interface(2, "eth0", addresses=frozenset(ours), up=up),
            Interface(3, "eth1", addresses=frozenset(others)),
        ),
        routes,
    ),
    st.sets(st.sampled_from([OURS, OTHER])),
    st.sets(st.sampled_from([OURS, OTHER])),
    st.booleans(),
    st.sampled_from([{}, {OSLO: 2}, {OSLO: 3}]),
)


class Gateway(RuleBasedStateMachine):
    """A daemon, its configuration and its network, and what is told of them."""

    def __init__(self) -> None:
        super().__init__()
        self.tracker = Tracker()
        self.configured: dict[str, Connection] = {}
        self.sas: dict[int, IkeSa] = {}
        self.last_id = 0
        self.told: dict[str, set[object]] | None = None
        self.looked = False
        self.names: dict[str, str] = {}
        self.priorities: dict[tuple[str, str], int] = {}
        self.policies: dict[tuple[PolicyKind, Policy], int] = {}

    # What happens -------------------------------------------------------------------------------

    @initialize(
        first=configurations(), interfaces=INTERFACES, way=st.sampled_from(["ca", "ac", "c"])
    )
    def start(self, first: tuple[Connection, ...], interfaces: Interfaces, way: str) -> None:
        for step in way:
            if step == "c":
                self.configure(first, True)
            else:
                self.attach(interfaces)
        assert news(self.tracker.take_events()) == [], "what was there is no news"
        self.told = self.there()

    @rule(new=configurations(), defaults=st.booleans())
    def configure(self, new: tuple[Connection, ...], defaults: bool) -> None:
        self.configured = {one.name: one for one in new}
        self.tracker.configure(0, new, DEFAULTS if defaults else Defaults())

    @rule(interfaces=INTERFACES)
    def attach(self, interfaces: Interfaces) -> None:
        first, self.looked = not self.looked, True
        self.tracker.attach(0, interfaces)
        if first and self.told is not None:
            assert news(self.tracker.take_events()) == [], "nobody had looked"
            self.told = self.there()

    @rule(
        name=st.sampled_from(NAMES),
        children=st.lists(st.sampled_from(CHILDREN), unique=True),
        proposal=PROPOSALS,
        auth_method=st.sampled_from([PSK, SIGNATURE]),
    )
    def come_up(
        self, name: str, children: list[str], proposal: Proposal, auth_method: AuthMethod
    ) -> None:
        parameters = IkeSaParameters(
            name,
            2,
            True,
            OURS,
            OSLO,
            Identity.parse("us"),
            Identity.parse(name),
            auth_method=auth_method,
            proposal=proposal,
        )
        sas = tuple(self.child(child) for child in children)
        ike = IkeSa(self.new_id(), SaState.ACTIVE, 0, parameters, sas)
        self.sas[ike.id] = ike
        self.tracker.saw(0, ike)

    @rule(data=st.data(), proposal=PROPOSALS, name=st.sampled_from(NAMES), moved=st.booleans())
    def rekey_ike(
        self,
        data: st.DataObject,
        proposal: Proposal,
        name: str,
        moved: bool,
    ) -> None:
        if (old := self.pick(data)) is None:
            return
        parameters = dataclasses.replace(
            old.parameters,
            proposal=proposal,
            connection=name if moved else old.parameters.connection,
        )
        new = IkeSa(self.new_id(), SaState.ACTIVE, 0, parameters, old.children)
        del self.sas[old.id]
        self.sas[new.id] = new
        self.tracker.ike_rekeyed(0, old.id, new)

    @rule(data=st.data(), gone=st.booleans())
    def rekey_child(self, data: st.DataObject, gone: bool) -> None:
        ike = self.pick(data)
        if ike is None or not ike.children:
            return
        old, *others = ike.children
        new = self.child(old.parameters.name, data.draw(st.sampled_from(["", "ECP_256"])))
        self.sas[ike.id] = dataclasses.replace(ike, children=(*others, new))
        self.tracker.child_rekeyed(0, ike, old, new)
        if gone:
            self.tracker.child_down(0, ike, old, EndReason.NORMAL)

    @rule(data=st.data())
    def end_child(self, data: st.DataObject) -> None:
        ike = self.pick(data)
        if ike is not None and ike.children:
            child, *others = ike.children
            self.sas[ike.id] = dataclasses.replace(ike, children=tuple(others))
            self.tracker.child_down(0, ike, child, EndReason.NORMAL)

    @rule(data=st.data(), silent=st.booleans())
    def end_ike(self, data: st.DataObject, silent: bool) -> None:
        """The IPsec tunnels live on, until a listing does not have them."""
        if (ike := self.pick(data)) is not None:
            del self.sas[ike.id]
            if not silent:
                self.tracker.ike_down(0, ike.id, EndReason.NORMAL)

    @rule()
    def list_all(self) -> None:
        listing = self.tracker.list()
        for sa in self.sas.values():
            listing.add(0, sa)
        listing.end(0, waited=True)

    @rule()
    def restart(self) -> None:
        self.sas.clear()
        self.tracker.restarted(0, EndReason.OTHER)
        self.tracker.enable(enabled=False)

    @rule(default_policy=st.booleans(), default_transform_set=st.booleans())
    def want(self, default_policy: bool, default_transform_set: bool) -> None:
        self.tracker.want(
            Wanted(default_policy=default_policy, default_transform_set=default_transform_set)
        )

    # What must hold -----------------------------------------------------------------------------

    @invariant()
    def what_was_told_is_what_is_there(self) -> None:
        if self.told is None:
            return
        for what, thing in news(self.tracker.take_events()):
            told = self.told[what[1:]]
            if what[0] == "+":
                assert thing not in told, f"{what} {thing} twice"
                told.add(thing)
            else:
                assert thing in told, f"{what} {thing} without having come"
                told.remove(thing)
        assert self.told == self.there()

    @invariant()
    def numbers_and_names_stay(self) -> None:
        configuration = self.now()
        for row in configuration.static_sets + configuration.dynamic_sets:
            assert self.names.setdefault(row.connection, row.name) == row.name
            for member in row.members:
                key = row.connection, member.child.name
                assert self.priorities.setdefault(key, member.priority) == member.priority
        for policy in configuration.policies:
            if policy.kind is not PolicyKind.DEFAULT:
                kind_and_policy = policy.kind, policy.policy
                assert self.policies.setdefault(kind_and_policy, policy.priority) == policy.priority
        for known in (self.names, self.policies):
            assert len(set(known.values())) == len(known)

    @invariant()
    def the_configuration_is_complete_and_in_order(self) -> None:
        configuration = self.now()
        sets = configuration.static_sets + configuration.dynamic_sets
        assert {row.connection for row in sets} == set(self.configured)
        for rows in (configuration.static_sets, configuration.dynamic_sets):
            names = [row.name for row in rows]
            assert names == sorted(names, key=lambda name: (len(name), name))
        for row in sets:
            connection = self.configured[row.connection]
            assert row.dynamic == connection.dynamic
            assert {member.child for member in row.members} == set(connection.children)
            priorities = [member.priority for member in row.members]
            assert priorities == sorted(set(priorities))
        members = [member for row in configuration.static_sets for member in row.members]
        assert list(configuration.crypto_maps) == members
        policies = [policy.priority for policy in configuration.policies]
        assert policies == sorted(set(policies))

    @invariant()
    def tunnels_and_the_configuration_agree(self) -> None:
        snapshot = self.tracker.snapshot(0)
        configuration = snapshot.configuration
        policies = {policy.priority for policy in configuration.policies}
        if not configuration.wanted.default_policy:
            policies.update(DEFAULT_POLICIES)  # they are used, and not shown
        connections = {}
        for tunnel in snapshot.ike_tunnels:
            connections[tunnel.index] = tunnel.parameters.connection
            if tunnel.parameters.connection in self.configured:
                assert tunnel.policy in policies or tunnel.parameters.proposal == Proposal()
        active: Counter[str] = Counter()
        for ipsec in snapshot.ipsec_tunnels:
            row = ipsec.policy_map
            assert row is not None
            active[row.set_name] += sum(not spi.expiring for spi in ipsec.spis)
            if ipsec.ike_alive:
                connection = connections[ipsec.ike_index]
                assert self.names.setdefault(connection, row.set_name) == row.set_name
                assert row.set_name == connection or connection in {"b\u00f8", "b?"}
                key = connection, ipsec.parameters.name
                assert self.priorities.setdefault(key, row.priority) == row.priority
        for crypto_map_set in configuration.static_sets + configuration.dynamic_sets:
            assert crypto_map_set.sas == active[crypto_map_set.name]
        assert self.tracker._configured.active_sas == active.total()

    @invariant()
    def nothing_is_made_anew_while_nothing_happens(self) -> None:
        assert self.now() is self.now()

    # Help ---------------------------------------------------------------------------------------

    def now(self) -> Configuration:
        return self.tracker.snapshot(0).configuration

    def there(self) -> dict[str, set[object]]:
        configuration = self.now()
        known = {
            (PolicyKind.EASY_VPN if one.easy_vpn else PolicyKind.CONFIGURED, policy)
            for one in self.configured.values()
            for policy in one.policies or ()
        }
        return {
            "map": {(one.set_name, one.priority) for one in configuration.crypto_maps},
            "policy": {
                one.priority for one in configuration.policies if (one.kind, one.policy) in known
            },
            "at": {(one.interface.index, one.set_name) for one in configuration.attachments},
        }

    def pick(self, data: st.DataObject) -> IkeSa | None:
        return data.draw(st.sampled_from(list(self.sas.values()))) if self.sas else None

    def new_id(self) -> int:
        self.last_id += 1
        return self.last_id

    def child(self, name: str, group: str = "") -> ChildSa:
        number = self.new_id()
        spis = 0x1000 + number, 0x100000 + number
        proposal = Proposal("AES_GCM_16", 128, group=group)
        parameters = ChildSaParameters(name, 1, *spis, NET, NET, proposal=proposal)
        return ChildSa(number, SaState.ACTIVE, 0, parameters)


TestGateway = Gateway.TestCase
TestGateway.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
