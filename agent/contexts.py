"""Contexts of SNMP (RFC 3411 section 3.3.1): one for each VRF, and the global one without a name.

Each has a tracker, and shows what that one knows.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from agent.detach import Detacher
from agent.views import ViewKeeper
from datasource.control import ConnectionControl, TunnelControl
from datasource.tracker import Tracker
from mibs import served
from mibs.cisco_ipsec_flow_monitor import Archive
from mibs.smi import Smi
from mibs.tree import Tree

__all__ = ["Context", "ContextMaker"]


@dataclass(frozen=True, slots=True)
class Context:
    """What one context is made of."""

    tree: Tree
    keeper: ViewKeeper


class ContextMaker:
    """Makes the contexts, once for each way in which they are served.

    Args:
        modules: all that is served.
        shown: what every context shows alike.
        trackers: by the name of the context.
        control: gives what ends the tunnels of a tracker.
        connections: unloads connections.
        may_detach: whether managers may have them unloaded.
        clock: seconds, the one that the trackers are told.
        on_read: called at each request.
    """

    def __init__(
        self,
        modules: Smi,
        shown: served.Shown,
        trackers: Mapping[bytes, Tracker],
        *,
        control: Callable[[Tracker], TunnelControl],
        connections: ConnectionControl,
        may_detach: Callable[[], bool],
        clock: Callable[[], float],
        on_read: Callable[[], None],
    ) -> None:
        self._modules = modules
        self._shown = shown
        self._trackers = trackers
        self._control = control
        self._connections = connections
        self._may_detach = may_detach
        self._clock = clock
        self._on_read = on_read
        self._keepers: dict[bytes, list[ViewKeeper]] = {name: [] for name in trackers}

    def make(self, time_stamp: Callable[[float], int]) -> dict[bytes, Context]:
        """Make all contexts.

        Args:
            time_stamp: gives sysUpTime, in hundredths of a second, at a time of the clock. It is
                what tells one way of serving them from another.
        """
        return {
            name: self._make(name, tracker, time_stamp) for name, tracker in self._trackers.items()
        }

    def _make(self, name: bytes, tracker: Tracker, time_stamp: Callable[[float], int]) -> Context:
        archive = Archive(tracker.history, time_stamp, lambda: tracker.check_point(self._clock()))
        shown = dataclasses.replace(
            self._shown,
            archive=archive,
            control=self._control(tracker),
            crypto_maps=Detacher(tracker, self._connections, self._may_detach),
        )
        tree = Tree(self._modules, served.bind(shown))
        keepers = self._keepers[name]
        return Context(tree, ViewKeeper(tracker, tree, self._clock, self._on_read, keepers))
