"""The notification originator by itself, put together as the agent does it, and what it sends."""

from __future__ import annotations

import asyncio
import itertools
import logging
import re
import time
from collections.abc import Awaitable, Callable, Iterable

from agent.config import Config, parse_text
from agent.notify.pdus import Pdus
from agent.notify.sender import Sender
from agent.notify.statistics import TargetStatistics
from agent.snmp.limits import QuietLog
from agent.snmp.usm.users import User, make_user
from agent.snmp.v3_protection import MessageEncoder
from agent.snmp.vacm import Vacm
from mibs import ber
from mibs.notification import Notification
from mibs.smi import Oid
from tests.small_mib import small_tree
from tests.snmp_peer import Varbind

__all__ = [
    "COLD_START",
    "ENGINE_ID",
    "LOGGER",
    "bindings",
    "make_encoder",
    "number_in",
    "originate",
    "pdus_of",
    "start_of",
    "until",
    "users_of",
    "vacm_of",
]

ENGINE_ID = b"\x80\x00\x00\x00\x05originator"
LOGGER = logging.getLogger("flowmib.notify")
PATIENCE = 60.0

_TUNNEL_START = (1, 3, 6, 1, 4, 1, 9, 9, 171, 2, 0, 1)
_PEER = (1, 3, 6, 1, 4, 1, 9, 9, 171, 1, 2, 2, 1)
_INDEX = (1, 8, *b"10.9.0.1", 1, 8, *b"10.9.0.2")
_LIFE_TIME = (1, 3, 6, 1, 4, 1, 9, 9, 171, 1, 2, 3, 1, 15)

COLD_START = Notification("coldStart", (1, 3, 6, 1, 6, 3, 1, 1, 5, 1), 7)


def _binding(name: Oid, tag: int, value: int | bytes) -> bytes:
    encoded = ber.encode_tlv(ber.OBJECT_IDENTIFIER, ber.encode_oid(name))
    return ber.encode_tlv(ber.SEQUENCE, encoded + ber.encode_value(tag, value))


def start_of(number: int, *more: tuple[Oid, int, int | bytes]) -> Notification:
    """The start of an IKE tunnel of this number, with the MIB's objects and more ones."""
    objects: tuple[tuple[Oid, int, int | bytes], ...] = (
        ((*_PEER, 6, *_INDEX, number), ber.OCTET_STRING, b"\x0a\x09\x00\x01"),
        ((*_PEER, 7, *_INDEX, number), ber.OCTET_STRING, b"\x0a\x09\x00\x02"),
        ((*_LIFE_TIME, number), ber.INTEGER, 3600),
    )
    encoded = tuple(_binding(*item) for item in (*objects, *more))
    return Notification("cikeTunnelStart", _TUNNEL_START, 1000 + number, encoded)


def bindings(number: int) -> list[Varbind]:
    """The same, as a receiver sees it."""
    return [
        Varbind((*_PEER, 6, *_INDEX, number), "OctetString", b"\x0a\x09\x00\x01"),
        Varbind((*_PEER, 7, *_INDEX, number), "OctetString", b"\x0a\x09\x00\x02"),
        Varbind((*_LIFE_TIME, number), "Integer", 3600),
    ]


def pdus_of(number: int) -> Pdus:
    """The PDUs of that start, with the same number as request-id."""
    return Pdus(start_of(number), number)


def number_in(datagram: bytes) -> int:
    """The number of the start in a message that is not encrypted."""
    found = re.search(rb"(?:\x03\x00|\x02\x01.)\x43\x02(..)", datagram, re.DOTALL)
    assert found
    return int.from_bytes(found[1], "big") - 1000


def make_encoder(
    *, boots: int = 3, engine_time: Callable[[], int] | None = None, largest: int = 65507
) -> MessageEncoder:
    began = time.monotonic()
    clock = engine_time or (lambda: int(time.monotonic() - began))
    return MessageEncoder(ENGINE_ID, boots, clock, largest, itertools.count(1))


def vacm_of(config: Config) -> Vacm:
    return Vacm(config.snmp.access, small_tree())


def users_of(config: Config) -> list[User]:
    return [make_user(user.settings, ENGINE_ID) for user in config.snmp.users]


def originate(configuration: str, work: Callable[[Sender], Awaitable[None]]) -> Sender:
    """Have something done with a sender to the targets of a configuration; return it closed."""

    async def run() -> Sender:
        config = parse_text(configuration, "flowmib.toml")
        sender = Sender(make_encoder(), QuietLog(LOGGER, time.monotonic))
        sender.replace(config.notify.targets, users_of(config), vacm_of(config))
        try:
            async with asyncio.timeout(PATIENCE):
                await work(sender)
        finally:
            await sender.close()
        return sender

    return asyncio.run(run())


async def until(
    sender: Sender, condition: Callable[[TargetStatistics], bool], targets: Iterable[int] = (0,)
) -> None:
    """Wait until the statistics of these targets are as they should be."""
    while not all(  # noqa: ASYNC110 - no event says so
        condition(sender.statistics()[target][1]) for target in targets
    ):
        await asyncio.sleep(0.01)
