from __future__ import annotations

import ipaddress
import random
from typing import Any

import pytest

from datasource.events import (
    EndReason,
    Event,
    IkeFailed,
    IkeTunnelStarted,
    IkeTunnelStopped,
    IpsecFailed,
    IpsecTunnelStarted,
    IpsecTunnelStopped,
    SetupFailed,
)
from datasource.failures import IkeFailure
from datasource.model import AuthMethod, Identity, NegotiationMode
from datasource.reasons import IkeFailureReason, IpsecFailureReason
from datasource.snapshot import Snapshot
from datasource.strongswan.error_notify import ErrorRecord
from datasource.strongswan.failures import HOLD, NO_SA_HOLD
from datasource.strongswan.packet import Message
from tests.unit.datasource.strongswan.replay import SCENARIOS, Line, Replay, encode, scenario

SIDES = ("alpha", "beta")
VERSIONS = (1, 2)
sides = pytest.mark.parametrize("side", SIDES)
versions = pytest.mark.parametrize("version", VERSIONS)


def play(name: str, *, log_events: bool = True) -> Replay:
    return Replay(log_events=log_events).play(scenario(name))


def ends(replay: Replay) -> list[tuple[str, EndReason]]:
    return sorted(
        (type(event).__name__, event.reason)
        for event in replay.events
        if isinstance(event, IkeTunnelStopped | IpsecTunnelStopped)
    )


def both(reason: EndReason) -> list[tuple[str, EndReason]]:
    return [("IkeTunnelStopped", reason), ("IpsecTunnelStopped", reason)]


def check_failure(
    event: Event, side: str, reason: IkeFailureReason, *, identified: bool = True
) -> None:
    ours, theirs = ("10.9.0.1", "10.9.0.2") if side == "alpha" else ("10.9.0.2", "10.9.0.1")
    assert isinstance(event, IkeFailed)
    assert event.failure == IkeFailure(
        event.at,
        reason,
        Identity.parse(ours) if identified else None,
        Identity.parse(theirs) if identified else None,
        ipaddress.ip_address(ours),
        ipaddress.ip_address(theirs),
    )


def kinds(replay: Replay) -> list[type]:
    return [type(event) for event in replay.events]


@pytest.mark.parametrize("log_events", [True, False])
@pytest.mark.parametrize("name", SCENARIOS)
def test_events_and_listings_agree(name: str, *, log_events: bool) -> None:
    octets: dict[int, int] = {}

    def check(snapshot: Snapshot) -> None:
        for tunnel in snapshot.ipsec_tunnels:
            seen = tunnel.traffic.in_octets or 0
            assert seen >= octets.get(tunnel.index, 0)
            octets[tunnel.index] = seen

    replay = Replay(log_events=log_events).play(scenario(name), check)
    assert not any(replay.missing)
    assert not replay.problems
    snapshot = replay.snapshot()
    assert len(snapshot.ike_tunnels) <= 1
    started = kinds(replay).count(IkeTunnelStarted)
    assert started == snapshot.totals.ike_ended + len(snapshot.ike_tunnels)
    assert replay.session.deadline is None


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", SCENARIOS)
def test_log_lines_may_come_late(name: str, seed: int) -> None:
    # Up to a quarter of the hold later, as captured lines are a millisecond apart.
    shuffle = random.Random(seed)
    late = int(HOLD / 0.001 / 4)
    steps: list[list[tuple[float, int, Line]]] = [[]]
    for number, line in enumerate(scenario(name)):
        delay = shuffle.uniform(0, late) if line[0] == "log" else 0.0
        steps[-1].append((number + delay, number, line))
        if line[0] == "list-sas":
            steps.append([])
    lines: list[Line] = []
    for step in steps:
        answer = [entry for entry in step if entry[2][0].startswith("list-")]
        said = [entry for entry in step if not entry[2][0].startswith("list-")]
        lines += [line for _, _, line in (*sorted(said, key=lambda e: e[:2]), *answer)]
    shuffled, straight = Replay().play(lines), play(name)
    assert ends(shuffled) == ends(straight)
    assert not any(shuffled.missing)
    assert shuffled.snapshot().totals == straight.snapshot().totals


@sides
@versions
def test_up(version: int, side: str) -> None:
    replay = play(f"v{version}-up-{side}")
    snapshot = replay.snapshot()
    assert kinds(replay) == [IkeTunnelStarted, IpsecTunnelStarted]
    (ike,) = snapshot.ike_tunnels
    (ipsec,) = snapshot.ipsec_tunnels
    assert (ike.index, ipsec.index, ipsec.ike_index) == (1, 1, 1)
    assert (ike.refreshes, ipsec.refreshes) == (0, 0)
    parameters = ike.parameters
    assert parameters.initiator == (side == "alpha")
    assert parameters.auth_method is AuthMethod.PRE_SHARED_KEY
    assert parameters.lifetime == 3600
    assert parameters.mode is (NegotiationMode.IKEV2 if version == 2 else NegotiationMode.MAIN)
    assert (ipsec.traffic.in_octets, ipsec.traffic.in_packets) == (252, 3)
    assert ipsec.traffic.in_drops is None
    assert ike.traffic == snapshot.totals.ike
    assert ike.traffic.in_drops is None
    assert ike.traffic.out_packets
    assert ike.traffic.in_packets
    assert (ike.traffic.out_phase2_exchanges, ike.traffic.in_phase2_exchanges) == (
        (1, 0) if side == "alpha" else (0, 1)
    )
    assert snapshot.totals.initiated == (side == "alpha")


@sides
def test_aggressive_mode(side: str) -> None:
    (ike,) = play(f"v1-aggressive-up-{side}").snapshot().ike_tunnels
    assert ike.parameters.mode is NegotiationMode.AGGRESSIVE


@sides
@versions
def test_child_rekey(version: int, side: str) -> None:
    replay = play(f"v{version}-child-rekey-{side}")
    assert kinds(replay) == [IkeTunnelStarted, IpsecTunnelStarted]
    (ipsec,) = replay.snapshot().ipsec_tunnels
    assert (ipsec.index, ipsec.refreshes) == (1, 2)
    assert ipsec.traffic.in_octets == 2 * 252
    assert [spi.number for spi in ipsec.spis] == [1, 2, 3, 4, 5, 6]
    assert [spi.expiring for spi in ipsec.spis][-2:] == [False, False]


@sides
@versions
def test_ike_rekey(version: int, side: str) -> None:
    replay = play(f"v{version}-ike-rekey-{side}")
    assert kinds(replay) == [IkeTunnelStarted, IpsecTunnelStarted]
    (ike,) = replay.snapshot().ike_tunnels
    (ipsec,) = replay.snapshot().ipsec_tunnels
    assert (ike.index, ike.refreshes, ipsec.ike_index, ipsec.refreshes) == (1, 1, 1, 0)
    assert ipsec.traffic.in_octets == 2 * 252


@pytest.mark.parametrize("scenario_name", ["terminate-local", "terminate-peer"])
@sides
@versions
def test_terminate(version: int, side: str, scenario_name: str) -> None:
    asked = side == ("alpha" if scenario_name == "terminate-local" else "beta")
    name = f"v{version}-{scenario_name}-{side}"
    replay = play(name)
    assert ends(replay) == both(EndReason.OPERATOR if asked else EndReason.PEER_DELETE)
    assert replay.snapshot().totals.ike_ended == 1
    silent = play(name, log_events=False)
    assert ends(silent) == both(EndReason.OTHER if asked else EndReason.PEER_DELETE)


@sides
@versions
def test_a_delete_that_nobody_asked_for(version: int, side: str) -> None:
    lines = [
        line
        for line in scenario(
            f"v{version}-terminate-{'local' if side == 'alpha' else 'peer'}-{side}"
        )
        if not line[1].get("msg", b"").startswith(b"vici terminate")
    ]
    assert ends(Replay().play(lines)) == both(EndReason.NORMAL)


@sides
@versions
def test_several_children(version: int, side: str) -> None:
    replay = play(f"v{version}-several-children-{side}")
    reason = EndReason.OPERATOR if side == "alpha" else EndReason.PEER_DELETE
    assert [end for _, end in ends(replay)] == [reason] * 3
    stopped = [e.tunnel for e in replay.events if isinstance(e, IpsecTunnelStopped)]
    assert {tunnel.parameters.name: tunnel.traffic.in_packets for tunnel in stopped} == {
        "net": 3,
        "net2": 2,
    }


@sides
@versions
def test_child_terminate(version: int, side: str) -> None:
    replay = play(f"v{version}-child-terminate-{side}")
    reason = EndReason.OPERATOR if side == "alpha" else EndReason.PEER_DELETE
    assert ends(replay) == [("IpsecTunnelStopped", reason)]
    (ipsec,) = replay.snapshot().ipsec_tunnels
    assert (ipsec.index, ipsec.ike_index) == (2, 1)


@pytest.mark.parametrize("log_events", [True, False])
@versions
def test_an_end_that_was_announced_is_the_operators_wish(version: int, *, log_events: bool) -> None:
    for child, name, expected in (
        (False, "terminate-local", both(EndReason.OPERATOR)),
        (True, "child-terminate", [("IpsecTunnelStopped", EndReason.OPERATOR)]),
    ):
        lines = [
            line
            for line in scenario(f"v{version}-{name}-alpha")
            if not line[1].get("msg", b"").startswith(b"vici terminate")
        ]
        replay = Replay(log_events=log_events)
        replay.session.terminating(1, child=child)
        assert ends(replay.play(lines)) == expected


@pytest.mark.parametrize("announced", [True, False])
def test_a_child_that_was_being_deleted_when_the_peer_was_lost(*, announced: bool) -> None:
    lines = scenario("v2-peer-lost-alpha")
    for kind, message in lines:
        if kind.endswith("updown") and "up" not in message:
            message["site"]["tasks-active"] = [b"CHILD_DELETE"]
    replay = Replay()
    if announced:
        replay.session.terminating(1, child=True)
    assert ends(replay.play(lines)) == [
        ("IkeTunnelStopped", EndReason.PEER_LOST),
        ("IpsecTunnelStopped", EndReason.OPERATOR if announced else EndReason.PEER_LOST),
    ]


def test_what_was_announced_to_a_daemon_that_is_gone_is_forgotten() -> None:
    replay = Replay(log_events=False)
    replay.session.terminating(1, child=False)
    replay.session.restarted(replay.now)
    assert ends(replay.play(scenario("v2-terminate-local-alpha"))) == both(EndReason.OTHER)


@sides
@versions
def test_peer_lost(version: int, side: str) -> None:
    assert ends(play(f"v{version}-peer-lost-{side}")) == both(EndReason.PEER_LOST)
    assert ends(play(f"v{version}-peer-lost-{side}", log_events=False)) == both(EndReason.PEER_LOST)


@sides
def test_auth_failure(side: str) -> None:
    replay = play(f"v2-auth-failure-{side}")
    event, failed = replay.events
    assert isinstance(event, SetupFailed)
    check_failure(failed, side, IkeFailureReason.AUTHENTICATION)
    assert event.initiator == (side == "alpha")
    assert replay.snapshot().totals.failures.authentication == 1


def test_auth_failure_of_ikev1_is_a_failure_to_decrypt() -> None:
    # Main mode encrypts with a key made of the pre-shared one: RFC 2409 section 5.4.
    replay = play("v1-auth-failure-alpha")
    assert sorted(map(str, kinds(replay))) == sorted(map(str, [SetupFailed, IkeFailed]))
    check_failure(replay.failures[0], "alpha", IkeFailureReason.AUTHENTICATION)
    failures = replay.snapshot().totals.failures
    assert (failures.decryption, failures.authentication) == (3, 1)
    responder = play("v1-auth-failure-beta")
    assert kinds(responder) == [IkeFailed]  # half open until charon gives it up
    responder.events.clear()
    late = {"group": "JOB", "msg": "deleting half open IKE_SA with 10.9.0.1 after timeout"}
    line: Line = ("log", encode({**late, "ikesa-uniqueid": "1"}))
    assert kinds(responder.play([line, line])) == [SetupFailed]
    assert responder.snapshot().totals.responded_failures == 1


@sides
@versions
def test_ike_proposal_mismatch(version: int, side: str) -> None:
    replay = play(f"v{version}-ike-proposal-mismatch-{side}")
    totals = replay.snapshot().totals
    assert kinds(replay) == [SetupFailed, IkeFailed]
    reason = IkeFailureReason.PROPOSAL
    check_failure(replay.failures[0], side, reason, identified=side == "alpha")
    failures = (totals.initiated_failures, totals.responded_failures)
    assert failures == ((1, 0) if side == "alpha" else (0, 1))
    assert totals.ike.in_phase2_rejects == totals.ike.out_phase2_rejects == 0


@sides
@versions
def test_child_proposal_mismatch(version: int, side: str) -> None:
    replay = play(f"v{version}-child-proposal-mismatch-{side}")
    (ike,) = replay.snapshot().ike_tunnels
    assert not replay.snapshot().ipsec_tunnels
    rejects = (ike.traffic.out_phase2_rejects, ike.traffic.in_phase2_rejects)
    assert rejects == ((1, 0) if side == "alpha" else (0, 1))
    (event,) = replay.failures
    assert isinstance(event, IpsecFailed)
    failure = event.failure
    assert failure.reason is IpsecFailureReason.PROPOSAL
    assert failure.peer == replay.tracker.peer_of(1)
    assert (failure.tunnel, failure.spi) == (None, None)
    assert failure.source == ike.parameters.local_address
    assert failure.destination == ike.parameters.remote_address


def test_a_stopped_daemon_is_the_operators_wish() -> None:
    lines = scenario("v2-terminate-local-alpha")
    shutdown: Line = ("log", encode({"group": "DMN", "msg": "SIGTERM received, shutting down"}))
    changed = [
        shutdown if line[1].get("msg", b"").startswith(b"vici terminate") else line
        for line in lines
    ]
    assert ends(Replay().play(changed)) == both(EndReason.OPERATOR)


def test_an_address_update_moves_the_tunnel() -> None:
    replay = play("v2-up-alpha")
    (name, message) = next(line for line in scenario("v2-up-alpha") if line[0] == "ike-updown")
    assert name == "ike-updown"
    new = {"local-host": b"10.9.0.7", "local-port": b"4501"}
    replay.play([("ike-update", {**new, "site": message["site"]})])
    (ike,) = replay.snapshot().ike_tunnels
    assert str(ike.parameters.local_address) == "10.9.0.7"
    assert ike.parameters.local_port == 4501
    assert ike.index == 1


def test_a_restart_ends_everything_once() -> None:
    replay = play("v2-up-alpha")
    replay.session.restarted(replay.now)
    replay.play(scenario("v2-up-alpha"))
    assert ends(replay) == both(EndReason.LOCAL_FAILURE)
    (ike,) = replay.snapshot().ike_tunnels
    assert ike.index == 2


def test_an_end_just_before_that_of_the_daemon_is_the_operators_wish() -> None:
    replay = Replay()
    lines = scenario("v2-terminate-local-alpha")
    down = next(n for n, (e, m) in enumerate(lines) if e == "ike-updown" and "up" not in m)
    replay.play([line for line in lines[: down + 1] if b"terminate" not in line[1].get("msg", b"")])
    assert replay.session.deadline is not None
    assert not ends(replay)
    replay.session.restarted(replay.now)
    replay.play([])
    assert ends(replay) == [
        ("IkeTunnelStopped", EndReason.OPERATOR),
        ("IpsecTunnelStopped", EndReason.LOCAL_FAILURE),
    ]


def test_the_daemons_counters_never_fall() -> None:
    replay = Replay()

    def count(number: str) -> int | None:
        replay.session.counters(encode({"counters": {"": {"invalid-spi": number}}}))
        return replay.snapshot().totals.failures.no_sa

    assert replay.snapshot().totals.failures.no_sa is None
    assert [count("3"), count("5")] == [3, 5]
    revision = replay.tracker.revision
    assert count("5") == 5
    assert replay.tracker.revision == revision
    replay.session.restarted(replay.now)
    assert [count("0"), count("2")] == [5, 7]
    assert count("1") == 8  # reset by an operator


def test_an_unknown_connection_is_asked_for() -> None:
    replay = Replay()
    lines = scenario("v2-up-alpha")
    replay.play(line for line in lines if not line[0].startswith("list-conn"))
    (ike,) = replay.snapshot().ike_tunnels
    assert (replay.session.wants_connections, ike.parameters.lifetime) == (True, None)
    replay.play(line for line in lines if line[0].startswith("list-conn"))
    replay.play([line for line in lines if line[0].startswith("list-sa")][-2:])
    (ike,) = replay.snapshot().ike_tunnels
    assert (replay.session.wants_connections, ike.parameters.lifetime) == (False, 3600)


MALFORMED: list[Any] = [
    {},
    {"site": b"x"},
    {"site": {}},
    {"site": {"uniqueid": b"x"}},
    {"site": {"uniqueid": b"1", "state": []}},
    {"site": {"uniqueid": b"1", "state": b"ESTABLISHED", "child-sas": b""}},
    {"site": {"old": b"", "new": {}}},
]


@pytest.mark.parametrize("message", MALFORMED)
@pytest.mark.parametrize("up", [{}, {"up": b"yes"}])
@pytest.mark.parametrize(
    "event",
    ["ike-updown", "child-updown", "ike-rekey", "child-rekey", "ike-update", "log", "other"],
)
def test_a_malformed_event_is_left_out(event: str, up: dict[str, bytes], message: Any) -> None:
    replay = Replay()
    replay.play([(event, {**up, **message})])
    replay.list_sas([message])
    assert not replay.snapshot().ike_tunnels


def test_a_malformed_sa_does_not_lose_the_others() -> None:
    lines = scenario("v2-up-alpha")
    good = [message for kind, message in lines if kind == "list-sa"][-1]
    replay = Replay()
    replay.list_sas([{"bad": {**good["site"], "version": b"two"}}, good])
    assert len(replay.snapshot().ike_tunnels) == 1
    assert "version" in str(replay.problems[0])


# Failures: see also test_failures.py ----------------------------------------------------------


def record(kind: int, connection: str = "site", peer: str = "10.9.0.2") -> ErrorRecord:
    return ErrorRecord(kind, "", connection, peer, ipaddress.ip_address(peer))


@pytest.mark.parametrize("log_events", [True, False])
@pytest.mark.parametrize("kind", ["record", "alert"])
def test_an_alert_and_the_event_are_one_failure(kind: str, *, log_events: bool) -> None:
    lines = scenario("v2-auth-failure-alpha")
    replay = Replay(log_events=log_events)
    down = next(n for n, (name, _) in enumerate(lines) if name == "ike-updown")
    replay.play(lines[:down])
    if kind == "record":
        replay.session.error_record(replay.now, record(2))
    else:
        sa = lines[down][1]["site"]
        message: Message = {"alert": b"local-auth-failed", "ike-sa": {"site": sa}}
        replay.session.event(replay.now, "alert", message)
    replay.play(lines[down:])
    (failed,) = replay.failures
    check_failure(failed, "alpha", IkeFailureReason.AUTHENTICATION)


def test_without_words_there_is_only_that_it_failed() -> None:
    replay = play("v2-auth-failure-beta", log_events=False)
    check_failure(replay.failures[0], "beta", IkeFailureReason.OTHER)


@versions
def test_a_lost_peer_is_told_by_its_tunnel(version: int) -> None:
    for log_events in (True, False):
        lines = scenario(f"v{version}-peer-lost-alpha")
        replay = Replay(log_events=log_events)
        down = max(n for n, (name, _) in enumerate(lines) if name == "ike-updown")
        replay.play(lines[:down])
        replay.session.error_record(replay.now, record(6))
        replay.play(lines[down:])
        told = sorted(event.failure.reason.name for event in replay.failures)
        assert told == ["PEER_LOST", "PEER_LOST"]


@sides
@versions
def test_a_message_for_an_sa_that_was_replaced_is_no_failure(version: int, side: str) -> None:
    lines = scenario(f"v{version}-ike-rekey-{side}")
    # Of IKEv1 there is no event but that the new one is up.
    name = "ike-rekey" if version == 2 else "ike-updown"
    replaced = max(n for n, (event, _) in enumerate(lines) if event == name)
    replay = Replay().play(lines[: replaced + 1])
    peer = "10.9.0.2" if side == "alpha" else "10.9.0.1"
    replay.session.error_record(replay.now, record(25, "", peer))
    replay.session.tick(replay.now + NO_SA_HOLD)
    assert replay.play([]).failures == []


def test_what_never_was_up_may_be_deleted_too() -> None:
    # IKEv1, when it does not trust the peer's certificate.
    ((name, message),) = [
        line for line in scenario("v1-ike-proposal-mismatch-alpha") if line[0] == "ike-updown"
    ]
    fields = {**message["site"], "state": b"DELETING", "tasks-active": [b"ISAKMP_DELETE"]}
    replay = Replay()
    replay.session.event(replay.now, name, {"site": fields})  # was it up before we came?
    assert not replay.play([]).events
    replay.list_sas([])
    replay.session.event(replay.now, name, {"site": {**fields, "uniqueid": b"9"}})
    replay.session.tick(replay.now + HOLD)
    replay.play([])
    assert kinds(replay) == [SetupFailed, IkeFailed]
    assert replay.snapshot().totals.initiated_failures == 1


def test_a_set_up_that_an_operator_ends() -> None:
    lines: list[Line] = [
        ("log", encode({"group": "CFG", "msg": "vici terminate IKE_SA 'site'"})),
        ("log", encode({
            "group": "IKE", "ikesa-name": "site", "ikesa-uniqueid": "3",
            "msg": "destroying IKE_SA in state CONNECTING without notification",
        })),
    ]  # fmt: skip
    replay = Replay().play(lines)
    replay.session.tick(replay.now + HOLD)
    (failed,) = replay.play([]).failures
    assert failed.failure.reason is IkeFailureReason.OPERATOR
    late = Replay().play(lines[:1])
    late.now += 1.0
    late.play(lines[1:])
    late.session.tick(late.now + HOLD)
    assert late.play([]).failures[0].failure.reason is IkeFailureReason.OTHER


def test_a_child_rekey_that_is_refused() -> None:
    def line(group: str, text: str) -> Line:
        about = {"ikesa-name": "site", "ikesa-uniqueid": "1"}
        return ("log", encode({"group": group, "msg": text, **about}))

    refused = line("IKE", "received NO_PROPOSAL_CHOSEN notify, no CHILD_SA built")
    ours = [
        line("IKE", "establishing CHILD_SA net{2} reqid 1"),
        line("ENC", "generating CREATE_CHILD_SA request 2 [ N(REKEY_SA) SA No KE TSi TSr ]"),
        refused,
    ]
    another = [
        line("IKE", "establishing CHILD_SA net{3}"),
        line("ENC", "generating CREATE_CHILD_SA request 3 [ SA No KE TSi TSr ]"),
        refused,
    ]
    theirs = [
        line("ENC", "parsed CREATE_CHILD_SA request 0 [ N(REKEY_SA) SA No KE TSi TSr ]"),
        line("IKE", "no acceptable proposal found"),
    ]
    replay = play("v2-up-alpha")
    for lines in (ours, another, theirs):
        replay.play(lines)
        replay.now += HOLD
        replay.session.tick(replay.now)
    replay.play([])
    (ipsec,) = replay.snapshot().ipsec_tunnels
    tunnels = [
        failed.failure.tunnel for failed in replay.failures if isinstance(failed, IpsecFailed)
    ]
    assert tunnels == [ipsec, None, ipsec]


def test_garbage_in_the_log_has_its_sender() -> None:
    text = "received invalid IKE header from 192.0.2.9 - ignored"
    replay = Replay().play([("log", encode({"group": "NET", "msg": text}))])
    replay.session.tick(replay.now + HOLD)
    (failed,) = replay.play([]).failures
    assert isinstance(failed, IkeFailed)
    assert failed.failure.reason is IkeFailureReason.PEER_ENCODING
    assert failed.failure.remote_address == ipaddress.ip_address("192.0.2.9")


def test_a_flood_is_a_problem_once_told() -> None:
    replay = Replay()
    for _ in range(20):
        for _ in range(5):
            replay.session.error_record(replay.now, record(4, "", "192.0.2.9"))
        replay.now += HOLD
        replay.session.tick(replay.now)
    assert len(replay.play([]).failures) == 5
    assert {str(problem) for problem in replay.problems} == {
        "some of many failures, which come too fast to record them all"
    }
