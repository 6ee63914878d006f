"""Tables of the configuration file, read key by key.

A key that is unknown, of the wrong type or out of range is an error that names the file and the
key; nothing is ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from agent.errors import AgentError

__all__ = ["ConfigError", "Section"]

_Choice = TypeVar("_Choice", bound=str)
_Parsed = TypeVar("_Parsed")

_LONGEST_NAME = 32
"""Of what SNMP calls by an SnmpAdminString or a name: users, groups, views, contexts."""


class ConfigError(AgentError):
    """The configuration cannot be used; the message names the file, the key and what is wrong."""


class Section:
    """One table of the file: hands out checked values, and knows what it was not asked for.

    Every method raises :class:`ConfigError` when the value is missing or wrong.
    """

    def __init__(self, where: str, path: str, content: Any) -> None:
        if not isinstance(content, dict):
            raise ConfigError(f"{where}: {path}: must be a table, not {_kind(content)}")
        self.path = path
        """How the file would call it: ``snmp.community[1]``."""
        self._where = where
        self._content: dict[str, Any] = content
        self._asked: set[str] = set()

    def __contains__(self, key: str) -> bool:
        self._asked.add(key)
        return key in self._content

    def fail(self, key: str, what: str) -> ConfigError:
        """Return the error that says what is wrong with a key."""
        return ConfigError(f"{self._where}: {self.key(key)}: {what}")

    def key(self, key: str) -> str:
        """Return the key with all that stands before it."""
        return f"{self.path}.{key}" if self.path else key

    def text(self, key: str, default: str | None = None, *, longest: int = 255) -> str:
        """Return printable ASCII; a key without a default has to be there."""
        value: str = self._take(key, str, "a text", default)
        if len(value) > longest:
            raise self.fail(key, f"is {len(value)} characters long, {longest} are allowed")
        if not (value.isascii() and value.isprintable()):
            raise self.fail(key, "has characters that are not printable ASCII")
        return value

    def name(self, key: str, *, longest: int = _LONGEST_NAME) -> str:
        """Return a text that is not empty."""
        value = self.text(key, longest=longest)
        if not value:
            raise self.fail(key, "is empty")
        return value

    def number(self, key: str, default: int, smallest: int, largest: int) -> int:
        """Return a whole number of the range."""
        value: int = self._take(key, int, "a whole number", default)
        if not smallest <= value <= largest:
            raise self.fail(key, f"is {value}, allowed are {smallest} to {largest}")
        return value

    def seconds(self, key: str, default: float, smallest: float, largest: float) -> float:
        """Return a time of the range, whole or not."""
        value = self._take(key, (int, float), "a number of seconds", default)
        if not smallest <= value <= largest:
            raise self.fail(key, f"is {value}, allowed are {smallest} to {largest} seconds")
        return float(value)

    def flag(self, key: str, default: bool) -> bool:
        """Return true or false."""
        value: bool = self._take(key, bool, "true or false", default)
        return value

    def choice(self, key: str, default: _Choice, *others: _Choice) -> _Choice:
        """Return one of the texts."""
        value = self.text(key, default)
        for allowed in (default, *others):
            if value == allowed:
                return allowed
        raise self.fail(key, f"is {value!r}, allowed are {', '.join((default, *others))}")

    def texts(self, key: str, default: Sequence[str] | None = None, *, least: int = 1) -> list[str]:
        """Return a list of so many texts or more."""
        values: list[str] = self._take(key, list, "a list of texts", default)
        if len(values) < least or not all(isinstance(value, str) for value in values):
            raise self.fail(key, f"must be a list of {'one text or more' if least else 'texts'}")
        return values

    def parsed(self, key: str, value: str, parse: Callable[[str], _Parsed]) -> _Parsed:
        """Return what the function makes of a value; its ValueError is said of the key."""
        try:
            return parse(value)
        except ValueError as error:
            raise self.fail(key, str(error)) from None

    def section(self, key: str) -> Section:
        """Return the table of that name, an empty one where there is none."""
        self._asked.add(key)
        return Section(self._where, self.key(key), self._content.get(key, {}))

    def sections(self, key: str) -> list[Section]:
        """Return the tables of an array of tables, which may be missing."""
        self._asked.add(key)
        content = self._content.get(key, [])
        if not isinstance(content, list):
            raise self.fail(key, f"must be an array of tables, [[{self.key(key)}]]")
        return [
            Section(self._where, f"{self.key(key)}[{number}]", item)
            for number, item in enumerate(content, 1)
        ]

    def close(self) -> None:
        """Refuse what nobody asked for."""
        for key in self._content:
            if key not in self._asked:
                known = ", ".join(sorted(self._asked))
                raise self.fail(key, f"unknown key; known here: {known}")

    def _take(self, key: str, kind: Any, what: str, default: Any) -> Any:
        if key not in self:
            if default is None:
                raise self.fail(key, "is missing")
            return default
        value = self._content[key]
        # To Python a truth value is a number, to an operator it is not.
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self.fail(key, f"must be {what}, not {_kind(value)}")
        return value


def _kind(value: Any) -> str:
    names: Mapping[type, str] = {
        dict: "a table",
        list: "a list",
        str: "a text",
        bool: "true or false",
        int: "a whole number",
        float: "a number",
    }
    return names.get(type(value), "a date or time")
