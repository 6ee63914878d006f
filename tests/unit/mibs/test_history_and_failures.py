"""The history, failure and trap control groups of CISCO-IPSEC-FLOW-MONITOR-MIB, and their SETs."""

from __future__ import annotations

import asyncio
import dataclasses
import ipaddress
from typing import Any

import pytest

from datasource.events import EndReason
from datasource.failures import IkeFailure, IpsecFailure
from datasource.history import MAX_SIZE, EndedIkeTunnel
from datasource.model import ChildSa, Identity, IkeSa, IkeTraffic, IpsecTraffic, SaState
from datasource.reasons import IkeFailureReason, IpsecFailureReason
from datasource.tracker import Tracker
from mibs import ber, cisco_ipsec_flow_monitor, smi, transaction
from mibs.access import SHOWN, Access
from mibs.cisco_ipsec_flow_monitor import Archive, Choices, trap_control
from mibs.settable import Switch
from mibs.setting import ErrorStatus, SetError
from mibs.tree import Tree
from mibs.view import View, ViewBuilder
from tests.sas import IKE, OURS, THEIRS, child, ike

MODULES = smi.load([cisco_ipsec_flow_monitor.MODULE])
BEGAN = 7.0
LIVE = {
    type_.name
    for type_ in MODULES.objects(cisco_ipsec_flow_monitor.MODULE)
    if type_.access.startswith("read-") and "Hist" not in type_.name
}
NOT_LIVE = {"cikeTunHistActiveTime", "cipSecTunHistActiveTime"}
"""What goes on while a tunnel lives, and stands still in history."""


class Agent:
    """A tracker and all that is shown of it."""

    def __init__(self) -> None:
        self.tracker = Tracker()
        self.now = 10.0
        self.switches = {name: Switch() for name in trap_control.NOTIFICATION_OF.values()}
        archive = Archive(
            self.tracker.history,
            lambda at: int((at - BEGAN) * 100),
            lambda: self.tracker.check_point(self.now),
        )
        self.tree = Tree(
            MODULES,
            (cisco_ipsec_flow_monitor.bind(Choices(), None, archive, self.switches),),
        )
        self.access = Access(bytes([SHOWN] * len(self.tree.spans)))
        self._builder = ViewBuilder(self.tree)

    @property
    def view(self) -> View:
        return self._builder.build(self.tracker.snapshot(self.now), self.now)

    def column(self, name: str) -> dict[tuple[int, ...], Any]:
        """Every instance of an object, by index."""
        type_ = MODULES.object(name)
        prefix = ber.encode_oid(type_.oid)
        found = {}
        for varbind in self.view.walk(prefix, self.access, 1000):
            oid = ber.decode_oid(ber.name_of(varbind))
            if oid[: len(type_.oid)] == type_.oid:
                found[oid[len(type_.oid) :]] = value_of(varbind)
        return found

    def set(self, name: str, value: int) -> None:
        oid = (*MODULES.object(name).oid, 0)
        content = ber.encode_integer(value)[2:]
        varbind = ber.encode_oid(oid), ber.INTEGER, content
        asyncio.run(transaction.test(self.view, self.access, [varbind]).commit())


def value_of(varbind: bytes) -> int | bytes:
    _, pos, end = ber.read_header(varbind, 0, len(varbind))
    _, _, pos = ber.read_header(varbind, pos, end)
    tag, start, stop = ber.read_header(varbind, pos, end)
    if tag == ber.OCTET_STRING:
        return varbind[start:stop]
    return int.from_bytes(varbind[start:stop], "big", signed=True)


@pytest.fixture
def agent() -> Agent:
    return Agent()


@pytest.mark.parametrize(
    "table", ["cikeTunnelHistTable", "cipSecTunnelHistTable", "cipSecEndPtHistTable"]
)
def test_what_ended_shows_the_final_values_of_the_live_columns(agent: Agent, table: str) -> None:
    busy = dataclasses.replace(child(1), traffic=IpsecTraffic(*range(2**32, 2**32 + 17)))
    agent.tracker.saw(8.0, ike(busy))
    agent.tracker.count_ike(1, IkeTraffic(*range(1, 17)))
    live = {}
    for past in {type_.name for type_ in MODULES.columns(table)} - NOT_LIVE:
        for name in (past.replace("HistPeer", ""), past.replace("Hist", "")):
            if name in LIVE:
                live[past] = list(agent.column(name).values())
    agent.tracker.child_down(9.5, ike(), busy, EndReason.PEER_LOST)
    agent.tracker.ike_down(9.5, 1, EndReason.NORMAL)
    assert {past: list(agent.column(past).values()) for past in live} == live
    assert sum(map(len, live.values())) > 10


def test_what_history_has_beside_them(agent: Agent) -> None:
    agent.tracker.saw(8.0, ike(child(1)))
    agent.tracker.child_down(9.5, ike(), child(1), EndReason.PEER_LOST)
    agent.tracker.ike_down(9.75, 1, EndReason.NORMAL)
    assert agent.column("cikeTunHistTermReason") == {(1,): 2}
    assert agent.column("cikeTunHistActiveIndex") == {(1,): 1}
    assert agent.column("cikeTunHistPeerIntIndex") == {(1,): 1}
    assert agent.column("cikeTunHistStartTime") == {(1,): 100}
    assert agent.column("cikeTunHistActiveTime") == {(1,): 175}
    assert agent.column("cikeTunHistTotalSas") == {(1,): 1}
    assert agent.column("cipSecTunHistTermReason") == {(1,): 5}
    assert agent.column("cipSecTunHistStartTime") == {(1,): 100}
    assert agent.column("cipSecTunHistActiveTime") == {(1,): 150}
    assert agent.column("cipSecTunHistTotalSas") == {(1,): 2}
    assert agent.column("cipSecEndPtHistTunIndex") == {(1,): 1, (2,): 1}
    assert agent.column("cipSecEndPtHistActiveIndex") == {(1,): 1, (2,): 2}


REASONS = [
    (EndReason.OTHER, 1, 1),
    (EndReason.NORMAL, 2, 2),
    (EndReason.OPERATOR, 3, 3),
    (EndReason.PEER_DELETE, 4, 4),
    (EndReason.PEER_LOST, 5, 5),
    (EndReason.LOCAL_FAILURE, 6, 1),
    (EndReason.CHECK_POINT, 7, 7),
]


@pytest.mark.parametrize(("reason", "of_ike", "of_ipsec"), REASONS)
def test_every_reason_of_an_end(
    agent: Agent, reason: EndReason, of_ike: int, of_ipsec: int
) -> None:
    agent.tracker.saw(8.0, ike(child(1)))
    agent.tracker.child_down(9.0, ike(), child(1), reason)
    agent.tracker.ike_down(9.0, 1, reason)
    assert agent.column("cikeTunHistTermReason") == {(1,): of_ike}
    assert agent.column("cipSecTunHistTermReason") == {(1,): of_ipsec}


def test_every_reason_of_a_failure_has_its_number(agent: Agent) -> None:
    for ike_reason in IkeFailureReason:
        agent.tracker.ike_failed(IkeFailure(8.0, ike_reason))
    for reason in IpsecFailureReason:
        agent.tracker.ipsec_failed(IpsecFailure(8.0, reason))
    numbers = MODULES.object("cikeFailReason").enumeration.values()
    assert list(agent.column("cikeFailReason").values()) == sorted(numbers)
    numbers = MODULES.object("cipSecFailReason").enumeration.values()
    assert list(agent.column("cipSecFailReason").values()) == sorted(numbers)


def test_what_is_not_known_of_a_failure_is_absent(agent: Agent) -> None:
    agent.tracker.ike_failed(IkeFailure(8.0, IkeFailureReason.OTHER, remote_address=THEIRS))
    agent.tracker.ipsec_failed(IpsecFailure(8.5, IpsecFailureReason.NO_SA))
    assert agent.column("cikeFailRemoteAddr") == {(1,): THEIRS.packed}
    assert agent.column("cikeFailTime") == {(1,): 100}
    for name in (
        "cikeFailLocalType",
        "cikeFailLocalValue",
        "cikeFailRemoteValue",
        "cikeFailLocalAddr",
    ):
        assert agent.column(name) == {}
    assert agent.column("cipSecFailTime") == {(1,): 150}
    for name in ("cipSecFailTunnelIndex", "cipSecFailSaSpi", "cipSecFailPktSrcAddr"):
        assert agent.column(name) == {}


@pytest.mark.parametrize(
    ("spi", "shown"), [(1, 1), (0x7FFFFFFF, 0x7FFFFFFF), (0x80000000, 0), (0xFFFFFFFF, 0)]
)
def test_an_spi_that_is_too_large_for_its_type_is_not_told(
    agent: Agent, spi: int, shown: int
) -> None:
    agent.tracker.ipsec_failed(IpsecFailure(8.0, IpsecFailureReason.NO_SA, spi=spi))
    assert agent.column("cipSecFailSaSpi") == {(1,): shown}


class TestSet:
    def test_a_smaller_window_drops_the_oldest(self, agent: Agent) -> None:
        for number in range(1, 6):
            agent.tracker.saw(8.0, ike(number=number))
            agent.tracker.ike_down(9.0, number, EndReason.OPERATOR)
        agent.set("cipSecHistTableSize", 2)
        assert list(agent.column("cikeTunHistTermReason")) == [(4,), (5,)]
        assert list(agent.column("cikeFailReason")) == [(1,), (2,), (3,), (4,), (5,)]
        agent.set("cipSecFailTableSize", 1)
        assert list(agent.column("cikeFailReason")) == [(5,)]
        assert agent.column("cipSecHistTableSize") == {(0,): 2}
        assert agent.column("cipSecFailTableSize") == {(0,): 1}

    @pytest.mark.parametrize("name", ["cipSecHistTableSize", "cipSecFailTableSize"])
    @pytest.mark.parametrize("size", [0, -1, MAX_SIZE + 1, 2147483647])
    def test_a_size_that_cannot_be_had(self, agent: Agent, name: str, size: int) -> None:
        with pytest.raises(SetError) as caught:
            agent.set(name, size)
        assert (caught.value.status, caught.value.index) == (ErrorStatus.WRONG_VALUE, 1)
        assert agent.column(name) == {(0,): 200}

    def test_a_size_is_taken_back_with_the_rest_of_its_set(self, agent: Agent) -> None:
        for number in range(1, 4):
            agent.tracker.saw(8.0, ike(number=number))
            agent.tracker.ike_down(9.0, number, EndReason.NORMAL)
        oid = ber.encode_oid((*MODULES.object("cipSecHistTableSize").oid, 0))
        done = transaction.test(agent.view, agent.access, [(oid, ber.INTEGER, b"\x01")])
        done.apply()
        assert list(agent.column("cikeTunHistTermReason")) == [(3,)]
        done.undo()
        assert list(agent.column("cikeTunHistTermReason")) == [(1,), (2,), (3,)]
        assert agent.column("cipSecHistTableSize") == {(0,): 200}

    def test_a_check_point(self, agent: Agent) -> None:
        agent.tracker.saw(8.0, ike(child(1), child(2)))
        agent.set("cipSecHistCheckPoint", 1)
        assert agent.column("cikeTunHistTermReason") == {}
        agent.set("cipSecHistCheckPoint", 2)
        assert agent.column("cikeTunHistTermReason") == {(1,): 7}
        assert agent.column("cipSecTunHistTermReason") == {(1,): 7, (2,): 7}
        assert agent.column("cipSecEndPtHistTunIndex") == {(1,): 1, (2,): 1, (3,): 2, (4,): 2}
        assert agent.column("cikeGlobalPreviousTunnels") == {(0,): 0}
        assert agent.column("cikeGlobalActiveTunnels") == {(0,): 1}
        assert agent.column("cipSecHistCheckPoint") == {(0,): 1}

    @pytest.mark.parametrize("name", trap_control.NOTIFICATION_OF)
    def test_a_switch(self, agent: Agent, name: str) -> None:
        assert agent.column(name) == {(0,): 2}
        agent.set(name, 1)
        assert agent.column(name) == {(0,): 1}
        on = [notification for notification, switch in agent.switches.items() if switch.on]
        assert on == [trap_control.NOTIFICATION_OF[name]]
        agent.switches[on[0]].on = False
        assert agent.column(name) == {(0,): 2}
        with pytest.raises(SetError) as caught:
            agent.set(name, 3)
        assert caught.value.status is ErrorStatus.WRONG_VALUE


def test_the_switches_are_in_the_order_of_the_notifications() -> None:
    notifications = MODULES.notifications(cisco_ipsec_flow_monitor.MODULE)
    assert list(trap_control.NOTIFICATION_OF.values()) == [n.name for n in notifications]


def test_history_of_an_ipv6_peer_and_of_a_name(agent: Agent) -> None:
    parameters = dataclasses.replace(
        IKE,
        remote_address=ipaddress.ip_address("2001:db8::2"),
        remote_identity=Identity.parse("2001:db8::2"),
    )
    agent.tracker.saw(8.0, IkeSa(1, SaState.ACTIVE, 0, parameters))
    agent.tracker.ike_down(9.0, 1, EndReason.NORMAL)
    (record,) = agent.tracker.snapshot(9.0).past.ike_tunnels
    assert isinstance(record.content, EndedIkeTunnel)
    assert agent.column("cikeTunHistRemoteAddr") == {
        (1,): ipaddress.ip_address("2001:db8::2").packed
    }
    assert agent.column("cikeTunHistPeerRemoteType") == {(1,): 1}
    assert agent.column("cikeTunHistPeerRemoteValue") == {(1,): b"2001:db8::2"}
    assert agent.column("cikeTunHistLocalAddr") == {(1,): OURS.packed}


def test_an_unknown_child_ends_nothing(agent: Agent) -> None:
    stranger = ChildSa(9, SaState.ACTIVE, 0, child(9).parameters)
    agent.tracker.child_down(9.0, ike(), stranger, EndReason.OPERATOR)
    assert agent.column("cipSecTunHistTermReason") == {}
