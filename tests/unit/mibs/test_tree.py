"""mibs.tree: bindings that do not fit are refused, and where a name falls."""

from __future__ import annotations

import dataclasses

import pytest

from mibs import ber
from mibs.smi import Module, Smi
from mibs.table import Binding, Column, Live, Root, Scalar, Table
from mibs.tree import BindingError, ColumnSpan, ScalarSpan, Tree
from tests.small_mib import MODULE, ROOT, binding, object_type, small_smi, small_tree

GOOD = binding()
ROWS = Root("rows", lambda _: (), lambda _: ())


def changed(**changes: object) -> Binding:
    return dataclasses.replace(GOOD, **changes)  # type: ignore[arg-type]


def with_table(name: str, *columns: str) -> tuple[Table, ...]:
    """The good tables, with one more."""
    return (*GOOD.tables, Table(name, ROWS, tuple(Column(c, "x") for c in columns)))


def without(name: str) -> tuple[Table, ...]:
    """The good tables, without one of their columns."""
    return tuple(
        dataclasses.replace(t, columns=tuple(c for c in t.columns if c.name != name))
        for t in GOOD.tables
    )


def faults(*bindings: Binding, of: Smi | None = None) -> str:
    with pytest.raises(BindingError) as caught:
        Tree(of or small_smi(), bindings)
    return str(caught.value)


class TestFaults:
    def test_a_scalar_that_is_not_bound(self) -> None:
        broken = changed(scalars=GOOD.scalars[1:])
        assert faults(broken) == "smallTotal is neither bound nor listed as unsupported"

    def test_a_column_that_is_not_bound(self) -> None:
        broken = changed(tables=without("thingNote"))
        assert faults(broken) == "thingNote is neither bound nor listed as unsupported"

    def test_an_unknown_scalar(self) -> None:
        broken = changed(scalars=(*GOOD.scalars, Scalar("smallTotla", "x")))
        assert faults(broken) == f"{MODULE} has no object smallTotla"

    def test_an_unknown_column(self) -> None:
        broken = changed(tables=with_table("thingTable", "thingTotal"))
        assert faults(broken) == f"{MODULE} has no object thingTotal"

    def test_an_unknown_table(self) -> None:
        tables = tuple(
            dataclasses.replace(t, name="thnigTable") if t.name == "emptyTable" else t
            for t in GOOD.tables
        )
        assert faults(changed(tables=tables)) == ("emptyValue is bound as a column of thnigTable")

    def test_a_column_of_another_table(self) -> None:
        broken = changed(
            tables=tuple(
                dataclasses.replace(t, columns=(*t.columns, Column("thingNote", "x")))
                if t.name == "peerTable"
                else t
                for t in without("thingNote")
            )
        )
        assert faults(broken) == "thingNote is bound as a column of peerTable"

    def test_a_table_where_a_table_is_no_table(self) -> None:
        tables = (*GOOD.tables[:-1], Table("emptyEntry", ROWS, GOOD.tables[-1].columns))
        assert faults(changed(tables=tables)) == "emptyValue is bound as a column of emptyEntry"

    def test_bound_twice(self) -> None:
        broken = changed(scalars=(*GOOD.scalars, Scalar("smallTotal", "x")))
        assert faults(broken) == "smallTotal is bound twice"
        broken = changed(tables=with_table("emptyTable", "emptyValue"))
        assert faults(broken) == "emptyValue is bound twice"

    def test_bound_twice_in_two_bindings(self) -> None:
        other = Binding(MODULE, scalars=(Scalar("smallTotal", "x"),))
        assert "smallTotal is bound twice" in faults(GOOD, other)

    def test_a_column_as_a_scalar(self) -> None:
        broken = changed(
            scalars=(*GOOD.scalars, Scalar("thingNote", "x")), tables=without("thingNote")
        )
        assert faults(broken) == f"thingNote is bound as a scalar of {MODULE}"

    def test_a_scalar_as_a_column(self) -> None:
        broken = changed(scalars=GOOD.scalars[1:], tables=with_table("emptyTable", "smallTotal"))
        assert faults(broken) == f"smallTotal is bound as a column of {MODULE}"

    def test_a_table_as_a_column(self) -> None:
        broken = changed(tables=with_table("emptyTable", "thingTable"))
        assert faults(broken) == f"thingTable is bound as a column of {MODULE}"

    def test_not_accessible(self) -> None:
        broken = changed(tables=with_table("thingTable", "thingIndex"))
        assert faults(broken) == "thingIndex is bound, but not-accessible"

    def test_for_notifications_only(self) -> None:
        scalar = object_type("smallNews", (1, 9), "scalar", access="accessible-for-notify")
        of = small_smi(scalar)
        Tree(of, (GOOD,))
        broken = changed(scalars=(*GOOD.scalars, Scalar("smallNews", "x")))
        assert faults(broken, of=of) == "smallNews is bound, but accessible-for-notify"

    def test_set_against_its_max_access(self) -> None:
        broken = changed(
            scalars=(
                Scalar("smallTotal", "total", write=lambda _: None),
                GOOD.scalars[1],
                Live("smallLive", lambda: 1, lambda _: None),
            ),
            tables=(
                *without("emptyValue")[:-1],
                dataclasses.replace(
                    GOOD.tables[-1], columns=(Column("emptyValue", "x", write=lambda *_: None),)
                ),
            ),
        )
        assert faults(broken) == (
            "smallTotal can be set, but is read-only; smallLive can be set, but is read-only; "
            "emptyValue can be set, but is read-only"
        )

    @pytest.mark.parametrize("access", ["read-write", "read-create"])
    def test_set_as_the_mib_allows(self, access: str) -> None:
        of = small_smi(object_type("smallSize", (1, 9), "scalar", access=access))
        size = Scalar("smallSize", "total", write=lambda _: None)
        Tree(of, (changed(scalars=(*GOOD.scalars, size)),))

    @pytest.mark.parametrize("name", ["thingNote", "thingTable", "thingEntry"])
    def test_bound_and_listed_as_unsupported(self, name: str) -> None:
        text = faults(changed(unsupported={name: "no time"}))
        assert "thingNote is bound and listed as unsupported" in text
        assert text.count("thingNote") == 1

    def test_an_unknown_name_listed_as_unsupported(self) -> None:
        assert faults(changed(unsupported={"thingNoet": "no time"})) == (
            f"{MODULE} has no object thingNoet, which is listed as unsupported"
        )

    def test_two_roots_of_one_name(self) -> None:
        other = dataclasses.replace(GOOD.tables[0].root)
        tables = (*GOOD.tables[1:], dataclasses.replace(GOOD.tables[0], root=other))
        name = GOOD.tables[0].name
        assert faults(changed(tables=tables)) == f"{name} has a root of its own named 'things' too"

    def test_an_object_of_another_module(self) -> None:
        alien = dataclasses.replace(object_type("alien", (7,), "scalar"), module="OTHER-MIB")
        here = small_smi()
        other = Module("OTHER-MIB", (*ROOT, 7), (alien,), (), {})
        both = Smi([*here.modules, other])
        broken = changed(scalars=(*GOOD.scalars, Scalar("alien", "x")))
        assert faults(broken, of=both) == f"alien is bound as a scalar of {MODULE}"

    def test_all_faults_are_in_one_message(self) -> None:
        broken = changed(scalars=(), unsupported={"nothing": "?"})
        assert faults(broken).count("; ") == 3


def test_unsupported_tables_need_no_binding() -> None:
    tables = tuple(table for table in GOOD.tables if table.name != "emptyTable")
    tree = Tree(small_smi(), (changed(tables=tables, unsupported={"emptyTable": "none"}),))
    assert "emptyValue" not in {span.type.name for span in tree.spans}


class TestTree:
    tree = small_tree()

    def test_spans_are_numbered_in_order(self) -> None:
        oids = [span.type.oid for span in self.tree.spans]
        assert oids == sorted(oids)
        assert [span.number for span in self.tree.spans] == list(range(len(oids)))

    def test_kinds(self) -> None:
        for span in self.tree.spans:
            if span.type.kind == "scalar":
                assert isinstance(span, ScalarSpan)
                assert span.scalar.name == span.type.name
            else:
                assert isinstance(span, ColumnSpan)
                assert span.column.name == span.type.name
                assert span.column in span.table.columns

    def test_roots_once_each(self) -> None:
        names = [root.name for root in self.tree.roots]
        assert sorted(names) == ["nothing", "peers", "things"]

    def test_find(self) -> None:
        for span in self.tree.spans:
            assert self.tree.find(span.prefix) == (span, b"")
            assert self.tree.find(span.prefix + b"\x81\x00\x05") == (span, b"\x81\x00\x05")
            assert self.tree.find(span.prefix[:-1]) == (None, b"")
        assert self.tree.find(b"") == (None, b"")
        assert self.tree.find(ber.encode_oid((*ROOT, 2, 1, 1, 5))) == (None, b"")

    def test_after(self) -> None:
        oids = [span.type.oid for span in self.tree.spans]
        for name in ((0, 0), ROOT, (*ROOT, 1, 299), (*ROOT, 2, 1, 1, 9), (*ROOT, 9), (2, 5)):
            expected = sum(oid < name for oid in oids)
            assert self.tree.after(ber.encode_oid(name)) == expected

    def test_after_refuses_what_is_no_oid(self) -> None:
        with pytest.raises(ber.BerError):
            self.tree.after(b"\x2b\x80")
