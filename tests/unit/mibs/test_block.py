"""mibs.block: how rows are put into blocks, and what a block takes over."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

import pytest

from mibs.block import _LARGEST, _SMALLEST, Block, EncodingBudget, TableBlock, partition
from mibs.table import Key, Root
from mibs.tree import ColumnSpan
from tests.small_mib import Part, Thing, small_tree

TREE = small_tree()
SPANS = {s.type.name: s for s in TREE.spans if isinstance(s, ColumnSpan)}
THINGS = SPANS["thingCount"].table.root


@dataclass(frozen=True, slots=True)
class Row:
    number: int


ROWS = Root("rows", lambda _: (), lambda row: (row.number,))


def made(*numbers: int) -> list[Row]:
    return [Row(number) for number in sorted(numbers)]


def check(rows: list[Row], blocks: list[Block]) -> None:
    """What everybody who looks for a row relies on."""
    assert [row for block in blocks for row in block.rows] == rows
    firsts = [block.first for block in blocks]
    assert firsts == sorted(set(firsts))
    for number, block in enumerate(blocks):
        assert 0 < len(block.rows) <= _LARGEST
        if number:
            assert block.first <= (block.rows[0].number,)
            assert (blocks[number - 1].rows[-1].number,) < block.first


class TestPartition:
    def test_no_rows_no_blocks(self) -> None:
        assert partition(ROWS, [], []) == []
        blocks = partition(ROWS, made(*range(1000)), [])
        assert partition(ROWS, [], blocks) == []

    @pytest.mark.parametrize("size", [1, 127, 128, 129, 256, 511, 512, 513, 1000, 5000])
    def test_from_nothing(self, size: int) -> None:
        rows = made(*range(size))
        blocks = partition(ROWS, rows, [])
        check(rows, blocks)
        assert len(blocks) <= max(1, size // _SMALLEST)

    def test_the_same_rows_keep_their_blocks(self) -> None:
        rows = made(*range(1000))
        blocks = partition(ROWS, rows, [])
        again = partition(ROWS, list(rows), blocks)
        assert all(a is b for a, b in zip(blocks, again, strict=True))

    def test_a_changed_row_renews_its_block_only(self) -> None:
        rows = made(*range(1000))
        blocks = partition(ROWS, rows, [])
        rows[600] = Row(600)
        again = partition(ROWS, rows, blocks)
        renewed = [a is not b for a, b in zip(blocks, again, strict=True)]
        assert renewed == [False, False, True, False]

    def test_small_neighbours_are_joined_and_large_ones_cut(self) -> None:
        blocks = partition(ROWS, made(*range(0, 10_000, 10)), [])
        few = made(*range(0, 10_000, 500))
        joined = partition(ROWS, few, blocks)
        check(few, joined)
        assert len(joined) == 1
        many = made(*range(5000))
        cut = partition(ROWS, many, joined)
        check(many, cut)
        assert min(len(block.rows) for block in cut) >= _SMALLEST

    @pytest.mark.parametrize("seed", range(5))
    def test_any_changes(self, seed: int) -> None:
        rng = random.Random(seed)
        numbers: set[int] = set()
        blocks: list[Block] = []
        for _ in range(80):
            start, size = rng.randrange(20_000), rng.choice((1, 50, 700, 3000))
            run = range(start, start + size)
            if rng.random() < 0.5:
                numbers |= set(rng.sample(run, rng.randrange(size + 1)))
            else:
                numbers -= set(run)
            rows = made(*numbers)
            blocks = partition(ROWS, rows, blocks)
            check(rows, blocks)
        assert numbers


def keys_of(rows: list[Thing]) -> list[Key]:
    return [(row.number,) for row in rows]


class TestTableBlock:
    things = [Thing(n, n * 3, 0.0, b"x" if n % 4 else None) for n in range(1, 9)]

    def block(self, old: TableBlock | None = None, things: list[Thing] | None = None) -> TableBlock:
        rows = things or self.things
        return TableBlock(keys_of(rows), rows, old)

    def test_a_full_column(self) -> None:
        cells = self.block().cells(SPANS["thingCount"], 1.0, EncodingBudget(10**6))
        assert len(cells) == 8
        assert [cells.from_row(n) for n in range(8)] == list(range(8))
        assert [cells.at_row(n) for n in range(8)] == [cells.cell(n) for n in range(8)]
        assert cells.octets >= len(cells.data)

    def test_a_column_with_gaps(self) -> None:
        cells = self.block().cells(SPANS["thingNote"], 1.0, EncodingBudget(10**6))
        assert len(cells) == 6
        assert [cells.from_row(n) for n in range(9)] == [0, 1, 2, 3, 3, 4, 5, 6, 6]
        assert cells.at_row(3) is None
        assert cells.at_row(7) is None
        assert cells.at_row(4) == cells.cell(3)

    def test_a_column_that_is_wholly_absent(self) -> None:
        cells = self.block().cells(SPANS["thingNever"], 1.0, EncodingBudget(10**6))
        assert len(cells) == 0
        assert cells.from_row(0) == 0
        assert cells.at_row(0) is None

    def test_a_successor_keeps_what_is_equal(self) -> None:
        budget = EncodingBudget(10**6)
        old = self.block()
        cells = {name: old.cells(SPANS[name], 1.0, budget) for name in ("thingCount", "thingNote")}
        changed = [replace(thing) for thing in self.things]
        changed[0] = replace(changed[0], count=5)
        new = self.block(old.retire(), changed)
        assert new.cells(SPANS["thingNote"], 2.0, budget) is cells["thingNote"]
        assert new.cells(SPANS["thingCount"], 2.0, budget) is not cells["thingCount"]

    def test_a_successor_with_other_keys_keeps_nothing(self) -> None:
        budget = EncodingBudget(10**6)
        old = self.block()
        cells = old.cells(SPANS["thingNote"], 1.0, budget)
        new = self.block(old.retire(), self.things[:-1])
        assert new.cells(SPANS["thingNote"], 1.0, budget) is not cells

    def test_ages_hang_on_the_time_and_on_the_beginning(self) -> None:
        budget = EncodingBudget(10**6)
        age = SPANS["thingAge"]
        old = self.block()
        cells = old.cells(age, 1.0, budget)
        assert old.cells(age, 1.0, budget) is cells
        assert old.cells(age, 2.0, budget) is not cells
        before = old.cells(age, 2.0, budget).data
        later = [replace(thing, began=0.5) for thing in self.things]
        new = self.block(old.retire(), later)
        assert new.cells(age, 2.0, budget).data != before
        assert new.cells(age, 2.0, budget).data[-1] == 150

    def test_when_the_budget_is_used_up_all_is_forgotten(self) -> None:
        one = self.block().cells(SPANS["thingCount"], 1.0, EncodingBudget(10**6)).octets
        budget = EncodingBudget(2 * one + 10)
        blocks = [self.block() for _ in range(3)]
        first = [block.cells(SPANS["thingCount"], 1.0, budget) for block in blocks]
        assert blocks[2].cells(SPANS["thingCount"], 1.0, budget) is first[2]
        assert blocks[0].cells(SPANS["thingCount"], 1.0, budget) is not first[0]

    def test_what_replaces_something_costs_the_difference(self) -> None:
        block = self.block()
        one = block.cells(SPANS["thingAge"], 1.0, EncodingBudget(10**6)).octets
        budget = EncodingBudget(4 * one)
        other = self.block()
        kept = other.cells(SPANS["thingCount"], 1.0, budget)
        for at in range(100):
            block.cells(SPANS["thingAge"], float(at), budget)
        assert other.cells(SPANS["thingCount"], 1.0, budget) is kept


class TestBlock:
    things = [Thing(n, n, 0.0, parts=(Part(1, n), Part(7, n))[: n % 3]) for n in range(1, 6)]

    def test_rows_of_a_table(self) -> None:
        block = Block(self.things, (), None)
        table = block.table(SPANS["thingCount"].table)
        assert table.keys == [(1,), (2,), (3,), (4,), (5,)]
        assert block.table(SPANS["thingNote"].table) is table

    def test_rows_that_are_made_of_parts(self) -> None:
        block = Block(self.things, (), None)
        table = block.table(SPANS["partWeight"].table)
        assert table.keys == [(1, 1), (2, 1), (2, 7), (4, 1), (5, 1), (5, 7)]

    def test_what_nobody_asked_for_is_handed_on_once_more(self) -> None:
        budget = EncodingBudget(10**6)
        table = SPANS["thingCount"].table
        first = Block(self.things, (), None)
        cells = first.table(table).cells(SPANS["thingCount"], 1.0, budget)
        second = Block(list(map(replace, self.things)), (), first)
        third = Block(list(map(replace, self.things)), (), second)
        assert third.table(table).cells(SPANS["thingCount"], 1.0, budget) is cells
        assert not first.rows
        assert not second.rows
