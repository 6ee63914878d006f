"""SIGHUP: other users and another access, while managers go on asking."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Self

import pytest

from tests.net_snmp import V2C, as_user, run
from tests.pysnmp_manager import PysnmpManager, rfc1902
from tests.pysnmp_manager import as_user as to_pysnmp
from tests.running_agent import RunningAgent
from tests.snmp_peer import read, request
from tests.snmp_user import User

SYS_NAME = (1, 3, 6, 1, 2, 1, 1, 5, 0)
AUTHEN_TRAPS = (1, 3, 6, 1, 2, 1, 11, 30, 0)
NAME = ".1.3.6.1.2.1.1.5.0"
ENGINE_ID, BOOTS, TIME = ((1, 3, 6, 1, 6, 3, 10, 2, 1, number, 0) for number in (1, 2, 3))

SIZES = {
    "tunnel": (1, 3, 6, 1, 4, 1, 9, 9, 171, 1, 4, 1, 1, 1, 0),
    "failure": (1, 3, 6, 1, 4, 1, 9, 9, 171, 1, 5, 1, 1, 1, 0),
}

KEPT = User("kept", "SHA-256", "AES-128")
GONE = User("gone", "SHA-256", "AES-128")
NEW = User("new", "SHA-512", "AES-256")
CHANGED = User("changed", "SHA-1", "AES-128")
CHANGED_LATER = replace(CHANGED, auth_password="quite another one")

HEAD = '[[snmp.community]]\nname = "public"\n'
BEFORE = "\n".join((HEAD, *(user.section() for user in (KEPT, GONE, CHANGED))))
AFTER = "\n".join((HEAD, *(user.section() for user in (KEPT, CHANGED_LATER, NEW))))


@pytest.fixture(scope="module")
def running() -> Iterator[RunningAgent]:
    with RunningAgent("--source", "simulated", configuration=BEFORE) as agent:
        yield agent


@pytest.fixture
def agent(running: RunningAgent) -> RunningAgent:
    running.configure(BEFORE)
    running.config.chmod(0o600)
    running.hup()
    return running


class Asking:
    """Asks on and on, as long as the block lasts, and wants every answer."""

    def __init__(self, agent: RunningAgent) -> None:
        self._agent = agent
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._ask)
        self.clocks: list[tuple[int, int]] = []
        """snmpEngineBoots and snmpEngineTime, as they were answered."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _ask(self) -> None:
        while not self._stop.is_set():
            answer = read(self._agent.ask(request("get", [BOOTS, TIME])))
            boots, time = (varbind.value for varbind in answer.varbinds)
            self.clocks.append((boots, time))


def refused(agent: RunningAgent, user: User) -> str:
    return run("snmpget", agent, as_user(user), NAME, status=1)


def test_users_come_and_go(agent: RunningAgent) -> None:
    name = run("snmpget", agent, V2C, NAME)
    for user in (KEPT, GONE, CHANGED):
        assert run("snmpget", agent, as_user(user), NAME) == name
    assert "Unknown user name" in refused(agent, NEW)
    assert "Authentication failure" in refused(agent, CHANGED_LATER)

    agent.configure(AFTER)
    assert "INFO flowmib: reloaded\n" in agent.hup()
    for user in (KEPT, NEW, CHANGED_LATER):
        assert run("snmpget", agent, as_user(user), NAME) == name
    assert "Unknown user name" in refused(agent, GONE)
    assert "Authentication failure" in refused(agent, CHANGED)


def test_us02_the_engine_goes_on(agent: RunningAgent) -> None:
    with PysnmpManager(agent) as manager, Asking(agent) as asking:
        before = manager.get(to_pysnmp(KEPT), ENGINE_ID, BOOTS)
        for configuration in (AFTER, BEFORE, AFTER):
            agent.configure(configuration)
            agent.hup()
            assert manager.get(to_pysnmp(KEPT), ENGINE_ID, BOOTS) == before
    assert len(bytes(before.values[0])) == 17
    assert len(asking.clocks) > 10
    assert asking.clocks == sorted(asking.clocks)
    assert {boots for boots, _ in asking.clocks} == {int(before.values[1])}


def test_access_changes(agent: RunningAgent) -> None:
    """Also for somebody whose access the agent has in its memory."""

    def can_set() -> bool:
        answer = manager.set(to_pysnmp(KEPT), (AUTHEN_TRAPS, rfc1902.Integer32(1)))
        assert answer.error in {("noError", 0), ("authorizationError", 0)}
        return answer.error == ("noError", 0)

    with PysnmpManager(agent) as manager:
        assert not can_set()
        for access in ("write", "read", "write"):
            agent.configure(HEAD + KEPT.section(f'access = "{access}"'))
            agent.hup()
            assert can_set() == (access == "write")


def test_communities_change(agent: RunningAgent) -> None:
    other = request("get", [SYS_NAME], community=b"other")
    assert agent.is_silent(other)
    agent.configure(BEFORE + '[[snmp.community]]\nname = "other"\n')
    agent.hup()
    assert not agent.is_silent(other)
    agent.configure(BEFORE)
    agent.hup()
    assert agent.is_silent(other)


def test_windows_change_and_what_a_manager_set_stays(agent: RunningAgent) -> None:
    def size(kind: str) -> int:
        answer = manager.get(to_pysnmp(KEPT), SIZES[kind])
        return int(answer.values[0])

    with PysnmpManager(agent) as manager:
        assert (size("tunnel"), size("failure")) == (200, 200)
        writer = HEAD + KEPT.section('access = "write"')
        agent.configure(writer + "[history]\ntunnel_size = 7\n")
        agent.hup()
        assert (size("tunnel"), size("failure")) == (7, 200)
        answer = manager.set(to_pysnmp(KEPT), (SIZES["tunnel"], rfc1902.Integer32(9)))
        assert answer.error == ("noError", 0)
        agent.configure(AFTER + "[history]\ntunnel_size = 7\n")
        agent.hup()
        assert size("tunnel") == 9
        agent.configure(AFTER)
        agent.hup()
        assert size("tunnel") == 200


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[snmp\n", "Expected ']'"),
        (AFTER + "[snmp.users]\n", "snmp.users: unknown key"),
        (AFTER.replace("SHA-512", "SHA-3"), "snmp.user[3].auth: is 'SHA-3'"),
        (AFTER + NEW.section(), "there is a user 'new' already"),
    ],
    ids=["no TOML", "unknown key", "unknown protocol", "a user twice"],
)
def test_what_is_wrong_is_refused_as_a_whole(agent: RunningAgent, text: str, said: str) -> None:
    agent.configure(text)
    log = agent.hup()
    assert "ERROR flowmib: not reloaded, going on as before: " in log
    assert f"{agent.config}: " in log
    assert said in log
    for secret in (NEW.auth_password, CHANGED_LATER.auth_password):
        assert secret not in log
    for user in (KEPT, GONE, CHANGED):
        run("snmpget", agent, as_user(user), NAME)
    assert "Unknown user name" in refused(agent, NEW)
    agent.configure(AFTER)
    assert "INFO flowmib: reloaded\n" in agent.hup()
    run("snmpget", agent, as_user(NEW), NAME)


def test_se04_a_file_that_others_may_read_is_refused(agent: RunningAgent) -> None:
    agent.configure(AFTER)
    agent.config.chmod(0o644)
    log = agent.hup()
    assert "not reloaded" in log
    assert f"chmod 600 {agent.config}" in log
    run("snmpget", agent, as_user(GONE), NAME)


def test_what_only_a_restart_takes_up_is_said() -> None:
    with RunningAgent("--source", "simulated", configuration=BEFORE) as agent:
        agent.configure('[snmp.identity]\nsys_name = "renamed"\n' + AFTER)
        assert "reloaded; changed only by a restart: snmp.identity\n" in agent.hup()
        assert "renamed" not in run("snmpget", agent, as_user(NEW), NAME)
        agent.restart()
        assert "renamed" in run("snmpget", agent, as_user(NEW), NAME)
