"""What can be done to a gateway, beside watching it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from datasource.errors import DataSourceError
from datasource.tracker import Tracker

__all__ = [
    "ConnectionControl",
    "SharedControl",
    "TerminateError",
    "TrackerControl",
    "TunnelControl",
    "UnloadError",
]


class TerminateError(DataSourceError):
    """The gateway does not end a tunnel, or hangs: then it may, when it comes to."""


class UnloadError(DataSourceError):
    """The gateway keeps a connection in its configuration, or hangs."""


class TunnelControl(Protocol):
    """Ends tunnels, by their index. One that has ended meanwhile is no error."""

    @property
    def can_terminate(self) -> bool:
        """Whether there is a gateway now that would do it."""

    async def terminate_ike(self, index: int) -> None:
        """End an IKE tunnel, and its IPsec tunnels with it.

        Raises:
            TerminateError: it goes on, as far as can be told.
        """

    async def terminate_ipsec(self, index: int) -> None:
        """End an IPsec tunnel.

        Raises:
            TerminateError: it goes on, as far as can be told.
        """


class SharedControl(Protocol):
    """Ends tunnels of several trackers, each with indexes of its own; None: the global context's.

    As :class:`TunnelControl` does, which it is for the global context.
    """

    @property
    def can_terminate(self) -> bool:
        """Whether there is a gateway now that would do it."""

    async def terminate_ike(self, index: int, tracker: Tracker | None = None) -> None:
        """End an IKE tunnel, and its IPsec tunnels with it."""

    async def terminate_ipsec(self, index: int, tracker: Tracker | None = None) -> None:
        """End an IPsec tunnel."""


@dataclass(frozen=True, slots=True)
class TrackerControl:
    """A :class:`TunnelControl` for the tunnels of one tracker."""

    control: SharedControl
    tracker: Tracker

    @property
    def can_terminate(self) -> bool:
        """Whether there is a gateway now that would do it."""
        return self.control.can_terminate

    async def terminate_ike(self, index: int) -> None:
        """See :class:`TunnelControl`."""
        await self.control.terminate_ike(index, self.tracker)

    async def terminate_ipsec(self, index: int) -> None:
        """See :class:`TunnelControl`."""
        await self.control.terminate_ipsec(index, self.tracker)


class ConnectionControl(Protocol):
    """Takes connections out of a gateway's running configuration; its files keep them."""

    @property
    def can_unload(self) -> bool:
        """Whether there is a gateway now that would do it."""

    async def unload(self, connection: str) -> None:
        """Unload a connection. One that has gone meanwhile is no error. Its tunnels go on.

        Raises:
            UnloadError: it stays, as far as can be told.
        """
