"""agent.snmp.udp: real sockets on the loopback interface."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import socket
from collections.abc import Awaitable, Callable

import pytest

from agent.config import ListenAddress, parse_listen
from agent.snmp.engine import Answer
from agent.snmp.udp import ListenError, Responder, UdpListener
from mibs.snmp_statistics import SnmpStatistics
from mibs.view import ViewBuilder
from tests.engine import Still, make_engine
from tests.small_mib import ROOT, Small, small_tree
from tests.snmp_peer import read, request

DEADLINE = 10.0


class Echo:
    """Answers everything but "quiet", and notes who asked."""

    def __init__(self) -> None:
        self.hosts: list[str] = []

    def process(self, data: bytes, host: str) -> bytes | None:
        self.hosts.append(host)
        return None if data == b"quiet" else b"answer to " + data


def has_ipv6() -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        probe.bind(("::1", 0))
        return True
    return False


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="no IPv6 on the loopback interface")


def free(host: str) -> ListenAddress:
    """A port that nobody has, on this address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
    return parse_listen(f"udp:[{host}]:{port}" if ":" in host else f"udp:{host}:{port}")


class Manager:
    """A socket that asks. It is not connected, so it sees where an answer comes from."""

    def __init__(self, host: str) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.socket.bind((host, 0))

    async def ask(self, data: bytes, host: str, port: int) -> tuple[bytes, str, int]:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(DEADLINE):
            await loop.sock_sendto(self.socket, data, (host, port))
            answer, sender = await loop.sock_recvfrom(self.socket, 65535)
        return answer, sender[0], sender[1]


def served(*addresses: ListenAddress, by: Responder, then: Callable[[], Awaitable[None]]) -> None:
    async def serve() -> None:
        with contextlib.ExitStack() as stack:
            for address in addresses:
                listener = UdpListener(address, by)
                stack.callback(listener.close)
                listener.start()
            await then()

    asyncio.run(serve())


@pytest.mark.parametrize(
    ("listen", "asked", "asker"),
    [
        ("127.0.0.1", "127.0.0.1", "127.0.0.1"),
        ("127.0.0.9", "127.0.0.9", "127.0.0.3"),
        ("0.0.0.0", "127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.2", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.2", "127.0.0.5"),
        pytest.param("::1", "::1", "::1", marks=needs_ipv6),
        pytest.param("::", "::1", "::1", marks=needs_ipv6),
    ],
)
def test_sn01_the_answer_comes_from_the_address_that_was_asked(
    listen: str, asked: str, asker: str
) -> None:
    address, echo = free(listen), Echo()

    async def ask() -> None:
        manager = Manager(asker)
        with manager.socket:
            for number in range(3):
                data = b"%d" % number
                answer = await manager.ask(data, asked, address.port)
                assert answer == (b"answer to " + data, asked, address.port)

    served(address, by=echo, then=ask)
    assert echo.hosts == [asker] * 3


def test_sn01_several_listeners() -> None:
    addresses = [free("127.0.0.1"), free("127.0.0.2"), free("127.0.0.1")]
    if has_ipv6():
        addresses.append(free("::1"))
    echo = Echo()

    async def ask() -> None:
        for address in addresses:
            manager = Manager("::1" if ":" in address.host else "127.0.0.1")
            with manager.socket:
                answer = await manager.ask(b"?", address.host, address.port)
                assert answer == (b"answer to ?", address.host, address.port)

    served(*addresses, by=echo, then=ask)


@needs_ipv6
def test_sn01_both_wildcards_with_one_port() -> None:
    four = free("0.0.0.0")
    six = parse_listen(f"udp:[::]:{four.port}")

    async def ask() -> None:
        for host in ("127.0.0.1", "::1"):
            manager = Manager(host)
            with manager.socket:
                assert (await manager.ask(b"?", host, four.port))[1] == host

    echo = Echo()
    served(four, six, by=echo, then=ask)
    assert echo.hosts == ["127.0.0.1", "::1"]


def test_many_datagrams_at_once_are_all_answered() -> None:
    address, echo = free("127.0.0.1"), Echo()

    async def ask() -> None:
        manager = Manager("127.0.0.1")
        loop = asyncio.get_running_loop()
        with manager.socket:
            sent = {b"%d" % number for number in range(150)}
            for data in (*sent, b"quiet"):
                manager.socket.sendto(data, (address.host, address.port))
            got: set[bytes] = set()
            async with asyncio.timeout(DEADLINE):
                while len(got) < len(sent):
                    got.add((await loop.sock_recvfrom(manager.socket, 65535))[0])
            assert got == {b"answer to " + data for data in sent}

    served(address, by=echo, then=ask)
    assert len(echo.hosts) == 151


def test_an_asker_that_is_gone_does_no_harm() -> None:
    address, echo = free("127.0.0.1"), Echo()

    async def ask() -> None:
        for _ in range(3):
            gone = Manager("127.0.0.1")
            gone.socket.sendto(b"?", (address.host, address.port))
            gone.socket.close()
        manager = Manager("127.0.0.1")
        with manager.socket:
            assert (await manager.ask(b"!", address.host, address.port))[0] == b"answer to !"

    served(address, by=echo, then=ask)
    assert len(echo.hosts) == 4


def test_what_came_before_the_start_is_answered() -> None:
    address = free("127.0.0.1")

    async def ask() -> None:
        listener = UdpListener(address, Echo())
        with contextlib.closing(listener), Manager("127.0.0.1").socket as manager:
            manager.sendto(b"early", (address.host, address.port))
            listener.start()
            async with asyncio.timeout(DEADLINE):
                answer = await asyncio.get_running_loop().sock_recv(manager, 65535)
            assert answer == b"answer to early"

    asyncio.run(ask())


@pytest.mark.parametrize("size", [0, 65507])
def test_the_smallest_and_the_largest_datagram(size: int) -> None:
    address = free("127.0.0.1")

    class Same:
        def process(self, data: bytes, host: str) -> bytes | None:
            del host
            return data

    async def ask() -> None:
        with Manager("127.0.0.1").socket as manager:
            manager.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
            manager.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            loop = asyncio.get_running_loop()
            async with asyncio.timeout(DEADLINE):
                await loop.sock_sendto(manager, bytes(size), (address.host, address.port))
                assert await loop.sock_recv(manager, 65535) == bytes(size)

    served(address, by=Same(), then=ask)


def listen_error(address: ListenAddress) -> str:
    async def listen() -> None:
        UdpListener(address, Echo())

    with pytest.raises(ListenError) as caught:
        asyncio.run(listen())
    return str(caught.value)


class TestListenErrors:
    def test_in_use(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.1", 0))
            text = f"udp:127.0.0.1:{other.getsockname()[1]}"
            assert listen_error(parse_listen(text)) == (
                f"cannot listen on {text}: Address already in use"
            )

    def test_one_of_ours_twice(self) -> None:
        address = free("127.0.0.1")

        async def listen() -> None:
            first = UdpListener(address, Echo())
            try:
                with pytest.raises(ListenError, match="Address already in use"):
                    UdpListener(address, Echo())
            finally:
                first.close()
            UdpListener(address, Echo()).close()

        asyncio.run(listen())

    @pytest.mark.parametrize(
        "text", ["udp:192.0.2.1:1161", pytest.param("udp:[2001:db8::1]:1161", marks=needs_ipv6)]
    )
    def test_not_an_address_of_ours(self, text: str) -> None:
        expected = f"cannot listen on {text}: Cannot assign requested address"
        assert listen_error(parse_listen(text)) == expected

    def test_no_permission(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(_: object, address: object) -> None:
            del address
            raise PermissionError(errno.EACCES, "Permission denied")

        class Refused(socket.socket):
            bind = refuse

        monkeypatch.setattr(socket, "socket", Refused)
        text = "udp:127.0.0.1:161"
        address = ListenAddress("127.0.0.1", 161, text)

        # The event loop has sockets of its own, none of which it binds.
        assert listen_error(address) == f"cannot listen on {text}: Permission denied"

    @needs_ipv6
    def test_a_zone_that_is_not_there(self) -> None:
        text = "udp:[fe80::1%nosuch]:1161"
        message = listen_error(parse_listen(text))
        assert message.startswith(f"cannot listen on {text}: ")
        assert "Unknown error" not in message

    def test_a_family_that_is_not_there(self, monkeypatch: pytest.MonkeyPatch) -> None:
        class Missing(socket.socket):
            def __init__(self, family: int = -1, kind: int = -1, *rest: object) -> None:
                if family == socket.AF_INET6:
                    raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
                super().__init__(family, kind, *rest)  # type: ignore[arg-type]

        monkeypatch.setattr(socket, "socket", Missing)
        assert listen_error(parse_listen("udp:[::1]:1161")) == (
            "cannot listen on udp:[::1]:1161: Address family not supported by protocol"
        )


def test_sn02_source_networks_and_the_real_engine() -> None:
    tree = small_tree()
    statistics = SnmpStatistics()
    view = ViewBuilder(tree).build(Small(), 0.0)
    networks = [ipaddress.ip_network("127.0.0.8/29")]
    engine = make_engine(tree, Still(view), statistics, networks=networks)
    address = free("0.0.0.0")
    data = request("get", [(*ROOT, 1, 2, 0)])

    async def ask() -> None:
        stranger, known = Manager("127.0.0.1"), Manager("127.0.0.9")
        with stranger.socket, known.socket:
            stranger.socket.sendto(data, ("127.0.0.1", address.port))
            answer, host, _ = await known.ask(data, "127.0.0.3", address.port)
            assert (read(answer).varbinds[0].value, host) == (0, "127.0.0.3")
            # The stranger was first, so what it would get is there by now.
            with pytest.raises(BlockingIOError):
                stranger.socket.recv(65535)

    served(address, by=engine, then=ask)
    assert (statistics.snmpInPkts, statistics.snmpInBadCommunityNames) == (2, 1)


class Slow:
    """Answers "slow" when it is told to, and everything else at once."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()
        self.cancelled = False

    def process(self, data: bytes, host: str) -> Answer:
        return self.answer(host) if data == b"slow" else b"at once"

    async def answer(self, host: str) -> bytes | None:
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        return f"late, {host}".encode()


@pytest.mark.parametrize("listen", ["127.0.0.1", "0.0.0.0"])
def test_sn05_others_are_answered_while_something_is_set(listen: str) -> None:
    address, slow = free(listen), Slow()
    asked = "127.0.0.2" if listen == "0.0.0.0" else listen

    async def ask() -> None:
        patient, hasty = Manager("127.0.0.1"), Manager("127.0.0.1")
        with patient.socket, hasty.socket:
            patient.socket.sendto(b"slow", (asked, address.port))
            assert (await hasty.ask(b"quick", "127.0.0.1", address.port))[0] == b"at once"
            slow.go_on.set()
            loop = asyncio.get_running_loop()
            async with asyncio.timeout(DEADLINE):
                answer, sender = await loop.sock_recvfrom(patient.socket, 65535)
            assert answer == b"late, 127.0.0.1"
            assert sender[0] == asked

    served(address, by=slow, then=ask)


def test_what_is_not_answered_when_it_ends_never_is() -> None:
    address, slow = free("127.0.0.1"), Slow()

    async def ask() -> None:
        patient = Manager("127.0.0.1")
        with patient.socket:
            patient.socket.sendto(b"slow", ("127.0.0.1", address.port))
            await patient.ask(b"quick", "127.0.0.1", address.port)

    served(address, by=slow, then=ask)
    assert slow.cancelled
