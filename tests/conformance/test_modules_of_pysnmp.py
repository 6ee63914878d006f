"""The IETF's modules against those that come with pysnmp, which others wrote and compiled."""

from __future__ import annotations

from typing import Any

import pytest
from pyasn1.error import PyAsn1Error
from pysnmp.smi import builder

from mibs import ber, smi

WHOLE = ("SNMPv2-MIB", "SNMP-FRAMEWORK-MIB", "SNMP-MPD-MIB", "SNMP-USER-BASED-SM-MIB")
EXCERPT = "SNMP-TARGET-MIB"
LOADED = smi.load((*WHOLE, EXCERPT))
OBJECTS = [
    pytest.param(item, id=item.name)
    for module in LOADED.modules
    for item in module.objects
    if item.tag
]


@pytest.fixture(scope="module")
def theirs() -> dict[str, dict[str, Any]]:
    """Name of a module to everything in it, by name."""
    mibs = builder.MibBuilder()
    mibs.loadTexts = True
    mibs.load_modules(*WHOLE, EXCERPT)
    symbols: dict[str, dict[str, Any]] = mibs.mibSymbols
    return symbols


@pytest.mark.parametrize("module", [*WHOLE, EXCERPT])
def test_names_and_oids(theirs: dict[str, dict[str, Any]], module: str) -> None:
    ours = LOADED.module(module).nodes
    assert {name: theirs[module][name].name for name in ours} == ours


@pytest.mark.parametrize("module", WHOLE)
def test_only_what_is_not_current_is_left_out(
    theirs: dict[str, dict[str, Any]], module: str
) -> None:
    ours = LOADED.module(module).nodes
    left_out = [
        symbol
        for name, symbol in theirs[module].items()
        if hasattr(symbol, "name") and name not in ours and name != "PYSNMP_MODULE_ID"
    ]
    assert {symbol.getStatus() for symbol in left_out} <= {"deprecated", "obsolete"}


@pytest.mark.parametrize("item", OBJECTS)
def test_object(theirs: dict[str, dict[str, Any]], item: smi.ObjectType) -> None:
    other = theirs[item.module][item.name]
    tag = other.syntax.tagSet.superTags[-1]
    assert (other.getMaxAccess(), other.getStatus()) == (item.access, item.status)
    assert tag.tagClass | tag.tagId == item.tag
    assert item.units == other.getUnits()
    for value, allowed in _limits(item):
        assert _takes(other.syntax, value) is allowed


def _limits(item: smi.ObjectType) -> list[tuple[int | bytes, bool]]:
    """Values at both sides of every limit, and whether they are allowed."""
    found: list[tuple[int, bool]] = []
    for low, high in item.ranges:
        found += [(low - 1, False), (low, True), (high, True), (high + 1, False)]
    if item.enumeration:
        numbers = item.enumeration.values()
        found += [*((number, True) for number in numbers), (max(numbers) + 1, False)]
    if item.tag == ber.OCTET_STRING:
        return [(b"x" * size, allowed) for size, allowed in found if size >= 0]
    return [*found]


def _takes(syntax: Any, value: int | bytes) -> bool:
    try:
        syntax.clone(value)
    except PyAsn1Error:
        return False
    return True
