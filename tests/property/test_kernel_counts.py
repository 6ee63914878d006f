"""What the kernel counts, over the life of a tunnel: it may come late, and it never falls."""

from __future__ import annotations

from ipaddress import ip_address

from hypothesis import given
from hypothesis import strategies as st

from datasource.events import EndReason
from datasource.model import (
    ChildSa,
    ChildSaParameters,
    Identity,
    IkeSa,
    IkeSaParameters,
    SaState,
)
from datasource.strongswan.source import MEASURED_IPSEC
from datasource.tracker import Tracker

ADDRESS = ip_address("192.0.2.1")
IKE = IkeSa(
    1,
    SaState.ACTIVE,
    0,
    IkeSaParameters("c", 2, True, ADDRESS, ADDRESS, Identity.parse("a"), Identity.parse("b")),
)
PARAMETERS = ChildSaParameters("net", 1, 1, 2, (), ())

STEP = st.tuples(
    st.sampled_from(["list", "event", "rekey"]),
    st.none() | st.integers(0, 3),
    st.integers(0, 2),
)
"""What happens, by how much the kernel's count grew (None: it has no such SA), and the packets."""


@given(st.lists(STEP, max_size=30))
def test_a_tunnel_has_the_sum_of_what_was_known_of_its_sas(
    steps: list[tuple[str, int | None, int]],
) -> None:
    tracker = Tracker(ipsec=MEASURED_IPSEC)
    counted: dict[int, int] = {}  # what the kernel has said, by SA
    packets: dict[int, int] = {}
    newest = 1
    seen: int | None = None

    def child(sa_id: int, drops: int | None) -> ChildSa:
        zero = MEASURED_IPSEC._replace(in_packets=packets.get(sa_id, 0), in_replay_drops=drops)
        return ChildSa(sa_id, SaState.ACTIVE, 0, PARAMETERS, zero)

    def saw(*children: ChildSa) -> None:
        tracker.saw(0, IkeSa(1, SaState.ACTIVE, 0, IKE.parameters, children))

    saw(child(1, None))
    for kind, growth, more in steps:
        packets[newest] = packets.get(newest, 0) + more
        if growth is not None and kind != "event":
            counted[newest] = counted.get(newest, 0) + growth
            saw(child(newest, counted[newest]))
        else:
            saw(child(newest, None))
        if kind == "rekey":
            tracker.child_rekeyed(0, IKE, child(newest, None), child(newest + 1, None))
            newest += 1
        snapshot = tracker.snapshot(0)
        (tunnel,) = snapshot.ipsec_tunnels
        expected = sum(counted.values()) if counted else None
        assert tunnel.traffic.in_replay_drops == expected
        assert snapshot.totals.ipsec.in_replay_drops == expected
        assert tunnel.traffic.in_packets == sum(packets.values())
        assert (expected or 0) >= (seen or 0)
        seen = expected
    tracker.ike_down(1, 1, EndReason.NORMAL)
    tracker.child_down(1, IKE, child(newest, None), EndReason.NORMAL)
    assert tracker.snapshot(1).totals.ipsec.in_replay_drops == seen
