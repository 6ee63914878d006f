"""flowmib below snmpd on real gateways: the same walk as standalone, and the same notifications."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mibs import served, smi
from tests.gateways import Gateways
from tests.master import SnmpMaster, wait_for
from tests.net_snmp import Endpoint, as_user, assert_rising, dotted, run
from tests.running_agent import RunningAgent
from tests.snmp_user import User
from tests.snmptrapd import Snmptrapd

MODULES = smi.load(served.MODULES)
FLOW = (1, 3, 6, 1, 4, 1, 9, 9, 171)
USER = User("both", "SHA-256", "AES-128")
NAMES = {MODULES.notification(name).oid: name for name in served.NOTIFICATIONS}
MOVING = {
    dotted(MODULES.object(name).oid)
    for name in ("cikePeerActiveTime", "cikeTunActiveTime", "cipSecTunActiveTime")
}
STAMPS = {
    dotted(MODULES.object(name).oid)
    for name in ("cikeTunHistStartTime", "cipSecTunHistStartTime", "cikeFailTime", "cipSecFailTime")
}
"""Times by sysUpTime, which is the master's below it."""

versions = pytest.mark.parametrize("version", [1, 2])


def configuration(gateways: Gateways, master: SnmpMaster) -> str:
    return f"""
[[snmp.community]]
name = "public"
{USER.section()}
[agentx]
master = "{master.address}"
[source]
kind = "strongswan"
[source.strongswan]
vici = "{gateways.vici("alpha")}"
error_notify = "{gateways.error_notify("alpha")}"
interval = 1
[notify]
enable = ["isakmp", "ipsec", "snmp coldstart"]
"""


def walk(asked: Endpoint, options: tuple[str, ...], *, times: bool = False) -> dict[str, str]:
    """Everything below the module, but for what goes on while it is walked."""
    found = assert_rising(run("snmpwalk", asked, options, dotted(FLOW)))
    left_out = () if times else (*MOVING, *STAMPS)
    return {
        name: value
        for name, value in found.items()
        if not any(name.strip(".").startswith(f"{start}.") for start in left_out)
    }


@versions
def test_the_walk_is_the_standalone_one(directory: Path, version: int) -> None:
    with (
        Gateways(directory, version=version, children=2) as gateways,
        SnmpMaster(USER) as master,
        RunningAgent(configuration=configuration(gateways, master)) as agent,
    ):
        gateways.initiate()
        gateways.initiate("net2")
        gateways.ping()
        gateways.terminate(child="net2")
        everywhere = {
            "v1": ("-v1", "-cpublic"),
            "v2c": ("-v2c", "-cpublic"),
            "v3": as_user(USER),
        }

        def settled(options: tuple[str, ...]) -> Callable[[], bool]:
            return lambda: (
                len(standalone := walk(agent, options)) > 100
                and walk(master, options) == standalone
            )

        for name, options in everywhere.items():
            wait_for(settled(options), f"both walks are the same over {name}")
        with_times = walk(master, everywhere["v2c"], times=True)
        assert with_times.keys() == walk(agent, everywhere["v2c"], times=True).keys()
        up_time = run("snmpget", master, everywhere["v2c"], "1.3.6.1.2.1.1.3.0")
        now = int(up_time.partition("(")[2].partition(")")[0])
        for stamp in STAMPS:
            for oid, value in with_times.items():
                if oid.strip(".").startswith(f"{stamp}."):
                    assert 0 < int(value.partition("(")[2].partition(")")[0]) <= now


@versions
def test_ax42_notifications_go_through_the_master(directory: Path, version: int) -> None:
    with (
        Snmptrapd() as trapd,
        Gateways(directory, version=version) as gateways,
        SnmpMaster(more=f"trap2sink {trapd.address.removeprefix('udp:')} public") as master,
        RunningAgent(configuration=configuration(gateways, master)) as agent,
    ):
        wait_for(lambda: "connected to the AgentX master" in agent.log, "flowmib is connected")
        # snmpd says of itself that it has started.
        first = len(trapd.wait_for(1))
        gateways.initiate()
        trapd.wait_for(first + 2)
        switch = dotted((*MODULES.object("cipSecTrapCntlIkeTunnelStop").oid, 0))
        run("snmpset", master, ("-v2c", "-cwriter"), switch, "i", "2")
        gateways.terminate()
        names = [NAMES[one.trap_oid] for one in trapd.wait_for(first + 4)[first:]]
        assert sorted(names[:2]) == ["cikeTunnelStart", "cipSecTunnelStart"]
        # The switch is off; a notification of it would have come first.
        assert sorted(names[2:]) == ["cipSecEarlyTunTerm", "cipSecTunnelStop"]


def test_a_tunnel_is_ended_through_the_master(directory: Path) -> None:
    with (
        Gateways(directory) as gateways,
        SnmpMaster() as master,
        RunningAgent(configuration=configuration(gateways, master)) as agent,
    ):
        gateways.initiate()
        column = dotted(MODULES.object("cikeTunStatus").oid)
        wait_for(
            lambda: f".{column}.1 = " in run("snmpwalk", master, ("-v2c", "-cpublic"), column),
            "the tunnel is there",
        )
        run("snmpset", master, ("-v2c", "-cwriter"), f"{column}.1", "i", "2")
        # What was set through one way is seen at once through the other.
        reason = dotted((*MODULES.object("cikeTunHistTermReason").oid, 1))
        assert run("snmpget", agent, ("-v2c", "-cpublic"), reason).endswith("INTEGER: 3\n")
        assert gateways.list_sas("beta") == []
        assert "flowmib.audit: SET" in agent.log
