"""The agent asked by pysnmp: a second manager, which shares nothing with net-snmp."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from tests.pysnmp_manager import V1, V2C, PysnmpManager, as_user, rfc1902
from tests.running_agent import RunningAgent
from tests.snmp_user import User

FLOW = (1, 3, 6, 1, 4, 1, 9, 9, 171, 1)
SYSTEM = (1, 3, 6, 1, 2, 1, 1)
SYS_NAME = (*SYSTEM, 5, 0)
OBJECT_RESOURCES = (*SYSTEM, 9)
REMOTE_VALUES = (*FLOW, 2, 3, 1, 7)
HC_IN_OCTETS = (*FLOW, 3, 2, 1, 27)

USERS = (
    User("nobody"),
    User("watcher", "SHA-1"),
    User("operator", "SHA-256", "AES-128"),
)
VERSIONS = {"v1": V1, "v2c": V2C} | {user.level: as_user(user) for user in USERS}

CONFIGURATION = "\n".join(
    ('[[snmp.community]]\nname = "public"', *(user.section() for user in USERS))
)

any_version = pytest.mark.parametrize("version", VERSIONS.values(), ids=VERSIONS.keys())
with_bulk = pytest.mark.parametrize("version", [V2C, VERSIONS["authPriv"]], ids=["v2c", "v3"])


@pytest.fixture(scope="module")
def manager() -> Iterator[PysnmpManager]:
    arguments = ("--source", "simulated", "--tunnels", "40")
    with (
        RunningAgent(*arguments, configuration=CONFIGURATION) as agent,
        PysnmpManager(agent) as running,
    ):
        yield running


@any_version
def test_sn04_get(manager: PysnmpManager, version: Any) -> None:
    answer = manager.get(version, (*SYSTEM, 1, 0), (*SYSTEM, 3, 0), (*SYSTEM, 7, 0))
    assert answer.error == ("noError", 0)
    assert answer.types[:2] == ["OctetString", "TimeTicks"]
    assert bytes(answer.values[0]).startswith(b"Linux ")
    assert int(answer.values[2]) == 76


@with_bulk
def test_sn04_exceptions(manager: PysnmpManager, version: Any) -> None:
    answer = manager.get(version, (*SYSTEM, 1, 1), (*FLOW, 2, 3, 1, 1, 1), (1, 3))
    assert answer.error == ("noError", 0)
    assert answer.types == ["NoSuchInstance", "NoSuchObject", "NoSuchObject"]
    answer = manager.next(version, (2, 39))
    assert (answer.error, answer.types) == (("noError", 0), ["EndOfMibView"])


def test_sn06_no_such_name(manager: PysnmpManager) -> None:
    assert manager.get(V1, (*SYSTEM, 1, 0), (*SYSTEM, 1, 1)).error == ("noSuchName", 2)
    answer = manager.next(V1, HC_IN_OCTETS)
    assert answer.error == ("noError", 0)
    assert answer.names[0][: len(HC_IN_OCTETS)] > HC_IN_OCTETS
    assert manager.next(V1, (2, 39)).error == ("noSuchName", 1)


@with_bulk
def test_sn04_bulk(manager: PysnmpManager, version: Any) -> None:
    answer = manager.bulk(version, 1, 4, (*SYSTEM, 1), REMOTE_VALUES, (*SYSTEM, 9, 1, 2))
    assert answer.error == ("noError", 0)
    first, *others = answer.names
    assert first == (*SYSTEM, 1, 0)
    assert all(name[:-1] == REMOTE_VALUES for name in others[::2])
    assert others[1::2] == [(*SYSTEM, 9, 1, 2, number) for number in range(1, 5)]


@any_version
def test_sn05_a_reader_may_set_nothing(manager: PysnmpManager, version: Any) -> None:
    before = manager.get(version, SYS_NAME).values
    answer = manager.set(version, (SYS_NAME, rfc1902.OctetString("other")))
    assert answer.error == (("noSuchName", 1) if version is V1 else ("authorizationError", 0))
    assert manager.get(version, SYS_NAME).values == before


def test_sn08_walks_agree(manager: PysnmpManager) -> None:
    walks = {name: manager.walk(version, OBJECT_RESOURCES) for name, version in VERSIONS.items()}
    for name in ("v2c", "authPriv"):
        for repetitions in (1, 10, 50):
            way = f"{name} {repetitions}"
            walks[way] = manager.walk(VERSIONS[name], OBJECT_RESOURCES, repetitions)
    reference = walks["v1"]
    assert len(reference) > 10
    for walk in walks.values():
        assert walk == reference


@with_bulk
def test_sn08_a_bulk_walk_of_everything_rises_and_ends(
    manager: PysnmpManager, version: Any
) -> None:
    found = manager.walk(version, (1, 3), 50)
    assert len(found) > 3000
    assert all(a.name < b.name for a, b in pairwise(found))
    assert {varbind.type for varbind in found} >= {
        "Counter32",
        "Counter64",
        "Gauge32",
        "OctetString",
        "TimeTicks",
    }
