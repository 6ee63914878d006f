"""The kernel's own answers, and iproute2 as the witness.

Where no ESP is built into the kernel it still has SAs that wait for their keys ("larval"): IKE
daemons reserve an SPI that way, and so does ``ip xfrm state allocspi``. They have every field, but
have counted nothing. What counts and limits look like is therefore held against iproute2 on bytes
that were built: it reads those from a file as it reads the kernel.
"""

from __future__ import annotations

import asyncio
import errno
import os
import re
import struct
import subprocess
import sys
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from datasource.model import EncapsulationMode, Mark
from datasource.xfrm.codec import AH, ESP, IPCOMP, Dump, KernelSa, SaId, XfrmError
from datasource.xfrm.link import read_sas
from datasource.xfrm.source import STATISTICS
from datasource.xfrm.statistics import failures, parse
from tests import netlink
from tests.netns import inside, ip, namespace
from tests.tools import requires_tool

ROOT = Path(__file__).parents[2]
PROTOCOLS = {"esp": ESP, "ah": AH, "comp": IPCOMP}
# What "ip -s -s xfrm" prints of an SA.
WHO = r"src (\S+) dst (\S+)\s+proto (\w+) spi 0x(\w+)\(\d+\) reqid (\d+)\(\w+\) mode (\w+)"
LIMITS = r"soft (\S+)\({0}\), hard (\S+)\({0}\)"
COUNTED = r"lifetime current:\s+(\d+)\(bytes\), (\d+)\(packets\)"
STATS = r"stats:\s+replay-window (\d+) replay (\d+) failed (\d+)"
MARK = r"\tmark 0x(\w+)/0x(\w+)"
IF_ID = r"\tif_id 0x(\w+)"


def printed(text: str) -> list[KernelSa]:
    """Read what iproute2 has printed."""
    return [sa_of(block) for block in re.split(r"^(?=src )", text, flags=re.MULTILINE)[1:]]


def sa_of(block: str) -> KernelSa:
    def words(pattern: str) -> tuple[str, ...]:
        found = re.search(pattern, block)
        assert found is not None, f"{pattern} in {block}"
        return found.groups()

    def limits(unit: str) -> tuple[int | None, ...]:
        return tuple(None if word == "(INF)" else int(word) for word in words(LIMITS.format(unit)))

    source, destination, protocol, spi, reqid, mode = words(WHO)
    octets, packets = map(int, words(COUNTED))
    soft_octets, hard_octets = limits("bytes")
    soft_packets, hard_packets = limits("packets")
    replay_window, replay, failed = map(int, words(STATS))
    return KernelSa(
        id=SaId(ip_address(destination), int(spi, 16), PROTOCOLS[protocol]),
        source=ip_address(source),
        reqid=int(reqid),
        mode=EncapsulationMode[mode.upper()],
        octets=octets,
        packets=packets,
        soft_octets=soft_octets,
        hard_octets=hard_octets,
        soft_packets=soft_packets,
        hard_packets=hard_packets,
        replay_window=replay_window,
        replay=replay,
        integrity_failed=failed,
        mark=Mark(*(int(word, 16) for word in words(MARK))) if "\tmark" in block else None,
        if_id=int(words(IF_ID)[0], 16) if "\tif_id" in block else None,
    )


def by_id(sas: list[KernelSa]) -> list[KernelSa]:
    return sorted(sas, key=lambda sa: (sa.id.protocol, sa.id.spi))


# Bytes ------------------------------------------------------------------------------------------

KEY = netlink.attribute(2, b"cbc(aes)".ljust(64, b"\0") + struct.pack("=I", 128) + bytes(16))
AUTH = netlink.attribute(
    20, b"hmac(sha256)".ljust(64, b"\0") + struct.pack("=II", 256, 128) + bytes(32)
)
MARKED = netlink.attribute(21, struct.pack("=II", 0xABC, 0xFFF))
INTERFACE = netlink.attribute(31, struct.pack("=I", 0x99))


@pytest.mark.parametrize(
    "fields",
    [
        {"octets": 2**50, "packets": 2**40, "stats": (4, 5, 2**32 - 1)},
        {"limits": (1000, 2000, 30, 40), "stats": (1, 2, 3), "attributes": (AUTH, KEY)},
        {"attributes": (AUTH, KEY, MARKED, INTERFACE), "reqid": 77},
        {"attributes": (MARKED,), "mode": 4},
        {"attributes": (INTERFACE, KEY), "protocol": 108, "spi": 0xCAFE},
        {
            "destination": "2001:db8::1",
            "source": "2001:db8::2",
            "protocol": 51,
            "mode": 0,
            "limits": (2**63, 2**64 - 2, 2**64 - 1, 0),
            "stats": (9, 0, 8),
        },
    ],
)
def test_iproute2_reads_the_same_bytes_alike(tmp_path: Path, fields: dict[str, Any]) -> None:
    built = netlink.sa(**fields)
    (tmp_path / "messages").write_bytes(built)
    shown = subprocess.run(
        (requires_tool("ip"), "-s", "-s", "xfrm", "monitor", "file", str(tmp_path / "messages")),
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )
    dump = Dump(netlink.SEQUENCE)
    dump.feed(built)
    assert printed(shown.stdout) == list(dump.sas.values())


# The kernel -------------------------------------------------------------------------------------


@pytest.fixture
def netns() -> Iterator[str]:
    with namespace() as name:
        yield name


def dumped(name: str) -> Dump:
    async def read() -> Dump:
        return await read_sas()

    with inside(name):
        return asyncio.run(read())


def reserve(name: str, *arguments: str, spi: int) -> None:
    """Make an SA that waits for its keys."""
    ip(name, "xfrm", "state", "allocspi", *arguments, "min", hex(spi), "max", hex(spi))


def test_a_kernel_without_sas(netns: str) -> None:
    dump = dumped(netns)
    assert dump.sas == {}
    assert dump.done


def test_sas_of_the_kernel_are_those_that_iproute2_shows(netns: str) -> None:
    v4 = ("src", "198.51.100.2", "dst", "192.0.2.1")
    v6 = ("src", "2001:db8::2", "dst", "2001:db8::1")
    reserve(netns, *v4, "proto", "esp", "mode", "tunnel", "reqid", "77", spi=0xC0FFEE01)
    reserve(netns, *v6, "proto", "ah", "mode", "transport", "reqid", "4294967295", spi=0x1001)
    reserve(netns, *v4, "proto", "comp", "mode", "tunnel", "reqid", "79", spi=0xCAFE)
    marked = ("mode", "beet", "mark", "5", "mask", "0xff")
    reserve(netns, *v6, "proto", "esp", *marked, spi=0x1002)
    dump = dumped(netns)
    shown = printed(ip(netns, "-s", "-s", "xfrm", "state"))
    assert by_id(list(dump.sas.values())) == by_id(shown)
    found = dump.sas[SaId(ip_address("192.0.2.1"), 0xC0FFEE01, ESP)]
    assert (found.reqid, found.mode) == (77, EncapsulationMode.TUNNEL)
    assert dump.sas[SaId(ip_address("2001:db8::1"), 0x1002, ESP)].mark == Mark(5, 0xFF)


def test_an_answer_of_many_datagrams(netns: str, tmp_path: Path) -> None:
    count = 500
    line = (
        "xfrm state allocspi src 198.51.100.2 dst 192.0.2.1 proto esp mode tunnel"
        " min {0:#x} max {0:#x}\n"
    )
    (tmp_path / "batch").write_text("".join(line.format(0x1000 + n) for n in range(count)))
    ip(netns, "-batch", str(tmp_path / "batch"))
    dump = dumped(netns)
    assert {sa_id.spi for sa_id in dump.sas} == set(range(0x1000, 0x1000 + count))
    assert f"SAD count {count}" in ip(netns, "xfrm", "state", "count")
    assert not dump.interrupted


READ_SAS = """
import asyncio
from datasource.xfrm.codec import XfrmError
from datasource.xfrm.link import read_sas
try:
    asyncio.run(read_sas())
except XfrmError as error:
    print(error.errno, error)
"""


def test_without_cap_net_admin_the_kernel_refuses() -> None:
    command: tuple[str, ...] = (sys.executable, "-c", READ_SAS)
    if os.geteuid() == 0:
        command = (requires_tool("setpriv"), "--bounding-set", "-net_admin", *command)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=20)
    assert done.stdout == f"{errno.EPERM} Operation not permitted\n"


def test_se05_of_all_that_root_may_cap_net_admin_is_enough(netns: str) -> None:
    there = (requires_tool("ip"), "netns", "exec", netns)
    only = (requires_tool("setpriv"), "--bounding-set", "-all,+net_admin")
    done = subprocess.run(
        (*there, *only, sys.executable, "-c", READ_SAS),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )
    assert done.stdout == ""


def test_a_socket_that_is_not_of_this_kernel_is_an_error_of_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("socket.NETLINK_XFRM", 31)
    with pytest.raises(XfrmError, match="Protocol not supported") as caught:
        asyncio.run(read_sas())
    assert caught.value.errno == errno.EPROTONOSUPPORT


def statistics(name: str) -> dict[str, int]:
    with inside(name):
        return parse(STATISTICS.read_text("ascii"))


def test_statistics_of_the_kernel(netns: str) -> None:
    before = statistics(netns)
    assert set(before.values()) == {0}
    assert failures(before).no_sa == 0
    assert failures(before).protocol_use == 0
    assert failures(before).system_capacity == 0
    link, peer = f"{netns}a", f"{netns}b"
    ip(netns, "link", "add", "name", link, "type", "veth", "peer", "name", peer)
    for device in (link, peer):
        ip(netns, "link", "set", device, "up")
    ip(netns, "addr", "add", "192.0.2.1/24", "dev", link)
    ip(netns, "xfrm", "policy", "add", "dst", "192.0.2.9/32", "dir", "out", "action", "block")
    ping = (requires_tool("ping"), "-c", "3", "-i", "0.01", "-W", "0.1", "192.0.2.9")
    command = (requires_tool("ip"), "netns", "exec", netns, *ping)
    subprocess.run(command, capture_output=True, check=False, timeout=20)
    after = statistics(netns)
    grown = {name: count for name, count in after.items() if count}
    assert grown.keys() == {"XfrmOutPolBlock"}
    assert failures(after) == failures(before)
