from __future__ import annotations

import dataclasses
import ipaddress

from datasource._attachments import attachments, routed_peers
from datasource.configuration import Connection, CryptoMapSet, Interface, Interfaces
from tests.connections import LIMA, OSLO, OURS, connection

OTHER = ipaddress.ip_address("2001:db8::1")
OUTSIDE = Interface(2, "eth0", addresses=frozenset([OURS, OTHER]))
INSIDE = Interface(3, "eth1", addresses=frozenset([ipaddress.ip_address("10.0.0.1")]))
SECOND = Interface(7, "eth2", addresses=frozenset([OURS]))
SITE = connection("site")
ROUTED = dataclasses.replace(SITE, name="routed", local_addresses=(), peers=(OSLO, LIMA))


def places(interfaces: Interfaces, *connections: Connection) -> list[tuple[int, str]]:
    sets = [CryptoMapSet(one.name, one.name, False, (), 0) for one in connections]
    found = attachments(sets, {one.name: one for one in connections}, interfaces)
    return [(one.interface.index, one.set_name) for one in found]


def test_a_set_is_at_each_interface_with_one_of_its_addresses_once() -> None:
    both = dataclasses.replace(SITE, name="both", local_addresses=(OURS, OTHER))
    interfaces = Interfaces((SECOND, INSIDE, OUTSIDE))
    assert places(interfaces, SITE, both) == [(2, "site"), (2, "both"), (7, "site"), (7, "both")]


def test_one_that_may_use_any_address_is_where_its_preferred_peer_is_reached() -> None:
    interfaces = Interfaces((OUTSIDE, INSIDE), {OSLO: 3, LIMA: 2})
    assert places(interfaces, ROUTED) == [(3, "routed")]
    assert places(Interfaces((OUTSIDE, INSIDE), {LIMA: 2}), ROUTED) == []
    assert places(Interfaces((OUTSIDE,), {OSLO: 3}), ROUTED) == []
    assert places(interfaces, dataclasses.replace(ROUTED, peers=(None, LIMA))) == []
    assert places(interfaces, dataclasses.replace(ROUTED, peers=())) == []


def test_an_interface_that_is_down_has_none() -> None:
    down = dataclasses.replace(OUTSIDE, up=False)
    assert places(Interfaces((down, SECOND)), SITE) == [(7, "site")]
    assert places(Interfaces((down,), {OSLO: 2}), ROUTED) == []


def test_only_a_preferred_peer_that_is_known_by_address_needs_a_route() -> None:
    dynamic = dataclasses.replace(ROUTED, dynamic=True)
    by_name = dataclasses.replace(ROUTED, peers=(None, LIMA))
    assert routed_peers([SITE, dynamic, by_name]) == frozenset()
    assert routed_peers([SITE, ROUTED]) == {OSLO}
