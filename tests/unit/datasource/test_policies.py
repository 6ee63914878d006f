from __future__ import annotations

import dataclasses

import pytest

from datasource._policies import IsakmpPolicies
from datasource.configuration import Connection, IsakmpPolicy, Policy, PolicyKind
from datasource.model import Proposal
from tests.connections import AES, GCM, OLD, PSK, SIGNATURE, connection

UNKNOWN = connection("site", "lan")


def configured(*connections: Connection) -> IsakmpPolicies:
    policies = IsakmpPolicies()
    for one in connections:
        policies.configure(None, one)
    policies.number(connections)
    return policies


def numbers(policies: IsakmpPolicies) -> list[int]:
    return [row.priority for row in policies.rows()]


def test_policies_are_numbered_as_they_are_configured_the_same_one_once() -> None:
    policies = configured(
        connection("a", policies=(Policy(GCM, PSK, 3600), Policy(AES, PSK, 3600))),
        connection("b", policies=(Policy(AES, PSK, 3600), Policy(AES, PSK, 7200))),
    )
    assert policies.rows() == (
        IsakmpPolicy(1, Policy(GCM, PSK, 3600), PolicyKind.CONFIGURED),
        IsakmpPolicy(2, Policy(AES, PSK, 3600), PolicyKind.CONFIGURED),
        IsakmpPolicy(3, Policy(AES, PSK, 7200), PolicyKind.CONFIGURED),
    )
    assert policies.rows() is policies.rows()


def test_a_policy_goes_with_its_last_connection_and_comes_back_under_its_number() -> None:
    a = connection("a", policies=(Policy(AES, PSK),))
    b = connection("b", policies=(Policy(AES, PSK), Policy(GCM, PSK)))
    policies = configured(a, b)
    policies.configure(a, None)
    assert numbers(policies) == [1, 2]
    policies.configure(b, None)
    assert numbers(policies) == []
    policies.configure(None, connection("c", policies=(Policy(OLD, PSK), Policy(GCM, PSK))))
    assert numbers(policies) == [2, 3]


def test_easy_vpn_has_numbers_of_its_own() -> None:
    policies = configured(
        connection("users", policies=(Policy(AES, PSK),), easy_vpn=True),
        connection("site", policies=(Policy(AES, PSK),)),
    )
    assert [(row.priority, row.kind) for row in policies.rows()] == [
        (1, PolicyKind.CONFIGURED),
        (65515, PolicyKind.EASY_VPN),
    ]


def test_a_policy_for_which_there_is_no_number_gets_the_next_that_is_free() -> None:
    lifetimes = tuple(Policy(AES, PSK, 3600 + n) for n in range(22))
    many = connection("many", policies=lifetimes[:21], easy_vpn=True)
    one = connection("one", policies=lifetimes[21:], easy_vpn=True)
    policies = configured(many, one)
    assert numbers(policies) == list(range(65515, 65536))
    assert policies.of(one, Policy(AES, PSK)) == 0
    policies.configure(many, dataclasses.replace(many, policies=lifetimes[1:21]))
    assert policies.rows()[0].policy == lifetimes[21]
    assert policies.of(one, Policy(AES, PSK)) == 65515


def test_defaults_have_the_numbers_that_are_theirs() -> None:
    policies = configured(connection("a", policies=(Policy(GCM, PSK),)))
    policies.set_defaults([Policy(AES, PSK, n) for n in range(100, 110)], in_force=True)
    assert numbers(policies) == [1, *range(65507, 65515)]
    assert [row.kind for row in policies.configured()] == [PolicyKind.CONFIGURED]
    policies.set_defaults([Policy(AES, PSK)], in_force=False)
    assert numbers(policies) == [1]


# Which one an SA was negotiated by --------------------------------------------------------------


def test_an_sa_is_of_the_policy_with_its_proposal_and_authentication() -> None:
    site = connection(
        policies=(
            Policy(AES, SIGNATURE),
            Policy(AES, PSK),
            Policy(GCM, PSK),
        )
    )
    policies = configured(site)
    assert policies.of(site, Policy(AES, PSK)) == 2
    assert policies.of(site, Policy(GCM, PSK)) == 3
    assert policies.of(site, Policy(AES, None)) == 1


def test_one_that_fits_none_is_of_that_which_fits_best() -> None:
    site = connection(policies=(Policy(AES, SIGNATURE), Policy(OLD, PSK), Policy(GCM, PSK)))
    policies = configured(site)
    close = dataclasses.replace(GCM, key_bits=256)
    assert policies.of(site, Policy(close, PSK)) == 3
    assert policies.of(site, Policy(close, SIGNATURE)) == 1
    assert numbers(policies) == [1, 2, 3]


def test_a_policy_that_leaves_the_authentication_open_fits_any() -> None:
    site = connection(policies=(Policy(OLD, PSK), Policy(AES, None)))
    assert configured(site).of(site, Policy(AES, PSK)) == 2


def test_a_connection_that_uses_the_defaults_is_of_one_of_them() -> None:
    site = connection(uses_defaults=True)
    policies = configured(site)
    defaults = [Policy(AES, SIGNATURE), Policy(AES, PSK), Policy(OLD, PSK)]
    for in_force in (True, False):
        policies.set_defaults(defaults, in_force=in_force)
        assert policies.of(site, Policy(AES, PSK)) == 65508
        assert policies.of(site, Policy(dataclasses.replace(OLD, group="MODP_1536"), PSK)) == 65509
    assert policies.configured() == ()


def test_a_connection_with_own_policies_and_the_defaults_prefers_its_own() -> None:
    site = connection(policies=(Policy(AES, PSK),), uses_defaults=True)
    policies = configured(site)
    policies.set_defaults([Policy(AES, PSK), Policy(OLD, PSK)], in_force=True)
    assert policies.of(site, Policy(AES, PSK)) == 1
    assert policies.of(site, Policy(OLD, PSK)) == 65508


# What SAs show ----------------------------------------------------------------------------------


def test_where_the_proposals_are_not_known_sas_show_them() -> None:
    site = dataclasses.replace(UNKNOWN, lifetime=14400)
    policies = configured(site)
    assert policies.rows() == ()
    assert policies.of(site, Policy(AES, PSK)) == 1
    assert policies.of(site, Policy(AES, PSK)) == 1
    assert policies.rows() == (IsakmpPolicy(1, Policy(AES, PSK, 14400), PolicyKind.CONFIGURED),)
    assert policies.configured() == ()


def test_what_was_learned_goes_with_the_connection_or_when_its_ike_part_changes() -> None:
    policies = configured(UNKNOWN)
    policies.of(UNKNOWN, Policy(AES, PSK))
    other_child = connection("site", "lan", "voice")
    policies.configure(UNKNOWN, other_child)
    assert numbers(policies) == [1]
    slower = dataclasses.replace(other_child, lifetime=9999)
    policies.configure(other_child, slower)
    assert numbers(policies) == []
    policies.of(slower, Policy(GCM, PSK))
    policies.configure(slower, None)
    assert numbers(policies) == []
    policies.configure(None, UNKNOWN)
    assert policies.of(UNKNOWN, Policy(AES, PSK)) == 1


def test_what_two_connections_have_shown_stays_while_one_is_there() -> None:
    other = connection("other")
    policies = configured(UNKNOWN, other)
    policies.of(UNKNOWN, Policy(AES, PSK))
    policies.of(other, Policy(AES, PSK))
    policies.configure(UNKNOWN, None)
    assert numbers(policies) == [1]


def test_not_more_is_learned_of_a_connection_than_anybody_has() -> None:
    policies = configured(UNKNOWN)
    seen = [Policy(Proposal("AES_CBC", bits), PSK) for bits in range(200)]
    assert [policies.of(UNKNOWN, policy) for policy in seen] == [*range(1, 101), *[0] * 100]
    assert numbers(policies) == list(range(1, 101))


@pytest.mark.parametrize("back", [False, True])
def test_that_proposals_become_known_or_unknown_is_told_apart_from_changes(*, back: bool) -> None:
    known = connection("site", "lan", policies=(Policy(AES, PSK),))
    policies = configured(known if back else UNKNOWN)
    assert policies.take_quiet() == frozenset()
    policies.configure(*(known, UNKNOWN) if back else (UNKNOWN, known))
    policies.number([] if back else [known])
    quiet = IsakmpPolicy(1, Policy(AES, PSK), PolicyKind.CONFIGURED)
    assert policies.take_quiet() == {quiet}
    assert policies.take_quiet() == frozenset()
