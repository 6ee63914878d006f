"""agent.snmp.vacm against RFC 3415 written down sentence by sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import event, given
from hypothesis import strategies as st

from agent.snmp.security import SecurityLevel, SecurityModel
from agent.snmp.vacm import (
    AccessEntry,
    Denied,
    GroupMember,
    Subtree,
    Vacm,
    VacmTables,
    ViewType,
)
from mibs import ber
from mibs.access import PARTLY, SHOWN
from mibs.smi import Oid
from tests.engine import view_has
from tests.small_mib import ROOT, Part, Peer, Reference, Small, Thing, small_tree

TREE = small_tree()
SNAPSHOT = Small(
    tuple(Thing(n, n, 0.0, b"", (Part(1, n), Part(4, n))) for n in (1, 4, 128, 300, 2**32 - 1)),
    tuple(Peer(n, (1, 1, n, 1), n, (Part(4, n),)) for n in (1, 4, 200)),
)
INSTANCES = Reference(TREE, SNAPSHOT, 0.0).names
MODELS = SecurityModel.V1, SecurityModel.V2C, SecurityModel.USM
CONTEXTS = b"", b"a", b"ab", b"aab"
VIEWS = "v", "w", "x"


Question = tuple[SecurityModel, bytes, SecurityLevel, ViewType, bytes]


@dataclass(frozen=True)
class Row:
    """A row of vacmViewTreeFamilyTable, its mask as bits that are long enough."""

    view: str
    subtree: Oid
    mask: tuple[bool, ...]
    included: bool

    def matches(self, name: Oid) -> bool:
        """Two sub-identifiers match when the bit is zero, or when they are equal."""
        if len(name) < len(self.subtree):
            return False
        return all(
            not bit or ours == its
            for bit, ours, its in zip(self.mask, self.subtree, name, strict=False)
        )

    def parts(self) -> tuple[int | None, ...]:
        return tuple(
            number if bit else None for number, bit in zip(self.subtree, self.mask, strict=True)
        )


def is_in_view(rows: Sequence[Row], view: str, name: Oid) -> bool:
    matching = [row for row in rows if row.view == view and row.matches(name)]
    if not matching:
        return False
    most = max(len(row.subtree) for row in matching)
    longest = [row for row in matching if len(row.subtree) == most]
    return max(longest, key=lambda row: row.subtree).included


def is_access_allowed(
    tables: VacmTables,
    rows: Sequence[Row],
    question: Question,
    name: Oid,
) -> bool | str:
    """Section 3.2, without its first step."""
    model, security_name, level, view_type, context = question
    groups = [
        member.group
        for member in tables.members
        if member.model == model and member.security_name == security_name
    ]
    if not groups:
        return "noGroupName"
    identical = [entry for entry in tables.entries if entry.group == groups[0]]
    entries = [entry for entry in identical if entry.context == context]
    entries += [
        entry
        for entry in identical
        if entry.context != context
        and entry.prefix
        and context[: len(entry.context)] == entry.context
    ]
    entries = [entry for entry in entries if entry.model in (SecurityModel.ANY, model)]
    entries = [entry for entry in entries if entry.level <= level]
    if not entries:
        return "noAccessEntry"
    if same_model := [entry for entry in entries if entry.model == model]:
        entries = same_model
    if same_context := [entry for entry in entries if entry.context == context]:
        entries = same_context
    longest = max(len(entry.context) for entry in entries)
    entries = [entry for entry in entries if len(entry.context) == longest]
    (entry,) = (e for e in entries if e.level == max(entry.level for entry in entries))
    view = {"read": entry.read, "write": entry.write, "notify": entry.notify}[view_type.value]
    if view == "" or not any(row.view == view for row in rows):
        return "noSuchView"
    return is_in_view(rows, view, name)


@st.composite
def some_row(draw: st.DrawFn) -> Row:
    """A row that is about some instances, more or less, or beside them.

    A 0 is always behind a wildcard, and nothing else is: no order of numbers and wildcards is then
    in question.
    """
    name = list(draw(st.sampled_from(INSTANCES)))
    name += draw(st.lists(st.sampled_from((1, 4)), max_size=1))
    del name[draw(st.integers(len(ROOT) - 2, len(name))) :]
    for place in draw(st.lists(st.integers(0, len(name) - 1), max_size=3)):
        name[place] = 0
    if draw(st.booleans()):
        name[-1] = draw(st.sampled_from((1, 2, 4)))
    mask = tuple(number != 0 for number in name)
    return Row(draw(st.sampled_from(VIEWS[:2])), tuple(name), mask, draw(st.booleans()))


SOME_VIEW = st.sampled_from((*VIEWS[:2], *VIEWS[:2], *VIEWS, ""))
SOME_ENTRY = st.builds(
    AccessEntry,
    group=st.sampled_from(("one", "two")),
    model=st.sampled_from(SecurityModel),
    level=st.sampled_from(SecurityLevel),
    context=st.sampled_from(CONTEXTS),
    prefix=st.sampled_from((True, True, False)),
    read=SOME_VIEW,
    write=SOME_VIEW,
    notify=SOME_VIEW,
)
ENTRY_FOR_ALL = st.builds(
    AccessEntry,
    group=st.sampled_from(("one", "two")),
    model=st.just(SecurityModel.ANY),
    level=st.just(SecurityLevel.NO_AUTH_NO_PRIV),
    prefix=st.just(value=True),
    read=SOME_VIEW,
    write=SOME_VIEW,
    notify=SOME_VIEW,
)
SOME_ENTRIES = st.lists(
    st.one_of(SOME_ENTRY, ENTRY_FOR_ALL),
    min_size=3,
    max_size=12,
    unique_by=lambda entry: (entry.group, entry.context, entry.model, entry.level),
)
SOME_MEMBERS = st.lists(
    st.builds(
        GroupMember, st.sampled_from(MODELS), st.just(b"joe"), st.sampled_from(("one", "two"))
    ),
    min_size=2,
    max_size=3,
    unique_by=lambda member: (member.model, member.security_name),
)
SOME_ROWS = st.lists(
    some_row(), min_size=2, max_size=10, unique_by=lambda row: (row.view, row.subtree)
)
SOME_QUESTION = st.tuples(
    st.sampled_from(MODELS),
    st.sampled_from((b"joe", b"joe", b"joe", b"jane")),
    st.sampled_from(SecurityLevel),
    st.sampled_from(ViewType),
    st.sampled_from(CONTEXTS),
)


@given(SOME_MEMBERS, SOME_ENTRIES, SOME_ROWS, st.lists(SOME_QUESTION, min_size=3, max_size=6))
def test_va02_va03_the_same_as_is_access_allowed(
    members: list[GroupMember],
    entries: list[AccessEntry],
    rows: list[Row],
    questions: list[Question],
) -> None:
    subtrees = tuple(Subtree(row.view, row.parts(), row.included) for row in rows)
    tables = VacmTables(tuple(members), tuple(entries), subtrees)
    vacm = Vacm(tables, TREE)
    for question in questions:
        model, security_name, level, view_type, context = question
        access = vacm.access(model, security_name, level, context, view_type)
        event("denied" if isinstance(access, Denied) else f"spans: {sorted(set(access.spans))}")
        for name in INSTANCES:
            expected = is_access_allowed(tables, rows, question, name)
            if isinstance(access, Denied):
                assert expected == access.value
                continue
            encoded = ber.encode_oid(name)
            assert access.allows(encoded) is expected
            span, _ = TREE.find(encoded)
            assert span is not None
            if span.type.tag == ber.COUNTER64 and (model, view_type) == (MODELS[0], ViewType.READ):
                expected = False
            shown = access.spans[span.number]
            allowed = access.allows(encoded) if shown == PARTLY else shown == SHOWN
            assert allowed is expected


@given(SOME_ROWS, st.lists(st.sampled_from(INSTANCES)), st.integers(0, 20))
def test_va03_names_that_are_no_instances(rows: list[Row], names: list[Oid], length: int) -> None:
    subtrees = tuple(Subtree(row.view, row.parts(), row.included) for row in rows)
    vacm = Vacm(VacmTables(subtrees=subtrees), TREE)
    for view in VIEWS:
        for name in names:
            beside = (*name[: max(length, 2)], length)
            assert view_has(vacm, view, beside) is is_in_view(rows, view, beside)
