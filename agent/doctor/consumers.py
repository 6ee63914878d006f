"""The management systems that read these MIBs: when they look, what they show, what trips them.

Each entry tells what a system was seen to do, in its code or its templates. Gates and hazards are
looked for in what the agent answered, never in the configuration.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from agent.doctor.seen import Seen
from mibs.smi import Oid

__all__ = ["CONSUMERS", "Consumer", "Identity", "identity", "missing"]


@dataclass(frozen=True, slots=True)
class Identity:
    """How the agent introduces itself."""

    description: str
    """sysDescr."""
    object_id: Oid
    """sysObjectID."""


def identity(seen: Seen) -> Identity:
    """Return the identity that a walk showed; empty where it showed none."""
    object_id = seen.column("sysObjectID").get((0,))
    return Identity(
        seen.texts("sysDescr").get((0,), b"").decode(errors="replace"),
        object_id if isinstance(object_id, tuple) else (),
    )


Gate: TypeAlias = Callable[[Identity], str]
"""Says why the system does not look; empty if it does."""
Hazard: TypeAlias = Callable[[Seen], str]
"""Says what would go wrong; empty if nothing does."""


@dataclass(frozen=True, slots=True)
class Consumer:
    """One management system.

    Attributes:
        name: what it is called, and its part if it has several.
        shows: what there would be to see.
        needs: objects of the tunnel tables without which that is not so.
        gate: None if the operator alone decides.
        hazards: what is known to trip it.
    """

    name: str
    shows: Callable[[Seen], str]
    needs: tuple[str, ...] = ()
    gate: Gate | None = None
    hazards: tuple[Hazard, ...] = ()


def missing(seen: Seen, consumer: Consumer) -> list[str]:
    """Name the objects that a system needs and rows of a table lack."""
    rows = {"cikeTun": _ike(seen), "cipSecT": _ipsec(seen)}
    return [
        name for name in consumer.needs if rows.get(name[:7], {(0,)}) - seen.column(name).keys()
    ]


# What is there -----------------------------------------------------------------------------------


def _rows(seen: Seen, first: str, last: str) -> set[Oid]:
    """Return the rows that were there from the first column to the last."""
    begun, ended = seen.column(first).keys(), seen.column(last).keys()
    return set(begun & ended or begun or ended)


def _ike(seen: Seen) -> set[Oid]:
    return _rows(seen, "cikeTunLocalType", "cikeTunStatus")


def _ipsec(seen: Seen) -> set[Oid]:
    return _rows(seen, "cipSecTunIkeTunnelIndex", "cipSecTunStatus")


def _ike_of(seen: Seen) -> Mapping[Oid, Oid]:
    """Return the IKE tunnel of each IPsec tunnel."""
    return {index: (number,) for index, number in seen.numbers("cipSecTunIkeTunnelIndex").items()}


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _ike_tunnels(seen: Seen) -> str:
    return _count(len(_ike(seen)), "IKE tunnel")


def _ipsec_tunnels(seen: Seen) -> str:
    return _count(len(_ipsec(seen)), "IPsec tunnel")


def _all_tunnels(seen: Seen) -> str:
    return f"{_ike_tunnels(seen)} and {_ipsec_tunnels(seen)}"


def _peers(seen: Seen) -> str:
    return _count(len(set(seen.texts("cikeTunRemoteValue").values())), "peer")


def _lines_of_peers(seen: Seen) -> str:
    """LibreNMS: a line for each peer of an IPsec tunnel; without IKE tunnel that is an address."""
    peers, addresses = seen.texts("cikeTunRemoteValue"), seen.texts("cipSecTunRemoteAddr")
    lines = {peers.get(ike, addresses.get(index)) for index, ike in _ike_of(seen).items()}
    return _count(len(lines), "line") + f" for {_ipsec_tunnels(seen)}"


def _joined(seen: Seen) -> str:
    return _count(len(_ipsec(seen)) - len(_lost(seen)), "IPsec tunnel")


def _named_pairs(seen: Seen) -> str:
    used = set(_ike_of(seen).values())
    names = {name for index, name in _ends(seen).items() if index in used}
    return _count(len(names), "pair") + " of identities"


def _totals(seen: Seen) -> str:
    active = seen.numbers("cipSecGlobalActiveTunnels").get((0,), 0)
    return f"the totals, of {_count(active, 'IPsec tunnel')} now"


def _ends(seen: Seen) -> dict[Oid, tuple[bytes, bytes]]:
    local, remote = seen.texts("cikeTunLocalValue"), seen.texts("cikeTunRemoteValue")
    return {index: (local.get(index, b""), value) for index, value in remote.items()}


def _pairs(seen: Seen, prefix: str) -> dict[Oid, tuple[bytes, bytes]]:
    local, remote = seen.texts(f"{prefix}LocalAddr"), seen.texts(f"{prefix}RemoteAddr")
    return {index: (local[index], remote[index]) for index in local.keys() & remote.keys()}


def _lost(seen: Seen) -> set[Oid]:
    """Return the IPsec tunnels that have no IKE tunnel by index nor by the pair of addresses."""
    ike = _ike(seen)
    pairs = set(_pairs(seen, "cikeTun").values())
    ipsec_pairs = _pairs(seen, "cipSecTun")
    return {
        index
        for index, partner in _ike_of(seen).items()
        if partner not in ike and ipsec_pairs.get(index) not in pairs
    }


# Gates -------------------------------------------------------------------------------------------

_IOS = ("Cisco IOS Software", "IOS (tm)", "Cisco Internetwork Operating System Software")
_IOS_XE = ("LINUX_IOSD", "IOS-XE", "IOSXE", "CAT3K_CAA")
_CISCO = (1, 3, 6, 1, 4, 1, 9)
_MODELS = (*_CISCO, 1)

_ASA_MODELS = (
    *((669, 673), (745, 745), (753, 753), (763, 766), (773, 774), (914, 916), (1101, 1101)),
    *((1194, 1205), (1232, 1235), (1275, 1277), (1302, 1313), (1323, 1326), (1334, 1336)),
    *((1407, 1421), (1437, 1440), (1442, 1456), (1610, 1610), (1612, 1614), (1617, 1618)),
    *((2114, 2128), (2241, 2246), (2297, 2306)),
)
"""Below 1.3.6.1.4.1.9.1, in the profiles of Netdata, Datadog and Kentik: first and last."""
_OPENNMS_MODELS = (
    *((669, 673), (745, 745), (753, 753), (763, 766), (773, 774), (914, 914), (1194, 1197)),
    *((1201, 1201), (1408, 1408), (1421, 1421)),
)


def _cisco_system(identity: Identity) -> str:
    """LibreNMS and Observium: an operating system of the group cisco."""
    text = identity.description
    if re.match("Cisco (Adaptive|Industrial) Security Appliance", text):
        return ""
    if any(mark in text for mark in (*_IOS, *_IOS_XE)):
        return ""
    return "it looks for Cisco ASA, IOS or IOS XE in sysDescr"


def _check_nwc_health(identity: Identity) -> str:
    if "cisco" in identity.description.lower() or identity.object_id[: len(_CISCO)] == _CISCO:
        return ""
    return 'it looks for "Cisco" in sysDescr, or a sysObjectID of Cisco'


def _checkmk(identity: Identity) -> str:
    text = identity.description.lower()
    if text.startswith("cisco adaptive security") or "vpn 3000 concentrator" in text:
        return ""
    return 'it looks for "Cisco Adaptive Security" at the beginning of sysDescr'


def _model_gate(models: tuple[tuple[int, int], ...]) -> Gate:
    def gate(identity: Identity) -> str:
        *parent, model = identity.object_id or (0,)
        if tuple(parent) == _MODELS and any(low <= model <= high for low, high in models):
            return ""
        return "sysObjectID is not in its list of Cisco ASA models"

    return gate


# Hazards -----------------------------------------------------------------------------------------

_HC_COLUMNS = (
    "cipSecTunHcInOctets",
    "cipSecTunHcInDecompOctets",
    "cipSecTunHcOutOctets",
    "cipSecTunHcOutUncompOctets",
)


def _some(indexes: set[Oid]) -> str:
    """Name the first row and say how many there are."""
    first = ".".join(map(str, min(indexes)))
    return f"row {first}" if len(indexes) == 1 else f"row {first} and {len(indexes) - 1} more"


def _incomplete_hc(seen: Seen) -> str:
    rows = _ipsec(seen)
    lacking = {i for name in _HC_COLUMNS for i in rows - seen.column(name).keys()}
    if not lacking:
        return ""
    return (
        "it takes 64-bit octets only where all four of them are there, and they are not in"
        f" cipSecTunnelTable {_some(lacking)}"
    )


def _longer(column: str, limit: int) -> Hazard:
    def hazard(seen: Seen) -> str:
        long = {i for i, value in seen.texts(column).items() if len(value) > limit}
        if not long:
            return ""
        return f"{column} has more than the {limit} characters that it stores, in {_some(long)}"

    return hazard


def _shared_lines(seen: Seen) -> str:
    """LibreNMS has one line for each peer."""
    peers = seen.texts("cikeTunRemoteValue")
    times = Counter(peers[ike] for ike in _ike_of(seen).values() if ike in peers)
    several = sum(number > 1 for number in times.values())
    if not several:
        return ""
    return (
        f"{_count(several, 'peer')} with several IPsec tunnels: it keeps one line for each peer,"
        " and the last tunnel wins"
    )


def _without_partner(seen: Seen) -> str:
    lost = _lost(seen)
    if not lost:
        return ""
    return f"it skips IPsec tunnels without an IKE tunnel: cipSecTunnelTable {_some(lost)}"


def _not_ipv4(seen: Seen) -> str:
    """Centreon gives endpoints to inet_ntoa."""
    wrong = {
        index
        for name in ("Local", "Remote")
        for number in (1, 2)
        for index, value in seen.texts(f"cipSecEndPt{name}Addr{number}").items()
        if len(value) != 4
    }
    if not wrong:
        return ""
    return f"it dies of endpoints that are not IPv4: cipSecEndPtTable {_some(wrong)}"


def _same_ends(seen: Seen) -> str:
    return _doubled(_ends(seen).values())


def _same_peer(seen: Seen) -> str:
    return _doubled(seen.texts("cikeTunRemoteValue").values())


def _doubled(names: Iterable[object]) -> str:
    double = sum(number - 1 for number in Counter(names).values())
    if not double:
        return ""
    return f"{_count(double, 'IKE tunnel')} with the name of another: it shows one for each name"


def _without_ike(seen: Seen) -> str:
    dead = {i for i, value in seen.numbers("cipSecTunIkeTunnelAlive").items() if value == 2}
    if not dead:
        return ""
    return f"it leaves out IPsec tunnels whose IKE tunnel has gone: cipSecTunnelTable {_some(dead)}"


def _no_failures(seen: Seen) -> str:
    if seen.column("cipSecFailTableSize"):
        return ""
    return "the failure tables are not served, so it reports no failures"


def _long_index(seen: Seen) -> str:
    long = {index for index in seen.column("cipSecTunLocalAddr") if len(index) != 1}
    return f"it wants an index of one number, not cipSecTunnelTable {_some(long)}" if long else ""


def _not_text(seen: Seen) -> str:
    binary = {
        index
        for index, value in seen.texts("cikeTunRemoteValue").items()
        if not (value.isascii() and value.decode("ascii").isprintable())
    }
    if not binary:
        return ""
    return f"they look for printed text, and cikeTunRemoteValue is none in {_some(binary)}"


# The systems -------------------------------------------------------------------------------------

_TRAFFIC = ("cipSecTunInOctets", "cipSecTunOutOctets")
_IKE_TRAFFIC = ("cikeTunInOctets", "cikeTunOutOctets")
_JOIN = ("cipSecTunIkeTunnelIndex", "cikeTunRemoteValue")
_TUNNEL_TOTALS = ("cikeGlobalActiveTunnels", "cipSecGlobalActiveTunnels")

CONSUMERS = (
    Consumer(
        "LibreNMS",
        _lines_of_peers,
        (*_JOIN, "cipSecTunStatus", "cikeTunLocalValue", "cikeTunLocalName", *_TRAFFIC),
        _cisco_system,
        (
            _incomplete_hc,
            _longer("cikeTunLocalValue", 64),
            _longer("cikeTunRemoteValue", 64),
            _longer("cikeTunLocalName", 96),
            _shared_lines,
        ),
    ),
    Consumer(
        "Observium",
        _joined,
        (*_JOIN, "cikeTunLocalAddr", "cikeTunRemoteAddr", "cipSecTunActiveTime", *_TRAFFIC),
        _cisco_system,
        (_without_partner, _incomplete_hc),
    ),
    Consumer(
        "Centreon",
        _named_pairs,
        (*_JOIN, "cikeTunLocalValue", "cikeTunActiveTime", *_TRAFFIC),
        hazards=(_not_ipv4, _same_ends),
    ),
    Consumer(
        "check_nwc_health",
        _ike_tunnels,
        (*_TUNNEL_TOTALS, "cikeTunLocalAddr", "cikeTunRemoteAddr", "cikeTunStatus"),
        _check_nwc_health,
        (_no_failures,),
    ),
    Consumer(
        "Checkmk",
        _peers,
        (*_JOIN, "cipSecTunIkeTunnelAlive", *_IKE_TRAFFIC, *_TRAFFIC),
        _checkmk,
        (_same_peer, _without_ike),
    ),
    Consumer(
        "Netdata",
        _totals,
        ("cipSecGlobalActiveTunnels", "cipSecGlobalHcInOctets", "cipSecGlobalHcOutOctets"),
        _model_gate(_ASA_MODELS),
    ),
    Consumer(
        "Datadog, metrics",
        _totals,
        ("cipSecGlobalActiveTunnels",),
        _model_gate(_ASA_MODELS),
    ),
    Consumer(
        "Datadog, VPN metadata",
        _ipsec_tunnels,
        ("cipSecTunLocalAddr", "cipSecTunRemoteAddr"),
        hazards=(_long_index,),
    ),
    Consumer(
        "Kentik and New Relic",
        _all_tunnels,
        (*_TUNNEL_TOTALS, "cipSecTunHcInOctets", "cipSecTunHcOutOctets", *_IKE_TRAFFIC),
        _model_gate(_ASA_MODELS),
    ),
    Consumer("OpenNMS", _totals, _TUNNEL_TOTALS, _model_gate(_OPENNMS_MODELS)),
    Consumer("ElastiFlow", _all_tunnels, _TUNNEL_TOTALS),
    Consumer(
        "Zabbix",
        _all_tunnels,
        ("cikeTunRemoteValue", "cikeTunActiveTime", "cipSecTunRemoteAddr", *_TRAFFIC),
    ),
    Consumer("PRTG", _ipsec_tunnels, (*_JOIN, *_TRAFFIC)),
    Consumer("PVSR and eG", _totals, _TUNNEL_TOTALS),
    Consumer("scripts", _ike_tunnels, ("cikeTunRemoteValue",), hazards=(_not_text,)),
)
