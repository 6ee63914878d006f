"""Messages that must not be larger than one of the two takes: cut to whole rows, never dropped."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mibs import served, smi
from tests.net_snmp import V2C, as_user, assert_rising, run
from tests.pysnmp_manager import PysnmpManager
from tests.pysnmp_manager import as_user as to_pysnmp
from tests.running_agent import RunningAgent
from tests.snmp_peer import items, read, request, varbinds_of
from tests.snmp_user import User
from tests.usm_peer import Manager, pdu

ENGINE_ID = bytes.fromhex("80001f8804666c6f776d6962")
SYSTEM = (1, 3, 6, 1, 2, 1, 1)
OBJECT_RESOURCES = (*SYSTEM, 9)
SYS_DESCR = (*SYSTEM, 1, 0)
SILENT_DROPS = (*smi.load(served.MODULES).object("snmpSilentDrops").oid, 0)
LARGEST_VARBIND = 300
"""Octets: more than any that is walked here."""

ADMIN = User("admin", "SHA-256", "AES-128")
WATCHER = User("watcher", "SHA-1")
NOBODY = User("nobody")
USERS = (ADMIN, WATCHER, NOBODY)

any_user = pytest.mark.parametrize("user", USERS, ids=lambda user: user.level)


def configuration(size: int) -> str:
    return "\n".join(
        (
            f'[snmp]\nengine_id = "{ENGINE_ID.hex()}"\nmax_message_size = {size}',
            '[[snmp.community]]\nname = "public"',
            *(user.section() for user in USERS),
        )
    )


@pytest.fixture(scope="module", params=[484, 1472, 65507])
def size(request: pytest.FixtureRequest) -> int:
    found: int = request.param
    return found


@pytest.fixture(scope="module")
def agent(size: int) -> Iterator[RunningAgent]:
    with RunningAgent("--source", "simulated", configuration=configuration(size)) as running:
        yield running


def test_sn03_sn04_a_bulk_response_is_filled_up_and_cut(agent: RunningAgent, size: int) -> None:
    answer = agent.ask(request("bulk", [(1, 3, 6)], max_repetitions=2000))
    assert len(answer) <= size
    if size < 65507:
        assert len(answer) > size - LARGEST_VARBIND
    found = read(answer)
    assert found.error == (0, 0)
    assert found.names == sorted(set(found.names))
    assert found.names[0] == SYS_DESCR


def test_sn03_other_responses_are_too_big(agent: RunningAgent, size: int) -> None:
    names = [SYS_DESCR] * (size // 16)
    found = read(agent.ask(request("get", names)))
    assert (found.error, found.varbinds) == ((1, 0), [])


@pytest.mark.parametrize("size", [484, 1472], indirect=True)
def test_sn03_what_not_even_an_error_fits_is_dropped_and_counted(agent: RunningAgent) -> None:
    def dropped() -> int:
        (varbind,) = read(agent.ask(request("get", [SILENT_DROPS]))).varbinds
        count: int = varbind.value
        return count

    before = dropped()
    # In SNMPv1 an error repeats the variable bindings of its request.
    assert agent.is_silent(request("get", [SYS_DESCR] * 120, version=0))
    assert dropped() == before + 1


def walks(agent: RunningAgent, *options: str) -> dict[str, str]:
    subtree = ".".join(map(str, OBJECT_RESOURCES))
    return assert_rising(run("snmpbulkwalk", agent, options, subtree))


@any_user
def test_sn03_net_snmp_walks_in_large_steps(agent: RunningAgent, user: User) -> None:
    reference = walks(agent, *V2C, "-Cr1")
    assert walks(agent, *V2C, "-Cr2000") == reference
    assert walks(agent, *as_user(user), "-Cr2000") == reference


def get_bulk(agent: RunningAgent, user: User, most: int) -> bytes:
    stranger = Manager(b"", "")
    clock = stranger.read(agent.ask(stranger.message(boots=0)))
    manager = Manager(ENGINE_ID, user.name, user.auth, user.priv)
    message = manager.message(
        pdu("bulk", OBJECT_RESOURCES), boots=clock.boots, time=clock.time, msg_max_size=most
    )
    answer = agent.ask(message)
    found = manager.read(answer)
    assert found.kind == "response"
    assert len(varbinds(found.pdu)) > 0
    return answer


def varbinds(response: bytes) -> list[bytes]:
    (content,) = items(response)
    return [whole for _, _, whole in items(items(content[1])[3][1])]


@any_user
@pytest.mark.parametrize("most", [484, 600, 700])
def test_sn03_no_response_is_larger_than_the_manager_takes(
    agent: RunningAgent, size: int, user: User, most: int
) -> None:
    cut = get_bulk(agent, user, most)
    assert min(most, size) - LARGEST_VARBIND < len(cut) <= min(most, size)


@pytest.mark.parametrize("size", [1472], indirect=True)
def test_sn03_pysnmp_takes_little(agent: RunningAgent) -> None:
    with PysnmpManager(agent, max_message_size=484) as small, PysnmpManager(agent) as large:
        reference = large.walk(to_pysnmp(NOBODY), OBJECT_RESOURCES, 1)
        for credentials in map(to_pysnmp, USERS):
            assert len(small.bulk(credentials, 0, 20, OBJECT_RESOURCES).varbinds) < 20
            assert small.walk(credentials, OBJECT_RESOURCES, 50) == reference


def test_sn04_repetitions_are_bounded() -> None:
    bounded = "[snmp]\nmax_repetitions = 7\n"
    with RunningAgent("--source", "simulated", configuration=bounded) as agent:
        answer = agent.ask(request("bulk", [SYSTEM, OBJECT_RESOURCES], max_repetitions=2**31 - 1))
        assert len(varbinds_of(answer)) == 14
