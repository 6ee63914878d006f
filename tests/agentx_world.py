"""A session and its master, both without a socket, and a clock that is moved by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from agent.agentx import pdu as pdus
from agent.agentx.codec import decode, encode
from agent.agentx.events import Event
from agent.agentx.framing import Framing
from agent.agentx.handler import Done
from agent.agentx.notifications import NotifyQueue
from agent.agentx.pdu import Header, Pdu
from agent.agentx.session import Session, SessionSettings
from agent.agentx.values import (
    BIG,
    END_OF_MIB_VIEW,
    INTEGER,
    NO_SUCH_INSTANCE,
    ByteOrder,
    Oid,
    SearchRange,
    VarBind,
)

__all__ = ["CAPS", "REGIONS", "ROOT", "Handler", "World"]

ROOT: Oid = (1, 3, 6, 1, 4, 1, 9)
REGIONS = (pdus.Register((*ROOT, 1)), pdus.Register((*ROOT, 2)))
CAPS = pdus.AddAgentCaps((*ROOT, 99), b"what we can")
SESSION_ID = 77


class Handler:
    """Holds integers, notes each step of each SET, and does as it is told."""

    def __init__(self) -> None:
        self.values: dict[Oid, VarBind] = {}
        self.log: list[str] = []
        self.errors: dict[str, tuple[int, int]] = {}
        """How a step ends, where it fails."""
        self.held: list[Callable[[], None]] | None = None
        """Steps that wait to be let go, once this is a list."""
        self.fault: Exception | None = None
        self.readers = 0
        self.followed: dict[tuple[bytes, bytes], bytes] = {}

    def put(self, name: Oid, value: int) -> None:
        self.values[name] = VarBind(name, INTEGER, value)

    def reader(self, context: bytes) -> Handler | None:
        self.readers += 1
        return None if context else self

    def get(self, name: Oid) -> VarBind:
        if self.fault is not None:
            raise self.fault
        return self.values.get(name, VarBind(name, NO_SUCH_INSTANCE))

    def next(self, wanted: SearchRange) -> VarBind:
        if self.fault is not None:
            raise self.fault
        for name in sorted(self.values):
            after = name >= wanted.start if wanted.include else name > wanted.start
            if after and (not wanted.end or name < wanted.end):
                return self.values[name]
        return VarBind(wanted.start, END_OF_MIB_VIEW)

    def follow(self, start: bytes, end: bytes) -> bytes | None:
        return self.followed.get((start, end))

    def transaction(self, context: bytes) -> Transaction | None:
        return None if context else Transaction(self)


class Transaction:
    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    def test(self, _varbinds: Sequence[VarBind], done: Done) -> None:
        self._step("test", done)

    def commit(self, done: Done) -> None:
        self._step("commit", done)

    def undo(self, done: Done) -> None:
        self._step("undo", done)

    def cleanup(self) -> None:
        self._handler.log.append("cleanup")

    def _step(self, name: str, done: Done) -> None:
        handler = self._handler
        handler.log.append(name)
        error, index = handler.errors.get(name, (0, 0))
        if handler.held is None:
            done(error, index)
        else:
            handler.held.append(lambda: done(error, index))


class World:
    """A session, opened unless said otherwise."""

    def __init__(
        self, *, opened: bool = True, order: ByteOrder = BIG, capacity: int = 10, **settings: Any
    ) -> None:
        self.now = 1000.0
        self.order = order
        self.handler = Handler()
        self.queue = NotifyQueue(capacity)
        self.woken = 0
        self.session = Session(
            SessionSettings(pdus.Open((*ROOT, 5), b"us"), REGIONS, (CAPS,), **settings),
            self.handler,
            self.queue,
            lambda: self.now,
            self._wake,
        )
        self._framing = Framing()
        self._packet = 5000
        self.session.start()
        if opened:
            self.grant()
            self.events()

    def _wake(self) -> None:
        self.woken += 1

    def said(self) -> list[tuple[Header, Pdu]]:
        """Take what the session has sent."""
        return [decode(frame) for frame in self._framing.feed(self.session.take_output())]

    def events(self) -> list[Event]:
        return self.session.take_events()

    def answer(self, header: Header, error: int = 0, **more: Any) -> None:
        """Have the master answer one of the session's own requests."""
        self.session.received(
            encode(
                pdus.Response(error, **more),
                self.order,
                session_id=more.pop("session_id", SESSION_ID),
                transaction_id=header.transaction_id,
                packet_id=header.packet_id,
            )
        )

    def grant(self, **errors: int) -> None:
        """Answer all that was asked: ``Open``, then the rest."""
        while said := self.said():
            for header, pdu in said:
                if isinstance(pdu, pdus.Open):
                    self.answer(header, errors.get("Open", 0), up_time=4711)
                else:
                    self.answer(header, errors.get(type(pdu).__name__, 0))

    def send(
        self,
        pdu: Pdu,
        *,
        transaction: int = 1,
        packet: int | None = None,
        session: int = SESSION_ID,
    ) -> int:
        """Have the master ask; return the packetID."""
        if packet is None:
            self._packet += 1
            packet = self._packet
        self.session.received(
            encode(
                pdu,
                self.order,
                session_id=session,
                transaction_id=transaction,
                packet_id=packet,
            )
        )
        return packet

    def ask(self, pdu: Pdu, **more: Any) -> pdus.Response:
        """Have the master ask, and return the one answer."""
        packet = self.send(pdu, **more)
        ((header, answer),) = self.said()
        assert header.packet_id == packet
        assert isinstance(answer, pdus.Response)
        return answer

    def error(self, pdu: Pdu, **more: Any) -> tuple[int, int]:
        """Do as :meth:`ask`; return error and index."""
        answer = self.ask(pdu, **more)
        assert not (answer.error and answer.varbinds)
        return answer.error, answer.index

    def wait(self, seconds: float) -> None:
        """Let time pass, as the link would: the session is woken whenever it is due."""
        end = self.now + seconds
        while (due := self.session.deadline) is not None and due <= end:
            self.now = max(due, self.now)
            self.session.tick()
            again = self.session.deadline
            assert again is None or again > self.now, "it would be woken without end"
        self.now = end
