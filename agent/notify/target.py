"""Whom notifications are sent to, and how (RFC 3413 sections 4.1 and 4.2), as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field

from agent.notify.names import EVERYTHING
from agent.snmp.security import SecurityLevel, SecurityModel
from agent.snmp.usm.users import UserSettings

__all__ = ["Target"]


@dataclass(frozen=True, slots=True)
class Target:
    """A receiver of notifications."""

    text: str
    """Its address, as the operator wrote it."""
    host: str
    port: int
    model: SecurityModel
    security_name: bytes = field(compare=False)
    """What access control knows it by. Of a community it changes with the place in the file."""
    level: SecurityLevel = SecurityLevel.NO_AUTH_NO_PRIV
    community: bytes = field(default=b"", repr=False)
    """Of SNMPv1 and SNMPv2c."""
    user: UserSettings | None = None
    """Of SNMPv3, with no more secrets than the level needs."""
    inform: bool = False
    timeout: float = 5.0
    """Seconds that the first answer to an inform may take. Each further one may take longer."""
    retries: int = 3
    """How often an inform is sent again."""
    send: frozenset[str] = EVERYTHING
    """Descriptors of the notifications that it wants."""
    contexts: frozenset[bytes] | None = None
    """Those whose notifications it wants; None for all."""
    queue: int = 20_000
    """Notifications that wait at most; then the oldest are dropped."""
    rate: int = 2_500
    """Notifications a second at most."""
    source: str = ""
    """Own address to send from. If empty, the system chooses."""
    agent_address: str = ""
    """IPv4 address in SNMPv1 traps. If empty, the one that they are sent from."""

    def wants(self, name: str, context: bytes) -> bool:
        """Whether it is to be told of a notification of this descriptor, from this context."""
        return name in self.send and (self.contexts is None or context in self.contexts)

    @property
    def way(self) -> tuple[object, ...]:
        """Equal for two targets when what waits for one may as well be sent to the other."""
        name = self.user.name if self.user else ""
        community = self.community, name, self.level
        return self.host, self.port, self.source, self.model, *community, self.inform

    @property
    def title(self) -> str:
        """What a line of the log calls it."""
        version = {SecurityModel.V1: "v1", SecurityModel.V2C: "v2c"}.get(self.model, "v3")
        return f"{version} {'informs' if self.inform else 'traps'} to {self.text}"
