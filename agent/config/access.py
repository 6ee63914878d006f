"""Who may do what, out of the file: the short form and the tables of RFC 3415.

The short form, ``access = "read"`` or ``"write"`` at a community or user, makes a group of its own
for it. The full form names a group, and ``[[snmp.access]]`` and ``[[snmp.view]]`` say the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from agent.config.oid import parse_subtree
from agent.config.section import Section
from agent.snmp.security import SecurityLevel, SecurityModel
from agent.snmp.vacm import AccessEntry, GroupMember, Subtree, VacmTables

__all__ = [
    "ALL",
    "LEVELS",
    "Grant",
    "access_tables",
    "existing_view",
    "own_group",
    "parse_entries",
    "parse_grant",
    "parse_views",
    "warnings",
]

ALL = "all"
"""The view that is there without being said."""
_OWN_GROUP = "own:"
"""What a group of the short form begins with, and no other."""

LEVELS: Mapping[str, SecurityLevel] = {level.label: level for level in reversed(SecurityLevel)}
"""The first one is the default: who says nothing does not mean to let anybody in unprotected."""
_MODELS: Mapping[str, SecurityModel] = {
    "any": SecurityModel.ANY,
    "v1": SecurityModel.V1,
    "v2c": SecurityModel.V2C,
    "usm": SecurityModel.USM,
}
_COMMUNITY_MODELS = (SecurityModel.V1, SecurityModel.V2C)


@dataclass(frozen=True, slots=True)
class Grant:
    """What the file grants one community or user."""

    section: Section
    models: tuple[SecurityModel, ...]
    security_name: bytes
    highest: SecurityLevel
    """At which it can ask."""
    group: str
    entries: tuple[AccessEntry, ...] = ()
    """Of the short form; the full form has them elsewhere."""

    @property
    def terms(self) -> tuple[str, str]:
        """Equal for two that may do the same."""
        return ("", self.entries[0].write) if self.entries else (self.group, "")


def parse_views(sections: Sequence[Section]) -> tuple[Subtree, ...]:
    """Read ``[[snmp.view]]``. The view ``all`` is there without being said.

    Raises:
        ConfigError: a view or a subtree in it is there twice, or is wrong.
    """
    subtrees = [Subtree(ALL, (1,))]
    for section in sections:
        name = section.name("name")
        if any(subtree.view == name for subtree in subtrees):
            raise section.fail("name", f"there is a view {name!r} already")
        parts: set[tuple[int | None, ...]] = set()
        for key, texts in (
            ("include", section.texts("include")),
            ("exclude", section.texts("exclude", [], least=0)),
        ):
            for text in texts:
                subtree = Subtree(name, section.parsed(key, text, parse_subtree), key == "include")
                if subtree.parts in parts:
                    raise section.fail(key, f"{text!r} stands in this view already")
                parts.add(subtree.parts)
                subtrees.append(subtree)
        section.close()
    return tuple(subtrees)


def parse_entries(
    sections: Sequence[Section], subtrees: Sequence[Subtree]
) -> tuple[AccessEntry, ...]:
    """Read ``[[snmp.access]]``.

    Raises:
        ConfigError: a view is not defined, an entry is there twice, or a key is wrong.
    """
    views = {subtree.view for subtree in subtrees}
    entries: list[AccessEntry] = []
    indexes: set[tuple[object, ...]] = set()
    for section in sections:
        entry = _entry(section, views)
        index = (entry.group, entry.context, entry.model, entry.level)
        if index in indexes:
            raise section.fail("group", "has an entry for this model, level and context already")
        indexes.add(index)
        entries.append(entry)
    return tuple(entries)


def _entry(section: Section, views: set[str]) -> AccessEntry:
    group = _group(section)
    model = _MODELS[section.choice("model", *_MODELS)]
    if model in _COMMUNITY_MODELS:
        level = LEVELS[section.choice("level", "noAuthNoPriv")]
    else:
        level = LEVELS[section.choice("level", *LEVELS)]
    entry = AccessEntry(
        group,
        model,
        level,
        section.text("context", "", longest=32).encode(),
        section.choice("context_match", "exact", "prefix") == "prefix",
        *(existing_view(section, key, views) for key in ("read", "write", "notify")),
    )
    section.close()
    return entry


def own_group(section: Section) -> str:
    """Return the group of the short form for what this section is of."""
    return _OWN_GROUP + section.path


def _group(section: Section) -> str:
    group = section.name("group")
    if group.startswith(_OWN_GROUP):
        raise section.fail("group", f"begins with {_OWN_GROUP!r}, which is reserved")
    return group


def existing_view(section: Section, key: str, views: set[str], default: str = "") -> str:
    """Return the name of a view that there is; where the default is to have none, an empty one."""
    view = section.text(key, default)
    if (view or default) and view not in views:
        raise section.fail(key, f"there is no view {view!r}; there are {', '.join(sorted(views))}")
    return view


def parse_grant(
    section: Section,
    models: tuple[SecurityModel, ...],
    security_name: bytes,
    highest: SecurityLevel = SecurityLevel.NO_AUTH_NO_PRIV,
) -> Grant:
    """Read what stands at a community or user about its access: ``access`` or ``group``.

    Args:
        section: of the community or user.
        models: by which it can ask.
        security_name: how it is called in vacmSecurityToGroupTable.
        highest: level at which it can ask.

    Raises:
        ConfigError: both are there, or a value is wrong.
    """
    short_keys = ("access", "level") if SecurityModel.USM in models else ("access",)
    if "group" in section:
        for key in short_keys:
            if key in section:
                raise section.fail(key, "does not go with group, of which [[snmp.access]] says it")
        return Grant(section, models, security_name, highest, _group(section))
    write = section.choice("access", "read", "write") == "write"
    level = highest
    if "level" in short_keys:
        possible = (name for name, level in LEVELS.items() if level <= highest)
        level = LEVELS[section.choice("level", *possible)]
    group = own_group(section)
    return Grant(
        section,
        models,
        security_name,
        highest,
        group,
        tuple(
            AccessEntry(
                group,
                model,
                level,
                prefix=True,  # of the empty name: in every context
                read=ALL,
                write=ALL if write else "",
                notify=ALL,
            )
            for model in models
        ),
    )


def access_tables(
    grants: Sequence[Grant], entries: Sequence[AccessEntry], subtrees: Sequence[Subtree]
) -> VacmTables:
    """Return the tables of RFC 3415 for all of that.

    Raises:
        ConfigError: somebody is in a group that has no entry.
    """
    groups = {entry.group for entry in entries}
    for grant in grants:
        if not grant.entries and grant.group not in groups:
            raise grant.section.fail("group", f"no [[snmp.access]] has the group {grant.group!r}")
    return VacmTables(
        members=tuple(
            GroupMember(model, grant.security_name, grant.group)
            for grant in grants
            for model in grant.models
        ),
        entries=(*(entry for grant in grants for entry in grant.entries), *entries),
        subtrees=tuple(subtrees),
    )


def warnings(
    grants: Sequence[Grant], tables: VacmTables, entry_sections: Sequence[Section]
) -> Iterator[str]:
    """Say what is in order but hardly meant, each with its key."""
    for grant in grants:
        here = grant.section.path
        reached = [
            entry
            for entry in tables.entries
            if entry.group == grant.group
            and entry.model in (SecurityModel.ANY, *grant.models)
            and entry.level <= grant.highest
        ]
        open_to_all = [
            entry
            for entry in reached
            if entry.level is SecurityLevel.NO_AUTH_NO_PRIV and (entry.read or entry.write)
        ]
        if not reached:
            yield (
                f"{here}.group: no [[snmp.access]] of {grant.group!r} is for its security model and"
                " level, so it may do nothing"
            )
        elif SecurityModel.USM not in grant.models:
            if any(entry.write for entry in open_to_all):
                yield (
                    f"{here}: may write, and whoever can listen on the way reads the community;"
                    " use a user of SNMPv3 for that"
                )
        elif open_to_all:
            what = "write" if any(entry.write for entry in open_to_all) else "read"
            yield f"{here}: without authentication, whoever knows the name may {what}"
    members = {grant.group for grant in grants}
    for section in entry_sections:
        group = section.name("group")
        if group not in members:
            yield f"{section.path}.group: nobody is in the group {group!r}"
