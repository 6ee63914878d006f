"""What the history and failure groups need beside the rows: the windows, and how time is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from datasource.history import MAX_SIZE, History
from mibs.setting import ErrorStatus, Irreversible, Reversible, SetError
from mibs.table import Live, Scalar

__all__ = ["Archive", "check_point", "table_size"]

_READY, _CHECK_POINT = 1, 2


def _no_time(_at: float) -> int:
    return 0


def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Archive:
    """Where the past is kept, and what can be done to it."""

    history: History = field(default_factory=History)
    time_stamp: Callable[[float], int] = _no_time
    """Gives sysUpTime, in hundredths of a second, at a time of the snapshot's clock."""
    check_point: Callable[[], None] = _nothing
    """Copies every live tunnel to history."""


def table_size(name: str, path: str, resize: Callable[[int], Callable[[], None]]) -> Scalar:
    """Bind the size of a window.

    A size over :data:`~datasource.history.MAX_SIZE` is refused with wrongValue, as the MIB allows.
    """

    def write(size: int) -> Reversible:
        if size > MAX_SIZE:
            raise SetError(ErrorStatus.WRONG_VALUE)
        taken_back: list[Callable[[], None]] = []

        def undo() -> None:
            taken_back.pop()()

        return Reversible(lambda: taken_back.append(resize(size)), undo)

    return Scalar(name, path, write=write)


def check_point(name: str, copy: Callable[[], None]) -> Live:
    """Bind cipSecHistCheckPoint: checkPoint(2) makes the copies, and they are made at once.

    So it always reads ready(1), and to set that changes nothing.
    """

    async def act() -> None:
        copy()

    def write(value: int) -> Irreversible | None:
        return Irreversible(act) if value == _CHECK_POINT else None

    return Live(name, lambda: _READY, write)
