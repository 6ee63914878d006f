"""State of the agent itself that managers can set. It lasts until the agent ends."""

from __future__ import annotations

from collections.abc import Mapping

from mibs.setting import ErrorStatus, Reversible, SetError
from mibs.table import Live

__all__ = ["SerialNumber", "Switch", "trap_switches"]

_ENABLED, _DISABLED = 1, 2
_MAX_SERIAL = 0x7FFFFFFF


class Switch:
    """Something that is enabled(1) or disabled(2).

    Attributes:
        on: whether it is enabled.
    """

    __slots__ = ("on",)

    def __init__(self, *, on: bool = False) -> None:
        self.on = on

    def read(self) -> int:
        """Return what a manager sees."""
        return _ENABLED if self.on else _DISABLED

    def write(self, value: int) -> Reversible:
        """Return the change that a manager asks for."""
        before = self.on
        return Reversible(lambda: self._turn(on=value == _ENABLED), lambda: self._turn(on=before))

    def _turn(self, *, on: bool) -> None:
        self.on = on


def trap_switches(
    notification_of: Mapping[str, str], switches: Mapping[str, Switch]
) -> tuple[Live, ...]:
    """Return the scalars of a trap control group.

    Args:
        notification_of: which notification each of them lets through.
        switches: by the name of the notification.
    """
    return tuple(
        Live(name, switches[notification].read, switches[notification].write)
        for name, notification in notification_of.items()
    )


class SerialNumber:
    """A TestAndIncr (RFC 2579 section 2): managers that set together agree on who is next.

    Args:
        start: 0 to 2147483647. At random, so that what a manager has read does not fit by chance
            when the agent has started again meanwhile.
    """

    __slots__ = ("_number",)

    def __init__(self, start: int) -> None:
        self._number = start

    def read(self) -> int:
        """Return the number that a manager has to write."""
        return self._number

    def write(self, value: int) -> Reversible:
        """Return the step to the next number.

        Raises:
            SetError: inconsistentValue, since it is not the number that is there.
        """
        if value != self._number:
            raise SetError(ErrorStatus.INCONSISTENT_VALUE)
        return Reversible(
            lambda: self._put(0 if value == _MAX_SERIAL else value + 1), lambda: self._put(value)
        )

    def _put(self, number: int) -> None:
        self._number = number
