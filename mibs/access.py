"""What of a tree somebody may see or set, as the View wants to know it: span by span."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["HIDDEN", "PARTLY", "SHOWN", "Access"]

HIDDEN, SHOWN, PARTLY = 0, 1, 2
"""Of a span: no instance, every instance, those that :attr:`Access.allows` allows."""


def _everything(_name: bytes) -> bool:
    return True


@dataclass(frozen=True, slots=True, eq=False)
class Access:
    """What is visible. Whatever is not, is not there (RFC 3415 section 3)."""

    spans: bytes
    """HIDDEN, SHOWN or PARTLY for each span of the tree, by its number."""
    allows: Callable[[bytes], bool] = _everything
    """Whether an instance of a span that is PARTLY shown is; given its encoded OID."""
