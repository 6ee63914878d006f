"""Where a notification goes first: whether it is to be sent at all, and by whom."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from mibs.notification import Notification

__all__ = ["Dispatcher", "Outlet"]


class Outlet(Protocol):
    """What takes notifications on, such as all targets together."""

    def notify(self, notification: Notification) -> None:
        """Take one on. It returns at once and raises nothing."""


class Dispatcher:
    """Gives notifications that are enabled to every outlet.

    Args:
        enabled: tells of a descriptor whether it is: the switches in the MIB.
        outlets: where they go.
    """

    def __init__(self, enabled: Callable[[str], bool], outlets: Sequence[Outlet]) -> None:
        self._enabled = enabled
        self._outlets = tuple(outlets)

    def notify(self, notification: Notification) -> None:
        """Send a notification, or not."""
        if self._enabled(notification.name):
            for outlet in self._outlets:
                outlet.notify(notification)
