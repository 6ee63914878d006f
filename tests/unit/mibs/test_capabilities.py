"""FLOWMIB-CAPABILITIES against the bindings, in both directions, and what sysORTable has of it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import pytest

from mibs import capabilities, served, smi
from mibs.compile import COMPILED, SOURCE
from mibs.table import Binding
from tests.shown import shown

TEXT = (SOURCE / f"{capabilities.MODULE}.mib").read_text("utf-8")
MODULES = smi.load(served.MODULES)
WRITABLE = ("read-write", "read-create")


class Control:
    """A gateway that can end tunnels, and detach crypto maps."""

    can_terminate = can_detach = True

    async def terminate_ike(self, index: int) -> None:
        raise NotImplementedError

    async def terminate_ipsec(self, index: int) -> None:
        raise NotImplementedError

    async def detach(self, set_name: str) -> None:
        raise NotImplementedError


BINDINGS = served.bind(shown(Control(), Control()))

IN_NO_GROUP = {
    "CISCO-IPSEC-MIB": {
        *("cipsIsakmpPolEncr", "cipsIsakmpPolHash", "cipsIsakmpPolAuth"),
        *("cipsIsakmpPolGroup", "cipsIsakmpPolLifetime"),
        *("cipsNumStaticCryptomapSets", "cipsNumCETCryptomapSets", "cipsNumDynamicCryptomapSets"),
        *("cipsStaticCryptomapType", "cipsStaticCryptomapDescr", "cipsStaticCryptomapPeer"),
        *("cipsStaticCryptomapNumPeers", "cipsStaticCryptomapPfs", "cipsStaticCryptomapLifetime"),
        *("cipsStaticCryptomapLifesize", "cipsStaticCryptomapLevelHost"),
        *("cipsCryptomapSetIfVirtual", "cipsCryptomapSetIfStatus"),
    }
}
"""Objects that a module has, and no statement can be about."""


@dataclass(frozen=True, slots=True)
class Statement:
    """An invocation of AGENT-CAPABILITIES (RFC 2580 section 6)."""

    name: str
    module: str
    groups: frozenset[str]
    variations: dict[str, str]
    """Name of an object to its ACCESS clause."""


def statements() -> dict[str, Statement]:
    """Every statement, by the name of the module it is about. pysmi and libsmi keep only names."""
    found = re.findall(r"^(\w+) AGENT-CAPABILITIES\n(.*?)^    ::= ", TEXT, re.DOTALL | re.MULTILINE)
    assert len(found) == TEXT.count(" AGENT-CAPABILITIES\n")
    read = [_statement(name, body) for name, body in found]
    assert len({statement.module for statement in read}) == len(read)
    return {statement.module: statement for statement in read}


def _statement(name: str, body: str) -> Statement:
    ((module, groups),) = re.findall(
        r"^    SUPPORTS +([\w-]+)\n +INCLUDES +\{([^}]+)\}", body, re.MULTILINE
    )
    variations = re.findall(r"^ +VARIATION +(\w+)\n +ACCESS +([\w-]+)\n", body, re.MULTILINE)
    assert len(variations) == body.count("VARIATION")
    assert len(dict(variations)) == len(variations)
    return Statement(name, module, frozenset(re.findall(r"\w+", groups)), dict(variations))


STATEMENTS = statements()


def groups_of(module: str) -> dict[str, set[str]]:
    """The groups of objects and of notifications of a module, with their members."""
    document: dict[str, Any] = json.loads((COMPILED / f"{module}.json").read_text("utf-8"))
    return {
        name: {member["object"] for member in entry["objects"]}
        for name, entry in document.items()
        if entry.get("class") in ("objectgroup", "notificationgroup")
    }


def written(binding: Binding) -> dict[str, bool]:
    """Every object that is bound, and whether it can be set."""
    columns = [column for table in binding.tables for column in table.columns]
    return {item.name: item.write is not None for item in (*binding.scalars, *columns)}


def test_there_is_a_statement_about_every_served_module() -> None:
    names = {module: statement.name for module, statement in STATEMENTS.items()}
    assert names == dict(capabilities.STATEMENTS)
    assert set(names) == set(served.MODULES)


@pytest.mark.parametrize("binding", BINDINGS, ids=lambda binding: binding.module)
def test_the_groups_are_those_that_something_is_served_of(binding: Binding) -> None:
    bound = written(binding)
    served_names = bound.keys() | set(served.NOTIFICATIONS)
    expected = {
        name for name, members in groups_of(binding.module).items() if members & served_names
    }
    assert STATEMENTS[binding.module].groups == expected


@pytest.mark.parametrize("binding", BINDINGS, ids=lambda binding: binding.module)
def test_the_variations_are_what_the_binding_does_differently(binding: Binding) -> None:
    bound = written(binding)
    groups = groups_of(binding.module)
    statement = STATEMENTS[binding.module]
    claimed = set().union(*(groups[name] for name in statement.groups))
    left_out = claimed - bound.keys() - set(served.NOTIFICATIONS)
    expected = dict.fromkeys(left_out, "not-implemented")
    for name, settable in bound.items():
        if MODULES.object(name).access in WRITABLE and not settable:
            expected[name] = "read-only"
    assert statement.variations == expected


@pytest.mark.parametrize("binding", BINDINGS, ids=lambda binding: binding.module)
def test_every_bound_object_is_in_a_group_if_the_module_has_one_for_it(binding: Binding) -> None:
    members = set().union(*groups_of(binding.module).values())
    assert written(binding).keys() - members == IN_NO_GROUP.get(binding.module, set())


def test_sn07_the_rows_of_sys_or_table_name_the_statements() -> None:
    rows = capabilities.resources(served.MODULES)
    nodes = smi.load([capabilities.MODULE]).module(capabilities.MODULE).nodes
    assert [row.number for row in rows] == list(range(1, len(served.MODULES) + 1))
    for row, module in zip(rows, served.MODULES, strict=True):
        assert row.identity == nodes[STATEMENTS[module].name]
        # What Observium looks for.
        found = re.search(r"AGENT-CAPABILITIES\s+SUPPORTS\s+(\S+)", row.description)
        assert found is not None
        assert found[1] == module


def test_a_module_without_a_statement_is_refused() -> None:
    with pytest.raises(KeyError, match="IF-MIB"):
        capabilities.resources(["IF-MIB"])


def test_the_statements_are_below_the_arc_for_private_use() -> None:
    module = smi.load([capabilities.MODULE]).module(capabilities.MODULE)
    assert module.oid == (1, 3, 6, 1, 4, 1, 8072, 9999, 9999, 171)
    assert all(oid[: len(module.oid)] == module.oid for oid in module.nodes.values())
