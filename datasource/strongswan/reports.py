"""What the sources say about failures, in one form: :class:`Report`.

The same failure is told by error-notify or an ``alert`` event, by lines of the log, and by the
``ike-updown`` event of an IKE SA that ends before it was up. None of them tells all.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, fields, replace

from datasource.model import Identity, IpAddress, NegotiationMode
from datasource.strongswan.alerts import parse_alert
from datasource.strongswan.connection import Connection
from datasource.strongswan.error_notify import ErrorRecord
from datasource.strongswan.fields import (
    ConvertError,
    identity,
    known_address,
    known_identity,
    number,
    text,
)
from datasource.strongswan.ike_log import LogLine
from datasource.strongswan.packet import Message
from datasource.strongswan.signs import ALERT_SIGNS, UNDECRYPTED, WRONG_KEY, Sign

__all__ = [
    "UNNAMED",
    "Concern",
    "LogReports",
    "Report",
    "about_ike_sa",
    "of_alert",
    "of_connection",
    "of_error_record",
]

_MAX_TALKS = 10_000
UNNAMED = "(unnamed)"
"""An IKE SA that is not yet known to belong to a connection."""


@dataclass(frozen=True, slots=True)
class Concern:
    """What a failure is about. What is not known is empty, 0 or None."""

    sa_id: int = 0
    """Of the IKE SA."""
    connection: str = ""
    local_identity: Identity | None = None
    remote_identity: Identity | None = None
    local_address: IpAddress | None = None
    remote_address: IpAddress | None = None
    account: Identity | None = None
    """The peer, by its EAP identity where it has one: only good where nothing better is known."""
    child: str = ""
    """Name of the child's configuration."""
    rekey: bool = False
    """The child was to replace one."""

    def more(self, other: Concern) -> Concern:
        """Return this, and what only the other knows."""
        missing = {
            field.name: value
            for field in fields(self)
            if not getattr(self, field.name) and (value := getattr(other, field.name))
        }
        return replace(self, **missing) if missing else self


@dataclass(frozen=True, slots=True)
class Report:
    """A source says this of a failure."""

    source: str
    sign: Sign
    concern: Concern


def of_error_record(record: ErrorRecord) -> Report | None:
    """Return what a record of error-notify tells, None where it tells of no failure."""
    sign = ALERT_SIGNS.get(record.alert) if record.alert is not None else None
    if sign is None:
        return None
    concern = Concern(
        connection=record.connection,
        remote_address=record.peer_address,
        account=known_identity(record.peer_id),
    )
    return Report("error-notify", sign, concern)


def of_alert(message: Message) -> Report | None:
    """Return what an ``alert`` event tells, None where it tells of no failure."""
    event = parse_alert(message)
    sign = ALERT_SIGNS.get(event.kind) if event.kind is not None else None
    if sign is None:
        return None
    return Report("alert", sign, about_ike_sa(event.connection, event.fields))


def about_ike_sa(connection: str, fields: Message) -> Concern:
    """Return what the fields of an IKE SA tell. Those that it does not have yet are left out."""
    return Concern(
        sa_id=_number(fields, "uniqueid"),
        connection="" if connection == UNNAMED else connection,
        local_identity=_identity_of(fields, "local-id"),
        remote_identity=_identity_of(fields, "remote-id"),
        local_address=_address_of(fields, "local-host"),
        remote_address=_address_of(fields, "remote-host"),
    )


def of_connection(connection: Connection) -> Concern:
    """Return what a connection's configuration tells of those who use it."""
    return Concern(
        local_identity=connection.local_identity,
        remote_identity=connection.remote_identity,
        local_address=connection.local_address,
        remote_address=connection.remote_address,
    )


@dataclass(slots=True)
class _Talk:
    """What the log has told of an IKE SA so far."""

    local: str = ""
    remote: str = ""
    child: str = ""
    rekey: bool = False
    main_mode: bool = False
    """It is being set up in main mode."""


class LogReports:
    """Turns lines of the log to reports, with what earlier lines told of the same IKE SA."""

    def __init__(self) -> None:
        self._talks: dict[int, _Talk] = {}

    def read(self, line: LogLine, connection: str) -> Report | None:
        """Take a line of an IKE SA of this connection; None where it tells of no failure."""
        talk = self._talks.get(line.sa_id) or _Talk()
        if line.sa_id:
            self._learn(talk, line)
        if (sign := line.sign) is None:
            return None
        if sign is UNDECRYPTED and talk.main_mode:
            sign = WRONG_KEY
        return Report("log", sign, self.concern(line, connection))

    def concern(self, line: LogLine, connection: str) -> Concern:
        """Return what is known of the IKE SA that a line is about."""
        talk = self._talks.get(line.sa_id) or _Talk(remote=line.sender)
        return Concern(
            sa_id=line.sa_id,
            connection="" if connection == UNNAMED else connection,
            local_address=known_address(talk.local),
            remote_address=known_address(talk.remote),
            child=talk.child,
            rekey=talk.rekey,
        )

    def _learn(self, talk: _Talk, line: LogLine) -> None:
        if line.ends is not None:
            talk.local, talk.remote = line.ends
        if line.child is not None:
            talk.child = line.child
        if line.rekey is not None:
            talk.rekey = line.rekey
        if line.mode is NegotiationMode.MAIN:
            talk.main_mode = True
        if line.established:
            talk.main_mode = False
        if line.sa_id not in self._talks:
            self._talks[line.sa_id] = talk
            if len(self._talks) > _MAX_TALKS:
                del self._talks[next(iter(self._talks))]


def _identity_of(fields: Message, name: str) -> Identity | None:
    with contextlib.suppress(ConvertError):
        return identity(fields, name)
    return None


def _address_of(fields: Message, name: str) -> IpAddress | None:
    with contextlib.suppress(ConvertError):
        return known_address(text(fields, name, ""))
    return None


def _number(fields: Message, name: str) -> int:
    with contextlib.suppress(ConvertError):
        return number(fields, name, 0)
    return 0
