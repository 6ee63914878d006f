"""A real agent, or another command of flowmib, as a process that tests look at from outside."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from tests.netns import into

__all__ = ["AgentError", "Running", "RunningAgent", "flowmib", "free_port"]

ROOT = Path(__file__).parents[1]

# GET of sysUpTime.0 with the community "public", SNMPv2c.
_SYS_UP_TIME = bytes.fromhex(
    "3026020101 04067075626c6963 a019 020101 020100 020100 300e 300c 06082b06010201010300 0500"
)


class AgentError(Exception):
    """The process did not start or did not stop; the message has its log."""


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


class Running:
    """A command of flowmib that listens on a port, until the end of the block.

    Args:
        arguments: of the command.
        configuration: text of a file to run with.
        patience: seconds that it may take to start, to stop or to answer.
        netns: name of the network namespace it is in; empty for that of the tests.

    Raises:
        AgentError: it ends, or does not come up in time.
    """

    def __init__(
        self,
        *arguments: str,
        configuration: str = "",
        patience: float = 20.0,
        netns: str = "",
    ) -> None:
        self.netns = netns
        self.port = free_port()
        self.endpoint = f"127.0.0.1:{self.port}"
        self._arguments = arguments
        self._configuration = configuration
        self.patience = patience

    def __enter__(self) -> Self:
        self._stack = contextlib.ExitStack()
        directory = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="fm")))
        self.config = directory / "flowmib.toml"
        self.state = directory / "state"
        self._log = self._stack.enter_context((directory / "log").open("a+b"))
        self._output = self._stack.enter_context((directory / "output").open("a+b"))
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

    def _command(self) -> Sequence[str]:
        """Return the command with its own arguments."""
        raise NotImplementedError

    def configure(self, text: str) -> None:
        """Put this into the file; the agent reads it when it starts, or is told to."""
        self.config.touch(mode=0o600)
        self.config.write_text(text, "utf-8")

    def start(self) -> None:
        """Start it, with the state that it had when it ended."""
        began = len(self.log)
        self._process = subprocess.Popen(
            (
                *into(self.netns),
                *(sys.executable, "-m", "agent.cli.main", *self._command(), *self._arguments),
            ),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=self._log,
        )
        self._wait_for(lambda: "listening on" in self.log[began:], "come up")

    def stop(self) -> int:
        """End it by SIGTERM, if it runs, and return its exit status."""
        self._process.terminate()
        return self.wait()

    def wait(self) -> int:
        """Wait for its end and return its exit status."""
        try:
            return self._process.wait(self.patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def restart(self) -> None:
        """Stop it and start it again."""
        status = self.stop()
        if status != 0:
            raise AgentError(f"flowmib ended with status {status}:\n{self.log}")
        self.start()

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
        """What it has said so far."""
        return _content(self._log)

    @property
    def output(self) -> str:
        """What it has printed so far."""
        return _content(self._output)

    def _wait_for(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + self.patience
        while True:
            over = not self.alive or time.monotonic() > deadline
            if condition():
                return
            if over:
                raise AgentError(f"flowmib does not {what}; it said:\n{self.log}{self.output}")
            time.sleep(0.01)


def _content(file: BinaryIO) -> str:
    return os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0).decode(errors="replace")


class RunningAgent(Running):
    """``flowmib run`` with these arguments."""

    def _command(self) -> Sequence[str]:
        return (
            *("run", "--listen", f"udp:{self.endpoint}"),
            *("--state-directory", str(self.state)),
        )

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

    @contextlib.contextmanager
    def _wire(self, host: str) -> Iterator[socket.socket]:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
            wire.bind((host, 0))
            wire.connect(("127.0.0.1", self.port))
            wire.settimeout(self.patience)
            yield wire
