"""Notifications in messages of SNMPv3 (RFC 3412, RFC 3414).

For a trap this engine is authoritative. For an inform it is the receiver's, and it has to be found
out first which one that is, and what time it has. Rule: only a message that is authentic, and that
answers one of ours, says what time it is.
"""

from __future__ import annotations

from collections.abc import Container, Iterator

from agent.notify.messages import Answer, Outgoing, Verdict, number_of
from agent.notify.pdus import Pdus
from agent.snmp.message import GET_REQUEST, REPORT, RESPONSE, decode_pdu, encode_pdu
from agent.snmp.security import SecurityLevel
from agent.snmp.usm.authentication import Authenticator
from agent.snmp.usm.privacy import Cipher, DecryptionError
from agent.snmp.usm.users import User, UserSettings
from agent.snmp.v3_message import (
    Header,
    ScopedPdu,
    SecurityParameters,
    decode_header,
    decode_scoped_pdu,
    decode_security_parameters,
)
from agent.snmp.v3_protection import (
    AUTH_FLAG,
    LATCHED,
    LEVELS,
    MAX_TIME,
    PRIV_FLAG,
    REPORTED,
    TIME_WINDOW,
    USM,
    MessageEncoder,
    Sender,
    decrypt,
    is_authentic,
)
from mibs import ber
from mibs.ber import encode_integer, encode_tlv

__all__ = ["RemoteEngine", "UserTraps"]

_MAX_MSG_ID = 0x7FFFFFFF
_NOT_IN_TIME_WINDOWS = "usmStatsNotInTimeWindows"
_UNKNOWN_ENGINE_IDS = "usmStatsUnknownEngineIDs"
_COUNTERS = {oid: name for name, oid in REPORTED.items()}
_ENGINE_ID_OCTETS = range(5, 33)


class UserTraps:
    """Traps in the name of a user.

    Args:
        encoder: of this engine.
        user: with keys for this engine.
        level: of protection, at most what the user has.
        ids: numbers for msgID, counted up.
    """

    def __init__(
        self, encoder: MessageEncoder, user: User, level: SecurityLevel, ids: Iterator[int]
    ) -> None:
        self._encoder = encoder
        self._name, self._authenticator, self._cipher = _protection(user, level)
        self._ids = ids

    def trap(self, pdus: Pdus, source: str) -> bytes:  # noqa: ARG002
        """Return a whole message."""
        msg_id = encode_integer(next(self._ids) & _MAX_MSG_ID)
        sender = Sender(msg_id, self._name, self._authenticator, self._cipher)
        scope = _scope(self._encoder.engine_id, pdus.notification.context)
        return self._encoder.encode(sender, scope, pdus.trap())


class RemoteEngine:
    """Informs in the name of a user, to one receiver.

    Args:
        encoder: of this engine.
        user: whose keys are still to be made, for the receiver's engine.
        level: of protection, exactly what the user has secrets for.
        ids: numbers for msgID, counted up.
    """

    def __init__(
        self,
        encoder: MessageEncoder,
        user: UserSettings,
        level: SecurityLevel,
        ids: Iterator[int],
    ) -> None:
        self.user = user
        self.largest = encoder.max_message_size
        self._own = encoder
        self._level = level
        self._ids = ids
        self._now = 0.0
        self.forget()

    # What is known of the receiver ----------------------------------------------------------------

    def forget(self) -> None:
        """Begin with discovery (RFC 3414 section 4)."""
        self._meet(b"")

    def _meet(self, engine_id: bytes) -> None:
        self.engine_id = engine_id
        """Empty before it is known."""
        self._keys: User | None = None
        if engine_id and self._level is SecurityLevel.NO_AUTH_NO_PRIV:
            self._keys = User(self.user)
        self._is_synchronous = False
        self._boots, self._began, self._latest = -1, 0.0, 0
        self._encoder = self._own.for_engine(engine_id, 0, lambda: 0)

    @property
    def wants_keys(self) -> bool:
        """Whether nothing goes on before :meth:`set_keys`."""
        return bool(self.engine_id) and self._keys is None

    def set_keys(self, keys: User, user: UserSettings, engine_id: bytes) -> None:
        """Take the user with keys for this engine, unless another is wanted by now."""
        if (user, engine_id) == (self.user, self.engine_id):
            self._keys = keys

    @property
    def is_ready(self) -> bool:
        """Whether an inform can be made."""
        if self._level is SecurityLevel.NO_AUTH_NO_PRIV:
            return self._keys is not None
        return self._is_synchronous

    def _engine_time(self) -> int:
        return min(int(self._now - self._began), MAX_TIME)

    def _set_clock(self, boots: int, time: int) -> None:
        self._began, self._latest = self._now - time, time
        self._is_synchronous = True
        if boots != self._boots:
            self._boots = boots
            self._encoder = self._own.for_engine(self.engine_id, boots, self._engine_time)

    def _is_timely(self, parameters: SecurityParameters) -> bool:
        """Take the time of an authentic message, unless it is old (RFC 3414 section 3.2 step 7)."""
        boots, time = parameters.boots, parameters.time
        if boots == LATCHED:
            return False
        if not self._is_synchronous or (boots, time) > (self._boots, self._latest):
            self._set_clock(boots, time)
        return boots == self._boots and time >= self._engine_time() - TIME_WINDOW

    # Messages that go out -------------------------------------------------------------------------

    def encode(self, pdus: Pdus, now: float) -> Outgoing | None:
        """Return an inform, or a question of which the answer is needed first."""
        self._now = now
        key = next(self._ids) & _MAX_MSG_ID
        msg_id = encode_integer(key)
        keys = self._keys
        if self.is_ready and keys:
            scope = _scope(self._own.engine_id, pdus.notification.context)
            sender = Sender(msg_id, *_protection(keys, self._level))
            return Outgoing(key, self._encoder.encode(sender, scope, pdus.inform()), is_inform=True)
        if keys:
            # What time is it? With privacy, nothing would be gained.
            sender = Sender(msg_id, *_protection(keys, SecurityLevel.AUTH_NO_PRIV))
        elif self.engine_id:
            return None
        else:
            sender = Sender(msg_id, b"", None, None)
        question = encode_pdu(GET_REQUEST, encode_integer(pdus.request_id), b"")
        message = self._encoder.encode(sender, _scope(self.engine_id, b""), question)
        return Outgoing(key, message, is_inform=False)

    # Messages that come in ------------------------------------------------------------------------

    def decode(self, data: bytes, expected: Container[int], now: float) -> Answer | None:
        """Read a Response or a Report (RFC 3412 section 7.2, RFC 3414 section 3.2).

        Raises:
            BerError: it is malformed.
        """
        self._now = now
        header = decode_header(data)
        key = number_of(header.msg_id)
        level = LEVELS[header.msg_flags & (AUTH_FLAG | PRIV_FLAG)]
        if key not in expected or header.security_model != USM or level is None:
            return None
        parameters = decode_security_parameters(data, header.parameters, header.parameters_stop)
        if level is SecurityLevel.NO_AUTH_NO_PRIV:
            if header.is_encrypted:
                return None
            scoped = decode_scoped_pdu(data, header.msg_data, len(data))
            counter = _counter(data, scoped)
            if counter == _UNKNOWN_ENGINE_IDS and len(parameters.engine_id) in _ENGINE_ID_OCTETS:
                if parameters.engine_id != self.engine_id:
                    self._meet(parameters.engine_id)
                return Answer(key, Verdict.AGAIN)
            plain = data
        else:
            if not self._is_from_there(data, parameters):
                return None
            if not self._is_timely(parameters):
                # It has lost count of its boots. A question tells what it counts now.
                self._meet_again()
                return Answer(key, Verdict.AGAIN)
            opened = self._opened(data, header, parameters)
            if opened is None:
                return None
            plain, scoped = opened
            counter = _counter(plain, scoped)
            if counter == _NOT_IN_TIME_WINDOWS:
                return Answer(key, Verdict.AGAIN)
        if counter:
            return Answer(key, Verdict.REPORT, detail=counter)
        if scoped.pdu_type != RESPONSE or level is not self._level:
            return None
        if parameters.engine_id != self.engine_id:
            return None
        self.largest = min(self._own.max_message_size, header.msg_max_size)
        pdu = decode_pdu(plain, RESPONSE, scoped.start, scoped.stop)
        return Answer(key, Verdict.RESPONSE, number_of(pdu.request_id), pdu.error_status)

    def _meet_again(self) -> None:
        """Forget what time it is there."""
        keys = self._keys
        self._meet(self.engine_id)
        self._keys = keys

    def _is_from_there(self, data: bytes, parameters: SecurityParameters) -> bool:
        authenticator = self._keys.authenticator if self._keys else None
        return (
            authenticator is not None
            and parameters.engine_id == self.engine_id
            and is_authentic(data, parameters, authenticator)
        )

    def _opened(
        self, data: bytes, header: Header, parameters: SecurityParameters
    ) -> tuple[bytes, ScopedPdu] | None:
        if not header.msg_flags & PRIV_FLAG:
            if header.is_encrypted:
                return None
            return data, decode_scoped_pdu(data, header.msg_data, len(data))
        cipher = self._keys.cipher if self._keys else None
        if cipher is None:
            return None
        try:
            return decrypt(data, header, parameters, cipher)
        except DecryptionError:
            return None


def _protection(
    user: User, level: SecurityLevel
) -> tuple[bytes, Authenticator | None, Cipher | None]:
    return (
        user.name,
        user.authenticator if level >= SecurityLevel.AUTH_NO_PRIV else None,
        user.cipher if level >= SecurityLevel.AUTH_PRIV else None,
    )


def _scope(engine_id: bytes, context: bytes) -> bytes:
    return encode_tlv(ber.OCTET_STRING, engine_id) + encode_tlv(ber.OCTET_STRING, context)


def _counter(data: bytes, scoped: ScopedPdu) -> str:
    """Return what a Report shows; of another PDU nothing."""
    if scoped.pdu_type != REPORT:
        return ""
    names = decode_pdu(data, REPORT, scoped.start, scoped.stop).names
    return _COUNTERS.get(names[0], "an unknown counter") if names else "nothing"
