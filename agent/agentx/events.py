"""What a session tells whoever runs it."""

from __future__ import annotations

from dataclasses import dataclass

from agent.agentx.pdu import AddAgentCaps, Error, Register
from agent.agentx.values import Oid

__all__ = ["Event", "Faulty", "Granted", "Lost", "NotifyRefused", "Opened", "Refused", "error_name"]


@dataclass(frozen=True, slots=True)
class Opened:
    """The master has let us in."""

    up_time: int
    """Its sysUpTime, in hundredths of a second."""


@dataclass(frozen=True, slots=True)
class Granted:
    """A region is ours now."""

    request: Register


@dataclass(frozen=True, slots=True)
class Refused:
    """A region is not, or a row of sysORTable.

    A region is asked for again, and this is told again only when the error is another.
    """

    request: Register | AddAgentCaps
    error: int


@dataclass(frozen=True, slots=True)
class NotifyRefused:
    """The master does not send a notification."""

    error: int


@dataclass(frozen=True, slots=True)
class Faulty:
    """A request could not be answered, by a fault of the handler or of a value it gave."""

    names: tuple[Oid, ...]
    error: Exception


@dataclass(frozen=True, slots=True)
class Lost:
    """The session has ended; the connection is of no more use."""

    reason: str


Event = Opened | Granted | Refused | NotifyRefused | Faulty | Lost


def error_name(error: int) -> str:
    """Return what RFC 2741 calls an error, such as ``duplicateRegistration``."""
    try:
        first, *rest = Error(error).name.lower().split("_")
    except ValueError:
        return f"error {error}"
    return first + "".join(map(str.capitalize, rest))
