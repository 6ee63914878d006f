"""swanctl.conf on the disk: read when it is wanted, and again when it has changed."""

from __future__ import annotations

import asyncio
import errno
import glob
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

from datasource.errors import DataSourceError
from datasource.strongswan.settings import Files
from datasource.strongswan.swanctl_conf import Declared, read_swanctl_conf

__all__ = ["SwanctlFiles"]

_MAX_OCTETS = 16 * 1024 * 1024

_Stamp = tuple[int, int, int] | None


class SwanctlFiles:
    """Reads the file, and those that it includes, in a thread: there may be many.

    Args:
        path: the file, such as ``/etc/swanctl/swanctl.conf``.
        on_problem: told why it is not known what the file says.
    """

    def __init__(self, path: str | Path, on_problem: Callable[[DataSourceError], None]) -> None:
        self._path = str(path)
        self._on_problem = on_problem
        self._stamps: dict[str, _Stamp] = {}
        self._patterns: dict[str, list[str]] = {}

    async def read(self, *, anyway: bool = False) -> Mapping[str, Declared] | None:
        """Return what the file says of connections; None where it has not changed.

        Where it cannot be read nothing is said.
        """
        problems: list[DataSourceError] = []
        declared = await asyncio.to_thread(self._read, anyway, problems.append)
        for problem in problems:
            self._on_problem(problem)
        return declared

    def _read(
        self, anyway: bool, on_problem: Callable[[DataSourceError], None]
    ) -> Mapping[str, Declared] | None:
        if not anyway and not self._has_changed():
            return None
        self._stamps, self._patterns = {}, {}
        try:
            return read_swanctl_conf(self._path, Files(self._text, self._expand), on_problem)
        except DataSourceError as error:
            on_problem(error)
            return {}

    def _has_changed(self) -> bool:
        return (
            not self._stamps
            or any(_stamp(path) != stamp for path, stamp in self._stamps.items())
            or any(_expand(pattern) != found for pattern, found in self._patterns.items())
        )

    def _text(self, path: str) -> str:
        # Before it is read: what is written meanwhile is seen as a change.
        self._stamps[path] = _stamp(path)
        found = os.stat(path)  # noqa: PTH116 - as the others here, of many paths that are text
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "not a file")
        if found.st_size > _MAX_OCTETS:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        return Path(path).read_text("utf-8", "replace")

    def _expand(self, pattern: str) -> list[str]:
        found = self._patterns[pattern] = _expand(pattern)
        return found


def _stamp(path: str) -> _Stamp:
    try:
        found = os.stat(path)  # noqa: PTH116
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _expand(pattern: str) -> list[str]:
    # What has a NUL is no file.
    return [] if "\0" in pattern else sorted(glob.glob(pattern))  # noqa: PTH207 - it is absolute
