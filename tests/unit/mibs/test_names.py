"""mibs.names: what OIDs stand for, and what an index says."""

from __future__ import annotations

import dataclasses

import pytest

from mibs import ber, smi
from mibs.names import TYPES, Names
from mibs.smi import Module, ObjectType, Oid, Smi

NAMES = Names(smi.load())
STATUS = NAMES.oid("cikeTunStatus")
ROOT: Oid = (1, 3, 6, 1, 4, 1, 4294967295)


def index(name: str, *suffix: int) -> list[tuple[str, Oid]] | None:
    item = NAMES.find(NAMES.oid(name))
    assert item is not None
    parts = NAMES.index(item, suffix)
    return None if parts is None else [(part.item.name, part.numbers) for part in parts]


def test_objects_of_instances() -> None:
    item = NAMES.find((*STATUS, 3))
    assert item is not None
    assert item.name == "cikeTunStatus"
    assert NAMES.find(STATUS[:-1]) is None
    assert NAMES.label((*STATUS, 3)) == "cikeTunStatus.3"
    assert NAMES.label((1, 3, 9)) == "1.3.9"


def test_only_what_can_be_read_is_listed() -> None:
    oids = set(NAMES.oids())
    assert STATUS in oids
    assert NAMES.oid("cikeTunIndex") not in oids


def test_notifications() -> None:
    start = NAMES.notification((1, 3, 6, 1, 4, 1, 9, 9, 171, 2, 0, 1))
    assert start is not None
    assert start.name == "cikeTunnelStart"
    assert NAMES.notification((1, 3, 6, 1, 4, 1, 9, 9, 171, 2, 0, 14)) is None


def test_every_type_has_a_name() -> None:
    tags = {item.tag for module in NAMES.modules.modules for item in module.objects if item.tag}
    assert tags <= TYPES.keys()


def test_an_index_of_several_objects() -> None:
    assert index("cikePeerLocalAddr", 1, 3, 58, 58, 49, 2, 0, 7) == [
        ("cikePeerLocalType", (1,)),
        ("cikePeerLocalValue", (58, 58, 49)),
        ("cikePeerRemoteType", (2,)),
        ("cikePeerRemoteValue", ()),
        ("cikePeerIntIndex", (7,)),
    ]


def test_an_index_object_of_another_module() -> None:
    assert index("cipsCryptomapSetIfStatus", 2, 1, 102) == [
        ("ifIndex", (2,)),
        ("cipsStaticCryptomapSetName", (102,)),
    ]


def test_the_instance_of_a_scalar() -> None:
    assert index("cipsNumIsakmpPolicies", 0) == []
    assert index("cipsNumIsakmpPolicies", 1) is None
    assert index("cipsNumIsakmpPolicies") is None


@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        ("cikeTunLifeTime", ()),
        ("cikeTunLifeTime", (1, 2)),
        ("cipSecSpiProtocol", (1,)),
        ("cikePeerLocalAddr", (1,)),
        ("cikePeerLocalAddr", (1, 4294967295, 1)),
        ("cikePeerLocalAddr", (1, 1, 256, 1, 1, 1, 1)),
        ("cikePeerLocalAddr", (1, 1, 255, 1, 1, 1)),
        ("cikePeerLocalAddr", (1, 1, 255, 1, 1, 1, 1, 1)),
    ],
)
def test_an_index_that_does_not_fit(name: str, suffix: Oid) -> None:
    assert index(name, *suffix) is None


def _made_up(part: ObjectType) -> tuple[Names, ObjectType]:
    """Give a table with this index object and one column more."""
    table = dataclasses.replace(part, name="t", oid=(*ROOT, 1), kind="table", tag=0)
    row = dataclasses.replace(table, name="r", oid=(*ROOT, 1, 1), kind="row", index=(part.name,))
    column = dataclasses.replace(part, name="c", oid=(*ROOT, 1, 1, 2), tag=ber.INTEGER, ranges=())
    return Names(Smi([Module("M", ROOT, (table, row, part, column), (), {})])), column


@pytest.mark.parametrize(
    ("tag", "ranges", "suffix", "numbers"),
    [
        (ber.IP_ADDRESS, (), (192, 0, 2, 1), (192, 0, 2, 1)),
        (ber.IP_ADDRESS, (), (192, 0, 2), None),
        (ber.IP_ADDRESS, (), (192, 0, 2, 256), None),
        (ber.OCTET_STRING, ((2, 2),), (7, 8), (7, 8)),
        (ber.OCTET_STRING, ((2, 2),), (2, 7, 8), None),
        (ber.OCTET_STRING, ((4, 4), (16, 16)), (4, 1, 2, 3, 4), (1, 2, 3, 4)),
        (ber.OBJECT_IDENTIFIER, (), (3, 1, 3, 999), (1, 3, 999)),
        (ber.OBJECT_IDENTIFIER, (), (), None),
        (ber.TIME_TICKS, (), (4294967295,), (4294967295,)),
    ],
)
def test_rfc2578_each_form_of_an_index(
    tag: int, ranges: tuple[tuple[int, int], ...], suffix: Oid, numbers: Oid | None
) -> None:
    part = ObjectType(
        "M", "i", (*ROOT, 1, 1, 1), "column", "", tag, {}, ranges, "not-accessible", (), ""
    )
    names, column = _made_up(part)
    parts = names.index(column, suffix)
    assert (None if parts is None else [found.numbers for found in parts]) == (
        None if numbers is None else [numbers]
    )
