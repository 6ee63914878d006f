"""mibs.view against a reference that is a sorted list made row by row."""

from __future__ import annotations

import gc
import random
from collections.abc import Callable, Container, Iterator
from dataclasses import replace
from operator import attrgetter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasource import simulated
from datasource.simulated import SimulatedGateway
from mibs import ber, cisco_ipsec_flow_monitor, smi
from mibs import block as blocks
from mibs.access import HIDDEN, PARTLY, SHOWN, Access
from mibs.ber import BerError
from mibs.table import Key
from mibs.tree import ColumnSpan, Tree
from mibs.view import View, ViewBuilder
from tests.small_mib import ROOT, Part, Peer, Reference, Small, Thing, small_tree

TREE = small_tree()
ALL = Access(bytes([SHOWN]) * len(TREE.spans))
START = ber.encode_oid((0, 0))
BIG, TINY = 64 << 20, 3000


def some_thing(rng: random.Random, number: int) -> Thing:
    return Thing(
        number,
        rng.choice((0, 1, 127, 128, rng.randrange(2**32))),
        rng.uniform(-1e6, 100),
        rng.choice((None, b"", b"note", bytes(rng.randrange(300)))),
        tuple(Part(n, rng.randrange(100)) for n in sorted(rng.sample(range(9), rng.randrange(4)))),
    )


def some_key(rng: random.Random) -> Key:
    text = bytes(rng.choices(b"abc", k=rng.randrange(1, 5)))
    return (1, len(text), *text, rng.randrange(1, 2000))


def some_snapshot(seed: int, things: int = 700, peers: int = 300) -> Small:
    rng = random.Random(seed)
    numbers = sorted(rng.sample(range(1, 2**31), things))
    keys = {some_key(rng) for _ in range(peers)}
    return Small(
        tuple(some_thing(rng, number) for number in numbers),
        tuple(
            Peer(n, key, rng.randrange(5), (Part(1, n), Part(2**32 - 1, n))[: rng.randrange(3)])
            for n, key in enumerate(keys)
        ),
        2**40,
    )


def built(snapshot: Any, at: float = 500.0, tree: Tree = TREE, octets: int = BIG) -> View:
    return ViewBuilder(tree, cache_octets=octets).build(snapshot, at)


def only(numbers: Container[int]) -> Access:
    return Access(bytes(n in numbers for n in range(len(TREE.spans))))


def everything(view: View, access: Access = ALL) -> list[bytes]:
    return view.walk(START, access, 10**9)


SNAPSHOTS = {
    "many": some_snapshot(1),
    "few": some_snapshot(2, 3, 2),
    "none": Small(total=None),
    "one": Small((Thing(2**31 - 1, 5, 0.0),), (), 1),
}
VIEWS = {name: built(snapshot) for name, snapshot in SNAPSHOTS.items()}


def _odd(name: bytes) -> bool:
    return sum(ber.decode_oid(name)) % 2 == 1


ACCESSES = (
    ALL,
    Access(bytes(len(TREE.spans))),
    Access(bytes(span.type.tag != ber.COUNTER64 for span in TREE.spans)),
    Access(bytes(n % 2 for n in range(len(TREE.spans)))),
    Access(bytes(isinstance(span, ColumnSpan) and span.number % 3 == 0 for span in TREE.spans)),
    Access(bytes([PARTLY]) * len(TREE.spans), _odd),
    Access(bytes((HIDDEN, SHOWN, PARTLY)[n % 3] for n in range(len(TREE.spans))), _odd),
)
REFERENCES = {
    (name, access): Reference(TREE, snapshot, 500.0, access)
    for name, snapshot in SNAPSHOTS.items()
    for access in ACCESSES
}


def some_names() -> st.SearchStrategy[tuple[int, ...]]:
    """Names that exist, and names beside, before, below and beyond them."""
    existing = st.sampled_from(
        [name for reference in REFERENCES.values() for name in reference.names]
        + [span.type.oid for span in TREE.spans]
        + [ROOT, ROOT[:-1], ROOT[:3], (*ROOT, 2, 1, 1), (*ROOT, 2, 1, 1, 5)]
    )
    number = st.one_of(st.integers(0, 3), st.integers(0, 2**32 - 1))
    changed = st.builds(
        lambda name, place, number: (
            *name[: 2 + place % max(len(name) - 2, 1)],
            number,
            *name[3 + place % max(len(name) - 2, 1) :],
        ),
        existing,
        st.integers(0, 30),
        number,
    )
    return st.one_of(
        existing,
        st.builds(lambda name, cut: name[: max(2, len(name) - cut)], existing, st.integers(1, 12)),
        st.builds(lambda name, more: (*name, *more), existing, st.lists(number, max_size=4)),
        changed,
        st.builds(
            lambda name, by: (*name[:-1], max(0, min(2**32 - 1, name[-1] + by))),
            existing,
            st.integers(-2, 2),
        ),
        st.sampled_from([(0, 0), (1, 3), (2, 39), (2, 2**32 - 81), (1, 3, *[2**32 - 1] * 100)]),
    )


names = some_names()
worlds = st.sampled_from(sorted(SNAPSHOTS))
accesses = st.sampled_from(ACCESSES)


class TestAgainstTheReference:
    @given(worlds, accesses, names)
    def test_sn04_get(self, world: str, access: Access, name: tuple[int, ...]) -> None:
        view, reference = VIEWS[world], REFERENCES[world, access]
        assert view.get(ber.encode_oid(name), access) == reference.get(name)

    @given(worlds, accesses, names, st.sampled_from([1, 2, 7, 300, 5000, 10**9]))
    def test_sn04_next_and_walk(
        self, world: str, access: Access, name: tuple[int, ...], count: int
    ) -> None:
        view, following = VIEWS[world], REFERENCES[world, access].after(name)
        encoded = ber.encode_oid(name)
        assert view.next(encoded, access) == (following[0] if following else None)
        assert view.walk(encoded, access, count) == following[:count]

    @given(
        worlds,
        accesses,
        names,
        st.sampled_from([1, 2, 9, 260, 5000, 10**9]),
        st.one_of(st.integers(0, 200), st.integers(0, 70_000)),
    )
    def test_sn03_walk_joined(
        self, world: str, access: Access, name: tuple[int, ...], count: int, room: int
    ) -> None:
        view, following = VIEWS[world], REFERENCES[world, access].after(name)
        expected: list[bytes] = []
        size = 0
        for cell in following[:count]:
            size += len(cell)
            if size > room:
                break
            expected.append(cell)
        data, got, last, ended = view.walk_joined(ber.encode_oid(name), access, count, room)
        assert (data, got) == (b"".join(expected), len(expected))
        assert last == (expected[-1] if expected else b"")
        assert ended == (len(expected) == len(following) and got < count)

    @pytest.mark.parametrize("world", sorted(SNAPSHOTS))
    @pytest.mark.parametrize("access", ACCESSES, ids=range(len(ACCESSES)))
    def test_sn08_whole_walk(self, world: str, access: Access) -> None:
        reference = REFERENCES[world, access]
        assert everything(VIEWS[world], access) == [cell for _, cell in reference.cells]
        assert sorted(reference.names) == reference.names

    @given(worlds, st.lists(st.tuples(accesses, names, st.sampled_from([1, 3, 50])), max_size=9))
    def test_sn08_walks_of_several_who_may_see_different_things(
        self, world: str, steps: list[tuple[Access, tuple[int, ...], int]]
    ) -> None:
        """Where one walk stopped must not mislead another, nor the same one when it goes on."""
        view = VIEWS[world]
        for access, name, count in steps:
            expected = REFERENCES[world, access].after(name)
            start = ber.encode_oid(name)
            for part in range(3):
                found = view.walk(start, access, count)
                assert found == expected[part * count : (part + 1) * count]
                room = sum(map(len, found)) - part
                data, got, *_ = view.walk_joined(start, access, count, room)
                assert data == b"".join(found[:got])
                assert got >= len(found) - 1
                if not found:
                    break
                start = ber.name_of(found[-1])

    def test_sn08_one_by_one(self) -> None:
        view, reference = VIEWS["few"], REFERENCES["few", ALL]
        name: bytes = START
        found = []
        while (cell := view.next(name, ALL)) is not None:
            found.append(cell)
            name = ber.encode_oid(reference.names[len(found) - 1])
        assert found == [cell for _, cell in reference.cells]

    @given(worlds, st.binary(max_size=12), st.booleans())
    def test_se02_a_name_that_is_no_oid_is_refused(
        self, world: str, content: bytes, below: bool
    ) -> None:
        span = TREE.spans[len(content) % len(TREE.spans)]
        name = span.prefix + content if below else content
        try:
            ber.decode_oid(name)
        except BerError:
            for read in self.reads(VIEWS[world], name):
                with pytest.raises(BerError):
                    read()
        else:
            for read in self.reads(VIEWS[world], name):
                read()

    def reads(self, view: View, name: bytes) -> tuple[Callable[[], object], ...]:
        return (
            lambda: view.get(name, ALL),
            lambda: view.next(name, ALL),
            lambda: view.walk(name, ALL, 3),
            lambda: view.walk_joined(name, ALL, 3, 1000),
        )

    def test_a_live_scalar_is_read_each_time(self) -> None:
        numbers: Iterator[int | None] = iter((1, 2, None, None))
        view = built(Small(), tree=small_tree(lambda: next(numbers)))
        name = ber.encode_oid((*ROOT, 1, 300, 0))
        answers = [view.get(name, ALL) for _ in range(3)]
        assert [a[-1] for a in answers[:2] if isinstance(a, bytes)] == [1, 2]
        assert answers[2] == ber.NO_SUCH_INSTANCE
        assert view.next(ber.encode_oid((*ROOT, 1, 300)), ALL) is None


class Change:
    """A snapshot that changes: rows come anywhere, go, change, and change places."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.things: dict[int, Thing] = {}
        self.peers: dict[int, Peer] = {}
        self.total = 0
        self.last_peer = 0

    def snapshot(self) -> Small:
        things = tuple(self.things[n] for n in sorted(self.things))
        return Small(things, tuple(self.peers.values()), self.total or None)

    def step(self) -> None:
        rng = self.rng
        kind = rng.randrange(10)
        if kind < 3:
            self.add(rng.choice((1, 5, 200, 700)))
        elif kind < 5:
            self.remove()
        elif kind < 7:
            for number in rng.sample(sorted(self.things), min(len(self.things), 20)):
                self.things[number] = self.changed(self.things[number])
        elif kind == 7:
            self.total = rng.randrange(3)
            for number, thing in self.things.items():
                self.things[number] = replace(thing)  # equal, and not the same
        elif kind == 8:
            for identity in rng.sample(sorted(self.peers), min(len(self.peers), 20)):
                self.peers[identity] = replace(self.peers[identity], state=rng.randrange(9))
        self.change_peers()

    def changed(self, thing: Thing) -> Thing:
        other = some_thing(self.rng, thing.number)
        what = self.rng.choice(("count", "began", "note", "parts"))
        change: dict[str, Any] = {what: getattr(other, what)}
        return replace(thing, **change)

    def add(self, count: int) -> None:
        """Either anywhere, or all in one place, before or after everything."""
        low, high = self.rng.choice(((1, 2**31), (1, 5000), (2**31 - 5000, 2**31)))
        for _ in range(count):
            number = self.rng.randrange(low, high)
            self.things[number] = some_thing(self.rng, number)

    def remove(self) -> None:
        """Remove a run of neighbours: a part of one block, or many of them, or all."""
        numbers = sorted(self.things)
        size = self.rng.choice((1, 30, 400, 800, len(numbers)))
        start = self.rng.choice((0, self.rng.randrange(len(numbers) + 1), len(numbers) - size))
        for number in numbers[max(start, 0) : max(start, 0) + size]:
            del self.things[number]

    def change_peers(self) -> None:
        rng = self.rng
        keys = {peer.key for peer in self.peers.values()}
        for _ in range(rng.choice((0, 1, 3, 150))):
            key = some_key(rng)
            if key not in keys:
                keys.add(key)
                self.last_peer += 1
                members = tuple(Part(n, rng.randrange(9)) for n in range(rng.randrange(3)))
                self.peers[self.last_peer] = Peer(self.last_peer, key, 1, members)
        for identity in rng.sample(
            sorted(self.peers), min(len(self.peers), rng.choice((0, 1, 60)))
        ):
            del self.peers[identity]


def read_somewhere(view: View, rng: random.Random) -> None:
    """Have some columns encoded, and leave the others for later views."""
    for span in rng.sample(TREE.spans, 3):
        view.walk_joined(span.prefix, ALL, rng.choice((1, 300, 5000)), 10**6)


@pytest.mark.parametrize("octets", [BIG, TINY], ids=["large cache", "tiny cache"])
@pytest.mark.parametrize("seed", range(3))
def test_after_any_changes_a_view_equals_one_from_scratch(seed: int, octets: int) -> None:
    change = Change(seed)
    builder = ViewBuilder(TREE, cache_octets=octets)
    for step in range(25):
        change.step()
        snapshot = change.snapshot()
        # Now and then at the same time as before.
        at = float(step // 2 * 100)
        view = builder.build(snapshot, at)
        if step % 3 == 2:
            read_somewhere(view, change.rng)
            continue
        reference = Reference(TREE, snapshot, at)
        assert everything(view) == [cell for _, cell in reference.cells]
        for name in change.rng.sample(reference.names, min(len(reference.names), 20)):
            assert view.get(ber.encode_oid(name), ALL) == reference.get(name)
        for _ in range(10):
            name = (*ROOT, 2, 1, change.rng.randrange(2, 9), change.rng.randrange(2**31))
            assert view.get(ber.encode_oid(name), ALL) == reference.get(name)
            assert view.walk(ber.encode_oid(name), ALL, 3) == reference.after(name)[:3]


def test_rows_before_a_first_block_that_went_are_found() -> None:
    """The rows of the first block end, others come before those of the second."""
    rng = random.Random(1)
    rows = tuple(some_thing(rng, n) for n in range(1, 1025))
    builder = ViewBuilder(TREE)
    builder.build(Small(rows), 1.0)
    builder.build(Small(rows[300:]), 2.0)
    for some in (rows[100:], rows[5:]):
        view = builder.build(Small(some), 3.0)
        reference = Reference(TREE, Small(some), 3.0)
        for thing in some:
            name = (*ROOT, 2, 1, 2, thing.number)
            assert view.get(ber.encode_oid(name), ALL) == reference.get(name)
        assert everything(view) == [cell for _, cell in reference.cells]


class Encodings:
    """Counts the cells that are encoded."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.cells = 0
        self._encode = ber.encode_varbinds
        monkeypatch.setattr(ber, "encode_varbinds", self.encode)

    def encode(self, prefix: bytes, suffixes: Any, tag: int, values: Any) -> Any:
        data, offsets = self._encode(prefix, suffixes, tag, values)
        self.cells += len(offsets) - 1
        return data, offsets

    def of(self, view: View, column: str | None = None) -> int:
        """How many cells it takes to walk all of a view, or one column."""
        self.cells = 0
        if column is None:
            everything(view)
        else:
            (span,) = (span for span in TREE.spans if span.type.name == column)
            access = only((span.number,))
            everything(view, access)
        return self.cells


@pytest.fixture
def encodings(monkeypatch: pytest.MonkeyPatch) -> Encodings:
    return Encodings(monkeypatch)


class TestWhatIsKept:
    def test_nothing_is_encoded_before_it_is_asked_for(self, encodings: Encodings) -> None:
        built(SNAPSHOTS["many"])
        assert encodings.cells == 0

    def test_one_get_encodes_one_column_of_one_block(self, encodings: Encodings) -> None:
        view = built(SNAPSHOTS["many"])
        number = SNAPSHOTS["many"].things[400].number
        view.get(ber.encode_oid((*ROOT, 2, 1, 2, number)), ALL)
        assert 0 < encodings.cells <= blocks._LARGEST

    def test_the_same_view_encodes_once(self, encodings: Encodings) -> None:
        view = built(SNAPSHOTS["many"])
        assert encodings.of(view) > 700
        assert encodings.of(view) == 1  # the live scalar

    def test_the_same_rows_at_another_time_encode_ages_only(self, encodings: Encodings) -> None:
        builder = ViewBuilder(TREE)
        snapshot = SNAPSHOTS["many"]
        encodings.of(builder.build(snapshot, 1.0))
        again = replace(snapshot, things=tuple(map(replace, snapshot.things)))
        for same in (snapshot, again):
            view = builder.build(same, 2.0 + (same is again))
            assert encodings.of(view, "thingAge") == 700
            assert encodings.of(view) == 3  # the scalars

    def test_a_changed_attribute_costs_its_columns_in_one_block(self, encodings: Encodings) -> None:
        builder = ViewBuilder(TREE)
        snapshot = SNAPSHOTS["many"]
        encodings.of(builder.build(snapshot, 1.0))
        things = list(snapshot.things)
        things[300] = replace(things[300], note=b"changed", began=0.0)
        view = builder.build(replace(snapshot, things=tuple(things)), 1.0)
        for column in ("thingCount", "thingOid", "thingWeight", "peerState", "partWeight"):
            assert encodings.of(view, column) == 0
        for column in ("thingNote", "thingAge"):
            assert 0 < encodings.of(view, column) <= blocks._LARGEST

    def test_a_row_that_comes_costs_one_block(self, encodings: Encodings) -> None:
        builder = ViewBuilder(TREE)
        snapshot = SNAPSHOTS["many"]
        encodings.of(builder.build(snapshot, 1.0))
        new = Thing(snapshot.things[300].number + 1, 1, 0.0)
        things = sorted((*snapshot.things, new), key=attrgetter("number"))
        view = builder.build(replace(snapshot, things=tuple(things)), 1.0)
        assert 0 < encodings.of(view, "thingCount") <= blocks._LARGEST
        assert encodings.of(view, "memberWeight") == 0


def live_octets() -> int:
    gc.collect()
    return sum(len(cells.data) for cells in gc.get_objects() if isinstance(cells, blocks.Cells))


def test_a_list_that_is_the_same_is_not_gone_through_again() -> None:
    class Watched(tuple[Thing, ...]):
        __slots__ = ()
        looks = 0

        def __getitem__(self, key: Any) -> Any:
            Watched.looks += 1
            return super().__getitem__(key)

    rows = Watched(Thing(number, number, 0.0) for number in range(1000))
    builder = ViewBuilder(TREE)
    builder.build(Small(things=rows), 1.0)
    looks = Watched.looks
    view = builder.build(Small(things=rows, total=1), 2.0)
    assert 0 < looks == Watched.looks
    assert isinstance(view.get(ber.encode_oid((*ROOT, 2, 1, 2, 999)), ALL), bytes)


def test_the_cache_is_bounded() -> None:
    before = live_octets()
    builder = ViewBuilder(TREE, cache_octets=20_000)
    everything(built(SNAPSHOTS["many"]))  # not kept
    view = builder.build(SNAPSHOTS["many"], 1.0)
    whole = sum(map(len, everything(view)))
    assert whole > 190_000
    # One column of one block may be beyond it.
    largest = 512 * 340
    assert live_octets() - before <= 20_000 + largest
    everything(view, ACCESSES[2])
    assert live_octets() - before <= 20_000 + largest


def test_what_later_views_take_over_is_bounded_too() -> None:
    before = live_octets()
    builder = ViewBuilder(TREE, cache_octets=150_000)
    everything(builder.build(SNAPSHOTS["many"], 1.0), only(range(6)))
    taken_over = live_octets() - before
    assert taken_over > 50_000
    again = replace(SNAPSHOTS["many"], things=tuple(map(replace, SNAPSHOTS["many"].things)))
    everything(builder.build(again, 2.0), only((6, 7)))
    everything(builder.build(again, 3.0), only(range(8, 99)))
    everything(builder.build(again, 4.0), only(range(6, 99)))
    assert live_octets() - before <= 150_000 + 512 * 340


def test_a_thousand_refreshes_leave_nothing_behind() -> None:
    before = live_octets()
    rng = random.Random(5)
    builder = ViewBuilder(TREE, cache_octets=10 << 20)
    things = [some_thing(rng, number) for number in range(0, 4000, 8)]
    sizes = []
    for refresh in range(1000):
        position = rng.randrange(len(things))
        if refresh % 5 == 0:
            del things[position]
            things.insert(position, some_thing(rng, position * 8 + rng.randrange(1, 8)))
            things.sort(key=attrgetter("number"))
        else:
            things[position] = replace(things[position], count=refresh)
        view = builder.build(Small(tuple(things)), float(refresh))
        view.walk_joined(TREE.spans[refresh % len(TREE.spans)].prefix, ALL, 300, 10**6)
        if refresh % 250 == 249:
            everything(view)
            sizes.append(live_octets() - before)
    assert max(sizes) < 1.2 * sizes[0]


class TestTheRealBinding:
    @pytest.mark.parametrize("octets", [False, True], ids=["text index", "octets index"])
    def test_a_gateway_over_time(self, octets: bool) -> None:
        choices = cisco_ipsec_flow_monitor.Choices(
            peer_index_octets=octets, descriptions={"10.0.0.1": "x"}
        )
        tree = Tree(
            smi.load([cisco_ipsec_flow_monitor.MODULE]),
            (cisco_ipsec_flow_monitor.bind(choices),),
        )
        access = Access(bytes([SHOWN]) * len(tree.spans))
        tracker = simulated.tracker_for_simulation()
        gateway = SimulatedGateway(tracker, tunnels=40, seed=3, started_at=0.0)
        builder = ViewBuilder(tree)
        for now in (0.0, 60.0, 4000.0, 30_000.0):
            listing = tracker.list()
            for sa in gateway.listing(now):
                listing.add(now, sa)
            listing.end(now, waited=True)
            snapshot = tracker.snapshot(now)
            reference = Reference(tree, snapshot, now)
            view = builder.build(snapshot, now)
            assert everything(view, access) == [cell for _, cell in reference.cells]
            assert len(reference.cells) > 2000
            for name in reference.names[:: len(reference.names) // 50]:
                assert view.get(ber.encode_oid(name), access) == reference.get(name)
                following = reference.after(name)
                assert view.next(ber.encode_oid(name), access) == (
                    following[0] if following else None
                )
