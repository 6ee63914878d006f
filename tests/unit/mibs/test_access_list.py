"""mibs.access_list: flows as entries of an access list."""

from __future__ import annotations

import pytest

from datasource.model import Endpoint
from datasource.strongswan.selector import parse_selector
from mibs.access_list import access_list_entry


@pytest.mark.parametrize(
    ("local", "remote", "entry"),
    [
        ("10.1.0.0/16", "10.2.0.0/16", "ip 10.1.0.0 0.0.255.255 10.2.0.0 0.0.255.255"),
        ("10.1.0.0/23", "10.2.0.128/25", "ip 10.1.0.0 0.0.1.255 10.2.0.128 0.0.0.127"),
        ("192.0.2.1/32", "0.0.0.0/0", "ip host 192.0.2.1 any"),
        ("0.0.0.0/0", "0.0.0.0/0", "ip any any"),
        ("10.0.0.1..10.0.0.9", "10.2.0.7/32", "ip range 10.0.0.1 10.0.0.9 host 10.2.0.7"),
        ("0.0.0.0/0[tcp]", "10.2.0.7/32[tcp/443]", "tcp any host 10.2.0.7 eq 443"),
        (
            "10.1.0.0/24[udp/1024-65535]",
            "0.0.0.0/0[udp/53]",
            "udp 10.1.0.0 0.0.0.255 range 1024 65535 any eq 53",
        ),
        ("10.1.0.0/24[gre]", "0.0.0.0/0[gre]", "gre 10.1.0.0 0.0.0.255 any"),
        ("10.1.0.0/24[ah]", "0.0.0.0/0", "ahp 10.1.0.0 0.0.0.255 any"),
        ("0.0.0.0/0", "10.1.0.0/24[115]", "115 any 10.1.0.0 0.0.0.255"),
        ("0.0.0.0/0[icmp]", "0.0.0.0/0[icmp]", "icmp any any"),
        ("0.0.0.0/0[icmp/8(0)]", "0.0.0.0/0[icmp]", "icmp any any 8 0"),
        ("0.0.0.0/0[icmp]", "0.0.0.0/0[icmp/3(1)]", "icmp any any 3 1"),
        ("0.0.0.0/0[icmp/8(0)-8(255)]", "0.0.0.0/0[icmp]", "icmp any any 8"),
        ("::/0[ipv6-icmp/128(0)-129(0)]", "::/0", "icmp any any range 128/0 129/0"),
        ("2001:db8::/32", "2001:db8:1::a/128", "ipv6 2001:DB8::/32 host 2001:DB8:1::A"),
        ("::/0", "2001:db8::1..2001:db8::5", "ipv6 any range 2001:DB8::1 2001:DB8::5"),
        ("::/0[sctp/9]", "2001:db8::/64", "sctp any eq 9 2001:DB8::/64"),
    ],
)
def test_an_entry(local: str, remote: str, entry: str) -> None:
    flow = Endpoint(parse_selector(local), parse_selector(remote))
    assert access_list_entry("net", flow) == f"access-list net permit {entry}"
