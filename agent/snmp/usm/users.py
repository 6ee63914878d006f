"""Users: as they are configured, and as the engine needs them (RFC 3414 section 2.1)."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from agent.snmp.security import SecurityLevel
from agent.snmp.usm.authentication import Authenticator
from agent.snmp.usm.privacy import Cipher, make_cipher
from agent.snmp.usm.protocols import (
    AUTH_PROTOCOLS,
    PRIV_PROTOCOLS,
    AuthProtocol,
    localize,
    localized_key_for_priv,
    password_to_key,
)

__all__ = ["Secret", "User", "UserSettings", "localized_settings", "make_user"]

_MIN_PASSPHRASE = 8
"""Octets (RFC 3414 section 11.2)."""
_MAX_NAME = 32


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """A passphrase, or a localised key in its place. Neither can be seen in a log.

    Raises:
        ValueError: there are both or none, or a passphrase has less than 8 octets.
    """

    passphrase: str = ""
    key: bytes = b""

    def __post_init__(self) -> None:
        if bool(self.passphrase) == bool(self.key):
            raise ValueError("either a passphrase or a localised key is needed")
        if self.passphrase and len(self.passphrase.encode()) < _MIN_PASSPHRASE:
            raise ValueError(f"a passphrase needs {_MIN_PASSPHRASE} octets at least")

    def __repr__(self) -> str:
        return "Secret(...)"


@dataclass(frozen=True, slots=True)
class UserSettings:
    """A user as somebody configures it. Protocols are named as in ``AUTH_PROTOCOLS`` and so on.

    A secret of privacy may be a passphrase or the whole key for the cipher, extended if need be.

    Raises:
        ValueError: the name is empty or has more than 32 octets, a protocol is not known, one of a
            protocol and its secret is missing, there is privacy without authentication, or a
            localised key has not the length that the protocol wants.
    """

    name: str
    auth: str | None = None
    auth_secret: Secret | None = None
    priv: str | None = None
    priv_secret: Secret | None = None

    def __post_init__(self) -> None:
        if not 0 < len(self.name.encode()) <= _MAX_NAME:
            raise ValueError(f"the name of a user has 1 to {_MAX_NAME} octets")
        if self.priv is not None and self.auth is None:
            raise ValueError("privacy needs authentication")
        for what, name, secret, known in (
            ("authentication", self.auth, self.auth_secret, AUTH_PROTOCOLS),
            ("privacy", self.priv, self.priv_secret, PRIV_PROTOCOLS),
        ):
            if (name is None) != (secret is None):
                raise ValueError(f"{what} needs both a protocol and a secret")
            if name is None or secret is None:
                continue
            if name not in known:
                raise ValueError(f"no {what} protocol {name!r}, there are {', '.join(known)}")
            length = known[name].key_length
            if secret.key and len(secret.key) != length:
                raise ValueError(
                    f"a localised key for {name} has {length} octets, not {len(secret.key)}"
                )


class User:
    """A user with keys, for whom messages can be checked and made.

    Args:
        settings: with localised keys in place of passphrases.
    """

    __slots__ = ("authenticator", "cipher", "level", "name")

    def __init__(self, settings: UserSettings) -> None:
        self.name = settings.name.encode()
        self.level = SecurityLevel.NO_AUTH_NO_PRIV
        """The highest there is for this user. All lower ones are there too."""
        self.authenticator: Authenticator | None = None
        self.cipher: Cipher | None = None
        if settings.auth and settings.auth_secret:
            self.level = SecurityLevel.AUTH_NO_PRIV
            self.authenticator = Authenticator(
                AUTH_PROTOCOLS[settings.auth], settings.auth_secret.key
            )
        if settings.priv and settings.priv_secret:
            self.level = SecurityLevel.AUTH_PRIV
            self.cipher = make_cipher(PRIV_PROTOCOLS[settings.priv], settings.priv_secret.key)

    def __repr__(self) -> str:
        return f"User({self.name!r}, {self.level.name})"


def localized_settings(settings: UserSettings, engine_id: bytes) -> UserSettings:
    """Return the same user with localised keys in place of passphrases, for this engine only."""
    if settings.auth is None:
        return settings
    auth = AUTH_PROTOCOLS[settings.auth]
    auth_secret, priv_secret = settings.auth_secret, settings.priv_secret
    if auth_secret and auth_secret.passphrase:
        auth_secret = Secret(key=_key(auth, auth_secret, engine_id))
    if settings.priv and priv_secret and priv_secret.passphrase:
        key = _key(auth, priv_secret, engine_id)
        priv = PRIV_PROTOCOLS[settings.priv]
        priv_secret = Secret(key=localized_key_for_priv(priv, auth, key, engine_id))
    return dataclasses.replace(settings, auth_secret=auth_secret, priv_secret=priv_secret)


def _key(auth: AuthProtocol, secret: Secret, engine_id: bytes) -> bytes:
    return localize(auth, password_to_key(auth, secret.passphrase.encode()), engine_id)


def make_user(settings: UserSettings, engine_id: bytes) -> User:
    """Return the user, ready to be asked for by messages to this engine."""
    return User(localized_settings(settings, engine_id))
