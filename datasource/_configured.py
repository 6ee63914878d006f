"""Crypto maps and policies, made of connections: the tracker's half that knows what is configured.

What has no counterpart on Linux, and how it is numbered, is written down in docs/configuration.md.

A number or a name stays with what it was given to, also when that is taken out of the configuration
and comes back: otherwise a change at one place would look like changes at others.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from datasource._attachments import attachments, routed_peers
from datasource._crypto_maps import CryptoMaps
from datasource._journal import Journal
from datasource._news import ConfigurationNews, Told
from datasource._policies import IsakmpPolicies
from datasource.configuration import (
    NO_INTERFACES,
    Configuration,
    Connection,
    Defaults,
    Interfaces,
    Policy,
    Wanted,
)
from datasource.events import TooManySas
from datasource.model import (
    ChildSaParameters,
    Endpoint,
    IdentityType,
    IkeSaParameters,
    IpAddress,
    PolicyMap,
    Proposal,
)

__all__ = ["Configured"]


class Configured:
    """Holds the configuration, and tells what a tunnel has of it."""

    def __init__(self, journal: Journal) -> None:
        self.active_sas = 0
        """Of IPsec, not counting those about to go."""
        self._journal = journal
        self._news = ConfigurationNews(journal)
        self._policies = IsakmpPolicies()
        self._maps = CryptoMaps()
        self._connections: Mapping[str, Connection] | None = None
        self._defaults = Defaults()
        self._wanted = Wanted()
        self._interfaces: Interfaces | None = None
        self._now = Configuration()
        self._untold = False

    # Reports ------------------------------------------------------------------------------------

    def configure(self, connections: Sequence[Connection], defaults: Defaults) -> frozenset[str]:
        """Take over what is configured; return the connections whose tunnels may look different.

        When these have been looked at, :meth:`tell` is due.
        """
        known = self._connections or {}
        new = {connection.name: connection for connection in connections}
        defaults_changed = defaults != self._defaults
        if new == self._connections and not defaults_changed:
            return frozenset()
        changed = {
            name: one
            for name in dict.fromkeys([*known, *new])
            if (one := new.get(name)) is not (old := known.get(name)) and one != old
        }
        self._connections, self._defaults, self._untold = new, defaults, True
        for name, connection in changed.items():
            self._policies.configure(known.get(name), connection)
            self._maps.configure(name, connection)
        self._policies.number(one for one in changed.values() if one is not None)
        self._apply_defaults()
        every = new.values()
        self._update(
            identity_type=_identity_type(every),
            keepalive=min((one.keepalive for one in every if one.keepalive), default=None),
            defaults=defaults,
        )
        self._attach()
        return frozenset([*changed, *new] if defaults_changed else changed)

    def enable(self, *, enabled: bool) -> None:
        """IKE answers, or does not."""
        if enabled != self._now.enabled:
            self._update(enabled=enabled)

    def attach(self, now: float, interfaces: Interfaces) -> None:
        """Take over which interfaces there are."""
        if interfaces != self._interfaces:
            self._interfaces, self._untold = interfaces, True
            self._attach()
            self.tell(now)

    def want(self, wanted: Wanted) -> None:
        """Take over what the operator wants."""
        if wanted != self._wanted:
            self._wanted = wanted
            self._update(wanted=wanted)
            self._apply_defaults()

    def tell(self, now: float) -> None:
        """Note as events what has come into the configuration and what has gone."""
        if self._untold and self._connections is not None:
            self._untold = False
            quiet = self._policies.take_quiet()
            policies = self._policies.configured()
            told = Told(self.current(), policies, interfaces_known=self._interfaces is not None)
            self._news.tell(now, told, quiet=quiet)

    # Tunnels ------------------------------------------------------------------------------------

    def policy_of(self, ike: IkeSaParameters) -> int | None:
        """Return the number of the policy that an IKE SA was negotiated by, 0 where it has none.

        None where nothing is known of it, or not any more: its connection is not configured.
        """
        connection = (self._connections or {}).get(ike.connection)
        if connection is None or ike.proposal == Proposal():
            return None
        return self._policies.of(connection, Policy(ike.proposal, ike.auth_method))

    def policy_map_of(
        self, connection: str, child: ChildSaParameters, endpoints: Sequence[Endpoint]
    ) -> PolicyMap:
        """Return which crypto map an IPsec tunnel is of."""
        return self._maps.policy_map_of(connection, child, endpoints)

    def uses_peer(self, ike: IkeSaParameters) -> None:
        """An IKE SA of a connection goes to this address."""
        self._maps.uses_peer(ike.connection, ike.remote_address)

    def count_sas(self, connection: str, more: int) -> None:
        """So many more IPsec SAs of a connection are active, or fewer."""
        if more:
            self.active_sas += more
            self._maps.count_sas(connection, more)

    def came_up(self, now: float) -> None:
        """An IPsec tunnel came up, and its SAs are counted."""
        if 0 < self._wanted.max_sas < self.active_sas:
            # As last looked at: thousands of tunnels may come up before that is done again.
            self._journal.happened(TooManySas(now, self._now))

    # Questions ----------------------------------------------------------------------------------

    def current(self) -> Configuration:
        """Return all of it, as it is now: the same object while nothing changes."""
        now = self._now
        static, dynamic = self._maps.static_sets(), self._maps.dynamic_sets()
        policies = self._policies.rows()
        if (static, dynamic, policies) != (now.static_sets, now.dynamic_sets, now.policies):
            self._now = dataclasses.replace(
                now,
                policies=policies,
                static_sets=static,
                dynamic_sets=dynamic,
                crypto_maps=self._maps.crypto_maps(),
            )
        return self._now

    def routed_peers(self) -> frozenset[IpAddress]:
        """Return the peers whose interface depends on the route to them."""
        return routed_peers((self._connections or {}).values())

    def connection_of(self, set_name: str) -> str | None:
        """Return the connection that is a static crypto map set, None where there is none."""
        connection = self._maps.connection_of(set_name)
        return None if connection is None else connection.name

    # Work ---------------------------------------------------------------------------------------

    def _update(self, **changes: Any) -> None:
        self._journal.changed()
        self._now = dataclasses.replace(self._now, **changes)

    def _attach(self) -> None:
        where = attachments(
            self._maps.static_sets(), self._connections or {}, self._interfaces or NO_INTERFACES
        )
        if where != self._now.attachments:
            self._update(attachments=where)

    def _apply_defaults(self) -> None:
        """Find out which defaults are in force: where some use them, or nothing is configured."""
        connections = (self._connections or {}).values()
        children = [child for one in connections for child in one.children]
        policies = not connections or any(one.uses_defaults for one in connections)
        transforms = not children or any(child.uses_defaults for child in children)
        defaults, wanted = self._defaults, self._wanted
        in_force = policies and wanted.default_policy
        self._policies.set_defaults(defaults.policies, in_force=in_force)
        self._maps.set_defaults(defaults.transform_sets)
        in_force = transforms and wanted.default_transform_set
        self._update(transform_sets=defaults.transform_sets if in_force else ())


def _identity_type(connections: Iterable[Connection]) -> IdentityType | None:
    found = {None if (own := one.local_identity) is None else own.type for one in connections}
    return found.pop() if len(found) == 1 else None
