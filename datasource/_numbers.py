"""Numbers and names that stay with what they were given to, as long as it may come back."""

from __future__ import annotations

from collections.abc import Container, Hashable
from typing import Generic, TypeVar

from datasource.model import printable_ascii

__all__ = ["Names", "Numbers"]

_Key = TypeVar("_Key", bound=Hashable)


class Numbers(Generic[_Key]):
    """Gives each key a number of its own, the lowest first.

    A number is given to another key only when all have been given, and its own key is not in use.
    """

    __slots__ = ("_all", "_numbers")

    def __init__(self, numbers: range) -> None:
        self._all = numbers
        self._numbers: dict[_Key, int] = {}

    def of(self, key: _Key, in_use: Container[_Key] = ()) -> int | None:
        """Return the number of a key, None when each is taken by one that is in use."""
        number = self._numbers.get(key)
        if number is not None:
            return number
        if len(self._numbers) < len(self._all):
            number = self._all[len(self._numbers)]
        else:
            idle = next((known for known in self._numbers if known not in in_use), None)
            if idle is None:
                return None
            number = self._numbers.pop(idle)
        self._numbers[key] = number
        return number


class Names:
    """Gives each text a name of printable ASCII that no other one has, of a bounded length."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._names: dict[str, str] = {}
        self._texts: dict[str, str] = {}

    def of(self, text: str) -> str:
        """Return the name of a text: itself, where that is possible."""
        name = self._names.get(text)
        if name is None:
            name = self._names[text] = self._new(text)
            self._texts[name] = text
        return name

    def text_of(self, name: str) -> str | None:
        """Return the text that has this name, None where there is none."""
        return self._texts.get(name)

    def forget(self, text: str) -> None:
        """Let others have the name of a text."""
        if (name := self._names.pop(text, None)) is not None:
            del self._texts[name]

    def _new(self, text: str) -> str:
        printable = printable_ascii(text)
        name = printable[: self._longest]
        number = 1
        while name in self._texts:
            number += 1
            end = f"~{number}"
            name = printable[: self._longest - len(end)] + end
        return name
