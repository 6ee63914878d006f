"""The View-based Access Control Model (RFC 3415)."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from agent.snmp.security import SecurityLevel, SecurityModel

__all__ = ["AccessEntry", "GroupMember", "Subtree", "VacmTables", "ViewType"]


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
