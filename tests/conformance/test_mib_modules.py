"""The MIB modules against the facts of the published ones, and against other tools.

``tests/facts/<MODULE>.csv`` has one line for everything a published module defines: what is
compared here is every field of every line, and that nothing else is defined.
"""

import csv
import json
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from mibs import compile as mib_compile
from mibs import smi
from tests.tools import requires_tool

FACTS = Path(__file__).parents[1] / "facts"
IETF_MODULES = (
    "SNMPv2-MIB",
    "SNMP-FRAMEWORK-MIB",
    "SNMP-MPD-MIB",
    "SNMP-TARGET-MIB",
    "SNMP-USER-BASED-SM-MIB",
)
MODULES = (
    "CISCO-IPSEC-FLOW-MONITOR-MIB",
    "CISCO-IPSEC-MIB",
    "CISCO-IPSEC-POLICY-MAP-MIB",
    *IETF_MODULES,
)
SOURCES = sorted(mib_compile.SOURCE.glob("*.mib"))

# What a type of SMIv2 may hold anyway (RFC 2578, section 7.1). The facts repeat it for TimeTicks.
NATURAL = {"TimeTicks": ((0, 2**32 - 1),)}


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of a CSV file, with the module it is of."""

    module: str
    oid: str
    name: str
    kind: str
    syntax: str
    wire_type: str
    constraint: str
    units: str
    max_access: str
    status: str
    parent_table: str
    index: str
    defval: str
    objects: str
    hint: str = ""

    @property
    def base(self) -> str:
        """The type of SMIv2: ``INTEGER`` of ``INTEGER (TruthValue)``."""
        return self.syntax.partition(" (")[0]

    @property
    def declared(self) -> str:
        """The type by the name in the SYNTAX clause: ``TruthValue`` of ``INTEGER (TruthValue)``."""
        return self.syntax.partition(" (")[2].rstrip(")") or self.syntax

    @property
    def enumeration(self) -> dict[str, int]:
        pairs = re.findall(r"([\w-]+)\((\d+)\)", self.constraint)
        return {label: int(number) for label, number in pairs}

    @property
    def ranges(self) -> tuple[tuple[int, int], ...]:
        if self.constraint.startswith("{"):
            return ()
        found = []
        for part in re.findall(r"[\d.]+", self.constraint):
            low, _, high = part.partition("..")
            found.append((int(low), int(high or low)))
        ranges = tuple(found)
        return () if ranges == NATURAL.get(self.base) else ranges

    @property
    def names(self) -> list[str]:
        """The objects of a group or notification."""
        return [] if self.objects == "(none)" else self.objects.split("; ")


def _facts() -> list[Fact]:
    facts = []
    for module in MODULES:
        with (FACTS / f"{module}.csv").open(encoding="utf-8", newline="") as file:
            facts += [Fact(module, **row) for row in csv.DictReader(file)]
    return facts


ALL_FACTS = _facts()


def _of_kind(*kinds: str) -> list[Any]:
    return [pytest.param(fact, id=fact.name) for fact in ALL_FACTS if fact.kind in kinds]


@pytest.fixture(scope="module")
def loaded() -> smi.Smi:
    return smi.load()


@pytest.fixture(scope="module")
def compiled() -> dict[str, dict[str, Any]]:
    """What pysmi wrote: for what the agent does not need and mibs.smi does not load."""
    return {
        module: json.loads((mib_compile.COMPILED / f"{module}.json").read_text("utf-8"))
        for module in MODULES
    }


class TestNothingMissingNothingExtra:
    @pytest.mark.parametrize("module", MODULES)
    def test_names_and_oids(self, loaded: smi.Smi, module: str) -> None:
        facts = {f.name: f.oid for f in ALL_FACTS if f.module == module and f.oid}
        nodes = loaded.module(module).nodes
        assert {name: _dotted(oid) for name, oid in nodes.items()} == facts

    @pytest.mark.parametrize("module", MODULES)
    @pytest.mark.parametrize(
        ("kind", "entry_class"),
        [
            ("textual-convention", "textualconvention"),
            ("notification", "notificationtype"),
            ("compliance", "modulecompliance"),
        ],
    )
    def test_names_by_kind(
        self, compiled: dict[str, dict[str, Any]], module: str, kind: str, entry_class: str
    ) -> None:
        entries = compiled[module].values()
        names = {entry["name"] for entry in entries if entry.get("class") == entry_class}
        assert names == {f.name for f in ALL_FACTS if (f.module, f.kind) == (module, kind)}

    @pytest.mark.parametrize("module", MODULES)
    def test_objects(self, loaded: smi.Smi, module: str) -> None:
        kinds = ("scalar", "table", "entry", "column")
        names = {f.name for f in ALL_FACTS if f.module == module and f.kind in kinds}
        assert {item.name for item in loaded.objects(module)} == names


class TestObjects:
    @pytest.mark.parametrize("fact", _of_kind("scalar", "column"))
    def test_scalar_or_column(self, loaded: smi.Smi, fact: Fact) -> None:
        item = loaded.object(fact.name)
        default = fact.enumeration.get(fact.defval)
        assert item == smi.ObjectType(
            module=fact.module,
            name=fact.name,
            oid=_oid(fact.oid),
            kind="scalar" if fact.kind == "scalar" else "column",
            syntax=fact.declared,
            tag=int(fact.wire_type.rpartition(" ")[2], 16),
            enumeration=fact.enumeration,
            ranges=fact.ranges,
            access=fact.max_access,
            index=(),
            units=fact.units,
            status=fact.status,
            default=default,
        )

    @pytest.mark.parametrize("fact", _of_kind("column"))
    def test_column_is_in_its_table(self, loaded: smi.Smi, fact: Fact) -> None:
        assert loaded.object(fact.name) in loaded.columns(fact.parent_table)
        index = [item.name for item in loaded.index(fact.parent_table)]
        if place := re.fullmatch(r"index #(\d) of own table", fact.index):
            assert index[int(place[1]) - 1] == fact.name
        else:
            assert fact.name not in index

    @pytest.mark.parametrize("fact", _of_kind("table"))
    def test_table(self, loaded: smi.Smi, compiled: dict[str, dict[str, Any]], fact: Fact) -> None:
        item = loaded.object(fact.name)
        assert (item.module, item.oid, item.kind) == (fact.module, _oid(fact.oid), "table")
        assert (item.access, item.status) == (fact.max_access, fact.status)
        # pysmi does not keep the type of a row; SMIv2 wants it named after the row.
        row = next(f for f in ALL_FACTS if f.kind == "entry" and f.parent_table == fact.name)
        assert fact.syntax == f"SEQUENCE OF {row.syntax}"
        assert row.syntax.lower() == row.name.lower()
        assert f"    SYNTAX      {fact.syntax}\n" in _text(fact.module)
        assert f"\n{row.syntax} ::= SEQUENCE {{\n" in _text(fact.module)
        assert compiled[fact.module][fact.name]["nodetype"] == "table"

    @pytest.mark.parametrize("fact", _of_kind("entry"))
    def test_row(self, loaded: smi.Smi, compiled: dict[str, dict[str, Any]], fact: Fact) -> None:
        item = loaded.object(fact.name)
        assert (item.module, item.oid, item.kind) == (fact.module, _oid(fact.oid), "row")
        assert (item.access, item.status) == (fact.max_access, fact.status)
        index = compiled[fact.module][fact.name]["indices"]
        assert not any(part["implied"] for part in index)
        wanted = [name.rpartition("::") for name in fact.index.split("; ")]
        assert [(part["module"], part["object"]) for part in index] == [
            (module or fact.module, name) for module, _, name in wanted
        ]
        assert [(o.module, o.name) for o in loaded.index(fact.parent_table)] == [
            (part["module"], part["object"]) for part in index
        ]


class TestTheRest:
    @pytest.mark.parametrize("fact", _of_kind("textual-convention"))
    def test_textual_convention(self, compiled: dict[str, dict[str, Any]], fact: Fact) -> None:
        entry = compiled[fact.module][fact.name]
        syntax = entry["type"]
        constraints = syntax.get("constraints", {})
        limits = constraints.get("range") or constraints.get("size") or ()
        assert (syntax["type"], entry["status"]) == (fact.syntax, fact.status)
        assert entry.get("displayhint", "") == fact.hint
        assert constraints.get("enumeration", {}) == fact.enumeration
        assert ("size" in constraints) == (fact.syntax == "OCTET STRING" and limits != ())
        assert tuple((limit["min"], limit["max"]) for limit in limits) == fact.ranges

    @pytest.mark.parametrize("fact", _of_kind("notification"))
    def test_notification(
        self, loaded: smi.Smi, compiled: dict[str, dict[str, Any]], fact: Fact
    ) -> None:
        item = loaded.notification(fact.name)
        assert (item.module, item.oid) == (fact.module, _oid(fact.oid))
        assert list(item.objects) == fact.names
        assert compiled[fact.module][fact.name]["status"] == fact.status
        # How it looks as an SNMPv1 trap (RFC 3584, section 3.2).
        enterprise, number = fact.oid.rsplit(".", 1)
        if enterprise == "1.3.6.1.6.3.1.1.5":
            assert fact.index == f"v1 enterprise {enterprise} generic {int(number) - 1} specific 0"
        else:
            enterprise = enterprise.removesuffix(".0")
            assert fact.oid == f"{enterprise}.0.{number}"
            assert fact.index == f"v1 enterprise {enterprise} generic 6 specific {number}"

    @pytest.mark.parametrize("fact", _of_kind("group"))
    def test_group(self, compiled: dict[str, dict[str, Any]], fact: Fact) -> None:
        entry = compiled[fact.module][fact.name]
        assert entry["class"] == fact.syntax.replace("-", "").lower()
        assert entry["status"] == fact.status
        assert [member["object"] for member in entry["objects"]] == fact.names
        assert {member["module"] for member in entry["objects"]} == {fact.module}

    @pytest.mark.parametrize("fact", _of_kind("compliance"))
    def test_compliance(self, compiled: dict[str, dict[str, Any]], fact: Fact) -> None:
        entry = compiled[fact.module][fact.name]
        parts = _compliance(fact)
        groups = [*parts.get("MANDATORY", ()), *parts.get("CONDITIONAL", ())]
        assert [item["object"] for item in entry["modulecompliance"]] == groups
        assert entry["status"] == fact.status

    @pytest.mark.parametrize("fact", _of_kind("compliance"))
    def test_compliance_as_libsmi_reads_it(self, fact: Fact) -> None:
        """pysmi does not keep MIN-ACCESS, nor which group is mandatory."""
        path = mib_compile.SOURCE / f"{fact.module}.mib"
        root = ET.fromstring(_libsmi("smidump", "-l", "0", "-f", "xml", str(path)))
        statement = root.find(f".//compliance[@name='{fact.name}']")
        assert statement is not None
        parts = _compliance(fact)
        for tag, key in (("mandatory", "MANDATORY"), ("option", "CONDITIONAL")):
            assert [item.get("name") for item in statement.iter(tag)] == parts.get(key, [])
        assert [
            f"{item.get('name')}={(item.findtext('access') or '').replace('only', '-only')}"
            for item in statement.iter("refinement")
        ] == parts.get("MIN-ACCESS", [])


class TestCompiling:
    def test_compiled_files_are_fresh(self) -> None:
        assert mib_compile.stale() == (), "run python -m mibs.compile"

    def test_check_says_which_file_is_not_fresh(self, tmp_path: Path) -> None:
        for path in mib_compile.COMPILED.glob("*.json"):
            tmp_path.joinpath(path.name).write_bytes(path.read_bytes())
        tmp_path.joinpath("CISCO-SMI.json").unlink()
        tmp_path.joinpath("IF-MIB.json").write_text("{}", "utf-8")
        tmp_path.joinpath("OLD-MIB.json").write_text("{}", "utf-8")
        stale = mib_compile.stale(compiled=tmp_path)
        assert stale == ("CISCO-SMI.json", "IF-MIB.json", "OLD-MIB.json")

    def test_command(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        monkeypatch.setattr(mib_compile, "COMPILED", tmp_path / "compiled")
        monkeypatch.setattr(mib_compile.stale, "__defaults__", (SOURCES[0].parent, tmp_path))
        assert mib_compile.main(["--check"]) == 1
        assert "IF-MIB.json: not fresh" in capsys.readouterr().err
        assert mib_compile.main([]) == 0
        names = {path.name for path in (tmp_path / "compiled").iterdir()}
        assert names == {f"{path.stem}.json" for path in SOURCES}

    def test_nothing_of_the_machine_is_in_the_files(self) -> None:
        for path in mib_compile.COMPILED.glob("*.json"):
            document = json.loads(path.read_text("utf-8"))
            assert document["meta"] == {"module": path.stem}
            assert str(mib_compile.SOURCE) not in path.read_text("utf-8")

    @pytest.mark.parametrize(
        "text",
        [
            "A-MIB DEFINITIONS ::= BEGIN x OBJECT IDENTIFIER ::= END",
            "A-MIB DEFINITIONS ::= BEGIN IMPORTS b FROM B-MIB; x OBJECT IDENTIFIER ::= { b 1 } END",
        ],
        ids=["syntax", "missing import"],
    )
    def test_bad_module(self, tmp_path: Path, text: str) -> None:
        for path in SOURCES:
            tmp_path.joinpath(path.name).write_bytes(path.read_bytes())
        tmp_path.joinpath("A-MIB.mib").write_text(text, "utf-8")
        with pytest.raises(mib_compile.CompileError, match=r"A-MIB|B-MIB"):
            mib_compile.compile_modules(tmp_path)


class TestNetSnmp:
    @pytest.mark.parametrize("modules", ["ALL", ":".join(MODULES)], ids=["ALL", "ours"])
    def test_every_oid_without_an_error(self, tmp_path: Path, modules: str) -> None:
        facts = [fact for fact in ALL_FACTS if fact.oid]
        names = [f"{fact.module}::{fact.name}" for fact in facts]
        options = ["-M", str(mib_compile.SOURCE), "-m", modules, "-On"]
        done = _snmptranslate(tmp_path, *options, *names)
        assert done.stderr == ""
        assert done.stdout.split() == [f".{fact.oid}" for fact in facts]

    @pytest.mark.parametrize("sign", ["+", "-"])
    def test_beside_the_modules_of_the_system(self, tmp_path: Path, sign: str) -> None:
        options = ["-M", f"{sign}{mib_compile.SOURCE}", "-m", "ALL", "-On"]
        done = _snmptranslate(tmp_path, *options, "CISCO-IPSEC-MIB::cipsMaxSAs")
        assert done.stdout.split() == [".1.3.6.1.4.1.9.10.62.1.3.1"]
        # Net-SNMP's own modules may miss some of the IETF's; none of ours may miss anything.
        remarks = [line for line in done.stderr.splitlines() if "search path" not in line]
        assert [line for line in remarks if str(mib_compile.SOURCE) in line] == []

    def test_the_capabilities_are_in_the_playpen(self, tmp_path: Path) -> None:
        options = ["-M", f"-{mib_compile.SOURCE}", "-m", "NET-SNMP-MIB:FLOWMIB-CAPABILITIES", "-On"]
        names = ["NET-SNMP-MIB::netSnmpPlaypen", "FLOWMIB-CAPABILITIES::flowmibCapabilities"]
        playpen, ours = _snmptranslate(tmp_path, *options, *names).stdout.split()
        assert ours == f"{playpen}.171"

    @pytest.mark.parametrize(
        ("name", "line"),
        [
            ("cipSecTrapCntlIkeNoSa", "DEFVAL\t{ disabled }"),
            ("cipSecSpiValue", "SYNTAX\tUnsigned32 (1..4294967295)"),
            ("cikeTunInPkts", 'UNITS\t\t"Packets"'),
            ("cipSecEndPtEntry", "INDEX\t\t{ cipSecTunIndex, cipSecEndPtIndex }"),
            ("cipSecTunStatus", "SYNTAX\tINTEGER {active(1), destroy(2)}"),
        ],
    )
    def test_details(self, tmp_path: Path, name: str, line: str) -> None:
        options = ["-M", str(mib_compile.SOURCE), "-m", "ALL", "-Td", "-w", "200"]
        done = _snmptranslate(tmp_path, *options, f"CISCO-IPSEC-FLOW-MONITOR-MIB::{name}")
        assert line in [text.strip() for text in done.stdout.splitlines()]


class TestLibsmi:
    @pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
    def test_no_severe_error(self, path: Path) -> None:
        assert _libsmi("smilint", "-l", "2", str(path)) == ""

    def test_what_is_left_at_level_three_is_in_the_facts(self) -> None:
        """Two of the published modules have no REVISION clause."""
        remarks = _libsmi("smilint", "-l", "3", "-m", *map(str, SOURCES)).splitlines()
        names = [(Path(line.partition(":")[0]).stem, line.split()[1]) for line in remarks]
        assert names == [
            ("CISCO-IPSEC-MIB", "{revision-missing}"),
            ("CISCO-IPSEC-POLICY-MAP-MIB", "{revision-missing}"),
        ]


def _oid(dotted: str) -> smi.Oid:
    return tuple(map(int, dotted.split(".")))


def _dotted(oid: smi.Oid) -> str:
    return ".".join(map(str, oid))


def _text(module: str) -> str:
    return (mib_compile.SOURCE / f"{module}.mib").read_text("utf-8")


def _compliance(fact: Fact) -> Mapping[str, list[str]]:
    parts = (part.partition(": ") for part in fact.objects.split(" | "))
    return {key: names.split("; ") for key, _, names in parts}


def _snmptranslate(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # No snmp.conf and no MIBS or MIBDIRS of who runs the test.
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "SNMPCONFPATH": str(home)}
    return subprocess.run(
        [requires_tool("snmptranslate"), *arguments],
        capture_output=True,
        check=True,
        encoding="utf-8",
        env=environment,
    )


def _libsmi(tool: str, *arguments: str) -> str:
    """Runs a program of libsmi on these modules only; gives all it writes."""
    return subprocess.run(
        [requires_tool(tool), "-c", os.devnull, *arguments],
        check=True,
        encoding="utf-8",
        env={"PATH": os.environ["PATH"], "SMIPATH": str(mib_compile.SOURCE)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ).stdout
