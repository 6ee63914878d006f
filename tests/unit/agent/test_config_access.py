"""agent.config: views, access entries and who is in which group, down to what is then denied."""

from __future__ import annotations

import pytest

from agent.config import Config, ConfigError, parse_text
from agent.snmp.security import SecurityLevel, SecurityModel
from agent.snmp.vacm import AccessEntry, Denied, GroupMember, Subtree, Vacm, ViewType
from mibs.access import Access
from tests.engine import view_has
from tests.small_mib import small_tree

ANY, V1, V2C, USM = SecurityModel
NO_AUTH, AUTH, PRIV = SecurityLevel
READ, WRITE, NOTIFY = ViewType

TREE = small_tree()

VIEW = "[[snmp.view]]\nname = 'tunnels'\ninclude = ['1.3.6.1.4.1.9.9.171']\n"
ACCESS = "[[snmp.access]]\ngroup = 'staff'\n"
COMMUNITY = "[[snmp.community]]\nname = 'x'\n"
USER = "[[snmp.user]]\nname = 'ops'\nauth_password = 'correct horse'\n"
AUTH_PRIV_USER = USER + "priv_password = 'battery staple'\n"
AUTH_USER = USER + "priv = 'none'\n"
NO_AUTH_USER = "[[snmp.user]]\nname = 'ops'\nauth = 'none'\n"


def parsed(*texts: str) -> Config:
    return parse_text("\n".join(texts), "flowmib.toml")


def ask(
    config: Config,
    model: SecurityModel,
    name: bytes,
    level: SecurityLevel,
    view_type: ViewType = READ,
    *,
    context: bytes = b"",
) -> Denied | None:
    """Return why this is denied, None where something is to be seen."""
    access = Vacm(config.snmp.access, TREE).access(model, name, level, context, view_type)
    return None if isinstance(access, Access) else access


class TestViews:
    def test_va03_all_is_always_there(self) -> None:
        assert parsed().snmp.access.subtrees == (Subtree("all", (1,)),)

    def test_va03_includes_excludes_and_masks(self) -> None:
        config = parsed(
            "[[snmp.view]]",
            "name = 'column'",
            "include = ['1.3.6.1.2.1.2.2.1.*.4', '.1.3.6.1']",
            "exclude = ['1.3.6.1.4', '1']",
        )
        assert config.snmp.access.subtrees[1:] == (
            Subtree("column", (1, 3, 6, 1, 2, 1, 2, 2, 1, None, 4)),
            Subtree("column", (1, 3, 6, 1)),
            Subtree("column", (1, 3, 6, 1, 4), included=False),
            Subtree("column", (1,), included=False),
        )

    def test_va03_a_row_of_a_table(self) -> None:
        config = parsed("[[snmp.view]]\nname = 'row'\ninclude = ['1.3.6.1.2.1.2.2.1.*.4']")
        vacm = Vacm(config.snmp.access, TREE)
        assert view_has(vacm, "row", (1, 3, 6, 1, 2, 1, 2, 2, 1, 10, 4))
        assert not view_has(vacm, "row", (1, 3, 6, 1, 2, 1, 2, 2, 1, 10, 5))

    @pytest.mark.parametrize(
        ("text", "key", "what"),
        [
            ("[[snmp.view]]", "view[1].name", "is missing"),
            ("[[snmp.view]]\nname = ''", "view[1].name", "is empty"),
            (f"[[snmp.view]]\nname = '{'x' * 33}'", "view[1].name", "32 are allowed"),
            ("[[snmp.view]]\nname = 'x'", "view[1].include", "is missing"),
            ("[[snmp.view]]\nname = 'x'\ninclude = []", "view[1].include", "one text or more"),
            ("[[snmp.view]]\nname = 'x'\ninclude = '1.3'", "view[1].include", "a list of texts"),
            ("[[snmp.view]]\nname = 'all'\ninclude = ['1.3']", "view[1].name", "'all' already"),
            (VIEW + VIEW, "view[2].name", "there is a view 'tunnels' already"),
            (VIEW + "exclude = [1]", "view[1].exclude", "must be a list of texts"),
            (VIEW + "exclude = ['1.3.6.1.4.1.9.9.171']", "view[1].exclude", "stands in this view"),
            (VIEW + "exclude = ['1.3', '.1.3']", "view[1].exclude", "stands in this view already"),
            (VIEW + "exclude = ['']", "view[1].exclude", "'' is not an OID"),
            (VIEW + "exclude = ['1.3.']", "view[1].exclude", "'1.3.' is not an OID"),
            (VIEW + "exclude = ['1.3.**']", "view[1].exclude", "'1.3.**' is not an OID"),
            (VIEW + "exclude = ['iso.3']", "view[1].exclude", "'iso.3' is not an OID"),
            (VIEW + "exclude = ['1.²']", "view[1].exclude", "is not an OID"),
            (VIEW + "exclude = ['3']", "view[1].exclude", "'3' has a number that no OID has there"),
            (VIEW + "exclude = ['1.40']", "view[1].exclude", "has a number that no OID has there"),
            (VIEW + "exclude = ['1.3.4294967296']", "view[1].exclude", "that no OID has"),
            (VIEW + f"exclude = ['1{'.1' * 128}']", "view[1].exclude", "is not an OID"),
            (
                VIEW + "mask = 'ff'",
                "view[1].mask",
                "unknown key; known here: exclude, include, nam",
            ),
        ],
    )
    def test_va03_a_wrong_view(self, text: str, key: str, what: str) -> None:
        with pytest.raises(ConfigError) as caught:
            parsed(text)
        assert str(caught.value).startswith(f"flowmib.toml: snmp.{key}: ")
        assert what in str(caught.value)

    @pytest.mark.parametrize("text", ["0", "2.999", "*", "1.*", "*.3", "2.40.*", "1.39.4294967295"])
    def test_va03_odd_but_good_subtrees(self, text: str) -> None:
        (_, subtree) = parsed(
            f"[[snmp.view]]\nname = 'x'\ninclude = ['{text}']"
        ).snmp.access.subtrees
        assert ".".join("*" if part is None else str(part) for part in subtree.parts) == text


class TestEntries:
    @pytest.mark.parametrize(
        ("model", "level"), [("any", PRIV), ("usm", PRIV), ("v1", NO_AUTH), ("v2c", NO_AUTH)]
    )
    def test_va02_the_level_that_is_asked_for_by_default(
        self, model: str, level: SecurityLevel
    ) -> None:
        (entry,) = parsed(ACCESS, f"model = '{model}'").snmp.access.entries[2:]
        assert (entry.model.name.lower(), entry.level) == (model, level)

    def test_va01_an_entry_allows_nothing_by_default(self) -> None:
        (entry,) = parsed(ACCESS).snmp.access.entries[2:]
        assert entry == AccessEntry("staff", ANY, PRIV, b"", prefix=False)

    @pytest.mark.parametrize(
        ("text", "key", "what"),
        [
            ("[[snmp.access]]", "access[1].group", "is missing"),
            ("[[snmp.access]]\ngroup = ''", "access[1].group", "is empty"),
            ("[[snmp.access]]\ngroup = 'own:x'", "access[1].group", "reserved"),
            (f"[[snmp.access]]\ngroup = '{'x' * 33}'", "access[1].group", "32 are allowed"),
            (ACCESS + "model = 'v3'", "access[1].model", "is 'v3', allowed are any, v1, v2c, usm"),
            (ACCESS + "level = 'auth'", "access[1].level", "allowed are authPriv, authNoPriv, noA"),
            (
                ACCESS + "model = 'v2c'\nlevel = 'authPriv'",
                "access[1].level",
                "allowed are noAuthNoPriv",
            ),
            (ACCESS + f"context = '{'x' * 33}'", "access[1].context", "32 are allowed"),
            (ACCESS + "context_match = 'all'", "access[1].context_match", "exact, prefix"),
            (ACCESS + "read = 'tunnels'", "access[1].read", "no view 'tunnels'; there are all"),
            (VIEW + ACCESS + "write = 'x'", "access[1].write", "no view 'x'; there are all, tunn"),
            (ACCESS + "notify = 'x'", "access[1].notify", "no view 'x'"),
            (ACCESS + "view = 'all'", "access[1].view", "unknown key; known here: context, contex"),
            (ACCESS + ACCESS, "access[2].group", "has an entry for this model, level and context"),
        ],
    )
    def test_va02_a_wrong_entry(self, text: str, key: str, what: str) -> None:
        with pytest.raises(ConfigError) as caught:
            parsed(text)
        assert str(caught.value).startswith(f"flowmib.toml: snmp.{key}: ")
        assert what in str(caught.value)

    def test_va02_entries_that_differ_in_their_index_are_two(self) -> None:
        more = ("model = 'usm'", "level = 'authNoPriv'", "context = 'x'", "")
        assert len(parsed(*(ACCESS + line for line in more)).snmp.access.entries) == 2 + 4


class TestMembers:
    def test_va01_a_group_without_an_entry(self) -> None:
        for text in (COMMUNITY + "group = 'staff'", AUTH_PRIV_USER + "group = 'staff'"):
            with pytest.raises(ConfigError, match=r"group: no \[\[snmp.access\]\] has the group"):
                parsed(text)

    def test_va01_full_form(self) -> None:
        config = parsed(VIEW, ACCESS, "read = 'tunnels'", AUTH_PRIV_USER, "group = 'staff'")
        assert config.snmp.access.members == (GroupMember(USM, b"ops", "staff"),)
        assert config.snmp.access.entries == (AccessEntry("staff", ANY, PRIV, read="tunnels"),)
        assert ask(config, USM, b"ops", PRIV) is None
        assert ask(config, USM, b"ops", PRIV, WRITE) is Denied.NO_SUCH_VIEW
        assert ask(config, USM, b"ops", PRIV, NOTIFY) is Denied.NO_SUCH_VIEW
        assert ask(config, USM, b"ops", AUTH) is Denied.NO_ACCESS_ENTRY
        assert ask(config, USM, b"ops", PRIV, context=b"x") is Denied.NO_ACCESS_ENTRY
        assert ask(config, V2C, b"ops", NO_AUTH) is Denied.NO_GROUP_NAME
        assert ask(config, USM, b"nobody", PRIV) is Denied.NO_GROUP_NAME

    def test_va01_short_form_of_a_user(self) -> None:
        config = parsed(AUTH_PRIV_USER)
        assert ask(config, USM, b"ops", PRIV) is None
        assert ask(config, USM, b"ops", PRIV, NOTIFY) is None
        assert ask(config, USM, b"ops", PRIV, WRITE) is Denied.NO_SUCH_VIEW
        assert ask(config, USM, b"ops", AUTH) is Denied.NO_ACCESS_ENTRY
        assert ask(config, USM, b"ops", PRIV, context=b"x") is None
        assert ask(config, V2C, b"ops", NO_AUTH) is Denied.NO_GROUP_NAME

    def test_va01_short_form_of_a_community(self) -> None:
        config = parsed(COMMUNITY, COMMUNITY.replace("x", "y"), "access = 'write'")
        reader, writer = (community.security_name for community in config.snmp.communities)
        for model in (V1, V2C):
            assert ask(config, model, reader, NO_AUTH) is None
            assert ask(config, model, reader, NO_AUTH, WRITE) is Denied.NO_SUCH_VIEW
            assert ask(config, model, writer, NO_AUTH, WRITE) is None
        assert ask(config, USM, writer, PRIV) is Denied.NO_GROUP_NAME

    def test_va01_a_user_that_is_called_like_a_community(self) -> None:
        """The security models keep them apart."""
        config = parsed(COMMUNITY, AUTH_PRIV_USER.replace("ops", "community-1"), "access = 'write'")
        assert config.snmp.communities[0].security_name == b"community-1"
        assert ask(config, V2C, b"community-1", NO_AUTH, WRITE) is Denied.NO_SUCH_VIEW
        assert ask(config, USM, b"community-1", PRIV, WRITE) is None
        assert ask(config, USM, b"community-1", NO_AUTH) is Denied.NO_ACCESS_ENTRY

    def test_se04_a_security_name_is_not_the_community(self) -> None:
        config = parsed("[[snmp.community]]\nname = 'a secret name'")
        assert config.snmp.communities[0].security_name == b"community-1"


class TestTheSameCommunityTwice:
    def test_va01_other_access_from_other_addresses(self) -> None:
        config = parsed(
            COMMUNITY + "from = ['192.0.2.0/24']",
            COMMUNITY + "from = ['198.51.100.0/24', '::/0']\naccess = 'write'",
        )
        names = [community.security_name for community in config.snmp.communities]
        writes = [ask(config, V2C, name, NO_AUTH, WRITE) for name in names]
        assert writes == [Denied.NO_SUCH_VIEW, None]

    @pytest.mark.parametrize(
        "second",
        [
            "access = 'write'",
            "group = 'staff'",
            "from = ['127.0.0.1/32']\naccess = 'write'",
            "from = ['0.0.0.0/0']\naccess = 'write'",
            "from = ['192.0.2.0/24', '::1']\naccess = 'write'",
        ],
    )
    def test_va01_other_access_from_the_same_addresses(self, second: str) -> None:
        with pytest.raises(ConfigError) as caught:
            parsed(ACCESS, "model = 'v2c'", COMMUNITY, COMMUNITY + second)
        assert str(caught.value) == (
            "flowmib.toml: snmp.community[2].name: is that of snmp.community[1] too, from the same"
            " addresses, but with other access or another context"
        )

    @pytest.mark.parametrize("terms", ["access = 'read'", "access = 'write'", "group = 'staff'"])
    def test_va01_the_same_access_is_no_contradiction(self, terms: str) -> None:
        config = parsed(
            ACCESS, "model = 'v2c'", COMMUNITY + terms, COMMUNITY + "from = ['127.0.0.1']\n" + terms
        )
        assert len(config.snmp.communities) == 2

    def test_va01_two_groups_are_two_accesses(self) -> None:
        with pytest.raises(ConfigError, match="with other access"):
            parsed(
                *(ACCESS, ACCESS.replace("staff", "guests")),
                *(COMMUNITY + "group = 'staff'", COMMUNITY + "group = 'guests'"),
            )


NOT_FOR_IT = (
    "no [[snmp.access]] of 'staff' is for its security model and level, so it may do nothing"
)
WRITING_COMMUNITY = (
    "may write, and whoever can listen on the way reads the community;"
    " use a user of SNMPv3 for that"
)
UNPROTECTED = "without authentication, whoever knows the name may"


@pytest.mark.parametrize(
    ("texts", "warnings"),
    [
        ([COMMUNITY], []),
        ([AUTH_PRIV_USER], []),
        ([AUTH_PRIV_USER + "access = 'write'"], []),
        ([VIEW], []),
        # communities that write
        ([COMMUNITY + "access = 'write'"], [f"snmp.community[1]: {WRITING_COMMUNITY}"]),
        (
            [ACCESS + "model = 'v1'\nwrite = 'all'", COMMUNITY + "group = 'staff'"],
            [f"snmp.community[1]: {WRITING_COMMUNITY}"],
        ),
        (
            [ACCESS + "level = 'noAuthNoPriv'\nwrite = 'all'", COMMUNITY + "group = 'staff'"],
            [f"snmp.community[1]: {WRITING_COMMUNITY}"],
        ),
        (
            [
                ACCESS + "model = 'v2c'\nread = 'all'",
                ACCESS + "model = 'usm'\nwrite = 'all'",
                COMMUNITY + "group = 'staff'",
            ],
            [],
        ),
        # users without authentication
        ([NO_AUTH_USER], [f"snmp.user[1]: {UNPROTECTED} read"]),
        (
            [
                ACCESS + "level = 'noAuthNoPriv'\nread = 'all'\nwrite = 'all'",
                AUTH_PRIV_USER + "group = 'staff'",
            ],
            [f"snmp.user[1]: {UNPROTECTED} write"],
        ),
        (
            [ACCESS + "level = 'noAuthNoPriv'", AUTH_PRIV_USER + "group = 'staff'"],
            [],
        ),
        # entries that nobody reaches
        ([ACCESS, COMMUNITY + "group = 'staff'"], [f"snmp.community[1].group: {NOT_FOR_IT}"]),
        ([ACCESS, AUTH_USER + "group = 'staff'"], [f"snmp.user[1].group: {NOT_FOR_IT}"]),
        (
            [ACCESS + "model = 'v2c'", AUTH_PRIV_USER + "group = 'staff'"],
            [f"snmp.user[1].group: {NOT_FOR_IT}"],
        ),
        ([ACCESS], ["snmp.access[1].group: nobody is in the group 'staff'"]),
    ],
)
def test_what_is_hardly_meant_gives_a_warning(texts: list[str], warnings: list[str]) -> None:
    assert parsed(*texts).warnings == tuple(warnings)
