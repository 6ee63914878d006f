"""agent.doctor.seen: instances find their objects."""

from __future__ import annotations

from agent.doctor.seen import Seen
from agent.doctor.walk import Varbind
from mibs import ber
from tests.unit.agent.doctor.made_up import NAMES, Gateway

STATUS = NAMES.oid("cikeTunStatus")


def test_columns() -> None:
    gateway = Gateway()
    seen = gateway.seen()
    assert len(seen) == len(gateway.varbinds())
    assert seen.column("cikeTunStatus") == {(1,): 1, (2,): 1}
    assert seen.column("cikeTunNegoMode") == {}
    assert [name for _, name in seen.instances()] == [v.name for v in gateway.varbinds()]


def test_values_of_the_wrong_kind_are_left_out() -> None:
    gateway = Gateway()
    gateway.put("cikeTunStatus", (2,), b"active")
    seen = gateway.seen()
    assert seen.numbers("cikeTunStatus") == {(1,): 1}
    assert seen.texts("cikeTunStatus") == {(2,): b"active"}


def test_the_first_rows() -> None:
    names = [name for _, name in Gateway().seen().instances(1)]
    assert (*STATUS, 1) in names
    assert (*STATUS, 2) not in names


def test_names_in_no_mib() -> None:
    seen = Seen(NAMES)
    assert seen.add(Varbind((1, 3, 9), ber.INTEGER, 1)) is None
    item = seen.add(Varbind((*STATUS, 1), ber.INTEGER, 1))
    assert item is not None
    assert (list(seen.unknown), len(seen)) == ([(1, 3, 9)], 2)
    assert list(seen.instances()) == [(item, (*STATUS, 1)), (None, (1, 3, 9))]
