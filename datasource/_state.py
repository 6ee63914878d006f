"""The tracker's working memory: what it knows of each tunnel and SA, and the rows made of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from datasource.model import (
    ChildSaParameters,
    Endpoint,
    Identity,
    IkeSaParameters,
    IkeTraffic,
    IkeTunnel,
    IpsecTraffic,
    IpsecTunnel,
    Membership,
    Peer,
    PeerAssociation,
    PolicyMap,
    SaState,
    Spi,
)

__all__ = [
    "MAX_ENDPOINTS",
    "AssociationState",
    "ChildSaState",
    "IkeSaState",
    "IkeTunnelState",
    "IpsecTunnelState",
    "PolicyKey",
    "endpoints_of",
    "same_addresses",
    "spis_of",
]

MAX_ENDPOINTS = 256
"""A tunnel's flows are every local with every remote selector: bounded, since both lists are long
at a gateway that splits its networks finely."""


@dataclasses.dataclass(slots=True, eq=False)
class AssociationState:
    key: int
    identities: tuple[Identity, Identity]
    number: int
    started_at: float
    parameters: IkeSaParameters
    """Those of its newest IKE tunnel, also when that has ended."""
    ike_index: int
    """Index of its IKE tunnel, 0 while it has none. It does not hold the tunnel itself: two that
    hold each other are freed by a full collection only, which an agent cannot stop for."""
    ipsec: dict[int, int] = dataclasses.field(default_factory=dict)
    """Index of each IPsec tunnel and its number here."""
    next_number: int = 1

    def peer(self) -> Peer:
        return Peer(
            *self.identities,
            self.number,
            self.parameters.local_address,
            self.parameters.remote_address,
        )

    def row(self) -> PeerAssociation:
        return PeerAssociation(
            *self.identities,
            self.number,
            self.parameters.local_address,
            self.parameters.remote_address,
            key=self.key,
            started_at=self.started_at,
            ike_index=self.ike_index,
            members=tuple(Membership(number, index) for index, number in self.ipsec.items()),
        )


@dataclasses.dataclass(slots=True, eq=False)
class IkeSaState:
    id: int
    tunnel: IkeTunnelState
    established_at: float
    listing: int
    """The newest listing, or the one under way at an event, that had it."""
    absences: int = 0


@dataclasses.dataclass(slots=True, eq=False)
class ChildSaState:
    id: int
    tunnel: IpsecTunnelState
    listing: int
    state: SaState
    traffic: IpsecTraffic
    spis: tuple[Spi, ...]
    absences: int = 0


@dataclasses.dataclass(slots=True, eq=False)
class IkeTunnelState:
    index: int
    started_at: float
    parameters: IkeSaParameters
    reported: IkeSaParameters
    """The same as the source gave it, perhaps without what the tunnel keeps of older SAs."""
    traffic: IkeTraffic
    policy: int = 0
    refreshes: int = 0
    sas: dict[int, IkeSaState] = dataclasses.field(default_factory=dict)
    ipsec: set[IpsecTunnelState] = dataclasses.field(default_factory=set)
    association: AssociationState = dataclasses.field(init=False)

    @property
    def alive(self) -> bool:
        return bool(self.sas)

    def row(self) -> IkeTunnel:
        return IkeTunnel(
            index=self.index,
            started_at=self.started_at,
            refreshes=self.refreshes,
            parameters=self.parameters,
            traffic=self.traffic,
            association=self.association.key,
            policy=self.policy,
        )


@dataclasses.dataclass(slots=True, eq=False)
class IpsecTunnelState:
    index: int
    ike: IkeTunnelState
    started_at: float
    parameters: ChildSaParameters
    endpoints: tuple[Endpoint, ...]
    traffic: IpsecTraffic
    refreshes: int = 0
    expired_spis: int = 0
    next_spi: int = 1
    sas: dict[int, ChildSaState] = dataclasses.field(default_factory=dict)
    policy: PolicyKey | None = None
    spis: tuple[Spi, ...] | None = None
    """None when an SA has come, gone or changed its state since the last row."""
    policy_map: PolicyMap | None = None
    counted: tuple[str, int] = ("", 0)
    """The connection, and how many active SAs are counted for it."""

    def row(self) -> IpsecTunnel:
        ike = self.ike
        if self.spis is None:
            self.spis = self._make_spis()
        return IpsecTunnel(
            index=self.index,
            ike_index=ike.index,
            ike_alive=ike.alive,
            local_address=ike.parameters.local_address,
            remote_address=ike.parameters.remote_address,
            started_at=self.started_at,
            refreshes=self.refreshes,
            expired_spis=self.expired_spis,
            parameters=self.parameters,
            traffic=self.traffic,
            spis=self.spis,
            endpoints=self.endpoints,
            policy_map=self.policy_map,
        )

    def _make_spis(self) -> tuple[Spi, ...]:
        return tuple(
            spi
            if (expiring := sa.state is SaState.EXPIRING) == spi.expiring
            else Spi(spi.number, spi.inbound, spi.value, spi.protocol, expiring)
            for sa in self.sas.values()
            for spi in sa.spis
        )


PolicyKey = tuple[IkeTunnelState, str, int]
"""What tells the policies of a gateway apart: IKE tunnel, name and reqid."""


def endpoints_of(parameters: ChildSaParameters) -> tuple[Endpoint, ...]:
    pairs = (
        Endpoint(local, remote)
        for local in parameters.local_selectors
        for remote in parameters.remote_selectors
        if local.first.version == remote.first.version
    )
    return tuple(pair for pair, _ in zip(pairs, range(MAX_ENDPOINTS), strict=False))


def spis_of(parameters: ChildSaParameters, number: int) -> Iterator[Spi]:
    values = (
        (True, parameters.spi_in, parameters.protocol),
        (False, parameters.spi_out, parameters.protocol),
        (True, parameters.cpi_in or 0, "IPCOMP"),
        (False, parameters.cpi_out or 0, "IPCOMP"),
    )
    for inbound, value, protocol in values:
        # 0 is no SPI: that direction is not installed (RFC 4303 section 2.1).
        if value:
            yield Spi(number, inbound, value, protocol, expiring=False)
            number += 1


def same_addresses(left: IkeSaParameters, right: IkeSaParameters) -> bool:
    """Whether two IKE SAs have the same outer addresses."""
    return (left.local_address, left.remote_address) == (right.local_address, right.remote_address)
