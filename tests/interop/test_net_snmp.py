"""The agent asked by net-snmp's programs: the same answers by every way."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from tests.running_agent import RunningAgent
from tests.tools import requires_tool

MODULES = Path(__file__).parents[2] / "mibs" / "asn1"
FLOW = "1.3.6.1.4.1.9.9.171.1"
SYSTEM = "1.3.6.1.2.1.1"

QUIET = {
    "sysORTable": f"{SYSTEM}.9",
    "cikePeerLocalAddr": f"{FLOW}.2.2.1.6",
    "cikeTunLocalValue": f"{FLOW}.2.3.1.3",
    "cikePeerCorrTable": f"{FLOW}.2.4",
    "cipSecEndPtTable": f"{FLOW}.3.3",
    "cipSecSpiValue": f"{FLOW}.3.4.1.3",
}
"""What changes only when a tunnel comes or goes."""
V1, V2C = ("-v1",), ("-v2c",)

Oid = tuple[int, ...]


@pytest.fixture(scope="module")
def agent() -> Iterator[RunningAgent]:
    with RunningAgent("--source", "simulated", "--tunnels", "40") as running:
        yield running


def run(
    tool: str, agent: RunningAgent, options: Sequence[str], *names: str, status: int = 0
) -> str:
    finished = subprocess.run(
        [
            requires_tool(tool),
            *("-c", "public", "-r", "1", "-t", "5", "-M", f"+{MODULES}"),
            *("-m", "SNMPv2-MIB:CISCO-IPSEC-FLOW-MONITOR-MIB"),
            *options,
            agent.endpoint,
            *names,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    text = finished.stdout + finished.stderr
    assert finished.returncode == status, text
    assert "Wrong Type" not in text
    assert "not increasing" not in text
    assert "Cannot find module" not in text
    return text


def varbinds(text: str) -> dict[str, str]:
    """Name and value, as the program prints them with -On. A value may have several lines."""
    found = re.findall(
        r"^(\.[\d.]+) = (?!No more variables)(.*(?:\n(?!\.|End of MIB|$).*)*)", text, re.MULTILINE
    )
    assert len(dict(found)) == len(found), "a name came twice"
    return dict(found)


def oid(name: str) -> Oid:
    return tuple(map(int, name.strip(".").split(".")))


def assert_rising(text: str) -> dict[str, str]:
    found = varbinds(text)
    assert all(a < b for a, b in pairwise(map(oid, found)))
    return found


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
        found |= varbinds(run("snmpget", agent, (*version, "-On"), *names[start : start + 60]))
    return found


@pytest.mark.parametrize("subtree", QUIET.values(), ids=QUIET.keys())
def test_sn08_the_same_by_every_way(agent: RunningAgent, subtree: str) -> None:
    ways = [
        ("snmpwalk", *V1),
        ("snmpwalk", *V2C),
        ("snmpbulkwalk", *V2C, "-Cr1"),
        ("snmpbulkwalk", *V2C, "-Cr10"),
        ("snmpbulkwalk", *V2C, "-Cr50"),
    ]
    answers: list[dict[str, str]] = []
    reference: dict[str, str] = {}
    for quiet in steady(lambda: varbinds(run("snmpwalk", agent, (*V2C, "-On"), subtree))):
        answers = [assert_rising(run(tool, agent, (*way, "-On"), subtree)) for tool, *way in ways]
        answers += [by_get(agent, version, list(quiet)) for version in (V1, V2C)]
        reference = quiet
    assert len(reference) > 1
    for answer in answers:
        assert answer == reference


@pytest.mark.parametrize(
    "way",
    [
        ("snmpwalk", *V1),
        ("snmpwalk", *V2C),
        ("snmpbulkwalk", *V2C, "-Cr10"),
        ("snmpbulkwalk", *V2C, "-Cr50"),
    ],
    ids=" ".join,
)
def test_sn08_a_walk_of_everything_rises_and_ends(
    agent: RunningAgent, way: tuple[str, ...]
) -> None:
    text = run(way[0], agent, (*way[1:], "-On"), ".1")
    found = assert_rising(text)
    ended = "End of MIB" in text or "No more variables left in this MIB View" in text
    assert ended
    kinds = {value.partition(":")[0] for value in found.values()}
    assert ("Counter64" in kinds) == (way[1] == "-v2c")
    assert kinds >= {"INTEGER", "STRING", "Hex-STRING", "OID", "Timeticks", "Counter32", "Gauge32"}
    assert len(found) > 3000


def test_sn08_get_next_steps_as_a_walk_does(agent: RunningAgent) -> None:
    subtree = f"{SYSTEM}.9"
    walked = list(varbinds(run("snmpwalk", agent, (*V2C, "-On"), subtree)))
    for version in (V1, V2C):
        name, stepped = subtree, []
        for _ in walked:
            ((name, _),) = varbinds(run("snmpgetnext", agent, (*version, "-On"), name)).items()
            stepped.append(name)
        assert stepped == walked


def test_sn04_bulk_with_non_repeaters(agent: RunningAgent) -> None:
    roots = (f"{SYSTEM}.3", f"{SYSTEM}.5", f"{FLOW}.2.3.1.3", f"{FLOW}.2.3.1.7")
    text = run("snmpbulkget", agent, (*V2C, "-On", "-Cn2", "-Cr3"), *roots)
    names = re.findall(r"^\.([\d.]+) = ", text, re.MULTILINE)
    assert names[:2] == [f"{SYSTEM}.3.0", f"{SYSTEM}.5.0"]
    columns = [name.rpartition(".")[0] for name in names[2:]]
    assert columns == [f"{FLOW}.2.3.1.3", f"{FLOW}.2.3.1.7"] * 3
    assert names[2::2] == sorted(names[2::2], key=oid)


def test_sn04_exceptions(agent: RunningAgent) -> None:
    names = (f"{SYSTEM}.5.0", f"{FLOW}.2.3.1.3.999999", f"{FLOW}.4.1.1.1.0", f"{FLOW}.2.3.1.1.1")
    text = run("snmpget", agent, (*V2C, "-On"), *names)
    assert "No Such Instance currently exists at this OID" in varbinds(text)[f".{names[1]}"]
    assert "No Such Object available on this agent" in varbinds(text)[f".{names[2]}"]
    assert "No Such Object available on this agent" in varbinds(text)[f".{names[3]}"]
    last = "2.39.1"
    assert "No more variables left" in run("snmpgetnext", agent, (*V2C, "-On"), last)


def test_sn06_no_such_name(agent: RunningAgent) -> None:
    counter64 = next(
        iter(varbinds(run("snmpgetnext", agent, (*V2C, "-On"), f"{FLOW}.3.2.1.27")))
    ).strip(".")
    assert counter64.startswith(f"{FLOW}.3.2.1.27.")
    for name in (counter64, f"{FLOW}.2.3.1.3.999999"):
        text = run("snmpget", agent, (*V1, "-On", "-Cf"), f"{SYSTEM}.5.0", name, status=2)
        assert "noSuchName" in text
        assert f"Failed object: .{name}" in text


def test_sn05_a_set_is_refused(agent: RunningAgent) -> None:
    name = f"{SYSTEM}.5.0"
    before = run("snmpget", agent, V2C, name)
    assert "noAccess" in run("snmpset", agent, V2C, name, "s", "other", status=2)
    assert "noSuchName" in run("snmpset", agent, V1, name, "s", "other", status=2)
    assert run("snmpget", agent, V2C, name) == before


def test_sn02_another_community_gets_no_answer(agent: RunningAgent) -> None:
    for version in (V1, V2C):
        text = run(
            "snmpget", agent, (*version, "-cprivate", "-r0", "-t0.3"), f"{SYSTEM}.5.0", status=1
        )
        assert "Timeout: No Response" in text


@pytest.mark.parametrize("name", ["cipSecSpiTable", "cipSecEndPtTable", "sysORTable"])
def test_sn08_a_table_has_the_same_rows_by_every_way(agent: RunningAgent, name: str) -> None:
    subtrees = {"cipSecSpiTable": f"{FLOW}.3.4", "cipSecEndPtTable": f"{FLOW}.3.3"}
    subtree = subtrees.get(name, f"{SYSTEM}.9")
    tables: list[list[str]] = []
    size = columns = 0
    for walked in steady(lambda: varbinds(run("snmpwalk", agent, (*V2C, "-On"), subtree))):
        ways = ((*V1,), (*V2C, "-CB"), (*V2C, "-Cr", "1"), (*V2C, "-Cr", "50"))
        answers = [run("snmptable", agent, (*way, "-Ci", "-Cf", "|"), name) for way in ways]
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
    text = run("snmpbulkwalk", agent, (*V2C, "-Cr50"), f"{FLOW}.3.4")
    assert re.search(r"^CISCO-IPSEC-FLOW-MONITOR-MIB::cipSecSpiDirection\.\d+\.\d+ = ", text)
    values = set(re.findall(r"cipSecSpiDirection\S+ = (.*)", text))
    assert values == {"INTEGER: in(1)", "INTEGER: out(2)"}
    for line in text.splitlines():
        if " = " in line:
            assert line.startswith("CISCO-IPSEC-FLOW-MONITOR-MIB::cipSecSpi")
