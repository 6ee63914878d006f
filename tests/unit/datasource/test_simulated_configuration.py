from __future__ import annotations

import asyncio
from collections import Counter
from itertools import chain

import pytest

from datasource.configuration import (
    CONFIGURED_POLICIES,
    DEFAULT_POLICIES,
    EASY_VPN_POLICIES,
    Configuration,
    PolicyKind,
)
from datasource.model import AuthMethod
from datasource.simulated import SimulatedGateway, SimulatedSource, tracker_for_simulation
from datasource.simulated.configuration import DEFAULTS, INTERFACES
from datasource.snapshot import Snapshot
from datasource.tracker import Tracker
from tests.connections import news

START = 1_000_000.0
ALL = 600


class World:
    """A simulated gateway whose source has just become ready, at a time of the test's choice."""

    def __init__(self, tunnels: int) -> None:
        self.now = START
        self.tracker = tracker_for_simulation()
        self.gateway = SimulatedGateway(self.tracker, tunnels=tunnels, seed=1, started_at=START)
        self.source = SimulatedSource(self.gateway, self.tracker, lambda: self.now)

    async def until_ready(self) -> None:
        task = asyncio.create_task(self.source.run())
        async with asyncio.timeout(20):
            await self.source.ready.wait()
        task.cancel()

    def snapshot(self) -> Snapshot:
        self.gateway.advance(self.now)
        return self.tracker.snapshot(self.now)


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    world = World(ALL)
    asyncio.run(world.until_ready())
    return world.snapshot()


@pytest.fixture(scope="module")
def configuration(snapshot: Snapshot) -> Configuration:
    return snapshot.configuration


def test_the_configuration_is_there_before_the_first_tunnel() -> None:
    world = World(20)
    calls: list[str] = []

    class Watched(Tracker):
        def configure(self, *_: object) -> None:
            calls.append("configure")

        def attach(self, *_: object) -> None:
            calls.append("attach")

        def saw(self, *_: object) -> None:
            calls.append("saw")

    tracker = Watched()
    gateway = SimulatedGateway(tracker, tunnels=5, seed=1, started_at=START)
    world.source = SimulatedSource(gateway, tracker, lambda: START)
    asyncio.run(world.until_ready())
    assert calls[:3] == ["configure", "attach", "saw"]
    assert calls.count("configure") == calls.count("attach") == 1


def test_what_is_configured_at_first_is_no_news() -> None:
    world = World(20)
    asyncio.run(world.until_ready())
    assert news(world.tracker.take_events()) == []
    assert world.snapshot().configuration.enabled


def test_each_connection_has_a_set_and_those_of_users_are_dynamic(
    snapshot: Snapshot, configuration: Configuration
) -> None:
    used = {tunnel.parameters.connection for tunnel in snapshot.ike_tunnels}
    assert {row.connection for row in configuration.dynamic_sets} == {"remote-access", "sales-team"}
    static = {row.connection for row in configuration.static_sets}
    assert static == used - {"remote-access", "sales-team"}
    assert {"branch-oslo", "legacy-faro"} <= static
    assert all(member.peers == 1 and member.peer for member in configuration.crypto_maps)


def test_each_tunnel_is_of_a_member_of_its_set(
    snapshot: Snapshot, configuration: Configuration
) -> None:
    sets = {row.name: row for row in configuration.static_sets + configuration.dynamic_sets}
    active: Counter[str] = Counter()
    for tunnel in snapshot.ipsec_tunnels:
        assert tunnel.policy_map is not None
        (member,) = [
            member
            for member in sets[tunnel.policy_map.set_name].members
            if member.priority == tunnel.policy_map.priority
        ]
        active[member.set_name] += sum(not spi.expiring for spi in tunnel.spis)
        child = member.child
        assert child.name == tunnel.parameters.name
        transforms = configuration.transform_sets if child.uses_defaults else child.transforms
        assert (tunnel.parameters.protocol, tunnel.parameters.proposal) in [
            (transform.protocol, transform.proposal) for transform in transforms or ()
        ]
        assert child.mode in (None, tunnel.parameters.mode)
        if not sets[member.set_name].dynamic:
            assert child.lifetime == tunnel.parameters.lifetime
            assert child.lifetime_octets == tunnel.parameters.lifetime_octets
            assert member.pfs_group == tunnel.parameters.proposal.group
    assert {name: row.sas for name, row in sets.items()} == active


def test_each_ike_tunnel_is_of_a_policy_with_just_its_algorithms(
    snapshot: Snapshot, configuration: Configuration
) -> None:
    policies = {row.priority: row for row in configuration.policies}
    for tunnel in snapshot.ike_tunnels:
        row = policies[tunnel.policy]
        users = tunnel.parameters.connection in {"remote-access", "sales-team"}
        assert row.kind is (PolicyKind.EASY_VPN if users else PolicyKind.DEFAULT)
        assert row.policy.proposal == tunnel.parameters.proposal
        assert row.policy.auth_method == tunnel.parameters.auth_method
        assert row.policy.lifetime == 86_400


def test_the_policies_are_the_defaults_and_those_of_easy_vpn(configuration: Configuration) -> None:
    numbers = [row.priority for row in configuration.policies]
    assert numbers[:8] == list(DEFAULT_POLICIES)
    assert set(numbers[8:]) <= set(EASY_VPN_POLICIES)
    assert len(numbers) == 8 + 20
    assert not set(numbers) & set(CONFIGURED_POLICIES)


def test_the_default_policies_are_those_of_ios(configuration: Configuration) -> None:
    shown = [
        (row.auth_method, row.proposal.encryption, row.proposal.integrity, row.proposal.group)
        for row in (row.policy for row in configuration.policies[:8])
    ]
    algorithms = [
        ("AES_CBC", "HMAC_SHA1_96", "MODP_1536"),
        ("AES_CBC", "HMAC_MD5_96", "MODP_1536"),
        ("3DES_CBC", "HMAC_SHA1_96", "MODP_1024"),
        ("3DES_CBC", "HMAC_MD5_96", "MODP_1024"),
    ]
    assert shown == [
        (method, *three)
        for three in algorithms
        for method in (AuthMethod.SIGNATURE, AuthMethod.PRE_SHARED_KEY)
    ]


def test_the_default_transform_sets_are_those_of_ios(configuration: Configuration) -> None:
    assert [
        (one.name, one.protocol, one.proposal.encryption, one.proposal.key_bits)
        for one in configuration.transform_sets
    ] == [
        ("#!default_transform_set_1", "ESP", "AES_CBC", 128),
        ("#!default_transform_set_0", "ESP", "3DES_CBC", 0),
    ]
    assert {one.proposal.integrity for one in configuration.transform_sets} == {"HMAC_SHA1_96"}
    assert (DEFAULTS.lifetime, DEFAULTS.lifetime_octets) == (3600, 4608000 * 1024)
    assert DEFAULTS.triple_des


def test_the_static_sets_are_at_the_outer_interface(configuration: Configuration) -> None:
    outer = INTERFACES.interfaces[0]
    assert {one.interface for one in configuration.attachments} == {outer}
    assert [one.set_name for one in configuration.attachments] == [
        row.name for row in configuration.static_sets
    ]


def test_the_configuration_does_not_depend_on_the_size() -> None:
    small, large = (World(tunnels).gateway.connections() for tunnels in (60, 300))
    by_name = {one.name: one for one in large}
    # The last peer may have got fewer children than it would have, users fewer companions.
    for one in small[:-1]:
        other = by_name[one.name]
        assert set(one.children) <= set(other.children)
        if not one.dynamic:
            assert one == other


# Unloading --------------------------------------------------------------------------------------


def test_a_connection_that_is_unloaded_goes_and_its_tunnels_stay_until_they_end() -> None:
    world = World(40)
    asyncio.run(world.until_ready())
    before = world.snapshot()
    tunnel = before.ike_tunnels[0]
    assert tunnel.parameters.connection == "branch-oslo"
    own = [one for one in before.ipsec_tunnels if one.ike_index == tunnel.index]
    world.tracker.take_events()
    assert world.source.can_unload
    asyncio.run(world.source.unload("branch-oslo"))
    told = news(world.tracker.take_events())
    assert told[0] == ("-at", (2, "branch-oslo"))
    assert {name for name, _ in told[1:]} == {"-map"}
    after = world.snapshot()
    assert "branch-oslo" not in {row.name for row in after.configuration.static_sets}
    assert (after.ike_tunnels[0].policy, after.ipsec_tunnels[: len(own)]) == (
        tunnel.policy,
        tuple(own),
    )

    asyncio.run(world.source.terminate_ike(tunnel.index))
    world.now += 60
    left = world.snapshot()
    assert tunnel.parameters.remote_identity not in {
        one.parameters.remote_identity for one in left.ike_tunnels
    }
    assert len(left.ipsec_tunnels) <= 40 - len(own)


def test_a_child_of_an_unloaded_connection_does_not_come_back() -> None:
    world = World(40)
    asyncio.run(world.until_ready())
    row = world.snapshot().ipsec_tunnels[0]
    asyncio.run(world.source.unload("branch-oslo"))
    asyncio.run(world.source.terminate_ipsec(row.index))
    world.now += 60
    assert row.policy_map not in {one.policy_map for one in world.snapshot().ipsec_tunnels}


def test_to_unload_what_has_gone_is_no_error() -> None:
    world = World(10)
    asyncio.run(world.until_ready())
    world.tracker.take_events()
    before = world.snapshot().configuration
    asyncio.run(world.source.unload("no such connection"))
    assert world.snapshot().configuration is before
    asyncio.run(world.source.unload("branch-oslo"))
    asyncio.run(world.source.unload("branch-oslo"))
    told = news(world.tracker.take_events())
    assert len(told) == len(set(chain(told)))
