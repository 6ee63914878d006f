from __future__ import annotations

import datetime as dt

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from datasource.model import Identity
from datasource.strongswan.own_certificates import parse_own_certificates
from datasource.strongswan.packet import Message
from tests.certificates import Authority

NOW = dt.datetime.now(dt.UTC)
US = Identity.parse("10.9.0.1")
AUTHORITY = Authority("Lab CA")


def listed(address: str, *, expired: bool, key: bytes = b"yes") -> Message:
    certificate = AUTHORITY.issue(address, expired=expired)
    return {"has_privkey": key, "data": certificate.public_bytes(Encoding.DER)}


GOOD, LATE = (listed("10.9.0.1", expired=expired) for expired in (False, True))
OTHERS_LATE = listed("10.9.0.7", expired=True)
NO_KEY = listed("10.9.0.1", expired=True, key=b"no")


@pytest.mark.parametrize(
    ("messages", "expired"),
    [
        ([], False),
        ([GOOD], False),
        ([LATE], True),
        ([GOOD, LATE], False),
        ([GOOD, OTHERS_LATE], False),
        ([OTHERS_LATE], True),
        ([LATE, listed("10.9.0.7", expired=False)], True),
        ([NO_KEY], False),
        ([NO_KEY, GOOD], False),
        ([{"has_privkey": b"yes", "data": b"\x30\x03garbage"}, LATE], True),
        ([{"has_privkey": b"yes"}, {"data": b""}, {}], False),
    ],
)
def test_expired(messages: list[Message], *, expired: bool) -> None:
    own = parse_own_certificates(messages)
    assert own.expired(US, NOW) == expired


def test_at_a_later_date() -> None:
    own = parse_own_certificates([GOOD])
    assert own.expired(US, NOW + dt.timedelta(days=31))
    assert own.expired(None, NOW + dt.timedelta(days=31))


def test_an_authority_is_a_certificate_without_names() -> None:
    data = AUTHORITY.certificate.public_bytes(Encoding.DER)
    own = parse_own_certificates([{"has_privkey": b"yes", "data": data}])
    assert not own.expired(US, NOW)
