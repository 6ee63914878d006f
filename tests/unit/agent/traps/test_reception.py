"""agent.traps: admission, pysnmp and what becomes of datagrams, without a socket."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.snmp.security import SecurityLevel
from agent.snmp.usm.users import UserSettings, localized_settings
from agent.snmp.v3_message import SecurityParameters
from agent.traps.admission import Clocks
from agent.traps.notification import Received, Security, TrapV1
from mibs import ber
from mibs.smi import Oid
from tests.snmp_peer import read
from tests.snmp_peer import request as asked
from tests.trap_sender import (
    COLD_START,
    SYS_UP_TIME,
    TRAP_OID,
    Counter32,
    Counter64,
    Gauge32,
    Integer32,
    IpAddress,
    Null,
    ObjectIdentifier,
    OctetString,
    Opaque,
    TimeTicks,
    head,
    message,
    message_v1,
    pdu,
)
from tests.unit.agent.traps.post import (
    NOBODY,
    NOW,
    OPS,
    OTHERS,
    OURS,
    THEIRS,
    USERS,
    WATCHER,
    Post,
    sender,
    trap,
)
from tests.usm_peer import Manager

UNKNOWN_ENGINE_IDS: Oid = (1, 3, 6, 1, 6, 3, 15, 1, 1, 4, 0)
NOT_IN_TIME_WINDOWS: Oid = (1, 3, 6, 1, 6, 3, 15, 1, 1, 2, 0)
UNKNOWN_USER_NAMES: Oid = (1, 3, 6, 1, 6, 3, 15, 1, 1, 3, 0)
WRONG_DIGESTS: Oid = (1, 3, 6, 1, 6, 3, 15, 1, 1, 5, 0)
UNSUPPORTED_SEC_LEVELS: Oid = (1, 3, 6, 1, 6, 3, 15, 1, 1, 1, 0)


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """Give what was said since the last time."""

    def since() -> list[str]:
        lines = [record.getMessage() for record in caplog.records]
        caplog.clear()
        prefix = "a message of 192.0.2.1 is not taken: "
        assert all(line.startswith(prefix) for line in lines)
        return [line.removeprefix(prefix) for line in lines]

    return since


Said = Callable[[], list[str]]


class TestCommunities:
    @pytest.mark.parametrize("kind", ["trap", "inform"])
    def test_a_notification_of_snmpv2c(self, post: Post, kind: Any) -> None:
        answer = post(message(kind, head(), community=b"any one"), "2001:db8::1")
        (received,) = post.received
        assert received == Received(
            NOW,
            "2001:db8::1",
            "2c",
            kind,
            [
                (SYS_UP_TIME, ber.TIME_TICKS, 4711),
                (TRAP_OID, ber.OBJECT_IDENTIFIER, COLD_START),
            ],
        )
        if kind == "trap":
            assert answer is None
        else:
            reply = read(answer)
            assert (reply.community, reply.request_id, reply.error) == (b"any one", 7, (0, 0))
            assert reply.names == [SYS_UP_TIME, TRAP_OID]

    def test_values_of_every_type(self, post: Post) -> None:
        sent = [
            Integer32(-1),
            OctetString(b"\x00\xff"),
            Null(""),
            ObjectIdentifier((1, 3, 6)),
            IpAddress("192.0.2.1"),
            Counter32(2**32 - 1),
            Gauge32(7),
            TimeTicks(8),
            Opaque(b"\x9f"),
            Counter64(2**64 - 1),
        ]
        name = (1, 3, 6, 1, 4, 1, 99999)
        post(message("trap", [*head(), *((name, value) for value in sent)]))
        assert [varbind[1:] for varbind in post.received[0].varbinds[2:]] == [
            (ber.INTEGER, -1),
            (ber.OCTET_STRING, b"\x00\xff"),
            (ber.NULL, b""),
            (ber.OBJECT_IDENTIFIER, (1, 3, 6)),
            (ber.IP_ADDRESS, b"\xc0\x00\x02\x01"),
            (ber.COUNTER32, 2**32 - 1),
            (ber.GAUGE32, 7),
            (ber.TIME_TICKS, 8),
            (ber.OPAQUE, b"\x9f"),
            (ber.COUNTER64, 2**64 - 1),
        ]

    @pytest.mark.parametrize(
        ("generic", "specific", "oid"),
        [
            (6, 7, (1, 3, 6, 1, 4, 1, 9, 9, 171, 2, 0, 7)),
            (0, 0, (1, 3, 6, 1, 6, 3, 1, 1, 5, 1)),
            (4, 0, (1, 3, 6, 1, 6, 3, 1, 1, 5, 5)),
        ],
    )
    def test_rfc3584_a_trap_of_snmpv1_in_the_form_of_snmpv2(
        self, post: Post, generic: int, specific: int, oid: Oid
    ) -> None:
        name = (1, 3, 6, 1, 4, 1, 99999, 0)
        sent = message_v1([(name, OctetString(b"x"))], generic=generic, specific=specific)
        assert post(sent) is None
        (received,) = post.received
        assert (received.version, received.kind) == ("1", "trap")
        assert received.v1 == TrapV1(
            (1, 3, 6, 1, 4, 1, 9, 9, 171, 2), "192.0.2.1", generic, specific
        )
        assert received.varbinds == [
            (SYS_UP_TIME, ber.TIME_TICKS, 4711),
            (TRAP_OID, ber.OBJECT_IDENTIFIER, oid),
            (name, ber.OCTET_STRING, b"x"),
        ]

    def test_other_communities_are_refused(self, said: Said) -> None:
        post = Post(communities=[b"one", b"two"])
        post(message("trap", head(), community=b"one"))
        post(message_v1(community=b"two"))
        assert len(post.received) == 2
        assert post(message("inform", head(), community=b"three")) is None
        assert post(message_v1(community=b"onetwo")) is None
        assert len(post.received) == 2
        assert said() == ["its community is none of those that are taken"] * 2


class TestUsers:
    @pytest.mark.parametrize("user", USERS, ids=lambda user: user.name)
    def test_a_trap_of_an_engine_that_was_not_known(self, post: Post, user: UserSettings) -> None:
        level = SecurityLevel(1 + bool(user.auth) + bool(user.priv))
        engines = THEIRS, OTHERS, THEIRS
        for engine_id in engines:
            assert post(trap(user, engine_id)) is None
        assert [received.security for received in post.received] == [
            Security(user.name, level, engine_id) for engine_id in engines
        ]
        assert {(one.version, one.kind) for one in post.received} == {("3", "trap")}

    @pytest.mark.parametrize("user", USERS, ids=lambda user: user.name)
    def test_an_inform(self, post: Post, user: UserSettings) -> None:
        manager = sender(user, OURS)
        stranger = Manager(b"", "").message(engine_id=b"", boots=0)
        hello = Manager(OURS).read(post(stranger))
        assert (hello.engine_id, hello.counter[0]) == (OURS, UNKNOWN_ENGINE_IDS)
        answer = post(
            manager.message(
                pdu("inform", head()),
                boots=hello.boots,
                time=hello.time,
                context_name=b"a context",
            )
        )
        assert manager.read(answer).kind == "response"
        (received,) = post.received
        assert (received.kind, received.context) == ("inform", "a context")
        assert received.security is not None
        assert received.security.user == user.name

    def test_who_took_us_for_another_engine_is_told(self, post: Post, said: Said) -> None:
        manager = sender(OPS, OTHERS)
        answer = post(manager.message(pdu("inform", head()), boots=7, time=99, msg_id=99))
        reply = Manager(OURS).read(answer)
        assert (reply.engine_id, reply.msg_id, reply.kind) == (OURS, 99, "report")
        assert reply.counter[0] == UNKNOWN_ENGINE_IDS
        assert post.received == []
        assert said() == []

    def test_an_inform_of_another_time(self, post: Post, said: Said) -> None:
        manager = sender(OPS, OURS)
        reply = manager.read(post(manager.message(pdu("inform", head()), boots=99, time=0)))
        assert reply.counter[0] == NOT_IN_TIME_WINDOWS
        again = manager.message(pdu("inform", head()), boots=reply.boots, time=reply.time)
        assert manager.read(post(again)).kind == "response"
        assert len(post.received) == 1
        assert said() == []

    @pytest.mark.parametrize(
        ("manager", "counter", "why"),
        [
            (
                sender(OPS, OURS, auth_passphrase="other syrup"),
                WRONG_DIGESTS,
                "its passphrase or protocol of authentication is another one (user 'ops')",
            ),
            (
                Manager(OURS, "stranger", "SHA-1"),
                UNKNOWN_USER_NAMES,
                "no such user is configured with a passphrase (user 'stranger')",
            ),
            (
                Manager(OURS, "ops", "SHA-256"),
                UNSUPPORTED_SEC_LEVELS,
                "its level is not the one that the user has secrets for (user 'ops')",
            ),
        ],
        ids=["passphrase", "user", "level"],
    )
    def test_informs_that_are_refused(
        self, post: Post, said: Said, manager: Manager, counter: Oid, why: str
    ) -> None:
        answer = post(manager.message(pdu("inform", head()), boots=2, time=1))
        assert answer is not None
        assert ber.encode_oid(counter) in answer
        assert post.received == []
        assert said() == [why]

    def test_an_inform_with_another_passphrase_of_privacy(self, post: Post, said: Said) -> None:
        manager = sender(OPS, OURS, priv_passphrase="other pancakes")
        boots = sender(OPS, OURS).read(post(manager.message(pdu("inform", head()), boots=99))).boots
        post(manager.message(pdu("inform", head()), boots=boots))
        assert post.received == []
        assert said() == ["its passphrase or protocol of privacy is another one (user 'ops')"]

    @pytest.mark.parametrize(
        ("data", "why"),
        [
            (
                sender(OPS, auth_passphrase="other syrup").message(pdu("trap", head()), flags=3),
                "its passphrase or protocol of authentication is another one (user 'ops')",
            ),
            (
                sender(OPS, priv_passphrase="other pancakes").message(pdu("trap", head()), flags=3),
                "its passphrase or protocol of privacy is another one (user 'ops')",
            ),
            (
                Manager(THEIRS, "stranger\x1b", "SHA-1").message(pdu("trap", head()), flags=1),
                r"no user 'stranger\x1b' is configured",
            ),
            (
                Manager(THEIRS, "ops").message(pdu("trap", head()), flags=0),
                "user 'ops' comes with noAuthNoPriv, not authPriv",
            ),
            (
                Manager(THEIRS, "ops", "SHA-256").message(pdu("trap", head()), flags=1),
                "user 'ops' comes with authNoPriv, not authPriv",
            ),
            (
                Manager(THEIRS, "nobody", "SHA-256").message(pdu("trap", head()), flags=1),
                "user 'nobody' comes with authNoPriv, not noAuthNoPriv",
            ),
            (
                Manager(b"1234", "nobody").message(pdu("trap", head()), flags=0),
                "an engine ID has 5 to 32 octets, not 4",
            ),
            (
                Manager(THEIRS, "nobody").message(pdu("trap", head()), flags=2),
                "its flags do not fit it",
            ),
            (
                sender(OPS).message(pdu("trap", head()), flags=1),
                "user 'ops' comes with authNoPriv, not authPriv",
            ),
            (
                Manager(THEIRS, "nobody").message(pdu("trap", head()), flags=0, security_model=7),
                "security model 7 is not known",
            ),
        ],
    )
    def test_us04_traps_that_are_refused(
        self, post: Post, said: Said, data: bytes, why: str
    ) -> None:
        assert post(data) is None
        assert post.received == []
        assert said() == [why]

    def test_an_old_trap_is_refused(self, post: Post, said: Said) -> None:
        old = trap(OPS, boots=3, time=1000)
        post(old)
        post(trap(OPS, boots=3, time=1200))
        assert len(post.received) == 2
        assert post(old) is None
        assert len(post.received) == 2
        assert said() == ["it is old: its engine has been heard with a later time"]
        # Without keys, nobody can tell.
        for time in (5000, 1):
            post(trap(NOBODY, boots=1, time=time))
        assert len(post.received) == 4

    def test_the_users_of_many_engines(self) -> None:
        post = Post(max_known=3)
        engines = [THEIRS[:-1] + bytes((number,)) for number in range(10)]
        for engine_id in (*engines, *engines):
            post(trap(OPS, engine_id))
            post(trap(WATCHER, engine_id))
        assert len(post.received) == 40
        inform = sender(WATCHER, OURS)
        reply = inform.read(post(inform.message(pdu("inform", head()), boots=99)))
        assert reply.counter[0] == NOT_IN_TIME_WINDOWS


class TestLocalizedKeys:
    KEYED = localized_settings(OPS, THEIRS)

    @pytest.fixture
    def post(self) -> Post:
        return Post(users=[self.KEYED], keyed_engine=THEIRS)

    def test_a_trap_of_that_engine(self, post: Post) -> None:
        post(trap(OPS))
        assert len(post.received) == 1

    def test_a_trap_of_another_engine(self, post: Post, said: Said) -> None:
        post(trap(OPS, OTHERS))
        assert post.received == []
        (why,) = said()
        assert why.startswith("the localised keys of user 'ops' are for the engine 80001f88040a0b")
        assert why.endswith(f", and this is the engine {OTHERS.hex()}")

    def test_an_inform(self, post: Post, said: Said) -> None:
        answer = post(sender(OPS, OURS).message(pdu("inform", head()), boots=2))
        assert answer is not None
        assert ber.encode_oid(UNKNOWN_USER_NAMES) in answer
        assert post.received == []
        assert said() == ["no such user is configured with a passphrase (user 'ops')"]

    @pytest.mark.parametrize("kind", ["auth_secret", "priv_secret"])
    def test_one_key_and_one_passphrase(self, kind: str) -> None:
        secrets = {kind: getattr(self.KEYED, kind)}
        post = Post(users=[dataclasses.replace(OPS, **secrets)], keyed_engine=THEIRS)
        post(trap(OPS))
        assert len(post.received) == 1


class TestClocks:
    @staticmethod
    def parameters(boots: int, time: int, engine_id: bytes = THEIRS) -> SecurityParameters:
        return SecurityParameters(engine_id, boots, time, b"ops", 0, 0, b"")

    def test_rfc3414_the_time_window(self) -> None:
        now = 0.0
        clocks = Clocks(lambda: now)
        said = [
            clocks.in_time(self.parameters(boots, time))
            for boots, time in ((5, 1000), (5, 850), (5, 849), (5, 1001), (5, 850), (4, 9999))
        ]
        assert said == [True, True, False, True, False, False]
        now = 100.0
        assert not clocks.in_time(self.parameters(5, 950))
        assert clocks.in_time(self.parameters(5, 951))
        assert clocks.in_time(self.parameters(6, 0))
        assert not clocks.in_time(self.parameters(5, 2000))

    def test_after_so_many_boots_none_is_in_time(self) -> None:
        clocks = Clocks(lambda: 0.0)
        assert not clocks.in_time(self.parameters(2**31 - 1, 1))
        assert not clocks.in_time(self.parameters(2**31 - 1, 2))

    def test_each_engine_has_its_own(self) -> None:
        clocks = Clocks(lambda: 0.0)
        assert clocks.in_time(self.parameters(5, 1000))
        assert clocks.in_time(self.parameters(1, 1, OTHERS))

    def test_the_engine_that_was_silent_longest_is_forgotten(self) -> None:
        clocks = Clocks(lambda: 0.0, max_engines=2)
        first, second, third = (bytes((number,)) * 5 for number in (1, 2, 3))
        for engine_id in (first, second, first, third):
            assert clocks.in_time(self.parameters(5, 1000, engine_id))
        assert not clocks.in_time(self.parameters(1, 1, first))
        assert clocks.in_time(self.parameters(1, 1, second))


class TestOthers:
    @pytest.mark.parametrize(
        ("data", "why"),
        [
            (b"", "octets end at 0, inside a header that begins at 0"),
            (b"GET / HTTP/1.1\r\n\r\n", "content at 2 is 69 octets long, 16 are there"),
            (asked("get", [SYS_UP_TIME]), "it is no notification"),
            (asked("get", [SYS_UP_TIME], version=0), "it is no notification"),
            (bytes.fromhex("3003020102"), "there is no version 2 of SNMP"),
            (message_v1(generic=5)[:-1], "content at 2 is 43 octets long, 42 are there"),
        ],
    )
    def test_what_is_no_notification(self, post: Post, said: Said, data: bytes, why: str) -> None:
        assert post(data) is None
        assert post.received == []
        assert said() == [why]

    def test_a_request_of_snmpv3(self, post: Post, said: Said) -> None:
        manager = sender(WATCHER, OURS)
        boots = manager.read(post(manager.message(pdu("get", head()), boots=99))).boots
        assert manager.read(post(manager.message(pdu("get", head()), boots=boots))).kind == "report"
        assert said() == ["it is no notification (user 'watcher')"]

    def test_what_pysnmp_cannot_read(self, post: Post, said: Said) -> None:
        sent = message_v1(generic=5)
        # A generic trap that there is not.
        assert sent.count(b"\x02\x01\x05") == 1
        assert post(sent.replace(b"\x02\x01\x05", b"\x02\x01\x07")) is None
        assert said() == ["pysnmp cannot read it: KeyError"]
        post(sent)
        assert len(post.received) == 1

    def test_what_is_not_delivered_is_not_answered(
        self, post: Post, said: Said, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fails(_value: Any) -> None:
            raise ValueError

        monkeypatch.setattr("agent.traps.pysnmp_receiver.plain", fails)
        assert post(message("inform", head())) is None
        assert said() == ["pysnmp cannot read it: ValueError"]

    def test_nothing_is_taken_when_it_is_over(self, post: Post) -> None:
        post.over = True
        assert post(message("inform", head())) is None
        assert post.received == []

    def test_se03_reports_are_limited_by_their_source(self, post: Post) -> None:
        stranger = sender(OPS, OTHERS).message(pdu("inform", head()))
        answers = [post(stranger) for _ in range(10)]
        assert [answer is not None for answer in answers] == [True] * 5 + [False] * 5
        assert post(stranger, "192.0.2.2") is not None
        # Whoever is let in is answered all the same.
        assert post(message("inform", head())) is not None

    def test_se03_ten_lines_a_minute(self, said: Said) -> None:
        post = Post(per_minute=10)
        for _ in range(100):
            post(b"garbage")
        assert len(said()) == 10
        post.time = 60.0
        post.quiet.sum_up()
        assert [line.rpartition(", ")[2] for line in said()] == [
            "90 more like this in the last minute"
        ]

    def test_no_file_is_left_behind(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        # Where pysnmp would keep the boots of an engine.
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        Post()
        assert list(tmp_path.iterdir()) == []
