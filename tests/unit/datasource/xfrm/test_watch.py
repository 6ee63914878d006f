from __future__ import annotations

from ipaddress import ip_address

from datasource.xfrm.codec import ESP, Dump, SaId
from datasource.xfrm.watch import IntegrityFailed, KernelWatch, NoSaFound
from tests.netlink import INTERRUPTED, MULTI, SEQUENCE, done, sa

LOCAL, PEER = ip_address("192.0.2.1"), ip_address("198.51.100.2")


def dump(*, interrupted: bool = False, **failed: int) -> Dump:
    """A dump of SAs by SPI, as spi1=3: it has failed thrice."""
    made = Dump(SEQUENCE)
    flags = MULTI | INTERRUPTED if interrupted else MULTI
    for name, count in failed.items():
        made.feed(sa(spi=int(name.removeprefix("spi")), stats=(0, 0, count), flags=flags))
    made.feed(done())
    return made


def test_what_is_seen_first_is_not_news() -> None:
    watch = KernelWatch()
    assert watch.update(dump(spi1=5), 7) == ()
    assert watch.update(dump(spi1=5, spi2=9), 7) == ()


def test_what_grew_is_told_once() -> None:
    watch = KernelWatch()
    watch.update(dump(spi1=5, spi2=0, spi3=1), 7)
    assert watch.update(dump(spi1=8, spi2=1, spi3=1), 9) == (
        IntegrityFailed(SaId(LOCAL, 1, ESP), PEER, 3),
        IntegrityFailed(SaId(LOCAL, 2, ESP), PEER, 1),
        NoSaFound(2),
    )
    assert watch.update(dump(spi1=8, spi2=1, spi3=1), 9) == ()


def test_a_count_that_fell_begins_anew() -> None:
    watch = KernelWatch()
    watch.update(dump(spi1=5), 7)
    assert watch.update(dump(spi1=0), 0) == ()
    assert watch.update(dump(spi1=1), 1) == (
        IntegrityFailed(SaId(LOCAL, 1, ESP), PEER, 1),
        NoSaFound(1),
    )


def test_an_sa_that_is_gone_is_forgotten() -> None:
    watch = KernelWatch()
    watch.update(dump(spi1=5), None)
    watch.update(dump(), None)
    assert watch.update(dump(spi1=6), None) == ()


def test_an_sa_that_is_missing_from_an_interrupted_dump_is_not() -> None:
    watch = KernelWatch()
    watch.update(dump(spi1=5, spi2=0), None)
    watch.update(dump(spi2=0, interrupted=True), None)
    assert watch.update(dump(spi1=6, spi2=0), None) == (
        IntegrityFailed(SaId(LOCAL, 1, ESP), PEER, 1),
    )


def test_statistics_that_cannot_be_read_for_a_while() -> None:
    watch = KernelWatch()
    watch.update(dump(), 7)
    assert watch.update(dump(), None) == ()
    assert watch.update(dump(), 8) == (NoSaFound(1),)
