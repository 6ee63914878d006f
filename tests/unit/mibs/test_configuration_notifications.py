"""NO-04 for CISCO-IPSEC-MIB: what is told of a change of the configuration, and when."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Mapping
from pathlib import Path

import pytest

from datasource.configuration import Wanted
from mibs import ber, cisco_ipsec
from mibs.notification import Notification
from mibs.notifications import Notifier
from mibs.table import Key
from mibs.view import View
from tests.configured import ETH0, MODULES, POLICY, SITE, Configured, connection, name_index
from tests.sas import child, ike

FACTS = Path(__file__).parents[2] / "facts" / "CISCO-IPSEC-MIB.csv"
SITE_INDEX = name_index("site")
OTHER = dataclasses.replace(POLICY, lifetime=3600)


class Told(Configured):
    """What is told of everything that happens."""

    def __init__(self, *, found: bool = True) -> None:
        super().__init__()
        self.notifier = Notifier(MODULES, self.tree, lambda at: int(at * 100))
        if found:
            self.attach(ETH0)
            self.configure(SITE)
            assert self.told() == []

    def told(self) -> list[Notification]:
        made = map(self.notifier.notification, self.tracker.take_events())
        return [notification for notification in made if notification is not None]

    def names(self) -> list[str]:
        return [notification.name for notification in self.told()]

    def varbinds(self, notification: Notification) -> dict[tuple[str, Key], int]:
        """Value of each object and instance, in order."""
        found = {}
        for varbind in notification.varbinds:
            name = ber.name_of(varbind)
            span, rest = self.tree.find(name)
            assert span is not None
            _, pos, _ = ber.read_header(varbind, 0, len(varbind))
            _, _, pos = ber.read_header(varbind, pos, len(varbind))
            tag, start, stop = ber.read_header(varbind, pos, len(varbind))
            assert tag == span.type.tag
            value = ber.decode_integer(varbind, start, stop)
            found[span.type.name, ber.decode_sub_identifiers(rest)] = value
        return found

    def got(self, view: View, notification: Notification) -> list[bytes | int]:
        """What a GET of each object gives."""
        return [view.get(ber.name_of(v), self.access) for v in notification.varbinds]


def one_of_each() -> tuple[Told, Mapping[str, Notification]]:
    """All seven, out of what happens to a tracker."""
    made = Told()
    made.tracker.want(Wanted(max_sas=1))
    made.now = 20.0
    made.tracker.saw(20, ike(child(1)))
    bigger = dataclasses.replace(
        SITE, children=(*SITE.children, *connection("x", "new").children), policies=(POLICY, OTHER)
    )
    made.configure(bigger)
    made.configure(SITE)
    made.attach()
    made.attach(ETH0)
    return made, {notification.name: notification for notification in made.told()}


def facts() -> dict[str, tuple[str, list[str]]]:
    with FACTS.open(encoding="utf-8") as file:
        return {
            row["name"]: (row["oid"], row["objects"].split("; "))
            for row in csv.DictReader(file)
            if row["kind"] == "notification"
        }


def test_no04_all_seven_are_made() -> None:
    assert one_of_each()[1].keys() >= facts().keys()
    assert list(facts()) == list(cisco_ipsec.NOTIFICATION_OF.values())
    assert len(facts()) == 7


@pytest.mark.parametrize(("name", "fact"), facts().items())
def test_no04_objects_are_those_of_the_mib_in_order(name: str, fact: tuple[str, list[str]]) -> None:
    made, notifications = one_of_each()
    oid, expected = fact
    assert ".".join(map(str, notifications[name].trap_oid)) == oid
    assert [object_ for object_, _ in made.varbinds(notifications[name])] == expected
    assert notifications[name].up_time == 2000


def test_no04_a_policy_comes_and_goes() -> None:
    made = Told()
    made.configure(dataclasses.replace(SITE, policies=(POLICY, OTHER)))
    (added,) = made.told()
    assert added.name == "cipsIsakmpPolicyAdded"
    assert made.varbinds(added) == {("cipsNumIsakmpPolicies", (0,)): 2}
    assert made.got(made.view(), added) == list(added.varbinds)
    made.configure(dataclasses.replace(SITE, policies=()))
    one, two = made.told()
    assert {one.name, two.name} == {"cipsIsakmpPolicyDeleted"}
    # As many as there are after all of the change.
    assert made.varbinds(one) == made.varbinds(two) == {("cipsNumIsakmpPolicies", (0,)): 0}


def test_no04_a_crypto_map_joins_and_leaves() -> None:
    made = Told()
    larger = dataclasses.replace(SITE, children=(*SITE.children, *connection("x", "new").children))
    made.configure(larger)
    (added,) = made.told()
    assert added.name == "cipsCryptomapAdded"
    assert made.varbinds(added) == {
        ("cipsStaticCryptomapType", (*SITE_INDEX, 3)): 2,
        ("cipsStaticCryptomapSetSize", SITE_INDEX): 3,
    }
    assert made.got(made.view(), added) == list(added.varbinds)
    made.configure(SITE)
    (deleted,) = made.told()
    assert deleted.name == "cipsCryptomapDeleted"
    assert made.varbinds(deleted) == {("cipsStaticCryptomapSetSize", SITE_INDEX): 2}
    assert made.got(made.view(), deleted) == list(deleted.varbinds)


def test_no04_a_set_that_is_unloaded() -> None:
    made = Told()
    before = made.view()
    made.configure()
    detached, *deleted, policy = made.told()
    assert detached.name == "cipsCryptomapSetDetached"
    assert made.varbinds(detached) == {("cipsStaticCryptomapSetSize", SITE_INDEX): 2}
    assert made.got(before, detached) == list(detached.varbinds)
    for notification in deleted:
        assert notification.name == "cipsCryptomapDeleted"
        assert made.varbinds(notification) == {("cipsStaticCryptomapSetSize", SITE_INDEX): 0}
    assert len(deleted) == 2
    assert policy.name == "cipsIsakmpPolicyDeleted"


def test_no04_a_set_is_attached_and_detached() -> None:
    made = Told()
    made.attach(dataclasses.replace(ETH0, addresses=frozenset()))
    (detached,) = made.told()
    assert detached.name == "cipsCryptomapSetDetached"
    assert made.varbinds(detached) == {("cipsStaticCryptomapSetSize", SITE_INDEX): 2}
    made.attach(ETH0)
    (attached,) = made.told()
    assert attached.name == "cipsCryptomapSetAttached"
    assert made.varbinds(attached) == {
        ("cipsStaticCryptomapSetSize", SITE_INDEX): 2,
        ("cipsStaticCryptomapSetNumIsakmp", SITE_INDEX): 2,
        ("cipsStaticCryptomapSetNumDynamic", SITE_INDEX): 0,
    }
    assert made.got(made.view(), attached) == list(attached.varbinds)


def test_no04_too_many_sas() -> None:
    made = Told()
    made.tracker.want(Wanted(max_sas=2))
    made.tracker.saw(10, ike(child(1)))
    assert "cipsTooManySAs" not in made.names()
    made.tracker.saw(11, ike(child(2)))
    (told,) = (n for n in made.told() if n.name == "cipsTooManySAs")
    assert made.varbinds(told) == {("cipsMaxSAs", (0,)): 2}


def test_no05_what_was_there_is_not_told() -> None:
    made = Told(found=False)
    made.configure(SITE)
    made.attach(ETH0)
    assert made.told() == []


def test_a_dynamic_set_is_not_told() -> None:
    made = Told()
    made.configure(SITE, connection("anybody", "x", dynamic=True))
    assert made.told() == []


def test_nothing_is_made_that_nobody_wants() -> None:
    made = Told()
    made.notifier = Notifier(
        MODULES, made.tree, lambda _: 0, wanted=lambda name: made.shown.switches[name].on
    )
    made.configure()
    assert made.told() == []
    made.shown.switches["cipsCryptomapSetDetached"].on = True
    made.configure(SITE)
    made.configure()
    assert made.names() == ["cipsCryptomapSetDetached"]
