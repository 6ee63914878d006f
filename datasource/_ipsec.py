"""Which child SA belongs to which IPsec tunnel: the phase-2 half of the tracker (see there).

A rekey event names the old SA and the new one. Without an event a new child SA belongs to a known
tunnel when it has the same IKE tunnel, name and reqid.
"""

from __future__ import annotations

from collections.abc import Container

from datasource._associations import PeerAssociations
from datasource._configured import Configured
from datasource._counts import Counts, measured
from datasource._journal import Graveyard, Journal
from datasource._rows import Rows
from datasource._state import (
    ChildSaState,
    IkeTunnelState,
    IpsecTunnelState,
    PolicyKey,
    endpoints_of,
    spis_of,
)
from datasource.events import IpsecFailed, IpsecTunnelStarted, IpsecTunnelStopped
from datasource.failures import IpsecFailure
from datasource.history import EndedIpsecTunnel, History
from datasource.model import (
    ChildSa,
    ChildSaParameters,
    IpAddress,
    IpsecTraffic,
    IpsecTunnel,
    Peer,
    SaState,
)
from datasource.reasons import IPSEC_END_FAILURES, EndReason

__all__ = ["IpsecTunnels"]


class IpsecTunnels:
    """Holds the IPsec tunnels and their child SAs."""

    def __init__(
        self,
        journal: Journal,
        counts: Counts,
        associations: PeerAssociations,
        configured: Configured,
        history: History,
        *,
        zero: IpsecTraffic,
        max_index: int,
    ) -> None:
        self.rows: Rows[IpsecTunnel] = Rows(max_index)
        self._journal = journal
        self._counts = counts
        self._associations = associations
        self._configured = configured
        self._history = history
        self._zero = zero
        self._tunnels: dict[int, IpsecTunnelState] = {}
        self._sas: dict[int, ChildSaState] = {}
        self._dead = Graveyard()
        self._policies: dict[PolicyKey, IpsecTunnelState] = {}

    # Reports ------------------------------------------------------------------------------------

    def saw(self, now: float, ike: IkeTunnelState, child: ChildSa, news_since: float) -> None:
        """A child SA exists under this IKE tunnel; before ``news_since``, that was no news."""
        if child.id in self._dead:
            return
        known = self._sas.get(child.id)
        if known is None:
            if child.state is not SaState.ACTIVE:
                return
            tunnel = self._policies.get((ike, child.parameters.name, child.parameters.reqid))
            if tunnel is None:
                self._start(now, ike, child, news_since)
            else:
                self._refresh(tunnel, child)
                self.changed(tunnel)
            return
        known.listing, known.absences = self._journal.listing, 0
        tunnel = known.tunnel
        changed = self._counts.count_child(known, child.traffic)
        if tunnel.ike is not ike:
            self._move(tunnel, ike)
        if known.state is not child.state:
            known.state = child.state
            tunnel.spis = None
            changed = True
        if (
            child.parameters is not tunnel.parameters
            and next(reversed(tunnel.sas)) == child.id
            and child.parameters != tunnel.parameters
        ):
            self._update_policy(tunnel, child.parameters)
            changed = True
        if changed:
            self.changed(tunnel)

    def down(
        self, now: float, owner: IkeTunnelState | None, child: ChildSa, reason: EndReason
    ) -> None:
        """A child SA that was not replaced has ended; ``owner`` is its IKE tunnel, if it lives."""
        known = self._sas.get(child.id)
        if known is None:
            return
        tunnel = known.tunnel
        self._counts.count_child(known, child.traffic)
        if owner is not None and owner is not tunnel.ike:
            self._move(tunnel, owner)
        known.state = SaState.EXPIRING
        tunnel.spis = None
        if any(sa.state is SaState.ACTIVE for sa in tunnel.sas.values()):
            self._forget(known)
            self.changed(tunnel)
        else:
            self._end(now, tunnel, reason)

    def rekeyed(self, old: ChildSa, new: ChildSa) -> None:
        """A child SA was replaced. The old one lingers until it is gone from the listings."""
        known = self._sas.get(old.id)
        if known is None:
            return
        known.state = SaState.EXPIRING
        known.tunnel.spis = None
        known.listing = self._journal.listing
        self._counts.count_child(known, old.traffic)
        if new.id not in self._sas and new.id not in self._dead:
            self._refresh(known.tunnel, new)
        self.changed(known.tunnel)

    def missing(self, listing: int) -> list[ChildSaState]:
        """Return the SAs that are in no listing since this one."""
        return [sa for sa in self._sas.values() if sa.listing < listing]

    def expire(self, now: float, sa: ChildSaState) -> None:
        """An SA has gone without a word."""
        if sa.id not in self._sas:
            return
        tunnel = sa.tunnel
        if len(tunnel.sas) == 1:
            self._end(now, tunnel, EndReason.OTHER)
            return
        self._forget(sa)
        self.changed(tunnel)

    def restarted(self, now: float, reason: EndReason) -> None:
        """Every SA is gone; from now on the ids mean other SAs."""
        for tunnel in tuple(self._tunnels.values()):
            self._end(now, tunnel, reason)
        self._dead.clear()

    def fail(self, failure: IpsecFailure) -> None:
        """Something went wrong."""
        self._history.add_ipsec_failure(failure)
        self._journal.happened(IpsecFailed(failure))

    def check_point(self, now: float) -> None:
        """Copy every live tunnel to history; nothing else changes."""
        for row in self.rows.in_order():
            self._history.add_ipsec_tunnel(EndedIpsecTunnel(now, EndReason.CHECK_POINT, row))

    # Questions ----------------------------------------------------------------------------------

    def ike_tunnel_of(self, child_id: int) -> IkeTunnelState | None:
        """Return the IKE tunnel, live or not, of a child SA that is known."""
        known = self._sas.get(child_id)
        return None if known is None else known.tunnel.ike

    def sas_of(self, index: int) -> tuple[int, ...]:
        """Return the ids of a tunnel's SAs, the newest last; none when it has ended."""
        tunnel = self._tunnels.get(index)
        return () if tunnel is None else tuple(tunnel.sas)

    def find_spi(self, spi: int, destination: IpAddress) -> tuple[IpsecTunnel, Peer] | None:
        """Return the tunnel that a packet to this address and SPI is for, if it is one of ours."""
        for tunnel in self._tunnels.values():
            row = self.rows[tunnel.index]
            if destination == row.local_address and any(
                known.inbound and known.value == spi for known in row.spis
            ):
                return row, tunnel.ike.association.peer()
        return None

    def ike_indexes(self) -> set[int]:
        """Return the indexes of all IKE tunnels, live or not, that IPsec tunnels name."""
        return {tunnel.ike.index for tunnel in self._tunnels.values()}

    # Tunnels ------------------------------------------------------------------------------------

    def changed(self, tunnel: IpsecTunnelState) -> None:
        """Make the row anew."""
        self._journal.changed()
        count_anew = tunnel.spis is None
        row = self.rows[tunnel.index] = tunnel.row()
        if count_anew:
            self._count(tunnel, sum(not spi.expiring for spi in row.spis))

    def configured(self, connections: Container[str]) -> None:
        """Look again at the crypto maps of the tunnels of these connections."""
        for tunnel in self._tunnels.values():
            if tunnel.ike.parameters.connection in connections:
                before = tunnel.policy_map
                self._map(tunnel)
                if tunnel.policy_map is not before:
                    self.changed(tunnel)

    def reconfigured(self, tunnel: IpsecTunnelState) -> None:
        """The IKE tunnel is of another connection now."""
        self._map(tunnel)
        self._count(tunnel, tunnel.counted[1])
        self.changed(tunnel)

    def _map(self, tunnel: IpsecTunnelState) -> None:
        new = self._configured.policy_map_of(
            tunnel.ike.parameters.connection, tunnel.parameters, tunnel.endpoints
        )
        # The same object while it is equal: a view keeps what it has made of it.
        if new != tunnel.policy_map:
            tunnel.policy_map = new

    def _count(self, tunnel: IpsecTunnelState, active: int) -> None:
        connection, counted = tunnel.counted
        tunnel.counted = tunnel.ike.parameters.connection, active
        if tunnel.counted[0] == connection:
            self._configured.count_sas(connection, active - counted)
        else:
            self._configured.count_sas(connection, -counted)
            self._configured.count_sas(*tunnel.counted)

    def _start(self, now: float, ike: IkeTunnelState, child: ChildSa, news_since: float) -> None:
        parameters = child.parameters
        tunnel = IpsecTunnelState(
            index=self.rows.new_index(),
            ike=ike,
            started_at=now - child.age,
            parameters=parameters,
            endpoints=endpoints_of(parameters),
            traffic=measured(self._zero, child.traffic),
        )
        self._tunnels[tunnel.index] = tunnel
        ike.ipsec.add(tunnel)
        self._associations.join_ipsec(tunnel)
        self._file(tunnel)
        self._add(tunnel, child)
        self._map(tunnel)
        self.changed(tunnel)
        found = tunnel.started_at < news_since
        self._journal.happened(IpsecTunnelStarted(now, self.rows[tunnel.index], found=found))
        if not found:
            self._configured.came_up(now)

    def _refresh(self, tunnel: IpsecTunnelState, child: ChildSa) -> None:
        tunnel.refreshes += 1
        self._update_policy(tunnel, child.parameters)
        self._add(tunnel, child)

    def _update_policy(self, tunnel: IpsecTunnelState, new: ChildSaParameters) -> None:
        old, tunnel.parameters = tunnel.parameters, new
        if (old.local_selectors, old.remote_selectors) != (
            new.local_selectors,
            new.remote_selectors,
        ):
            tunnel.endpoints = endpoints_of(new)
        if (old.name, old.reqid) != (new.name, new.reqid):
            self._file(tunnel)
        self._map(tunnel)

    def _end(self, now: float, tunnel: IpsecTunnelState, reason: EndReason) -> None:
        self.changed(tunnel)
        row = self.rows.pop(tunnel.index)
        for sa in tuple(tunnel.sas.values()):
            self._forget(sa)
        del self._tunnels[tunnel.index]
        self._count(tunnel, 0)
        tunnel.ike.ipsec.discard(tunnel)
        self._unfile(tunnel)
        peer = tunnel.ike.association.peer()
        self._associations.leave_ipsec(tunnel)
        self._counts.ipsec_ended += 1
        record, endpoints = self._history.add_ipsec_tunnel(EndedIpsecTunnel(now, reason, row))
        self._journal.happened(IpsecTunnelStopped(now, row, reason, record, endpoints))
        if (failure := IPSEC_END_FAILURES.get(reason)) is not None:
            ours, theirs = row.local_address, row.remote_address
            spi = row.parameters.spi_in
            self.fail(IpsecFailure(now, failure, peer, row, spi, ours, theirs))

    def _move(self, tunnel: IpsecTunnelState, ike: IkeTunnelState) -> None:
        tunnel.ike.ipsec.discard(tunnel)
        ike.ipsec.add(tunnel)
        # An association that changed hands keeps its IPsec tunnels under their numbers.
        stays = tunnel.ike.association is ike.association
        if not stays:
            self._associations.leave_ipsec(tunnel)
        tunnel.ike = ike
        if not stays:
            self._associations.join_ipsec(tunnel)
        self._file(tunnel)
        self._map(tunnel)
        self._count(tunnel, tunnel.counted[1])
        self.changed(tunnel)

    def _file(self, tunnel: IpsecTunnelState) -> None:
        """Make the tunnel found under its IKE tunnel, name and reqid, and nowhere else."""
        self._unfile(tunnel)
        tunnel.policy = (tunnel.ike, tunnel.parameters.name, tunnel.parameters.reqid)
        self._policies[tunnel.policy] = tunnel

    def _unfile(self, tunnel: IpsecTunnelState) -> None:
        if tunnel.policy is not None and self._policies.get(tunnel.policy) is tunnel:
            del self._policies[tunnel.policy]

    # SAs ----------------------------------------------------------------------------------------

    def _add(self, tunnel: IpsecTunnelState, child: ChildSa) -> None:
        spis = tuple(spis_of(child.parameters, tunnel.next_spi))
        tunnel.next_spi += len(spis)
        sa = ChildSaState(child.id, tunnel, self._journal.listing, child.state, self._zero, spis)
        tunnel.sas[child.id] = self._sas[child.id] = sa
        tunnel.spis = None
        self._counts.count_child(sa, child.traffic)

    def _forget(self, sa: ChildSaState) -> None:
        del self._sas[sa.id], sa.tunnel.sas[sa.id]
        self._dead.bury(sa.id, sa.tunnel.index)
        sa.tunnel.expired_spis += len(sa.spis)
        sa.tunnel.spis = None
