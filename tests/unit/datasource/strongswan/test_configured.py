from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import pytest

from datasource.configuration import Child, Policy, TransformSet
from datasource.model import AuthMethod, EncapsulationMode, Identity, Proposal
from datasource.strongswan.configured import complete, parse_configured
from datasource.strongswan.fields import ConvertError
from datasource.strongswan.packet import Message
from datasource.strongswan.swanctl_conf import Declared, DeclaredChild
from tests.unit.datasource.strongswan.replay import encode, messages_of

((NAME, SITE),) = messages_of("v2-up-alpha", "list-conn")[0].items()
AES = Proposal("AES_CBC", 128, "HMAC_SHA1_96", "PRF_HMAC_SHA1", "MODP_2048")


def test_a_real_one() -> None:
    connection = parse_configured(NAME, SITE)
    assert connection is not None
    assert connection.name == "site"
    assert connection.local_addresses == (ip_address("10.9.0.1"),)
    assert connection.peers == (ip_address("10.9.0.2"),)
    assert not connection.dynamic
    assert connection.local_identity == Identity.parse("10.9.0.1")
    assert connection.auth_method is AuthMethod.PRE_SHARED_KEY
    assert connection.lifetime == 3600
    assert not connection.easy_vpn
    assert (connection.policies, connection.uses_defaults) == (None, False)
    assert connection.children == (
        Child(
            "net",
            ("10.10.1.0/24",),
            ("10.10.2.0/24",),
            EncapsulationMode.TUNNEL,
            None,
            uses_defaults=False,
            lifetime=1200,
            lifetime_octets=None,
        ),
    )


@pytest.mark.parametrize(
    ("class_", "addresses", "expected"),
    [
        (b"pre-shared key", [b"10.9.0.1"], Identity.parse("10.9.0.1")),
        (b"pre-shared key", [b"10.9.0.1", b"10.9.0.2"], None),
        (b"pre-shared key", [b"%any"], None),
        (b"public key", [b"10.9.0.1"], None),
    ],
)
def test_an_identity_that_is_not_written_down(
    class_: bytes, addresses: list[bytes], expected: Identity | None
) -> None:
    """With a certificate, charon's default is its subject, which is not told here."""
    fields: Message = {**SITE, "local-1": {"class": class_}, "local_addrs": addresses}
    connection = parse_configured(NAME, fields)
    assert connection is not None
    assert connection.local_identity == expected


@pytest.mark.parametrize(
    ("remote", "dynamic", "peers"),
    [
        (["%any"], True, []),
        (["%any6"], True, []),
        (["0.0.0.0"], True, []),
        (["0.0.0.0/0"], True, []),
        (["::/0"], True, []),
        (["0.0.0.0-255.255.255.255"], True, []),
        (["10.0.0.0/8", "10.0.0.1-10.0.0.9"], True, []),
        (["10.0.0.1", "%any"], True, ["10.0.0.1"]),
        (["10.0.0.1", "10.0.0.2", "peer-1.example.org"], False, ["10.0.0.1", "10.0.0.2", None]),
        (["peer-1.example.org", "10.0.0.0/8"], False, [None]),
        (["fe80::1%eth0", "10.0.0.9/32"], False, ["fe80::1", "10.0.0.9"]),
        (["2001:db8::1-2001:db8::1"], False, ["2001:db8::1"]),
    ],
)
def test_peers(remote: list[str], dynamic: bool, peers: list[str | None]) -> None:
    connection = parse_configured("site", encode({"remote_addrs": remote}))
    assert connection is not None
    assert connection.dynamic is dynamic
    assert list(connection.peers) == [None if one is None else ip_address(one) for one in peers]


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        (["10.0.0.1", "fe80::1%eth0"], ["10.0.0.1", "fe80::1"]),
        (["10.0.0.1", "%any"], []),
        (["gw.example.org", "10.0.0.1"], ["10.0.0.1"]),
        (["gw.example.org"], []),
    ],
)
def test_local_addresses(local: list[str], expected: list[str]) -> None:
    connection = parse_configured("site", encode({"local_addrs": local}))
    assert connection is not None
    assert list(connection.local_addresses) == [ip_address(one) for one in expected]


@pytest.mark.parametrize("method", ["EAP", "XAuth"])
def test_users_with_accounts(method: str) -> None:
    fields = {"remote-1": {"class": "public key"}, "remote-2": {"class": method}}
    connection = parse_configured("site", encode(fields))
    assert connection is not None
    assert connection.easy_vpn
    assert connection.auth_method is AuthMethod.SIGNATURE
    own = parse_configured("site", encode({"local-2": {"class": method}}))
    assert own is not None
    assert not own.easy_vpn


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, (None, None)),
        ({"rekey_time": "3600", "rekey_bytes": "0"}, (None, None)),
        ({"rekey_time": "0"}, (None, None)),
        ({"rekey_time": "1200", "rekey_bytes": "7"}, (1200, 7)),
    ],
)
def test_the_life_of_a_child(config: dict[str, str], expected: tuple[int | None, ...]) -> None:
    connection = parse_configured("site", encode({"children": {"net": config}}))
    assert connection is not None
    (child,) = connection.children
    assert (child.lifetime, child.lifetime_octets) == expected


def test_what_is_never_protected_is_left_out() -> None:
    shunts = {"a": {"mode": "PASS"}, "b": {"mode": "DROP"}}
    assert parse_configured("site", encode({"children": shunts})) is None
    connection = parse_configured("site", encode({"children": {**shunts, "c": {"mode": "BEET"}}}))
    assert connection is not None
    assert [(one.name, one.mode) for one in connection.children] == [("c", EncapsulationMode.BEET)]
    assert parse_configured("site", {}) is not None


@pytest.mark.parametrize(
    "fields",
    [
        {"dpd_delay": b"soon"},
        {"remote_addrs": b"10.0.0.1"},
        {"children": {"net": {"rekey_time": b"x"}}},
        {"local-1": {"id": [b"x"]}},
        {"remote-1": {"class": {}}},
    ],
)
def test_malformed(fields: Any) -> None:
    with pytest.raises(ConvertError, match="connection site: "):
        parse_configured("site", fields)


def declared(child: DeclaredChild, proposals: tuple[Proposal, ...] | None = ()) -> Declared:
    return Declared("IKEv2", (), (), (), (), {"net": child}, proposals, uses_defaults=True)


def test_with_what_the_file_says() -> None:
    connection = parse_configured(NAME, SITE)
    assert connection is not None
    transforms = (TransformSet("net_1", AES),)
    found = complete(connection, declared(DeclaredChild(transforms), (AES,)))
    assert found.policies == (Policy(AES, AuthMethod.PRE_SHARED_KEY, 3600),)
    assert found.uses_defaults
    assert (found.children[0].transforms, found.children[0].uses_defaults) == (transforms, False)
    assert complete(connection, declared(DeclaredChild(), None)).policies is None


@pytest.mark.parametrize(
    ("rekey_time", "said", "expected"),
    [
        ("3600", DeclaredChild(rekey_time=3600), 3600),
        ("3600", DeclaredChild(), None),
        ("0", DeclaredChild(rekey_time=0, life_time=7200), 7200),
        ("0", DeclaredChild(rekey_time=0, life_time=0), None),
        ("1200", DeclaredChild(life_time=7200), 1200),
    ],
)
def test_a_life_that_is_written_down(
    rekey_time: str, said: DeclaredChild, expected: int | None
) -> None:
    fields = encode({"children": {"net": {"rekey_time": rekey_time}}})
    connection = parse_configured("site", fields)
    assert connection is not None
    assert complete(connection, declared(said)).children[0].lifetime == expected
