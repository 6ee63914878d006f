"""Reads the syntax of strongswan.conf(5), in which swanctl.conf is written (sans-IO).

Nested sections, ``key = value``, comments, quoted text, ``include``, references to other sections,
and sections that are extended later. Files may hold secrets, in the section of that name or in one
that it refers to. So a section that is not wanted is passed over, with what it includes, and of the
others only the values of wanted keys are kept. No error quotes a file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from datasource.errors import DataSourceError

__all__ = ["MAX_FILES", "Files", "Section", "Settings", "SettingsError", "parse_settings"]

MAX_FILES = 10_000
_MAX_INCLUDED = 10
"""Levels; charon has the same limit."""
_MAX_DEPTH = 32
"""Of sections."""
_MAX_OCTETS = 64 * 1024 * 1024

_SPACE = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_NAME = re.compile(r'[^#{}:.,="\s]+')
_REFERENCE = re.compile(r'[^#{}:.,="\s]+(?:\.[^#{}:.,="\s]+)*')
_INCLUDE = re.compile(r"include[ \t]+(?![ \t=])")
_BLANK = re.compile(r"[ \t\r]*")
_VALUE = re.compile(r'[^#}"\s]+')
_PATTERN = re.compile(r'(?:\\["#} ]|[^"#}\s])+')
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPE = re.compile(r"\\(\r?\n|.)", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "\n": "", "\r\n": ""}


class SettingsError(DataSourceError):
    """A file cannot be read or is not of this syntax; tells the file and the line."""

    def __init__(self, path: str, line: int, words: str) -> None:
        super().__init__(f"{path}:{line}: {words}" if line else f"{path}: {words}")


@dataclass(frozen=True, slots=True)
class Files:
    """How files are read."""

    read: Callable[[str], str]
    """Gives the text of a file; raises OSError."""
    expand: Callable[[str], Sequence[str]]
    """Gives the files of a shell pattern, sorted; none where there is none."""


@dataclass(slots=True)
class _Raw:
    """A section as it is written."""

    values: dict[str, str | None] = field(default_factory=dict)
    """None: cleared."""
    sections: dict[str, _Raw] = field(default_factory=dict)
    references: list[str] = field(default_factory=list)


class Section:
    """A section, with what it inherits from those that it refers to."""

    def __init__(self, references: _References, parts: Sequence[_Raw]) -> None:
        self._references = references
        self._parts = parts

    def get(self, name: str) -> str | None:
        """Return a value, None where there is none or it was cleared."""
        return next((part.values[name] for part in self._parts if name in part.values), None)

    def section(self, name: str) -> Section:
        """Return a section in this one, an empty one where there is none."""
        return Section(self._references, self._references.below(self._parts, name))

    def sections(self) -> Iterator[tuple[str, Section]]:
        """Give the sections in this one, those that it inherits last."""
        for name in dict.fromkeys(name for part in self._parts for name in part.sections):
            yield name, self.section(name)


Settings = Section


class _References:
    """Finds the sections that others refer to, each once: they may refer to each other."""

    def __init__(self, root: _Raw) -> None:
        self._root = root
        self._known: dict[str, tuple[_Raw, ...]] = {}

    def below(self, parts: Iterable[_Raw], name: str) -> tuple[_Raw, ...]:
        """Return what a section of that name in any of the parts is made of."""
        found: dict[int, _Raw] = {}
        for part in parts:
            if (section := part.sections.get(name)) is not None:
                found.setdefault(id(section), section)
                for reference in section.references:
                    found.update(
                        (id(one), one) for one in self._find(reference) if id(one) not in found
                    )
        return tuple(found.values())

    def _find(self, reference: str) -> tuple[_Raw, ...]:
        if reference not in self._known:
            self._known[reference] = ()  # what refers to itself in the end finds nothing there
            parts: tuple[_Raw, ...] = (self._root,)
            for name in reference.split("."):
                parts = self.below(parts, name)
            self._known[reference] = parts
        return self._known[reference]


def parse_settings(
    path: str, files: Files, *, keys: Collection[str], passed_over: Collection[str] = ()
) -> Settings:
    """Parse a file, and what it includes.

    Args:
        path: the file; paths in it are relative to its directory.
        files: how files are read.
        keys: of which the values are kept.
        passed_over: sections at the top that are not read, nor the files that they include.

    Raises:
        SettingsError: a file cannot be read, is malformed, or there are too many.
    """
    root = _Raw()
    _Parser(files, frozenset(keys), frozenset(passed_over)).parse(path, root)
    return Section(_References(root), (root,))


class _Source:
    """A file that is being read."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text
        self.at = 0

    def error(self, words: str) -> SettingsError:
        line = self.text.count("\n", 0, self.at) + 1
        return SettingsError(self.path, line, words)

    def take(self, pattern: re.Pattern[str]) -> str | None:
        """Return what stands here and matches, None where it does not."""
        match = pattern.match(self.text, self.at)
        if match is None:
            return None
        self.at = match.end()
        return match[match.lastindex or 0]

    def skip(self, character: str) -> bool:
        """Pass over a character, if it stands here."""
        here = self.text.startswith(character, self.at)
        self.at += here
        return here


class _Parser:
    def __init__(self, files: Files, keys: frozenset[str], passed_over: frozenset[str]) -> None:
        self._files = files
        self._keys = keys
        self._passed_over = passed_over
        self._count = 0
        self._octets = 0

    def parse(self, path: str, root: _Raw) -> None:
        self._file(path, [root])

    def _file(self, path: str, open_sections: list[_Raw | None], included: int = 0) -> None:
        """Parse a file into the last of the sections that are open; None is passed over."""
        self._count += 1
        if self._count > MAX_FILES:
            raise SettingsError(path, 0, f"more than {MAX_FILES} files")
        try:
            text = self._files.read(path)
        except OSError as error:
            raise SettingsError(path, 0, error.strerror or "cannot be read") from None
        self._octets += len(text)
        if self._octets > _MAX_OCTETS:
            raise SettingsError(path, 0, f"more than {_MAX_OCTETS} characters in all files")
        source = _Source(path, text)
        opened = len(open_sections)
        while True:
            source.take(_SPACE)
            if source.at == len(text):
                break
            if source.skip("}"):
                if len(open_sections) == opened:
                    raise source.error("a closing brace too many")
                open_sections.pop()
            elif source.take(_INCLUDE) is not None:
                self._include(source, open_sections, included)
            else:
                self._statement(source, open_sections)
        if len(open_sections) != opened:
            raise source.error("a closing brace is missing")

    def _statement(self, source: _Source, open_sections: list[_Raw | None]) -> None:
        name = source.take(_NAME)
        if name is None:
            raise source.error("neither a section nor a setting")
        section = open_sections[-1]
        source.take(_SPACE)
        if source.skip("="):
            value = self._value(source)
            if section is not None and name in self._keys:
                section.values[name] = value or None
            return
        references = self._references(source) if source.skip(":") else []
        source.take(_SPACE)
        if not source.skip("{"):
            raise source.error("neither '=' nor '{' after a name")
        if len(open_sections) > _MAX_DEPTH:
            raise source.error(f"more than {_MAX_DEPTH} sections in each other")
        if section is None or (len(open_sections) == 1 and name in self._passed_over):
            open_sections.append(None)
            return
        inner = section.sections.setdefault(name, _Raw())
        inner.references += [one for one in references if one not in inner.references]
        open_sections.append(inner)

    def _references(self, source: _Source) -> list[str]:
        found = []
        while True:
            source.take(_SPACE)
            reference = source.take(_REFERENCE)
            if reference is None:
                raise source.error("no reference after ':' or ','")
            found.append(reference)
            source.take(_SPACE)
            if not source.skip(","):
                return found

    def _value(self, source: _Source) -> str:
        """Return the rest of a line; its parts are joined by one space."""
        parts = []
        while True:
            source.take(_BLANK)
            if source.text.startswith('"', source.at):
                quoted = source.take(_QUOTED)
                if quoted is None:
                    raise source.error("a quote that is not closed")
                parts.append(_unescaped(quoted))
            elif (part := source.take(_VALUE)) is not None:
                parts.append(part)
            else:
                return " ".join(parts)

    def _include(self, source: _Source, open_sections: list[_Raw | None], included: int) -> None:
        if source.text.startswith('"', source.at):
            pattern = source.take(_QUOTED)
            if pattern is None:
                raise source.error("a quote that is not closed")
            pattern = _unescaped(pattern)
        else:
            pattern = re.sub(r'\\(["#} ])', r"\1", source.take(_PATTERN) or "")
        if not pattern:
            raise source.error("nothing to include")
        if open_sections[-1] is None:
            return
        if included == _MAX_INCLUDED:
            raise source.error(f"files that include each other over {_MAX_INCLUDED} levels")
        for path in self._files.expand(str(PurePosixPath(source.path).parent / pattern)):
            self._file(path, open_sections, included + 1)


def _unescaped(quoted: str) -> str:
    return _ESCAPE.sub(lambda match: _ESCAPED.get(match[1], match[1]), quoted)
