"""What the agent says it is: the system group (RFC 3418 section 2).

Many managers choose by sysDescr and sysObjectID what to ask for. The Cisco presets begin with what
those look for, and go on with the truth, which none of them minds.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from agent.config import Identity
from mibs.snmpv2_mib import SystemGroup

__all__ = ["Product", "system_group"]

_MAX_TEXT = 255
"""Octets of a DisplayString."""
_ZERO_DOT_ZERO: tuple[int, ...] = (0, 0)
_CISCO: Mapping[str, tuple[str, tuple[int, ...]]] = {
    # ciscoASA5510: one that is in the list of every manager that has one.
    "cisco-asa": ("Cisco Adaptive Security Appliance", (1, 3, 6, 1, 4, 1, 9, 1, 669)),
    # ciscoGatewayServer: of no model, so that no manager thinks that it knows the hardware.
    "cisco-ios": ("Cisco IOS Software,", (1, 3, 6, 1, 4, 1, 9, 1, 1)),
}


@dataclass(frozen=True, slots=True)
class Product:
    """What there is, in truth."""

    version: str
    """Of flowmib."""
    title: str
    """Of the source: a strongSwan gateway, or a simulated one."""
    host: os.uname_result


def system_group(identity: Identity, product: Product) -> SystemGroup:
    """Return what the system group holds: as configured, and the rest as the preset has it."""
    version, title, host = product.version, product.title, product.host
    if identity.preset == "flowmib":
        linux = f"Linux {host.nodename} {host.release} {host.machine}"
        description, name = f"{linux}, flowmib {version}, {title}", host.nodename
        object_id = _ZERO_DOT_ZERO
    else:
        face, object_id = _CISCO[identity.preset]
        truth = f"compatibility agent: flowmib {version} on Linux, not a Cisco device; {title}"
        description, name = f"{face} Version {version}, {truth}", _other_name(host.nodename)
    return SystemGroup(
        description=identity.sys_descr or _printable(description),
        object_id=identity.sys_object_id or object_id,
        contact=identity.sys_contact,
        name=identity.sys_name or _printable(name),
        location=identity.sys_location,
    )


def _other_name(host: str) -> str:
    """Return a name that the host's own agent has not: some managers take no two of one name."""
    name, dot, domain = host.partition(".")
    return f"{name}-vpn{dot}{domain}"


def _printable(text: str) -> str:
    return "".join(
        character if character.isascii() and character.isprintable() else "?" for character in text
    )[:_MAX_TEXT]
