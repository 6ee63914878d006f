"""agent.notify.sender: real sockets on the loopback interface."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from agent.config import parse_text
from agent.notify.sender import Sender
from agent.notify.statistics import Loss, TargetStatistics
from agent.snmp.message import RESPONSE, decode_envelope, decode_pdu, encode_pdu
from mibs import ber
from tests.inform_receiver import Receiver
from tests.originating import (
    COLD_START,
    ENGINE_ID,
    LOGGER,
    number_in,
    originate,
    start_of,
    until,
    users_of,
    vacm_of,
)
from tests.snmp_user import User
from tests.usm_peer import Manager

USER = User("admin", "SHA-256", "AES-128")


def target(port: int, *lines: str, host: str = "127.0.0.1") -> str:
    community = [] if any("user" in line for line in lines) else ["community = 'public'"]
    address = f"address = 'udp:{host}:{port}'"
    return "\n".join(("[[notify.target]]", address, *community, *lines, ""))


class Wire:
    """A socket that receives, and answers if somebody says how."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.socket.bind((host, port))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.port: int = self.socket.getsockname()[1]
        self.senders: set[str] = set()
        self.data: list[bytes] = []

    @property
    def numbers(self) -> list[int]:
        return [number_in(data) for data in self.data]

    def drain(self, answer: Callable[[bytes], bytes] | None = None) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                data, sender = self.socket.recvfrom(65535)
                self.data.append(data)
                self.senders.add(sender[0])
                if answer is not None:
                    self.socket.sendto(answer(data), sender)

    def listen(self, answer: Callable[[bytes], bytes] | None = None) -> None:
        """Do so as long as the event loop runs."""
        asyncio.get_running_loop().add_reader(self.socket, self.drain, answer)


@pytest.fixture
def wire() -> Iterator[Wire]:
    with contextlib.closing((made := Wire()).socket):
        yield made


@pytest.fixture
def other() -> Iterator[Wire]:
    with contextlib.closing((made := Wire()).socket):
        yield made


def closed_port() -> int:
    with contextlib.closing((made := Wire()).socket):
        return made.port


def acknowledged(data: bytes) -> bytes:
    envelope = decode_envelope(data)
    pdu = decode_pdu(data, envelope.pdu_type, envelope.start, envelope.stop)
    answer = encode_pdu(RESPONSE, pdu.request_id, b"")
    return ber.encode_tlv(0x30, b"\x02\x01\x01\x04\x06public" + answer)


def is_done(statistics: TargetStatistics) -> bool:
    return statistics.queued == 0


def has_ipv6() -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        probe.bind(("::1", 0))
        return True
    return False


class TestSending:
    def test_no03_every_target_by_its_own_filter(self, wire: Wire, other: Wire) -> None:
        async def work(sender: Sender) -> None:
            for notification in (start_of(1), COLD_START, start_of(2)):
                sender.notify(notification)
            await until(sender, is_done, (0, 1))

        originate(
            target(wire.port, "send = ['isakmp']") + target(other.port, "send = ['snmp']"), work
        )
        wire.drain()
        other.drain()
        assert wire.numbers == [1, 2]
        assert len(other.data) == 1

    def test_no03_from_another_own_address(self, wire: Wire) -> None:
        async def work(sender: Sender) -> None:
            sender.notify(start_of(1))
            await until(sender, is_done)

        originate(target(wire.port, "source = '127.0.0.9'", "version = '1'"), work)
        wire.drain()
        assert wire.senders == {"127.0.0.9"}
        assert ber.encode_tlv(ber.IP_ADDRESS, bytes((127, 0, 0, 9))) in wire.data[0]

    @pytest.mark.skipif(not has_ipv6(), reason="no IPv6 on the loopback interface")
    def test_no01_over_ipv6(self) -> None:
        wire = Wire("::1")

        async def work(sender: Sender) -> None:
            sender.notify(start_of(1))
            await until(sender, is_done)

        originate(target(wire.port, "version = '1'", host="[::1]"), work)
        wire.drain()
        wire.socket.close()
        assert ber.encode_tlv(ber.IP_ADDRESS, bytes(4)) in wire.data[0]

    def test_no02_each_has_another_request_id(self, wire: Wire) -> None:
        async def work(sender: Sender) -> None:
            for number in range(10):
                sender.notify(start_of(number))
            await until(sender, is_done)

        originate(target(wire.port), work)
        wire.drain()
        envelopes = [(data, decode_envelope(data)) for data in wire.data]
        assert (
            len({decode_pdu(d, e.pdu_type, e.start, e.stop).request_id for d, e in envelopes}) == 10
        )

    def test_without_targets_nothing_happens(self) -> None:
        async def work(sender: Sender) -> None:
            sender.notify(start_of(1))

        assert originate("", work).statistics() == []

    def test_no02_the_loop_is_free_between_slices(self, wire: Wire) -> None:
        turns = 0

        async def work(sender: Sender) -> None:
            nonlocal turns
            loop = asyncio.get_running_loop()
            wire.listen()

            def turn() -> None:
                nonlocal turns
                turns += 1
                loop.call_soon(turn)

            for number in range(1, 6000):
                sender.notify(start_of(number))
            turns = 0
            loop.call_soon(turn)
            await until(sender, is_done)

        originate(target(wire.port, "rate = 100000"), work)
        assert turns > 10


class TestInforms:
    def test_no02_acknowledged(self, wire: Wire) -> None:
        async def work(sender: Sender) -> None:
            wire.listen(acknowledged)
            for number in range(1, 201):
                sender.notify(start_of(number))
            await until(sender, is_done)

        ((_, statistics),) = originate(target(wire.port, "inform = true"), work).statistics()
        assert (statistics.acknowledged, statistics.sent, statistics.lost) == (200, 200, 0)
        assert wire.numbers == list(range(1, 201))

    def test_no02_a_receiver_that_comes_late(self) -> None:
        port = closed_port()

        async def work(sender: Sender) -> None:
            sender.notify(start_of(1))
            await until(sender, lambda statistics: statistics.socket_errors > 0)
            late = Wire(port=port)
            late.listen(acknowledged)
            await until(sender, is_done)
            asyncio.get_running_loop().remove_reader(late.socket)
            late.socket.close()

        lines = "inform = true", "timeout = 0.1", "retries = 10"
        ((_, statistics),) = originate(target(port, *lines), work).statistics()
        assert (statistics.acknowledged, statistics.lost) == (1, 0)
        assert statistics.retransmitted > 0

    @pytest.mark.parametrize("lines", ["", "inform = true\ntimeout = 0.1\nretries = 1"])
    def test_no02_a_dead_target_takes_nothing_from_a_live_one(
        self, wire: Wire, caplog: pytest.LogCaptureFixture, lines: str
    ) -> None:
        port = closed_port()

        async def work(sender: Sender) -> None:
            wire.listen(acknowledged)
            for number in range(1, 501):
                sender.notify(start_of(number))
            await until(sender, is_done, (1,))
            if lines:
                # The dead one has given up some, and is at the others still.
                await until(sender, lambda statistics: statistics.lost > 0, (0,))

        live = target(wire.port, "inform = true", "rate = 100000")
        sender = originate(target(port, "rate = 100000", lines) + live, work)
        (_, dead), (_, alive) = sender.statistics()
        assert (alive.acknowledged, alive.lost) == (500, 0)
        assert wire.numbers == list(range(1, 501))
        assert dead.socket_errors > 0
        assert dead.wanted == (dead.lost if lines else dead.sent) == 500
        assert any("Connection refused" in message for message in caplog.messages)

    def test_no01_keys_are_made_for_the_engine_that_is_there(self, wire: Wire) -> None:
        receiver = Receiver()

        async def work(sender: Sender) -> None:
            wire.listen(receiver.answer)
            for number in range(1, 11):
                sender.notify(start_of(number))
            await until(sender, is_done)
            receiver.boots, receiver.time = 9, 0
            sender.notify(start_of(11))
            await until(sender, is_done)

        lines = "version = '3'", "user = 'admin'", "inform = true"
        sender = originate(USER.section() + target(wire.port, *lines), work)
        ((_, statistics),) = sender.statistics()
        assert (statistics.acknowledged, statistics.lost) == (11, 0)
        assert len(receiver.informs) == 11
        assert {inform.flags for inform in receiver.informs} == {7}


class TestTrouble:
    def test_no02_an_own_address_that_is_not_there(
        self, wire: Wire, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def work(sender: Sender) -> None:
            sender.notify(start_of(1))
            await until(sender, lambda statistics: statistics.socket_errors > 0)

        lines = target(wire.port, "source = '192.0.2.77'")
        ((_, statistics),) = originate(lines, work).statistics()
        assert statistics.dropped == {Loss.CLOSED: 1}
        assert "Cannot assign requested address" in caplog.messages[0]
        assert caplog.messages[1].endswith("1 were still waiting at the end")

    def test_no02_what_the_system_has_no_room_for_waits(self, wire: Wire) -> None:
        class Full:
            """A socket whose buffer is full once."""

            def __init__(self, real: socket.socket) -> None:
                self.real = real
                self.refused = 0

            def fileno(self) -> int:
                return self.real.fileno()

            def send(self, data: bytes) -> int:
                if not self.refused:
                    self.refused += 1
                    raise BlockingIOError
                return self.real.send(data)

            def close(self) -> None:
                self.real.close()

        full = Full(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        full.real.connect(("127.0.0.1", wire.port))

        async def work(sender: Sender) -> None:
            sender._channels[0]._socket = full  # type: ignore[assignment]
            for number in range(1, 101):
                sender.notify(start_of(number))
            await until(sender, is_done)

        ((_, statistics),) = originate(target(wire.port), work).statistics()
        wire.drain()
        assert wire.numbers == list(range(1, 101))
        assert (full.refused, statistics.socket_errors, statistics.lost) == (1, 0, 0)

    def test_no02_a_fault_in_one_target_leaves_the_others_alone(
        self, wire: Wire, other: Wire, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fail(*_: object) -> bytes:
            raise RuntimeError("a fault")

        async def work(sender: Sender) -> None:
            sender._channels[0].originator.messages.trap = fail  # type: ignore[attr-defined]
            for number in (1, 2, 3):
                sender.notify(start_of(number))
            await until(sender, is_done, (1,))

        originate(target(wire.port) + target(other.port), work)
        other.drain()
        assert other.numbers == [1, 2, 3]
        assert "stopped by a fault" in caplog.messages[0]


class TestReload:
    def test_no02_what_waits_is_kept_and_what_is_gone_is_counted(
        self, wire: Wire, other: Wire, caplog: pytest.LogCaptureFixture
    ) -> None:
        lines = "rate = 1"

        async def work(sender: Sender) -> None:
            for number in range(1, 11):
                sender.notify(start_of(number))
            await until(sender, lambda statistics: statistics.sent == 1, (0, 1))
            gone = sender.statistics()[1][1]
            # It has moved to another place in the file, and may be sent more.
            config = parse_text(
                target(closed_port()) + target(wire.port, "rate = 100000", "send = ['isakmp']"), ""
            )
            sender.replace(config.notify.targets, users_of(config), vacm_of(config))
            assert gone.dropped == {Loss.CLOSED: 9}
            sender.notify(COLD_START)
            await until(sender, is_done, (0, 1))

        sender = originate(target(wire.port, lines) + target(other.port, lines), work)
        wire.drain()
        assert wire.numbers == list(range(1, 11))
        (_, first), (_, second) = sender.statistics()
        assert (first.wanted, second.wanted) == (1, 10)
        assert any("9 were still waiting at the end" in message for message in caplog.messages)

    def test_no02_what_a_community_may_be_told_changes(self, wire: Wire) -> None:
        view = "[[snmp.view]]\nname = 'tunnels'\ninclude = ['1.3.6.1.4.1.9.9.171']\n"

        async def work(sender: Sender) -> None:
            sender.notify(COLD_START)
            config = parse_text(view + target(wire.port, "view = 'tunnels'"), "")
            sender.replace(config.notify.targets, [], vacm_of(config))
            sender.notify(COLD_START)
            await until(sender, is_done)

        ((_, statistics),) = originate(target(wire.port), work).statistics()
        assert (statistics.sent, statistics.dropped) == (1, {Loss.NOT_IN_VIEW: 1})

    @pytest.mark.parametrize("inform", ["true", "false"])
    def test_no01_a_user_with_another_passphrase(self, wire: Wire, inform: str) -> None:
        lines = target(wire.port, "version = '3'", "user = 'admin'", f"inform = {inform}")
        receiver = Receiver()
        changed = replace(USER, auth_password="something else")

        async def work(sender: Sender) -> None:
            wire.listen(receiver.answer if inform == "true" else None)
            sender.notify(start_of(1))
            await until(sender, is_done)
            before = sender.statistics()[0][1]
            receiver.manager = manager(receiver.engine_id, changed)
            config = parse_text(changed.section() + lines, "")
            sender.replace(config.notify.targets, users_of(config), vacm_of(config))
            sender.notify(start_of(2))
            await until(sender, is_done)
            assert sender.statistics()[0][1] is before

        ((_, statistics),) = originate(USER.section() + lines, work).statistics()
        assert (statistics.wanted, statistics.sent, statistics.lost) == (2, 2, 0)
        if inform == "true":
            assert len(receiver.informs) == 2
        else:
            wire.drain()
            first, second = wire.data
            assert manager(ENGINE_ID, USER).read(first).kind == "trap"
            assert manager(ENGINE_ID, changed).read(second).kind == "trap"


def manager(engine_id: bytes, user: User) -> Manager:
    return Manager(
        engine_id,
        user.name,
        user.auth,
        user.priv,
        auth_passphrase=user.auth_password,
        priv_passphrase=user.priv_password,
    )


class TestEnd:
    def test_no02_what_can_be_sent_is_sent(self, wire: Wire) -> None:
        async def work(sender: Sender) -> None:
            wire.listen()
            for number in range(1, 301):
                sender.notify(start_of(number))

        ((_, statistics),) = originate(target(wire.port), work).statistics()
        wire.drain()
        assert wire.numbers == list(range(1, 301))
        assert statistics.lost == 0

    def test_no02_it_waits_no_longer_than_a_second(
        self, wire: Wire, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, LOGGER.name)

        async def work(sender: Sender) -> None:
            loop = asyncio.get_running_loop()
            # It takes everything and answers nothing.
            wire.listen()
            for number in range(1, 101):
                sender.notify(start_of(number))
            began = loop.time()
            await sender.close()
            assert 0.9 < loop.time() - began < 3
            sender.notify(start_of(101))

        ((_, statistics),) = originate(target(wire.port, "inform = true"), work).statistics()
        assert statistics.dropped == {Loss.CLOSED: 100}
        assert statistics.wanted == 100
        assert caplog.messages[0].endswith("100 were still waiting at the end")
