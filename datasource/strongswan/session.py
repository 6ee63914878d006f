"""What a strongSwan daemon says, reported to the tracker (sans-IO).

In go the messages of VICI's events, of list-sas, list-conns and get-counters, each with the time.

charon sends events and log lines from several threads, so that a log line may come after the event
that it explains. Everything that an event itself tells is therefore taken from the event. What
cannot be is held back for a moment: see :mod:`datasource.strongswan.ends` and
:mod:`datasource.strongswan.failures`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping

from datasource.errors import DataSourceError
from datasource.events import EndReason
from datasource.ledger import Ledger, Listing
from datasource.model import IkeSa, NegotiationMode
from datasource.strongswan.connection import Connection
from datasource.strongswan.convert import Converter
from datasource.strongswan.ends import End, EndDesk
from datasource.strongswan.error_notify import ErrorRecord
from datasource.strongswan.failures import FailureDesk
from datasource.strongswan.fields import ConvertError, number, section, subsections, text
from datasource.strongswan.ike_log import Hint, IkeLog, LogLine
from datasource.strongswan.memory import remember
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
from datasource.xfrm.sas import KernelSas

__all__ = ["StrongSwanSession"]

_NEGOTIATING = ("CREATED", "CONNECTING")
_FLOOD = DataSourceError("some of many failures, which come too fast to record them all")


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
        tracker: Ledger,
        *,
        log_events: bool = True,
        kernel: KernelSas | None = None,
        on_problem: Callable[[DataSourceError], None] = lambda _problem: None,
    ) -> None:
        self._tracker = tracker
        self._kernel = kernel
        self._on_problem = on_problem
        self._invalid_spis = 0
        self._invalid_spis_before = 0
        self._no_sa: int | None = None
        self._desk = FailureDesk(tracker, lambda: on_problem(_FLOOD), log_events=log_events)
        self._ends = EndDesk(tracker, log_events=log_events)
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
        self._failed: dict[int, None] = {}
        self.uses_certificates = False
        """Whether a connection proves this side by a certificate."""
        self.wants_connections = False
        """Whether an SA's connection is not known: list-conns should be asked again."""

    # The daemon -----------------------------------------------------------------------------------

    def restarted(self, now: float, reason: EndReason = EndReason.LOCAL_FAILURE) -> None:
        """The daemon is gone, or another has taken its place."""
        self._ends.restarted(now)
        self._desk.restarted(now)
        self._tracker.restarted(now, reason)
        self._invalid_spis_before += self._invalid_spis
        self._invalid_spis = 0
        self._begin()

    def terminating(self, sa_id: int, *, child: bool) -> None:
        """The daemon is about to be asked to end an SA. Its end is an operator's, however late."""
        self._ends.terminating(sa_id, child=child)

    # Answers --------------------------------------------------------------------------------------

    def connections(self, found: Mapping[str, Connection]) -> None:
        """Take over the connections of list-conns, by name."""
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
        both = (self._ends.deadline, self._desk.deadline)
        return min((at for at in both if at is not None), default=None)

    def tick(self, now: float) -> None:
        """Let go of what was held back for long enough."""
        self._desk.tick(now)
        self._ends.tick(now)

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
        self._ends.ended(now, End(now, name, fields, sa_id))

    def _child_updown(self, now: float, name: str, fields: Message, message: Message) -> None:
        if "up" in message:
            self._saw(now, name, fields)
            return
        ike = self._ike_of(name, fields)
        for key, child in subsections(section(fields, "child-sas")):
            ended = self._converter.child_sa(name, key, child)
            self._ends.ended(now, End(now, name, fields, ike.id, (ike, ended)))

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

    # Failures -------------------------------------------------------------------------------------

    def _setup_failed(self, now: float, concern: Concern, *, initiator: bool) -> None:
        sa_id = concern.sa_id
        wished = self._ends.setup_is_unwanted(now, concern.connection, sa_id)
        self._report(now, Report("events", OPERATOR if wished else SETUP_FAILED, concern))
        if sa_id not in self._failed:
            remember(self._failed, sa_id, None)
            self._tracker.setup_failed(
                now, sa_id, initiator=initiator, connection=concern.connection
            )

    def _report(self, now: float, report: Report | None) -> None:
        if report is not None:
            self._desk.report(now, report)

    # Log ------------------------------------------------------------------------------------------

    def _log_line(self, now: float, message: Message) -> None:
        line = self._log.read(message)
        name = message.get("ikesa-name", b"")
        connection = name.decode("utf-8", "replace") if isinstance(name, bytes) else ""
        if line.failure is not None:
            known = "" if connection == UNNAMED else connection
            self._tracker.ledger_of(line.sa_id, known).count_failure(line.failure)
        if line.termination is not None:
            self._ends.wished(now, line.termination)
        if line.hint is Hint.SHUTDOWN:
            self._ends.shutting_down()
        self._report(now, self._log_reports.read(line, connection))
        if not line.sa_id:
            return
        if any(line.traffic):
            self._tracker.count_ike(line.sa_id, line.traffic)
        if line.mode is not None and line.sa_id not in self._modes:
            remember(self._modes, line.sa_id, line.mode)
        if line.hint is not None:
            self._hint(now, line, line.hint, connection)

    def _hint(self, now: float, line: LogLine, hint: Hint, connection: str) -> None:
        sa_id = line.sa_id
        hints = self._ends.hint(now, sa_id, connection, hint)
        if hint is Hint.SETUP_FAILED:
            concern = self._log_reports.concern(line, connection)
            self._setup_failed(now, concern, initiator=Hint.INITIATING in hints)
        elif hint is Hint.TRYING_AGAIN:
            self._desk.begins_anew(sa_id)
