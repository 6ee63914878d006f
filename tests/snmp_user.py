"""A user of SNMPv3, as the agent's configuration and both managers want to know it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PAIRS", "User"]

AUTH = ("MD5", "SHA-1", "SHA-224", "SHA-256", "SHA-384", "SHA-512")
PRIV = ("DES", "AES-128", "AES-192", "AES-256", "AES-192-C", "AES-256-C")

LEVELS = ("noAuthNoPriv", "authNoPriv", "authPriv")


@dataclass(frozen=True)
class User:
    """Protocols are named as in the configuration; without one, the user has none of that kind."""

    name: str
    auth: str | None = None
    priv: str | None = None
    auth_password: str = "maplesyrup"
    priv_password: str = "pancakes with butter"

    @property
    def level(self) -> str:
        """The highest of LEVELS."""
        return LEVELS[(self.auth is not None) + (self.priv is not None)]

    def section(self, *more: str) -> str:
        """Return ``[[snmp.user]]``, with more lines in it."""
        lines = ["[[snmp.user]]", f'name = "{self.name}"', *more]
        for kind, protocol, password in (
            ("auth", self.auth, self.auth_password),
            ("priv", self.priv, self.priv_password),
        ):
            lines.append(f'{kind} = "{protocol or "none"}"')
            if protocol:
                lines.append(f'{kind}_password = "{password}"')
        return "\n".join((*lines, ""))


PAIRS = tuple(
    User(f"{auth}-{priv or 'none'}", auth, priv) for auth in AUTH for priv in (None, *PRIV)
)
"""A user for each pair of protocols."""
