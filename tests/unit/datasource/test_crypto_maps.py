from __future__ import annotations

import dataclasses

import pytest

from datasource import _crypto_maps
from datasource._crypto_maps import CryptoMaps
from datasource.configuration import Child, Connection, CryptoMapType, TransformSet
from datasource.model import ChildSaParameters, IpAddress, Proposal
from tests.connections import LIMA, OSLO, connection

SITE = connection("site", "lan", "voice")


def configured(*connections: Connection) -> CryptoMaps:
    maps = CryptoMaps()
    for one in connections:
        maps.configure(one.name, one)
    return maps


def sa(name: str = "lan", group: str = "") -> ChildSaParameters:
    return ChildSaParameters(name, 1, 1, 2, (), (), proposal=Proposal(group=group))


def members(maps: CryptoMaps) -> list[tuple[str, int, str]]:
    return [(one.set_name, one.priority, one.child.name) for one in maps.crypto_maps()]


def test_a_connection_is_a_set_and_its_children_are_the_members() -> None:
    maps = configured(SITE)
    (row,) = maps.static_sets()
    assert (row.name, row.connection, row.dynamic, row.sas) == ("site", "site", False, 0)
    assert members(maps) == [("site", 1, "lan"), ("site", 2, "voice")]
    assert row.members == maps.crypto_maps()
    assert {one.type for one in row.members} == {CryptoMapType.ISAKMP}
    assert {(one.peer, one.peers) for one in row.members} == {(OSLO, 1)}


def test_a_dynamic_one_is_in_the_dynamic_sets_only() -> None:
    maps = configured(connection("users", "lan", dynamic=True))
    assert not maps.static_sets()
    assert not maps.crypto_maps()
    (row,) = maps.dynamic_sets()
    (member,) = row.members
    assert (row.dynamic, member.type, member.peer) == (True, CryptoMapType.DYNAMIC, None)
    maps.configure("users", connection("users", "lan"))
    assert maps.dynamic_sets() == ()
    assert [one.type for one in maps.crypto_maps()] == [CryptoMapType.ISAKMP]


def test_sets_are_in_the_order_of_their_index_and_members_in_that_of_their_number() -> None:
    maps = configured(*(connection(name, "b", "a") for name in ("lima", "oslo-2", "bern", "rome")))
    maps.configure("bern", connection("bern", "a", "c", "b"))
    assert [row.name for row in maps.static_sets()] == ["bern", "lima", "rome", "oslo-2"]
    assert members(maps)[:4] == [
        ("bern", 1, "b"), ("bern", 2, "a"), ("bern", 3, "c"), ("lima", 1, "b"),
    ]  # fmt: skip


def test_a_number_stays_and_comes_back() -> None:
    maps = configured(SITE)
    maps.configure("site", connection("site", "guests", "voice"))
    assert members(maps) == [("site", 2, "voice"), ("site", 3, "guests")]
    maps.configure("site", None)
    assert not maps.static_sets()
    assert not maps.crypto_maps()
    maps.configure("site", connection("site", "guests", "lan"))
    assert members(maps) == [("site", 1, "lan"), ("site", 3, "guests")]


def test_rows_are_the_same_objects_while_they_are_equal() -> None:
    maps = configured(SITE, connection("other", "lan"))
    sets, crypto_maps = maps.static_sets(), maps.crypto_maps()
    maps.count_sas("site", 2)
    maps.uses_peer("other", OSLO)
    counted = maps.static_sets()
    assert [row.sas for row in counted] == [2, 0]
    assert counted[1] is sets[1]
    assert counted[0].members is sets[0].members
    assert maps.crypto_maps() is crypto_maps
    maps.count_sas("site", 1)
    maps.count_sas("site", -1)
    assert maps.static_sets() is counted


def test_sas_are_counted_also_while_the_connection_is_not_configured() -> None:
    maps = CryptoMaps()
    maps.count_sas("site", 4)
    assert maps.static_sets() == ()
    maps.configure("site", SITE)
    assert maps.static_sets()[0].sas == 4
    maps.configure("site", None)
    maps.count_sas("site", -1)
    maps.configure("site", SITE)
    assert maps.static_sets()[0].sas == 3


@pytest.mark.parametrize(
    ("peers", "used", "shown"),
    [
        ((), LIMA, None),
        ((OSLO, LIMA), OSLO, OSLO),
        ((OSLO, LIMA), LIMA, LIMA),
        ((OSLO,), LIMA, OSLO),
        ((None,), None, None),
        ((None,), LIMA, LIMA),
        ((OSLO, None), LIMA, LIMA),
    ],
)
def test_the_peer_is_the_one_in_use_or_the_preferred_one(
    peers: tuple[IpAddress | None, ...], used: IpAddress | None, shown: IpAddress | None
) -> None:
    maps = configured(dataclasses.replace(SITE, peers=peers))
    assert maps.crypto_maps()[0].peer == next(iter(peers), None)
    if used is not None:
        maps.uses_peer("site", used)
    assert maps.crypto_maps()[0].peer == shown
    assert maps.crypto_maps()[0].peers == len(peers)


def with_transforms(*groups: str, uses_defaults: bool = False) -> Connection:
    transforms = tuple(TransformSet(group, Proposal(group=group)) for group in groups)
    child = Child("lan", transforms=transforms or None, uses_defaults=uses_defaults)
    return dataclasses.replace(SITE, children=(child,))


def group(maps: CryptoMaps) -> str | None:
    return maps.crypto_maps()[0].pfs_group


def test_the_pfs_group_is_the_configured_one_or_that_of_its_sas() -> None:
    maps = configured(SITE)
    assert group(maps) is None
    maps.policy_map_of("site", sa(group="ECP_256"), ())
    maps.policy_map_of("site", sa(), ())  # the first SA of IKEv2 has no group, PFS or not
    assert group(maps) == "ECP_256"
    maps.configure("site", with_transforms(""))
    assert group(maps) == ""


def test_among_several_pfs_groups_the_one_in_use_is_shown() -> None:
    maps = configured(with_transforms("ECP_256", "ECP_384"))
    assert group(maps) == "ECP_256"
    maps.policy_map_of("site", sa(group="ECP_384"), ())
    assert group(maps) == "ECP_384"
    maps.policy_map_of("site", sa(group="MODP_2048"), ())
    assert group(maps) == "ECP_256"


def test_a_child_that_uses_the_defaults_has_their_pfs_group() -> None:
    maps = configured(with_transforms(uses_defaults=True))
    assert group(maps) is None
    maps.set_defaults((TransformSet("default", Proposal(group="MODP_2048")),))
    assert group(maps) == "MODP_2048"
    maps.set_defaults(())
    assert group(maps) is None


def test_a_tunnel_is_told_its_crypto_map() -> None:
    maps = configured(SITE)
    found = maps.policy_map_of("site", sa("voice"), ())
    assert (found.set_name, found.priority, found.access_list) == ("site", 2, "voice")
    assert maps.policy_map_of("site", sa("gone"), ()).priority == 3
    maps.configure("site", None)
    assert maps.policy_map_of("site", sa("voice"), ()) == found
    assert maps.policy_map_of("never", sa("seen"), ()).set_name == "never"


def test_only_static_sets_that_are_configured_lead_to_their_connection() -> None:
    long = connection("x" * 120, "lan")
    maps = configured(long, connection("users", dynamic=True))
    (row,) = maps.static_sets()
    assert len(row.name) == 111
    assert maps.connection_of(row.name) == long
    assert maps.connection_of("users") is maps.connection_of("nothing") is None
    maps.configure(long.name, None)
    assert maps.connection_of(row.name) is None


def test_what_is_remembered_of_sets_that_are_gone_is_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_crypto_maps, "_MAX_GONE", 10)
    maps = configured(SITE)
    for number in range(5):
        maps.count_sas(f"live-{number}", 2)
    for number in range(200):
        maps.configure(f"script-{number}", connection(f"script-{number}", "lan"))
        maps.configure(f"script-{number}", None)
    assert len(maps._sets) <= 10 + 1
    assert len(maps._names._names) == len(maps._names._texts) == len(maps._sets)
    assert {"site", *(f"live-{number}" for number in range(5))} < maps._sets.keys()
    assert [row.name for row in maps.static_sets()] == ["site"]
