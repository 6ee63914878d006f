"""What protects a message of SNMPv3, on both of its sides (RFC 3414 section 3).

One piece of code makes every message that goes out, whichever engine is authoritative for it: this
one for responses, Reports and traps, the receiver's for informs. So one counter makes all salts.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator
from typing import NamedTuple

from agent.snmp.message import content_room
from agent.snmp.security import SecurityLevel, SecurityModel
from agent.snmp.usm.authentication import Authenticator
from agent.snmp.usm.privacy import SALT_LENGTH, Cipher, DecryptionError
from agent.snmp.v3_message import (
    Header,
    ScopedPdu,
    SecurityParameters,
    decode_plain_text,
    encode_security_parameters,
)
from mibs import ber
from mibs.ber import encode_header, encode_integer, encode_tlv

__all__ = [
    "AUTH_FLAG",
    "LATCHED",
    "LEVELS",
    "MAX_TIME",
    "PRIV_FLAG",
    "REPORTABLE_FLAG",
    "REPORTED",
    "TIME_WINDOW",
    "USM",
    "MessageEncoder",
    "Sender",
    "decrypt",
    "is_authentic",
]

TIME_WINDOW = 150
"""Seconds that the clocks may differ (RFC 3414 section 2.2.3)."""
MAX_TIME = 0x7FFFFFFF
"""The greatest snmpEngineTime."""
LATCHED = 0x7FFFFFFF
"""The snmpEngineBoots with which nothing is authentic any more (RFC 3414 section 2.2.2)."""
USM = int(SecurityModel.USM)
AUTH_FLAG, PRIV_FLAG, REPORTABLE_FLAG = 1, 2, 4
LEVELS = (SecurityLevel.NO_AUTH_NO_PRIV, SecurityLevel.AUTH_NO_PRIV, None, SecurityLevel.AUTH_PRIV)
"""By the authFlag and the privFlag of msgFlags (RFC 3412 section 6.4)."""

REPORTED = {
    name: ber.encode_oid((1, 3, 6, 1, 6, 3, *oid, 0))
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
"""What a Report may show, each with the encoded OID of its instance."""

_VERSION_3 = b"\x02\x01\x03"
_MAX_NUMBER = 0xFFFFFFFFFFFFFFFF


class Sender(NamedTuple):
    """In whose name a message is sent, and what protects it."""

    msg_id: bytes
    """The whole element; of an answer, as it came."""
    user_name: bytes
    authenticator: Authenticator | None
    cipher: Cipher | None


class MessageEncoder:
    """Makes the messages that one engine is authoritative for.

    Args:
        engine_id: of that engine.
        boots: its snmpEngineBoots.
        engine_time: gives its snmpEngineTime in seconds.
        max_message_size: octets of the largest message that this engine takes, 484 to 65507.
        numbers: for salts, counted up. They are shared by all encoders, since two users may have
            the same key.
        is_reportable: whether the engine that gets a message may tell what is wrong with it.
    """

    def __init__(
        self,
        engine_id: bytes,
        boots: int,
        engine_time: Callable[[], int],
        max_message_size: int,
        numbers: Iterator[int],
        *,
        is_reportable: bool = False,
    ) -> None:
        self.engine_id = engine_id
        self.max_message_size = max_message_size
        self._boots = boots
        self._engine_time = engine_time
        self._numbers = numbers
        self._engine = encode_tlv(ber.OCTET_STRING, engine_id) + encode_integer(boots)
        reportable = REPORTABLE_FLAG if is_reportable else 0
        self._after_msg_id = {
            flags: encode_integer(max_message_size)
            + encode_tlv(ber.OCTET_STRING, bytes((flags | reportable,)))
            + encode_integer(USM)
            for flags in (0, AUTH_FLAG, AUTH_FLAG | PRIV_FLAG)
        }
        """The rest of a HeaderData, by how a message is protected."""

    def for_engine(
        self, engine_id: bytes, boots: int, engine_time: Callable[[], int]
    ) -> MessageEncoder:
        """Return one for messages that another engine is authoritative for, and may report on."""
        return MessageEncoder(
            engine_id, boots, engine_time, self.max_message_size, self._numbers, is_reportable=True
        )

    def encode(self, sender: Sender, scope: bytes, pdu: bytes) -> bytes:
        """Return a whole message.

        Args:
            sender: what it is protected by.
            scope: contextEngineID and contextName, two whole elements.
            pdu: a whole PDU.
        """
        _, _, authenticator, cipher = sender
        time = self._engine_time()
        salt = b""
        msg_data = encode_header(ber.SEQUENCE, len(scope) + len(pdu)) + scope + pdu
        if cipher:
            number = next(self._numbers) & _MAX_NUMBER
            encrypted, salt = cipher.encrypt(msg_data, self._boots, time, number)
            msg_data = encode_tlv(ber.OCTET_STRING, encrypted)
        message = encode_tlv(ber.SEQUENCE, self._encode_head(sender, time) + salt + msg_data)
        if not authenticator:
            return message
        stop = len(message) - len(msg_data) - len(salt) - 2
        start = stop - authenticator.mac_length
        return message[:start] + authenticator.mac(message) + message[stop:]

    def room(self, sender: Sender, scope: bytes, size: int) -> int:
        """Return how many octets a PDU may have in a message of at most this size.

        It may be three too few, because the time is taken to have as many octets as it ever will.
        """
        room = content_room(size) - len(self._encode_head(sender, MAX_TIME))
        if sender.cipher:
            room = content_room(room - SALT_LENGTH)
            room -= room % sender.cipher.block
        return content_room(room) - len(scope)

    def _encode_head(self, sender: Sender, time: int) -> bytes:
        """Return a message from its version to where the salt will be, without its header."""
        msg_id, user_name, authenticator, cipher = sender
        flags = (AUTH_FLAG if authenticator else 0) | (PRIV_FLAG if cipher else 0)
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


def is_authentic(data: bytes, parameters: SecurityParameters, authenticator: Authenticator) -> bool:
    """Tell whether the MAC of a message is right (RFC 3414 section 6.3.2)."""
    start, stop = parameters.mac, parameters.mac_stop
    expected = authenticator.mac(data[:start] + bytes(authenticator.mac_length) + data[stop:])
    return hmac.compare_digest(expected, data[start:stop])


def decrypt(
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
