from __future__ import annotations

import asyncio
import dataclasses
import errno
import logging
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from pathlib import Path

import pytest

from datasource.events import IpsecFailed
from datasource.failures import IpsecFailure
from datasource.model import ChildSa, IpsecFailures, SaState
from datasource.pacing import REST
from datasource.reasons import IpsecFailureReason
from datasource.tracker import Tracker
from datasource.xfrm.codec import Dump, XfrmError
from datasource.xfrm.source import KernelSource
from tests.netlink import SEQUENCE, done, sa
from tests.sas import CHILD, ike

LOCAL, PEER = ip_address("192.0.2.1"), ip_address("198.51.100.2")


class Rig:
    """A kernel of one SA, and a source that reads it."""

    def __init__(self, directory: Path) -> None:
        self.file = directory / "xfrm_stat"
        self.now = 100.0
        self.takes = 0.0
        self.refusal: XfrmError | None = None
        self.failed = 0
        self.reads = 0
        self.tracker = Tracker()
        self.source = KernelSource(
            self.tracker,
            read=self._read,
            statistics=self.file,
            clock=lambda: self.now,
        )
        self.say()

    def say(self, no_sa: int = 0, header: int = 0, buffer: int = 0) -> None:
        self.file.write_text(
            f"XfrmInNoStates\t{no_sa}\nXfrmInHdrError\t{header}\nXfrmInBufferError\t{buffer}\n"
        )

    async def _read(self) -> Dump:
        self.reads += 1
        await asyncio.sleep(0)
        self.now += self.takes
        if self.refusal is not None:
            raise self.refusal
        dump = Dump(SEQUENCE)
        dump.feed(sa(spi=1, stats=(0, 0, self.failed)) + done())
        return dump

    async def poll(self) -> None:
        """Begin a reading, and wait for its end."""
        self.source.poll()
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})

    def match(self) -> None:
        """Say that an SA of the daemon is this kernel's."""
        assert self.source.sas.find(LOCAL, 1, "ESP") is not None

    @property
    def failures(self) -> IpsecFailures:
        return self.tracker.snapshot(0).totals.ipsec_failures


def run(directory: Path, body: Callable[[Rig], Awaitable[None]]) -> None:
    async def main() -> None:
        await body(Rig(directory))

    asyncio.run(main())


def test_sas_are_there_after_a_reading(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        rig.failed = 3
        await rig.poll()
        found = rig.source.sas.find(LOCAL, 1, "ESP")
        assert found is not None
        assert found.integrity_failed == 3

    run(tmp_path, body)


def test_failures_are_told_as_they_stand_once_an_sa_matched(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        rig.say(no_sa=6)
        await rig.poll()
        await rig.poll()
        assert rig.failures == IpsecFailures()
        rig.match()
        await rig.poll()
        assert rig.failures == IpsecFailures(protocol_use=0, no_sa=6, system_capacity=0)
        rig.say(no_sa=8, header=1, buffer=2)
        await rig.poll()
        assert rig.failures == IpsecFailures(protocol_use=1, no_sa=8, system_capacity=2)

    run(tmp_path, body)


def test_failures_never_fall(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        await rig.poll()
        rig.match()
        for told, expected in ((6, 6), (2, 6), (3, 7)):
            rig.say(no_sa=told)
            await rig.poll()
            assert rig.failures.no_sa == expected

    run(tmp_path, body)


def test_others_may_count_the_same_failures(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        await rig.poll()
        rig.match()
        await rig.poll()
        rig.tracker.count_ipsec_failure("system_capacity")
        rig.say(buffer=2)
        await rig.poll()
        assert rig.failures.system_capacity == 3

    run(tmp_path, body)


def test_nothing_new_changes_nothing(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        await rig.poll()
        rig.match()
        await rig.poll()
        before = rig.tracker.revision
        await rig.poll()
        assert rig.reads == 3
        assert rig.tracker.revision == before

    run(tmp_path, body)


def failed(rig: Rig) -> list[IpsecFailure]:
    return [event.failure for event in rig.tracker.take_events() if isinstance(event, IpsecFailed)]


def test_what_failed_is_told_once_an_sa_matched(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        parameters = dataclasses.replace(CHILD, spi_in=1)
        rig.tracker.saw(rig.now, ike(ChildSa(1, SaState.ACTIVE, 0, parameters)))
        rig.failed = 3
        await rig.poll()
        rig.failed = 4
        await rig.poll()
        rig.match()
        assert failed(rig) == []
        rig.failed = 6
        rig.say(no_sa=1)
        await rig.poll()
        await rig.poll()
        of_sa, without = failed(rig)
        assert of_sa.reason is IpsecFailureReason.IN_AUTHENTICATION
        assert (of_sa.tunnel_index, of_sa.spi, of_sa.source, of_sa.destination) == (
            *(1, 1),
            *(PEER, LOCAL),
        )
        assert without == IpsecFailure(rig.now, IpsecFailureReason.NO_SA)

    run(tmp_path, body)


def test_an_sa_of_somebody_else_is_not_told_of(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        await rig.poll()
        rig.match()
        rig.failed = 6
        await rig.poll()
        assert failed(rig) == []

    run(tmp_path, body)


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.EPERM, "CAP_NET_ADMIN, or set source.strongswan.kernel"),
        (errno.EAFNOSUPPORT, "AF_NETLINK, or set source.strongswan.kernel"),
        (errno.EPROTONOSUPPORT, "without XFRM"),
        (0, "absent: a reason"),
    ],
)
def test_a_refusal_is_one_line_and_the_return_another(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, number: int, advice: str
) -> None:
    caplog.set_level(logging.INFO)

    async def body(rig: Rig) -> None:
        await rig.poll()
        rig.match()
        assert not caplog.records
        rig.refusal = XfrmError("a reason", number)
        await rig.poll()
        await rig.poll()
        rig.refusal = None
        rig.failed = 2
        await rig.poll()
        await rig.poll()
        found = rig.source.sas.find(LOCAL, 1, "ESP")
        assert found is not None
        assert found.integrity_failed == 2

    run(tmp_path, body)
    lost, back = [record.getMessage() for record in caplog.records]
    assert lost.startswith("the kernel's counters of SAs are absent: a reason")
    assert advice in lost
    assert back == "the kernel's counters of SAs are there again"


@pytest.mark.parametrize("text", [None, "nonsense\n"])
def test_without_statistics_the_sas_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str | None
) -> None:
    caplog.set_level(logging.INFO)

    async def body(rig: Rig) -> None:
        if text is None:
            rig.file.unlink()
        else:
            rig.file.write_text(text)
        await rig.poll()
        rig.match()
        await rig.poll()
        assert rig.failures == IpsecFailures()
        rig.say(no_sa=4)
        await rig.poll()
        assert rig.failures.no_sa == 4

    run(tmp_path, body)
    lost, back = [record.getMessage() for record in caplog.records]
    assert lost.startswith("the kernel's counts of failures are absent: ")
    assert ("xfrm_stat: No such file or directory" in lost) == (text is None)
    assert back == "the kernel's counts of failures are there again"


def test_only_one_reading_at_a_time_and_then_a_rest(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        rig.takes = 2.0
        rig.source.poll()
        rig.source.poll()
        await rig.poll()
        assert rig.reads == 1
        rig.now += REST * rig.takes - 0.1
        await rig.poll()
        assert rig.reads == 1
        rig.now += 0.2
        await rig.poll()
        assert rig.reads == 2

    run(tmp_path, body)


def test_a_reading_that_is_under_way_can_be_ended(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        await rig.source.close()
        rig.source.poll()
        await asyncio.sleep(0)
        await rig.source.close()
        assert rig.reads == 1
        assert len(asyncio.all_tasks()) == 1
        assert rig.source.sas.find(LOCAL, 1, "ESP") is None

    run(tmp_path, body)
