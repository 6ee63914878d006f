"""What was: the tunnels that have ended and the failures, as sliding windows of the newest ones.

Each window numbers its rows by itself, from 1, and goes on numbering when old rows slide out. A row
never changes. A window that is made smaller loses its oldest rows at once.
"""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter
from typing import Any, Generic, TypeVar

from datasource.failures import IkeFailure, IpsecFailure
from datasource.model import Endpoint, IkeTunnel, IpsecTunnel, Peer
from datasource.reasons import EndReason

__all__ = [
    "DEFAULT_SIZE",
    "MAX_SIZE",
    "EndedEndpoint",
    "EndedIkeTunnel",
    "EndedIpsecTunnel",
    "History",
    "Past",
    "Record",
    "Window",
]

_Content = TypeVar("_Content")
_Kept_co = TypeVar("_Kept_co", covariant=True)

DEFAULT_SIZE = 200
MAX_SIZE = 50_000
"""Rows of a window. A row takes some 2,000 octets."""
MAX_NUMBER = 2147483647


@dataclass(frozen=True, slots=True)
class Record(Generic[_Kept_co]):
    """A row of a window. The number runs from 1 to 2147483647 and then starts again."""

    number: int
    content: _Kept_co


@dataclass(frozen=True, slots=True)
class EndedIkeTunnel:
    """A phase-1 tunnel with its final values."""

    ended_at: float
    reason: EndReason
    tunnel: IkeTunnel
    peer: Peer

    @property
    def lasted(self) -> float:
        """Seconds that it was up."""
        return self.ended_at - self.tunnel.started_at

    @property
    def sas(self) -> int:
        """How many IKE SAs it has had, one after the other."""
        return self.tunnel.refreshes + 1


@dataclass(frozen=True, slots=True)
class EndedIpsecTunnel:
    """A phase-2 tunnel with its final values."""

    ended_at: float
    reason: EndReason
    tunnel: IpsecTunnel

    @property
    def lasted(self) -> float:
        """Seconds that it was up."""
        return self.ended_at - self.tunnel.started_at

    @property
    def sas(self) -> int:
        """How many SAs (:class:`~datasource.model.Spi`) it has had."""
        return self.tunnel.expired_spis + len(self.tunnel.spis)


@dataclass(frozen=True, slots=True)
class EndedEndpoint:
    """A flow of a phase-2 tunnel that has ended."""

    tunnel_index: int
    number: int
    """Among the tunnel's endpoints, from 1."""
    endpoint: Endpoint


@dataclass(frozen=True, slots=True)
class Past:
    """All windows at one moment, each in order of number."""

    tunnel_size: int = DEFAULT_SIZE
    failure_size: int = DEFAULT_SIZE
    ike_tunnels: tuple[Record[EndedIkeTunnel], ...] = ()
    ipsec_tunnels: tuple[Record[EndedIpsecTunnel], ...] = ()
    endpoints: tuple[Record[EndedEndpoint], ...] = ()
    ike_failures: tuple[Record[IkeFailure], ...] = ()
    ipsec_failures: tuple[Record[IpsecFailure], ...] = ()


class Window(Generic[_Content]):
    """The newest rows of one kind.

    Args:
        size: how many it keeps, 1 at least.
        max_number: where numbering starts again at 1.
    """

    def __init__(self, size: int, max_number: int = MAX_NUMBER) -> None:
        self._records: collections.deque[Record[_Content]] = collections.deque(maxlen=size)
        self._max_number = max_number
        self._last = 0
        self._rows: tuple[Record[_Content], ...] | None = ()

    @property
    def size(self) -> int:
        """How many rows it keeps at the most."""
        return self._records.maxlen or 0

    def add(self, content: _Content) -> Record[_Content]:
        """Add a row; the oldest one makes room for it."""
        self._last = self._last % self._max_number + 1
        record = Record(self._last, content)
        self._records.append(record)
        self._rows = None
        return record

    def rows(self) -> tuple[Record[_Content], ...]:
        """Return all rows, in order of number."""
        if self._rows is None:
            rows = tuple(self._records)
            if rows and rows[0].number > rows[-1].number:  # numbering has started again
                rows = tuple(sorted(rows, key=attrgetter("number")))
            self._rows = rows
        return self._rows

    def resize(self, size: int) -> tuple[Record[_Content], ...]:
        """Keep so many from now on; return those that this drops, oldest first."""
        dropped = tuple(self._records)[: max(len(self._records) - size, 0)]
        self._keep(self._records, size)
        return dropped

    def restore(self, dropped: Iterable[Record[_Content]], size: int) -> None:
        """Take :meth:`resize` back, with what was added since."""
        self._keep(chain(dropped, self._records), size)

    def _keep(self, records: Iterable[Record[_Content]], size: int) -> None:
        self._records = collections.deque(records, maxlen=size)
        self._rows = None


class History:
    """The windows of one gateway.

    Args:
        tunnel_size: rows of each of the three windows of tunnels and endpoints.
        failure_size: rows of each of the two windows of failures.
        on_change: called after every change.
    """

    def __init__(
        self,
        tunnel_size: int = DEFAULT_SIZE,
        failure_size: int = DEFAULT_SIZE,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self._on_change = on_change
        self._ike_tunnels: Window[EndedIkeTunnel] = Window(tunnel_size)
        self._ipsec_tunnels: Window[EndedIpsecTunnel] = Window(tunnel_size)
        self._endpoints: Window[EndedEndpoint] = Window(tunnel_size)
        self._ike_failures: Window[IkeFailure] = Window(failure_size)
        self._ipsec_failures: Window[IpsecFailure] = Window(failure_size)

    def past(self) -> Past:
        """Return all that is kept. Cheap where nothing has changed since the last call."""
        return Past(
            self._ike_tunnels.size,
            self._ike_failures.size,
            self._ike_tunnels.rows(),
            self._ipsec_tunnels.rows(),
            self._endpoints.rows(),
            self._ike_failures.rows(),
            self._ipsec_failures.rows(),
        )

    def add_ike_tunnel(self, ended: EndedIkeTunnel) -> Record[EndedIkeTunnel]:
        """Keep a phase-1 tunnel."""
        self._on_change()
        return self._ike_tunnels.add(ended)

    def add_ipsec_tunnel(
        self, ended: EndedIpsecTunnel
    ) -> tuple[Record[EndedIpsecTunnel], tuple[Record[EndedEndpoint], ...]]:
        """Keep a phase-2 tunnel and its endpoints."""
        self._on_change()
        index = ended.tunnel.index
        return self._ipsec_tunnels.add(ended), tuple(
            self._endpoints.add(EndedEndpoint(index, number, endpoint))
            for number, endpoint in enumerate(ended.tunnel.endpoints, 1)
        )

    def add_ike_failure(self, failure: IkeFailure) -> None:
        """Keep a failure of IKE."""
        self._on_change()
        self._ike_failures.add(failure)

    def add_ipsec_failure(self, failure: IpsecFailure) -> None:
        """Keep a failure of IPsec."""
        self._on_change()
        self._ipsec_failures.add(failure)

    def resize_tunnels(self, size: int) -> Callable[[], None]:
        """Keep so many ended tunnels from now on; return what takes that back."""
        return self._resize((self._ike_tunnels, self._ipsec_tunnels, self._endpoints), size)

    def resize_failures(self, size: int) -> Callable[[], None]:
        """Keep so many failures from now on; return what takes that back."""
        return self._resize((self._ike_failures, self._ipsec_failures), size)

    def _resize(self, windows: Sequence[Window[Any]], size: int) -> Callable[[], None]:
        before = windows[0].size
        dropped = [window.resize(size) for window in windows]
        self._on_change()

        def undo() -> None:
            for window, rows in zip(windows, dropped, strict=True):
                window.restore(rows, before)
            self._on_change()

        return undo
