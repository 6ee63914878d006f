"""Two VRFs and the global one on real gateways: a context each, over every version and AgentX."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from mibs import served, smi
from tests.gateway_config import SIDES, further_connection
from tests.gateways import Gateways
from tests.master import SnmpMaster, wait_for
from tests.net_snmp import Endpoint, as_user, assert_rising, dotted, run
from tests.running_agent import RunningAgent, flowmib
from tests.snmp_user import User
from tests.snmptrapd import Snmptrapd
from tests.trap_receiver import TrapReceiver

MODULES = smi.load(served.MODULES)
USER = User("both", "SHA-256", "AES-128")
ROOTS = ("1.3.6.1.4.1.9.9.171", "1.3.6.1.4.1.9.9.172", "1.3.6.1.4.1.9.10.62")
UP_TIME = "1.3.6.1.2.1.1.3.0"
STATUS = dotted(MODULES.object("cikeTunStatus").oid)
MOVING = [
    dotted(MODULES.object(name).oid)
    for name in (
        "cikePeerActiveTime",
        "cikeTunActiveTime",
        "cipSecTunActiveTime",
        "cikeTunHistStartTime",
        "cipSecTunHistStartTime",
        "cikeFailTime",
        "cipSecFailTime",
    )
]
CONTEXTS = ("", "red", "blue")
CONNECTIONS = {"": "site", "red": "red-1", "blue": "blue-1"}
STANDALONE = {
    "": {"v1": ("-v1", "-cpublic"), "v2c": ("-v2c", "-cpublic"), "v3": as_user(USER)},
    **{
        name: {
            "v1": ("-v1", f"-cpublic-{name}"),
            "v2c": ("-v2c", f"-cpublic-{name}"),
            "v3": (*as_user(USER), f"-n{name}"),
        }
        for name in ("red", "blue")
    },
}
"""The same below the master, where its own configuration says so."""
MASTER = "view everything included .1\n" + "\n".join(
    f"""
com2sec -Cn {name} in-{name} default public-{name}
group in-{name} v1 in-{name}
group in-{name} v2c in-{name}
group in-{name} usm {USER.name}
access in-{name} {name} any noauth exact everything none none
"""
    for name in ("red", "blue")
)


def configuration(gateways: Gateways, *more: str) -> str:
    communities = "".join(
        f"""
[[snmp.community]]
name = "public{name and f"-{name}"}"
context = "{name}"
"""
        for name in CONTEXTS
    )
    return f"""
{communities}
{USER.section()}
access = "write"
[[vrf]]
name = "red"
connections = ["red-*"]
[[vrf]]
name = "blue"
front_door = "internet"
connections = ["blue-1"]
[source]
kind = "strongswan"
[source.strongswan]
vici = "{gateways.vici("alpha")}"
swanctl_conf = "{gateways.swanctl_conf("alpha")}"
interval = 1
{"".join(more)}
"""


def walk(asked: Endpoint, options: tuple[str, ...]) -> dict[str, str]:
    """All that the three modules show, but for what goes on while it is walked."""
    found: dict[str, str] = {}
    for root in ROOTS:
        found |= assert_rising(run("snmpwalk", asked, options, root))
    return {
        name: value
        for name, value in found.items()
        if not any(name.strip(".").startswith(f"{start}.") for start in MOVING)
    }


def same(standalone: Endpoint, below: Endpoint, options: tuple[str, ...]) -> bool:
    """Whether both show the same."""
    mine = walk(standalone, options)
    return len(mine) > 100 and walk(below, options) == mine


def shown(walked: dict[str, str], name: str) -> list[str]:
    """The values of an object in a walk."""
    start = f"{dotted(MODULES.object(name).oid)}."
    return [
        value.partition(": ")[2]
        for oid, value in walked.items()
        if oid.strip(".").startswith(start)
    ]


@pytest.fixture
def gateways() -> Iterator[Gateways]:
    # pytest's own directory may be too long for a unix socket.
    with (
        tempfile.TemporaryDirectory(prefix="fm") as directory,
        Gateways(Path(directory), version=2, children=3) as running,
    ):
        for side in SIDES:
            extra = "".join(
                further_connection(side, name, f"{name}-net", number)
                for number, name in enumerate(("red-1", "blue-1"), 1)
            )
            running.reconfigure(side, swanctl_extra=extra)
        yield running


def bring_up(gateways: Gateways) -> None:
    for child in ("net", "red-1-net", "blue-1-net"):
        gateways.initiate(child)


def test_three_contexts_over_every_version_and_below_a_master(gateways: Gateways) -> None:
    with SnmpMaster(USER, more=MASTER) as master:
        agentx = f'[agentx]\nmaster = "{master.address}"\n'
        with RunningAgent(configuration=configuration(gateways, agentx)) as agent:
            bring_up(gateways)
            gateways.rekey_child("red-1-net")

            def settled() -> bool:
                walks = {name: walk(agent, ways["v2c"]) for name, ways in STANDALONE.items()}
                return all(
                    shown(walked, "ipSecPolMapCryptoMapName") == [f'"{CONNECTIONS[name]}"']
                    and shown(walked, "cipSecTunTotalRefreshes") == [str(int(name == "red"))]
                    for name, walked in walks.items()
                )

            wait_for(settled, "each context has its tunnel")
            for name, ways in STANDALONE.items():
                for version, options in ways.items():
                    wait_for(
                        partial(same, agent, master, options),
                        f"both walks of context {name!r} are the same over {version}",
                    )
            walks = {name: walk(agent, ways["v3"]) for name, ways in STANDALONE.items()}
            for name, walked in walks.items():
                # Indexes and counters of its own.
                assert shown(walked, "cikeGlobalActiveTunnels") == ["1"], name
                assert shown(walked, "cipsStaticCryptomapSetNumSAs") == ["2"], name
                assert shown(walked, "cipsNumStaticCryptomapSets") == ["1"], name
                assert shown(walked, "ikePolMapPolicyNum") == ["1"], name
                index = f"{dotted(MODULES.object('cikeTunStatus').oid)}.1"
                assert f".{index}" in walked, name
            peers = [
                {oid for oid in walked if oid.strip(".").startswith(f"{start}.")}
                for start in (dotted(MODULES.object("cikePeerLocalAddr").oid),)
                for walked in walks.values()
            ]
            assert not set.intersection(*peers)
            unknown = run("snmpget", agent, (*as_user(USER), "-ngreen"), UP_TIME, status=1)
            assert "Bad context specified" in unknown  # what it makes of snmpUnknownContexts
            gone = run("snmpset", agent, (*as_user(USER), "-nred"), f"{STATUS}.1", "i", "2")
            assert "INTEGER: 2" in gone
            wait_for(
                lambda: (
                    shown(walk(agent, STANDALONE["red"]["v3"]), "cikeTunHistTermReason") == ["3"]
                ),
                "history has it",
            )
            for name in ("", "blue"):
                walked = walk(agent, STANDALONE[name]["v3"])
                assert shown(walked, "cikeGlobalActiveTunnels") == ["1"]
                assert shown(walked, "cikeTunHistTermReason") == []
                assert shown(walked, "cikeGlobalPreviousTunnels") == ["0"]


def test_the_doctor_asks_in_every_context(gateways: Gateways) -> None:
    with RunningAgent(configuration=configuration(gateways)) as agent:
        bring_up(gateways)
        said = flowmib("doctor", "--config", str(agent.config), "--agent", agent.endpoint)
        assert said.returncode == 0, said.stdout
        for number, context in ((2, "red"), (3, "blue")):
            assert f"tables, context '{context}'" in said.stdout
            assert f"snmp.community[{number}], context '{context}'" in said.stdout


def test_notifications_say_their_context(gateways: Gateways) -> None:
    users = f'[snmp]\nengine_id = "80001f8804666c6f776d6962"\n{USER.section()}\n'
    with Snmptrapd() as trapd, TrapReceiver(configuration=users) as receiver:
        targets = f"""
[snmp]
engine_id = "80001f8804666c6f776d6962"
[notify]
enable = ["isakmp tunnel"]
[[notify.target]]
address = "udp:{receiver.endpoint}"
version = "3"
user = "{USER.name}"
[[notify.target]]
address = "{trapd.address}"
community = "public"
contexts = ["blue"]
"""
        with RunningAgent(configuration=configuration(gateways, targets)):
            bring_up(gateways)
            received = receiver.wait_for_number(3)
            assert {one["context"] for one in received} == set(CONTEXTS)
            for one in received:
                index = next(iter(one["objects"][0]["index"]), None)
                assert one["notification"] == "cikeTunnelStart", index
            assert len(trapd.wait_for(1)) == 1


def test_notifications_of_all_contexts_go_through_the_master(gateways: Gateways) -> None:
    with Snmptrapd() as trapd:
        sink = f"trap2sink {trapd.address.removeprefix('udp:')} public\n"
        with SnmpMaster(USER, more=MASTER + sink) as master:
            below = f"""
[agentx]
master = "{master.address}"
[notify]
enable = ["isakmp tunnel start"]
"""
            with RunningAgent(configuration=configuration(gateways, below)) as agent:
                wait_for(lambda: "connected to the AgentX master" in agent.log, "it is connected")
                already = len(trapd.wait_for(1))  # snmpd's own coldStart
                bring_up(gateways)
                starts = trapd.wait_for(already + 3)[already:]
                name = MODULES.notification("cikeTunnelStart").oid
                assert [one.trap_oid for one in starts] == [name] * 3
