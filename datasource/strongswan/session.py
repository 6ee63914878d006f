"""What a strongSwan daemon says, reported to the tracker (sans-IO).

In go the messages of VICI's events, of list-sas, list-conns and get-counters, each with the time.

charon sends events and log lines from several threads, so that a log line may come after the event
that it explains. Everything that an event itself tells is therefore taken from the event: above all
why an SA ended, which its tasks tell. Only whether our side's delete was an operator's wish is in
the log alone. So when our side deletes and no such wish was logged yet, the end is held back for a
moment (:data:`HOLD`).
"""

from __future__ import annotations

import collections
import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from datasource.errors import DataSourceError
from datasource.events import EndReason
from datasource.model import ChildSa, IkeSa, NegotiationMode
from datasource.strongswan.connection import Connection, parse_connection
from datasource.strongswan.convert import Converter
from datasource.strongswan.error_notify import ErrorRecord
from datasource.strongswan.failures import HOLD, FailureDesk
from datasource.strongswan.fields import ConvertError, number, section, subsections, text
from datasource.strongswan.ike_log import Hint, IkeLog, LogLine, Termination
from datasource.strongswan.own_certificates import parse_own_certificates
from datasource.strongswan.packet import Message
from datasource.strongswan.reports import (
    UNNAMED,
    Concern,
    LogReports,
    Report,
    about_ike_sa,
    of_alert,
    of_error_record,
)
from datasource.strongswan.signs import OPERATOR, SETUP_FAILED
from datasource.tracker import Listing, Tracker
from datasource.xfrm.sas import KernelSas

__all__ = ["HOLD", "OPERATOR_WINDOW", "StrongSwanSession"]

OPERATOR_WINDOW = 5.0
"""Seconds for which a logged wish to terminate explains a delete."""
_MAX_REMEMBERED = 10_000
_MAX_TERMINATIONS = 256

_NEGOTIATING = ("CREATED", "CONNECTING")
_OWN_IKE_DELETES = {b"IKE_DELETE", b"ISAKMP_DELETE"}
# That of a child ends no IKE SA: when nobody answers it, the peer is lost.
_OWN_DELETES = _OWN_IKE_DELETES | {b"CHILD_DELETE", b"QUICK_DELETE"}
# With IKEv1 a delete is an informational exchange like any other.
_PEER_DELETES = {b"IKE_DELETE", b"CHILD_DELETE", b"INFORMATIONAL"}

_FLOOD = DataSourceError("some of many failures, which come too fast to record them all")

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class _End:
    """An IKE SA or a child SA that went down."""

    at: float
    name: str
    fields: Message
    """Of the IKE SA."""
    sa_id: int
    """Of the IKE SA."""
    child: tuple[IkeSa, ChildSa] | None = None


class StrongSwanSession:
    """Turns what one daemon says into reports to ``tracker``.

    Args:
        tracker: gets the reports.
        log_events: whether log events are subscribed to. Without them an end that our side asked
            for has no known reason.
        kernel: the kernel's SAs, which count what the daemon does not.
        on_problem: told of what cannot be understood, and is left out.
    """

    def __init__(
        self,
        tracker: Tracker,
        *,
        log_events: bool = True,
        kernel: KernelSas | None = None,
        on_problem: Callable[[DataSourceError], None] = lambda _problem: None,
    ) -> None:
        self._tracker = tracker
        self._log_events = log_events
        self._kernel = kernel
        self._on_problem = on_problem
        self._invalid_spis = 0
        self._invalid_spis_before = 0
        self._no_sa: int | None = None
        self._desk = FailureDesk(tracker, lambda: on_problem(_FLOOD), log_events=log_events)
        self._handlers = {
            "ike-updown": self._ike_updown,
            "child-updown": self._child_updown,
            "ike-rekey": self._ike_rekey,
            "child-rekey": self._child_rekey,
            "ike-update": self._ike_update,
        }
        self._begin()

    def _begin(self) -> None:
        self._converter = Converter(self._on_problem, self._kernel)
        self._log = IkeLog()
        self._log_reports = LogReports()
        self._listed = False
        self._modes: dict[int, NegotiationMode] = {}
        self._hints: dict[int, set[Hint]] = {}
        self._ended: dict[int, EndReason] = {}
        self._failed: dict[int, None] = {}
        self._terminations: collections.deque[tuple[float, Termination]] = collections.deque(
            maxlen=_MAX_TERMINATIONS
        )
        self._by_operator: dict[tuple[bool, int], None] = {}
        self._shutdown = False
        self._held: collections.deque[_End] = collections.deque()
        self.uses_certificates = False
        """Whether a connection proves this side by a certificate."""
        self.wants_connections = False
        """Whether an SA's connection is not known: list-conns should be asked again."""

    # The daemon -----------------------------------------------------------------------------------

    def restarted(self, now: float, reason: EndReason = EndReason.LOCAL_FAILURE) -> None:
        """The daemon is gone, or another has taken its place."""
        # It deleted SAs a moment ago and went: it was stopped in good order. As it stops it often
        # does not get round to sending the log line that says so.
        self._shutdown = True
        self._release(now)
        self._desk.restarted(now)
        self._tracker.restarted(now, reason)
        self._invalid_spis_before += self._invalid_spis
        self._invalid_spis = 0
        self._begin()

    def terminating(self, sa_id: int, *, child: bool) -> None:
        """The daemon is about to be asked to end an SA. Its end is an operator's, however late."""
        _remember(self._by_operator, (child, sa_id), None)

    # Answers --------------------------------------------------------------------------------------

    def connections(self, messages: Iterable[Message]) -> None:
        """Take over the connections of list-conns."""
        known = self._converter.connections
        found: dict[str, Connection] = {}
        for message in messages:
            for name, fields in subsections(message):
                try:
                    connection = parse_connection(name, fields)
                except ConvertError as error:
                    self._on_problem(error)
                    continue
                # The same object where nothing has changed: conversion looks no further then.
                old = known.get(name)
                found[name] = old if old is not None and old == connection else connection
        self._converter.connections = self._desk.connections = found
        self.wants_connections = False
        self.uses_certificates = any(one.has_certificate for one in found.values())

    def certificates(self, now: float, date: dt.datetime, messages: Iterable[Message]) -> None:
        """Take over our own certificates, of list-certs."""
        self._desk.certificates(now, date, parse_own_certificates(messages))

    def listed(self, now: float, listing: Listing, message: Message) -> None:
        """Take over one SA of list-sas."""
        for name, fields in subsections(message):
            if (sa := self._convert(name, fields)) is not None:
                listing.add(now, sa)

    def listing_ended(self) -> None:
        """Forget the SAs that are gone. To be called after a complete listing."""
        self._converter.listed()
        self._listed = True

    def counters(self, message: Message) -> None:
        """Take over the daemon's own counters, of get-counters."""
        try:
            total = section(section(message, "counters"), "")
            count = number(total, "invalid-spi")
        except ConvertError as error:
            self._on_problem(error)
            return
        if count < self._invalid_spis:
            self._invalid_spis_before += self._invalid_spis
        self._invalid_spis = count
        no_sa = self._invalid_spis_before + count
        if no_sa != self._no_sa:
            self._no_sa = no_sa
            self._tracker.set_failures(no_sa=no_sa)

    # Events ---------------------------------------------------------------------------------------

    @property
    def deadline(self) -> float | None:
        """When :meth:`tick` is due at the latest, if at all."""
        held = [self._held[0].at + HOLD] if self._held else []
        desk = self._desk.deadline
        return min(held if desk is None else [*held, desk], default=None)

    def tick(self, now: float) -> None:
        """Let go of what was held back for long enough."""
        self._desk.tick(now)
        while self._held and self._held[0].at + HOLD <= now:
            self._finish(now, self._held.popleft())

    def event(self, now: float, event: str, message: Message) -> None:
        """Take an event. One that is malformed is left out."""
        self.tick(now)
        if event == "log":
            self._log_line(now, message)
            return
        if event == "alert":
            self._report(now, of_alert(message))
            return
        handler = self._handlers.get(event)
        if handler is None:
            return
        for name, fields in subsections(message):
            try:
                handler(now, name, fields, message)
            except ConvertError as error:
                self._on_problem(error.of(f"{event} of {name}"))

    def error_record(self, now: float, record: ErrorRecord) -> None:
        """Take a record of the plugin error-notify."""
        self.tick(now)
        self._report(now, of_error_record(record))

    def _ike_updown(self, now: float, name: str, fields: Message, message: Message) -> None:
        sa_id = number(fields, "uniqueid")
        concern = about_ike_sa(name, fields)
        if "up" in message:
            self._saw(now, name, fields)
            # Of IKEv1, no event tells of the end of an SA that was replaced.
            if self._tracker.replaces(sa_id):
                self._desk.sa_replaced(now, concern)
            return
        if self._tracker.has_had(sa_id):
            self._desk.tunnel_ended(now, concern)
        elif text(fields, "state") in _NEGOTIATING or self._listed:
            # IKEv1 deletes also what was not up yet, when it does not trust the peer.
            initiator = text(fields, "initiator", "no") == "yes"
            self._setup_failed(now, concern, initiator=initiator)
            return
        self._end(now, _End(now, name, fields, sa_id))

    def _child_updown(self, now: float, name: str, fields: Message, message: Message) -> None:
        if "up" in message:
            self._saw(now, name, fields)
            return
        ike = self._ike_of(name, fields)
        for key, child in subsections(section(fields, "child-sas")):
            ended = self._converter.child_sa(name, key, child)
            self._end(now, _End(now, name, fields, ike.id, (ike, ended)))

    def _ike_rekey(self, now: float, name: str, fields: Message, _message: Message) -> None:
        old_id = number(section(fields, "old"), "uniqueid")
        if (new := self._convert(name, section(fields, "new"))) is not None:
            self._tracker.ike_rekeyed(now, old_id, new)
            self._desk.sa_replaced(now, about_ike_sa(name, section(fields, "new")))

    def _child_rekey(self, now: float, name: str, fields: Message, _message: Message) -> None:
        ike = self._ike_of(name, fields)
        for key, pair in subsections(section(fields, "child-sas")):
            old = self._converter.child_sa(name, key, section(pair, "old"))
            new = self._converter.child_sa(name, key, section(pair, "new"))
            self._tracker.child_rekeyed(now, ike, old, new)

    def _ike_update(self, now: float, name: str, fields: Message, message: Message) -> None:
        # The event comes before the change, with the new addresses beside the SA (RFC 4555).
        # Every responder behind a NAT has one while it is being negotiated.
        if text(fields, "state") not in _NEGOTIATING:
            new = {key: value for key, value in message.items() if isinstance(value, bytes)}
            self._saw(now, name, {**fields, **new})

    def _saw(self, now: float, name: str, fields: Message) -> None:
        if (sa := self._convert(name, fields)) is not None:
            self._tracker.saw(now, sa)

    def _ike_of(self, name: str, fields: Message) -> IkeSa:
        """Convert the IKE SA of an event about its children."""
        alone = {key: value for key, value in fields.items() if key != "child-sas"}
        return self._converter.ike_sa(name, alone, self._mode(fields))

    def _convert(self, name: str, fields: Message) -> IkeSa | None:
        if name != UNNAMED and name not in self._converter.connections:
            self.wants_connections = True
        try:
            if text(fields, "state", "") in _NEGOTIATING:
                return None  # has no identities yet
            return self._converter.ike_sa(name, fields, self._mode(fields))
        except ConvertError as error:
            self._on_problem(error)
            return None

    def _mode(self, fields: Message) -> NegotiationMode | None:
        return self._modes.get(number(fields, "uniqueid", 0)) if self._modes else None

    # Ends -----------------------------------------------------------------------------------------

    def _end(self, now: float, end: _End) -> None:
        may_be_operators = self._log_events and self._reason(end) is EndReason.NORMAL
        if may_be_operators or any(held.sa_id == end.sa_id for held in self._held):
            self._held.append(end)
        else:
            self._finish(now, end)

    def _release(self, now: float) -> None:
        while self._held:
            self._finish(now, self._held.popleft())

    def _finish(self, now: float, end: _End) -> None:
        reason = self._reason(end)
        if end.child is not None:
            self._tracker.child_down(now, *end.child, reason)
            return
        _remember(self._ended, end.sa_id, reason)
        self._tracker.ike_down(now, end.sa_id, reason)

    def _reason(self, end: _End) -> EndReason:
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

    def _is_operators(self, end: _End) -> bool:
        child = end.child[1] if end.child is not None else None
        known = {(False, end.sa_id)} if child is None else {(False, end.sa_id), (True, child.id)}
        return not known.isdisjoint(self._by_operator) or any(
            # The line may come after the event, too.
            end.at - OPERATOR_WINDOW <= at and _names(termination, end.name, end.sa_id, child)
            for at, termination in self._terminations
        )

    def _setup_failed(self, now: float, concern: Concern, *, initiator: bool) -> None:
        sa_id = concern.sa_id
        # charon drops at once what is not up yet.
        wished = self._shutdown or self._was_terminated(now - HOLD, concern.connection, sa_id)
        self._report(now, Report("events", OPERATOR if wished else SETUP_FAILED, concern))
        if sa_id not in self._failed:
            _remember(self._failed, sa_id, None)
            self._tracker.setup_failed(now, sa_id, initiator=initiator)

    def _report(self, now: float, report: Report | None) -> None:
        if report is not None:
            self._desk.report(now, report)

    # Log ------------------------------------------------------------------------------------------

    def _log_line(self, now: float, message: Message) -> None:
        line = self._log.read(message)
        if line.failure is not None:
            self._tracker.count_failure(line.failure)
        if line.termination is not None:
            self._terminations.append((now, line.termination))
            self._release(now)
        if line.hint is Hint.SHUTDOWN:
            self._shutdown = True
        name = message.get("ikesa-name", b"")
        connection = name.decode("utf-8", "replace") if isinstance(name, bytes) else ""
        self._report(now, self._log_reports.read(line, connection))
        if not line.sa_id:
            return
        if any(line.traffic):
            self._tracker.count_ike(line.sa_id, line.traffic)
        if line.mode is not None and line.sa_id not in self._modes:
            _remember(self._modes, line.sa_id, line.mode)
        if line.hint is not None:
            self._hint(now, line, line.hint, connection)

    def _hint(self, now: float, line: LogLine, hint: Hint, connection: str) -> None:
        sa_id = line.sa_id
        hints = self._hints.get(sa_id)
        if hints is None:
            _remember(self._hints, sa_id, hints := set())
        hints.add(hint)
        if hint is Hint.SETUP_FAILED:
            concern = self._log_reports.concern(line, connection)
            self._setup_failed(now, concern, initiator=Hint.INITIATING in hints)
        elif hint is Hint.TRYING_AGAIN:
            self._desk.begins_anew(sa_id)
        elif hint is Hint.DELETING and self._was_terminated(
            now - OPERATOR_WINDOW, connection, sa_id
        ):
            # A peer that does not answer may draw out the end beyond the window.
            _remember(self._by_operator, (False, sa_id), None)

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


def _remember(memory: dict[_Key, _Value], key: _Key, value: _Value) -> None:
    memory[key] = value
    if len(memory) > _MAX_REMEMBERED:
        del memory[next(iter(memory))]
