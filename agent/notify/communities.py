"""Notifications in messages of SNMPv1 and SNMPv2c (RFC 1157, RFC 1901)."""

from __future__ import annotations

import ipaddress
from collections.abc import Container
from functools import lru_cache

from agent.notify.messages import Answer, Outgoing, Verdict, number_of
from agent.notify.pdus import Pdus
from agent.snmp.message import RESPONSE, VERSION_1, VERSION_2C, decode_envelope, decode_pdu
from mibs import ber
from mibs.ber import encode_header, encode_integer, encode_tlv

__all__ = ["TrapsV1", "V2cMessages"]


class TrapsV1:
    """Traps of SNMPv1.

    Args:
        community: its name.
        agent_address: IPv4 address to show as the agent's; if empty, the one that is sent from.
    """

    def __init__(self, community: bytes, agent_address: str = "") -> None:
        self._head = _head(VERSION_1, community)
        self._agent_address = agent_address

    def trap(self, pdus: Pdus, source: str) -> bytes:
        """Return a whole message."""
        return _message(self._head, pdus.trap_v1(_agent_addr(self._agent_address or source)))


class V2cMessages:
    """Traps and informs of SNMPv2c.

    Args:
        community: its name.
    """

    is_ready = True
    largest = 65507

    def __init__(self, community: bytes) -> None:
        self._community = community
        self._head = _head(VERSION_2C, community)

    def trap(self, pdus: Pdus, source: str) -> bytes:  # noqa: ARG002
        """Return a whole message."""
        return _message(self._head, pdus.trap())

    def encode(self, pdus: Pdus, now: float) -> Outgoing:  # noqa: ARG002
        """Return an inform."""
        return Outgoing(pdus.request_id, _message(self._head, pdus.inform()), is_inform=True)

    def decode(self, data: bytes, expected: Container[int], now: float) -> Answer | None:  # noqa: ARG002
        """Read a Response.

        Raises:
            BerError: it is malformed.
        """
        envelope = decode_envelope(data)
        if (envelope.version, envelope.pdu_type) != (VERSION_2C, RESPONSE):
            return None
        pdu = decode_pdu(data, RESPONSE, envelope.start, envelope.stop)
        request_id = number_of(pdu.request_id)
        if request_id not in expected or envelope.community != self._community:
            return None
        return Answer(request_id, Verdict.RESPONSE, request_id, pdu.error_status)

    def forget(self) -> None:
        """Nothing is known."""


@lru_cache(maxsize=64)
def _agent_addr(host: str) -> bytes:
    address = ipaddress.ip_address(host)
    # There is no place for an IPv6 address (RFC 3584 section 3.2).
    return address.packed if address.version == 4 else bytes(4)


def _head(version: int, community: bytes) -> bytes:
    return encode_integer(version) + encode_tlv(ber.OCTET_STRING, community)


def _message(head: bytes, pdu: bytes) -> bytes:
    return encode_header(ber.SEQUENCE, len(head) + len(pdu)) + head + pdu
