"""What the doctor found: lines in chapters, as text or as JSON."""

from __future__ import annotations

import enum
import json
from collections.abc import Iterator
from dataclasses import dataclass, field

__all__ = ["Chapter", "Level", "Report"]


class Level(enum.Enum):
    """How a line is meant."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    """Something that the operator may want to change; the agent is right."""
    WRONG = "wrong"
    """The agent is wrong."""


@dataclass(frozen=True, slots=True)
class _Line:
    level: Level
    subject: str
    text: str


@dataclass(slots=True)
class Chapter:
    """Lines about one thing."""

    title: str
    lines: list[_Line] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.lines)

    def add(self, level: Level, subject: str, text: str) -> None:
        """Add a line."""
        self.lines.append(_Line(level, subject, text))


@dataclass(slots=True)
class Report:
    """All of it."""

    agent: str
    chapters: list[Chapter] = field(default_factory=list)

    def chapter(self, title: str) -> Chapter:
        """Begin a chapter, or go on with it."""
        for known in self.chapters:
            if known.title == title:
                return known
        chapter = Chapter(title)
        self.chapters.append(chapter)
        return chapter

    @property
    def status(self) -> int:
        """The exit status: 1 if the agent is wrong somewhere."""
        return int(self._number(Level.WRONG) > 0)

    def text(self) -> str:
        """Return the report as an operator reads it."""
        return "\n".join(self._text())

    def json(self) -> str:
        """Return the report as a program reads it: the lines of each chapter."""
        return json.dumps(
            {
                "agent": self.agent,
                "status": self.status,
                "checks": {
                    chapter.title: [
                        {"level": line.level.value, "subject": line.subject, "text": line.text}
                        for line in chapter.lines
                    ]
                    for chapter in self.chapters
                },
            },
            indent=2,
            ensure_ascii=False,
        )

    def _text(self) -> Iterator[str]:
        yield f"agent at {self.agent}"
        for chapter in filter(len, self.chapters):
            yield ""
            yield chapter.title
            for line in chapter.lines:
                yield f"  {line.level.value:<7}  {line.subject}: {line.text}"
        yield ""
        yield f"wrong: {self._number(Level.WRONG)}, warnings: {self._number(Level.WARNING)}"

    def _number(self, level: Level) -> int:
        return sum(line.level is level for chapter in self.chapters for line in chapter.lines)
