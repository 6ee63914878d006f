"""CISCO-IPSEC-POLICY-MAP-MIB: which policy and which crypto map tunnels are of."""

from __future__ import annotations

import dataclasses

import pytest

from datasource.model import ChildSa, IkeSa, IpsecTunnel, PolicyMap
from datasource.strongswan.selector import parse_selector
from datasource.tracker import Tracker
from mibs.cisco_ipsec_policy_map import BINDING
from mibs.table import Value
from tests.configured import POLICY, SITE, Configured
from tests.sas import child, ike

NET = (parse_selector("10.1.0.0/16"),), (parse_selector("10.2.0.0/16"),)


def tunnel(*, name: str = "net") -> IkeSa:
    """An IKE SA as the policy has it, and an SA for the flow of a child."""
    sa = ike()
    parameters = dataclasses.replace(
        child(1).parameters, name=name, local_selectors=NET[0], remote_selectors=NET[1]
    )
    return dataclasses.replace(
        sa,
        parameters=dataclasses.replace(
            sa.parameters, proposal=POLICY.proposal, auth_method=POLICY.auth_method
        ),
        children=(ChildSa(1, child(1).state, 0, parameters),),
    )


def up(*, name: str = "net") -> Configured:
    made = Configured()
    made.configure(SITE)
    made.tracker.saw(10, tunnel(name=name))
    return made


def shows(name: str, row: IpsecTunnel) -> Value | None:
    columns = (column for table in BINDING.tables for column in table.columns)
    column = next(column for column in columns if column.name == name)
    return column.values([column.first(row)], 0.0)[0]


def row(policy_map: PolicyMap | None) -> IpsecTunnel:
    tracker = Tracker()
    tracker.saw(10, ike(child(1)))
    (made,) = tracker.snapshot(10).ipsec_tunnels
    return dataclasses.replace(made, policy_map=policy_map)


def test_the_policy_of_an_ike_tunnel() -> None:
    made = up()
    assert made.column("ikePolMapPolicyNum") == {(1,): 1}
    assert list(made.column("cipsIsakmpPolEncr")) == [(1,)]


def test_a_policy_that_is_not_known() -> None:
    made = Configured()
    made.tracker.saw(10, ike())
    assert made.column("ikePolMapPolicyNum") == {(1,): 0}


def test_the_crypto_map_of_an_ipsec_tunnel() -> None:
    made = up(name="web")
    assert made.column("ipSecPolMapCryptoMapName") == {(1,): b"site"}
    assert made.column("ipSecPolMapCryptoMapNum") == {(1,): 2}
    assert made.column("ipSecPolMapAclString") == {(1,): b"web"}
    entry = b"access-list web permit ip 10.1.0.0 0.0.255.255 10.2.0.0 0.0.255.255"
    assert made.column("ipSecPolMapAceString") == {(1,): entry}


def test_the_rows_are_those_of_the_tunnel_tables() -> None:
    made = up()
    made.tracker.saw(11, dataclasses.replace(ike(child(2), number=2)))
    for columns in (
        ("cikeTunStatus", "ikePolMapPolicyNum"),
        ("cipSecTunStatus", "ipSecPolMapCryptoMapName", "ipSecPolMapAceString"),
    ):
        assert len({tuple(made.column(name)) for name in columns}) == 1


@pytest.mark.parametrize("policy_map", [None, PolicyMap("", 1, "", None)])
def test_without_a_crypto_map_the_texts_are_empty(policy_map: PolicyMap | None) -> None:
    without = row(policy_map)
    for name in ("CryptoMapName", "AclString", "AceString"):
        assert shows(f"ipSecPolMap{name}", without) == b""
    number = shows("ipSecPolMapCryptoMapNum", without)
    assert number == (None if policy_map is None else 1)


def test_a_crypto_map_without_a_flow() -> None:
    assert shows("ipSecPolMapAceString", row(PolicyMap("site", 1, "net", None))) == b""


def test_texts_are_cut() -> None:
    flow = row(None).endpoints[0]
    long = row(PolicyMap("s" * 300, 1, "n" * 300, flow))
    assert shows("ipSecPolMapCryptoMapName", long) == b"s" * 255
    assert shows("ipSecPolMapAclString", long) == b"n" * 255
    assert shows("ipSecPolMapAceString", long) == b"access-list " + b"n" * 243
