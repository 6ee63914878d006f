"""What a SET does to one instance, and how it is refused (RFC 3416 section 4.2.5).

An object that can be set is declared with a function, its setting. Given the new value, whose type,
length and range are right, it looks whether the value can be had now, changes nothing yet, and
returns the change; see ``transaction`` for when that is made.
"""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from mibs.errors import MibError

__all__ = [
    "Change",
    "ColumnSetting",
    "ErrorStatus",
    "Irreversible",
    "Reversible",
    "ScalarSetting",
    "SetError",
    "to_v1",
]


class ErrorStatus(enum.IntEnum):
    """The error-status of a response (RFC 3416 section 3)."""

    NO_ERROR = 0
    TOO_BIG = 1
    NO_SUCH_NAME = 2
    BAD_VALUE = 3
    READ_ONLY = 4
    GEN_ERR = 5
    NO_ACCESS = 6
    WRONG_TYPE = 7
    WRONG_LENGTH = 8
    WRONG_ENCODING = 9
    WRONG_VALUE = 10
    NO_CREATION = 11
    INCONSISTENT_VALUE = 12
    RESOURCE_UNAVAILABLE = 13
    COMMIT_FAILED = 14
    UNDO_FAILED = 15
    AUTHORIZATION_ERROR = 16
    NOT_WRITABLE = 17
    INCONSISTENT_NAME = 18

    @property
    def label(self) -> str:
        """Its name in the RFC, such as ``wrongValue``."""
        first, *rest = self.name.lower().split("_")
        return first + "".join(map(str.capitalize, rest))


class SetError(MibError):
    """A SET is refused or has failed.

    A setting gives the status alone; the transaction adds the 1-based ``index`` of the binding,
    which is 0 where no single one is to blame.
    """

    def __init__(self, status: ErrorStatus, index: int = 0) -> None:
        super().__init__(f"{status.name} at binding {index}" if index else status.name)
        self.status = status
        self.index = index


@dataclass(frozen=True, slots=True)
class Reversible:
    """A change that can be taken back. When either function raises, it has done nothing."""

    apply: Callable[[], None]
    undo: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Irreversible:
    """A change that cannot be taken back, and may take a while. It is made after all others."""

    act: Callable[[], Awaitable[None]]
    """Raises where it has done nothing. What is done already, perhaps by another, is no error."""


Change = Reversible | Irreversible

ScalarSetting = Callable[[Any], Change | None]
"""Given the value; None where nothing is to be done. Raises :class:`SetError`."""

ColumnSetting = Callable[[Any, Any], Change | None]
"""Given the row of the instance, and the value."""


_AS_V1 = {
    **dict.fromkeys(
        (
            ErrorStatus.WRONG_VALUE,
            ErrorStatus.WRONG_ENCODING,
            ErrorStatus.WRONG_TYPE,
            ErrorStatus.WRONG_LENGTH,
            ErrorStatus.INCONSISTENT_VALUE,
        ),
        ErrorStatus.BAD_VALUE,
    ),
    **dict.fromkeys(
        (
            ErrorStatus.NO_ACCESS,
            ErrorStatus.NOT_WRITABLE,
            ErrorStatus.NO_CREATION,
            ErrorStatus.INCONSISTENT_NAME,
            ErrorStatus.AUTHORIZATION_ERROR,
        ),
        ErrorStatus.NO_SUCH_NAME,
    ),
    **dict.fromkeys(
        (
            ErrorStatus.RESOURCE_UNAVAILABLE,
            ErrorStatus.COMMIT_FAILED,
            ErrorStatus.UNDO_FAILED,
        ),
        ErrorStatus.GEN_ERR,
    ),
}


def to_v1(status: ErrorStatus) -> ErrorStatus:
    """Return what SNMPv1 calls a status (RFC 3584 section 4.4)."""
    return _AS_V1.get(status, status)
