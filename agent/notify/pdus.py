"""A notification as the PDUs that carry it (RFC 3416 section 4.2.6, RFC 1157 section 4.1.6).

All targets share what is encoded, and nothing is encoded before a target wants it.
"""

from __future__ import annotations

from functools import lru_cache

from agent.snmp.message import INFORM_REQUEST, TRAP, TRAP_V1, decode_bindings, encode_pdu
from mibs import ber
from mibs.ber import encode_integer, encode_tlv, encode_value
from mibs.notification import Notification
from mibs.smi import Oid

__all__ = ["Pdus"]

_INFORM_REQUEST = bytes((INFORM_REQUEST,))
_SYS_UP_TIME = encode_tlv(ber.OBJECT_IDENTIFIER, ber.encode_oid((1, 3, 6, 1, 2, 1, 1, 3, 0)))
_SNMP_TRAP_OID = encode_tlv(
    ber.OBJECT_IDENTIFIER, ber.encode_oid((1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0))
)
_SNMP_TRAPS = (1, 3, 6, 1, 6, 3, 1, 1, 5)
"""What the notifications of SNMPv2-MIB are under, which SNMPv1 has as generic traps."""
_ENTERPRISE_SPECIFIC = 6


class Pdus:
    """The PDUs of one notification.

    Args:
        notification: what happened.
        request_id: 0 to 2147483647, the same for all targets and every time that it is sent, so
            that a receiver can tell a duplicate.
    """

    __slots__ = ("_has_counter64", "_names", "_trap", "notification", "request_id")

    def __init__(self, notification: Notification, request_id: int) -> None:
        self.notification = notification
        self.request_id = request_id
        self._names: tuple[bytes, ...] = ()
        self._trap = b""
        self._has_counter64: bool | None = None

    @property
    def names(self) -> tuple[bytes, ...]:
        """Encoded OIDs that a target must have in its view (RFC 3413 section 3.3).

        They are the notification's own, and those of its objects, which are all variable bindings
        but sysUpTime.0 and snmpTrapOID.0.
        """
        if not self._names:
            self._names = (
                _encoded(self.notification.trap_oid),
                *map(ber.name_of, self.notification.varbinds),
            )
        return self._names

    @property
    def has_counter64(self) -> bool:
        """Whether there is no SNMPv1 trap of it (RFC 3584 section 3.2)."""
        if self._has_counter64 is None:
            bindings = decode_bindings(b"".join(self.notification.varbinds))
            self._has_counter64 = any(binding.tag == ber.COUNTER64 for binding in bindings)
        return self._has_counter64

    def trap(self) -> bytes:
        """Return the SNMPv2-Trap-PDU."""
        if not self._trap:
            notification = self.notification
            varbinds = (
                encode_tlv(
                    ber.SEQUENCE, _SYS_UP_TIME + encode_value(ber.TIME_TICKS, notification.up_time)
                ),
                _trap_oid_binding(notification.trap_oid),
                *notification.varbinds,
            )
            self._trap = encode_pdu(TRAP, encode_integer(self.request_id), b"".join(varbinds))
        return self._trap

    def inform(self) -> bytes:
        """Return the InformRequest-PDU. It differs in its tag."""
        return _INFORM_REQUEST + self.trap()[1:]

    def trap_v1(self, agent_address: bytes) -> bytes:
        """Return the Trap-PDU of SNMPv1; there must be no Counter64.

        Args:
            agent_address: the four octets of agent-addr.
        """
        notification = self.notification
        enterprise, kind = _enterprise_and_kind(notification.trap_oid)
        content = (
            enterprise,
            encode_tlv(ber.IP_ADDRESS, agent_address),
            kind,
            encode_value(ber.TIME_TICKS, notification.up_time),
            encode_tlv(ber.SEQUENCE, b"".join(notification.varbinds)),
        )
        return encode_tlv(TRAP_V1, b"".join(content))


# There are a few notifications, and many of each.
@lru_cache(maxsize=64)
def _encoded(oid: Oid) -> bytes:
    return ber.encode_oid(oid)


@lru_cache(maxsize=64)
def _trap_oid_binding(trap_oid: Oid) -> bytes:
    return encode_tlv(
        ber.SEQUENCE, _SNMP_TRAP_OID + encode_tlv(ber.OBJECT_IDENTIFIER, _encoded(trap_oid))
    )


@lru_cache(maxsize=64)
def _enterprise_and_kind(trap_oid: Oid) -> tuple[bytes, bytes]:
    """Return enterprise, then generic-trap and specific-trap (RFC 3584 section 3.2)."""
    *root, last = trap_oid
    if tuple(root) == _SNMP_TRAPS and 1 <= last <= _ENTERPRISE_SPECIFIC:
        kind = encode_integer(last - 1) + encode_integer(0)
    else:
        kind = encode_integer(_ENTERPRISE_SPECIFIC) + encode_integer(last)
        if root[-1] == 0:
            root.pop()
    return encode_tlv(ber.OBJECT_IDENTIFIER, ber.encode_oid(root)), kind
