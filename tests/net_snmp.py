"""net-snmp's programs, as the manager."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Protocol

from tests.netns import into
from tests.snmp_user import User
from tests.tools import requires_tool

__all__ = [
    "MIBS",
    "V1",
    "V2C",
    "Endpoint",
    "as_user",
    "assert_rising",
    "dotted",
    "oid",
    "run",
    "varbinds",
]

MODULES = Path(__file__).parents[1] / "mibs" / "asn1"
MIBS = ("-M", f"+{MODULES}", "-m", "SNMPv2-MIB:CISCO-IPSEC-FLOW-MONITOR-MIB")
V1, V2C = ("-v1", "-cpublic"), ("-v2c", "-cpublic")

Oid = tuple[int, ...]


class Endpoint(Protocol):
    """Something that can be asked."""

    endpoint: str


def run(
    program: str, agent: Endpoint, options: Sequence[str], *names: str, status: int | None = 0
) -> str:
    """Run a program, which is to end with this status if one is said; return what it prints.

    It knows no MIB and prints names in numbers, unless the options say otherwise.
    """
    # The programs of all users share a file otherwise, and read it while others write it.
    with tempfile.TemporaryDirectory(prefix="fm") as persistent:
        # Or they print that they have made it.
        Path(persistent, "cert_indexes").mkdir()
        finished = subprocess.run(
            [
                *into(getattr(agent, "netns", "")),
                requires_tool(program),
                *("-r", "1", "-t", "5", "-m", "", "-On", *options, agent.endpoint, *names),
            ],
            env={**os.environ, "SNMP_PERSISTENT_DIR": persistent},
            capture_output=True,
            text=True,
            check=False,
        )
    text = finished.stdout + finished.stderr
    assert status in (None, finished.returncode), text
    assert "Wrong Type" not in text
    assert "not increasing" not in text
    assert "Cannot find module" not in text
    return text


def as_user(user: User, level: str = "") -> tuple[str, ...]:
    """Return the options that make a program ask as a user, at the highest level if none is said.

    A program takes secrets that it has no use for.
    """
    options = ["-v3", "-u", user.name, "-l", level or user.level]
    if user.auth:
        options += ["-a", user.auth.replace("SHA-1", "SHA"), "-A", user.auth_password]
    if user.priv:
        options += ["-x", user.priv, "-X", user.priv_password]
    return tuple(options)


def varbinds(text: str) -> dict[str, str]:
    """Name and value, as the program prints them with -On. A value may have several lines."""
    found = re.findall(
        r"^(\.[\d.]+) = (?!No more variables)(.*(?:\n(?!\.|End of MIB|$).*)*)", text, re.MULTILINE
    )
    assert len(dict(found)) == len(found), "a name came twice"
    return dict(found)


def oid(name: str) -> Oid:
    return tuple(map(int, name.strip(".").split(".")))


def dotted(name: Oid) -> str:
    return ".".join(map(str, name))


def assert_rising(text: str) -> dict[str, str]:
    found = varbinds(text)
    assert all(a < b for a, b in pairwise(map(oid, found)))
    return found
