"""How fast is flowmib beside C? The same table in several agents, asked in turn by one generator.

    python -m benchmarks.compare [--rows 10000] [--rounds 8] [--seconds 1.0] [--memory]

The agents are flowmib with its simulated gateway, once as it runs and once with a gateway that
stands still (`still.py`), and three on net-snmp's library that hold what the latter shows:
`container`, the table as one usually writes it; `tuned`, a handler that answers GETBULK by itself
out of an array; and `bare`, the same in an agent that leaves out what the library does around it.
The generator (`c/load.c`) and the agent that is measured have a CPU each; the others are stopped
meanwhile. Each load is measured for one agent after the other, in another order each round, so that
noise of the machine hits all. Ratios are medians of the rounds'.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.rig import (
    FLOWMIB,
    STILL_FLOWMIB,
    Walk,
    free_port,
    peak_octets,
    running,
)
from mibs import ber

ENTRY = (1, 3, 6, 1, 4, 1, 9, 9, 171, 1, 3, 2, 1)
"""cipSecTunnelEntry."""
_SOURCES = Path(__file__).parent / "c"
_USER, _AUTH, _PRIV = "bench", "authentication", "confidentiality"
_USM = ["--user", _USER, "--auth", _AUTH, "--priv", _PRIV]
_MEMORY_TUNNELS, _MEMORY_GOAL = 50_000, 600
_MISSING = 0.01
"""Part of the rows asked for that may have gone since the generator learnt them."""
_OURS = {"flowmib": FLOWMIB, "still flowmib": STILL_FLOWMIB}
_IN_C = {"container": ["container"], "tuned": ["tuned"], "bare": ["tuned", "bare"]}
"""The program of each, and what it is told besides its rows and its address."""


@dataclass(frozen=True, slots=True)
class Load:
    """One kind of requests, and what the ratios to the agents in C are to be at least."""

    title: str
    arguments: list[str]
    goals: dict[str, float]


# Columns that a manager would draw, and that each row has: cipSecTunActiveTime, octets (32 and 64
# bits), packets and drops of both directions, and cipSecTunStatus.
_ONE = ["--load", "bulk", "--columns", "26", "--streams", "4", "--repetitions", "50"]
_TEN = ["--load", "columns", "--columns", "10,26,27,32,33,39,40,45,46,51"]
_TEN += ["--streams", "4", "--repetitions", "10"]
_GET = ["--load", "get", "--columns", "26", "--streams", "8"]

LOADS = (
    Load("v2c GETBULK 50", _ONE, {"container": 2.5, "tuned": 1.0}),
    Load("v2c GETBULK 10 x 10 columns", _TEN, {}),
    Load("v2c GET", _GET, {"tuned": 0.85}),
    Load("v3 GETBULK 50", [*_ONE, *_USM], {"container": 1.5, "tuned": 0.8}),
    Load("v3 GETBULK 10 x 10 columns", [*_TEN, *_USM], {}),
    Load("v3 GET", [*_GET, *_USM], {}),
)


@dataclass(frozen=True, slots=True)
class Agent:
    """One that is measured."""

    name: str
    port: int
    pid: int


@dataclass(frozen=True, slots=True)
class Figures:
    """What one measurement found."""

    rate: float
    """Messages answered per second."""
    cpu: float
    """Seconds that the agent computed for each."""
    idle: float
    """Part of the time in which the generator had nothing to do but wait."""


Round = dict[str, Figures]
"""Of each agent, by its name."""


def cpus() -> tuple[int, int]:
    """Return the CPU of the agents and the one of the generator."""
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        raise SystemExit("two CPUs are needed: for the agent and for the generator")
    return allowed[0], allowed[1]


def pinned(cpu: int, command: list[str]) -> list[str]:
    return ["taskset", "--cpu-list", str(cpu), *command]


def compile_programs(directory: Path) -> None:
    """Compile the agents and the generator into a directory."""
    missing = [name for name in ("gcc", "net-snmp-config", "taskset") if not shutil.which(name)]
    if missing:
        raise SystemExit(
            f"missing: {', '.join(missing)}; packaging/install-bench-programs, as root, installs it"
        )
    flags, libraries = (
        subprocess.check_output(["net-snmp-config", option], text=True).split()
        for option in ("--base-cflags", "--base-agent-libs")
    )
    programs = {
        "container": ["container.c", "agent.c", *flags, *libraries],
        "tuned": ["tuned.c", "agent.c", *flags, *libraries],
        "load": ["load.c", "usm.c", "-lcrypto"],
    }
    for name, arguments in programs.items():
        command = ["gcc", "-std=gnu11", "-Wall", "-Wextra", *arguments, "-O2"]
        subprocess.run([*command, "-o", str(directory / name)], check=True, cwd=_SOURCES)


@contextlib.contextmanager
def flowmib(name: str, command: list[str], directory: Path, cpu: int, rows: int) -> Iterator[Agent]:
    port = free_port()
    config = directory / f"{name}.toml"
    # It has passwords, and is refused where others may read it.
    config.touch(mode=0o600)
    config.write_text(
        f"""\
state_directory = "{directory}/state of {name}"
[snmp]
listen = ["udp:127.0.0.1:{port}"]
[[snmp.community]]
name = "public"
[[snmp.user]]
name = "{_USER}"
auth = "SHA-256"
auth_password = "{_AUTH}"
priv = "AES-128"
priv_password = "{_PRIV}"
[source]
kind = "simulated"
[source.simulated]
tunnels = {rows}
""",
        encoding="ascii",
    )
    with running(pinned(cpu, [*command, "--config", str(config)]), port) as process:
        yield Agent(name, port, process.pid)


@contextlib.contextmanager
def in_c(name: str, directory: Path, cpu: int, rows: Path) -> Iterator[Agent]:
    """Run one of the agents on net-snmp's library."""
    port = free_port()
    own = directory / f"of {name}"
    own.mkdir()
    (own / "bench.conf").write_text(
        # Else it prints a line for each datagram, which would be most of its work.
        "dontLogTCPWrappersConnects yes\n"
        "rocommunity public\n"
        f"createUser {_USER} SHA-256 {_AUTH} AES {_PRIV}\n"
        f"rouser {_USER} priv\n",
        encoding="ascii",
    )
    environment = {"SNMPCONFPATH": str(own), "SNMP_PERSISTENT_DIR": str(own), "MIBS": ""}
    program, *more = _IN_C[name]
    command = [str(directory / program), str(rows), f"udp:127.0.0.1:{port}", *more]
    with running(pinned(cpu, command), port, environment) as process:
        yield Agent(name, port, process.pid)


def copy_rows(port: int, path: Path) -> int:
    """Write what an agent shows of the table for the agents in C; return how many cells it has."""
    prefix = len(ber.encode_oid(ENTRY))
    cells = []
    for name, tag, content in Walk(port, ENTRY).all():
        column, row = ber.decode_sub_identifiers(name[prefix:])
        cells.append((row, column, f"{row} {column} {tag:x} {content.hex() or '-'}\n"))
    with path.open("w", encoding="ascii") as file:
        file.writelines(line for _, _, line in sorted(cells))
    return len(cells)


def measure(agent: Agent, load: Load, generator: list[str], seconds: float) -> Figures:
    """Let one agent answer one load."""
    os.kill(agent.pid, signal.SIGCONT)
    whom = ["--port", str(agent.port), "--pid", str(agent.pid)]
    done = subprocess.run(
        [*generator, *whom, "--seconds", str(seconds), *load.arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    os.kill(agent.pid, signal.SIGSTOP)
    if done.returncode:
        raise SystemExit(f"{agent.name}, {load.title}: {done.stderr.strip()}")
    found = json.loads(done.stdout)
    if found["timeouts"] or found["missing"] > _MISSING * found["answers"]:
        raise SystemExit(f"{agent.name}, {load.title}: answers are missing: {done.stdout.strip()}")
    return Figures(
        rate=found["answers"] / found["seconds"],
        cpu=found["computed"] / found["answers"],
        idle=found["waiting"] / found["seconds"],
    )


def report(load: Load, rounds: list[Round]) -> None:
    """Print the medians of one load, and how many times as fast as those in C flowmib is."""
    print(f"\n{load.title:32}messages/s  us of CPU each  generator idle")
    for name in rounds[0]:
        own = [figures[name] for figures in rounds]
        rate = statistics.median(figures.rate for figures in own)
        cpu = statistics.median(figures.cpu for figures in own) * 1e6
        idle = statistics.median(figures.idle for figures in own)
        print(f"  {name:30}{rate:10.0f}{cpu:16.1f}{idle:16.0%}")
    for name in _OURS:
        for other in _IN_C:
            ratio = statistics.median(one[name].rate / one[other].rate for one in rounds)
            by_cpu = statistics.median(one[other].cpu / one[name].cpu for one in rounds)
            goal = f", goal {load.goals[other]}" if other in load.goals else ""
            print(f"  {name} / {other}: {ratio:.2f}{goal} (by CPU time {by_cpu:.2f})")


def compare(rows: int, count: int, seconds: float, versions: tuple[str, ...]) -> None:
    """Measure and print all loads of these versions."""
    agents_cpu, generator_cpu = cpus()
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        directory = Path(name)
        compile_programs(directory)
        agents = [
            stack.enter_context(flowmib(name, command, directory, agents_cpu, rows))
            for name, command in _OURS.items()
        ]
        copied = directory / "rows"
        cells = copy_rows(agents[-1].port, copied)
        agents += [stack.enter_context(in_c(name, directory, agents_cpu, copied)) for name in _IN_C]
        for agent in agents:
            os.kill(agent.pid, signal.SIGSTOP)
            # Stopped, it would not end.
            stack.callback(os.kill, agent.pid, signal.SIGCONT)
        print(f"{rows} rows, {cells} cells; {count} rounds of {seconds} s, medians", flush=True)
        generator = pinned(generator_cpu, [str(directory / "load")])
        found: dict[str, list[Round]] = {}
        for number in range(count):
            turn = number % len(agents)
            for load in LOADS:
                if load.title.startswith(versions):
                    measured = {
                        agent.name: measure(agent, load, generator, seconds)
                        for agent in agents[turn:] + agents[:turn]
                    }
                    one = {agent.name: measured[agent.name] for agent in agents}
                    found.setdefault(load.title, []).append(one)
        for load in LOADS:
            if load.title in found:
                report(load, found[load.title])


def memory() -> None:
    """Measure how large flowmib gets when everything is walked."""
    port = free_port()
    command = [*FLOWMIB, "--source", "simulated", "--tunnels", str(_MEMORY_TUNNELS)]
    with running([*command, "--listen", f"udp:127.0.0.1:{port}"], port) as process:
        count = sum(1 for _ in Walk(port, (1, 3)).all())
        print(
            f"\n{_MEMORY_TUNNELS} tunnels, {count} varbinds walked: flowmib had"
            f" {peak_octets(process.pid) / 1e6:.0f} MB resident at most, goal {_MEMORY_GOAL}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each measurement")
    parser.add_argument("--versions", nargs="+", default=["v2c", "v3"], choices=["v2c", "v3"])
    parser.add_argument("--memory", action="store_true", help="measure the memory, too")
    options = parser.parse_args()
    compare(options.rows, options.rounds, options.seconds, tuple(options.versions))
    if options.memory:
        memory()


if __name__ == "__main__":
    main()
