"""The SAs that the simulated gateway has, and how they look at a moment."""

from __future__ import annotations

from dataclasses import dataclass, field

from datasource.model import (
    NO_IPSEC_TRAFFIC,
    ChildSa,
    ChildSaParameters,
    IkeSa,
    IkeSaParameters,
    IpsecTraffic,
    SaState,
)
from datasource.simulated.peers import Peer
from datasource.simulated.traffic import Flow

__all__ = ["LiveChild", "LiveChildSa", "LiveIkeSa", "LivePeer"]


@dataclass(slots=True, eq=False)
class LiveChild:
    """What one child of a peer is set up to be, and the SA that it has now."""

    peer: LivePeer
    parameters: ChildSaParameters
    flow: Flow
    phase: float
    """Seconds by which the flow is shifted, so that not all tunnels are busy at once."""
    sa: LiveChildSa | None = None


@dataclass(slots=True, eq=False)
class LiveChildSa:
    """A child SA, in use or about to go."""

    id: int
    child: LiveChild
    parameters: ChildSaParameters
    installed_at: float
    packets_before: tuple[int, int]
    """What the flow had let through when this SA was installed."""
    replaced_at: float | None = None
    packets: tuple[int, int] = (-1, -1)
    traffic: IpsecTraffic = NO_IPSEC_TRAFFIC
    """That of ``packets``: the same object until a packet comes."""

    def view(self, at: float) -> ChildSa:
        """Return the SA as it is at this time."""
        state, until = SaState.ACTIVE, at
        if self.replaced_at is not None:
            state, until = SaState.EXPIRING, self.replaced_at
        child = self.child
        in_packets, out_packets = child.flow.packets(until + child.phase)
        packets = in_packets - self.packets_before[0], out_packets - self.packets_before[1]
        if packets != self.packets:
            self.packets = packets
            self.traffic = child.flow.traffic(
                *packets,
                encrypted=self.parameters.protocol == "ESP",
                compressed=self.parameters.cpi_in is not None,
            )
        return ChildSa(self.id, state, at - self.installed_at, self.parameters, self.traffic)


@dataclass(slots=True, eq=False)
class LiveIkeSa:
    """An IKE SA in any state."""

    id: int
    parameters: IkeSaParameters
    established_at: float
    children: list[LiveChildSa] = field(default_factory=list)
    """Those in use and those about to go."""
    state: SaState = SaState.ACTIVE

    def view(self, at: float, children: tuple[ChildSa, ...] = ()) -> IkeSa:
        """Return the SA as it is at this time, with these children."""
        return IkeSa(self.id, self.state, at - self.established_at, self.parameters, children)

    def view_all(self, at: float) -> IkeSa:
        """Return the SA as it is at this time, with all its children."""
        return self.view(at, tuple([child.view(at) for child in self.children]))


@dataclass(slots=True, eq=False)
class LivePeer:
    """A peer with all that it has now. ``ike`` is None while it is away."""

    set_up: Peer
    children: tuple[LiveChild, ...] = ()
    ike: LiveIkeSa | None = None
    replaced: list[LiveIkeSa] = field(default_factory=list)
    """Older IKE SAs that have not gone yet."""
    lives: int = 0
    """How often all of it has ended."""
    draws: int = 0
