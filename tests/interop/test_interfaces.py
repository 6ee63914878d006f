"""The kernel's own interfaces, addresses and routes, changed with iproute2."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import statistics
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest

from datasource.configuration import NO_INTERFACES, Connection, Interface, Interfaces
from datasource.events import CryptoMapSetAttached, CryptoMapSetDetached
from datasource.interfaces.link import connect, read_interfaces, read_routes
from datasource.interfaces.source import InterfaceSource
from datasource.model import IpAddress
from datasource.tracker import Tracker
from tests.netns import inside, ip, namespace

OURS, PEER = ip_address("192.0.2.1"), ip_address("192.0.2.9")
FAR = ip_address("198.51.100.2")


@pytest.fixture
def netns() -> Iterator[str]:
    with namespace() as name:
        ip(name, "link", "set", "lo", "up")
        ip(name, "link", "add", "wan", "type", "veth", "peer", "name", "lan")
        for device in ("wan", "lan"):
            ip(name, "link", "set", device, "addrgenmode", "none", "up")
        yield name


def batch(netns: str, directory: Path, commands: Iterator[str]) -> None:
    file = directory / "batch"
    file.write_text("\n".join(commands))
    ip(netns, "-batch", str(file))


def maker(netns: str) -> Callable[[int], socket.socket]:
    def make(groups: int) -> socket.socket:
        with inside(netns):
            return connect(groups)

    return make


def shown(netns: str, name: str) -> Interface:
    async def read() -> dict[str, Interface]:
        found = await read_interfaces(maker(netns))
        assert found is not None
        return {one.name: one for one in found}

    return asyncio.run(read())[name]


class Listener:
    """Remembers what it was told."""

    def __init__(self, *peers: IpAddress) -> None:
        self.peers = frozenset(peers)
        self.told: list[Interfaces] = []

    def attach(self, now: float, interfaces: Interfaces) -> None:
        del now
        self.told.append(interfaces)

    def routed_peers(self) -> frozenset[IpAddress]:
        return self.peers

    @property
    def now(self) -> Interfaces:
        return self.told[-1] if self.told else NO_INTERFACES

    def named(self, name: str) -> Interface | None:
        return next((one for one in self.now.interfaces if one.name == name), None)


@contextlib.asynccontextmanager
async def followed(source: InterfaceSource) -> AsyncIterator[None]:
    source.refresh()
    running = asyncio.create_task(source.run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def until(condition: Callable[[], object], seconds: float = 10.0) -> float:
    """Wait for a condition; return how many seconds it took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds
        await asyncio.sleep(0.005)
    return time.monotonic() - began


# One reading ------------------------------------------------------------------------------------


def test_an_interface_with_addresses(netns: str) -> None:
    ip(netns, "addr", "add", "192.0.2.1/24", "dev", "wan")
    ip(netns, "addr", "add", "10.9.0.1", "peer", "10.9.0.2", "dev", "wan")
    ip(netns, "addr", "add", "2001:db8::1/64", "dev", "wan", "nodad")
    own = shown(netns, "wan")
    assert own.addresses == {OURS, ip_address("10.9.0.1"), ip_address("2001:db8::1")}
    assert (own.up, own.virtual) == (True, False)
    assert f"{own.index}: wan" in ip(netns, "-o", "link", "show", "wan")


def test_loopback_addresses_are_nobody_elses(netns: str) -> None:
    ip(netns, "addr", "add", "203.0.113.5/32", "dev", "lo")
    assert shown(netns, "lo").addresses == {ip_address("203.0.113.5")}


def test_an_address_without_carrier_is_not_ours_yet(netns: str) -> None:
    # It cannot be checked for duplicates as long as nobody hears.
    ip(netns, "link", "set", "lan", "down")
    ip(netns, "addr", "add", "2001:db8::1/64", "dev", "wan")
    assert shown(netns, "wan").addresses == frozenset()


def test_a_tunnel_is_virtual_and_a_bridge_is_not(netns: str) -> None:
    ip(netns, "tuntap", "add", "tun0", "mode", "tun")
    ip(netns, "link", "add", "br0", "type", "bridge")
    assert shown(netns, "tun0").virtual
    assert not shown(netns, "br0").virtual
    assert not shown(netns, "br0").up


def test_routes(netns: str) -> None:
    ip(netns, "addr", "add", "192.0.2.1/24", "dev", "wan")
    ip(netns, "addr", "add", "2001:db8::1/64", "dev", "wan", "nodad")
    ip(netns, "route", "add", "blackhole", "198.51.100.0/24")
    peers = [
        PEER,
        ip_address("2001:db8::9"),
        FAR,  # routed nowhere
        ip_address("203.0.113.1"),  # not routed at all
        ip_address("2001:db8:f::1"),
        OURS,  # ourselves
        ip_address("127.0.0.1"),
    ]
    index = shown(netns, "wan").index
    found = asyncio.run(read_routes(peers, maker(netns)))
    assert found == {PEER: index, ip_address("2001:db8::9"): index}


# What changes -----------------------------------------------------------------------------------


def test_changes_are_told_within_a_moment(netns: str) -> None:
    listener = Listener()
    source = InterfaceSource(listener, interval=600, make=maker(netns))

    def has(name: str, *addresses: str, up: bool = True) -> bool:
        own = listener.named(name)
        wanted = frozenset(map(ip_address, addresses))
        return own is not None and (own.addresses, own.up) == (wanted, up)

    async def main() -> None:
        async with followed(source):
            await until(lambda: has("wan"))
            took: list[float] = []
            for arguments, seen in (
                ("addr add 192.0.2.1/24 dev wan", lambda: has("wan", "192.0.2.1")),
                (
                    "addr add 2001:db8::1/64 dev wan nodad",
                    lambda: has("wan", "192.0.2.1", "2001:db8::1"),
                ),
                ("addr del 192.0.2.1/24 dev wan", lambda: has("wan", "2001:db8::1")),
                # Without its carrier the other one keeps its state.
                ("link set lan down", lambda: has("lan", up=False)),
                ("link set lan up", lambda: has("lan")),
                ("link set lan name inside", lambda: has("inside") and not listener.named("lan")),
                ("link del wan", lambda: not listener.named("wan")),
            ):
                ip(netns, *arguments.split())
                took.append(await until(seen))
            assert statistics.median(took) < 1.0

    asyncio.run(main())
    assert [one.name for one in listener.now.interfaces] == ["lo"]


def test_a_route_that_moves_is_followed(netns: str) -> None:
    ip(netns, "addr", "add", "192.0.2.1/24", "dev", "wan")
    ip(netns, "addr", "add", "203.0.113.1/24", "dev", "lan")
    listener = Listener(FAR)
    source = InterfaceSource(listener, interval=600, make=maker(netns))

    def over(name: str) -> bool:
        own = listener.named(name)
        return own is not None and listener.now.routes.get(FAR) == own.index

    async def main() -> None:
        async with followed(source):
            await until(lambda: listener.told)
            assert listener.now.routes == {}
            ip(netns, "route", "add", "198.51.100.0/24", "via", "192.0.2.9")
            await until(lambda: over("wan"))
            ip(netns, "route", "replace", "198.51.100.0/24", "via", "203.0.113.9")
            await until(lambda: over("lan"))
            ip(netns, "route", "del", "198.51.100.0/24")
            await until(lambda: listener.now.routes == {})

    asyncio.run(main())


def test_peers_that_are_configured_later_are_looked_up(netns: str) -> None:
    ip(netns, "addr", "add", "192.0.2.1/24", "dev", "wan")
    listener = Listener()
    source = InterfaceSource(listener, interval=600, make=maker(netns))

    async def main() -> None:
        async with followed(source):
            await until(lambda: listener.told)
            listener.peers = frozenset({PEER})
            source.refresh()
            await until(lambda: PEER in listener.now.routes)
            listener.peers = frozenset()
            source.refresh()
            await until(lambda: listener.now.routes == {})

    asyncio.run(main())


def test_many_peers_take_turns_and_are_told_together_at_first(netns: str) -> None:
    ip(netns, "addr", "add", "192.0.2.1/24", "dev", "wan")
    ip(netns, "addr", "add", "203.0.113.1/24", "dev", "lan")
    peers = [ip_address(f"192.0.2.{number}") for number in range(2, 52)]
    listener = Listener(*peers)
    source = InterfaceSource(listener, interval=600, peers=20, make=maker(netns))

    async def main() -> None:
        async with followed(source):
            await until(lambda: listener.told)
            assert listener.told[0].routes.keys() == set(peers)
            ip(netns, "route", "add", "192.0.2.0/25", "via", "203.0.113.9")
            lan = listener.named("lan")
            assert lan is not None
            await until(lambda: set(listener.now.routes.values()) == {lan.index})
            assert listener.now.routes.keys() == set(peers)

    asyncio.run(main())


def test_a_poll_sees_what_no_event_told(netns: str) -> None:
    listener = Listener()

    def deaf(groups: int) -> socket.socket:
        del groups
        return maker(netns)(0)

    source = InterfaceSource(listener, interval=0.3, make=deaf)

    async def main() -> None:
        async with followed(source):
            await until(lambda: listener.told)
            ip(netns, "addr", "add", "192.0.2.1/24", "dev", "wan")
            await until(lambda: (own := listener.named("wan")) and own.addresses == {OURS})

    asyncio.run(main())


# Much at once -----------------------------------------------------------------------------------


def test_a_storm_makes_few_readings_and_none_is_lost(netns: str, tmp_path: Path) -> None:
    listener = Listener()
    source = InterfaceSource(listener, interval=600, make=maker(netns))
    added = frozenset(ip_address(f"10.{n // 250}.{n % 250}.1") for n in range(3000))

    async def main() -> None:
        async with followed(source):
            await until(lambda: listener.told)
            commands = (f"addr add {address}/32 dev wan" for address in added)
            began = time.monotonic()
            # 3000 events are more than the buffer of a socket holds, if nobody reads them.
            await asyncio.to_thread(batch, netns, tmp_path, commands)
            await until(lambda: (own := listener.named("wan")) and own.addresses == added)
            seconds = time.monotonic() - began
            assert len(listener.told) < 3 + 4 * seconds

    asyncio.run(main())


def test_hundreds_of_interfaces_hold_nobody_up(netns: str, tmp_path: Path) -> None:
    def commands() -> Iterator[str]:
        for number in range(250):
            yield f"link add a{number} type veth peer name b{number}"
            yield f"addr add 10.1.{number}.1/24 dev a{number}"
            yield f"link set a{number} up"

    batch(netns, tmp_path, commands())
    ip(netns, "addr", "add", "192.0.2.1/24", "dev", "wan")
    listener = Listener(*(ip_address(f"192.0.2.{number}") for number in range(2, 250)))
    source = InterfaceSource(listener, interval=600, make=maker(netns))

    async def main() -> list[float]:
        held_up: list[float] = []
        async with followed(source):
            while not listener.told:
                # Not the time by the wall: the machine may be busy with other things.
                began = time.thread_time()
                await asyncio.sleep(0)
                held_up.append(time.thread_time() - began)
        return sorted(held_up)

    held_up = asyncio.run(main())
    assert len(listener.now.interfaces) == 503
    assert len(listener.now.routes) == 248
    # Now and then the garbage is collected.
    assert held_up[int(len(held_up) * 0.95)] < 0.01


def test_no_process_and_no_thread_is_made(netns: str) -> None:
    def helpers() -> tuple[int, str]:
        children = Path(f"/proc/self/task/{threading.get_native_id()}/children")
        return threading.active_count(), children.read_text("ascii")

    before = helpers()
    during = []

    async def main() -> None:
        listener = Listener(PEER)
        async with followed(InterfaceSource(listener, make=maker(netns))):
            await until(lambda: listener.told)
            during.append(helpers())

    asyncio.run(main())
    assert during == [before]


# Where it cannot be had -------------------------------------------------------------------------


def test_without_a_socket_one_line_says_why(
    netns: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datasource.interfaces.source._RETRY", 0.01)
    listener = Listener()
    refusals = 3

    def make(groups: int) -> socket.socket:
        nonlocal refusals
        if refusals:
            refusals -= 1
            raise OSError(97, "Address family not supported by protocol")
        return maker(netns)(groups)

    async def main() -> None:
        async with followed(InterfaceSource(listener, interval=600, make=make)):
            await until(lambda: listener.told)

    with caplog.at_level(logging.INFO, "flowmib.interfaces"):
        asyncio.run(main())
    refused, works = (record.getMessage() for record in caplog.records)
    assert "Address family not supported by protocol: let flowmib have sockets" in refused
    assert works.endswith("can be told again")


# A tracker --------------------------------------------------------------------------------------


def test_crypto_maps_are_attached_and_detached(netns: str) -> None:
    ip(netns, "addr", "add", "192.0.2.1/24", "dev", "wan")
    tracker = Tracker()
    source = InterfaceSource(tracker, interval=600, make=maker(netns))
    here = Connection("here", local_addresses=(OURS,), peers=(FAR,))
    routed = Connection("routed", peers=(PEER,))

    def attached() -> list[tuple[str, str]]:
        configuration = tracker.snapshot(0).configuration
        return [(one.interface.name, one.set_name) for one in configuration.attachments]

    async def main() -> None:
        running = asyncio.create_task(source.run())
        tracker.configure(0, (here, routed))
        source.refresh()
        await until(lambda: attached() == [("wan", "here"), ("wan", "routed")])
        # What was there when the agent began is no news.
        assert tracker.take_events() == ()
        ip(netns, "link", "set", "wan", "down")
        await until(lambda: attached() == [])
        lost = tracker.take_events()
        assert {type(event) for event in lost} == {CryptoMapSetDetached}
        ip(netns, "link", "set", "wan", "up")
        await until(lambda: len(attached()) == 2)
        gained = tracker.take_events()
        assert {type(event) for event in gained} == {CryptoMapSetAttached}
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(main())
