from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasource.model import NO_IKE_TRAFFIC, IkeTraffic, NegotiationMode
from datasource.strongswan.ike_log import (
    Hint,
    IkeLog,
    LogLine,
    Termination,
    tells_of_configuration,
)
from tests.unit.datasource.strongswan.replay import SCENARIOS, messages_of


def line(group: str, text: str, sa: int | None = 7) -> dict[str, bytes]:
    message = {"group": group.encode(), "level": b"1", "thread": b"3", "msg": text.encode()}
    return message if sa is None else {**message, "ikesa-uniqueid": str(sa).encode()}


def read(group: str, text: str) -> LogLine:
    return IkeLog().read(line(group, text))


def counted(traffic: IkeTraffic) -> dict[str, int]:
    return {name: count for name, count in traffic._asdict().items() if count}


@pytest.mark.parametrize(
    ("group", "text", "expected"),
    [
        ("NET", "sending packet: from 10.9.0.1[500] to 10.9.0.2[500] (464 bytes)",
         {"out_octets": 464, "out_packets": 1}),
        ("NET", "received packet: from fd09::2[4500] to fd09::1[4500] (80 bytes)",
         {"in_octets": 80, "in_packets": 1}),
        ("ENC", "generating IKE_SA_INIT request 0 [ SA KE No N(NATD_S_IP) N(NATD_D_IP) ]",
         {"out_notifies": 2}),
        ("ENC", "generating IKE_AUTH request 1 [ IDi N(INIT_CONTACT) IDr AUTH SA TSi TSr ]",
         {"out_notifies": 1, "out_phase2_exchanges": 1}),
        ("ENC", "parsed IKE_AUTH request 1 [ IDi AUTH SA TSi TSr ]", {"in_phase2_exchanges": 1}),
        ("ENC", "generating IKE_AUTH request 1 [ EF(1/2) ]", {}),
        ("ENC", "parsed IKE_AUTH response 1 [ IDr AUTH N(MOBIKE_SUP) N(NO_PROP) ]",
         {"in_notifies": 2, "out_phase2_rejects": 1}),
        ("ENC", "generating IKE_AUTH response 1 [ IDr AUTH N(TS_UNACCEPT) ]",
         {"out_notifies": 1, "in_phase2_rejects": 1}),
        ("ENC", "parsed IKE_AUTH response 1 [ N(AUTH_FAILED) ]", {"in_notifies": 1}),
        ("ENC", "parsed IKE_SA_INIT response 0 [ N(NO_PROP) ]", {"in_notifies": 1}),
        ("ENC", "generating CREATE_CHILD_SA request 2 [ N(REKEY_SA) SA No TSi TSr ]",
         {"out_notifies": 1, "out_phase2_exchanges": 1}),
        ("ENC", "generating CREATE_CHILD_SA request 5 [ SA No KE ]", {}),
        ("ENC", "parsed QUICK_MODE request 2788202972 [ HASH SA No ID ID ]",
         {"in_phase2_exchanges": 1}),
        ("ENC", "parsed QUICK_MODE request 2788202972 [ HASH ]", {}),
        ("ENC", "generating INFORMATIONAL_V1 request 7 [ HASH N(NO_PROP) ]",
         {"out_notifies": 1, "in_phase2_rejects": 1}),
        ("ENC", "parsed INFORMATIONAL_V1 request 7 [ HASH N(INVAL_ID) ]",
         {"in_notifies": 1, "out_phase2_rejects": 1}),
        ("ENC", "parsed INFORMATIONAL_V1 request 7 [ N(NO_PROP) ]", {"in_notifies": 1}),
        ("ENC", "parsed INFORMATIONAL response 4 [ ]", {}),
        ("IKE", "received DELETE for ESP CHILD_SA with SPI 521ac4d0", {"in_phase2_deletes": 1}),
        ("IKE", "sending DELETE for AH CHILD_SA with SPI 521ac4d0", {"out_phase2_deletes": 1}),
        ("IKE", "IKE_SA deleted", {}),
    ],
)  # fmt: skip
def test_counts(group: str, text: str, expected: dict[str, int]) -> None:
    got = read(group, text)
    assert got.sa_id == 7
    assert counted(got.traffic) == expected


def test_a_refusal_of_a_child_is_told_from_that_of_an_ike_rekey_by_its_request() -> None:
    log = IkeLog()
    refusal = "parsed CREATE_CHILD_SA response {} [ N(NO_PROP) ]"
    log.read(line("ENC", "generating CREATE_CHILD_SA request 2 [ SA No TSi TSr ]"))
    log.read(line("ENC", "generating CREATE_CHILD_SA request 3 [ SA No KE ]"))
    log.read(line("ENC", "parsed CREATE_CHILD_SA request 3 [ SA No TSi TSr ]"))
    assert log.read(line("ENC", refusal.format(3))).traffic.out_phase2_rejects == 0
    assert log.read(line("ENC", refusal.format(2))).traffic.out_phase2_rejects == 1
    assert log.read(line("ENC", refusal.format(2))).traffic.out_phase2_rejects == 0
    answer = "generating CREATE_CHILD_SA response 3 [ N(INVAL_SYN) ]"
    assert log.read(line("ENC", answer)).traffic.in_phase2_invalids == 1


@pytest.mark.parametrize(
    ("group", "text", "failure"),
    [
        ("ENC", "generating IKE_AUTH response 1 [ N(AUTH_FAILED) ]", "authentication"),
        ("ENC", "parsed INFORMATIONAL_V1 request 5 [ HASH N(AUTH_FAILED) ]", "authentication"),
        ("IKE", "XAuth authentication of 'carol' failed", "authentication"),
        ("IKE", "XAuth authentication of 'carol' (myself) failed", "authentication"),
        ("IKE", "XAuth authentication of 'carol' successful", None),
        ("ENC", "could not decrypt payloads", "decryption"),
        ("ENC", "verifying encrypted payload integrity failed", "hash_validation"),
        ("IKE", "calculated HASH does not match HASH payload", "hash_validation"),
        ("ENC", "received HASH payload does not match", "hash_validation"),
        ("IKE", "message parsing failed", None),
    ],
)
def test_failures(group: str, text: str, failure: str | None) -> None:
    assert read(group, text).failure == failure


def test_one_bad_message_is_one_failure() -> None:
    log = IkeLog()
    lines = ("verifying encrypted payload integrity failed", "could not decrypt payloads")
    got = [log.read(line("ENC", text)).failure for text in lines * 2]
    assert got == ["hash_validation", None] * 2
    assert log.read(line("ENC", lines[1])).failure == "decryption"


@pytest.mark.parametrize(
    ("group", "text", "hint"),
    [
        ("IKE", "initiating Main Mode IKE_SA site[1] to 10.9.0.2", Hint.INITIATING),
        ("IKE", "deleting IKE_SA site[2] between 10.9.0.1[a]...10.9.0.2[b]", Hint.DELETING),
        ("IKE", "received DELETE for IKE_SA site[3]", Hint.PEER_DELETES),
        ("IKE", "giving up after 2 retransmits", Hint.PEER_LOST),
        ("JOB", "DPD check timed out, enforcing DPD action", Hint.PEER_LOST),
        ("IKE", "establishing IKE_SA failed, peer not responding", Hint.SETUP_FAILED),
        ("JOB", "deleting half open IKE_SA with 10.9.0.1 after timeout", Hint.SETUP_FAILED),
        ("IKE", "destroying IKE_SA in state CONNECTING without notification",
         Hint.SETUP_FAILED),
        ("DMN", "SIGTERM received, shutting down", Hint.SHUTDOWN),
        ("JOB", "anything", None),
        ("KNL", "anything", None),
    ],
)  # fmt: skip
def test_hints(group: str, text: str, hint: Hint | None) -> None:
    assert read(group, text).hint is hint


@pytest.mark.parametrize(
    ("text", "termination"),
    [
        ("vici terminate IKE_SA 'site'", Termination(child=False, name="site", id=None)),
        ("vici terminate CHILD_SA 'it's'", Termination(child=True, name="it's", id=None)),
        ("vici terminate IKE_SA #12", Termination(child=False, name=None, id=12)),
        ("vici terminate CHILD_SA #3", Termination(child=True, name=None, id=3)),
        ("vici initiate CHILD_SA 'net'", None),
    ],
)
def test_an_operators_wish(text: str, termination: Termination | None) -> None:
    assert read("CFG", text).termination == termination


def test_the_mode_of_an_ikev1_negotiation() -> None:
    assert read("ENC", "parsed ID_PROT response 0 [ SA V ]").mode is NegotiationMode.MAIN
    assert read("ENC", "generating AGGRESSIVE request 0 [ SA ]").mode is NegotiationMode.AGGRESSIVE
    assert read("ENC", "parsed IKE_AUTH request 0 [ SA ]").mode is None


def test_a_line_of_no_ike_sa() -> None:
    text = "sending packet: from 10.9.0.1[500] to 10.9.0.2[500] (464 bytes)"
    assert IkeLog().read(line("NET", text, None)).sa_id == 0


raw = st.binary(max_size=80) | st.lists(st.binary(max_size=5), max_size=2)
groups = st.sampled_from([b"NET", b"ENC", b"IKE", b"CFG", b"JOB", b"DMN"]) | st.binary(max_size=3)
exchanges = st.tuples(
    st.sampled_from(["generating ", "parsed "]),
    st.text(alphabet="IKE_AUTHCREATE_CHILD_SA ", max_size=16),
    st.sampled_from([" request ", " response ", " "]),
    st.text(alphabet="0123456789 ", max_size=12),
    st.text(alphabet="[]N()SATSi ", max_size=30),
).map(lambda parts: "".join(parts).encode())


@given(groups, raw | exchanges, raw)
def test_nothing_is_raised(group: bytes, text: bytes | list[bytes], sa: bytes) -> None:
    got = IkeLog().read({"group": group, "msg": text, "ikesa-uniqueid": sa})
    assert got.sa_id >= 0
    assert IkeLog().read({"msg": text}).traffic == NO_IKE_TRAFFIC


ALPHA = [name for name in SCENARIOS if name.endswith("-alpha") and "peer-lost" not in name]


@pytest.mark.parametrize("name", ALPHA)
def test_what_one_side_sends_the_other_receives(name: str) -> None:
    def total(side: str) -> dict[str, int]:
        log = IkeLog()
        sums: dict[str, int] = {}
        for message in messages_of(name.replace("-alpha", side), "log"):
            for field, count in counted(log.read(message).traffic).items():
                sums[field] = sums.get(field, 0) + count
        return sums

    def mirrored(field: str) -> str:
        way, _, what = field.partition("_")
        return {"in": "out_", "out": "in_"}[way] + what

    alpha, beta = total("-alpha"), total("-beta")
    # A refusal counts against the exchange, so it changes sides as everything else does. What
    # cannot be decrypted is not seen as a notify.
    fields = {"in_octets", "out_octets", "in_packets", "out_packets"}
    if "auth-failure" not in name:
        fields |= {field for field in alpha if not field.endswith("_deletes")}
    assert fields <= alpha.keys()
    assert {mirrored(field): alpha[field] for field in fields} == {
        mirrored(field): beta.get(mirrored(field), 0) for field in fields
    }


@pytest.mark.parametrize("verb", ["added", "updated", "replaced"])
def test_what_tells_of_configuration(verb: str) -> None:
    assert tells_of_configuration({"group": b"CFG", "msg": f"{verb} vici connection: a".encode()})


@pytest.mark.parametrize("line", [b"loaded IKE shared key 'x'", b"", b"vici connection: a"])
def test_what_does_not(line: bytes) -> None:
    assert not tells_of_configuration({"msg": line})


def test_a_log_event_without_a_line() -> None:
    assert not tells_of_configuration({})
