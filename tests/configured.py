"""A configuration made by hand, and what all MIBs show of it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping

from datasource.configuration import (
    Child,
    Connection,
    Defaults,
    Interface,
    Interfaces,
    Policy,
    TransformSet,
)
from datasource.model import AuthMethod, Identity, Proposal
from datasource.tracker import Tracker
from mibs import ber, served, smi, transaction
from mibs.access import SHOWN, Access
from mibs.cisco_ipsec import CryptoMapControl
from mibs.served import Shown
from mibs.table import Key, Value
from mibs.tree import Tree
from mibs.view import View, ViewBuilder
from tests.sas import IKE, OURS, THEIRS
from tests.shown import shown

__all__ = [
    "DEFAULTS",
    "ETH0",
    "MODULES",
    "POLICY",
    "SITE",
    "Configured",
    "connection",
    "name_index",
]

MODULES = smi.load(served.MODULES)

POLICY = Policy(
    Proposal("AES_CBC", 256, "HMAC_SHA2_256_128", "PRF_HMAC_SHA2_256", "MODP_2048"),
    AuthMethod.PRE_SHARED_KEY,
    14400,
)
ESP = TransformSet("aes256", Proposal("AES_CBC", 256, "HMAC_SHA1_96", group="MODP_2048"))
DEFAULTS = Defaults(
    lifetime=3600, lifetime_octets=4_608_000 << 10, triple_des=True, transform_sets=(ESP,)
)
ETH0 = Interface(2, "eth0", addresses=frozenset({OURS}))


def connection(name: str, *children: str, dynamic: bool = False) -> Connection:
    """Make a connection with children of these names."""
    return Connection(
        name,
        tuple(Child(child, transforms=(ESP,)) for child in children),
        local_addresses=(OURS,),
        peers=() if dynamic else (THEIRS, ipaddress.ip_address("2001:db8::2")),
        dynamic=dynamic,
        local_identity=Identity.parse("192.0.2.1"),
        policies=(POLICY,),
    )


SITE = connection(IKE.connection, "net", "web")
"""That of the tunnels in :mod:`tests.sas`."""


def name_index(name: str) -> Key:
    """The index of a name, as RFC 2578 section 7.7 has it."""
    return (len(name), *map(ord, name))


class Configured:
    """A tracker, and everything that is shown of it.

    Attributes:
        shown: what is shown beside it.
        now: seconds.
    """

    def __init__(
        self, crypto_maps: CryptoMapControl | None = None, *, beside: Shown | None = None
    ) -> None:
        self.now = 10.0
        self.tracker = Tracker()
        self.shown = beside or shown(crypto_maps=crypto_maps)
        self.tree = Tree(MODULES, served.bind(self.shown))
        self.access = Access(bytes([SHOWN]) * len(self.tree.spans))
        self._builder = ViewBuilder(self.tree)

    def configure(self, *connections: Connection, defaults: Defaults = DEFAULTS) -> None:
        self.tracker.configure(self.now, connections, defaults)

    def attach(self, *interfaces: Interface) -> None:
        self.tracker.attach(self.now, Interfaces(interfaces))

    def view(self) -> View:
        return self._builder.build(self.tracker.snapshot(self.now), self.now)

    # So that it can be what an engine shows.
    current = view

    def expire(self) -> None:
        """Nothing is kept."""

    def column(self, name: str) -> Mapping[Key, Value]:
        """Every instance of an object, by index."""
        return dict(self._instances(name))

    def _instances(self, name: str) -> Iterator[tuple[Key, Value]]:
        view = self.view()
        span, _ = self.tree.find_plain(MODULES.object(name).oid)
        assert span is not None
        key: Key = ()
        while (found := view.following(span, key)) is not None:
            yield found
            key, _ = found

    def scalar(self, name: str) -> Value | None:
        """The one instance of an object, None where it is absent."""
        return self.column(name).get((0,))

    async def set(self, name: str, index: Key, value: int) -> None:
        """Set an INTEGER."""
        oid = ber.encode_oid((*MODULES.object(name).oid, *index))
        varbind = oid, ber.INTEGER, ber.encode_integer(value)[2:]
        await transaction.test(self.view(), self.access, [varbind]).commit()
