"""The whole way: real gateways, the real agent, net-snmp's walk.

What charon says is taken from ``swanctl --list-sas --raw``; the numbers that the MIB has for it are
written down here once more, so that the agent's own tables are not their own proof.
"""

from __future__ import annotations

import ipaddress
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Unpack

import pytest

from mibs import smi
from tests.gateway_config import CONNECTION, Changes
from tests.gateways import Gateways, wait_for
from tests.running_agent import RunningAgent
from tests.swanctl_raw import child_sas, ike_sas
from tests.tools import requires_tool

FLOW_MONITOR = "1.3.6.1.4.1.9.9.171"
MODULES = smi.load()

Oid = tuple[int, ...]
Rows = dict[Oid, dict[str, int | bytes]]
Build = Callable[..., tuple[Gateways, RunningAgent]]


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Build]:
    started: list[tuple[Gateways, RunningAgent]] = []

    def make(**settings: Unpack[Changes]) -> tuple[Gateways, RunningAgent]:
        gateways = Gateways(tmp_path / "gateways", **settings).__enter__()
        config = tmp_path / "flowmib.toml"
        config.write_text(
            '[source]\nkind = "strongswan"\n'
            f'[source.strongswan]\nvici = "{gateways.vici("alpha")}"\ninterval = 1.0\n'
        )
        agent = RunningAgent("--config", str(config)).__enter__()
        started.append((gateways, agent))
        return gateways, agent

    yield make
    for gateways, agent in started:
        agent.__exit__(None, None, None)
        gateways.__exit__(None, None, None)


def walk(agent: RunningAgent) -> dict[Oid, int | bytes]:
    """Everything, by OID; the walk itself fails on an OID that does not increase."""
    result = subprocess.run(
        [
            requires_tool("snmpbulkwalk"),
            *("-v2c", "-cpublic", "-m", "", "-Onetx", "-Cr20", agent.endpoint, FLOW_MONITOR),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr + result.stdout
    assert "Wrong Type" not in result.stdout
    found: dict[Oid, int | bytes] = {}
    for name, kind, value in re.findall(
        r"^\.([\d.]+) = ([\w-]+): (.*(?:\n(?!\.).*)*)", result.stdout, re.MULTILINE
    ):
        oid = tuple(map(int, name.split(".")))
        assert not found or oid > max(found, default=()), "OID not increasing"
        found[oid] = bytes.fromhex(value) if kind == "Hex-STRING" else int(value)
    for name in re.findall(r'^\.([\d.]+) = ""', result.stdout, re.MULTILINE):
        found[tuple(map(int, name.split(".")))] = b""
    return found


def table(found: dict[Oid, int | bytes], name: str) -> Rows:
    rows: Rows = {}
    for column in MODULES.columns(name):
        size = len(column.oid)
        for oid, value in found.items():
            if oid[:size] == column.oid:
                rows.setdefault(oid[size:], {})[column.name] = value
    return rows


def scalar(found: dict[Oid, int | bytes], name: str) -> int:
    value = found[(*MODULES.object(name).oid, 0)]
    assert isinstance(value, int)
    return value


def packed(address: str) -> bytes:
    return ipaddress.ip_address(address).packed


GROUP = {"MODP_1536": 4, "MODP_2048": 5}
HASH = {"HMAC_SHA2_256_128": 7, "HMAC_SHA2_512_256": 9, "HMAC_SHA1_96": 3}
ESP_AUTH = {"HMAC_SHA2_256_128": 6, "HMAC_SHA2_512_256": 6, "HMAC_SHA1_96": 3}
AES = {"128": 4, "192": 5, "256": 6}


def check_ike_row(row: dict[str, Any], sa: dict[str, Any], connection: str) -> None:
    assert row["cikeTunLocalType"] == row["cikeTunRemoteType"] == 1
    assert row["cikeTunLocalValue"] == sa["local-id"].encode()
    assert row["cikeTunRemoteValue"] == sa["remote-id"].encode()
    assert row["cikeTunLocalAddr"] == packed(sa["local-host"])
    assert row["cikeTunRemoteAddr"] == packed(sa["remote-host"])
    assert row["cikeTunLocalName"] == connection.encode()
    assert row["cikeTunRemoteName"] == b""
    assert row["cikeTunNegoMode"] == (3 if sa["version"] == "2" else 1)
    assert row["cikeTunDiffHellmanGrp"] == GROUP[sa["dh-group"]]
    assert row["cikeTunEncryptAlgo"] == AES[sa["encr-keysize"]]
    assert row["cikeTunHashAlgo"] == HASH[sa["integ-alg"]]
    assert row["cikeTunAuthMethod"] == 2
    assert row["cikeTunLifeTime"] == 3600
    assert row["cikeTunSaRefreshThreshold"] == int(sa["established"]) + int(sa["rekey-time"])
    assert abs(row["cikeTunActiveTime"] / 100 - int(sa["established"])) <= 2
    assert row["cikeTunTotalRefreshes"] == 0
    assert row["cikeTunStatus"] == 1
    assert "cikeTunInDropPkts" not in row


def check_ipsec_row(row: dict[str, Any], ike_index: int, sa: dict[str, Any]) -> None:
    assert row["cipSecTunIkeTunnelIndex"] == ike_index
    assert row["cipSecTunIkeTunnelAlive"] == 1
    assert row["cipSecTunKeyType"] == 1
    assert row["cipSecTunEncapMode"] == {"TUNNEL": 1, "TRANSPORT": 2}[sa["mode"]]
    assert row["cipSecTunLifeTime"] == int(sa["install-time"]) + int(sa["life-time"])
    threshold = int(sa["install-time"]) + int(sa["rekey-time"])
    assert row["cipSecTunSaLifeTimeThreshold"] == threshold
    assert abs(row["cipSecTunActiveTime"] / 100 - int(sa["install-time"])) <= 2
    assert row["cipSecTunTotalRefreshes"] == row["cipSecTunExpiredSaInstances"] == 0
    assert row["cipSecTunCurrentSaInstances"] == 2
    for way in ("In", "Out"):
        group = GROUP[sa["dh-group"]] if "dh-group" in sa else 1
        assert row[f"cipSecTun{way}SaDiffHellmanGrp"] == group
        assert row[f"cipSecTun{way}SaEncryptAlgo"] == AES[sa["encr-keysize"]]
        assert row[f"cipSecTun{way}SaAhAuthAlgo"] == 1
        assert row[f"cipSecTun{way}SaEspAuthAlgo"] == ESP_AUTH[sa["integ-alg"]]
    assert row["cipSecTunInSaDecompAlgo"] == row["cipSecTunOutSaCompAlgo"] == 1
    octets_in, octets_out = int(sa["bytes-in"]), int(sa["bytes-out"])
    for name in ("InOctets", "HcInOctets", "InDecompOctets", "HcInDecompOctets"):
        assert row[f"cipSecTun{name}"] == octets_in, name
    for name in ("OutOctets", "HcOutOctets", "OutUncompOctets", "HcOutUncompOctets"):
        assert row[f"cipSecTun{name}"] == octets_out, name
    for name in ("InOctWraps", "InDecompOctWraps", "OutOctWraps", "OutUncompOctWraps"):
        assert row[f"cipSecTun{name}"] == 0
    for name in ("InPkts", "InAuths", "InDecrypts"):
        assert row[f"cipSecTun{name}"] == int(sa["packets-in"]), name
    for name in ("OutPkts", "OutAuths", "OutEncrypts"):
        assert row[f"cipSecTun{name}"] == int(sa["packets-out"]), name
    assert row["cipSecTunStatus"] == 1
    assert "cipSecTunInReplayDropPkts" not in row


def check_endpoint(row: dict[str, Any], sa: dict[str, Any]) -> None:
    for side in ("Local", "Remote"):
        (selector,) = sa[f"{side.lower()}-ts"]
        network = ipaddress.ip_network(selector)
        assert row[f"cipSecEndPt{side}Type"] == 3
        assert row[f"cipSecEndPt{side}Addr1"] == network.network_address.packed
        assert row[f"cipSecEndPt{side}Addr2"] == network.netmask.packed
        assert row[f"cipSecEndPt{side}Protocol"] == row[f"cipSecEndPt{side}Port"] == 0
        assert row[f"cipSecEndPt{side}Name"] == b""


def check_all(gateways: Gateways, agent: RunningAgent) -> None:
    found = walk(agent)
    sas = gateways.list_sas("alpha")
    ike_rows, ipsec_rows = table(found, "cikeTunnelTable"), table(found, "cipSecTunnelTable")
    (ike,) = ike_sas(sas)
    ((ike_index, ike_row),) = ike_rows.items()
    check_ike_row(ike_row, ike, CONNECTION)
    children = sorted(child_sas(sas), key=lambda sa: int(sa["uniqueid"]))
    assert len(ipsec_rows) == len(children)
    spis, endpoints = table(found, "cipSecSpiTable"), table(found, "cipSecEndPtTable")
    for (index, row), sa in zip(ipsec_rows.items(), children, strict=True):
        check_ipsec_row(row, ike_index[0], sa)
        assert row["cipSecTunLocalAddr"] == ike_row["cikeTunLocalAddr"]
        assert row["cipSecTunRemoteAddr"] == ike_row["cikeTunRemoteAddr"]
        check_endpoint(endpoints[(*index, 1)], sa)
        for number, key in ((1, "spi-in"), (2, "spi-out")):
            assert spis[(*index, number)] == {
                "cipSecSpiDirection": number,
                "cipSecSpiValue": int(sa[key], 16),
                "cipSecSpiProtocol": 2,
                "cipSecSpiStatus": 1,
            }
    assert len(endpoints) == len(children)
    assert len(spis) == 2 * len(children)
    check_peers(found, ike, ike_index[0], [index for (index,) in ipsec_rows])
    assert scalar(found, "cikeGlobalActiveTunnels") == 1
    assert scalar(found, "cipSecGlobalActiveTunnels") == len(children)
    assert scalar(found, "cipSecGlobalHcInOctets") == sum(int(sa["bytes-in"]) for sa in children)
    assert scalar(found, "cipSecGlobalHcOutOctets") == sum(int(sa["bytes-out"]) for sa in children)


def check_peers(
    found: dict[Oid, int | bytes], ike: dict[str, Any], ike_index: int, ipsec: list[int]
) -> None:
    local, remote = ike["local-id"].encode(), ike["remote-id"].encode()
    key = (1, len(local), *local, 1, len(remote), *remote, 1)
    ((index, row),) = table(found, "cikePeerTable").items()
    assert index == key
    assert row["cikePeerLocalAddr"] == packed(ike["local-host"])
    assert row["cikePeerRemoteAddr"] == packed(ike["remote-host"])
    assert row["cikePeerActiveTunnelIndex"] == ike_index
    correlation = table(found, "cikePeerCorrTable")
    assert list(correlation) == [(*key, n) for n in range(1, len(ipsec) + 1)]
    assert [row["cikePeerCorrIpSecTunIndex"] for row in correlation.values()] == ipsec


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"version": 1}, id="ikev1"),
        pytest.param({"version": 2}, id="ikev2"),
        pytest.param({"version": 2, "children": 3}, id="ikev2-three-children"),
        pytest.param({"version": 2, "family": 6, "inner_family": 6}, id="ikev2-ipv6"),
        pytest.param(
            {
                "version": 2,
                "proposals": "aes256-sha512-modp1536",
                "esp_proposals": "aes256-sha512",
            },
            id="ikev2-strong",
        ),
    ],
)
def test_the_walk_agrees_with_swanctl(build: Build, settings: Changes) -> None:
    gateways, agent = build(**settings)
    for number in range(settings.get("children", 1)):
        gateways.initiate("net" if number == 0 else f"net{number + 1}")
    gateways.ping(3)

    def counted() -> bool:
        total = sum(int(sa["bytes-in"]) for sa in child_sas(gateways.list_sas("alpha")))
        found = walk(agent)
        return total > 0 and scalar(found, "cipSecGlobalHcInOctets") == total

    wait_for(counted, "the octets of the ping")
    check_all(gateways, agent)


@pytest.mark.parametrize("version", [1, 2])
def test_rows_outlive_rekeys_and_end_with_the_tunnel(build: Build, version: int) -> None:
    gateways, agent = build(version=version)
    gateways.initiate()
    gateways.ping(3)
    before = wait_for(lambda: _with_octets(agent), "the first octets")

    gateways.rekey_child()
    gateways.ping(2)
    after = _when(agent, "cipSecTunnelTable", "cipSecTunTotalRefreshes", 1)
    old, new = table(before, "cipSecTunnelTable"), table(after, "cipSecTunnelTable")
    assert list(new) == list(old)
    index = next(iter(new))
    assert new[index]["cipSecTunHcInOctets"] >= old[index]["cipSecTunHcInOctets"]  # type: ignore[operator]
    assert new[index]["cipSecTunActiveTime"] > old[index]["cipSecTunActiveTime"]  # type: ignore[operator]
    old_spis, new_spis = table(before, "cipSecSpiTable"), table(after, "cipSecSpiTable")
    active = [key for key, row in new_spis.items() if row["cipSecSpiStatus"] == 1]
    assert active == [(*index, 3), (*index, 4)]
    assert not set(active) & set(old_spis)

    gateways.rekey_ike()
    after = _when(agent, "cikeTunnelTable", "cikeTunTotalRefreshes", 1)
    assert list(table(after, "cikeTunnelTable")) == list(table(before, "cikeTunnelTable"))
    assert list(table(after, "cipSecTunnelTable")) == list(old)
    assert list(table(after, "cikePeerTable")) == list(table(before, "cikePeerTable"))
    assert scalar(after, "cikeGlobalPreviousTunnels") == 0
    assert scalar(after, "cipSecGlobalPreviousTunnels") == 0

    gateways.terminate(ike=CONNECTION)
    wait_for(lambda: scalar(walk(agent), "cikeGlobalActiveTunnels") == 0, "the end of the tunnel")
    ended = walk(agent)
    for name in ("cikeTunnelTable", "cipSecTunnelTable", "cikePeerTable", "cikePeerCorrTable"):
        assert not table(ended, name), name
    assert not table(ended, "cipSecSpiTable")
    assert scalar(ended, "cikeGlobalPreviousTunnels") == 1
    assert scalar(ended, "cipSecGlobalPreviousTunnels") == 1
    octets = scalar(after, "cipSecGlobalHcInOctets")
    assert scalar(ended, "cipSecGlobalHcInOctets") >= octets


def _with_octets(agent: RunningAgent) -> dict[Oid, int | bytes]:
    found = walk(agent)
    return found if scalar(found, "cipSecGlobalHcInOctets") > 0 else {}


def _when(agent: RunningAgent, name: str, column: str, value: int) -> dict[Oid, int | bytes]:
    def reached() -> dict[Oid, int | bytes]:
        found = walk(agent)
        rows = table(found, name)
        return found if rows and all(row[column] == value for row in rows.values()) else {}

    return wait_for(reached, f"{column} {value}")


def test_charon_is_killed_and_comes_back_while_we_walk(build: Build) -> None:
    gateways, agent = build(version=2, dpd_delay=0)
    gateways.initiate()
    wait_for(lambda: scalar(walk(agent), "cikeGlobalActiveTunnels") == 1, "the tunnel")

    gateways.kill("alpha")
    # Each of these walks must be whole: the tunnel, or nothing.
    wait_for(lambda: _whole(agent) == 0, "the end of the dead daemon's tunnel")
    assert scalar(walk(agent), "cikeGlobalPreviousTunnels") == 1

    gateways.start("alpha")
    gateways.initiate()
    wait_for(lambda: _whole(agent) == 1, "the new daemon's tunnel", 10.0)
    found = walk(agent)
    assert list(table(found, "cikeTunnelTable")) == [(2,)]
    assert list(table(found, "cipSecTunnelTable")) == [(2,)]
    assert scalar(found, "cikeGlobalPreviousTunnels") == 1
    assert agent.alive


def _whole(agent: RunningAgent) -> int:
    """Walk; check every row that is there; return how many tunnels there are.

    A walk takes several requests, so a change may fall in between: then tables differ. But a row
    of a tunnel that never was must not turn up.
    """
    found = walk(agent)
    for index, row in table(found, "cikeTunnelTable").items():
        assert index in ((1,), (2,))
        assert row.get("cikeTunRemoteAddr", packed("10.9.0.2")) == packed("10.9.0.2")
    for index in table(found, "cipSecTunnelTable"):
        assert index in ((1,), (2,))
    active = scalar(found, "cikeGlobalActiveTunnels")
    assert active in (0, 1)
    return active
