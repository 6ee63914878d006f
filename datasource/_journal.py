"""What the parts of the tracker share: that something changed, what happened, what has ended."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from datasource.events import Event

__all__ = ["Graveyard", "Journal"]

_MAX_REMEMBERED = 100_000


class Journal:
    """One for a tracker."""

    __slots__ = ("_events", "_muted", "listing", "on_event", "revision")

    def __init__(self) -> None:
        self.revision = 0
        """Goes up with every change of the snapshot, other than that of its time."""
        self.listing = 0
        """Number of the newest listing that has begun."""
        self.on_event: Callable[[], None] = lambda: None
        """Called when there are events to take, where there were none."""
        self._events: list[Event] = []
        self._muted = False

    def changed(self) -> None:
        """Note that the snapshot is another one now."""
        self.revision += 1

    def happened(self, event: Event) -> None:
        """Note an event."""
        if self._muted:
            return
        self._events.append(event)
        if len(self._events) == 1:
            self.on_event()

    @contextlib.contextmanager
    def muted(self) -> Iterator[None]:
        """Note no event meanwhile."""
        self._muted = True
        try:
            yield
        finally:
            self._muted = False

    def take_events(self) -> tuple[Event, ...]:
        """Return the events since the last call, oldest first."""
        events, self._events = tuple(self._events), []
        return events


class Graveyard:
    """SAs that have ended, and the index of their tunnel: the newest hundred thousand."""

    def __init__(self) -> None:
        self._indexes: dict[int, int] = {}

    def bury(self, sa_id: int, tunnel_index: int) -> None:
        """Note that an SA has ended."""
        self._indexes[sa_id] = tunnel_index
        if len(self._indexes) > _MAX_REMEMBERED:
            del self._indexes[next(iter(self._indexes))]

    def __contains__(self, sa_id: int) -> bool:
        return sa_id in self._indexes

    def tunnel_of(self, sa_id: int) -> int | None:
        """Return the index of the tunnel that the SA had, None for an SA that is not here."""
        return self._indexes.get(sa_id)

    def clear(self) -> None:
        """Forget all: from now on the ids mean other SAs."""
        self._indexes.clear()
