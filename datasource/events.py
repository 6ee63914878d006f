"""What happened to tunnels: plain data, for notifications, accounting and logs.

The tracker makes these in the order in which things happened; a row in an event is the tunnel as it
was at that moment, with its final counters where it ended.
"""

from __future__ import annotations

from dataclasses import dataclass

from datasource.failures import IkeFailure, IpsecFailure
from datasource.history import EndedEndpoint, EndedIkeTunnel, EndedIpsecTunnel, Record
from datasource.model import IkeTunnel, IpsecTunnel, Peer
from datasource.reasons import EndReason

__all__ = [
    "EndReason",
    "Event",
    "IkeFailed",
    "IkeTunnelStarted",
    "IkeTunnelStopped",
    "IpsecFailed",
    "IpsecTunnelStarted",
    "IpsecTunnelStopped",
    "SetupFailed",
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


Event = (
    IkeTunnelStarted
    | IkeTunnelStopped
    | IpsecTunnelStarted
    | IpsecTunnelStopped
    | SetupFailed
    | IkeFailed
    | IpsecFailed
)
