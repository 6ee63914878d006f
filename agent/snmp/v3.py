"""SNMPv3 on the side that answers, protected by the User-based Security Model.

Message processing is RFC 3412 section 7, security is RFC 3414 section 3, and a request may name
this engine as RFC 5343 allows. The checks come in the order of those documents, because the Report
tells a manager which one failed.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterable
from typing import NamedTuple

from agent.snmp.message import (
    BULK_REQUEST,
    GET_NEXT_REQUEST,
    GET_REQUEST,
    INFORM_REQUEST,
    REPORT,
    SET_REQUEST,
    encode_pdu,
)
from agent.snmp.security import SecurityLevel
from agent.snmp.usm.authentication import Authenticator
from agent.snmp.usm.privacy import DecryptionError
from agent.snmp.usm.users import User
from agent.snmp.v3_message import (
    NO_REQUEST_ID,
    Header,
    SecurityParameters,
    decode_header,
    decode_scoped_pdu,
    decode_security_parameters,
    request_id_of,
)
from agent.snmp.v3_protection import (
    AUTH_FLAG,
    LATCHED,
    LEVELS,
    PRIV_FLAG,
    REPORTABLE_FLAG,
    REPORTED,
    TIME_WINDOW,
    USM,
    MessageEncoder,
    Sender,
    decrypt,
    is_authentic,
)
from mibs import ber
from mibs.ber import BerError, encode_tlv
from mibs.snmp_statistics import SnmpStatistics

__all__ = ["LOCAL_ENGINE_ID", "Failure", "MessageProcessor", "Request"]

LOCAL_ENGINE_ID = bytes.fromhex("8000000006")
"""The contextEngineID of whichever engine gets the message (RFC 5343 section 3.2)."""

_AUTH, _AUTH_PRIV = SecurityLevel.AUTH_NO_PRIV, SecurityLevel.AUTH_PRIV
_LEVEL_FLAGS = AUTH_FLAG | PRIV_FLAG
_MAX_REMEMBERED = 1024

_ANSWERED = frozenset((GET_REQUEST, GET_NEXT_REQUEST, SET_REQUEST, BULK_REQUEST))
_CONFIRMED = _ANSWERED | {INFORM_REQUEST}
"""The Confirmed Class (RFC 3416 section 3). Nobody is told what is wrong with another PDU."""


class Request(NamedTuple):
    """A request that is what it claims to be, ready for access control and for an answer."""

    data: bytes
    """The datagram, or the scoped PDU that was encrypted in it."""
    pdu_type: int
    start: int
    stop: int
    """Where the content of the PDU begins and stops in ``data``."""
    security_name: bytes
    level: SecurityLevel
    context_name: bytes
    msg_max_size: int
    """Octets of the largest message that the sender takes."""
    scope: bytes
    """contextEngineID and contextName, two whole elements, as they came."""
    is_reportable: bool
    sender: Sender


class Failure(NamedTuple):
    """A message that came to nothing, and was counted."""

    counter: str
    """Name of the object that counted it."""
    report: bytes | None
    """A whole message that tells the sender, if the sender may be told."""


class MessageProcessor:
    """Opens messages that come in, and makes those that go out.

    Args:
        engine_id: snmpEngineID.
        boots: snmpEngineBoots, which is another number after every start.
        engine_time: gives snmpEngineTime in seconds.
        statistics: where it counts.
        users: who may ask.
        max_message_size: octets of the largest message that it takes, 484 to 65507.
        random: gives so many octets, which must not be the same after the next start.
    """

    def __init__(
        self,
        *,
        engine_id: bytes,
        boots: int,
        engine_time: Callable[[], int],
        statistics: SnmpStatistics,
        users: Iterable[User],
        max_message_size: int,
        random: Callable[[int], bytes],
    ) -> None:
        self._engine_id = engine_id
        self._engine_ids = engine_id, LOCAL_ENGINE_ID
        self._boots = boots
        self._engine_time = engine_time
        self._statistics = statistics
        self._max_message_size = max_message_size
        numbers = itertools.count(int.from_bytes(random(8), "big") + 1)
        self.encoder = MessageEncoder(engine_id, boots, engine_time, max_message_size, numbers)
        """Makes what goes out, notifications too: no salt may come twice."""
        self._encode = self.encoder.encode
        self._report_scope = encode_tlv(ber.OCTET_STRING, engine_id) + b"\x04\x00"
        self.set_users(users)

    def set_users(self, users: Iterable[User]) -> None:
        """Have these users in place of those there were."""
        self._users = {user.name: user for user in users}
        self._rooms: dict[tuple[object, ...], int] = {}

    # Messages that come in ------------------------------------------------------------------------

    def open(self, data: bytes) -> Request | Failure:
        """Check and decrypt a message (RFC 3412 section 7.2, RFC 3414 section 3.2).

        Raises:
            BerError: this is no message of SNMPv3, which the caller counts.
        """
        header = decode_header(data)
        if header.security_model != USM:
            return self._fail("snmpUnknownSecurityModels")
        level = LEVELS[header.msg_flags & _LEVEL_FLAGS]
        if level is None:
            return self._fail("snmpInvalidMsgs")
        parameters = decode_security_parameters(data, header.parameters, header.parameters_stop)
        user_name = parameters.user_name
        if parameters.engine_id != self._engine_id:
            return self._refuse("usmStatsUnknownEngineIDs", data, header, user_name)
        user = self._users.get(user_name)
        if user is None:
            return self._refuse("usmStatsUnknownUserNames", data, header, user_name)
        if level > user.level:
            return self._refuse("usmStatsUnsupportedSecLevels", data, header, user_name)
        authenticator = user.authenticator if level >= _AUTH else None
        cipher = user.cipher if level >= _AUTH_PRIV else None
        if authenticator:
            if not is_authentic(data, parameters, authenticator):
                return self._refuse("usmStatsWrongDigests", data, header, user_name)
            if not self._is_timely(parameters):
                # From this one the manager takes the time, so it must be able to believe it.
                return self._refuse(
                    "usmStatsNotInTimeWindows", data, header, user_name, authenticator
                )
        plain = data
        if cipher:
            try:
                plain, scoped = decrypt(data, header, parameters, cipher)
            except (BerError, DecryptionError):
                return self._refuse("usmStatsDecryptionErrors", data, header, user_name)
        elif header.is_encrypted:
            raise BerError("an encryptedPDU without the privFlag")
        else:
            scoped = decode_scoped_pdu(data, header.msg_data, len(data))
        scope, context_engine_id, context_name, pdu_type, start, stop = scoped
        request = Request(
            plain,
            pdu_type,
            start,
            stop,
            user_name,
            level,
            context_name,
            header.msg_max_size,
            scope,
            bool(header.msg_flags & REPORTABLE_FLAG),
            Sender(header.msg_id, user_name, authenticator, cipher),
        )
        if pdu_type in _ANSWERED and context_engine_id in self._engine_ids:
            return request
        counter = "snmpUnknownPDUHandlers"
        self._count(counter)
        return Failure(counter, self.report(request, counter))

    def _is_timely(self, parameters: SecurityParameters) -> bool:
        """Tell whether a message was made just now (RFC 3414 section 3.2 step 7)."""
        return (
            parameters.boots == self._boots != LATCHED
            and abs(parameters.time - self._engine_time()) <= TIME_WINDOW
        )

    def _count(self, counter: str) -> None:
        setattr(self._statistics, counter, getattr(self._statistics, counter) + 1)

    def _fail(self, counter: str) -> Failure:
        self._count(counter)
        return Failure(counter, None)

    def _refuse(
        self,
        counter: str,
        data: bytes,
        header: Header,
        user_name: bytes,
        authenticator: Authenticator | None = None,
    ) -> Failure:
        """Count what the security model does not let pass (RFC 3412 section 7.2 step 6)."""
        self._count(counter)
        pdu_type, request_id = _readable_pdu(data, header)
        if not header.msg_flags & REPORTABLE_FLAG or pdu_type not in _CONFIRMED:
            return Failure(counter, None)
        sender = Sender(header.msg_id, user_name, authenticator, None)
        return Failure(counter, self._encode_report(sender, counter, request_id))

    # Messages that go out -------------------------------------------------------------------------

    def reply(self, request: Request, pdu: bytes) -> bytes:
        """Return the whole message that answers a request, protected as the request was.

        Args:
            request: what is answered.
            pdu: a Response with its tag, of at most :meth:`room` octets.
        """
        return self._encode(request.sender, request.scope, pdu)

    def room(self, request: Request) -> int:
        """Return how many octets an encoded PDU may have in the answer, with its tag and length.

        With more, the message is too large for the sender or for this engine. It may be three
        octets too few, because the time is taken to have as many octets as it ever will.
        """
        sender = request.sender
        asked = sender[1:], len(sender.msg_id), request.msg_max_size, len(request.scope)
        known = self._rooms.get(asked)
        if known is not None:
            return known
        size = min(request.msg_max_size, self._max_message_size)
        if len(self._rooms) >= _MAX_REMEMBERED:
            self._rooms.clear()
        room = self._rooms[asked] = self.encoder.room(sender, request.scope, size)
        return room

    def report(self, request: Request, counter: str) -> bytes | None:
        """Return the message that says why a request has no answer, protected as the request was.

        Args:
            request: what has no answer (RFC 3412 section 7.1, RFC 3413 section 3.2).
            counter: name of what has counted it, such as ``snmpUnknownContexts``.

        Returns:
            A whole message with a Report, or None if the sender must not be told.
        """
        if not request.is_reportable or request.pdu_type not in _CONFIRMED:
            return None
        request_id = request_id_of(request.data, request.start, request.stop)
        return self._encode_report(request.sender, counter, request_id)

    def _encode_report(self, sender: Sender, counter: str, request_id: bytes) -> bytes:
        """Return a whole message with a Report (RFC 3412 section 7.1 step 3)."""
        value = ber.encode_value(ber.COUNTER32, getattr(self._statistics, counter))
        name = encode_tlv(ber.OBJECT_IDENTIFIER, REPORTED[counter])
        varbinds = encode_tlv(ber.SEQUENCE, name + value)
        return self._encode(sender, self._report_scope, encode_pdu(REPORT, request_id, varbinds))


def _readable_pdu(data: bytes, header: Header) -> tuple[int, bytes]:
    """Return type and request-id of the PDU in a message that nobody vouches for.

    Where they cannot be read, because they are encrypted for example, it is taken for a GetRequest
    with request-id 0: then the reportableFlag decides alone (RFC 3412 section 6.4).
    """
    if not header.is_encrypted:
        with contextlib.suppress(BerError):
            scoped = decode_scoped_pdu(data, header.msg_data, len(data))
            return scoped.pdu_type, request_id_of(data, scoped.start, scoped.stop)
    return GET_REQUEST, NO_REQUEST_ID
