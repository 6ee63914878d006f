"""Crypto maps and their sets: 1.3.6.1.4.1.9.10.62.1.2.3.1 to .3."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter

from datasource.configuration import CryptoMap, CryptoMapType
from datasource.model import IpAddress
from mibs.algorithms import AlgorithmNumbers
from mibs.cisco_ipsec.ipsec import lifesize, lifetime
from mibs.forms import FALSE, constant, display_string, ip_address
from mibs.table import Column, Key, Root, Table

__all__ = ["name_key", "tables"]

_UNKNOWN_ADDRESS = bytes(4)
_THE_DEFAULT = 0
"""A lifetime or lifesize that says: that of all, cipsSALifetime or cipsSALifesize."""
_MAX_PEERS = 40


def tables(numbers: AlgorithmNumbers, descriptions: Mapping[str, str]) -> tuple[Table, ...]:
    """Return the tables of sets and of their members."""
    return (
        _CIPS_STATIC_CRYPTOMAP_SET_TABLE,
        _CIPS_DYNAMIC_CRYPTOMAP_SET_TABLE,
        _cips_static_cryptomap_table(numbers, descriptions),
    )


def name_key(name: str) -> Key:
    """Return the index that a DisplayString is: with its length (RFC 2578 section 7.7)."""
    return (len(name), *name.encode("ascii"))


_STATIC_SETS = Root(
    "static crypto map sets",
    attrgetter("configuration.static_sets"),
    lambda row: name_key(row.name),
)
_DYNAMIC_SETS = Root(
    "dynamic crypto map sets",
    attrgetter("configuration.dynamic_sets"),
    lambda row: name_key(row.name),
)
_CRYPTO_MAPS = Root(
    "crypto maps",
    attrgetter("configuration.crypto_maps"),
    lambda row: (*name_key(row.set_name), row.priority),
)

# cipsStaticCryptomapSetTable .1.2.3.1 -------------------------------------------------------------


def _count(*types: CryptoMapType) -> Callable[[Sequence[CryptoMap]], int]:
    return lambda members: sum(member.type in types for member in members)


_CIPS_STATIC_CRYPTOMAP_SET_TABLE = Table(
    "cipsStaticCryptomapSetTable",
    _STATIC_SETS,
    (
        Column("cipsStaticCryptomapSetSize", "members", len),
        Column("cipsStaticCryptomapSetNumIsakmp", "members", _count(CryptoMapType.ISAKMP)),
        Column("cipsStaticCryptomapSetNumManual", "members", _count(CryptoMapType.MANUAL)),
        Column("cipsStaticCryptomapSetNumCET", "members", _count(CryptoMapType.CET)),
        Column(
            "cipsStaticCryptomapSetNumDynamic",
            "members",
            _count(CryptoMapType.DYNAMIC, CryptoMapType.DYNAMIC_DISCOVERY),
        ),
        Column("cipsStaticCryptomapSetNumDisc", "members", _count(CryptoMapType.DYNAMIC_DISCOVERY)),
        Column("cipsStaticCryptomapSetNumSAs", "sas"),
    ),
)

# cipsDynamicCryptomapSetTable .1.2.3.2 ------------------------------------------------------------

_CIPS_DYNAMIC_CRYPTOMAP_SET_TABLE = Table(
    "cipsDynamicCryptomapSetTable",
    _DYNAMIC_SETS,
    (
        Column("cipsDynamicCryptomapSetSize", "members", len),
        # A connection stands for itself: there is nothing that would link one to another.
        Column("cipsDynamicCryptomapSetNumAssoc", "name", constant(0)),
    ),
)

# cipsStaticCryptomapTable .1.2.3.3 ----------------------------------------------------------------

_TYPE = {
    CryptoMapType.MANUAL: 1,
    CryptoMapType.ISAKMP: 2,
    CryptoMapType.CET: 3,
    CryptoMapType.DYNAMIC: 4,
    CryptoMapType.DYNAMIC_DISCOVERY: 5,
}


def _descr_form(
    descriptions: Mapping[str, str],
) -> Callable[[tuple[str, IpAddress | None]], bytes]:
    """Return the form of a crypto map's text: its name, and how its peer is described."""

    def form(shown: tuple[str, IpAddress | None]) -> bytes:
        name, peer = shown
        description = descriptions.get(str(peer))
        return display_string(name if description is None else f"{name}: {description}")

    return form


def _cips_static_cryptomap_table(
    numbers: AlgorithmNumbers, descriptions: Mapping[str, str]
) -> Table:
    return Table(
        "cipsStaticCryptomapTable",
        _CRYPTO_MAPS,
        (
            Column("cipsStaticCryptomapType", "type", _TYPE.get),
            Column("cipsStaticCryptomapDescr", "child.name, peer", _descr_form(descriptions)),
            Column("cipsStaticCryptomapPeer", "peer", ip_address, missing=_UNKNOWN_ADDRESS),
            Column("cipsStaticCryptomapNumPeers", "peers", lambda peers: min(peers, _MAX_PEERS)),
            Column("cipsStaticCryptomapPfs", "pfs_group", numbers.group),
            Column("cipsStaticCryptomapLifetime", "child.lifetime", lifetime, missing=_THE_DEFAULT),
            Column(
                "cipsStaticCryptomapLifesize",
                "child.lifetime_octets",
                lifesize,
                missing=_THE_DEFAULT,
            ),
            # charon makes an SA for each flow, and never one for each pair of hosts in it.
            Column("cipsStaticCryptomapLevelHost", "priority", constant(FALSE)),
        ),
    )
