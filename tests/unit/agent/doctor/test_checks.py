"""agent.doctor.checks: types, enumerations, ranges, sizes and indexes."""

from __future__ import annotations

import pytest

from agent.doctor.checks import EXTENDED, Checker
from agent.doctor.walk import Value, Varbind
from mibs import algorithms, ber
from tests.unit.agent.doctor.made_up import NAMES, Gateway, Oid, peer_index

PEER = peer_index(b"198.51.100.1")


def faults(name: str, index: Oid, tag: int, value: Value, *, extended: bool = True) -> list[str]:
    checker = Checker(NAMES, extended=extended)
    item = NAMES.modules.object(name)
    checker.check(item, Varbind((*item.oid, *index), tag, value))
    return checker.faults()


def test_a_right_gateway() -> None:
    checker = Checker(NAMES, extended=False)
    for varbind in Gateway().varbinds():
        item = NAMES.find(varbind.name)
        assert item is not None
        checker.check(item, varbind)
    assert checker.faults() == []


@pytest.mark.parametrize(
    ("name", "index", "tag", "value", "fault"),
    [
        ("cikeTunStatus", (3,), ber.COUNTER32, 1, "is Counter32, the MIB says INTEGER"),
        ("cikeTunStatus", (3,), 0x99, 1, "is tag 0x99, the MIB says INTEGER"),
        ("cikeTunStatus", (3,), ber.NO_SUCH_INSTANCE, b"", "is noSuchInstance, the MIB says"),
        ("cipSecTunHcInOctets", (3,), ber.COUNTER32, 1, "is Counter32, the MIB says Counter64"),
        ("cikeTunStatus", (3,), ber.INTEGER, 3, "is 3, the MIB knows active(1) destroy(2)"),
        ("cikeTunLifeTime", (3,), ber.INTEGER, 0, "is 0, the MIB says 1 to 2147483647"),
        ("cipSecSpiValue", (3, 1), ber.GAUGE32, 0, "is 0, the MIB says 1 to 4294967295"),
        ("cikeTunLocalAddr", (3,), ber.OCTET_STRING, b"12345", "is 5 octets long, the MIB says"),
        ("sysName", (0,), ber.OCTET_STRING, bytes(256), "is 256 octets long, the MIB says"),
        ("sysName", (0,), ber.OCTET_STRING, b"\xe4", "is no ASCII text"),
        ("sysName", (1,), ber.OCTET_STRING, b"gw", "is a scalar, and its instance is not 0"),
        ("sysName", (), ber.OCTET_STRING, b"gw", "is a scalar, and its instance is not 0"),
        ("cikeTunIndex", (3,), ber.INTEGER, 3, "is not-accessible: no walk may give it"),
        ("cikeTunStatus", (), ber.INTEGER, 1, "has an index that is not of the declared form"),
        ("cikeTunStatus", (0,), ber.INTEGER, 1, "has an index that is not of the declared form"),
        ("cikeTunStatus", (3, 1), ber.INTEGER, 1, "has an index that is not of the declared form"),
        ("cikePeerActiveTime", PEER[:-1], ber.INTEGER, 1, "has an index that is not of the"),
        ("cikePeerActiveTime", (3, *PEER[1:]), ber.INTEGER, 1, "has an index that is not of the"),
        ("cikePeerActiveTime", (1, 300, *PEER[2:]), ber.INTEGER, 1, "has an index that is not"),
        ("cikePeerActiveTime", (1, 1, 256, *PEER[11:]), ber.INTEGER, 1, "has an index that is"),
    ],
)
def test_wrong(name: str, index: Oid, tag: int, value: Value, fault: str) -> None:
    (found,) = faults(name, index, tag, value)
    assert f" {fault}" in found
    assert found.startswith(name)


@pytest.mark.parametrize("name", ["cikePeerActiveTunnelIndex"])
def test_zero_where_the_description_has_a_meaning_for_it(name: str) -> None:
    assert faults(name, PEER, ber.INTEGER, 0) == []
    assert faults(name, PEER, ber.INTEGER, -1) != []


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("cikeTunNegoMode", 3),
        ("cikeTunDiffHellmanGrp", 5),
        ("cikeTunEncryptAlgo", 6),
        ("cikeTunHashAlgo", 7),
        ("cipSecTunInSaEspAuthAlgo", 6),
    ],
)
def test_extended_numbers(name: str, number: int) -> None:
    assert faults(name, (1,), ber.INTEGER, number) == []
    assert faults(name, (1,), ber.INTEGER, number, extended=False) != []
    assert faults(name, (1,), ber.INTEGER, 99) != []


def test_extended_numbers_are_those_that_the_agent_sends() -> None:
    sent = {
        "IkeNegoMode": {3},
        "DiffHellmanGrp": set(algorithms._GROUP_EXTENDED.values()),
        "EncryptAlgo": set(algorithms._AES_BY_KEY_BITS.values()),
        "IkeHashAlgo": set(algorithms._HASH_EXTENDED.values()),
        "AuthAlgo": set(algorithms._AUTH_EXTENDED.values()),
    }
    assert sent == EXTENDED


def test_a_bad_column_is_one_line() -> None:
    checker = Checker(NAMES, extended=True)
    item = NAMES.modules.object("cikeTunStatus")
    for row in range(1, 4):
        checker.check(item, Varbind((*item.oid, row), ber.GAUGE32, 1))
    assert checker.faults() == [
        "cikeTunStatus.1 (and 2 more) is Gauge32, the MIB says INTEGER",
    ]
