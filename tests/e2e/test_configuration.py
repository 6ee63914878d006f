"""What is configured on a real gateway, as managers and receivers of notifications see it."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from mibs import served, smi
from tests.gateways import Gateways
from tests.master import wait_for
from tests.net_snmp import assert_rising, dotted, run
from tests.netns import ip
from tests.running_agent import RunningAgent
from tests.snmptrapd import Received, Snmptrapd

MODULES = smi.load(served.MODULES)
NAMES = {MODULES.notification(name).oid: name for name in served.NOTIFICATIONS}
READ, WRITE = ("-v2c", "-cpublic"), ("-v2c", "-cwriter")
SPARE = "10.9.0.101"
"""An address of alpha beside the one that its tunnels have."""


def index(name: str) -> tuple[int, ...]:
    return (len(name), *map(ord, name))


def another(*children: str, proposals: str = "aes256-sha512-modp3072") -> str:
    """A second connection, with proposals of its own, that nobody answers."""
    sections = "\n".join(
        f"{child} {{\n local_ts = 10.77.{n}.0/24\n remote_ts = 10.78.{n}.0/24\n }}"
        for n, child in enumerate(children)
    )
    return f"""
connections {{ spare {{
  version = 2
  local_addrs = {SPARE}
  remote_addrs = 10.9.0.200
  proposals = {proposals}
  local {{
    auth = psk
  }}
  remote {{
    auth = psk
  }}
  children {{ {sections} }}
}} }}
"""


def column(agent: RunningAgent, name: str) -> dict[tuple[int, ...], str]:
    """Every instance of a column or scalar, by index."""
    root = MODULES.object(name).oid
    found = assert_rising(run("snmpwalk", agent, READ, dotted(root)))
    return {
        tuple(map(int, oid.strip(".").split(".")))[len(root) :]: value.partition(": ")[2]
        for oid, value in found.items()
        if "No Such" not in value
    }


class World:
    """Flowmib beside alpha, in its network namespace, and a receiver there."""

    def __init__(self, gateways: Gateways, agent: RunningAgent, trapd: Snmptrapd) -> None:
        self.gateways, self.agent, self.trapd = gateways, agent, trapd
        self._told = 0

    def column(self, name: str) -> dict[tuple[int, ...], str]:
        return column(self.agent, name)

    def number(self, name: str, *at: int) -> int:
        return int(self.column(name)[at or (0,)])

    def told(self, **expected: int) -> list[Received]:
        """Wait for these notifications, and see that there are no others."""
        before, self._told = self._told, self._told + sum(expected.values())
        received = self.trapd.wait_for(self._told)[before:]
        assert Counter(NAMES[one.trap_oid] for one in received) == Counter(expected)
        return received


@pytest.fixture
def world() -> Iterator[World]:
    with (
        tempfile.TemporaryDirectory(prefix="fm") as directory,
        Gateways(Path(directory), version=2, children=2) as gateways,
    ):
        netns = gateways.netns("alpha")
        ip(netns, "address", "add", f"{SPARE}/24", "dev", link_of(netns))
        with Snmptrapd(netns=netns) as trapd:
            text = f"""
[[snmp.community]]
name = "public"
[[snmp.community]]
name = "writer"
access = "write"
[source]
kind = "strongswan"
[source.strongswan]
vici = "{gateways.vici("alpha")}"
swanctl_conf = "{gateways.swanctl_conf("alpha")}"
interval = 1
[control]
allow_detach = true
max_sas = 2
[notify]
enable = ["isakmp policy", "ipsec cryptomap", "ipsec too-many-sas"]
[[notify.target]]
address = "{trapd.address}"
community = "public"
"""
            with RunningAgent(configuration=text, netns=netns) as agent:
                yield World(gateways, agent, trapd)


def link_of(netns: str) -> str:
    """The interface that goes to the other gateway."""
    lines = ip(netns, "-o", "-4", "address", "show", "to", "10.9.0.0/24").splitlines()
    return lines[0].split()[1]


def test_what_is_loaded_changed_and_unloaded(world: World) -> None:
    site, spare = index("site"), index("spare")
    netns = world.gateways.netns("alpha")
    link = int(ip(netns, "-o", "link", "show", "dev", link_of(netns)).partition(":")[0])

    # What was there is shown, and is no news.
    assert world.column("cipsStaticCryptomapSetSize") == {site: "2"}
    assert world.column("cipsStaticCryptomapSetNumSAs") == {site: "0"}
    assert list(world.column("cipsStaticCryptomapDescr").values()) == ['"net"', '"net2"']
    assert set(world.column("cipsStaticCryptomapType")) == {(*site, 1), (*site, 2)}
    assert set(world.column("cipsStaticCryptomapType").values()) == {"2"}
    assert set(world.column("cipsCryptomapSetIfStatus")) == {(link, *site)}
    assert world.column("cipsIsakmpPolAuth") == {(1,): "2"}
    assert world.number("cipsNumIsakmpPolicies") == 1
    assert world.number("cipsIsakmpEnabled") == 1
    assert world.number("cipsNumStaticCryptomapSets") == 1

    world.gateways.initiate()
    wait_for(lambda: world.number("cipsStaticCryptomapSetNumSAs", *site) == 2, "the SAs")
    (ike,) = world.column("ikePolMapPolicyNum")
    assert world.number("ikePolMapPolicyNum", *ike) == 1
    assert set(world.column("ipSecPolMapCryptoMapName").values()) == {'"site"'}
    assert set(world.column("ipSecPolMapCryptoMapNum").values()) == {"1"}
    (ace,) = world.column("ipSecPolMapAceString").values()
    assert ace == '"access-list net permit ip 10.10.1.0 0.0.0.255 10.10.2.0 0.0.0.255"'
    world.gateways.initiate("net2")
    (many,) = world.told(cipsTooManySAs=1)
    assert values(many) == {("cipsMaxSAs", (0,)): "2"}

    world.gateways.reconfigure("alpha", swanctl_extra=another("one"))
    policy, member, attached = world.told(
        cipsIsakmpPolicyAdded=1, cipsCryptomapAdded=1, cipsCryptomapSetAttached=1
    )
    assert values(policy) == {("cipsNumIsakmpPolicies", (0,)): "2"}
    assert values(member) == {
        ("cipsStaticCryptomapType", (*spare, 1)): "2",
        ("cipsStaticCryptomapSetSize", spare): "1",
    }
    assert values(attached) == {
        ("cipsStaticCryptomapSetSize", spare): "1",
        ("cipsStaticCryptomapSetNumIsakmp", spare): "1",
        ("cipsStaticCryptomapSetNumDynamic", spare): "0",
    }
    both = {(link, *site), (link, *spare)}
    wait_for(lambda: set(world.column("cipsCryptomapSetIfStatus")) == both, "both sets")
    assert world.number("cipsStaticCryptomapSetNumSAs", *spare) == 0

    world.gateways.reconfigure("alpha", swanctl_extra=another("two", "one"))
    (member,) = world.told(cipsCryptomapAdded=1)
    assert ("cipsStaticCryptomapType", (*spare, 2)) in values(member)
    world.gateways.reconfigure("alpha", swanctl_extra=another("two", "one", proposals="default"))
    world.told(cipsIsakmpPolicyDeleted=1)
    policies = {(1,), *((number,) for number in range(65507, 65515))}
    wait_for(lambda: set(world.column("cipsIsakmpPolAuth")) == policies, "the defaults")

    ip(netns, "address", "del", f"{SPARE}/24", "dev", link_of(netns))
    (detached,) = world.told(cipsCryptomapSetDetached=1)
    assert values(detached) == {("cipsStaticCryptomapSetSize", spare): "2"}
    ip(netns, "address", "add", f"{SPARE}/24", "dev", link_of(netns))
    world.told(cipsCryptomapSetAttached=1)

    world.gateways.reconfigure("alpha", swanctl_extra="")
    world.told(cipsCryptomapSetDetached=1, cipsCryptomapDeleted=2)
    wait_for(lambda: world.column("cipsStaticCryptomapSetNumSAs") == {site: "4"}, "one set")


def test_a_set_is_taken_from_its_interface(world: World) -> None:
    site = index("site")
    world.gateways.initiate()
    wait_for(lambda: world.number("cipsStaticCryptomapSetNumSAs", *site) == 2, "the SAs")
    (place,) = world.column("cipsCryptomapSetIfStatus")
    status = dotted((*MODULES.object("cipsCryptomapSetIfStatus").oid, *place))
    refused = run("snmpset", world.agent, WRITE, status, "i", "1", status=2)
    assert "genError" in refused
    run("snmpset", world.agent, WRITE, status, "i", "2")
    assert world.column("cipsCryptomapSetIfStatus") == {}
    assert world.column("cipsStaticCryptomapSetSize") == {}
    world.told(cipsCryptomapSetDetached=1, cipsCryptomapDeleted=2, cipsIsakmpPolicyDeleted=1)
    assert world.gateways.list_conns("alpha") == []
    # The tunnel goes on, and is still known by its crypto map.
    assert set(world.column("ipSecPolMapCryptoMapName").values()) == {'"site"'}
    world.gateways.reconfigure("alpha")
    world.told(cipsCryptomapSetAttached=1, cipsCryptomapAdded=2, cipsIsakmpPolicyAdded=1)
    wait_for(lambda: world.column("cipsStaticCryptomapSetNumSAs") == {site: "2"}, "the set")


def test_the_defaults_are_taken_away_and_given_back() -> None:
    """On the simulated gateway, whose defaults are those of IOS."""
    text = '[source]\nkind = "simulated"\n[source.simulated]\ntunnels = 10\n'
    with RunningAgent(configuration=text) as agent:
        for more, shown in (
            ("", range(65507, 65515)),
            ("[isakmp]\ndefault_policy = false\n", ()),
            ("", range(65507, 65515)),
        ):
            agent.configure(text + more)
            agent.hup()
            policies = {number for (number,) in column(agent, "cipsIsakmpPolAuth")}
            assert {number for number in policies if number < 65515} == set(shown)
            assert int(column(agent, "cipsNumIsakmpPolicies")[(0,)]) == len(policies)
            tunnels = column(agent, "ikePolMapPolicyNum")
            assert tunnels.keys() == column(agent, "cikeTunStatus").keys()
            assert set(map(int, tunnels.values())) <= policies | set(range(65507, 65515))


def values(received: Received) -> dict[tuple[str, tuple[int, ...]], str]:
    """The objects of a notification: name and index, and the value."""
    found = {}
    for oid, _, value in received.varbinds:
        type_ = next(
            node
            for node in MODULES.objects("CISCO-IPSEC-MIB")
            if node.oid == oid[: len(node.oid)] and node.kind in ("scalar", "column")
        )
        found[type_.name, oid[len(type_.oid) :]] = str(value)
    return found
