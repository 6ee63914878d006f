"""The life of the simulated gateway: timed happenings, each reported when it happens.

Everything that will happen is on one heap. What a peer does next is drawn from its own row of
random numbers, so one peer's fate does not hang on another's, and nothing hangs on how often
somebody looks. Counters are functions of time (:mod:`datasource.simulated.traffic`).
"""

from __future__ import annotations

import dataclasses
import heapq
import math
import random
from collections.abc import Callable, Collection, Iterator
from functools import partial
from itertools import chain

from datasource.failures import IkeFailure, IpsecFailure
from datasource.model import IkeSa, Peer, SaState
from datasource.reasons import EndReason, IkeFailureReason, IpsecFailureReason
from datasource.simulated.chances import (
    CHILDREN,
    DELETE_BY_PEER,
    DELETE_BY_US,
    FAILED_SETUP,
    IKE_FAILURES,
    IPSEC_FAILURES,
    LIVENESS_KINDS,
    REASONS,
    REKEY,
    REKEY_BY_PEER,
    SETUP_V1,
    SETUP_V2,
)
from datasource.simulated.live import LiveChild, LiveChildSa, LiveIkeSa, LivePeer
from datasource.simulated.peers import (
    can_roam,
    make_child,
    make_peer,
    renewed_child,
    renewed_ike,
    roamed,
    spi,
)
from datasource.simulated.traffic import Flow, ike_messages, make_flows
from datasource.tracker import Tracker

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

_FEW = 1000
"""Happenings that are not worth tidying up."""

_Happening = tuple[float, int, Callable[[float], None], Callable[[], bool]]
"""When, a number to tell apart what is at once, what, and whether it still can happen."""


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
        tracker: Tracker,
        *,
        tunnels: int,
        seed: int,
        started_at: float,
        outage_after: float = 0,
    ) -> None:
        if not 1 <= tunnels <= MAX_TUNNELS:
            raise ValueError(f"tunnels must be from 1 to {MAX_TUNNELS}, not {tunnels}")
        self._tracker = tracker
        self._seed = seed
        self._started_at = started_at
        self._now = started_at
        self._rng = random.Random()
        self._happenings: list[_Happening] = []
        self._tidy_at = _FEW
        self._order = 0
        self._last_ike_id = 0
        self._last_child_id = 0
        self._last_reqid = 0
        self._starting: dict[int, LiveIkeSa] = {}
        self._ends = 0
        self._failures = 0
        rarity = _OF_TUNNELS / tunnels
        if tunnels > _OF_TUNNELS:
            rarity = math.sqrt(rarity)
        self._between_ends = _SECONDS_BETWEEN_ENDS * rarity
        self._between_failures = _SECONDS_BETWEEN_FAILURES * rarity
        flows = make_flows(self._draw(0, 0))
        self._peers: list[LivePeer] = []
        left = tunnels
        while left:
            left -= self._make_peer(flows, left)
        self._unreliable = self._peers[_UNRELIABLE - 1 :: _UNRELIABLE] or self._peers
        self._at(self._exponential(self._draw(1, 0), self._between_ends), self._end_something)
        self._at(self._exponential(self._draw(2, 0), self._between_failures), self._fail_something)
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
        happenings = self._happenings
        while happenings and happenings[0][0] <= now:
            if at_most is not None:
                if not at_most:
                    return False
                at_most -= 1
            self._now, _, happen, can_happen = heapq.heappop(happenings)
            if can_happen():
                happen(self._now)
        self._now = max(self._now, now)
        return True

    def listing(self, now: float) -> Iterator[IkeSa]:
        """Give every IKE SA with its children, as it is now, after all that was to happen."""
        self.advance(now)
        at = self._now
        for peer in self._peers:
            for ike in peer.replaced:
                yield ike.view(at)
            if peer.ike is not None:
                yield peer.ike.view_all(at)
        for ike in tuple(self._starting.values()):
            yield ike.view(ike.established_at)

    def terminate_ike(self, sas: Collection[int]) -> None:
        """End the peer that has one of these IKE SAs now, as an operator would; it comes back."""
        for peer in self._peers:
            if peer.ike is not None and peer.ike.id in sas:
                self._end_ike(self._draw_for(peer), peer, self._now, EndReason.OPERATOR)

    def terminate_child(self, sas: Collection[int]) -> None:
        """End the child that has one of these SAs now, as an operator would; it comes back."""
        for child in chain.from_iterable(peer.children for peer in self._peers):
            if child.sa is not None and child.sa.id in sas:
                self._end_child(self._draw_for(child.peer), child, self._now, EndReason.OPERATOR)

    # Chance and time ----------------------------------------------------------------------------

    def _draw(self, row: int, turn: int) -> random.Random:
        """Give the random numbers of one turn. Valid until the next call.

        One generator, seeded for each turn: a generator has a state of 2,500 octets, too much to
        keep one for each peer. Rows below 16 are the gateway's own.
        """
        self._rng.seed(((self._seed << 32 | row) << 64) | turn)
        return self._rng

    def _draw_for(self, peer: LivePeer) -> random.Random:
        peer.draws += 1
        return self._draw(peer.set_up.number + 16, peer.draws)

    def _exponential(self, rng: random.Random, mean: float) -> float:
        return self._now + rng.expovariate(1 / mean)

    def _at(
        self,
        time: float,
        happen: Callable[[float], None],
        can_happen: Callable[[], bool] = lambda: True,
    ) -> None:
        self._order += 1
        heapq.heappush(self._happenings, (time, self._order, happen, can_happen))
        if len(self._happenings) > self._tidy_at:
            # An SA that ended early leaves its rekey behind, hours ahead.
            self._happenings[:] = [entry for entry in self._happenings if entry[3]()]
            heapq.heapify(self._happenings)
            self._tidy_at = 2 * len(self._happenings) + _FEW

    # The world at its beginning -----------------------------------------------------------------

    def _make_peer(self, flows: tuple[Flow, ...], most: int) -> int:
        number = len(self._peers)
        peer = LivePeer(make_peer(self._draw(number + 16, 0), number))
        rng = self._draw_for(peer)
        ike = self._new_ike_sa(rng, peer, spent=rng.uniform(0.02, 0.95))
        children = min(CHILDREN.pick(rng), most)
        peer.children = tuple(
            self._make_child(rng, peer, position, rng.choice(flows)) for position in range(children)
        )
        self._peers.append(peer)
        for child in peer.children:
            self._new_child_sa(rng, ike, child, spent=rng.uniform(0.02, 0.95))
        self._at(self._now, partial(self._appear, peer))
        self._at(self._now + rng.uniform(1, 90), partial(self._check_liveness, peer))
        return children

    def _make_child(
        self, rng: random.Random, peer: LivePeer, position: int, flow: Flow
    ) -> LiveChild:
        self._last_reqid += 1
        return LiveChild(
            peer=peer,
            parameters=make_child(rng, peer.set_up, position, self._last_reqid, flow),
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
        self._last_ike_id += 1
        ike = LiveIkeSa(self._last_ike_id, parameters, self._now - spent * min(lives, _OLDEST))
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
        installed_at = self._now - spent * min(lives, _OLDEST)
        self._last_child_id += 1
        sa = LiveChildSa(
            self._last_child_id,
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

    def _end_something(self, at: float) -> None:
        self._ends += 1
        rng = self._draw(1, self._ends)
        self._at(self._exponential(rng, self._between_ends), self._end_something)
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
        if (ike := peer.ike) is None or peer.lives != life:
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
        rng = self._draw_for(peer)
        ike = self._new_ike_sa(rng, peer)
        for child in peer.children:
            self._new_child_sa(rng, ike, child)
        self._tracker.count_ike(ike.id, SETUP_V1 if ike.parameters.version == 1 else SETUP_V2)
        self._tracker.saw(at, ike.view_all(at))

    # SAs that never come up ---------------------------------------------------------------------

    def _fail_something(self, at: float) -> None:
        self._failures += 1
        rng = self._draw(2, self._failures)
        self._at(self._exponential(rng, self._between_failures), self._fail_something)
        kind = rng.random()
        if kind < 0.25:
            self._fail_ipsec(rng, at)
            return
        counted, reason = IKE_FAILURES.pick(rng)
        if counted is not None:
            self._tracker.count_failure(counted)
        set_up = rng.choice(self._peers).set_up.ike
        if kind < 0.6:
            # A message that belongs to no set-up: nobody knows who sent it.
            ours, theirs = set_up.local_address, set_up.remote_address
            self._tracker.ike_failed(IkeFailure(at, reason, None, None, ours, theirs))
            return
        self._last_ike_id += 1
        parameters = renewed_ike(rng, set_up)
        if rng.random() < 0.5:
            parameters = dataclasses.replace(parameters, initiator=not parameters.initiator)
        ike = LiveIkeSa(self._last_ike_id, parameters, at, state=SaState.STARTING)
        self._starting[ike.id] = ike
        self._tracker.count_ike(ike.id, FAILED_SETUP)
        self._at(at + rng.uniform(1, 20), partial(self._set_up_fails, ike, reason))

    def _set_up_fails(self, ike: LiveIkeSa, reason: IkeFailureReason, at: float) -> None:
        del self._starting[ike.id]
        parameters = ike.parameters
        self._tracker.setup_failed(at, ike.id, initiator=parameters.initiator)
        self._tracker.ike_failed(
            IkeFailure(
                at,
                reason,
                parameters.local_identity,
                parameters.remote_identity,
                parameters.local_address,
                parameters.remote_address,
            )
        )

    def _fail_ipsec(self, rng: random.Random, at: float) -> None:
        counted, reason = IPSEC_FAILURES.pick(rng)
        if counted is not None:
            self._tracker.count_ipsec_failure(counted)
        peer = rng.choice(self._peers)
        ike = peer.set_up.ike
        ours, theirs = ike.local_address, ike.remote_address
        sa = rng.choice(peer.children).sa
        if reason is IpsecFailureReason.PROPOSAL:
            who = Peer(ike.local_identity, ike.remote_identity, 1, ours, theirs)
            failure = IpsecFailure(at, reason, who, source=ours, destination=theirs)
        elif reason is IpsecFailureReason.NO_SA or sa is None:
            failure = IpsecFailure(at, reason, spi=spi(rng), source=theirs, destination=ours)
        else:
            value = sa.parameters.spi_in
            tunnel, peer_of_tunnel = self._tracker.find_spi(value, ours) or (None, None)
            failure = IpsecFailure(at, reason, peer_of_tunnel, tunnel, value, theirs, ours)
        self._tracker.ipsec_failed(failure)
