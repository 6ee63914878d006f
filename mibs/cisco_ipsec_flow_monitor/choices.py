"""What the operator decides where the MIB leaves it open, and what the groups share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mibs.algorithms import AlgorithmNumbers
from mibs.table import Column, Root

__all__ = ["MEDIA_GATEWAYS", "Choices", "columns_without_rows"]

MEDIA_GATEWAYS = Root("media gateways", lambda _: (), lambda _: ())
"""The gateway statistics have a row for each media gateway, and this gateway is none."""


@dataclass(frozen=True, slots=True)
class Choices:
    """See docs/operate.md for what each choice means to a manager."""

    algorithms: AlgorithmNumbers = field(default_factory=AlgorithmNumbers)
    peer_index_octets: bool = False
    """Peers that are addresses are in the index as octets, as IOS does, and not as text."""
    descriptions: Mapping[str, str] = field(default_factory=dict)
    """Name of a peer, by its address or its identity."""


def columns_without_rows(*names: str) -> tuple[Column, ...]:
    """Bind the columns of a table that is always empty."""
    return tuple(Column(name, "nothing") for name in names)
