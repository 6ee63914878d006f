"""SET at an agent that watches a real charon: the SAs are gone at both ends."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateways import Gateways, wait_for
from tests.net_snmp import as_user, dotted, run
from tests.running_agent import RunningAgent
from tests.snmp_user import User
from tests.swanctl_raw import child_sas, ike_sas

FLOW = (1, 3, 6, 1, 4, 1, 9, 9, 171, 1)
IKE_STATUS = (*FLOW, 2, 3, 1, 35)
IPSEC_STATUS = (*FLOW, 3, 2, 1, 51)
DESTROY = ("i", "2")

OPERATOR = User("operator", "SHA-256", "AES-128")


@pytest.fixture
def gateways() -> Iterator[Gateways]:
    # pytest's own directory may be too long for a unix socket.
    with (
        tempfile.TemporaryDirectory(prefix="fm") as name,
        Gateways(Path(name), version=2, children=2) as running,
    ):
        yield running


def test_sn05_the_sas_are_ended_over_vici(gateways: Gateways) -> None:
    configuration = (
        f'[source]\nkind = "strongswan"\n[source.strongswan]\nvici = "{gateways.vici("alpha")}"\n'
        f'{OPERATOR.section("""access = "write" """)}'
    )

    def is_there(agent: RunningAgent, *name: int) -> bool:
        text = run("snmpget", agent, as_user(OPERATOR), dotted(name))
        return "INTEGER: 1" in text

    with RunningAgent(configuration=configuration) as agent:
        gateways.initiate("net")
        gateways.initiate("net2")
        wait_for(lambda: is_there(agent, *IPSEC_STATUS, 2), "the second IPsec tunnel", 10.0)
        child, ike = (*IPSEC_STATUS, 1), (*IKE_STATUS, 1)

        run("snmpset", agent, as_user(OPERATOR), dotted(child), *DESTROY)
        # charon's event may come later than its answer.
        wait_for(lambda: not is_there(agent, *child), "the row to go", 1.0)
        assert is_there(agent, *ike)
        sas = child_sas(gateways.list_sas("alpha"))
        assert [sa["name"] for sa in sas if sa["state"] == "INSTALLED"] == ["net2"]

        run("snmpset", agent, as_user(OPERATOR), dotted(ike), *DESTROY)
        wait_for(lambda: not is_there(agent, *ike), "the row to go", 1.0)
        assert not ike_sas(gateways.list_sas("alpha"))
        wait_for(lambda: not ike_sas(gateways.list_sas("beta")), "the peer to be told", 5.0)
        wait_for(lambda: not is_there(agent, *IPSEC_STATUS, 2), "the last row to go", 5.0)
