"""What happened to tunnels and what was configured: plain data, for notifications and logs.

The tracker makes these in the order in which things happened; a row in an event is the tunnel as it
was at that moment, with its final counters where it ended.
"""

from __future__ import annotations

from dataclasses import dataclass

from datasource.configuration import (
    Attachment,
    Configuration,
    CryptoMap,
    CryptoMapSet,
    IsakmpPolicy,
)
from datasource.failures import IkeFailure, IpsecFailure
from datasource.history import EndedEndpoint, EndedIkeTunnel, EndedIpsecTunnel, Record
from datasource.model import IkeTunnel, IpsecTunnel, Peer
from datasource.reasons import EndReason

__all__ = [
    "CryptoMapAdded",
    "CryptoMapDeleted",
    "CryptoMapSetAttached",
    "CryptoMapSetDetached",
    "EndReason",
    "Event",
    "IkeFailed",
    "IkeTunnelStarted",
    "IkeTunnelStopped",
    "IpsecFailed",
    "IpsecTunnelStarted",
    "IpsecTunnelStopped",
    "IsakmpPolicyAdded",
    "IsakmpPolicyDeleted",
    "SetupFailed",
    "TooManySas",
]


@dataclass(frozen=True, slots=True)
class IkeTunnelStarted:
    """An IKE tunnel came up."""

    at: float
    tunnel: IkeTunnel
    peer: Peer
    found: bool = False
    """It was up before anybody watched: that it came up is no news."""


@dataclass(frozen=True, slots=True)
class IkeTunnelStopped:
    """An IKE tunnel ended. Its IPsec tunnels may end a moment later."""

    at: float
    tunnel: IkeTunnel
    reason: EndReason
    record: Record[EndedIkeTunnel]
    """What history has of it."""


@dataclass(frozen=True, slots=True)
class IpsecTunnelStarted:
    """An IPsec tunnel came up."""

    at: float
    tunnel: IpsecTunnel
    found: bool = False
    """It was up before anybody watched: that it came up is no news."""


@dataclass(frozen=True, slots=True)
class IpsecTunnelStopped:
    """An IPsec tunnel ended."""

    at: float
    tunnel: IpsecTunnel
    reason: EndReason
    record: Record[EndedIpsecTunnel]
    endpoints: tuple[Record[EndedEndpoint], ...]
    """What history has of it and of its endpoints."""


@dataclass(frozen=True, slots=True)
class SetupFailed:
    """An IKE SA that never came up. What is known of why is in a failure beside it."""

    at: float
    initiator: bool


@dataclass(frozen=True, slots=True)
class IkeFailed:
    """Something went wrong in IKE."""

    failure: IkeFailure

    @property
    def at(self) -> float:
        """When it happened."""
        return self.failure.at


@dataclass(frozen=True, slots=True)
class IpsecFailed:
    """Something went wrong in IPsec."""

    failure: IpsecFailure

    @property
    def at(self) -> float:
        """When it happened."""
        return self.failure.at


@dataclass(frozen=True, slots=True)
class IsakmpPolicyAdded:
    """An ISAKMP policy was configured."""

    at: float
    policy: IsakmpPolicy
    configuration: Configuration
    """After the change; so it is in the following."""


@dataclass(frozen=True, slots=True)
class IsakmpPolicyDeleted:
    """An ISAKMP policy is not configured any more."""

    at: float
    policy: IsakmpPolicy
    configuration: Configuration


@dataclass(frozen=True, slots=True)
class CryptoMapAdded:
    """A crypto map was added to a static set, which is as it is then."""

    at: float
    crypto_map: CryptoMap
    crypto_map_set: CryptoMapSet


@dataclass(frozen=True, slots=True)
class CryptoMapDeleted:
    """A crypto map was deleted from a static set, which is as it is then, perhaps empty."""

    at: float
    crypto_map: CryptoMap
    crypto_map_set: CryptoMapSet


@dataclass(frozen=True, slots=True)
class CryptoMapSetAttached:
    """A static set came to an interface."""

    at: float
    attachment: Attachment
    crypto_map_set: CryptoMapSet


@dataclass(frozen=True, slots=True)
class CryptoMapSetDetached:
    """A static set has gone from an interface; it is as it was before that."""

    at: float
    attachment: Attachment
    crypto_map_set: CryptoMapSet


@dataclass(frozen=True, slots=True)
class TooManySas:
    """An IPsec tunnel came up when there were as many SAs as there may be."""

    at: float
    configuration: Configuration


Event = (
    IkeTunnelStarted
    | IkeTunnelStopped
    | IpsecTunnelStarted
    | IpsecTunnelStopped
    | SetupFailed
    | IkeFailed
    | IpsecFailed
    | IsakmpPolicyAdded
    | IsakmpPolicyDeleted
    | CryptoMapAdded
    | CryptoMapDeleted
    | CryptoMapSetAttached
    | CryptoMapSetDetached
    | TooManySas
)
