"""ISAKMP policies, made of what connections are configured with, or of what their SAs show."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable

from datasource._numbers import Numbers
from datasource.configuration import (
    CONFIGURED_POLICIES,
    DEFAULT_POLICIES,
    EASY_VPN_POLICIES,
    Connection,
    IsakmpPolicy,
    Policy,
    PolicyKind,
)

__all__ = ["IsakmpPolicies"]

_MAX_LEARNED = 100
"""Policies of one connection: more than anybody's SAs show."""

_Users = dict[PolicyKind, Counter[Policy]]
"""How many connections have a policy; none of them 0."""


class IsakmpPolicies:
    """Gives policies their numbers, and finds the one that an SA was negotiated by."""

    def __init__(self) -> None:
        self._numbers: dict[PolicyKind, Numbers[Policy]] = {
            PolicyKind.CONFIGURED: Numbers(CONFIGURED_POLICIES),
            PolicyKind.EASY_VPN: Numbers(EASY_VPN_POLICIES),
        }
        self._defaults: tuple[IsakmpPolicy, ...] = ()
        self._in_force = False
        self._configured: _Users = {kind: Counter() for kind in self._numbers}
        self._learned: dict[str, tuple[PolicyKind, dict[Policy, None]]] = {}
        self._in_use: _Users = {kind: Counter() for kind in self._numbers}
        """By configuration, or learned."""
        self._quiet: set[tuple[PolicyKind, Policy]] = set()
        self._rows: tuple[IsakmpPolicy, ...] | None = ()

    def configure(self, before: Connection | None, now: Connection | None) -> None:
        """Take over a connection that was added, changed or removed; number it afterwards."""
        if before is not None:
            self._count(before, -1)
            if now is None or _ike_part(before) != _ike_part(now):
                self.unlearn(before.name)
        if now is not None:
            self._count(now, 1)
        if before is not None and now is not None and _known(before) != _known(now):
            for one in (before, now):
                self._quiet.update((_kind(one), policy) for policy in one.policies or ())

    def number(self, connections: Iterable[Connection]) -> None:
        """Give the policies of these their numbers, the first come first."""
        for connection in connections:
            kind = _kind(connection)
            for policy in connection.policies or ():
                self._numbers[kind].of(policy, self._in_use[kind])

    def set_defaults(self, policies: Iterable[Policy], *, in_force: bool) -> None:
        """Take over the gateway's default policies; only what is in force is among the rows.

        SAs have theirs either way: that an operator does not want to see them changes no SA.
        """
        self._defaults = tuple(
            IsakmpPolicy(number, policy, PolicyKind.DEFAULT)
            for number, policy in zip(DEFAULT_POLICIES, policies, strict=False)
        )
        self._in_force = in_force
        self._rows = None

    def rows(self) -> tuple[IsakmpPolicy, ...]:
        """Return all there are, in order of their numbers: the same object while none changes."""
        if self._rows is None:
            defaults = self._defaults if self._in_force else ()
            rows = [*defaults, *self._numbered(self._in_use)]
            self._rows = tuple(sorted(rows, key=lambda row: row.priority))
        return self._rows

    def configured(self) -> tuple[IsakmpPolicy, ...]:
        """Return those that are configured, whatever SAs show, in order of their numbers."""
        return tuple(sorted(self._numbered(self._configured), key=lambda row: row.priority))

    def take_quiet(self) -> frozenset[IsakmpPolicy]:
        """Return what has become known or unknown since the last call, of connections that stay."""
        quiet, self._quiet = self._quiet, set()
        numbers = ((kind, policy, self._numbers[kind].of(policy)) for kind, policy in quiet)
        return frozenset(
            IsakmpPolicy(number, policy, kind) for kind, policy, number in numbers if number
        )

    def of(self, connection: Connection, seen: Policy) -> int:
        """Return the number of the policy that an SA was negotiated by, 0 where all are taken.

        What is configured may not have been in force yet when the SA was negotiated, or may be
        known in part only, so that the policy is the one that fits best.
        """
        kind = _kind(connection)
        candidates = [
            (number, policy)
            for policy in connection.policies or ()
            if (number := self._numbers[kind].of(policy, self._in_use[kind])) is not None
        ]
        if connection.uses_defaults:
            candidates += [(row.priority, row.policy) for row in self._defaults]
        if candidates:
            return max(candidates, key=lambda candidate: _likeness(candidate[1], seen))[0]
        return self._learn(connection, dataclasses.replace(seen, lifetime=connection.lifetime))

    def unlearn(self, connection: str) -> None:
        """Forget what SAs have shown of a connection."""
        kind, learned = self._learned.pop(connection, (PolicyKind.CONFIGURED, {}))
        for policy in learned:
            self._use(self._in_use[kind], policy, -1)

    def _learn(self, connection: Connection, policy: Policy) -> int:
        kind, learned = self._learned.setdefault(connection.name, (_kind(connection), {}))
        if policy not in learned:
            number = self._numbers[kind].of(policy, self._in_use[kind])
            if number is None or len(learned) >= _MAX_LEARNED:
                return 0
            learned[policy] = None
            self._use(self._in_use[kind], policy, 1)
        return self._numbers[kind].of(policy) or 0

    def _count(self, connection: Connection, more: int) -> None:
        kind = _kind(connection)
        for policy in dict.fromkeys(connection.policies or ()):
            self._use(self._configured[kind], policy, more)
            self._use(self._in_use[kind], policy, more)

    def _use(self, users: Counter[Policy], policy: Policy, more: int) -> None:
        was = users[policy]
        users[policy] = was + more
        if not users[policy]:
            del users[policy]
        if not was or not was + more:
            self._rows = None

    def _numbered(self, users: _Users) -> Iterable[IsakmpPolicy]:
        for kind, policies in users.items():
            for policy in policies:
                number = self._numbers[kind].of(policy, self._in_use[kind])
                if number is not None:
                    yield IsakmpPolicy(number, policy, kind)


def _kind(connection: Connection) -> PolicyKind:
    return PolicyKind.EASY_VPN if connection.easy_vpn else PolicyKind.CONFIGURED


def _known(connection: Connection) -> bool:
    return connection.policies is not None or connection.uses_defaults


def _ike_part(connection: Connection) -> tuple[object, ...]:
    """Return what learned policies hang on."""
    return (
        connection.policies,
        connection.uses_defaults,
        connection.easy_vpn,
        connection.lifetime,
    )


def _likeness(policy: Policy, seen: Policy) -> tuple[bool, int]:
    """Say how well a policy fits: how peers prove who they are counts before any algorithm."""
    mine, theirs = policy.proposal, seen.proposal
    return (
        policy.auth_method is None or seen.auth_method in (None, policy.auth_method),
        (mine.encryption == theirs.encryption)
        + (mine.key_bits == theirs.key_bits)
        + (mine.integrity == theirs.integrity)
        + (mine.prf == theirs.prf)
        + (mine.group == theirs.group),
    )
