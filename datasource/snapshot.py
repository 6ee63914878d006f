"""Everything at one moment: plain, immutable data."""

from __future__ import annotations

from dataclasses import dataclass, field

from datasource.configuration import Configuration
from datasource.history import Past
from datasource.model import IkeTunnel, IpsecTunnel, PeerAssociation, Totals

__all__ = ["Snapshot"]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Tunnels are in order of index, associations in order of key."""

    taken_at: float
    ike_tunnels: tuple[IkeTunnel, ...]
    ipsec_tunnels: tuple[IpsecTunnel, ...]
    associations: tuple[PeerAssociation, ...]
    totals: Totals
    past: Past = field(default_factory=Past)
    configuration: Configuration = field(default_factory=Configuration)
