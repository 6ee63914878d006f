"""How fast notifications go out: to snmptrapd on the loopback interface, and without any socket.

    python -m benchmarks.notify [--count 10000]

Each kind goes to an snmptrapd of its own, which counts what it gets by answering or by writing it
down. `rate` is out of the way.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Awaitable, Callable

from agent.config import parse_text
from agent.notify.communities import TrapsV1, V2cMessages
from agent.notify.engines import UserTraps
from agent.notify.messages import TrapMessages
from agent.notify.pdus import Pdus
from agent.notify.sender import Sender
from agent.notify.traps import TrapOriginator
from agent.snmp.limits import QuietLog
from agent.snmp.security import SecurityLevel
from tests.originating import (
    ENGINE_ID,
    LOGGER,
    make_encoder,
    originate,
    start_of,
    until,
    users_of,
    vacm_of,
)
from tests.snmp_user import User
from tests.snmptrapd import PUBLIC, Snmptrapd, as_receiver

_USER = User("admin", "SHA-256", "AES-128")
_RATE = 100_000
_KINDS = {
    "v1 trap": "version = '1'\ncommunity = 'public'",
    "v2c trap": "community = 'public'",
    "v2c inform": "community = 'public'\ninform = true",
    "v3 authPriv trap": "version = '3'\nuser = 'admin'",
    "v3 authPriv inform": "version = '3'\nuser = 'admin'\ninform = true",
}


def _configuration(kind: str, address: str, rate: int) -> str:
    target = f"[[notify.target]]\naddress = '{address}'\nrate = {rate}\n{_KINDS[kind]}\n"
    return _USER.section() + target


def _work(count: int, took: list[float]) -> Callable[[Sender], Awaitable[None]]:
    async def work(sender: Sender) -> None:
        sender.notify(start_of(0))
        await until(sender, lambda statistics: not statistics.queued)
        notifications = [start_of(number) for number in range(1, count + 1)]
        began, used = time.perf_counter(), time.process_time()
        for notification in notifications:
            sender.notify(notification)
        took.append(time.perf_counter() - began)
        await until(sender, lambda statistics: not statistics.queued)
        took.extend((time.perf_counter() - began, time.process_time() - used))

    return work


def received(kind: str, count: int, rate: int) -> str:
    """Send so many to an snmptrapd and say how it went."""
    took: list[float] = []
    receiver = as_receiver(_USER, b"" if "inform" in kind else ENGINE_ID, "priv")
    with Snmptrapd(PUBLIC + receiver) as trapd:
        sender = originate(_configuration(kind, trapd.address, rate), _work(count, took))
        ((_, statistics),) = sender.statistics()
        time.sleep(0.5)
        got = len(trapd.received)
    taken, all_in_all, used = took
    return (
        f"  {kind:19} {count / all_in_all:6.0f}/s, {used / count * 1e6:5.1f} us of CPU each,"
        f" {taken / count * 1e6:4.1f} of them to take it; {statistics.sent} sent, {got} received"
    )


def encoded(kind: str, count: int) -> str:
    """Return the microseconds that everything but the socket takes, of a trap."""
    configuration = parse_text(_configuration(kind, "udp:127.0.0.1:162", _RATE), "")
    (target,) = configuration.notify.targets
    encoder = make_encoder()
    made: dict[str, TrapMessages] = {
        "v1 trap": TrapsV1(b"public"),
        "v2c trap": V2cMessages(b"public"),
        "v3 authPriv trap": UserTraps(
            encoder, users_of(configuration)[0], SecurityLevel.AUTH_PRIV, iter(range(1 << 31))
        ),
    }
    quiet = QuietLog(LOGGER, time.monotonic)
    originator = TrapOriginator(target, vacm_of(configuration), made[kind], 65507, quiet)
    best, now = float("inf"), 0.0
    for _ in range(5):
        notifications = [start_of(number) for number in range(count)]
        began = time.perf_counter()
        for number, notification in enumerate(notifications):
            now += 1.0
            originator.notify(Pdus(notification, number), now)
            assert originator.peek(now)
            originator.sent(now)
        best = min(best, (time.perf_counter() - began) / count * 1e6)
    return f"  {kind:19} {best:5.1f} us"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=10_000)
    options = parser.parse_args()
    print("a trap from a notification to a datagram, filter and view included:")
    for kind in ("v1 trap", "v2c trap", "v3 authPriv trap"):
        print(encoded(kind, options.count))
    print("all of a burst to snmptrapd, as fast as can be:")
    for kind in _KINDS:
        print(received(kind, options.count, _RATE))
    print("all of a burst to snmptrapd, at the default rate of 2500/s:")
    for kind in _KINDS:
        print(received(kind, options.count, 2500))


if __name__ == "__main__":
    main()
