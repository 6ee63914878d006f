"""The rows of one kind of tunnel, and the numbers that they get."""

from __future__ import annotations

from typing import Generic, TypeVar

__all__ = ["Rows"]

_Row = TypeVar("_Row")


class Rows(Generic[_Row]):
    """Rows by index. Indexes run from 1 to ``max_index`` and then start again."""

    def __init__(self, max_index: int) -> None:
        self._max_index = max_index
        self._last = 0
        self._wrapped = False
        self._rows: dict[int, _Row] = {}

    def new_index(self) -> int:
        """Return the next index that no row has."""
        while True:
            if self._last < self._max_index:
                self._last += 1
            else:
                self._last, self._wrapped = 1, True
            if self._last not in self._rows:
                return self._last

    @property
    def wrapped(self) -> bool:
        """Whether numbering has started again."""
        return self._wrapped

    def __setitem__(self, index: int, row: _Row) -> None:
        self._rows[index] = row

    def __getitem__(self, index: int) -> _Row:
        return self._rows[index]

    def pop(self, index: int) -> _Row:
        """Take a row out."""
        return self._rows.pop(index)

    def in_order(self) -> tuple[_Row, ...]:
        """Return all rows, in order of index."""
        # They are added in that order until the numbering starts again.
        rows = self._rows
        return tuple(rows[i] for i in sorted(rows)) if self._wrapped else tuple(rows.values())
