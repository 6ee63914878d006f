"""What the simulated gateway is configured with: made of its peers, for they are what it is for.

As a router with nothing but crypto maps it has no ISAKMP policies of its own, so that the defaults
are in force; users with accounts come over two connections that have theirs.
"""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Iterable
from functools import cache

from datasource.configuration import (
    Child,
    Connection,
    Defaults,
    Interface,
    Interfaces,
    Policy,
    TransformSet,
)
from datasource.model import AuthMethod, ChildSaParameters, Proposal
from datasource.simulated.chances import (
    DEFAULT_ESP_PROPOSALS,
    ESP_PROPOSALS,
    IKE_PROPOSALS,
    IKEV1_PROPOSALS,
    IKEV2_PROPOSALS,
    OLD_ESP_PROPOSALS,
)
from datasource.simulated.live import LivePeer
from datasource.simulated.peers import OUR_IPV4, OUR_IPV6

__all__ = ["DEFAULTS", "INTERFACES", "make_connections"]

_POLICY_LIFETIME = 86_400
_KEEPALIVE = 90
"""The mean of what passes between two checks of the simulated gateway."""

DEFAULTS = Defaults(
    policies=tuple(
        Policy(proposal, auth_method, _POLICY_LIFETIME)
        for proposal in IKE_PROPOSALS.things
        for auth_method in (AuthMethod.SIGNATURE, AuthMethod.PRE_SHARED_KEY)
    ),
    transform_sets=(
        TransformSet("#!default_transform_set_1", DEFAULT_ESP_PROPOSALS.things[0]),
        TransformSet("#!default_transform_set_0", DEFAULT_ESP_PROPOSALS.things[1]),
    ),
    lifetime=3600,
    lifetime_octets=4_608_000 * 1024,
    triple_des=True,
)
"""Those of IOS."""

INTERFACES = Interfaces(
    (
        Interface(2, "GigabitEthernet0/0", addresses=frozenset([OUR_IPV4, OUR_IPV6])),
        Interface(
            3,
            "GigabitEthernet0/1",
            addresses=frozenset(map(ipaddress.ip_address, ("172.16.0.1", "2001:db8:f00::1"))),
        ),
        Interface(4, "Loopback0", addresses=frozenset([ipaddress.IPv4Address("192.168.77.1")])),
    )
)


def make_connections(peers: Iterable[LivePeer]) -> tuple[Connection, ...]:
    """Make the connections that lead to these peers, in order of the peers."""
    # Users share one connection: each peer of it may bring children that the others lack.
    found: dict[str, Connection] = {}
    children: dict[str, dict[str, Child]] = {}
    for peer in peers:
        name = peer.set_up.ike.connection
        if name not in found:
            found[name] = _connection(peer)
        own = children.setdefault(name, {})
        for child in peer.children:
            if child.parameters.name not in own:
                own[child.parameters.name] = _child(peer, child.parameters)
    return tuple(
        dataclasses.replace(connection, children=tuple(children[name].values()))
        for name, connection in found.items()
    )


def _connection(peer: LivePeer) -> Connection:
    ike, users = peer.set_up.ike, peer.set_up.kind.account
    return Connection(
        ike.connection,
        local_addresses=(ike.local_address,),
        peers=() if users else (ike.remote_address,),
        dynamic=users,
        local_identity=ike.local_identity,
        policies=_user_policies(ike.version, ike.auth_method) if users else (),
        uses_defaults=not users,
        auth_method=ike.auth_method,
        lifetime=_POLICY_LIFETIME if users else ike.lifetime,
        keepalive=_KEEPALIVE,
        easy_vpn=users,
    )


@cache
def _user_policies(version: int, auth_method: AuthMethod | None) -> tuple[Policy, ...]:
    proposals = IKEV2_PROPOSALS if version == 2 else IKEV1_PROPOSALS
    return tuple(Policy(one, auth_method, _POLICY_LIFETIME) for one in proposals.things)


def _child(peer: LivePeer, parameters: ChildSaParameters) -> Child:
    if peer.set_up.kind.account:
        return Child(
            parameters.name,
            mode=parameters.mode,
            transforms=_user_transforms(peer.set_up.ike.version),
        )
    defaults = peer.set_up.uses_default_transforms
    return Child(
        parameters.name,
        mode=parameters.mode,
        transforms=None if defaults else _transforms(parameters.proposal, parameters.protocol),
        uses_defaults=defaults,
        lifetime=parameters.lifetime,
        lifetime_octets=parameters.lifetime_octets,
    )


@cache
def _user_transforms(version: int) -> tuple[TransformSet, ...]:
    proposals = ESP_PROPOSALS if version == 2 else OLD_ESP_PROPOSALS
    return tuple(one for proposal in proposals.things for one in _transforms(proposal, "ESP"))


@cache
def _transforms(proposal: Proposal, protocol: str) -> tuple[TransformSet, ...]:
    bits = str(proposal.key_bits or "")
    parts = protocol, proposal.encryption, bits, proposal.integrity, proposal.group
    return (TransformSet("-".join(part for part in parts if part).lower(), proposal, protocol),)
