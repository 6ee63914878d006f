"""agent.alarms: what is told, to every outlet, as the switches say."""

from __future__ import annotations

import pytest

from agent.alarms import Alarms
from agent.config import Notify
from datasource.events import EndReason
from datasource.tracker import Tracker
from mibs import served, smi
from mibs.notification import Notification
from mibs.tree import Tree
from tests.sas import child, ike
from tests.shown import shown

MODULES = smi.load(served.MODULES)
TREE = Tree(MODULES, served.bind(shown()))


class Outlet:
    def __init__(self) -> None:
        self.told: list[Notification] = []

    def notify(self, notification: Notification) -> None:
        self.told.append(notification)


class World:
    def __init__(self, *enabled: str, extra_objects: bool = True) -> None:
        self.now = 10.0
        self.switches = served.make_switches()
        self.outlets = Outlet(), Outlet()
        self.alarms = Alarms(
            Notify(frozenset(enabled), (), extra_objects),
            MODULES,
            {b"": TREE, b"red": TREE},
            switches=self.switches,
            outlets=self.outlets,
            clock=lambda: self.now,
            time_stamp=lambda at: int(at * 100),
        )

    @property
    def told(self) -> list[str]:
        one, other = ([n.name for n in outlet.told] for outlet in self.outlets)
        assert one == other
        return one

    def live(self, context: bytes = b"") -> None:
        """Have a tunnel come and go."""
        tracker = Tracker()
        tracker.saw(10, ike(child(1)))
        tracker.child_down(11, ike(), child(1), EndReason.NORMAL)
        tracker.ike_down(11, 1, EndReason.NORMAL)
        for event in tracker.take_events():
            self.alarms.happened(context, event)


def test_no03_what_the_file_enables_is_told() -> None:
    world = World("cikeTunnelStart", "cipSecTunnelStop")
    world.live()
    assert world.told == ["cikeTunnelStart", "cipSecTunnelStop"]


def test_no03_the_switches_are_what_counts() -> None:
    world = World("cikeTunnelStart")
    world.switches["cikeTunnelStart"].on = False
    world.switches["cikeTunnelStop"].on = True
    world.live()
    assert world.told == ["cikeTunnelStop"]


def test_what_the_file_says_anew_goes_before_what_was_set() -> None:
    world = World("cikeTunnelStart")
    world.switches["cikeTunnelStop"].on = True
    world.alarms.enable(["cipSecTunnelStart"])
    on = [name for name, switch in world.switches.items() if switch.on]
    assert on == ["cipSecTunnelStart"]


@pytest.mark.parametrize(("extra_objects", "count"), [(True, 4), (False, 3)])
def test_added_objects_can_be_left_out(count: int, *, extra_objects: bool) -> None:
    world = World("cikeTunnelStop", extra_objects=extra_objects)
    world.live()
    (stop,) = world.outlets[0].told
    assert len(stop.varbinds) == count


def test_no03_a_start_is_told_when_it_is_enabled() -> None:
    world = World()
    world.alarms.started()
    assert world.told == []
    world.alarms.enable(["coldStart"])
    world.alarms.started()
    assert world.told == ["coldStart"]
    assert world.outlets[0].told[0].up_time == 1000


def test_se03_strangers_are_told_of_with_restraint() -> None:
    world = World("authenticationFailure")
    for _ in range(1000):
        world.alarms.stranger("192.0.2.1")
    assert len(world.told) == 10
    world.now += 2
    for number in range(100):
        world.alarms.stranger(f"192.0.2.{number}")
    assert len(world.told) == 12


def test_a_stranger_is_not_told_of_while_that_is_off() -> None:
    world = World()
    world.alarms.stranger("192.0.2.1")
    assert world.told == []


def test_a_context_is_told_with_what_happens_in_it() -> None:
    world = World("cikeTunnelStart", "coldStart")
    world.live(b"red")
    world.alarms.started()
    assert [n.context for n in world.outlets[0].told] == [b"red", b""]
