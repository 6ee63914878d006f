"""agent.snmp.community: who is let in from where."""

from __future__ import annotations

import ipaddress

import pytest

from agent.snmp.community import _MAX_REMEMBERED, Communities, Community, Principal
from mibs import ber
from tests.small_mib import small_tree

TREE = small_tree()


def communities(**networks: str) -> Communities:
    """A community for each keyword, from these networks."""
    return Communities(
        [
            Community(name.encode(), tuple(map(ipaddress.ip_network, text.split())))
            for name, text in networks.items()
        ],
        TREE,
    )


@pytest.mark.parametrize(
    ("name", "host", "let_in"),
    [
        (b"public", "127.0.0.1", True),
        (b"public", "127.255.255.255", True),
        (b"public", "::1", True),
        (b"public", "::ffff:127.0.0.1", True),
        (b"public", "::ffff:10.0.0.1", False),
        (b"public", "128.0.0.1", False),
        (b"public", "::2", False),
        (b"private", "127.0.0.1", False),
        (b"private", "192.0.2.7", True),
        (b"private", "192.0.2.8", False),
        (b"private", "2001:db8::1", True),
        (b"private", "fe80::1%lo", True),
        (b"private", "fe80:0:1::1%lo", False),
        (b"Public", "127.0.0.1", False),
        (b"public\x00", "127.0.0.1", False),
        (b"publi", "127.0.0.1", False),
        (b"", "127.0.0.1", False),
    ],
)
def test_sn02_name_and_network_have_to_fit(name: bytes, host: str, let_in: bool) -> None:
    known = communities(
        public="127.0.0.0/8 ::1/128", private="192.0.2.0/29 2001:db8::/32 fe80::/64"
    )
    for _ in range(2):  # the second answer is a remembered one
        assert isinstance(known.find(name, host), Principal) is let_in


def test_one_name_may_be_given_more_than_once() -> None:
    everywhere = ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("::1/128")
    known = Communities([Community(b"a", (network,)) for network in everywhere], TREE)
    assert known.find(b"a", "10.1.1.1")
    assert known.find(b"a", "::1")
    assert known.find(b"a", "11.1.1.1") is None


def test_nobody_is_known() -> None:
    assert Communities([], TREE).find(b"public", "127.0.0.1") is None


def test_sn06_version_1_does_not_see_counter64() -> None:
    principal = communities(public="0.0.0.0/0").find(b"public", "192.0.2.1")
    assert principal is not None
    assert all(principal.v2c_mask)
    assert len(principal.v1_mask) == len(principal.v2c_mask) == len(TREE.spans)
    hidden = {s.type.name for s in TREE.spans if not principal.v1_mask[s.number]}
    assert hidden == {s.type.name for s in TREE.spans if s.type.tag == ber.COUNTER64}
    assert hidden == {"smallTotal", "thingBig", "memberWeight"}


def test_se03_what_is_remembered_is_bounded() -> None:
    known = communities(public="10.0.0.0/8")
    for number in range(_MAX_REMEMBERED + 10):
        host = str(ipaddress.ip_address(0x0A000000 + number))
        assert known.find(b"public", host)
        assert known.find(b"x" * 1000 + str(number).encode(), host) is None
    assert len(known._known) <= _MAX_REMEMBERED
    assert all(name == b"public" for name, _ in known._known)
