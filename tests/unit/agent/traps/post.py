"""A receiver of notifications without a socket, and traps to send to it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from agent.snmp.limits import Limiter, QuietLog
from agent.snmp.usm.users import Secret, UserSettings
from agent.traps.admission import Admission, Clocks
from agent.traps.notification import Received
from agent.traps.pysnmp_receiver import Receiver
from agent.traps.reception import Reception
from tests.trap_sender import head, pdu
from tests.usm_peer import Manager

OURS = bytes.fromhex("80000000050102030405")
THEIRS = bytes.fromhex("80001f88040a0b0c0d")
OTHERS = bytes.fromhex("80001f8804ffffffff")
NOW = datetime(2025, 3, 30, tzinfo=UTC)

AUTH, PRIV = Secret("maplesyrup"), Secret("pancakes with butter")
OPS = UserSettings("ops", "SHA-256", AUTH, "AES-128", PRIV)
OLD = UserSettings("old", "MD5", AUTH, "DES", PRIV)
WATCHER = UserSettings("watcher", "SHA-1", AUTH)
NOBODY = UserSettings("nobody")
NAMED = UserSettings("j\u00f6rg", "SHA-512", AUTH, "AES-256", PRIV)
USERS = (OPS, OLD, WATCHER, NOBODY, NAMED)


class Post:
    """A receiver of notifications, and what has come of all that it was sent."""

    def __init__(
        self,
        *,
        users: Sequence[UserSettings] = USERS,
        communities: Sequence[bytes] = (),
        keyed_engine: bytes | None = None,
        per_minute: int = 1000,
        max_known: int = 256,
    ) -> None:
        self.received: list[Received] = []
        self.time = 0.0
        self.over = False
        self.pysnmp = Receiver(OURS, users, max_known=max_known)

        def clock() -> float:
            return self.time

        self.quiet = QuietLog(logging.getLogger("flowmib.traps"), clock, per_minute=per_minute)
        self.reception = Reception(
            admission=Admission(OURS, users, communities, keyed_engine),
            receiver=self.pysnmp,
            clocks=Clocks(clock),
            quiet=self.quiet,
            reports=Limiter(1, 5, clock),
            now=lambda: NOW,
            deliver=self.received.append,
            is_over=lambda: self.over,
        )

    def __call__(self, data: bytes, host: str = "192.0.2.1") -> bytes | None:
        return self.reception.process(data, host)


def sender(user: UserSettings, engine_id: bytes = THEIRS, **more: Any) -> Manager:
    return Manager(engine_id, user.name, user.auth, user.priv, **more)


def trap(user: UserSettings, engine_id: bytes = THEIRS, *, boots: int = 1, time: int = 1) -> bytes:
    """Make a trap of SNMPv3."""
    manager = sender(user, engine_id)
    level = bool(user.auth) | 2 * bool(user.priv)
    return manager.message(pdu("trap", head()), boots=boots, time=time, flags=level)
