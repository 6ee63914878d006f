"""Lets a fuzzer that watches coverage look for datagrams that the engine does not bear.

``make fuzz`` runs it; CONTRIBUTING says what to do with what it finds. The first octet of an input
says how the others get in: as they are, or as the scoped PDU of a user, which is then encrypted and
signed, or as a message that is signed again. So the fuzzer also gets behind the authentication.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

# It has no types, and is only there for this.
atheris: Any = importlib.import_module("atheris")

with atheris.instrument_imports(include=["agent", "mibs"]):
    from agent.snmp.usm.privacy import SALT_LENGTH
    from agent.snmp.usm.users import User
    from agent.snmp.v3_message import (
        decode_header,
        decode_security_parameters,
        encode_security_parameters,
    )
    from mibs import ber
    from mibs.ber import BerError, encode_integer, encode_tlv
    from tests.engine import ENGINE_ID
    from tests.examined import BOOTS, SECRETS, TIME, USERS, Examined
    from tests.malformed import make, signed
    from tests.words import Words

CORPUS = Path(sys.prefix) / "fuzz" / "corpus"
OPTIONS = ("-max_total_time=300", "-max_len=2048", "-timeout=20")
SEEDS = 500

SCOPE = encode_tlv(ber.OCTET_STRING, ENGINE_ID) + b"\x04\x00"
ENGINE = encode_tlv(ber.OCTET_STRING, ENGINE_ID) + encode_integer(BOOTS)
MEMBERS = [user for user in USERS.values() if user.authenticator]
DOORS = len(MEMBERS) + 2

EXAMINED, WORDS = Examined(), Words(SECRETS)


def datagram(data: bytes) -> bytes:
    """Make the datagram that an input stands for."""
    door, data = data[0] % DOORS if data else 0, data[1:]
    if door == 0:
        return data
    if door > len(MEMBERS):
        return signed_again(data)
    return sealed(MEMBERS[door - 1], data)


def sealed(user: User, scoped: bytes) -> bytes:
    """Make a message around a scoped PDU, which need not be one."""
    assert user.authenticator is not None
    flags, salt = 5, b""
    if user.cipher is not None:
        encrypted, salt = user.cipher.encrypt(scoped, BOOTS, TIME, 1)
        flags, scoped = 7, encode_tlv(ber.OCTET_STRING, encrypted)
    message = encode_tlv(
        ber.SEQUENCE,
        b"\x02\x01\x03\x30\x0e\x02\x01\x01\x02\x03\x00\xff\xe3\x04\x01%c\x02\x01\x03" % flags
        + encode_security_parameters(
            ENGINE,
            TIME,
            user.name,
            user.authenticator.mac_length,
            SALT_LENGTH if salt else 0,
        )
        + salt
        + scoped,
    )
    stop = len(message) - len(scoped) - len(salt) - 2
    return signed(message, stop - user.authenticator.mac_length, user)


def signed_again(message: bytes) -> bytes:
    """Sign a message where its parameters say, if it has any and they name a user."""
    try:
        header = decode_header(message)
        found = decode_security_parameters(message, header.parameters, header.parameters_stop)
    except BerError:
        return message
    user = USERS.get(found.user_name)
    if user is None or user.authenticator is None:
        return message
    return signed(message, found.mac, user)


def seeds() -> list[bytes]:
    """Make inputs to begin with: malformed messages, and good PDUs of all kinds for each user."""
    found = []
    for number in range(SEEDS):
        data = make(EXAMINED.target, number).data
        found += [b"\0" + data, bytes((DOORS - 1,)) + data]
    names = EXAMINED.target.settable
    for door, user in enumerate(MEMBERS, 1):
        for pdu_type in (0xA0, 0xA1, 0xA3, 0xA5):
            bindings = b"".join(
                encode_tlv(0x30, encode_tlv(ber.OBJECT_IDENTIFIER, name) + b"\x02\x01\x02")
                for name in names[door * 2 : door * 2 + 2]
            )
            numbers = b"\x02\x01\x07" + b"\x02\x01\x00" + b"\x02\x01\x03"
            pdu = encode_tlv(pdu_type, numbers + encode_tlv(ber.SEQUENCE, bindings))
            found.append(bytes((door,)) + encode_tlv(ber.SEQUENCE, SCOPE + pdu))
            found.append(bytes((DOORS - 1,)) + sealed(user, encode_tlv(ber.SEQUENCE, SCOPE + pdu)))
    return [data for data in found if len(data) <= 2048]


def examine(data: bytes) -> None:
    """Have an input examined.

    Raises:
        AssertionError: the engine does not do with it what it should.
    """
    asked = datagram(data)
    try:
        EXAMINED.examine(asked)
        assert not WORDS.wrong, WORDS.wrong
    except Exception:
        sys.stderr.write(f"the datagram: {asked.hex()}\n")
        raise


def main() -> None:
    arguments = sys.argv[1:]
    if all(argument.startswith("-") for argument in arguments):
        CORPUS.mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(seeds()):
            (CORPUS / f"seed-{number}").write_bytes(seed)
        arguments = [f"-artifact_prefix={CORPUS.parent}/", *OPTIONS, *arguments, str(CORPUS)]
    with WORDS.heard():
        atheris.Setup([sys.argv[0], *arguments], examine)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
