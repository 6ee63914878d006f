"""CISCO-IPSEC-MIB: what it shows of configurations made by hand, and what can be set."""

from __future__ import annotations

import asyncio
import dataclasses
import ipaddress
from typing import Any

import pytest

from datasource.configuration import (
    Child,
    Configuration,
    CryptoMap,
    CryptoMapSet,
    CryptoMapType,
    Defaults,
    Interface,
    Policy,
    Wanted,
)
from datasource.control import UnloadError
from datasource.model import AuthMethod, Identity, Proposal
from mibs import cisco_ipsec
from mibs.algorithms import AlgorithmNumbers
from mibs.cisco_ipsec import NOTIFICATION_OF
from mibs.cisco_ipsec_flow_monitor import Choices
from mibs.setting import ErrorStatus, SetError
from mibs.table import Key, Value
from tests.configured import (
    DEFAULTS,
    ETH0,
    MODULES,
    POLICY,
    SITE,
    Configured,
    connection,
    name_index,
)
from tests.sas import OURS, THEIRS, child, ike
from tests.shown import shown

AES, PRE_SHARED, SHA2, GROUP_14 = 6, 2, 7, 5
SITE_INDEX = name_index("site")


def gateway(*, choices: Choices | None = None) -> Configured:
    beside = shown()
    made = Configured(beside=dataclasses.replace(beside, choices=choices or Choices()))
    made.configure(SITE)
    made.attach(ETH0)
    return made


def with_child(**changes: Any) -> Configured:
    made = gateway()
    made.configure(
        dataclasses.replace(SITE, children=(dataclasses.replace(SITE.children[0], **changes),))
    )
    return made


def with_defaults(**changes: Any) -> Configured:
    made = Configured()
    made.configure(SITE, defaults=dataclasses.replace(DEFAULTS, **changes))
    return made


class TestIsakmp:
    def test_enabled(self) -> None:
        made = Configured()
        assert made.scalar("cipsIsakmpEnabled") == 2
        made.tracker.enable(enabled=True)
        assert made.scalar("cipsIsakmpEnabled") == 1

    @pytest.mark.parametrize(
        ("identity", "number"), [("192.0.2.1", 1), ("oslo.example.net", 2), ("C=NO, CN=oslo", 2)]
    )
    def test_identity(self, identity: str, number: int) -> None:
        made = Configured()
        made.configure(dataclasses.replace(SITE, local_identity=Identity.parse(identity)))
        assert made.scalar("cipsIsakmpIdentity") == number

    def test_an_identity_that_is_not_one(self) -> None:
        made = Configured()
        assert made.scalar("cipsIsakmpIdentity") == 0
        named = dataclasses.replace(SITE, name="b", local_identity=Identity.parse("oslo"))
        made.configure(SITE, named)
        assert made.scalar("cipsIsakmpIdentity") == 0

    @pytest.mark.parametrize(
        ("seconds", "shows"), [(None, None), (9, None), (10, 10), (3600, 3600), (3601, None)]
    )
    def test_keepalive(self, seconds: int | None, shows: int | None) -> None:
        made = Configured()
        made.configure(dataclasses.replace(SITE, keepalive=seconds))
        assert made.scalar("cipsIsakmpKeepaliveInterval") == shows

    def test_no_policies(self) -> None:
        assert Configured().scalar("cipsNumIsakmpPolicies") == 0

    def test_policies_are_rows(self) -> None:
        made = Configured()
        other = Policy(
            Proposal("3DES_CBC", 0, "HMAC_MD5_96", "", "MODP_1024"), AuthMethod.SIGNATURE
        )
        made.configure(dataclasses.replace(SITE, policies=(POLICY, other)))
        assert made.scalar("cipsNumIsakmpPolicies") == 2
        assert made.column("cipsIsakmpPolEncr") == {(1,): AES, (2,): 3}
        assert made.column("cipsIsakmpPolHash") == {(1,): SHA2, (2,): 2}
        assert made.column("cipsIsakmpPolAuth") == {(1,): PRE_SHARED, (2,): 3}
        assert made.column("cipsIsakmpPolGroup") == {(1,): GROUP_14, (2,): 3}
        assert made.column("cipsIsakmpPolLifetime") == {(1,): 14400}

    def test_strict_numbers(self) -> None:
        made = gateway(choices=Choices(algorithms=AlgorithmNumbers(extended=False)))
        for name in ("cipsIsakmpPolEncr", "cipsIsakmpPolHash", "cipsIsakmpPolGroup"):
            assert made.column(name) == {}
        assert made.column("cipsIsakmpPolAuth") == {(1,): PRE_SHARED}

    @pytest.mark.parametrize(
        ("seconds", "shows"), [(59, {}), (60, {(1,): 60}), (86400, {(1,): 86400}), (86401, {})]
    )
    def test_a_lifetime_out_of_range_is_absent(self, seconds: int, shows: dict[Key, Value]) -> None:
        made = Configured()
        policy = dataclasses.replace(POLICY, lifetime=seconds)
        made.configure(dataclasses.replace(SITE, policies=(policy,)))
        assert made.column("cipsIsakmpPolLifetime") == shows

    def test_an_unknown_authentication_is_absent(self) -> None:
        made = Configured()
        policy = dataclasses.replace(POLICY, auth_method=None)
        made.configure(dataclasses.replace(SITE, policies=(policy,)))
        assert made.column("cipsIsakmpPolAuth") == {}


class TestGlobals:
    @pytest.mark.parametrize(
        ("seconds", "shows"),
        [(None, None), (119, None), (120, 120), (86400, 86400), (86401, None)],
    )
    def test_lifetime(self, seconds: int | None, shows: int | None) -> None:
        assert with_defaults(lifetime=seconds).scalar("cipsSALifetime") == shows

    @pytest.mark.parametrize(
        ("octets", "shows"),
        [
            (None, None),
            (2560 * 1024 - 1, None),
            (2560 * 1024, 2560),
            (2560 * 1024 + 1023, 2560),
            (536870912 * 1024, 536870912),
            (536870913 * 1024, None),
        ],
    )
    def test_lifesize_is_in_kilobytes(self, octets: int | None, shows: int | None) -> None:
        assert with_defaults(lifetime_octets=octets).scalar("cipsSALifesize") == shows

    def test_sets_are_counted(self) -> None:
        made = Configured()
        made.configure(SITE, connection("b", "x"), connection("anybody", "y", dynamic=True))
        assert made.scalar("cipsNumStaticCryptomapSets") == 2
        assert made.scalar("cipsNumCETCryptomapSets") == 0
        assert made.scalar("cipsNumDynamicCryptomapSets") == 1
        assert made.scalar("cipsNumTEDCryptomapSets") == 0

    def test_there_is_no_endpoint_discovery(self) -> None:
        names = {span.type.name for span in Configured().tree.spans}
        assert not [name for name in names if name.startswith("cipsNumTEDProbes")]
        assert "cipsNumTEDFailures" not in names

    @pytest.mark.parametrize(
        ("limit", "shows"), [(0, 0), (5000, 5000), (65535, 65535), (65536, None)]
    )
    def test_the_most_sas(self, limit: int, shows: int | None) -> None:
        made = Configured()
        made.tracker.want(Wanted(max_sas=limit))
        assert made.scalar("cipsMaxSAs") == shows

    @pytest.mark.parametrize(("known", "shows"), [(True, 1), (False, 2), (None, None)])
    def test_3des(self, known: bool | None, shows: int | None) -> None:
        assert with_defaults(triple_des=known).scalar("cips3DesCapable") == shows


class TestSets:
    def test_a_static_set(self) -> None:
        made = gateway()
        assert made.column("cipsStaticCryptomapSetSize") == {SITE_INDEX: 2}
        assert made.column("cipsStaticCryptomapSetNumIsakmp") == {SITE_INDEX: 2}
        for kind in ("Manual", "CET", "Dynamic", "Disc"):
            assert made.column(f"cipsStaticCryptomapSetNum{kind}") == {SITE_INDEX: 0}

    def test_a_tunnel_that_is_down_has_no_sas(self) -> None:
        made = gateway()
        assert made.column("cipsStaticCryptomapSetNumSAs") == {SITE_INDEX: 0}
        made.tracker.saw(10, ike(child(1)))
        assert made.column("cipsStaticCryptomapSetNumSAs") == {SITE_INDEX: 2}
        assert made.column("cipsStaticCryptomapSetSize") == {SITE_INDEX: 2}

    def test_members_are_counted_by_type(self) -> None:
        members = tuple(
            CryptoMap("all", number, type_, Child("x"), None, 0, "")
            for number, type_ in enumerate(CryptoMapType, 1)
        )
        row = CryptoMapSet("all", "all", dynamic=False, members=members, sas=0)
        binding = cisco_ipsec.bind(AlgorithmNumbers(), {}, shown().switches)
        table = next(t for t in binding.tables if t.name == "cipsStaticCryptomapSetTable")
        shows = {c.name: c.values([c.first(row)], 0.0)[0] for c in table.columns}
        assert list(shows.values()) == [5, 1, 1, 1, 2, 1, 0]
        table = next(t for t in binding.tables if t.name == "cipsStaticCryptomapTable")
        (column,) = (c for c in table.columns if c.name == "cipsStaticCryptomapType")
        assert column.values(list(map(column.first, members)), 0.0) == [1, 2, 3, 4, 5]

    def test_a_dynamic_set_is_in_its_own_table_only(self) -> None:
        made = Configured()
        made.attach(ETH0)
        made.configure(connection("anybody", "x", "y", dynamic=True))
        assert made.column("cipsDynamicCryptomapSetSize") == {name_index("anybody"): 2}
        assert made.column("cipsDynamicCryptomapSetNumAssoc") == {name_index("anybody"): 0}
        for name in ("SetSize", "Type"):
            assert made.column(f"cipsStaticCryptomap{name}") == {}
        assert made.column("cipsCryptomapSetIfStatus") == {}

    def test_names_come_in_order_of_their_length(self) -> None:
        made = Configured()
        made.configure(connection("aaa", "x"), connection("z", "x"), connection("bb", "x"))
        assert list(made.column("cipsStaticCryptomapSetSize")) == [
            (1, 122),
            (2, 98, 98),
            (3, 97, 97, 97),
        ]


class TestCryptoMaps:
    NET = (*SITE_INDEX, 1)
    THIRD = (*SITE_INDEX, 3)

    def test_a_member(self) -> None:
        made = with_child()
        assert made.column("cipsStaticCryptomapType") == {self.NET: 2}
        assert made.column("cipsStaticCryptomapDescr") == {self.NET: b"net"}
        assert made.column("cipsStaticCryptomapPeer") == {self.NET: THEIRS.packed}
        assert made.column("cipsStaticCryptomapNumPeers") == {self.NET: 2}
        assert made.column("cipsStaticCryptomapPfs") == {self.NET: GROUP_14}
        assert made.column("cipsStaticCryptomapLevelHost") == {self.NET: 2}

    def test_the_peer_is_described(self) -> None:
        made = gateway(choices=Choices(descriptions={str(THEIRS): "Bergen, harbour"}))
        web = (*SITE_INDEX, 2)
        descriptions = {self.NET: b"net: Bergen, harbour", web: b"web: Bergen, harbour"}
        assert made.column("cipsStaticCryptomapDescr") == descriptions
        # Another peer of the same crypto map is used: the text follows.
        made.configure(dataclasses.replace(SITE, peers=(OURS,)))
        assert made.column("cipsStaticCryptomapDescr") == {self.NET: b"net", web: b"web"}

    def test_a_long_description_is_cut(self) -> None:
        made = gateway(choices=Choices(descriptions={str(THEIRS): "x" * 80}))
        long = Child("n" * 250)
        made.configure(dataclasses.replace(SITE, children=(long,)))
        assert made.column("cipsStaticCryptomapDescr") == {self.THIRD: b"n" * 250 + b": xxx"}

    @pytest.mark.parametrize(
        ("peers", "shows", "number"),
        [
            ((), bytes(4), 0),
            ((None,), bytes(4), 1),
            ((ipaddress.ip_address("2001:db8::2"),), bytes.fromhex("20010db8" + "0" * 23 + "2"), 1),
            (tuple(ipaddress.ip_address(n) for n in range(1, 43)), bytes((0, 0, 0, 1)), 40),
        ],
    )
    def test_peers(self, peers: Any, shows: bytes, number: int) -> None:
        made = Configured()
        made.configure(dataclasses.replace(SITE, peers=peers, children=(Child("net"),)))
        assert made.column("cipsStaticCryptomapPeer") == {self.NET: shows}
        assert made.column("cipsStaticCryptomapNumPeers") == {self.NET: number}

    @pytest.mark.parametrize(
        ("seconds", "shows"),
        [(None, 0), (0, None), (119, None), (120, 120), (86400, 86400), (86401, None)],
    )
    def test_lifetime(self, seconds: int | None, shows: int | None) -> None:
        found = with_child(lifetime=seconds).column("cipsStaticCryptomapLifetime")
        assert found.get(self.NET) == shows

    @pytest.mark.parametrize(
        ("octets", "shows"), [(None, 0), (1, None), (2560 << 10, 2560), (1 << 40, None)]
    )
    def test_lifesize(self, octets: int | None, shows: int | None) -> None:
        found = with_child(lifetime_octets=octets).column("cipsStaticCryptomapLifesize")
        assert found.get(self.NET) == shows

    @pytest.mark.parametrize(
        ("group", "shows"),
        [(None, None), ("", 1), ("MODP_768", 2), ("MODP_1024", 3), ("CURVE_25519", None)],
    )
    def test_pfs(self, group: str | None, shows: int | None) -> None:
        transforms = tuple(
            dataclasses.replace(one, proposal=dataclasses.replace(one.proposal, group=group))
            for one in SITE.children[0].transforms or ()
            if group is not None
        )
        found = with_child(transforms=transforms or None).column("cipsStaticCryptomapPfs")
        assert found.get(self.NET) == shows

    def test_the_example_of_an_index(self) -> None:
        """("ftpPolicy", 10) is 9.102.116.112.80.111.108.105.99.121.10."""
        made = Configured()
        made.configure(connection("ftpPolicy", *map(str, range(1, 11))))
        last = list(made.column("cipsStaticCryptomapType"))[-1]
        assert last == (9, 102, 116, 112, 80, 111, 108, 105, 99, 121, 10)


class Control:
    """Detaches sets."""

    def __init__(self) -> None:
        self.can_detach = True
        self.detached: list[str] = []
        self.broken = False

    async def detach(self, set_name: str) -> None:
        if self.broken:
            raise UnloadError("it stays")
        self.detached.append(set_name)


ATTACHED, DETACHED = 1, 2
INDEX = (2, *SITE_INDEX)


def attached(control: Control | None) -> Configured:
    made = Configured(control)
    made.attach(ETH0)
    made.configure(SITE)
    return made


def refusal(made: Configured, value: int, index: Key = INDEX) -> SetError:
    with pytest.raises(SetError) as caught:
        asyncio.run(made.set("cipsCryptomapSetIfStatus", index, value))
    return caught.value


class TestAttachments:
    def test_a_set_at_an_interface(self) -> None:
        made = attached(None)
        assert made.column("cipsCryptomapSetIfStatus") == {INDEX: ATTACHED}
        assert made.column("cipsCryptomapSetIfVirtual") == {INDEX: 2}

    def test_a_virtual_interface_after_another(self) -> None:
        made = attached(None)
        made.attach(ETH0, Interface(7, "gre1", virtual=True, addresses=frozenset({OURS})))
        assert made.column("cipsCryptomapSetIfVirtual") == {INDEX: 2, (7, *SITE_INDEX): 1}

    def test_detached(self) -> None:
        control = Control()
        made = attached(control)
        asyncio.run(made.set("cipsCryptomapSetIfStatus", INDEX, DETACHED))
        assert control.detached == ["site"]

    @pytest.mark.parametrize("value", [0, ATTACHED, DETACHED, 3])
    def test_where_nobody_ever_can(self, value: int) -> None:
        assert refusal(attached(None), value).status is ErrorStatus.NOT_WRITABLE

    @pytest.mark.parametrize(
        ("value", "status"),
        [
            (0, ErrorStatus.WRONG_VALUE),
            (ATTACHED, ErrorStatus.NOT_WRITABLE),
            (DETACHED, ErrorStatus.NOT_WRITABLE),
            (3, ErrorStatus.WRONG_VALUE),
        ],
    )
    def test_where_nobody_can_now(self, value: int, status: ErrorStatus) -> None:
        control = Control()
        control.can_detach = False
        assert refusal(attached(control), value).status is status

    @pytest.mark.parametrize(
        ("value", "here", "elsewhere"),
        [
            (0, ErrorStatus.WRONG_VALUE, ErrorStatus.WRONG_VALUE),
            (ATTACHED, ErrorStatus.GEN_ERR, ErrorStatus.NO_CREATION),
            (3, ErrorStatus.WRONG_VALUE, ErrorStatus.WRONG_VALUE),
        ],
    )
    def test_what_is_refused(self, value: int, here: ErrorStatus, elsewhere: ErrorStatus) -> None:
        control = Control()
        made = attached(control)
        assert refusal(made, value).status is here
        assert refusal(made, value, (9, *SITE_INDEX)).status is elsewhere
        assert not control.detached

    def test_a_refusal_is_no_fault_of_the_agent(self) -> None:
        assert refusal(attached(Control()), ATTACHED).__cause__ is None

    def test_a_set_that_stays(self) -> None:
        control = Control()
        control.broken = True
        error = refusal(attached(control), DETACHED)
        assert error.status is ErrorStatus.COMMIT_FAILED
        assert isinstance(error.__cause__, UnloadError)

    def test_a_row_that_is_not_there(self) -> None:
        error = refusal(attached(Control()), DETACHED, (9, *SITE_INDEX))
        assert error.status is ErrorStatus.NO_CREATION


class TestTrapControl:
    @pytest.mark.parametrize(("name", "notification"), NOTIFICATION_OF.items())
    def test_a_switch(self, name: str, notification: str) -> None:
        made = Configured()
        assert made.scalar(name) == 2
        asyncio.run(made.set(name, (0,), 1))
        assert [n for n, switch in made.shown.switches.items() if switch.on] == [notification]
        assert made.scalar(name) == 1
        with pytest.raises(SetError) as caught:
            asyncio.run(made.set(name, (0,), 3))
        assert caught.value.status is ErrorStatus.WRONG_VALUE

    def test_the_switches_are_in_the_order_of_the_notifications(self) -> None:
        notifications = MODULES.notifications(cisco_ipsec.MODULE)
        assert list(NOTIFICATION_OF.values()) == [n.name for n in notifications]
        oids = [MODULES.object(name).oid for name in NOTIFICATION_OF]
        assert oids == sorted(oids)


def test_what_nothing_is_known_of() -> None:
    made = Configured()
    assert made.tracker.snapshot(0.0).configuration == Configuration(defaults=Defaults())
    absent = ("cipsIsakmpKeepaliveInterval", "cipsSALifetime", "cipsSALifesize", "cips3DesCapable")
    assert [made.scalar(name) for name in absent] == [None] * 4
