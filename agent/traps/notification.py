"""A notification as it came in, and how it is printed: a block of text, or a line of JSON.

The JSON object has these keys, always all of them, in this order:

``time``
    when it came in: ISO 8601, local, with the offset.
``sender``
    IP address that it came from.
``version``
    ``"1"``, ``"2c"`` or ``"3"``.
``kind``
    ``"trap"`` or ``"inform"``.
``user``, ``level``, ``engine``
    of SNMPv3, else null: the user, the security level such as ``"authPriv"``, and the authoritative
    engine's ID in hexadecimal digits, which is the sender's for a trap and ours for an inform.
``context``
    name of the SNMP context; empty for the default.
``up_time``
    the sender's sysUpTime in hundredths of a second; null if it sent none.
``notification``
    its name in the MIB, such as ``"cikeTunnelStart"``; null if no MIB has it.
``oid``
    the value of snmpTrapOID.0, dotted; null if there was none.
``v1``
    null, or of SNMPv1 an object with ``enterprise`` (dotted), ``generic``, ``specific`` (numbers)
    and ``agent_address``.
``objects``
    a list, in the order in which they were sent, of objects with

    ``name``
        of the object in the MIB; null if no MIB has it.
    ``index``
        its index, cut by the INDEX clause: numbers and texts. ``[0]`` for a scalar, ``[]`` if no
        MIB has the object, the numbers one by one if they do not fit the clause.
    ``oid``
        of the instance, dotted.
    ``type``
        on the wire, such as ``"INTEGER"`` or ``"OCTET STRING"``.
    ``value``
        a number of any integer type, also of an enumeration; text of a text, and of an address
        or an OID as it is written; ``"0x"`` and hexadecimal digits of octets that are no text;
        null of a value that there is not.
    ``text``
        the value as the text output has it, such as ``"peerLost(5)"`` or ``"3600 seconds"``.

A community is a secret, so it is in neither output.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias

from agent.snmp.security import SecurityLevel
from agent.traps.decode import DecodedObject, Decoder, Value, dotted, duration
from mibs import ber
from mibs.smi import Oid

__all__ = ["Received", "Security", "TrapV1", "Varbind", "json_line", "text_block"]

Varbind: TypeAlias = tuple[Oid, int, Value]
"""An instance, the BER tag of its value, and the value."""

_SYS_UP_TIME: Oid = (1, 3, 6, 1, 2, 1, 1, 3, 0)
_TRAP_OID: Oid = (1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0)
_TRAP_COMMUNITY: Oid = (1, 3, 6, 1, 6, 3, 18, 1, 4, 0)
"""snmpTrapCommunity.0, which a proxy adds (RFC 3584 section 3.1)."""


@dataclass(frozen=True, slots=True)
class Security:
    """Who sent it, proved as far as the level says (RFC 3414)."""

    user: str
    level: SecurityLevel
    engine_id: bytes
    """msgAuthoritativeEngineID."""


@dataclass(frozen=True, slots=True)
class TrapV1:
    """What only a Trap-PDU has (RFC 1157 section 4.1.6)."""

    enterprise: Oid
    agent_address: str
    generic: int
    specific: int


@dataclass(frozen=True, slots=True)
class Received:
    """A notification in the form of SNMPv2, whatever version it came in."""

    at: datetime
    """When it came in, with a time zone."""
    sender: str
    """An IP address."""
    version: Literal["1", "2c", "3"]
    kind: Literal["trap", "inform"]
    varbinds: Sequence[Varbind]
    """sysUpTime.0, snmpTrapOID.0 and the objects, if the sender kept to that."""
    security: Security | None = None
    """Of SNMPv3."""
    context: str = ""
    v1: TrapV1 | None = None


@dataclass(frozen=True, slots=True)
class _Decoded:
    """What is common to both outputs."""

    up_time: int | None
    oid: Oid | None
    name: str | None
    objects: list[DecodedObject]


def _decode(received: Received, decoder: Decoder) -> _Decoded:
    rest = list(received.varbinds)
    up_time = oid = None
    match rest:
        case [(name, ber.TIME_TICKS, int(ticks)), *_] if name == _SYS_UP_TIME:
            up_time = ticks
            del rest[0]
    match rest:
        case [(name, ber.OBJECT_IDENTIFIER, tuple(value)), *_] if name == _TRAP_OID:
            oid = value
            del rest[0]
    return _Decoded(
        up_time,
        oid,
        None if oid is None else decoder.notification(oid),
        [decoder.object(*varbind) for varbind in rest if varbind[0] != _TRAP_COMMUNITY],
    )


def text_block(received: Received, decoder: Decoder) -> str:
    """Return it as an operator reads it: some lines, then an empty one."""
    decoded = _decode(received, decoder)
    return "".join(f"{line}\n" for line in (*_lines(received, decoded), ""))


def _lines(received: Received, decoded: _Decoded) -> Iterator[str]:
    time = received.at.isoformat(timespec="milliseconds")
    head = [f"{time} {received.sender} v{received.version} {received.kind}"]
    if security := received.security:
        head += [f"user {security.user!r}", security.level.label]
        if received.kind == "trap":
            head.append(f"engine {security.engine_id.hex()}")
    if received.context:
        head.append(f"context {received.context!r}")
    yield ", ".join(head)
    if v1 := received.v1:
        yield (
            f"  enterprise {dotted(v1.enterprise)}, generic {v1.generic},"
            f" specific {v1.specific}, agent {v1.agent_address}"
        )
    number = "no snmpTrapOID.0" if decoded.oid is None else dotted(decoded.oid)
    up_time = "" if decoded.up_time is None else f", sysUpTime {duration(decoded.up_time)}"
    yield f"  {decoded.name or number}{up_time}"
    for item in decoded.objects:
        yield f"    {item.label} = {item.text}"


def json_line(received: Received, decoder: Decoder) -> str:
    """Return it as a program reads it: one line."""
    decoded = _decode(received, decoder)
    security, v1 = received.security, received.v1
    found: dict[str, Any] = {
        "time": received.at.isoformat(timespec="milliseconds"),
        "sender": received.sender,
        "version": received.version,
        "kind": received.kind,
        "user": security and security.user,
        "level": security and security.level.label,
        "engine": security and security.engine_id.hex(),
        "context": received.context,
        "up_time": decoded.up_time,
        "notification": decoded.name,
        "oid": None if decoded.oid is None else dotted(decoded.oid),
        "v1": v1
        and {
            "enterprise": dotted(v1.enterprise),
            "generic": v1.generic,
            "specific": v1.specific,
            "agent_address": v1.agent_address,
        },
        "objects": [
            {
                "name": item.name,
                "index": item.index,
                "oid": dotted(item.oid),
                "type": item.type,
                "value": item.value,
                "text": item.text,
            }
            for item in decoded.objects
        ],
    }
    return f"{json.dumps(found)}\n"
