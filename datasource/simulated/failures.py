"""What goes wrong at the simulated gateway, other than that a tunnel ends."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator, Sequence
from functools import partial

from datasource.failures import IkeFailure, IpsecFailure
from datasource.ledger import Ledger
from datasource.model import Peer, SaState
from datasource.reasons import IkeFailureReason, IpsecFailureReason
from datasource.simulated.chances import FAILED_SETUP, IKE_FAILURES, IPSEC_FAILURES
from datasource.simulated.draws import Draws
from datasource.simulated.happenings import Happenings
from datasource.simulated.live import LiveIkeSa, LivePeer
from datasource.simulated.peers import renewed_ike, spi

__all__ = ["Failures"]

_ROW = 2
"""Of random numbers. The gateway has those before."""


class Failures:
    """Lets something go wrong now and then.

    Args:
        tracker: who is told.
        peers: whom it may concern.
        happenings: gets what is to go wrong.
        draws: chance, of which this takes one row.
        ike_ids: the ids of IKE SAs to come.
        between: seconds from one failure to the next, on average.
    """

    def __init__(
        self,
        tracker: Ledger,
        peers: Sequence[LivePeer],
        *,
        happenings: Happenings,
        draws: Draws,
        ike_ids: Iterator[int],
        between: float,
    ) -> None:
        self.starting: dict[int, LiveIkeSa] = {}
        """IKE SAs that are being negotiated, and will fail."""
        self._tracker = tracker
        self._peers = peers
        self._happenings = happenings
        self._draws = draws
        self._ike_ids = ike_ids
        self._between = between
        self._count = 0
        self._fail_later(draws.own(_ROW, 0))

    def _fail_later(self, rng: random.Random) -> None:
        self._happenings.at(self._happenings.after(rng, self._between), self._fail)

    def _fail(self, at: float) -> None:
        self._count += 1
        rng = self._draws.own(_ROW, self._count)
        self._fail_later(rng)
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
        ike_id = next(self._ike_ids)
        parameters = renewed_ike(rng, set_up)
        if rng.random() < 0.5:
            parameters = dataclasses.replace(parameters, initiator=not parameters.initiator)
        ike = LiveIkeSa(ike_id, parameters, at, state=SaState.STARTING)
        self.starting[ike.id] = ike
        self._tracker.count_ike(ike.id, FAILED_SETUP)
        self._happenings.at(at + rng.uniform(1, 20), partial(self._set_up_fails, ike, reason))

    def _set_up_fails(self, ike: LiveIkeSa, reason: IkeFailureReason, at: float) -> None:
        del self.starting[ike.id]
        parameters = ike.parameters
        connection = parameters.connection
        self._tracker.setup_failed(
            at, ike.id, initiator=parameters.initiator, connection=connection
        )
        self._tracker.ledger_of(ike.id, connection).ike_failed(
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
            self._tracker.ledger_of(0, ike.connection).ipsec_failed(failure)
            return
        if reason is IpsecFailureReason.NO_SA or sa is None:
            failure = IpsecFailure(at, reason, spi=spi(rng), source=theirs, destination=ours)
        else:
            value = sa.parameters.spi_in
            tunnel, peer_of_tunnel = self._tracker.find_spi(value, ours) or (None, None)
            failure = IpsecFailure(at, reason, peer_of_tunnel, tunnel, value, theirs, ours)
        self._tracker.ipsec_failed(failure)
