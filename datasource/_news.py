"""What has changed in the configuration, as events."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable, Iterator
from typing import TypeVar

from datasource._journal import Journal
from datasource.configuration import Attachment, Configuration, CryptoMap, IsakmpPolicy
from datasource.events import (
    CryptoMapAdded,
    CryptoMapDeleted,
    CryptoMapSetAttached,
    CryptoMapSetDetached,
    Event,
    IsakmpPolicyAdded,
    IsakmpPolicyDeleted,
)

__all__ = ["ConfigurationNews", "Told"]

_Row = TypeVar("_Row")


@dataclasses.dataclass(frozen=True, slots=True)
class Told:
    """A configuration, as far as there are events about it."""

    configuration: Configuration
    policies: tuple[IsakmpPolicy, ...]
    """Those that are configured: neither the defaults nor what was learned from SAs."""
    interfaces_known: bool


class ConfigurationNews:
    """Notes what is other than before: what is gone, then what has come."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._told: Told | None = None

    def tell(self, now: float, new: Told, *, quiet: frozenset[IsakmpPolicy]) -> None:
        """Note the difference to the last call. What is there at first, was there before.

        ``quiet`` are policies that are not added or deleted, but known or unknown from now on.
        """
        old, self._told = self._told, new
        if old is not None:
            for event in _differences(now, old, new, quiet):
                self._journal.happened(event)


def _differences(
    now: float, old: Told, new: Told, quiet: frozenset[IsakmpPolicy]
) -> Iterator[Event]:
    before, after = old.configuration, new.configuration
    if not old.interfaces_known:
        # An interface that was not looked for may have been there.
        before = dataclasses.replace(before, attachments=after.attachments)
    sets = {row.name: row for row in after.static_sets}
    sets_before = {row.name: row for row in before.static_sets}
    for attachment in _missing(before.attachments, after.attachments, _place):
        yield CryptoMapSetDetached(now, attachment, sets_before[attachment.set_name])
    for member in _missing(before.crypto_maps, after.crypto_maps, _member):
        left = sets.get(member.set_name)
        if left is None:
            left = dataclasses.replace(sets_before[member.set_name], members=(), sas=0)
        yield CryptoMapDeleted(now, member, left)
    for policy in _missing(old.policies, new.policies, _itself):
        if policy not in quiet:
            yield IsakmpPolicyDeleted(now, policy, after)
    for policy in _missing(new.policies, old.policies, _itself):
        if policy not in quiet:
            yield IsakmpPolicyAdded(now, policy, after)
    for member in _missing(after.crypto_maps, before.crypto_maps, _member):
        yield CryptoMapAdded(now, member, sets[member.set_name])
    for attachment in _missing(after.attachments, before.attachments, _place):
        yield CryptoMapSetAttached(now, attachment, sets[attachment.set_name])


def _missing(
    some: tuple[_Row, ...], others: tuple[_Row, ...], key: Callable[[_Row], Hashable]
) -> Iterator[_Row]:
    """Give the rows that the others do not have. No two rows of one side have the same key."""
    # Most rows are the same objects, and to tell these is ten times cheaper.
    mine, theirs = set(map(id, some)), set(map(id, others))
    known = {key(row) for row in others if id(row) not in mine}
    return (row for row in some if id(row) not in theirs and key(row) not in known)


def _itself(policy: IsakmpPolicy) -> Hashable:
    # With its number: that may have been another policy's before.
    return policy


def _member(member: CryptoMap) -> Hashable:
    return member.set_name, member.priority


def _place(attachment: Attachment) -> Hashable:
    return attachment.interface.index, attachment.set_name
