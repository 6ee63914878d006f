"""Makes tunnels of security associations.

Rule 1: everything that decides which SA belongs to which tunnel is here.
Rule 2: a tunnel's index, age and counters outlive its SAs.
Rule 3: totals are counted as things happen and never recomputed, so they cannot fall.
Rule 4: what ends leaves the live rows, enters history and is counted in one step.

How an SA finds its tunnel. A rekey event names the old SA and the new one. Without an event (it was
missed, or IKEv1, which has none for its phase 1) a new IKE SA belongs to a known tunnel when it
carries one of that tunnel's children, or when it is IKEv1 and joins the same two peers under the
same connection: strongSwan then moves the children over in silence. A new child SA belongs to a
known tunnel when it has the same IKE tunnel, name and reqid.

How an SA dies. By an event, at once. By absence only after two listings in a row that waited for
busy SAs (:meth:`Listing.end`): one listing is not a picture of one moment, since an SA can move
between two IKE SAs while they are being listed. What is dead stays dead: a listing that began
before an end cannot bring an SA back.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

from datasource._associations import PeerAssociations
from datasource._counts import Counts, more_ike
from datasource._ipsec import IpsecTunnels
from datasource._journal import Graveyard, Journal
from datasource._rows import Rows
from datasource._state import (
    IkeSaState,
    IkeTunnelState,
    same_addresses,
)
from datasource.events import (
    Event,
    IkeFailed,
    IkeTunnelStarted,
    IkeTunnelStopped,
    SetupFailed,
)
from datasource.failures import IkeFailure, IpsecFailure
from datasource.history import EndedIkeTunnel, EndedIpsecTunnel, History
from datasource.model import (
    NO_IKE_TRAFFIC,
    NO_IPSEC_TRAFFIC,
    ChildSa,
    Identity,
    IkeFailures,
    IkeSa,
    IkeSaParameters,
    IkeTraffic,
    IkeTunnel,
    IpAddress,
    IpsecFailures,
    IpsecTraffic,
    IpsecTunnel,
    Peer,
    SaState,
)
from datasource.reasons import IKE_END_FAILURES, EndReason
from datasource.snapshot import Snapshot

__all__ = ["MAX_INDEX", "Listing", "Tracker"]

MAX_INDEX = 2147483647
_MAX_PENDING = 10_000
_ABSENCES_TO_DIE = 2
_AGE_UNIT = 1.0
"""Seconds by which an SA may be older than a listing says, which tells whole ones."""

_Ikev1Peers = tuple[Identity, Identity, IpAddress, IpAddress, int, str, str]


class Listing:
    """One walk through all SAs of the daemon. Made by :meth:`Tracker.list`."""

    def __init__(self, tracker: Tracker, number: int) -> None:
        self._tracker = tracker
        self._number = number

    def add(self, now: float, sa: IkeSa) -> None:
        """Report one SA of the listing, with its children."""
        self._tracker.listed(now, self._number, sa)

    def end(self, now: float, *, waited: bool) -> bool:
        """Close the listing; return True when SAs are missing from it.

        ``waited`` says that the daemon waited for busy SAs. Only then may what is missing be dead;
        otherwise the caller should make another listing that waits.
        """
        return self._tracker.end_listing(now, self._number, waited=waited)


class Tracker:
    """Holds the tunnels, their indexes and the totals.

    Args:
        ike: what the source counts per IKE SA: 0 for what it does, None for what it does not.
        ipsec: the same for child SAs.
        failures: the same for failures of IKE.
        ipsec_failures: the same for failures of IPsec.
        watching_since: when somebody began to watch. A tunnel that was up by then was found, and
            did not come up (see :class:`~datasource.events.IkeTunnelStarted`).
        max_index: where index numbering starts again at 1.
    """

    def __init__(
        self,
        *,
        ike: IkeTraffic = NO_IKE_TRAFFIC,
        ipsec: IpsecTraffic = NO_IPSEC_TRAFFIC,
        failures: IkeFailures = IkeFailures(),  # noqa: B008 - immutable
        ipsec_failures: IpsecFailures = IpsecFailures(),  # noqa: B008 - immutable
        watching_since: float = -math.inf,
        max_index: int = MAX_INDEX,
    ) -> None:
        self._zero_ike = ike
        self._watching_since = watching_since
        self._journal = Journal()
        self.history = History(on_change=self._journal.changed)
        """The tunnels that have ended, and the failures."""
        self._counts = Counts(ike, ipsec, failures, ipsec_failures)
        self._associations = PeerAssociations()
        self._ipsec = IpsecTunnels(
            self._journal,
            self._counts,
            self._associations,
            self.history,
            zero=ipsec,
            max_index=max_index,
        )
        self._rows: Rows[IkeTunnel] = Rows(max_index)
        self._tunnels: dict[int, IkeTunnelState] = {}
        self._sas: dict[int, IkeSaState] = {}
        self._dead = Graveyard()
        self._ikev1: dict[_Ikev1Peers, IkeTunnelState] = {}
        self._oldest_listing = 0
        self._pending_traffic: dict[int, IkeTraffic] = {}

    @property
    def revision(self) -> int:
        """Goes up with every change of the snapshot, other than that of its time."""
        return self._journal.revision

    # What sources report ------------------------------------------------------------------------

    def list(self) -> Listing:
        """Begin a listing of all SAs that the daemon has."""
        self._journal.listing += 1
        return Listing(self, self._journal.listing)

    def listed(self, now: float, number: int, sa: IkeSa) -> None:
        """See :meth:`Listing.add`."""
        # After a restart the ids of a listing from before it mean other SAs, or none.
        if number >= self._oldest_listing:
            self._saw(now, sa, self._watching_since + _AGE_UNIT)

    def saw(self, now: float, sa: IkeSa) -> None:
        """An IKE SA exists, with these children: all of them that it has, or one of an event."""
        self._saw(now, sa, self._watching_since)

    def _saw(self, now: float, sa: IkeSa, news_since: float) -> None:
        """Take over an SA; it is no news that one came up before ``news_since``."""
        if sa.id in self._dead or sa.state is SaState.STARTING:
            return
        known = self._sas.get(sa.id)
        if known is None:
            if sa.state is SaState.EXPIRING:
                return
            tunnel = self._predecessor(sa)
            if tunnel is None:
                tunnel = self._start_ike(now, sa, news_since)
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

    def ike_down(self, now: float, sa_id: int, reason: EndReason) -> None:
        """An IKE SA that was up has ended."""
        if (known := self._sas.get(sa_id)) is not None:
            self._end_ike_sa(now, known, reason)

    def ike_rekeyed(self, now: float, old_id: int, new: IkeSa) -> None:
        """An IKE SA was replaced; its children go over to the new one."""
        old = self._sas.get(old_id)
        if old is not None and new.id not in self._sas and new.id not in self._dead:
            self._succeed(now, old.tunnel, new)
        if old is not None:
            self._end_ike_sa(now, old, EndReason.NORMAL)
        self.saw(now, new)

    def child_down(self, now: float, ike: IkeSa, child: ChildSa, reason: EndReason) -> None:
        """A child SA that was not replaced has ended, with these final counters."""
        owner = self._sas.get(ike.id)
        self._ipsec.down(now, None if owner is None else owner.tunnel, child, reason)

    def child_rekeyed(self, now: float, ike: IkeSa, old: ChildSa, new: ChildSa) -> None:
        """A child SA was replaced. The old one lingers until it is gone from the listings."""
        self._ipsec.rekeyed(old, new)
        self.saw(now, dataclasses.replace(ike, children=(new,)))

    def count_ike(self, sa_id: int, seen: IkeTraffic) -> None:
        """IKE messages of an SA were seen: these are increments, not absolute counts.

        Those of an SA that is still being negotiated are kept until it is up, and dropped with it.
        """
        if (known := self._sas.get(sa_id)) is not None:
            self._add_ike_traffic(known.tunnel, seen)
        elif (index := self._dead.tunnel_of(sa_id)) is not None:
            # The messages that end an SA are often logged after its end.
            self._add_ike_traffic(self._tunnels.get(index), seen)
        else:
            if len(self._pending_traffic) >= _MAX_PENDING:
                del self._pending_traffic[next(iter(self._pending_traffic))]
            pending = self._pending_traffic.pop(sa_id, NO_IKE_TRAFFIC)
            self._pending_traffic[sa_id] = more_ike(pending, seen)

    def count_failure(self, kind: str) -> None:
        """IKE processing failed: ``kind`` is a field of :class:`IkeFailures`."""
        self._journal.changed()
        self._counts.failed(kind)

    def count_ipsec_failure(self, kind: str, more: int = 1) -> None:
        """IPsec processing failed so often: ``kind`` is a field of :class:`IpsecFailures`."""
        self._journal.changed()
        self._counts.ipsec_failed(kind, more)

    def set_failures(self, **counts: int | None) -> None:
        """Take over failure counts that the source keeps itself."""
        self._journal.changed()
        self._counts.failures = dataclasses.replace(self._counts.failures, **counts)

    def setup_failed(self, now: float, sa_id: int, *, initiator: bool) -> None:
        """An IKE SA ended before it was up."""
        if sa_id in self._sas or sa_id in self._dead:
            return
        self._pending_traffic.pop(sa_id, None)
        self._journal.changed()
        self._counts.setup_failed(initiator=initiator)
        self._journal.happened(SetupFailed(now, initiator=initiator))

    def ike_failed(self, failure: IkeFailure) -> None:
        """Something went wrong in IKE, other than that a tunnel ended, which is told by its end."""
        self.history.add_ike_failure(failure)
        self._journal.happened(IkeFailed(failure))

    def ipsec_failed(self, failure: IpsecFailure) -> None:
        """Something went wrong in IPsec, other than that a tunnel ended."""
        self._ipsec.fail(failure)

    def check_point(self, now: float) -> None:
        """Copy every live tunnel to history; nothing else changes."""
        for tunnel in self._tunnels.values():
            peer = tunnel.association.peer()
            self.history.add_ike_tunnel(
                EndedIkeTunnel(now, EndReason.CHECK_POINT, self._rows[tunnel.index], peer)
            )
        for ipsec in self._ipsec.rows.in_order():
            self.history.add_ipsec_tunnel(EndedIpsecTunnel(now, EndReason.CHECK_POINT, ipsec))

    def restarted(self, now: float, reason: EndReason) -> None:
        """The daemon is gone, and with it every SA; the next one numbers its SAs anew."""
        for tunnel in tuple(self._tunnels.values()):
            for sa in tuple(tunnel.sas.values()):
                self._end_ike_sa(now, sa, reason)
        self._ipsec.restarted(now, reason)
        self._dead.clear()
        self._pending_traffic.clear()
        self._oldest_listing = self._journal.listing + 1

    def end_listing(self, now: float, number: int, *, waited: bool) -> bool:
        """See :meth:`Listing.end`."""
        missing_children = self._ipsec.missing(number)
        missing = [sa for sa in self._sas.values() if sa.listing < number]
        if waited:
            for child in missing_children:
                child.absences += 1
                if child.absences >= _ABSENCES_TO_DIE:
                    self._ipsec.expire(now, child)
            for sa in missing:
                sa.absences += 1
                if sa.absences >= _ABSENCES_TO_DIE:
                    self._end_ike_sa(now, sa, EndReason.OTHER)
        return bool(missing or missing_children)

    # What everybody else reads ------------------------------------------------------------------

    def snapshot(self, now: float) -> Snapshot:
        """Return everything as it is now. Cheap: rows are made when they change, not here."""
        return Snapshot(
            taken_at=now,
            ike_tunnels=self._rows.in_order(),
            ipsec_tunnels=self._ipsec.rows.in_order(),
            associations=self._associations.rows(),
            totals=self._counts.totals(),
            past=self.history.past(),
        )

    def take_events(self) -> tuple[Event, ...]:
        """Return what happened since the last call, oldest first."""
        return self._journal.take_events()

    def on_event(self, call: Callable[[], None]) -> None:
        """Have this called when there are events to take, where there were none."""
        self._journal.on_event = call

    def ike_sas(self, index: int) -> tuple[int, ...]:
        """Return the ids of an IKE tunnel's SAs, the newest last; none when it has ended."""
        tunnel = self._tunnels.get(index)
        return () if tunnel is None else tuple(tunnel.sas)

    def child_sas(self, index: int) -> tuple[int, ...]:
        """Return the ids of an IPsec tunnel's SAs, the newest last; none when it has ended."""
        return self._ipsec.sas_of(index)

    def find_spi(self, spi: int, destination: IpAddress) -> tuple[IpsecTunnel, Peer] | None:
        """Return the tunnel that a packet to this address and SPI is for, if it is one of ours."""
        return self._ipsec.find_spi(spi, destination)

    def has_had(self, sa_id: int) -> bool:
        """Whether an IKE SA is up, or was."""
        return sa_id in self._sas or sa_id in self._dead

    def replaces(self, sa_id: int) -> bool:
        """Whether an IKE SA is up in place of another that has not gone yet."""
        known = self._sas.get(sa_id)
        return known is not None and len(known.tunnel.sas) > 1

    def peer_of(self, sa_id: int) -> Peer | None:
        """Return who talks over an IKE SA that is up, None for any other."""
        known = self._sas.get(sa_id)
        return None if known is None else known.tunnel.association.peer()

    def ike_sa_with(self, connection: str, remote: IpAddress) -> int:
        """Return the newest IKE SA of a connection with the peer at this address, 0 for none."""
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

    def ipsec_tunnel_of(self, sa_id: int, child: str) -> IpsecTunnel | None:
        """Return the IPsec tunnel under an IKE SA that has this child, or the only one there is.

        ``child`` is the name of its configuration; empty where that is not known.
        """
        known = self._sas.get(sa_id)
        found = [
            self._ipsec.rows[tunnel.index]
            for tunnel in (known.tunnel.ipsec if known is not None else ())
            if child in ("", tunnel.parameters.name)
        ]
        return found[0] if len(found) == 1 else None

    # IKE ----------------------------------------------------------------------------------------

    def _predecessor(self, sa: IkeSa) -> IkeTunnelState | None:
        for child in sa.children:
            tunnel = self._ipsec.ike_tunnel_of(child.id)
            if tunnel is not None and tunnel.alive:
                return tunnel
        if sa.parameters.version != 1:
            return None
        return self._ikev1.get(_ikev1_peers(sa.parameters))

    def _start_ike(self, now: float, sa: IkeSa, news_since: float) -> IkeTunnelState:
        traffic = self._pending_traffic.pop(sa.id, NO_IKE_TRAFFIC)
        tunnel = IkeTunnelState(
            index=self._new_index(),
            started_at=now - sa.age,
            parameters=sa.parameters,
            reported=sa.parameters,
            traffic=self._zero_ike,
        )
        self._add(tunnel, sa, tunnel.started_at)
        self._tunnels[tunnel.index] = tunnel
        self._associations.join_ike(tunnel)
        self._file_ikev1(tunnel)
        self._add_ike_traffic(tunnel, traffic)
        if sa.parameters.initiator:
            self._counts.initiated += 1
        self._changed(tunnel)
        self._journal.happened(
            IkeTunnelStarted(
                now,
                self._rows[tunnel.index],
                tunnel.association.peer(),
                found=tunnel.started_at < news_since,
            )
        )
        return tunnel

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
            self._add_ike_traffic(tunnel, traffic)

    def _add(self, tunnel: IkeTunnelState, sa: IkeSa, established_at: float) -> None:
        state = IkeSaState(sa.id, tunnel, established_at, self._journal.listing)
        tunnel.sas[sa.id] = self._sas[sa.id] = state

    def _update_parameters(self, tunnel: IkeTunnelState, new: IkeSaParameters) -> None:
        self._unfile_ikev1(tunnel)
        old = tunnel.parameters
        tunnel.reported = tunnel.parameters = new
        # The mode is seen in the messages of the first SA only; a tunnel keeps it.
        if new.mode is None and old.mode is not None:
            tunnel.parameters = dataclasses.replace(new, mode=old.mode)
        self._file_ikev1(tunnel)
        self._changed(tunnel)
        if not same_addresses(old, new):
            self._associations.moved(tunnel)
            for ipsec in tunnel.ipsec:
                self._ipsec.changed(ipsec)

    def _end_ike_sa(self, now: float, sa: IkeSaState, reason: EndReason) -> None:
        tunnel = sa.tunnel
        del self._sas[sa.id], tunnel.sas[sa.id]
        self._dead.bury(sa.id, tunnel.index)
        if tunnel.sas:
            return
        del self._tunnels[tunnel.index]
        self._unfile_ikev1(tunnel)
        row = self._rows.pop(tunnel.index)
        ended = EndedIkeTunnel(now, reason, row, tunnel.association.peer())
        self._counts.ike_ended += 1
        self._associations.leave_ike(tunnel)
        for ipsec in tunnel.ipsec:
            self._ipsec.changed(ipsec)
        record = self.history.add_ike_tunnel(ended)
        self._journal.happened(IkeTunnelStopped(now, row, reason, record))
        if (failure := IKE_END_FAILURES.get(reason)) is not None:
            peer = ended.peer
            self.ike_failed(
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

    def _file_ikev1(self, tunnel: IkeTunnelState) -> None:
        if tunnel.parameters.version == 1:
            self._ikev1[_ikev1_peers(tunnel.parameters)] = tunnel

    def _unfile_ikev1(self, tunnel: IkeTunnelState) -> None:
        if tunnel.parameters.version == 1:
            peers = _ikev1_peers(tunnel.parameters)
            if self._ikev1.get(peers) is tunnel:
                del self._ikev1[peers]

    def _add_ike_traffic(self, tunnel: IkeTunnelState | None, seen: IkeTraffic) -> None:
        if not any(seen):
            return
        self._journal.changed()
        self._counts.ike = more_ike(self._counts.ike, seen)
        if tunnel is not None:
            tunnel.traffic = more_ike(tunnel.traffic, seen)
            self._changed(tunnel)

    def _changed(self, tunnel: IkeTunnelState) -> None:
        self._journal.changed()
        self._rows[tunnel.index] = tunnel.row()

    def _new_index(self) -> int:
        index = self._rows.new_index()
        if self._rows.wrapped:
            # An IPsec tunnel names its IKE tunnel, also a dead one: it must not seem to revive.
            named = self._ipsec.ike_indexes()
            while index in named:
                index = self._rows.new_index()
        return index


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
