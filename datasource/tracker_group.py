"""A tracker for each VRF, and one for what is in none: an SNMP context each.

Every report goes to one tracker, which then is as if it were alone: it has its own indexes,
history, totals and events. Which one that is, is decided once for an IKE SA, by
:mod:`datasource.vrf`, and holds for its life, for its children and for the SAs that replace it. So
a tunnel never goes from one context to another. Where the children of one IKE SA have marks of
several VRFs, those that are known when it is decided decide for all.

Where only marks and interface ids tell, an IKE SA says nothing before its first child does, and
that comes an event later (with IKEv1 a round trip later). So for :data:`FIRST_CHILD` seconds it is
held back. If there is no child by then, it is where its connection is.

A connection is where its name says or else where the newest of its SAs told that it is, which is
remembered; until then it is in the global context. That it goes elsewhere when an SA tells is no
news: nothing was added to the gateway's configuration and nothing was taken out of it.
"""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from types import MappingProxyType

from datasource._counts import more_ike
from datasource.configuration import Connection, Defaults, Interfaces, Wanted
from datasource.failures import IkeFailure, IpsecFailure
from datasource.ledger import Listing
from datasource.model import (
    NO_IKE_TRAFFIC,
    ChildSa,
    IkeSa,
    IkeTraffic,
    IpAddress,
    IpsecTunnel,
    Peer,
    SaState,
)
from datasource.reasons import EndReason
from datasource.tracker import NO_DEFAULTS, Tracker
from datasource.vrf import GLOBAL, VrfRule, VrfRules

__all__ = ["FIRST_CHILD", "TrackerGroup"]

FIRST_CHILD = 3.0
"""Seconds that an IKE SA may wait for its first child, which tells where it belongs."""
_MAX_PENDING = 10_000
_MAX_LEARNED = 100_000


@dataclasses.dataclass(frozen=True, slots=True)
class _Held:
    """An IKE SA that came up, and does not tell yet where it belongs."""

    at: float
    listing: int | None
    """None: an event told."""
    sa: IkeSa


class TrackerGroup:
    """A ledger that hands on each report to the tracker of its VRF.

    What is about no SA and no connection is told to the global one: messages without an SA, and
    what the kernel counts of packets without one.

    Args:
        rules: in order; see :class:`~datasource.vrf.VrfRules`.
        make: makes a tracker, each time a new one.
    """

    def __init__(self, rules: Sequence[VrfRule], make: Callable[[], Tracker]) -> None:
        self._rules = VrfRules(rules)
        self.trackers: Mapping[str, Tracker] = MappingProxyType(
            {context: make() for context in self._rules.contexts}
        )
        """By name of the context. ``""`` is there always, and comes first."""
        self._global = self.trackers[GLOBAL]
        self._homes: OrderedDict[int, Tracker] = OrderedDict()
        """By IKE SA, also of those that have ended, as long as their tracker remembers them."""
        self._held: dict[int, _Held] = {}
        self._pending_traffic: dict[int, IkeTraffic] = {}
        self._learned: dict[str, str] = {}
        """The context of a connection whose name does not tell, by what its newest SA told."""
        self._moved = False
        """A connection is somewhere else than its tracker knows."""
        self._connections: Sequence[Connection] | None = None
        self._defaults = NO_DEFAULTS
        self._listing = 0
        self._oldest_listing = 0

    # SAs ----------------------------------------------------------------------------------------

    def list(self) -> Listing:
        """Begin a listing of all SAs that the daemon has."""
        # Nobody else makes listings of these trackers, so all have the same number.
        self._listing += 1
        for tracker in self.trackers.values():
            tracker.list()
        return Listing(self, self._listing)

    def listed(self, now: float, number: int, sa: IkeSa) -> None:
        """See :meth:`Listing.add`."""
        # After a restart the ids of a listing from before it mean other SAs, or none.
        if number < self._oldest_listing:
            return
        home = self._homes.get(sa.id) or self._settle(now, sa, number)
        if home is not None:
            home.listed(now, number, sa)

    def end_listing(self, now: float, number: int, *, waited: bool) -> bool:
        """See :meth:`Listing.end`."""
        for sa_id in [sa_id for sa_id, held in self._held.items() if now - held.at >= FIRST_CHILD]:
            self._release(now, sa_id)
        self._move_connections(now)
        missing = [
            tracker.end_listing(now, number, waited=waited) for tracker in self.trackers.values()
        ]
        return any(missing)

    def saw(self, now: float, sa: IkeSa) -> None:
        """An IKE SA exists, with these children: all of them that it has, or one of an event."""
        home = self._homes.get(sa.id) or self._settle(now, sa, None)
        if home is not None:
            home.saw(now, sa)

    def ike_down(self, now: float, sa_id: int, reason: EndReason) -> None:
        """An IKE SA that was up has ended."""
        self._release(now, sa_id)
        if (home := self._homes.get(sa_id)) is not None:
            home.ike_down(now, sa_id, reason)

    def ike_rekeyed(self, now: float, old_id: int, new: IkeSa) -> None:
        """An IKE SA was replaced; its children go over to the new one."""
        self._release(now, old_id)
        old = self._homes.get(old_id)
        if old is None:
            self.saw(now, new)
            return
        self._held.pop(new.id, None)
        home = self._homes.get(new.id) or self._adopt(now, new.id, old)
        if home is old:
            old.ike_rekeyed(now, old_id, new)
        else:
            # It was listed before, and told that it is somewhere else.
            old.ike_down(now, old_id, EndReason.NORMAL)
            home.saw(now, new)

    def child_down(self, now: float, ike: IkeSa, child: ChildSa, reason: EndReason) -> None:
        """A child SA that was not replaced has ended, with these final counters."""
        home = self._homes.get(ike.id) or next(
            (tracker for tracker in self.trackers.values() if tracker.has_child(child.id)), None
        )
        if home is not None:
            home.child_down(now, ike, child, reason)

    def child_rekeyed(self, now: float, ike: IkeSa, old: ChildSa, new: ChildSa) -> None:
        """A child SA was replaced. The old one lingers until it is gone from the listings."""
        home = self._homes.get(ike.id) or self._settle(
            now, dataclasses.replace(ike, children=(old, new)), None
        )
        if home is not None:
            home.child_rekeyed(now, ike, old, new)

    def restarted(self, now: float, reason: EndReason) -> None:
        """The daemon is gone, and with it every SA; the next one numbers its SAs anew."""
        for sa_id in tuple(self._held):
            self._release(now, sa_id)
        for tracker in self.trackers.values():
            tracker.restarted(now, reason)
        self._homes.clear()
        self._pending_traffic.clear()
        self._oldest_listing = self._listing + 1

    # Where they belong --------------------------------------------------------------------------

    def _settle(self, now: float, sa: IkeSa, listing: int | None) -> Tracker | None:
        """Decide where an IKE SA belongs; None where that cannot be told yet, or need not be."""
        if sa.state is not SaState.ACTIVE:
            return None
        home = next((one for one in self.trackers.values() if one.continues(sa)), None)
        if home is None:
            context = self._context_of_sa(sa)
            if context is None:
                self._held.setdefault(sa.id, _Held(now, listing, sa))
                return None
            home = self.trackers[context]
        return self._adopt(now, sa.id, home)

    def _context_of_sa(self, sa: IkeSa) -> str | None:
        connection = sa.parameters.connection
        context = self._rules.by_name(connection)
        if context is not None or not self._rules.look_at_sas:
            return context or GLOBAL
        context = self._rules.by_sa(sa)
        if context is None and not sa.children:
            return None if sa.age < FIRST_CHILD else self._learned.get(connection, GLOBAL)
        context = context or GLOBAL
        if context != self._learned.get(connection, GLOBAL):
            self._moved = True
            if len(self._learned) >= _MAX_LEARNED:
                del self._learned[next(iter(self._learned))]
            self._learned[connection] = context
        return context

    def _context_of(self, connection: str) -> str:
        if not connection:
            return GLOBAL
        context = self._rules.by_name(connection)
        return self._learned.get(connection, GLOBAL) if context is None else context

    def _release(self, now: float, sa_id: int) -> None:
        """Have an IKE SA that is held back wait no longer."""
        if (held := self._held.get(sa_id)) is not None:
            context = self._context_of(held.sa.parameters.connection)
            self._adopt(now, sa_id, self.trackers[context])

    def _adopt(self, now: float, sa_id: int, home: Tracker) -> Tracker:
        """Make a tracker the home of an IKE SA, and tell it what is known of that."""
        # For each that comes two are looked at, so those that were forgotten cannot pile up.
        for old_id, old in tuple(islice(self._homes.items(), 2)):
            if old.has_had(old_id):
                self._homes.move_to_end(old_id)
            else:
                del self._homes[old_id]
        self._homes[sa_id] = home
        if (traffic := self._pending_traffic.pop(sa_id, None)) is not None:
            home.count_ike(sa_id, traffic)
        if (held := self._held.pop(sa_id, None)) is not None:
            sa = dataclasses.replace(held.sa, age=held.sa.age + now - held.at)
            if held.listing is None:
                home.saw(now, sa)
            else:
                home.listed(now, held.listing, sa)
        return home

    # Counts and failures ------------------------------------------------------------------------

    def count_ike(self, sa_id: int, seen: IkeTraffic) -> None:
        """IKE messages of an SA were seen: these are increments, not absolute counts."""
        home = self._homes.get(sa_id)
        if home is not None:
            home.count_ike(sa_id, seen)
            return
        if len(self._pending_traffic) >= _MAX_PENDING:
            del self._pending_traffic[next(iter(self._pending_traffic))]
        pending = self._pending_traffic.pop(sa_id, NO_IKE_TRAFFIC)
        self._pending_traffic[sa_id] = more_ike(pending, seen)

    def count_failure(self, kind: str) -> None:
        """IKE processing failed, for nobody that is known."""
        self._global.count_failure(kind)

    def count_ipsec_failure(self, kind: str, more: int = 1) -> None:
        """IPsec processing failed so often, for nobody that is known."""
        self._global.count_ipsec_failure(kind, more)

    def set_failures(self, **counts: int | None) -> None:
        """Take over failure counts that the source keeps itself."""
        self._global.set_failures(**counts)

    def setup_failed(
        self, now: float, sa_id: int, *, initiator: bool, connection: str = ""
    ) -> None:
        """An IKE SA ended before it was up."""
        if sa_id not in self._held:
            self._pending_traffic.pop(sa_id, None)
            self.ledger_of(sa_id, connection).setup_failed(now, sa_id, initiator=initiator)

    def ike_failed(self, failure: IkeFailure) -> None:
        """Something went wrong in IKE, for nobody that is known."""
        self._global.ike_failed(failure)

    def ipsec_failed(self, failure: IpsecFailure) -> None:
        """Something went wrong in IPsec: with a tunnel, or for nobody that is known."""
        home = self._global
        if failure.tunnel is not None:
            tunnel = failure.tunnel
            found = (one for one in self.trackers.values() if one.has_ipsec_tunnel(tunnel))
            home = next(found, home)
        home.ipsec_failed(failure)

    # What is configured -------------------------------------------------------------------------

    def configure(
        self, now: float, connections: Sequence[Connection], defaults: Defaults = NO_DEFAULTS
    ) -> None:
        """Take over what is configured now: all of it."""
        self._move_connections(now)
        self._connections, self._defaults = tuple(connections), defaults
        for tracker, share in self._shares():
            tracker.configure(now, share, defaults)

    def _move_connections(self, now: float) -> None:
        """Have the connections where they belong now, by what SAs have told."""
        # Not for each SA: thousands may tell something new at once.
        if self._moved and self._connections is not None:
            for tracker, share in self._shares():
                tracker.rearrange(now, share, self._defaults)
        self._moved = False

    def _shares(self) -> Iterator[tuple[Tracker, Sequence[Connection]]]:
        shares: dict[str, list[Connection]] = {context: [] for context in self.trackers}
        for connection in self._connections or ():
            shares[self._context_of(connection.name)].append(connection)
        for context, share in shares.items():
            yield self.trackers[context], share

    def enable(self, *, enabled: bool) -> None:
        """IKE answers, or does not."""
        for tracker in self.trackers.values():
            tracker.enable(enabled=enabled)

    def attach(self, now: float, interfaces: Interfaces) -> None:
        """Take over which interfaces there are: all of them, whatever VRF they are in."""
        for tracker in self.trackers.values():
            tracker.attach(now, interfaces)

    def want(self, wanted: Wanted) -> None:
        """Take over what the operator of the agent wants of the configuration of each context."""
        for tracker in self.trackers.values():
            tracker.want(wanted)

    # Questions ----------------------------------------------------------------------------------

    def routed_peers(self) -> frozenset[IpAddress]:
        """Return the peers for which the interfaces must tell the route."""
        return frozenset().union(*(one.routed_peers() for one in self.trackers.values()))

    def connection_of(self, set_name: str) -> str | None:
        """Return the connection that is a static crypto map set, in whatever context."""
        found = (one.connection_of(set_name) for one in self.trackers.values())
        return next((connection for connection in found if connection is not None), None)

    def ledger_of(self, sa_id: int, connection: str) -> Tracker:
        """Return the tracker of an IKE SA, or else of a connection."""
        return self._homes.get(sa_id) or self.trackers[self._context_of(connection)]

    def has_had(self, sa_id: int) -> bool:
        """Whether an IKE SA is up, or was."""
        home = self._homes.get(sa_id)
        return sa_id in self._held or (home is not None and home.has_had(sa_id))

    def replaces(self, sa_id: int) -> bool:
        """Whether an IKE SA is up in place of another that has not gone yet."""
        home = self._homes.get(sa_id)
        return home is not None and home.replaces(sa_id)

    def peer_of(self, sa_id: int) -> Peer | None:
        """Return who talks over an IKE SA that is up, None for any other and one held back."""
        home = self._homes.get(sa_id)
        return None if home is None else home.peer_of(sa_id)

    def ike_sa_with(self, connection: str, remote: IpAddress) -> int:
        """Return the newest IKE SA of a connection with the peer at this address, 0 for none."""
        return max(one.ike_sa_with(connection, remote) for one in self.trackers.values())

    def ipsec_tunnel_of(self, sa_id: int, child: str) -> IpsecTunnel | None:
        """Return the IPsec tunnel under an IKE SA that has this child, or the only one there is."""
        home = self._homes.get(sa_id)
        return None if home is None else home.ipsec_tunnel_of(sa_id, child)

    def find_spi(self, spi: int, destination: IpAddress) -> tuple[IpsecTunnel, Peer] | None:
        """Return the tunnel that a packet to this address and SPI is for, if it is one of ours."""
        found = (one.find_spi(spi, destination) for one in self.trackers.values())
        return next((one for one in found if one is not None), None)

    def ike_sas(self, index: int) -> tuple[int, ...]:
        """Return the ids of the SAs of an IKE tunnel of the global context."""
        return self._global.ike_sas(index)

    def child_sas(self, index: int) -> tuple[int, ...]:
        """Return the ids of the SAs of an IPsec tunnel of the global context."""
        return self._global.child_sas(index)
