"""The PDUs as plain data (RFC 2741 section 6.2)."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from agent.agentx.values import Oid, SearchRange, VarBind

__all__ = [
    "ANY_INDEX",
    "DEFAULT_PRIORITY",
    "INSTANCE_REGISTRATION",
    "NETWORK_BYTE_ORDER",
    "NEW_INDEX",
    "NON_DEFAULT_CONTEXT",
    "AddAgentCaps",
    "CleanupSet",
    "Close",
    "CloseReason",
    "CommitSet",
    "Error",
    "Get",
    "GetBulk",
    "GetNext",
    "Header",
    "IndexAllocate",
    "IndexDeallocate",
    "Notify",
    "Open",
    "Pdu",
    "Ping",
    "Register",
    "RemoveAgentCaps",
    "Response",
    "TestSet",
    "UndoSet",
    "Unregister",
]

DEFAULT_PRIORITY = 127

# h.flags. Plain numbers, since members of an enum take microseconds to combine.
INSTANCE_REGISTRATION = 0x01
NEW_INDEX = 0x02
ANY_INDEX = 0x04
NON_DEFAULT_CONTEXT = 0x08
NETWORK_BYTE_ORDER = 0x10


class Error(enum.IntEnum):
    """res.error, where it is none of SNMP's (section 6.2.16)."""

    OPEN_FAILED = 256
    NOT_OPEN = 257
    INDEX_WRONG_TYPE = 258
    INDEX_ALREADY_ALLOCATED = 259
    INDEX_NONE_AVAILABLE = 260
    INDEX_NOT_ALLOCATED = 261
    UNSUPPORTED_CONTEXT = 262
    DUPLICATE_REGISTRATION = 263
    UNKNOWN_REGISTRATION = 264
    UNKNOWN_AGENT_CAPS = 265
    PARSE_ERROR = 266
    REQUEST_DENIED = 267
    PROCESSING_ERROR = 268


class CloseReason(enum.IntEnum):
    """c.reason."""

    OTHER = 1
    PARSE_ERROR = 2
    PROTOCOL_ERROR = 3
    TIMEOUTS = 4
    SHUTDOWN = 5
    BY_MANAGER = 6


class Header(NamedTuple):
    """What all PDUs begin with (section 6.1), less version and payload length."""

    type: int
    flags: int
    session_id: int
    transaction_id: int
    packet_id: int


@dataclass(frozen=True, slots=True)
class Open:
    """Opens a session."""

    TYPE: ClassVar[int] = 1
    id: Oid = ()
    description: bytes = b""
    timeout: int = 0
    """Seconds the master should wait; 0 leaves it to the master."""


@dataclass(frozen=True, slots=True)
class Close:
    """Ends a session."""

    TYPE: ClassVar[int] = 2
    reason: int


@dataclass(frozen=True, slots=True)
class Register:
    """Asks for the requests to a region: a subtree, or a row of neighbouring ones.

    With ``range_subid``, the sub-identifier of that position, counted from 1, goes from what the
    subtree has up to ``upper_bound``.
    """

    TYPE: ClassVar[int] = 3
    subtree: Oid
    priority: int = DEFAULT_PRIORITY
    """1 to 255; the lower one wins."""
    range_subid: int = 0
    upper_bound: int = 0
    timeout: int = 0
    instance: bool = False
    context: bytes = b""


@dataclass(frozen=True, slots=True)
class Unregister:
    """Gives a region back, said as it was registered."""

    TYPE: ClassVar[int] = 4
    subtree: Oid
    priority: int = DEFAULT_PRIORITY
    range_subid: int = 0
    upper_bound: int = 0
    context: bytes = b""


@dataclass(frozen=True, slots=True)
class Get:
    """Asks for instances: the starts of the ranges."""

    TYPE: ClassVar[int] = 5
    ranges: tuple[SearchRange, ...]
    context: bytes = b""


@dataclass(frozen=True, slots=True)
class GetNext:
    """Asks for the first instance of each range."""

    TYPE: ClassVar[int] = 6
    ranges: tuple[SearchRange, ...]
    context: bytes = b""


@dataclass(frozen=True, slots=True)
class GetBulk:
    """Asks for the first instance of some ranges, and for several of each of the others."""

    TYPE: ClassVar[int] = 7
    ranges: tuple[SearchRange, ...]
    non_repeaters: int
    max_repetitions: int
    context: bytes = b""


@dataclass(frozen=True, slots=True)
class TestSet:
    """Asks whether variables can be set."""

    TYPE: ClassVar[int] = 8
    varbinds: tuple[VarBind, ...]
    context: bytes = b""


@dataclass(frozen=True, slots=True)
class CommitSet:
    """Has them set."""

    TYPE: ClassVar[int] = 9


@dataclass(frozen=True, slots=True)
class UndoSet:
    """Has that taken back."""

    TYPE: ClassVar[int] = 10


@dataclass(frozen=True, slots=True)
class CleanupSet:
    """Ends the transaction. It has no response."""

    TYPE: ClassVar[int] = 11


@dataclass(frozen=True, slots=True)
class Notify:
    """Has a notification sent: snmpTrapOID.0, maybe with sysUpTime.0 before it, and objects."""

    TYPE: ClassVar[int] = 12
    varbinds: tuple[VarBind, ...]
    context: bytes = b""


@dataclass(frozen=True, slots=True)
class Ping:
    """Asks whether anybody is there."""

    TYPE: ClassVar[int] = 13
    context: bytes = b""


@dataclass(frozen=True, slots=True)
class IndexAllocate:
    """Asks for values of index objects that no other subagent has."""

    TYPE: ClassVar[int] = 14
    varbinds: tuple[VarBind, ...]
    new_index: bool = False
    any_index: bool = False
    context: bytes = b""


@dataclass(frozen=True, slots=True)
class IndexDeallocate:
    """Gives them back."""

    TYPE: ClassVar[int] = 15
    varbinds: tuple[VarBind, ...]
    context: bytes = b""


@dataclass(frozen=True, slots=True)
class AddAgentCaps:
    """Adds a row to sysORTable."""

    TYPE: ClassVar[int] = 16
    id: Oid
    description: bytes
    context: bytes = b""


@dataclass(frozen=True, slots=True)
class RemoveAgentCaps:
    """Takes it out again."""

    TYPE: ClassVar[int] = 17
    id: Oid
    context: bytes = b""


@dataclass(frozen=True, slots=True)
class Response:
    """Answers any of the others but CleanupSet."""

    TYPE: ClassVar[int] = 18
    error: int = 0
    index: int = 0
    """Of the variable that is to blame, counted from 1; 0 for none."""
    varbinds: tuple[VarBind, ...] = ()
    up_time: int = 0
    """sysUpTime of the master, in hundredths of a second; 0 from a subagent."""


Pdu = (
    Open
    | Close
    | Register
    | Unregister
    | Get
    | GetNext
    | GetBulk
    | TestSet
    | CommitSet
    | UndoSet
    | CleanupSet
    | Notify
    | Ping
    | IndexAllocate
    | IndexDeallocate
    | AddAgentCaps
    | RemoveAgentCaps
    | Response
)
