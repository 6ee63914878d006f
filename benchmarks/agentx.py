"""How fast is flowmib below snmpd, beside a subagent in C that holds the same table?

    python -m benchmarks.agentx [--rows 10000] [--rounds 8] [--seconds 1.0]

Each subagent has an snmpd of its own, all of them configured alike, and all on one CPU; the
generator has the other. As in `compare.py`, one pair after the other is measured and the rest is
stopped, in another order each round, and ratios are medians of the rounds'. Rates depend on whoever
else uses the CPU; what the pair of snmpd and subagent computed for a message does so less, and is
given too. flowmib is `tests/subagent_process.py`: its gateway stands still.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.compare import LOADS, Load, compile_programs, copy_rows, cpus, pinned
from benchmarks.rig import free_port

_GOALS = {"v2c GETBULK 50": 1.0, "v2c GETBULK 10 x 10 columns": 1.0, "v2c GET": 0.85}
_OURS = "flowmib"
_IN_C = ("container", "tuned")


@dataclass(frozen=True, slots=True)
class Pair:
    """A master and its subagent."""

    name: str
    port: int
    pids: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Figures:
    """What one measurement found."""

    rate: float
    """Messages answered per second."""
    cpu: float
    """Seconds that both computed for each."""


@contextlib.contextmanager
def process(
    command: list[str], own: Path, what: str, *, piped: bool = False
) -> Iterator[subprocess.Popen[bytes]]:
    environment = {"MIBS": "", "SNMPCONFPATH": str(own), "SNMP_PERSISTENT_DIR": str(own)}
    with (own / f"log of {what}").open("wb") as log:
        pipe = subprocess.PIPE if piped else None
        running = subprocess.Popen(
            command, env={**os.environ, **environment}, stdin=pipe, stdout=pipe, stderr=log
        )
        try:
            yield running
        finally:
            running.send_signal(signal.SIGCONT)
            running.terminate()
            running.wait(10)


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"it never came that {what}")
        time.sleep(0.05)


@contextlib.contextmanager
def master(own: Path, cpu: int) -> Iterator[tuple[int, str, int]]:
    """Run snmpd; give its port, its address for subagents, and its process."""
    port = free_port()
    socket = own / "master"
    (own / "snmpd.conf").write_text(
        f"agentAddress udp:127.0.0.1:{port}\nrocommunity public\nmaster agentx\n"
        f"agentXSocket unix:{socket}\ndontLogTCPWrappersConnects yes\n",
        encoding="ascii",
    )
    command = ["snmpd", "-f", "-Le", "-C", "-c", str(own / "snmpd.conf"), "-I", "-smux"]
    with process(pinned(cpu, command), own, "snmpd") as running:
        until(socket.exists, "snmpd listens")
        yield port, f"unix:{socket}", running.pid


@contextlib.contextmanager
def flowmib(directory: Path, cpu: int, rows: int) -> Iterator[tuple[Pair, int]]:
    """Run flowmib and its master; give the port of its own, too."""
    own = directory / f"of {_OURS}"
    own.mkdir()
    with master(own, cpu) as (port, address, pid):
        direct = free_port()
        command = [sys.executable, "-m", "tests.subagent_process", address, str(direct)]
        command += ["--tunnels", str(rows)]
        with process(pinned(cpu, command), own, _OURS, piped=True) as running:
            assert running.stdout is not None
            running.stdout.readline()
            until(lambda: "connected" in (own / f"log of {_OURS}").read_text(), "it connects")
            yield Pair(_OURS, port, (pid, running.pid)), direct


@contextlib.contextmanager
def in_c(name: str, directory: Path, cpu: int, rows: Path) -> Iterator[Pair]:
    own = directory / f"of {name}"
    own.mkdir()
    with master(own, cpu) as (port, address, pid):
        command = [str(directory / name), str(rows), address, "subagent"]
        with process(pinned(cpu, command), own, name) as running:
            until(lambda: "connected" in (own / f"log of {name}").read_text(), "it connects")
            yield Pair(name, port, (pid, running.pid))


def computed(pids: tuple[int, int]) -> float:
    """Return the seconds that the processes have computed, by the scheduler's own count."""
    text = [Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii") for pid in pids]
    return sum(int(line.split()[0]) for line in text) / 1e9


def measure(pair: Pair, load: Load, generator: list[str], seconds: float) -> Figures:
    for pid in pair.pids:
        os.kill(pid, signal.SIGCONT)
    before = computed(pair.pids)
    whom = ["--port", str(pair.port), "--pid", str(pair.pids[1]), "--seconds", str(seconds)]
    done = subprocess.run(
        [*generator, *whom, *load.arguments], capture_output=True, text=True, check=False
    )
    after = computed(pair.pids)
    for pid in pair.pids:
        os.kill(pid, signal.SIGSTOP)
    if done.returncode:
        raise SystemExit(f"{pair.name}, {load.title}: {done.stderr.strip()}")
    found = json.loads(done.stdout)
    if found["timeouts"]:
        raise SystemExit(f"{pair.name}, {load.title}: answers are missing: {done.stdout.strip()}")
    rate = found["answers"] / found["seconds"]
    # The generator warms up for half a second at the same rate.
    return Figures(rate, (after - before) / (rate * (found["seconds"] + 0.5)))


def report(load: Load, rounds: list[dict[str, Figures]]) -> None:
    print(f"\n{load.title:32}messages/s  us of CPU each")
    for name in rounds[0]:
        rate = statistics.median(figures[name].rate for figures in rounds)
        cpu = statistics.median(figures[name].cpu for figures in rounds) * 1e6
        print(f"  {name:30}{rate:10.0f}{cpu:16.1f}")
    for other in _IN_C:
        ratio = statistics.median(one[_OURS].rate / one[other].rate for one in rounds)
        by_cpu = statistics.median(one[other].cpu / one[_OURS].cpu for one in rounds)
        goal = _GOALS[load.title]
        print(f"  flowmib / {other}: {ratio:.2f}, goal {goal} (by CPU time {by_cpu:.2f})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each measurement")
    options = parser.parse_args()
    agents_cpu, generator_cpu = cpus()
    loads = [load for load in LOADS if load.title in _GOALS]
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        directory = Path(name)
        compile_programs(directory)
        ours, direct = stack.enter_context(flowmib(directory, agents_cpu, options.rows))
        copied = directory / "rows"
        cells = copy_rows(direct, copied)
        pairs = [ours]
        pairs += [stack.enter_context(in_c(one, directory, agents_cpu, copied)) for one in _IN_C]
        for pair in pairs:
            for pid in pair.pids:
                os.kill(pid, signal.SIGSTOP)
        print(f"{options.rows} rows, {cells} cells; {options.rounds} rounds, medians", flush=True)
        generator = pinned(generator_cpu, [str(directory / "load")])
        found: dict[str, list[dict[str, Figures]]] = {load.title: [] for load in loads}
        for number in range(options.rounds):
            turn = number % len(pairs)
            for load in loads:
                measured = {
                    pair.name: measure(pair, load, generator, options.seconds)
                    for pair in pairs[turn:] + pairs[:turn]
                }
                found[load.title].append({pair.name: measured[pair.name] for pair in pairs})
        for load in loads:
            report(load, found[load.title])


if __name__ == "__main__":
    main()
