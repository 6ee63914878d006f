"""Each tracker of a group is as if it were alone, whatever happens."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from datasource.configuration import Child, Connection
from datasource.failures import IkeFailure
from datasource.ledger import Ledger
from datasource.model import (
    ChildSa,
    Identity,
    IkeSa,
    IkeTraffic,
    IpsecTraffic,
    Mark,
    SaState,
)
from datasource.reasons import EndReason, IkeFailureReason
from datasource.tracker import Tracker
from datasource.tracker_group import TrackerGroup
from datasource.vrf import VrfRule
from tests import sas

RULES = (
    VrfRule("red", connections=("red-*",), marks=(Mark(0x2A, 0xFF),)),
    VrfRule("blue", connections=("blue",), if_ids=(43,)),
    VrfRule("green", if_ids=(44,)),
)
CONTEXTS = {
    "red-1": "red",
    "red-2": "red",
    "blue": "blue",
    "site": "",
    "by-mark": "red",
    "by-child": "blue",
    "by-ike": "green",
}
NAMES = tuple(CONTEXTS)
MARKS = {"by-mark": Mark(0x12A)}
CHILD_IF_IDS = {"by-child": 43}
IKE_IF_IDS = {"by-ike": 44}
STEP = 0.25
"""Seconds: a power of two, so that sums and differences of times are exact."""

Report = Callable[[Ledger], object]


@dataclasses.dataclass
class Gateway:
    """What a daemon has, told to a group, to a tracker with everything and to one per context."""

    now: float = 1000.0
    last_id: int = 0
    ikes: dict[int, IkeSa] = dataclasses.field(default_factory=dict)
    gone: list[IkeSa] = dataclasses.field(default_factory=list)

    def __post_init__(self) -> None:
        self.group = TrackerGroup(RULES, Tracker)
        self.whole = Tracker()
        self.shares = {context: Tracker() for context in self.group.trackers}

    # Reports ------------------------------------------------------------------------------------

    def tell(self, connection: str, report: Report) -> None:
        ledgers: Sequence[Ledger] = (self.group, self.whole, self.shares[CONTEXTS[connection]])
        for ledger in ledgers:
            report(ledger)

    @property
    def ledgers(self) -> Sequence[Ledger]:
        return (self.group, self.whole, *self.shares.values())

    def saw(self, sa: IkeSa) -> None:
        self.tell(sa.parameters.connection, lambda ledger: ledger.saw(self.now, sa))

    # SAs ----------------------------------------------------------------------------------------

    def new_id(self) -> int:
        self.last_id += 1
        return self.last_id

    def new_ike(self, name: str, version: int) -> IkeSa:
        number = self.new_id()
        parameters = dataclasses.replace(
            sas.IKE,
            connection=name,
            version=version,
            initiator=number % 2 == 0,
            remote_identity=Identity.parse(f"peer{number}.example.net"),
            if_id_in=IKE_IF_IDS.get(name),
        )
        return IkeSa(number, SaState.ACTIVE, 0, parameters)

    def new_child(self, name: str, reqid: int = 0) -> ChildSa:
        number = self.new_id()
        parameters = dataclasses.replace(
            sas.CHILD,
            reqid=reqid or number,
            spi_in=0x1000 + number,
            mark_in=MARKS.get(name),
            if_id_out=CHILD_IF_IDS.get(name),
        )
        return ChildSa(number, SaState.ACTIVE, 0, parameters, IpsecTraffic(in_octets=number))

    def pick(self, choice: int) -> IkeSa | None:
        return list(self.ikes.values())[choice % len(self.ikes)] if self.ikes else None

    # What may happen ----------------------------------------------------------------------------

    def comes_up(self, choice: int) -> None:
        name = NAMES[choice % len(NAMES)]
        sa = self.new_ike(name, 1 + choice % 2)
        self.tell(name, lambda ledger: ledger.count_ike(sa.id, IkeTraffic(in_packets=3)))
        self.saw(sa)
        self.now += STEP
        self.gets_a_child(sa)

    def gets_a_child(self, sa: IkeSa) -> None:
        child = self.new_child(sa.parameters.connection)
        self.ikes[sa.id] = dataclasses.replace(sa, children=(*sa.children, child))
        self.saw(dataclasses.replace(sa, children=(child,)))

    def another_child(self, choice: int) -> None:
        if (sa := self.pick(choice)) is not None:
            self.gets_a_child(sa)

    def rekeys_a_child(self, choice: int) -> None:
        sa = self.pick(choice)
        if sa is None or not sa.children:
            return
        *others, old = sa.children
        new = self.new_child(sa.parameters.connection, old.parameters.reqid)
        kept = (dataclasses.replace(old, state=SaState.EXPIRING),) if choice % 3 else ()
        self.ikes[sa.id] = dataclasses.replace(sa, children=(*others, *kept, new))
        alone = dataclasses.replace(sa, children=())
        self.tell(
            sa.parameters.connection,
            lambda ledger: ledger.child_rekeyed(self.now, alone, old, new),
        )

    def rekeys(self, choice: int) -> None:
        old = self.pick(choice)
        if old is None:
            return
        alone = dataclasses.replace(old, id=self.new_id(), children=())
        del self.ikes[old.id]
        self.ikes[alone.id] = dataclasses.replace(alone, children=old.children)
        if old.parameters.version == 1:
            # The children go over in silence, and the old SA stays for a while.
            self.ikes[old.id] = dataclasses.replace(old, children=())
            self.saw(alone)
        else:
            self.gone.append(old)
            self.tell(
                old.parameters.connection,
                lambda ledger: ledger.ike_rekeyed(self.now, old.id, alone),
            )

    def loses_a_child(self, choice: int) -> None:
        sa = self.pick(choice)
        if sa is None or not sa.children:
            return
        child, *others = sa.children
        self.ikes[sa.id] = dataclasses.replace(sa, children=tuple(others))
        alone = dataclasses.replace(sa, children=())
        self.tell(
            sa.parameters.connection,
            lambda ledger: ledger.child_down(self.now, alone, child, EndReason.OPERATOR),
        )

    def goes_down(self, choice: int) -> None:
        sa = self.pick(choice)
        if sa is None:
            return
        self.gone.append(self.ikes.pop(sa.id))
        alone = dataclasses.replace(sa, children=())
        name = sa.parameters.connection
        self.tell(name, lambda ledger: ledger.ike_down(self.now, sa.id, EndReason.PEER_LOST))
        for child in sa.children:
            self.tell(
                name,
                lambda ledger, c=child: ledger.child_down(  # type: ignore[misc]
                    self.now, alone, c, EndReason.PEER_LOST
                ),
            )

    def vanishes(self, choice: int) -> None:
        if (sa := self.pick(choice)) is not None:
            self.gone.append(self.ikes.pop(sa.id))

    def is_listed(self, choice: int) -> None:
        listings = {id(ledger): ledger.list() for ledger in self.ledgers}
        for number, sa in enumerate(self.ikes.values()):
            if (number + choice) % 5:
                self.tell(
                    sa.parameters.connection,
                    lambda ledger, s=sa: listings[id(ledger)].add(  # type: ignore[misc]
                        self.now, dataclasses.replace(s, age=self.now % 8)
                    ),
                )
        missing = {key: one.end(self.now, waited=choice % 2 == 0) for key, one in listings.items()}
        assert missing[id(self.group)] == missing[id(self.whole)]
        assert missing[id(self.group)] == any(missing[id(one)] for one in self.shares.values())

    def talks(self, choice: int) -> None:
        known = [*self.ikes.values(), *self.gone]
        if known:
            sa = known[choice % len(known)]
            traffic = IkeTraffic(out_packets=1 + choice)
            self.tell(sa.parameters.connection, lambda ledger: ledger.count_ike(sa.id, traffic))

    def fails(self, choice: int) -> None:
        name = NAMES[choice % 4]  # one whose name tells
        number = self.new_id()
        failure = IkeFailure(
            self.now, IkeFailureReason.AUTHENTICATION, None, None, None, sas.THEIRS
        )

        def report(ledger: Ledger) -> None:
            ledger.count_ike(number, IkeTraffic(in_packets=1))
            ledger.setup_failed(self.now, number, initiator=choice % 2 == 0, connection=name)
            ledger.ledger_of(number, name).count_failure("authentication")
            ledger.ledger_of(number, name).ike_failed(failure)

        self.tell(name, report)

    def fails_while_up(self, choice: int) -> None:
        if (sa := self.pick(choice)) is not None:
            failure = IkeFailure(self.now, IkeFailureReason.OTHER, None, None, None, None)
            self.tell(
                sa.parameters.connection,
                lambda ledger: ledger.ledger_of(sa.id, "").ike_failed(failure),
            )

    def is_configured(self, choice: int) -> None:
        names = [name for number, name in enumerate(NAMES[:4]) if choice >> number & 1]
        connections = [Connection(name, (Child("net"),), peers=(sas.THEIRS,)) for name in names]
        self.group.configure(self.now, connections)
        self.whole.configure(self.now, connections)
        for context, tracker in self.shares.items():
            share = [one for one in connections if CONTEXTS[one.name] == context]
            tracker.configure(self.now, share)

    def restarts(self, _choice: int) -> None:
        self.ikes.clear()
        self.gone.clear()
        self.last_id = 0
        for ledger in self.ledgers:
            ledger.restarted(self.now, EndReason.LOCAL_FAILURE)


HAPPENINGS = (
    Gateway.comes_up,
    Gateway.comes_up,
    Gateway.another_child,
    Gateway.rekeys_a_child,
    Gateway.rekeys,
    Gateway.loses_a_child,
    Gateway.goes_down,
    Gateway.vanishes,
    Gateway.is_listed,
    Gateway.is_listed,
    Gateway.talks,
    Gateway.fails,
    Gateway.fails_while_up,
    Gateway.is_configured,
    Gateway.restarts,
)
STEPS = st.lists(st.tuples(st.sampled_from(HAPPENINGS), st.integers(0, 1_000)), max_size=40)


def tunnels(tracker: Tracker, now: float) -> list[tuple[int, ...]]:
    """Return the SAs of each tunnel: of IKE, then of IPsec."""
    snapshot = tracker.snapshot(now)
    ike = [(1, *sorted(tracker.ike_sas(one.index))) for one in snapshot.ike_tunnels]
    return ike + [(2, *sorted(tracker.child_sas(one.index))) for one in snapshot.ipsec_tunnels]


def look(gateway: Gateway) -> None:
    found: list[tuple[int, ...]] = []
    for context, tracker in gateway.group.trackers.items():
        alone = gateway.shares[context]
        assert tracker.snapshot(gateway.now) == alone.snapshot(gateway.now)
        happened, expected = (
            [(type(event), getattr(event, "tunnel", None)) for event in one.take_events()]
            for one in (tracker, alone)
        )
        assert happened == expected
        found += tunnels(tracker, gateway.now)
    assert sorted(found) == sorted(tunnels(gateway.whole, gateway.now))
    of_sas = [(kind, sa) for kind, *ids in found for sa in ids]
    assert len(of_sas) == len(set(of_sas)), "each SA in one tracker"
    for sa in gateway.ikes.values():
        home = gateway.group.trackers[CONTEXTS[sa.parameters.connection]]
        assert gateway.group.has_had(sa.id) == home.has_had(sa.id) == gateway.whole.has_had(sa.id)
        assert gateway.group.replaces(sa.id) == gateway.whole.replaces(sa.id)


@settings(max_examples=200)
@given(STEPS)
def test_each_tracker_is_as_if_it_were_alone(
    steps: Sequence[tuple[Callable[[Gateway, int], None], int]],
) -> None:
    gateway = Gateway()
    for happening, choice in steps:
        gateway.now += STEP
        happening(gateway, choice)
        look(gateway)
