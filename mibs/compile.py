"""Compiles the SMIv2 modules of ``mibs/asn1`` to ``mibs/compiled`` with pysmi.

The agent never reads SMIv2: it starts from the compiled files, which are checked in. So
pysmi is needed only by who changes a module, and only this file imports it.

    python -m mibs.compile          writes mibs/compiled/<MODULE>.json
    python -m mibs.compile --check  writes nothing; exit status 1 if a file is not fresh

The files are what pysmi's ``JsonCodeGen`` gives, with two differences that make the same
modules give the same bytes everywhere:

* The comments under ``meta`` are dropped. They hold a time, a host, a user and a path.
* Descriptions are not compiled (pysmi's ``genTexts`` stays off). The agent has no use for
  them, and a better wording is then no reason to compile again.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from mibs.errors import MibError

__all__ = ["COMPILED", "SOURCE", "CompileError", "compile_modules", "main", "stale"]

SOURCE: Final = Path(__file__).parent / "asn1"
COMPILED: Final = Path(__file__).parent / "compiled"


class CompileError(MibError):
    """A module cannot be compiled; the message names it and says why."""


def compile_modules(source: Path = SOURCE) -> dict[str, str]:
    """Compiles every module of a directory.

    Args:
        source: directory with one ``<MODULE>.mib`` for each module. A module that one of
            them imports must be there too; nothing is looked up elsewhere.

    Returns:
        File name (``<MODULE>.json``) to the text of that file, in the order of the names.

    Raises:
        CompileError: pysmi does not accept a module, or an imported module is missing.
    """
    # The agent can be installed without pysmi, and this module is part of its package.
    from pysmi.codegen import JsonCodeGen  # noqa: PLC0415
    from pysmi.compiler import MibCompiler  # noqa: PLC0415
    from pysmi.error import PySmiError  # noqa: PLC0415
    from pysmi.parser import SmiV2Parser  # noqa: PLC0415
    from pysmi.reader import FileReader  # noqa: PLC0415
    from pysmi.writer import CallbackWriter  # noqa: PLC0415

    compiled: dict[str, str] = {}

    def keep(module: str, text: str, _context: object) -> None:
        compiled[f"{module}.json"] = _stable(text)

    compiler = MibCompiler(SmiV2Parser(), JsonCodeGen(), CallbackWriter(keep))
    compiler.add_sources(FileReader(str(source), recursive=False))
    names = sorted(path.stem for path in source.glob("*.mib"))
    try:
        statuses = compiler.compile(*names, rebuild=True, genTexts=False)
    except PySmiError as error:
        raise CompileError(f"{source}: {error}") from error
    for name, status in sorted(statuses.items()):
        if status != "compiled":
            raise CompileError(f"{name}: {status}: {getattr(status, 'error', 'no reason given')}")
    return dict(sorted(compiled.items()))


def stale(source: Path = SOURCE, compiled: Path = COMPILED) -> tuple[str, ...]:
    """Names the compiled files that are not what the modules compile to now.

    Args:
        source: directory of the SMIv2 modules.
        compiled: directory of the compiled files.

    Returns:
        Sorted names of the files that differ, are missing, or belong to no module.

    Raises:
        CompileError: the modules cannot be compiled.
    """
    wanted = compile_modules(source)
    there = {path.name: path.read_text("utf-8") for path in compiled.glob("*.json")}
    return tuple(sorted(n for n in wanted.keys() | there if wanted.get(n) != there.get(n)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        arguments: words after the name of the command; those of the process if ``None``.

    Returns:
        Exit status: 0, or 1 if ``--check`` found a file that is not fresh or a module
        cannot be compiled.
    """
    parser = argparse.ArgumentParser(
        prog="python -m mibs.compile",
        description="Compiles mibs/asn1/*.mib to mibs/compiled/*.json.",
    )
    parser.add_argument("--check", action="store_true", help="write nothing, only compare")
    try:
        if parser.parse_args(arguments).check:
            return _check()
        _write(compile_modules())
    except CompileError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _check() -> int:
    names = stale()
    for name in names:
        print(f"{name}: not fresh; run python -m mibs.compile", file=sys.stderr)
    return 1 if names else 0


def _write(files: dict[str, str]) -> None:
    COMPILED.mkdir(exist_ok=True)
    for path in COMPILED.glob("*.json"):
        if path.name not in files:
            path.unlink()
    for name, text in files.items():
        COMPILED.joinpath(name).write_text(text, "utf-8")


def _stable(text: str) -> str:
    document = json.loads(text)
    del document["meta"]["comments"]
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(main())
