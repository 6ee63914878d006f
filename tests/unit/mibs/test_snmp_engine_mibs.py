from __future__ import annotations

from dataclasses import replace

import pytest

from mibs import ber, smi, snmp_engine_mibs
from mibs.access import SHOWN, Access
from mibs.snmp_engine_mibs import EngineGroup
from mibs.snmp_statistics import SnmpStatistics
from mibs.tree import Tree
from mibs.view import View, ViewBuilder

MODULES = smi.load(snmp_engine_mibs.MODULES)
ENGINE = EngineGroup(b"\x80\x00\x00\x00\x05engine", 12, lambda: 34, 65507)
COUNTERS = [
    item.name
    for module in snmp_engine_mibs.MODULES
    for item in MODULES.objects(module)
    if item.tag == ber.COUNTER32
]


def view_of(engine: EngineGroup, statistics: SnmpStatistics) -> View:
    tree = Tree(MODULES, snmp_engine_mibs.bind(engine, statistics))
    return ViewBuilder(tree).build(None, 0.0)


def everything(view: View) -> Access:
    return Access(bytes([SHOWN]) * len(view.tree.spans))


def read(view: View, name: str) -> bytes:
    oid = ber.encode_oid((*MODULES.object(name).oid, 0))
    cell = view.get(oid, everything(view))
    assert isinstance(cell, bytes), cell
    return cell.partition(ber.encode_tlv(ber.OBJECT_IDENTIFIER, oid))[2]


def test_the_bindings_are_in_the_order_of_their_modules() -> None:
    bindings = snmp_engine_mibs.bind(ENGINE, SnmpStatistics())
    assert tuple(binding.module for binding in bindings) == snmp_engine_mibs.MODULES


def test_sn07_the_engine_group() -> None:
    now = 0
    engine = replace(ENGINE, time=lambda: now)
    view = view_of(engine, SnmpStatistics())
    assert read(view, "snmpEngineID") == ber.encode_tlv(ber.OCTET_STRING, ENGINE.engine_id)
    assert read(view, "snmpEngineBoots") == ber.encode_value(ber.INTEGER, 12)
    assert read(view, "snmpEngineMaxMessageSize") == ber.encode_value(ber.INTEGER, 65507)
    assert read(view, "snmpEngineTime") == ber.encode_value(ber.INTEGER, 0)
    now = 2**31 - 1
    view = view_of(engine, SnmpStatistics())
    assert read(view, "snmpEngineTime") == ber.encode_value(ber.INTEGER, 2**31 - 1)


def test_sn07_all_counters_are_there() -> None:
    assert len(COUNTERS) == 3 + 2 + 6


@pytest.mark.parametrize("name", COUNTERS)
def test_sn07_every_counter_is_live(name: str) -> None:
    statistics = SnmpStatistics()
    assert read(view_of(ENGINE, statistics), name) == ber.encode_value(ber.COUNTER32, 0)
    setattr(statistics, name, 3)
    assert read(view_of(ENGINE, statistics), name) == ber.encode_value(ber.COUNTER32, 3)


def test_va06_nothing_of_the_users_is_there() -> None:
    view = view_of(ENGINE, SnmpStatistics())
    users = MODULES.module("SNMP-USER-BASED-SM-MIB").nodes["usmUser"]
    names = [
        ber.decode_oid(ber.name_of(cell))
        for cell in view.walk(ber.encode_oid((0, 0)), everything(view), 1000)
    ]
    assert len(names) == 4 + len(COUNTERS)
    assert not [name for name in names if name[: len(users)] == users]
    for oid in ((*users, 1, 0), (*users, 2, 1, 6, 1)):
        assert view.get(ber.encode_oid(oid), everything(view)) == ber.NO_SUCH_OBJECT
