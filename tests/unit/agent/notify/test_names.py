"""agent.notify.names: every notification has one name, and beginnings stand for several."""

from __future__ import annotations

import pytest

from agent.notify.names import EVERYTHING, NAMES, parse_name
from mibs import smi


def test_no03_every_notification_of_the_mibs_has_one_name() -> None:
    mibs = smi.load(("SNMPv2-MIB", "CISCO-IPSEC-FLOW-MONITOR-MIB", "CISCO-IPSEC-MIB"))
    cisco = {
        notification.name
        for module in ("CISCO-IPSEC-FLOW-MONITOR-MIB", "CISCO-IPSEC-MIB")
        for notification in mibs.notifications(module)
    }
    standard = {notification.name for notification in mibs.notifications("SNMPv2-MIB")}
    assert len(cisco) == 20
    # The agent never starts warm: its counters begin anew with it.
    assert cisco | standard - {"warmStart"} == EVERYTHING
    assert len(EVERYTHING) == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_no03_a_whole_name(name: str) -> None:
    assert parse_name(name) == {NAMES[name]}


@pytest.mark.parametrize(
    ("name", "count", "one"),
    [
        ("isakmp", 8, "cikeNoSa"),
        ("ipsec", 12, "cipsTooManySAs"),
        ("isakmp tunnel", 2, "cikeTunnelStop"),
        ("ipsec failure", 5, "cipSecEarlyTunTerm"),
        ("ipsec cryptomap", 4, "cipsCryptomapSetAttached"),
        ("snmp", 2, "coldStart"),
        ("  ipsec   tunnel ", 2, "cipSecTunnelStart"),
    ],
)
def test_no03_a_beginning_stands_for_all_below(name: str, count: int, one: str) -> None:
    found = parse_name(name)
    assert (len(found), one in found) == (count, True)


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("", "'' is no notification; known: ipsec, isakmp, snmp"),
        ("ike", "'ike' is no notification; known: ipsec, isakmp, snmp"),
        ("ipsec tun", "known after 'ipsec': cryptomap, failure, too-many-sas, tunnel"),
        ("isakmp tunnel up", "known after 'isakmp tunnel': start, stop"),
        ("snmp coldstart now", "known after 'snmp coldstart': no more"),
        ("ipsec tunnel start stop", "known after 'ipsec tunnel start': no more"),
        ("Isakmp", "known: ipsec, isakmp, snmp"),
    ],
)
def test_no03_a_wrong_name_says_what_is_known_there(name: str, known: str) -> None:
    with pytest.raises(ValueError, match="is no notification") as caught:
        parse_name(name)
    assert str(caught.value).endswith(known)
