"""agent.config: users of SNMPv3, their secrets, and what keeps those."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path

import pytest

from agent.config import Config, ConfigError, load, parse_text
from agent.snmp.security import SecurityLevel, SecurityModel
from agent.snmp.usm.protocols import AUTH_PROTOCOLS, PRIV_PROTOCOLS
from agent.snmp.usm.users import Secret, UserSettings
from agent.snmp.vacm import AccessEntry, GroupMember

AUTH_PASSWORD, PRIV_PASSWORD = "correct horse", "battery staple"
AUTH = f"auth_password = '{AUTH_PASSWORD}'"
PRIV = f"priv_password = '{PRIV_PASSWORD}'"
AUTH_KEY, PRIV_KEY = "a1" * 32, "b2" * 16


def user(*lines: str, name: str = "ops") -> str:
    return "\n".join(["[[snmp.user]]", f"name = '{name}'", *lines, ""])


def parsed(*texts: str) -> Config:
    return parse_text("\n".join(texts), "flowmib.toml")


def settings(*lines: str) -> UserSettings:
    (read,) = parsed(user(*lines)).snmp.users
    return read.settings


class TestProtocols:
    def test_us05_a_new_user_has_sha_256_and_aes_128(self) -> None:
        assert settings(AUTH, PRIV) == UserSettings(
            "ops", "SHA-256", Secret(AUTH_PASSWORD), "AES-128", Secret(PRIV_PASSWORD)
        )

    @pytest.mark.parametrize("auth", AUTH_PROTOCOLS)
    @pytest.mark.parametrize("priv", PRIV_PROTOCOLS)
    def test_us05_every_pair(self, auth: str, priv: str) -> None:
        read = settings(f"auth = '{auth}'", AUTH, f"priv = '{priv}'", PRIV)
        assert (read.auth, read.priv) == (auth, priv)

    def test_us05_no_privacy(self) -> None:
        read = settings(AUTH, "priv = 'none'")
        assert read == UserSettings("ops", "SHA-256", Secret(AUTH_PASSWORD))

    def test_us05_no_authentication_is_no_privacy(self) -> None:
        for lines in (["auth = 'none'"], ["auth = 'none'", "priv = 'none'"]):
            assert settings(*lines) == UserSettings("ops")

    @pytest.mark.parametrize("prefix", ["", "0x"])
    def test_us05_localised_keys(self, prefix: str) -> None:
        lines = [f"auth_key = '{prefix}{AUTH_KEY}'", f"priv_key = '{prefix}{PRIV_KEY}'"]
        assert settings(*lines) == UserSettings(
            "ops", "SHA-256", Secret(key=b"\xa1" * 32), "AES-128", Secret(key=b"\xb2" * 16)
        )

    def test_us05_a_passphrase_beside_a_localised_key(self) -> None:
        read = settings(f"auth_key = '{AUTH_KEY}'", PRIV)
        assert (read.auth_secret, read.priv_secret) == (
            Secret(key=b"\xa1" * 32),
            Secret(PRIV_PASSWORD),
        )

    @pytest.mark.parametrize(
        ("lines", "warnings"),
        [
            (["auth = 'MD5'", AUTH, PRIV], ["auth: MD5 is weak; use SHA-256 if the manager can"]),
            ([AUTH, "priv = 'DES'", PRIV], ["priv: DES is weak; use AES-128 if the manager can"]),
            (["auth = 'SHA-1'", AUTH, "priv = 'AES-256-C'", PRIV], []),
        ],
    )
    def test_us05_weak_ones_work_and_warn(self, lines: list[str], warnings: list[str]) -> None:
        config = parsed(user(*lines))
        assert config.warnings == tuple(f"snmp.user[1].{warning}" for warning in warnings)
        assert len(config.snmp.users) == 1


class TestNetworks:
    def test_everywhere_if_nothing_is_said(self) -> None:
        (read,) = parsed(user(AUTH, PRIV)).snmp.users
        assert read.networks == (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))

    def test_some(self) -> None:
        (read,) = parsed(user(AUTH, PRIV, "from = ['192.0.2.0/24']")).snmp.users
        assert read.networks == (ipaddress.ip_network("192.0.2.0/24"),)


class TestShortForm:
    @pytest.mark.parametrize(
        ("lines", "level", "write"),
        [
            ([AUTH, PRIV], SecurityLevel.AUTH_PRIV, ""),
            ([AUTH, PRIV, "access = 'read'"], SecurityLevel.AUTH_PRIV, ""),
            ([AUTH, PRIV, "access = 'write'"], SecurityLevel.AUTH_PRIV, "all"),
            ([AUTH, PRIV, "level = 'authNoPriv'"], SecurityLevel.AUTH_NO_PRIV, ""),
            ([AUTH, PRIV, "level = 'noAuthNoPriv'"], SecurityLevel.NO_AUTH_NO_PRIV, ""),
            ([AUTH, "priv = 'none'"], SecurityLevel.AUTH_NO_PRIV, ""),
            (["auth = 'none'"], SecurityLevel.NO_AUTH_NO_PRIV, ""),
        ],
    )
    def test_va02_the_level_is_the_highest_that_the_user_has(
        self, lines: list[str], level: SecurityLevel, write: str
    ) -> None:
        access = parsed(user(*lines)).snmp.access
        (member,) = access.members
        assert member == GroupMember(SecurityModel.USM, b"ops", member.group)
        assert access.entries == (
            AccessEntry(
                member.group,
                SecurityModel.USM,
                level,
                prefix=True,
                read="all",
                write=write,
                notify="all",
            ),
        )

    def test_va01_each_user_has_a_group_of_its_own(self) -> None:
        access = parsed(user(AUTH, PRIV), user(AUTH, PRIV, name="community-1")).snmp.access
        assert len({member.group for member in access.members}) == 2
        assert len({entry.group for entry in access.entries}) == 2

    def test_va01_with_users_there_is_no_community_unasked(self) -> None:
        snmp = parsed(user(AUTH, PRIV)).snmp
        assert snmp.communities == ()
        assert {member.model for member in snmp.access.members} == {SecurityModel.USM}

    @pytest.mark.parametrize(
        ("lines", "what"),
        [
            (["auth = 'none'"], "may read"),
            (["auth = 'none'", "access = 'write'"], "may write"),
            ([AUTH, PRIV, "level = 'noAuthNoPriv'"], "may read"),
        ],
    )
    def test_without_authentication_there_is_a_warning(self, lines: list[str], what: str) -> None:
        assert parsed(user(*lines)).warnings == (
            f"snmp.user[1]: without authentication, whoever knows the name {what}",
        )


@pytest.mark.parametrize(
    ("lines", "key", "what"),
    [
        ([], "auth_password", 'is missing; give it, or auth_key, or auth = "none"'),
        ([PRIV], "auth_password", "is missing"),
        ([AUTH], "priv_password", 'is missing; give it, or priv_key, or priv = "none"'),
        (["auth = 'SHA256'", AUTH, PRIV], "auth", "is 'SHA256', allowed are SHA-256, MD5, SHA-1,"),
        ([AUTH, "priv = '3DES'", PRIV], "priv", "is '3DES', allowed are AES-128, DES, AES-192"),
        (["auth = 'none'", AUTH], "auth_password", 'is there, but auth is "none"'),
        (["auth = 'none'", "auth_key = ''"], "auth_key", 'is there, but auth is "none"'),
        (["auth = 'none'", PRIV], "priv_password", 'is there, but priv is "none"'),
        ([AUTH, PRIV, "priv = 'none'"], "priv_password", 'is there, but priv is "none"'),
        (["auth = 'none'", "priv = 'DES'", PRIV], "priv_password", "privacy needs authentication"),
        (["auth_password = 'seven77'"], "auth_password", "a passphrase needs 8 octets at least"),
        (["auth_password = ''"], "auth_password", "either a passphrase or a localised key"),
        (["auth_password = 8"], "auth_password", "must be a text, not a whole number"),
        (["auth_password = 'pässwörter'"], "auth_password", "not printable ASCII"),
        ([AUTH, "priv_password = 'short'"], "priv_password", "a passphrase needs 8 octets"),
        ([AUTH, f"auth_key = '{AUTH_KEY}'"], "auth_key", "stands beside auth_password; give one"),
        (["auth_key = 'no key'"], "auth_key", "is not in hexadecimal digits"),
        (["auth_key = ''"], "auth_key", "either a passphrase or a localised key"),
        ([f"auth_key = '{PRIV_KEY}'"], "auth_key", "a localised key for SHA-256 has 32 octets"),
        ([AUTH, f"priv_key = '{AUTH_KEY}'"], "priv_key", "a localised key for AES-128 has 16 oct"),
        ([AUTH, PRIV, "level = 'high'"], "level", "allowed are authPriv, authNoPriv, noAuthNoPriv"),
        ([AUTH, "priv='none'", "level='authPriv'"], "level", "allowed are authNoPriv, noAuthNoPri"),
        (["auth = 'none'", "level = 'authNoPriv'"], "level", "allowed are noAuthNoPriv"),
        ([AUTH, PRIV, "access = 'all'"], "access", "is 'all', allowed are read, write"),
        ([AUTH, PRIV, "group = 'x'", "access = 'read'"], "access", "does not go with group"),
        ([AUTH, PRIV, "group = 'x'", "level = 'authPriv'"], "level", "does not go with group"),
        ([AUTH, PRIV, "group = 'x'"], "group", "no [[snmp.access]] has the group 'x'"),
        ([AUTH, PRIV, "group = ''"], "group", "is empty"),
        ([AUTH, PRIV, "group = 'own:x'"], "group", "begins with 'own:', which is reserved"),
        ([AUTH, PRIV, "from = ['everywhere']"], "from", "does not appear to be"),
        ([AUTH, PRIV, "from = []"], "from", "must be a list of one text or more"),
        ([AUTH, PRIV, "password = 'x'"], "password", "unknown key; known here: access, auth, auth"),
    ],
)
def test_se04_a_wrong_user_is_said_without_its_secrets(
    lines: list[str], key: str, what: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        parsed(user(*lines))
    message = str(caught.value)
    assert message.startswith(f"flowmib.toml: snmp.user[1].{key}: ")
    assert what in message
    for secret in (AUTH_PASSWORD, PRIV_PASSWORD, AUTH_KEY, PRIV_KEY, "seven77", "no key"):
        assert secret not in message


@pytest.mark.parametrize(("name", "what"), [("", "is empty"), ("x" * 33, "32 are allowed")])
def test_a_wrong_name(name: str, what: str) -> None:
    with pytest.raises(ConfigError, match=rf"snmp\.user\[1\]\.name: .*{what}"):
        parsed(user(AUTH, PRIV, name=name))


def test_the_same_user_twice() -> None:
    with pytest.raises(ConfigError) as caught:
        parsed(user(AUTH, PRIV), user("auth = 'none'"))
    assert str(caught.value) == ("flowmib.toml: snmp.user[2].name: there is a user 'ops' already")


def test_se04_nothing_secret_is_in_repr() -> None:
    config = parsed(
        "[[snmp.community]]\nname = 'a secret name'",
        user(AUTH, PRIV),
        user(f"auth_key = '{AUTH_KEY}'", f"priv_key = '{PRIV_KEY}'", name="graphs"),
    )
    shown = f"{config!r} {config} {config.snmp.users} {config.snmp.communities}"
    assert "'ops'" in shown
    for secret in ("a secret name", AUTH_PASSWORD, PRIV_PASSWORD):
        assert secret not in shown
    for key in (AUTH_KEY, PRIV_KEY):
        assert key not in shown
        assert repr(bytes.fromhex(key))[2:-1] not in shown


class TestPermissions:
    @pytest.mark.parametrize("mode", [0o600, 0o400, 0o640, 0o440])
    def test_se04_a_file_that_keeps_its_secrets(self, tmp_path: Path, mode: int) -> None:
        assert len(load(self._file(tmp_path, user(AUTH, PRIV), mode)).snmp.users) == 1

    @pytest.mark.parametrize(
        ("mode", "what"),
        [
            (0o644, "everybody may read it"),
            (0o604, "everybody may read it"),
            (0o666, "everybody may read it"),
            (0o660, "others than its owner may change it"),
            (0o620, "others than its owner may change it"),
            (0o602, "others than its owner may change it"),
        ],
    )
    @pytest.mark.parametrize("secret", [AUTH, f"auth_key = '{AUTH_KEY}'"])
    def test_se04_a_file_that_does_not(
        self, tmp_path: Path, mode: int, what: str, secret: str
    ) -> None:
        path = self._file(tmp_path, user(secret, "priv = 'none'"), mode)
        with pytest.raises(ConfigError) as caught:
            load(path)
        assert str(caught.value) == f"{path}: has secrets of users, and {what}: chmod 600 {path}"

    @pytest.mark.parametrize("text", ["", user("auth = 'none'")])
    def test_se04_a_file_without_secrets_is_anybodys(self, tmp_path: Path, text: str) -> None:
        load(self._file(tmp_path, text, 0o666))

    def test_se04_a_link_is_judged_by_what_it_leads_to(self, tmp_path: Path) -> None:
        link = tmp_path / "link.toml"
        link.symlink_to(self._file(tmp_path, user(AUTH, PRIV), 0o644))
        with pytest.raises(ConfigError, match=re.escape(f"chmod 600 {link}")):
            load(link)

    @staticmethod
    def _file(directory: Path, text: str, mode: int) -> Path:
        path = directory / "flowmib.toml"
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
        return path
