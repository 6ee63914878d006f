"""CISCO-IPSEC-MIB and CISCO-IPSEC-POLICY-MAP-MIB of any configuration: as they are declared.

Whatever is configured, each instance is of the declared type, in the declared range, under an index
of the declared form, in the order of a walk; and the objects agree with one another. Both is judged
by what examines other agents, which knows the MIBs and nothing of the bindings.
"""

from __future__ import annotations

import csv
import dataclasses
import ipaddress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.doctor.checks import Checker
from agent.doctor.invariants import Round, contradictions, scalars
from agent.doctor.seen import Seen
from agent.doctor.walk import Varbind
from datasource.configuration import (
    Child,
    Connection,
    Defaults,
    Interface,
    Interfaces,
    Policy,
    TransformSet,
    Wanted,
)
from datasource.events import EndReason
from datasource.model import (
    AuthMethod,
    ChildSa,
    EncapsulationMode,
    Endpoint,
    Identity,
    IkeSa,
    Proposal,
    SaState,
    TrafficSelector,
)
from mibs import ber, smi
from mibs.access_list import access_list_entry
from mibs.algorithms import AlgorithmNumbers
from mibs.cisco_ipsec_flow_monitor import Choices
from mibs.names import Names
from tests.configured import Configured, connection
from tests.sas import CHILD, IKE
from tests.shown import shown

FACTS = Path(__file__).parents[1] / "facts" / "CISCO-IPSEC-MIB.csv"
NAMES = Names(smi.load())
CISCO = (1, 3, 6, 1, 4, 1, 9)

NUMBERS = st.one_of(st.none(), st.integers(0, 90_000), st.integers(0, 2**63))
SHORT = st.text(st.sampled_from("ab~é\n "), max_size=3)
NAME = st.one_of(SHORT, st.text(st.sampled_from("ab"), min_size=109, max_size=260))
V4 = st.integers(0, 2**32 - 1).map(ipaddress.IPv4Address)
V6 = st.integers(0, 2**128 - 1).map(ipaddress.IPv6Address)
NEAR = st.sampled_from(["192.0.2.1", "192.0.2.9", "2001:db8::1"]).map(ipaddress.ip_address)
ADDRESSES = st.one_of(NEAR, V4, V6)
GROUPS = st.sampled_from(["", "MODP_768", "MODP_2048", "CURVE_25519", "ECP_521"])
PROPOSALS = st.builds(
    Proposal,
    st.sampled_from(["", "NULL", "DES_CBC", "3DES_CBC", "AES_CBC", "AES_GCM_16", "CAMELLIA_CBC"]),
    st.sampled_from([0, 128, 192, 256]),
    st.sampled_from(["", "HMAC_MD5_96", "HMAC_SHA1_96", "HMAC_SHA2_256_128", "AES_XCBC_96"]),
    st.just(""),
    GROUPS,
)
METHODS = st.one_of(st.none(), st.sampled_from(AuthMethod))
POLICIES = st.builds(Policy, PROPOSALS, METHODS, NUMBERS)
TRANSFORMS = st.builds(TransformSet, SHORT, PROPOSALS)
CHILDREN = st.builds(
    Child,
    NAME,
    mode=st.one_of(st.none(), st.sampled_from(EncapsulationMode)),
    transforms=st.one_of(st.none(), st.lists(TRANSFORMS, max_size=2).map(tuple)),
    uses_defaults=st.booleans(),
    lifetime=NUMBERS,
    lifetime_octets=NUMBERS,
)


def few(of: st.SearchStrategy, most: int = 3) -> st.SearchStrategy:
    return st.lists(of, max_size=most).map(tuple)


CONNECTIONS = st.builds(
    Connection,
    NAME,
    st.lists(CHILDREN, max_size=3, unique_by=lambda child: child.name).map(tuple),
    local_addresses=few(NEAR),
    peers=few(st.one_of(st.none(), ADDRESSES), 45),
    dynamic=st.booleans(),
    local_identity=st.one_of(st.none(), NAME.map(Identity.parse)),
    policies=st.one_of(st.none(), few(POLICIES)),
    uses_defaults=st.booleans(),
    keepalive=NUMBERS,
    easy_vpn=st.booleans(),
)
CONFIGURATIONS = st.lists(CONNECTIONS, max_size=6, unique_by=lambda one: one.name)
DEFAULTS = st.builds(
    Defaults,
    policies=few(POLICIES, 8),
    transform_sets=few(TRANSFORMS, 2),
    lifetime=NUMBERS,
    lifetime_octets=NUMBERS,
    triple_des=st.one_of(st.none(), st.booleans()),
)
INTERFACES = st.builds(
    Interface,
    st.integers(1, 2**31 - 1),
    SHORT,
    st.booleans(),
    st.frozensets(NEAR, max_size=2),
    up=st.booleans(),
)
WANTED = st.builds(
    Wanted, st.booleans(), st.booleans(), st.one_of(st.just(0), st.integers(0, 70_000))
)


@st.composite
def selectors(draw: st.DrawFn, addresses: st.SearchStrategy) -> TrafficSelector:
    first, last = sorted((draw(addresses), draw(addresses)))
    ports = sorted((draw(st.integers(0, 65535)), draw(st.integers(0, 65535))))
    if draw(st.booleans()):
        network = ipaddress.ip_network((first, draw(st.integers(0, 32))), strict=False)
        first, last = network[0], network[-1]
    return TrafficSelector(first, last, draw(st.integers(0, 255)), *ports)


FLOWS = st.one_of(st.tuples(selectors(V4), selectors(V4)), st.tuples(selectors(V6), selectors(V6)))


def walked(made: Configured) -> list[Varbind]:
    """Everything of the three modules, as a walk gives it."""
    found = [
        _read(varbind) for varbind in made.view().walk(ber.encode_oid(CISCO), made.access, 10**6)
    ]
    return [varbind for varbind in found if varbind.name[: len(CISCO)] == CISCO]


def _read(varbind: bytes) -> Varbind:
    _, pos, end = ber.read_header(varbind, 0, len(varbind))
    _, _, pos = ber.read_header(varbind, pos, end)
    tag, start, stop = ber.read_header(varbind, pos, end)
    value: int | bytes = varbind[start:stop]
    if tag not in (ber.OCTET_STRING, ber.OBJECT_IDENTIFIER):
        value = ber.decode_integer(varbind, start, stop)
    return Varbind(ber.decode_oid(ber.name_of(varbind)), tag, value)


def judge(made: Configured, *, extended: bool = True) -> Seen:
    """Check everything that is shown."""
    varbinds = walked(made)
    assert [varbind.name for varbind in varbinds] == sorted({one.name for one in varbinds})
    seen, checker = Seen(NAMES), Checker(NAMES, extended=extended)
    for varbind in varbinds:
        item = seen.add(varbind)
        assert item is not None
        checker.check(item, varbind)
    assert checker.faults() == []
    numbers = {
        name: value
        for name in scalars(NAMES.modules)
        if (value := seen.numbers(name).get((0,))) is not None
    }
    assert contradictions(Round(numbers, seen, numbers)) == {}
    return seen


def configured(
    connections: list[Connection],
    defaults: Defaults,
    interfaces: list[Interface],
    wanted: Wanted,
    *,
    extended: bool = True,
) -> Configured:
    choices = Choices(
        algorithms=AlgorithmNumbers(extended=extended),
        descriptions={"192.0.2.9": "ü" * 80, "192.0.2.1": "here"},
    )
    made = Configured(beside=dataclasses.replace(shown(), choices=choices))
    made.tracker.want(wanted)
    made.tracker.configure(1.0, connections, defaults)
    made.tracker.attach(1.0, Interfaces(tuple(interfaces)))
    return made


@settings(max_examples=40, deadline=None)
@given(
    connections=CONFIGURATIONS,
    defaults=DEFAULTS,
    interfaces=st.lists(INTERFACES, max_size=3, unique_by=lambda one: one.index),
    wanted=WANTED,
    extended=st.booleans(),
)
def test_any_configuration(
    connections: list[Connection],
    defaults: Defaults,
    interfaces: list[Interface],
    wanted: Wanted,
    *,
    extended: bool,
) -> None:
    made = configured(connections, defaults, interfaces, wanted, extended=extended)
    seen = judge(made, extended=extended)
    there = made.tracker.snapshot(1.0).configuration
    assert len(there.static_sets) + len(there.dynamic_sets) == len(connections)
    assert seen.numbers("cipsNumIsakmpPolicies") == {(0,): len(there.policies)}
    for columns, rows in (
        (("cipsStaticCryptomapSetSize", "cipsStaticCryptomapSetNumSAs"), there.static_sets),
        (("cipsDynamicCryptomapSetSize",), there.dynamic_sets),
        (("cipsStaticCryptomapDescr", "cipsStaticCryptomapNumPeers"), there.crypto_maps),
        (("cipsCryptomapSetIfVirtual", "cipsCryptomapSetIfStatus"), there.attachments),
    ):
        for column in columns:
            assert len(seen.column(column)) == len(rows)
    assert set(seen.numbers("cipsCryptomapSetIfStatus").values()) <= {1}


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["up", "down", "child", "child down", "configure", "enable"]),
        st.integers(1, 4),
        st.sampled_from(["site", "other", "nobody's"]),
    ),
    max_size=25,
)


@settings(max_examples=40, deadline=None)
@given(STEPS)
def test_invariants_1_and_2_while_tunnels_and_connections_come_and_go(
    steps: list[tuple[str, int, str]],
) -> None:
    made = Configured()
    now = 10.0
    made.attach(Interface(2, "eth0", addresses=frozenset({IKE.local_address})))
    for step, number, name in steps:
        now += 1
        _step(made, now, step, number, name)
        made.now = now
        judge(made)


def _step(made: Configured, now: float, step: str, number: int, name: str) -> None:
    tracker = made.tracker
    parameters = dataclasses.replace(IKE, connection=name)
    sa = IkeSa(number, SaState.ACTIVE, 0, parameters)
    child = ChildSa(
        number, SaState.ACTIVE, 0, dataclasses.replace(CHILD, reqid=number, spi_in=0x1000 + number)
    )
    match step:
        case "up":
            tracker.saw(now, sa)
        case "down":
            for index in range(1, 5):
                tracker.child_down(now, sa, dataclasses.replace(child, id=index), EndReason.NORMAL)
            tracker.ike_down(now, number, EndReason.NORMAL)
        case "child":
            tracker.saw(now, dataclasses.replace(sa, children=(child,)))
        case "child down":
            tracker.child_down(now, sa, child, EndReason.NORMAL)
        case "configure":
            known = ("site", "other")[: number - 1]
            tracker.configure(now, [connection(one, "net", "web") for one in known])
        case "enable":
            tracker.enable(enabled=bool(number % 2))


@settings(deadline=None)
@given(FLOWS)
def test_the_entry_of_any_flow_is_plain_text(
    flow: tuple[TrafficSelector, TrafficSelector],
) -> None:
    words = access_list_entry("net", Endpoint(*flow)).split(" ")
    assert words[:3] == ["access-list", "net", "permit"]
    assert all(word and word.isascii() for word in words)


def test_the_index_of_the_example() -> None:
    made = Configured()
    made.attach(Interface(2, "eth0", addresses=frozenset({IKE.local_address})))
    made.configure(connection("ftpPolicy", *map(str, range(1, 11))))
    names = {varbind.name for varbind in walked(made)}
    crypto_map = "1.3.6.1.4.1.9.10.62.1.2.3.3.1.2.9.102.116.112.80.111.108.105.99.121.10"
    attachment = "1.3.6.1.4.1.9.10.62.1.2.3.4.1.2.2.9.102.116.112.80.111.108.105.99.121"
    assert {tuple(map(int, oid.split("."))) for oid in (crypto_map, attachment)} <= names


def test_the_longest_name_fits_into_an_oid() -> None:
    made = Configured()
    made.attach(Interface(2**31 - 1, "eth0", addresses=frozenset({IKE.local_address})))
    made.configure(connection("n" * 300, "net"))
    seen = judge(made)
    for column in ("cipsStaticCryptomapType", "cipsCryptomapSetIfStatus"):
        (index,) = seen.column(column)
        assert len(NAMES.oid(column)) + len(index) == 128


def defaults_of_the_module() -> dict[str, str]:
    with FACTS.open(encoding="utf-8") as file:
        return {row["name"]: row["defval"] for row in csv.DictReader(file) if row["defval"]}


@pytest.mark.parametrize(("name", "default"), defaults_of_the_module().items())
def test_defval(name: str, default: str) -> None:
    seen = judge(Configured())
    enumeration = NAMES.modules.object(name).enumeration
    assert seen.numbers(name) == {(0,): enumeration[default]}


def test_the_seven_switches_have_a_default() -> None:
    assert len(defaults_of_the_module()) == 7
