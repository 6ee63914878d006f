"""mibs.smi: looking things up, resolving types, and refusing broken files."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mibs import smi
from mibs.errors import MibError

FLOW = "CISCO-IPSEC-FLOW-MONITOR-MIB"


@pytest.fixture(scope="module")
def loaded() -> smi.Smi:
    return smi.load()


class TestLookup:
    def test_modules_that_give_an_index_object_come_along(self, loaded: smi.Smi) -> None:
        names = [module.name for module in loaded.modules]
        assert names == [*smi.ALL, "CISCO-MEDIA-GATEWAY-MIB", "IF-MIB"]

    def test_only_what_was_asked_for(self) -> None:
        small = smi.load(["CISCO-IPSEC-POLICY-MAP-MIB"])
        assert [module.name for module in small.modules] == ["CISCO-IPSEC-POLICY-MAP-MIB"]

    def test_objects_are_in_oid_order(self, loaded: smi.Smi) -> None:
        for module in loaded.modules:
            oids = [item.oid for item in loaded.objects(module.name)]
            assert oids == sorted(oids)

    def test_notifications_are_in_oid_order(self, loaded: smi.Smi) -> None:
        oids = [item.oid for item in loaded.notifications(FLOW)]
        assert len(oids) == 13
        assert oids == sorted(oids)

    def test_columns_are_in_oid_order_and_whole(self, loaded: smi.Smi) -> None:
        columns = loaded.columns("cipSecTunnelTable")
        assert [column.oid[-1] for column in columns] == list(range(1, 52))
        assert {column.kind for column in columns} == {"column"}

    def test_index_may_come_from_another_table_and_module(self, loaded: smi.Smi) -> None:
        index = loaded.index("cipsCryptomapSetIfTable")
        assert [(item.module, item.name) for item in index] == [
            ("IF-MIB", "ifIndex"),
            ("CISCO-IPSEC-MIB", "cipsStaticCryptomapSetName"),
        ]

    def test_identity_of_a_module(self, loaded: smi.Smi) -> None:
        assert loaded.module(FLOW).oid == (1, 3, 6, 1, 4, 1, 9, 9, 171)

    def test_capabilities_are_nodes(self) -> None:
        module = smi.load(["FLOWMIB-CAPABILITIES"]).module("FLOWMIB-CAPABILITIES")
        assert module.nodes["flowmibSnmpv2"][: len(module.oid)] == module.oid
        assert module.objects == ()

    def test_nodes_have_the_name_of_the_module_text(self) -> None:
        nodes = smi.load(["SNMPv2-SMI"]).module("SNMPv2-SMI").nodes
        assert nodes["mib-2"] == (1, 3, 6, 1, 2, 1)

    def test_notification(self, loaded: smi.Smi) -> None:
        assert loaded.notification("cipSecTunnelStart") == smi.NotificationType(
            FLOW,
            "cipSecTunnelStart",
            (1, 3, 6, 1, 4, 1, 9, 9, 171, 2, 0, 7),
            ("cipSecTunLifeTime", "cipSecTunLifeSize"),
        )

    @pytest.mark.parametrize(
        "look",
        [
            lambda s: s.object("cikeTunnelStart"),
            lambda s: s.notification("cikeTunIndex"),
            lambda s: s.module("CISCO-SMI"),
            lambda s: s.objects("TCP-MIB"),
            lambda s: s.notifications("TCP-MIB"),
            lambda s: s.columns("cikeTunnelEntry"),
            lambda s: s.index("cikeTunIndex"),
        ],
    )
    def test_unknown_name(self, loaded: smi.Smi, look: Callable[[smi.Smi], object]) -> None:
        with pytest.raises(smi.SmiError, match="no such"):
            look(loaded)


class TestTypes:
    def test_scalar_in_full(self, loaded: smi.Smi) -> None:
        assert loaded.object("cipsSALifetime") == smi.ObjectType(
            module="CISCO-IPSEC-MIB",
            name="cipsSALifetime",
            oid=(1, 3, 6, 1, 4, 1, 9, 10, 62, 1, 2, 1, 1),
            kind="scalar",
            syntax="CIPsecLifetime",
            tag=0x42,
            enumeration={},
            ranges=((120, 86400),),
            access="read-only",
            index=(),
            units="Seconds",
        )

    @pytest.mark.parametrize(
        ("name", "tag"),
        [
            ("snmpEnableAuthenTraps", 0x02),
            ("cikeTunLifeTime", 0x02),
            ("cikeTunActiveTime", 0x02),
            ("sysDescr", 0x04),
            ("cikeTunLocalAddr", 0x04),
            ("sysObjectID", 0x06),
            ("cikeTunInOctets", 0x41),
            ("cipSecGlobalActiveTunnels", 0x42),
            ("cipSecSpiValue", 0x42),
            ("sysUpTime", 0x43),
            ("cikeFailTime", 0x43),
            ("cipSecTunHcInOctets", 0x46),
            ("cikeTunnelTable", 0),
            ("cikeTunnelEntry", 0),
        ],
    )
    def test_tag(self, loaded: smi.Smi, name: str, tag: int) -> None:
        assert loaded.object(name).tag == tag

    def test_several_ranges(self, loaded: smi.Smi) -> None:
        lifetime = loaded.object("cipsStaticCryptomapLifetime")
        assert lifetime.ranges == ((0, 0), (120, 86400))

    def test_sizes(self, loaded: smi.Smi) -> None:
        assert loaded.object("cikePeerLocalAddr").ranges == ((4, 4), (16, 16))
        assert loaded.object("sysName").ranges == ((0, 255),)

    def test_limits_of_the_wire_type_are_not_repeated(self, loaded: smi.Smi) -> None:
        assert loaded.object("cikeTunInOctets").ranges == ()
        assert loaded.object("cikeFailTime").ranges == ()

    def test_enumeration_is_in_the_order_of_its_numbers(self, loaded: smi.Smi) -> None:
        enumeration = loaded.object("cipsStaticCryptomapType").enumeration
        assert list(enumeration.values()) == [0, 1, 2, 3, 4, 5]
        assert enumeration["cryptomapTypeCET"] == 3

    def test_enumeration_without_textual_convention(self, loaded: smi.Smi) -> None:
        spi = loaded.object("cipSecSpiProtocol")
        assert spi.syntax == "INTEGER"
        assert spi.enumeration == {"ah": 1, "esp": 2, "ipcomp": 3}

    def test_default(self, loaded: smi.Smi) -> None:
        assert loaded.object("cipSecTrapCntlIkeNoSa").default == 2
        assert loaded.object("cipSecHistTableSize").default is None

    @pytest.mark.parametrize("name", ["usmUserAuthProtocol", "usmUserPublic"])
    def test_default_that_is_no_number(self, loaded: smi.Smi, name: str) -> None:
        assert loaded.object(name).default is None

    def test_values_cannot_be_changed(self, loaded: smi.Smi) -> None:
        item = loaded.object("cikeTunStatus")
        with pytest.raises(AttributeError):
            item.tag = 0  # type: ignore[misc]
        with pytest.raises(TypeError):
            item.enumeration["create"] = 3  # type: ignore[index]

    def test_objects_can_be_keys(self, loaded: smi.Smi) -> None:
        assert len(set(loaded.objects(FLOW))) == 73 + 13 + 13 + 290


def _column(name: str, number: int, syntax: str) -> dict[str, Any]:
    return {
        "class": "objecttype",
        "maxaccess": "read-only",
        "name": name,
        "nodetype": "scalar",
        "oid": f"1.3.{number}",
        "status": "current",
        "syntax": {"class": "type", "type": syntax},
    }


class TestFiles:
    @pytest.fixture
    def directory(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setattr("mibs.smi.resources.files", lambda _package: tmp_path)
        compiled = tmp_path / "compiled"
        compiled.mkdir()
        return compiled

    def test_textual_conventions_of_one_name_do_not_clash(self, directory: Path) -> None:
        for module, number in (("A-MIB", 1), ("B-MIB", 2)):
            constraints = {"enumeration": {module: number}}
            document = {
                "Switch": {
                    "class": "textualconvention",
                    "name": "Switch",
                    "type": {"class": "type", "type": "INTEGER", "constraints": constraints},
                },
                "imports": {"class": "imports"},
                "object": _column(f"object{number}", number, "Switch"),
            }
            (directory / f"{module}.json").write_text(json.dumps(document), "utf-8")
        both = smi.load(["A-MIB", "B-MIB"])
        assert both.object("object1").enumeration == {"A-MIB": 1}
        assert both.object("object2").enumeration == {"B-MIB": 2}

    def test_object_name_in_two_modules(self, directory: Path) -> None:
        for module in ("A-MIB", "B-MIB"):
            document = {"object": _column("object", 1, "Counter32")}
            (directory / f"{module}.json").write_text(json.dumps(document), "utf-8")
        with pytest.raises(smi.SmiError, match="object: more than one"):
            smi.load(["A-MIB", "B-MIB"])

    @pytest.mark.usefixtures("directory")
    def test_missing_file(self) -> None:
        with pytest.raises(smi.SmiError, match=r"A-MIB\.json: .*No such file"):
            smi.load(["A-MIB"])

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("", "Expecting value"),
            ("\udcff", "codec can't decode"),
            ("[]", "not a JSON object"),
            ('{"a": 1}', "not a compiled module"),
            ('{"a": {"oid": "1.3.x", "name": "a", "class": "objectidentity"}}', "invalid literal"),
            ('{"a": {"oid": "1.3", "class": "objectidentity"}}', "no 'name'"),
            (json.dumps({"a": _column("a", 1, "Nowhere")}), "no 'imports'"),
            (
                json.dumps({"a": _column("a", 1, "Nowhere"), "imports": {"class": "imports"}}),
                "Nowhere is neither defined nor imported",
            ),
            (
                json.dumps({"a": _column("a", 1, "T"), "T": {"type": {"type": "T"}}}),
                "recursion",
            ),
        ],
    )
    def test_broken_file(self, directory: Path, text: str, reason: str) -> None:
        content = text.encode("utf-8", "surrogateescape")
        (directory / "A-MIB.json").write_bytes(content)
        with pytest.raises(smi.SmiError, match=reason) as raised:
            smi.load(["A-MIB"])
        assert str(raised.value).startswith("A-MIB.json: ")

    @pytest.mark.parametrize("key", ["name", "nodetype", "maxaccess", "status", "class"])
    def test_object_without(self, directory: Path, key: str) -> None:
        column = _column("a", 1, "Counter32")
        del column[key]
        (directory / "A-MIB.json").write_text(json.dumps({"a": column}), "utf-8")
        with pytest.raises(smi.SmiError, match=f"no '{key}' where one is needed"):
            smi.load(["A-MIB"])

    def test_one_base_exception(self) -> None:
        assert issubclass(smi.SmiError, MibError)
