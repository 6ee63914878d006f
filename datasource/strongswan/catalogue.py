"""The connections that a daemon has, kept from one listing to the next (sans-IO).

A daemon that has just started has none, and is given them one after the other. So those of the
daemon before are kept until that must be over. And those that the first daemon is given then are
what was there to begin with, as far as can be told.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from datasource import configuration
from datasource.configuration import Defaults
from datasource.errors import DataSourceError
from datasource.ledger import Ledger
from datasource.strongswan.configured import complete, parse_configured
from datasource.strongswan.connection import Connection, parse_connection
from datasource.strongswan.default_proposals import parse_defaults
from datasource.strongswan.fields import ConvertError, subsections
from datasource.strongswan.packet import Message
from datasource.strongswan.swanctl_conf import Declared, agrees

__all__ = ["LOADING", "Catalogue"]

LOADING = 10.0
"""Seconds that a new daemon has to be given its connections."""


@dataclass(frozen=True, slots=True)
class _Listed:
    """A connection as list-conns has it."""

    fields: Message
    connection: Connection
    """For the conversion of its SAs."""
    configured: configuration.Connection | None
    """As this alone tells it; None where there is nothing to tell."""
    declared: Declared | None = None
    """What the file said when it last agreed."""
    completed: configuration.Connection | None = None
    """With what the file said."""


class Catalogue:
    """Tells a tracker what is configured.

    Args:
        tracker: is told.
        on_problem: told of what cannot be understood, and is left out.
    """

    def __init__(self, tracker: Ledger, on_problem: Callable[[DataSourceError], None]) -> None:
        self._tracker = tracker
        self._on_problem = on_problem
        self._defaults = Defaults()
        self._declared: Mapping[str, Declared] = {}
        self._listed: dict[str, _Listed] = {}
        self._kept: dict[str, _Listed] = {}
        """Those of the daemon before, which this one does not have yet."""
        self._names: frozenset[str] = frozenset()
        """All that were listed, malformed ones too."""
        self._new: dict[str, _Listed] = {}
        self._new_names: set[str] = set()
        self._loading_until = 0.0
        self._settled: bool | None = None
        """Whether the last listing was like the one before; None before the first."""
        self._told = False

    @property
    def connections(self) -> Mapping[str, Connection]:
        """What the conversion of SAs and of failures needs, by name."""
        return {name: listed.connection for name, listed in self._listed.items()}

    def began(self, now: float, age: float | None) -> None:
        """Another daemon is followed, so many seconds after its start, where that is known."""
        if self._told:
            self._loading_until = now + LOADING
            self._kept = {**self._kept, **self._listed}
        elif age is not None and age < LOADING:
            self._loading_until = now + LOADING - age
        self._listed = {}

    def algorithms(self, message: Message) -> None:
        """Take over what the daemon can do, of get-algorithms."""
        try:
            self._defaults = parse_defaults(message)
        except ConvertError as error:
            self._on_problem(error.of("get-algorithms"))

    def declare(self, declared: Mapping[str, Declared]) -> None:
        """Take over what the file says; a connection that it does not have is not known by it."""
        self._declared = declared

    def begin_listing(self) -> None:
        """Begin a listing of all connections."""
        self._new, self._new_names = {}, set()

    def add(self, message: Message) -> None:
        """Take over one connection of list-conns. One that is malformed is left out."""
        for name, fields in subsections(message):
            self._new_names.add(name)
            old = self._listed.get(name) or self._kept.get(name)
            if old is not None and old.fields == fields:
                self._new[name] = old
                continue
            try:
                connection = parse_connection(name, fields)
                # The same object where nothing has changed: conversion looks no further then.
                if old is not None and old.connection == connection:
                    connection = old.connection
                self._new[name] = _Listed(fields, connection, parse_configured(name, fields))
            except ConvertError as error:
                self._on_problem(error)

    def end_listing(self) -> bool:
        """End a listing, and return whether it was other than the last."""
        changed = self._new != self._listed
        self._settled = self._settled is None or not changed
        self._listed, self._names = self._new, frozenset(self._new_names)
        return changed

    def has_other_names(self, names: Iterable[str]) -> bool:
        """Whether the daemon has other connections than those that it listed."""
        return frozenset(names) != self._names

    def is_due(self, now: float) -> bool:
        """Whether the last listing left something open, so that there should be another."""
        return not self._told or (bool(self._kept) and now >= self._loading_until)

    def tell(self, now: float) -> bool:
        """Tell the tracker what is known now. Whether that is enough to be told."""
        loading = now < self._loading_until
        if not self._told and loading and not (self._listed and self._settled):
            return False
        self._told = True
        kept = self._kept if loading else {}
        self._kept = {name: one for name, one in kept.items() if name not in self._listed}
        self._listed = {name: self._with_declared(name, one) for name, one in self._listed.items()}
        self._tracker.configure(
            now,
            [
                told
                for one in (*self._listed.values(), *self._kept.values())
                if (told := one.completed or one.configured) is not None
            ],
            self._defaults,
        )
        return True

    def _with_declared(self, name: str, listed: _Listed) -> _Listed:
        declared = self._declared.get(name)
        configured = listed.configured
        if configured is None or declared is None or declared == listed.declared:
            return listed
        try:
            if agrees(declared, listed.fields):
                completed = complete(configured, declared)
                return dataclasses.replace(listed, declared=declared, completed=completed)
        except ConvertError as error:
            self._on_problem(error.of(f"connection {name}"))
        # The file may have been changed and not been loaded: what it said of this one still holds.
        return listed
