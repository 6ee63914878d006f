"""What became of the notifications for one target."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

__all__ = ["Loss", "TargetStatistics"]


class Loss(enum.Enum):
    """Why a target was not told of something."""

    QUEUE_FULL = "the queue is full"
    NO_ANSWER = "no answer"
    REPORTED = "it answers with a Report"
    ERROR_STATUS = "it answers with an error"
    SOCKET_ERROR = "they cannot be sent"
    TOO_LARGE = "too large"
    COUNTER64 = "a Counter64, which SNMPv1 has not"
    NOT_IN_VIEW = "not in its view"
    CLOSED = "still waiting at the end"


@dataclass(slots=True)
class TargetStatistics:
    """Counts since the target is there.

    Of the notifications that it wants, each is counted in one place: a trap is queued, sent or
    dropped, an inform queued, acknowledged or dropped.
    """

    wanted: int = 0
    """Notifications that were enabled and that its filter has."""
    sent: int = 0
    """Those that were sent, an inform once however often it is repeated."""
    acknowledged: int = 0
    retransmitted: int = 0
    """Messages that had been sent before."""
    socket_errors: int = 0
    """What the system said of a datagram, such as that nobody listens there."""
    strange_answers: int = 0
    """Datagrams that are malformed, or no answer to anything that waits for one."""
    queued: int = 0
    """Notifications that wait now, to be sent or to be acknowledged."""
    dropped: dict[Loss, int] = field(default_factory=dict)

    @property
    def lost(self) -> int:
        """All that were dropped."""
        return sum(self.dropped.values())
