"""agent.config: [notify], down to what access control then says of each target."""

from __future__ import annotations

import pytest

from agent.config import Config, ConfigError, Notify, needs_restart, parse_text
from agent.notify.names import EVERYTHING
from agent.notify.target import Target
from agent.snmp.security import SecurityLevel, SecurityModel
from agent.snmp.usm.users import Secret, UserSettings
from agent.snmp.vacm import Denied, Vacm, ViewType
from mibs import ber
from mibs.access import Access
from mibs.smi import Oid
from tests.small_mib import small_tree

_, V1, V2C, USM = SecurityModel
NO_AUTH, AUTH, PRIV = SecurityLevel

TREE = small_tree()
COLD_START = (1, 3, 6, 1, 6, 3, 1, 1, 5, 1)
TUNNEL_START = (1, 3, 6, 1, 4, 1, 9, 9, 171, 2, 0, 1)

TARGET = "[[notify.target]]\naddress = 'udp:192.0.2.10:162'\n"
PUBLIC = TARGET + "community = 'public'\n"
V1_TARGET = PUBLIC + "version = '1'\n"
V3 = TARGET + "version = '3'\nuser = 'ops'\n"
NAMED = "[[snmp.user]]\nname = 'ops'\nauth_password = 'correct horse'\n"
USER = NAMED + "priv_password = 'battery staple'\n"
AUTH_USER = NAMED + "priv = 'none'\n"
KEY_USER = f"[[snmp.user]]\nname = 'ops'\nauth_key = '{'ab' * 32}'\npriv = 'none'\n"
MIXED_USER = f"{NAMED}priv_key = '{'ab' * 16}'\n"
VIEW = "[[snmp.view]]\nname = 'tunnels'\ninclude = ['1.3.6.1.4.1.9.9.171']\n"
ACCESS = "[[snmp.access]]\ngroup = 'staff'\nread = 'all'\n"


def parsed(*texts: str) -> Config:
    return parse_text("\n".join(texts), "flowmib.toml")


def told(config: Config, target: Target, name: Oid) -> bool | Denied:
    """Whether a target may be told of this name."""
    who = target.model, target.security_name, target.level, b"", ViewType.NOTIFY
    access = Vacm(config.snmp.access, TREE).access(*who)
    return access.allows(ber.encode_oid(name)) if isinstance(access, Access) else access


class TestDefaults:
    def test_no03_only_cold_start_is_enabled_and_nobody_is_told(self) -> None:
        assert parsed().notify == Notify(frozenset({"coldStart"}), ())

    def test_no01_a_target_with_a_community(self) -> None:
        (target,) = parsed(PUBLIC).notify.targets
        assert target == Target(
            "udp:192.0.2.10:162",
            "192.0.2.10",
            162,
            V2C,
            b"",
            community=b"public",
            inform=False,
            timeout=5.0,
            retries=3,
            send=EVERYTHING,
            queue=20_000,
            rate=2_500,
        )
        assert target.security_name == b"notify-target-1"

    def test_no01_a_target_with_a_user(self) -> None:
        (target,) = parsed(USER, V3).notify.targets
        assert (target.model, target.security_name, target.level) == (USM, b"ops", PRIV)
        assert target.user == UserSettings(
            "ops", "SHA-256", Secret("correct horse"), "AES-128", Secret("battery staple")
        )

    def test_every_key(self) -> None:
        (target,) = parsed(
            "[[notify.target]]",
            "address = 'udp:[2001:db8::1]:1162'",
            "version = '2c'",
            "community = 'x y'",
            "inform = true",
            "timeout = 0.5",
            "retries = 0",
            "send = ['isakmp tunnel', 'snmp coldstart']",
            "queue = 1",
            "rate = 100000",
            "view = 'all'",
            "source = '2001:db8:0::2'",
        ).notify.targets
        assert target == Target(
            "udp:[2001:db8::1]:1162",
            "2001:db8::1",
            1162,
            V2C,
            b"",
            community=b"x y",
            inform=True,
            timeout=0.5,
            retries=0,
            send=frozenset({"cikeTunnelStart", "cikeTunnelStop", "coldStart"}),
            queue=1,
            rate=100_000,
            source="2001:db8::2",
        )

    def test_no01_agent_address(self) -> None:
        (target,) = parsed(V1_TARGET, "agent_address = '198.51.100.7'").notify.targets
        assert (target.model, target.agent_address) == (V1, "198.51.100.7")


class TestEnable:
    @pytest.mark.parametrize(
        ("names", "count"),
        [("[]", 0), ("['isakmp']", 8), ("['isakmp', 'isakmp tunnel start', 'snmp']", 10)],
    )
    def test_no03_names(self, names: str, count: int) -> None:
        assert len(parsed(f"[notify]\nenable = {names}").notify.enabled) == count


class TestLevels:
    @pytest.mark.parametrize(
        ("level", "auth", "priv"),
        [("authPriv", True, True), ("authNoPriv", True, False), ("noAuthNoPriv", False, False)],
    )
    def test_no01_no_more_secrets_than_the_level_needs(
        self, level: str, auth: bool, priv: bool
    ) -> None:
        config = parsed(USER, V3, f"level = '{level}'")
        settings = config.notify.targets[0].user
        assert settings is not None
        assert (bool(settings.auth_secret), bool(settings.priv_secret)) == (auth, priv)

    def test_no01_a_user_without_secrets(self) -> None:
        config = parsed("[[snmp.user]]\nname = 'ops'\nauth = 'none'\n", V3, "inform = true")
        assert config.notify.targets[0].level == NO_AUTH

    def test_no01_a_trap_needs_no_passphrase(self) -> None:
        assert parsed(KEY_USER, V3).notify.targets[0].level == AUTH

    def test_no02_an_inform_needs_no_passphrase_for_what_it_does_not_use(self) -> None:
        config = parsed(MIXED_USER, V3, "inform = true\nlevel = 'authNoPriv'")
        assert config.notify.targets[0].level == AUTH


class TestAccess:
    def test_va04_a_community_is_told_everything(self) -> None:
        config = parsed(PUBLIC)
        assert told(config, config.notify.targets[0], COLD_START) is True

    def test_va04_a_community_is_told_what_its_view_has(self) -> None:
        config = parsed(VIEW, V1_TARGET, "view = 'tunnels'", PUBLIC.replace("192", "193"))
        one, other = config.notify.targets
        assert told(config, one, TUNNEL_START) is True
        assert told(config, one, COLD_START) is False
        assert told(config, other, COLD_START) is True

    def test_va04_a_target_may_not_read(self) -> None:
        config = parsed(PUBLIC)
        who = V2C, b"notify-target-1", NO_AUTH, b""
        vacm = Vacm(config.snmp.access, TREE)
        assert vacm.access(*who, ViewType.READ) is Denied.NO_SUCH_VIEW
        assert vacm.access(*who, ViewType.WRITE) is Denied.NO_SUCH_VIEW

    def test_va04_a_user_is_told_everything_in_the_short_form(self) -> None:
        config = parsed(USER, V3)
        assert told(config, config.notify.targets[0], COLD_START) is True
        assert config.warnings == ()

    def test_va04_a_user_is_told_what_its_notify_view_has(self) -> None:
        user = USER + "group = 'staff'\n"
        config = parsed(VIEW, user, ACCESS + "notify = 'tunnels'", V3)
        assert told(config, config.notify.targets[0], TUNNEL_START) is True
        assert told(config, config.notify.targets[0], COLD_START) is False

    @pytest.mark.parametrize(
        ("texts", "said"),
        [
            ((USER, "group = 'staff'", ACCESS, V3), Denied.NO_SUCH_VIEW),
            ((USER, V3, "level = 'authNoPriv'"), Denied.NO_ACCESS_ENTRY),
        ],
        ids=["no view", "level too low"],
    )
    def test_va04_a_user_who_is_told_nothing_gives_a_warning(
        self, texts: tuple[str, ...], said: Denied
    ) -> None:
        config = parsed(*texts)
        assert told(config, config.notify.targets[0], COLD_START) is said
        (warning,) = (text for text in config.warnings if "notify" in text)
        assert warning.startswith("notify.target[1].user: no [[snmp.access]] has a notify view")


class TestReload:
    def test_targets_need_no_restart(self) -> None:
        assert needs_restart(parsed(), parsed(PUBLIC, "[notify]\nenable = ['isakmp']")) == ()

    def test_no02_a_target_is_the_same_elsewhere_in_the_file(self) -> None:
        other = "[[notify.target]]\naddress = 'udp:192.0.2.9:162'\ncommunity = 'other'\n"
        moved = parsed(other, PUBLIC).notify.targets[1]
        assert moved == parsed(PUBLIC).notify.targets[0]
        assert moved.security_name == b"notify-target-2"

    @pytest.mark.parametrize(
        "change", ["send = ['isakmp']", "queue = 5", "rate = 5", "view = 'all'"]
    )
    def test_no02_the_way_is_the_same(self, change: str) -> None:
        assert parsed(PUBLIC).notify.targets[0].way == parsed(PUBLIC, change).notify.targets[0].way

    @pytest.mark.parametrize("change", ["inform = true", "version = '1'", "source = '127.0.0.1'"])
    def test_no02_another_way(self, change: str) -> None:
        assert parsed(PUBLIC).notify.targets[0].way != parsed(PUBLIC, change).notify.targets[0].way


@pytest.mark.parametrize(
    ("text", "key", "what"),
    [
        ("[notify]\nenable = ['ike']", "enable", "'ike' is no notification; known: ipsec"),
        ("[notify]\nenable = 'isakmp'", "enable", "must be a list of texts"),
        ("[notify]\nenabled = []", "enabled", "unknown key; known here: enable, extra_objects, t"),
        ("[notify.target]\naddress = 'x'", "target", "must be an array of tables"),
        ("[[notify.target]]", "target[1].address", "is missing"),
        (TARGET, "target[1].community", "is missing"),
        (TARGET + "community = ''", "target[1].community", "is empty"),
        (TARGET.replace("udp", "tcp"), "target[1].address", "not of the form udp:HOST:PORT"),
        (TARGET.replace("192.0.2.10", "nms"), "target[1].address", "which is no IP address"),
        (TARGET.replace("192.0.2.10", "0.0.0.0"), "target[1].address", "the address of nobody"),
        (PUBLIC + "version = '2'", "target[1].version", "allowed are 2c, 1, 3"),
        (V1_TARGET + "inform = true", "target[1].inform", 'version is "1", which has none'),
        (PUBLIC + "user = 'ops'", "target[1].user", 'is there, but version is "2c"'),
        (PUBLIC + "level = 'authPriv'", "target[1].level", 'is there, but version is "2c"'),
        (USER + V3 + "community = 'x'", "target[1].community", 'is there, but version is "3"'),
        (USER + V3 + "view = 'all'", "target[1].view", 'is there, but version is "3"'),
        (PUBLIC + "timeout = 1", "target[1].timeout", "is there, but inform is false"),
        (PUBLIC + "retries = 1", "target[1].retries", "is there, but inform is false"),
        (PUBLIC + "inform = true\ntimeout = 0", "target[1].timeout", "allowed are 0.1 to 300"),
        (PUBLIC + "inform = true\nretries = 21", "target[1].retries", "allowed are 0 to 20"),
        (PUBLIC + "queue = 0", "target[1].queue", "allowed are 1 to 100000"),
        (PUBLIC + "queue = 100001", "target[1].queue", "allowed are 1 to 100000"),
        (PUBLIC + "rate = 0", "target[1].rate", "allowed are 1 to 100000"),
        (PUBLIC + "send = []", "target[1].send", "one text or more"),
        (PUBLIC + "contexts = ['red']", "target[1].contexts", "no [[vrf]] 'red'"),
        (PUBLIC + "send = ['isakmp tun']", "target[1].send", "known after 'isakmp': failure"),
        (PUBLIC + "view = 'x'", "target[1].view", "there is no view 'x'; there are all"),
        (PUBLIC + "view = ''", "target[1].view", "there is no view ''; there are all"),
        (PUBLIC + "source = 'eth0'", "target[1].source", "'eth0' does not appear to be"),
        (PUBLIC + "source = '::1'", "target[1].source", "from '::1' nothing can be sent to '192"),
        (PUBLIC + "agent_address = '1.2.3.4'", "target[1].agent_address", 'version is "2c"'),
        (V1_TARGET + "agent_address = '::1'", "target[1].agent_address", "4 octets"),
        (PUBLIC + "port = 162", "target[1].port", "unknown key; known here: address"),
        (TARGET + "version = '3'", "target[1].user", "is missing"),
        (V3, "target[1].user", "there is no [[snmp.user]] 'ops'; there is none at all"),
        (USER + V3.replace("ops", "x"), "target[1].user", "no [[snmp.user]] 'x'; there are ops"),
        (
            AUTH_USER + V3 + "level = 'authPriv'",
            "target[1].level",
            "allowed are auth",
        ),
        (
            KEY_USER + V3 + "inform = true",
            "target[1].inform",
            "which flowmib makes of a passphrase",
        ),
        (MIXED_USER + V3 + "inform = true", "target[1].inform", "'ops' has a localised key"),
        (PUBLIC + PUBLIC, "target[2].address", "told the same way by notify.target[1]; one of the"),
        (PUBLIC + PUBLIC + "send = ['isakmp']", "target[2].address", "is told the same way"),
    ],
)
def test_what_is_wrong_is_said_of_its_key(text: str, key: str, what: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parsed(text)
    assert str(caught.value).startswith(f"flowmib.toml: notify.{key}: ")
    assert what in str(caught.value)


def test_se04_a_community_is_never_shown() -> None:
    config = parsed(PUBLIC.replace("public", "s3cret"))
    assert "s3cret" not in repr(config)
    assert "s3cret" not in config.notify.targets[0].title
    with pytest.raises(ConfigError) as caught:
        parsed(PUBLIC.replace("public", "s3crét"))
    assert "s3cr" not in str(caught.value)
