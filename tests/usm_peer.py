"""A manager that speaks SNMPv3 by pysnmp's USM and codec: an independent peer of the engine's own.

Only where things stand in a message is written here, without schema, so that any part can be wrong.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

from pyasn1.codec.ber import decoder, encoder
from pyasn1.type import univ
from pysnmp.entity import config
from pysnmp.proto import api
from pysnmp.proto.mpmod.rfc3412 import ScopedPDU, SNMPv3Message
from pysnmp.proto.secmod.rfc3414.service import SnmpUSMSecurityModel, UsmSecurityParameters

from tests.snmp_peer import Oid

__all__ = ["AUTH", "PRIV", "Manager", "Reply", "key_for_auth", "key_for_priv", "pdu"]

AUTH = {
    "MD5": config.USM_AUTH_HMAC96_MD5,
    "SHA-1": config.USM_AUTH_HMAC96_SHA,
    "SHA-224": config.USM_AUTH_HMAC128_SHA224,
    "SHA-256": config.USM_AUTH_HMAC192_SHA256,
    "SHA-384": config.USM_AUTH_HMAC256_SHA384,
    "SHA-512": config.USM_AUTH_HMAC384_SHA512,
}
PRIV = {
    "DES": config.USM_PRIV_CBC56_DES,
    "AES-128": config.USM_PRIV_CFB128_AES,
    "AES-192": config.USM_PRIV_CFB192_AES_BLUMENTHAL,
    "AES-256": config.USM_PRIV_CFB256_AES_BLUMENTHAL,
    "AES-192-C": config.USM_PRIV_CFB192_AES,
    "AES-256-C": config.USM_PRIV_CFB256_AES,
}
"""pysnmp's name of each protocol."""

_protocol: Any = api.PROTOCOL_MODULES[api.SNMP_VERSION_2C]
_PDUS = {
    "get": _protocol.GetRequestPDU,
    "next": _protocol.GetNextRequestPDU,
    "set": _protocol.SetRequestPDU,
    "bulk": _protocol.GetBulkRequestPDU,
    "response": _protocol.ResponsePDU,
    "inform": _protocol.InformRequestPDU,
    "trap": _protocol.SNMPv2TrapPDU,
    "report": _protocol.ReportPDU,
}


class Reply(NamedTuple):
    """A message that the engine sent: checked, decrypted and decoded."""

    msg_id: int
    msg_max_size: int
    flags: int
    engine_id: bytes
    boots: int
    time: int
    user_name: bytes
    salt: bytes
    context_engine_id: bytes
    context_name: bytes
    kind: str
    """As in :func:`pdu`."""
    request_id: int
    pdu: bytes
    """Encoded again by pysnmp."""

    @property
    def counter(self) -> tuple[Oid, str, int]:
        """The one variable binding of a Report: name, type and value."""
        content, _ = decoder.decode(self.pdu, asn1Spec=_protocol.ReportPDU())
        ((name, value),) = _protocol.apiPDU.get_varbinds(content)
        return tuple(name), type(value).__name__, int(value)


@lru_cache
def _hashed(auth: str, passphrase: str) -> Any:
    return SnmpUSMSecurityModel.AUTH_SERVICES[AUTH[auth]].hash_passphrase(passphrase.encode())


def key_for_auth(auth: str, passphrase: str, engine_id: bytes) -> bytes:
    """Give pysnmp's localised key of authentication."""
    service = SnmpUSMSecurityModel.AUTH_SERVICES[AUTH[auth]]
    return bytes(service.localize_key(_hashed(auth, passphrase), univ.OctetString(engine_id)))


@lru_cache
def key_for_priv(auth: str, priv: str, passphrase: str, engine_id: bytes) -> bytes:
    """Give pysnmp's localised key of privacy."""
    service = SnmpUSMSecurityModel.PRIV_SERVICES[PRIV[priv]]
    hashed = _hashed(auth, passphrase)
    return bytes(service.localize_key(AUTH[auth], hashed, univ.OctetString(engine_id)))


def pdu(kind: str = "get", name: Oid = (1, 3, 6, 1, 2, 1, 1, 3, 0), request_id: int = 7) -> bytes:
    """Make a PDU with one variable binding."""
    made = _PDUS[kind]()
    settings = _protocol.apiBulkPDU if kind == "bulk" else _protocol.apiPDU
    settings.set_defaults(made)
    settings.set_request_id(made, request_id)
    settings.set_varbinds(made, [(name, _protocol.Null(""))])
    encoded: bytes = encoder.encode(made)
    return encoded


def _sequence(*parts: int | bytes | univ.Any) -> bytes:
    sequence = univ.Sequence()
    for position, part in enumerate(parts):
        if isinstance(part, int):
            value: Any = univ.Integer(part)
        else:
            value = univ.OctetString(part) if isinstance(part, bytes) else part
        sequence.setComponentByPosition(position, value)
    encoded: bytes = encoder.encode(sequence)
    return encoded


class Manager:
    """A manager that has one user's secrets. Without a protocol, the user has none of that kind."""

    def __init__(
        self,
        engine_id: bytes,
        name: str = "admin",
        auth: str | None = None,
        priv: str | None = None,
        *,
        auth_passphrase: str = "maplesyrup",
        priv_passphrase: str = "pancakes with butter",
    ) -> None:
        assert b"\0\0\0\0" not in engine_id, "pysnmp would take it for an empty MAC"
        self.engine_id = engine_id
        self.name = name.encode()
        self._auth: Any = None
        self._priv: Any = None
        if auth:
            self._auth = SnmpUSMSecurityModel.AUTH_SERVICES[AUTH[auth]]
            self._auth_key = univ.OctetString(key_for_auth(auth, auth_passphrase, engine_id))
        if auth and priv:
            self._priv = SnmpUSMSecurityModel.PRIV_SERVICES[PRIV[priv]]
            self._priv_key = univ.OctetString(key_for_priv(auth, priv, priv_passphrase, engine_id))

    def message(
        self,
        content: bytes | None = None,
        *,
        boots: int = 1,
        time: int = 0,
        flags: int | None = None,
        msg_id: int = 4242,
        msg_max_size: int = 65507,
        security_model: int = 3,
        engine_id: bytes | None = None,
        salt: bytes | None = None,
        context_engine_id: bytes | None = None,
        context_name: bytes = b"",
        scoped: bytes | None = None,
    ) -> bytes:
        """Make a whole message. It is protected as far as the user has secrets and flags ask."""
        own_flags = 4 | (1 if self._auth else 0) | (2 if self._priv else 0)
        flags = own_flags if flags is None else flags
        if scoped is None:
            context = self.engine_id if context_engine_id is None else context_engine_id
            scoped = _sequence(context, context_name, univ.Any(content or pdu()))
        msg_data: Any = univ.Any(scoped)
        made_salt = b""
        if flags & 2 and self._priv:
            encrypted, made_salt = self._priv.encrypt_data(
                self._priv_key, (boots, time, None), scoped
            )
            msg_data = bytes(encrypted)
        mac = bytes(self._auth.digest_length) if flags & 1 and self._auth else b""
        parameters = _sequence(
            self.engine_id if engine_id is None else engine_id,
            boots,
            time,
            self.name,
            mac,
            bytes(made_salt) if salt is None else salt,
        )
        header = _sequence(msg_id, msg_max_size, bytes((flags,)), security_model)
        message = _sequence(3, univ.Any(header), parameters, msg_data)
        if mac:
            message = self._auth.authenticate_outgoing_message(self._auth_key, message)
        return bytes(message)

    def read(self, data: bytes | None) -> Reply:
        """Check, decrypt and decode a message; nothing may follow it."""
        assert data is not None, "no answer"
        message, rest = decoder.decode(data, asn1Spec=SNMPv3Message())
        assert not rest
        msg_id, msg_max_size, msg_flags, _ = message[1].values()
        flags = bytes(msg_flags)[0]
        parameters, rest = decoder.decode(message[2], asn1Spec=UsmSecurityParameters())
        assert not rest
        engine_id, boots, time, user_name, mac, salt = parameters.values()
        if flags & 1:
            self._auth.authenticate_incoming_message(self._auth_key, mac, data)
        else:
            assert not mac
        if flags & 2:
            plain = self._priv.decrypt_data(
                self._priv_key, (boots, time, salt), message[3].getComponent()
            )
            scoped, rest = decoder.decode(plain, asn1Spec=ScopedPDU())
            assert not any(rest)
            assert len(rest) < 8
        else:
            assert not salt
            scoped = message[3].getComponent()
        content = scoped[2].getComponent()
        return Reply(
            int(msg_id),
            int(msg_max_size),
            flags,
            bytes(engine_id),
            int(boots),
            int(time),
            bytes(user_name),
            bytes(salt),
            bytes(scoped[0]),
            bytes(scoped[1]),
            next(kind for kind, type_ in _PDUS.items() if content.isSameTypeWith(type_())),
            int(_protocol.apiPDU.get_request_id(content)),
            bytes(encoder.encode(content)),
        )
