"""What outlives the agent: its engine ID, and how often it has booted (RFC 3414 section 2.2).

Rule 1: a pair of engine ID and boots is written, and on the disk, before anybody may use it.
Rule 2: boots never fall. A store that cannot be read is an error and not a first start.
Rule 3: a directory has one agent at a time.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from agent.errors import AgentError

__all__ = [
    "MAX_BOOTS",
    "EngineState",
    "StateDirectory",
    "StateError",
    "default_directory",
    "engine_id_of",
    "parse_engine_id",
]

MAX_BOOTS = 2147483647
"""Boots stay there, and every authenticated message is then refused (RFC 3414 section 2.2)."""

_ENGINE = "engine.json"
_LOCK = "lock"
_NEW_ENGINE_ID = bytes.fromhex("8000000005")
"""The form of RFC 3411 section 5: no enterprise, octets that the administrator assigns."""
_RANDOM_OCTETS = 12
_LOCAL_ENGINE_ID = bytes.fromhex("8000000006")
_ADVICE = (
    "restore it, or remove it: flowmib then makes a new engine ID; where snmp.engine_id is set, set"
    " another one, since nobody knows any more how often the old one has booted"
)


class StateError(AgentError):
    """The state cannot be used; the message names the file, what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class EngineState:
    """An SNMP engine that has just booted."""

    engine_id: bytes
    """snmpEngineID: 5 to 32 octets."""
    boots: int
    """snmpEngineBoots: 1 to MAX_BOOTS."""


@dataclass(frozen=True, slots=True)
class _Engines:
    """The content of the store."""

    default: bytes | None = None
    """The one that runs where the configuration names none."""
    boots: Mapping[bytes, int] = field(default_factory=dict)
    """Of each engine ID that ever ran here: it may come back, and must not start over."""


class StateDirectory:
    """The state of one agent, held for as long as the block lasts.

    Args:
        path: is made where it is missing, for its owner only.
        random: gives as many random octets as it is asked for.

    Raises:
        StateError: on entry, the directory cannot be used or another agent uses it.
    """

    def __init__(self, path: Path, random: Callable[[int], bytes] = secrets.token_bytes) -> None:
        self._path = path
        self._random = random

    def __enter__(self) -> Self:
        with _said_of(self._path, "let flowmib write there, or name another state directory"):
            self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(self._path / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                self._take_lock()
            except BaseException:
                os.close(self._lock)
                raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        os.close(self._lock)

    def start(self, engine_id: bytes | None) -> EngineState:
        """Count one more boot of this engine, and return it.

        Args:
            engine_id: from the configuration; None for the one of this directory, which is made at
                random the first time.

        Raises:
            StateError: the store cannot be read or written; the boot is not counted then.
        """
        engines = _read(self._path)
        default = engines.default
        if engine_id is None:
            engine_id = default = default or self._new_engine_id()
        boots = min(engines.boots.get(engine_id, 0) + 1, MAX_BOOTS)
        self._write(_Engines(default, {**engines.boots, engine_id: boots}))
        return EngineState(engine_id, boots)

    def engine_id(self) -> bytes:
        """Return the engine ID of this directory, made at random the first time; count no boot.

        Raises:
            StateError: the store cannot be read or written.
        """
        engines = _read(self._path)
        if engines.default is not None:
            return engines.default
        made = self._new_engine_id()
        self._write(_Engines(made, {**engines.boots, made: 0}))
        return made

    def _new_engine_id(self) -> bytes:
        return _NEW_ENGINE_ID + self._random(_RANDOM_OCTETS)

    def _take_lock(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(self._lock, 20, 0).decode("ascii", "replace").strip()
            raise StateError(
                f"{self._path}: another flowmib uses it, process {owner or 'unknown'}; stop that"
                " one or name another state directory"
            ) from None
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)

    def _write(self, engines: _Engines) -> None:
        content = {
            "default": engines.default and engines.default.hex(),
            "boots": {engine_id.hex(): boots for engine_id, boots in engines.boots.items()},
        }
        store = self._path / _ENGINE
        temporary = store.with_suffix(".new")
        with _said_of(store, "it has to be written at each start"):
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                json.dump(content, file, indent=1)
                file.flush()
                os.fsync(descriptor)
            temporary.replace(store)
            # The name is on the disk only when its directory is.
            directory = os.open(self._path, os.O_RDONLY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)


def engine_id_of(path: Path, random: Callable[[int], bytes] = secrets.token_bytes) -> bytes:
    """Return the engine ID of a state directory, which an agent may be using; make it if need be.

    Raises:
        StateError: the store cannot be read or written.
    """
    known = _read(path).default
    if known is not None:
        return known
    with StateDirectory(path, random) as directory:
        return directory.engine_id()


def default_directory(environment: Mapping[str, str]) -> Path:
    """Return where the state is when nobody says: as systemd has it, or the user's own.

    Raises:
        StateError: the environment says neither.
    """
    given = environment.get("STATE_DIRECTORY", "").partition(":")[0]
    if given:
        return Path(given)
    # A relative path there is to be ignored (XDG Base Directory Specification).
    state_home = Path(environment.get("XDG_STATE_HOME", ""))
    if state_home.is_absolute():
        return state_home / "flowmib"
    if home := environment.get("HOME"):
        return Path(home) / ".local/state/flowmib"
    raise StateError("there is no HOME to keep the state in; name a state directory")


def parse_engine_id(text: str) -> bytes:
    """Read an SnmpEngineID (RFC 3411 section 5) in hexadecimal digits, with or without 0x.

    Raises:
        ValueError: it is no such thing, or stands for no engine in particular.
    """
    try:
        engine_id = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        raise ValueError(f"{text!r} is not in hexadecimal digits") from None
    if not 5 <= len(engine_id) <= 32:
        raise ValueError(f"{text!r} has {len(engine_id)} octets, allowed are 5 to 32")
    if not engine_id.strip(b"\x00") or not engine_id.strip(b"\xff"):
        raise ValueError(f"{text!r} is all 00 or all FF, which no engine may have")
    if engine_id == _LOCAL_ENGINE_ID:
        raise ValueError(f"{text!r} stands for whichever engine is asked (RFC 5343)")
    return engine_id


def _read(path: Path) -> _Engines:
    store = path / _ENGINE
    with _said_of(store, "let flowmib read it"):
        try:
            content = store.read_bytes()
        except FileNotFoundError:
            return _Engines()
    try:
        return _parse(content)
    except (ValueError, RecursionError) as error:
        raise StateError(f"{store}: {error}; {_ADVICE}") from None


def _parse(content: bytes) -> _Engines:
    """Read what ``_write`` has written.

    Raises:
        ValueError: it is something else.
    """
    match json.loads(content):
        case {"default": (str() | None) as default, "boots": dict() as boots, **more} if not more:
            pass
        case _:
            raise ValueError("has not the keys that belong there")
    for name, count in boots.items():
        if type(count) is not int or not 0 <= count <= MAX_BOOTS:
            raise ValueError(f"the boots of {name!r} are no number from 0 to {MAX_BOOTS}")
    if default is not None and default not in boots:
        raise ValueError(f"the default {default!r} has no boots")
    return _Engines(
        None if default is None else parse_engine_id(default),
        {parse_engine_id(name): count for name, count in boots.items()},
    )


@contextlib.contextmanager
def _said_of(path: Path, advice: str) -> Iterator[None]:
    """Say of a fault of the file system where it is and what to do."""
    try:
        yield
    except OSError as error:
        raise StateError(f"{error.filename or path}: {error.strerror}; {advice}") from None
