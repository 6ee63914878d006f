from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Iterator

import pytest

from datasource.xfrm.codec import Dump, XfrmError, request
from datasource.xfrm.link import read_sas
from tests.netlink import SEQUENCE, done, error, sa


class Kernel:
    """The other end of a socket."""

    def __init__(self) -> None:
        self.ours, self.its = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.ours.setblocking(False)

    def answered(self, *datagrams: bytes, patience: float = 10.0) -> Dump:
        for datagram in datagrams:
            self.its.send(datagram)
        return asyncio.run(read_sas(patience, lambda: self.ours))


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    made = Kernel()
    yield made
    made.ours.close()
    made.its.close()


def test_a_dump_is_asked_for_and_read_to_its_end(kernel: Kernel) -> None:
    dump = kernel.answered(sa(spi=1) + sa(spi=2), sa(spi=3), done())
    assert kernel.its.recv(100) == request(SEQUENCE)
    assert dump.done
    assert [sa_id.spi for sa_id in dump.sas] == [1, 2, 3]
    assert kernel.ours.fileno() == -1  # closed


def test_others_have_a_turn_after_each_datagram(kernel: Kernel) -> None:
    turns = 0

    async def main() -> None:
        nonlocal turns
        reading = asyncio.create_task(read_sas(10.0, lambda: kernel.ours))
        while not reading.done():
            turns += 1
            await asyncio.sleep(0)

    for number in range(50):
        kernel.its.send(sa(spi=number + 1))
    kernel.its.send(done())
    asyncio.run(main())
    assert turns >= 50


def test_a_refusal(kernel: Kernel) -> None:
    with pytest.raises(XfrmError, match="Operation not permitted") as caught:
        kernel.answered(error(-errno.EPERM))
    assert caught.value.errno == errno.EPERM
    assert kernel.ours.fileno() == -1


def test_a_datagram_that_was_cut(kernel: Kernel) -> None:
    with pytest.raises(XfrmError, match="a message of"):
        kernel.answered(sa()[:-4])


def test_an_answer_without_an_end(kernel: Kernel) -> None:
    with pytest.raises(XfrmError, match=r"no end within 0\.05 s"):
        kernel.answered(sa(), patience=0.05)


@pytest.mark.parametrize("number", [errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT])
def test_no_socket(number: int) -> None:
    def refuse() -> socket.socket:
        raise OSError(number, "words of the system")

    with pytest.raises(XfrmError) as caught:
        asyncio.run(read_sas(10.0, refuse))
    assert caught.value.errno == number
