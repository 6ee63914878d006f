"""Which VRF a connection is in: rules over names, marks and XFRM interface ids.

Linux knows no VRF of an SA. It knows which packets an SA is for, by their mark or by the XFRM
interface that they go through, and an operator ties these to a VRF. So rules tell it.

A name tells of a connection whether or not anything of it is up, so it goes first: of all rules
the first whose name patterns match, and only where there is none the first whose marks or
interface ids an SA has.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from datasource.model import ChildSaParameters, IkeSa, IkeSaParameters, Mark

__all__ = ["GLOBAL", "VrfRule", "VrfRules"]

GLOBAL = ""
"""The context of what is in no VRF."""
_MAX_NAMES = 100_000


@dataclass(frozen=True, slots=True)
class VrfRule:
    """Puts connections into a VRF: those that match in any way."""

    vrf: str
    """The inside VRF, where the protected traffic is: the name of the SNMP context."""
    front_door: str = ""
    """The VRF where the peers are; empty for the global one."""
    connections: tuple[str, ...] = ()
    """Patterns of names with ``*``, ``?`` and ``[abc]``. Upper and lower case differ."""
    marks: tuple[Mark, ...] = ()
    """Of child SAs, in either direction: an SA's mark is compared in the bits of the mask here."""
    if_ids: tuple[int, ...] = ()
    """XFRM interface ids of IKE SAs and of child SAs, in either direction."""

    def matches_name(self, connection: str) -> bool:
        """Whether a connection is in the VRF by its name."""
        return any(fnmatchcase(connection, pattern) for pattern in self.connections)

    def matches_sa(self, sa: IkeSa) -> bool:
        """Whether an IKE SA is in the VRF by its own interface ids or by what its children have."""
        return any(if_id in self.if_ids for if_id in _if_ids(sa)) or any(
            seen.value & mark.mask == mark.value & mark.mask
            for seen in _marks(sa)
            for mark in self.marks
        )


class VrfRules:
    """The rules, in order. A rule for ``""`` keeps in the global context what later ones match."""

    def __init__(self, rules: Sequence[VrfRule]) -> None:
        self._rules = tuple(rules)
        self._by_name: dict[str, str | None] = {}
        self.contexts = tuple(dict.fromkeys((GLOBAL, *(rule.vrf for rule in rules))))
        """Each once, the global one first."""
        self.look_at_sas = any(rule.marks or rule.if_ids for rule in rules)
        """Whether a name may not be enough."""

    def assign(self, connection: str, sa: IkeSa) -> str:
        """Return the context of an IKE SA of this connection, with its children."""
        context = self.by_name(connection)
        if context is None:
            context = self.by_sa(sa)
        return GLOBAL if context is None else context

    def by_name(self, connection: str) -> str | None:
        """Return the context of a connection, None where its name does not tell."""
        if connection not in self._by_name:
            if len(self._by_name) >= _MAX_NAMES:
                self._by_name.clear()
            found = (rule.vrf for rule in self._rules if rule.matches_name(connection))
            self._by_name[connection] = next(found, None)
        return self._by_name[connection]

    def by_sa(self, sa: IkeSa) -> str | None:
        """Return the context of an IKE SA by its marks and interface ids, None for no such rule."""
        if not self.look_at_sas:
            return None
        return next((rule.vrf for rule in self._rules if rule.matches_sa(sa)), None)


def _marks(sa: IkeSa) -> Iterator[Mark]:
    for child in sa.children:
        for mark in (child.parameters.mark_in, child.parameters.mark_out):
            if mark is not None:
                yield mark


def _if_ids(sa: IkeSa) -> Iterator[int]:
    children = (child.parameters for child in sa.children)
    those_with: tuple[IkeSaParameters | ChildSaParameters, ...] = (sa.parameters, *children)
    for parameters in those_with:
        for if_id in (parameters.if_id_in, parameters.if_id_out):
            if if_id is not None:
                yield if_id
