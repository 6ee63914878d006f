"""agent.snmp.usm.users: what may be configured, and that no secret is ever shown."""

from __future__ import annotations

import traceback
from typing import Any

import pytest

from agent.snmp.security import SecurityLevel
from agent.snmp.usm.protocols import AUTH_PROTOCOLS, PRIV_PROTOCOLS
from agent.snmp.usm.users import Secret, UserSettings, localized_settings, make_user
from tests import usm_peer

ENGINE_ID = bytes.fromhex("80001f88045a5a5a5a5a")
PASSPHRASE = "maplesyrup"
OTHER = "pancakes with butter"


def settings(auth: str | None = None, priv: str | None = None) -> UserSettings:
    return UserSettings(
        "admin",
        auth,
        Secret(PASSPHRASE) if auth else None,
        priv,
        Secret(OTHER) if priv else None,
    )


class TestSettings:
    @pytest.mark.parametrize(
        ("details", "why"),
        [
            ({"name": ""}, "1 to 32 octets"),
            ({"name": "ü" * 17}, "1 to 32 octets"),
            ({"priv": "DES", "priv_secret": Secret(PASSPHRASE)}, "privacy needs authentication"),
            ({"auth": "MD5"}, "authentication needs both"),
            ({"auth_secret": Secret(PASSPHRASE)}, "authentication needs both"),
            ({"auth": "MD5", "auth_secret": Secret(OTHER), "priv": "DES"}, "privacy needs both"),
            (
                {"auth": "SHA", "auth_secret": Secret(PASSPHRASE)},
                "no authentication protocol 'SHA', there are MD5, SHA-1,",
            ),
            (
                {
                    "auth": "MD5",
                    "auth_secret": Secret(PASSPHRASE),
                    "priv": "AES",
                    "priv_secret": Secret(PASSPHRASE),
                },
                "no privacy protocol 'AES', there are DES, AES-128,",
            ),
        ],
    )
    def test_what_is_refused(self, details: dict[str, Any], why: str) -> None:
        with pytest.raises(ValueError, match=why):
            UserSettings(**{"name": "admin", **details})

    @pytest.mark.parametrize("auth", AUTH_PROTOCOLS)
    def test_length_of_a_localised_key_for_authentication(self, auth: str) -> None:
        length = AUTH_PROTOCOLS[auth].key_length
        assert UserSettings("admin", auth, Secret(key=bytes(length))).auth == auth
        with pytest.raises(ValueError, match=f"{auth} has {length} octets, not {length - 1}"):
            UserSettings("admin", auth, Secret(key=bytes(length - 1)))

    @pytest.mark.parametrize("priv", PRIV_PROTOCOLS)
    def test_length_of_a_localised_key_for_privacy(self, priv: str) -> None:
        length = PRIV_PROTOCOLS[priv].key_length
        secret = Secret(key=bytes(length))
        assert UserSettings("admin", "MD5", Secret(PASSPHRASE), priv, secret).priv == priv
        with pytest.raises(ValueError, match=f"{priv} has {length} octets, not {length + 1}"):
            UserSettings("admin", "MD5", Secret(PASSPHRASE), priv, Secret(key=bytes(length + 1)))

    @pytest.mark.parametrize(
        "details", [{}, {"passphrase": PASSPHRASE, "key": b"k"}, {"passphrase": "seven77"}]
    )
    def test_no_secret(self, details: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match="passphrase"):
            Secret(**details)

    def test_a_passphrase_is_measured_in_octets(self) -> None:
        assert Secret("üüüü").passphrase == "üüüü"


class TestKeys:
    @pytest.mark.parametrize("auth", AUTH_PROTOCOLS)
    @pytest.mark.parametrize("priv", PRIV_PROTOCOLS)
    def test_us05_localised_as_pysnmp_does(self, auth: str, priv: str) -> None:
        localised = localized_settings(settings(auth, priv), ENGINE_ID)
        assert localised == UserSettings(
            "admin",
            auth,
            Secret(key=usm_peer.key_for_auth(auth, PASSPHRASE, ENGINE_ID)),
            priv,
            Secret(key=usm_peer.key_for_priv(auth, priv, OTHER, ENGINE_ID)),
        )
        assert localized_settings(localised, ENGINE_ID) == localised

    def test_without_secrets_there_is_nothing_to_do(self) -> None:
        assert localized_settings(settings(), ENGINE_ID) == settings()

    @pytest.mark.parametrize(
        ("auth", "priv", "level"),
        [
            (None, None, SecurityLevel.NO_AUTH_NO_PRIV),
            ("SHA-256", None, SecurityLevel.AUTH_NO_PRIV),
            ("SHA-256", "AES-128", SecurityLevel.AUTH_PRIV),
        ],
    )
    def test_what_a_user_has(
        self, auth: str | None, priv: str | None, level: SecurityLevel
    ) -> None:
        user = make_user(settings(auth, priv), ENGINE_ID)
        assert (user.name, user.level) == (b"admin", level)
        assert (user.authenticator is not None, user.cipher is not None) == (
            auth is not None,
            priv is not None,
        )


class TestSecrecy:
    def test_us05_se04_nothing_secret_is_shown(self) -> None:
        given = settings("SHA-1", "AES-128")
        localised = localized_settings(given, ENGINE_ID)
        assert localised.auth_secret is not None
        assert localised.priv_secret is not None
        user = make_user(given, ENGINE_ID)
        shown = "".join(
            f"{thing!r} {thing!s} {thing}"
            for thing in (given, localised, user, user.authenticator, user.cipher)
        )
        assert "Secret(...)" in shown
        for key in (localised.auth_secret.key, localised.priv_secret.key):
            assert repr(key)[2:-1] not in shown
            assert key.hex() not in shown
        assert PASSPHRASE not in shown
        assert OTHER not in shown

    @pytest.mark.parametrize(
        "make",
        [
            lambda: Secret("sesam"),
            lambda: Secret("sesam", b"sesam"),
            lambda: UserSettings("admin", "SHA-1", Secret(key=b"sesam")),
            lambda: UserSettings("admin", "sha", Secret(key=b"sesam")),
            lambda: UserSettings("admin", None, Secret(key=b"sesam")),
            lambda: UserSettings("admin", None, None, "DES", Secret(key=b"sesam")),
        ],
    )
    def test_us05_se04_no_error_says_a_secret(self, make: Any) -> None:
        with pytest.raises(ValueError, match="e") as caught:
            make()
        assert "sesam" not in "".join(traceback.format_exception_only(caught.value))
