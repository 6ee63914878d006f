"""agent.doctor.invariants: each of them is seen to be broken, and none where it holds."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agent.doctor.invariants import (
    ACTIVE_TUNNELS,
    COLUMNS,
    Round,
    contradictions,
    falls,
    global_counters,
    scalars,
    wrap_families,
    wrap_fault,
)
from tests.unit.agent.doctor.made_up import (
    NAMES,
    REMOTES,
    SETS,
    Gateway,
    name_index,
    peer_index,
)

MODULES = NAMES.modules
MEMBER = (*peer_index(REMOTES[0]), 1)
STATIC, LINKING = map(name_index, SETS)


def numbers(gateway: Gateway) -> dict[str, int]:
    seen = gateway.seen()
    return {
        name: value
        for name in scalars(MODULES)
        if (value := seen.numbers(name).get((0,))) is not None
    }


def found(gateway: Gateway, after: Gateway | None = None) -> list[str]:
    seen = Round(numbers(gateway), gateway.seen(), numbers(after or gateway))
    return list(contradictions(seen).values())


def test_a_right_gateway() -> None:
    assert found(Gateway()) == []


def test_what_is_looked_at() -> None:
    assert set(ACTIVE_TUNNELS) <= set(global_counters(MODULES)) < set(scalars(MODULES))
    assert all(MODULES.object(name).kind == "scalar" for name in scalars(MODULES))
    assert "sysUpTime" in global_counters(MODULES)
    assert all(MODULES.object(name).kind == "column" for name in COLUMNS)


def test_without_anything() -> None:
    gateway = Gateway()
    gateway.cells.clear()
    assert found(gateway) == []


BROKEN: list[tuple[Callable[[Gateway], None], str]] = [
    (  # 1
        lambda g: g.put("cikeGlobalActiveTunnels", (0,), 3),
        "cikeGlobalActiveTunnels is 3, and cikeTunnelTable has 2 rows",
    ),
    (  # 1
        lambda g: g.put("ikePolMapPolicyNum", (1,), 10),
        "cikeGlobalActiveTunnels is 2, and ikePolMapTable has 1 rows",
    ),
    (  # 2
        lambda g: g.put("cipSecGlobalActiveTunnels", (0,), 2),
        "cipSecGlobalActiveTunnels is 2, and cipSecTunnelTable has 3 rows",
    ),
    (  # 2
        lambda g: g.drop("cikePeerCorrIpSecTunIndex", index=MEMBER),
        "cipSecGlobalActiveTunnels is 3, and cikePeerCorrTable has 2 rows",
    ),
    (  # 3
        lambda g: g.put("cikePeerCorrIpSecTunIndex", MEMBER, 9),
        " is 9, and no such IPsec tunnel is there",
    ),
    (  # 3
        lambda g: g.put("cikePeerCorrIpSecTunIndex", MEMBER, 2),
        "cikePeerCorrTable has IPsec tunnel 2 more than once",
    ),
    (  # 3
        lambda g: g.drop("cikePeerActiveTunnelIndex", index=peer_index(REMOTES[1])),
        " is under a peer that cikePeerTable does not have",
    ),
    (  # 4
        lambda g: g.put("cikePeerActiveTunnelIndex", peer_index(REMOTES[0]), 9),
        " is 9, and no such IKE tunnel is there",
    ),
    (  # 5
        lambda g: g.put("cipSecTunIkeTunnelIndex", (1,), 9),
        "cipSecTunIkeTunnelAlive.1 is true, and IKE tunnel 9 is not there",
    ),
    (  # 5
        lambda g: g.put("cipSecTunIkeTunnelAlive", (3,), 2),
        "cipSecTunIkeTunnelAlive.3 is false, and IKE tunnel 2 is there",
    ),
    (  # 7
        lambda g: g.put("cipSecEndPtLocalType", (9, 1), 1),
        "cipSecEndPtLocalType.9.1 is there, and its IPsec tunnel is not",
    ),
    (  # 7
        lambda g: g.put("cipSecSpiStatus", (9, 1), 1),
        "cipSecSpiStatus.9.1 is there, and its IPsec tunnel is not",
    ),
    (  # 7
        lambda g: g.drop("cipSecSpiStatus", index=(2, 2)),
        "cipSecTunCurrentSaInstances.2 is 2, and cipSecSpiTable has 1 rows of the tunnel",
    ),
    (
        lambda g: g.put("ikePolMapPolicyNum", (9,), 10),
        "ikePolMapPolicyNum.9 is there, and its IKE tunnel is not",
    ),
    (
        lambda g: g.put("ipSecPolMapCryptoMapName", (9,), b"oslo"),
        "ipSecPolMapCryptoMapName.9 is there, and its IPsec tunnel is not",
    ),
    (
        lambda g: g.put("cipsIsakmpPolEncr", (30,), 3),
        "cipsNumIsakmpPolicies is 2, and cipsIsakmpPolicyTable has 3 rows",
    ),
    (
        lambda g: g.put("cipsNumStaticCryptomapSets", (0,), 3),
        "cipsNumStaticCryptomapSets is 3, and cipsStaticCryptomapSetTable has 2 rows",
    ),
    (
        lambda g: g.put("cipsNumDynamicCryptomapSets", (0,), 0),
        "cipsNumDynamicCryptomapSets is 0, and cipsDynamicCryptomapSetTable has 1 rows",
    ),
    (
        lambda g: g.put("cipsStaticCryptomapSetNumManual", STATIC, 1),
        "is 1, and its members are 2",
    ),
    (
        lambda g: g.put("cipsStaticCryptomapSetNumDisc", LINKING, 2),
        "2 of 1 dynamic members discover",
    ),
    (
        lambda g: g.drop("cipsStaticCryptomapType", index=(*STATIC, 1)),
        "is 1, and cipsStaticCryptomapTable has 0 rows of the set",
    ),
    (
        lambda g: g.put("cipsStaticCryptomapSetNumSAs", STATIC, 4),
        "the sets have 7 SAs, and cipSecSpiTable has 6 rows",
    ),
    (
        lambda g: g.put("cipsStaticCryptomapType", (1, 120, 1), 2),
        "cipsStaticCryptomapType.1.120.1 is there, and its crypto map set is not",
    ),
    (
        lambda g: g.put("cipsCryptomapSetIfStatus", (2, 1, 120), 1),
        "cipsCryptomapSetIfStatus.2.1.120 is there, and its crypto map set is not",
    ),
]


@pytest.mark.parametrize(("break_it", "text"), BROKEN)
def test_broken(break_it: Callable[[Gateway], None], text: str) -> None:
    gateway = Gateway()
    break_it(gateway)
    assert any(line.endswith(text) for line in found(gateway)), found(gateway)


def test_a_policy_of_which_nothing_is_known() -> None:
    gateway = Gateway()
    gateway.put("cipsNumIsakmpPolicies", (0,), 3)
    assert found(gateway) == []


def test_a_link_to_a_dynamic_set_may_be_listed() -> None:
    gateway = Gateway()
    gateway.put("cipsStaticCryptomapType", (*LINKING, 65535), 4)
    assert found(gateway) == []
    gateway.put("cipsStaticCryptomapType", (*LINKING, 65534), 4)
    assert found(gateway) != []


def test_a_configuration_that_changes_while_it_is_read() -> None:
    before, after = Gateway(), Gateway()
    before.put("cipsNumStaticCryptomapSets", (0,), 1)
    assert found(before, before) != []
    assert found(before, after) == []


def test_a_peer_without_ike_tunnel() -> None:
    gateway = Gateway()
    gateway.put("cikePeerActiveTunnelIndex", peer_index(REMOTES[0]), 0)
    assert found(gateway) == []


def test_an_ike_tunnel_that_has_gone() -> None:
    gateway = Gateway()
    gateway.put("cipSecTunIkeTunnelIndex", (3,), 9)
    gateway.put("cipSecTunIkeTunnelAlive", (3,), 2)
    assert found(gateway) == []


def test_tunnels_that_begin_and_end_while_the_table_is_read() -> None:
    """Three IPsec tunnels are seen of 4 before and 2 after, with 2 ended: none or one began."""
    before, after = Gateway(), Gateway()
    before.put("cipSecGlobalActiveTunnels", (0,), 4)
    after.put("cipSecGlobalActiveTunnels", (0,), 2)
    assert found(before, after) != []
    after.put("cipSecGlobalPreviousTunnels", (0,), 9)
    assert found(before, after) == []


def test_falls() -> None:
    before = numbers(Gateway())
    assert falls(MODULES, before, before) == []
    lower = before | {"cipSecGlobalInPkts": 699, "cipSecGlobalHcInOctets": 9}
    assert falls(MODULES, before, lower) == [
        f"cipSecGlobalHcInOctets fell from {before['cipSecGlobalHcInOctets']} to 9",
        "cipSecGlobalInPkts fell from 700 to 699",
    ]


@pytest.mark.parametrize("clock", [{"sysUpTime": 4242 + 1001}, {"sysUpTime": 0}])
def test_a_small_counter_is_not_judged_after_long(clock: dict[str, int]) -> None:
    before = numbers(Gateway())
    after = before | {"cipSecGlobalInPkts": 699, "cipSecGlobalHcInOctets": 9} | clock
    assert [line.partition(" ")[0] for line in falls(MODULES, before, after)] == [
        "cipSecGlobalHcInOctets"
    ]


def test_what_may_go_down() -> None:
    before = numbers(Gateway()) | {"cipSecGlobalInPkts": (1 << 32) - 1}
    after = before | {
        "cipSecGlobalInPkts": 5,  # wrapped
        "cipSecGlobalInOctets": 0,  # wraps within seconds
        "cipSecGlobalActiveTunnels": 0,  # a gauge
    }
    assert falls(MODULES, before, after) == []


@pytest.mark.parametrize("prefix", ["cipSecGlobal", "cipSecTun"])
def test_wraps(prefix: str) -> None:
    families = wrap_families(prefix)
    assert len(families) == 4
    for family in families:
        large, small, wraps = family
        assert {MODULES.object(name).tag for name in family} == {0x41, 0x46}
        right = {large: (3 << 32) + 7, small: 7, wraps: 3}
        assert not wrap_fault(right, family)
        assert not wrap_fault({small: 7, wraps: 3}, family)
        assert wrap_fault(right | {wraps: 2}, family) == (
            f"{large} is {(3 << 32) + 7}, and {wraps} and {small} say {(2 << 32) + 7}"
        )
