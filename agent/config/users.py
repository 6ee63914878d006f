"""``[[snmp.user]]``: users of SNMPv3, with their passphrases or localised keys."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

from agent.config.section import Section
from agent.snmp.security import SecurityLevel
from agent.snmp.usm.protocols import AUTH_PROTOCOLS, PRIV_PROTOCOLS
from agent.snmp.usm.users import Secret, UserSettings

__all__ = ["highest_level", "parse_settings", "weaknesses"]

_NONE = "none"
_AUTH = "SHA-256"
_PRIV = "AES-128"


def parse_settings(section: Section) -> UserSettings:
    """Read the name, the protocols and the secrets of a user.

    Raises:
        ConfigError: one of them is missing or wrong. The message has no secret in it.
    """
    nobody = UserSettings(section.name("name"))
    auth = section.choice("auth", *_names(_AUTH, AUTH_PROTOCOLS))
    key, secret = _secret(section, "auth", auth)
    authentic = (
        section.parsed(
            key, auth, lambda name: dataclasses.replace(nobody, auth=name, auth_secret=secret)
        )
        if secret
        else nobody
    )
    priv = section.choice("priv", *_names(_PRIV if secret else _NONE, PRIV_PROTOCOLS))
    key, priv_secret = _secret(section, "priv", priv)
    if not priv_secret:
        return authentic
    return section.parsed(
        key, priv, lambda name: dataclasses.replace(authentic, priv=name, priv_secret=priv_secret)
    )


def _names(first: str, protocols: Mapping[str, object]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((first, *protocols, _NONE)))


def _secret(section: Section, kind: str, protocol: str) -> tuple[str, Secret | None]:
    """Return the secret for a protocol, and the key of the file where it stands."""
    password, key = f"{kind}_password", f"{kind}_key"
    given = [name for name in (password, key) if name in section]
    if protocol == _NONE:
        if given:
            raise section.fail(given[0], f'is there, but {kind} is "none"')
        return kind, None
    if not given:
        raise section.fail(password, f'is missing; give it, or {key}, or {kind} = "none"')
    if len(given) > 1:
        raise section.fail(key, f"stands beside {password}; give one of the two")
    parse = _localized_key if given == [key] else Secret
    return given[0], section.parsed(given[0], section.text(given[0]), parse)


def _localized_key(digits: str) -> Secret:
    try:
        key = bytes.fromhex(digits.removeprefix("0x"))
    except ValueError:
        raise ValueError("is not in hexadecimal digits") from None
    return Secret(key=key)


def highest_level(settings: UserSettings) -> SecurityLevel:
    """Return the level that the user's secrets allow."""
    if settings.priv:
        return SecurityLevel.AUTH_PRIV
    return SecurityLevel.AUTH_NO_PRIV if settings.auth else SecurityLevel.NO_AUTH_NO_PRIV


def weaknesses(section: Section, settings: UserSettings) -> Iterator[str]:
    """Say which protocols should not be used any more, each with its key."""
    if settings.auth and AUTH_PROTOCOLS[settings.auth].weak:
        yield f"{section.key('auth')}: {settings.auth} is weak; use {_AUTH} if the manager can"
    if settings.priv and PRIV_PROTOCOLS[settings.priv].weak:
        yield f"{section.key('priv')}: {settings.priv} is weak; use {_PRIV} if the manager can"
