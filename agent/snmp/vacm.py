"""The View-based Access Control Model (RFC 3415)."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass

from agent.snmp.security import SecurityLevel, SecurityModel
from mibs import ber
from mibs.access import HIDDEN, PARTLY, SHOWN, Access
from mibs.smi import Oid
from mibs.tree import ScalarSpan, Span, Tree

__all__ = [
    "AccessEntry",
    "Denied",
    "GroupMember",
    "Subtree",
    "Vacm",
    "VacmTables",
    "ViewType",
]

_MAX_REMEMBERED = 4096


class ViewType(enum.Enum):
    """What somebody wants to do with an object."""

    READ = "read"
    WRITE = "write"
    NOTIFY = "notify"


@dataclass(frozen=True, slots=True)
class GroupMember:
    """A row of vacmSecurityToGroupTable."""

    model: SecurityModel
    security_name: bytes
    group: str


@dataclass(frozen=True, slots=True)
class AccessEntry:
    """A row of vacmAccessTable. An empty name of a view is no view."""

    group: str
    model: SecurityModel
    level: SecurityLevel
    context: bytes = b""
    prefix: bool = False
    """vacmAccessContextMatch is prefix(2) and not exact(1)."""
    read: str = ""
    write: str = ""
    notify: str = ""

    def is_for(self, context: bytes) -> bool:
        """Whether it says something of a context (vacmAccessContextMatch)."""
        return self.context == context or (self.prefix and context.startswith(self.context))


@dataclass(frozen=True, slots=True)
class Subtree:
    """A row of vacmViewTreeFamilyTable: subtree and mask in one."""

    view: str
    parts: tuple[int | None, ...]
    """Sub-identifiers; None where the mask has 0, and any number will do."""
    included: bool = True


@dataclass(frozen=True, slots=True)
class VacmTables:
    """All that an operator says about access."""

    members: tuple[GroupMember, ...] = ()
    entries: tuple[AccessEntry, ...] = ()
    subtrees: tuple[Subtree, ...] = ()


class Denied(enum.Enum):
    """Why somebody has no view at all: the errorIndication (RFC 3415 section 3.2).

    The one that is not here, noSuchContext, is for the caller to give, who knows the contexts.
    """

    NO_GROUP_NAME = "noGroupName"
    NO_ACCESS_ENTRY = "noAccessEntry"
    NO_SUCH_VIEW = "noSuchView"


class Vacm:
    """Tells what somebody may see or set (RFC 3415 section 3.2). What no row allows is denied.

    Answers are remembered, since the same few managers ask all the time.
    """

    def __init__(self, tables: VacmTables, tree: Tree) -> None:
        self._tree = tree
        self._groups = {
            (member.model, member.security_name): member.group for member in tables.members
        }
        self._entries = tables.entries
        names = {subtree.view for subtree in tables.subtrees}
        self._views = {
            name: _MibView(subtree for subtree in tables.subtrees if subtree.view == name)
            for name in names
        }
        self._accesses: dict[tuple[str, bool], Access] = {}
        self._answers: dict[
            tuple[SecurityModel, bytes, SecurityLevel, bytes, ViewType], Access | Denied
        ] = {}

    def access(
        self,
        model: SecurityModel,
        security_name: bytes,
        level: SecurityLevel,
        context: bytes,
        view_type: ViewType,
    ) -> Access | Denied:
        """Return what somebody may see, set or be told of in a context, or why nothing.

        ``allows`` of an Access is right for every name, also one that is in no span. Only the
        spans know that an SNMPv1 manager cannot read a Counter64 (RFC 3584 section 4.2.2.1).
        """
        asked = model, security_name, level, context, view_type
        answer = self._answers.get(asked)
        if answer is None:
            if len(self._answers) >= _MAX_REMEMBERED:
                self._answers.clear()
            answer = self._answers[asked] = self._decide(*asked)
        return answer

    def _decide(
        self,
        model: SecurityModel,
        security_name: bytes,
        level: SecurityLevel,
        context: bytes,
        view_type: ViewType,
    ) -> Access | Denied:
        group = self._groups.get((model, security_name))
        if not group:
            return Denied.NO_GROUP_NAME
        entry = self._entry(group, model, level, context)
        if entry is None:
            return Denied.NO_ACCESS_ENTRY
        view = {
            ViewType.READ: entry.read,
            ViewType.WRITE: entry.write,
            ViewType.NOTIFY: entry.notify,
        }[view_type]
        if not view or view not in self._views:
            return Denied.NO_SUCH_VIEW
        return self._access(view, model is SecurityModel.V1 and view_type is ViewType.READ)

    def _entry(
        self, group: str, model: SecurityModel, level: SecurityLevel, context: bytes
    ) -> AccessEntry | None:
        """Select as the DESCRIPTION of vacmAccessTable says."""
        matching = (
            entry
            for entry in self._entries
            if entry.group == group
            and entry.model in (model, SecurityModel.ANY)
            and entry.level <= level
            and entry.is_for(context)
        )
        # One for this very context is also the one with the longest beginning of it.
        return max(
            matching,
            key=lambda entry: (entry.model is model, len(entry.context), entry.level),
            default=None,
        )

    def _access(self, view: str, without_counter64: bool) -> Access:
        known = self._accesses.get((view, without_counter64))
        if known is None:
            mib_view = self._views[view]
            spans = bytes(
                HIDDEN
                if without_counter64 and span.type.tag == ber.COUNTER64
                else mib_view.shows(span)
                for span in self._tree.spans
            )
            known = self._accesses[view, without_counter64] = Access(spans, mib_view.allows)
        return known


class _MibView:
    """The subtrees of one view, the one that decides first (vacmViewTreeFamilyTable).

    They are tried on encoded names, as one regular expression: a single GETNEXT may have to step
    over every row of a table.
    """

    def __init__(self, subtrees: Iterable[Subtree]) -> None:
        self._subtrees = sorted(subtrees, key=_rank, reverse=True)
        # An excluded one looks ahead and takes no octet, by which its match is known.
        pattern = b"|".join(
            _pattern(subtree.parts) if subtree.included else b"(?=%b)" % _pattern(subtree.parts)
            for subtree in self._subtrees
        )
        self._match = re.compile(pattern).match

    def allows(self, name: bytes) -> bool:
        """Whether the instance of this encoded name is in the view."""
        found = self._match(name)
        return found is not None and found.end() > 0

    def shows(self, span: Span) -> int:
        """Return HIDDEN, SHOWN or PARTLY: whether the instances of a span are in the view."""
        if isinstance(span, ScalarSpan):
            return SHOWN if self.allows(span.prefix + b"\x00") else HIDDEN
        oid = span.type.oid
        # What of each subtree is below the column. Of two that are the same there, one decides.
        verdicts: dict[tuple[int | None, ...], bool] = {}
        for subtree in self._subtrees:
            if _meet(subtree.parts, oid):
                below = subtree.parts[len(oid) :]
                verdicts.setdefault(below, subtree.included)
                if below in ((), (None,)):
                    # It has every instance, so the others never decide.
                    break
        else:
            verdicts[()] = False
        different = set(verdicts.values())
        if len(different) > 1:
            return PARTLY
        return SHOWN if True in different else HIDDEN


def _rank(subtree: Subtree) -> tuple[int, tuple[int, ...], bool]:
    """Order subtrees: of those that have an instance, the greatest decides.

    That is the longest, or of equally long ones the lexicographically greatest. A wildcard is less
    than any number: the number that is behind it in the table of the RFC means nothing, and an
    operator writes 0. Of the same subtree twice, which that table cannot have, the excluded one.
    """
    numbers = tuple(-1 if part is None else part for part in subtree.parts)
    return len(numbers), numbers, not subtree.included


def _meet(parts: tuple[int | None, ...], oid: Oid) -> bool:
    """Whether they agree as far as both go."""
    return all(part in (None, number) for part, number in zip(parts, oid, strict=False))


_ANY_NUMBER = rb"[\x80-\xff]*+[\x00-\x7f]"
_ANY_UNDER = (rb"[\x00-\x27]", rb"[\x28-\x4f]", rb"[\x50-\x7f]|[\x80-\xff]++[\x00-\x7f]")
"""What a name under 0, 1 or 2 begins with: that times 40, plus the number that follows."""


def _pattern(parts: tuple[int | None, ...]) -> bytes:
    """Return what the encoded name of every instance of a subtree begins with."""
    first, second = (*parts[:2], None, None)[:2]
    roots = [root for root in range(3) if first in (None, root)]
    if second is None:
        heads = [_ANY_UNDER[root] for root in roots]
    else:
        heads = [_literal(root * 40 + second) for root in roots if second < 40 or root == 2]
    tail = (_ANY_NUMBER if part is None else _literal(part) for part in parts[2:])
    return b"(?:%b)%b" % (b"|".join(heads) or b"(?!)", b"".join(tail))


def _literal(number: int) -> bytes:
    return re.escape(ber.encode_sub_identifiers((number,)))
