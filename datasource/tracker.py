"""Makes tunnels of security associations.

Rule 1: everything that decides which SA belongs to which tunnel is here, in two halves that nobody
else knows: _ike.py and _ipsec.py, each of which begins with how an SA finds its tunnel.
Rule 2: a tunnel's index, age and counters outlive its SAs.
Rule 3: totals are counted as things happen and never recomputed, so they cannot fall.
Rule 4: what ends leaves the live rows, enters history and is counted in one step.

How an SA dies. By an event, at once. By absence only after two listings in a row that waited for
busy SAs (:meth:`Listing.end`): one listing is not a picture of one moment, since an SA can move
between two IKE SAs while they are being listed. What is dead stays dead: a listing that began
before an end cannot bring an SA back.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence

from datasource._associations import PeerAssociations
from datasource._configured import Configured
from datasource._counts import Counts
from datasource._ike import IkeTunnels
from datasource._ipsec import IpsecTunnels
from datasource._journal import Journal
from datasource.configuration import Connection, Defaults, Interfaces, Wanted
from datasource.events import Event
from datasource.failures import IkeFailure, IpsecFailure
from datasource.history import History
from datasource.ledger import Listing
from datasource.model import (
    NO_IKE_TRAFFIC,
    NO_IPSEC_TRAFFIC,
    ChildSa,
    IkeFailures,
    IkeSa,
    IkeTraffic,
    IpAddress,
    IpsecFailures,
    IpsecTraffic,
    IpsecTunnel,
    Peer,
)
from datasource.reasons import EndReason
from datasource.snapshot import Snapshot

__all__ = ["MAX_INDEX", "Listing", "Tracker"]

MAX_INDEX = 2147483647
NO_DEFAULTS = Defaults()
_ABSENCES_TO_DIE = 2
_AGE_UNIT = 1.0
"""Seconds by which an SA may be older than a listing says, which tells whole ones."""


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
        self._news_since = watching_since
        self._listed_news_since = watching_since + _AGE_UNIT
        self._journal = Journal()
        self.history = History(on_change=self._journal.changed)
        """The tunnels that have ended, and the failures."""
        self._counts = Counts(ike, ipsec, failures, ipsec_failures)
        self._associations = PeerAssociations()
        self._configured = Configured(self._journal)
        self._ipsec = IpsecTunnels(
            self._journal,
            self._counts,
            self._associations,
            self._configured,
            self.history,
            zero=ipsec,
            max_index=max_index,
        )
        self._ike = IkeTunnels(
            self._journal,
            self._counts,
            self._associations,
            self._configured,
            self.history,
            ipsec=self._ipsec,
            zero=ike,
            max_index=max_index,
        )
        self._oldest_listing = 0

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
            self._ike.saw(now, sa, self._listed_news_since)

    def saw(self, now: float, sa: IkeSa) -> None:
        """An IKE SA exists, with these children: all of them that it has, or one of an event."""
        self._ike.saw(now, sa, self._news_since)

    def ike_down(self, now: float, sa_id: int, reason: EndReason) -> None:
        """An IKE SA that was up has ended."""
        self._ike.down(now, sa_id, reason)

    def ike_rekeyed(self, now: float, old_id: int, new: IkeSa) -> None:
        """An IKE SA was replaced; its children go over to the new one."""
        self._ike.rekeyed(now, old_id, new, self._news_since)

    def child_down(self, now: float, ike: IkeSa, child: ChildSa, reason: EndReason) -> None:
        """A child SA that was not replaced has ended, with these final counters."""
        self._ipsec.down(now, self._ike.tunnel_of(ike.id), child, reason)

    def child_rekeyed(self, now: float, ike: IkeSa, old: ChildSa, new: ChildSa) -> None:
        """A child SA was replaced. The old one lingers until it is gone from the listings."""
        self._ipsec.rekeyed(old, new)
        self.saw(now, dataclasses.replace(ike, children=(new,)))

    def count_ike(self, sa_id: int, seen: IkeTraffic) -> None:
        """IKE messages of an SA were seen: these are increments, not absolute counts.

        Those of an SA that is still being negotiated are kept until it is up, and dropped with it.
        """
        self._ike.count(sa_id, seen)

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

    def setup_failed(
        self,
        now: float,
        sa_id: int,
        *,
        initiator: bool,
        connection: str = "",  # noqa: ARG002 - see Ledger
    ) -> None:
        """An IKE SA ended before it was up."""
        self._ike.setup_failed(now, sa_id, initiator=initiator)

    def ike_failed(self, failure: IkeFailure) -> None:
        """Something went wrong in IKE, other than that a tunnel ended, which is told by its end."""
        self._ike.fail(failure)

    def ipsec_failed(self, failure: IpsecFailure) -> None:
        """Something went wrong in IPsec, other than that a tunnel ended."""
        self._ipsec.fail(failure)

    def check_point(self, now: float) -> None:
        """Copy every live tunnel to history; nothing else changes."""
        self._ike.check_point(now)
        self._ipsec.check_point(now)

    def restarted(self, now: float, reason: EndReason) -> None:
        """The daemon is gone, and with it every SA; the next one numbers its SAs anew."""
        self._ike.restarted(now, reason)
        self._ipsec.restarted(now, reason)
        self._oldest_listing = self._journal.listing + 1

    def end_listing(self, now: float, number: int, *, waited: bool) -> bool:
        """See :meth:`Listing.end`."""
        missing_children = self._ipsec.missing(number)
        missing = self._ike.missing(number)
        if waited:
            for child in missing_children:
                child.absences += 1
                if child.absences >= _ABSENCES_TO_DIE:
                    self._ipsec.expire(now, child)
            for sa in missing:
                sa.absences += 1
                if sa.absences >= _ABSENCES_TO_DIE:
                    self._ike.down(now, sa.id, EndReason.OTHER)
        return bool(missing or missing_children)

    # What is configured -------------------------------------------------------------------------

    def configure(
        self, now: float, connections: Sequence[Connection], defaults: Defaults = NO_DEFAULTS
    ) -> None:
        """Take over what is configured now: all of it."""
        self._look_again(self._configured.configure(connections, defaults))
        self._configured.tell(now)

    def rearrange(
        self, now: float, connections: Sequence[Connection], defaults: Defaults = NO_DEFAULTS
    ) -> None:
        """Take over the same connections but for those that another tracker had, or has now.

        That is no news: nothing was configured.
        """
        with self._journal.muted():
            self.configure(now, connections, defaults)

    def enable(self, *, enabled: bool) -> None:
        """IKE answers, or does not. Without it, what was configured last is what is configured."""
        self._configured.enable(enabled=enabled)

    def attach(self, now: float, interfaces: Interfaces) -> None:
        """Take over which interfaces there are: all of them."""
        self._configured.attach(now, interfaces)

    def want(self, wanted: Wanted) -> None:
        """Take over what the operator of the agent wants of the configuration."""
        self._configured.want(wanted)

    def routed_peers(self) -> frozenset[IpAddress]:
        """Return the peers for which the interfaces must tell the route."""
        return self._configured.routed_peers()

    def connection_of(self, set_name: str) -> str | None:
        """Return the connection that is a static crypto map set, None where there is none."""
        return self._configured.connection_of(set_name)

    def _look_again(self, connections: frozenset[str]) -> None:
        if connections:
            self._ike.configured(connections)
            self._ipsec.configured(connections)

    # What everybody else reads ------------------------------------------------------------------

    def snapshot(self, now: float) -> Snapshot:
        """Return everything as it is now. Cheap: rows are made when they change, not here."""
        return Snapshot(
            taken_at=now,
            ike_tunnels=self._ike.rows.in_order(),
            ipsec_tunnels=self._ipsec.rows.in_order(),
            associations=self._associations.rows(),
            totals=self._counts.totals(),
            past=self.history.past(),
            configuration=self._configured.current(),
        )

    def take_events(self) -> tuple[Event, ...]:
        """Return what happened since the last call, oldest first."""
        return self._journal.take_events()

    def on_event(self, call: Callable[[], None]) -> None:
        """Have this called when there are events to take, where there were none."""
        self._journal.on_event = call

    def ike_sas(self, index: int) -> tuple[int, ...]:
        """Return the ids of an IKE tunnel's SAs, the newest last; none when it has ended."""
        return self._ike.sas_of(index)

    def child_sas(self, index: int) -> tuple[int, ...]:
        """Return the ids of an IPsec tunnel's SAs, the newest last; none when it has ended."""
        return self._ipsec.sas_of(index)

    def find_spi(self, spi: int, destination: IpAddress) -> tuple[IpsecTunnel, Peer] | None:
        """Return the tunnel that a packet to this address and SPI is for, if it is one of ours."""
        return self._ipsec.find_spi(spi, destination)

    def ledger_of(self, sa_id: int, connection: str) -> Tracker:  # noqa: ARG002 - it keeps all
        """See :meth:`Ledger.ledger_of`."""
        return self

    def continues(self, sa: IkeSa) -> bool:
        """Whether an IKE SA that is not known belongs to a tunnel that is."""
        return self._ike.predecessor(sa) is not None

    def has_child(self, child_id: int) -> bool:
        """Whether a child SA is up."""
        return self._ipsec.ike_tunnel_of(child_id) is not None

    def has_ipsec_tunnel(self, tunnel: IpsecTunnel) -> bool:
        """Whether a tunnel is up, and as this row says."""
        return bool(self.child_sas(tunnel.index)) and self._ipsec.rows[tunnel.index] == tunnel

    def has_had(self, sa_id: int) -> bool:
        """Whether an IKE SA is up, or was."""
        return self._ike.has_had(sa_id)

    def replaces(self, sa_id: int) -> bool:
        """Whether an IKE SA is up in place of another that has not gone yet."""
        tunnel = self._ike.tunnel_of(sa_id)
        return tunnel is not None and len(tunnel.sas) > 1

    def peer_of(self, sa_id: int) -> Peer | None:
        """Return who talks over an IKE SA that is up, None for any other."""
        tunnel = self._ike.tunnel_of(sa_id)
        return None if tunnel is None else tunnel.association.peer()

    def ike_sa_with(self, connection: str, remote: IpAddress) -> int:
        """Return the newest IKE SA of a connection with the peer at this address, 0 for none."""
        return self._ike.sa_with(connection, remote)

    def ipsec_tunnel_of(self, sa_id: int, child: str) -> IpsecTunnel | None:
        """Return the IPsec tunnel under an IKE SA that has this child, or the only one there is.

        ``child`` is the name of its configuration; empty where that is not known.
        """
        owner = self._ike.tunnel_of(sa_id)
        found = [
            self._ipsec.rows[tunnel.index]
            for tunnel in (owner.ipsec if owner is not None else ())
            if child in ("", tunnel.parameters.name)
        ]
        return found[0] if len(found) == 1 else None
