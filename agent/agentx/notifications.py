"""Notifications that wait for the master, bounded, and what became of all of them."""

from __future__ import annotations

import struct
from collections import deque

from agent.agentx.codec import encode
from agent.agentx.pdu import Notify

__all__ = ["NotifyQueue"]

_NUMBERS = struct.Struct(">III")
_NUMBERS_AT = 4


class NotifyQueue:
    """Keeps notifications up to a number of them; then the oldest goes.

    It outlasts sessions: what is not sent when one ends, is sent in the next. What was sent and not
    answered is not sent again, for it may have arrived.

    Attributes:
        dropped: those that gave way to newer ones.
        sent: those given to the master.
        refused: those the master does not send.
        unanswered: those given to the master whose fate is unknown.
    """

    def __init__(self, capacity: int = 10_000) -> None:
        self._frames: deque[bytes] = deque()
        self._capacity = capacity
        self.dropped = 0
        self.sent = 0
        self.refused = 0
        self.unanswered = 0

    def __len__(self) -> int:
        return len(self._frames)

    def put(self, notify: Notify) -> None:
        """Add one.

        Raises:
            AgentXError: it cannot be encoded.
        """
        # Encoded, since it takes a tenth of the memory.
        frame = encode(notify)
        if len(self._frames) >= self._capacity:
            self._frames.popleft()
            self.dropped += 1
        self._frames.append(frame)

    def take(self, session_id: int, packet_id: int) -> bytes:
        """Return the oldest as a PDU with these numbers.

        Raises:
            IndexError: there is none.
        """
        frame = self._frames.popleft()
        self.sent += 1
        numbers = _NUMBERS.pack(session_id, 0, packet_id)
        return frame[:_NUMBERS_AT] + numbers + frame[_NUMBERS_AT + _NUMBERS.size :]
