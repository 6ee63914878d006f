"""What the measurements share: agents on loopback ports, and a manager that walks."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from mibs import ber

__all__ = [
    "FLOWMIB",
    "STILL_FLOWMIB",
    "Binding",
    "Walk",
    "free_port",
    "peak_octets",
    "running",
]

FLOWMIB = [sys.executable, "-m", "agent.cli.main", "run"]
STILL_FLOWMIB = [sys.executable, "-m", "benchmarks.still", "run"]
_REPETITIONS = 50


class Binding(NamedTuple):
    """A variable binding of an answer, encoded but for its framing."""

    name: bytes
    tag: int
    content: bytes


class Walk:
    """A walk of a subtree with GETBULK, in SNMPv2c; ``ended`` once it is beyond."""

    def __init__(self, port: int, root: tuple[int, ...]) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(("127.0.0.1", port))
        self.root = self.name = ber.encode_oid(root)
        self.ended = False

    def ask(self) -> None:
        binding = ber.encode_tlv(0x30, ber.encode_tlv(6, self.name) + b"\x05\x00")
        numbers = b"\x02\x01\x01\x02\x01\x00\x02\x01" + bytes((_REPETITIONS,))
        pdu = ber.encode_tlv(0xA5, numbers + ber.encode_tlv(0x30, binding))
        self.socket.send(ber.encode_tlv(0x30, b"\x02\x01\x01\x04\x06public" + pdu))

    def take(self) -> list[Binding]:
        """Wait for the answer; return what it has of the subtree."""
        data = self.socket.recv(65535)
        pos, end = _bindings(data)
        found = []
        while pos < end:
            _, start, pos = ber.read_header(data, pos, end)
            _, begin, finish = ber.read_header(data, start, pos)
            tag, content, _ = ber.read_header(data, finish, pos)
            name = data[begin:finish]
            if tag == ber.END_OF_MIB_VIEW or not name.startswith(self.root):
                self.ended = True
                break
            found.append(Binding(name, tag, data[content:pos]))
            self.name = name
        return found

    def all(self) -> Iterator[Binding]:
        """Walk up to the end."""
        while not self.ended:
            self.ask()
            yield from self.take()


def _bindings(data: bytes) -> tuple[int, int]:
    _, pos, end = ber.read_header(data, 0, len(data))
    for _ in range(2):
        _, _, pos = ber.read_header(data, pos, end)
    _, pos, end = ber.read_header(data, pos, end)
    for _ in range(3):
        _, _, pos = ber.read_header(data, pos, end)
    _, pos, end = ber.read_header(data, pos, end)
    return pos, end


@contextlib.contextmanager
def running(
    command: list[str], port: int, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run an agent until it answers on this port, and end it afterwards."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=log,
            env={**os.environ, **(environment or {})},
        )
        try:
            deadline = time.monotonic() + 60
            while not _answers(port):
                if process.poll() is not None or time.monotonic() > deadline:
                    log.seek(0)
                    raise SystemExit(f"{command} does not answer: {log.read().decode()}")
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


def peak_octets(pid: int) -> int:
    """Return the most memory that a process had resident."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024
