"""What the agent says in its log."""

from __future__ import annotations

import contextlib
import logging
from collections import Counter
from collections.abc import Iterable, Iterator

__all__ = ["Words"]


class Words(logging.Handler):
    """What is logged: how much, and whether there is something in it that must not be there.

    Args:
        secrets: that must not be there. What somebody wants to set is there, whatever it is.

    Attributes:
        lines: how many, by the name of the logger.
        longest: characters of the longest of them.
        wrong: lines with a secret, or that look like several lines or something else.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__()
        self.lines: Counter[str] = Counter()
        self.longest = 0
        self.wrong: list[str] = []
        self._secrets = tuple(secrets)

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        self.lines[record.name] += 1
        self.longest = max(self.longest, len(text))
        whole = self.format(record)
        if not text.isprintable() or any(secret in whole for secret in self._secrets):
            self.wrong.append(whole)

    @contextlib.contextmanager
    def heard(self) -> Iterator[None]:
        """Hear everything of the agent up to the end of the block, and nobody else does."""
        logger = logging.getLogger("flowmib")
        level, propagate = logger.level, logger.propagate
        logger.addHandler(self)
        logger.setLevel(logging.INFO)
        logger.propagate = False
        try:
            yield
        finally:
            logger.removeHandler(self)
            logger.setLevel(level)
            logger.propagate = propagate
