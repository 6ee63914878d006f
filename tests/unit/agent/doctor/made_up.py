"""A made-up gateway, right in everything, for tests to make wrong, and somebody who asks it."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterator, Sequence

from agent.doctor.seen import Seen
from agent.doctor.walk import Answer, Value, Varbind
from mibs import ber, smi
from mibs.names import Names

Oid = tuple[int, ...]

NAMES = Names(smi.load())

LOCAL, REMOTES = b"192.0.2.1", (b"198.51.100.1", b"198.51.100.2")
SETS = b"oslo", b"bergen"
_END_OF_MIB = 2


def peer_index(remote: bytes) -> Oid:
    """Give a row of cikePeerTable: both identities are addresses, as text."""
    return (1, len(LOCAL), *LOCAL, 1, len(remote), *remote, 1)


def name_index(name: bytes) -> Oid:
    """Give a row of cipsStaticCryptomapSetTable."""
    return (len(name), *name)


class Gateway:
    """Two IKE tunnels, 1 and 2; tunnels 1 and 2 of IPsec belong to the first, 3 to the second.

    Of three crypto maps in :data:`SETS`, one is a link to a dynamic set and is not listed.
    """

    def __init__(self) -> None:
        self.cells: dict[str, dict[Oid, Value]] = {}
        self._system()
        self._totals()
        for index, remote in enumerate(REMOTES, 1):
            self._ike_tunnel(index, remote)
        for index, ike in ((1, 1), (2, 1), (3, 2)):
            self._ipsec_tunnel(index, ike)
        self._configuration()

    def put(self, name: str, index: Oid, value: Value) -> None:
        """Say what an instance holds."""
        self.cells.setdefault(name, {})[index] = value

    def drop(self, *names: str, index: Oid | None = None) -> None:
        """Take whole objects away, or one instance of each."""
        for name in names:
            if index is None:
                del self.cells[name]
            else:
                del self.cells[name][index]

    def varbinds(self) -> list[Varbind]:
        """Give all of it as a walk does."""
        return sorted(
            Varbind((*NAMES.oid(name), *index), NAMES.modules.object(name).tag, value)
            for name, rows in self.cells.items()
            for index, value in rows.items()
        )

    def seen(self) -> Seen:
        """Give what a walk has seen."""
        seen = Seen(NAMES)
        for varbind in self.varbinds():
            seen.add(varbind)
        return seen

    def _system(self) -> None:
        self.put("sysDescr", (0,), b"Linux gw 6.1, flowmib 1.0")
        self.put("sysObjectID", (0,), (0, 0))
        self.put("sysUpTime", (0,), 4242)
        self.put("sysName", (0,), b"gw")

    def _totals(self) -> None:
        self.put("cikeGlobalActiveTunnels", (0,), 2)
        self.put("cikeGlobalPreviousTunnels", (0,), 0)
        self.put("cipSecGlobalActiveTunnels", (0,), 3)
        self.put("cipSecGlobalPreviousTunnels", (0,), 7)
        self.put("cipSecGlobalInPkts", (0,), 700)
        self._octets("cipSecGlobal", (0,), 3 * ((1 << 32) + 5))

    def _octets(self, prefix: str, index: Oid, octets: int) -> None:
        for family, wraps in (
            ("InOct", "InOct"),
            ("InDecompOct", "InDecompOct"),
            ("OutOct", "OutOct"),
            ("OutUncompOct", "OutUncompOct"),
        ):
            self.put(f"{prefix}Hc{family}ets", index, octets)
            self.put(f"{prefix}{family}ets", index, octets & 0xFFFFFFFF)
            self.put(f"{prefix}{wraps}Wraps", index, octets >> 32)

    def _ike_tunnel(self, number: int, remote: bytes) -> None:
        index = (number,)
        for name, value in (
            ("cikeTunLocalType", 1),
            ("cikeTunLocalValue", LOCAL),
            ("cikeTunLocalAddr", bytes((192, 0, 2, 1))),
            ("cikeTunLocalName", b"site"),
            ("cikeTunRemoteType", 1),
            ("cikeTunRemoteValue", remote),
            ("cikeTunRemoteAddr", bytes((198, 51, 100, number))),
            ("cikeTunActiveTime", 12345),
            ("cikeTunInOctets", 500),
            ("cikeTunOutOctets", 600),
            ("cikeTunStatus", 1),
        ):
            self.put(name, index, value)
        self.put("cikePeerLocalAddr", peer_index(remote), bytes((192, 0, 2, 1)))
        self.put("cikePeerActiveTunnelIndex", peer_index(remote), number)

    def _configuration(self) -> None:
        self.put("cipsNumIsakmpPolicies", (0,), 2)
        self.put("cipsIsakmpPolEncr", (10,), 3)
        self.put("cipsIsakmpPolAuth", (20,), 2)
        self.put("cipsNumStaticCryptomapSets", (0,), len(SETS))
        self.put("cipsNumDynamicCryptomapSets", (0,), 1)
        self.put("cipsDynamicCryptomapSetSize", name_index(b"anybody"), 1)
        for name in SETS:
            index = name_index(name)
            dynamic = name == SETS[-1]
            self.put("cipsStaticCryptomapSetSize", index, 1 + dynamic)
            self.put("cipsStaticCryptomapSetNumIsakmp", index, 1)
            self.put("cipsStaticCryptomapSetNumManual", index, 0)
            self.put("cipsStaticCryptomapSetNumCET", index, 0)
            self.put("cipsStaticCryptomapSetNumDynamic", index, int(dynamic))
            self.put("cipsStaticCryptomapSetNumDisc", index, 0)
            self.put("cipsStaticCryptomapSetNumSAs", index, 3)
            self.put("cipsStaticCryptomapType", (*index, 1), 2)
            self.put("cipsCryptomapSetIfStatus", (2, *index), 1)

    def _ipsec_tunnel(self, number: int, ike: int) -> None:
        index = (number,)
        for name, value in (
            ("cipSecTunIkeTunnelIndex", ike),
            ("cipSecTunIkeTunnelAlive", 1),
            ("cipSecTunLocalAddr", bytes((192, 0, 2, 1))),
            ("cipSecTunRemoteAddr", bytes((198, 51, 100, ike))),
            ("cipSecTunActiveTime", 12345),
            ("cipSecTunCurrentSaInstances", 2),
            ("cipSecTunStatus", 1),
        ):
            self.put(name, index, value)
        self._octets("cipSecTun", index, (1 << 32) + 5)
        member = (*peer_index(REMOTES[ike - 1]), number)
        self.put("cikePeerCorrIpSecTunIndex", member, number)
        for spi in (1, 2):
            self.put("cipSecSpiValue", (number, spi), 4096 + spi)
            self.put("cipSecSpiStatus", (number, spi), 1)
        self.put("cipSecEndPtLocalType", (number, 1), 3)
        for end in ("Local", "Remote"):
            self.put(f"cipSecEndPt{end}Addr1", (number, 1), bytes((10, 0, 0, 0)))
            self.put(f"cipSecEndPt{end}Addr2", (number, 1), bytes((255, 0, 0, 0)))


class Tree:
    """An agent's tree: what follows what. A lie may change each answer."""

    def __init__(
        self,
        varbinds: Sequence[Varbind],
        lie: Callable[[Varbind], Varbind] = lambda varbind: varbind,
    ) -> None:
        self._varbinds = sorted(varbinds)
        self._names = [varbind.name for varbind in self._varbinds]
        self._lie = lie

    def get(self, name: Oid) -> Varbind:
        """Give an instance."""
        place = bisect.bisect_left(self._names, name)
        if self._names[place : place + 1] != [name]:
            return Varbind(name, ber.NO_SUCH_INSTANCE, b"")
        return self._lie(self._varbinds[place])

    def following(self, name: Oid) -> Varbind:
        """Give what follows."""
        place = bisect.bisect_right(self._names, name)
        if place == len(self._names):
            return Varbind(name, ber.END_OF_MIB_VIEW, b"")
        return self._lie(self._varbinds[place])

    def repeated(self, names: Sequence[Oid], repetitions: int) -> Iterator[Varbind]:
        """Give what GETBULK gives (RFC 3416 section 4.2.3)."""
        for _ in range(repetitions):
            row = [self.following(name) for name in names]
            yield from row
            names = [varbind.name for varbind in row]


class Asking:
    """Asks a tree, and keeps what it asked for."""

    def __init__(self, tree: Tree, *, bulk: bool = True, most: int = 1 << 30) -> None:
        self.asked: list[tuple[Oid, ...]] = []
        self._tree = tree
        self._bulk = bulk
        self._most = most
        """Varbinds that fit into an answer."""

    async def following(self, names: Sequence[Oid], repetitions: int) -> Answer:
        self.asked.append(tuple(names))
        if self._bulk:
            varbinds = list(self._tree.repeated(names, repetitions))
            return Answer(0, 0, varbinds[: self._most])
        if len(names) > self._most:
            return Answer(1, 0, [])
        varbinds = [self._tree.following(name) for name in names]
        for position, varbind in enumerate(varbinds, 1):
            if varbind.tag == ber.END_OF_MIB_VIEW:
                return Answer(_END_OF_MIB, position, varbinds)
        return Answer(0, 0, varbinds)
