from __future__ import annotations

from agent.contexts import ContextMaker
from datasource.control import TunnelControl
from datasource.model import IkeTraffic
from datasource.reasons import EndReason
from datasource.tracker import Tracker
from mibs import served, smi
from tests.connections import connection
from tests.sas import child, ike
from tests.shown import shown

MODULES = smi.load(served.MODULES)
ACTIVE = MODULES.object("cikeGlobalActiveTunnels").oid
HISTORY = MODULES.object("cikeTunHistStartTime").oid
SET_SIZE = MODULES.object("cipsStaticCryptomapSetSize").oid


class Gateway:
    """Does nothing, for whichever tracker."""

    can_terminate = can_unload = True

    async def terminate_ike(self, index: int) -> None:
        raise NotImplementedError

    async def terminate_ipsec(self, index: int) -> None:
        raise NotImplementedError

    async def unload(self, connection: str) -> None:
        raise NotImplementedError


class World:
    def __init__(self) -> None:
        self.now = 10.0
        self.reads = 0
        self.trackers = {name: Tracker(ike=IkeTraffic()) for name in (b"", b"red")}
        self.maker = ContextMaker(
            MODULES,
            shown(),
            self.trackers,
            control=self._control,
            connections=Gateway(),
            may_detach=lambda: False,
            clock=lambda: self.now,
            on_read=self._read,
        )
        self.controlled: list[Tracker] = []

    def _control(self, tracker: Tracker) -> TunnelControl:
        self.controlled.append(tracker)
        return Gateway()

    def _read(self) -> None:
        self.reads += 1


def test_each_context_shows_its_own_tracker() -> None:
    world = World()
    contexts = world.maker.make(lambda at: int(at * 100))
    assert list(contexts) == [b"", b"red"]
    assert world.controlled == list(world.trackers.values())
    world.trackers[b"red"].saw(world.now, ike(child(1)))
    world.trackers[b"red"].configure(world.now, [connection("site", "a", "b")])
    found = {}
    for name, context in contexts.items():
        view = context.keeper.current()
        span, key = context.tree.find_plain((*ACTIVE, 0))
        sets, _ = context.tree.find_plain(SET_SIZE)
        assert span is not None
        assert sets is not None
        found[name] = view.value(span, key), view.following(sets, ())
    assert found == {b"": (0, None), b"red": (1, ((4, *b"site"), 2))}
    assert world.reads == 2


def test_times_are_those_of_the_way_it_is_served() -> None:
    world = World()
    red = world.trackers[b"red"]
    red.saw(world.now, ike())
    red.ike_down(world.now, 1, EndReason.NORMAL)
    stamps = []
    for time_stamp in (lambda at: int(at * 100), lambda _: 7):
        context = world.maker.make(time_stamp)[b"red"]
        span, _ = context.tree.find_plain(HISTORY)
        assert span is not None
        found = context.keeper.current().following(span, ())
        assert found is not None
        stamps.append(found[1])
    assert stamps == [1000, 7]


def test_what_is_set_one_way_is_seen_the_other_way_at_once() -> None:
    world = World()
    one, other = (world.maker.make(lambda _: 0)[b"red"].keeper for _ in range(2))
    before = one.current(), other.current()
    world.trackers[b"red"].saw(world.now, ike())
    assert (one.current(), other.current()) == before
    one.expire()
    assert one.current() is not before[0]
    assert other.current() is not before[1]
