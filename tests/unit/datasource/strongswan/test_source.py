from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import itertools
import logging
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from datasource.control import TerminateError, UnloadError
from datasource.events import EndReason, IkeTunnelStopped, IpsecTunnelStopped
from datasource.model import Identity, IkeSa, IkeSaParameters, IpsecFailures, SaState
from datasource.snapshot import Snapshot
from datasource.strongswan.link import Link, Process
from datasource.strongswan.source import (
    FAILURES_WITH_LOG,
    MEASURED_IKE,
    MEASURED_IPSEC,
    StrongSwanSource,
    tracker_for,
)
from datasource.tracker import Tracker
from datasource.xfrm.codec import Dump, XfrmError
from datasource.xfrm.source import KernelSource
from tests import netlink
from tests.unit.datasource.strongswan.fake_vici import FakeVici, until
from tests.unit.datasource.strongswan.replay import encode, messages_of

PATIENCE = 1.0
(CONNECTION,) = messages_of("v2-up-alpha", "list-conn")
ONE = messages_of("v2-up-alpha", "list-sa")[-1]
ADDRESS = ipaddress.ip_address("192.0.2.1")
NOBODY = Identity.parse("192.0.2.1")
IKE_SA = IkeSa(
    9, SaState.ACTIVE, 0.0, IkeSaParameters("site", 2, True, ADDRESS, ADDRESS, NOBODY, NOBODY)
)


def sa(number: int, **changes: str) -> dict[str, Any]:
    text = str(number).encode()
    children = {b"net": dict(next(iter(ONE["site"]["child-sas"].values())))}
    child = {**children[b"net"], "uniqueid": text, "reqid": text}
    ike = {**ONE["site"], "uniqueid": text, "remote-id": f"peer{number}".encode()}
    return {"site": {**ike, **encode(changes), "child-sas": {f"net-{number}": child}}}


class Rig:
    def __init__(self, path: Path) -> None:
        self.fake = FakeVici(path / "vici")
        self.fake.connections = [CONNECTION]
        self.fake.sas = [sa(1), sa(2)]
        self.tracker: Tracker = tracker_for(log_events=True)
        self.source = StrongSwanSource(
            self.tracker, self.fake.path, interval=0.05, min_interval=0.01, patience=PATIENCE
        )
        self.reasons: list[EndReason] = []

    @property
    def snapshot(self) -> Snapshot:
        return self.tracker.snapshot(0.0)

    @property
    def rows(self) -> int:
        return len(self.snapshot.ike_tunnels)

    def listings(self, *, waited: bool = False) -> int:
        return sum(
            name == "list-sas" and ("noblock" not in arguments) == waited
            for name, arguments in self.fake.commands
        )

    async def polls(self, count: int = 2) -> None:
        """Wait for so many polls more, the last of them complete."""
        target = self.listings() + count + 1
        await until(lambda: self.listings() >= target, f"{count} polls")

    def ended(self) -> list[EndReason]:
        self.reasons += [
            event.reason
            for event in self.tracker.take_events()
            if isinstance(event, IkeTunnelStopped | IpsecTunnelStopped)
        ]
        return self.reasons

    @contextlib.asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.source.run())
        try:
            await self.source.ready.wait()
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


def run(path: Path, body: Callable[[Rig], Awaitable[None]], *, serve: bool = True) -> None:
    async def main() -> None:
        rig = Rig(path)
        if serve:
            async with rig.fake.running(), rig.following():
                await body(rig)
        else:
            async with rig.following():
                await body(rig)

    asyncio.run(main())


@pytest.fixture
def daemons(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Make the fake a new process each time the returned function is called."""
    numbers = itertools.count(100)
    current: list[Process] = [(next(numbers), "0")]
    monkeypatch.setattr(Link, "process", lambda _link: current[-1])
    return lambda: current.append((next(numbers), "0"))


def test_the_first_listing(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        assert rig.source.connected
        assert rig.rows == 2
        (first, _) = rig.snapshot.ike_tunnels
        assert first.parameters.lifetime == 3600
        registered = rig.fake.listeners
        assert registered == 1

    run(tmp_path, body)


def test_what_is_measured() -> None:
    with_log = tracker_for(log_events=True).snapshot(0.0).totals
    assert (with_log.ike, with_log.ipsec) == (MEASURED_IKE, MEASURED_IPSEC)
    assert with_log.failures == FAILURES_WITH_LOG
    without = tracker_for(log_events=False).snapshot(0.0).totals
    assert not any(count is not None for count in without.ike)
    assert without.ipsec == MEASURED_IPSEC


def test_events_reach_the_tracker(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        ike = {**sa(3)["site"]}
        rig.fake.sas = [*rig.fake.sas, sa(3)]
        rig.fake.event("ike-updown", {"up": b"yes", "site": ike})
        await until(lambda: rig.rows == 3, "the new tunnel")
        rig.fake.sas = rig.fake.sas[:2]
        down = {**ike, "state": b"DELETING", "tasks-active": [b"IKE_DELETE"]}
        rig.fake.event("ike-updown", {"site": down})
        rig.fake.event("child-updown", {"site": down})
        await until(lambda: rig.rows == 2, "the end of it, held back for a moment")
        assert set(rig.ended()) == {EndReason.NORMAL}
        await rig.polls()
        assert rig.rows == 2

    run(tmp_path, body)


def test_an_sa_that_is_gone_without_a_word_ends_after_two_listings_that_wait(
    tmp_path: Path,
) -> None:
    async def body(rig: Rig) -> None:
        rig.fake.sas = [sa(2)]
        await until(lambda: rig.rows == 1, "the end of one")
        assert rig.listings(waited=True) >= 2
        assert rig.ended() == [EndReason.OTHER, EndReason.OTHER]

    run(tmp_path, body)


def test_a_busy_sa_stays(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        rig.fake.busy = {0}
        await until(lambda: rig.listings(waited=True) >= 1, "a listing that waits")
        await rig.polls()
        assert rig.rows == 2
        assert not rig.ended()

    run(tmp_path, body)


def test_a_listing_that_waits_for_ever_does_not_stop_the_polling(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def body(rig: Rig) -> None:
        rig.fake.deaf_to_waiting = True
        rig.fake.busy = {0}
        await until(lambda: "did not end" in caplog.text, "the complaint")
        await rig.polls()
        assert rig.rows == 2
        assert rig.source.connected
        rig.fake.deaf_to_waiting = False
        await until(lambda: rig.listings(waited=True) >= 2, "another try")

    run(tmp_path, body)
    assert caplog.text.count("did not end") == 1


def test_a_refresh_polls_soon_and_not_too_often(tmp_path: Path) -> None:
    async def main() -> None:
        rig = Rig(tmp_path)
        rig.source = StrongSwanSource(
            rig.tracker, rig.fake.path, interval=3600, min_interval=0.05, patience=PATIENCE
        )
        async with rig.fake.running(), rig.following():
            loop = asyncio.get_running_loop()
            begin, before = loop.time(), rig.listings()

            def enough() -> bool:
                rig.source.refresh()
                return rig.listings() >= before + 4

            await until(enough, "four polls")
            assert loop.time() - begin > 3 * 0.05

    asyncio.run(main())


def test_no_daemon_yet(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def body(rig: Rig) -> None:
        assert not rig.source.connected
        async with rig.fake.running():
            await until(lambda: rig.source.connected, "the daemon", 6)
            await until(lambda: rig.rows == 2, "its SAs")

    run(tmp_path, body, serve=False)
    words = [record.getMessage() for record in caplog.records]
    assert "No such file or directory" in words[0]
    assert "answers after" in words[1]


def test_a_daemon_that_dies_and_comes_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, daemons: Callable[[], None]
) -> None:
    caplog.set_level(logging.INFO)

    async def body(rig: Rig) -> None:
        await rig.fake.stop()
        await until(lambda: rig.rows == 0, "the end of its tunnels", 2)
        assert rig.ended() == [EndReason.LOCAL_FAILURE] * 4
        assert not rig.source.connected
        daemons()
        await rig.fake.start()
        await until(lambda: rig.rows == 2 and rig.source.connected, "its tunnels", 6)
        assert [tunnel.index for tunnel in rig.snapshot.ike_tunnels] == [3, 4]
        assert rig.snapshot.totals.ike_ended == 2

    run(tmp_path, body)
    words = [record.getMessage() for record in caplog.records]
    assert [word.split(f"{tmp_path}/vici ")[1].split(" after")[0] for word in words[:3]] == [
        "answers",
        "is lost: the daemon closed the connection",
        "answers",
    ]


def test_another_daemon_at_once(tmp_path: Path, daemons: Callable[[], None]) -> None:
    async def body(rig: Rig) -> None:
        daemons()
        rig.fake.sas = [sa(1)]
        rig.fake.hang_up()
        await until(lambda: rig.rows == 1, "the new daemon's tunnel")
        assert rig.ended() == [EndReason.LOCAL_FAILURE] * 4
        (tunnel,) = rig.snapshot.ike_tunnels
        assert tunnel.index == 3

    run(tmp_path, body)


def test_the_same_daemon_after_a_lost_connection(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        before = rig.snapshot.totals.ipsec
        rig.fake.hang_up()
        await until(lambda: not rig.source.connected, "the loss")
        await until(lambda: rig.source.connected, "the reconnection")
        await rig.polls()
        assert not rig.ended()
        assert [tunnel.index for tunnel in rig.snapshot.ike_tunnels] == [1, 2]
        assert rig.snapshot.totals.ipsec == before
        assert rig.fake.listeners == 1

    run(tmp_path, body)


def test_the_same_daemon_by_its_own_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Link, "process", lambda _link: None)
    test_the_same_daemon_after_a_lost_connection(tmp_path)


def test_a_daemon_that_hangs_keeps_its_rows(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def body(rig: Rig) -> None:
        rig.fake.deaf = True
        await until(lambda: not rig.source.connected, "the loss")
        assert rig.rows == 2
        rig.fake.deaf = False
        await until(lambda: rig.source.connected, "the return")
        assert caplog.text.count("is lost: no answer within 1 s") == 1
        await rig.polls()
        assert rig.rows == 2
        assert not rig.ended()

    run(tmp_path, body)


def test_garbage_keeps_the_rows(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def body(rig: Rig) -> None:
        rig.fake.script = b"HTTP/1.1 200 OK\r\n\r\n"
        rig.fake.hang_up()
        await until(lambda: not rig.source.connected, "the loss")
        rig.fake.script = None
        await until(lambda: rig.source.connected, "the return", 8)
        await rig.polls()
        assert rig.rows == 2
        assert not rig.ended()

    run(tmp_path, body)
    assert caplog.text.count("is lost") == 1


def test_no_permission(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        rig = Rig(tmp_path)

        async def refuse(*_: object, **__: object) -> None:
            raise PermissionError(13, "Permission denied")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(asyncio, "open_unix_connection", refuse)
            async with rig.following():
                assert not rig.source.connected

    asyncio.run(main())
    assert "is lost: Permission denied" in caplog.text


def test_a_new_connection_of_the_configuration_is_asked_for(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        rig.fake.connections = [CONNECTION, {"other": CONNECTION["site"]}]
        rig.fake.sas = [*rig.fake.sas, {"other": sa(3)["site"]}]

        def lifetimes() -> set[int | None]:
            return {tunnel.parameters.lifetime for tunnel in rig.snapshot.ike_tunnels}

        await until(lambda: rig.rows == 3 and lifetimes() == {3600}, "its lifetime", 6)
        asked = [name for name, _ in rig.fake.commands].count("list-conns")
        assert asked == 2

    run(tmp_path, body)


def test_what_was_loaded_is_listed_as_soon_as_the_log_tells(tmp_path: Path) -> None:
    def keepalive(rig: Rig) -> int | None:
        return rig.snapshot.configuration.keepalive

    async def body(rig: Rig) -> None:
        rig.source._interval = 60.0
        assert keepalive(rig) is None
        rig.fake.connections = [{"site": {**CONNECTION["site"], "dpd_delay": b"7"}}]
        line = b"updated vici connection: site"
        rig.fake.event("log", {"group": b"CFG", "level": b"1", "msg": line})
        await until(lambda: keepalive(rig) == 7, "the change", 0.8)

    run(tmp_path, body)


def test_while_the_daemon_is_away_its_configuration_stays(
    tmp_path: Path, daemons: Callable[[], None]
) -> None:
    def sas(rig: Rig) -> list[int]:
        return [row.sas for row in rig.snapshot.configuration.static_sets]

    async def main() -> None:
        rig = Rig(tmp_path)
        async with rig.fake.running(), rig.following():
            assert rig.snapshot.configuration.enabled
            assert sas(rig) == [4]
            await rig.fake.stop()
            await until(lambda: not rig.snapshot.configuration.enabled, "that it is away")
            await until(lambda: sas(rig) == [0], "the end of its SAs")
            assert not rig.source.can_unload
            daemons()
            rig.fake.connections = []
            await rig.fake.start()
            await until(lambda: rig.snapshot.configuration.enabled, "that it is back")
            assert [row.name for row in rig.snapshot.configuration.static_sets] == ["site"]
            with pytest.raises(UnloadError, match="no command unload-conn"):
                await rig.source.unload("site")

    asyncio.run(main())


def test_counters_are_optional(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        assert rig.snapshot.totals.failures.no_sa is None
        await rig.polls()
        assert [name for name, _ in rig.fake.commands].count("get-counters") == 1

    run(tmp_path, body)


def test_counters(tmp_path: Path) -> None:
    async def main() -> None:
        rig = Rig(tmp_path)
        rig.fake.counters = encode({"counters": {"": {"invalid-spi": "4"}}})
        async with rig.fake.running(), rig.following():
            assert rig.snapshot.totals.failures.no_sa == 4

    asyncio.run(main())


SPI_IN = int(next(iter(ONE["site"]["child-sas"].values()))["spi-in"], 16)


def dump_of(*stats: tuple[int, int, int]) -> Dump:
    """What the kernel would say of the SA that both children of the rig have."""
    dump = Dump(netlink.SEQUENCE)
    local = ONE["site"]["local-host"].decode()
    dump.feed(b"".join(netlink.sa(local, spi=SPI_IN, stats=one) for one in stats))
    return dump


def with_kernel(rig: Rig, path: Path, read: Callable[[], Awaitable[Dump]]) -> None:
    statistics = path / "xfrm_stat"
    statistics.write_text("XfrmInNoStates\t6\n")
    rig.source = StrongSwanSource(
        rig.tracker,
        rig.fake.path,
        interval=0.05,
        min_interval=0.01,
        kernel=KernelSource(rig.tracker, read=read, statistics=statistics),
        patience=PATIENCE,
    )


def test_what_the_kernel_counts_comes_with_the_listings(tmp_path: Path) -> None:
    counts = [(1, 2, 3)]

    async def read() -> Dump:
        return dump_of(*counts)

    async def main() -> None:
        rig = Rig(tmp_path)
        with_kernel(rig, tmp_path, read)

        def seen() -> set[tuple[int | None, int | None]]:
            return {
                (traffic.in_replay_drops, traffic.in_auth_fails)
                for traffic in (tunnel.traffic for tunnel in rig.snapshot.ipsec_tunnels)
            }

        async with rig.fake.running(), rig.following():
            await until(lambda: seen() == {(3, 3)}, "the counts")
            await until(lambda: rig.snapshot.totals.ipsec_failures.no_sa == 6, "failures")
            counts[:] = [(1, 2, 9)]
            await until(lambda: seen() == {(3, 9)}, "more of them")
            assert rig.snapshot.totals.ipsec.in_auth_fails == 2 * 9
            counts.clear()  # the SA has gone, and charon has not said so yet
            await rig.polls()
            assert seen() == {(3, 9)}
            rig.fake.sas = []
            await until(lambda: rig.rows == 0, "the end")
            assert rig.snapshot.totals.ipsec.in_auth_fails == 2 * 9

    asyncio.run(main())


def test_a_kernel_that_hangs_does_not_hold_up_the_listings(tmp_path: Path) -> None:
    asked = 0

    async def read() -> Dump:
        nonlocal asked
        asked += 1
        await asyncio.Event().wait()
        raise AssertionError

    async def main() -> None:
        rig = Rig(tmp_path)
        with_kernel(rig, tmp_path, read)
        async with rig.fake.running(), rig.following():
            await rig.polls(4)
            assert rig.rows == 2
            assert asked == 1
        others = asyncio.all_tasks() - {asyncio.current_task()}
        assert not others

    asyncio.run(main())


def test_a_kernel_that_refuses_leaves_the_counts_absent(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def read() -> Dump:
        raise XfrmError("Operation not permitted", 1)

    async def main() -> None:
        rig = Rig(tmp_path)
        with_kernel(rig, tmp_path, read)
        async with rig.fake.running(), rig.following():
            await rig.polls(4)
            assert {t.traffic.in_replay_drops for t in rig.snapshot.ipsec_tunnels} == {None}
            assert rig.snapshot.totals.ipsec_failures == IpsecFailures()

    asyncio.run(main())
    assert caplog.text.count("CAP_NET_ADMIN") == 1


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("ike", {"ike-id": b"2", "force": b"yes"}), ("ipsec", {"child-id": b"2"})],
)
def test_a_tunnel_is_terminated_by_the_ids_of_its_sas(
    tmp_path: Path, kind: str, expected: dict[str, bytes]
) -> None:
    async def body(rig: Rig) -> None:
        rig.fake.terminate = {"success": b"yes"}
        await until(lambda: rig.source.can_terminate, "the daemon")
        end = rig.source.terminate_ike if kind == "ike" else rig.source.terminate_ipsec
        await end(2)
        await end(3)  # there is no such tunnel
        (arguments,) = [given for name, given in rig.fake.commands if name == "terminate"]
        assert expected.items() <= arguments.items()

    run(tmp_path, body)


def test_nothing_can_be_terminated_without_a_daemon(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        await rig.fake.stop()
        await until(lambda: not rig.source.can_terminate, "the loss")
        # Until it is noticed, a tunnel may still be there whose daemon is not.
        rig.tracker.saw(0.0, IKE_SA)
        with pytest.raises(TerminateError, match="No such file or directory"):
            await rig.source.terminate_ike(3)
        await rig.fake.start()

    run(tmp_path, body)


def test_many_sas_do_not_stall_the_loop(tmp_path: Path) -> None:
    async def main() -> None:
        rig = Rig(tmp_path)
        rig.source = StrongSwanSource(rig.tracker, rig.fake.path, patience=60)
        rig.fake.sas = [sa(number) for number in range(1, 1001)]
        turns = 0

        async def count_turns() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        async with rig.fake.running():
            counter = asyncio.create_task(count_turns())
            async with rig.following():
                counter.cancel()
                assert rig.rows == 1000
                assert turns > 1000 / 64

    asyncio.run(main())


def test_a_malformed_sa_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def body(rig: Rig) -> None:
        rig.fake.sas = [*rig.fake.sas, {"bad": {**sa(3)["site"], "version": b"two"}}]
        await until(lambda: "left out" in caplog.text, "the complaint")
        await rig.polls()
        assert rig.rows == 2

    run(tmp_path, body)
    assert caplog.text.count("version=b'two'") == 1


def test_certificates_are_asked_for_where_they_matter(tmp_path: Path) -> None:
    def asked(rig: Rig) -> int:
        return sum(name == "list-certs" for name, _ in rig.fake.commands)

    async def body(rig: Rig) -> None:
        await rig.polls()
        assert not asked(rig)
        site = {**CONNECTION["site"], "local-1": {"class": b"public key"}}
        rig.fake.connections = [{"site": site}]
        rig.source.reload_configuration()
        # This daemon does not know the command, which is no matter.
        await until(lambda: asked(rig), "the question")
        await rig.polls()
        assert asked(rig) == 1
        assert rig.source.connected

    run(tmp_path, body)


def test_a_daemon_without_alerts(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)

    async def main() -> None:
        rig = Rig(tmp_path)
        rig.fake.unknown_events = {"alert"}
        async with rig.fake.running(), rig.following():
            await rig.polls()

    asyncio.run(main())
    assert not caplog.messages


@pytest.mark.parametrize("way", ["alert", "record"])
def test_failures_are_told_when_nothing_else_comes(tmp_path: Path, way: str) -> None:
    data = struct.pack(">i384s64s256s60s", 2, b"", b"site", b"them", b"192.0.2.7[500]")

    closed = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await reader.read()
        writer.close()
        closed.set()

    async def main() -> None:
        rig = Rig(tmp_path)
        rig.source = StrongSwanSource(
            rig.tracker, rig.fake.path, interval=60.0, error_notify=tmp_path / "enfy"
        )
        async with rig.fake.running(), rig.following():
            if way == "record":
                server = await asyncio.start_unix_server(serve, tmp_path / "enfy")
            else:
                about = {"uniqueid": b"99", "remote-host": b"192.0.2.7"}
                message = {"alert": b"local-auth-failed", "ike-sa": {"site": about}}
                rig.fake.event("alert", message)
            await until(lambda: rig.snapshot.past.ike_failures, "the failure")
        if way == "record":
            await closed.wait()
            server.close()
        (row,) = rig.snapshot.past.ike_failures
        assert row.content.remote_address == ipaddress.ip_address("192.0.2.7")
        assert row.content.local_identity == Identity.parse("10.9.0.1")

    asyncio.run(main())
