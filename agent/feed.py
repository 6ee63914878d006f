"""Where the tunnels come from: a source, as configured, and the trackers it reports to."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from agent.config import Simulated, Source, StrongSwan
from datasource import simulated
from datasource.control import ConnectionControl, SharedControl, TrackerControl, TunnelControl
from datasource.strongswan.source import StrongSwanSource, tracker_for
from datasource.tracker import Tracker
from datasource.tracker_group import TrackerGroup
from datasource.vrf import VrfRule
from datasource.xfrm.source import KernelSource

__all__ = ["Feed", "make_feed"]

_log = logging.getLogger("flowmib")


class _Source(SharedControl, ConnectionControl, Protocol):
    """What both kinds of source can do."""

    ready: asyncio.Event

    async def run(self) -> None:
        """Report to the trackers until cancelled."""

    def refresh(self) -> None:
        """Note that somebody reads."""

    def reload_configuration(self) -> None:
        """Look soon what is configured, also where nothing tells of a change."""


@dataclass(frozen=True, slots=True)
class Feed:
    """A source, the trackers it reports to, and what to call it."""

    source: _Source
    trackers: Mapping[bytes, Tracker]
    """By the name of the context; the global one, without a name, is the first."""
    title: str
    others: tuple[Callable[[], Coroutine[Any, Any, None]], ...] = ()
    """What else reports to the trackers until it is cancelled."""

    async def run(self) -> None:
        """Report until cancelled."""
        async with asyncio.TaskGroup() as group:
            for run in (self.source.run, *self.others):
                group.create_task(run())

    def control(self, tracker: Tracker) -> TunnelControl:
        """Return what ends the tunnels of one tracker."""
        return TrackerControl(self.source, tracker)


def make_feed(config: Source, vrfs: Sequence[VrfRule], clock: Callable[[], float]) -> Feed:
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
        return _strongswan(config.strongswan, vrfs, clock)
    return _simulated(config.simulated, vrfs, clock)


def _strongswan(config: StrongSwan, vrfs: Sequence[VrfRule], clock: Callable[[], float]) -> Feed:
    # It has pyroute2 with it, which takes 12 MiB, and only a real gateway has interfaces.
    from datasource.interfaces.source import InterfaceSource  # noqa: PLC0415

    ledger, trackers = _ledger(vrfs, partial(tracker_for, config.log_events, clock()))
    interfaces = InterfaceSource(ledger, clock=clock)
    source = StrongSwanSource(
        ledger,
        config.vici,
        interval=config.interval,
        log_events=config.log_events,
        kernel=KernelSource(ledger, clock=clock) if config.kernel == "auto" else None,
        error_notify=config.error_notify,
        swanctl_conf=config.swanctl_conf,
        on_configured=interfaces.refresh,
        clock=clock,
    )
    return Feed(source, trackers, f"strongSwan gateway at {config.vici}", (interfaces.run,))


def _simulated(config: Simulated, vrfs: Sequence[VrfRule], clock: Callable[[], float]) -> Feed:
    now = clock()
    ledger, trackers = _ledger(vrfs, partial(simulated.tracker_for_simulation, watching_since=now))
    gateway = simulated.SimulatedGateway(
        ledger,
        tunnels=config.tunnels,
        seed=config.seed,
        started_at=now,
        outage_after=config.outage_after,
    )
    title = f"simulated gateway ({config.tunnels} tunnels, seed {config.seed})"
    return Feed(simulated.SimulatedSource(gateway, ledger, clock), trackers, title)


def _ledger(
    vrfs: Sequence[VrfRule], make: Callable[[], Tracker]
) -> tuple[Tracker | TrackerGroup, Mapping[bytes, Tracker]]:
    """Make a tracker, or one for each VRF, and what keeps them for the source."""
    if not vrfs:
        tracker = make()
        return tracker, {b"": tracker}
    group = TrackerGroup(vrfs, make)
    return group, {name.encode(): tracker for name, tracker in group.trackers.items()}


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
