"""agent.snmp.community: who is let in from where."""

from __future__ import annotations

import ipaddress

import pytest

from agent.snmp.community import _MAX_REMEMBERED, Origins, neighbourhood


def origins(**networks: str) -> Origins[str]:
    """Somebody for each keyword, from these networks."""
    return Origins(
        (name.encode(), tuple(map(ipaddress.ip_network, text.split())), name)
        for name, text in networks.items()
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
    known = origins(public="127.0.0.0/8 ::1/128", private="192.0.2.0/29 2001:db8::/32 fe80::/64")
    for _ in range(2):  # the second answer is a remembered one
        assert known.find(name, host) == (name.decode() if let_in else None)


def test_one_name_may_stand_for_several() -> None:
    networks = ("10.0.0.0/8", "10.0.0.0/16", "::1/128")
    known = Origins((b"a", (ipaddress.ip_network(text),), text) for text in networks)
    assert known.find(b"a", "10.1.1.1") == "10.0.0.0/8"
    assert known.find(b"a", "10.0.1.1") == "10.0.0.0/8"
    assert known.find(b"a", "::1") == "::1/128"
    assert known.find(b"a", "11.1.1.1") is None


def test_nobody_is_known() -> None:
    known = origins()
    assert known.find(b"public", "127.0.0.1") is None
    assert not known.anybody("127.0.0.1")


def test_se03_somebody_may_come_from_there() -> None:
    known = origins(a="192.0.2.0/24", b="198.51.100.7/32 2001:db8::/32")
    for _ in range(2):
        assert known.anybody("192.0.2.200")
        assert known.anybody("2001:db8::5%eth0")
        assert known.anybody("::ffff:198.51.100.7")
        assert not known.anybody("198.51.100.8")
        assert not known.anybody("::1")


def test_se03_what_is_remembered_is_bounded() -> None:
    known = origins(public="10.0.0.0/8")
    for number in range(_MAX_REMEMBERED + 10):
        host = str(ipaddress.ip_address(0x0A000000 + number))
        assert known.find(b"public", host)
        assert known.anybody(host)
        assert known.find(b"x" * 1000 + str(number).encode(), host) is None
    assert len(known._remembered) <= _MAX_REMEMBERED
    assert len(known._hosts) <= _MAX_REMEMBERED
    assert all(name == b"public" for name, _ in known._remembered)


@pytest.mark.parametrize(
    ("host", "shared"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("fe80::1%eth0", "fe80::"),
        ("::1", "::"),
    ],
)
def test_se03_a_sender_has_all_addresses_of_its_link(host: str, shared: str) -> None:
    assert neighbourhood(host) == shared
