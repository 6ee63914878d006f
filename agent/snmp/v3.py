"""SNMPv3 on the side that answers, protected by the User-based Security Model.

Message processing is RFC 3412 section 7, security is RFC 3414 section 3, and a request may name
this engine as RFC 5343 allows. The checks come in the order of those documents, because the Report
tells a manager which one failed.
"""

from __future__ import annotations

import contextlib
import hmac
from collections.abc import Callable, Iterable
from typing import NamedTuple

from agent.snmp.message import (
    BULK_REQUEST,
    GET_NEXT_REQUEST,
    GET_REQUEST,
    INFORM_REQUEST,
    REPORT,
    SET_REQUEST,
    content_room,
    encode_pdu,
)
from agent.snmp.security import SecurityLevel, SecurityModel
from agent.snmp.usm.authentication import Authenticator
from agent.snmp.usm.privacy import SALT_LENGTH, Cipher, DecryptionError
from agent.snmp.usm.users import User
from agent.snmp.v3_message import (
    NO_REQUEST_ID,
    Header,
    ScopedPdu,
    SecurityParameters,
    decode_header,
    decode_plain_text,
    decode_scoped_pdu,
    decode_security_parameters,
    encode_security_parameters,
    request_id_of,
)
from mibs import ber
from mibs.ber import BerError, encode_header, encode_integer, encode_tlv
from mibs.snmp_statistics import SnmpStatistics

__all__ = ["LOCAL_ENGINE_ID", "Failure", "MessageProcessor", "Request", "Sender"]

LOCAL_ENGINE_ID = bytes.fromhex("8000000006")
"""The contextEngineID of whichever engine gets the message (RFC 5343 section 3.2)."""

_TIME_WINDOW = 150
"""Seconds that the clocks may differ (RFC 3414 section 2.2.3)."""
_MAX_INTEGER = 0x7FFFFFFF
_LATCHED = _MAX_INTEGER
"""The snmpEngineBoots with which nothing is authentic any more (RFC 3414 section 2.2.2)."""
_MAX_NUMBER = 0xFFFFFFFFFFFFFFFF
_VERSION_3 = b"\x02\x01\x03"

_USM = int(SecurityModel.USM)
_NO_AUTH, _AUTH, _AUTH_PRIV = SecurityLevel
_LEVELS = (_NO_AUTH, _AUTH, None, _AUTH_PRIV)
"""By the authFlag and the privFlag of msgFlags (RFC 3412 section 6.4)."""
_MAX_REMEMBERED = 1024
_AUTH_FLAG, _PRIV_FLAG, _REPORTABLE_FLAG = 1, 2, 4

_ANSWERED = frozenset((GET_REQUEST, GET_NEXT_REQUEST, SET_REQUEST, BULK_REQUEST))
_CONFIRMED = _ANSWERED | {INFORM_REQUEST}
"""The Confirmed Class (RFC 3416 section 3). Nobody is told what is wrong with another PDU."""

_COUNTERS = {
    name: encode_tlv(ber.OBJECT_IDENTIFIER, ber.encode_oid((1, 3, 6, 1, 6, 3, *oid, 0)))
    for name, oid in (
        ("snmpUnknownPDUHandlers", (11, 2, 1, 3)),
        ("snmpUnavailableContexts", (12, 1, 4)),
        ("snmpUnknownContexts", (12, 1, 5)),
        ("usmStatsUnsupportedSecLevels", (15, 1, 1, 1)),
        ("usmStatsNotInTimeWindows", (15, 1, 1, 2)),
        ("usmStatsUnknownUserNames", (15, 1, 1, 3)),
        ("usmStatsUnknownEngineIDs", (15, 1, 1, 4)),
        ("usmStatsWrongDigests", (15, 1, 1, 5)),
        ("usmStatsDecryptionErrors", (15, 1, 1, 6)),
    )
}
"""What a Report may show, each with the encoded name of its instance."""


class Sender(NamedTuple):
    """Whom an answer is for, and what protects it."""

    msg_id: bytes
    """The whole element, as it came."""
    user_name: bytes
    authenticator: Authenticator | None
    cipher: Cipher | None


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
        self._number = int.from_bytes(random(8), "big")
        """Of the message that was encrypted last, whoever it was for."""
        self._engine = encode_tlv(ber.OCTET_STRING, engine_id) + encode_integer(boots)
        self._report_scope = encode_tlv(ber.OCTET_STRING, engine_id) + b"\x04\x00"
        self._after_msg_id = {
            flags: encode_integer(max_message_size)
            + encode_tlv(ber.OCTET_STRING, bytes((flags,)))
            + encode_integer(_USM)
            for flags in (0, _AUTH_FLAG, _AUTH_FLAG | _PRIV_FLAG)
        }
        """The rest of a HeaderData, by msgFlags."""
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
        if header.security_model != _USM:
            return self._fail("snmpUnknownSecurityModels")
        level = _LEVELS[header.msg_flags & (_AUTH_FLAG | _PRIV_FLAG)]
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
            if not _is_authentic(data, parameters, authenticator):
                return self._refuse("usmStatsWrongDigests", data, header, user_name)
            if not self._is_timely(parameters):
                # From this one the manager takes the time, so it must be able to believe it.
                return self._refuse(
                    "usmStatsNotInTimeWindows", data, header, user_name, authenticator
                )
        plain = data
        if cipher:
            try:
                plain, scoped = _decrypt(data, header, parameters, cipher)
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
            bool(header.msg_flags & _REPORTABLE_FLAG),
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
            parameters.boots == self._boots != _LATCHED
            and abs(parameters.time - self._engine_time()) <= _TIME_WINDOW
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
        if not header.msg_flags & _REPORTABLE_FLAG or pdu_type not in _CONFIRMED:
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
        head = self._encode_head(sender, _MAX_INTEGER)
        room = content_room(min(request.msg_max_size, self._max_message_size)) - len(head)
        if sender.cipher:
            room = content_room(room - SALT_LENGTH)
            room -= room % sender.cipher.block
        if len(self._rooms) >= _MAX_REMEMBERED:
            self._rooms.clear()
        self._rooms[asked] = room = content_room(room) - len(request.scope)
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
        varbinds = encode_tlv(ber.SEQUENCE, _COUNTERS[counter] + value)
        return self._encode(sender, self._report_scope, encode_pdu(REPORT, request_id, varbinds))

    def _encode(self, sender: Sender, scope: bytes, pdu: bytes) -> bytes:
        """Return a whole message (RFC 3412 section 7.1, RFC 3414 section 3.1)."""
        _, _, authenticator, cipher = sender
        time = self._engine_time()
        salt = b""
        msg_data = encode_header(ber.SEQUENCE, len(scope) + len(pdu)) + scope + pdu
        if cipher:
            self._number = self._number + 1 & _MAX_NUMBER
            encrypted, salt = cipher.encrypt(msg_data, self._boots, time, self._number)
            msg_data = encode_tlv(ber.OCTET_STRING, encrypted)
        message = encode_tlv(ber.SEQUENCE, self._encode_head(sender, time) + salt + msg_data)
        if not authenticator:
            return message
        stop = len(message) - len(msg_data) - len(salt) - 2
        start = stop - authenticator.mac_length
        return message[:start] + authenticator.mac(message) + message[stop:]

    def _encode_head(self, sender: Sender, time: int) -> bytes:
        """Return a message from its version to where the salt will be, without its header."""
        msg_id, user_name, authenticator, cipher = sender
        flags = (_AUTH_FLAG if authenticator else 0) | (_PRIV_FLAG if cipher else 0)
        after_msg_id = self._after_msg_id[flags]
        return (
            _VERSION_3
            + encode_header(ber.SEQUENCE, len(msg_id) + len(after_msg_id))
            + msg_id
            + after_msg_id
            + encode_security_parameters(
                self._engine,
                time,
                user_name,
                authenticator.mac_length if authenticator else 0,
                SALT_LENGTH if cipher else 0,
            )
        )


def _is_authentic(
    data: bytes, parameters: SecurityParameters, authenticator: Authenticator
) -> bool:
    """Tell whether the MAC of a message is right (RFC 3414 section 6.3.2)."""
    start, stop = parameters.mac, parameters.mac_stop
    expected = authenticator.mac(data[:start] + bytes(authenticator.mac_length) + data[stop:])
    return hmac.compare_digest(expected, data[start:stop])


def _decrypt(
    data: bytes, header: Header, parameters: SecurityParameters, cipher: Cipher
) -> tuple[bytes, ScopedPdu]:
    """Return the plain text of a message and the scoped PDU in it (RFC 3414 section 3.2 step 8).

    Raises:
        BerError: the plain text is no scoped PDU, most likely because the keys differ.
        DecryptionError: there is nothing that this cipher has encrypted.
    """
    if not header.is_encrypted:
        raise DecryptionError("msgData is no encryptedPDU")
    plain = cipher.decrypt(
        data[header.msg_data :], parameters.salt, parameters.boots, parameters.time
    )
    return plain, decode_plain_text(plain)


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
