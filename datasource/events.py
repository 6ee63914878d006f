"""What happened to tunnels: plain data, for history, notifications, accounting and logs.

The tracker makes these in the order in which things happened; a row in an event is the tunnel as it
was at that moment, with its final counters where it ended.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from datasource.model import IkeTunnel, IpsecTunnel

__all__ = [
    "EndReason",
    "Event",
    "IkeTunnelStarted",
    "IkeTunnelStopped",
    "IpsecTunnelStarted",
    "IpsecTunnelStopped",
    "SetupFailed",
]


class EndReason(enum.Enum):
    """Why a tunnel ended, as far as its source can tell."""

    OTHER = enum.auto()
    """Not known: for one, it was gone when the source could be asked again."""
    NORMAL = enum.auto()
    """Its time had come: lifetime, inactivity, replaced by a reauthentication."""
    OPERATOR = enum.auto()
    PEER_DELETE = enum.auto()
    PEER_LOST = enum.auto()
    LOCAL_FAILURE = enum.auto()


@dataclass(frozen=True, slots=True)
class IkeTunnelStarted:
    """An IKE tunnel came up, or was already up when the source was first asked."""

    at: float
    tunnel: IkeTunnel


@dataclass(frozen=True, slots=True)
class IkeTunnelStopped:
    """An IKE tunnel ended. Its IPsec tunnels may end a moment later."""

    at: float
    tunnel: IkeTunnel
    reason: EndReason


@dataclass(frozen=True, slots=True)
class IpsecTunnelStarted:
    """An IPsec tunnel came up, or was already up when the source was first asked."""

    at: float
    tunnel: IpsecTunnel


@dataclass(frozen=True, slots=True)
class IpsecTunnelStopped:
    """An IPsec tunnel ended."""

    at: float
    tunnel: IpsecTunnel
    reason: EndReason


@dataclass(frozen=True, slots=True)
class SetupFailed:
    """An IKE SA that never came up."""

    at: float
    initiator: bool


Event = IkeTunnelStarted | IkeTunnelStopped | IpsecTunnelStarted | IpsecTunnelStopped | SetupFailed
