"""The agent asked by net-snmp's programs: the same answers by every way and every version."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator

import pytest

from tests.net_snmp import MIBS, V1, V2C, as_user, assert_rising, oid, run, varbinds
from tests.running_agent import RunningAgent
from tests.snmp_user import User

FLOW = "1.3.6.1.4.1.9.9.171.1"
SYSTEM = "1.3.6.1.2.1.1"
SYS_NAME = f"{SYSTEM}.5.0"

QUIET = {
    "sysORTable": f"{SYSTEM}.9",
    "cikePeerLocalAddr": f"{FLOW}.2.2.1.6",
    "cikeTunLocalValue": f"{FLOW}.2.3.1.3",
    "cikePeerCorrTable": f"{FLOW}.2.4",
    "cipSecEndPtTable": f"{FLOW}.3.3",
    "cipSecSpiValue": f"{FLOW}.3.4.1.3",
}
"""What changes only when a tunnel comes or goes."""

USERS = (
    User("nobody"),
    User("watcher", "SHA-1"),
    User("operator", "SHA-256", "AES-128"),
)
WITHOUT_AUTH, WITH_AUTH, WITH_PRIV = (as_user(user) for user in USERS)
VERSIONS = {"v1": V1, "v2c": V2C} | {user.level: as_user(user) for user in USERS}

CONFIGURATION = "\n".join(
    ('[[snmp.community]]\nname = "public"', *(user.section() for user in USERS))
)


@pytest.fixture(scope="module")
def agent() -> Iterator[RunningAgent]:
    arguments = ("--source", "simulated", "--tunnels", "40")
    with RunningAgent(*arguments, configuration=CONFIGURATION) as running:
        yield running


def steady(take: Callable[[], dict[str, str]]) -> Iterator[dict[str, str]]:
    """Give what is there, again and again until it was the same before and after the body."""
    deadline = time.monotonic() + 30
    before = take()
    while time.monotonic() < deadline:
        yield before
        after = take()
        if after == before:
            return
        before = after
    pytest.fail("the tunnels never stay the same for a moment")


def by_get(agent: RunningAgent, version: tuple[str, ...], names: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for start in range(0, len(names), 60):
        found |= varbinds(run("snmpget", agent, version, *names[start : start + 60]))
    return found


@pytest.mark.parametrize("subtree", QUIET.values(), ids=QUIET.keys())
def test_sn08_the_same_by_every_way(agent: RunningAgent, subtree: str) -> None:
    ways = [
        ("snmpwalk", *V1),
        ("snmpwalk", *V2C),
        ("snmpbulkwalk", *V2C, "-Cr1"),
        ("snmpbulkwalk", *V2C, "-Cr10"),
        ("snmpbulkwalk", *V2C, "-Cr50"),
        ("snmpwalk", *WITHOUT_AUTH),
        ("snmpbulkwalk", *WITHOUT_AUTH, "-Cr10"),
        ("snmpbulkwalk", *WITH_AUTH, "-Cr10"),
        ("snmpbulkwalk", *WITH_PRIV, "-Cr10"),
        ("snmpbulkwalk", *WITH_PRIV, "-Cr50"),
    ]
    answers: list[dict[str, str]] = []
    reference: dict[str, str] = {}
    for quiet in steady(lambda: varbinds(run("snmpwalk", agent, V2C, subtree))):
        answers = [assert_rising(run(program, agent, way, subtree)) for program, *way in ways]
        answers += [by_get(agent, version, list(quiet)) for version in VERSIONS.values()]
        reference = quiet
    assert len(reference) > 1
    for answer in answers:
        assert answer == reference


@pytest.mark.parametrize("subtree", [f"{FLOW}.2.1", f"{FLOW}.3.2"])
def test_sn06_version_1_has_all_but_counter64(agent: RunningAgent, subtree: str) -> None:
    """Counters move, so these are compared by their names and types."""
    answers: dict[str, list[tuple[str, str]]] = {}
    for _ in steady(lambda: dict.fromkeys(varbinds(run("snmpwalk", agent, V2C, subtree)), "")):
        for name, version in VERSIONS.items():
            found = assert_rising(run("snmpwalk", agent, version, subtree))
            answers[name] = [(name, value.partition(":")[0]) for name, value in found.items()]
    whole = answers.pop("v2c")
    assert answers.pop("v1") == [item for item in whole if item[1] != "Counter64"]
    assert len(answers) == len(USERS)
    assert all(answer == whole for answer in answers.values())


@pytest.mark.parametrize(
    ("program", "version", "more"),
    [
        ("snmpwalk", "v1", ()),
        ("snmpwalk", "v2c", ()),
        ("snmpbulkwalk", "v2c", ("-Cr10",)),
        ("snmpbulkwalk", "v2c", ("-Cr50",)),
        ("snmpbulkwalk", "authPriv", ("-Cr50",)),
    ],
)
def test_sn08_a_walk_of_everything_rises_and_ends(
    agent: RunningAgent, program: str, version: str, more: tuple[str, ...]
) -> None:
    text = run(program, agent, (*VERSIONS[version], *more), ".1")
    found = assert_rising(text)
    ended = "End of MIB" in text or "No more variables left in this MIB View" in text
    assert ended
    kinds = {value.partition(":")[0] for value in found.values()}
    assert ("Counter64" in kinds) == (version != "v1")
    assert kinds >= {"INTEGER", "STRING", "Hex-STRING", "OID", "Timeticks", "Counter32", "Gauge32"}
    assert len(found) > 3000


def test_sn08_get_next_steps_as_a_walk_does(agent: RunningAgent) -> None:
    subtree = f"{SYSTEM}.9"
    walked = list(varbinds(run("snmpwalk", agent, V2C, subtree)))
    for version in (V1, V2C):
        name, stepped = subtree, []
        for _ in walked:
            ((name, _),) = varbinds(run("snmpgetnext", agent, version, name)).items()
            stepped.append(name)
        assert stepped == walked


def test_sn04_bulk_with_non_repeaters(agent: RunningAgent) -> None:
    roots = (f"{SYSTEM}.3", f"{SYSTEM}.5", f"{FLOW}.2.3.1.3", f"{FLOW}.2.3.1.7")
    text = run("snmpbulkget", agent, (*V2C, "-Cn2", "-Cr3"), *roots)
    names = re.findall(r"^\.([\d.]+) = ", text, re.MULTILINE)
    assert names[:2] == [f"{SYSTEM}.3.0", f"{SYSTEM}.5.0"]
    columns = [name.rpartition(".")[0] for name in names[2:]]
    assert columns == [f"{FLOW}.2.3.1.3", f"{FLOW}.2.3.1.7"] * 3
    assert names[2::2] == sorted(names[2::2], key=oid)


def test_sn04_exceptions(agent: RunningAgent) -> None:
    names = (f"{SYSTEM}.5.0", f"{FLOW}.2.3.1.3.999999", f"{FLOW}.7.1.0", f"{FLOW}.2.3.1.1.1")
    text = run("snmpget", agent, V2C, *names)
    assert "No Such Instance currently exists at this OID" in varbinds(text)[f".{names[1]}"]
    assert "No Such Object available on this agent" in varbinds(text)[f".{names[2]}"]
    assert "No Such Object available on this agent" in varbinds(text)[f".{names[3]}"]
    last = "2.39.1"
    assert "No more variables left" in run("snmpgetnext", agent, V2C, last)


def test_sn06_no_such_name(agent: RunningAgent) -> None:
    counter64 = next(iter(varbinds(run("snmpgetnext", agent, V2C, f"{FLOW}.3.2.1.27")))).strip(".")
    assert counter64.startswith(f"{FLOW}.3.2.1.27.")
    for name in (counter64, f"{FLOW}.2.3.1.3.999999"):
        text = run("snmpget", agent, (*V1, "-Cf"), f"{SYSTEM}.5.0", name, status=2)
        assert "noSuchName" in text
        assert f"Failed object: .{name}" in text


@pytest.mark.parametrize("version", VERSIONS)
def test_sn05_a_reader_may_set_nothing(agent: RunningAgent, version: str) -> None:
    before = run("snmpget", agent, V2C, SYS_NAME)
    text = run("snmpset", agent, VERSIONS[version], SYS_NAME, "s", "other", status=2)
    assert ("noSuchName" if version == "v1" else "authorizationError") in text
    assert run("snmpget", agent, V2C, SYS_NAME) == before


@pytest.mark.parametrize("version", ["-v1", "-v2c"])
def test_sn02_another_community_gets_no_answer(agent: RunningAgent, version: str) -> None:
    text = run("snmpget", agent, (version, "-cprivate", "-r0", "-t0.3"), SYS_NAME, status=1)
    assert "Timeout: No Response" in text


@pytest.mark.parametrize("name", ["cipSecSpiTable", "cipSecEndPtTable", "sysORTable"])
def test_sn08_a_table_has_the_same_rows_by_every_way(agent: RunningAgent, name: str) -> None:
    subtrees = {"cipSecSpiTable": f"{FLOW}.3.4", "cipSecEndPtTable": f"{FLOW}.3.3"}
    subtree = subtrees.get(name, f"{SYSTEM}.9")
    tables: list[list[str]] = []
    size = columns = 0
    for walked in steady(lambda: varbinds(run("snmpwalk", agent, V2C, subtree))):
        ways = (V1, (*V2C, "-CB"), (*V2C, "-Cr", "1"), (*V2C, "-Cr", "50"), WITH_PRIV)
        answers = [
            run("snmptable", agent, (*MIBS, "-OS", *way, "-Ci", "-Cf", "|"), name) for way in ways
        ]
        # Version 1 has the end of the whole MIB in it.
        tables = [[line for line in text.splitlines() if "|" in line] for text in answers]
        columns = len({oid(found)[: len(oid(subtree)) + 2] for found in walked})
        size = len(walked)
    header, *rows = tables[0]
    assert len(header.split("|")) == columns + 1
    assert len(rows) * columns == size
    assert all(table == tables[0] for table in tables)


def test_the_programs_know_every_name(agent: RunningAgent) -> None:
    """Each name is translated down to its index, and each number of an enumeration to its label."""
    text = run("snmpbulkwalk", agent, (*MIBS, *V2C, "-OS", "-Cr50"), f"{FLOW}.3.4")
    assert re.search(r"^CISCO-IPSEC-FLOW-MONITOR-MIB::cipSecSpiDirection\.\d+\.\d+ = ", text)
    values = set(re.findall(r"cipSecSpiDirection\S+ = (.*)", text))
    assert values == {"INTEGER: in(1)", "INTEGER: out(2)"}
    for line in text.splitlines():
        if " = " in line:
            assert line.startswith("CISCO-IPSEC-FLOW-MONITOR-MIB::cipSecSpi")
