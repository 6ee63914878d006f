"""Notifications by pysnmp's codec, for a receiver that has no socket."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pyasn1.codec.ber import encoder
from pysnmp.proto import api
from pysnmp.proto.rfc1902 import (
    Counter32,
    Counter64,
    Gauge32,
    Integer32,
    IpAddress,
    Null,
    ObjectIdentifier,
    OctetString,
    Opaque,
    TimeTicks,
)

from tests.snmp_peer import Oid

__all__ = [
    "COLD_START",
    "SYS_UP_TIME",
    "TRAP_OID",
    "Counter32",
    "Counter64",
    "Gauge32",
    "Integer32",
    "IpAddress",
    "Null",
    "ObjectIdentifier",
    "OctetString",
    "Opaque",
    "TimeTicks",
    "head",
    "message",
    "message_v1",
    "pdu",
]

SYS_UP_TIME: Oid = (1, 3, 6, 1, 2, 1, 1, 3, 0)
TRAP_OID: Oid = (1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0)
COLD_START: Oid = (1, 3, 6, 1, 6, 3, 1, 1, 5, 1)

Varbinds = Sequence[tuple[Oid, Any]]

_v1: Any = api.PROTOCOL_MODULES[api.SNMP_VERSION_1]
_v2c: Any = api.PROTOCOL_MODULES[api.SNMP_VERSION_2C]
_PDUS = {"trap": _v2c.SNMPv2TrapPDU, "inform": _v2c.InformRequestPDU, "get": _v2c.GetRequestPDU}


def head(up_time: int = 4711, trap_oid: Oid = COLD_START) -> Varbinds:
    """Give the two variable bindings that every notification begins with."""
    return [(SYS_UP_TIME, TimeTicks(up_time)), (TRAP_OID, ObjectIdentifier(trap_oid))]


def _made(kind: str, varbinds: Varbinds) -> Any:
    made = _PDUS[kind]()
    _v2c.apiPDU.set_defaults(made)
    _v2c.apiPDU.set_request_id(made, 7)
    _v2c.apiPDU.set_varbinds(made, varbinds)
    return made


def _encoded(protocol: Any, made: Any, community: bytes) -> bytes:
    whole = protocol.Message()
    protocol.apiMessage.set_defaults(whole)
    protocol.apiMessage.set_community(whole, community)
    protocol.apiMessage.set_pdu(whole, made)
    encoded: bytes = encoder.encode(whole)
    return encoded


def pdu(kind: Literal["trap", "inform", "get"], varbinds: Varbinds) -> bytes:
    """Make a PDU of SNMPv2 for a message of SNMPv3."""
    encoded: bytes = encoder.encode(_made(kind, varbinds))
    return encoded


def message(
    kind: Literal["trap", "inform", "get"], varbinds: Varbinds, *, community: bytes = b"public"
) -> bytes:
    """Make a message of SNMPv2c."""
    return _encoded(_v2c, _made(kind, varbinds), community)


def message_v1(
    varbinds: Varbinds = (),
    *,
    enterprise: Oid = (1, 3, 6, 1, 4, 1, 9, 9, 171, 2),
    generic: int = 6,
    specific: int = 1,
    up_time: int = 4711,
    community: bytes = b"public",
) -> bytes:
    """Make a trap of SNMPv1, of the agent 192.0.2.1."""
    made = _v1.TrapPDU()
    _v1.apiTrapPDU.set_defaults(made)
    _v1.apiTrapPDU.set_enterprise(made, enterprise)
    _v1.apiTrapPDU.set_agent_address(made, "192.0.2.1")
    _v1.apiTrapPDU.set_generic_trap(made, generic)
    _v1.apiTrapPDU.set_specific_trap(made, specific)
    _v1.apiTrapPDU.set_timestamp(made, up_time)
    _v1.apiTrapPDU.set_varbinds(made, varbinds)
    return _encoded(_v1, made, community)
