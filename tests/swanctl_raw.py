"""The text that ``swanctl --raw`` prints, as dicts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["RawTextError", "child_sas", "ike_sas", "parse_raw"]


class RawTextError(Exception):
    """The text is not of the form that swanctl prints."""


_NAME = re.compile(r"\s*([^\s={}\[\]]+)\s*(=\[|=|\{)")
# A value is not quoted and may hold spaces and "=" (a distinguished name: "C=CH, O=Lab"). It ends
# at a closing brace, or before the next key. charon's own keys are lower case, and those of a
# distinguished name are not, which tells them apart.
_VALUE = re.compile(r"(.*?)(?=\s*\}|\s+[a-z][a-z0-9_-]*=|\s+[^\s={}]+ \{|\s*$)", re.DOTALL)
_ITEM = re.compile(r"\s*((?:[^\s\[\]]|\[[^\]]*\])+)")  # a traffic selector may end in "[tcp/80]"


def _parse_section(text: str, position: int, depth: int) -> tuple[dict[str, Any], int]:
    """Parse from ``position`` up to the section's closing brace (or the end, at depth 0)."""
    section: dict[str, Any] = {}
    while True:
        while position < len(text) and text[position].isspace():
            position += 1
        if position == len(text) or text[position] == "}":
            if (position == len(text)) != (depth == 0):
                raise RawTextError(f"unbalanced braces at {position} in: {text}")
            return section, position + 1
        match = _NAME.match(text, position)
        if match is None:
            raise RawTextError(f"no name at {position} in: {text}")
        name, opening = match.groups()
        position = match.end()
        if opening == "{":
            section[name], position = _parse_section(text, position, depth + 1)
        elif opening == "=[":
            items = []
            while item := _ITEM.match(text, position):
                items.append(item[1])
                position = item.end()
            closing = re.compile(r"\s*\]").match(text, position)
            if closing is None:
                raise RawTextError(f"unclosed list at {position} in: {text}")
            section[name] = items
            position = closing.end()
        else:
            value = _VALUE.match(text, position)
            assert value is not None  # the pattern matches the empty string before any end
            section[name] = value[1]
            position = value.end()


def parse_raw(output: str, event: str = "list-sa") -> list[dict[str, Any]]:
    """Parse what ``swanctl --raw`` prints; return the messages of ``event``, in their order.

    A section becomes a dict, a list a list of str, a value a str, as in the VICI message itself.

    Raises:
        RawTextError: the text is not of that form.
    """
    messages = []
    for line in output.splitlines():
        if line.startswith(f"{event} event {{"):
            text = line.removeprefix(f"{event} event ")
            message, end = _parse_section(text, 1, 1)
            if text[end:].strip():
                raise RawTextError(f"text after the closing brace: {text[end:]}")
            messages.append(message)
    return messages


def ike_sas(answer: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the IKE SAs of a ``list_sas`` answer, each without its connection's name."""
    return [sa for entry in answer for sa in entry.values()]


def child_sas(
    answer: Iterable[Mapping[str, Any]], child: str | None = None
) -> list[dict[str, Any]]:
    """Return the child SAs of a ``list_sas`` answer, or only those of one configuration."""
    children = [sa for ike in ike_sas(answer) for sa in ike.get("child-sas", {}).values()]
    return [sa for sa in children if child in (None, sa["name"])]
