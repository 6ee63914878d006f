from __future__ import annotations

import pytest

from mibs.settable import SerialNumber, Switch
from mibs.setting import ErrorStatus, SetError


@pytest.mark.parametrize(("on", "value"), [(True, 1), (False, 2)])
def test_a_switch_reads_enabled_or_disabled(on: bool, value: int) -> None:
    assert Switch(on=on).read() == value


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize(("value", "after"), [(1, True), (2, False)])
def test_a_switch_is_turned_and_turned_back(before: bool, value: int, after: bool) -> None:
    switch = Switch(on=before)
    change = switch.write(value)
    assert switch.on is before, "a test changes nothing"
    change.apply()
    assert switch.on is after
    change.undo()
    assert switch.on is before


@pytest.mark.parametrize(("number", "following"), [(0, 1), (41, 42), (2**31 - 1, 0)])
def test_sn07_a_serial_number_counts_on_when_it_is_written(number: int, following: int) -> None:
    serial = SerialNumber(number)
    change = serial.write(number)
    assert serial.read() == number, "a test changes nothing"
    change.apply()
    assert serial.read() == following
    change.undo()
    assert serial.read() == number


@pytest.mark.parametrize("value", [0, 6, 8, 2**31 - 1])
def test_sn07_a_serial_number_refuses_what_it_is_not(value: int) -> None:
    serial = SerialNumber(7)
    with pytest.raises(SetError) as refused:
        serial.write(value)
    assert refused.value.status is ErrorStatus.INCONSISTENT_VALUE
    assert serial.read() == 7
