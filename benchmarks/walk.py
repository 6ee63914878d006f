"""How fast is a walk? flowmib beside net-snmp's snmpd, asked by the same manager in one run.

    python -m benchmarks.walk [--tunnels 10000] [--walkers 4] [--rounds 5]

Prints varbinds per second of each and the ratio of the medians, the seconds of one whole walk by
``snmpbulkwalk``, how long answers take, and the agent's memory. Rounds of the two take turns, so
that noise of the machine hits both; quote the ratio, not the figures.

The manager keeps several walks going at once from one thread. It reads answers in a few
microseconds a varbind, so that the agent is what is measured. snmpd walks what it has most of, its
own tables of installed packages and processes, out of its caches.
"""

from __future__ import annotations

import argparse
import contextlib
import select
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from mibs import ber

FLOW_MONITOR = (1, 3, 6, 1, 4, 1, 9, 9, 171)
HOST_RESOURCES = (1, 3, 6, 1, 2, 1, 25)
_REPETITIONS = 50


class Walk:
    """One walk of a subtree over and over, with GETBULK."""

    def __init__(self, port: int, root: tuple[int, ...]) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(("127.0.0.1", port))
        self.root = self.name = ber.encode_oid(root)
        self.varbinds = 0

    def ask(self) -> None:
        binding = ber.encode_tlv(0x30, ber.encode_tlv(6, self.name) + b"\x05\x00")
        numbers = b"\x02\x01\x01\x02\x01\x00\x02\x01" + bytes((_REPETITIONS,))
        pdu = ber.encode_tlv(0xA5, numbers + ber.encode_tlv(0x30, binding))
        self.socket.send(ber.encode_tlv(0x30, b"\x02\x01\x01\x04\x06public" + pdu))

    def take(self) -> None:
        data = self.socket.recv(65535)
        pos, end = _bindings(data)
        name = self.name
        while pos < end:
            _, start, stop = ber.read_header(data, pos, end)
            _, begin, finish = ber.read_header(data, start, stop)
            name = data[begin:finish]
            if data[finish] == ber.END_OF_MIB_VIEW or not name.startswith(self.root):
                name = self.root
                break
            self.varbinds += 1
            pos = stop
        self.name = name


def _bindings(data: bytes) -> tuple[int, int]:
    _, pos, end = ber.read_header(data, 0, len(data))
    for _ in range(2):
        _, _, pos = ber.read_header(data, pos, end)
    _, pos, end = ber.read_header(data, pos, end)
    for _ in range(3):
        _, _, pos = ber.read_header(data, pos, end)
    _, pos, end = ber.read_header(data, pos, end)
    return pos, end


def rate(port: int, root: tuple[int, ...], walkers: int, seconds: float) -> float:
    """Return varbinds per second of walks that run side by side."""
    walks = {walk.socket: walk for walk in (Walk(port, root) for _ in range(walkers))}
    for walk in walks.values():
        walk.ask()
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        for ready in select.select(list(walks), [], [], 1.0)[0]:
            walks[ready].take()
            walks[ready].ask()
    took = time.perf_counter() - began
    for ready in walks:
        ready.close()
    return sum(walk.varbinds for walk in walks.values()) / took


def latencies(port: int, root: tuple[int, ...], seconds: float) -> list[float]:
    """Return the seconds that each answer took, shortest first, of a manager that is not busy."""
    walk = Walk(port, root)
    took = []
    until = time.perf_counter() + seconds
    while (began := time.perf_counter()) < until:
        walk.ask()
        walk.take()
        took.append(time.perf_counter() - began)
        time.sleep(0.002)
    walk.socket.close()
    return sorted(took)


@contextlib.contextmanager
def running(command: list[str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run an agent until it answers on this port, and end it afterwards."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while not _answers(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{command[0]} does not answer on port {port}")
        yield process
    finally:
        process.terminate()
        process.wait(10)


def _answers(port: int) -> bool:
    walk = Walk(port, (1, 3))
    walk.socket.settimeout(0.2)
    try:
        walk.ask()
        walk.take()
    except OSError:
        time.sleep(0.05)
        return False
    finally:
        walk.socket.close()
    return True


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def resident_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def snmpbulkwalk(port: int) -> tuple[int, float]:
    began = time.perf_counter()
    walk = subprocess.run(
        [
            "snmpbulkwalk",
            "-v2c",
            "-cpublic",
            f"-Cr{_REPETITIONS}",
            "-Onq",
            f"127.0.0.1:{port}",
            ".".join(map(str, FLOW_MONITOR)),
        ],
        check=True,
        capture_output=True,
    )
    return walk.stdout.count(b"\n."), time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tunnels", type=int, default=10_000)
    parser.add_argument("--walkers", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each round")
    options = parser.parse_args()
    ours, theirs = free_port(), free_port()
    flowmib = [sys.executable, "-m", "agent.cli.main", "run", "--source", "simulated"]
    flowmib += ["--tunnels", str(options.tunnels), "--listen", f"udp:127.0.0.1:{ours}"]
    with tempfile.TemporaryDirectory() as directory, contextlib.ExitStack() as stack:
        agent = stack.enter_context(running(flowmib, ours))
        count, seconds = snmpbulkwalk(ours)
        print(f"flowmib, {options.tunnels} tunnels, one whole snmpbulkwalk -Cr{_REPETITIONS}:")
        print(f"  {count} varbinds in {seconds:.2f} s, {count / seconds:.0f} varbinds/s")
        path = shutil.which("snmpd", path="/usr/sbin:/usr/bin:/sbin:/bin")
        rates: dict[str, list[float]] = {"flowmib": [], "snmpd": []}
        if path is None:
            print("net-snmp's snmpd is not installed: no ratio")
        else:
            conf = Path(directory) / "snmpd.conf"
            conf.write_text("rocommunity public 127.0.0.1\n", encoding="ascii")
            snmpd = [path, "-f", "-C", "-c", str(conf), "-p", f"{directory}/pid"]
            stack.enter_context(running([*snmpd, f"udp:127.0.0.1:{theirs}"], theirs))
            rate(theirs, HOST_RESOURCES, 1, options.seconds)
        for _ in range(options.rounds):
            found = rate(ours, FLOW_MONITOR, options.walkers, options.seconds)
            rates["flowmib"].append(found)
            if path is not None:
                found = rate(theirs, HOST_RESOURCES, options.walkers, options.seconds)
                rates["snmpd"].append(found)
        medians = {name: statistics.median(found) for name, found in rates.items() if found}
        print(f"{options.walkers} walks side by side, GETBULK of {_REPETITIONS}, median round:")
        for name, median in medians.items():
            print(f"  {name}: {median:.0f} varbinds/s")
        if "snmpd" in medians:
            print(f"  ratio: {medians['flowmib'] / medians['snmpd']:.2f}")
        took = latencies(ours, FLOW_MONITOR, 5 * options.seconds)
        p50, p99 = (took[int(len(took) * part)] * 1000 for part in (0.5, 0.99))
        print("flowmib's answers to one manager that is not busy, while tunnels come and go:")
        print(f"  median {p50:.1f} ms, 99 % within {p99:.1f} ms, longest {took[-1] * 1000:.0f} ms")
        print(f"most memory that flowmib had resident: {resident_mib(agent.pid):.0f} MiB")


if __name__ == "__main__":
    main()
