"""What an SA itself does not tell, and its connection's configuration does (VICI's list-conns)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from datasource.model import AuthMethod, Identity, IpAddress
from datasource.strongswan.fields import (
    ConvertError,
    identity,
    known_address,
    number,
    section,
    subsections,
    text,
)
from datasource.strongswan.packet import Message

__all__ = [
    "UNKNOWN_CONNECTION",
    "Connection",
    "auth_method",
    "lifetime",
    "parse_connection",
]

_AUTH_METHODS = {
    "pre-shared key": AuthMethod.PRE_SHARED_KEY,
    "public key": AuthMethod.SIGNATURE,
    "EAP": AuthMethod.EAP,
}


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection of the configuration."""

    lifetime: int | None = None
    """Seconds after which an IKE SA is replaced, by rekeying or reauthentication."""
    auth_method: AuthMethod | None = None
    """Of the peer, in its first round."""
    rekey_octets: Mapping[str, int | None] = field(default_factory=dict)
    """By the name of the child."""
    local_identity: Identity | None = None
    """In its first round; None where it is not fixed. So are the following."""
    remote_identity: Identity | None = None
    local_address: IpAddress | None = None
    remote_address: IpAddress | None = None
    has_certificate: bool = False
    """This side proves itself by one, in its first round."""


UNKNOWN_CONNECTION = Connection()


def parse_connection(name: str, fields: Message) -> Connection:
    """Convert a connection of list-conns.

    Raises:
        ConvertError: it is malformed.
    """
    try:
        return Connection(
            lifetime=lifetime(fields),
            auth_method=auth_method(fields),
            rekey_octets={
                child: number(config, "rekey_bytes", 0) or None
                for child, config in subsections(section(fields, "children"))
            },
            local_identity=identity(section(fields, "local-1"), "id"),
            remote_identity=identity(section(fields, "remote-1"), "id"),
            local_address=_only_address(fields, "local_addrs"),
            remote_address=_only_address(fields, "remote_addrs"),
            has_certificate=text(section(fields, "local-1"), "class", "") == "public key",
        )
    except ConvertError as error:
        raise error.of(f"connection {name}") from None


def lifetime(fields: Message) -> int | None:
    """Return the seconds after which an IKE SA is replaced, by rekeying or reauthentication."""
    times = (number(fields, "reauth_time", 0), number(fields, "rekey_time", 0))
    return min((time for time in times if time), default=None)


def auth_method(fields: Message) -> AuthMethod | None:
    """Return how the peer proves who it is, in its first round."""
    return _AUTH_METHODS.get(text(section(fields, "remote-1"), "class", ""))


def _only_address(fields: Message, name: str) -> IpAddress | None:
    value = fields.get(name)
    if not isinstance(value, list) or len(value) != 1:
        return None
    return known_address(value[0].decode("utf-8", "replace"))
