"""SNMP messages by pysnmp's codec: an independent peer of the engine's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from pyasn1.codec.ber import decoder, encoder
from pysnmp.proto import api

__all__ = ["Reply", "Varbind", "items", "read", "request", "varbinds_of"]

Oid = tuple[int, ...]


class Varbind(NamedTuple):
    """What a manager gets to know of a variable binding."""

    name: Oid
    type: str
    """Name of pysnmp's class, such as ``Counter32`` or ``EndOfMibView``."""
    value: Any


class Reply(NamedTuple):
    """A response, decoded."""

    version: int
    community: bytes
    request_id: int
    error_status: int
    error_index: int
    varbinds: list[Varbind]

    @property
    def names(self) -> list[Oid]:
        return [varbind.name for varbind in self.varbinds]

    @property
    def types(self) -> list[str]:
        return [varbind.type for varbind in self.varbinds]

    @property
    def error(self) -> tuple[int, int]:
        return self.error_status, self.error_index


_KINDS = {"get": "GetRequestPDU", "next": "GetNextRequestPDU", "set": "SetRequestPDU"}


def request(
    kind: str,
    names: Sequence[Oid],
    *,
    version: int = 1,
    community: bytes = b"public",
    request_id: int = 1,
    non_repeaters: int = 0,
    max_repetitions: int = 0,
    value: int | None = None,
) -> bytes:
    """Make a request: get, next, set or bulk. A value is one for every name."""
    protocol: Any = api.PROTOCOL_MODULES[version]
    if kind == "bulk":
        pdu = protocol.GetBulkRequestPDU()
        protocol.apiBulkPDU.set_defaults(pdu)
        protocol.apiBulkPDU.set_non_repeaters(pdu, non_repeaters)
        protocol.apiBulkPDU.set_max_repetitions(pdu, max_repetitions)
    else:
        pdu = getattr(protocol, _KINDS[kind])()
        protocol.apiPDU.set_defaults(pdu)
    protocol.apiPDU.set_request_id(pdu, request_id)
    content = protocol.Null("") if value is None else protocol.Integer(value)
    protocol.apiPDU.set_varbinds(pdu, [(name, content) for name in names])
    message = protocol.Message()
    protocol.apiMessage.set_defaults(message)
    protocol.apiMessage.set_community(message, community)
    protocol.apiMessage.set_pdu(message, pdu)
    encoded: bytes = encoder.encode(message)
    return encoded


def read(data: bytes | None) -> Reply:
    """Decode a response; nothing may follow it."""
    assert data is not None, "no answer"
    version = int(api.decodeMessageVersion(data))
    protocol: Any = api.PROTOCOL_MODULES[version]
    message, rest = decoder.decode(data, asn1Spec=protocol.Message())
    assert not rest
    pdu = protocol.apiMessage.get_pdu(message)
    assert isinstance(pdu, protocol.GetResponsePDU if version == 0 else protocol.ResponsePDU)
    return Reply(
        version,
        bytes(protocol.apiMessage.get_community(message)),
        int(protocol.apiPDU.get_request_id(pdu)),
        int(protocol.apiPDU.get_error_status(pdu)),
        int(pdu[2]),
        [_varbind(name, value) for name, value in protocol.apiPDU.get_varbinds(pdu)],
    )


def _varbind(name: Any, value: Any) -> Varbind:
    kind = type(value).__name__
    plain: Any
    if kind in ("OctetString", "IpAddress"):
        plain = bytes(value)
    elif kind in ("ObjectIdentifier", "ObjectIdentity"):
        plain = tuple(value)
    elif kind in ("Null", "NoSuchObject", "NoSuchInstance", "EndOfMibView"):
        plain = None
    else:
        plain = int(value)
    return Varbind(tuple(name), kind, plain)


def items(data: bytes) -> list[tuple[int, bytes, bytes]]:
    """Cut octets into their elements, each as tag, content and the whole.

    Written apart from ``mibs.ber``, and much faster than pysnmp where only sizes matter.
    """
    found = []
    while data:
        size, head = data[1], 2
        if size > 0x7F:
            head += size & 0x7F
            size = int.from_bytes(data[2:head], "big")
        assert len(data) >= head + size
        found.append((data[0], data[head : head + size], data[: head + size]))
        data = data[head + size :]
    return found


def varbinds_of(response: bytes | None) -> list[bytes]:
    """Give the variable bindings of a message, still encoded."""
    assert response is not None, "no answer"
    (message,) = items(response)
    pdu = items(message[1])[2][1]
    return [whole for _, _, whole in items(items(pdu)[3][1])]
