"""agent.snmp.v3_protection: one encoder for all that goes out, and pysnmp reads it."""

from __future__ import annotations

import itertools

import pytest

from agent.snmp.usm.users import Secret, User, UserSettings, make_user
from agent.snmp.v3_protection import MessageEncoder, Sender
from mibs import ber
from tests.usm_peer import Manager, pdu

OWN, OTHER = b"\x80\x00\x1f\x88\x04ours", b"\x80\x00\x1f\x88\x04theirs"
SCOPE = ber.encode_tlv(ber.OCTET_STRING, OWN) + b"\x04\x00"


def user(engine_id: bytes, priv: str | None = "AES-128") -> User:
    secret = Secret("pancakes with butter") if priv else None
    return make_user(
        UserSettings("admin", "SHA-256", Secret("maplesyrup"), priv, secret), engine_id
    )


def sender(who: User) -> Sender:
    return Sender(ber.encode_integer(77), who.name, who.authenticator, who.cipher)


def own_encoder() -> MessageEncoder:
    return MessageEncoder(OWN, 3, lambda: 40, 1500, itertools.count(9))


def test_us05_no_salt_comes_twice_whoever_is_authoritative() -> None:
    own = own_encoder()
    other = own.for_engine(OTHER, 8, lambda: 500)
    salts = []
    for encoder, engine_id in ((own, OWN), (other, OTHER), (own, OWN)):
        message = encoder.encode(sender(user(engine_id)), SCOPE, pdu("inform"))
        salts.append(Manager(engine_id, "admin", "SHA-256", "AES-128").read(message).salt[-1])
    assert salts == [9, 10, 11]


def test_no01_for_another_engine() -> None:
    encoder = own_encoder().for_engine(OTHER, 8, lambda: 500)
    message = encoder.encode(sender(user(OTHER)), SCOPE, pdu("inform"))
    read = Manager(OTHER, "admin", "SHA-256", "AES-128").read(message)
    assert read[:7] == (77, 1500, 7, OTHER, 8, 500, b"admin")
    assert (read.context_engine_id, read.kind, read.request_id) == (OWN, "inform", 7)


def test_no01_only_a_message_for_another_engine_is_reportable() -> None:
    message = own_encoder().encode(sender(user(OWN, None)), SCOPE, pdu("trap"))
    assert Manager(OWN, "admin", "SHA-256").read(message).flags == 1


@pytest.mark.parametrize("priv", [None, "AES-128", "DES"])
@pytest.mark.parametrize("size", [484, 1500, 65507])
def test_what_fills_the_room_is_not_too_large(size: int, priv: str | None) -> None:
    encoder = own_encoder()
    who = sender(user(OWN, priv))
    message = encoder.encode(who, SCOPE, bytes(encoder.room(who, SCOPE, size)))
    assert size - 10 <= len(message) <= size
