"""agent.doctor.consumers: each gate opens and closes, each hazard is seen."""

from __future__ import annotations

import pytest

from agent.doctor.consumers import CONSUMERS, Consumer, Identity, identity, missing
from tests.unit.agent.doctor.made_up import NAMES, REMOTES, Gateway, Oid

CISCO = (1, 3, 6, 1, 4, 1, 9)
ASA = Identity("Cisco Adaptive Security Appliance Version 9.1", (*CISCO, 1, 669))
IOS = Identity("Cisco IOS Software, Version 15.1", (*CISCO, 1, 1))
IOS_XE = Identity("Cisco IOS-XE, X86_64_LINUX_IOSD-UNIVERSALK9-M", (*CISCO, 1, 1537))
LINUX = Identity("Linux gw 6.1, flowmib 1.0", (1, 3, 6, 1, 4, 1, 8072, 3, 2, 10))
NOTHING = Identity("", ())

BY_ASA = {
    "LibreNMS",
    "Observium",
    "check_nwc_health",
    "Checkmk",
    "Netdata",
    "Datadog, metrics",
    "Kentik and New Relic",
    "OpenNMS",
}


def consumer(name: str) -> Consumer:
    (found,) = (consumer for consumer in CONSUMERS if consumer.name == name)
    return found


def looking(shown: Identity) -> set[str]:
    """Name those that have a gate, and look."""
    return {c.name for c in CONSUMERS if c.gate is not None and not c.gate(shown)}


@pytest.mark.parametrize(
    ("shown", "names"),
    [
        (ASA, BY_ASA),
        (IOS, {"LibreNMS", "Observium", "check_nwc_health"}),
        (IOS_XE, {"LibreNMS", "Observium", "check_nwc_health"}),
        (LINUX, set()),
        (NOTHING, set()),
        # Each by itself.
        (Identity(LINUX.description, (*CISCO, 1, 1)), {"check_nwc_health"}),
        (Identity("a cisco thing", LINUX.object_id), {"check_nwc_health"}),
        (Identity("vpn 3000 concentrator", (0, 0)), {"Checkmk"}),
        (
            Identity("Cisco Industrial Security Appliance", (0, 0)),
            {"LibreNMS", "Observium", "check_nwc_health"},
        ),
        (
            Identity(LINUX.description, (*CISCO, 1, 2120)),
            {"Netdata", "Datadog, metrics", "Kentik and New Relic", "check_nwc_health"},
        ),
        (Identity("the Cisco Adaptive Security Appliance", (0, 0)), {"check_nwc_health"}),
    ],
)
def test_gates(shown: Identity, names: set[str]) -> None:
    assert looking(shown) == names


def test_who_has_no_gate() -> None:
    gated = {consumer.name for consumer in CONSUMERS if consumer.gate is not None}
    assert gated == BY_ASA


@pytest.mark.parametrize("name", sorted(BY_ASA))
def test_a_closed_gate_says_what_it_looks_for(name: str) -> None:
    gate = consumer(name).gate
    assert gate is not None
    assert "sysDescr" in gate(LINUX) or "sysObjectID" in gate(LINUX)


def test_identity() -> None:
    assert identity(Gateway().seen()) == Identity("Linux gw 6.1, flowmib 1.0", (0, 0))
    gateway = Gateway()
    gateway.drop("sysDescr", "sysObjectID")
    assert identity(gateway.seen()) == NOTHING


def test_all_that_is_needed_is_in_the_mibs() -> None:
    for one in CONSUMERS:
        for name in one.needs:
            assert NAMES.modules.object(name).kind in ("scalar", "column")


@pytest.mark.parametrize("one", CONSUMERS, ids=lambda one: one.name)
def test_what_is_missing(one: Consumer) -> None:
    assert missing(Gateway().seen(), one) == []
    for name in one.needs:
        gateway = Gateway()
        gateway.drop(name)
        assert missing(gateway.seen(), one) == [name]


def test_missing_in_one_row() -> None:
    gateway = Gateway()
    gateway.drop("cipSecTunInOctets", index=(2,))
    assert missing(gateway.seen(), consumer("PRTG")) == ["cipSecTunInOctets"]


def test_a_row_that_went_while_the_table_was_walked_lacks_nothing() -> None:
    gateway = Gateway()
    gateway.drop("cipSecTunInOctets", "cipSecTunOutOctets", "cipSecTunStatus", index=(2,))
    seen = gateway.seen()
    assert missing(seen, consumer("PRTG")) == []
    assert consumer("PRTG").shows(seen) == "2 IPsec tunnels"


SHOWS = {
    "LibreNMS": "2 lines for 3 IPsec tunnels",
    "Observium": "3 IPsec tunnels",
    "Centreon": "2 pairs of identities",
    "check_nwc_health": "2 IKE tunnels",
    "Checkmk": "2 peers",
    "Netdata": "the totals, of 3 IPsec tunnels now",
    "Datadog, metrics": "the totals, of 3 IPsec tunnels now",
    "Datadog, VPN metadata": "3 IPsec tunnels",
    "Kentik and New Relic": "2 IKE tunnels and 3 IPsec tunnels",
    "OpenNMS": "the totals, of 3 IPsec tunnels now",
    "ElastiFlow": "2 IKE tunnels and 3 IPsec tunnels",
    "Zabbix": "2 IKE tunnels and 3 IPsec tunnels",
    "PRTG": "3 IPsec tunnels",
    "PVSR and eG": "the totals, of 3 IPsec tunnels now",
    "scripts": "2 IKE tunnels",
}


def test_what_each_shows() -> None:
    seen = Gateway().seen()
    assert {one.name: one.shows(seen) for one in CONSUMERS} == SHOWS


def hazards(name: str, gateway: Gateway) -> list[str]:
    seen = gateway.seen()
    return [text for hazard in consumer(name).hazards if (text := hazard(seen))]


SHARED = (
    "1 peer with several IPsec tunnels: it keeps one line for each peer, and the last tunnel wins"
)
NO_FAILURES = "the failure tables are not served, so it reports no failures"


@pytest.mark.parametrize("one", CONSUMERS, ids=lambda one: one.name)
def test_hazards_of_the_right_gateway(one: Consumer) -> None:
    expected = {"LibreNMS": [SHARED], "check_nwc_health": [NO_FAILURES]}
    assert hazards(one.name, Gateway()) == expected.get(one.name, [])


INCOMPLETE = (
    "it takes 64-bit octets only where all four of them are there, and they are not in"
    " cipSecTunnelTable row 2"
)
IPV6 = "it dies of endpoints that are not IPv4: cipSecEndPtTable row 3.1"
Change = tuple[str, Oid, bytes | int]


@pytest.mark.parametrize(
    ("name", "changes", "hazard"),
    [
        (
            "LibreNMS",
            [("cikeTunLocalValue", (1,), b"C" * 65)],
            "cikeTunLocalValue has more than the 64 characters that it stores, in row 1",
        ),
        (
            "LibreNMS",
            [("cikeTunRemoteValue", (1,), b"C" * 65), ("cikeTunRemoteValue", (2,), b"D" * 65)],
            (
                "cikeTunRemoteValue has more than the 64 characters that it stores, in row 1 and 1"
                " more"
            ),
        ),
        (
            "LibreNMS",
            [("cikeTunLocalName", (2,), b"n" * 97)],
            "cikeTunLocalName has more than the 96 characters that it stores, in row 2",
        ),
        (
            "Observium",
            [("cipSecTunIkeTunnelIndex", (3,), 9), ("cipSecTunRemoteAddr", (3,), bytes(4))],
            "it skips IPsec tunnels without an IKE tunnel: cipSecTunnelTable row 3",
        ),
        ("Centreon", [("cipSecEndPtLocalAddr1", (3, 1), bytes(16))], IPV6),
        ("Centreon", [("cipSecEndPtRemoteAddr2", (3, 1), bytes(16))], IPV6),
        (
            "Centreon",
            [("cikeTunRemoteValue", (2,), REMOTES[0])],
            "1 IKE tunnel with the name of another: it shows one for each name",
        ),
        (
            "Checkmk",
            [("cikeTunRemoteValue", (2,), REMOTES[0])],
            "1 IKE tunnel with the name of another: it shows one for each name",
        ),
        (
            "Checkmk",
            [("cipSecTunIkeTunnelAlive", (3,), 2)],
            "it leaves out IPsec tunnels whose IKE tunnel has gone: cipSecTunnelTable row 3",
        ),
        (
            "Datadog, VPN metadata",
            [("cipSecTunLocalAddr", (3, 1), bytes(4))],
            "it wants an index of one number, not cipSecTunnelTable row 3.1",
        ),
        (
            "scripts",
            [("cikeTunRemoteValue", (2,), bytes((198, 51, 100, 2)))],
            "they look for printed text, and cikeTunRemoteValue is none in row 2",
        ),
    ],
)
def test_hazard(name: str, changes: list[Change], hazard: str) -> None:
    gateway = Gateway()
    for change in changes:
        gateway.put(*change)
    assert hazard in hazards(name, gateway)


@pytest.mark.parametrize("name", ["LibreNMS", "Observium"])
@pytest.mark.parametrize("family", ["InOctets", "InDecompOctets", "OutOctets", "OutUncompOctets"])
def test_each_of_the_four_64_bit_counters_is_needed(name: str, family: str) -> None:
    gateway = Gateway()
    gateway.drop(f"cipSecTunHc{family}", index=(2,))
    assert INCOMPLETE in hazards(name, gateway)


def test_observium_joins_by_addresses_too() -> None:
    gateway = Gateway()
    gateway.put("cipSecTunIkeTunnelIndex", (3,), 9)
    assert hazards("Observium", gateway) == []
    assert consumer("Observium").shows(gateway.seen()) == "3 IPsec tunnels"
    gateway.put("cipSecTunRemoteAddr", (3,), bytes(4))
    assert consumer("Observium").shows(gateway.seen()) == "2 IPsec tunnels"


def test_centreon_drops_ike_tunnels_without_ipsec_tunnels() -> None:
    gateway = Gateway()
    gateway.put("cipSecTunIkeTunnelIndex", (3,), 1)
    assert consumer("Centreon").shows(gateway.seen()) == "1 pair of identities"


def test_a_failure_table() -> None:
    gateway = Gateway()
    gateway.put("cipSecFailTableSize", (0,), 200)
    assert hazards("check_nwc_health", gateway) == []


def test_no_tunnels() -> None:
    gateway = Gateway()
    gateway.cells = {name: rows for name, rows in gateway.cells.items() if name.startswith("sys")}
    gateway.put("cipSecGlobalActiveTunnels", (0,), 0)
    seen = gateway.seen()
    for one in CONSUMERS:
        assert " 0 " in f" {one.shows(seen)}"
        assert [hazard(seen) for hazard in one.hazards if hazard(seen)] in ([], [NO_FAILURES])
