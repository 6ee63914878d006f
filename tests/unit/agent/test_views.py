"""agent.views: how old a View may become."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

from agent.views import _MAX_AGE, _MIN_AGE, ViewKeeper
from datasource.tracker import Tracker
from tests.small_mib import Small, small_tree


@dataclass
class FakeTracker:
    """As much of a tracker as a ViewKeeper sees."""

    revision: int = 0
    taken: list[float] = field(default_factory=list)

    def snapshot(self, now: float) -> Small:
        self.taken.append(now)
        return Small()


class World:
    def __init__(self) -> None:
        self.now = 100.0
        self.reads = 0
        self.tracker = FakeTracker()
        self.keeper = ViewKeeper(
            cast("Tracker", self.tracker), small_tree(), lambda: self.now, self.read
        )

    def read(self) -> None:
        self.reads += 1

    def age_after(self, seconds: float, *, changed: bool = False) -> float:
        """How old the View is that is given after this time."""
        self.now += seconds
        self.tracker.revision += changed
        return self.now - self.keeper.current().at


def test_the_first_one_has_what_was_told_before_it_was_asked_for() -> None:
    world = World()
    assert world.tracker.taken == []
    assert world.age_after(0.001, changed=True) == 0
    assert world.tracker.taken == [100.001]


def test_a_young_view_is_kept_whatever_changes() -> None:
    world = World()
    first = world.keeper.current()
    assert world.age_after(_MIN_AGE * 0.9, changed=True) > 0
    assert world.keeper.current() is first


def test_a_change_makes_a_new_one_when_it_is_not_young() -> None:
    world = World()
    world.keeper.current()
    assert world.age_after(_MIN_AGE * 1.5, changed=True) == 0
    assert world.age_after(_MIN_AGE * 1.5) > 0  # nothing has changed since


def test_a_change_while_it_is_young_is_not_forgotten() -> None:
    world = World()
    world.keeper.current()
    world.age_after(_MIN_AGE * 0.5, changed=True)
    assert world.age_after(_MIN_AGE * 0.6) == 0


def test_sn05_what_was_set_is_seen_at_once() -> None:
    world = World()
    first = world.keeper.current()
    world.keeper.expire()
    assert world.keeper.current() is first  # nothing has changed
    assert world.age_after(_MIN_AGE * 0.1, changed=True) == 0
    assert world.age_after(_MIN_AGE * 0.1, changed=True) > 0  # once


def test_without_a_change_it_grows_old() -> None:
    world = World()
    world.keeper.current()
    assert world.age_after(_MAX_AGE * 0.9) > 0
    assert world.age_after(_MAX_AGE * 0.2) == 0


def test_a_burst_of_changes_makes_one_view() -> None:
    world = World()
    for _ in range(100):
        world.age_after(0.001, changed=True)
    assert len(world.tracker.taken) <= 2


def test_every_read_is_told() -> None:
    world = World()
    for _ in range(5):
        world.keeper.current()
    assert world.reads == 5


def test_one_that_is_not_read_is_not_made() -> None:
    world = World()
    world.age_after(1000.0)
    world.age_after(1000.0)
    assert world.tracker.taken == [1100.0, 2100.0]


def test_sn05_what_was_set_through_one_keeper_is_seen_through_all() -> None:
    world = World()
    keepers: list[ViewKeeper] = []
    one, other = (
        ViewKeeper(
            cast("Tracker", world.tracker), small_tree(), lambda: world.now, world.read, keepers
        )
        for _ in range(2)
    )
    first = other.current()
    world.tracker.revision += 1
    one.expire()
    assert other.current() is not first
