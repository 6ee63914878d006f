"""net-snmp's snmpd as an AgentX master, and flowmib's subagent as a process below it."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

from tests.running_agent import ROOT, free_port
from tests.snmp_user import User
from tests.tools import requires_tool

__all__ = ["SnmpMaster", "Subagent", "cpu_seconds", "wait_for"]

_PATIENCE = 30.0


def wait_for(condition: Callable[[], bool], what: str, patience: float = _PATIENCE) -> float:
    """Wait until something holds; return how many seconds that took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() < began + patience, f"it never came that {what}"
        time.sleep(0.01)
    return time.monotonic() - began


def cpu_seconds(pid: int) -> float:
    """Return what a process has computed so far."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class SnmpMaster:
    """snmpd on loopback with a directory of its own, until the end of the block.

    Args:
        users: of SNMPv3, who may read and write.
        tcp: whether the master listens on a TCP port instead of a Unix socket.
        more: lines of its configuration.
        start: whether it runs from the beginning.
    """

    def __init__(self, *users: User, tcp: bool = False, more: str = "", start: bool = True) -> None:
        self._program = requires_tool("snmpd")
        self._users = users
        self._tcp = tcp
        self._more = more
        self._start = start
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self.endpoint = f"127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._stack = contextlib.ExitStack()
        self._own = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="ax")))
        self._log = self._stack.enter_context((self._own / "log").open("a+b"))
        self.address = f"tcp:127.0.0.1:{free_port()}" if self._tcp else f"unix:{self._own}/master"
        lines = [
            f"agentAddress udp:{self.endpoint}",
            "rocommunity public",
            "rwcommunity writer",
            *(f"rwuser {user.name} {_LEVELS[user.level]}" for user in self._users),
            *(_created(user) for user in self._users),
            "master agentx",
            f"agentXSocket {self.address}",
            "dontLogTCPWrappersConnects yes",
            self._more,
        ]
        (self._own / "snmpd.conf").write_text("\n".join(lines) + "\n", "ascii")
        if self._start:
            self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._stack.close()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [self._program, "-f", "-Le", "-C", "-c", str(self._own / "snmpd.conf")]
        self._process = subprocess.Popen(
            [*command, "-I", "-smux"],
            env={
                **os.environ,
                "MIBS": "",
                "SNMPCONFPATH": str(self._own),
                "SNMP_PERSISTENT_DIR": str(self._own / "persistent"),
            },
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        wait_for(self._answers, "snmpd answers")

    def stop(self) -> None:
        """Kill it as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @property
    def log(self) -> str:
        """What it has said so far."""
        return os.pread(self._log.fileno(), 1 << 20, 0).decode(errors="replace")

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
            wire.settimeout(0.1)
            wire.connect(("127.0.0.1", self.port))
            try:
                wire.send(_SYS_UP_TIME)
                wire.recv(65535)
            except OSError:
                time.sleep(0.01)
                return False
        return True


# GET of sysUpTime.0 with the community "public", SNMPv2c.
_SYS_UP_TIME = bytes.fromhex(
    "3026020101 04067075626c6963 a019 020101 020100 020100 300e 300c 06082b06010201010300 0500"
)
_LEVELS = {"noAuthNoPriv": "noauth", "authNoPriv": "auth", "authPriv": "priv"}


def _created(user: User) -> str:
    words = ["createUser", user.name]
    if user.auth:
        words += [user.auth.replace("SHA-1", "SHA"), f'"{user.auth_password}"']
    if user.priv:
        words += [user.priv.replace("AES-128", "AES"), f'"{user.priv_password}"']
    return " ".join(words)


class Subagent:
    """``tests.subagent_process`` below a master, until the end of the block."""

    def __init__(self, master: str, *options: str) -> None:
        self.port = free_port()
        self.endpoint = f"127.0.0.1:{self.port}"
        self._arguments = (master, str(self.port), *options)

    def __enter__(self) -> Self:
        self._log = tempfile.TemporaryFile()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            status = self._process.wait(_PATIENCE)
            assert status == 0, self.log
        self._close_pipes()
        self._log.close()

    def start(self) -> None:
        """Start it, and wait until it has something to show."""
        self._process = subprocess.Popen(
            (sys.executable, "-m", "tests.subagent_process", *self._arguments),
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
        )
        assert self._line() == "ready", self.log

    def kill(self) -> None:
        """End it as a crash would."""
        self._process.kill()
        self._process.wait()
        self._close_pipes()

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    @property
    def log(self) -> str:
        """What it has said so far."""
        return os.pread(self._log.fileno(), 1 << 20, 0).decode(errors="replace")

    def notify(self, count: int) -> None:
        """Have so many notifications sent at once."""
        assert self._command(f"notify {count}") == "notified"

    def counts(self) -> dict[str, Any]:
        """Return what became of them, and whether there is a session."""
        found: dict[str, Any] = json.loads(self._command("count"))
        return found

    def connected(self) -> bool:
        """Whether there is a session."""
        return bool(self.counts()["connected"])

    def _command(self, line: str) -> str:
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()
        return self._line()

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().decode().strip()

    def _close_pipes(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


@contextlib.contextmanager
def below_master(*options: str, **of_master: Any) -> Iterator[tuple[SnmpMaster, Subagent]]:
    """Run both, connected."""
    with SnmpMaster(**of_master) as master, Subagent(master.address, *options) as subagent:
        wait_for(subagent.connected, "the subagent is connected")
        yield master, subagent
