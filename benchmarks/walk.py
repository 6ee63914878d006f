"""How flowmib does by itself: a whole walk, how long answers take, and its memory.

    python -m benchmarks.walk [--tunnels 10000]

`benchmarks.compare` measures it beside others.
"""

from __future__ import annotations

import argparse
import subprocess
import time

from benchmarks.rig import FLOWMIB, Walk, free_port, peak_octets, running

_FLOW_MONITOR = (1, 3, 6, 1, 4, 1, 9, 9, 171)
_PATIENCE = 10.0
"""Seconds for which answers are timed."""


def latencies(port: int) -> list[float]:
    """Return the seconds that each answer took, shortest first, of a manager that is not busy."""
    took = []
    until = time.perf_counter() + _PATIENCE
    while time.perf_counter() < until:
        walk = Walk(port, _FLOW_MONITOR)
        while not walk.ended and (began := time.perf_counter()) < until:
            walk.ask()
            walk.take()
            took.append(time.perf_counter() - began)
            time.sleep(0.002)
        walk.socket.close()
    return sorted(took)


def snmpbulkwalk(port: int) -> tuple[int, float]:
    """Return how many varbinds a whole walk has, and its seconds."""
    began = time.perf_counter()
    root = ".".join(map(str, _FLOW_MONITOR))
    walk = subprocess.run(
        ["snmpbulkwalk", "-v2c", "-cpublic", "-Cr50", "-Onq", f"127.0.0.1:{port}", root],
        check=True,
        capture_output=True,
    )
    return walk.stdout.count(b"\n."), time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tunnels", type=int, default=10_000)
    options = parser.parse_args()
    port = free_port()
    command = [*FLOWMIB, "--source", "simulated", "--tunnels", str(options.tunnels)]
    with running([*command, "--listen", f"udp:127.0.0.1:{port}"], port) as agent:
        count, seconds = snmpbulkwalk(port)
        print(f"{options.tunnels} tunnels, one whole snmpbulkwalk -Cr50:")
        print(f"  {count} varbinds in {seconds:.2f} s, {count / seconds:.0f} varbinds/s")
        took = latencies(port)
        p50, p99 = (took[int(len(took) * part)] * 1000 for part in (0.5, 0.99))
        print("answers to one manager that is not busy, while tunnels come and go:")
        print(f"  median {p50:.1f} ms, 99 % within {p99:.1f} ms, longest {took[-1] * 1000:.0f} ms")
        print(f"most memory that flowmib had resident: {peak_octets(agent.pid) / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
