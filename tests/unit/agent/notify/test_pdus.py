"""agent.notify.pdus: what pysnmp reads in them."""

from __future__ import annotations

from typing import Any

import pytest
from pyasn1.codec.ber import decoder
from pysnmp.proto import api

from agent.notify.pdus import Pdus
from mibs import ber
from mibs.notification import Notification
from mibs.smi import Oid
from tests.originating import COLD_START, bindings, pdus_of, start_of

SYS_UP_TIME = (1, 3, 6, 1, 2, 1, 1, 3, 0)
SNMP_TRAP_OID = (1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0)
HC_IN_OCTETS = (1, 3, 6, 1, 4, 1, 9, 9, 171, 1, 3, 2, 1, 29, 1)

_v1: Any = api.PROTOCOL_MODULES[api.SNMP_VERSION_1]
_v2c: Any = api.PROTOCOL_MODULES[api.SNMP_VERSION_2C]


def plain(varbinds: Any) -> list[tuple[Oid, Any]]:
    return [
        (tuple(name), tuple(value) if type(value).__name__ == "ObjectIdentifier" else value)
        for name, value in varbinds
    ]


class TestVersion2:
    @pytest.mark.parametrize("kind", ["trap", "inform"])
    def test_no04_objects_follow_the_two_that_are_always_there(self, kind: str) -> None:
        encoded = getattr(pdus_of(5), kind)()
        spec = _v2c.SNMPv2TrapPDU() if kind == "trap" else _v2c.InformRequestPDU()
        pdu, rest = decoder.decode(encoded, asn1Spec=spec)
        assert not rest
        assert int(_v2c.apiPDU.get_request_id(pdu)) == 5
        first, second, *others = plain(_v2c.apiPDU.get_varbinds(pdu))
        assert (first[0], int(first[1]), type(first[1]).__name__) == (
            SYS_UP_TIME,
            1005,
            "TimeTicks",
        )
        assert second == (SNMP_TRAP_OID, (1, 3, 6, 1, 4, 1, 9, 9, 171, 2, 0, 1))
        names = [name for name, _ in others]
        assert names == [varbind.name for varbind in bindings(5)]

    def test_no02_it_is_encoded_once(self) -> None:
        pdus = pdus_of(5)
        assert pdus.trap() is pdus.trap()
        assert pdus.inform()[1:] == pdus.trap()[1:]

    def test_a_notification_without_objects(self) -> None:
        pdu, _ = decoder.decode(Pdus(COLD_START, 1).trap(), asn1Spec=_v2c.SNMPv2TrapPDU())
        assert len(_v2c.apiPDU.get_varbinds(pdu)) == 2

    def test_up_time_is_taken_modulo_its_size(self) -> None:
        late = Notification("coldStart", COLD_START.trap_oid, 2**32 + 5)
        pdu, _ = decoder.decode(Pdus(late, 1).trap(), asn1Spec=_v2c.SNMPv2TrapPDU())
        assert int(_v2c.apiPDU.get_varbinds(pdu)[0][1]) == 5


class TestVersion1:
    @pytest.mark.parametrize(
        ("trap_oid", "enterprise", "generic", "specific"),
        [
            ((1, 3, 6, 1, 4, 1, 9, 9, 171, 2, 0, 1), (1, 3, 6, 1, 4, 1, 9, 9, 171, 2), 6, 1),
            ((1, 3, 6, 1, 4, 1, 9, 10, 62, 2, 0, 7), (1, 3, 6, 1, 4, 1, 9, 10, 62, 2), 6, 7),
            ((1, 3, 6, 1, 4, 1, 8, 3), (1, 3, 6, 1, 4, 1, 8), 6, 3),
            ((1, 3, 6, 1, 6, 3, 1, 1, 5, 1), (1, 3, 6, 1, 6, 3, 1, 1, 5), 0, 0),
            ((1, 3, 6, 1, 6, 3, 1, 1, 5, 5), (1, 3, 6, 1, 6, 3, 1, 1, 5), 4, 0),
            ((1, 3, 6, 1, 6, 3, 1, 1, 5, 6), (1, 3, 6, 1, 6, 3, 1, 1, 5), 5, 0),
            ((1, 3, 6, 1, 6, 3, 1, 1, 5, 7), (1, 3, 6, 1, 6, 3, 1, 1, 5), 6, 7),
        ],
    )
    def test_no01_rfc_3584_section_3_2(
        self, trap_oid: Oid, enterprise: Oid, generic: int, specific: int
    ) -> None:
        pdus = Pdus(Notification("any", trap_oid, 77), 1)
        pdu, rest = decoder.decode(pdus.trap_v1(bytes((192, 0, 2, 1))), asn1Spec=_v1.TrapPDU())
        assert not rest
        trap = _v1.apiTrapPDU
        assert tuple(trap.get_enterprise(pdu)) == enterprise
        assert (int(trap.get_generic_trap(pdu)), int(trap.get_specific_trap(pdu))) == (
            generic,
            specific,
        )
        assert trap.get_agent_address(pdu).prettyPrint() == "192.0.2.1"
        assert int(trap.get_timestamp(pdu)) == 77
        assert not trap.get_varbinds(pdu)

    def test_no04_objects_only(self) -> None:
        pdu, _ = decoder.decode(pdus_of(3).trap_v1(bytes(4)), asn1Spec=_v1.TrapPDU())
        names = [tuple(name) for name, _ in _v1.apiTrapPDU.get_varbinds(pdu)]
        assert names == [varbind.name for varbind in bindings(3)]

    def test_no01_a_counter64_is_found_wherever_it_is(self) -> None:
        assert not pdus_of(1).has_counter64
        assert not Pdus(COLD_START, 1).has_counter64
        octets = HC_IN_OCTETS, ber.COUNTER64, 5
        text = HC_IN_OCTETS, ber.OCTET_STRING, b"\x46\x01\x05"
        assert Pdus(start_of(1, octets), 1).has_counter64
        assert Pdus(start_of(1, octets, text), 1).has_counter64
        assert not Pdus(start_of(1, text), 1).has_counter64


def test_va04_the_names_that_a_view_must_have() -> None:
    assert [ber.decode_oid(name) for name in pdus_of(9).names] == [
        (1, 3, 6, 1, 4, 1, 9, 9, 171, 2, 0, 1),
        *(varbind.name for varbind in bindings(9)),
    ]
