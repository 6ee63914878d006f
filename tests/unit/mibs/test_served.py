"""The bindings of all served modules together."""

from __future__ import annotations

from mibs import served, smi
from mibs.snmp_statistics import SnmpStatistics
from mibs.tree import Tree
from tests.shown import shown

MODULES = smi.load(served.MODULES)
BINDINGS = served.bind(shown())
TREE = Tree(MODULES, BINDINGS)


def test_the_bindings_are_in_the_order_of_their_modules() -> None:
    assert tuple(binding.module for binding in BINDINGS) == served.MODULES


def test_what_is_not_served_has_a_reason_and_is_not_there() -> None:
    names = {span.type.name for span in TREE.spans}
    for binding in BINDINGS:
        for name, reason in binding.unsupported.items():
            assert reason
            assert name not in names


def test_every_counter_of_the_engine_is_shown() -> None:
    assert set(SnmpStatistics.__slots__) <= {span.type.name for span in TREE.spans}


def test_va06_no_table_of_users_communities_or_access_is_there() -> None:
    """snmpVacmMIB, snmpCommunityMIB, and usmUser, by their OIDs."""
    keys = ((1, 3, 6, 1, 6, 3, 16), (1, 3, 6, 1, 6, 3, 18), (1, 3, 6, 1, 6, 3, 15, 1, 2))
    oids = [span.type.oid for span in TREE.spans]
    assert not [oid for oid in oids for key in keys if oid[: len(key)] == key]
