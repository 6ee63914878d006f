"""flowmib below a master, beside a standalone engine that shows the same: a process for tests.

    python -m tests.subagent_process MASTER PORT [--tunnels N] [--moving] [--queue N]

MASTER is ``unix:PATH`` or ``tcp:HOST:PORT``. The engine answers on the UDP port, to the communities
``public`` and ``writer`` and to the user ``watcher``. It reads commands, a line each:
``notify N`` has N notifications sent at once, ``count`` prints what became of notifications.
Unless it moves, the gateway and its clock stand still, so that the two can be compared.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable

from agent.agentx.address import TcpAddress, UnixAddress
from agent.config import ListenAddress
from agent.config.model import Identity
from agent.identity import Product, system_group
from agent.snmp.limits import QuietLog
from agent.snmp.udp import UdpListener
from agent.subagent import MasterTime, Subagent
from agent.views import ViewKeeper
from datasource import simulated
from mibs import ber, served, smi
from mibs.algorithms import AlgorithmNumbers
from mibs.cisco_ipsec_flow_monitor import MODULE, Archive, Choices
from mibs.notification import Notification
from mibs.settable import SerialNumber
from mibs.snmp_engine_mibs import EngineGroup
from mibs.snmp_statistics import SnmpStatistics
from mibs.tree import Tree
from tests.engine import ENGINE_ID, make_engine

__all__ = ["USER_PASSWORD"]

USER_PASSWORD = "watching over it"
_TRAP = (1, 3, 6, 1, 4, 1, 9, 9, 171, 2, 0, 1)
_NUMBER = (1, 3, 6, 1, 4, 1, 9, 9, 171, 1, 1, 1, 0)


def _address(text: str) -> UnixAddress | TcpAddress:
    kind, _, rest = text.partition(":")
    if kind == "unix":
        return UnixAddress(rest)
    host, _, port = rest.rpartition(":")
    return TcpAddress(host, int(port))


class _Process:
    def __init__(self, options: argparse.Namespace) -> None:
        began = time.monotonic()
        self._moving: bool = options.moving
        clock: Callable[[], float] = time.monotonic if options.moving else lambda: began
        self.clock = clock
        tracker = simulated.tracker_for_simulation(watching_since=began)
        gateway = simulated.SimulatedGateway(
            tracker, tunnels=options.tunnels, seed=1, started_at=began
        )
        self.source = simulated.SimulatedSource(gateway, tracker, clock)
        self.time = MasterTime(time.monotonic)
        statistics = SnmpStatistics()
        shown = served.Shown(
            system=system_group(Identity(), Product("1", "test", os.uname())),
            engine=EngineGroup(ENGINE_ID, 1, lambda: 0, 65507),
            statistics=statistics,
            up_time=lambda: 0.0,
            serial_number=SerialNumber(secrets.randbits(31)),
            switches=served.make_switches(),
            choices=Choices(
                AlgorithmNumbers(extended=True), peer_index_octets=False, descriptions={}
            ),
            archive=Archive(tracker.history, self.time.time_stamp, lambda: None),
            control=self.source,
        )
        tree = Tree(smi.load(served.MODULES), served.bind(shown))
        self.keeper = ViewKeeper(tracker, tree, clock)
        self.turn = asyncio.Lock()
        self.subagent = Subagent(
            _address(options.master),
            [MODULE],
            {b"": (tree, self.keeper)},
            self.time,
            clock=time.monotonic,
            quiet=QuietLog(logging.getLogger("flowmib.agentx"), time.monotonic),
            turn=self.turn,
            capacity=options.queue,
        )
        self.engine = make_engine(tree, self.keeper, statistics, writers=(b"writer",))
        self.port: int = options.port

    async def run(self) -> None:
        source = asyncio.create_task(self.source.run())
        await self.source.ready.wait()
        if not self._moving:
            source.cancel()
        listener = UdpListener(
            ListenAddress("127.0.0.1", self.port, f"udp:127.0.0.1:{self.port}"), self.engine
        )
        listener.start()
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        loop.add_signal_handler(signal.SIGTERM, stop.set)
        subagent = asyncio.create_task(self.subagent.run())
        commands = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
        obeying = asyncio.create_task(self._obey(commands))
        _say("ready")
        await stop.wait()
        for task in (subagent, obeying, source):
            task.cancel()
        await asyncio.gather(subagent, obeying, source, return_exceptions=True)
        listener.close()

    async def _obey(self, commands: asyncio.StreamReader) -> None:
        number = 0
        while line := await commands.readline():
            match line.split():
                case [b"notify", count]:
                    for _ in range(int(count)):
                        number += 1
                        self.subagent.notify(_notification(number))
                    _say("notified")
                case [b"count"]:
                    queue = self.subagent.notifications
                    counts = {
                        "waiting": len(queue),
                        "sent": queue.sent,
                        "dropped": queue.dropped,
                        "refused": queue.refused,
                        "unanswered": queue.unanswered,
                        "connected": self.subagent.connected,
                    }
                    _say(json.dumps(counts))


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _notification(number: int) -> Notification:
    varbind = ber.encode_varbinds(ber.encode_oid(_NUMBER), (b"",), ber.INTEGER, (number,))[0]
    return Notification("cikeTunnelStart", _TRAP, 0, (varbind,))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("master")
    parser.add_argument("port", type=int)
    parser.add_argument("--tunnels", type=int, default=40)
    parser.add_argument("--moving", action="store_true")
    parser.add_argument("--queue", type=int, default=10_000)
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    asyncio.run(_Process(parser.parse_args()).run())


if __name__ == "__main__":
    main()
