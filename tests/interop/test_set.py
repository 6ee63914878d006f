"""SET by both managers and all versions: what it does, each error of it, and what is logged."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from tests.net_snmp import V2C, as_user, dotted, oid, run, varbinds
from tests.pysnmp_manager import PysnmpManager, hlapi, rfc1902
from tests.pysnmp_manager import as_user as to_pysnmp
from tests.running_agent import RunningAgent
from tests.snmp_peer import Oid, read, request
from tests.snmp_user import User

FLOW = (1, 3, 6, 1, 4, 1, 9, 9, 171, 1)
SYS_NAME = (1, 3, 6, 1, 2, 1, 1, 5, 0)
AUTHEN_TRAPS = (1, 3, 6, 1, 2, 1, 11, 30, 0)
SERIAL_NUMBER = (1, 3, 6, 1, 6, 3, 1, 1, 6, 1, 0)
NOTHING = (1, 3, 6, 1, 4, 1, 9, 9, 999, 1, 0)
IKE_STATUS = (*FLOW, 2, 3, 1, 35)
IPSEC_STATUS = (*FLOW, 3, 2, 1, 51)
IKE_REMOTE_VALUES = (*FLOW, 2, 3, 1, 7)
IPSEC_IKE_TUNNELS = (*FLOW, 3, 2, 1, 2)
ACTIVE, DESTROY = 1, 2
KEPT = 1
"""Index of an IKE tunnel and of an IPsec tunnel that nobody ends."""
ABSENT = 999999

WRITER = User("writer", "SHA-256", "AES-128")
READER = User("reader", "SHA-1")
HALF = User("half", "SHA-1")

CONFIGURATION = f"""
[snmp]

[[snmp.view]]
name = "tunnels"
include = ["{dotted(FLOW)}"]

[[snmp.access]]
group = "half"
model = "any"
level = "noAuthNoPriv"
read = "all"
write = "tunnels"

[[snmp.community]]
name = "public"

[[snmp.community]]
name = "writer"
access = "write"

[[snmp.community]]
name = "half"
group = "half"

{WRITER.section('access = "write"')}
{READER.section()}
{HALF.section('group = "half"')}
"""

WRONG_ENCODING, INCONSISTENT_VALUE = 9, 12

Varbind = tuple[Oid, str, str]
"""Name, type and value, as snmpset wants to have them."""
Result = tuple[str, int]
"""error-status and error-index."""


class Setter(NamedTuple):
    """A manager, and a version that it speaks."""

    set: Callable[[str, tuple[Varbind, ...]], Result]
    """Given the name of a community or user: "writer", "reader" or "half"."""
    version: str


@pytest.fixture(scope="module")
def agent() -> Iterator[RunningAgent]:
    arguments = ("--source", "simulated", "--tunnels", "40")
    with RunningAgent(*arguments, configuration=CONFIGURATION) as running:
        yield running


@pytest.fixture(scope="module")
def manager(agent: RunningAgent) -> Iterator[PysnmpManager]:
    with PysnmpManager(agent) as running:
        yield running


def by_net_snmp(agent: RunningAgent, version: str) -> Setter:
    def credentials(who: str) -> tuple[str, ...]:
        if version == "v3":
            return as_user({"writer": WRITER, "reader": READER, "half": HALF}[who])
        return f"-{version}", "-c", who.replace("reader", "public")

    def set_all(who: str, wanted: tuple[Varbind, ...]) -> Result:
        words = [word for name, kind, value in wanted for word in (dotted(name), kind, value)]
        text = run("snmpset", agent, credentials(who), *words, status=None)
        status = re.search(r"Reason: (?:\((\w+)\)|(\w+))", text)
        failed = re.search(r"Failed object: \.([\d.]+)", text)
        names = [name for name, _, _ in wanted]
        return (
            (status[1] or status[2]) if status else "noError",
            names.index(oid(failed[1])) + 1 if failed else 0,
        )

    return Setter(set_all, version)


_TYPES: dict[str, Callable[[str], Any]] = {
    "i": lambda text: rfc1902.Integer32(int(text)),
    "u": lambda text: rfc1902.Gauge32(int(text)),
    "s": rfc1902.OctetString,
    "o": rfc1902.ObjectIdentifier,
}


def by_pysnmp(manager: PysnmpManager, version: str) -> Setter:
    def credentials(who: str) -> Any:
        if version == "v3":
            return to_pysnmp({"writer": WRITER, "reader": READER, "half": HALF}[who])
        name = who.replace("reader", "public")
        return hlapi.CommunityData(name, mpModel=("v1", "v2c").index(version))

    def set_all(who: str, wanted: tuple[Varbind, ...]) -> Result:
        plain = [(name, _TYPES[kind](value)) for name, kind, value in wanted]
        answer = manager.set(credentials(who), *plain)
        assert not answer.indication
        return answer.error

    return Setter(set_all, version)


@pytest.fixture(scope="module", params=["v1", "v2c", "v3"])
def version(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture(scope="module", params=[by_net_snmp, by_pysnmp])
def setter(
    request: pytest.FixtureRequest, agent: RunningAgent, manager: PysnmpManager, version: str
) -> Setter:
    made: Setter = request.param(agent if request.param is by_net_snmp else manager, version)
    return made


def value_of(agent: RunningAgent, name: Oid) -> str:
    (value,) = varbinds(run("snmpget", agent, V2C, dotted(name))).values()
    return value


def number_at(agent: RunningAgent, name: Oid) -> int:
    return int(value_of(agent, name).partition(": ")[2])


def column(agent: RunningAgent, name: Oid) -> dict[int, str]:
    """Values of a column whose index is a single number."""
    found = varbinds(run("snmpbulkwalk", agent, (*V2C, "-Cr50"), dotted(name)))
    # Where there is nothing, the program says so of the column itself.
    return {oid(instance)[-1]: value for instance, value in found.items() if oid(instance) != name}


def integer(name: Oid, value: int) -> Varbind:
    return name, "i", str(value)


def destroy_ike(index: int) -> Varbind:
    return integer((*IKE_STATUS, index), DESTROY)


def destroy_ipsec(index: int) -> Varbind:
    return integer((*IPSEC_STATUS, index), DESTROY)


GOOD = integer(AUTHEN_TRAPS, 2)


@pytest.mark.parametrize(
    ("who", "wanted", "errors"),
    [
        ("reader", GOOD, ("authorizationError", "noSuchName")),
        ("half", GOOD, ("noAccess", "noSuchName")),
        ("half", (NOTHING, "i", "1"), ("noAccess", "noSuchName")),
        ("writer", (SYS_NAME, "s", "other"), ("notWritable", "noSuchName")),
        ("writer", (NOTHING, "i", "1"), ("notWritable", "noSuchName")),
        ("writer", ((*IKE_REMOTE_VALUES, ABSENT), "s", "x"), ("notWritable", "noSuchName")),
        ("writer", (AUTHEN_TRAPS, "s", "1"), ("wrongType", "badValue")),
        ("writer", (AUTHEN_TRAPS, "u", "1"), ("wrongType", "badValue")),
        ("writer", ((*IKE_STATUS, KEPT), "o", ".1.3"), ("wrongType", "badValue")),
        ("writer", integer(AUTHEN_TRAPS, 3), ("wrongValue", "badValue")),
        ("writer", integer(SERIAL_NUMBER, -1), ("wrongValue", "badValue")),
        ("writer", integer((*IKE_STATUS, KEPT), 6), ("wrongValue", "badValue")),
        ("writer", integer((*IPSEC_STATUS, KEPT), 0), ("wrongValue", "badValue")),
        ("writer", integer((*IKE_STATUS, ABSENT), 3), ("wrongValue", "badValue")),
        ("writer", destroy_ike(ABSENT), ("noCreation", "noSuchName")),
        ("writer", destroy_ipsec(ABSENT), ("noCreation", "noSuchName")),
        ("writer", integer((*AUTHEN_TRAPS[:-1], 1), 1), ("noCreation", "noSuchName")),
    ],
    ids=[
        "a reader",
        "outside of the view",
        "nothing, outside of the view",
        "a scalar that is for reading",
        "nothing that there is",
        "a row that is not there of a column that is for reading",
        "a string for a number",
        "another kind of number",
        "an OID for a number",
        "no label has this number",
        "out of range",
        "destroy as in RowStatus",
        "zero",
        "a wrong value in a row that is not there",
        "an IKE tunnel that is not there",
        "an IPsec tunnel that is not there",
        "another instance of a scalar",
    ],
)
def test_sn05_sn06_errors(
    agent: RunningAgent, setter: Setter, who: str, wanted: Varbind, errors: tuple[str, str]
) -> None:
    error, as_v1 = errors
    before = len(agent.log)
    status = as_v1 if setter.version == "v1" else error
    index = 0 if status == "authorizationError" else 1
    assert setter.set(who, (wanted,)) == (status, index)
    assert audit(agent.log[before:])[0].endswith(
        f": {error}" if error == "authorizationError" else f": {error} at 1"
    )


def test_sn05_a_serial_number_that_is_not_the_one_there(
    agent: RunningAgent, setter: Setter
) -> None:
    number = number_at(agent, SERIAL_NUMBER)
    error = "badValue" if setter.version == "v1" else "inconsistentValue"
    assert setter.set("writer", (integer(SERIAL_NUMBER, number ^ 1),)) == (error, 1)
    assert number_at(agent, SERIAL_NUMBER) == number


@pytest.mark.parametrize(
    ("wanted", "error", "as_v1"),
    [
        (destroy_ike(ABSENT), "noCreation", "noSuchName"),
        ((SYS_NAME, "s", "other"), "notWritable", "noSuchName"),
        ((AUTHEN_TRAPS, "s", "1"), "wrongType", "badValue"),
        (integer((*IPSEC_STATUS, ABSENT), 3), "wrongValue", "badValue"),
    ],
    ids=["noCreation", "notWritable", "wrongType", "wrongValue"],
)
def test_sn05_all_or_nothing(
    agent: RunningAgent, setter: Setter, wanted: Varbind, error: str, as_v1: str
) -> None:
    number = number_at(agent, SERIAL_NUMBER)
    asked = integer(SERIAL_NUMBER, number), wanted, destroy_ipsec(KEPT)
    assert setter.set("writer", asked) == (as_v1 if setter.version == "v1" else error, 2)
    assert number_at(agent, SERIAL_NUMBER) == number
    assert number_at(agent, (*IPSEC_STATUS, KEPT)) == ACTIVE


def test_sn05_the_same_instance_twice(agent: RunningAgent) -> None:
    """Made by hand: a program might sort this out before it sends it."""
    asked = request("set", [AUTHEN_TRAPS, AUTHEN_TRAPS], value=1, community=b"writer")
    assert read(agent.ask(asked)).error == (INCONSISTENT_VALUE, 2)


def test_sn05_an_integer_of_no_octets(agent: RunningAgent) -> None:
    """Made by hand: no program sends it."""
    asked = bytes.fromhex(
        "3026 020101 0406777269746572 a319 020101 020100 020100300e 300c 06082b060102010b1e00 0200"
    )
    response = agent.ask(asked)
    assert asked[-14:] == response[-14:]
    # Where the error-status and the error-index stand.
    assert response[:-16].endswith(bytes((2, 1, WRONG_ENCODING, 2, 1, 1)))


def test_sn05_sn07_a_serial_number_steps(agent: RunningAgent, setter: Setter) -> None:
    number = number_at(agent, SERIAL_NUMBER)
    before = len(agent.log)
    assert setter.set("writer", (integer(SERIAL_NUMBER, number),)) == ("noError", 0)
    assert number_at(agent, SERIAL_NUMBER) == (number + 1) % 2**31
    who = "usm 'writer'" if setter.version == "v3" else f"{setter.version} 'community-2'"
    (line,) = audit(agent.log[before:])
    assert line == f"SET by {who} from 127.0.0.1: snmpSetSerialNo.0 = {number}: noError"


def test_sn07_authentication_traps_are_switched(agent: RunningAgent, setter: Setter) -> None:
    for value in (1, 2):
        assert setter.set("writer", (integer(AUTHEN_TRAPS, value),)) == ("noError", 0)
        assert number_at(agent, AUTHEN_TRAPS) == value


def test_sn05_active_is_no_change(agent: RunningAgent, setter: Setter) -> None:
    wanted = integer((*IKE_STATUS, KEPT), ACTIVE), integer((*IPSEC_STATUS, KEPT), ACTIVE)
    assert setter.set("half", wanted) == ("noError", 0)
    assert number_at(agent, (*IKE_STATUS, KEPT)) == ACTIVE


def audit(log: str) -> list[str]:
    return re.findall(r"flowmib\.audit: (SET .*)", log)


# Tunnels ------------------------------------------------------------------------------------------


def test_sn05_an_ipsec_tunnel_goes(agent: RunningAgent, setter: Setter) -> None:
    index = max(column(agent, IPSEC_STATUS))
    before = len(agent.log)
    number = number_at(agent, SERIAL_NUMBER)
    asked = destroy_ipsec(index), integer(SERIAL_NUMBER, number)
    assert setter.set("writer", asked) == ("noError", 0)
    assert index not in column(agent, IPSEC_STATUS)
    assert "No Such Instance" in value_of(agent, (*IPSEC_STATUS, index))
    assert number_at(agent, SERIAL_NUMBER) == (number + 1) % 2**31
    (line,) = audit(agent.log[before:])
    assert f"cipSecTunStatus.{index} = destroy(2), snmpSetSerialNo.0 = {number}: noError" in line
    error = "noSuchName" if setter.version == "v1" else "noCreation"
    assert setter.set("writer", (destroy_ipsec(index),)) == (error, 1)


def test_sn05_an_ike_tunnel_goes_with_its_ipsec_tunnels(
    agent: RunningAgent, setter: Setter
) -> None:
    index = max(column(agent, IKE_STATUS))
    assert setter.set("half", (destroy_ike(index),)) == ("noError", 0)
    assert index not in column(agent, IKE_STATUS)
    deadline = time.monotonic() + 5
    # A moment later, in the simulated gateway as in a real one.
    while f"INTEGER: {index}" in column(agent, IPSEC_IKE_TUNNELS).values():
        assert time.monotonic() < deadline


def test_sn05_what_was_ended_comes_back_with_a_new_index() -> None:
    """An agent of its own, with so few tunnels that nothing else ends meanwhile."""
    arguments = ("--source", "simulated", "--tunnels", "8")
    with RunningAgent(*arguments, configuration=CONFIGURATION) as agent:
        peers = column(agent, IKE_REMOTE_VALUES)
        newest = max(column(agent, IPSEC_STATUS))
        setter = by_net_snmp(agent, "v3")
        assert setter.set("writer", tuple(map(destroy_ike, peers))) == ("noError", 0)
        assert column(agent, IKE_STATUS) == {}
        deadline = time.monotonic() + 20
        while max(column(agent, IPSEC_STATUS), default=0) <= newest:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        back = column(agent, IKE_REMOTE_VALUES)
        assert min(back) > max(peers)
        assert set(back.values()) <= set(peers.values())
