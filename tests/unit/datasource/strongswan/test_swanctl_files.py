from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from datasource.errors import DataSourceError
from datasource.strongswan import swanctl_files
from datasource.strongswan.swanctl_files import SwanctlFiles

MAIN = "connections { site { version = 2 } }\ninclude conf.d/*.conf\n"


class Rig:
    def __init__(self, directory: Path) -> None:
        self.main = directory / "swanctl.conf"
        self.included = directory / "conf.d"
        self.included.mkdir()
        self.main.write_text(MAIN, "utf-8")
        self.problems: list[DataSourceError] = []
        self.files = SwanctlFiles(self.main, self.problems.append)

    def read(self, *, anyway: bool = False) -> dict[str, str] | None:
        """Return the version of each connection, None where nothing was read."""
        found = asyncio.run(self.files.read(anyway=anyway))
        return None if found is None else {name: one.version for name, one in found.items()}


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def test_it_is_read_when_it_has_changed(rig: Rig) -> None:
    assert rig.read() == {"site": "IKEv2"}
    assert rig.read() is None
    assert rig.read(anyway=True) == {"site": "IKEv2"}
    rig.main.write_text(MAIN.replace("2", "1"), "utf-8")
    before = rig.main.stat()
    os.utime(rig.main, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert rig.read() == {"site": "IKEv1"}
    more = rig.included / "more.conf"
    more.write_text("connections { more { version = 1 } }", "utf-8")
    assert rig.read() == {"site": "IKEv1", "more": "IKEv1"}
    more.write_text("connections { more { } }", "utf-8")
    assert rig.read() == {"site": "IKEv1", "more": "IKEv1/2"}
    more.unlink()
    assert rig.read() == {"site": "IKEv1"}
    assert not rig.problems


def test_a_file_that_cannot_be_read_says_nothing(rig: Rig) -> None:
    rig.main.unlink()
    assert rig.read() == {}
    assert rig.read() is None
    assert [str(problem) for problem in rig.problems] == [f"{rig.main}: No such file or directory"]
    rig.main.write_text(MAIN + "}", "utf-8")
    assert rig.read() == {}
    assert str(rig.problems[1]) == f"{rig.main}:3: a closing brace too many"
    rig.main.write_text(MAIN, "utf-8")
    assert rig.read() == {"site": "IKEv2"}


def test_what_is_no_file(rig: Rig) -> None:
    os.mkfifo(rig.included / "pipe.conf")
    assert rig.read() == {}
    assert str(rig.problems[0]) == f"{rig.included}/pipe.conf: not a file"


def test_a_file_that_is_too_big(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(swanctl_files, "_MAX_OCTETS", 10)
    assert rig.read() == {}
    assert str(rig.problems[0]) == f"{rig.main}: File too large"


def test_odd_names_and_text(rig: Rig) -> None:
    rig.main.write_bytes(b"include a\0*\ninclude [z-a\nconnections { caf\xe9 { } }")
    assert rig.read() == {"caf\ufffd": "IKEv1/2"}
    assert not rig.problems
