"""Counters as functions of time: asked often or seldom, they say the same."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from datasource.model import IkeFailures, IkeTraffic, IpsecFailures, IpsecTraffic
from datasource.tracker import Tracker

__all__ = [
    "MEASURED_FAILURES",
    "MEASURED_IKE",
    "MEASURED_IPSEC",
    "MEASURED_IPSEC_FAILURES",
    "Flow",
    "ike_messages",
    "make_flows",
    "tracker_for_simulation",
]

MEASURED_IKE = IkeTraffic(*[0] * len(IkeTraffic._fields))
MEASURED_IPSEC = IpsecTraffic(*[0] * len(IpsecTraffic._fields))
MEASURED_FAILURES = IkeFailures(
    system_capacity=0, authentication=0, decryption=0, hash_validation=0, no_sa=0
)
MEASURED_IPSEC_FAILURES = IpsecFailures(protocol_use=0, no_sa=0, system_capacity=0)

_FLOWS = 192
_MILLION = 1_000_000
_IKE_MESSAGE_OCTETS = 120
"""Roughly: a DPD message has 80 to 110 octets, a rekey message some 300."""


def tracker_for_simulation(watching_since: float = -math.inf) -> Tracker:
    """Make a tracker of a gateway that counts everything."""
    return Tracker(
        ike=MEASURED_IKE,
        ipsec=MEASURED_IPSEC,
        failures=MEASURED_FAILURES,
        ipsec_failures=MEASURED_IPSEC_FAILURES,
        watching_since=watching_since,
    )


@dataclass(frozen=True, slots=True)
class Flow:
    """What passes through a tunnel. Many tunnels share one, each at its own place in its period."""

    in_rate: float
    """Packets per second while it is active."""
    out_rate: float
    in_size: int
    """Mean octets of a packet, as protected."""
    out_size: int
    period: float
    """Seconds from the start of one burst to the start of the next."""
    burst: float
    """Seconds of each period in which packets flow."""
    compression: float
    """Plain octets per compressed octet, where IPComp is used."""
    drops: int
    """Per million packets; so are all of the following."""
    replay_drops: int
    auth_fails: int
    decrypt_fails: int

    @property
    def octets_per_second(self) -> float:
        """Mean of the sum of both directions."""
        both = self.in_rate * self.in_size + self.out_rate * self.out_size
        return both * self.burst / self.period

    def packets(self, at: float) -> tuple[int, int]:
        """Return how many packets have come in and gone out by this time."""
        periods, rest = divmod(at, self.period)
        active = periods * self.burst + min(rest, self.burst)
        return int(self.in_rate * active), int(self.out_rate * active)

    def traffic(
        self, in_packets: int, out_packets: int, *, encrypted: bool, compressed: bool
    ) -> IpsecTraffic:
        """Return the counters of an SA that has let this many packets through."""
        in_octets = in_packets * self.in_size
        out_octets = out_packets * self.out_size
        in_plain, out_plain = in_octets, out_octets
        if compressed:
            in_plain = int(in_octets * self.compression)
            out_plain = int(out_octets * self.compression)
        auth_fails = in_packets * self.auth_fails // _MILLION
        decrypt_fails = in_packets * self.decrypt_fails // _MILLION if encrypted else 0
        drops = in_packets * self.drops // _MILLION
        return IpsecTraffic(
            in_octets,
            in_plain,
            in_packets,
            drops + auth_fails + decrypt_fails,
            in_packets * self.replay_drops // _MILLION,
            in_packets + auth_fails,
            auth_fails,
            in_packets + decrypt_fails if encrypted else 0,
            decrypt_fails,
            out_octets,
            out_plain,
            out_packets,
            out_packets * self.drops // _MILLION,
            out_packets,
            0,
            out_packets if encrypted else 0,
            0,
        )


def make_flows(rng: random.Random) -> tuple[Flow, ...]:
    """Make a choice of flows: idle, bursty and fast, some with faults."""
    return tuple(_make_flow(rng, number) for number in range(_FLOWS))


def _make_flow(rng: random.Random, number: int) -> Flow:
    kind = number % 20
    if kind < 6:  # idle: keep-alives and routing protocols
        rate, period, duty = rng.uniform(0.01, 0.2), 60.0, 1.0
    elif kind < 15:  # bursty: people at work, jobs by the clock
        rate, period, duty = rng.lognormvariate(4, 1.5), rng.uniform(20, 1800), rng.uniform(0.02, 1)
    elif kind < 19:  # steady: voice, replication
        rate, period, duty = rng.uniform(50, 4_000), 60.0, 1.0
    else:  # fast: 30 to 120 MB/s, past 2^32 octets in a minute or two
        rate, period, duty = rng.uniform(30_000, 80_000), 60.0, 1.0
    faulty = number % 7 == 3
    balance = rng.uniform(0.3, 1.7)
    return Flow(
        in_rate=rate * balance,
        out_rate=rate * (2 - balance),
        in_size=rng.randrange(100, 1400, 4),
        out_size=rng.randrange(100, 1400, 4),
        period=period,
        burst=period * duty,
        compression=rng.uniform(1.1, 2.5),
        drops=rng.randrange(1, 500) if number % 3 == 0 else 0,
        replay_drops=rng.randrange(1, 300) if faulty else 0,
        auth_fails=rng.randrange(1, 100) if faulty else 0,
        decrypt_fails=rng.randrange(1, 60) if faulty else 0,
    )


def ike_messages(messages_in: int, messages_out: int, **others: int) -> IkeTraffic:
    """Return the increments for this many messages, and for other fields by name."""
    return MEASURED_IKE._replace(
        in_packets=messages_in,
        in_octets=messages_in * _IKE_MESSAGE_OCTETS,
        out_packets=messages_out,
        out_octets=messages_out * _IKE_MESSAGE_OCTETS,
        **others,
    )
