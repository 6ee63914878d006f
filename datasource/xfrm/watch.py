"""What happened in the kernel between two readings (sans-IO)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from datasource.model import IpAddress
from datasource.xfrm.codec import Dump, SaId

__all__ = ["IntegrityFailed", "KernelEvent", "KernelWatch", "NoSaFound"]


@dataclass(frozen=True, slots=True)
class IntegrityFailed:
    """Packets for an SA had a wrong integrity check value: were forged, or spoilt."""

    sa: SaId
    source: IpAddress
    packets: int
    """How many since the last reading, from 1."""


@dataclass(frozen=True, slots=True)
class NoSaFound:
    """Packets came for SAs that the kernel does not have. It does not tell which, or from whom."""

    packets: int
    """How many since the last reading, from 1."""


KernelEvent = IntegrityFailed | NoSaFound


class KernelWatch:
    """Compares each reading with the one before. What is seen first only begins the count."""

    def __init__(self) -> None:
        self._integrity_failed: dict[SaId, int] = {}
        self._no_sa: int | None = None

    def update(self, dump: Dump, no_sa: int | None) -> tuple[KernelEvent, ...]:
        """Return what happened since the last reading: at most one event for each SA.

        Args:
            dump: all SAs.
            no_sa: packets without an SA, None if that cannot be told now.
        """
        events: list[KernelEvent] = [*self._failed(dump)]
        if no_sa is not None:
            if self._no_sa is not None and no_sa > self._no_sa:
                events.append(NoSaFound(no_sa - self._no_sa))
            self._no_sa = no_sa
        return tuple(events)

    def _failed(self, dump: Dump) -> Iterator[IntegrityFailed]:
        before = self._integrity_failed
        # One that is missing from a dump that was interrupted may be there all the same.
        now = dict(before) if dump.interrupted else {}
        for sa_id, sa in dump.sas.items():
            now[sa_id] = failed = sa.integrity_failed
            if failed > before.get(sa_id, failed):
                yield IntegrityFailed(sa_id, sa.source, failed - before[sa_id])
        self._integrity_failed = now
