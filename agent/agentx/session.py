"""One session with a master (RFC 2741 section 7), without a socket or a clock.

Octets go in by :meth:`Session.received` and come out by :meth:`Session.take_output`; what happens
is told by :meth:`Session.take_events`. Each connection has one session: net-snmp mixes up the
numbers of two on one.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

from agent.agentx import reading
from agent.agentx.codec import decode_header, decode_payload, encode, encode_response
from agent.agentx.errors import AgentXError
from agent.agentx.events import (
    Event,
    Faulty,
    Granted,
    Lost,
    NotifyRefused,
    Opened,
    Refused,
    error_name,
)
from agent.agentx.framing import Framing
from agent.agentx.handler import Handler
from agent.agentx.notifications import NotifyQueue
from agent.agentx.pdu import (
    NETWORK_BYTE_ORDER,
    AddAgentCaps,
    CleanupSet,
    Close,
    CloseReason,
    CommitSet,
    Error,
    Get,
    GetBulk,
    GetNext,
    Header,
    Notify,
    Open,
    Pdu,
    Ping,
    Register,
    RemoveAgentCaps,
    Response,
    TestSet,
    UndoSet,
    Unregister,
)
from agent.agentx.setting import Sets

__all__ = ["Session", "SessionSettings"]

_GEN_ERR = 5
_MAX_UNANSWERED = 64
"""Notifications that are under way to the master at once."""
_FIRST_RETRY, _LAST_RETRY = 1.0, 60.0
"""Seconds until a region that was refused is asked for again; each time twice as many."""

_REQUESTS = frozenset(
    kind.TYPE for kind in (Get, GetNext, GetBulk, TestSet, CommitSet, UndoSet, CleanupSet)
)


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """What a subagent tells the master, and how patient it is. Times are in seconds."""

    open: Open
    regions: tuple[Register, ...]
    capabilities: tuple[AddAgentCaps, ...] = ()
    patience: float = 15.0
    """For a response of the master."""
    idle: float = 30.0
    """Without a word from the master, before it is asked whether it is there."""
    transaction: float = 20.0
    """For the next step of a SET. net-snmp gives up after 6 by itself."""


class _State(enum.Enum):
    NEW = enum.auto()
    OPENING = enum.auto()
    OPEN = enum.auto()
    ENDED = enum.auto()


class Session:
    """A session from the moment a connection is there until it is lost.

    Args:
        settings: see there.
        handler: what answers requests.
        notifications: what is to be sent; it outlasts the session.
        clock: gives seconds.
        wake: called when there is output though nothing was received.
    """

    def __init__(
        self,
        settings: SessionSettings,
        handler: Handler,
        notifications: NotifyQueue,
        clock: Callable[[], float],
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self._settings = settings
        self._handler = handler
        self._notifications = notifications
        self._clock = clock
        self._wake = wake
        self._framing = Framing()
        self._sets = Sets(handler, self._answer_late, settings.transaction)
        self._state = _State.NEW
        self._session_id = 0
        self._packet_id = 0
        self._asked: dict[int, tuple[Pdu, float]] = {}
        """Our own requests by their packetID, and when we give up; the oldest first."""
        self._notifying = 0
        self._heard_at = clock()
        self._refused: dict[Register, int] = {}
        self._granted: list[Register] = []
        self._retry_after = _FIRST_RETRY
        self._retry_at: float | None = None
        self._output: list[bytes] = []
        self._events: list[Event] = []

    # What the link does ---------------------------------------------------------------------------

    @property
    def ended(self) -> bool:
        """Whether the connection is to be closed, when the output is sent."""
        return self._state is _State.ENDED

    @property
    def deadline(self) -> float | None:
        """When :meth:`tick` is due, in seconds of the clock; None for never."""
        if self._state is _State.ENDED:
            return None
        times = [
            next((deadline for _, deadline in self._asked.values()), None),
            self._retry_at,
            self._sets.deadline,
            None if self._state is not _State.OPEN else self._heard_at + self._settings.idle,
        ]
        return min((time for time in times if time is not None), default=None)

    def start(self) -> None:
        """Begin: the connection is there."""
        self._state = _State.OPENING
        self._ask(self._settings.open)

    def received(self, data: bytes) -> None:
        """Take octets from the master, however they were cut."""
        if self._state is _State.ENDED:
            return
        try:
            frames = self._framing.feed(data)
        except AgentXError as error:
            self._fail(CloseReason.PROTOCOL_ERROR, f"the master does not speak AgentX: {error}")
            return
        if frames:
            self._heard_at = self._clock()
        for frame in frames:
            self._take(frame)
            if self.ended:
                return

    def tick(self) -> None:
        """Do what is due."""
        now = self._clock()
        if self._state is _State.ENDED:
            return
        self._sets.expire(now)
        for packet_id, (pdu, deadline) in list(self._asked.items()):
            if deadline > now:
                break
            del self._asked[packet_id]
            if not isinstance(pdu, Notify):
                name = type(pdu).__name__
                self._fail(CloseReason.TIMEOUTS, f"the master does not answer {name}")
                return
            self._notifying -= 1
            self._notifications.unanswered += 1
        if self._state is not _State.OPEN:
            return
        if self._retry_at is not None and self._retry_at <= now:
            self._retry_at = None
            self._retry_after = min(2 * self._retry_after, _LAST_RETRY)
            for region in self._refused:
                self._ask(region)
        if self._heard_at + self._settings.idle <= now:
            # Whatever comes will say that it is there, and that is late enough to ask again.
            self._heard_at = now
            if not any(isinstance(pdu, Ping) for pdu, _ in self._asked.values()):
                self._ask(Ping())
        self.send_notifications()

    def lost(self, reason: str) -> None:
        """Take note that the connection is gone."""
        if self._state is not _State.ENDED:
            self._end(reason)

    def close(self, reason: CloseReason = CloseReason.SHUTDOWN) -> None:
        """Say good-bye, without waiting for an answer."""
        if self._state is _State.ENDED:
            return
        if self._state is _State.OPEN:
            for caps in self._settings.capabilities:
                self._say(RemoveAgentCaps(caps.id, caps.context))
            for region in self._granted:
                self._say(
                    Unregister(
                        region.subtree,
                        region.priority,
                        region.range_subid,
                        region.upper_bound,
                        region.context,
                    )
                )
        self._fail(reason, "closed")

    def send_notifications(self) -> None:
        """Send what waits, as far as the master keeps up; to be called when more has come."""
        while (
            self._state is _State.OPEN
            and self._notifying < _MAX_UNANSWERED
            and len(self._notifications)
        ):
            self._number()
            self._output.append(self._notifications.take(self._session_id, self._packet_id))
            self._note(_NOTIFY)
            self._notifying += 1

    def take_output(self) -> bytes:
        """Return what is to be sent."""
        output = b"".join(self._output) if len(self._output) != 1 else self._output[0]
        self._output.clear()
        return output

    def take_events(self) -> list[Event]:
        """Return what has happened since the last time."""
        events = self._events
        if events:
            self._events = []
        return events

    # PDUs of the master ---------------------------------------------------------------------------

    def _take(self, frame: bytes) -> None:
        header = decode_header(frame)
        if header.type in _REQUESTS:
            self._request(header, frame)
        elif header.type == Response.TYPE:
            self._response(header, frame)
        elif header.type == Close.TYPE and header.session_id == self._session_id:
            try:
                name = _reason_name(decode_payload(header, frame))
            except AgentXError:
                name = "without a reason"
            self._end(f"the master closed the session: {name}")
        # No master sends the others, and net-snmp too says nothing to what it does not know.

    def _request(self, header: Header, frame: bytes) -> None:
        """Take a request: first it has to be understood, then to be ours (section 7.2.2)."""
        if header.type == GetNext.TYPE and self._gone_on(header, frame):
            return
        try:
            pdu = decode_payload(header, frame)
        except AgentXError:
            self._respond(header, Error.PARSE_ERROR)
            return
        if header.session_id != self._session_id or self._state is not _State.OPEN:
            self._respond(header, Error.NOT_OPEN)
            return
        match pdu:
            case GetNext() | Get() | GetBulk():
                self._read(header, pdu)
            case TestSet():
                self._sets.test(header, pdu, self._clock())
            case CommitSet():
                self._sets.commit(header, self._clock())
            case UndoSet():
                self._sets.undo(header, self._clock())
            case CleanupSet():
                self._sets.clean_up(header)

    def _gone_on(self, header: Header, frame: bytes) -> bool:
        """Answer a step of a walk, if that is what it is."""
        if (
            header.flags != NETWORK_BYTE_ORDER
            or header.session_id != self._session_id
            or self._state is not _State.OPEN
        ):
            return False
        try:
            reader = self._handler.reader(b"")
            answer = None if reader is None else reading.go_on(header, frame, reader)
        except Exception:  # noqa: BLE001 - it comes again, and is told of then
            return False
        if answer is None:
            return False
        self._output.append(answer)
        return True

    def _read(self, header: Header, pdu: Get | GetNext | GetBulk) -> None:
        try:
            reader = self._handler.reader(pdu.context)
            if reader is None:
                self._respond(header, Error.UNSUPPORTED_CONTEXT)
            else:
                self._output.append(reading.answer(header, pdu, reader))
        except Exception as error:  # noqa: BLE001 - it must not end the session
            index = error.index if isinstance(error, reading.ReadError) else 0
            names = tuple(wanted.start for wanted in pdu.ranges)
            names = names[index - 1 : index] if index else names
            cause = error.__cause__ if isinstance(error.__cause__, Exception) else error
            self._events.append(Faulty(names, cause))
            self._respond(header, _GEN_ERR, index or 1)

    def _respond(self, header: Header, error: int, index: int = 0) -> None:
        if header.type != CleanupSet.TYPE:
            self._output.append(encode_response(header, error=error, index=index))

    def _answer_late(self, response: bytes) -> None:
        if self._state is _State.OPEN:
            self._output.append(response)
            self._wake()

    # Our own requests -----------------------------------------------------------------------------

    def _say(self, pdu: Pdu) -> None:
        self._number()
        self._output.append(encode(pdu, session_id=self._session_id, packet_id=self._packet_id))

    def _number(self) -> None:
        self._packet_id = (self._packet_id + 1) & 0xFFFFFFFF

    def _note(self, pdu: Pdu) -> None:
        self._asked[self._packet_id] = pdu, self._clock() + self._settings.patience

    def _ask(self, pdu: Pdu) -> None:
        self._say(pdu)
        self._note(pdu)

    def _response(self, header: Header, frame: bytes) -> None:
        if self._state is _State.OPEN and header.session_id != self._session_id:
            return
        pdu, _ = self._asked.pop(header.packet_id, (None, 0.0))
        if pdu is None:
            # To something that we do not wait for any more.
            return
        try:
            response = decode_payload(header, frame)
        except AgentXError as error:
            self._fail(CloseReason.PARSE_ERROR, f"a response cannot be understood: {error}")
            return
        assert isinstance(response, Response)  # noqa: S101 - by its type
        failed = response.error
        match pdu:
            case Open():
                self._opened(header, response)
            case Register():
                self._registered(pdu, failed)
            case AddAgentCaps() if failed:
                self._events.append(Refused(pdu, failed))
            case Notify():
                self._notifying -= 1
                if failed:
                    self._notifications.refused += 1
                    self._events.append(NotifyRefused(failed))
        if failed == Error.NOT_OPEN and not self.ended:
            self._end("the master does not know the session any more")
        self.send_notifications()

    def _opened(self, header: Header, response: Response) -> None:
        if response.error:
            self._end(f"the master refuses the session: {error_name(response.error)}")
            return
        self._session_id = header.session_id
        self._state = _State.OPEN
        self._events.append(Opened(response.up_time))
        for caps in self._settings.capabilities:
            self._ask(caps)
        for region in self._settings.regions:
            self._ask(region)

    def _registered(self, region: Register, failed: int) -> None:
        if not failed:
            self._refused.pop(region, None)
            self._granted.append(region)
            self._events.append(Granted(region))
            return
        if self._refused.get(region) != failed:
            self._refused[region] = failed
            self._events.append(Refused(region, failed))
        if self._retry_at is None:
            self._retry_at = self._clock() + self._retry_after

    # The end --------------------------------------------------------------------------------------

    def _fail(self, reason: CloseReason, why: str) -> None:
        """End the session by ourselves."""
        if self._state is _State.OPEN:
            self._say(Close(reason))
        self._end(why)

    def _end(self, reason: str) -> None:
        self._state = _State.ENDED
        self._sets.abandon()
        self._notifications.unanswered += self._notifying
        self._notifying = 0
        self._asked.clear()
        self._events.append(Lost(reason))


_NOTIFY = Notify(())
"""Stands for any that was sent: it is not sent again."""


def _reason_name(pdu: Pdu) -> str:
    assert isinstance(pdu, Close)  # noqa: S101 - by its type
    try:
        return CloseReason(pdu.reason).name.lower().replace("_", " ")
    except ValueError:
        return f"reason {pdu.reason}"
