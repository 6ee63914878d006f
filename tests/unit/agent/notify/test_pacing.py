"""agent.notify.pacing: bursts are small, and the rate is kept."""

from __future__ import annotations

import pytest

from agent.notify.pacing import Pacer


def taken(pacer: Pacer, now: float) -> int:
    count = 0
    while pacer.ready(now):
        pacer.take()
        count += 1
    return count


@pytest.mark.parametrize(("rate", "burst"), [(1, 1), (20, 1), (200, 10), (2500, 64), (100_000, 64)])
def test_no02_a_burst(rate: int, burst: int) -> None:
    pacer = Pacer(rate)
    assert taken(pacer, 5.0) == burst
    assert taken(pacer, 5.0) == 0
    assert taken(pacer, 1000.0) == burst


@pytest.mark.parametrize("rate", [1, 50, 2500])
def test_no02_the_rate_is_kept(rate: int) -> None:
    pacer = Pacer(rate)
    total = taken(pacer, 0.0)
    now = 0.0
    while now < 10.0:
        now = pacer.ready_at(10_000)
        more = taken(pacer, now)
        assert more > 0
        total += more
    assert 10 * rate <= total <= 10.1 * rate + 65


def test_no02_it_waits_for_what_is_wanted_and_not_for_each() -> None:
    pacer = Pacer(1000)
    taken(pacer, 0.0)
    assert pacer.ready_at(1) == pytest.approx(0.001)
    assert pacer.ready_at(3) == pytest.approx(0.003)
    assert pacer.ready_at(5000) == pytest.approx(0.025)
