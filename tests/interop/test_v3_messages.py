"""Messages of SNMPv3 made by hand: what no manager sends, and what is counted of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from mibs import served, smi
from tests.running_agent import RunningAgent
from tests.snmp_peer import read, request
from tests.snmp_user import User
from tests.usm_peer import Manager, Reply, pdu

ENGINE_ID = bytes.fromhex("80001f8804666c6f776d6962")
OTHER_ENGINE_ID = bytes.fromhex("80001f88046f74686572")
SYS_NAME = (1, 3, 6, 1, 2, 1, 1, 5, 0)
IN_PKTS = "snmpInPkts"

ADMIN = User("admin", "SHA-256", "AES-128")
WATCHER = User("watcher", "SHA-1")
NOBODY = User("nobody")

CONFIGURATION = "\n".join(
    (
        f'[snmp]\nengine_id = "{ENGINE_ID.hex()}"\n[[snmp.community]]\nname = "public"',
        *(user.section() for user in (ADMIN, WATCHER, NOBODY)),
    )
)

_MIBS = smi.load(served.MODULES)
COUNTERS = {
    name: (*_MIBS.object(name).oid, 0)
    for name in (
        IN_PKTS,
        "snmpInASNParseErrs",
        "snmpInBadCommunityNames",
        "snmpInBadCommunityUses",
        "snmpInBadVersions",
        "snmpInvalidMsgs",
        "snmpProxyDrops",
        "snmpSilentDrops",
        "snmpUnavailableContexts",
        "snmpUnknownContexts",
        "snmpUnknownPDUHandlers",
        "snmpUnknownSecurityModels",
        "usmStatsDecryptionErrors",
        "usmStatsNotInTimeWindows",
        "usmStatsUnknownEngineIDs",
        "usmStatsUnknownUserNames",
        "usmStatsUnsupportedSecLevels",
        "usmStatsWrongDigests",
    )
}


@pytest.fixture(scope="module")
def agent() -> Iterator[RunningAgent]:
    with RunningAgent("--source", "simulated", configuration=CONFIGURATION) as running:
        yield running


def peer(user: User, **more: str) -> Manager:
    return Manager(ENGINE_ID, user.name, user.auth, user.priv, **more)


def discover(agent: RunningAgent, name: str = "") -> Reply:
    """Ask who the agent is, as every manager does first (RFC 3414 section 4)."""
    stranger = Manager(b"", name)
    return stranger.read(agent.ask(stranger.message(boots=0)))


def counted(agent: RunningAgent) -> dict[str, int]:
    found = read(agent.ask(request("get", list(COUNTERS.values()))))
    return {name: found.varbinds[at].value for at, name in enumerate(COUNTERS)}


class Clock(NamedTuple):
    boots: int
    time: int


class Refused(NamedTuple):
    """A message that the agent refuses."""

    counter: str
    message: Callable[[Clock], bytes]
    flags: int | None = None
    """Of the Report: how far it is protected. None if there is no answer."""


WRONG = "quite another one"

REFUSED = {
    "discovery": Refused(
        "usmStatsUnknownEngineIDs", lambda _: Manager(b"", "").message(boots=0), 0
    ),
    "another engine": Refused(
        "usmStatsUnknownEngineIDs",
        lambda clock: peer(ADMIN).message(engine_id=OTHER_ENGINE_ID, **clock._asdict()),
        0,
    ),
    "unknown user": Refused(
        "usmStatsUnknownUserNames", lambda _: Manager(ENGINE_ID, "stranger").message(), 0
    ),
    "privacy that the user has not": Refused(
        "usmStatsUnsupportedSecLevels",
        lambda _: Manager(ENGINE_ID, WATCHER.name, WATCHER.auth, "DES").message(),
        0,
    ),
    "authentication that the user has not": Refused(
        "usmStatsUnsupportedSecLevels",
        lambda _: Manager(ENGINE_ID, NOBODY.name, "SHA-512").message(),
        0,
    ),
    "wrong authentication password": Refused(
        "usmStatsWrongDigests",
        lambda clock: peer(ADMIN, auth_passphrase=WRONG).message(**clock._asdict()),
        0,
    ),
    "a bit that fell over": Refused(
        "usmStatsWrongDigests",
        lambda clock: peer(ADMIN).message(**clock._asdict())[:-1] + b"\x00",
        0,
    ),
    "a clock that is fast": Refused(
        "usmStatsNotInTimeWindows",
        lambda clock: peer(ADMIN).message(boots=clock.boots, time=clock.time + 170),
        1,
    ),
    "an earlier boot": Refused(
        "usmStatsNotInTimeWindows",
        lambda clock: peer(ADMIN).message(boots=clock.boots - 1, time=clock.time),
        1,
    ),
    "a later boot": Refused(
        "usmStatsNotInTimeWindows",
        lambda clock: peer(WATCHER).message(boots=clock.boots + 1, time=clock.time),
        1,
    ),
    "wrong privacy password": Refused(
        "usmStatsDecryptionErrors",
        lambda clock: peer(ADMIN, priv_passphrase=WRONG).message(**clock._asdict()),
        0,
    ),
    "salt of seven octets": Refused(
        "usmStatsDecryptionErrors",
        lambda clock: peer(ADMIN).message(salt=bytes(7), **clock._asdict()),
        0,
    ),
    "unknown context": Refused(
        "snmpUnknownContexts",
        lambda clock: peer(ADMIN).message(context_name=b"elsewhere", **clock._asdict()),
        3,
    ),
    "context of another engine": Refused(
        "snmpUnknownPDUHandlers",
        lambda clock: peer(ADMIN).message(context_engine_id=OTHER_ENGINE_ID, **clock._asdict()),
        3,
    ),
    "an inform": Refused(
        "snmpUnknownPDUHandlers",
        lambda clock: peer(ADMIN).message(pdu("inform"), **clock._asdict()),
        3,
    ),
    "a trap": Refused(
        "snmpUnknownPDUHandlers",
        lambda clock: peer(ADMIN).message(pdu("trap"), flags=3, **clock._asdict()),
    ),
    "who wants no report": Refused(
        "usmStatsUnknownUserNames",
        lambda _: Manager(ENGINE_ID, "stranger").message(flags=0),
    ),
    "another security model": Refused(
        "snmpUnknownSecurityModels", lambda _: peer(NOBODY).message(security_model=99)
    ),
    "privacy without authentication": Refused(
        "snmpInvalidMsgs", lambda _: peer(NOBODY).message(flags=6)
    ),
    "half a message": Refused("snmpInASNParseErrs", lambda _: peer(NOBODY).message()[:-20]),
    "no message": Refused("snmpInASNParseErrs", lambda _: b"GET / HTTP/1.1\r\n\r\n"),
    "version 9": Refused(
        "snmpInBadVersions",
        lambda _: request("get", [SYS_NAME]).replace(b"\x02\x01\x01", b"\x02\x01\x09", 1),
    ),
    "unknown community, SNMPv1": Refused(
        "snmpInBadCommunityNames",
        lambda _: request("get", [SYS_NAME], version=0, community=b"private"),
    ),
    "unknown community, SNMPv2c": Refused(
        "snmpInBadCommunityNames", lambda _: request("get", [SYS_NAME], community=b"private")
    ),
}


@pytest.mark.parametrize("refused", REFUSED.values(), ids=REFUSED.keys())
def test_us04_sn07_each_failure_is_counted_once(agent: RunningAgent, refused: Refused) -> None:
    found = discover(agent)
    before = counted(agent)
    message = refused.message(Clock(found.boots, found.time))
    if refused.flags is None:
        assert agent.is_silent(message)
        sent = 2
    else:
        reader = peer(WATCHER if b"\x04\x07watcher" in message else ADMIN)
        report = reader.read(agent.ask(message))
        assert (report.kind, report.flags) == ("report", refused.flags)
        assert (report.engine_id, report.context_engine_id) == (ENGINE_ID, ENGINE_ID)
        value = before[refused.counter] + 1
        assert report.counter == (COUNTERS[refused.counter], "Counter32", value)
        sent = 1
    after = counted(agent)
    assert after.pop(IN_PKTS) == before.pop(IN_PKTS) + sent + 1
    before[refused.counter] += 1
    assert after == before


def test_sn07_a_community_that_may_not_set_is_counted(agent: RunningAgent) -> None:
    before = counted(agent)
    assert read(agent.ask(request("set", [SYS_NAME], value=1))).error == (16, 0)
    after = counted(agent)
    assert after["snmpInBadCommunityUses"] == before["snmpInBadCommunityUses"] + 1


@pytest.mark.parametrize("name", ["", "nobody", "stranger"])
def test_us03_discovery(agent: RunningAgent, name: str) -> None:
    found = discover(agent, name)
    assert (found.kind, found.flags) == ("report", 0)
    assert (found.engine_id, found.boots, found.request_id) == (ENGINE_ID, 1, 7)
    assert found.counter[0] == COUNTERS["usmStatsUnknownEngineIDs"]


def test_us03_the_clock_is_had_from_an_authentic_report(agent: RunningAgent) -> None:
    admin = peer(ADMIN)
    report = admin.read(agent.ask(admin.message(boots=0, time=0)))
    assert (report.kind, report.flags, report.boots) == ("report", 1, 1)
    answer = admin.read(agent.ask(admin.message(boots=report.boots, time=report.time)))
    assert (answer.kind, answer.flags) == ("response", 3)


@pytest.mark.parametrize(("fast", "kind"), [(140, "response"), (152, "report")])
def test_us02_the_time_window(agent: RunningAgent, fast: int, kind: str) -> None:
    """150 seconds; the agent's clock may go on by some before it has the message."""
    clock = discover(agent)
    admin = peer(ADMIN)
    fast += int(kind == "report") * 10
    message = admin.message(boots=clock.boots, time=clock.time + fast)
    assert admin.read(agent.ask(message)).kind == kind


def test_us06_a_replay_within_the_time_window_is_answered(agent: RunningAgent) -> None:
    """USM knows the time of a message alone, not whether it has been there (RFC 3414 section 2.2).

    What is not to be done twice has snmpSetSerialNo beside it. For what happens to a replay after
    a restart, see test_restart.
    """
    clock = discover(agent)
    admin = peer(ADMIN)
    captured = admin.message(pdu("get", SYS_NAME), boots=clock.boots, time=clock.time)
    first, second = (admin.read(agent.ask(captured)) for _ in range(2))
    assert first.kind == second.kind == "response"
    assert first.salt != second.salt


def test_se03_failures_of_one_address_are_answered_so_often() -> None:
    rate, burst, sent = 5, 20, 100
    configuration = CONFIGURATION.replace("[snmp]", f"[snmp]\nfailures_per_second = {rate}")
    discovery = Manager(b"", "").message(boots=0)
    with RunningAgent("--source", "simulated", configuration=configuration) as agent:
        began = time.monotonic()
        answered = sum(not agent.is_silent(discovery, "127.0.0.2") for _ in range(sent))
        took = time.monotonic() - began
        assert burst <= answered <= burst + rate * took + 1
        assert not agent.is_silent(discovery, "127.0.0.3")
        # Whoever is let in is not one of those, also from there.
        clock = discover(agent)
        admin = peer(ADMIN)
        message = admin.message(boots=clock.boots, time=clock.time)
        assert admin.read(agent.ask(message, "127.0.0.2")).kind == "response"
