"""agent.notify.communities: messages of SNMPv1 and SNMPv2c, and what counts as an answer."""

from __future__ import annotations

from typing import Any

import pytest
from pyasn1.codec.ber import decoder, encoder
from pysnmp.proto import api

from agent.notify.communities import TrapsV1, V2cMessages
from agent.notify.messages import Answer, Verdict
from mibs.ber import BerError
from tests.originating import pdus_of


def decoded(message: bytes) -> tuple[int, bytes, Any]:
    version = int(api.decodeMessageVersion(message))
    protocol: Any = api.PROTOCOL_MODULES[version]
    read, rest = decoder.decode(message, asn1Spec=protocol.Message())
    assert not rest
    return (
        version,
        bytes(protocol.apiMessage.get_community(read)),
        protocol.apiMessage.get_pdu(read),
    )


def response(
    request_id: int,
    *,
    community: bytes = b"public",
    error_status: int = 0,
    version: int = 1,
    kind: str = "ResponsePDU",
) -> bytes:
    protocol: Any = api.PROTOCOL_MODULES[version]
    pdu = getattr(protocol, kind)()
    protocol.apiPDU.set_defaults(pdu)
    protocol.apiPDU.set_request_id(pdu, request_id)
    protocol.apiPDU.set_error_status(pdu, error_status)
    message = protocol.Message()
    protocol.apiMessage.set_defaults(message)
    protocol.apiMessage.set_community(message, community)
    protocol.apiMessage.set_pdu(message, pdu)
    encoded: bytes = encoder.encode(message)
    return encoded


class TestTraps:
    def test_no01_version_2c(self) -> None:
        version, community, pdu = decoded(V2cMessages(b"secret").trap(pdus_of(7), "192.0.2.1"))
        assert (version, community, type(pdu).__name__) == (1, b"secret", "SNMPv2TrapPDU")

    @pytest.mark.parametrize(
        ("configured", "source", "shown"),
        [
            ("", "192.0.2.1", "192.0.2.1"),
            ("198.51.100.7", "192.0.2.1", "198.51.100.7"),
            ("198.51.100.7", "2001:db8::1", "198.51.100.7"),
            ("", "2001:db8::1", "0.0.0.0"),
        ],
    )
    def test_no01_version_1_and_agent_addr(self, configured: str, source: str, shown: str) -> None:
        version, community, pdu = decoded(TrapsV1(b"x", configured).trap(pdus_of(7), source))
        assert (version, community, type(pdu).__name__) == (0, b"x", "TrapPDU")
        assert api.PROTOCOL_MODULES[0].apiTrapPDU.get_agent_address(pdu).prettyPrint() == shown


class TestInforms:
    def test_no02_the_request_id_is_the_same_every_time(self) -> None:
        messages = V2cMessages(b"public")
        assert messages.encode(pdus_of(7), 0.0) == messages.encode(pdus_of(7), 9.0)
        outgoing = messages.encode(pdus_of(7), 0.0)
        assert (outgoing.key, outgoing.is_inform) == (7, True)
        _, _, pdu = decoded(outgoing.message)
        assert type(pdu).__name__ == "InformRequestPDU"

    @pytest.mark.parametrize("error_status", [0, 5, 16])
    def test_no02_a_response(self, error_status: int) -> None:
        answer = V2cMessages(b"public").decode(response(7, error_status=error_status), {7}, 0.0)
        assert answer == Answer(7, Verdict.RESPONSE, 7, error_status)

    @pytest.mark.parametrize(
        "data",
        [
            response(8),
            response(7, community=b"other"),
            response(7, version=0, kind="GetResponsePDU"),
            response(7, kind="InformRequestPDU"),
            response(7, kind="ReportPDU"),
        ],
        ids=["another request-id", "another community", "v1", "no Response", "a Report"],
    )
    def test_no02_no_answer(self, data: bytes) -> None:
        assert V2cMessages(b"public").decode(data, {7}, 0.0) is None

    @pytest.mark.parametrize("data", [b"", b"\x30", response(7)[:-1], b"x" * 100])
    def test_se02_garbage(self, data: bytes) -> None:
        with pytest.raises(BerError):
            V2cMessages(b"public").decode(data, {7}, 0.0)
