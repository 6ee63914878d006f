"""NO-04: every notification carries the objects of the MIB, in order, as a GET would show them."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path

import pytest

from datasource.events import EndReason, Event
from datasource.failures import IkeFailure, IpsecFailure
from datasource.model import Identity
from datasource.reasons import IkeFailureReason, IpsecFailureReason
from datasource.tracker import Tracker
from mibs import ber, cisco_ipsec_flow_monitor, served, smi
from mibs.access import SHOWN, Access
from mibs.notification import Notification
from mibs.notifications import Notifier
from mibs.tree import Tree
from mibs.view import View, ViewBuilder
from tests.sas import IKE, OURS, THEIRS, child, ike
from tests.shown import shown

FACTS = Path(__file__).parents[2] / "facts" / "CISCO-IPSEC-FLOW-MONITOR-MIB.csv"
MODULES = smi.load(served.MODULES)
TREE = Tree(MODULES, served.bind(shown()))
ACCESS = Access(bytes([SHOWN] * len(TREE.spans)))


def stamp(at: float) -> int:
    return int(at * 100)


def notifier(*, extras: bool = False) -> Notifier:
    return Notifier(MODULES, TREE, stamp, extras=extras)


def told(event: Event, *, extras: bool = False) -> Notification | None:
    return notifier(extras=extras).notification(event)


def view(tracker: Tracker, now: float) -> View:
    return ViewBuilder(TREE).build(tracker.snapshot(now), now)


def names(notification: Notification | None) -> list[tuple[str, tuple[int, ...]]]:
    """Object and instance of each variable binding."""
    assert notification is not None
    found = []
    for varbind in notification.varbinds:
        oid = ber.decode_oid(ber.name_of(varbind))
        span, _ = TREE.find(ber.name_of(varbind))
        assert span is not None
        found.append((span.type.name, oid[len(span.type.oid) :]))
    return found


def objects(notification: Notification | None) -> list[str]:
    return [name for name, _ in names(notification)]


def facts() -> dict[str, tuple[str, list[str]]]:
    with FACTS.open(encoding="utf-8") as file:
        return {
            row["name"]: (
                row["oid"],
                [] if row["objects"] == "(none)" else row["objects"].split("; "),
            )
            for row in csv.DictReader(file)
            if row["kind"] == "notification"
        }


def tracked() -> tuple[Tracker, list[Event]]:
    tracker = Tracker()
    tracker.saw(10, ike(child(1)))
    return tracker, list(tracker.take_events())


def every_notification() -> dict[str, Notification]:
    """One of each kind, out of real events."""
    tracker, events = tracked()
    tunnel, peer = tracker.find_spi(0x1001, OURS) or (None, None)
    for reason in IpsecFailureReason:
        tracker.ipsec_failed(IpsecFailure(11, reason, peer, tunnel, 0x1001))
    tracker.ipsec_failed(IpsecFailure(11, IpsecFailureReason.PROPOSAL, peer))
    for ike_reason in IkeFailureReason:
        tracker.ike_failed(
            IkeFailure(11, ike_reason, IKE.local_identity, IKE.remote_identity, OURS, THEIRS)
        )
    tracker.child_down(12, ike(), child(1), EndReason.PEER_LOST)
    tracker.ike_down(12, 1, EndReason.PEER_LOST)
    events += tracker.take_events()
    made = [notifier().notification(event) for event in events]
    return {notification.name: notification for notification in made if notification is not None}


@pytest.mark.parametrize(("name", "fact"), facts().items())
def test_no04_objects_are_those_of_the_mib_in_order(name: str, fact: tuple[str, list[str]]) -> None:
    notification = every_notification()[name]
    oid, expected = fact
    assert ".".join(map(str, notification.trap_oid)) == oid
    assert objects(notification) == expected


def test_all_thirteen_are_made() -> None:
    assert every_notification().keys() == facts().keys()
    assert len(facts()) == 13


def test_no04_a_start_is_what_get_gives_at_that_moment() -> None:
    tracker, (started, ipsec_started) = tracked()
    now = view(tracker, 10)
    for event in (started, ipsec_started):
        notification = told(event, extras=True)
        assert notification is not None
        assert notification.up_time == 1000
        got = [now.get(ber.name_of(varbind), ACCESS) for varbind in notification.varbinds]
        # A tunnel without a limit has no such object.
        absent = [n for n, cell in enumerate(got) if cell == ber.NO_SUCH_INSTANCE]
        assert [objects(notification)[n] for n in absent] == [
            name for name in objects(notification) if "Life" in name
        ]
        assert all(
            cell == varbind
            for n, (cell, varbind) in enumerate(zip(got, notification.varbinds, strict=True))
            if n not in absent
        )


def test_no04_a_stop_is_what_get_gave_just_before() -> None:
    tracker, _ = tracked()
    before = view(tracker, 12)
    tracker.child_down(12, ike(), child(1), EndReason.OPERATOR)
    tracker.ike_down(12, 1, EndReason.OPERATOR)
    ipsec, early, stop, _ = tracker.take_events()
    for event in (ipsec, early, stop):
        notification = told(event)
        assert notification is not None
        assert [before.get(ber.name_of(v), ACCESS) for v in notification.varbinds] == list(
            notification.varbinds
        )


def test_a_stop_names_its_row_of_history() -> None:
    tracker, _ = tracked()
    tracker.check_point(11)
    tracker.child_down(12, ike(), child(1), EndReason.PEER_DELETE)
    tracker.ike_down(12, 1, EndReason.PEER_DELETE)
    ipsec, _, stop, _ = tracker.take_events()
    after = view(tracker, 12)
    added = names(told(stop, extras=True))[3:]
    assert added == [("cikeTunHistTermReason", (2,))]
    added = names(told(ipsec, extras=True))[1:]
    assert added == [
        ("cipSecTunHistTermReason", (2,)),
        ("cipSecEndPtHistLocalAddr1", (3,)),
        ("cipSecEndPtHistRemoteAddr1", (3,)),
    ]
    for event in (ipsec, stop):
        notification = told(event, extras=True)
        assert notification is not None
        for varbind in notification.varbinds:
            if "Hist" in str(TREE.find(ber.name_of(varbind))[0]):
                assert after.get(ber.name_of(varbind), ACCESS) == varbind


def test_a_start_of_ipsec_names_its_first_endpoint() -> None:
    _, (_, ipsec) = tracked()
    assert names(told(ipsec, extras=True)) == [
        ("cipSecTunLifeTime", (1,)),
        ("cipSecTunLifeSize", (1,)),
        ("cipSecEndPtLocalAddr1", (1, 1)),
        ("cipSecEndPtRemoteAddr1", (1, 1)),
    ]


def test_no05_what_was_found_is_not_told() -> None:
    tracker = Tracker(watching_since=50)
    tracker.list().add(51, ike(child(1, age=20), age=30))
    assert [told(event) for event in tracker.take_events()] == [None, None]


PEER_INDEX = (1, 9, *b"192.0.2.1", 2, 16, *b"oslo.example.net", 1)


def test_the_suffixes_are_those_of_the_rows() -> None:
    found = {name: dict(names(n)) for name, n in every_notification().items()}
    assert found["cikeTunnelStop"] == {
        "cikePeerLocalAddr": PEER_INDEX,
        "cikePeerRemoteAddr": PEER_INDEX,
        "cikeTunActiveTime": (1,),
    }
    assert found["cipSecProtocolFailure"] == {
        "cipSecTunActiveTime": (1,),
        "cipSecSpiProtocol": (1, 1),
    }


def test_a_failure_of_somebody_unknown_has_a_suffix_of_addresses() -> None:
    tracker = Tracker()
    tracker.ike_failed(IkeFailure(11, IkeFailureReason.AUTHENTICATION, remote_address=THEIRS))
    (event,) = tracker.take_events()
    index = (1, 7, *b"0.0.0.0", 1, 12, *b"198.51.100.2", 1)
    assert dict(names(told(event))) == {"cikePeerLocalAddr": index, "cikePeerRemoteAddr": index}


def test_a_set_up_of_ipsec_that_failed_without_a_peer_is_not_told() -> None:
    tracker = Tracker()
    tracker.ipsec_failed(IpsecFailure(11, IpsecFailureReason.PROPOSAL))
    (event,) = tracker.take_events()
    assert told(event) is None


def test_a_value_that_is_not_known_is_the_largest() -> None:
    _, (_, ipsec) = tracked()
    notification = told(ipsec)
    assert notification is not None
    assert all(varbind.endswith(b"\x02\x04\x7f\xff\xff\xff") for varbind in notification.varbinds)


@pytest.mark.parametrize(
    ("reason", "name"),
    [
        (IkeFailureReason.LOCAL_FAILURE, "cikeSysFailure"),
        (IkeFailureReason.INTERNAL_ERROR, "cikeSysFailure"),
        (IkeFailureReason.SYSTEM_CAPACITY, "cikeSysFailure"),
        (IkeFailureReason.PEER_CERTIFICATE_UNAVAILABLE, "cikeCertCrlFailure"),
        (IkeFailureReason.CRL, "cikeCertCrlFailure"),
        (IkeFailureReason.AUTHENTICATION, "cikeProtocolFailure"),
        (IkeFailureReason.PROPOSAL, "cikeProtocolFailure"),
        (IkeFailureReason.PEER_ENCODING, "cikeProtocolFailure"),
        (IkeFailureReason.NO_SA, "cikeNoSa"),
        (IkeFailureReason.PEER_LOST, None),
        (IkeFailureReason.OPERATOR, None),
        (IkeFailureReason.OTHER, None),
    ],
)
def test_a_failure_of_ike_and_its_notification(reason: IkeFailureReason, name: str | None) -> None:
    tracker = Tracker()
    tracker.ike_failed(IkeFailure(11, reason))
    (event,) = tracker.take_events()
    notification = told(event)
    assert name == (None if notification is None else notification.name)


def test_nothing_is_made_that_nobody_wants() -> None:
    _, events = tracked()
    wanted = Notifier(MODULES, TREE, stamp, wanted=lambda name: name == "cikeTunnelStart")
    made = [wanted.notification(event) for event in events]
    assert [n.name for n in made if n is not None] == ["cikeTunnelStart"]
    assert wanted.standard("coldStart", 0) is None


def test_a_notification_without_objects() -> None:
    cold_start = notifier().standard("coldStart", 2.5)
    assert cold_start == Notification("coldStart", (1, 3, 6, 1, 6, 3, 1, 1, 5, 1), 250)


def test_the_index_is_that_of_the_table_also_as_octets() -> None:
    choices = cisco_ipsec_flow_monitor.Choices(peer_index_octets=True)
    tree = Tree(MODULES, served.bind(dataclasses.replace(shown(), choices=choices)))
    tracker = Tracker()
    parameters = dataclasses.replace(IKE, remote_identity=Identity.parse("198.51.100.2"))
    tracker.saw(10, dataclasses.replace(ike(), parameters=parameters))
    (event,) = tracker.take_events()
    notification = Notifier(MODULES, tree, stamp).notification(event)
    assert notification is not None
    assert ber.decode_oid(ber.name_of(notification.varbinds[0]))[-13:] == (
        *(1, 4, 192, 0, 2, 1),
        *(1, 4, 198, 51, 100, 2),
        1,
    )
