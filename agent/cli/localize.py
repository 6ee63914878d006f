"""``flowmib localize``: users with localised keys, so that no file need hold their passphrases."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Sequence

from agent.config import UserConfig
from agent.snmp.usm.users import UserSettings, localized_settings

__all__ = ["localized_users"]


def localized_users(text: str, users: Sequence[UserConfig], engine_id: bytes) -> str:
    """Return the users of a configuration as TOML, with keys in place of passphrases.

    Args:
        text: of the configuration file.
        users: what was read from it.
        engine_id: of the engine that the keys will be good for (RFC 3414 section 2.6).
    """
    lines: list[str] = []
    for user, table in zip(users, tomllib.loads(text)["snmp"]["user"], strict=True):
        lines += ["[[snmp.user]]", *_lines(table, localized_settings(user.settings, engine_id)), ""]
    return "\n".join(lines)


def _lines(table: dict[str, object], localized: UserSettings) -> Iterator[str]:
    secrets = {"auth_password": localized.auth_secret, "priv_password": localized.priv_secret}
    for key, value in table.items():
        if secret := secrets.get(key):
            yield f'{key.replace("password", "key")} = "{secret.key.hex()}"'
        else:
            # What JSON writes of texts and lists of texts is TOML too.
            yield f"{key} = {json.dumps(value)}"
