from __future__ import annotations

import dataclasses
import datetime as dt
import ipaddress
from collections.abc import Iterable

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from datasource.failures import IkeFailure, IpsecFailure
from datasource.model import (
    ChildSa,
    ChildSaParameters,
    Identity,
    IkeSa,
    IkeSaParameters,
    IpAddress,
    SaState,
)
from datasource.reasons import EndReason
from datasource.reasons import IkeFailureReason as Ike
from datasource.reasons import IpsecFailureReason as Ipsec
from datasource.strongswan.alerts import Alert
from datasource.strongswan.connection import Connection
from datasource.strongswan.failures import (
    AFTERMATH,
    HOLD,
    NO_SA_HOLD,
    PER_PEER,
    STRANGERS,
    FailureDesk,
)
from datasource.strongswan.own_certificates import parse_own_certificates
from datasource.strongswan.reports import Concern, Report
from datasource.strongswan.signs import (
    ALERT_SIGNS,
    OPERATOR,
    SETUP_FAILED,
    UNDECRYPTED,
    WRONG_KEY,
    Sign,
    log_sign,
)
from datasource.strongswan.source import tracker_for
from tests.certificates import Authority


def ip(number: int) -> IpAddress:
    return ipaddress.ip_address("192.0.2.0") + number


US, PEER = ip(1), ip(2)
OURS, THEIRS = Identity.parse("us"), Identity.parse("them")
CONNECTION = Connection(
    local_identity=OURS, remote_identity=THEIRS, local_address=US, remote_address=PEER
)


def alert(kind: Alert) -> Sign:
    sign = ALERT_SIGNS[kind]
    assert sign is not None
    return sign


def line(text: str) -> Sign:
    sign = log_sign(text)
    assert sign is not None
    return sign


class Desk:
    """A desk with a clock, and a tracker."""

    def __init__(self) -> None:
        self.now = 100.0
        self.tracker = tracker_for(log_events=True)
        self.floods = 0
        self.desk = FailureDesk(self.tracker, self._flood)
        self.desk.connections = {"site": CONNECTION}

    def _flood(self) -> None:
        self.floods += 1

    def notify(
        self,
        kind: Alert,
        connection: str = "site",
        peer: IpAddress | None = PEER,
        account: str = "them",
    ) -> None:
        """As error-notify says it: without the number of the IKE SA."""
        identity = Identity.parse(account) if account else None
        concern = Concern(connection=connection, remote_address=peer, account=identity)
        self.say("error-notify", alert(kind), concern)

    def log(self, sign: Sign, sa_id: int = 7, *, child: str = "", rekey: bool = False) -> None:
        """As the log says it, where IKE messages have been seen."""
        concern = Concern(
            sa_id, "site", local_address=US, remote_address=PEER, child=child, rekey=rekey
        )
        self.say("log", sign, concern)

    def say(self, source: str, sign: Sign, concern: Concern) -> None:
        self.desk.report(self.now, Report(source, sign, concern))

    def wait(self, seconds: float = HOLD) -> None:
        self.now += seconds
        self.desk.tick(self.now)

    def up(self, sa_id: int = 7, peer: IpAddress = PEER, *, child: str = "") -> None:
        parameters = IkeSaParameters("site", 2, True, US, peer, OURS, THEIRS)
        children = (_child(child),) if child else ()
        self.tracker.saw(self.now, IkeSa(sa_id, SaState.ACTIVE, 0.0, parameters, children))

    @property
    def ike(self) -> list[IkeFailure]:
        return [row.content for row in self.tracker.history.past().ike_failures]

    @property
    def ipsec(self) -> list[IpsecFailure]:
        return [row.content for row in self.tracker.history.past().ipsec_failures]

    @property
    def reasons(self) -> list[Ike | Ipsec]:
        return [*(row.reason for row in self.ike), *(row.reason for row in self.ipsec)]


def _child(name: str) -> ChildSa:
    selectors = ()
    return ChildSa(3, SaState.ACTIVE, 0.0, ChildSaParameters(name, 1, 5, 6, selectors, selectors))


@pytest.fixture
def desk() -> Desk:
    return Desk()


AUTH_REPORTS = ("notify", "log", "events")


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (2, 0, 1)])
def test_three_sources_tell_of_one_failure(desk: Desk, order: Iterable[int]) -> None:
    for number in order:
        if AUTH_REPORTS[number] == "notify":
            desk.notify(Alert.CERT_EXPIRED)
            desk.notify(Alert.PEER_AUTH_FAILED)
        elif AUTH_REPORTS[number] == "log":
            desk.log(line("no trusted RSA public key found for 'them'"))
        else:
            concern = Concern(7, "site", OURS, Identity.parse("them, by certificate"), US, PEER)
            desk.say("events", SETUP_FAILED, concern)
        desk.wait(0.01)
    desk.wait()
    (failure,) = desk.ike
    assert failure == IkeFailure(
        100.0,
        Ike.PEER_CERTIFICATE_NOT_VALID,
        OURS,
        Identity.parse("them, by certificate"),
        US,
        PEER,
    )
    assert desk.desk.deadline is None


def test_what_is_not_known_is_none(desk: Desk) -> None:
    desk.notify(Alert.PARSE_ERROR_HEADER, "", account="")
    desk.wait()
    assert desk.ike == [IkeFailure(100.0, Ike.PEER_ENCODING, remote_address=PEER)]


def test_a_set_up_fails_once(desk: Desk) -> None:
    for _ in range(3):
        desk.log(UNDECRYPTED)
        desk.notify(Alert.PARSE_ERROR_BODY, "", account="")
        desk.wait(0.4)
    desk.log(line("giving up after 2 retransmits"))
    desk.notify(Alert.RETRANSMIT_SEND_TIMEOUT)
    desk.notify(Alert.PEER_INIT_UNREACHABLE)
    desk.wait()
    desk.say("events", SETUP_FAILED, Concern(sa_id=7))
    desk.wait()
    assert desk.reasons == [Ike.ENCRYPTION]


def test_another_attempt_is_another_failure(desk: Desk) -> None:
    for sa_id in (7, 8):
        desk.log(WRONG_KEY, sa_id)
        desk.wait()
    assert desk.reasons == [Ike.AUTHENTICATION] * 2
    assert desk.tracker.snapshot(0).totals.failures.authentication == 2


def test_two_attempts_at_once(desk: Desk) -> None:
    for sa_id in (7, 8):
        desk.notify(Alert.PEER_AUTH_FAILED)
        desk.log(line("no peer config found"), sa_id)
    desk.wait()
    assert desk.reasons == [Ike.AUTHENTICATION] * 2


def test_a_try_after_the_other(desk: Desk) -> None:
    for attempt in range(3):
        desk.log(line("giving up after 5 retransmits"))
        desk.wait(0.01 if attempt else HOLD)
        desk.desk.begins_anew(7)
        desk.wait(10)
    assert desk.reasons == [Ike.PEER_LOST] * 3


def test_an_operator_ends_a_set_up(desk: Desk) -> None:
    desk.say("events", OPERATOR, Concern(sa_id=7))
    desk.wait()
    assert desk.reasons == [Ike.OPERATOR]


# Tunnels that are up --------------------------------------------------------------------------


def test_the_end_of_a_tunnel_is_told_by_the_tunnel(desk: Desk) -> None:
    desk.up()
    desk.notify(Alert.LOCAL_AUTH_FAILED)
    desk.log(line("giving up after 5 retransmits"))
    desk.desk.tunnel_ended(desk.now, Concern(7, "site", remote_address=PEER))
    desk.tracker.ike_down(desk.now, 7, EndReason.PEER_LOST)
    desk.notify(Alert.RETRANSMIT_SEND_TIMEOUT)
    desk.wait()
    desk.notify(Alert.INVALID_IKE_SPI, "")
    desk.wait(NO_SA_HOLD)
    assert desk.reasons == [Ike.PEER_LOST]
    assert desk.ike[0].remote_identity == THEIRS


@pytest.mark.parametrize("first", ["end", "record"])
def test_the_end_of_a_tunnel_without_a_number(desk: Desk, first: str) -> None:
    desk.up()
    for step in ("record", "end") if first == "record" else ("end", "record"):
        if step == "record":
            desk.notify(Alert.RETRANSMIT_SEND_TIMEOUT)
        else:
            desk.desk.tunnel_ended(desk.now, Concern(7, "site", remote_address=PEER))
        desk.wait(HOLD / 2)
    desk.wait()
    assert not desk.reasons
    # It does not speak for another connection, nor for ever.
    desk.notify(Alert.RETRANSMIT_SEND_TIMEOUT, "other")
    desk.wait()
    desk.wait(1)
    desk.notify(Alert.RETRANSMIT_SEND_TIMEOUT)
    desk.wait()
    assert desk.reasons == [Ike.PEER_LOST] * 2


def test_what_goes_wrong_on_a_tunnel_is_counted_each_time(desk: Desk) -> None:
    desk.up()
    for _ in range(2):
        desk.log(line("integrity check failed"))
        desk.wait(2)
    (one, two) = desk.ike
    assert (one.reason, one.local_identity, one.number) == (Ike.HASH_VALIDATION, OURS, 1)
    assert two.at == one.at + 2
    desk.log(line("tried 1 shared key for 'a' - 'b', but MAC mismatched"))
    desk.wait()
    assert len(desk.ike) == 2


def test_a_set_up_that_failed_no_more(desk: Desk) -> None:
    desk.log(UNDECRYPTED)
    desk.wait()
    desk.up()
    desk.log(UNDECRYPTED)
    desk.wait(2)
    assert desk.reasons == [Ike.ENCRYPTION] * 2


def test_a_status_that_is_not_known_is_no_failure(desk: Desk) -> None:
    desk.notify(Alert.CERT_VALIDATION_FAILED)
    desk.up()
    desk.wait()
    assert not desk.reasons
    desk.notify(Alert.CERT_VALIDATION_FAILED, "other")
    desk.notify(Alert.PEER_AUTH_FAILED, "other")
    desk.wait()
    assert desk.reasons == [Ike.CRL]


# Children -------------------------------------------------------------------------------------


def refuse(desk: Desk, *, child: str = "", rekey: bool = False) -> None:
    """Say what strongSwan 5.9.8 says of a child that is refused."""
    desk.notify(Alert.PROPOSAL_MISMATCH_CHILD)
    desk.notify(Alert.KEEP_ON_CHILD_SA_FAILURE)
    desk.log(
        line("received NO_PROPOSAL_CHOSEN notify, no CHILD_SA built"), child=child, rekey=rekey
    )
    desk.log(line("failed to establish CHILD_SA, keeping IKE_SA"), child=child, rekey=rekey)


def test_a_refused_child(desk: Desk) -> None:
    desk.up()
    refuse(desk)
    desk.wait()
    peer = desk.tracker.peer_of(7)
    expected = IpsecFailure(100.0, Ipsec.PROPOSAL, peer, source=US, destination=PEER)
    assert desk.ipsec == [expected]
    assert not desk.ike


def test_several_children_at_once(desk: Desk) -> None:
    desk.up()
    for _ in range(3):
        refuse(desk)
    desk.wait()
    assert desk.reasons == [Ipsec.PROPOSAL] * 3


def test_a_rekey_is_about_its_tunnel(desk: Desk) -> None:
    desk.up(child="net")
    for child in ("net", "", "other"):
        refuse(desk, child=child, rekey=True)
        desk.wait()
    tunnels = [failure.tunnel and failure.tunnel.index for failure in desk.ipsec]
    assert tunnels == [1, 1, None]


def test_a_log_that_is_late_still_tells_which_tunnel(desk: Desk) -> None:
    desk.desk = FailureDesk(desk.tracker, log_events=True)
    desk.up(child="net")
    desk.notify(Alert.KEEP_ON_CHILD_SA_FAILURE)
    desk.wait()
    assert not desk.ipsec
    desk.log(line("failed to establish CHILD_SA, keeping IKE_SA"), child="net", rekey=True)
    desk.wait()
    (failure,) = desk.ipsec
    assert failure.tunnel is not None
    desk.notify(Alert.KEEP_ON_CHILD_SA_FAILURE)
    desk.wait(NO_SA_HOLD)
    assert len(desk.ipsec) == 2  # what the log never tells is told without it


def test_a_child_without_a_number(desk: Desk) -> None:
    desk.up(5)
    desk.up(7)
    desk.notify(Alert.TS_MISMATCH)
    desk.wait()
    assert desk.ipsec[0].peer == desk.tracker.peer_of(7)


def test_a_child_of_an_ike_sa_that_is_gone(desk: Desk) -> None:
    refuse(desk)
    desk.wait()
    (failure,) = desk.ipsec
    assert failure.peer is not None
    assert failure.peer.remote_identity == THEIRS
    desk.desk.connections = {}
    desk.notify(Alert.INSTALL_CHILD_SA_FAILED, account="")
    desk.wait()
    failure = desk.ipsec[1]
    assert (failure.reason, failure.peer) == (Ipsec.INTERNAL_ERROR, None)
    assert (failure.source, failure.destination) == (None, PEER)


@pytest.mark.parametrize(("up", "reason"), [(True, Ipsec.PROPOSAL), (False, Ike.PROPOSAL)])
def test_a_notify_of_ikev1(desk: Desk, up: bool, reason: Ike | Ipsec) -> None:
    if up:
        desk.up()
    desk.log(line("received NO_PROPOSAL_CHOSEN error notify"))
    desk.wait()
    assert desk.reasons == [reason]


# What follows ---------------------------------------------------------------------------------


def test_a_message_that_follows_is_no_failure(desk: Desk) -> None:
    desk.log(line("no issuer certificate found for 'them'"))
    desk.log(line("no trusted RSA public key found for 'them'"))
    desk.wait()
    desk.notify(Alert.INVALID_IKE_SPI, "", account="")
    desk.wait(NO_SA_HOLD)
    assert desk.reasons == [Ike.PEER_CERTIFICATE_NOT_VALID]
    desk.notify(Alert.INVALID_IKE_SPI, "", ip(9), "")
    desk.wait(AFTERMATH)
    desk.notify(Alert.INVALID_IKE_SPI, "", account="")
    desk.wait(NO_SA_HOLD)
    assert desk.reasons[1:] == [Ike.NO_SA] * 2


def test_a_message_for_an_sa_whose_end_is_told_later_is_no_failure(desk: Desk) -> None:
    desk.notify(Alert.INVALID_IKE_SPI, "", account="")
    desk.wait(NO_SA_HOLD / 2)
    desk.log(WRONG_KEY, 8)  # another one is not held up by it
    desk.desk.tunnel_ended(desk.now, Concern(7, "site", remote_address=PEER))
    desk.wait(NO_SA_HOLD / 2)
    assert desk.reasons == [Ike.AUTHENTICATION]


def test_a_time_out_follows_only_what_did_not_end(desk: Desk) -> None:
    desk.notify(Alert.PARSE_ERROR_BODY)
    desk.wait()
    desk.notify(Alert.HALF_OPEN_TIMEOUT)
    desk.wait()
    assert desk.reasons == [Ike.PEER_ENCODING]
    desk.wait(AFTERMATH)
    for _ in range(2):
        desk.notify(Alert.RETRANSMIT_SEND_TIMEOUT)
        desk.wait(1)
    assert desk.reasons[1:] == [Ike.PEER_LOST] * 2


def test_a_daemon_that_is_gone(desk: Desk) -> None:
    desk.log(WRONG_KEY)
    desk.desk.restarted(desk.now)
    assert desk.reasons == [Ike.AUTHENTICATION]
    desk.log(WRONG_KEY)  # another SA with the same number
    desk.wait()
    assert len(desk.ike) == 2


# Floods ---------------------------------------------------------------------------------------


def test_garbage_of_one_address(desk: Desk) -> None:
    for _ in range(1000):
        desk.notify(Alert.PARSE_ERROR_HEADER, "", account="")
        desk.wait(0.01)
    desk.wait()
    assert 10 <= len(desk.ike) <= 11
    assert desk.desk.left_out == desk.floods > 0


def test_garbage_of_many_addresses(desk: Desk) -> None:
    for number in range(5000):
        desk.notify(Alert.PARSE_ERROR_HEADER, "", ip(number), "")
        desk.wait(0.001)
    desk.wait()
    assert STRANGERS <= len(desk.ike) <= STRANGERS + 6
    assert len(desk.desk._troubled) <= 10_000
    # A peer that is known still has its row.
    desk.log(WRONG_KEY)
    desk.wait()
    assert desk.reasons[-1] is Ike.AUTHENTICATION


def test_garbage_all_at_once_takes_no_more_memory(desk: Desk) -> None:
    for number in range(5000):
        desk.notify(Alert.PARSE_ERROR_HEADER, "", ip(number), "")
    assert len(desk.desk._open) == len(desk.desk._places) == 1000
    desk.wait()
    assert len(desk.ike) == STRANGERS
    assert not desk.desk._places
    assert desk.desk.left_out == 5000 - STRANGERS


def test_one_peer_that_tries_and_tries(desk: Desk) -> None:
    for sa_id in range(100):
        desk.log(WRONG_KEY, sa_id + 1)
    desk.wait()
    assert len(desk.ike) == PER_PEER
    assert desk.tracker.snapshot(0).totals.failures.authentication == 100


# Our own certificate --------------------------------------------------------------------------


@pytest.mark.parametrize("has_certificate", [True, False])
def test_our_own_certificate_has_expired(desk: Desk, *, has_certificate: bool) -> None:
    data = Authority("Lab CA").issue("10.9.0.1").public_bytes(Encoding.DER)
    own = parse_own_certificates([{"has_privkey": b"yes", "data": data}])
    date = dt.datetime.now(dt.UTC)
    desk.desk.certificates(desk.now, date, own)
    connection = dataclasses.replace(CONNECTION, has_certificate=has_certificate)
    desk.desk.connections = {"site": connection}
    desk.notify(Alert.LOCAL_AUTH_FAILED)
    desk.wait()
    desk.wait(31 * 86400.0)
    for said in (
        alert(Alert.LOCAL_AUTH_FAILED),
        line("received AUTHENTICATION_FAILED error notify"),
    ):
        desk.say("any", said, Concern(connection="site", remote_address=PEER))
        desk.wait(2)
        desk.wait(2)
    desk.notify(Alert.PEER_AUTH_FAILED)
    desk.wait()
    reason = Ike.LOCAL_CERTIFICATE_EXPIRED if has_certificate else Ike.AUTHENTICATION
    assert desk.reasons == [Ike.AUTHENTICATION, reason, reason, Ike.AUTHENTICATION]


# Anything -------------------------------------------------------------------------------------

SIGNS = st.sampled_from([sign for sign in ALERT_SIGNS.values() if sign is not None])
CONCERNS = st.builds(
    Concern,
    sa_id=st.integers(0, 3),
    connection=st.sampled_from(["", "site", "other"]),
    remote_address=st.sampled_from([None, PEER, ip(9)]),
    rekey=st.booleans(),
)
STEPS = st.tuples(
    st.sampled_from(["report", "ended", "up", "down", "anew", "wait"]),
    st.sampled_from(["error-notify", "log", "events"]),
    SIGNS,
    CONCERNS,
)


@given(st.lists(STEPS, max_size=30))
def test_whatever_is_said(steps: list[tuple[str, str, Sign, Concern]]) -> None:
    desk = Desk()
    reports = 0
    for step, source, sign, concern in steps:
        if step == "report":
            desk.say(source, sign, concern)
            reports += 1
        elif step == "ended":
            desk.desk.tunnel_ended(desk.now, concern)
        elif step == "up" and concern.sa_id:
            desk.up(concern.sa_id)
        elif step == "down":
            desk.tracker.ike_down(desk.now, concern.sa_id, EndReason.NORMAL)
        elif step == "anew":
            desk.desk.begins_anew(concern.sa_id)
        else:
            desk.wait(0.1)
    desk.wait(NO_SA_HOLD)
    assert len(desk.reasons) + desk.desk.left_out <= reports
    assert not desk.desk._open
    assert not desk.desk._places
    assert desk.desk.deadline is None
