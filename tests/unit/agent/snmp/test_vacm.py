"""agent.snmp.vacm: RFC 3415 row by row, each denial and each preference for itself."""

from __future__ import annotations

import dataclasses
from itertools import permutations

import pytest

from agent.snmp import vacm as module
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
from mibs.access import HIDDEN, PARTLY, SHOWN, Access
from mibs.smi import Oid
from mibs.view import ViewBuilder
from tests.engine import view_has
from tests.small_mib import ROOT, Small, Thing, small_tree

ANY, V1, V2C, USM = SecurityModel
NO_AUTH, AUTH, PRIV = SecurityLevel
READ, WRITE, NOTIFY = ViewType

TREE = small_tree()
SPAN = {span.type.name: span for span in TREE.spans}
SCALARS, THINGS, PARTS = (*ROOT, 1), (*ROOT, 2), (*ROOT, 3)
COUNT = SPAN["thingCount"].type.oid

MEMBERS = (GroupMember(USM, b"joe", "staff"), GroupMember(V2C, b"public", "guests"))
SUBTREES = (
    Subtree("scalars", SCALARS),
    Subtree("things", THINGS),
    Subtree("parts", PARTS),
    Subtree("all", (1, 3, 6, 1)),
)


def vacm(*entries: AccessEntry, subtrees: tuple[Subtree, ...] = SUBTREES) -> Vacm:
    return Vacm(VacmTables(MEMBERS, entries, subtrees), TREE)


def ask(
    of: Vacm,
    *,
    model: SecurityModel = USM,
    name: bytes = b"joe",
    level: SecurityLevel = AUTH,
    context: bytes = b"",
    view_type: ViewType = READ,
) -> Access | Denied:
    answer = of.access(model, name, level, context, view_type)
    assert of.access(model, name, level, context, view_type) is answer  # a remembered one
    return answer


def shown(answer: Access | Denied) -> set[str]:
    """The objects that are shown; none of the others in part."""
    assert isinstance(answer, Access)
    assert len(answer.spans) == len(TREE.spans)
    assert PARTLY not in answer.spans
    return {span.type.name for span in TREE.spans if answer.spans[span.number] == SHOWN}


def below(oid: Oid) -> set[str]:
    return {name for name, span in SPAN.items() if span.type.oid[: len(oid)] == oid}


ENTRY = AccessEntry("staff", USM, AUTH, read="scalars", write="things", notify="parts")


class TestDenials:
    def test_va01_without_rows_nobody_may_do_anything(self) -> None:
        for view_type in ViewType:
            answer = ask(Vacm(VacmTables(), TREE), view_type=view_type)
            assert answer is Denied.NO_GROUP_NAME

    @pytest.mark.parametrize(
        ("model", "name"),
        [
            (USM, b"jane"),
            (USM, b"Joe"),
            (USM, b"joe\x00"),
            (USM, b""),
            (V2C, b"joe"),
            (V1, b"joe"),
            (V1, b"public"),
            (USM, b"public"),
        ],
    )
    def test_va01_a_name_without_a_group(self, model: SecurityModel, name: bytes) -> None:
        assert ask(vacm(ENTRY), model=model, name=name) is Denied.NO_GROUP_NAME

    def test_va01_an_empty_name_of_a_group_is_no_group(self) -> None:
        tables = VacmTables(
            (GroupMember(USM, b"joe", ""),),
            (dataclasses.replace(ENTRY, group=""),),
            SUBTREES,
        )
        assert ask(Vacm(tables, TREE)) is Denied.NO_GROUP_NAME

    def test_va01_a_member_of_any_model_is_a_member_of_none(self) -> None:
        # vacmSecurityModel may not be any(0) (RFC 3415, vacmSecurityToGroupTable).
        tables = VacmTables((GroupMember(ANY, b"joe", "staff"),), (ENTRY,), SUBTREES)
        assert ask(Vacm(tables, TREE)) is Denied.NO_GROUP_NAME

    def test_va01_a_group_without_an_entry(self) -> None:
        answer = ask(vacm(ENTRY), model=V2C, name=b"public", level=NO_AUTH)
        assert answer is Denied.NO_ACCESS_ENTRY

    def test_va02_an_entry_for_another_model(self) -> None:
        of_v1, of_v2c = (dataclasses.replace(ENTRY, model=model) for model in (V1, V2C))
        assert ask(vacm(of_v1, of_v2c), level=PRIV) is Denied.NO_ACCESS_ENTRY

    @pytest.mark.parametrize("entry_level", SecurityLevel)
    @pytest.mark.parametrize("level", SecurityLevel)
    def test_va02_a_request_that_is_protected_less_than_the_entry_asks(
        self, entry_level: SecurityLevel, level: SecurityLevel
    ) -> None:
        answer = ask(vacm(dataclasses.replace(ENTRY, level=entry_level)), level=level)
        if level < entry_level:
            assert answer is Denied.NO_ACCESS_ENTRY
        else:
            assert shown(answer) == below(SCALARS)

    @pytest.mark.parametrize(
        ("prefix", "there", "context", "fits"),
        [
            (False, b"", b"", True),
            (False, b"", b"red", False),
            (False, b"red", b"red", True),
            (False, b"red", b"", False),
            (False, b"red", b"red-2", False),
            (False, b"red", b"re", False),
            (False, b"red", b"Red", False),
            (True, b"", b"", True),
            (True, b"", b"red", True),
            (True, b"red", b"red", True),
            (True, b"red", b"red-2", True),
            (True, b"red", b"re", False),
            (True, b"red", b"blue-red", False),
            (True, b"red", b"", False),
        ],
    )
    def test_va02_an_entry_for_another_context(
        self, *, prefix: bool, there: bytes, context: bytes, fits: bool
    ) -> None:
        entry = dataclasses.replace(ENTRY, context=there, prefix=prefix)
        answer = ask(vacm(entry), context=context)
        assert (shown(answer) == below(SCALARS)) if fits else answer is Denied.NO_ACCESS_ENTRY

    @pytest.mark.parametrize(
        ("view_type", "entry"),
        [
            (READ, dataclasses.replace(ENTRY, read="")),
            (WRITE, dataclasses.replace(ENTRY, write="")),
            (NOTIFY, dataclasses.replace(ENTRY, notify="")),
        ],
    )
    def test_va01_an_empty_name_of_a_view_is_no_view(
        self, view_type: ViewType, entry: AccessEntry
    ) -> None:
        for of in (vacm(entry), vacm(entry, subtrees=(*SUBTREES, Subtree("", ROOT)))):
            for asked in ViewType:
                denied = ask(of, view_type=asked) is Denied.NO_SUCH_VIEW
                assert denied is (asked is view_type)

    def test_va01_a_view_without_subtrees(self) -> None:
        answer = ask(vacm(dataclasses.replace(ENTRY, read="Scalars")))
        assert answer is Denied.NO_SUCH_VIEW

    def test_va01_an_entry_that_fits_better_denies_too(self) -> None:
        # The view of the less fitting entry is not asked instead.
        better = AccessEntry("staff", USM, PRIV, write="things")
        of = vacm(ENTRY, better)
        assert ask(of, level=PRIV) is Denied.NO_SUCH_VIEW
        assert shown(ask(of, level=AUTH)) == below(SCALARS)

    def test_va01_names_beside_the_view(self) -> None:
        answer = ask(vacm(ENTRY))
        assert isinstance(answer, Access)
        assert answer.spans[SPAN["thingCount"].number] == HIDDEN
        for name in (COUNT, ROOT, (*ROOT, 2), (*ROOT[:-1], 301, 1), (0, 0), (2, 999)):
            assert not answer.allows(ber.encode_oid(name))
        assert answer.allows(ber.encode_oid((*SCALARS, 1, 0)))


def test_va04_views_to_read_to_write_and_of_notifications_are_independent() -> None:
    of = vacm(ENTRY)
    assert shown(ask(of, view_type=READ)) == below(SCALARS)
    assert shown(ask(of, view_type=WRITE)) == below(THINGS)
    assert shown(ask(of, view_type=NOTIFY)) == below(PARTS)


# Of two entries, the first is to be taken for the request.
PREFERENCES = [
    pytest.param(
        AccessEntry("staff", USM, NO_AUTH, b"", prefix=True, read="things"),
        AccessEntry("staff", ANY, PRIV, b"red", read="parts"),
        id="this model before any, whatever the context and level",
    ),
    pytest.param(
        AccessEntry("staff", USM, NO_AUTH, b"red", read="things"),
        AccessEntry("staff", USM, PRIV, b"re", prefix=True, read="parts"),
        id="this context before the beginning of it, whatever the level",
    ),
    pytest.param(
        AccessEntry("staff", ANY, NO_AUTH, b"red", prefix=True, read="things"),
        AccessEntry("staff", ANY, PRIV, b"re", prefix=True, read="parts"),
        id="this context before the beginning of it, also when it is given as a prefix",
    ),
    pytest.param(
        AccessEntry("staff", USM, NO_AUTH, b"re", prefix=True, read="things"),
        AccessEntry("staff", USM, PRIV, b"r", prefix=True, read="parts"),
        id="the longer prefix, whatever the level",
    ),
    pytest.param(
        AccessEntry("staff", USM, PRIV, b"re", prefix=True, read="things"),
        AccessEntry("staff", USM, AUTH, b"re", prefix=True, read="parts"),
        id="the higher level",
    ),
    pytest.param(
        AccessEntry("staff", ANY, AUTH, b"", prefix=True, read="things"),
        AccessEntry("staff", ANY, NO_AUTH, b"", prefix=True, read="parts"),
        id="the higher level, of any model",
    ),
]


@pytest.mark.parametrize(("better", "worse"), PREFERENCES)
def test_va02_preference(better: AccessEntry, worse: AccessEntry) -> None:
    unfit = AccessEntry("guests", ANY, PRIV, b"red", read="scalars")
    for entries in permutations((better, worse, unfit)):
        of = vacm(*entries)
        assert shown(ask(of, level=PRIV, context=b"red")) == below(THINGS)
    alone = vacm(worse, unfit)
    assert shown(ask(alone, level=PRIV, context=b"red")) == below(PARTS)


# Views --------------------------------------------------------------------------------------------


def view(*subtrees: tuple[tuple[int | None, ...], bool]) -> Vacm:
    """Joe may read the view "v" of these subtrees."""
    return vacm(
        AccessEntry("staff", ANY, NO_AUTH, read="v"),
        subtrees=tuple(Subtree("v", parts, included) for parts, included in subtrees),
    )


def of_span(of: Vacm, name: str) -> int:
    answer = ask(of)
    assert isinstance(answer, Access)
    return answer.spans[SPAN[name].number]


def orders(*subtrees: tuple[tuple[int | None, ...], bool]) -> list[Vacm]:
    """The same view, its subtrees in every order."""
    return [view(*order) for order in permutations(subtrees)]


def test_va03_the_longest_subtree_decides() -> None:
    for of in orders((ROOT, True), (THINGS, False), (COUNT, True), ((*COUNT, 7), False)):
        assert view_has(of, "v", (*SCALARS, 1, 0))
        assert not view_has(of, "v", (*THINGS, 1, 3, 1))
        assert not view_has(of, "v", COUNT[:-1])
        assert view_has(of, "v", (*COUNT, 1))
        assert not view_has(of, "v", (*COUNT, 7))
        assert not view_has(of, "v", (*COUNT, 7, 1))
        assert view_has(of, "v", (*COUNT, 8))
        assert of_span(of, "smallTotal") == SHOWN
        assert of_span(of, "thingBig") == HIDDEN
        assert of_span(of, "thingCount") == PARTLY


def test_va03_a_name_that_no_subtree_has_is_not_in_the_view() -> None:
    of = view((THINGS, True))
    for name in (ROOT, SCALARS, (*THINGS[:-1], 21), (1, 3), (2, 5), ()):
        assert not view_has(of, "v", name)
    assert view_has(of, "v", THINGS)
    assert not view_has(of, "w", THINGS)
    assert not view_has(of, "", THINGS)


def test_va03_a_wildcard_is_for_any_one_number() -> None:
    of = view(((*ROOT, None, 1, 2), True))
    for number in (0, 1, 127, 128, 16383, 16384, 2**32 - 1):
        assert view_has(of, "v", (*ROOT, number, 1, 2))
        assert view_has(of, "v", (*ROOT, number, 1, 2, number))
        assert not view_has(of, "v", (*ROOT, number, 1, 3))
        assert not view_has(of, "v", (*ROOT, number, number, 1, 2))
    assert not view_has(of, "v", (*ROOT, 1, 2))


def test_va03_what_follows_the_mask_is_to_be_equal() -> None:
    # A mask that is shorter than the subtree is as if ones followed (vacmViewTreeFamilyMask).
    of = view(((*ROOT, 2, None, 4, 130), True))
    assert view_has(of, "v", (*ROOT, 2, 9, 4, 130, 1))
    assert not view_has(of, "v", (*ROOT, 2, 9, 4, 131, 1))
    assert not view_has(of, "v", (*ROOT, 2, 9, 5, 130, 1))


def test_va03_a_wildcard_at_the_end_wants_a_number_there() -> None:
    of = view(((*COUNT, None), True))
    assert not view_has(of, "v", COUNT)
    assert view_has(of, "v", (*COUNT, 2**32 - 1))
    assert of_span(of, "thingCount") == SHOWN
    assert of_span(of, "thingBig") == HIDDEN


def test_va03_of_equally_long_subtrees_the_lexicographically_greatest_decides() -> None:
    early, late = (*ROOT, 2, None, 2), (*ROOT, None, 1, 2)
    for included in (True, False):
        # The first difference is at the table: a number there is more than a wildcard.
        for of in orders((early, included), (late, not included)):
            assert view_has(of, "v", (*COUNT, 1)) is included
            assert view_has(of, "v", (*PARTS, 1, 2, 1)) is not included
            assert of_span(of, "thingCount") == (SHOWN if included else HIDDEN)


def test_va03_excluded_within_included_wins_by_length_not_by_being_excluded() -> None:
    for of in orders((THINGS, False), (ROOT, True)):
        assert of_span(of, "thingCount") == HIDDEN
        assert of_span(of, "partWeight") == SHOWN
    for of in orders((THINGS, True), (ROOT, False)):
        assert of_span(of, "thingCount") == SHOWN
        assert of_span(of, "partWeight") == HIDDEN


def test_the_same_subtree_twice_is_excluded() -> None:
    for of in orders((THINGS, True), (THINGS, False), (ROOT, True)):
        assert of_span(of, "thingCount") == HIDDEN
        assert of_span(of, "partWeight") == SHOWN


@pytest.mark.parametrize(
    ("parts", "inside", "outside"),
    [
        ((), [(0, 0), (0, 39), (1, 3), (2, 47), (2, 48), (2, 999, 1)], []),
        ((None,), [(0, 0), (1, 39, 1), (2, 2**32 - 81)], []),
        ((0,), [(0, 0), (0, 39, 7)], [(1, 0), (2, 0)]),
        ((1,), [(1, 0), (1, 39), (1, 3, 6)], [(0, 39), (2, 0), (2, 48)]),
        ((2,), [(2, 0), (2, 47), (2, 48), (2, 999, 1)], [(0, 39), (1, 39)]),
        ((3,), [], [(0, 0), (1, 39), (2, 40), (2, 999)]),
        ((1, None), [(1, 0), (1, 39, 1)], [(0, 1), (2, 1)]),
        ((1, 3), [(1, 3), (1, 3, 6)], [(0, 3), (2, 3), (1, 30)]),
        ((1, 40), [], [(2, 0), (1, 0), (1, 4)]),
        ((1, 43), [], [(2, 3), (1, 3), (2, 43)]),
        ((1, 43, 5), [], [(0, 5), (1, 3, 5), (2, 3, 5)]),
        ((2, 999), [(2, 999), (2, 999, 1)], [(2, 998), (2, 9)]),
        ((None, 3), [(0, 3), (1, 3, 1), (2, 3)], [(1, 4), (0, 13), (2, 43)]),
        ((None, 50), [(2, 50, 1)], [(1, 10), (0, 10), (2, 10)]),
        ((None, None, 6), [(1, 3, 6), (2, 999, 6, 1)], [(1, 3), (1, 6, 3)]),
    ],
)
def test_va03_the_first_two_numbers_which_ber_puts_into_one(
    parts: tuple[int | None, ...], inside: list[Oid], outside: list[Oid]
) -> None:
    included, excluded = view((parts, True)), view((parts, False))
    for name in inside + outside:
        assert view_has(included, "v", name) is (name in inside)
        assert not view_has(excluded, "v", name)


def test_va03_numbers_are_no_regular_expressions() -> None:
    numbers = [ord(character) for character in ".*+?|()[]{}^$\\- \n"]
    of = view(*(((1, 3, number), True) for number in numbers))
    for number in range(256):
        assert view_has(of, "v", (1, 3, number)) is (number in numbers)


# Spans --------------------------------------------------------------------------------------------


def test_va03_one_row_of_a_table() -> None:
    of = view((SCALARS, True), ((*THINGS, 1, None, 4), True))
    answer = ask(of)
    assert isinstance(answer, Access)
    for name, span in SPAN.items():
        if name in below(THINGS):
            assert answer.spans[span.number] == PARTLY
            assert answer.allows(ber.encode_oid((*span.type.oid, 4)))
            assert answer.allows(ber.encode_oid((*span.type.oid, 4, 1)))
            assert not answer.allows(ber.encode_oid((*span.type.oid, 40)))
            assert not answer.allows(ber.encode_oid((*span.type.oid, 5, 4)))
        else:
            assert answer.spans[span.number] == (SHOWN if name in below(SCALARS) else HIDDEN)


def test_va03_a_view_of_one_row_walked() -> None:
    answer = ask(view(((*THINGS, 1, None, 4), True), ((*THINGS, 1, 9), False)))
    assert isinstance(answer, Access)
    things = tuple(Thing(number, 7, 0.0, b"note") for number in range(1, 1000))
    cells = ViewBuilder(TREE).build(Small(things), 0.0).walk(b"\x00", answer, 10_000)
    names = [ber.decode_oid(ber.name_of(cell)) for cell in cells]
    # Of thingNever there is nothing; thingWeight, the ninth, is excluded, but the row is longer.
    assert names == [(*THINGS, 1, column, 4) for column in (2, 3, 4, 6, 7, 8, 9)]


@pytest.mark.parametrize("included", [True, False])
def test_longer_subtrees_that_change_nothing_leave_a_span_uniform(*, included: bool) -> None:
    uniform = SHOWN if included else HIDDEN
    for base in ([(COUNT, included)], [] if not included else [((*COUNT, None), True)]):
        of = view(*base, ((*COUNT, 4), included), ((*COUNT, None, 4), included))
        assert of_span(of, "thingCount") == uniform
    # Both are about the same rows, and the excluded or included one of the higher rank decides.
    wild = (*THINGS, 1, None, 4)
    of = view((COUNT, included), ((*COUNT, 4), included), (wild, not included))
    assert of_span(of, "thingCount") == uniform
    assert of_span(of, "thingBig") == (HIDDEN if included else PARTLY)


def test_a_subtree_that_has_every_row_hides_what_is_behind_it() -> None:
    of = view((COUNT, False), ((*ROOT, 2, None, 2, 4), False), ((*COUNT, None), True))
    # (2, None, 2, 4) is as long as (2, 1, 2, None), and less: it never decides.
    assert of_span(of, "thingCount") == SHOWN


def test_a_subtree_that_wants_a_longer_index_need_not_have_every_row() -> None:
    of = view((COUNT, True), ((*COUNT, None, None), False))
    assert of_span(of, "thingCount") == PARTLY


def test_a_scalar_is_never_shown_in_part() -> None:
    total = SPAN["smallTotal"].type.oid
    for parts, uniform in [
        (total, SHOWN),
        ((*total, 0), SHOWN),
        ((*total, None), SHOWN),
        ((*total, 1), HIDDEN),
        ((*total, 0, 0), HIDDEN),
        ((*total, None, None), HIDDEN),
        ((*SCALARS, 2), HIDDEN),
    ]:
        assert of_span(view((parts, True)), "smallTotal") == uniform
        if parts != total:
            opposite = SHOWN if uniform == HIDDEN else HIDDEN
            assert of_span(view((total, True), (parts, False)), "smallTotal") == opposite


def test_sn06_counter64_is_not_for_v1_to_read() -> None:
    tables = VacmTables(
        (GroupMember(V1, b"joe", "staff"), GroupMember(V2C, b"joe", "staff")),
        (AccessEntry("staff", ANY, NO_AUTH, read="all", write="all", notify="all"),),
        SUBTREES,
    )
    of = Vacm(tables, TREE)
    counters = {name for name, span in SPAN.items() if span.type.tag == ber.COUNTER64}
    assert {"smallTotal", "thingBig", "memberWeight"} <= counters
    assert shown(ask(of, model=V1)) == SPAN.keys() - counters
    assert shown(ask(of, model=V2C)) == SPAN.keys()
    assert shown(ask(of, model=V1, view_type=WRITE)) == SPAN.keys()
    assert shown(ask(of, model=V1, view_type=NOTIFY)) == SPAN.keys()


def test_equal_views_are_compiled_once() -> None:
    models = V1, V2C, USM
    tables = VacmTables(
        tuple(GroupMember(model, b"joe", f"group {model}") for model in models),
        tuple(
            AccessEntry(f"group {model}", ANY, NO_AUTH, read="all", write="all", notify="things")
            for model in models
        ),
        SUBTREES,
    )
    of = Vacm(tables, TREE)
    assert ask(of, model=V2C) is ask(of, model=USM, level=PRIV)
    assert ask(of, model=V2C) is ask(of, model=V1, view_type=WRITE)
    assert ask(of, model=V2C) is not ask(of, model=V1)
    assert ask(of, model=V2C) is not ask(of, model=V2C, view_type=NOTIFY)


def test_answers_are_remembered_but_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_REMEMBERED", 3)
    of = vacm(ENTRY)
    for number in range(10):
        assert ask(of, name=b"guess %d" % number) is Denied.NO_GROUP_NAME
        assert shown(ask(of)) == below(SCALARS)
        assert len(of._answers) <= 3
