"""Peer associations: which pairs of identities talk, and through which tunnels."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

from datasource._state import AssociationState, IkeTunnelState, IpsecTunnelState
from datasource.model import Identity, IkeSaParameters, IpAddress, PeerAssociation

__all__ = ["PeerAssociations"]

_Pair = tuple[Identity, Identity]
_Meeting = tuple[Identity, Identity, IpAddress, IpAddress]


@dataclass(slots=True)
class _Numbers:
    """The numbers that tell apart the associations of one pair: the lowest free one is next."""

    last: int = 0
    free: list[int] = field(default_factory=list)
    """A heap."""

    def take(self) -> int:
        if self.free:
            return heapq.heappop(self.free)
        self.last += 1
        return self.last

    def give_back(self, number: int) -> bool:
        """Return True when no number is taken any more."""
        heapq.heappush(self.free, number)
        return len(self.free) == self.last


class PeerAssociations:
    """Keeps an association for as long as it has an IKE tunnel or an IPsec tunnel.

    Each live IKE tunnel has an association to itself. When it ends while IPsec tunnels live on, the
    association waits for the next IKE tunnel between the same identities and addresses.

    Nothing here looks through all the associations of a pair: with a group identity (IKEv1 and
    XAuth) thousands of peers are one pair.
    """

    def __init__(self) -> None:
        self._rows: dict[int, PeerAssociation] = {}
        self._changed: dict[int, AssociationState] = {}
        self._last_key = 0
        self._numbers: dict[_Pair, _Numbers] = {}
        self._waiting: dict[_Meeting, list[AssociationState]] = {}

    def rows(self) -> tuple[PeerAssociation, ...]:
        """Return every association, in order of key.

        A row lists all its IPsec tunnels, so it is made when it is asked for and not with every
        change: a thousand tunnels coming up between two peers would make a million entries.
        """
        # New keys are the highest, and come here in order.
        for key, association in self._changed.items():
            self._rows[key] = association.row()
        self._changed.clear()
        return tuple(self._rows.values())

    def join_ike(self, tunnel: IkeTunnelState) -> None:
        """Give a new IKE tunnel its association."""
        parameters = tunnel.parameters
        if waiting := self._waiting.get(_meeting(parameters)):
            association = waiting[0]
            self._stop_waiting(association)
            association.parameters, association.ike_index = parameters, tunnel.index
        else:
            identities = (parameters.local_identity, parameters.remote_identity)
            number = self._numbers.setdefault(identities, _Numbers()).take()
            self._last_key += 1
            association = AssociationState(
                self._last_key, identities, number, tunnel.started_at, parameters, tunnel.index
            )
        tunnel.association = association
        self._change(association)

    def moved(self, tunnel: IkeTunnelState) -> None:
        """An IKE tunnel has other addresses now."""
        tunnel.association.parameters = tunnel.parameters
        self._change(tunnel.association)

    def leave_ike(self, tunnel: IkeTunnelState) -> None:
        """An IKE tunnel has ended."""
        association = tunnel.association
        if association.ike_index != tunnel.index:
            return
        association.ike_index = 0
        self._waiting.setdefault(_meeting(association.parameters), []).append(association)
        self._change(association)

    def join_ipsec(self, tunnel: IpsecTunnelState) -> None:
        """An IPsec tunnel came under its IKE tunnel."""
        association = tunnel.ike.association
        association.ipsec[tunnel.index] = association.next_number
        association.next_number += 1
        self._change(association)

    def leave_ipsec(self, tunnel: IpsecTunnelState) -> None:
        """An IPsec tunnel leaves its IKE tunnel."""
        association = tunnel.ike.association
        del association.ipsec[tunnel.index]
        self._change(association)

    def _change(self, association: AssociationState) -> None:
        """Have the row made anew, or drop the association when nothing holds it any more."""
        if association.ike_index or association.ipsec:
            self._changed[association.key] = association
            return
        self._changed.pop(association.key, None)
        self._rows.pop(association.key, None)
        self._stop_waiting(association)
        if self._numbers[association.identities].give_back(association.number):
            del self._numbers[association.identities]

    def _stop_waiting(self, association: AssociationState) -> None:
        meeting = _meeting(association.parameters)
        waiting = self._waiting[meeting]
        waiting.remove(association)
        if not waiting:
            del self._waiting[meeting]


def _meeting(parameters: IkeSaParameters) -> _Meeting:
    return (
        parameters.local_identity,
        parameters.remote_identity,
        parameters.local_address,
        parameters.remote_address,
    )
