"""Which IKE SA belongs to which IKE tunnel: the phase-1 half of the tracker (see there).

A rekey event names the old SA and the new one. Without an event (it was missed, or IKEv1, which has
none for its phase 1) a new IKE SA belongs to a known tunnel when it carries one of that tunnel's
children, or when it is IKEv1 and joins the same two peers under the same connection: strongSwan
then moves the children over in silence.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Container

from datasource._associations import PeerAssociations
from datasource._configured import Configured
from datasource._counts import Counts, more_ike
from datasource._ipsec import IpsecTunnels
from datasource._journal import Graveyard, Journal
from datasource._rows import Rows
from datasource._state import IkeSaState, IkeTunnelState, same_addresses
from datasource.events import IkeFailed, IkeTunnelStarted, IkeTunnelStopped, SetupFailed
from datasource.failures import IkeFailure
from datasource.history import EndedIkeTunnel, History
from datasource.model import (
    NO_IKE_TRAFFIC,
    Identity,
    IkeSa,
    IkeSaParameters,
    IkeTraffic,
    IkeTunnel,
    IpAddress,
    SaState,
)
from datasource.reasons import IKE_END_FAILURES, EndReason

__all__ = ["IkeTunnels"]

_MAX_PENDING = 10_000

_Ikev1Peers = tuple[Identity, Identity, IpAddress, IpAddress, int, str, str]


class IkeTunnels:
    """Holds the IKE tunnels and their SAs, and passes the children of these on to ``ipsec``."""

    def __init__(
        self,
        journal: Journal,
        counts: Counts,
        associations: PeerAssociations,
        configured: Configured,
        history: History,
        *,
        ipsec: IpsecTunnels,
        zero: IkeTraffic,
        max_index: int,
    ) -> None:
        self.rows: Rows[IkeTunnel] = Rows(max_index)
        self._journal = journal
        self._counts = counts
        self._associations = associations
        self._configured = configured
        self._history = history
        self._ipsec = ipsec
        self._zero = zero
        self._tunnels: dict[int, IkeTunnelState] = {}
        self._sas: dict[int, IkeSaState] = {}
        self._dead = Graveyard()
        self._ikev1: dict[_Ikev1Peers, IkeTunnelState] = {}
        self._pending_traffic: dict[int, IkeTraffic] = {}

    # Reports ------------------------------------------------------------------------------------

    def saw(self, now: float, sa: IkeSa, news_since: float) -> None:
        """An IKE SA exists, with these children; before ``news_since``, that was no news."""
        if sa.id in self._dead or sa.state is SaState.STARTING:
            return
        known = self._sas.get(sa.id)
        if known is None:
            if sa.state is SaState.EXPIRING:
                return
            tunnel = self.predecessor(sa)
            if tunnel is None:
                tunnel = self._start(now, sa, news_since)
            else:
                self._succeed(now, tunnel, sa)
        else:
            known.listing, known.absences = self._journal.listing, 0
            tunnel = known.tunnel
            # An older SA of the tunnel, about to go, must not speak for it.
            if (
                sa.parameters is not tunnel.reported
                and next(reversed(tunnel.sas)) == sa.id
                and sa.parameters != tunnel.reported
            ):
                self._update_parameters(tunnel, sa.parameters)
        for child in sa.children:
            self._ipsec.saw(now, tunnel, child, news_since)

    def down(self, now: float, sa_id: int, reason: EndReason) -> None:
        """An IKE SA that was up has ended."""
        if (known := self._sas.get(sa_id)) is not None:
            self._end_sa(now, known, reason)

    def rekeyed(self, now: float, old_id: int, new: IkeSa, news_since: float) -> None:
        """An IKE SA was replaced; its children go over to the new one."""
        old = self._sas.get(old_id)
        if old is not None and new.id not in self._sas and new.id not in self._dead:
            self._succeed(now, old.tunnel, new)
        if old is not None:
            self._end_sa(now, old, EndReason.NORMAL)
        self.saw(now, new, news_since)

    def count(self, sa_id: int, seen: IkeTraffic) -> None:
        """IKE messages of an SA were seen, also of one that is not up yet."""
        if (known := self._sas.get(sa_id)) is not None:
            self._add_traffic(known.tunnel, seen)
        elif (index := self._dead.tunnel_of(sa_id)) is not None:
            # The messages that end an SA are often logged after its end.
            self._add_traffic(self._tunnels.get(index), seen)
        else:
            if len(self._pending_traffic) >= _MAX_PENDING:
                del self._pending_traffic[next(iter(self._pending_traffic))]
            pending = self._pending_traffic.pop(sa_id, NO_IKE_TRAFFIC)
            self._pending_traffic[sa_id] = more_ike(pending, seen)

    def setup_failed(self, now: float, sa_id: int, *, initiator: bool) -> None:
        """An IKE SA ended before it was up."""
        if self.has_had(sa_id):
            return
        self._pending_traffic.pop(sa_id, None)
        self._journal.changed()
        self._counts.setup_failed(initiator=initiator)
        self._journal.happened(SetupFailed(now, initiator=initiator))

    def fail(self, failure: IkeFailure) -> None:
        """Something went wrong."""
        self._history.add_ike_failure(failure)
        self._journal.happened(IkeFailed(failure))

    def missing(self, listing: int) -> list[IkeSaState]:
        """Return the SAs that are in no listing since this one."""
        return [sa for sa in self._sas.values() if sa.listing < listing]

    def restarted(self, now: float, reason: EndReason) -> None:
        """Every SA is gone; from now on the ids mean other SAs."""
        for tunnel in tuple(self._tunnels.values()):
            for sa in tuple(tunnel.sas.values()):
                self._end_sa(now, sa, reason)
        self._dead.clear()
        self._pending_traffic.clear()

    def check_point(self, now: float) -> None:
        """Copy every live tunnel to history; nothing else changes."""
        for tunnel in self._tunnels.values():
            row, peer = self.rows[tunnel.index], tunnel.association.peer()
            self._history.add_ike_tunnel(EndedIkeTunnel(now, EndReason.CHECK_POINT, row, peer))

    # Questions ----------------------------------------------------------------------------------

    def tunnel_of(self, sa_id: int) -> IkeTunnelState | None:
        """Return the tunnel of an SA that is up, None for any other."""
        known = self._sas.get(sa_id)
        return None if known is None else known.tunnel

    def has_had(self, sa_id: int) -> bool:
        """Whether an SA is up, or was."""
        return sa_id in self._sas or sa_id in self._dead

    def predecessor(self, sa: IkeSa) -> IkeTunnelState | None:
        """Return the tunnel that an SA belongs to which is not known and came without an event."""
        for child in sa.children:
            tunnel = self._ipsec.ike_tunnel_of(child.id)
            if tunnel is not None and tunnel.alive:
                return tunnel
        if sa.parameters.version != 1:
            return None
        return self._ikev1.get(_ikev1_peers(sa.parameters))

    def sas_of(self, index: int) -> tuple[int, ...]:
        """Return the ids of a tunnel's SAs, the newest last; none when it has ended."""
        tunnel = self._tunnels.get(index)
        return () if tunnel is None else tuple(tunnel.sas)

    def sa_with(self, connection: str, remote: IpAddress) -> int:
        """Return the newest SA of a connection with the peer at this address, 0 for none."""
        # Among thousands this takes milliseconds: for a source that tells no number of its SA.
        return next(
            (
                next(reversed(tunnel.sas))
                for tunnel in reversed(self._tunnels.values())
                if tunnel.parameters.connection == connection
                and tunnel.parameters.remote_address == remote
            ),
            0,
        )

    # Tunnels ------------------------------------------------------------------------------------

    def configured(self, connections: Container[str]) -> None:
        """Look again at the policies of the tunnels of these connections."""
        for tunnel in self._tunnels.values():
            if tunnel.parameters.connection in connections:
                before = tunnel.policy
                self._look_up(tunnel)
                if tunnel.policy != before:
                    self._changed(tunnel)

    def _start(self, now: float, sa: IkeSa, news_since: float) -> IkeTunnelState:
        traffic = self._pending_traffic.pop(sa.id, NO_IKE_TRAFFIC)
        tunnel = IkeTunnelState(
            index=self._new_index(),
            started_at=now - sa.age,
            parameters=sa.parameters,
            reported=sa.parameters,
            traffic=self._zero,
        )
        self._add(tunnel, sa, tunnel.started_at)
        self._tunnels[tunnel.index] = tunnel
        self._associations.join_ike(tunnel)
        self._file_ikev1(tunnel)
        self._look_up(tunnel)
        self._add_traffic(tunnel, traffic)
        if sa.parameters.initiator:
            self._counts.initiated += 1
        self._changed(tunnel)
        self._journal.happened(
            IkeTunnelStarted(
                now,
                self.rows[tunnel.index],
                tunnel.association.peer(),
                found=tunnel.started_at < news_since,
            )
        )
        return tunnel

    def _update_parameters(self, tunnel: IkeTunnelState, new: IkeSaParameters) -> None:
        self._unfile_ikev1(tunnel)
        old = tunnel.parameters
        tunnel.reported = tunnel.parameters = new
        # The mode is seen in the messages of the first SA only; a tunnel keeps it.
        if new.mode is None and old.mode is not None:
            tunnel.parameters = dataclasses.replace(new, mode=old.mode)
        self._file_ikev1(tunnel)
        self._look_up(tunnel)
        self._changed(tunnel)
        if not same_addresses(old, new):
            self._associations.moved(tunnel)
            for ipsec in tunnel.ipsec:
                self._ipsec.changed(ipsec)
        if old.connection != new.connection:
            for ipsec in tunnel.ipsec:
                self._ipsec.reconfigured(ipsec)

    def _end(self, now: float, tunnel: IkeTunnelState, reason: EndReason) -> None:
        del self._tunnels[tunnel.index]
        self._unfile_ikev1(tunnel)
        row, peer = self.rows.pop(tunnel.index), tunnel.association.peer()
        self._counts.ike_ended += 1
        self._associations.leave_ike(tunnel)
        for ipsec in tunnel.ipsec:
            self._ipsec.changed(ipsec)
        record = self._history.add_ike_tunnel(EndedIkeTunnel(now, reason, row, peer))
        self._journal.happened(IkeTunnelStopped(now, row, reason, record))
        if (failure := IKE_END_FAILURES.get(reason)) is not None:
            self.fail(
                IkeFailure(
                    now,
                    failure,
                    peer.local_identity,
                    peer.remote_identity,
                    peer.local_address,
                    peer.remote_address,
                    peer.number,
                )
            )

    def _look_up(self, tunnel: IkeTunnelState) -> None:
        """Find out what the tunnel has of the configuration."""
        self._configured.uses_peer(tunnel.parameters)
        policy = self._configured.policy_of(tunnel.parameters)
        # What is not configured any more leaves the tunnel what it had.
        if policy is not None:
            tunnel.policy = policy

    def _file_ikev1(self, tunnel: IkeTunnelState) -> None:
        if tunnel.parameters.version == 1:
            self._ikev1[_ikev1_peers(tunnel.parameters)] = tunnel

    def _unfile_ikev1(self, tunnel: IkeTunnelState) -> None:
        if tunnel.parameters.version == 1:
            peers = _ikev1_peers(tunnel.parameters)
            if self._ikev1.get(peers) is tunnel:
                del self._ikev1[peers]

    def _add_traffic(self, tunnel: IkeTunnelState | None, seen: IkeTraffic) -> None:
        if not any(seen):
            return
        self._journal.changed()
        self._counts.ike = more_ike(self._counts.ike, seen)
        if tunnel is not None:
            tunnel.traffic = more_ike(tunnel.traffic, seen)
            self._changed(tunnel)

    def _changed(self, tunnel: IkeTunnelState) -> None:
        self._journal.changed()
        self.rows[tunnel.index] = tunnel.row()

    def _new_index(self) -> int:
        index = self.rows.new_index()
        if self.rows.wrapped:
            # An IPsec tunnel names its IKE tunnel, also a dead one: it must not seem to revive.
            named = self._ipsec.ike_indexes()
            while index in named:
                index = self.rows.new_index()
        return index

    # SAs ----------------------------------------------------------------------------------------

    def _succeed(self, now: float, tunnel: IkeTunnelState, sa: IkeSa) -> None:
        """Add another SA to a tunnel: its successor, or one before it that was listed later."""
        established_at = now - sa.age
        newest = next(reversed(tunnel.sas.values()))
        tunnel.refreshes += 1
        self._add(tunnel, sa, established_at)
        if established_at < newest.established_at:
            tunnel.sas[newest.id] = tunnel.sas.pop(newest.id)
            tunnel.started_at = min(tunnel.started_at, established_at)
            self._changed(tunnel)
        else:
            self._update_parameters(tunnel, sa.parameters)
        if (traffic := self._pending_traffic.pop(sa.id, None)) is not None:
            self._add_traffic(tunnel, traffic)

    def _add(self, tunnel: IkeTunnelState, sa: IkeSa, established_at: float) -> None:
        state = IkeSaState(sa.id, tunnel, established_at, self._journal.listing)
        tunnel.sas[sa.id] = self._sas[sa.id] = state

    def _end_sa(self, now: float, sa: IkeSaState, reason: EndReason) -> None:
        tunnel = sa.tunnel
        del self._sas[sa.id], tunnel.sas[sa.id]
        self._dead.bury(sa.id, tunnel.index)
        if not tunnel.sas:
            self._end(now, tunnel, reason)


def _ikev1_peers(parameters: IkeSaParameters) -> _Ikev1Peers:
    """Return what a new IKEv1 SA must share with an old one for strongSwan to move the children."""
    return (
        parameters.local_identity,
        parameters.remote_identity,
        parameters.local_address,
        parameters.remote_address,
        parameters.remote_port,
        parameters.connection,
        parameters.remote_account,
    )
