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
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

__all__ = ["AgentError", "RunningAgent", "flowmib", "free_port"]

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


def flowmib(*arguments: str, patience: float = 20.0) -> subprocess.CompletedProcess[str]:
    """Run ``flowmib`` to its end, which is to come soon."""
    return subprocess.run(
        (sys.executable, "-m", "agent.cli.main", *arguments),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=patience,
    )


class RunningAgent:
    """``flowmib run`` with these arguments, on a free port, until the end of the block.

    Args:
        arguments: of the command.
        configuration: text of a file to run with.
        patience: seconds that it may take to start, to stop or to answer.

    Raises:
        AgentError: it ends, or does not come up in time.
    """

    def __init__(self, *arguments: str, configuration: str = "", patience: float = 20.0) -> None:
        self.port = free_port()
        self.endpoint = f"127.0.0.1:{self.port}"
        self._arguments = arguments
        self._configuration = configuration
        self._patience = patience

    def __enter__(self) -> Self:
        self._stack = contextlib.ExitStack()
        directory = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="fm")))
        self.config = directory / "flowmib.toml"
        self.state = directory / "state"
        self._log = self._stack.enter_context((directory / "log").open("a+b"))
        if self._configuration:
            self.configure(self._configuration)
            self._arguments = ("--config", str(self.config), *self._arguments)
        try:
            self.start()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        status = self.stop()
        if error is not None:
            print(self.log)  # noqa: T201 - pytest shows it with the failure
        self._stack.close()
        if error is None and status != 0:
            raise AgentError(f"flowmib ended with status {status}")

    def configure(self, text: str) -> None:
        """Put this into the file; the agent reads it when it starts, or is told to."""
        self.config.touch(mode=0o600)
        self.config.write_text(text, "utf-8")

    def start(self) -> None:
        """Start it, with the state that it had when it ended."""
        began = len(self.log)
        self._process = subprocess.Popen(
            (
                *(sys.executable, "-m", "agent.cli.main", "run"),
                *("--listen", f"udp:{self.endpoint}", "--state-directory", str(self.state)),
                *self._arguments,
            ),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        self._wait_for(lambda: "listening on" in self.log[began:], "come up")

    def stop(self) -> int:
        """End it by SIGTERM, if it runs, and return its exit status."""
        self._process.terminate()
        try:
            return self._process.wait(self._patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def restart(self) -> None:
        """Stop it and start it again."""
        status = self.stop()
        if status != 0:
            raise AgentError(f"flowmib ended with status {status}:\n{self.log}")
        self.start()

    def hup(self) -> str:
        """Have it read its configuration again; return what it says of that."""
        began = len(self.log)
        self._process.send_signal(signal.SIGHUP)
        self._wait_for(lambda: "reloaded" in self.log[began:], "reload")
        return self.log[began:]

    def ask(self, datagram: bytes, host: str = "127.0.0.1") -> bytes:
        """Send a datagram from an address of this machine; return the answer."""
        with self._wire(host) as wire:
            wire.send(datagram)
            return wire.recv(65535)

    def is_silent(self, datagram: bytes, host: str = "127.0.0.1") -> bool:
        """Tell whether a datagram, which must not be a SET, has no answer.

        The agent answers in turn, so what has none by the time the next one has will have none. To
        be asked for that, it needs the community "public".
        """
        with self._wire(host) as wire:
            wire.send(datagram)
            self.ask(_SYS_UP_TIME)
            wire.setblocking(False)
            try:
                wire.recv(65535)
            except BlockingIOError:
                return True
            return False

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

    @contextlib.contextmanager
    def _wire(self, host: str) -> Iterator[socket.socket]:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
            wire.bind((host, 0))
            wire.connect(("127.0.0.1", self.port))
            wire.settimeout(self._patience)
            yield wire

    def _wait_for(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + self._patience
        while not condition():
            if not self.alive or time.monotonic() > deadline:
                raise AgentError(f"flowmib does not {what}; it said:\n{self.log}")
            time.sleep(0.01)
