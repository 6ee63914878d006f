"""Network namespaces of the tests' own."""

from __future__ import annotations

import contextlib
import ctypes
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.tools import refuse, requires_tool

__all__ = ["inside", "into", "ip", "namespace"]

_CLONE_NEWNET = 0x40000000  # sched.h
_libc = ctypes.CDLL(None, use_errno=True)


def ip(name: str, *arguments: str) -> str:
    """Run ``ip`` in a namespace and return what it prints."""
    command = (requires_tool("ip"), "-n", name, *arguments)
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout


@contextlib.contextmanager
def namespace() -> Iterator[str]:
    """Make a namespace, and give its name."""
    name = f"fm{secrets.token_hex(4)}"
    program = requires_tool("ip")
    try:
        subprocess.run((program, "netns", "add", name), check=True, timeout=20)
    except subprocess.CalledProcessError as error:
        refuse(f"needs a network namespace: {error}")
    try:
        yield name
    finally:
        subprocess.run((program, "netns", "del", name), check=True, timeout=20)


def into(name: str) -> tuple[str, ...]:
    """Return what a command begins with that is to run in a namespace; empty: in this one."""
    # It becomes the program, whose number is then that of the process.
    return (requires_tool("ip"), "netns", "exec", name) if name else ()


@contextlib.contextmanager
def inside(name: str) -> Iterator[None]:
    """Be in a namespace; so are sockets that are made, and /proc/net, in the main thread."""
    with (
        Path("/proc/self/ns/net").open("rb") as before,
        Path("/run/netns", name).open("rb") as there,
    ):
        _enter(there.fileno())
        try:
            yield
        finally:
            _enter(before.fileno())


def _enter(descriptor: int) -> None:
    if _libc.setns(descriptor, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")
