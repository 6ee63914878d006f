from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from mibs import ber, smi, snmpv2_mib, transaction
from mibs.access import SHOWN, Access
from mibs.settable import SerialNumber, Switch
from mibs.setting import ErrorStatus, SetError
from mibs.snmp_statistics import SnmpStatistics
from mibs.snmpv2_mib import ObjectResource, SystemGroup
from mibs.tree import Tree
from mibs.view import View, ViewBuilder

MODULES = smi.load([snmpv2_mib.MODULE])
SYSTEM = SystemGroup(
    "a gateway", (1, 3, 6, 1, 4, 1, 9, 1, 669), "Zoë <zoe@example.net>", "vpn1", "Oslo", 72
)
RESOURCES = (
    ObjectResource(1, (1, 3, 6, 1, 4, 1, 8072), "first"),
    ObjectResource(2, (1, 3, 6, 1, 4, 1, 9), "second"),
)


@dataclass
class Agent:
    """The binding, and all that it shows."""

    now: float = 0.0
    statistics: SnmpStatistics = field(default_factory=SnmpStatistics)
    serial: SerialNumber = field(default_factory=lambda: SerialNumber(7))
    authen_traps: Switch = field(default_factory=Switch)

    def __post_init__(self) -> None:
        binding = snmpv2_mib.bind(
            SYSTEM,
            RESOURCES,
            self.statistics,
            lambda: self.now,
            serial_number=self.serial,
            authen_traps=self.authen_traps,
        )
        self.tree = Tree(MODULES, (binding,))
        self.access = Access(bytes([SHOWN]) * len(self.tree.spans))

    def view(self) -> View:
        return ViewBuilder(self.tree).build(None, self.now)

    def read(self, name: str, *index: int) -> bytes | int:
        """The encoded value of an instance, or the tag of an exception."""
        oid = ber.encode_oid((*MODULES.object(name).oid, *(index or (0,))))
        cell = self.view().get(oid, self.access)
        if isinstance(cell, int):
            return cell
        return cell.partition(ber.encode_tlv(ber.OBJECT_IDENTIFIER, oid))[2]

    def set(self, *values: tuple[str, int]) -> None:
        varbinds = [
            (ber.encode_oid((*MODULES.object(name).oid, 0)), ber.INTEGER, _content(value))
            for name, value in values
        ]
        asyncio.run(transaction.test(self.view(), self.access, varbinds).commit())


def _content(value: int) -> bytes:
    return ber.encode_value(ber.INTEGER, value)[2:]


def text(value: str) -> bytes:
    return ber.encode_tlv(ber.OCTET_STRING, value.encode("ascii"))


def oid(*value: int) -> bytes:
    return ber.encode_value(ber.OBJECT_IDENTIFIER, value)


def test_sn07_the_system_group() -> None:
    agent = Agent()
    assert agent.read("sysDescr") == text("a gateway")
    assert agent.read("sysObjectID") == oid(*SYSTEM.object_id)
    assert agent.read("sysContact") == text("Zo? <zoe@example.net>")
    assert agent.read("sysName") == text("vpn1")
    assert agent.read("sysLocation") == text("Oslo")
    assert agent.read("sysServices") == ber.encode_value(ber.INTEGER, 72)


@pytest.mark.parametrize(
    ("seconds", "ticks"), [(0.0, 0), (12.345, 1234), (2**32 / 100, 0), (2**32 / 100 + 1, 100)]
)
def test_sn07_sys_up_time_is_that_of_the_agent(seconds: float, ticks: int) -> None:
    agent = Agent(now=seconds)
    assert agent.read("sysUpTime") == ber.encode_value(ber.TIME_TICKS, ticks)


def test_sn07_sys_or_table() -> None:
    agent = Agent(now=3600.0)
    start = ber.encode_value(ber.TIME_TICKS, 0)
    for row in RESOURCES:
        assert agent.read("sysORID", row.number) == oid(*row.identity)
        assert agent.read("sysORDescr", row.number) == text(row.description)
        assert agent.read("sysORUpTime", row.number) == start
    assert agent.read("sysORID", 3) == ber.NO_SUCH_INSTANCE
    assert agent.read("sysORLastChange") == start


@pytest.mark.parametrize(
    "name",
    [
        item.name
        for item in MODULES.objects(snmpv2_mib.MODULE)
        if item.kind == "scalar" and item.tag == ber.COUNTER32
    ],
)
def test_sn07_every_counter_is_live(name: str) -> None:
    agent = Agent()
    assert agent.read(name) == ber.encode_value(ber.COUNTER32, 0)
    setattr(agent.statistics, name, 2**32 + 5)
    assert agent.read(name) == ber.encode_value(ber.COUNTER32, 5)


def test_sn07_authen_traps_are_switched_by_both() -> None:
    agent = Agent()
    assert agent.read("snmpEnableAuthenTraps") == ber.encode_value(ber.INTEGER, 2)
    agent.set(("snmpEnableAuthenTraps", 1))
    assert agent.authen_traps.on
    agent.authen_traps.on = False
    assert agent.read("snmpEnableAuthenTraps") == ber.encode_value(ber.INTEGER, 2)


def test_sn07_the_serial_number_guards_what_is_set_with_it() -> None:
    agent = Agent()
    agent.set(("snmpSetSerialNo", 7), ("snmpEnableAuthenTraps", 1))
    assert agent.read("snmpSetSerialNo") == ber.encode_value(ber.INTEGER, 8)
    assert agent.authen_traps.on
    # Another manager, that has read the number before.
    with pytest.raises(SetError) as refused:
        agent.set(("snmpEnableAuthenTraps", 2), ("snmpSetSerialNo", 7))
    assert (refused.value.status, refused.value.index) == (ErrorStatus.INCONSISTENT_VALUE, 2)
    assert agent.authen_traps.on
    assert agent.serial.read() == 8


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("snmpSetSerialNo", -1, ErrorStatus.WRONG_VALUE),
        ("snmpEnableAuthenTraps", 3, ErrorStatus.WRONG_VALUE),
        ("sysServices", 72, ErrorStatus.NOT_WRITABLE),
    ],
)
def test_sn05_refused(name: str, value: int, status: ErrorStatus) -> None:
    with pytest.raises(SetError) as refused:
        Agent().set((name, value))
    assert refused.value.status is status


@pytest.mark.parametrize("name", ["sysContact", "sysName", "sysLocation"])
def test_what_the_configuration_says_cannot_be_set(name: str) -> None:
    agent = Agent()
    varbind = (ber.encode_oid((*MODULES.object(name).oid, 0)), ber.OCTET_STRING, b"x")
    with pytest.raises(SetError) as refused:
        transaction.test(agent.view(), agent.access, [varbind])
    assert refused.value.status is ErrorStatus.NOT_WRITABLE
