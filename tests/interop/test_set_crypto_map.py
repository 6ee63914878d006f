"""What is configured, read by net-snmp's programs; and a crypto map set that they detach."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from agent.config import parse_listen
from agent.snmp.udp import UdpListener
from datasource.control import UnloadError
from mibs.notifications import Notifier
from tests.configured import ETH0, MODULES, SITE, Configured, connection
from tests.engine import make_engine
from tests.net_snmp import MODULES as SOURCES
from tests.net_snmp import assert_rising, run
from tests.running_agent import free_port
from tests.sas import child, ike

FTP = connection("ftpPolicy", *map(str, range(1, 11)))
MIBS = ("-M", f"+{SOURCES}", "-m", "CISCO-IPSEC-MIB:CISCO-IPSEC-POLICY-MAP-MIB", "-OQs")
CIPS = "1.3.6.1.4.1.9.10.62"
STATUS = f"{CIPS}.1.2.3.4.1.2.2.9.102.116.112.80.111.108.105.99.121"
ELSEWHERE = f"{CIPS}.1.2.3.4.1.2.3.9.102.116.112.80.111.108.105.99.121"
SWITCH = f"{CIPS}.1.4.6.0"
"""cipsCntlCryptomapSetDetached."""


class Gateway:
    """Has the set ftpPolicy at an interface, until it is told to detach it."""

    def __init__(self) -> None:
        self.can_detach = True
        self.stubborn = False
        self.shown = Configured(self)
        self.shown.attach(ETH0)
        self.shown.configure(SITE, FTP)
        self.shown.tracker.saw(10, ike(child(1)))
        self.shown.tracker.take_events()

    async def detach(self, set_name: str) -> None:
        await asyncio.sleep(0)
        if self.stubborn:
            raise UnloadError("it stays")
        assert set_name == FTP.name
        self.shown.configure(SITE)


@dataclass
class Agent:
    """Where it can be asked."""

    endpoint: str


def asked(gateway: Gateway, ask: Callable[[Agent], Awaitable[None]]) -> None:
    """Have the gateway's engine asked, at a real socket."""

    async def serve() -> None:
        endpoint = f"127.0.0.1:{free_port()}"
        made = gateway.shown
        engine = make_engine(made.tree, made, made.shown.statistics, writers=(b"writer",))
        listener = UdpListener(parse_listen(f"udp:{endpoint}"), engine)
        listener.start()
        try:
            await ask(Agent(endpoint))
        finally:
            listener.close()

    asyncio.run(serve())


async def snmpset(agent: Agent, version: str, *words: str) -> str:
    """Set; return the reason that the program gives, empty if it has none."""
    options = (f"-{version}", "-cwriter")
    text = await asyncio.to_thread(run, "snmpset", agent, options, *words, status=None)
    found = re.search(r"Reason: (?:\((\w+)\)|(\w+))", text)
    return (found[1] or found[2]) if found else ""


async def snmpget(agent: Agent, *words: str, options: tuple[str, ...] = ()) -> str:
    return await asyncio.to_thread(run, "snmpget", agent, ("-v2c", "-cpublic", *options), *words)


@pytest.mark.parametrize("version", ["v1", "v2c"])
def test_a_set_is_detached(version: str) -> None:
    gateway = Gateway()
    notifier = Notifier(MODULES, gateway.shown.tree, lambda _: 0)

    async def ask(agent: Agent) -> None:
        assert "INTEGER: 1" in await snmpget(agent, STATUS)
        assert await snmpset(agent, version, STATUS, "i", "2", SWITCH, "i", "1") == ""
        assert "No Such Instance" in await snmpget(agent, STATUS)
        assert "INTEGER: 1" in await snmpget(agent, SWITCH)

    asked(gateway, ask)
    told = [notifier.notification(event) for event in gateway.shown.tracker.take_events()]
    assert told[0] is not None
    assert told[0].name == "cipsCryptomapSetDetached"


@pytest.mark.parametrize(
    ("name", "value", "error", "as_v1"),
    [
        (STATUS, "0", "wrongValue", "badValue"),
        (STATUS, "1", "genError", "genError"),
        (STATUS, "3", "wrongValue", "badValue"),
        (ELSEWHERE, "0", "wrongValue", "badValue"),
        (ELSEWHERE, "1", "noCreation", "noSuchName"),
        (ELSEWHERE, "2", "noCreation", "noSuchName"),
    ],
)
def test_sn05_sn06_what_is_refused(
    caplog: pytest.LogCaptureFixture, name: str, value: str, error: str, as_v1: str
) -> None:
    gateway = Gateway()
    before = gateway.shown.view().snapshot

    async def ask(agent: Agent) -> None:
        assert await snmpset(agent, "v2c", SWITCH, "i", "1", name, "i", value) == error
        assert await snmpset(agent, "v1", SWITCH, "i", "1", name, "i", value) == as_v1

    asked(gateway, ask)
    assert gateway.shown.view().snapshot == before
    assert gateway.shown.scalar("cipsCntlCryptomapSetDetached") == 2
    # Not even genErr is a fault of the agent here.
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("value", ["1", "2"])
def test_sn05_where_nobody_can(value: str) -> None:
    gateway = Gateway()
    gateway.can_detach = False

    async def ask(agent: Agent) -> None:
        assert await snmpset(agent, "v2c", STATUS, "i", value) == "notWritable"
        assert await snmpset(agent, "v1", STATUS, "i", value) == "noSuchName"

    asked(gateway, ask)


def test_sn05_what_cannot_be_detached_changes_nothing() -> None:
    gateway = Gateway()
    gateway.stubborn = True

    async def ask(agent: Agent) -> None:
        assert await snmpset(agent, "v2c", SWITCH, "i", "1", STATUS, "i", "2") == "commitFailed"
        assert "INTEGER: 2" in await snmpget(agent, SWITCH)
        assert "INTEGER: 1" in await snmpget(agent, STATUS)

    asked(gateway, ask)


def test_names_are_where_net_snmp_looks_for_them() -> None:
    async def ask(agent: Agent) -> None:
        for name, shows in (
            ('cipsStaticCryptomapSetSize."ftpPolicy"', "10"),
            ('cipsStaticCryptomapType."ftpPolicy".10', "cryptomapTypeISAKMP"),
            ('cipsCryptomapSetIfStatus.2."ftpPolicy"', "attached"),
            ("cipsNumIsakmpPolicies.0", "1"),
            ("cipsSALifesize.0", "4608000 KBytes"),
            ("ikePolMapPolicyNum.1", "0"),
            ("ipSecPolMapCryptoMapName.1", "site"),
            ("ipSecPolMapAceString.1", "access-list net permit ip any any"),
        ):
            text = await snmpget(agent, name, options=MIBS)
            assert text.strip().partition(" = ")[2] == shows

    asked(Gateway(), ask)


def test_a_walk_is_in_order_and_of_the_declared_types() -> None:
    async def ask(agent: Agent) -> None:
        for program in ("snmpwalk", "snmpbulkwalk"):
            options = ("-v2c", "-cpublic")
            text = await asyncio.to_thread(run, program, agent, options, CIPS)
            assert len(assert_rising(text)) > 100
            # With the types at hand, it complains of any other one.
            text = await asyncio.to_thread(run, program, agent, (*options, *MIBS), CIPS)
            assert 'cipsStaticCryptomapDescr."ftpPolicy".10 = 10' in text

    asked(Gateway(), ask)
