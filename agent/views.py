"""Keeps the View that requests are answered from, and makes the next one when it is time."""

from __future__ import annotations

from collections.abc import Callable

from datasource.tracker import Tracker
from mibs.tree import Tree
from mibs.view import View, ViewBuilder

__all__ = ["ViewKeeper"]

_MIN_AGE = 0.25
"""A View is at most that old, in seconds, when something has changed since."""
_MAX_AGE = 1.0
"""And that old when only time has passed: ages of tunnels are in it."""


class ViewKeeper:
    """Gives the newest View. A burst of changes makes one View, not one for each.

    Args:
        tracker: what there is to see.
        tree: what is served of it.
        clock: seconds, the one that the tracker is told.
        on_read: called at each request, so that a source knows that somebody looks.
        others: keepers of the same tracker, to which this one is added: what was set through one of
            them is seen at once through all.
    """

    def __init__(
        self,
        tracker: Tracker,
        tree: Tree,
        clock: Callable[[], float],
        on_read: Callable[[], None] = lambda: None,
        others: list[ViewKeeper] | None = None,
    ) -> None:
        self._tracker = tracker
        self._builder = ViewBuilder(tree)
        self._clock = clock
        self._on_read = on_read
        self._revision = tracker.revision
        # Not made before somebody asks: by then the source may have told more.
        self._view: View | None = None
        self._min_age = _MIN_AGE
        self._all = [] if others is None else others
        self._all.append(self)

    def current(self) -> View:
        """Return the View to answer a request from."""
        self._on_read()
        now = self._clock()
        view = self._view
        if view is not None:
            age = now - view.at
            if age <= self._min_age or (
                age <= _MAX_AGE and self._tracker.revision == self._revision
            ):
                return view
        view = self._view = self._make(now)
        return view

    def expire(self) -> None:
        """Have the next View made as soon as anything has changed, however young this one is."""
        for keeper in self._all:
            keeper._min_age = -1.0  # noqa: SLF001 - its own kind

    def _make(self, now: float) -> View:
        self._revision = self._tracker.revision
        self._min_age = _MIN_AGE
        return self._builder.build(self._tracker.snapshot(now), now)
