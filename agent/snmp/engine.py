"""The command responder: a datagram in, a datagram or nothing out (RFC 3413 section 3.2).

Every request is answered from one View. A request to set is answered by a coroutine, since what it
changes may take a while.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, Protocol

from agent.snmp import operations
from agent.snmp.community import Community, Origins, neighbourhood
from agent.snmp.limits import Limiter, QuietLog
from agent.snmp.message import (
    BULK_REQUEST,
    GET_NEXT_REQUEST,
    GET_REQUEST,
    INFORM_REQUEST,
    REPORT,
    RESPONSE,
    SET_REQUEST,
    TRAP,
    TRAP_V1,
    VERSION_1,
    VERSION_2C,
    VERSION_3,
    Pdu,
    content_room,
    decode_bindings,
    decode_envelope,
    decode_pdu,
    decode_version,
    encode_pdu,
)
from agent.snmp.operations import ReadError
from agent.snmp.security import SecurityLevel, SecurityModel
from agent.snmp.v3 import Failure, MessageProcessor
from agent.snmp.vacm import Denied, Vacm, ViewType
from mibs import ber, transaction
from mibs.access import Access
from mibs.ber import BerError
from mibs.setting import ErrorStatus, SetError, to_v1
from mibs.snmp_statistics import SnmpStatistics
from mibs.view import View

__all__ = ["Answer", "Context", "Engine", "Limits", "Policy"]

_log = logging.getLogger("flowmib.snmp")
_audit = logging.getLogger("flowmib.audit")

_REQUESTS = {
    VERSION_1: frozenset((GET_REQUEST, GET_NEXT_REQUEST, SET_REQUEST)),
    VERSION_2C: frozenset((GET_REQUEST, GET_NEXT_REQUEST, SET_REQUEST, BULK_REQUEST)),
}
_OTHERS = {VERSION_1: (RESPONSE, TRAP_V1), VERSION_2C: (RESPONSE, INFORM_REQUEST, TRAP, REPORT)}
"""Messages that are right, and nothing to answer."""
_MODELS = {VERSION_1: SecurityModel.V1, VERSION_2C: SecurityModel.V2C}

_FAILED = {
    "usmStatsUnknownUserNames": "as an unknown user",
    "usmStatsWrongDigests": "with a wrong password",
}
"""Failures of SNMPv3 that are not mended by asking again."""

_MAX_SETS = 16
"""That are under way or wait for their turn."""
_MAX_CALLERS = 4096
_MAX_LISTED = 4000
"""Characters that a line of the log has of one request."""

Answer = bytes | None | Coroutine[Any, Any, bytes | None]
"""A datagram to send back, nothing, or what will be one of the two when it is awaited."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of what is answered."""

    max_message_size: int = 65507
    """Octets of the largest message that is sent, 484 at least (RFC 3417 section 3.2)."""
    max_repetitions: int = 1000
    """Of one bulk request; more are not given, which the manager may expect."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Who is let in, and to what: everything that may be replaced while the agent runs."""

    communities: Origins[Community]
    users: Origins[bytes]
    """Names of the users of SNMPv3."""
    vacm: Vacm
    limits: Limits
    failures: Limiter
    """Of what one source address is told of its failures."""


class _Caller(NamedTuple):
    """Who asks, as access control wants to know it."""

    model: SecurityModel
    security_name: bytes
    level: SecurityLevel
    context: bytes
    host: str
    readable: Access | Denied
    """What may be read."""


class Context(Protocol):
    """What is seen under one name of a context (RFC 3411 section 3.3.1)."""

    def current(self) -> View:
        """Return the View to answer a request from."""

    def expire(self) -> None:
        """Hide nothing that has changed from the next request."""


class Engine:
    """Answers SNMPv1, SNMPv2c and SNMPv3.

    Args:
        policy: who may do what.
        contexts: by their names.
        statistics: where the engine counts.
        processor: for SNMPv3.
        quiet: for what may have to be logged often.
        on_stranger: told the address of each message that is not authentic (RFC 3418,
            authenticationFailure).
        turn: entered while a request sets something, by one at a time.
    """

    def __init__(
        self,
        policy: Policy,
        contexts: Mapping[bytes, Context],
        statistics: SnmpStatistics,
        processor: MessageProcessor,
        *,
        quiet: QuietLog,
        on_stranger: Callable[[str], None] = lambda _host: None,
        turn: contextlib.AbstractAsyncContextManager[Any] | None = None,
    ) -> None:
        self._contexts = contexts
        self._statistics = statistics
        self._processor = processor
        self._quiet = quiet
        self._on_stranger = on_stranger
        self._turn = turn or contextlib.nullcontext()
        self._sets = 0
        self.replace(policy)

    def replace(self, policy: Policy) -> None:
        """Go on with other people and limits; what is under way is answered as it began."""
        self._policy = policy
        self._size = policy.limits.max_message_size
        self._max_repetitions = policy.limits.max_repetitions
        self._callers: dict[tuple[Any, ...], _Caller] = {}

    def process(self, data: bytes, host: str) -> Answer:
        """Answer a datagram that came from this address; None where nobody gets an answer."""
        statistics = self._statistics
        statistics.snmpInPkts += 1
        try:
            version = decode_version(data)
            if version in _MODELS:
                return self._community(data, host)
            if version == VERSION_3:
                return self._user(data, host)
        except BerError:
            statistics.snmpInASNParseErrs += 1
            return None
        statistics.snmpInBadVersions += 1
        return None

    # Messages -------------------------------------------------------------------------------------

    def _community(self, data: bytes, host: str) -> Answer:
        """Messages of SNMPv1 and SNMPv2c (RFC 3584 section 5)."""
        envelope = decode_envelope(data)
        version, head = envelope.version, envelope.head
        caller = self._callers.get((head, host))
        if caller is None:
            who = self._policy.communities.find(envelope.community, host)
            if who is None:
                self._statistics.snmpInBadCommunityNames += 1
                self._stranger(host, "with an unknown community")
                return None
            if who.context not in self._contexts:
                # After a reload; only SNMPv3 can be told why (RFC 3413 section 3.2).
                self._statistics.snmpUnknownContexts += 1
                return None
            identity = _MODELS[version], who.security_name, SecurityLevel.NO_AUTH_NO_PRIV
            caller = self._know((head, host), *identity, who.context)
        pdu_type = envelope.pdu_type
        if pdu_type not in _REQUESTS[version]:
            if pdu_type not in _OTHERS[version]:
                self._statistics.snmpInASNParseErrs += 1
            return None
        pdu = decode_pdu(data, pdu_type, envelope.start, envelope.stop)
        room = content_room(self._size) - len(head)
        if pdu_type == SET_REQUEST:
            return self._set(caller, pdu, version, room, partial(_wrapped, head))
        answer = self._read(caller, pdu, version, room)
        return None if answer is None else _wrapped(head, answer)

    def _user(self, data: bytes, host: str) -> Answer:
        """Messages of SNMPv3 (RFC 3412 section 7.2)."""
        if not self._policy.users.anybody(host):
            # To tell the engineID is an answer too.
            return None
        request = self._processor.open(data)
        if isinstance(request, Failure):
            if (why := _FAILED.get(request.counter)) is not None:
                self._stranger(host, why)
            return self._told(request.report, host)
        who = request.security_name, request.level, request.context_name
        caller = self._callers.get((*who, host))
        if caller is None:
            if self._policy.users.find(request.security_name, host) is None:
                self._stranger(host, "as a user who may not come from there")
                return None
            if request.context_name not in self._contexts:
                self._statistics.snmpUnknownContexts += 1
                report = self._processor.report(request, "snmpUnknownContexts")
                return self._told(report, host)
            caller = self._know((*who, host), SecurityModel.USM, *who)
        pdu = decode_pdu(request.data, request.pdu_type, request.start, request.stop)
        room = self._processor.room(request)
        if pdu.type == SET_REQUEST:
            return self._set(caller, pdu, VERSION_3, room, partial(self._processor.reply, request))
        answer = self._read(caller, pdu, VERSION_3, room)
        return None if answer is None else self._processor.reply(request, answer)

    def _know(
        self,
        asked: tuple[Any, ...],
        model: SecurityModel,
        security_name: bytes,
        level: SecurityLevel,
        context: bytes,
    ) -> _Caller:
        """Remember somebody who was let in: the same few managers ask all the time."""
        who = model, security_name, level, context
        caller = _Caller(*who, asked[-1], self._policy.vacm.access(*who, ViewType.READ))
        if len(self._callers) >= _MAX_CALLERS:
            self._callers.clear()
        self._callers[asked] = caller
        return caller

    def _told(self, report: bytes | None, host: str) -> bytes | None:
        """Return a report if this source has not had too many."""
        if report is None or not self._policy.failures.allow(neighbourhood(host)):
            return None
        return report

    def _stranger(self, host: str, what: str) -> None:
        self._quiet.log(logging.WARNING, "authentication", "refused: %s asks %s", host, what)
        self._on_stranger(host)

    # Operations -----------------------------------------------------------------------------------

    def _read(self, caller: _Caller, pdu: Pdu, version: int, room: int) -> bytes | None:
        """Return the response to a request to read, which may have this many octets."""
        access = caller.readable
        if isinstance(access, Denied):
            return self._refuse(pdu, version, room, ErrorStatus.AUTHORIZATION_ERROR)
        try:
            varbinds = operations.read(
                self._contexts[caller.context].current,
                pdu,
                access,
                version,
                room=room,
                max_repetitions=self._max_repetitions,
            )
        except ReadError as error:
            if error.__cause__ is not None:
                # It must not stop the agent; the manager is told (RFC 3416 section 4.2.1).
                self._fault(pdu)
            return self._refuse(pdu, version, room, error.status, error.index)
        answer = encode_pdu(RESPONSE, pdu.request_id, varbinds)
        if len(answer) > room:
            return self._refuse(pdu, version, room, ErrorStatus.TOO_BIG)
        return answer

    def _set(
        self, caller: _Caller, pdu: Pdu, version: int, room: int, seal: Callable[[bytes], bytes]
    ) -> Answer:
        for name in pdu.names:
            ber.decode_oid(name)
        if self._sets >= _MAX_SETS:
            self._statistics.snmpSilentDrops += 1
            return None
        self._sets += 1
        return self._setting(caller, pdu, version, room, seal)

    async def _setting(
        self, caller: _Caller, pdu: Pdu, version: int, room: int, seal: Callable[[bytes], bytes]
    ) -> bytes | None:
        """Set all that a request asks for, or nothing (RFC 3416 section 4.2.5)."""
        status, index = ErrorStatus.NO_ERROR, 0
        answer: bytes | None
        try:
            async with self._turn:
                # An answer that would not fit is known before anything is done.
                if len(encode_pdu(RESPONSE, pdu.request_id, pdu.varbinds)) > room:
                    status = ErrorStatus.TOO_BIG
                else:
                    await self._change(caller, pdu)
        except SetError as error:
            status, index = error.status, error.index
            if status in _FAULTS and error.__cause__ is not None:
                self._fault(pdu)
        finally:
            self._sets -= 1
        self._tell(caller, pdu, status, index)
        if status is ErrorStatus.NO_ERROR:
            answer = encode_pdu(RESPONSE, pdu.request_id, pdu.varbinds)
        else:
            answer = self._refuse(pdu, version, room, status, index)
        return None if answer is None else seal(answer)

    async def _change(self, caller: _Caller, pdu: Pdu) -> None:
        access = self._policy.vacm.access(*caller[:4], ViewType.WRITE)
        if isinstance(access, Denied):
            if caller.model is not SecurityModel.USM:
                self._statistics.snmpInBadCommunityUses += 1
            raise SetError(ErrorStatus.AUTHORIZATION_ERROR)
        context = self._contexts[caller.context]
        context.expire()
        view = context.current()
        try:
            await transaction.test(view, access, decode_bindings(pdu.varbinds)).commit()
        finally:
            context.expire()

    def _refuse(
        self, pdu: Pdu, version: int, room: int, status: ErrorStatus, index: int = 0
    ) -> bytes | None:
        """Return a response that is an error; where not even that fits, None."""
        for name in pdu.names:
            ber.decode_oid(name)
        if version == VERSION_1:
            status = to_v1(status)
            # An authorizationError blames no binding, a noSuchName has to.
            index = index or int(status is ErrorStatus.NO_SUCH_NAME and bool(pdu.names))
        if status is not ErrorStatus.TOO_BIG:
            answer = _error(pdu, pdu.varbinds, status, index)
            if len(answer) <= room:
                return answer
        answer = _error(pdu, pdu.varbinds if version == VERSION_1 else b"", ErrorStatus.TOO_BIG, 0)
        if len(answer) <= room:
            return answer
        self._statistics.snmpSilentDrops += 1
        return None

    # Words ----------------------------------------------------------------------------------------

    def _fault(self, pdu: Pdu) -> None:
        names = _listed([".".join(map(str, ber.decode_oid(name))) for name in pdu.names])
        self._quiet.log(
            logging.ERROR, "fault", "cannot answer a request for %s", names, exc_info=True
        )

    def _tell(self, caller: _Caller, pdu: Pdu, status: ErrorStatus, index: int) -> None:
        tree = self._contexts[caller.context].current().tree
        bindings = transaction.describe(tree, decode_bindings(pdu.varbinds))
        wanted = _listed([f"{name} = {value}" for name, value in bindings])
        who = f"{caller.model.name.lower()} {caller.security_name.decode('utf-8', 'replace')!r}"
        at = f" at {index}" if index else ""
        _audit.info("SET by %s from %s: %s: %s%s", who, caller.host, wanted, status.label, at)


_FAULTS = (ErrorStatus.GEN_ERR, ErrorStatus.COMMIT_FAILED, ErrorStatus.UNDO_FAILED)


def _listed(items: list[str]) -> str:
    """Return items for a line of the log, which anybody could make endless."""
    shown: list[str] = []
    room = _MAX_LISTED
    for item in items:
        room -= len(item)
        if room < 0:
            return f"{', '.join(shown)} and {len(items) - len(shown)} more"
        shown.append(item)
    return ", ".join(shown)


def _error(pdu: Pdu, varbinds: bytes, status: ErrorStatus, index: int) -> bytes:
    return encode_pdu(RESPONSE, pdu.request_id, varbinds, error_status=status, error_index=index)


def _wrapped(head: bytes, pdu: bytes) -> bytes:
    return ber.encode_header(ber.SEQUENCE, len(head) + len(pdu)) + head + pdu
