"""Which messages are given to pysnmp to be checked, and which are not worth it.

pysnmp knows a user at one engine only, and drops a trap of any other engine. It lets in without
authentication whoever uses the name of a user with keys, unless it is itself the authoritative
engine. It takes traps however old they are: it sets its notion of the sender's time by each of
them, and compares then. An inform for the engine ID of an earlier run is told that its user is
unknown, so the sender does not ask for the new ID. And it keeps for ever what it knows of a request
over SNMPv1 or SNMPv2c that nobody answers. So what stands before the PDU is read here first.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from agent.config.users import highest_level
from agent.errors import AgentError
from agent.snmp.message import (
    GET_REQUEST,
    INFORM_REQUEST,
    TRAP,
    TRAP_V1,
    VERSION_1,
    VERSION_2C,
    VERSION_3,
    decode_envelope,
    decode_version,
    encode_pdu,
)
from agent.snmp.security import SecurityLevel, SecurityModel
from agent.snmp.usm.users import UserSettings
from agent.snmp.v3_message import (
    SecurityParameters,
    decode_header,
    decode_security_parameters,
    encode_security_parameters,
)
from agent.state import MAX_BOOTS
from mibs import ber
from mibs.ber import encode_integer, encode_tlv

__all__ = ["Admission", "Admitted", "Clocks", "RefusedError", "has_localized_keys"]

_NOTIFICATIONS = {VERSION_1: (TRAP_V1,), VERSION_2C: (TRAP, INFORM_REQUEST)}
_LEVELS = {
    0: SecurityLevel.NO_AUTH_NO_PRIV,
    1: SecurityLevel.AUTH_NO_PRIV,
    3: SecurityLevel.AUTH_PRIV,
}
"""By the bits of msgFlags (RFC 3412 section 6.4)."""
_PRIV, _REPORTABLE = 2, 4
_MAX_MESSAGE_SIZE = 65507
_TIME_WINDOW = 150
"""Seconds (RFC 3414 section 2.2.3)."""


class RefusedError(AgentError):
    """A message is not taken; the error says why, with nothing secret in it."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """A message that may be a notification, if pysnmp finds it authentic."""

    data: bytes
    version: int
    level: SecurityLevel = SecurityLevel.NO_AUTH_NO_PRIV
    parameters: SecurityParameters | None = None
    """Of SNMPv3."""
    user: UserSettings | None = None
    """Whom pysnmp needs to know at the engine that the parameters name."""


def has_localized_keys(user: UserSettings) -> bool:
    """Return whether a secret of the user fits one engine only."""
    return any(secret and secret.key for secret in (user.auth_secret, user.priv_secret))


class Admission:
    """Reads what stands before the PDU.

    Args:
        engine_id: ours, which is authoritative for informs.
        users: who may send notifications over SNMPv3, each at the highest level it has secrets for.
        communities: that are taken over SNMPv1 and SNMPv2c; none for any.
        keyed_engine: the engine that localised keys of users are for.
    """

    def __init__(
        self,
        engine_id: bytes,
        users: Iterable[UserSettings] = (),
        communities: Iterable[bytes] = (),
        keyed_engine: bytes | None = None,
    ) -> None:
        self._engine_id = engine_id
        self._users = {user.name.encode(): user for user in users}
        self._communities = frozenset(communities)
        self._keyed_engine = keyed_engine

    def admit(self, data: bytes) -> Admitted:
        """Return what to give to pysnmp.

        Raises:
            BerError: this is no message of SNMP.
            RefusedError: it is none that is taken.
        """
        version = decode_version(data)
        if version == VERSION_3:
            return self._admit_v3(data)
        pdu_types = _NOTIFICATIONS.get(version)
        if pdu_types is None:
            raise RefusedError(f"there is no version {version} of SNMP")
        envelope = decode_envelope(data)
        if envelope.pdu_type not in pdu_types:
            # pysnmp would drop it too, but remember it for ever.
            raise RefusedError("it is no notification")
        if self._communities and envelope.community not in self._communities:
            raise RefusedError("its community is none of those that are taken")
        return Admitted(data, version)

    def _admit_v3(self, data: bytes) -> Admitted:
        header = decode_header(data)
        if header.security_model != SecurityModel.USM:
            raise RefusedError(f"security model {header.security_model} is not known")
        level = _LEVELS.get(header.msg_flags & 3)
        if level is None or header.is_encrypted != bool(header.msg_flags & _PRIV):
            raise RefusedError("its flags do not fit it")
        parameters = decode_security_parameters(data, header.parameters, header.parameters_stop)
        if not header.msg_flags & _REPORTABLE:
            user = self._sender(parameters, level)
            return Admitted(data, VERSION_3, level, parameters, user)
        if parameters.engine_id != self._engine_id:
            # Somebody takes us for another engine, or does not know us yet: let pysnmp tell.
            data = _discovery(header.msg_id)
        return Admitted(data, VERSION_3, level, parameters)

    def _sender(self, parameters: SecurityParameters, level: SecurityLevel) -> UserSettings:
        """Return whose trap this claims to be."""
        engine_id, name = parameters.engine_id, parameters.user_name
        shown = repr(name.decode(errors="backslashreplace"))
        user = self._users.get(name)
        if user is None:
            raise RefusedError(f"no user {shown} is configured")
        if level != (wanted := highest_level(user)):
            raise RefusedError(f"user {shown} comes with {level.label}, not {wanted.label}")
        if not 5 <= len(engine_id) <= 32:
            raise RefusedError(f"an engine ID has 5 to 32 octets, not {len(engine_id)}")
        if has_localized_keys(user) and engine_id != self._keyed_engine:
            keyed = self._keyed_engine.hex() if self._keyed_engine else "another one"
            raise RefusedError(
                f"the localised keys of user {shown} are for the engine {keyed}, and this is the"
                f" engine {engine_id.hex()}"
            )
        return user


def _discovery(msg_id: bytes) -> bytes:
    """Return the message that asks which engine we are (RFC 3414 section 4)."""
    header = (
        msg_id
        + encode_integer(_MAX_MESSAGE_SIZE)
        + encode_tlv(ber.OCTET_STRING, bytes((_REPORTABLE,)))
        + encode_integer(SecurityModel.USM)
    )
    nothing = encode_tlv(ber.OCTET_STRING, b"")
    parameters = encode_security_parameters(nothing + encode_integer(0), 0, b"", 0, 0)
    pdu = encode_pdu(GET_REQUEST, encode_integer(0), b"")
    return encode_tlv(
        ber.SEQUENCE,
        encode_integer(VERSION_3)
        + encode_tlv(ber.SEQUENCE, header)
        + parameters
        + encode_tlv(ber.SEQUENCE, nothing + nothing + pdu),
    )


@dataclass(frozen=True, slots=True)
class _Clock:
    """What the newest message of an engine said, and when."""

    boots: int
    time: int
    at: float


class Clocks:
    """The time that engines have, to tell an old message from a new one (RFC 3414 section 3.2).

    Args:
        clock: monotonic seconds.
        max_engines: that are remembered; the one that was silent for the longest time is forgotten.
    """

    def __init__(self, clock: Callable[[], float], *, max_engines: int = 4096) -> None:
        self._clock = clock
        self._max_engines = max_engines
        self._known: OrderedDict[bytes, _Clock] = OrderedDict()

    def in_time(self, parameters: SecurityParameters) -> bool:
        """Return whether a message, which must be authentic, is of now: step 7 b there."""
        boots, time = parameters.boots, parameters.time
        now = self._clock()
        known = self._known.pop(parameters.engine_id, None)
        if known is None or (boots, time) > (known.boots, known.time):
            known = _Clock(boots, time, now)
        self._known[parameters.engine_id] = known
        if len(self._known) > self._max_engines:
            self._known.popitem(last=False)
        oldest = known.time + (now - known.at) - _TIME_WINDOW
        return boots == known.boots < MAX_BOOTS and time >= oldest
