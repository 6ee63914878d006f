from pathlib import Path

from mibs import coverage

PAGE = Path(__file__).parents[3] / "docs/mib-coverage.md"


def test_the_page_is_what_the_bindings_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == coverage.document(), "run: make coverage"


def test_names_every_accessible_object_once() -> None:
    names = [
        line.split("|")[1].strip(" *")
        for line in coverage.document().splitlines()[8:]
        if line.startswith("| ")
    ]
    objects = [name for name in names if name != "object"]
    assert len(objects) == len(set(objects))
    assert {"cikeTunInOctets", "cipSecHistTableSize", "cipSecPhase2GWInOctets", "sysDescr"} <= set(
        objects
    )


def test_says_what_can_be_set_and_what_is_not_served() -> None:
    shows = {
        cells[1].strip(): cells[4].strip()
        for line in coverage.document().splitlines()
        if len(cells := line.split("|")) > 4
    }
    assert shows["snmpInPkts"] == "the agent itself"
    assert shows["snmpSetSerialNo"] == "the agent itself; can be set"
    assert shows["cikeTunStatus"] == "`index`; can be set"
    assert shows["cikeTunActiveTime"] == "`started_at`, the time since"
    assert shows["cipSecGlobalActiveTunnels"].startswith("`")
    assert shows["usmUserStatus"].startswith("not served: ")
    assert shows["cikePhase1GWInPkts"].startswith("no rows: ")
