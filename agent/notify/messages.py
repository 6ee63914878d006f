"""What stands between a PDU and a datagram: how one target is talked to."""

from __future__ import annotations

import enum
from collections.abc import Container
from typing import NamedTuple, Protocol

from agent.notify.pdus import Pdus
from mibs import ber

__all__ = ["Answer", "InformMessages", "Outgoing", "TrapMessages", "Verdict", "number_of"]


class TrapMessages(Protocol):
    """Makes traps for one target."""

    def trap(self, pdus: Pdus, source: str) -> bytes:
        """Return a whole message.

        Args:
            pdus: the notification.
            source: own address that it is sent from.
        """


class Outgoing(NamedTuple):
    """A message that wants an answer."""

    key: int
    """By which the answer is known: request-id or msgID."""
    message: bytes
    is_inform: bool
    """Or else it asks for something without which no inform can be made."""


class Verdict(enum.Enum):
    """What an answer means for the notification."""

    RESPONSE = enum.auto()
    AGAIN = enum.auto()
    """Something is known now, and the next message for it will be another one."""
    REPORT = enum.auto()
    """The message was not liked. Nobody vouches for that, so it does not count for more."""


class Answer(NamedTuple):
    """What came back."""

    key: int
    verdict: Verdict
    request_id: int = 0
    error_status: int = 0
    detail: str = ""
    """Of a Report: the counter that it shows."""


class InformMessages(Protocol):
    """Makes informs for one target, and understands what it answers."""

    @property
    def is_ready(self) -> bool:
        """Whether an inform can be made now, without asking for something before."""

    @property
    def largest(self) -> int:
        """Octets that the receiver takes, as far as is known."""

    def encode(self, pdus: Pdus, now: float) -> Outgoing | None:
        """Return the message to send for an inform; None while somebody makes keys for it."""

    def decode(self, data: bytes, expected: Container[int], now: float) -> Answer | None:
        """Return what a datagram means for one of the keys that are expected.

        Returns:
            None where it is no answer to any of them, or may be from somebody else.

        Raises:
            BerError: it is malformed.
        """

    def forget(self) -> None:
        """Ask for everything anew: what is known may be wrong."""


def number_of(element: bytes) -> int:
    """Return the number in an INTEGER that was read before, such as a request-id."""
    _, start, stop = ber.read_header(element, 0, len(element))
    return ber.decode_integer(element, start, stop)
