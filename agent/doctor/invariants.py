"""What holds at every moment, whatever comes and goes: one object has to agree with another.

A walk takes longer than a snapshot of the agent lives, so a contradiction is believed only when it
is still there in the rounds that follow.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from agent.doctor.seen import Seen
from mibs import ber
from mibs.smi import Oid, Smi

__all__ = [
    "ACTIVE_TUNNELS",
    "COLUMNS",
    "Contradictions",
    "Round",
    "contradictions",
    "falls",
    "global_counters",
    "scalars",
    "wrap_families",
    "wrap_fault",
]

Contradictions: TypeAlias = dict[tuple[object, ...], str]
"""In plain words, by what they are about: the same one has the same key in each round."""

_PHASES = (
    (
        "cikeGlobalActiveTunnels",
        "cikeGlobalPreviousTunnels",
        (("cikeTunnelTable", "cikeTunStatus"), ("ikePolMapTable", "ikePolMapPolicyNum")),
    ),
    (
        "cipSecGlobalActiveTunnels",
        "cipSecGlobalPreviousTunnels",
        (
            ("cipSecTunnelTable", "cipSecTunStatus"),
            ("cikePeerCorrTable", "cikePeerCorrIpSecTunIndex"),
            ("ipSecPolMapTable", "ipSecPolMapCryptoMapName"),
        ),
    ),
)
"""How many tunnels there are, how many have ended, and the tables with a row for each."""

ACTIVE_TUNNELS = tuple(active for active, _, _ in _PHASES)
"""Without these, nothing is known of tunnels."""

_POLICY_COLUMNS = (
    "cipsIsakmpPolEncr",
    "cipsIsakmpPolHash",
    "cipsIsakmpPolAuth",
    "cipsIsakmpPolGroup",
    "cipsIsakmpPolLifetime",
)
"""Each may be absent from a row: not every algorithm has a number."""

_SET_COLUMNS = (
    "cipsStaticCryptomapSetNumIsakmp",
    "cipsStaticCryptomapSetNumManual",
    "cipsStaticCryptomapSetNumCET",
    "cipsStaticCryptomapSetNumDynamic",
)
"""The kinds of members, which cipsStaticCryptomapSetSize is the sum of."""

_CONFIGURED = (
    ("cipsNumIsakmpPolicies", "cipsIsakmpPolicyTable", _POLICY_COLUMNS),
    ("cipsNumStaticCryptomapSets", "cipsStaticCryptomapSetTable", ("cipsStaticCryptomapSetSize",)),
    (
        "cipsNumDynamicCryptomapSets",
        "cipsDynamicCryptomapSetTable",
        ("cipsDynamicCryptomapSetSize",),
    ),
)
"""How much is configured, and the columns of the table with a row for each."""

COLUMNS = (
    *(column for _, _, tables in _PHASES for _, column in tables),
    *(column for _, _, columns in _CONFIGURED for column in columns),
    *_SET_COLUMNS,
    "cipsStaticCryptomapSetNumDisc",
    "cipsStaticCryptomapSetNumSAs",
    "cipsStaticCryptomapType",
    "cipsCryptomapSetIfStatus",
    "cikePeerActiveTunnelIndex",
    "cipSecTunIkeTunnelIndex",
    "cipSecTunIkeTunnelAlive",
    "cipSecTunCurrentSaInstances",
    "cipSecSpiStatus",
    "cipSecEndPtLocalType",
)
"""What :func:`contradictions` looks at, beside the scalars."""

_CLOCK = "sysUpTime"
_SOON = 1000
"""Hundredths of a second: no gateway counts half of 2^32 packets in that."""
_TRUE, _FALSE = 1, 2
_MODULUS = 1 << 32


@dataclass(frozen=True, slots=True)
class Round:
    """What one look at the agent gave.

    Attributes:
        before: the scalars of :func:`scalars`, by name, read before the columns.
        seen: the columns.
        after: the scalars once more.
    """

    before: Mapping[str, int]
    seen: Seen
    after: Mapping[str, int]


def global_counters(modules: Smi) -> list[str]:
    """Name the scalars of both phases, and the agent's clock."""
    names = [
        item.name
        for item in modules.objects("CISCO-IPSEC-FLOW-MONITOR-MIB")
        if item.kind == "scalar" and item.name.startswith(("cikeGlobal", "cipSecGlobal"))
    ]
    return [_CLOCK, *names]


def scalars(modules: Smi) -> list[str]:
    """Name those of :func:`global_counters`, and how much is configured."""
    return [*global_counters(modules), *(number for number, _, _ in _CONFIGURED)]


def contradictions(found: Round) -> Contradictions:
    """Say what does not agree, as far as it is there."""
    return {
        **dict(_counts(found)),
        **dict(_configured(found)),
        **dict(_sets(found.seen)),
        **dict(_attached(found.seen)),
        **dict(_members(found.seen)),
        **dict(_ike_tunnels(found.seen)),
        **dict(_parts(found.seen)),
    }


def _counts(found: Round) -> Iterator[tuple[tuple[object, ...], str]]:
    """Compare the numbers of tunnels with the tables, whatever began or ended meanwhile."""
    before, after = found.before, found.after
    for active, previous, tables in _PHASES:
        if active not in before or active not in after:
            continue
        ended = (after.get(previous, 0) - before.get(previous, 0)) % _MODULUS
        begun = max(0, after[active] - before[active] + ended)
        for table, column in tables:
            rows = len(found.seen.column(column))
            if not rows and column != tables[0][1]:
                continue  # not served
            if not before[active] - ended <= rows <= before[active] + begun:
                text = f"{active} is {before[active]}, and {table} has {rows} rows"
                yield (active, table), text


def _configured(found: Round) -> Iterator[tuple[tuple[object, ...], str]]:
    """Compare how much is configured with the tables, unless that has just changed."""
    for scalar, table, columns in _CONFIGURED:
        number = found.before.get(scalar)
        if number is None or number != found.after.get(scalar):
            continue
        rows = len({index for column in columns for index in found.seen.column(column)})
        # A policy of which everything is absent cannot be seen.
        if rows != number and not (columns is _POLICY_COLUMNS and rows < number):
            yield (scalar, table), f"{scalar} is {number}, and {table} has {rows} rows"


def _sets(seen: Seen) -> Iterator[tuple[tuple[object, ...], str]]:
    kinds = [seen.numbers(column) for column in _SET_COLUMNS]
    dynamic, discovering = kinds[-1], seen.numbers("cipsStaticCryptomapSetNumDisc")
    listed = Counter(index[:-1] for index in seen.column("cipsStaticCryptomapType"))
    for index, size in seen.numbers("cipsStaticCryptomapSetSize").items():
        where = _instance("cipsStaticCryptomapSetSize", index)
        members = [kind[index] for kind in kinds if index in kind]
        if len(members) == len(kinds) and sum(members) != size:
            yield (where, "kinds"), f"{where} is {size}, and its members are {sum(members)}"
        linked = dynamic.get(index, 0)
        if discovering.get(index, 0) > linked:
            text = f"{discovering[index]} of {linked} dynamic members discover"
            yield (where, "discovering"), f"{where}: {text}"
        # Whether a link to a dynamic set is listed, the MIB says in both ways.
        if listed and not size - linked <= listed[index] <= size:
            text = f"cipsStaticCryptomapTable has {listed[index]} rows of the set"
            yield (where, "listed"), f"{where} is {size}, and {text}"
    active = sum(seen.numbers("cipsStaticCryptomapSetNumSAs").values())
    if active > (there := len(seen.column("cipSecSpiStatus"))):
        text = f"the sets have {active} SAs, and cipSecSpiTable has {there} rows"
        yield ("cipsStaticCryptomapSetNumSAs",), text


def _attached(seen: Seen) -> Iterator[tuple[tuple[object, ...], str]]:
    sets = seen.column("cipsStaticCryptomapSetSize")
    for column, of_set in (
        ("cipsStaticCryptomapType", slice(None, -1)),
        ("cipsCryptomapSetIfStatus", slice(1, None)),
    ):
        for index in seen.column(column):
            if index[of_set] not in sets:
                where = _instance(column, index)
                yield (where,), f"{where} is there, and its crypto map set is not"


def _members(seen: Seen) -> Iterator[tuple[tuple[object, ...], str]]:
    live = _first_parts(seen, "cipSecTunStatus")
    members = seen.numbers("cikePeerCorrIpSecTunIndex")
    peers = seen.column("cikePeerActiveTunnelIndex")
    times = Counter(members.values())
    for index, tunnel in members.items():
        where = _instance("cikePeerCorrIpSecTunIndex", index)
        if tunnel not in live:
            yield (where, "live"), f"{where} is {tunnel}, and no such IPsec tunnel is there"
        if times[tunnel] > 1:
            yield ("members", tunnel), f"cikePeerCorrTable has IPsec tunnel {tunnel} more than once"
        if peers and index[:-1] not in peers:
            yield (where, "peer"), f"{where} is under a peer that cikePeerTable does not have"


def _ike_tunnels(seen: Seen) -> Iterator[tuple[tuple[object, ...], str]]:
    live = _first_parts(seen, "cikeTunStatus")
    for index, tunnel in seen.numbers("cikePeerActiveTunnelIndex").items():
        if tunnel and tunnel not in live:
            where = _instance("cikePeerActiveTunnelIndex", index)
            yield (where, tunnel), f"{where} is {tunnel}, and no such IKE tunnel is there"
    alive = seen.numbers("cipSecTunIkeTunnelAlive")
    for index, tunnel in seen.numbers("cipSecTunIkeTunnelIndex").items():
        says = alive.get(index)
        if says == _TRUE and tunnel not in live:
            where = _instance("cipSecTunIkeTunnelAlive", index)
            yield (where, says), f"{where} is true, and IKE tunnel {tunnel} is not there"
        if says == _FALSE and tunnel in live:
            where = _instance("cipSecTunIkeTunnelAlive", index)
            yield (where, says), f"{where} is false, and IKE tunnel {tunnel} is there"


def _parts(seen: Seen) -> Iterator[tuple[tuple[object, ...], str]]:
    for title, status, columns in (
        ("IKE", "cikeTunStatus", ("ikePolMapPolicyNum",)),
        (
            "IPsec",
            "cipSecTunStatus",
            ("cipSecEndPtLocalType", "cipSecSpiStatus", "ipSecPolMapCryptoMapName"),
        ),
    ):
        live = _first_parts(seen, status)
        for column in columns:
            for index in seen.column(column):
                if index[0] not in live:
                    where = _instance(column, index)
                    yield (where,), f"{where} is there, and its {title} tunnel is not"
    spis = Counter(index[0] for index in seen.column("cipSecSpiStatus"))
    for index, number in seen.numbers("cipSecTunCurrentSaInstances").items():
        if number != spis[index[0]]:
            where = _instance("cipSecTunCurrentSaInstances", index)
            yield (
                (where,),
                f"{where} is {number}, and cipSecSpiTable has {spis[index[0]]} rows of the tunnel",
            )


def _first_parts(seen: Seen, column: str) -> set[int]:
    return {index[0] for index in seen.column(column)}


def _instance(name: str, index: Oid) -> str:
    return ".".join((name, *map(str, index)))


def falls(modules: Smi, before: Mapping[str, int], after: Mapping[str, int]) -> list[str]:
    """Say which global counters fell between two readings of :func:`global_counters`.

    A counter of 32 bits may wrap, which can be told from a fall only for some seconds. Octets wrap
    too fast even for that; those in 64 bits stand for them.
    """
    soon = 0 <= after.get(_CLOCK, 1 << 32) - before.get(_CLOCK, 0) <= _SOON
    lines = []
    for name in before.keys() & after.keys():
        tag = modules.object(name).tag
        old, new = before[name], after[name]
        small = soon and tag == ber.COUNTER32 and not name.endswith("Octets")
        if (tag == ber.COUNTER64 and new < old) or (
            small and (new - old) % _MODULUS >= _MODULUS // 2
        ):
            lines.append(f"{name} fell from {old} to {new}")
    return sorted(lines)


_FAMILIES = (
    ("HcInOctets", "InOctets", "InOctWraps"),
    ("HcInDecompOctets", "InDecompOctets", "InDecompOctWraps"),
    ("HcOutOctets", "OutOctets", "OutOctWraps"),
    ("HcOutUncompOctets", "OutUncompOctets", "OutUncompOctWraps"),
)


def wrap_families(prefix: str) -> list[tuple[str, str, str]]:
    """Name the counters of 64 bits, of 32 bits and of wraps, of all or one (``cipSecTun``)."""
    return [(prefix + large, prefix + small, prefix + wraps) for large, small, wraps in _FAMILIES]


def wrap_fault(values: Mapping[str, int], family: tuple[str, str, str]) -> str:
    """Say how three counters of one snapshot disagree; empty if they do not, or one is missing."""
    large, small, wraps = family
    if not values.keys() >= {large, small, wraps}:
        return ""
    if values[large] == values[wraps] << 32 | values[small]:
        return ""
    return (
        f"{large} is {values[large]}, and {wraps} and {small} say"
        f" {values[wraps] << 32 | values[small]}"
    )
