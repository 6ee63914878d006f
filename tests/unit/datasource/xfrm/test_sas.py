from __future__ import annotations

from ipaddress import ip_address

import pytest

from datasource.xfrm.codec import AH, ESP, IPCOMP, Dump
from datasource.xfrm.sas import KernelSas
from tests.netlink import SEQUENCE, sa

LOCAL = ip_address("192.0.2.1")


def having(*messages: bytes) -> KernelSas:
    dump = Dump(SEQUENCE)
    dump.feed(b"".join(messages))
    sas = KernelSas()
    sas.replace(dump.sas)
    return sas


def test_an_sa_is_found_by_destination_spi_and_protocol() -> None:
    sas = having(sa(spi=1, protocol=ESP, reqid=5), sa(spi=1, protocol=AH, reqid=6))
    assert not sas.matched
    for protocol, reqid in (("ESP", 5), ("AH", 6)):
        found = sas.find(LOCAL, 1, protocol)
        assert found is not None
        assert found.reqid == reqid
    assert sas.matched


@pytest.mark.parametrize(
    ("address", "spi", "protocol"),
    [("192.0.2.2", 1, "ESP"), ("192.0.2.1", 2, "ESP"), ("192.0.2.1", 1, "AH")],
)
def test_another_sa_is_not_found(address: str, spi: int, protocol: str) -> None:
    sas = having(sa(spi=1, protocol=ESP), sa(spi=9, protocol=IPCOMP))
    assert sas.find(ip_address(address), spi, protocol) is None
    assert not sas.matched


def test_a_match_is_remembered() -> None:
    sas = having(sa(spi=1))
    sas.find(LOCAL, 1, "ESP")
    sas.replace({})
    assert sas.find(LOCAL, 1, "ESP") is None
    assert sas.matched
