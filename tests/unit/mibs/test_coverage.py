import inspect
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path

import pytest

from datasource import configuration, failures, history, model, snapshot
from datasource.provenance import TRACKED
from mibs import coverage, smi
from mibs.attributes import PARTS, CoverageError, attributes, owner
from mibs.forms import constant
from mibs.table import Binding, Column, Root, Scalar, Table

PAGE = Path(__file__).parents[3] / "docs/mib-coverage.md"
MODULES = (model, history, failures, configuration, snapshot)
CLASSES = {
    name: class_
    for module in MODULES
    for name, class_ in inspect.getmembers(module, inspect.isclass)
    if class_.__module__ == module.__name__
}
CONFIGURED = {
    name for name, class_ in CLASSES.items() if class_.__module__.endswith("configuration")
}
"""Classes that no binding may show yet."""


def lines() -> Iterator[list[str]]:
    """Give the cells of each line of a table, from the name of the object on."""
    for line in coverage.document().splitlines():
        if line.startswith("| ") and not line.startswith("| object"):
            yield [cell.strip() for cell in line.split("|")[1:-1]]


def shown() -> dict[str, tuple[str, ...]]:
    return {
        name: keys
        for binding in coverage.bindings()
        for name, keys in coverage.keys(binding).items()
    }


def tables() -> dict[str, set[str]]:
    return {"the tracker": set(TRACKED)} | {
        source: set(table) for source, table in coverage.SOURCES.items()
    }


def test_the_page_is_what_the_bindings_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == coverage.document(), "run: make coverage"


def test_names_every_accessible_object_once() -> None:
    names = [cells[0].strip("*") for cells in lines()]
    assert len(names) == len(set(names))
    modules = smi.load()
    accessible = {
        type_.name
        for binding in coverage.bindings()
        for type_ in modules.objects(binding.module)
        if type_.kind != "row" and (type_.kind == "table" or type_.access.startswith("read-"))
    }
    assert set(names) == accessible


def test_nothing_is_without_an_origin() -> None:
    for name, _oid, _type, shows, *origins in lines():
        if name.startswith("**"):
            continue
        known_by_itself = shows.startswith(
            ("always ", "the agent itself", "no rows: ", "not served: ")
        )
        if origins and not known_by_itself:
            assert all(origins), name
        else:
            assert known_by_itself or not origins, name


def test_says_what_can_be_set_and_what_is_not_served() -> None:
    shows = {cells[0]: cells[3] for cells in lines()}
    assert shows["snmpInPkts"] == "the agent itself"
    assert shows["snmpSetSerialNo"] == "the agent itself; can be set"
    assert shows["cikeTunStatus"] == "always 1; can be set"
    assert shows["cikeTunActiveTime"] == "`started_at`, the time since"
    assert shows["cipSecTunInSaEncryptAlgo"] == "`parameters.protocol`, `parameters.proposal`"
    assert shows["cipSecEndPtLocalName"] == "always empty"
    assert shows["cipSecGlobalActiveTunnels"].startswith("`")
    assert shows["usmUserStatus"].startswith("not served: ")
    assert shows["cikePhase1GWInPkts"].startswith("no rows: ")


def test_live_tunnels_totals_and_the_history_have_one_origin() -> None:
    keys = shown()
    assert (
        keys["cikeTunInOctets"]
        == keys["cikeTunHistInOctets"]
        == keys["cikeGlobalInOctets"]
        == ("IkeTraffic.in_octets",)
    )
    assert keys["cikePeerLocalAddr"] == ("Peer.local_address",)
    assert keys["cipSecSpiValue"] == ("Spi.value",)
    assert keys["cikeTunHistTotalSas"] == ("EndedIkeTunnel.sas",)


# The tables of origins --------------------------------------------------------------------------


def test_every_source_has_the_same_attributes_and_none_twice() -> None:
    tracked, *sources = tables().values()
    for source in sources:
        assert source == sources[0]
        assert not source & tracked


def test_every_entry_is_an_attribute_of_the_model() -> None:
    for where, keys in tables().items():
        for key in keys:
            class_, _, field = key.partition(".")
            assert class_ in CLASSES, f"{where}: {key}"
            found = owner(CLASSES[class_], field)
            assert found is not None, f"{where}: {key}"
            assert found[0] is CLASSES[class_], f"{where}: {key} is declared by {found[0]}"


def test_every_entry_is_shown_by_an_object() -> None:
    used = {key for keys in shown().values() for key in keys}
    stale = set().union(*tables().values()) - used
    assert stale == set()


def test_what_is_picked_from_a_whole_is_of_an_object() -> None:
    modules = smi.load()
    for name in PARTS:
        assert modules.object(name).kind == "column"


# What is refused --------------------------------------------------------------------------------


def test_an_object_without_an_origin_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    without = {name: {**table} for name, table in coverage.SOURCES.items()}
    del without["strongSwan"]["IkeTraffic.in_octets"]
    monkeypatch.setattr(coverage, "SOURCES", without)
    with pytest.raises(CoverageError, match=r"In?Octets shows IkeTraffic.in_octets, .* strongSwan"):
        coverage.document()


def test_a_path_that_leads_nowhere_is_an_error() -> None:
    with pytest.raises(CoverageError, match="anObject: IkeTraffic has no octets"):
        attributes(Scalar("anObject", "totals.ike.octets"))
    rows = Table("aTable", Root("rows", attrgetter("past.nobody"), lambda _: ()), ())
    with pytest.raises(CoverageError, match=r"aTable: its rows are at past\.nobody"):
        attributes(Column("aColumn", "index"), rows)


def test_rows_that_are_no_attribute_are_an_error() -> None:
    table = Table("aTable", Root("rows", lambda _: (), lambda _: ()), ())
    with pytest.raises(CoverageError, match="aTable: its rows are not an attribute"):
        attributes(Column("aColumn", "index"), table)


def test_a_path_may_name_several_attributes() -> None:
    table = Table("aTable", Root("rows", attrgetter("configuration.crypto_maps"), lambda _: ()), ())
    column = Column("aColumn", "child.name, peer")
    assert attributes(column, table) == ("Child.name", "CryptoMap.peer")


def test_a_constant_shows_nothing() -> None:
    assert attributes(Scalar("anObject", "totals", constant(1))) == ()
    assert coverage.keys(Binding("A-MIB")) == {}
