"""Connections of list-conns, to what is configured (:mod:`datasource.configuration`).

Fields are those of list-conns in strongSwan's src/libcharon/plugins/vici/README.md. What they
do not tell, above all the proposals, swanctl.conf may (:mod:`datasource.strongswan.swanctl_conf`).
"""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Iterable, Iterator, Sequence

from datasource.configuration import Child, Connection, Policy
from datasource.model import EncapsulationMode, Identity, IpAddress
from datasource.strongswan.connection import auth_method, lifetime
from datasource.strongswan.default_proposals import CHILD_LIFETIME
from datasource.strongswan.fields import (
    ConvertError,
    identity,
    known_address,
    number,
    section,
    subsections,
    text,
    texts,
)
from datasource.strongswan.packet import Message
from datasource.strongswan.swanctl_conf import Declared, DeclaredChild

__all__ = ["complete", "parse_configured"]

_MODES = {
    "TUNNEL": EncapsulationMode.TUNNEL,
    "TRANSPORT": EncapsulationMode.TRANSPORT,
    "BEET": EncapsulationMode.BEET,
}
_SHUNTS = ("PASS", "DROP")
"""What such a child selects is not protected: it never has an SA."""
_WITH_ACCOUNTS = ("EAP", "XAuth")


def parse_configured(name: str, fields: Message) -> Connection | None:
    """Convert a connection of list-conns; None where it is about traffic that is not protected.

    Raises:
        ConvertError: it is malformed.
    """
    try:
        configs = tuple(subsections(section(fields, "children")))
        children = tuple(_child(child, config) for child, config in configs if not _shunt(config))
        if configs and not children:
            return None
        locals_, remotes = texts(fields, "local_addrs"), texts(fields, "remote_addrs")
        addresses = () if any(map(_is_any, locals_)) else tuple(_addresses(locals_))
        rounds = [one for kind, one in subsections(fields) if kind.startswith("remote-")]
        return Connection(
            name=name,
            children=children,
            local_addresses=addresses,
            peers=tuple(_peers(remotes)),
            dynamic=any(map(_is_any, remotes)) or not any(map(_is_host, remotes)),
            local_identity=_local_identity(section(fields, "local-1"), addresses),
            auth_method=auth_method(fields),
            lifetime=lifetime(fields),
            keepalive=number(fields, "dpd_delay", 0) or None,
            easy_vpn=any(text(one, "class", "") in _WITH_ACCOUNTS for one in rounds),
        )
    except ConvertError as error:
        raise error.of(f"connection {name}") from None


def complete(connection: Connection, declared: Declared) -> Connection:
    """Add to a connection what the file says of it."""
    proposals = declared.proposals
    return dataclasses.replace(
        connection,
        policies=None
        if proposals is None
        else tuple(
            Policy(proposal, connection.auth_method, connection.lifetime) for proposal in proposals
        ),
        uses_defaults=declared.uses_defaults,
        children=tuple(
            _complete_child(child, declared.children[child.name]) for child in connection.children
        ),
    )


def _complete_child(child: Child, declared: DeclaredChild) -> Child:
    return dataclasses.replace(
        child,
        transforms=declared.transforms,
        uses_defaults=declared.uses_defaults,
        lifetime=declared.rekey_time or child.lifetime or declared.life_time or None,
    )


def _local_identity(own: Message, addresses: Sequence[IpAddress]) -> Identity | None:
    """Return what the gateway calls itself, also where only charon's default tells that."""
    said = identity(own, "id")
    if said is None and text(own, "class", "") == "pre-shared key" and len(addresses) == 1:
        return Identity.parse(str(addresses[0]))
    return said


def _child(name: str, config: Message) -> Child:
    rekey_time = number(config, "rekey_time", 0)
    return Child(
        name=name,
        local_selectors=texts(config, "local-ts"),
        remote_selectors=texts(config, "remote-ts"),
        mode=_MODES.get(text(config, "mode", "")),
        # Whether what is the default was written down as well, this does not tell.
        lifetime=None if rekey_time in (0, CHILD_LIFETIME) else rekey_time,
        lifetime_octets=number(config, "rekey_bytes", 0) or None,
    )


def _shunt(config: Message) -> bool:
    return text(config, "mode", "") in _SHUNTS


def _peers(hosts: Iterable[str]) -> Iterator[IpAddress | None]:
    return (_address(host) for host in hosts if _is_host(host))


def _addresses(hosts: Iterable[str]) -> Iterator[IpAddress]:
    return (address for address in map(_address, hosts) if address is not None)


def _address(host: str) -> IpAddress | None:
    """Return the address of a host, None where it is known by its name only."""
    ends = _range(host)
    return known_address(host) if ends is None else ends[0]


def _is_any(host: str) -> bool:
    if host.startswith("%any") or host in ("0.0.0.0", "::"):  # noqa: S104 - no socket is bound
        return True
    ends = _range(host)
    return ends is not None and int(ends[1]) - int(ends[0]) == 2 ** ends[0].max_prefixlen - 1


def _is_host(host: str) -> bool:
    ends = _range(host)
    return not _is_any(host) and (ends is None or ends[0] == ends[1])


def _range(host: str) -> tuple[IpAddress, IpAddress] | None:
    """Return the ends of a subnet or a range, None where it is a single host."""
    try:
        if "/" in host:
            network = ipaddress.ip_network(host, strict=False)
            return network[0], network[-1]
        # A host's name may have a hyphen too.
        first, last = map(ipaddress.ip_address, host.split("-"))
    except ValueError:
        return None
    return first, last
