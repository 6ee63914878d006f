"""Notifications to snmptrapd: every version, traps and informs."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from agent.notify.sender import Sender
from agent.notify.statistics import Loss, TargetStatistics
from tests.originating import COLD_START, ENGINE_ID, bindings, originate, start_of, until
from tests.running_agent import free_port
from tests.snmp_user import User
from tests.snmptrapd import PUBLIC, Received, Snmptrapd, as_receiver

TUNNEL_START = (1, 3, 6, 1, 4, 1, 9, 9, 171, 2, 0, 1)
COLD_START_OID = (1, 3, 6, 1, 6, 3, 1, 1, 5, 1)
USERS = (
    User("nobody"),
    User("sha1", "SHA-1"),
    User("md5-des", "MD5", "DES"),
    User("sha1-aes128", "SHA-1", "AES-128"),
    User("sha256-aes256", "SHA-256", "AES-256"),
    User("sha512-aes192", "SHA-512", "AES-192"),
)
USER = User("admin", "SHA-256", "AES-128")
LEVELS = {"noAuthNoPriv": "noauth", "authNoPriv": "auth", "authPriv": "priv"}


@pytest.fixture(scope="module")
def traps() -> Iterator[Snmptrapd]:
    """A receiver that knows all users as those of the originator's engine."""
    users = "".join(as_receiver(user, ENGINE_ID, LEVELS[user.level]) for user in USERS)
    with Snmptrapd(PUBLIC + users) as running:
        yield running


@pytest.fixture(scope="module")
def informs() -> Iterator[Snmptrapd]:
    """A receiver that knows all users as those of its own engine."""
    users = "".join(as_receiver(user, b"", LEVELS[user.level]) for user in USERS)
    with Snmptrapd(PUBLIC + users) as running:
        yield running


def target(trapd: Snmptrapd, *lines: str) -> str:
    community = [] if any("user" in line for line in lines) else ["community = 'public'"]
    address = f"address = '{trapd.address}'"
    return "\n".join(("[[notify.target]]", address, *community, *lines, ""))


def as_user(user: User, *lines: str) -> tuple[str, ...]:
    return "version = '3'", f"user = '{user.name}'", *lines


def is_done(statistics: TargetStatistics) -> bool:
    return statistics.queued == 0


def told(trapd: Snmptrapd, configuration: str) -> list[Received]:
    """Send two notifications, and return what has come of them."""
    before = len(trapd.received)

    async def work(sender: Sender) -> None:
        sender.notify(COLD_START)
        sender.notify(start_of(1))
        await until(sender, is_done)

    ((_, statistics),) = originate(configuration, work).statistics()
    assert (statistics.sent, statistics.lost, statistics.strange_answers) == (2, 0, 0)
    return trapd.wait_for(before + 2)[before:]


def version_2(version: str, kind: str, who: str) -> list[Received]:
    """The same two, as they are to come in SNMPv2c and SNMPv3."""
    return [
        Received(version, kind, who, 7, COLD_START_OID, []),
        Received(version, kind, who, 1001, TUNNEL_START, bindings(1)),
    ]


def test_no01_version_1(traps: Snmptrapd) -> None:
    cisco = (1, 3, 6, 1, 4, 1, 9, 9, 171, 2)
    assert told(traps, target(traps, "version = '1'")) == [
        Received("1", "trap", "public", 7, (), [], COLD_START_OID[:-1], "127.0.0.1", 0, 0),
        Received("1", "trap", "public", 1001, (), bindings(1), cisco, "127.0.0.1", 6, 1),
    ]


def test_no01_version_1_with_another_address(traps: Snmptrapd) -> None:
    lines = "version = '1'", "agent_address = '198.51.100.7'", "source = '127.0.0.3'"
    received = told(traps, target(traps, *lines))
    assert [one.agent_address for one in received] == ["198.51.100.7"] * 2
    received = told(traps, target(traps, "version = '1'", "source = '127.0.0.3'"))
    assert [one.agent_address for one in received] == ["127.0.0.3"] * 2


@pytest.mark.parametrize("kind", ["trap", "inform"])
def test_no01_version_2c(informs: Snmptrapd, kind: str) -> None:
    configuration = target(informs, f"inform = {str(kind == 'inform').lower()}")
    assert told(informs, configuration) == version_2("2c", kind, "public")


@pytest.mark.parametrize("user", USERS, ids=lambda user: user.name)
def test_no01_version_3_traps(traps: Snmptrapd, user: User) -> None:
    configuration = user.section() + target(traps, *as_user(user))
    assert told(traps, configuration) == version_2("3", "trap", user.name)


@pytest.mark.parametrize("user", USERS, ids=lambda user: user.name)
def test_no01_version_3_informs(informs: Snmptrapd, user: User) -> None:
    configuration = user.section() + target(informs, *as_user(user, "inform = true"))
    assert told(informs, configuration) == version_2("3", "inform", user.name)


@pytest.mark.parametrize("level", ["noAuthNoPriv", "authNoPriv"])
@pytest.mark.parametrize("kind", ["trap", "inform"])
def test_no01_less_than_the_user_could(level: str, kind: str) -> None:
    is_inform = kind == "inform"
    lines = as_user(USER, f"level = '{level}'", f"inform = {str(is_inform).lower()}")
    receiver = as_receiver(USER, b"" if is_inform else ENGINE_ID, LEVELS[level])
    # The short form of access wants all that a user has.
    access = f"level = '{level}'"
    with Snmptrapd(receiver) as trapd:
        received = told(trapd, USER.section(access) + target(trapd, *lines))
        assert received == version_2("3", kind, USER.name)


def test_no01_informs_go_on_when_the_receiver_was_started_anew() -> None:
    users = USER, User("nobody")
    with Snmptrapd(PUBLIC + "".join(map(as_receiver, users))) as trapd:
        lines = "inform = true", "timeout = 0.5", "retries = 20"

        async def work(sender: Sender) -> None:
            for number in range(1, 11):
                sender.notify(start_of(number))
            await until(sender, is_done, range(3))
            assert len(trapd.wait_for(30)) == 30
            trapd.restart()
            for number in range(11, 21):
                sender.notify(start_of(number))
            await until(sender, is_done, range(3))

        sections = "".join(user.section() for user in users)
        to_users = "".join(target(trapd, *as_user(user, *lines)) for user in users)
        sender = originate(sections + target(trapd, *lines) + to_users, work)
        for _, statistics in sender.statistics():
            assert (statistics.acknowledged, statistics.lost) == (20, 0)
        received = trapd.received
        for who in ("public", "admin", "nobody"):
            numbers = [one.up_time - 1000 for one in received if one.who == who]
            assert sorted(set(numbers)) == list(range(1, 21))


@pytest.mark.parametrize("lines", [(), ("inform = true", "timeout = 0.1", "retries = 1")])
def test_no02_a_dead_target_beside_a_live_one(informs: Snmptrapd, lines: tuple[str, ...]) -> None:
    before = len(informs.received)
    dead = f"[[notify.target]]\naddress = 'udp:127.0.0.1:{free_port()}'\ncommunity = 'public'\n"

    async def work(sender: Sender) -> None:
        for number in range(1, 201):
            sender.notify(start_of(number))
        await until(sender, is_done, (1,))

    sender = originate(dead + "\n".join((*lines, "")) + target(informs, "inform = true"), work)
    received = informs.wait_for(before + 200)[before:]
    assert [one.up_time - 1000 for one in received] == list(range(1, 201))
    (_, nobody), (_, somebody) = sender.statistics()
    assert (somebody.acknowledged, somebody.lost) == (200, 0)
    assert nobody.socket_errors > 0
    assert nobody.acknowledged == 0


def test_no01_a_receiver_that_does_not_know_the_user(caplog: pytest.LogCaptureFixture) -> None:
    with Snmptrapd() as trapd:
        lines = as_user(USER, "inform = true", "timeout = 0.2", "retries = 1")

        async def work(sender: Sender) -> None:
            sender.notify(start_of(1))
            await until(sender, is_done)

        sender = originate(USER.section() + target(trapd, *lines), work)
        ((_, statistics),) = sender.statistics()
        assert statistics.dropped == {Loss.REPORTED: 1}
        assert caplog.messages[0].endswith("with a Report: usmStatsUnknownUserNames")


@pytest.mark.parametrize("inform", ["true", "false"])
def test_ten_thousand_at_two_thousand_a_second(inform: str) -> None:
    with Snmptrapd() as trapd:
        took = 0.0

        async def work(sender: Sender) -> None:
            nonlocal took
            began = time.monotonic()
            for number in range(1, 10_001):
                sender.notify(start_of(number % 1000))
            await until(sender, is_done)
            took = time.monotonic() - began

        configuration = target(trapd, f"inform = {inform}", "rate = 4000")
        ((_, statistics),) = originate(configuration, work).statistics()
        assert (statistics.sent, statistics.lost) == (10_000, 0)
        assert took < 5.0
        # Of traps, a busy machine may lose some in the receiver's buffer.
        received = trapd.wait_for(10_000 if inform == "true" else 9_900)
        assert len({one.up_time for one in received}) == 1000
        if inform == "true":
            assert statistics.acknowledged == 10_000
