"""Why SAs ended, which is told with the end.

The event of an end tells most of it, by the daemon's tasks. Only whether our side's delete was an
operator's wish is in the log alone, and a line of the log may come after the event that it
explains. So when our side deletes and no such wish was logged yet, the end is held back for a
moment (:data:`~datasource.strongswan.failures.HOLD`).
"""

from __future__ import annotations

import collections
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from datasource.ledger import Ledger
from datasource.model import ChildSa, IkeSa
from datasource.reasons import EndReason
from datasource.strongswan.failures import HOLD
from datasource.strongswan.ike_log import Hint, Termination
from datasource.strongswan.memory import remember
from datasource.strongswan.packet import Message

__all__ = ["End", "EndDesk"]

_OPERATOR_WINDOW = 5.0
"""Seconds for which a logged wish to terminate explains a delete."""
_MAX_TERMINATIONS = 256

_OWN_IKE_DELETES = {b"IKE_DELETE", b"ISAKMP_DELETE"}
# That of a child ends no IKE SA: when nobody answers it, the peer is lost.
_OWN_DELETES = _OWN_IKE_DELETES | {b"CHILD_DELETE", b"QUICK_DELETE"}
# With IKEv1 a delete is an informational exchange like any other.
_PEER_DELETES = {b"IKE_DELETE", b"CHILD_DELETE", b"INFORMATIONAL"}


@dataclass(frozen=True, slots=True)
class End:
    """An IKE SA or a child SA that went down."""

    at: float
    name: str
    fields: Message
    """Of the IKE SA."""
    sa_id: int
    """Of the IKE SA."""
    child: tuple[IkeSa, ChildSa] | None = None


class EndDesk:
    """Reports ends with their reasons, for one daemon after the other.

    Args:
        tracker: gets the ends.
        log_events: whether the log is read. Without it an end that our side asked for has no known
            reason.
    """

    def __init__(self, tracker: Ledger, *, log_events: bool) -> None:
        self._tracker = tracker
        self._log_events = log_events
        self._begin()

    def _begin(self) -> None:
        self._held: collections.deque[End] = collections.deque()
        self._ended: dict[int, EndReason] = {}
        self._hints: dict[int, set[Hint]] = {}
        self._terminations: collections.deque[tuple[float, Termination]] = collections.deque(
            maxlen=_MAX_TERMINATIONS
        )
        self._by_operator: dict[tuple[bool, int], None] = {}
        self._shutdown = False

    @property
    def deadline(self) -> float | None:
        """When :meth:`tick` is due at the latest, if at all."""
        return self._held[0].at + HOLD if self._held else None

    def tick(self, now: float) -> None:
        """Report what was held back for long enough."""
        while self._held and self._held[0].at + HOLD <= now:
            self._finish(now, self._held.popleft())

    def restarted(self, now: float) -> None:
        """The daemon is gone; another one numbers its SAs anew."""
        # It deleted SAs a moment ago and went: it was stopped in good order. As it stops it often
        # does not get round to sending the log line that says so.
        self._shutdown = True
        self._release(now)
        self._begin()

    def ended(self, now: float, end: End) -> None:
        """Take an end, and report it now or soon."""
        may_be_operators = self._log_events and self._reason(end) is EndReason.NORMAL
        if may_be_operators or any(held.sa_id == end.sa_id for held in self._held):
            self._held.append(end)
        else:
            self._finish(now, end)

    # What explains ends ---------------------------------------------------------------------------

    def terminating(self, sa_id: int, *, child: bool) -> None:
        """The daemon is about to be asked to end an SA. Its end is an operator's, however late."""
        remember(self._by_operator, (child, sa_id), None)

    def wished(self, now: float, termination: Termination) -> None:
        """An operator has asked somebody else for the end of SAs."""
        self._terminations.append((now, termination))
        self._release(now)

    def shutting_down(self) -> None:
        """The daemon is being stopped, which ends all SAs."""
        self._shutdown = True

    def hint(self, now: float, sa_id: int, connection: str, hint: Hint) -> AbstractSet[Hint]:
        """Take what the log tells of an IKE SA; return all that it has told of it."""
        hints = self._hints.get(sa_id)
        if hints is None:
            remember(self._hints, sa_id, hints := set())
        hints.add(hint)
        if hint is Hint.DELETING and self._was_terminated(
            now - _OPERATOR_WINDOW, connection, sa_id
        ):
            # A peer that does not answer may draw out the end beyond the window.
            self.terminating(sa_id, child=False)
        return hints

    def setup_is_unwanted(self, now: float, connection: str, sa_id: int) -> bool:
        """Whether an IKE SA that was not up yet has ended because an operator wanted it to."""
        # charon drops at once what is not up yet.
        return self._shutdown or self._was_terminated(now - HOLD, connection, sa_id)

    # Work -----------------------------------------------------------------------------------------

    def _release(self, now: float) -> None:
        while self._held:
            self._finish(now, self._held.popleft())

    def _finish(self, now: float, end: End) -> None:
        reason = self._reason(end)
        if end.child is not None:
            self._tracker.child_down(now, *end.child, reason)
            return
        remember(self._ended, end.sa_id, reason)
        self._tracker.ike_down(now, end.sa_id, reason)

    def _reason(self, end: End) -> EndReason:
        own = _OWN_IKE_DELETES
        if end.child is not None:
            own = _OWN_DELETES
            if end.sa_id in self._ended and (True, end.child[1].id) not in self._by_operator:
                return self._ended[end.sa_id]
        hints = self._hints.get(end.sa_id, set())
        ours = own & (_tasks(end.fields, "tasks-active") | _tasks(end.fields, "tasks-queued"))
        peers = _PEER_DELETES & _tasks(end.fields, "tasks-passive")
        if ours and (self._shutdown or self._is_operators(end)):
            return EndReason.OPERATOR
        if peers:
            return EndReason.PEER_DELETE
        if ours:
            return EndReason.NORMAL if self._log_events else EndReason.OTHER
        if end.child is None and end.fields.get("state") != b"DELETING":
            return EndReason.PEER_LOST  # nobody has asked for it
        if Hint.PEER_LOST in hints:
            return EndReason.PEER_LOST
        return EndReason.PEER_DELETE if Hint.PEER_DELETES in hints else EndReason.OTHER

    def _is_operators(self, end: End) -> bool:
        child = end.child[1] if end.child is not None else None
        known = {(False, end.sa_id)} if child is None else {(False, end.sa_id), (True, child.id)}
        return not known.isdisjoint(self._by_operator) or any(
            # The line may come after the event, too.
            end.at - _OPERATOR_WINDOW <= at and _names(termination, end.name, end.sa_id, child)
            for at, termination in self._terminations
        )

    def _was_terminated(self, since: float, connection: str, sa_id: int) -> bool:
        """Whether an operator has asked for the end of an IKE SA."""
        return (False, sa_id) in self._by_operator or any(
            since <= at and _names(termination, connection, sa_id, None)
            for at, termination in self._terminations
        )


def _names(termination: Termination, ike_name: str, ike_id: int, child: ChildSa | None) -> bool:
    """Whether an operator's wish covers this IKE SA, or this child of it."""
    if not termination.child:
        return termination.id == ike_id or termination.name == ike_name
    if child is None:
        return False
    return termination.id == child.id or termination.name == child.parameters.name


def _tasks(fields: Message, name: str) -> set[bytes]:
    value = fields.get(name)
    return set(value) if isinstance(value, list) else set()
