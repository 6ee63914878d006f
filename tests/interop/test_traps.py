"""``flowmib traps`` receives what net-snmp's snmptrap and snmpinform send."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from agent.snmp.usm.users import Secret, UserSettings, localized_settings
from tests.net_snmp import V1, V2C, as_user, run
from tests.running_agent import ROOT, AgentError, flowmib, free_port
from tests.snmp_user import PAIRS, User
from tests.trap_receiver import Received, TrapReceiver, values

OPS = User("ops", "SHA-256", "AES-128")
STRONG = User("strong", "SHA-512", "AES-256")
OLD = User("old", "MD5", "DES")
CISCO = User("cisco", "SHA-384", "AES-256-C")
WATCHER = User("watcher", "SHA-1")
NOBODY = User("nobody")
USERS = (OPS, STRONG, OLD, CISCO, WATCHER, NOBODY)
CONFIGURATION = "\n".join(user.section() for user in USERS)

START = "1.3.6.1.4.1.9.9.171.2.0.1"
STOP = "1.3.6.1.4.1.9.9.171.2.0.2"
PEER = ".".join(map(str, (1, *(8, *b"10.9.0.1"), 1, *(8, *b"10.9.0.2"), 1)))
LOCAL_ADDR = f"1.3.6.1.4.1.9.9.171.1.2.2.1.6.{PEER}"
REMOTE_ADDR = f"1.3.6.1.4.1.9.9.171.1.2.2.1.7.{PEER}"
OBJECTS = (
    *(LOCAL_ADDR, "x", "0a090001"),
    *(REMOTE_ADDR, "x", "0a090002"),
    *("1.3.6.1.4.1.9.9.171.1.2.3.1.15.1", "i", "3600"),
)
VALUES = {
    "cikePeerLocalAddr": "10.9.0.1",
    "cikePeerRemoteAddr": "10.9.0.2",
    "cikeTunLifeTime": 3600,
}
ENGINE_ID = "80001f8804666c6f776d6962"


@pytest.fixture(scope="module")
def everybody() -> Iterator[TrapReceiver]:
    with TrapReceiver(configuration=CONFIGURATION) as receiver:
        yield receiver


@pytest.fixture
def receiver(everybody: TrapReceiver) -> TrapReceiver:
    everybody.forget()
    return everybody


def trap(receiver: TrapReceiver, options: Sequence[str], *objects: str, name: str = START) -> None:
    run("snmptrap", receiver, options, "4711", name, *(objects or OBJECTS))


def inform(
    receiver: TrapReceiver, options: Sequence[str], *, name: str = START, status: int = 0
) -> str:
    return run("snmpinform", receiver, options, "4711", name, *OBJECTS, status=status)


def without(received: Received, *keys: str) -> Received:
    return {key: value for key, value in received.items() if key not in keys}


def expected(**more: Any) -> Received:
    """Give what is received, but for the time and the objects."""
    common: Received = {
        "sender": "127.0.0.1",
        "version": "2c",
        "kind": "trap",
        "user": None,
        "level": None,
        "engine": None,
        "context": "",
        "up_time": 4711,
        "notification": "cikeTunnelStart",
        "oid": START,
        "v1": None,
    }
    return common | more


class TestCommunities:
    def test_no01_a_trap_of_snmpv1(self, receiver: TrapReceiver) -> None:
        enterprise = "1.3.6.1.4.1.9.9.171.2"
        run(
            *("snmptrap", receiver, V1),
            *(enterprise, "192.0.2.1", "6", "1", "4711", *OBJECTS),
        )
        (received,) = receiver.wait_for_number(1)
        v1 = {
            "enterprise": enterprise,
            "generic": 6,
            "specific": 1,
            "agent_address": "192.0.2.1",
        }
        assert without(received, "time", "objects") == expected(version="1", v1=v1)
        assert values(received) == VALUES

    def test_no01_a_generic_trap_of_snmpv1(self, receiver: TrapReceiver) -> None:
        run("snmptrap", receiver, V1, "1.3.6.1.4.1.9.1.1", "192.0.2.1", "4", "0", "4711")
        (received,) = receiver.wait_for_number(1)
        assert received["notification"] == "authenticationFailure"
        assert received["objects"] == []

    def test_no01_a_trap_of_snmpv2c(self, receiver: TrapReceiver) -> None:
        trap(receiver, V2C)
        (received,) = receiver.wait_for_number(1)
        assert without(received, "time", "objects") == expected()
        assert received["objects"][0] == {
            "name": "cikePeerLocalAddr",
            "index": [1, "10.9.0.1", 1, "10.9.0.2", 1],
            "oid": LOCAL_ADDR,
            "type": "OCTET STRING",
            "value": "10.9.0.1",
            "text": "10.9.0.1",
        }
        assert values(received) == VALUES

    def test_no01_an_inform_of_snmpv2c(self, receiver: TrapReceiver) -> None:
        inform(receiver, V2C)
        (received,) = receiver.wait_for_number(1)
        assert without(received, "time", "objects") == expected(kind="inform")
        assert values(received) == VALUES

    def test_one_after_the_other(self, receiver: TrapReceiver) -> None:
        inform(receiver, V2C, name=START)
        inform(receiver, V2C, name=STOP)
        names = [received["notification"] for received in receiver.wait_for_number(2)]
        assert names == ["cikeTunnelStart", "cikeTunnelStop"]

    def test_values_of_every_type(self, receiver: TrapReceiver) -> None:
        sent = (
            *("i", "-5"),
            *("u", "4294967295"),
            *("c", "7"),
            *("t", "360000"),
            *("a", "192.0.2.1"),
            *("o", "1.3.6.1"),
            *("s", "a text"),
            *("x", "00ff"),
            *("C", str(2**64 - 1)),
            *("n", ""),
        )
        pairs = list(zip(sent[::2], sent[1::2], strict=True))
        trap(
            *(receiver, V2C),
            *(part for kind, value in pairs for part in ("1.3.6.1.4.1.99999.1", kind, value)),
        )
        (received,) = receiver.wait_for_number(1)
        assert [item["text"] for item in received["objects"]] == [
            "INTEGER: -5",
            "Gauge32: 4294967295",
            "Counter32: 7",
            "TimeTicks: 01:00:00.00",
            "IpAddress: 192.0.2.1",
            "OBJECT IDENTIFIER: 1.3.6.1",
            "OCTET STRING: a text",
            "OCTET STRING: 0x00ff",
            f"Counter64: {2**64 - 1}",
            "NULL",
        ]

    def test_se04_other_communities(self) -> None:
        with TrapReceiver("--community", "open sesame", "--community", "flute") as receiver:
            trap(receiver, ("-v2c", "-copen barley"))
            receiver.wait_for_refusal("its community is none of those that are taken")
            inform(receiver, ("-v2c", "-copen sesame"))
            inform(receiver, ("-v2c", "-cflute"))
            assert len(receiver.wait_for_number(2)) == 2
            for word in ("sesame", "barley", "flute"):
                assert word not in receiver.log + receiver.output


class TestUsers:
    @pytest.mark.parametrize("user", USERS, ids=lambda user: user.name)
    def test_no01_a_trap(self, receiver: TrapReceiver, user: User) -> None:
        # Nobody has heard of this engine before.
        engine_id = f"8000000001{os.getpid():08x}{USERS.index(user):02x}"
        trap(receiver, (*as_user(user), "-e", f"0x{engine_id}"))
        (received,) = receiver.wait_for_number(1)
        assert without(received, "time", "objects") == expected(
            version="3", user=user.name, level=user.level, engine=engine_id
        )
        assert values(received) == VALUES

    @pytest.mark.parametrize("user", USERS, ids=lambda user: user.name)
    def test_no01_an_inform(self, receiver: TrapReceiver, user: User) -> None:
        inform(receiver, as_user(user))
        (received,) = receiver.wait_for_number(1)
        engine_id = received["engine"]
        assert without(received, "time", "objects") == expected(
            version="3", kind="inform", user=user.name, level=user.level, engine=engine_id
        )
        assert values(received) == VALUES
        # One engine ID for all of them, and every time another one.
        receiver.forget()
        inform(receiver, as_user(user))
        (again,) = receiver.wait_for_number(1)
        assert again["engine"] == engine_id

    def test_us05_every_pair_of_protocols(self) -> None:
        configuration = "\n".join(user.section() for user in PAIRS)
        with TrapReceiver(configuration=configuration) as receiver:
            for user in PAIRS:
                trap(receiver, (*as_user(user), "-e", f"0x{ENGINE_ID}"))
                inform(receiver, as_user(user))
            found = receiver.wait_for_number(2 * len(PAIRS))
        sent = [(kind, user.name) for user in PAIRS for kind in ("trap", "inform")]
        assert [(one["kind"], one["user"]) for one in found] == sent

    def test_a_context(self, receiver: TrapReceiver) -> None:
        trap(receiver, (*as_user(OPS), "-e", f"0x{ENGINE_ID}", "-n", "a context"))
        (received,) = receiver.wait_for_number(1)
        assert received["context"] == "a context"

    @pytest.mark.parametrize(
        ("user", "why", "said"),
        [
            (
                dataclasses.replace(OPS, auth_password="wrong, wrong"),
                "its passphrase or protocol of authentication is another one (user 'ops')",
                "Authentication failure",
            ),
            (
                dataclasses.replace(OLD, auth="SHA-1"),
                "its passphrase or protocol of authentication is another one (user 'old')",
                "Authentication failure",
            ),
            (
                dataclasses.replace(OPS, priv_password="wrong, wrong"),
                "its passphrase or protocol of privacy is another one (user 'ops')",
                "",
            ),
            (User("stranger"), "user 'stranger'", "Unknown user name"),
            (
                dataclasses.replace(OPS, priv=None),
                "user 'ops'",
                "Unsupported security level",
            ),
        ],
        ids=["passphrase", "protocol", "privacy", "stranger", "level"],
    )
    def test_us04_refused(self, user: User, why: str, said: str) -> None:
        with TrapReceiver(configuration=CONFIGURATION) as receiver:
            options = as_user(user)
            assert said in inform(receiver, options, status=1)
            receiver.wait_for_refusal(why)
            refused = receiver.log.count("is not taken")
            trap(receiver, (*options, "-e", f"0x{ENGINE_ID}"))
            receiver.wait_for(lambda _: receiver.log.count("is not taken") > refused)
            assert why in receiver.log.splitlines()[-1]
            # It goes on.
            trap(receiver, (*as_user(OPS), "-e", f"0x{ENGINE_ID}"))
            assert len(receiver.wait_for_number(1)) == 1
            for password in (user.auth_password, user.priv_password):
                assert password not in receiver.log + receiver.output

    def test_without_a_configuration(self) -> None:
        with TrapReceiver() as receiver:
            assert "no user is configured" in receiver.log
            trap(receiver, (*as_user(OPS), "-e", f"0x{ENGINE_ID}"))
            receiver.wait_for_refusal("no user 'ops' is configured")

    def test_us05_localized_keys(self) -> None:
        engine_id = bytes.fromhex(ENGINE_ID)
        settings = localized_settings(
            UserSettings(
                *("ops", "SHA-256", Secret(OPS.auth_password)),
                *("AES-128", Secret(OPS.priv_password)),
            ),
            engine_id,
        )
        assert settings.auth_secret
        assert settings.priv_secret
        configuration = f"""
            [snmp]
            engine_id = "{ENGINE_ID}"
            [[snmp.user]]
            name = "ops"
            auth_key = "{settings.auth_secret.key.hex()}"
            priv_key = "{settings.priv_secret.key.hex()}"
        """
        with TrapReceiver(configuration=configuration) as receiver:
            assert f"the localised keys of 'ops' are for the engine {ENGINE_ID}" in receiver.log
            trap(receiver, (*as_user(OPS), "-e", f"0x{ENGINE_ID}ff"))
            receiver.wait_for_refusal("the localised keys of user 'ops' are for the engine")
            assert "Unknown user name" in inform(receiver, as_user(OPS), status=1)
            trap(receiver, (*as_user(OPS), "-e", f"0x{ENGINE_ID}"))
            (received,) = receiver.wait_for_number(1)
        assert (received["user"], received["engine"]) == ("ops", ENGINE_ID)


def has_ipv6() -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        probe.bind(("::1", 0))
        return True
    return False


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 on the loopback interface")
@pytest.mark.parametrize("options", [V2C, as_user(OPS)], ids=["v2c", "v3"])
def test_ipv6(options: Sequence[str]) -> None:
    port = free_port()
    with TrapReceiver("--listen", f"udp:[::1]:{port}", configuration=CONFIGURATION) as receiver:
        inform(receiver, options)
        receiver.endpoint = f"udp6:[::1]:{port}"
        inform(receiver, options)
        found = receiver.wait_for_number(2)
    assert [received["sender"] for received in found] == ["127.0.0.1", "::1"]


def test_a_receiver_on_all_addresses_answers_from_the_one_that_was_asked() -> None:
    port = free_port()
    with TrapReceiver("--listen", f"udp:0.0.0.0:{port}") as receiver:
        receiver.endpoint = f"127.0.0.2:{port}"
        # net-snmp's socket is connected, and takes no answer from elsewhere.
        inform(receiver, V2C)
        assert len(receiver.wait_for_number(1)) == 1


def test_so_many() -> None:
    with TrapReceiver("--count", "2") as receiver:
        inform(receiver, V2C)
        inform(receiver, V2C)
        assert receiver.wait() == 0
        assert len(receiver.received) == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it(number: signal.Signals) -> None:
    with TrapReceiver() as receiver:
        os.kill(receiver.pid, number)
        assert receiver.wait() == 0
        assert "Traceback" not in receiver.log


def test_an_address_in_use(receiver: TrapReceiver) -> None:
    finished = flowmib("traps", "--listen", f"udp:{receiver.endpoint}")
    assert finished.returncode == 2
    assert finished.stdout == ""
    assert f"flowmib: cannot listen on udp:{receiver.endpoint}: Address al" in finished.stderr
    assert "Traceback" not in finished.stderr


def test_text_comes_at_once_and_ends_with_its_reader() -> None:
    """As with ``flowmib traps | head``."""
    port = free_port()
    receiver = subprocess.Popen(
        (
            *(sys.executable, "-m", "agent.cli.main"),
            *("traps", "--listen", f"udp:127.0.0.1:{port}"),
        ),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with receiver:
        assert receiver.stdout
        assert receiver.stderr
        while "listening on" not in (line := receiver.stderr.readline()):
            assert line
        where = TrapReceiver()
        where.endpoint = f"127.0.0.1:{port}"
        inform(where, V2C)
        block = [receiver.stdout.readline() for _ in range(6)]
        receiver.stdout.close()
        inform(where, V2C)
        assert receiver.wait(20) == 0
        assert receiver.stderr.read() == ""
    index = '1."10.9.0.1".1."10.9.0.2".1'
    assert block[0].endswith(" 127.0.0.1 v2c inform\n")
    assert block[1:] == [
        "  cikeTunnelStart, sysUpTime 00:00:47.11\n",
        f"    cikePeerLocalAddr.{index} = 10.9.0.1\n",
        f"    cikePeerRemoteAddr.{index} = 10.9.0.2\n",
        "    cikeTunLifeTime.1 = 3600 seconds\n",
        "\n",
    ]


def test_se03_garbage_does_nothing_but_ten_lines() -> None:
    with TrapReceiver() as receiver:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
            wire.connect(("127.0.0.1", receiver.port))
            for number in range(300):
                wire.send(b"\x30\x82" + number.to_bytes(2, "big") * number)
        inform(receiver, V2C)
        assert len(receiver.wait_for_number(1)) == 1
        assert receiver.log.count("is not taken") == 10
        assert "Traceback" not in receiver.log


def test_a_test_that_waits_in_vain_fails(
    receiver: TrapReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The helper itself."""
    inform(receiver, V2C)
    receiver.wait_for_names("cikeTunnelStart")
    monkeypatch.setattr(receiver, "patience", 0.1)
    for names in (("cikeTunnelStop",), ("cikeTunnelStart", "cikeTunnelStart")):
        with pytest.raises(AgentError, match=f"flowmib does not receive {', '.join(names)}; it"):
            receiver.wait_for_names(*names)
