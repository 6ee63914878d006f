"""What went wrong: one row for each failure. What is not known of it is None."""

from __future__ import annotations

from dataclasses import dataclass

from datasource.model import Identity, IpAddress, IpsecTunnel, Peer
from datasource.reasons import IkeFailureReason, IpsecFailureReason

__all__ = ["IkeFailure", "IpsecFailure"]


@dataclass(frozen=True, slots=True)
class IkeFailure:
    """One failure of IKE."""

    at: float
    reason: IkeFailureReason
    local_identity: Identity | None = None
    remote_identity: Identity | None = None
    local_address: IpAddress | None = None
    remote_address: IpAddress | None = None
    number: int = 1
    """That of the association, where it was made: see :class:`~datasource.model.Peer`."""


@dataclass(frozen=True, slots=True)
class IpsecFailure:
    """One failure of IPsec."""

    at: float
    reason: IpsecFailureReason
    peer: Peer | None = None
    tunnel: IpsecTunnel | None = None
    """As it was; None where there was none, as at a set-up that failed."""
    spi: int | None = None
    source: IpAddress | None = None
    destination: IpAddress | None = None
    """Of the packet; where there was none, our own outer address and the peer's."""

    @property
    def tunnel_index(self) -> int | None:
        """Index of the tunnel, None where there was none."""
        return None if self.tunnel is None else self.tunnel.index
