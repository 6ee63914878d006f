from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Iterator
from ipaddress import ip_address

import pytest

from datasource.configuration import Interface
from datasource.interfaces.codec import RtnetlinkError, ask_addresses, ask_links, ask_route
from datasource.interfaces.link import read_interfaces, read_routes, watch
from tests.netlink import INTERRUPTED, MULTI, done, message
from tests.rtnetlink import address, link, route

PEER = ip_address("198.51.100.2")


class Kernel:
    """The other end of a socket."""

    def __init__(self) -> None:
        self.ours, self.its = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.ours.setblocking(False)

    def make(self, groups: int) -> socket.socket:
        del groups
        return self.ours

    def says(self, *datagrams: bytes) -> None:
        for datagram in datagrams:
            self.its.send(datagram)


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    made = Kernel()
    yield made
    made.ours.close()
    made.its.close()


def end(sequence: int) -> bytes:
    return message(3, bytes(4), sequence=sequence)


def test_links_are_asked_for_and_then_addresses(kernel: Kernel) -> None:
    kernel.says(link(1, "lo"), link(2, "eth0") + done(), address(2, "192.0.2.1", sequence=2))
    kernel.says(end(2))
    found = asyncio.run(read_interfaces(kernel.make))
    assert found == (
        Interface(1, "lo"),
        Interface(2, "eth0", addresses=frozenset({ip_address("192.0.2.1")})),
    )
    assert [kernel.its.recv(100) for _ in range(2)] == [ask_links(1), ask_addresses(2)]
    assert kernel.ours.fileno() == -1  # closed


def test_what_has_changed_meanwhile_is_not_told(kernel: Kernel) -> None:
    kernel.says(link(1, "lo", flags=MULTI | INTERRUPTED) + done())
    assert asyncio.run(read_interfaces(kernel.make)) is None


def test_each_route_is_asked_for(kernel: Kernel) -> None:
    other = ip_address("2001:db8::2")
    kernel.says(
        route(3, str(PEER)), message(2, b"\x9b\xff\xff\xff" + bytes(16), flags=0, sequence=2)
    )
    assert asyncio.run(read_routes((PEER, other), kernel.make)) == {PEER: 3}
    assert [kernel.its.recv(100) for _ in range(2)] == [ask_route(1, PEER), ask_route(2, other)]


def test_a_malformed_route_is_not_taken_for_none(kernel: Kernel) -> None:
    kernel.says(message(24, bytes(4), flags=0))
    with pytest.raises(RtnetlinkError, match="malformed"):
        asyncio.run(read_routes((PEER,), kernel.make))


def test_no_answer(kernel: Kernel) -> None:
    with pytest.raises(RtnetlinkError, match="no answer in time"):
        asyncio.run(read_interfaces(kernel.make, patience=0.05))
    assert kernel.ours.fileno() == -1


def test_no_socket() -> None:
    def refuse(groups: int) -> socket.socket:
        raise OSError(errno.EPERM, f"no {groups}")

    with pytest.raises(RtnetlinkError, match="Operation not permitted") as caught:
        asyncio.run(read_interfaces(refuse))
    assert caught.value.errno == errno.EPERM


def test_a_change_is_told_once_however_much_there_is(kernel: Kernel) -> None:
    told: list[str] = []

    async def main() -> None:
        first = asyncio.Event()

        def changed() -> None:
            told.append("changed")
            first.set()

        with watch(0, changed, kernel.make):
            kernel.says(link(1, "lo"), link(1, "lo"))
            await first.wait()
            kernel.says(link(1, "lo"))
            for _ in range(20):
                await asyncio.sleep(0)

    asyncio.run(main())
    assert told == ["changed"]
    assert kernel.ours.fileno() == -1
