"""mibs.table: what scalars and columns make of the model."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from mibs.table import Age, Column, Live, Scalar


def rows(*values: object) -> list[SimpleNamespace]:
    return [SimpleNamespace(value=value) for value in values]


class TestScalar:
    def test_the_path_is_followed(self) -> None:
        snapshot = SimpleNamespace(totals=SimpleNamespace(ended=7))
        assert Scalar("x", "totals.ended").value(snapshot) == 7
        assert Scalar("x", "totals.ended", lambda n: n + 1).value(snapshot) == 8

    def test_none_is_absent_and_reaches_no_form(self) -> None:
        assert Scalar("x", "value", len).value(SimpleNamespace(value=None)) is None

    def test_something_may_stand_for_none(self) -> None:
        scalar = Scalar("x", "value", len, missing=9)
        assert scalar.value(SimpleNamespace(value=None)) == 9
        assert scalar.value(SimpleNamespace(value=b"")) == 0

    def test_a_form_may_find_no_value(self) -> None:
        assert Scalar("x", "value", lambda _: None).value(SimpleNamespace(value=1)) is None

    def test_zero_and_nothing_written_are_values(self) -> None:
        assert Scalar("x", "value").value(SimpleNamespace(value=0)) == 0
        assert Scalar("x", "value").value(SimpleNamespace(value=b"")) == b""


def test_live_reads_each_time() -> None:
    numbers = iter((1, 2))
    live = Live("x", lambda: next(numbers))
    assert [live.read(), live.read()] == [1, 2]


class TestColumn:
    def values(self, column: Column, *values: object, at: float = 0.0) -> list[object]:
        source = [column.first(row) for row in rows(*values)]
        return list(column.values(source, at))

    def test_one_attribute(self) -> None:
        column = Column("x", "value")
        assert column.part == "value"
        assert self.values(column, 1, None, 0, b"") == [1, None, 0, b""]

    def test_an_attribute_of_an_attribute(self) -> None:
        column = Column("x", "value.inner.number")
        assert column.part == "value"
        inner = SimpleNamespace(inner=SimpleNamespace(number=3))
        assert self.values(column, inner, inner) == [3, 3]

    def test_a_form_is_not_asked_about_none(self) -> None:
        assert self.values(Column("x", "value", len), b"abc", None) == [3, None]

    def test_something_may_stand_for_none(self) -> None:
        assert self.values(Column("x", "value", len, missing=0), b"abc", None) == [3, 0]
        assert self.values(Column("x", "value", missing=0), 3, None) == [3, 0]

    def test_several_attributes(self) -> None:
        column = Column("x", "value.inner, value.outer", sum)
        assert column.part == "value.inner, value.outer"
        two = SimpleNamespace(inner=1, outer=2)
        assert self.values(column, two, two) == [3, 3]

    def test_the_source_is_not_given_away(self) -> None:
        source = [1, 2]
        assert Column("x", "value").values(source, 0.0) is not source

    def test_columns_are_told_apart_by_what_they_are_made_of(self) -> None:
        assert Column("x", "value") == Column("x", "value")
        assert Column("x", "value") != Column("x", "other")


class TestAge:
    @pytest.mark.parametrize(
        ("began", "age"),
        [
            (100.0, 0),
            (99.99, 1),
            (0.0, 10_000),
            (100.5, 0),  # not negative
            (100.0 - 2**31 / 100, 2**31 - 1),
            (-1e12, 2**31 - 1),  # stops, and does not wrap
        ],
    )
    def test_hundredths_of_a_second(self, began: float, age: int) -> None:
        column = Age("x", "value")
        assert column.values([began], 100.0) == [pytest.approx(age, abs=1)]

    def test_of_an_attribute_of_an_attribute(self) -> None:
        column = Age("x", "value.began")
        assert column.values([SimpleNamespace(began=1.0)], 3.0) == [200]
