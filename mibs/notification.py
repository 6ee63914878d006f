"""A notification as plain data, ready for any target (RFC 3416 section 4.2.6)."""

from __future__ import annotations

from dataclasses import dataclass

from mibs.smi import Oid

__all__ = ["Notification"]


@dataclass(frozen=True, slots=True)
class Notification:
    """What happened, once for all targets.

    The variable bindings stand here encoded, as they do in a response: name and value of each are
    those that a GET would have given at that moment.
    """

    name: str
    """Its descriptor in the MIB, such as ``cikeTunnelStart``."""
    trap_oid: Oid
    """The value of snmpTrapOID.0."""
    up_time: int
    """The value of sysUpTime.0 when it happened, in hundredths of a second."""
    varbinds: tuple[bytes, ...] = ()
    """Those that follow sysUpTime.0 and snmpTrapOID.0, each with its SEQUENCE."""
    context: bytes = b""
    """The SNMP context that the objects are in."""
