"""agent.config: what may stand in the file, and what is said of what may not."""

from __future__ import annotations

import dataclasses
import ipaddress
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from agent import config
from agent.agentx.address import UnixAddress
from agent.config import (
    DEFAULT,
    AgentX,
    Config,
    ConfigError,
    Control,
    History,
    Identity,
    Ipsec,
    Isakmp,
    Mib,
    Notify,
    Peer,
    Simulated,
    Source,
    StrongSwan,
    UserConfig,
    load,
    needs_restart,
    parse_listen,
    parse_text,
)
from agent.snmp.community import Community
from agent.snmp.security import SecurityLevel, SecurityModel
from agent.snmp.usm.users import Secret, UserSettings
from agent.snmp.vacm import AccessEntry, GroupMember, Subtree, VacmTables
from datasource.model import Mark
from datasource.vrf import VrfRule

EVERYTHING = """
state_directory = "/var/lib/gateway"

[snmp]
listen = ["udp:0.0.0.0:161", "udp:[::]:161"]
max_message_size = 1472
max_repetitions = 50
failures_per_second = 7
engine_id = "80001f8804676174657761790001"

[[snmp.community]]
name = "public"

[[snmp.community]]
name = "net work"
access = "read"
from = ["192.0.2.0/24", "2001:db8::/32"]

[[snmp.community]]
name = "old tools"
group = "tools"
context = "red"

[[snmp.user]]
name = "ops"
auth = "SHA-512"
auth_password = "correct horse"
priv = "AES-256"
priv_password = "battery staple"
from = ["192.0.2.0/24"]
access = "write"
level = "authNoPriv"

[[snmp.user]]
name = "graphs"
auth_key = "0101010101010101010101010101010101010101010101010101010101010101"
priv_key = "02020202020202020202020202020202"
group = "tools"

[[snmp.view]]
name = "tunnels"
include = ["1.3.6.1.4.1.9.9.171", "1.3.6.1.2.1.2.2.1.*.4"]
exclude = ["1.3.6.1.4.1.9.9.171.1.4"]

[[snmp.access]]
group = "tools"
model = "v2c"
level = "noAuthNoPriv"
context = "vrf-"
context_match = "prefix"
read = "tunnels"
write = ""
notify = "all"

[[snmp.access]]
group = "tools"

[snmp.identity]
preset = "cisco-asa"
sys_descr = "a gateway"
sys_object_id = "1.3.6.1.4.1.4294967295.1"
sys_name = "gw1"
sys_contact = "noc@example.org"
sys_location = "rack 5"

[agentx]
master = "unix:/run/agentx/master"

[mib]
algorithms = "strict"
peer_index = "octets"

[history]
tunnel_size = 1000
failure_size = 50000

[source]
kind = "strongswan"

[source.strongswan]
vici = "/run/other.vici"
interval = 2
log_events = false
kernel = "off"
error_notify = "/run/other.enfy"
swanctl_conf = "/etc/other.conf"

[source.simulated]
tunnels = 50000
seed = 0
outage_after = 90.5

[isakmp]
default_policy = false

[ipsec]
default_transform_set = false

[control]
allow_detach = true
max_sas = 65535

[[vrf]]
name = "red"
front_door = "internet"
connections = ["red-*", "rouge"]
marks = ["42", "0x2a/0xff"]
interface_ids = ["0x10"]

[[vrf]]
name = "blue"
marks = ["7"]

[[peer]]
address = "2001:DB8::7"
description = "the branch"

[[peer]]
match = "moon.strongswan.org"
description = "the moon"
"""

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
MANAGEMENT = ipaddress.ip_network("192.0.2.0/24")
NO_AUTH_NO_PRIV = SecurityLevel.NO_AUTH_NO_PRIV
COMMUNITY_MODELS = (SecurityModel.V1, SecurityModel.V2C)


def own(where: str, model: SecurityModel, level: SecurityLevel, write: str = "") -> AccessEntry:
    """What the short form at this place makes."""
    return AccessEntry(
        f"own:{where}", model, level, prefix=True, read="all", write=write, notify="all"
    )


def members(name: bytes, group: str) -> list[GroupMember]:
    return [GroupMember(model, name, group) for model in COMMUNITY_MODELS]


def test_every_key() -> None:
    read = parse_text(EVERYTHING, "x.toml")
    assert read == Config(
        snmp=config.Snmp(
            (parse_listen("udp:0.0.0.0:161"), parse_listen("udp:[::]:161")),
            (
                Community(b"public", LOOPBACK, b"community-1"),
                Community(
                    b"net work", (MANAGEMENT, ipaddress.ip_network("2001:db8::/32")), b"community-2"
                ),
                Community(b"old tools", LOOPBACK, b"community-3", b"red"),
            ),
            VacmTables(
                members=(
                    *members(b"community-1", "own:snmp.community[1]"),
                    *members(b"community-2", "own:snmp.community[2]"),
                    *members(b"community-3", "tools"),
                    GroupMember(SecurityModel.USM, b"ops", "own:snmp.user[1]"),
                    GroupMember(SecurityModel.USM, b"graphs", "tools"),
                ),
                entries=(
                    own("snmp.community[1]", SecurityModel.V1, NO_AUTH_NO_PRIV),
                    own("snmp.community[1]", SecurityModel.V2C, NO_AUTH_NO_PRIV),
                    own("snmp.community[2]", SecurityModel.V1, NO_AUTH_NO_PRIV),
                    own("snmp.community[2]", SecurityModel.V2C, NO_AUTH_NO_PRIV),
                    own("snmp.user[1]", SecurityModel.USM, SecurityLevel.AUTH_NO_PRIV, write="all"),
                    AccessEntry(
                        "tools",
                        SecurityModel.V2C,
                        NO_AUTH_NO_PRIV,
                        b"vrf-",
                        prefix=True,
                        read="tunnels",
                        notify="all",
                    ),
                    AccessEntry("tools", SecurityModel.ANY, SecurityLevel.AUTH_PRIV),
                ),
                subtrees=(
                    Subtree("all", (1,)),
                    Subtree("tunnels", (1, 3, 6, 1, 4, 1, 9, 9, 171)),
                    Subtree("tunnels", (1, 3, 6, 1, 2, 1, 2, 2, 1, None, 4)),
                    Subtree("tunnels", (1, 3, 6, 1, 4, 1, 9, 9, 171, 1, 4), included=False),
                ),
            ),
            1472,
            50,
            7,
            bytes.fromhex("80001f8804676174657761790001"),
            (
                UserConfig(
                    UserSettings(
                        "ops",
                        "SHA-512",
                        Secret("correct horse"),
                        "AES-256",
                        Secret("battery staple"),
                    ),
                    (MANAGEMENT,),
                ),
                UserConfig(
                    UserSettings(
                        "graphs",
                        "SHA-256",
                        Secret(key=b"\1" * 32),
                        "AES-128",
                        Secret(key=b"\2" * 16),
                    ),
                    (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0")),
                ),
            ),
            Identity(
                "cisco-asa",
                "a gateway",
                (1, 3, 6, 1, 4, 1, 4294967295, 1),
                "gw1",
                "noc@example.org",
                "rack 5",
            ),
        ),
        agentx=AgentX(UnixAddress("/run/agentx/master")),
        mib=Mib("strict", "octets"),
        history=History(1000, 50_000),
        source=Source(
            "strongswan",
            StrongSwan(
                Path("/run/other.vici"),
                2.0,
                log_events=False,
                kernel="off",
                error_notify=Path("/run/other.enfy"),
                swanctl_conf=Path("/etc/other.conf"),
            ),
            Simulated(50_000, 0, 90.5),
        ),
        peers=(Peer("2001:db8::7", "the branch"), Peer("moon.strongswan.org", "the moon")),
        isakmp=Isakmp(default_policy=False),
        ipsec=Ipsec(default_transform_set=False),
        control=Control(allow_detach=True, max_sas=65_535),
        vrfs=(
            VrfRule(
                "red",
                "internet",
                ("red-*", "rouge"),
                (Mark(42), Mark(0x2A, 0xFF)),
                (16,),
            ),
            VrfRule("blue", marks=(Mark(7),)),
        ),
        notify=Notify(frozenset({"coldStart"})),
        state_directory=Path("/var/lib/gateway"),
    )


def test_the_example_above_leaves_no_key_out() -> None:
    """A key that is added to the configuration has to be added here."""

    def fields(kind: type) -> set[str]:
        return {field.name for field in dataclasses.fields(kind)}

    content = tomllib.loads(EVERYTHING)
    # [notify] has a test of its own.
    assert content.keys() | {"peers", "vrfs", "warnings", "notify"} == fields(Config) | {
        *("peer", "vrf")
    }
    assert content["snmp"].keys() | {"communities", "users"} == fields(config.Snmp) | {
        *("community", "user", "view")
    }
    assert content["snmp"]["identity"].keys() == fields(Identity)
    assert content["agentx"].keys() == fields(AgentX)
    assert content["mib"].keys() == fields(Mib)
    assert content["history"].keys() == fields(History)
    assert content["source"].keys() == fields(Source)
    assert content["source"]["strongswan"].keys() == fields(StrongSwan)
    assert content["source"]["simulated"].keys() == fields(Simulated)
    assert content["peer"][1].keys() == fields(Peer)
    for key, kind in (("isakmp", Isakmp), ("ipsec", Ipsec), ("control", Control)):
        assert content[key].keys() == fields(kind)
    assert content["vrf"][0].keys() | {"vrf", "if_ids"} == fields(VrfRule) | {
        *("name", "interface_ids")
    }


def test_defaults() -> None:
    assert DEFAULT == parse_text("", "anything") == parse_text("[snmp]\n[source]\n", "")
    assert DEFAULT.snmp.listen == (parse_listen("udp:127.0.0.1:1161"),)
    assert DEFAULT.snmp.communities == (Community(b"public", LOOPBACK, b"community-1"),)
    assert DEFAULT.snmp.access == VacmTables(
        tuple(members(b"community-1", "own:snmp.community[1]")),
        tuple(own("snmp.community[1]", model, NO_AUTH_NO_PRIV) for model in COMMUNITY_MODELS),
        (Subtree("all", (1,)),),
    )
    assert (DEFAULT.snmp.max_message_size, DEFAULT.snmp.max_repetitions) == (65507, 1000)
    assert DEFAULT.snmp.failures_per_second == 50
    assert (DEFAULT.snmp.engine_id, DEFAULT.snmp.users) == (None, ())
    assert DEFAULT.snmp.identity == Identity("flowmib", "", (), "", "", "")
    assert DEFAULT.mib == Mib("extended", "text")
    assert DEFAULT.history == History(200, 200)
    assert DEFAULT.source == Source("auto", StrongSwan(), Simulated(20, 1))
    assert DEFAULT.source.strongswan == StrongSwan(
        Path("/run/charon.vici"),
        5.0,
        log_events=True,
        kernel="auto",
        error_notify=Path("/run/charon.enfy"),
    )
    off = parse_text('[source.strongswan]\nerror_notify = ""', "")
    assert off.source.strongswan.error_notify is None
    assert DEFAULT.peers == ()
    assert (DEFAULT.state_directory, DEFAULT.warnings) == (None, ())


NOTIFY = ("enable", "extra_objects")
NOTIFY_TARGET = (
    *("address", "version", "community", "user", "level", "inform", "timeout", "retries"),
    *("send", "contexts", "queue", "rate", "view", "source", "agent_address"),
)
SHIPPED = Path(__file__).parents[3] / "packaging" / "flowmib.toml"


def with_source_auto(shipped: Config) -> Config:
    assert shipped.source.kind == "strongswan"
    source = dataclasses.replace(shipped.source, kind="auto")
    return dataclasses.replace(shipped, source=source)


def test_the_file_that_is_shipped_says_the_defaults() -> None:
    assert with_source_auto(load(SHIPPED)) == DEFAULT


def test_the_file_that_is_shipped_has_every_key_if_only_as_a_comment() -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    # "# key = value" and "# [[table]]", but no sentence.
    uncommented = re.sub(r"^# (?=\[|\w+ = )", "", text, flags=re.MULTILINE)
    parse_text(uncommented, "flowmib.toml")

    def keys(content: dict[str, Any], path: str = "") -> set[str]:
        found: set[str] = set()
        for key, value in content.items():
            for part in value if isinstance(value, list) else [value]:
                inner = keys(part, f"{path}{key}.") if isinstance(part, dict) else {path + key}
                found |= inner
        return found

    found = keys(tomllib.loads(uncommented))
    told = {key for key in found if key.startswith("notify.")}
    assert found - told == keys(tomllib.loads(EVERYTHING))
    assert told == {f"notify.{key}" for key in NOTIFY} | {
        f"notify.target.{key}" for key in NOTIFY_TARGET
    }


COMMUNITY = "[[snmp.community]]\nname = 'x'\n"


@pytest.mark.parametrize(
    ("text", "key", "what"),
    [
        # unknown
        ("nonsense = 1", "nonsense", "unknown key; known here: agentx, control, history,"),
        (
            "[snmp]\nlisen = []",
            "snmp.lisen",
            "unknown key; known here: access, community, engine_id, f",
        ),
        ("[snmp.trap]", "snmp.trap", "unknown key"),
        (COMMUNITY + "form = []", "snmp.community[1].form", "unknown key; known here: access, co"),
        ("[snmp.identity]\nx = 1", "snmp.identity.x", "unknown key; known here: preset, sys_con"),
        ("[[snmp.community]]\nname='x'\nlevel='authPriv'", "snmp.community[1].level", "unknown"),
        ("[mib]\nx = 1", "mib.x", "unknown key; known here: algorithms, peer_index"),
        ("[source]\nx = 1", "source.x", "unknown key"),
        ("[source.strongswan]\nx = 1", "source.strongswan.x", "unknown key"),
        (
            "[source.simulated]\nx = 1",
            "source.simulated.x",
            "unknown key; known here: outage_after, se",
        ),
        ("[[peer]]\nmatch=''\ndescription=''\nx=1", "peer[1].x", "unknown key"),
        # not a table
        ("snmp = 1", "snmp", "must be a table, not a whole number"),
        ("[[snmp]]", "snmp", "must be a table, not a list"),
        ("[source]\nstrongswan = 'x'", "source.strongswan", "must be a table, not a text"),
        ("peer = 5", "peer", "must be an array of tables, [[peer]]"),
        ("peer = [5]", "peer[1]", "must be a table, not a whole number"),
        ("[snmp.community]\nname='x'", "snmp.community", "must be an array of tables, [[snmp.com"),
        # of the wrong type
        ("[snmp]\nmax_repetitions = 1.5", "snmp.max_repetitions", "a whole number, not a number"),
        ("[snmp]\nmax_repetitions = true", "snmp.max_repetitions", "a whole number, not true or"),
        ("[snmp]\nmax_repetitions = '5'", "snmp.max_repetitions", "a whole number, not a text"),
        (
            "[source.strongswan]\nkernel = true",
            "source.strongswan.kernel",
            "must be a text, not tr",
        ),
        ("[source.strongswan]\nkernel = 'on'", "source.strongswan.kernel", "allowed are auto, off"),
        ("[source.strongswan]\nlog_events = 1", "source.strongswan.log_events", "true or false, n"),
        ("[source.strongswan]\ninterval = '1'", "source.strongswan.interval", "a number of second"),
        ("[source.strongswan]\ninterval = true", "source.strongswan.interval", "a number of secon"),
        (
            "[snmp]\nlisten = 'udp:127.0.0.1:1'",
            "snmp.listen",
            "must be a list of texts, not a text",
        ),
        ("[snmp]\nlisten = []", "snmp.listen", "is empty, and there is no agentx"),
        ("[snmp]\nlisten = [1161]", "snmp.listen", "must be a list of texts"),
        (COMMUNITY + "from = []", "snmp.community[1].from", "must be a list of one text or more"),
        # missing
        ("[[snmp.community]]", "snmp.community[1].name", "is missing"),
        ("[[peer]]\nmatch = 'x'", "peer[1].description", "is missing"),
        ("[[peer]]\nmatch='x'\ndescription=''\n[[peer]]", "peer[2].match", "is missing"),
        ("[[peer]]\naddress='x'", "peer[1].address", "'x' does not appear to be"),
        ("[[peer]]\naddress='::1'\nmatch='x'", "peer[1].match", "and address too"),
        ("[[vrf]]\nname='x'", "vrf[1].connections", "nor are there marks or interface_ids"),
        ("[[vrf]]\nname=''", "vrf[1].name", "is empty"),
        ("[[vrf]]\nname='x'\nmarks=['2/3/4']", "vrf[1].marks", "'3/4' is no number"),
        ("[[vrf]]\nname='x'\nmarks=['4294967296']", "vrf[1].marks", "fit in 32 bits"),
        ("[[vrf]]\nname='x'\ninterface_ids=['-1']", "vrf[1].interface_ids", "fit in 32"),
        ("[control]\nmax_sas=65536", "control.max_sas", "0 to 65535"),
        (
            "[[snmp.community]]\nname='x'\ncontext='red'",
            "snmp.community[1].context",
            "no [[vrf]] 'red'",
        ),
        # out of range
        ("[snmp]\nmax_message_size = 483", "snmp.max_message_size", "is 483, allowed are 484"),
        ("[snmp]\nmax_message_size = 65508", "snmp.max_message_size", "allowed are 484 to 65507"),
        ("[snmp]\nmax_repetitions = 0", "snmp.max_repetitions", "is 0, allowed are 1 to 100000"),
        ("[source.strongswan]\ninterval = 0.5", "source.strongswan.interval", "allowed are 1.0"),
        ("[source.strongswan]\ninterval = nan", "source.strongswan.interval", "is nan, allowed"),
        ("[source.strongswan]\ninterval = inf", "source.strongswan.interval", "is inf, allowed"),
        ("[source.simulated]\ntunnels = 0", "source.simulated.tunnels", "allowed are 1 to 50000"),
        ("[source.simulated]\ntunnels = 50001", "source.simulated.tunnels", "allowed are 1 to 500"),
        ("[source.simulated]\nseed = -1", "source.simulated.seed", "is -1, allowed are 0 to"),
        ("[source]\nkind = 'file'", "source.kind", "is 'file', allowed are auto, strongswan"),
        ("[mib]\nalgorithms = ''", "mib.algorithms", "is '', allowed are extended, strict"),
        ("[mib]\npeer_index = 'Text'", "mib.peer_index", "is 'Text', allowed are text, octets"),
        (
            COMMUNITY + "access = 'none'",
            "snmp.community[1].access",
            "is 'none', allowed are read, write",
        ),
        (
            "[snmp]\nfailures_per_second = 0",
            "snmp.failures_per_second",
            "is 0, allowed are 1 to 100000",
        ),
        (
            "[snmp.identity]\npreset = 'cisco'",
            "snmp.identity.preset",
            "is 'cisco', allowed are flowmib, cisco-asa, cisco-ios",
        ),
        # of the wrong form
        (f"[[peer]]\nmatch = ''\ndescription = '{'x' * 81}'", "peer[1].description", "80 are all"),
        ("[[snmp.community]]\nname = ''", "snmp.community[1].name", "is empty"),
        (COMMUNITY + "from = ['all']", "snmp.community[1].from", "'all' does not appear to be"),
        (COMMUNITY + "from = ['10.0.0.1/8']", "snmp.community[1].from", "has host bits set"),
        ("[snmp]\nengine_id = '8000'", "snmp.engine_id", "has 2 octets, allowed are 5 to 32"),
        ("[snmp]\nengine_id = '80000000zz'", "snmp.engine_id", "is not in hexadecimal digits"),
        ("[snmp]\nengine_id = '0000000000'", "snmp.engine_id", "is all 00 or all FF"),
        ("state_directory = 'state'", "state_directory", "'state' does not begin with a slash"),
        ("state_directory = '~/state'", "state_directory", "does not begin with a slash"),
        ("[system]\nname = 'x'", "system", "is [snmp.identity] now, where description is sys_"),
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
    ("text", "key", "what"),
    [
        ("sys_name = 5", "sys_name", "must be a text, not a whole number"),
        ("sys_name = true", "sys_name", "must be a text, not true or false"),
        ("sys_name = 1979-05-27", "sys_name", "must be a text, not a date or time"),
        ("sys_name = {}", "sys_name", "must be a text, not a table"),
        ("sys_name = 'é'", "sys_name", "has characters that are not printable ASCII"),
        ('sys_name = "a\\nb"', "sys_name", "has characters that are not printable ASCII"),
        (f"sys_name = '{'x' * 256}'", "sys_name", "is 256 characters long, 255 are"),
        ("sys_object_id = 'x'", "sys_object_id", "'x' is not an OID in numbers"),
        ("sys_object_id = '1'", "sys_object_id", "is not an OID in numbers"),
        ("sys_object_id = '1.3.*.4'", "sys_object_id", "is not an OID in numbers"),
        ("sys_object_id = '1..3'", "sys_object_id", "is not an OID in numbers"),
        ("sys_object_id = '1.40'", "sys_object_id", "has a number that no OID has there"),
        ("sys_object_id = '3.1'", "sys_object_id", "has a number that no OID has there"),
        ("sys_object_id = '1.3.4294967296'", "sys_object_id", "has a number that no OID has"),
        (f"sys_object_id = '1{'.1' * 128}'", "sys_object_id", "255|not an OID"),
    ],
)
def test_a_wrong_identity(text: str, key: str, what: str) -> None:
    test_a_wrong_key_gives_one_line_with_file_and_key(
        f"[snmp.identity]\n{text}", f"snmp.identity.{key}", what
    )


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
        path.chmod(0o600)
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


class TestNeedsRestart:
    def test_nothing(self) -> None:
        assert needs_restart(DEFAULT, parse_text("", "again")) == ()

    @pytest.mark.parametrize(
        ("text", "key"),
        [
            ("state_directory = '/x'", "state_directory"),
            ("[snmp]\nlisten = ['udp:127.0.0.1:1162']", "snmp.listen"),
            ("[snmp]\nengine_id = '8000000001'", "snmp.engine_id"),
            ("[snmp]\nmax_message_size = 1472", "snmp.max_message_size"),
            ("[snmp.identity]\nsys_contact = 'noc'", "snmp.identity"),
            ("[agentx]", "agentx"),
            ("[mib]\nalgorithms = 'strict'", "mib"),
            ("[source]\nkind = 'simulated'", "source"),
            ("[source.simulated]\nseed = 2", "source"),
            ("[[peer]]\nmatch = 'x'\ndescription = 'y'", "peer"),
        ],
    )
    def test_op01_what_cannot_change_is_named(self, text: str, key: str) -> None:
        assert needs_restart(DEFAULT, parse_text(text, "")) == (key,)

    @pytest.mark.parametrize(
        "text",
        [
            "[snmp]\nmax_repetitions = 5",
            "[snmp]\nfailures_per_second = 5",
            COMMUNITY,
            COMMUNITY + "access = 'write'",
            "[[snmp.user]]\nname = 'ops'\nauth = 'none'",
            "[[snmp.view]]\nname = 'x'\ninclude = ['1.3']",
            "[[snmp.access]]\ngroup = 'x'",
            "[history]\ntunnel_size = 5",
            "[isakmp]\ndefault_policy = false",
            "[ipsec]\ndefault_transform_set = false",
            "[control]\nallow_detach = true\nmax_sas = 5",
        ],
    )
    def test_op01_what_can_change(self, text: str) -> None:
        assert needs_restart(DEFAULT, parse_text(text, "")) == ()

    def test_every_value_of_the_configuration_is_either(self) -> None:
        """What is added to the configuration has to be decided there and here."""
        everything = parse_text(EVERYTHING, "")
        at_once = {"communities", "users", "access", "max_repetitions", "failures_per_second"}
        fields = {field.name for field in dataclasses.fields(Config)}
        fields -= {"warnings", "snmp", "history", "notify", "isakmp", "ipsec", "control"}
        fields |= {f"snmp.{field.name}" for field in dataclasses.fields(config.Snmp)}
        plural = {"peer": "peers", "vrf": "vrfs"}
        changed = {plural.get(key, key) for key in needs_restart(DEFAULT, everything)}
        assert changed == fields - {f"snmp.{name}" for name in at_once}
