"""agent.doctor.access: who there is, what they may read, and why they get no answer."""

from __future__ import annotations

import pytest

from agent.config import parse_text
from agent.doctor.access import Access, Scope, accesses, refusal

CONFIGURATION = """
[[snmp.community]]
name = "open sesame"

[[snmp.community]]
name = "far away"
from = ["192.0.2.0/24", "2001:db8::/32"]

[[snmp.community]]
name = "few"
group = "few"

[[snmp.user]]
name = "ops"
auth_password = "correct horse"
priv_password = "battery staple"

[[snmp.user]]
name = "anybody"
auth = "none"

[[snmp.user]]
name = "weak"
auth = "SHA-1"
priv = "none"
auth_password = "correct horse"
group = "few"

[[snmp.access]]
group = "few"
model = "v2c"
read = "system"

[[snmp.access]]
group = "few"
model = "usm"
level = "authPriv"
read = "system"

[[snmp.access]]
group = "few"
model = "usm"
level = "noAuthNoPriv"
context = "other"
read = "system"

[[snmp.view]]
name = "system"
include = ["1.3.6.1.2.1.1"]
"""


@pytest.fixture(scope="module")
def everybody() -> list[Access]:
    return list(accesses(parse_text(CONFIGURATION, "test")))


def test_everybody_and_what_they_may_read(everybody: list[Access]) -> None:
    assert [(access.title, access.version, access.scope) for access in everybody] == [
        ("v2c, snmp.community[1]", 1, Scope.ALL),
        ("v2c, snmp.community[2]", 1, Scope.ALL),
        ("v2c, snmp.community[3]", 1, Scope.PART),
        ("v3, user 'ops' (SHA-256, AES-128)", 3, Scope.ALL),
        ("v3, user 'anybody' (no password)", 3, Scope.ALL),
        ("v3, user 'weak' (SHA-1)", 3, Scope.NOTHING),
        ("v1, snmp.community[1]", 0, Scope.ALL),
        ("v1, snmp.community[2]", 0, Scope.ALL),
        ("v1, snmp.community[3]", 0, Scope.NOTHING),
    ]


def test_se04_no_secret_is_shown(everybody: list[Access]) -> None:
    shown = repr(everybody)
    for secret in ("open sesame", "far away", "correct horse", "battery staple"):
        assert secret not in shown


def test_from(everybody: list[Access]) -> None:
    near, far = everybody[:2]
    assert near.allows("127.0.0.1")
    assert near.allows("::1")
    assert not near.allows("192.0.2.9")
    assert far.allows("192.0.2.9")
    assert far.allows("2001:db8::1%eth0")
    assert not far.allows("127.0.0.1")
    assert not near.allows("")


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("wrongDigest", "the authentication password is wrong"),
        ("decryptionError", "the privacy password is wrong"),
        ("unknownUserName", "the agent does not know this user"),
        ("unsupportedSecurityLevel", "the agent has this user without the passwords"),
        ("notInTimeWindow", "the agent does not accept its own clock"),
        ("unknownEngineID", "the agent does not accept its own engine ID"),
        ("Report 1.3.6.1.6.3.11.2.1.3.0", "refused: Report 1.3.6.1.6.3.11.2.1.3.0"),
    ],
)
def test_us04_refusals_in_plain_words(everybody: list[Access], reason: str, said: str) -> None:
    assert refusal(everybody[3], reason, engine_known=True).startswith(said)


def test_no_answer(everybody: list[Access]) -> None:
    community, user = everybody[0], everybody[3]
    texts = {
        refusal(community, "requestTimedOut", engine_known=False),
        refusal(user, "requestTimedOut", engine_known=False),
        refusal(user, "requestTimedOut", engine_known=True),
    }
    assert len(texts) == 3
    assert all(text.startswith("no answer") for text in texts)
    assert refusal(community, "requestTimedOut", engine_known=True) in texts


def test_each_context_is_asked_in() -> None:
    vrfs = "[[vrf]]\nname = 'other'\nmarks = ['1']\n[[vrf]]\nname = 'red'\nmarks = ['2']\n"
    bound = CONFIGURATION.replace('"far away"', '"far away"\ncontext = "red"')
    found = [
        (access.title, access.context, access.scope)
        for access in accesses(parse_text(bound + vrfs, "test"))
        if access.version
    ]
    assert found == [
        ("v2c, snmp.community[1]", "", Scope.ALL),
        ("v2c, snmp.community[2], context 'red'", "red", Scope.ALL),
        ("v2c, snmp.community[3]", "", Scope.PART),
        ("v3, user 'ops' (SHA-256, AES-128)", "", Scope.ALL),
        ("v3, user 'ops' (SHA-256, AES-128), context 'other'", "other", Scope.ALL),
        ("v3, user 'ops' (SHA-256, AES-128), context 'red'", "red", Scope.ALL),
        ("v3, user 'anybody' (no password)", "", Scope.ALL),
        ("v3, user 'anybody' (no password), context 'other'", "other", Scope.ALL),
        ("v3, user 'anybody' (no password), context 'red'", "red", Scope.ALL),
        ("v3, user 'weak' (SHA-1)", "", Scope.NOTHING),
        ("v3, user 'weak' (SHA-1), context 'other'", "other", Scope.PART),
    ]
