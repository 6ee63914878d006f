"""agent.subagent.objects: the same as the View gives encoded, whatever is asked."""

from __future__ import annotations

import random
from bisect import bisect_left, bisect_right

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.agentx.values import (
    BIG,
    END_OF_MIB_VIEW,
    NO_SUCH_INSTANCE,
    NO_SUCH_OBJECT,
    Oid,
    SearchRange,
    VarBind,
    encode_oid,
    encode_varbind,
)
from agent.subagent.objects import ObjectReader, ServedObjects, plain_varbind
from mibs.view import ViewBuilder
from tests.small_mib import MODULE, ROOT, Part, Peer, Reference, Small, Thing, small_tree

AT = 1000.0


def _world(rows: int, seed: int = 1) -> tuple[ObjectReader, dict[Oid, VarBind]]:
    draw = random.Random(seed)
    things = tuple(
        Thing(
            number * 3,
            draw.randrange(2**31),
            draw.uniform(0, AT),
            draw.choice((None, b"", b"note")),
            tuple(Part(n, draw.randrange(100)) for n in range(draw.randrange(3))),
        )
        for number in range(rows)
    )
    peers = tuple(Peer(n, (draw.randrange(5), n), n, (Part(2**32 - 1, n),)) for n in range(rows))
    snapshot = Small(things, peers, None if rows == 0 else 2**64 + 5)
    tree = small_tree()
    reference = Reference(tree, snapshot, AT)
    cells = [plain_varbind(cell) for _, cell in reference.cells]
    reader = ObjectReader(ServedObjects(tree, [MODULE]), ViewBuilder(tree).build(snapshot, AT))
    return reader, {cell.name: cell for cell in cells}


WORLDS = {rows: _world(rows) for rows in (0, 1, 700)}


@pytest.mark.parametrize("rows", WORLDS)
def test_ax23_27_a_walk_gives_every_instance_in_order(rows: int) -> None:
    reader, cells = WORLDS[rows]
    found = []
    name: Oid = ()
    while (varbind := reader.next(SearchRange(name))).type != END_OF_MIB_VIEW:
        found.append(varbind)
        name = varbind.name
    assert varbind.name == name
    assert found == [cells[name] for name in sorted(cells)]


_NAMES = st.one_of(
    st.sampled_from(sorted(WORLDS[700][1])),
    st.lists(st.sampled_from([0, 1, 2, 3, 4, 7, 130, 300, 2**32 - 1]), max_size=5).map(
        lambda rest: (*ROOT, *rest)
    ),
    st.just(()),
    st.just((2, 1)),
    st.just((1, 3)),
)


@given(st.sampled_from(sorted(WORLDS)), _NAMES, st.booleans(), _NAMES)
def test_ax23_any_range(rows: int, start: Oid, include: bool, end: Oid) -> None:
    reader, cells = WORLDS[rows]
    names = sorted(cells)
    position = bisect_left(names, start) if include else bisect_right(names, start)
    expected = VarBind(start, END_OF_MIB_VIEW)
    if position < len(names) and (not end or names[position] < end):
        expected = cells[names[position]]
    assert reader.next(SearchRange(start, include, end)) == expected


@pytest.mark.parametrize("end", [(), (*ROOT, 2, 1, 3), (*ROOT, 2, 1, 2, 900), (*ROOT, 4, 2)])
def test_ax23_a_walk_that_goes_on_is_the_same(end: Oid) -> None:
    reader, cells = _world(700)
    encoded_end = encode_oid(end, BIG)
    followed = 0
    for name in (ROOT, *sorted(cells)):
        expected = encode_varbind(reader.next(SearchRange(name, end=end)), BIG)
        for _ in range(2):
            found = reader.follow(encode_oid(name, BIG), encoded_end)
            followed += found is not None
            assert found in (None, expected)
        # What is to be found again under the same name has another end.
        later = reader.follow(encode_oid(name, BIG), encode_oid((2,), BIG))
        assert later in (None, encode_varbind(reader.next(SearchRange(name)), BIG))
    # Inside a column, only its end tells where to stop.
    assert followed > 1000 or end == (*ROOT, 2, 1, 2, 900)


@given(st.sampled_from(sorted(WORLDS)), _NAMES)
def test_ax22_any_name(rows: int, name: Oid) -> None:
    reader, cells = WORLDS[rows]
    found = reader.get(name)
    if name in cells:
        assert found == cells[name]
    else:
        assert found.name == name
        assert found.type in (NO_SUCH_OBJECT, NO_SUCH_INSTANCE)


def test_ax22_why_there_is_nothing() -> None:
    reader, _ = WORLDS[700]
    assert reader.get((*ROOT, 2, 1, 2, 1)).type == NO_SUCH_INSTANCE
    assert reader.get((*ROOT, 1, 1, 1)).type == NO_SUCH_INSTANCE
    assert reader.get((*ROOT, 2, 1, 5, 3)).type == NO_SUCH_INSTANCE
    assert reader.get((*ROOT, 9, 9)).type == NO_SUCH_OBJECT
    assert reader.get((1, 3)).type == NO_SUCH_OBJECT


def test_another_module_is_not_served() -> None:
    tree = small_tree()
    view = ViewBuilder(tree).build(Small(), AT)
    objects = ServedObjects(tree, ["SNMPv2-MIB"])
    assert objects.regions() == ()
    assert ObjectReader(objects, view).get((*ROOT, 1, 2, 0)).type == NO_SUCH_OBJECT


def test_ax11_tables_and_groups_of_scalars_are_the_regions() -> None:
    regions = ServedObjects(small_tree(), [MODULE]).regions()
    assert regions == ((*ROOT, 1), *((*ROOT, number) for number in (2, 3, 4, 5, 130)))


@given(st.sampled_from(sorted(WORLDS[700][1])))
def test_a_varbind_of_ours_is_decoded(name: Oid) -> None:
    _, cells = WORLDS[700]
    assert cells[name].name == name
    assert isinstance(cells[name].value, int | bytes | tuple)
