"""The life of the simulated gateway: timed happenings, each reported when it happens.

What a peer does next is drawn from its own row of random numbers
(:mod:`datasource.simulated.draws`). Counters are functions of time
(:mod:`datasource.simulated.traffic`).
"""

from __future__ import annotations

import math
import random
from collections.abc import Collection, Iterator
from functools import partial
from itertools import chain, count

from datasource.configuration import Connection
from datasource.ledger import Ledger
from datasource.model import IkeSa, SaState
from datasource.reasons import EndReason
from datasource.simulated.chances import (
    CHILDREN,
    DELETE_BY_PEER,
    DELETE_BY_US,
    LIVENESS_KINDS,
    REASONS,
    REKEY,
    REKEY_BY_PEER,
    SETUP_V1,
    SETUP_V2,
)
from datasource.simulated.configuration import make_connections
from datasource.simulated.draws import Draws
from datasource.simulated.failures import Failures
from datasource.simulated.happenings import Happenings
from datasource.simulated.live import LiveChild, LiveChildSa, LiveIkeSa, LivePeer
from datasource.simulated.peers import (
    can_roam,
    make_child,
    make_peer,
    renewed_child,
    renewed_ike,
    roamed,
)
from datasource.simulated.traffic import Flow, ike_messages, make_flows

__all__ = ["MAX_TUNNELS", "SimulatedGateway"]

MAX_TUNNELS = 50_000

_OLDEST = 30 * 86_400.0
"""Seconds: no SA is older when the world begins, and every flow has run that long."""

_SECONDS_BETWEEN_ENDS = 20.0
_SECONDS_BETWEEN_FAILURES = 45.0
_OF_TUNNELS = 20
"""The number of tunnels at which the two above hold. Less than that see less. More see more by the
square root of the number only: 50,000 tunnels see 2.5 ends a second."""
_UNRELIABLE = 3
"""Every third peer has a bad line, and nearly all the ends, so that the others grow old."""


class SimulatedGateway:
    """A gateway with some tunnels, told about to a tracker.

    Args:
        tracker: who is told; :func:`~datasource.simulated.traffic.tracker_for_simulation` makes a
            fitting one.
        tunnels: number of IPsec tunnels, 1 to :data:`MAX_TUNNELS`. There are fewer IKE tunnels.
        seed: any number; the same seed makes the same world.
        started_at: the time of the clock, in seconds, at which all tunnels are up.
        outage_after: seconds after that, at which all of them get lost within one second; 0 for
            never. They come back.

    Raises:
        ValueError: the number of tunnels is out of range.
    """

    def __init__(
        self,
        tracker: Ledger,
        *,
        tunnels: int,
        seed: int,
        started_at: float,
        outage_after: float = 0,
    ) -> None:
        if not 1 <= tunnels <= MAX_TUNNELS:
            raise ValueError(f"tunnels must be from 1 to {MAX_TUNNELS}, not {tunnels}")
        self._tracker = tracker
        self._started_at = started_at
        self._draws = Draws(seed)
        self._happenings = Happenings(started_at)
        self._at = self._happenings.at
        self._ike_ids, self._child_ids, self._reqids = count(1), count(1), count(1)
        self._ends = 0
        rarity = _OF_TUNNELS / tunnels
        if tunnels > _OF_TUNNELS:
            rarity = math.sqrt(rarity)
        self._between_ends = _SECONDS_BETWEEN_ENDS * rarity
        flows = make_flows(self._draws.own(0, 0))
        self._peers: list[LivePeer] = []
        left = tunnels
        while left:
            left -= self._make_peer(flows, left)
        self._connections = {one.name: one for one in make_connections(self._peers)}
        self._unreliable = self._peers[_UNRELIABLE - 1 :: _UNRELIABLE] or self._peers
        self._end_later(self._draws.own(1, 0))
        self._failures = Failures(
            tracker,
            self._peers,
            happenings=self._happenings,
            draws=self._draws,
            ike_ids=self._ike_ids,
            between=_SECONDS_BETWEEN_FAILURES * rarity,
        )
        if outage_after:
            for number, peer in enumerate(self._peers):
                share = number / len(self._peers)
                self._at(started_at + outage_after + share, partial(self._lose, peer))

    def advance(self, now: float, *, at_most: int | None = None) -> bool:
        """Let happen what is due, and report it with its own time.

        Args:
            now: seconds; a time before the latest one seen is that one.
            at_most: how many happenings, to keep one call short.

        Returns:
            True when nothing is left to happen until ``now``.
        """
        return self._happenings.advance(now, at_most)

    def listing(self, now: float) -> Iterator[IkeSa]:
        """Give every IKE SA with its children, as it is now, after all that was to happen."""
        self.advance(now)
        at = self._happenings.now
        for peer in self._peers:
            for ike in peer.replaced:
                yield ike.view(at)
            if peer.ike is not None:
                yield peer.ike.view_all(at)
        for ike in tuple(self._failures.starting.values()):
            yield ike.view(ike.established_at)

    def terminate_ike(self, sas: Collection[int]) -> None:
        """End the peer that has one of these IKE SAs now, as an operator would; it comes back."""
        for peer in self._peers:
            if peer.ike is not None and peer.ike.id in sas:
                self._end_ike(self._draw_for(peer), peer, self._happenings.now, EndReason.OPERATOR)

    def terminate_child(self, sas: Collection[int]) -> None:
        """End the child that has one of these SAs now, as an operator would; it comes back."""
        for child in chain.from_iterable(peer.children for peer in self._peers):
            if child.sa is not None and child.sa.id in sas:
                self._end_child(
                    self._draw_for(child.peer), child, self._happenings.now, EndReason.OPERATOR
                )

    def connections(self) -> tuple[Connection, ...]:
        """Return what is configured."""
        return tuple(self._connections.values())

    def unload(self, connection: str) -> None:
        """Take a connection out of the configuration, for good.

        Its tunnels go on and are replaced as ever. One that ends does not come back.
        """
        self._connections.pop(connection, None)

    # The world at its beginning -----------------------------------------------------------------

    def _make_peer(self, flows: tuple[Flow, ...], most: int) -> int:
        number = len(self._peers)
        peer = LivePeer(make_peer(self._draws.of_peer(number, 0), number))
        rng = self._draw_for(peer)
        ike = self._new_ike_sa(rng, peer, spent=rng.uniform(0.02, 0.95))
        children = min(CHILDREN.pick(rng), most)
        peer.children = tuple(
            self._make_child(rng, peer, position, rng.choice(flows)) for position in range(children)
        )
        self._peers.append(peer)
        for child in peer.children:
            self._new_child_sa(rng, ike, child, spent=rng.uniform(0.02, 0.95))
        self._at(self._happenings.now, partial(self._appear, peer))
        self._at(self._happenings.now + rng.uniform(1, 90), partial(self._check_liveness, peer))
        return children

    def _make_child(
        self, rng: random.Random, peer: LivePeer, position: int, flow: Flow
    ) -> LiveChild:
        return LiveChild(
            peer=peer,
            parameters=make_child(rng, peer.set_up, position, next(self._reqids), flow),
            flow=flow,
            phase=_OLDEST - self._started_at + rng.uniform(0, flow.period),
        )

    def _appear(self, peer: LivePeer, at: float) -> None:
        """Tell of a peer that was there before anybody looked."""
        if (ike := peer.ike) is None:
            return
        hours = int((at - ike.established_at) / 3600)
        checks = int((at - ike.established_at) / 90)
        self._tracker.count_ike(ike.id, SETUP_V1 if ike.parameters.version == 1 else SETUP_V2)
        self._tracker.count_ike(
            ike.id,
            ike_messages(
                2 * (checks + hours),
                2 * (checks + hours),
                in_notifies=checks,
                out_notifies=checks,
                in_phase2_exchanges=hours // 2,
                in_phase2_deletes=hours // 2,
                out_phase2_exchanges=hours - hours // 2,
                out_phase2_deletes=hours - hours // 2,
            ),
        )
        self._tracker.saw(at, ike.view_all(at))

    # SAs that come ------------------------------------------------------------------------------

    def _new_ike_sa(self, rng: random.Random, peer: LivePeer, *, spent: float = 0) -> LiveIkeSa:
        """Make the next IKE SA of a peer; ``spent`` is the share of its life that is over."""
        base = peer.set_up.ike if peer.ike is None else peer.ike.parameters
        parameters = renewed_ike(rng, base)
        lives = math.inf if parameters.rekey_after is None else parameters.rekey_after
        established_at = self._happenings.now - spent * min(lives, _OLDEST)
        ike = LiveIkeSa(next(self._ike_ids), parameters, established_at)
        peer.ike = ike
        if lives < math.inf:
            self._at(
                ike.established_at + lives,
                partial(self._rekey_ike, peer, ike),
                lambda: peer.ike is ike,
            )
        return ike

    def _new_child_sa(
        self, rng: random.Random, ike: LiveIkeSa, child: LiveChild, *, spent: float = 0
    ) -> LiveChildSa:
        parameters = renewed_child(rng, child.parameters)
        lives = math.inf if parameters.rekey_after is None else parameters.rekey_after
        if parameters.rekey_octets is not None:
            lives = min(lives, parameters.rekey_octets / child.flow.octets_per_second)
        installed_at = self._happenings.now - spent * min(lives, _OLDEST)
        sa = LiveChildSa(
            next(self._child_ids),
            child,
            parameters,
            installed_at,
            child.flow.packets(installed_at + child.phase),
        )
        child.sa = sa
        ike.children.append(sa)
        if lives < math.inf:
            self._at(installed_at + lives, partial(self._rekey_child, sa), lambda: child.sa is sa)
        return sa

    # SAs that are replaced ----------------------------------------------------------------------

    def _rekey_child(self, old: LiveChildSa, at: float) -> None:
        child = old.child
        if (ike := child.peer.ike) is None:
            return
        rng = self._draw_for(child.peer)
        new = self._new_child_sa(rng, ike, child)
        old.replaced_at = at
        self._tracker.count_ike(ike.id, REKEY if rng.random() < 0.5 else REKEY_BY_PEER)
        self._tracker.child_rekeyed(at, ike.view(at), old.view(at), new.view(at))
        self._at(at + rng.uniform(2, 30), partial(self._drop_child, old))

    def _drop_child(self, old: LiveChildSa, at: float) -> None:
        ike = old.child.peer.ike
        if ike is not None and old in ike.children:
            self._tracker.child_down(at, ike.view(at), old.view(at), EndReason.NORMAL)
            ike.children.remove(old)

    def _rekey_ike(self, peer: LivePeer, old: LiveIkeSa, at: float) -> None:
        rng = self._draw_for(peer)
        new = self._new_ike_sa(rng, peer)
        old.state = SaState.EXPIRING
        peer.replaced.append(old)
        if new.parameters.version == 1:
            # No event names both: the new SA comes, the children go over to it in silence.
            self._tracker.count_ike(new.id, SETUP_V1)
            self._tracker.saw(at, new.view(at))
            lingers = rng.uniform(5, 60)
        else:
            self._tracker.count_ike(old.id, REKEY)
            self._tracker.ike_rekeyed(at, old.id, new.view(at))
            lingers = rng.uniform(0.5, 5)
        new.children, old.children = old.children, []
        self._at(at + lingers, partial(self._drop_ike, peer, old))

    def _drop_ike(self, peer: LivePeer, old: LiveIkeSa, at: float) -> None:
        if old in peer.replaced:
            peer.replaced.remove(old)
            self._tracker.ike_down(at, old.id, EndReason.NORMAL)

    # What goes on between the gateways ----------------------------------------------------------

    def _check_liveness(self, peer: LivePeer, at: float) -> None:
        rng = self._draw_for(peer)
        self._at(at + rng.uniform(60, 120), partial(self._check_liveness, peer))
        if (ike := peer.ike) is None:
            return
        self._tracker.count_ike(ike.id, LIVENESS_KINDS.pick(rng))
        if can_roam(peer.set_up) and rng.random() < 0.01:
            ike.parameters = roamed(rng, ike.parameters)
            self._tracker.saw(at, ike.view(at))

    # SAs that end, and come back ----------------------------------------------------------------

    def _end_later(self, rng: random.Random) -> None:
        self._at(self._happenings.after(rng, self._between_ends), self._end_something)

    def _end_something(self, at: float) -> None:
        self._ends += 1
        rng = self._draws.own(1, self._ends)
        self._end_later(rng)
        peer = rng.choice(self._peers if rng.random() < 0.01 else self._unreliable)
        reason = REASONS.pick(rng)
        if rng.random() < 0.4:
            self._end_ike(rng, peer, at, reason)
        else:
            self._end_child(rng, rng.choice(peer.children), at, reason)

    def _end_child(
        self, rng: random.Random, child: LiveChild, at: float, reason: EndReason
    ) -> None:
        sa, ike = child.sa, child.peer.ike
        if sa is None or ike is None:
            return
        self._count_delete(ike, reason)
        self._tracker.child_down(at, ike.view(at), sa.view(at), reason)
        child.sa = None
        ike.children = [other for other in ike.children if other.child is not child]
        self._at(at + rng.uniform(2, 15), partial(self._child_comes_back, child, child.peer.lives))

    def _child_comes_back(self, child: LiveChild, life: int, at: float) -> None:
        peer = child.peer
        # When the whole peer has ended meanwhile, its children come back with it.
        if (ike := peer.ike) is None or peer.lives != life or not self._is_configured(peer):
            return
        sa = self._new_child_sa(self._draw_for(peer), ike, child)
        self._tracker.count_ike(ike.id, REKEY_BY_PEER)
        self._tracker.saw(at, ike.view(at, (sa.view(at),)))

    def _end_ike(self, rng: random.Random, peer: LivePeer, at: float, reason: EndReason) -> None:
        ike = peer.ike
        if ike is None:
            return
        self._count_delete(ike, reason)
        view = ike.view_all(at)
        for old in peer.replaced:
            self._tracker.ike_down(at, old.id, EndReason.NORMAL)
        ends = view, reason
        if rng.random() < 0.5:
            self._tracker.ike_down(at, ike.id, reason)
            self._at(at + rng.uniform(0.1, 1), partial(self._children_down, *ends))
        else:
            self._children_down(*ends, at)
            self._tracker.ike_down(at, ike.id, reason)
        # A machine that moved starts again from where it is set up to be.
        peer.ike = None
        peer.replaced.clear()
        peer.lives += 1
        for child in peer.children:
            child.sa = None
        self._at(at + rng.uniform(2, 15), partial(self._peer_comes_back, peer))

    def _lose(self, peer: LivePeer, at: float) -> None:
        self._end_ike(self._draw_for(peer), peer, at, EndReason.PEER_LOST)

    def _count_delete(self, ike: LiveIkeSa, reason: EndReason) -> None:
        by_peer = reason is EndReason.PEER_DELETE
        self._tracker.count_ike(ike.id, DELETE_BY_PEER if by_peer else DELETE_BY_US)

    def _children_down(self, ike: IkeSa, reason: EndReason, at: float) -> None:
        for child in ike.children:
            self._tracker.child_down(at, ike, child, reason)

    def _peer_comes_back(self, peer: LivePeer, at: float) -> None:
        if not self._is_configured(peer):
            return
        rng = self._draw_for(peer)
        ike = self._new_ike_sa(rng, peer)
        for child in peer.children:
            self._new_child_sa(rng, ike, child)
        self._tracker.count_ike(ike.id, SETUP_V1 if ike.parameters.version == 1 else SETUP_V2)
        self._tracker.saw(at, ike.view_all(at))

    def _draw_for(self, peer: LivePeer) -> random.Random:
        peer.draws += 1
        return self._draws.of_peer(peer.set_up.number, peer.draws)

    def _is_configured(self, peer: LivePeer) -> bool:
        return peer.set_up.ike.connection in self._connections
