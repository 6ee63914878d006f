"""Notifications to pysnmp, which shares nothing with net-snmp."""

from __future__ import annotations

import asyncio
import secrets
import warnings
from collections.abc import Sequence
from typing import Any

import pytest

from agent.notify.sender import Sender
from agent.notify.statistics import TargetStatistics
from tests.originating import COLD_START, ENGINE_ID, bindings, originate, start_of, until
from tests.running_agent import free_port
from tests.snmp_peer import Oid
from tests.snmp_user import User
from tests.usm_peer import AUTH, PRIV

with warnings.catch_warnings():
    # pysnmp 7.1 uses names that pysmi 2 has renamed.
    warnings.simplefilter("ignore", DeprecationWarning)
    from pysnmp.carrier.asyncio.dgram import udp
    from pysnmp.entity import config, engine
    from pysnmp.entity.rfc3413 import ntfrcv
    from pysnmp.proto import rfc1902

SYS_UP_TIME = (1, 3, 6, 1, 2, 1, 1, 3, 0)
SNMP_TRAP_OID = (1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0)
TUNNEL_START = (1, 3, 6, 1, 4, 1, 9, 9, 171, 2, 0, 1)
USERS = (
    User("nobody"),
    User("sha1", "SHA-1"),
    User("sha256-aes128", "SHA-256", "AES-128"),
    User("sha512-aes256c", "SHA-512", "AES-256-C"),
    User("md5-des", "MD5", "DES"),
)


class Receiver:
    """A receiver with one user, whose keys are for its own engine if for no other."""

    def __init__(self, port: int, user: User | None, key_engine: bytes | None) -> None:
        self.got: list[list[tuple[Oid, Any]]] = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            # Another one each time: pysnmp remembers engines, for all processes of this machine.
            engine_id = bytes.fromhex("80001f8804") + secrets.token_bytes(8)
            self._engine = engine.SnmpEngine(rfc1902.OctetString(engine_id))
            config.add_transport(
                self._engine,
                udp.DOMAIN_NAME,
                udp.UdpAsyncioTransport().open_server_mode(("127.0.0.1", port)),
            )
            config.add_v1_system(self._engine, "area", "public")
            if user:
                self._add(user, key_engine or engine_id)
            ntfrcv.NotificationReceiver(self._engine, self._take)

    def _add(self, user: User, key_engine: bytes) -> None:
        secrets: list[Any] = []
        if user.auth:
            secrets += [AUTH[user.auth], user.auth_password]
        if user.priv:
            secrets += [PRIV[user.priv], user.priv_password]
        config.add_v3_user(
            self._engine,
            user.name,
            *secrets,
            securityEngineId=rfc1902.OctetString(key_engine),
        )

    def _take(self, *arguments: Any) -> None:
        varbinds: Sequence[tuple[Any, Any]] = arguments[4]
        self.got.append([(tuple(name), value) for name, value in varbinds])

    def close(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            self._engine.close_dispatcher()


def is_done(statistics: TargetStatistics) -> bool:
    return statistics.queued == 0


def told(lines: str, user: User | None = None, key_engine: bytes | None = None) -> TargetStatistics:
    """Send two notifications and see that they come as they are."""
    port = free_port()
    section = user.section() if user else ""
    target = f"[[notify.target]]\naddress = 'udp:127.0.0.1:{port}'\n{lines}\n"

    async def work(sender: Sender) -> None:
        receiver = Receiver(port, user, key_engine)
        await asyncio.sleep(0)
        sender.notify(COLD_START)
        sender.notify(start_of(1))
        await until(sender, is_done)
        while len(receiver.got) < 2:  # noqa: ASYNC110 - no event says so
            await asyncio.sleep(0.01)
        receiver.close()
        cold, start = receiver.got
        assert [name for name, _ in cold] == [SYS_UP_TIME, SNMP_TRAP_OID]
        assert int(cold[0][1]) == 7
        assert [name for name, _ in start[:2]] == [SYS_UP_TIME, SNMP_TRAP_OID]
        assert (int(start[0][1]), tuple(start[1][1])) == (1001, TUNNEL_START)
        assert [(name, type(value).__name__) for name, value in start[2:]] == [
            (varbind.name, varbind.type) for varbind in bindings(1)
        ]

    ((_, statistics),) = originate(section + target, work).statistics()
    assert (statistics.sent, statistics.lost) == (2, 0)
    return statistics


def test_no01_version_2c_traps() -> None:
    told("community = 'public'")


def test_no02_version_2c_informs() -> None:
    assert told("community = 'public'\ninform = true").acknowledged == 2


@pytest.mark.parametrize("user", USERS, ids=lambda user: user.name)
def test_no01_version_3_traps(user: User) -> None:
    told(f"version = '3'\nuser = '{user.name}'", user, ENGINE_ID)


@pytest.mark.parametrize("user", USERS, ids=lambda user: user.name)
def test_no01_version_3_informs(user: User) -> None:
    statistics = told(f"version = '3'\nuser = '{user.name}'\ninform = true", user)
    assert statistics.acknowledged == 2
