"""NO-02 and NO-03: switches, filters, reload and dead targets, with snmptrapd as the receiver."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from mibs import served, smi
from tests.net_snmp import V2C, dotted, run
from tests.running_agent import RunningAgent, free_port
from tests.snmptrapd import Received, Snmptrapd

MODULES = smi.load(served.MODULES)
NAMES = {MODULES.notification(name).oid: name for name in served.NOTIFICATIONS}
WRITER = ("-v2c", "-cwriter")
DESTROY, ENABLED, DISABLED = "2", "1", "2"


def instance(name: str, index: int = 0) -> str:
    return dotted((*MODULES.object(name).oid, index))


def configuration(*targets: str, enable: str = '"isakmp", "ipsec", "snmp coldstart"') -> str:
    return f"""
[[snmp.community]]
name = "public"
[[snmp.community]]
name = "writer"
access = "write"
[source.simulated]
tunnels = 4
[notify]
enable = [{enable}]
{"".join(targets)}"""


def target(address: str, more: str = "") -> str:
    return f'[[notify.target]]\naddress = "{address}"\ncommunity = "public"\n{more}\n'


def names(received: list[Received]) -> list[str]:
    return [NAMES[one.trap_oid] for one in received]


@pytest.fixture
def trapd() -> Iterator[Snmptrapd]:
    with Snmptrapd() as receiver:
        yield receiver


def destroy(agent: RunningAgent) -> None:
    """End the first IKE tunnel that there is."""
    found = run("snmpgetnext", agent, V2C, dotted(MODULES.object("cikeTunStatus").oid))
    index = int(found.partition(" = ")[0].rpartition(".")[2])
    run("snmpset", agent, WRITER, instance("cikeTunStatus", index), "i", DESTROY)


def test_no03_a_start_is_told_first_and_tunnels_of_before_are_not(trapd: Snmptrapd) -> None:
    with RunningAgent("--source", "simulated", configuration=configuration(target(trapd.address))):
        assert names(trapd.wait_for(1)) == ["coldStart"]


def test_no03_a_switch_is_one_state_for_the_file_and_for_managers(trapd: Snmptrapd) -> None:
    text = configuration(target(trapd.address), enable='"isakmp tunnel stop"')
    switch = instance("cipSecTrapCntlIkeTunnelStop")
    with RunningAgent("--source", "simulated", configuration=text) as agent:
        assert run("snmpget", agent, V2C, switch).endswith("INTEGER: 1\n")
        destroy(agent)
        assert names(trapd.wait_for(1)) == ["cikeTunnelStop"]
        run("snmpset", agent, WRITER, switch, "i", DISABLED)
        run("snmpset", agent, WRITER, instance("snmpEnableAuthenTraps"), "i", ENABLED)
        destroy(agent)
        run("snmpget", agent, ("-v2c", "-cnobody", "-r0", "-t0.2"), switch, status=1)
        assert names(trapd.wait_for(2)) == ["cikeTunnelStop", "authenticationFailure"]
        # What a manager has set outlives a reload that says nothing new of it.
        agent.hup()
        assert run("snmpget", agent, V2C, switch).endswith("INTEGER: 2\n")
        agent.configure(configuration(target(trapd.address), enable='"isakmp tunnel"'))
        agent.hup()
        assert run("snmpget", agent, V2C, switch).endswith("INTEGER: 1\n")


def test_no03_each_target_has_a_filter_and_a_view() -> None:
    views = """
[[snmp.view]]
name = "no endpoints"
include = ["1.3.6.1"]
exclude = ["1.3.6.1.4.1.9.9.171.1.4.3.2"]
"""
    filters = ('send = ["ipsec tunnel"]', 'send = ["isakmp"]', 'view = "no endpoints"')
    with ExitStack() as stack:
        receivers = [stack.enter_context(Snmptrapd()) for _ in filters]
        targets = map(target, (one.address for one in receivers), filters)
        text = configuration(*targets) + views
        with RunningAgent("--source", "simulated", configuration=text) as agent:
            destroy(agent)
            ipsec, isakmp, bounded = receivers
            ipsec.wait_for(1)
            isakmp.wait_for(1)
            # coldStart, the end of the IKE tunnel, and the early end of the IPsec tunnel, but not
            # cipSecTunnelStop, which carries an endpoint.
            bounded.wait_for(3)
        assert set(names(ipsec.received)) == {"cipSecTunnelStop"}
        assert set(names(isakmp.received)) == {"cikeTunnelStop"}
        assert set(names(bounded.received)) == {
            *("coldStart", "cikeTunnelStop", "cipSecEarlyTunTerm"),
        }


def test_no02_a_dead_target_keeps_nothing_from_others(trapd: Snmptrapd) -> None:
    dead = target(f"udp:127.0.0.1:{free_port()}", "inform = true\ntimeout = 0.5\nretries = 1")
    text = configuration(dead, target(trapd.address, "inform = true"))
    with RunningAgent("--source", "simulated", configuration=text) as agent:
        destroy(agent)
        found = names(trapd.wait_for(4))
        assert found[0] == "coldStart"
        assert "cikeTunnelStop" in found
        assert agent.stop() == 0
        assert "v2c informs to udp:127.0.0.1" in agent.log


def test_op01_targets_come_and_go_with_a_reload(trapd: Snmptrapd) -> None:
    with RunningAgent("--source", "simulated", configuration=configuration()) as agent:
        destroy(agent)
        agent.configure(configuration(target(trapd.address)))
        agent.hup()
        destroy(agent)
        assert "cikeTunnelStop" in names(trapd.wait_for(2))
        count = len(trapd.received)
        agent.configure(configuration())
        agent.hup()
        destroy(agent)
        assert len(trapd.received) == count
