"""What is remembered of many SAs: the newest ten thousand."""

from __future__ import annotations

from typing import TypeVar

__all__ = ["remember"]

_MAX_REMEMBERED = 10_000

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


def remember(memory: dict[_Key, _Value], key: _Key, value: _Value) -> None:
    """Put this in as the newest, and forget the oldest where there are too many."""
    memory.pop(key, None)
    memory[key] = value
    if len(memory) > _MAX_REMEMBERED:
        del memory[next(iter(memory))]
