"""What is configured on a gateway, whether or not anything of it is up: plain, immutable data.

Two levels, kept apart as those of :mod:`datasource.model` are:

* A **connection** (:class:`Connection`, :class:`Child`) is what a gateway's own configuration has.
  Sources report it.
* A **crypto map** and a **policy** (:class:`CryptoMap`, :class:`IsakmpPolicy`) are what an operator
  of a router means. The tracker makes them, and gives them numbers that stay.

A connection is a crypto map set, and its children are the members. One whose peers may have any
address is a dynamic crypto map set. Times are seconds, volumes octets. What a source does not know
is None.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from datasource.model import (
    AuthMethod,
    EncapsulationMode,
    Identity,
    IdentityType,
    IpAddress,
    Proposal,
)

__all__ = [
    "CONFIGURED_POLICIES",
    "DEFAULT_POLICIES",
    "EASY_VPN_POLICIES",
    "MAX_SET_NAME",
    "NO_INTERFACES",
    "Attachment",
    "Child",
    "Configuration",
    "Connection",
    "CryptoMap",
    "CryptoMapSet",
    "CryptoMapType",
    "Defaults",
    "Interface",
    "Interfaces",
    "IsakmpPolicy",
    "Policy",
    "PolicyKind",
    "TransformSet",
    "Wanted",
]

DEFAULT_POLICIES = range(65507, 65515)
"""Priorities of the default ISAKMP policies."""
EASY_VPN_POLICIES = range(65515, 65536)
"""Priorities of those for Easy VPN."""
CONFIGURED_POLICIES = range(1, 10_001)
"""Priorities of all others."""
MAX_SET_NAME = 111
"""Characters: the longest that fits in the index of cipsCryptomapSetIfTable."""


# What sources report ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Policy:
    """What an IKE SA is negotiated with: a proposal, and how the peers prove who they are."""

    proposal: Proposal
    auth_method: AuthMethod | None
    lifetime: int | None = None


@dataclass(frozen=True, slots=True)
class TransformSet:
    """What IPsec SAs are negotiated with, under the name that it has."""

    name: str
    proposal: Proposal
    protocol: str = "ESP"
    """``ESP`` or ``AH``."""


@dataclass(frozen=True, slots=True)
class Child:
    """A child of a connection: which traffic is protected, and how."""

    name: str
    local_selectors: tuple[str, ...] = ()
    """As the gateway prints them."""
    remote_selectors: tuple[str, ...] = ()
    mode: EncapsulationMode | None = None
    transforms: tuple[TransformSet, ...] | None = None
    """The first is preferred; the group in a proposal is that of PFS. None: not known."""
    uses_defaults: bool = False
    """Known to name no transforms of its own: the gateway's defaults are used."""
    lifetime: int | None = None
    """After which its SAs are replaced; None: the gateway's default."""
    lifetime_octets: int | None = None
    """The same for their volume."""


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection of the gateway's configuration."""

    name: str
    children: tuple[Child, ...] = ()
    """In the order that the gateway has them in."""
    local_addresses: tuple[IpAddress, ...] = ()
    """Empty: any address of the gateway."""
    peers: tuple[IpAddress | None, ...] = ()
    """Whom it may talk to, the first one preferred; None is one that is known by a name only."""
    dynamic: bool = False
    """Its peers may come from anywhere."""
    local_identity: Identity | None = None
    policies: tuple[Policy, ...] | None = None
    """The first is preferred. None: not known, so that only SAs tell."""
    uses_defaults: bool = False
    """Known to name no proposals of its own: the gateway's defaults are used."""
    auth_method: AuthMethod | None = None
    lifetime: int | None = None
    """After which its IKE SAs are replaced."""
    keepalive: int | None = None
    """How long a peer may be silent before it is asked whether it is there."""
    easy_vpn: bool = False
    """Users with accounts come this way."""


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a gateway does where its configuration says nothing."""

    policies: tuple[Policy, ...] = ()
    """As many as :data:`DEFAULT_POLICIES` has numbers, at most."""
    transform_sets: tuple[TransformSet, ...] = ()
    lifetime: int | None = None
    """Of IPsec SAs."""
    lifetime_octets: int | None = None
    triple_des: bool | None = None
    """Whether the gateway can do 3DES."""


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface with addresses."""

    index: int
    """ifIndex."""
    name: str
    virtual: bool = False
    """It is a tunnel itself."""
    addresses: frozenset[IpAddress] = frozenset()
    up: bool = True


@dataclass(frozen=True, slots=True)
class Interfaces:
    """The interfaces there are."""

    interfaces: tuple[Interface, ...] = ()
    routes: Mapping[IpAddress, int] = field(default_factory=dict)
    """Over which one, by its index, a peer is reached."""


NO_INTERFACES = Interfaces()


# What everybody else reads ------------------------------------------------------------------------


class PolicyKind(enum.Enum):
    """Where a policy comes from."""

    CONFIGURED = enum.auto()
    DEFAULT = enum.auto()
    EASY_VPN = enum.auto()


@dataclass(frozen=True, slots=True)
class IsakmpPolicy:
    """A policy under its number; the lowest is preferred."""

    priority: int
    policy: Policy
    kind: PolicyKind


class CryptoMapType(enum.Enum):
    """How the keys of a crypto map are made, or what it leads to."""

    MANUAL = enum.auto()
    ISAKMP = enum.auto()
    CET = enum.auto()
    """Cisco Encryption Technology, which no Linux has."""
    DYNAMIC = enum.auto()
    DYNAMIC_DISCOVERY = enum.auto()
    """A dynamic one that looks for the ends of its tunnels."""


@dataclass(frozen=True, slots=True)
class CryptoMap:
    """A member of a crypto map set."""

    set_name: str
    priority: int
    """From 1; it stays while others come and go."""
    type: CryptoMapType
    child: Child
    peer: IpAddress | None
    """The one in use, or the preferred one; None where only its name is known, or not even that."""
    peers: int
    """How many there are."""
    pfs_group: str | None
    """Empty: no PFS. None: not known."""


@dataclass(frozen=True, slots=True)
class CryptoMapSet:
    """A connection, as a set of crypto maps."""

    name: str
    """Printable ASCII, at most :data:`MAX_SET_NAME` characters, unlike all others."""
    connection: str
    """Its name as the gateway has it."""
    dynamic: bool
    members: tuple[CryptoMap, ...]
    sas: int
    """Active IPsec SAs that were set up through it, each direction and protocol counted."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A static crypto map set at an interface that is up."""

    interface: Interface
    set_name: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the operator of the agent wants of the configuration."""

    default_policy: bool = True
    """Default ISAKMP policies may be in force."""
    default_transform_set: bool = True
    """Default transform sets may be in force."""
    max_sas: int = 0
    """More IPsec SAs than that are too many; 0 for no limit."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """All of it, at one moment."""

    enabled: bool = False
    """IKE is there and answers."""
    identity_type: IdentityType | None = None
    """What the gateway calls itself, where that is the same kind everywhere."""
    keepalive: int | None = None
    """The shortest of all connections."""
    defaults: Defaults = field(default_factory=Defaults)
    wanted: Wanted = field(default_factory=Wanted)
    policies: tuple[IsakmpPolicy, ...] = ()
    """In order of priority."""
    transform_sets: tuple[TransformSet, ...] = ()
    """The default ones in force."""
    static_sets: tuple[CryptoMapSet, ...] = ()
    """In order of the length of the name, then of the name; so are all that follow."""
    dynamic_sets: tuple[CryptoMapSet, ...] = ()
    crypto_maps: tuple[CryptoMap, ...] = ()
    """The members of static sets, by set and priority."""
    attachments: tuple[Attachment, ...] = ()
    """By index of the interface, then by set."""
