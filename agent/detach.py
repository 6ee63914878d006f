"""Takes a crypto map set from its interfaces: what a SET of cipsCryptomapSetIfStatus asks for."""

from __future__ import annotations

from collections.abc import Callable

from datasource.control import ConnectionControl
from datasource.tracker import Tracker

__all__ = ["Detacher"]


class Detacher:
    """Unloads the connections that are the sets of one tracker.

    Args:
        tracker: knows which connection a set is.
        connections: unloads them.
        allowed: whether that may be done.
    """

    def __init__(
        self, tracker: Tracker, connections: ConnectionControl, allowed: Callable[[], bool]
    ) -> None:
        self._tracker = tracker
        self._connections = connections
        self._allowed = allowed

    @property
    def can_detach(self) -> bool:
        """Whether it may be done, and there is a gateway now that would do it."""
        return self._allowed() and self._connections.can_unload

    async def detach(self, set_name: str) -> None:
        """Unload a set. One that has gone meanwhile is no error.

        Raises:
            UnloadError: it stays, as far as can be told.
        """
        connection = self._tracker.connection_of(set_name)
        if connection is not None:
            await self._connections.unload(connection)
