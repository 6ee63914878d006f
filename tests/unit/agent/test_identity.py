"""agent.identity: what managers make of the system group.

The gates below are facts about other programs: by what each of them decides whether it asks for the
Cisco IPsec MIBs.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable

import pytest

from agent.config import DEFAULT, Identity
from agent.identity import Product, system_group
from mibs.snmpv2_mib import SystemGroup

Gate = Callable[[str, str], bool]


def ids(*last: int | range) -> set[str]:
    numbers = [n for part in last for n in (part if isinstance(part, range) else [part])]
    return {f"1.3.6.1.4.1.9.1.{number}" for number in numbers}


OPENNMS = ids(
    *(range(669, 674), 745, 753, range(763, 767), 773, 774, 914),
    *(range(1194, 1198), 1201, 1408, 1421),
)
KENTIK = ids(227, range(389, 394), 417, 450, 451, range(669, 672))
DATADOG = ids(669, 670, 671, 745, 2306)
NETDATA = ids(669)
FIREPOWER = ids(2404)


def librenms(descr: str, oid: str) -> str:
    if re.search(r"^Cisco (Adaptive|Industrial) Security Appliance", descr):
        return "asa"
    cisco = ("Cisco IOS Software", "IOS (tm)", "Cisco Internetwork Operating System Software")
    if any(words in descr for words in cisco):
        xe = ("LINUX_IOSD", "IOS-XE", "IOSXE", "CAT3K_CAA")
        return "iosxe" if any(words in descr for words in xe) else "ios"
    if oid in FIREPOWER:
        return "ftd"
    if oid == "1.3.6.1.4.1.8072.3.2.10" or re.search(r"^Linux", descr):
        return "linux"
    return "generic"


def observium(descr: str, _: str) -> str:
    for system, words in (
        ("iosxe", "IOS-XE"),
        ("iosxr", "IOS XR"),
        ("ios", "Cisco IOS Software"),
        ("catos", "Cisco Catalyst Operating System Software"),
        ("pixos", "Cisco PIX"),
        ("asa", "Cisco Adaptive Security Appliance"),
    ):
        if words in descr:
            return system
    return "other"


def check_nwc_health(descr: str, oid: str) -> str:
    if re.search(r"Cisco", descr, re.IGNORECASE) or oid.startswith("1.3.6.1.4.1.9."):
        for other in ("Cisco NX-OS", "Cisco Controller", "IronPort", "AsyncOS", "UCOS "):
            if re.search(other, descr, re.IGNORECASE):
                return other
        asa = re.search(r"Cisco (PIX|Adaptive) Security Appliance", descr, re.IGNORECASE)
        return "ASA" if asa else "IOS"
    return "Linux" if re.search(r"^Linux", descr, re.IGNORECASE) else "Generic"


def checkmk(descr: str) -> bool:
    return (
        descr.lower().startswith("cisco adaptive security")
        or "vpn 3000 concentrator" in descr.lower()
    )


GATES: dict[str, Gate] = {
    "LibreNMS": lambda descr, oid: librenms(descr, oid) in {"asa", "ios", "iosxe", "pixos", "fxos"},
    "Observium": lambda descr, oid: observium(descr, oid) in {"asa", "ios", "iosxe", "pixos"},
    "check_nwc_health": lambda descr, oid: check_nwc_health(descr, oid) in {"ASA", "IOS"},
    "Checkmk": lambda descr, _: checkmk(descr),
    "OpenNMS": lambda _, oid: oid in OPENNMS,
    "Netdata": lambda _, oid: oid in NETDATA,
    "Datadog profile": lambda _, oid: oid in DATADOG,
    "Kentik": lambda _, oid: oid in KENTIK,
    "Datadog VPN metadata": lambda _descr, _oid: True,
    "ElastiFlow": lambda _descr, _oid: True,
    "Zabbix": lambda _descr, _oid: True,
    "Centreon": lambda _descr, _oid: True,
}
UNGATED = {"Datadog VPN metadata", "ElastiFlow", "Zabbix", "Centreon"}

STRONGSWAN = Product(
    "0.1.0",
    "strongSwan gateway at /run/charon.vici",
    os.uname_result(("Linux", "gw1.example.org", "6.1.0-18-amd64", "#1 SMP", "x86_64")),
)
SIMULATED = Product(
    "12.34.56", "simulated gateway (50000 tunnels, seed 9223372036854775807)", STRONGSWAN.host
)
PRODUCTS = pytest.mark.parametrize("product", [STRONGSWAN, SIMULATED], ids=["real", "simulated"])


FLOWMIB, ASA, IOS = Identity("flowmib"), Identity("cisco-asa"), Identity("cisco-ios")


def shown(identity: Identity, product: Product) -> tuple[str, str, SystemGroup]:
    system = system_group(identity, product)
    return system.description, ".".join(map(str, system.object_id)), system


@PRODUCTS
@pytest.mark.parametrize(
    ("identity", "opened"),
    [
        (FLOWMIB, UNGATED),
        (ASA, set(GATES)),
        (IOS, {"LibreNMS", "Observium", "check_nwc_health", *UNGATED}),
    ],
    ids=["flowmib", "asa", "ios"],
)
def test_who_asks(identity: Identity, opened: set[str], product: Product) -> None:
    descr, oid, _ = shown(identity, product)
    assert {name for name, gate in GATES.items() if gate(descr, oid)} == opened


@PRODUCTS
class TestAsWhat:
    def test_flowmib(self, product: Product) -> None:
        descr, oid, _ = shown(DEFAULT.snmp.identity, product)
        assert librenms(descr, oid) == "linux"
        assert check_nwc_health(descr, oid) == "Linux"
        assert (observium(descr, oid), oid) == ("other", "0.0")

    def test_cisco_asa(self, product: Product) -> None:
        descr, oid, _ = shown(ASA, product)
        assert librenms(descr, oid) == observium(descr, oid) == "asa"
        assert check_nwc_health(descr, oid) == "ASA"
        assert descr.startswith("Cisco Adaptive Security Appliance Version ")
        assert oid == "1.3.6.1.4.1.9.1.669"

    def test_cisco_ios(self, product: Product) -> None:
        descr, oid, _ = shown(IOS, product)
        assert librenms(descr, oid) == observium(descr, oid) == "ios"
        assert check_nwc_health(descr, oid) == "IOS"
        assert descr.startswith("Cisco IOS Software, ")
        assert oid not in OPENNMS | KENTIK | DATADOG | FIREPOWER

    @pytest.mark.parametrize("identity", [ASA, IOS], ids=["asa", "ios"])
    def test_the_cisco_presets_say_what_it_is(self, identity: Identity, product: Product) -> None:
        descr, _, system = shown(identity, product)
        assert "compatibility agent" in descr
        assert f"flowmib {product.version} on Linux, not a Cisco device" in descr
        assert product.title in descr
        assert system.name == "gw1-vpn.example.org"

    def test_the_version_is_the_one_of_flowmib(self, product: Product) -> None:
        descr, _, _ = shown(ASA, product)
        found = re.search(r"Cisco Adaptive Security Appliance Version ([0-9.()]+)", descr)
        assert found
        assert found[1] == product.version


def test_the_default_in_full() -> None:
    assert system_group(DEFAULT.snmp.identity, STRONGSWAN) == SystemGroup(
        description=(
            "Linux gw1.example.org 6.1.0-18-amd64 x86_64, flowmib 0.1.0,"
            " strongSwan gateway at /run/charon.vici"
        ),
        name="gw1.example.org",
    )


@pytest.mark.parametrize("preset", [FLOWMIB, ASA, IOS], ids=["flowmib", "asa", "ios"])
def test_own_values_go_before_the_preset(preset: Identity) -> None:
    own = ("a gateway", (1, 3, 6, 1, 4, 1, 99999, 1), "gw", "noc@example.org", "rack 5")
    identity = Identity(preset.preset, *own)
    assert system_group(identity, STRONGSWAN) == SystemGroup(
        "a gateway", (1, 3, 6, 1, 4, 1, 99999, 1), "noc@example.org", "gw", "rack 5"
    )


def test_a_host_without_a_domain() -> None:
    host = os.uname_result(("Linux", "gw1", "6", "", ""))
    assert system_group(IOS, Product("1", "x", host)).name == "gw1-vpn"


@pytest.mark.parametrize("preset", [FLOWMIB, ASA, IOS], ids=["flowmib", "asa", "ios"])
def test_nothing_is_too_long_or_unprintable(preset: Identity) -> None:
    host = os.uname_result(("Linux", "h" * 60 + "é\n\udcff", "r" * 64, "", "m" * 64))
    for title in ("t" * 300, "ünreadable\x00\x7f"):
        system = system_group(preset, Product("0.1.0", title, host))
        for text in (system.description, system.name):
            assert len(text) <= 255
            assert re.fullmatch(r"[ -~]+", text)
        assert "flowmib 0.1.0" in system.description
