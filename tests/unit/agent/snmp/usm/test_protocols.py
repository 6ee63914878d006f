"""agent.snmp.usm.protocols: keys as in the RFCs and drafts, and as pysnmp makes them."""

from __future__ import annotations

import pytest

from agent.snmp.usm.protocols import (
    AUTH_PROTOCOLS,
    PRIV_PROTOCOLS,
    localize,
    localized_key_for_priv,
    password_to_key,
)
from tests import usm_peer

ENGINE_ID = bytes(11) + b"\2"
"""That of the examples in RFC 3414 appendix A.3."""


def localized(auth: str, passphrase: str, engine_id: bytes = ENGINE_ID) -> bytes:
    protocol = AUTH_PROTOCOLS[auth]
    return localize(protocol, password_to_key(protocol, passphrase.encode()), engine_id)


class TestKeys:
    @pytest.mark.parametrize(
        ("auth", "key"),
        [
            ("MD5", "9faf3283884e92834ebc9847d8edd963"),
            ("SHA-1", "9fb5cc0381497b3793528939ff788d5d79145211"),
        ],
    )
    def test_us05_rfc_3414_a3_passphrase_to_key(self, auth: str, key: str) -> None:
        assert password_to_key(AUTH_PROTOCOLS[auth], b"maplesyrup").hex() == key

    @pytest.mark.parametrize(
        ("auth", "passphrase", "key"),
        [
            ("MD5", "maplesyrup", "526f5eed9fcce26f8964c2930787d82b"),
            ("SHA-1", "maplesyrup", "6695febc9288e36282235fc7151f128497b38f3f"),
            ("MD5", "newsyrup", "87021d7bd9d101ba05ea6e3bf9d9bd4a"),
            ("SHA-1", "newsyrup", "78e2dcce79d59403b58c1bbaa5bff46391f1cd25"),
        ],
    )
    def test_us05_rfc_3414_a3_and_a5_localised(self, auth: str, passphrase: str, key: str) -> None:
        assert localized(auth, passphrase).hex() == key

    @pytest.mark.parametrize("auth", AUTH_PROTOCOLS)
    @pytest.mark.parametrize("passphrase", ["maplesyrup", "x" * 8, "long " * 50, "grüße an alle"])
    def test_us05_as_pysnmp_localises(self, auth: str, passphrase: str) -> None:
        engine_id = bytes.fromhex("80001f88045a5a5a5a5a")
        key = localized(auth, passphrase, engine_id)
        assert key == usm_peer.key_for_auth(auth, passphrase, engine_id)
        assert len(key) == AUTH_PROTOCOLS[auth].key_length


class TestKeysForPrivacy:
    @pytest.mark.parametrize(
        ("auth", "key"),
        [
            ("MD5", "526f5eed9fcce26f8964c2930787d82b79eff44a90650ee0a3a40abfac5acc12"),
            ("SHA-1", "6695febc9288e36282235fc7151f128497b38f3f9b8b6d78936ba6e7d19dfd9c"),
        ],
    )
    def test_us05_reeder_extension_of_the_draft(self, auth: str, key: str) -> None:
        made = localized_key_for_priv(
            PRIV_PROTOCOLS["AES-256-C"],
            AUTH_PROTOCOLS[auth],
            localized(auth, "maplesyrup"),
            ENGINE_ID,
        )
        assert made.hex() == key

    @pytest.mark.parametrize("auth", AUTH_PROTOCOLS)
    @pytest.mark.parametrize("priv", PRIV_PROTOCOLS)
    def test_us05_as_pysnmp_cuts_and_extends(self, auth: str, priv: str) -> None:
        made = localized_key_for_priv(
            PRIV_PROTOCOLS[priv],
            AUTH_PROTOCOLS[auth],
            localized(auth, "maplesyrup"),
            ENGINE_ID,
        )
        assert made == usm_peer.key_for_priv(auth, priv, "maplesyrup", ENGINE_ID)
        assert len(made) == PRIV_PROTOCOLS[priv].key_length

    def test_us05_the_extensions_differ_where_the_hash_is_too_short(self) -> None:
        auth = AUTH_PROTOCOLS["SHA-1"]
        key = localized("SHA-1", "maplesyrup")
        blumenthal, reeder = (
            localized_key_for_priv(PRIV_PROTOCOLS[priv], auth, key, ENGINE_ID)
            for priv in ("AES-192", "AES-192-C")
        )
        assert blumenthal[:20] == reeder[:20] == key
        assert blumenthal != reeder


def test_us05_what_is_weak() -> None:
    assert [protocol.name for protocol in AUTH_PROTOCOLS.values() if protocol.weak] == ["MD5"]
    assert [protocol.name for protocol in PRIV_PROTOCOLS.values() if protocol.weak] == ["DES"]


def test_us05_octets_of_msg_authentication_parameters() -> None:
    lengths = [protocol.mac_length for protocol in AUTH_PROTOCOLS.values()]
    assert lengths == [12, 12, 16, 24, 32, 48]
