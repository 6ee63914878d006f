"""The agent asked by pysnmp: a second manager, which shares nothing with net-snmp."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from tests.running_agent import RunningAgent

with warnings.catch_warnings():
    # pysnmp 7.1 uses names that pysmi 2 has renamed.
    warnings.simplefilter("ignore", DeprecationWarning)
    from pysnmp.hlapi.v1arch import asyncio as pysnmp

pytestmark = pytest.mark.filterwarnings("ignore:.* is deprecated. Please use:DeprecationWarning")

FLOW = (1, 3, 6, 1, 4, 1, 9, 9, 171, 1)
SYSTEM = (1, 3, 6, 1, 2, 1, 1)
OBJECT_RESOURCES = (*SYSTEM, 9)
REMOTE_VALUES = (*FLOW, 2, 3, 1, 7)
HC_IN_OCTETS = (*FLOW, 3, 2, 1, 27)

Oid = tuple[int, ...]


@pytest.fixture(scope="module")
def agent() -> Iterator[RunningAgent]:
    with RunningAgent("--source", "simulated", "--tunnels", "40") as running:
        yield running


class Manager:
    """Asks one agent. To be made inside of an event loop."""

    def __init__(self, agent: RunningAgent, version: int) -> None:
        self.version = version
        self._agent = agent
        self._community = pysnmp.CommunityData("public", mpModel=version)
        self._dispatcher = pysnmp.SnmpDispatcher()

    def close(self) -> None:
        self._dispatcher.close()

    async def ask(
        self, command: Any, *names: Oid, numbers: tuple[int, ...] = ()
    ) -> tuple[tuple[int, int], list[tuple[Oid, Any]]]:
        target = await pysnmp.UdpTransportTarget.create(
            ("127.0.0.1", self._agent.port), timeout=5, retries=1
        )
        wanted = [pysnmp.ObjectType(pysnmp.ObjectIdentity(name)) for name in names]
        indication, status, index, found = await command(
            self._dispatcher, self._community, target, *numbers, *wanted, lookupMib=False
        )
        assert indication is None, indication
        return (int(status), int(index)), [(tuple(name), value) for name, value in found]

    async def get(self, *names: Oid) -> tuple[tuple[int, int], list[tuple[Oid, Any]]]:
        return await self.ask(pysnmp.get_cmd, *names)

    async def walk(self, root: Oid, repetitions: int = 0) -> list[tuple[Oid, Any]]:
        """Everything below a name, with GETBULK if repetitions are given."""
        found: list[tuple[Oid, Any]] = []
        name = root
        while True:
            if repetitions:
                error, varbinds = await self.ask(pysnmp.bulk_cmd, name, numbers=(0, repetitions))
            else:
                error, varbinds = await self.ask(pysnmp.next_cmd, name)
            if error[0] == 2:
                return found
            assert error == (0, 0)
            for name, value in varbinds:
                if name[: len(root)] != root or type(value).__name__ == "EndOfMibView":
                    return found
                found.append((name, value))


def kinds(varbinds: list[tuple[Oid, Any]]) -> list[str]:
    return [type(value).__name__ for _, value in varbinds]


def asked(agent: RunningAgent, version: int, questions: Any) -> Any:
    """Run questions, which take a manager."""

    async def run() -> Any:
        manager = Manager(agent, version)
        try:
            return await questions(manager)
        finally:
            manager.close()

    return asyncio.run(run())


@pytest.mark.parametrize("version", [0, 1])
def test_sn04_get(agent: RunningAgent, version: int) -> None:
    async def questions(manager: Manager) -> None:
        error, found = await manager.get((*SYSTEM, 1, 0), (*SYSTEM, 3, 0), (*SYSTEM, 7, 0))
        assert error == (0, 0)
        assert bytes(found[0][1]).startswith(b"flowmib ")
        assert kinds(found)[:2] == ["OctetString", "TimeTicks"]
        assert int(found[2][1]) == 76

    asked(agent, version, questions)


def test_sn04_exceptions(agent: RunningAgent) -> None:
    async def questions(manager: Manager) -> None:
        error, found = await manager.get((*SYSTEM, 1, 1), (*FLOW, 4, 1, 1, 1, 0), (1, 3))
        assert error == (0, 0)
        assert kinds(found) == ["NoSuchInstance", "NoSuchObject", "NoSuchObject"]
        error, found = await manager.ask(pysnmp.next_cmd, (2, 39))
        assert (error, kinds(found)) == ((0, 0), ["EndOfMibView"])

    asked(agent, 1, questions)


def test_sn06_no_such_name(agent: RunningAgent) -> None:
    async def questions(manager: Manager) -> None:
        error, _ = await manager.get((*SYSTEM, 1, 0), (*SYSTEM, 1, 1))
        assert error == (2, 2)
        error, found = await manager.ask(pysnmp.next_cmd, HC_IN_OCTETS)
        assert error == (0, 0)
        assert found[0][0][: len(HC_IN_OCTETS)] > HC_IN_OCTETS
        error, _ = await manager.ask(pysnmp.next_cmd, (2, 39))
        assert error == (2, 1)

    asked(agent, 0, questions)


def test_sn04_bulk(agent: RunningAgent) -> None:
    async def questions(manager: Manager) -> None:
        names = (*SYSTEM, 1), REMOTE_VALUES, (*SYSTEM, 9, 1, 2)
        error, found = await manager.ask(pysnmp.bulk_cmd, *names, numbers=(1, 4))
        assert error == (0, 0)
        assert found[0][0] == (*SYSTEM, 1, 0)
        assert all(name[:-1] == REMOTE_VALUES for name, _ in found[1::2])
        assert [name for name, _ in found[2::2]][:2] == [(*SYSTEM, 9, 1, 2, n) for n in (1, 2)]
        assert len(found) == 9

    asked(agent, 1, questions)


def test_sn08_walks_agree(agent: RunningAgent) -> None:
    async def walks(manager: Manager) -> list[list[tuple[Oid, str]]]:
        found = [await manager.walk(OBJECT_RESOURCES)]
        if manager.version == 1:
            found += [await manager.walk(OBJECT_RESOURCES, n) for n in (1, 10, 50)]
        return [[(name, value.prettyPrint()) for name, value in walk] for walk in found]

    first, *others = asked(agent, 0, walks) + asked(agent, 1, walks)
    assert len(first) == 6
    assert len(others) == 4
    for other in others:
        assert other == first


def test_sn08_a_bulk_walk_of_everything_rises_and_ends(agent: RunningAgent) -> None:
    found = asked(agent, 1, lambda manager: manager.walk((1, 3), 50))
    names = [name for name, _ in found]
    assert len(names) > 3000
    assert all(a < b for a, b in pairwise(names))
    assert set(kinds(found)) >= {"Counter32", "Counter64", "Gauge32", "OctetString", "TimeTicks"}
