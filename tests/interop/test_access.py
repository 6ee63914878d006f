"""Who sees and sets what, asked by both managers: views, groups, levels, networks, strangers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from tests.net_snmp import V2C, as_user, assert_rising, dotted, oid, run
from tests.pysnmp_manager import PysnmpManager, rfc1902
from tests.pysnmp_manager import as_user as to_pysnmp
from tests.running_agent import RunningAgent
from tests.snmp_peer import Oid, request
from tests.snmp_user import User
from tests.usm_peer import Manager

ENGINE_ID = bytes.fromhex("80001f8804666c6f776d6962")
FLOW = (1, 3, 6, 1, 4, 1, 9, 9, 171, 1)
SYSTEM = (1, 3, 6, 1, 2, 1, 1)
SYS_NAME = (*SYSTEM, 5, 0)
AUTHEN_TRAPS = (1, 3, 6, 1, 2, 1, 11, 30, 0)
SERIAL_NUMBER = (1, 3, 6, 1, 6, 3, 1, 1, 6, 1, 0)
IKE_TUNNELS = (*FLOW, 2, 3)
SPI_TABLE = (*FLOW, 3, 4)
SPI_DIRECTIONS = (*SPI_TABLE, 1, 2)

VIEWER = User("viewer", "SHA-256", "AES-128")
ROW_VIEWER = User("row viewer", "SHA-1")
STEPPED = User("stepped", "SHA-256", "AES-128")
SETTER = User("setter", "SHA-1")
EMPTY = User("empty", "SHA-1")
BY_USM = User("by usm", "SHA-1")
NO_MODEL = User("no model", "SHA-1")
ELSEWHERE = User("elsewhere", "SHA-1")

CONFIGURATION = (
    f"""
[snmp]
engine_id = "{ENGINE_ID.hex()}"

[[snmp.view]]
name = "some"
include = ["{dotted(SYSTEM)}", "{dotted(FLOW)}", "{dotted(SPI_DIRECTIONS)}"]
exclude = ["{dotted((*FLOW, 2, 2))}", "{dotted(SPI_TABLE)}", "{dotted((*SYSTEM, 9))}"]

[[snmp.view]]
name = "one row"
include = ["{dotted((*IKE_TUNNELS, 1))}.*.1"]

[[snmp.view]]
name = "system"
include = ["{dotted(SYSTEM)}"]

[[snmp.view]]
name = "switch"
include = ["{dotted(AUTHEN_TRAPS)}"]

[[snmp.access]]
group = "viewers"
read = "some"

[[snmp.access]]
group = "row viewers"
level = "authNoPriv"
read = "one row"

[[snmp.access]]
group = "row viewers"
model = "v2c"
level = "noAuthNoPriv"
read = "one row"

[[snmp.access]]
group = "stepped"
level = "authNoPriv"
read = "system"

[[snmp.access]]
group = "stepped"
level = "authPriv"
read = "all"

[[snmp.access]]
group = "setters"
level = "noAuthNoPriv"
read = "system"
write = "switch"

[[snmp.access]]
group = "empty"
level = "noAuthNoPriv"

[[snmp.access]]
group = "by v1"
model = "v1"
level = "noAuthNoPriv"
read = "all"
write = "all"

[[snmp.access]]
group = "by usm"
model = "usm"
level = "noAuthNoPriv"
read = "all"

[[snmp.access]]
group = "by usm"
model = "any"
level = "noAuthNoPriv"
read = "system"

[[snmp.community]]
name = "public"

[[snmp.community]]
name = "row"
group = "row viewers"

[[snmp.community]]
name = "setter"
group = "setters"

[[snmp.community]]
name = "empty"
group = "empty"

[[snmp.community]]
name = "by v1"
group = "by v1"

[[snmp.community]]
name = "by usm"
group = "by usm"

[[snmp.community]]
name = "far"
from = ["127.0.0.2/32"]
"""
    + "\n".join(
        user.section(
            *(f'{key} = "{value}"' for key, value in more.items()), 'from = ["127.0.0.1/32"]'
        )
        for user, more in (
            (VIEWER, {"group": "viewers"}),
            (ROW_VIEWER, {"group": "row viewers"}),
            (STEPPED, {"group": "stepped"}),
            (SETTER, {"group": "setters"}),
            (EMPTY, {"group": "empty"}),
            (BY_USM, {"group": "by usm"}),
            (NO_MODEL, {"group": "by v1"}),
        )
    )
    + ELSEWHERE.section('from = ["127.0.0.3/32"]')
)


@pytest.fixture(scope="module")
def agent() -> Iterator[RunningAgent]:
    with RunningAgent("--source", "simulated", configuration=CONFIGURATION) as running:
        yield running


@pytest.fixture(scope="module")
def manager(agent: RunningAgent) -> Iterator[PysnmpManager]:
    with PysnmpManager(agent) as running:
        yield running


def by(community: str, version: str = "-v2c") -> tuple[str, ...]:
    return version, "-c", community


def seen(agent: RunningAgent, options: tuple[str, ...], root: Oid = (1, 3)) -> list[Oid]:
    """Names of all that a walk gives, in its order."""
    bulk = "-v1" not in options
    program, *more = ("snmpbulkwalk", "-Cr40") if bulk else ("snmpwalk",)
    return [
        oid(name) for name in assert_rising(run(program, agent, (*options, *more), dotted(root)))
    ]


def compared(
    agent: RunningAgent, options: tuple[str, ...], is_in_view: Callable[[Oid], bool]
) -> tuple[list[Oid], list[Oid]]:
    """What somebody sees, and what of everything is in the view, while no tunnel comes or goes."""
    deadline = time.monotonic() + 30
    before = seen(agent, V2C)
    while time.monotonic() < deadline:
        found = seen(agent, options)
        after = seen(agent, V2C)
        if before == after:
            return found, [name for name in after if is_in_view(name)]
        before = after
    pytest.fail("the tunnels never stay the same for a moment")


def below(name: Oid, *roots: Oid) -> bool:
    return any(name[: len(root)] == root for root in roots)


def test_va03_a_view_with_holes(agent: RunningAgent) -> None:
    def is_in_view(name: Oid) -> bool:
        if below(name, (*FLOW, 2, 2), (*SYSTEM, 9)):
            return False
        return below(name, SPI_DIRECTIONS) or (
            below(name, SYSTEM, FLOW) and not below(name, SPI_TABLE)
        )

    found, expected = compared(agent, as_user(VIEWER), is_in_view)
    assert found == expected
    assert any(below(name, SPI_DIRECTIONS) for name in found)


@pytest.mark.parametrize("options", [as_user(ROW_VIEWER), by("row")], ids=["v3", "v2c"])
def test_va03_a_view_of_one_row(agent: RunningAgent, options: tuple[str, ...]) -> None:
    def is_in_view(name: Oid) -> bool:
        return below(name, (*IKE_TUNNELS, 1)) and name[len(IKE_TUNNELS) + 2] == 1

    found, expected = compared(agent, options, is_in_view)
    assert found == expected
    assert len(found) == 34  # columns without the index


def test_va04_pysnmp_sees_the_same_row(agent: RunningAgent, manager: PysnmpManager) -> None:
    credentials = to_pysnmp(ROW_VIEWER)
    row = [varbind.name for varbind in manager.walk(credentials, (1, 3), 5)]
    assert row == [varbind.name for varbind in manager.walk(credentials, (1, 3))]
    assert row == seen(agent, as_user(ROW_VIEWER))
    answer = manager.get(credentials, row[0], (*row[0][:-1], 2), SYS_NAME)
    assert answer.types[1] == "NoSuchInstance"
    assert answer.types[2] == "NoSuchObject"


def test_va02_more_at_a_higher_level(agent: RunningAgent) -> None:
    assert seen(agent, as_user(STEPPED, "authNoPriv")) == seen(agent, V2C, SYSTEM)
    assert len(seen(agent, as_user(STEPPED))) > 1000
    assert_denied(agent, as_user(STEPPED, "noAuthNoPriv"))


def test_va02_the_entry_for_the_model_goes_before_the_one_for_any(agent: RunningAgent) -> None:
    assert len(seen(agent, as_user(BY_USM))) > 1000
    for version in ("-v1", "-v2c"):
        assert seen(agent, by("by usm", version)) == seen(agent, by("public", version), SYSTEM)


def assert_denied(agent: RunningAgent, options: tuple[str, ...]) -> None:
    said = "noSuchName" if "-v1" in options else "authorizationError"
    assert said in run("snmpget", agent, options, dotted(SYS_NAME), status=2)
    text = run("snmpset", agent, options, dotted(AUTHEN_TRAPS), "i", "1", status=2)
    assert said in text


@pytest.mark.parametrize(
    "options",
    [
        by("empty", "-v1"),
        by("empty"),
        as_user(EMPTY),
        by("by v1"),
        as_user(NO_MODEL),
        as_user(VIEWER, "authNoPriv"),
        as_user(ROW_VIEWER, "noAuthNoPriv"),
        by("row", "-v1"),
    ],
    ids=[
        "no view, v1",
        "no view, v2c",
        "no view, v3",
        "no entry for v2c",
        "no entry for usm",
        "less than authPriv",
        "less than authNoPriv",
        "no entry for v1",
    ],
)
def test_va01_va02_denied(agent: RunningAgent, options: tuple[str, ...]) -> None:
    assert_denied(agent, options)


def test_va01_pysnmp_is_denied(manager: PysnmpManager) -> None:
    for user in (EMPTY, NO_MODEL, replace(VIEWER, priv=None)):
        assert manager.get(to_pysnmp(user), SYS_NAME).error == ("authorizationError", 0)
        assert manager.next(to_pysnmp(user), SYS_NAME).error == ("authorizationError", 0)
        assert manager.bulk(to_pysnmp(user), 0, 5, SYS_NAME).error == ("authorizationError", 0)


def test_va02_who_may_by_v1_alone(agent: RunningAgent) -> None:
    assert "STRING" in run("snmpget", agent, by("by v1", "-v1"), dotted(SYS_NAME))


@pytest.mark.parametrize(
    "options",
    [by("setter", "-v1"), by("setter"), as_user(SETTER)],
    ids=["v1", "v2c", "v3"],
)
def test_va04_what_may_be_set_need_not_be_seen(
    agent: RunningAgent, options: tuple[str, ...]
) -> None:
    for value in ("1", "2"):
        run("snmpset", agent, options, dotted(AUTHEN_TRAPS), "i", value)
        assert f"INTEGER: {value}" in run("snmpget", agent, V2C, dotted(AUTHEN_TRAPS))
    version_1 = "-v1" in options
    status = 2 if version_1 else 0
    text = run("snmpget", agent, options, dotted(AUTHEN_TRAPS), status=status)
    assert ("noSuchName" if version_1 else "No Such Object") in text
    # What may be seen is not for that to be set, nor is the rest.
    for name, kind, value in ((SYS_NAME, "s", "other"), (SERIAL_NUMBER, "i", "1")):
        text = run("snmpset", agent, options, dotted(name), kind, value, status=2)
        assert ("noSuchName" if version_1 else "noAccess") in text


def test_va04_pysnmp_may_not_set_what_it_sees(manager: PysnmpManager) -> None:
    answer = manager.set(to_pysnmp(SETTER), (SYS_NAME, rfc1902.OctetString("other")))
    assert answer.error == ("noAccess", 1)


def test_va06_nothing_about_users_or_access_is_shown(agent: RunningAgent) -> None:
    """SNMP-USER-BASED-SM-MIB beyond its counters, SNMP-VIEW-BASED-ACM-MIB, SNMP-COMMUNITY-MIB."""
    modules = seen(agent, V2C, (1, 3, 6, 1, 6, 3))
    assert any(below(name, (1, 3, 6, 1, 6, 3, 15, 1, 1)) for name in modules)
    for secret in ((15, 1, 2), (16,), (18,)):
        assert not any(below(name, (1, 3, 6, 1, 6, 3, *secret)) for name in modules)


# Where somebody may come from ---------------------------------------------------------------------


def by_hand(user: User, agent: RunningAgent) -> bytes:
    stranger = Manager(b"", "")
    clock = stranger.read(agent.ask(stranger.message(boots=0)))
    manager = Manager(ENGINE_ID, user.name, user.auth, user.priv)
    return manager.message(boots=clock.boots, time=clock.time)


def test_sn02_a_community_from_elsewhere_gets_no_answer(agent: RunningAgent) -> None:
    for version in (0, 1):
        message = request("get", [SYS_NAME], version=version, community=b"far")
        assert agent.is_silent(message)
        assert not agent.is_silent(message, "127.0.0.2")


def test_se03_a_user_from_elsewhere_gets_no_answer(agent: RunningAgent) -> None:
    assert agent.is_silent(by_hand(ELSEWHERE, agent))
    assert not agent.is_silent(by_hand(ELSEWHERE, agent), "127.0.0.3")
    assert agent.is_silent(by_hand(VIEWER, agent), "127.0.0.3")
    assert not agent.is_silent(by_hand(VIEWER, agent))


def test_se03_where_no_user_may_come_from_there_is_no_discovery(agent: RunningAgent) -> None:
    discovery = Manager(b"", "").message(boots=0)
    assert not agent.is_silent(discovery)
    assert not agent.is_silent(discovery, "127.0.0.3")
    assert agent.is_silent(discovery, "127.0.0.2")
    assert agent.is_silent(by_hand(VIEWER, agent), "127.0.0.2")


def test_se03_net_snmp_from_elsewhere_waits_in_vain(agent: RunningAgent) -> None:
    options = ("-r0", "-t0.3", *as_user(ELSEWHERE))
    text = run("snmpget", agent, options, dotted(SYS_NAME), status=1)
    assert "Timeout" in text
    run("snmpget", agent, (*options, "--clientaddr=127.0.0.3"), dotted(SYS_NAME))
