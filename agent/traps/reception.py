"""What happens to a datagram: it is let through, checked by pysnmp, printed and answered."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Literal

from agent.snmp.limits import Limiter, QuietLog
from agent.snmp.security import SecurityLevel
from agent.snmp.v3_message import SecurityParameters
from agent.traps.admission import Admission, Admitted, Clocks, RefusedError
from agent.traps.notification import Received, Security
from agent.traps.pysnmp_receiver import Pdu, Receiver
from mibs.ber import BerError

__all__ = ["Reception"]

_REFUSED = "refused"
_VERSIONS: dict[int, Literal["1", "2c", "3"]] = {0: "1", 1: "2c", 3: "3"}
_HANDSHAKE = frozenset({"unknownEngineID", "notInTimeWindow"})
"""What everybody's first informs fail with: the answer says how to do better."""

_REASONS = {
    "authenticationFailure": "its passphrase or protocol of authentication is another one",
    "decryptionError": "its passphrase or protocol of privacy is another one",
    "unknownSecurityName": "no such user is configured with a passphrase",
    "unsupportedSecurityLevel": "its level is not the one that the user has secrets for",
}
"""What errorIndications mean to whoever configured the two."""


class Reception:
    """Takes datagrams, and delivers what they bring.

    Args:
        admission: says which messages pysnmp gets.
        receiver: pysnmp.
        clocks: tell whether a trap of SNMPv3 is of now.
        quiet: takes a line about each message that is not taken.
        reports: limits the answers to messages that are not taken, by their source.
        now: the time, with a time zone.
        deliver: is given each notification.
        is_over: whether no more are wanted; what is not printed must not be answered.
    """

    def __init__(
        self,
        *,
        admission: Admission,
        receiver: Receiver,
        clocks: Clocks,
        quiet: QuietLog,
        reports: Limiter,
        now: Callable[[], datetime],
        deliver: Callable[[Received], None],
        is_over: Callable[[], bool],
    ) -> None:
        self._admission = admission
        self._receiver = receiver
        self._clocks = clocks
        self._quiet = quiet
        self._reports = reports
        self._now = now
        self._deliver = deliver
        self._is_over = is_over

    def process(self, data: bytes, host: str) -> bytes | None:
        """Return the answer to a datagram from this address, None where there is none."""
        if self._is_over():
            return None
        try:
            admitted = self._admission.admit(data)
        except (BerError, RefusedError) as error:
            self._refuse(host, str(error))
            return None
        if admitted.user and admitted.parameters:
            self._receiver.know(admitted.user, admitted.parameters.engine_id)
        answer, pdu, reason = self._receiver.receive(admitted.data, host)
        if pdu is None:
            if reason not in _HANDSHAKE:
                self._refuse(host, self._why(admitted, reason))
            return answer if answer and self._reports.allow(host) else None
        if not self._is_of_now(admitted, pdu):
            self._refuse(host, "it is old: its engine has been heard with a later time")
            return None
        self._deliver(self._received(admitted, pdu, host))
        return answer

    def _is_of_now(self, admitted: Admitted, pdu: Pdu) -> bool:
        # For informs the time is ours, and pysnmp has compared it.
        if pdu.kind == "inform" or admitted.parameters is None:
            return True
        authentic = admitted.level > SecurityLevel.NO_AUTH_NO_PRIV
        return not authentic or self._clocks.in_time(admitted.parameters)

    def _received(self, admitted: Admitted, pdu: Pdu, host: str) -> Received:
        security = None
        if parameters := admitted.parameters:
            security = Security(_name(parameters), admitted.level, parameters.engine_id)
        return Received(
            self._now(),
            host,
            _VERSIONS[admitted.version],
            pdu.kind,
            pdu.varbinds,
            security,
            pdu.context,
            pdu.v1,
        )

    def _why(self, admitted: Admitted, reason: str) -> str:
        why = _REASONS.get(reason, reason) or "it is no notification"
        return f"{why} (user {_name(admitted.parameters)!r})" if admitted.parameters else why

    def _refuse(self, host: str, why: str) -> None:
        self._quiet.log(logging.WARNING, _REFUSED, "a message of %s is not taken: %s", host, why)


def _name(parameters: SecurityParameters) -> str:
    return parameters.user_name.decode(errors="backslashreplace")
