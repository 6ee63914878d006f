"""What holds at every moment of a gateway's life, as a manager sees it.

The numbers are those of the list of invariants of the Cisco IPsec MIBs: what one row or counter
says has to agree with every other one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.views import ViewKeeper
from datasource import simulated
from datasource.simulated import SimulatedGateway
from mibs import ber, cisco_ipsec_flow_monitor, smi
from mibs.snmp_statistics import SnmpStatistics
from mibs.tree import Tree
from tests.engine import finished, make_engine
from tests.snmp_peer import items, request, varbinds_of

MODULES = smi.load([cisco_ipsec_flow_monitor.MODULE])
ROOT = MODULES.module(cisco_ipsec_flow_monitor.MODULE).oid
NAMES = {
    item.oid: item.name
    for item in MODULES.objects(cisco_ipsec_flow_monitor.MODULE)
    if item.kind in ("scalar", "column")
}
SIZES = sorted({len(oid) for oid in NAMES}, reverse=True)
COUNTERS = {ber.COUNTER32: 1 << 32, ber.COUNTER64: 1 << 64}
TRUE = 1

Oid = tuple[int, ...]

# 64-bit counter, 32-bit counter, how often that one has wrapped: after cipSecGlobal and cipSecTun.
FAMILIES = (
    ("HcInOctets", "InOctets", "InOctWraps"),
    ("HcInDecompOctets", "InDecompOctets", "InDecompOctWraps"),
    ("HcOutOctets", "OutOctets", "OutOctWraps"),
    ("HcOutUncompOctets", "OutUncompOctets", "OutUncompOctWraps"),
)


class Seen:
    """All that a walk has given."""

    def __init__(self, instances: dict[Oid, int | bytes]) -> None:
        self._columns: dict[str, dict[Oid, int | bytes]] = {}
        for name, value in instances.items():
            size = next(size for size in SIZES if name[:size] in NAMES)
            self._columns.setdefault(NAMES[name[:size]], {})[name[size:]] = value

    def scalar(self, name: str) -> int:
        ((index, value),) = self._columns[name].items()
        assert index == (0,)
        assert isinstance(value, int)
        return value

    def column(self, name: str) -> dict[Oid, int]:
        found = {}
        for index, value in self._columns.get(name, {}).items():
            assert isinstance(value, int)
            found[index] = value
        return found

    def counters(self) -> dict[str, tuple[int, int]]:
        """The global counters, and where each of them wraps."""
        found = {}
        for item in MODULES.objects(cisco_ipsec_flow_monitor.MODULE):
            if item.kind == "scalar" and item.tag in COUNTERS and item.name in self._columns:
                found[item.name] = self.scalar(item.name), COUNTERS[item.tag]
        return found


class World:
    """A simulated gateway and the agent that shows it."""

    def __init__(self, seed: int, tunnels: int) -> None:
        self.now = 0.0
        self.tracker = simulated.tracker_for_simulation()
        self.gateway = SimulatedGateway(
            self.tracker, tunnels=tunnels, seed=seed, started_at=self.now
        )
        tree = Tree(MODULES, (cisco_ipsec_flow_monitor.bind(cisco_ipsec_flow_monitor.Choices()),))
        keeper = ViewKeeper(self.tracker, tree, lambda: self.now)
        self.engine = make_engine(tree, keeper, SnmpStatistics())

    def at(self, now: float, *, listed: bool) -> Seen:
        """Let time pass; the tracker may or may not have listed the SAs since."""
        self.gateway.advance(now)
        if listed:
            listing = self.tracker.list()
            for sa in self.gateway.listing(now):
                listing.add(now, sa)
            listing.end(now, waited=True)
        self.now = now
        return Seen(dict(self.walk()))

    def walk(self) -> Iterator[tuple[Oid, int | bytes]]:
        name: Oid = ROOT
        while True:
            asked = request("bulk", [name], max_repetitions=500)
            answer = finished(self.engine.process(asked, "127.0.0.1"))
            for varbind in varbinds_of(answer):
                ((_, content, _),) = items(varbind)
                (_, encoded, _), (tag, value, _) = items(content)
                if tag == ber.END_OF_MIB_VIEW:
                    return
                following = ber.decode_oid(encoded)
                assert following > name
                name = following
                if tag == ber.OCTET_STRING:
                    yield name, value
                else:
                    yield name, int.from_bytes(value, "big", signed=True)


def check_tunnels(seen: Seen) -> None:
    ike = {index for (index,) in seen.column("cikeTunStatus")}
    ipsec = {index for (index,) in seen.column("cipSecTunStatus")}
    # 1
    assert seen.scalar("cikeGlobalActiveTunnels") == len(ike)
    # 2
    assert seen.scalar("cipSecGlobalActiveTunnels") == len(ipsec)
    members = seen.column("cikePeerCorrIpSecTunIndex")
    # 3: every live tunnel once, and each under a row of the peer table
    assert sorted(members.values()) == sorted(ipsec)
    peers = seen.column("cikePeerActiveTunnelIndex")
    assert {index[:-1] for index in members} <= peers.keys()
    # 4
    assert set(peers.values()) <= ike | {0}
    with_tunnel = [index for index in peers.values() if index]
    assert len(with_tunnel) == len(set(with_tunnel))
    # 5
    alive = seen.column("cipSecTunIkeTunnelAlive")
    of = seen.column("cipSecTunIkeTunnelIndex")
    assert alive.keys() == of.keys() == {(index,) for index in ipsec}
    for index in alive:
        assert (alive[index] == TRUE) == (of[index] in ike)


def check_wraps(seen: Seen) -> None:
    """Number 6."""
    for large, small, wraps in FAMILIES:
        assert seen.scalar(f"cipSecGlobal{large}") == seen.scalar(
            f"cipSecGlobal{wraps}"
        ) << 32 | seen.scalar(f"cipSecGlobal{small}")
        column = seen.column(f"cipSecTun{large}")
        assert column.keys() == seen.column("cipSecTunStatus").keys()
        for index, value in column.items():
            low = seen.column(f"cipSecTun{small}")[index]
            high = seen.column(f"cipSecTun{wraps}")[index]
            assert value == high << 32 | low


def check_parts(seen: Seen) -> None:
    """Number 7."""
    ipsec = {index for (index,) in seen.column("cipSecTunStatus")}
    spis = Counter(tunnel for tunnel, _ in seen.column("cipSecSpiValue"))
    assert spis.keys() <= ipsec
    assert {tunnel for tunnel, _ in seen.column("cipSecEndPtLocalType")} == ipsec
    current = seen.column("cipSecTunCurrentSaInstances")
    assert {index: number for (index,), number in current.items() if number} == spis


def check_counters(before: Seen, after: Seen, seconds: float) -> None:
    """Number 9. A counter may wrap, and goes up by less than half of its size.

    Octets in 32 bits do not keep to that, so those in 64 bits stand for them (number 6); packets
    do for some minutes.
    """
    later = after.counters()
    assert later.keys() == before.counters().keys()
    for name, (value, size) in before.counters().items():
        small = size == 1 << 32 and name.startswith("cipSecGlobal")
        if small and (seconds > 1000 or name.endswith("Octets")):
            continue
        assert (later[name][0] - value) % size < size // 2, name


moments = st.lists(
    st.tuples(st.sampled_from([0.2, 1.5, 30.0, 600.0, 9000.0]), st.floats(0.5, 1.5), st.booleans()),
    min_size=1,
    max_size=3,
)


@settings(max_examples=25)
@given(st.integers(0, 2**32), st.integers(1, 60), moments)
def test_sn08_invariants_at_any_moment(
    seed: int, tunnels: int, moments: list[tuple[float, float, bool]]
) -> None:
    world = World(seed, tunnels)
    before = world.at(0.0, listed=True)
    now = 0.0
    for seconds, share, listed in moments:
        now += seconds * share
        seen = world.at(now, listed=listed)
        check_tunnels(seen)
        check_wraps(seen)
        check_parts(seen)
        check_counters(before, seen, seconds * share)
        before = seen


def test_sn08_invariants_second_by_second() -> None:
    """Often enough to see the moments between an end and what follows it."""
    world = World(1, 20)
    before = world.at(0.0, listed=True)
    ended = before.scalar("cipSecGlobalPreviousTunnels")
    lonely = 0
    for step in range(1, 161):
        seen = world.at(step * 0.7, listed=step % 3 == 0)
        check_tunnels(seen)
        check_parts(seen)
        check_counters(before, seen, 0.7)
        lonely += sum(value != TRUE for value in seen.column("cipSecTunIkeTunnelAlive").values())
        before = seen
    assert before.scalar("cipSecGlobalPreviousTunnels") > ended
    assert lonely
