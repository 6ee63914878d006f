from __future__ import annotations

import errno
import struct
from ipaddress import ip_address

import pytest

from datasource.errors import DataSourceError
from datasource.model import EncapsulationMode, Mark
from datasource.xfrm.codec import AH, ESP, IPCOMP, Dump, KernelSa, SaId, XfrmError, request
from tests.netlink import INTERRUPTED, MULTI, SEQUENCE, attribute, done, error, message, sa

KEY = b"a key that nobody may keep"
ALGORITHM = attribute(2, b"cbc(aes)".ljust(64, b"\0") + struct.pack("=I", 8 * len(KEY)) + KEY)


def read(*datagrams: bytes) -> Dump:
    dump = Dump(SEQUENCE)
    for datagram in datagrams:
        dump.feed(datagram)
    return dump


def only(*datagrams: bytes) -> KernelSa:
    (found,) = read(*datagrams).sas.values()
    return found


def test_the_request_asks_for_all_sas() -> None:
    # nlmsghdr: length, XFRM_MSG_GETSA, NLM_F_REQUEST | NLM_F_DUMP, sequence, port
    assert request(7) == struct.pack("=IHHII", 16, 0x12, 0x301, 7, 0)


def test_every_field_of_an_sa() -> None:
    attributes = (
        ALGORITHM,
        attribute(21, struct.pack("=II", 5, 0xFF)),
        attribute(31, struct.pack("=I", 0x99)),
    )
    datagram = sa(
        spi=0xC0FFEE01,
        reqid=77,
        limits=(1000, 2000, 30, 40),
        octets=2**40,
        packets=2**33,
        stats=(4, 5, 6),
        attributes=attributes,
    )
    assert only(datagram) == KernelSa(
        id=SaId(ip_address("192.0.2.1"), 0xC0FFEE01, ESP),
        source=ip_address("198.51.100.2"),
        reqid=77,
        mode=EncapsulationMode.TUNNEL,
        octets=2**40,
        packets=2**33,
        soft_octets=1000,
        hard_octets=2000,
        soft_packets=30,
        hard_packets=40,
        replay_window=4,
        replay=5,
        integrity_failed=6,
        mark=Mark(5, 0xFF),
        if_id=0x99,
    )


def test_what_an_sa_does_not_have() -> None:
    found = only(sa("2001:db8::1", "2001:db8::2", protocol=AH, mode=0))
    assert found.id.destination == ip_address("2001:db8::1")
    assert found.source == ip_address("2001:db8::2")
    assert (found.id.protocol, found.mode) == (AH, EncapsulationMode.TRANSPORT)
    limits = (found.soft_octets, found.hard_octets, found.soft_packets, found.hard_packets)
    assert limits == (None,) * 4
    assert (found.mark, found.if_id) == (None, None)


@pytest.mark.parametrize(
    ("number", "mode"), [(1, EncapsulationMode.TUNNEL), (4, EncapsulationMode.BEET), (2, None)]
)
def test_modes(number: int, mode: EncapsulationMode | None) -> None:
    assert only(sa(protocol=IPCOMP, mode=number)).mode is mode


def test_keys_are_not_kept() -> None:
    dump = read(sa(attributes=(ALGORITHM,)))
    assert len(dump.sas) == 1
    assert KEY.decode() not in repr(list(dump.sas.values()))


def test_an_answer_ends_with_its_last_message() -> None:
    parts = (sa(spi=1) + sa(spi=2), sa(spi=3), done() + sa(spi=4))
    assert [read(*parts[:count]).done for count in range(4)] == [False, False, False, True]
    assert [sa_id.spi for sa_id in read(*parts).sas] == [1, 2, 3]


def test_an_answer_of_one_message() -> None:
    assert read(sa(flags=0)).done


def test_no_sas() -> None:
    assert (read(done()).sas, read(done()).done) == ({}, True)


def test_an_interrupted_answer_says_so() -> None:
    assert not read(sa(), done()).interrupted
    assert read(sa(flags=MULTI | INTERRUPTED), done()).interrupted


def test_answers_to_others_are_left_out() -> None:
    stranger = message(0x10, b"not for us", sequence=SEQUENCE + 1)
    dump = read(stranger + sa())
    assert len(dump.sas) == 1
    assert not dump.done


@pytest.mark.parametrize(
    ("datagram", "number", "words"),
    [
        (error(-errno.EPERM), errno.EPERM, "Operation not permitted"),
        (done(-errno.ENOBUFS), errno.ENOBUFS, "No buffer space available"),
        (error(-(2**31)), 2**31, f"error {-(2**31)}"),
        (error(2**31 - 1), 1 - 2**31, f"error {2**31 - 1}"),
    ],
)
def test_what_the_kernel_refuses(datagram: bytes, number: int, words: str) -> None:
    with pytest.raises(XfrmError) as caught:
        read(datagram)
    assert (caught.value.errno, str(caught.value)) == (number, words)
    assert isinstance(caught.value, DataSourceError)


def test_an_error_of_0_is_an_acknowledgement() -> None:
    assert read(error(0)).done


@pytest.mark.parametrize(
    ("datagram", "words"),
    [
        (b"\0" * 15, "a message of 15 octets"),
        (struct.pack("=IHHII", 15, 0x10, MULTI, 1, 0), "a message of 15 octets in a datagram"),
        (struct.pack("=IHHII", 2**32 - 1, 0x10, MULTI, 1, 0), "of 4294967295 octets"),
        (sa()[:-4], "octets in a datagram that has 236"),
        (message(0x10, bytes(200)), "an SA of 200 octets"),
        (message(2, b"\0\0"), "an error of 2 octets"),
        (message(4, b""), "messages were lost"),
        (sa(attributes=(struct.pack("=HH", 3, 31),)), "an attribute of 3 octets where 4"),
        (sa(attributes=(struct.pack("=HH", 65535, 2),)), "an attribute of 65535 octets where 4"),
        (sa(attributes=(attribute(31, b"\0\0"), bytes(4))), "attribute 31 of 6 octets"),
        (message(0x10, bytes(224)), "an SA of the address family 0"),
    ],
)
def test_what_is_malformed(datagram: bytes, words: str) -> None:
    with pytest.raises(XfrmError) as caught:
        read(datagram)
    assert words in str(caught.value)
    assert caught.value.errno == 0
