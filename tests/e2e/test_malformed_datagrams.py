"""Malformed datagrams over UDP to a real agent, which goes on as if nothing had been."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import socket
import statistics
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from agent.snmp.usm.users import Secret, User, UserSettings, make_user
from tests import snmp_user
from tests.examined import Examined
from tests.malformed import Target, make
from tests.running_agent import RunningAgent
from tests.snmp_peer import read, request

DATAGRAMS = 4000
WARM = 1500
AT_ONCE = 20
"""So many datagrams come without a pause."""

ENGINE_ID = b"\x80\x00\x00\x00\x05running"
COMMUNITIES = (b"flute-4711", b"flute-4712")
MANAGERS = (
    snmp_user.User("guest"),
    snmp_user.User("operator", "SHA-1"),
    snmp_user.User("admin", "SHA-256", "AES-128"),
    snmp_user.User("veteran", "MD5", "DES"),
)
SYS_DESCR = request("get", [(1, 3, 6, 1, 2, 1, 1, 1, 0)], community=COMMUNITIES[1])
CONFIGURATION = f"""
[snmp]
engine_id = "{ENGINE_ID.hex()}"
[[snmp.community]]
name = "{COMMUNITIES[0].decode()}"
access = "write"
[[snmp.community]]
name = "{COMMUNITIES[1].decode()}"
[source]
kind = "simulated"
"""


@pytest.fixture
def agent() -> Iterator[RunningAgent]:
    sections = "".join(manager.section('access = "write"') for manager in MANAGERS)
    with RunningAgent(configuration=CONFIGURATION + sections) as running:
        yield running


def secrets_of(manager: snmp_user.User) -> User:
    auth, priv = manager.auth_password, manager.priv_password
    settings = UserSettings(
        manager.name,
        manager.auth,
        Secret(auth) if manager.auth else None,
        manager.priv,
        Secret(priv) if manager.priv else None,
    )
    return make_user(settings, ENGINE_ID)


def target() -> Target:
    """It has started for the first time, and not long ago."""
    return dataclasses.replace(
        Examined().target,
        communities=COMMUNITIES,
        users=tuple(map(secrets_of, MANAGERS)),
        engine_id=ENGINE_ID,
        boots=1,
        time=5,
    )


def send(agent: RunningAgent, datagrams: Iterable[bytes]) -> int:
    """Send datagrams, some at a time, and each time wait until they are dealt with.

    Returns:
        How many had an answer.
    """
    answers = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.connect(("127.0.0.1", agent.port))
        wire.setblocking(False)
        for number, datagram in enumerate(datagrams, 1):
            wire.send(datagram)
            if number % AT_ONCE == 0:
                agent.ask(SYS_DESCR)
                with contextlib.suppress(BlockingIOError):
                    while wire.recv(65535):
                        answers += 1
    return answers


def resident(agent: RunningAgent) -> int:
    pages = int(Path(f"/proc/{agent.pid}/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGESIZE")


def seconds(agent: RunningAgent) -> float:
    """The median of what an answer takes."""
    took = []
    for _ in range(200):
        began = time.perf_counter()
        agent.ask(SYS_DESCR)
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def test_se01_se02_sn02_a_running_agent(agent: RunningAgent) -> None:
    engine = target()
    datagrams = (make(engine, seed).data for seed in range(DATAGRAMS))
    answer, usual = agent.ask(SYS_DESCR), seconds(agent)
    answers = send(agent, (next(datagrams) for _ in range(WARM)))
    memory = resident(agent)
    answers += send(agent, datagrams)
    assert answers > DATAGRAMS // 10
    assert resident(agent) - memory < 16 << 20
    assert agent.ask(SYS_DESCR) == answer
    assert read(answer).error == (0, 0)
    assert seconds(agent) < 3 * usual
    assert agent.alive
    log = (agent.config.parent / "log").read_text("utf-8")
    assert log.count("flowmib.audit: SET by") > 50
    for never in ("Traceback", " ERROR ", "Task exception"):
        assert never not in log
    secrets = [community.decode() for community in COMMUNITIES]
    secrets += [manager.auth_password for manager in MANAGERS]
    secrets += [manager.priv_password for manager in MANAGERS]
    assert not [secret for secret in secrets if secret in log]
