"""All tunnels get lost within a second: what is told of it, how fast, and who has to wait.

    python -m benchmarks.storm [--tunnels 10000]

A manager goes on asking, one GET every few milliseconds, while a receiver takes the notifications.
"""

from __future__ import annotations

import argparse
import collections
import socket
import tempfile
import threading
import time
from bisect import bisect_left
from pathlib import Path

from agent.snmp.message import decode_bindings, decode_envelope, decode_pdu
from benchmarks.rig import FLOWMIB, Walk, free_port, peak_octets, running
from mibs import ber, smi

_MODULES = smi.load()
_STOPS = {
    ber.encode_oid(_MODULES.notification(name).oid): name
    for name in ("cikeTunnelStop", "cipSecTunnelStop")
}
_ENDED = {
    "cikeTunnelStop": "cikeGlobalPreviousTunnels",
    "cipSecTunnelStop": "cipSecGlobalPreviousTunnels",
}
_OUTAGE_AFTER = 15.0
_WATCHED = 30.0
"""Seconds from the start; by then all is said."""
_CONFIGURATION = """
[history]
tunnel_size = 10000
failure_size = 10000

[source]
kind = "simulated"

[source.simulated]
tunnels = {tunnels}
outage_after = {outage_after}

[notify]
enable = ["isakmp tunnel stop", "ipsec tunnel stop"]

[[notify.target]]
address = "udp:127.0.0.1:{port}"
community = "public"
queue = 100000
"""


class Receiver(threading.Thread):
    """Takes notifications, and notes when each came."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.datagrams: list[tuple[float, bytes]] = []

    def run(self) -> None:
        while True:
            data = self._socket.recv(65535)
            self.datagrams.append((time.perf_counter(), data))

    def stops(self) -> list[tuple[float, str, bytes]]:
        """When each stop came, its kind and its objects."""
        found = []
        for at, data in self.datagrams:
            envelope = decode_envelope(data)
            pdu = decode_pdu(data, envelope.pdu_type, envelope.start, envelope.stop)
            bindings = decode_bindings(pdu.varbinds)
            found.append((at, _STOPS[bindings[1].content], pdu.varbinds))
        return found


def _get(port: int, name: str) -> int:
    walk = Walk(port, _MODULES.object(name).oid)
    walk.ask()
    (binding,) = walk.take()
    walk.socket.close()
    return int.from_bytes(binding.content, "big")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tunnels", type=int, default=10_000)
    tunnels: int = parser.parse_args().tunnels
    receiver = Receiver()
    receiver.start()
    port = free_port()
    with tempfile.TemporaryDirectory() as directory:
        config = Path(directory, "flowmib.toml")
        config.write_text(
            _CONFIGURATION.format(tunnels=tunnels, outage_after=_OUTAGE_AFTER, port=receiver.port)
        )
        command = [*FLOWMIB, "--config", str(config), "--listen", f"udp:127.0.0.1:{port}"]
        began = time.perf_counter()
        with running([*command, "--state-directory", f"{directory}/state"], port) as agent:
            took = []
            while (now := time.perf_counter()) < began + _WATCHED:
                _get(port, "cikeGlobalActiveTunnels")
                took.append((now, time.perf_counter() - now))
                time.sleep(0.002)
            ended = {kind: _get(port, name) for kind, name in _ENDED.items()}
            memory = peak_octets(agent.pid)
    stops = receiver.stops()
    told = collections.Counter(kind for _, kind, _ in stops)
    unique = len({varbinds for _, _, varbinds in stops})
    times = [at for at, _, _ in stops]
    first, last = times[0], times[-1]
    waits = sorted(wait for at, wait in took if first - 1 <= at <= last + 1)
    print(f"{tunnels} tunnels lost within a second")
    for kind, count in ended.items():
        print(f"  {kind}: {told[kind]} received, {count} tunnels ended")
    print(f"  {unique} of {len(stops)} are different")
    best = max(bisect_left(times, start + 1) - n for n, start in enumerate(times))
    print(f"  {best} received within the busiest second")
    p50, p99 = (waits[int(len(waits) * part)] * 1000 for part in (0.5, 0.99))
    print("answers to one manager meanwhile:")
    print(f"  median {p50:.1f} ms, 99 % within {p99:.1f} ms, longest {waits[-1] * 1000:.0f} ms")
    print(f"most memory that flowmib had resident: {memory / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
