from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import pytest

from datasource.errors import DataSourceError
from datasource.model import (
    AuthMethod,
    ChildSa,
    ChildSaParameters,
    EncapsulationMode,
    Identity,
    IkeSa,
    IkeSaParameters,
    IpsecTraffic,
    Mark,
    NegotiationMode,
    Proposal,
    SaState,
)
from datasource.strongswan.connection import Connection, parse_connection
from datasource.strongswan.convert import Converter
from datasource.strongswan.fields import ConvertError
from datasource.strongswan.selector import parse_selector
from datasource.xfrm.codec import Dump
from datasource.xfrm.sas import KernelSas
from tests import netlink
from tests.unit.datasource.strongswan.replay import encode, messages_of

CHILD = {
    "name": "net", "uniqueid": "3", "reqid": "1", "state": "INSTALLED", "mode": "TUNNEL",
    "protocol": "ESP", "encap": "yes", "spi-in": "b60af0d1", "spi-out": "521ac4d0",
    "encr-alg": "AES_CBC", "encr-keysize": "128", "integ-alg": "HMAC_SHA2_256_128",
    "bytes-in": "252", "packets-in": "3", "use-in": "0", "bytes-out": "168", "packets-out": "2",
    "rekey-time": "1100", "life-time": "1300", "install-time": "20",
    "local-ts": ["10.10.1.0/24"], "remote-ts": ["10.10.2.0/24", "10.11.0.1/32[tcp/443]"],
}  # fmt: skip
IKE = {
    "uniqueid": "5", "version": "2", "state": "ESTABLISHED", "local-host": "10.9.0.1",
    "local-port": "4500", "local-id": "C=CH, CN=alpha", "remote-host": "fe80::2%eth0",
    "remote-port": "500", "remote-id": "beta.example", "remote-eap-id": "carol",
    "initiator": "yes", "initiator-spi": "3440d780caae2454", "responder-spi": "37fa5ae0be62b458",
    "encr-alg": "AES_GCM_16", "encr-keysize": "256", "prf-alg": "PRF_HMAC_SHA2_256",
    "dh-group": "CURVE_25519", "established": "100", "rekey-time": "3000", "reauth-time": "9000",
    "child-sas": {"net-3": CHILD},
}  # fmt: skip
CONNECTION = Connection(3600, AuthMethod.EAP, {"net": 1_000_000})


def ike(**changes: Any) -> dict[str, Any]:
    fields = {key.replace("_", "-"): value for key, value in changes.items()}
    return {k: v for k, v in encode({**IKE, **fields}).items() if v != b"absent"}


def child(**changes: Any) -> dict[str, Any]:
    fields = {key.replace("_", "-"): value for key, value in changes.items()}
    return {k: v for k, v in encode({**CHILD, **fields}).items() if v != b"absent"}


def converter(problems: list[ConvertError] | None = None) -> Converter:
    made = Converter(([] if problems is None else problems).append)
    made.connections = {"site": CONNECTION}
    return made


def test_every_field_of_an_sa() -> None:
    assert converter().ike_sa("site", ike()) == IkeSa(
        id=5,
        state=SaState.ACTIVE,
        age=100,
        parameters=IkeSaParameters(
            connection="site",
            version=2,
            initiator=True,
            local_address=ip_address("10.9.0.1"),
            remote_address=ip_address("fe80::2"),
            local_identity=Identity.parse("C=CH, CN=alpha"),
            remote_identity=Identity.parse("beta.example"),
            local_port=4500,
            remote_port=500,
            remote_account="carol",
            mode=NegotiationMode.IKEV2,
            auth_method=AuthMethod.EAP,
            proposal=Proposal("AES_GCM_16", 256, "", "PRF_HMAC_SHA2_256", "CURVE_25519"),
            initiator_spi=0x3440D780CAAE2454,
            responder_spi=0x37FA5AE0BE62B458,
            lifetime=3600,
            rekey_after=3100,
        ),
        children=(
            ChildSa(
                id=3,
                state=SaState.ACTIVE,
                age=20,
                parameters=ChildSaParameters(
                    name="net",
                    reqid=1,
                    spi_in=0xB60AF0D1,
                    spi_out=0x521AC4D0,
                    local_selectors=(parse_selector("10.10.1.0/24"),),
                    remote_selectors=(
                        parse_selector("10.10.2.0/24"),
                        parse_selector("10.11.0.1/32[tcp/443]"),
                    ),
                    protocol="ESP",
                    mode=EncapsulationMode.TUNNEL,
                    udp_encapsulation=True,
                    proposal=Proposal("AES_CBC", 128, "HMAC_SHA2_256_128"),
                    lifetime=1320,
                    rekey_after=1120,
                    rekey_octets=1_000_000,
                ),
                traffic=IpsecTraffic(
                    in_octets=252,
                    in_plain_octets=252,
                    in_packets=3,
                    in_auths=3,
                    in_decrypts=3,
                    out_octets=168,
                    out_plain_octets=168,
                    out_packets=2,
                    out_auths=2,
                    out_encrypts=2,
                ),
            ),
        ),
    )


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("CREATED", SaState.STARTING),
        ("CONNECTING", SaState.STARTING),
        ("ESTABLISHED", SaState.ACTIVE),
        ("PASSIVE", SaState.ACTIVE),
        ("REKEYING", SaState.ACTIVE),
        ("REKEYED", SaState.EXPIRING),
        ("DELETING", SaState.EXPIRING),
        ("DESTROYING", SaState.EXPIRING),
    ],
)
def test_ike_states(state: str, expected: SaState) -> None:
    assert converter().ike_sa("site", ike(state=state)).state is expected


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("CREATED", SaState.STARTING),
        ("ROUTED", SaState.STARTING),
        ("INSTALLING", SaState.STARTING),
        ("INSTALLED", SaState.ACTIVE),
        ("UPDATING", SaState.ACTIVE),
        ("REKEYING", SaState.ACTIVE),
        ("RETRYING", SaState.ACTIVE),
        ("REKEYED", SaState.EXPIRING),
        ("DELETING", SaState.EXPIRING),
        ("DELETED", SaState.EXPIRING),
        ("DESTROYING", SaState.EXPIRING),
    ],
)
def test_child_states(state: str, expected: SaState) -> None:
    assert converter().child_sa("site", "net-3", child(state=state)).state is expected


@pytest.mark.parametrize(
    ("changes", "auths", "decrypts"),
    [
        ({}, 3, 3),
        ({"encr_alg": "AES_GCM_16", "integ_alg": "absent"}, 3, 3),
        ({"encr_alg": "CHACHA20_POLY1305", "integ_alg": "absent"}, 3, 3),
        ({"encr_alg": "NULL"}, 3, 0),
        ({"encr_alg": "NULL_AES_GMAC", "integ_alg": "absent"}, 3, 0),
        ({"encr_alg": "absent", "protocol": "AH"}, 3, 0),
        ({"integ_alg": "absent"}, 0, 3),
    ],
)
def test_what_a_counted_packet_has_passed(
    changes: dict[str, str], auths: int, decrypts: int
) -> None:
    traffic = converter().child_sa("site", "net-3", child(**changes)).traffic
    assert (traffic.in_auths, traffic.in_decrypts) == (auths, decrypts)


def in_kernel(*messages: bytes) -> KernelSas:
    dump = Dump(netlink.SEQUENCE)
    dump.feed(b"".join(messages))
    sas = KernelSas()
    sas.replace(dump.sas)
    return sas


def kernel_sa(octets: int = netlink.INFINITE, **changes: Any) -> bytes:
    fields = {"destination": "10.9.0.1", "spi": 0xB60AF0D1, "stats": (2, 3, 4), **changes}
    return netlink.sa(**fields, limits=(netlink.INFINITE, octets, 5, 6))


def test_what_the_kernel_counts_is_that_of_the_inbound_sa() -> None:
    outbound = kernel_sa(spi=0x521AC4D0, stats=(7, 8, 9))
    kernel = in_kernel(kernel_sa(), outbound)
    (got,) = Converter(kernel=kernel).ike_sa("site", ike()).children
    assert (got.traffic.in_replay_drops, got.traffic.in_auth_fails) == (5, 4)
    assert (got.traffic.in_drops, got.traffic.in_decrypt_fails) == (None, None)
    assert kernel.matched


@pytest.mark.parametrize(
    "changes", [{"destination": "10.9.0.2"}, {"spi": 0xB60AF0D2}, {"protocol": 51}]
)
def test_an_sa_that_the_kernel_does_not_have_has_no_counts_of_it(changes: dict[str, Any]) -> None:
    kernel = in_kernel(kernel_sa(**changes))
    (got,) = Converter(kernel=kernel).ike_sa("site", ike()).children
    assert (got.traffic.in_replay_drops, got.traffic.in_auth_fails) == (None, None)
    assert got.traffic.in_octets == 252
    assert not kernel.matched


def test_an_sa_of_ah_is_found_among_those_of_ah() -> None:
    fields = ike() | {"child-sas": {"net-3": child(protocol="AH", encr_alg="absent")}}
    (got,) = Converter(kernel=in_kernel(kernel_sa(protocol=51))).ike_sa("site", fields).children
    assert got.traffic.in_auth_fails == 4


def test_a_child_alone_is_looked_up_where_it_was_listed() -> None:
    made = Converter(kernel=in_kernel(kernel_sa()))
    assert made.child_sa("site", "net-3", child()).traffic.in_auth_fails is None
    made.ike_sa("site", ike())
    assert made.child_sa("site", "net-3", child()).traffic.in_auth_fails == 4


def test_an_sa_that_moves_is_looked_up_under_its_new_address() -> None:
    kernel = in_kernel(kernel_sa())
    made = Converter(kernel=kernel)
    made.ike_sa("site", ike())
    kernel.replace(in_kernel(kernel_sa(destination="10.9.0.7", stats=(0, 0, 5)))._sas)
    (got,) = made.ike_sa("site", ike(local_host="10.9.0.7")).children
    assert got.traffic.in_auth_fails == 5


def test_the_volume_at_which_an_sa_ends_is_known_from_the_kernel() -> None:
    kernel = KernelSas()
    made = Converter(kernel=kernel)
    (before,) = made.ike_sa("site", ike()).children
    assert before.parameters.lifetime_octets is None
    kernel.replace(in_kernel(kernel_sa(1_000_000))._sas)
    (after,) = made.ike_sa("site", ike()).children
    assert after.parameters.lifetime_octets == 1_000_000
    kernel.replace({})
    (later,) = made.ike_sa("site", ike()).children
    assert later.parameters is after.parameters
    kernel.replace(in_kernel(kernel_sa())._sas)
    (unlimited,) = made.ike_sa("site", ike()).children
    assert unlimited.parameters is after.parameters


def test_with_compression_plain_octets_are_not_known() -> None:
    got = converter().child_sa("site", "net-3", child(cpi_in="a1b2", cpi_out="00ff"))
    assert (got.parameters.cpi_in, got.parameters.cpi_out) == (0xA1B2, 0xFF)
    assert (got.traffic.in_plain_octets, got.traffic.out_plain_octets) == (None, None)
    assert got.traffic.in_octets == 252


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("uniqueid", "x"),
        ("state", "DREAMING"),
        ("version", "absent"),
        ("local-host", "%any"),
        ("remote-id", ["a"]),
        ("initiator-spi", "xyz"),
        ("if-id-in", "xyz"),
        ("rekey-time", "soon"),
        ("child-sas", "none"),
    ],
)
def test_a_malformed_ike_sa_is_named(field: str, value: Any) -> None:
    with pytest.raises(ConvertError) as caught:
        converter().ike_sa("site", ike(**{field: value}))
    assert caught.value.field == field
    assert "site" in str(caught.value)
    assert isinstance(caught.value, DataSourceError)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("uniqueid", {}),
        ("state", "DREAMING"),
        ("mode", "PASS"),
        ("reqid", "absent"),
        ("spi-in", "no"),
        ("mark-in", "red"),
        ("if-id-out", []),
        ("bytes-in", "-"),
        ("local-ts", ["10.0.0.0/99"]),
        ("remote-ts", "10.0.0.0/24"),
    ],
)
def test_a_malformed_child_is_left_out_and_named(field: str, value: Any) -> None:
    problems: list[ConvertError] = []
    good = child(uniqueid="4")
    fields = ike() | {"child-sas": {"net-3": child(**{field: value}), "net-4": good}}
    sa = converter(problems).ike_sa("site", fields)
    assert [child.id for child in sa.children] == [4]
    assert [problem.field for problem in problems] == [field]
    assert "net-3" in str(problems[0])


def test_a_child_of_which_nothing_is_told() -> None:
    problems: list[ConvertError] = []
    made = converter(problems)
    bare = {key: encode(CHILD[key]) for key in ("name", "uniqueid", "reqid", "mode")}
    updating = ike() | {"child-sas": {"net-3": bare | {"state": b"UPDATING"}}}
    assert made.ike_sa("site", updating).children == ()
    full = made.ike_sa("site", ike()).children[0]
    (known,) = made.ike_sa("site", updating).children
    assert (known.state, known.parameters) == (SaState.ACTIVE, full.parameters)
    assert known.traffic == IpsecTraffic()
    assert not problems


def test_marks_and_interface_ids() -> None:
    # As charon 5.9.8 tells them: a mask that covers all bits is left out.
    made = converter()
    marked = child(mark_in="0000002a", mark_out="0000002b", mark_mask_out="000000ff")
    joined = child(uniqueid="4", if_id_in="0000002c", if_id_out="ffffffff")
    fields = ike(if_id_in="0000004d", if_id_out="0000004e")
    sa = made.ike_sa("site", fields | {"child-sas": {"net-3": marked, "net-4": joined}})
    assert (sa.parameters.if_id_in, sa.parameters.if_id_out) == (0x4D, 0x4E)
    first, second = (one.parameters for one in sa.children)
    assert (first.mark_in, first.mark_out) == (Mark(0x2A), Mark(0x2B, 0xFF))
    assert (first.if_id_in, first.if_id_out) == (None, None)
    assert (second.mark_in, second.mark_out) == (None, None)
    assert (second.if_id_in, second.if_id_out) == (0x2C, 0xFFFFFFFF)
    (other,) = made.ike_sa("site", ike() | {"child-sas": {"net-3": child(mark_in="7")}}).children
    assert other.parameters.mark_in == Mark(7)


def test_an_unchanged_sa_keeps_its_parameters() -> None:
    made = converter()
    first = made.ike_sa("site", ike())
    for established, remaining in ((105, 2995), (110, 2989), (115, 2986)):  # sum 3100, 3099, 3101
        again = made.ike_sa("site", ike(established=str(established), rekey_time=str(remaining)))
        assert again.parameters is first.parameters
        assert again.age == established
    older = child(install_time="25", rekey_time="1096", life_time="1294", bytes_in="300")
    (same,) = made.ike_sa("site", ike() | {"child-sas": {"net-3": older}}).children
    assert same.parameters is first.children[0].parameters
    assert same.traffic.in_octets == 300


def test_parameters_change_with_what_they_are_made_of() -> None:
    made = converter()
    first = made.ike_sa("site", ike(version="1"))
    assert first.parameters.mode is None
    moved = made.ike_sa("site", ike(version="1", remote_host="10.9.0.7"), NegotiationMode.MAIN)
    assert moved.parameters.remote_address == ip_address("10.9.0.7")
    assert moved.parameters.mode is NegotiationMode.MAIN
    later = made.ike_sa("site", ike(version="1", rekey_time="4000"))
    assert later.parameters.rekey_after == 4100
    made.connections = {"site": Connection(60)}
    changed = made.ike_sa("site", ike(version="1"))
    assert changed.parameters.lifetime == 60
    assert changed.children[0].parameters.rekey_octets is None


def test_a_time_that_is_not_told_for_a_moment_is_kept() -> None:
    made = converter()
    first = made.ike_sa("site", ike())
    busy = ike(state="REKEYING", established="absent", rekey_time="absent", reauth_time="absent")
    assert made.ike_sa("site", busy).parameters is first.parameters


def test_an_age_that_is_not_told_is_at_least_that_of_a_child() -> None:
    busy = ike(state="REKEYING", established="absent", rekey_time="absent", reauth_time="absent")
    assert converter().ike_sa("site", busy).age == 20


def test_what_is_not_listed_any_more_is_forgotten() -> None:
    made = converter()
    first = made.ike_sa("site", ike()).parameters
    made.listed()
    assert made.ike_sa("site", ike()).parameters is first
    made.listed()
    made.listed()
    again = made.ike_sa("site", ike()).parameters
    assert again == first
    assert again is not first


def test_a_connection_of_a_capture() -> None:
    (message,) = messages_of("v2-up-alpha", "list-conn")
    connection = parse_connection("site", message["site"])
    ours, theirs = ip_address("10.9.0.1"), ip_address("10.9.0.2")
    assert connection == Connection(
        3600,
        AuthMethod.PRE_SHARED_KEY,
        {"net": None},
        Identity.parse("10.9.0.1"),
        Identity.parse("10.9.0.2"),
        ours,
        theirs,
    )


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, Connection()),
        ({"reauth_time": "0", "rekey_time": "0"}, Connection()),
        ({"reauth_time": "600", "rekey_time": "0"}, Connection(600)),
        ({"reauth_time": "600", "rekey_time": "500"}, Connection(500)),
        ({"remote-1": {"class": "public key"}}, Connection(None, AuthMethod.SIGNATURE)),
        ({"remote-1": {"class": "any"}}, Connection()),
        ({"remote-1": {"id": "%any"}, "local-1": {"id": "*.example"}}, Connection()),
        ({"local-1": {"id": "gw"}}, Connection(local_identity=Identity.parse("gw"))),
        ({"local_addrs": ["%any"], "remote_addrs": ["10.0.0.0/8"]}, Connection()),
        ({"remote_addrs": ["10.0.0.1", "10.0.0.2"]}, Connection()),
        ({"remote_addrs": ["peer.example"], "local_addrs": "10.0.0.1"}, Connection()),
        ({"children": {"a": {"rekey_bytes": "7"}}}, Connection(None, None, {"a": 7})),
    ],
)
def test_connections(fields: dict[str, Any], expected: Connection) -> None:
    assert parse_connection("site", encode(fields)) == expected


def test_a_malformed_connection_is_named() -> None:
    with pytest.raises(ConvertError, match=r"connection site: rekey_time=b'x'"):
        parse_connection("site", {"rekey_time": b"x"})
