"""agent.config: what may stand in the file, and what is said of what may not."""

from __future__ import annotations

import dataclasses
import ipaddress
import tomllib
from pathlib import Path

import pytest

from agent import config
from agent.config import (
    DEFAULT,
    Config,
    ConfigError,
    Mib,
    Peer,
    Simulated,
    Source,
    StrongSwan,
    System,
    load,
    parse_listen,
    parse_text,
)
from agent.snmp.community import Community

EVERYTHING = """
[snmp]
listen = ["udp:0.0.0.0:161", "udp:[::]:161"]
max_message_size = 1472
max_repetitions = 50

[[snmp.community]]
name = "public"

[[snmp.community]]
name = "net work"
access = "read"
from = ["192.0.2.0/24", "2001:db8::/32"]

[system]
description = "a gateway"
object_id = "1.3.6.1.4.1.4294967295.1"
contact = "noc@example.org"
name = "gw1"
location = "rack 5"

[mib]
algorithms = "strict"
peer_index = "octets"

[source]
kind = "strongswan"

[source.strongswan]
vici = "/run/other.vici"
interval = 2
log_events = false

[source.simulated]
tunnels = 50000
seed = 0

[[peer]]
match = "192.0.2.7"
description = "the branch"

[[peer]]
match = "moon.strongswan.org"
description = "the moon"
"""


def loopback(name: bytes) -> Community:
    return Community(name, (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128")))


def test_every_key() -> None:
    read = parse_text(EVERYTHING, "x.toml")
    assert read == Config(
        snmp=config.Snmp(
            (parse_listen("udp:0.0.0.0:161"), parse_listen("udp:[::]:161")),
            (
                loopback(b"public"),
                Community(
                    b"net work",
                    (ipaddress.ip_network("192.0.2.0/24"), ipaddress.ip_network("2001:db8::/32")),
                ),
            ),
            1472,
            50,
        ),
        system=System(
            "a gateway", (1, 3, 6, 1, 4, 1, 4294967295, 1), "noc@example.org", "gw1", "rack 5"
        ),
        mib=Mib("strict", "octets"),
        source=Source(
            "strongswan",
            StrongSwan(Path("/run/other.vici"), 2.0, log_events=False),
            Simulated(50_000, 0),
        ),
        peers=(Peer("192.0.2.7", "the branch"), Peer("moon.strongswan.org", "the moon")),
    )


def test_the_example_above_leaves_no_key_out() -> None:
    """A key that is added to the configuration has to be added here."""

    def fields(kind: type) -> set[str]:
        return {field.name for field in dataclasses.fields(kind)}

    content = tomllib.loads(EVERYTHING)
    assert content.keys() == {"snmp", "system", "mib", "source", "peer"}
    assert content["snmp"].keys() | {"communities"} == fields(config.Snmp) | {"community"}
    assert content["system"].keys() == fields(System)
    assert content["mib"].keys() == fields(Mib)
    assert content["source"].keys() == fields(Source)
    assert content["source"]["strongswan"].keys() == fields(StrongSwan)
    assert content["source"]["simulated"].keys() == fields(Simulated)
    assert content["peer"][0].keys() == fields(Peer)


def test_defaults() -> None:
    assert DEFAULT == parse_text("", "anything") == parse_text("[snmp]\n[source]\n", "")
    assert DEFAULT.snmp.listen == (parse_listen("udp:127.0.0.1:1161"),)
    assert DEFAULT.snmp.communities == (loopback(b"public"),)
    assert (DEFAULT.snmp.max_message_size, DEFAULT.snmp.max_repetitions) == (65507, 1000)
    assert DEFAULT.system == System()
    assert DEFAULT.mib == Mib("extended", "text")
    assert DEFAULT.source == Source("auto", StrongSwan(), Simulated(20, 1))
    assert DEFAULT.source.strongswan == StrongSwan(Path("/run/charon.vici"), 5.0, log_events=True)
    assert DEFAULT.peers == ()


SHIPPED = Path(__file__).parents[3] / "packaging" / "flowmib.toml"


def test_the_file_that_is_shipped_has_every_key_with_its_default() -> None:
    shipped = load(SHIPPED)
    assert shipped.source.kind == "strongswan"
    source = dataclasses.replace(shipped.source, kind="auto")
    assert dataclasses.replace(shipped, source=source) == DEFAULT
    keys = tomllib.loads(SHIPPED.read_text(encoding="utf-8"))
    for name, content in tomllib.loads(EVERYTHING).items():
        if name != "peer":
            assert keys[name].keys() == content.keys()


COMMUNITY = "[[snmp.community]]\nname = 'x'\n"


@pytest.mark.parametrize(
    ("text", "key", "what"),
    [
        # unknown
        ("nonsense = 1", "nonsense", "unknown key; known here: mib, peer, snmp, source, system"),
        ("[snmp]\nlisen = []", "snmp.lisen", "unknown key; known here: community, listen, max_"),
        ("[snmp.trap]", "snmp.trap", "unknown key"),
        (COMMUNITY + "form = []", "snmp.community[1].form", "unknown key; known here: access, fr"),
        ("[system]\nx = 1", "system.x", "unknown key"),
        ("[mib]\nx = 1", "mib.x", "unknown key; known here: algorithms, peer_index"),
        ("[source]\nx = 1", "source.x", "unknown key"),
        ("[source.strongswan]\nx = 1", "source.strongswan.x", "unknown key"),
        ("[source.simulated]\nx = 1", "source.simulated.x", "unknown key; known here: seed, tun"),
        ("[[peer]]\nmatch=''\ndescription=''\nx=1", "peer[1].x", "unknown key"),
        # not a table
        ("snmp = 1", "snmp", "must be a table, not a whole number"),
        ("[[snmp]]", "snmp", "must be a table, not a list"),
        ("[source]\nstrongswan = 'x'", "source.strongswan", "must be a table, not a text"),
        ("peer = 5", "peer", "must be an array of tables, [[peer]]"),
        ("peer = [5]", "peer[1]", "must be a table, not a whole number"),
        ("[snmp.community]\nname='x'", "snmp.community", "must be an array of tables, [[snmp.com"),
        # of the wrong type
        ("[system]\nname = 5", "system.name", "must be a text, not a whole number"),
        ("[system]\nname = true", "system.name", "must be a text, not true or false"),
        ("[system]\nname = 1979-05-27", "system.name", "must be a text, not a date or time"),
        ("[system]\nname = {}", "system.name", "must be a text, not a table"),
        ("[snmp]\nmax_repetitions = 1.5", "snmp.max_repetitions", "a whole number, not a number"),
        ("[snmp]\nmax_repetitions = true", "snmp.max_repetitions", "a whole number, not true or"),
        ("[snmp]\nmax_repetitions = '5'", "snmp.max_repetitions", "a whole number, not a text"),
        ("[source.strongswan]\nlog_events = 1", "source.strongswan.log_events", "true or false, n"),
        ("[source.strongswan]\ninterval = '1'", "source.strongswan.interval", "a number of second"),
        ("[source.strongswan]\ninterval = true", "source.strongswan.interval", "a number of secon"),
        (
            "[snmp]\nlisten = 'udp:127.0.0.1:1'",
            "snmp.listen",
            "must be a list of texts, not a text",
        ),
        ("[snmp]\nlisten = []", "snmp.listen", "must be a list of one text or more"),
        ("[snmp]\nlisten = [1161]", "snmp.listen", "must be a list of one text or more"),
        (COMMUNITY + "from = []", "snmp.community[1].from", "must be a list of one text or more"),
        # missing
        ("[[snmp.community]]", "snmp.community[1].name", "is missing"),
        ("[[peer]]\nmatch = 'x'", "peer[1].description", "is missing"),
        ("[[peer]]\nmatch='x'\ndescription=''\n[[peer]]", "peer[2].match", "is missing"),
        # out of range
        (
            "[snmp]\nmax_message_size = 483",
            "snmp.max_message_size",
            "is 483, allowed are 484",
        ),
        ("[snmp]\nmax_message_size = 65508", "snmp.max_message_size", "allowed are 484 to 65507"),
        ("[snmp]\nmax_repetitions = 0", "snmp.max_repetitions", "is 0, allowed are 1 to 100000"),
        ("[source.strongswan]\ninterval = 0.5", "source.strongswan.interval", "allowed are 1.0"),
        (
            "[source.strongswan]\ninterval = nan",
            "source.strongswan.interval",
            "is nan, allowed",
        ),
        (
            "[source.strongswan]\ninterval = inf",
            "source.strongswan.interval",
            "is inf, allowed",
        ),
        ("[source.simulated]\ntunnels = 0", "source.simulated.tunnels", "allowed are 1 to 50000"),
        ("[source.simulated]\ntunnels = 50001", "source.simulated.tunnels", "allowed are 1 to 500"),
        ("[source.simulated]\nseed = -1", "source.simulated.seed", "is -1, allowed are 0 to"),
        (
            "[source]\nkind = 'file'",
            "source.kind",
            "is 'file', allowed are auto, strongswan",
        ),
        ("[mib]\nalgorithms = ''", "mib.algorithms", "is '', allowed are extended, strict"),
        ("[mib]\npeer_index = 'Text'", "mib.peer_index", "is 'Text', allowed are text, octets"),
        (
            COMMUNITY + "access = 'write'",
            "snmp.community[1].access",
            "is 'write', allowed",
        ),
        # of the wrong form
        ("[system]\nname = 'é'", "system.name", "has characters that are not printable ASCII"),
        ('[system]\nname = "a\\nb"', "system.name", "has characters that are not printable ASCII"),
        (f"[system]\nname = '{'x' * 256}'", "system.name", "is 256 characters long, 255 are"),
        (f"[[peer]]\nmatch = ''\ndescription = '{'x' * 81}'", "peer[1].description", "80 are all"),
        ("[[snmp.community]]\nname = ''", "snmp.community[1].name", "is empty"),
        (COMMUNITY + "from = ['all']", "snmp.community[1].from", "'all' does not appear to be"),
        (COMMUNITY + "from = ['10.0.0.1/8']", "snmp.community[1].from", "has host bits set"),
        ("[system]\nobject_id = 'x'", "system.object_id", "'x' is not an OID in numbers"),
        ("[system]\nobject_id = '1'", "system.object_id", "is not an OID in numbers"),
        ("[system]\nobject_id = '1..3'", "system.object_id", "is not an OID in numbers"),
        ("[system]\nobject_id = '1.40'", "system.object_id", "has a number that no OID has there"),
        ("[system]\nobject_id = '3.1'", "system.object_id", "has a number that no OID has there"),
        ("[system]\nobject_id = '1.3.4294967296'", "system.object_id", "has a number that no OID"),
        (f"[system]\nobject_id = '1{'.1' * 128}'", "system.object_id", "255|not an OID"),
        ("[snmp]\nlisten = ['tcp:127.0.0.1:1']", "snmp.listen", "is not of the form udp:HOST:PORT"),
    ],
)
def test_a_wrong_key_gives_one_line_with_file_and_key(text: str, key: str, what: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_text(text, "flowmib.toml")
    message = str(caught.value)
    assert message.startswith(f"flowmib.toml: {key}: ")
    assert any(part in message for part in what.split("|"))
    assert "\n" not in message


@pytest.mark.parametrize(
    "text",
    [
        "[snmp",
        "x = ",
        "[snmp]\n[snmp]",
        "x = 1979-99-99",
        "x = " + "[" * 5000,
        "x = " + "9" * 5000,
        "\x00",
    ],
)
def test_no_toml(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^flowmib\.toml: ") as caught:
        parse_text(text, "flowmib.toml")
    assert "\n" not in str(caught.value)


class TestListen:
    @pytest.mark.parametrize(
        ("text", "host", "port"),
        [
            ("udp:127.0.0.1:1161", "127.0.0.1", 1161),
            ("udp:0.0.0.0:1", "0.0.0.0", 1),
            ("udp:[::1]:65535", "::1", 65535),
            ("udp:[::]:161", "::", 161),
            ("udp:[2001:DB8:0::1]:161", "2001:db8::1", 161),
            ("udp:[fe80::1%eth0]:161", "fe80::1%eth0", 161),
        ],
    )
    def test_good(self, text: str, host: str, port: int) -> None:
        assert dataclasses.astuple(parse_listen(text)) == (host, port, text)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "udp",
            "udp:",
            "udp::161",
            "127.0.0.1:161",
            "udp:127.0.0.1",
            "udp:127.0.0.1:",
            "udp:127.0.0.1:0",
            "udp:127.0.0.1:65536",
            "udp:127.0.0.1:-1",
            "udp:127.0.0.1:+1",
            "udp:127.0.0.1:1_0",
            "udp:127.0.0.1:²",
            "udp:127.0.0.1:" + "1" * 5000,
            "udp:localhost:161",
            "udp:127.0.0.256:161",
            "udp:::1:161",
            "udp:[127.0.0.1]:161",
            "udp:[::1:161",
            "UDP:127.0.0.1:161",
        ],
    )
    def test_bad(self, text: str) -> None:
        with pytest.raises(ValueError, match=r"^[^\n]+$"):
            parse_listen(text)


class TestLoad:
    def test_a_file(self, tmp_path: Path) -> None:
        path = tmp_path / "flowmib.toml"
        path.write_text(EVERYTHING, encoding="utf-8")
        assert load(path) == parse_text(EVERYTHING, "")

    def test_errors_name_the_file(self, tmp_path: Path) -> None:
        path = tmp_path / "flowmib.toml"
        path.write_text("[snmp]\nx = 1", encoding="utf-8")
        with pytest.raises(ConfigError) as caught:
            load(path)
        assert str(caught.value).startswith(f"{path}: snmp.x: unknown key")

    def test_no_file(self, tmp_path: Path) -> None:
        path = tmp_path / "none.toml"
        with pytest.raises(ConfigError) as caught:
            load(path)
        assert str(caught.value) == f"{path}: No such file or directory"

    def test_a_directory(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError) as caught:
            load(tmp_path)
        assert str(caught.value) == f"{tmp_path}: Is a directory"

    def test_no_utf8(self, tmp_path: Path) -> None:
        path = tmp_path / "flowmib.toml"
        path.write_bytes(b"# caf\xe9\n")
        with pytest.raises(ConfigError) as caught:
            load(path)
        assert str(caught.value) == f"{path}: octet 5 is not UTF-8"
