"""What strongSwan raises an alert for, by the names of its bus.h, and VICI's ``alert`` events.

The plugin error-notify tells alerts as numbers (see :mod:`datasource.strongswan.error_notify`),
VICI as names, from 6.0.3 on.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from datasource.strongswan.fields import subsections
from datasource.strongswan.packet import Message

__all__ = ["Alert", "AlertEvent", "parse_alert"]


class Alert(enum.Enum):
    """A kind of alert; the value is the number of error-notify, 0 where it tells no such thing."""

    SHUTDOWN_SIGNAL = 0
    RADIUS_NOT_RESPONDING = 1
    LOCAL_AUTH_FAILED = 2
    PEER_AUTH_FAILED = 3
    PARSE_ERROR_HEADER = 4
    PARSE_ERROR_BODY = 5
    RETRANSMIT_SEND_TIMEOUT = 6
    HALF_OPEN_TIMEOUT = 7
    PROPOSAL_MISMATCH_IKE = 8
    PROPOSAL_MISMATCH_CHILD = 9
    TS_MISMATCH = 10
    INSTALL_CHILD_SA_FAILED = 11
    INSTALL_CHILD_POLICY_FAILED = 12
    UNIQUE_REPLACE = 13
    UNIQUE_KEEP = 14
    VIP_FAILURE = 15
    AUTHORIZATION_FAILED = 16
    CERT_EXPIRED = 17
    CERT_REVOKED = 18
    CERT_NO_ISSUER = 19
    RETRANSMIT_SEND = 20
    RETRANSMIT_SEND_CLEARED = 21
    RETRANSMIT_RECEIVE = 22
    PEER_ADDR_FAILED = 23
    PEER_INIT_UNREACHABLE = 24
    INVALID_IKE_SPI = 25
    TS_NARROWED = 26
    KEEP_ON_CHILD_SA_FAILURE = 27
    IKE_SA_EXPIRED = 28
    CERT_VALIDATION_FAILED = 29
    CERT_UNTRUSTED_ROOT = 30
    CERT_EXCEEDED_PATH_LEN = 31
    CERT_POLICY_VIOLATION = 32


@dataclass(frozen=True, slots=True)
class AlertEvent:
    """An ``alert`` event: what for, and the IKE SA that it is about, empty where it is about none.

    ``kind`` is None for an alert that is not known here.
    """

    kind: Alert | None
    connection: str
    fields: Message


def parse_alert(message: Message) -> AlertEvent:
    """Read an alert event. Nothing is raised.

    strongSwan's description says that an event has the alert's name, and an IKE SA's fields in a
    section of their own, ``ike-sa``. How the keys and names are spelled was not seen on a daemon.
    So the name is looked for in every value, whatever its case and hyphens; and an SA in every
    section, one level down too.
    """
    kind = None
    for value in message.values():
        if isinstance(value, bytes) and kind is None:
            name = value.decode("ascii", "replace").upper().replace("-", "_")
            kind = Alert.__members__.get(name.removeprefix("ALERT_"))
    for outer, section in subsections(message):
        for name, fields in (("" if outer == "ike-sa" else outer, section), *subsections(section)):
            if "uniqueid" in fields:
                return AlertEvent(kind, name, fields)
    return AlertEvent(kind, "", {})
