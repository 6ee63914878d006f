"""The doctor and agents: a running flowmib, and agents that are wrong in something."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from agent import doctor
from agent.config import Config, parse_listen, parse_text
from agent.doctor import examination
from agent.doctor.manager import Manager
from agent.doctor.walk import Varbind
from agent.snmp.usm.users import localized_settings
from agent.state import engine_id_of
from mibs import ber
from tests.running_agent import RunningAgent, free_port
from tests.snmp_peer import items
from tests.unit.agent.doctor.made_up import NAMES, Gateway, Tree

CONFIGURATION = """
[snmp.identity]
preset = "cisco-asa"

[[snmp.community]]
name = "open sesame"

[[snmp.community]]
name = "far away"
from = ["192.0.2.0/24"]

[[snmp.user]]
name = "ops"
auth_password = "correct horse"
priv_password = "battery staple"

[[snmp.user]]
name = "old"
auth = "MD5"
priv = "DES"
auth_password = "correct horse"
priv_password = "battery staple"

[[snmp.user]]
name = "cisco"
auth = "SHA-512"
priv = "AES-256-C"
auth_password = "correct horse"
priv_password = "battery staple"

[[snmp.user]]
name = "few"
priv = "none"
auth_password = "correct horse"
group = "few"

[[snmp.user]]
name = "none"
priv = "none"
auth_password = "correct horse"
group = "none"

[[snmp.access]]
group = "few"
level = "authNoPriv"
read = "system"

[[snmp.access]]
group = "none"
level = "authPriv"
read = "system"

[[snmp.view]]
name = "system"
include = ["1.3.6.1.2.1.1"]

[source]
kind = "simulated"
"""
SECRETS = ("open sesame", "far away", "correct horse", "battery staple")

Line = dict[str, str]


@pytest.fixture(scope="module")
def agent() -> Iterator[RunningAgent]:
    with RunningAgent(configuration=CONFIGURATION) as running:
        yield running


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for answers that will not come as short as possible."""
    patient = functools.partial(Manager, timeout=0.5, retries=0)
    monkeypatch.setattr(examination, "Manager", patient)


class Asked:
    """What the doctor has printed, as a program reads it."""

    def __init__(
        self, config: Config, port: int, capsys: pytest.CaptureFixture[str], host: str = "127.0.0.1"
    ) -> None:
        listen = parse_listen(f"udp:{host}:{port}")
        self.status = doctor.run(config, agent=listen, as_json=True)
        text = capsys.readouterr().out
        assert not [secret for secret in SECRETS if secret in text]
        printed: dict[str, Any] = json.loads(text)
        assert printed["status"] == self.status
        self.checks: dict[str, list[Line]] = printed["checks"]

    def lines(self, level: str, chapter: str = "") -> list[str]:
        """Give the lines of a level, of one chapter or of all."""
        return [
            f"{line['subject']}: {line['text']}"
            for title, lines in self.checks.items()
            for line in lines
            if line["level"] == level and chapter in ("", title)
        ]


def test_sn08_se04_a_good_agent(agent: RunningAgent, capsys: pytest.CaptureFixture[str]) -> None:
    asked = Asked(parse_text(CONFIGURATION, "test"), agent.port, capsys)
    assert asked.lines("wrong") == []
    assert asked.status == 0
    walks = asked.lines("ok", "access")
    assert [line.partition(": ")[0] for line in walks] == [
        "v2c, snmp.community[1]",
        "v3, user 'ops' (SHA-256, AES-128)",
        "v3, user 'old' (MD5, DES)",
        "v3, user 'cisco' (SHA-512, AES-256-C)",
        "v3, user 'few' (SHA-256)",
        "v1, snmp.community[1]",
    ]
    notes = asked.lines("note", "access")
    assert "v2c, snmp.community[2]: not asked, since it may not come from 127.0.0.1" in notes
    assert "v3, user 'few' (SHA-256): may read a part" in notes
    assert any(n.startswith("v3, user 'none' (SHA-256): may read nothing") for n in notes)
    assert any(n.startswith("engine: ID ") and "boots 1, " in n for n in notes)
    assert len(asked.lines("ok", "versions")) == 4
    assert len(asked.lines("ok", "invariants")) == 3
    assert "LibreNMS: will show 10 lines for 20 IPsec tunnels" in asked.lines("ok")
    assert not any("will not look" in line for line in asked.lines("warning"))
    warned = [line.partition(": ")[0] for line in asked.lines("warning", "access")]
    assert warned[:2] == ["snmp.user[2].auth", "snmp.user[2].priv"]


def test_us05_localised_keys(agent: RunningAgent, capsys: pytest.CaptureFixture[str]) -> None:
    config = parse_text(CONFIGURATION, "test")
    engine_id = engine_id_of(agent.state)
    users = tuple(
        dataclasses.replace(user, settings=localized_settings(user.settings, engine_id))
        for user in config.snmp.users
    )
    assert all(user.settings.auth_secret and user.settings.auth_secret.key for user in users)
    localised = dataclasses.replace(config, snmp=dataclasses.replace(config.snmp, users=users))
    asked = Asked(localised, agent.port, capsys)
    assert asked.lines("wrong") == []
    assert len(asked.lines("ok", "access")) == 6


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("correct horse", "another horse", "the authentication password is wrong"),
        ("battery staple", "another staple", "the privacy password is wrong"),
        ('"ops"', '"stranger"', "the agent does not know this user"),
    ],
)
def test_us04_another_configuration(
    agent: RunningAgent, capsys: pytest.CaptureFixture[str], old: str, new: str, said: str
) -> None:
    asked = Asked(parse_text(CONFIGURATION.replace(old, new), "test"), agent.port, capsys)
    assert asked.status == 1
    told = asked.lines("wrong", "access")
    assert told
    assert all(f"): {said}; does the agent run with this configuration?" in line for line in told)


@pytest.mark.usefixtures("hasty")
def test_another_community(agent: RunningAgent, capsys: pytest.CaptureFixture[str]) -> None:
    asked = Asked(parse_text('[[snmp.community]]\nname = "c"', "test"), agent.port, capsys)
    assert asked.status == 1
    *silent, nobody = asked.lines("wrong")
    assert [line.partition(":")[0] for line in silent] == [
        "v2c, snmp.community[1]",
        "v1, snmp.community[1]",
    ]
    assert all("no answer: nothing listens there, or" in line for line in silent)
    assert nobody == "agent: nobody could read anything"


@pytest.mark.usefixtures("hasty")
def test_nobody_listens(capsys: pytest.CaptureFixture[str]) -> None:
    asked = Asked(parse_text(CONFIGURATION, "test"), free_port(), capsys)
    assert asked.status == 1
    assert len(asked.lines("wrong", "access")) == 8
    assert asked.lines("ok") == []


@pytest.mark.usefixtures("hasty")
def test_several_addresses(agent: RunningAgent, capsys: pytest.CaptureFixture[str]) -> None:
    listen = f'["udp:0.0.0.0:{agent.port}", "udp:127.0.0.1:{free_port()}"]'
    text = f'[snmp]\nlisten = {listen}\n[[snmp.community]]\nname = "open sesame"'
    assert doctor.run(parse_text(text, "test"), agent=None, as_json=True) == 1
    checks = json.loads(capsys.readouterr().out)["checks"]
    assert {line["level"] for line in checks["other addresses"]} == {"wrong"}
    assert {line["level"] for line in checks["access"]} == {"ok"}


# Agents that are wrong ---------------------------------------------------------------------------

_GET, _GET_NEXT, _GET_BULK, _RESPONSE = 0xA0, 0xA1, 0xA5, 0xA2
_MOST = 1400
"""Octets of variable bindings."""


@contextlib.contextmanager
def served(*trees: Tree, most: int = 1 << 30) -> Iterator[int]:
    """Serve a tree over SNMPv1 and SNMPv2c, or one for each, for some requests; give the port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.bind(("127.0.0.1", 0))
        # An empty datagram, from itself, is the end.
        thread = threading.Thread(target=_serve, args=(wire, trees, most))
        thread.start()
        try:
            yield wire.getsockname()[1]
        finally:
            wire.sendto(b"", wire.getsockname())
            thread.join()


def _serve(wire: socket.socket, trees: tuple[Tree, ...], most: int) -> None:
    while True:
        request, manager = wire.recvfrom(65535)
        if not request:
            return
        most -= 1
        if most >= 0:
            wire.sendto(_answer(trees, request), manager)


def _answer(trees: tuple[Tree, ...], request: bytes) -> bytes:
    ((_, message, _),) = items(request)
    (_, version, head), (_, _, community), (kind, pdu, _) = items(message)
    v1 = version == b"\0"
    tree = trees[0] if v1 else trees[-1]
    (_, _, request_id), (_, _, _), (_, repetitions, _), (_, bindings, _) = items(pdu)
    names = [ber.decode_oid(items(binding)[0][1]) for _, binding, _ in items(bindings)]
    if kind == _GET:
        varbinds = [tree.get(name) for name in names]
    elif kind == _GET_NEXT:
        varbinds = [tree.following(name) for name in names]
    else:
        assert kind == _GET_BULK
        varbinds = list(tree.repeated(names, int.from_bytes(repetitions, "big")))
    error = 0
    if v1 and kind == _GET_NEXT:
        ends = [i for i, v in enumerate(varbinds, 1) if v.tag == ber.END_OF_MIB_VIEW]
        error = ends[0] if ends else 0
    encoded = [_encoded(varbind, empty=bool(error)) for varbind in varbinds]
    content = request_id + ber.encode_integer(2 if error else 0) + ber.encode_integer(error)
    fitting = b""
    for varbind in encoded:
        if kind != _GET_BULK or len(fitting) + len(varbind) <= _MOST:
            fitting += varbind
    content += ber.encode_tlv(ber.SEQUENCE, fitting)
    return ber.encode_tlv(ber.SEQUENCE, head + community + ber.encode_tlv(_RESPONSE, content))


def _encoded(varbind: Varbind, *, empty: bool) -> bytes:
    name = ber.encode_tlv(ber.OBJECT_IDENTIFIER, ber.encode_oid(varbind.name))
    value = ber.encode_tlv(ber.NULL, b"") if empty else ber.encode_value(*varbind[1:])
    return ber.encode_tlv(ber.SEQUENCE, name + value)


def of_v1(varbinds: list[Varbind]) -> list[Varbind]:
    return [varbind for varbind in varbinds if varbind.tag != ber.COUNTER64]


def instance(name: str, *index: int) -> tuple[int, ...]:
    return (*NAMES.oid(name), *index)


PUBLIC = parse_text("", "test")
RIGHT = Gateway().varbinds()


def test_a_made_up_agent_is_right(capsys: pytest.CaptureFixture[str]) -> None:
    with served(Tree(of_v1(RIGHT)), Tree(RIGHT)) as port:
        asked = Asked(PUBLIC, port, capsys)
    assert asked.lines("wrong") == []
    assert asked.status == 0
    assert len(asked.lines("ok", "invariants")) == 3
    assert len([line for line in asked.lines("warning") if "will not look" in line]) == 8


def test_what_is_no_flowmib(capsys: pytest.CaptureFixture[str]) -> None:
    unknown = Varbind((1, 3, 6, 1, 4, 1, 99999, 1), ber.INTEGER, 7)
    tree = Tree([*(v for v in RIGHT if v.name[:6] == (1, 3, 6, 1, 2, 1)), unknown])
    with served(tree) as port:
        asked = Asked(PUBLIC, port, capsys)
    assert asked.status == 1
    assert asked.lines("wrong") == [
        "v2c, snmp.community[1]: reads nothing of tunnels: is this flowmib?"
    ]
    assert asked.lines("warning") == [
        "MIBs: 1 names are in no MIB that flowmib knows, the first is 1.3.6.1.4.1.99999.1"
    ]


def replaced(about: tuple[int, ...], **changes: Any) -> Callable[[Varbind], Varbind]:
    """Tell another name, tag or value of one instance."""

    def lie(varbind: Varbind) -> Varbind:
        return varbind._replace(**changes) if varbind.name == about else varbind

    return lie


@pytest.mark.parametrize(
    ("lie", "told"),
    [
        (
            replaced(instance("cikeTunLocalType", 2), name=instance("sysName", 0)),
            "the order is broken: after cikeTunLocalType.1 comes sysName.0",
        ),
        (
            replaced(instance("cikeTunStatus", 1), tag=ber.GAUGE32),
            "cikeTunStatus.1 is Gauge32, the MIB says INTEGER",
        ),
        (
            replaced(instance("cikeTunStatus", 2), value=7),
            "cikeTunStatus.2 is 7, the MIB knows active(1) destroy(2)",
        ),
        (
            replaced(instance("cikeGlobalActiveTunnels", 0), value=5),
            "tables: cikeGlobalActiveTunnels is 5, and cikeTunnelTable has 2 rows",
        ),
        (
            replaced(instance("cipSecTunIkeTunnelAlive", 3), value=2),
            "tables: cipSecTunIkeTunnelAlive.3 is false, and IKE tunnel 2 is there",
        ),
        (
            replaced(instance("cipSecTunOutOctWraps", 3), value=2),
            "octets: instance 3: cipSecTunHcOutOctets is 4294967301, and cipSecTunOutOctWraps and",
        ),
    ],
)
def test_a_lie(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    lie: Callable[[Varbind], Varbind],
    told: str,
) -> None:
    monkeypatch.setattr(examination, "_PAUSE", 0.0)
    with served(Tree(of_v1(RIGHT), lie), Tree(RIGHT, lie)) as port:
        asked = Asked(PUBLIC, port, capsys)
    assert asked.status == 1
    assert any(told in line for line in asked.lines("wrong")), asked.lines("wrong")


def test_a_total_that_falls(capsys: pytest.CaptureFixture[str]) -> None:
    packets = [700 - n for n in range(100)]

    def lie(varbind: Varbind) -> Varbind:
        if varbind.name == instance("cipSecGlobalInPkts", 0):
            return varbind._replace(value=packets.pop(0))
        return varbind

    with served(Tree(of_v1(RIGHT)), Tree(RIGHT, lie)) as port:
        asked = Asked(PUBLIC, port, capsys)
    (told,) = asked.lines("wrong")
    assert told.startswith("totals: cipSecGlobalInPkts fell from ")


def test_an_agent_that_starts_anew_meanwhile(capsys: pytest.CaptureFixture[str]) -> None:
    clock = [4242 - n for n in range(100)]

    def lie(varbind: Varbind) -> Varbind:
        if varbind.name == instance("sysUpTime", 0):
            return varbind._replace(value=clock.pop(0))
        return varbind

    with served(Tree(of_v1(RIGHT)), Tree(RIGHT, lie)) as port:
        asked = Asked(PUBLIC, port, capsys)
    assert asked.status == 0
    assert "totals: the agent was started anew meanwhile" in asked.lines("note")


def test_sn06_v1_reads_less_than_it_can(capsys: pytest.CaptureFixture[str]) -> None:
    lost = instance("cikeTunStatus", 2)
    with served(Tree([v for v in of_v1(RIGHT) if v.name != lost]), Tree(RIGHT)) as port:
        asked = Asked(PUBLIC, port, capsys)
    assert asked.lines("wrong") == [
        "v1, snmp.community[1]: 1 names fewer than v2c, snmp.community[1]: cikeTunStatus.2"
    ]


@pytest.mark.usefixtures("hasty")
def test_sn06_v1_is_given_what_it_cannot_read(capsys: pytest.CaptureFixture[str]) -> None:
    with served(Tree(RIGHT)) as port:
        asked = Asked(PUBLIC, port, capsys)
    assert any(
        "v1, snmp.community[1]: no answer that can be read when asked for what follows" in line
        for line in asked.lines("wrong")
    )


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("most", [2, 30])
def test_an_agent_that_ceases_to_answer(capsys: pytest.CaptureFixture[str], most: int) -> None:
    with served(Tree(of_v1(RIGHT)), Tree(RIGHT), most=most) as port:
        asked = Asked(PUBLIC, port, capsys)
    assert asked.status == 1
    assert any("no answer" in line for line in asked.lines("wrong"))


def test_what_settles_is_no_fault(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In each round the number of SAs of another tunnel is wrong, as when tunnels are rekeyed."""
    monkeypatch.setattr(examination, "_PAUSE", 0.0)
    column = instance("cipSecTunCurrentSaInstances")
    told: Counter[int] = Counter()

    def lie(varbind: Varbind) -> Varbind:
        row = varbind.name[-1]
        if varbind.name[:-1] != column:
            return varbind
        told[row] += 1
        return varbind._replace(value=9) if told[row] % 3 == row % 3 else varbind

    with served(Tree(of_v1(RIGHT)), Tree(RIGHT, lie)) as port:
        asked = Asked(PUBLIC, port, capsys)
    assert asked.lines("wrong") == []
    assert told[1] >= 3
