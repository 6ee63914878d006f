from __future__ import annotations

from typing import Any

from datasource.errors import DataSourceError
from datasource.events import CryptoMapAdded, CryptoMapDeleted
from datasource.model import Proposal
from datasource.strongswan.catalogue import LOADING, Catalogue
from datasource.strongswan.swanctl_conf import Declared, DeclaredChild
from datasource.tracker import Tracker
from tests.unit.datasource.strongswan.replay import encode

AES = Proposal("AES_CBC", 128, "HMAC_SHA1_96", "PRF_HMAC_SHA1", "MODP_2048")
PSK = ("pre-shared key",)


def fields(peer: str = "10.0.0.2", **more: Any) -> Any:
    one_round = {"class": PSK[0]}
    children = {"net": {"mode": "TUNNEL"}}
    return encode(
        {
            "version": "IKEv2",
            "remote_addrs": [peer],
            "local_addrs": ["%any"],
            "local-1": one_round,
            "remote-1": one_round,
            "children": children,
            **more,
        }
    )


def declared(peer: str = "10.0.0.2", proposals: tuple[Proposal, ...] = (AES,)) -> Declared:
    children = {"net": DeclaredChild((), uses_defaults=True)}
    return Declared("IKEv2", ("%any",), (peer,), PSK, PSK, children, proposals)


class Rig:
    def __init__(self) -> None:
        self.now = 100.0
        self.tracker = Tracker()
        self.problems: list[DataSourceError] = []
        self.catalogue = Catalogue(self.tracker, self.problems.append)

    def listing(self, **connections: Any) -> bool:
        self.catalogue.begin_listing()
        for name, one in connections.items():
            self.catalogue.add({name: one})
        changed = self.catalogue.end_listing()
        self.catalogue.tell(self.now)
        return changed

    @property
    def sets(self) -> set[str]:
        return {row.name for row in self.tracker.snapshot(self.now).configuration.static_sets}

    @property
    def policies(self) -> list[Proposal]:
        policies = self.tracker.snapshot(self.now).configuration.policies
        return [one.policy.proposal for one in policies]

    def changes(self) -> list[str]:
        return [
            f"{type(event).__name__} {event.crypto_map.set_name}"
            for event in self.tracker.take_events()
            if isinstance(event, CryptoMapAdded | CryptoMapDeleted)
        ]


def test_what_is_listed_first_is_no_news() -> None:
    rig = Rig()
    rig.catalogue.began(rig.now, None)
    assert rig.listing(a=fields(), b=fields())
    assert not rig.listing(a=fields(), b=fields())
    assert rig.sets == {"a", "b"}
    assert set(rig.catalogue.connections) == {"a", "b"}
    assert not rig.changes()
    assert not rig.catalogue.is_due(rig.now)
    assert rig.listing(b=fields("10.0.0.3"), c=fields())
    assert rig.changes() == ["CryptoMapDeleted a", "CryptoMapAdded c"]


def test_connections_that_have_not_changed_stay_the_same_object() -> None:
    rig = Rig()
    rig.listing(a=fields(), b=fields())
    before = rig.catalogue.connections
    rig.listing(a=fields(), b=fields(dpd_delay="3"))
    after = rig.catalogue.connections
    assert after["a"] is before["a"]
    assert after["b"] is before["b"], "what conversion needs of it is the same"


def test_names() -> None:
    rig = Rig()
    rig.listing(a=fields(), b={"rekey_time": b"x"})
    assert not rig.catalogue.has_other_names(["b", "a"])
    assert rig.catalogue.has_other_names(["a"])
    assert rig.sets == {"a"}
    assert [str(problem) for problem in rig.problems] == ["connection b: rekey_time=b'x'"]


def test_the_connections_of_the_daemon_before_are_kept_for_a_while() -> None:
    rig = Rig()
    rig.listing(a=fields(), b=fields())
    rig.now += 50
    rig.catalogue.began(rig.now, 0.0)
    rig.listing()
    assert not rig.catalogue.connections, "its SAs are gone"
    rig.listing(a=fields())
    rig.now += LOADING - 1
    rig.listing(a=fields(), c=fields())
    assert rig.sets == {"a", "b", "c"}
    assert rig.changes() == ["CryptoMapAdded c"]
    assert not rig.catalogue.is_due(rig.now)
    rig.now += 1
    assert rig.catalogue.is_due(rig.now)
    rig.listing(a=fields(), c=fields())
    assert rig.sets == {"a", "c"}
    assert rig.changes() == ["CryptoMapDeleted b"]
    assert not rig.catalogue.is_due(rig.now)


def test_a_daemon_that_starts_again_while_it_is_given_its_connections() -> None:
    rig = Rig()
    rig.listing(a=fields(), b=fields())
    for _ in range(2):
        rig.catalogue.began(rig.now, 0.0)
        rig.listing(a=fields())
    assert rig.sets == {"a", "b"}
    assert not rig.changes()


def test_what_the_first_daemon_is_given_at_its_start_is_no_news() -> None:
    rig = Rig()
    rig.catalogue.began(rig.now, 1.0)
    rig.listing()
    assert rig.catalogue.is_due(rig.now)
    rig.listing(a=fields())
    assert not rig.sets, "there may be more to come"
    rig.listing(a=fields(), b=fields())
    rig.listing(a=fields(), b=fields())
    assert rig.sets == {"a", "b"}
    rig.listing(a=fields(), b=fields(), c=fields())
    assert rig.changes() == ["CryptoMapAdded c"]


def test_a_first_daemon_without_connections() -> None:
    rig = Rig()
    rig.catalogue.began(rig.now, 1.0)
    rig.listing()
    rig.now += LOADING
    rig.listing()
    assert not rig.catalogue.is_due(rig.now)
    rig.listing(a=fields())
    assert rig.changes() == ["CryptoMapAdded a"]


def test_the_file_is_believed_where_it_agrees() -> None:
    rig = Rig()
    rig.catalogue.declare({"a": declared(), "b": declared("10.0.0.9"), "c": declared()})
    rig.listing(a=fields(), b=fields())
    assert rig.policies == [AES]
    # What the file says of another connection than the daemon has does not touch that one.
    rig.catalogue.declare({"a": declared("10.0.0.9", ())})
    rig.listing(a=fields(), b=fields())
    assert rig.policies == [AES]
    # Nor does a file that cannot be read.
    rig.catalogue.declare({})
    rig.listing(a=fields(), b=fields())
    assert rig.policies == [AES]
    # But the daemon may have another one now.
    rig.listing(a=fields("10.0.0.7"), b=fields())
    assert rig.policies == []
    rig.catalogue.declare({"b": declared()})
    rig.listing(a=fields("10.0.0.7"), b=fields())
    assert rig.policies == [AES]


def test_a_new_daemon_with_the_same_connections_has_the_same_policies() -> None:
    rig = Rig()
    rig.catalogue.declare({"a": declared()})
    rig.listing(a=fields())
    rig.catalogue.declare({})
    rig.catalogue.began(rig.now, 0.0)
    rig.listing()
    assert rig.policies == [AES]
    rig.listing(a=fields())
    assert rig.policies == [AES]


def test_what_is_never_protected_is_not_told() -> None:
    rig = Rig()
    rig.listing(a=fields(children={"net": {"mode": "PASS"}}))
    assert not rig.sets
    assert set(rig.catalogue.connections) == {"a"}


def test_algorithms() -> None:
    rig = Rig()
    rig.catalogue.algorithms({"encryption": {"3DES_CBC": b"des"}})
    rig.catalogue.algorithms({"encryption": b"x"})
    rig.listing()
    assert rig.tracker.snapshot(0.0).configuration.defaults.triple_des is True
    assert [str(problem) for problem in rig.problems] == ["get-algorithms: encryption=b'x'"]
