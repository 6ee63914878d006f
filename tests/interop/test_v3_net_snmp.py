"""SNMPv3 with net-snmp: all protocols, and each way to be refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.net_snmp import V2C, as_user, assert_rising, run
from tests.running_agent import RunningAgent, flowmib
from tests.snmp_user import PAIRS, User
from tests.usm_peer import key_for_auth, key_for_priv

ENGINE_ID = "80001f8804666c6f776d6962"
SYS_NAME = "1.3.6.1.2.1.1.5.0"
OBJECT_RESOURCES = "1.3.6.1.2.1.1.9"

ADMIN = User("admin", "SHA-256", "AES-256")
WATCHER = User("watcher", "SHA-1")
NOBODY = User("nobody")
RELAXED = User("relaxed", "SHA-256", "AES-128")

CONFIGURATION = "\n".join(
    (
        f'[snmp]\nengine_id = "{ENGINE_ID}"\n[[snmp.community]]\nname = "public"',
        *(user.section() for user in (*PAIRS, ADMIN, WATCHER, NOBODY)),
        RELAXED.section('level = "authNoPriv"'),
    )
)


@pytest.fixture(scope="module")
def agent() -> Iterator[RunningAgent]:
    with RunningAgent("--source", "simulated", configuration=CONFIGURATION) as running:
        yield running


@pytest.mark.parametrize("user", PAIRS, ids=lambda user: user.name)
def test_us05_every_pair_of_protocols(agent: RunningAgent, user: User) -> None:
    options = as_user(user)
    assert run("snmpget", agent, options, SYS_NAME) == run("snmpget", agent, V2C, SYS_NAME)
    walked = run("snmpbulkwalk", agent, (*options, "-Cr40"), OBJECT_RESOURCES)
    assert walked == run("snmpbulkwalk", agent, (*V2C, "-Cr40"), OBJECT_RESOURCES)
    assert len(assert_rising(walked)) > 10


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (as_user(replace(ADMIN, name="stranger")), 1, "Unknown user name"),
        (as_user(replace(ADMIN, auth_password="wrong, wrong")), 1, "Authentication failure"),
        (as_user(replace(ADMIN, priv_password="wrong, wrong")), 1, "Decryption error"),
        (as_user(replace(ADMIN, auth="SHA-512")), 1, "Authentication failure"),
        (as_user(replace(WATCHER, priv="AES-128")), 1, "Unsupported security level"),
        (as_user(replace(NOBODY, auth="SHA-256")), 1, "Unsupported security level"),
        (as_user(ADMIN, "authNoPriv"), 2, "authorizationError"),
        (as_user(ADMIN, "noAuthNoPriv"), 2, "authorizationError"),
        (as_user(WATCHER, "noAuthNoPriv"), 2, "authorizationError"),
        (as_user(RELAXED, "noAuthNoPriv"), 2, "authorizationError"),
        ((*as_user(ADMIN), "-n", "elsewhere"), 1, "Bad context specified"),
    ],
    ids=[
        "unknown user",
        "wrong authentication password",
        "wrong privacy password",
        "wrong authentication protocol",
        "privacy that the user has not",
        "authentication that the user has not",
        "less than authPriv",
        "much less than authPriv",
        "less than authNoPriv",
        "less than the level in the configuration",
        "wrong context",
    ],
)
def test_us04_va02_va05_refused(
    agent: RunningAgent, options: tuple[str, ...], status: int, said: str
) -> None:
    assert said in run("snmpget", agent, options, SYS_NAME, status=status)


@pytest.mark.parametrize("level", ["authNoPriv", "authPriv"])
def test_va02_a_level_that_is_high_enough(agent: RunningAgent, level: str) -> None:
    answer = run("snmpget", agent, as_user(RELAXED, level), SYS_NAME)
    assert answer == run("snmpget", agent, V2C, SYS_NAME)


@pytest.mark.parametrize("user", [ADMIN, WATCHER, NOBODY], ids=lambda user: user.level)
def test_us03_rfc_5343_context_engine_id(agent: RunningAgent, user: User) -> None:
    answer = run("snmpget", agent, (*as_user(user), "-E", "8000000006"), SYS_NAME)
    assert answer == run("snmpget", agent, V2C, SYS_NAME)


@pytest.mark.parametrize("clock", ["1,0", "1,4711", "7,0", "0,0"])
def test_us03_a_manager_whose_clock_is_wrong_is_set_right(agent: RunningAgent, clock: str) -> None:
    answer = run("snmpget", agent, (*as_user(ADMIN), "-e", ENGINE_ID, "-Z", clock), SYS_NAME)
    assert answer == run("snmpget", agent, V2C, SYS_NAME)


def localized_options(user: User) -> tuple[str, ...]:
    assert user.auth
    assert user.priv
    engine_id = bytes.fromhex(ENGINE_ID)
    auth_key = key_for_auth(user.auth, user.auth_password, engine_id)
    priv_key = key_for_priv(user.auth, user.priv, user.priv_password, engine_id)
    return (
        *("-v3", "-u", user.name, "-l", "authPriv", "-a", user.auth, "-x", user.priv),
        *("-3k", f"0x{auth_key.hex()}", "-3K", f"0x{priv_key.hex()}"),
    )


def test_us05_a_manager_with_localised_keys(agent: RunningAgent) -> None:
    answer = run("snmpget", agent, localized_options(ADMIN), SYS_NAME)
    assert answer == run("snmpget", agent, V2C, SYS_NAME)


def test_us05_an_agent_with_localised_keys(agent: RunningAgent) -> None:
    localized = flowmib("localize", "--config", str(agent.config))
    assert localized.returncode == 0, localized.stderr
    assert "password" not in localized.stdout
    configuration = f'[snmp]\nengine_id = "{ENGINE_ID}"\n{localized.stdout}'
    with RunningAgent("--source", "simulated", configuration=configuration) as other:
        for user in (ADMIN, User("SHA-224-AES-256-C", "SHA-224", "AES-256-C"), WATCHER, NOBODY):
            assert "Hex-STRING" in run("snmpget", other, as_user(user), "1.3.6.1.6.3.10.2.1.1.0")
        assert "STRING" in run("snmpget", other, localized_options(ADMIN), SYS_NAME)
        wrong = as_user(replace(ADMIN, auth_password="wrong, wrong"))
        assert "Authentication failure" in run("snmpget", other, wrong, SYS_NAME, status=1)


def test_se04_nothing_secret_is_logged(agent: RunningAgent) -> None:
    wrong = as_user(replace(ADMIN, auth_password="not maplesyrup"))
    run("snmpget", agent, wrong, SYS_NAME, status=1)
    for secret in (ADMIN.auth_password, ADMIN.priv_password, "public"):
        assert secret not in agent.log
