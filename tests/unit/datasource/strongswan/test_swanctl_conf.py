from __future__ import annotations

from typing import Any

import pytest

from datasource.errors import DataSourceError
from datasource.model import Proposal
from datasource.strongswan.fields import ConvertError
from datasource.strongswan.settings import Files
from datasource.strongswan.swanctl_conf import Declared, DeclaredChild, agrees, read_swanctl_conf
from tests.unit.datasource.strongswan.replay import encode

LISTED: dict[str, Any] = {
    "version": "IKEv2",
    "local_addrs": ["10.0.0.1", "10.0.0.7"],
    "remote_addrs": ["%any"],
    "local-1": {"class": "public key"},
    "remote-1": {"class": "EAP"},
    "remote-2": {"class": "XAuth"},
    "children": {"net": {}, "web": {}},
}
SAME = """
connections { site {
  version = 2
  local_addrs = 10.0.0.1,10.0.0.7
  local { auth = pubkey-sha256 }
  remote-2 { auth = xauth-pam }
  remote-1 { auth = eap-radius }
  children { web { } net { } }
} }
"""


def read(text: str) -> tuple[dict[str, Declared], list[str]]:
    problems: list[DataSourceError] = []
    files = Files(lambda _: text, lambda _: [])
    found = read_swanctl_conf("/etc/swanctl.conf", files, problems.append)
    return dict(found), [str(problem) for problem in problems]


def connection(lines: str) -> Declared:
    found, problems = read(f"connections {{ site {{\n{lines}\n}} }}")
    assert not problems
    return found["site"]


def child(lines: str) -> DeclaredChild:
    return connection(f"children {{ net {{\n{lines}\n}} }}").children["net"]


def test_they_agree() -> None:
    found, problems = read(SAME)
    assert not problems
    assert agrees(found["site"], encode(LISTED))


@pytest.mark.parametrize(
    "change",
    [
        {"version": "IKEv1"},
        {"local_addrs": ["10.0.0.7", "10.0.0.1"]},
        {"remote_addrs": ["10.0.0.2"]},
        {"local-1": {"class": "pre-shared key"}},
        {"remote-2": {}},
        {"remote-3": {"class": "EAP"}},
        {"children": {"net": {}}},
    ],
)
def test_they_do_not_agree(change: dict[str, Any]) -> None:
    found, _ = read(SAME)
    assert not agrees(found["site"], encode({**LISTED, **change}))


def test_a_malformed_connection() -> None:
    with pytest.raises(ConvertError):
        agrees(connection("version = 2"), {"version": b"IKEv2", "local_addrs": b"10.0.0.1"})


@pytest.mark.parametrize(
    ("lines", "ciphers", "uses_defaults"),
    [
        ("", [], True),
        ("proposals = default", [], True),
        ("proposals = Default, aes128-sha1-modp2048", ["AES_CBC"], True),
        ("proposals =", [], True),
        ("proposals = 3des-sha1-modp2048,aes128-sha1-modp2048", ["3DES_CBC", "AES_CBC"], False),
    ],
)
def test_proposals(lines: str, ciphers: list[str], uses_defaults: bool) -> None:
    declared = connection(lines)
    assert declared.proposals is not None
    assert [one.encryption for one in declared.proposals] == ciphers
    assert declared.uses_defaults is uses_defaults


def test_children() -> None:
    assert child("") == DeclaredChild((), True, None, None)
    assert child("esp_proposals = default") == DeclaredChild((), True, None, None)
    assert child("rekey_time = 0\nlife_time = 2 h") == DeclaredChild((), True, 0, 7200)
    assert child("rekey_time = 0x3C m").rekey_time == 3600
    both = child("esp_proposals = aes128-sha1-modp2048, null-md5\nah_proposals = sha1")
    assert both.transforms is not None
    assert not both.uses_defaults
    assert [(one.name, one.protocol, one.proposal) for one in both.transforms] == [
        ("site.net_1", "ESP", Proposal("AES_CBC", 128, "HMAC_SHA1_96", group="MODP_2048")),
        ("site.net_2", "ESP", Proposal("NULL", 0, "HMAC_MD5_96")),
        ("site.net_3", "AH", Proposal(integrity="HMAC_SHA1_96")),
    ]
    more = child("esp_proposals = 3des-md5, default")
    assert more.transforms is not None
    assert more.uses_defaults
    assert [one.proposal.encryption for one in more.transforms][:2] == ["3DES_CBC", "AES_CBC"]
    assert more.transforms[-1].proposal.encryption == "AES_GCM_16"


def test_an_unknown_algorithm_leaves_the_proposals_open() -> None:
    found, problems = read(
        "connections { site { proposals = aes128-rot13-modp2048\n"
        "children { net { esp_proposals = rot13\n } } } }"
    )
    assert (found["site"].proposals, found["site"].uses_defaults) == (None, False)
    net = found["site"].children["net"]
    assert (net.transforms, net.uses_defaults) == (None, False)
    assert sorted(problems) == [
        "connection site: unknown algorithm 'rot13'",
        "connection site: unknown algorithm 'rot13'",
    ]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("version = 3", "its version is neither 0, 1 nor 2"),
        ("local { auth = magic }", "a way to authenticate that is not known"),
        ("children { net { rekey_time = soon\n} }", "a time that is none"),
    ],
)
def test_a_connection_that_is_not_understood_is_left_out(lines: str, words: str) -> None:
    found, problems = read(f"connections {{ site {{ {lines} }}\nother {{ }} }}")
    assert set(found) == {"other"}
    assert problems == [f"/etc/swanctl.conf: connection site: {words}"]


def test_no_secret_is_kept_or_told() -> None:
    found, problems = read(
        "connections { site { secret = hidden\nversion = hidden } }\n"
        "template { secret = hidden }\nsecrets { ike : template { secret = hidden } }"
    )
    assert not found
    assert "hidden" not in "".join(problems)
