"""Where the tunnels come from: a source, as configured, and the tracker it reports to."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from agent.config import Source
from datasource import simulated
from datasource.control import TunnelControl
from datasource.strongswan.source import StrongSwanSource, tracker_for
from datasource.tracker import Tracker
from datasource.xfrm.source import KernelSource

__all__ = ["Feed", "make_feed"]

_log = logging.getLogger("flowmib")


class _Source(TunnelControl, Protocol):
    """What both kinds of source can do."""

    ready: asyncio.Event

    async def run(self) -> None:
        """Report to the tracker until cancelled."""

    def refresh(self) -> None:
        """Note that somebody reads."""


@dataclass(frozen=True, slots=True)
class Feed:
    """A source, the tracker it reports to, and what to call it."""

    source: _Source
    tracker: Tracker
    title: str


def make_feed(config: Source, clock: Callable[[], float]) -> Feed:
    """Make the source that the configuration asks for; with "auto", look what there is."""
    kind = config.kind
    if kind == "auto":
        kind = "strongswan" if _answers(str(config.strongswan.vici)) else "simulated"
        if kind == "simulated":
            _log.warning(
                "no strongSwan answers at %s: showing a simulated gateway, whose tunnels are made"
                ' up; set source.kind to "strongswan" to wait for the real one',
                config.strongswan.vici,
            )
    if kind == "strongswan":
        tracker = tracker_for(config.strongswan.log_events, watching_since=clock())
        reads_kernel = config.strongswan.kernel == "auto"
        return Feed(
            StrongSwanSource(
                tracker,
                config.strongswan.vici,
                interval=config.strongswan.interval,
                log_events=config.strongswan.log_events,
                kernel=KernelSource(tracker, clock=clock) if reads_kernel else None,
                error_notify=config.strongswan.error_notify,
                clock=clock,
            ),
            tracker,
            f"strongSwan gateway at {config.strongswan.vici}",
        )
    tracker = simulated.tracker_for_simulation(watching_since=clock())
    gateway = simulated.SimulatedGateway(
        tracker,
        tunnels=config.simulated.tunnels,
        seed=config.simulated.seed,
        started_at=clock(),
        outage_after=config.simulated.outage_after,
    )
    return Feed(
        simulated.SimulatedSource(gateway, tracker, clock),
        tracker,
        f"simulated gateway ({config.simulated.tunnels} tunnels, seed {config.simulated.seed})",
    )


def _answers(path: str) -> bool:
    """Whether something listens on this Unix socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(path)
        except PermissionError:
            # It is there. The source will say that it may not be used, and the operator mends it.
            return True
        except OSError:
            return False
    return True
