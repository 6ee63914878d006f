from __future__ import annotations

import contextlib
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasource.model import TrafficSelector
from datasource.strongswan.selector import parse_selector


@pytest.mark.parametrize(
    ("text", "first", "last", "rest"),
    [
        ("10.0.0.0/24", "10.0.0.0", "10.0.0.255", (0, 0, 65535)),
        ("10.0.0.7/32", "10.0.0.7", "10.0.0.7", (0, 0, 65535)),
        ("10.0.0.7", "10.0.0.7", "10.0.0.7", (0, 0, 65535)),
        ("0.0.0.0/0", "0.0.0.0", "255.255.255.255", (0, 0, 65535)),
        ("10.0.0.3..10.0.0.9", "10.0.0.3", "10.0.0.9", (0, 0, 65535)),
        ("10.0.0.0/24[tcp/443]", "10.0.0.0", "10.0.0.255", (6, 443, 443)),
        ("10.0.0.1/32[tcp/https]", "10.0.0.1", "10.0.0.1", (6, 443, 443)),
        ("10.0.0.1/32[udp/netbios-ns]", "10.0.0.1", "10.0.0.1", (17, 137, 137)),
        ("10.0.0.1/32[udp]", "10.0.0.1", "10.0.0.1", (17, 0, 65535)),
        ("10.0.0.1/32[17/0-1023]", "10.0.0.1", "10.0.0.1", (17, 0, 1023)),
        ("10.0.0.1/32[143]", "10.0.0.1", "10.0.0.1", (143, 0, 65535)),
        ("10.0.0.1/32[1000-2000]", "10.0.0.1", "10.0.0.1", (0, 1000, 2000)),
        ("10.0.0.1/32[0/5000]", "10.0.0.1", "10.0.0.1", (0, 5000, 5000)),
        ("10.0.0.1/32[https]", "10.0.0.1", "10.0.0.1", (0, 443, 443)),
        ("10.0.0.1/32[icmp/8]", "10.0.0.1", "10.0.0.1", (1, 2048, 2048)),
        ("10.0.0.1/32[icmp/3(1)]", "10.0.0.1", "10.0.0.1", (1, 769, 769)),
        ("::/0[ipv6-icmp/128-129(5)]", "::", "ffff" + ":ffff" * 7, (58, 32768, 33029)),
        ("2001:db8::/64[sctp/OPAQUE]", "2001:db8::", "2001:db8::ffff:ffff:ffff:ffff",
         (132, 0, 65535)),
        ("fd00::1..fd00::5", "fd00::1", "fd00::5", (0, 0, 65535)),
        ("dynamic[tcp]", "0.0.0.0", "255.255.255.255", (6, 0, 65535)),
    ],
)  # fmt: skip
def test_what_strongswan_prints(
    text: str, first: str, last: str, rest: tuple[int, int, int]
) -> None:
    assert parse_selector(text) == TrafficSelector(ip_address(first), ip_address(last), *rest)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "10.0.0.0/33",
        "10.0.0.9..10.0.0.3",
        "10.0.0.9..::1",
        "10.0.0.0/24[",
        "10.0.0.0/24[]",
        "10.0.0.0/24[tcp/70000]",
        "10.0.0.0/24[tcp/9-3]",
        "10.0.0.0/24[256/3]",
        "10.0.0.0/24[no-such-protocol/3]",
        "10.0.0.0/24[tcp/no-such-service]",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the standard library's own messages
        parse_selector(text)


@given(st.text(alphabet="0123456789abcdef:./[]-()tcpudp", max_size=30))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    with contextlib.suppress(ValueError):
        parse_selector(text)
