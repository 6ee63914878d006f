"""A real agent, as a process, for tests that ask it from outside."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

__all__ = ["AgentError", "RunningAgent", "free_port"]

ROOT = Path(__file__).parents[1]

# GET of sysUpTime.0 with the community "public", SNMPv2c.
_SYS_UP_TIME = bytes.fromhex(
    "3026020101 04067075626c6963 a019 020101 020100 020100 300e 300c 06082b06010201010300 0500"
)


class AgentError(Exception):
    """The agent did not start or did not stop; the message has its log."""


def free_port() -> int:
    """Return a UDP port of 127.0.0.1 that nobody uses now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class RunningAgent:
    """``flowmib run`` with these arguments, on a free port, until the end of the block.

    Raises:
        AgentError: it ends, or gives no answer in time.
    """

    def __init__(self, *arguments: str, patience: float = 20.0) -> None:
        self.port = free_port()
        self.endpoint = f"127.0.0.1:{self.port}"
        self._arguments = arguments
        self._patience = patience

    def __enter__(self) -> Self:
        self._stack = contextlib.ExitStack()
        self._log = self._stack.enter_context(tempfile.TemporaryFile("w+b"))
        self._process = subprocess.Popen(
            (
                *(sys.executable, "-m", "agent.cli.main", "run"),
                *("--listen", f"udp:{self.endpoint}", *self._arguments),
            ),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        try:
            self._wait()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.alive:
            self._process.send_signal(signal.SIGTERM)
        try:
            status = self._process.wait(self._patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        if error is not None:
            print(self.log)  # noqa: T201 - pytest shows it with the failure
        self._stack.close()
        if error is None and kind is None and traceback is None and status != 0:
            raise AgentError(f"flowmib ended with status {status}")

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    @property
    def log(self) -> str:
        """What the agent has said so far."""
        return os.pread(self._log.fileno(), 1 << 20, 0).decode(errors="replace")

    def _wait(self) -> None:
        deadline = time.monotonic() + self._patience
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as manager:
            manager.connect(("127.0.0.1", self.port))
            manager.settimeout(0.1)
            while True:
                with contextlib.suppress(OSError):
                    manager.send(_SYS_UP_TIME)
                    manager.recv(65535)
                    return
                if not self.alive or time.monotonic() > deadline:
                    raise AgentError(f"flowmib does not answer; it said:\n{self.log}")
                time.sleep(0.02)
