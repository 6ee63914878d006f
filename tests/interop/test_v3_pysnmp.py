"""SNMPv3 with pysnmp: all protocols, and each way to be refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.pysnmp_manager import V2C, PysnmpManager, as_user, hlapi
from tests.running_agent import RunningAgent
from tests.snmp_user import PAIRS, User
from tests.usm_peer import key_for_auth, key_for_priv

ENGINE_ID = bytes.fromhex("80001f8804666c6f776d6962")
SYS_NAME = (1, 3, 6, 1, 2, 1, 1, 5, 0)
OBJECT_RESOURCES = (1, 3, 6, 1, 2, 1, 1, 9)
UNKNOWN_CONTEXTS = "1.3.6.1.6.3.12.1.5.0"
UNKNOWN_PDU_HANDLERS = "1.3.6.1.6.3.11.2.1.3.0"

ADMIN = User("admin", "SHA-256", "AES-256")
WATCHER = User("watcher", "SHA-1")
NOBODY = User("nobody")

CONFIGURATION = "\n".join(
    (
        f'[snmp]\nengine_id = "{ENGINE_ID.hex()}"\n[[snmp.community]]\nname = "public"',
        *(user.section() for user in (*PAIRS, ADMIN, WATCHER, NOBODY)),
    )
)


@pytest.fixture(scope="module")
def agent() -> Iterator[RunningAgent]:
    with RunningAgent("--source", "simulated", configuration=CONFIGURATION) as running:
        yield running


@pytest.fixture(scope="module")
def manager(agent: RunningAgent) -> Iterator[PysnmpManager]:
    with PysnmpManager(agent) as running:
        yield running


@pytest.fixture(scope="module")
def resources(manager: PysnmpManager) -> list[Any]:
    return manager.bulk(V2C, 0, 40, OBJECT_RESOURCES).varbinds


@pytest.mark.parametrize("user", PAIRS, ids=lambda user: user.name)
def test_us05_every_pair_of_protocols(
    manager: PysnmpManager, resources: list[Any], user: User
) -> None:
    credentials = as_user(user)
    answer = manager.get(credentials, SYS_NAME)
    assert (answer.indication, answer.types) == ("", ["OctetString"])
    assert manager.bulk(credentials, 0, 10, OBJECT_RESOURCES).varbinds == resources[:10]


@pytest.mark.parametrize(
    ("user", "said"),
    [
        (replace(ADMIN, name="stranger"), "Unknown USM user"),
        (replace(ADMIN, auth_password="wrong, wrong"), "Wrong SNMP PDU digest"),
        (
            replace(ADMIN, priv_password="wrong, wrong"),
            "Ciphering services not available or ciphertext is broken",
        ),
        (replace(WATCHER, priv="AES-128"), "Unsupported SNMP security level"),
        (replace(NOBODY, auth="SHA-256"), "Unsupported SNMP security level"),
    ],
    ids=[
        "unknown user",
        "wrong authentication password",
        "wrong privacy password",
        "privacy that the user has not",
        "authentication that the user has not",
    ],
)
def test_us04_refused(manager: PysnmpManager, user: User, said: str) -> None:
    assert manager.get(as_user(user), SYS_NAME).indication == said


@pytest.mark.parametrize("user", [replace(ADMIN, priv=None), replace(ADMIN, auth=None, priv=None)])
def test_va02_a_level_that_is_too_low(manager: PysnmpManager, user: User) -> None:
    answer = manager.get(as_user(user), SYS_NAME)
    assert (answer.indication, answer.error) == ("", ("authorizationError", 0))


@pytest.mark.parametrize("user", [ADMIN, WATCHER, NOBODY], ids=lambda user: user.level)
def test_va05_wrong_context(manager: PysnmpManager, user: User) -> None:
    context = hlapi.ContextData(contextName=b"elsewhere")
    assert manager.get(as_user(user), SYS_NAME, context=context).indication == UNKNOWN_CONTEXTS


def test_us03_rfc_5343_context_engine_id(manager: PysnmpManager) -> None:
    context = hlapi.ContextData(contextEngineId=bytes.fromhex("8000000006"))
    answer = manager.get(as_user(ADMIN), SYS_NAME, context=context)
    assert (answer.indication, answer.types) == ("", ["OctetString"])
    other = hlapi.ContextData(contextEngineId=bytes.fromhex("80001f8804") + b"other")
    answer = manager.get(as_user(ADMIN), SYS_NAME, context=other)
    assert answer.indication == UNKNOWN_PDU_HANDLERS


def test_us05_localised_keys(agent: RunningAgent) -> None:
    assert ADMIN.auth
    assert ADMIN.priv
    credentials = as_user(
        ADMIN,
        authKey=key_for_auth(ADMIN.auth, ADMIN.auth_password, ENGINE_ID),
        privKey=key_for_priv(ADMIN.auth, ADMIN.priv, ADMIN.priv_password, ENGINE_ID),
        securityEngineId=hlapi.OctetString(ENGINE_ID),
        authKeyType=hlapi.USM_KEY_TYPE_LOCALIZED,
        privKeyType=hlapi.USM_KEY_TYPE_LOCALIZED,
    )
    with PysnmpManager(agent) as manager:
        answer = manager.get(credentials, SYS_NAME)
    assert (answer.indication, answer.types) == ("", ["OctetString"])
