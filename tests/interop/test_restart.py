"""What outlives the agent, what does not, and how it ends or does not even start."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.net_snmp import V2C, as_user, run, varbinds
from tests.pysnmp_manager import PysnmpManager
from tests.pysnmp_manager import as_user as to_pysnmp
from tests.running_agent import RunningAgent, flowmib, free_port
from tests.snmp_peer import items, request
from tests.snmp_user import User
from tests.usm_peer import Manager, pdu

SYS_NAME = (1, 3, 6, 1, 2, 1, 1, 5, 0)
AUTHEN_TRAPS = (1, 3, 6, 1, 2, 1, 11, 30, 0)
ENGINE = "1.3.6.1.6.3.10.2.1"
NOT_IN_TIME_WINDOWS = (1, 3, 6, 1, 6, 3, 15, 1, 1, 2, 0)
LARGEST_BOOTS = 2**31 - 1
OWN_ENGINE_ID = "80001f8804666c6f776d6962"

ADMIN = User("admin", "SHA-256", "AES-128")
NOBODY = User("nobody")

CONFIGURATION = "\n".join(
    (
        '[[snmp.community]]\nname = "public"',
        ADMIN.section('access = "write"'),
        NOBODY.section(),
    )
)


@pytest.fixture(scope="module")
def running() -> Iterator[RunningAgent]:
    with RunningAgent("--source", "simulated", configuration=CONFIGURATION) as agent:
        yield agent


@pytest.fixture
def agent(running: RunningAgent) -> RunningAgent:
    if not running.alive:
        running.start()
    return running


@pytest.fixture
def new_agent() -> Iterator[RunningAgent]:
    with RunningAgent("--source", "simulated", configuration=CONFIGURATION) as agent:
        yield agent


class Engine(NamedTuple):
    engine_id: bytes
    boots: int
    time: int


def engine(agent: RunningAgent) -> Engine:
    text = run("snmpget", agent, (*V2C, "-Ox"), *(f"{ENGINE}.{number}.0" for number in (1, 2, 3)))
    engine_id, boots, time = (value.partition(": ")[2] for value in varbinds(text).values())
    return Engine(bytes.fromhex(engine_id), int(boots), int(time.partition(" ")[0]))


def start(*arguments: str | Path) -> tuple[int, str]:
    """Start an agent that is to end at once; return its exit status and what it says."""
    listen = f"udp:127.0.0.1:{free_port()}"
    words = ("--source", "simulated", "--listen", listen, *map(str, arguments))
    finished = flowmib("run", *words)
    assert "Traceback" not in finished.stderr
    return finished.returncode, finished.stderr


def test_us01_us02_the_engine_id_stays_and_boots_count(new_agent: RunningAgent) -> None:
    first = engine(new_agent)
    assert first.boots == 1
    for boots in (2, 3):
        new_agent.restart()
        again = engine(new_agent)
        assert (again.engine_id, again.boots) == (first.engine_id, boots)
        assert again.time < 20


def test_us01_each_engine_id_has_its_own_boots(new_agent: RunningAgent) -> None:
    first = engine(new_agent)
    own = f'[snmp]\nengine_id = "{OWN_ENGINE_ID}"\n{CONFIGURATION}'
    expected = [
        (own, bytes.fromhex(OWN_ENGINE_ID), 1),
        (CONFIGURATION, first.engine_id, 2),
        (own, bytes.fromhex(OWN_ENGINE_ID), 2),
    ]
    for configuration, engine_id, boots in expected:
        new_agent.configure(configuration)
        new_agent.restart()
        assert engine(new_agent)[:2] == (engine_id, boots)


def test_us01_without_its_state_it_is_another_engine(agent: RunningAgent) -> None:
    first = engine(agent)
    assert agent.stop() == 0
    (agent.state / "engine.json").unlink()
    agent.start()
    again = engine(agent)
    assert again.engine_id != first.engine_id
    assert again.boots == 1


def test_us02_net_snmp_carries_on(agent: RunningAgent) -> None:
    """It is told what it would have known before the restart."""
    before = engine(agent)
    agent.restart()
    clock = ("-e", before.engine_id.hex(), "-Z", f"{before.boots},{before.time}")
    answer = run("snmpget", agent, (*as_user(ADMIN), *clock), ".1.3.6.1.2.1.1.5.0")
    assert answer == run("snmpget", agent, V2C, ".1.3.6.1.2.1.1.5.0")


def test_us02_pysnmp_carries_on(agent: RunningAgent) -> None:
    users = to_pysnmp(ADMIN), to_pysnmp(NOBODY)
    with PysnmpManager(agent) as manager:
        before = [manager.get(user, SYS_NAME) for user in users]
        agent.restart()
        after = [manager.get(user, SYS_NAME) for user in users]
    assert after == before
    assert all(answer.types == ["OctetString"] for answer in after)


def test_us06_a_replay_after_a_restart_is_refused(agent: RunningAgent) -> None:
    before = engine(agent)
    manager = Manager(before.engine_id, ADMIN.name, ADMIN.auth, ADMIN.priv)
    ((_, content, _),) = items(request("set", [AUTHEN_TRAPS], value=1))
    captured = manager.message(items(content)[2][2], boots=before.boots, time=before.time)
    assert manager.read(agent.ask(captured)).kind == "response"
    assert switched_on(agent)

    agent.restart()
    assert not switched_on(agent)
    report = manager.read(agent.ask(captured))
    assert (report.kind, report.flags, report.boots) == ("report", 1, before.boots + 1)
    assert report.counter == (NOT_IN_TIME_WINDOWS, "Counter32", 1)
    assert not switched_on(agent)


def switched_on(agent: RunningAgent) -> bool:
    return "INTEGER: 1" in run("snmpget", agent, V2C, ".".join(map(str, AUTHEN_TRAPS)))


def test_us01_boots_at_their_end_let_nobody_authenticate(new_agent: RunningAgent) -> None:
    """Until an operator gives the engine another ID (RFC 3414 section 2.2.2)."""
    assert new_agent.stop() == 0
    store = new_agent.state / "engine.json"
    content = json.loads(store.read_text())
    (engine_id,) = content["boots"]
    content["boots"][engine_id] = LARGEST_BOOTS - 1
    store.write_text(json.dumps(content))
    for _ in range(2):
        new_agent.start()
        now = engine(new_agent)
        assert now.boots == LARGEST_BOOTS
        manager = Manager(now.engine_id, ADMIN.name, ADMIN.auth, ADMIN.priv)
        report = manager.read(new_agent.ask(manager.message(pdu(), boots=now.boots, time=now.time)))
        assert (report.kind, report.counter[0]) == ("report", NOT_IN_TIME_WINDOWS)
        run("snmpget", new_agent, as_user(NOBODY), ".1.3.6.1.2.1.1.5.0")
        assert new_agent.stop() == 0


def test_sigterm_ends_it(agent: RunningAgent) -> None:
    assert agent.stop() == 0
    assert agent.log.endswith("INFO flowmib: stopped\n")
    assert "Traceback" not in agent.log


def test_us01_one_agent_for_a_state_directory(agent: RunningAgent) -> None:
    before = engine(agent)
    status, said = start("--state-directory", agent.state)
    assert status == 2
    assert f"another flowmib uses it, process {agent.pid}" in said
    assert engine(agent) >= before
    agent.restart()
    assert engine(agent).boots == before.boots + 1


def test_a_port_that_is_in_use(agent: RunningAgent, tmp_path: Path) -> None:
    status, said = start("--state-directory", tmp_path, "--listen", f"udp:{agent.endpoint}")
    assert status == 2
    assert f"cannot listen on udp:{agent.endpoint}: Address already in use" in said


@pytest.mark.parametrize(
    "content",
    [
        "",
        '{"default": "80001f8804666c6f776d6962", "boo',
        '{"default": null, "boots": {"80001f8804666c6f776d6962": -1}}',
    ],
    ids=["empty", "cut", "negative"],
)
def test_us01_a_store_that_is_damaged(tmp_path: Path, content: str) -> None:
    store = tmp_path / "engine.json"
    store.write_text(content)
    status, said = start("--state-directory", tmp_path)
    assert status == 2
    assert str(store) in said
    assert "restore it, or remove it" in said
    assert store.read_text() == content


def test_us01_a_state_directory_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    status, said = start("--state-directory", tmp_path / "file" / "state")
    assert status == 2
    assert "Not a directory" in said
    assert "name another state directory" in said


def test_se04_the_state_is_for_its_owner_only(agent: RunningAgent) -> None:
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (agent.state, *agent.state.iterdir())]
    assert len(modes) > 1
    assert all(mode & 0o077 == 0 for mode in modes)
