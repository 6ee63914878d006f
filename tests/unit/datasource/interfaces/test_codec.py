from __future__ import annotations

import errno
import struct
from ipaddress import ip_address

import pytest

from datasource.configuration import Interface
from datasource.interfaces.codec import (
    Address,
    Answer,
    Link,
    Route,
    Row,
    RtnetlinkError,
    ask_addresses,
    ask_links,
    ask_route,
    make_interfaces,
)
from tests.netlink import INTERRUPTED, MULTI, SEQUENCE, done, error, message
from tests.rtnetlink import address, link, route

PEER = ip_address("198.51.100.2")
TENTATIVE, FAILED, OPTIMISTIC = 0x40, 0x08, 0x04


def read(*datagrams: bytes) -> list[Row]:
    answer = Answer(SEQUENCE)
    return [row for datagram in datagrams for row in answer.feed(datagram)]


def test_links() -> None:
    assert read(
        link(1, "lo") + link(2, "eth0", up=False), link(7, "gre1", kind="gre") + done()
    ) == [Link(1, "lo", True, ""), Link(2, "eth0", False, ""), Link(7, "gre1", True, "gre")]


def test_an_address_is_our_own_end_of_a_link() -> None:
    own, far = "10.9.0.1", "10.9.0.2"
    assert read(address(2, "192.0.2.1"), address(3, own, peer=far), address(2, "2001:db8::1")) == [
        Address(2, ip_address("192.0.2.1")),
        Address(3, ip_address(own)),
        Address(2, ip_address("2001:db8::1")),
    ]


@pytest.mark.parametrize(
    ("state", "more_state", "ours"),
    [
        (0x80, None, True),
        (TENTATIVE, None, False),
        (0, TENTATIVE, False),
        (FAILED, FAILED | 0x80, False),
        (TENTATIVE | OPTIMISTIC, None, True),
    ],
)
def test_an_address_that_may_be_somebody_elses(
    state: int, more_state: int | None, ours: bool
) -> None:
    rows = read(address(2, "2001:db8::1", state=state, more_state=more_state))
    assert bool(rows) == ours


def test_routes() -> None:
    assert read(route(3, "198.51.100.2")) == [Route(3)]
    assert read(route(1, "192.0.2.1", kind=2)) == [Route(None)]  # RTN_LOCAL: it is ourselves
    assert read(route(1, "2001:db8::2", kind=7)) == [Route(None)]  # RTN_UNREACHABLE


def test_the_end() -> None:
    answer = Answer(SEQUENCE)
    seen = []
    for datagram in (link(1, "lo"), done() + link(2, "eth0")):
        rows = list(answer.feed(datagram))
        seen.append((len(rows), answer.done, answer.interrupted))
    assert seen == [(1, False, False), (0, True, False)]


def test_one_answer_alone_is_all() -> None:
    answer = Answer(SEQUENCE)
    list(answer.feed(route(3, "198.51.100.2")))
    assert answer.done


def test_something_has_changed_meanwhile() -> None:
    answer = Answer(SEQUENCE)
    list(answer.feed(link(1, "lo", flags=MULTI | INTERRUPTED) + done()))
    assert answer.interrupted


def test_messages_under_other_numbers_and_of_other_kinds() -> None:
    assert read(link(1, "lo", sequence=SEQUENCE + 1) + message(28, bytes(12)) + done()) == []


def test_a_refusal() -> None:
    with pytest.raises(RtnetlinkError, match="Network is unreachable") as caught:
        read(error(-errno.ENETUNREACH))
    assert caught.value.errno == errno.ENETUNREACH


def test_an_acknowledgement_is_no_refusal() -> None:
    assert read(error(0)) == []


def test_messages_were_lost() -> None:
    with pytest.raises(RtnetlinkError, match="lost"):
        read(message(4, b""))


@pytest.mark.parametrize(
    "datagram",
    [
        link(1, "lo")[:-4],
        link(1, "lo") + b"\0\0\0",
        message(16, bytes(4)),
        message(20, b""),
        message(24, bytes(11)),
        message(2, b""),
    ],
)
def test_what_was_cut(datagram: bytes) -> None:
    with pytest.raises(RtnetlinkError, match=r"a message of|malformed|an error of"):
        read(datagram)


def test_questions_name_the_number_and_what_is_asked_for() -> None:
    numbers = [
        (asked[4:6], asked[8:12]) for asked in (ask_links(9), ask_addresses(9), ask_route(9, PEER))
    ]
    kinds = [struct.pack("=H", kind) for kind in (18, 22, 26)]
    assert numbers == [(kind, struct.pack("=I", 9)) for kind in kinds]
    assert ask_route(9, PEER).endswith(PEER.packed)
    assert ask_route(9, ip_address("fe80::1%eth0")).endswith(ip_address("fe80::1").packed)


def test_interfaces_are_made_of_links_and_addresses() -> None:
    rows = read(
        address(1, "127.0.0.1"),
        address(1, "::1"),
        address(1, "203.0.113.5"),
        address(2, "192.0.2.1"),
        address(2, "2001:db8::1"),
        address(9, "192.0.2.9"),
        link(2, "eth0"),
        link(1, "lo"),
        link(3, "wg0", kind="wireguard", up=False),
        link(4, "br0", kind="bridge"),
    )
    assert make_interfaces(rows) == (
        Interface(1, "lo", addresses=frozenset({ip_address("203.0.113.5")})),
        Interface(
            2,
            "eth0",
            addresses=frozenset({ip_address("192.0.2.1"), ip_address("2001:db8::1")}),
        ),
        Interface(3, "wg0", virtual=True, up=False),
        Interface(4, "br0"),
    )


@pytest.mark.parametrize(
    "kind",
    [
        "gre", "gretap", "ip6gre", "ipip", "sit", "ip6tnl", "vti", "vti6", "xfrm", "tun",
        "wireguard",
    ],
)  # fmt: skip
def test_tunnels(kind: str) -> None:
    (made,) = make_interfaces(read(link(1, "a", kind=kind)))
    assert made.virtual


@pytest.mark.parametrize("kind", ["", "bridge", "vlan", "veth", "bond", "dummy", "macvlan", "ppp"])
def test_what_is_no_tunnel(kind: str) -> None:
    (made,) = make_interfaces(read(link(1, "a", kind=kind)))
    assert not made.virtual
