"""From what happens to who is told: events, switches, and where notifications go."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from agent.config import Notify
from agent.notify.dispatcher import Dispatcher, Outlet
from agent.snmp.limits import Limiter
from datasource.events import Event
from mibs.notification import Notification
from mibs.notifications import Notifier
from mibs.settable import Switch
from mibs.smi import Smi
from mibs.tree import Tree

__all__ = ["Alarms"]

_STRANGERS_A_SECOND, _STRANGERS_AT_ONCE = 1.0, 10
"""authenticationFailure: anybody can provoke it, with any source address."""


class Alarms:
    """Tells everybody who wants to know.

    Args:
        config: what is enabled at first, and what notifications carry.
        smi: the modules that define notifications.
        tree: what shows their objects.
        switches: by the name of each notification: managers turn them too.
        outlets: where notifications go.
        clock: seconds, that of the events.
        time_stamp: gives sysUpTime, in hundredths of a second, at a time of the clock.
    """

    def __init__(
        self,
        config: Notify,
        smi: Smi,
        tree: Tree,
        *,
        switches: Mapping[str, Switch],
        outlets: Sequence[Outlet],
        clock: Callable[[], float],
        time_stamp: Callable[[float], int],
    ) -> None:
        self._switches = switches
        self._clock = clock
        self._dispatcher = Dispatcher(self._is_enabled, outlets)
        self._notifier = Notifier(
            smi, tree, time_stamp, wanted=self._is_enabled, extras=config.extra_objects
        )
        self._strangers = Limiter(_STRANGERS_A_SECOND, _STRANGERS_AT_ONCE, clock)
        self.enable(config.enabled)

    def enable(self, names: Collection[str]) -> None:
        """Enable these notifications, by their descriptors, and no others."""
        for name, switch in self._switches.items():
            switch.on = name in names

    def happened(self, event: Event) -> None:
        """Tell of an event."""
        self._send(self._notifier.notification(event))

    def started(self) -> None:
        """Tell that the agent has started: coldStart (RFC 3418)."""
        self._send(self._notifier.standard("coldStart", self._clock()))

    def stranger(self, _host: str) -> None:
        """Tell that a message was not authentic: authenticationFailure (RFC 3418)."""
        # One bucket for all: addresses of datagrams are easily forged.
        if self._is_enabled("authenticationFailure") and self._strangers.allow(""):
            self._send(self._notifier.standard("authenticationFailure", self._clock()))

    def _is_enabled(self, name: str) -> bool:
        return self._switches[name].on

    def _send(self, notification: Notification | None) -> None:
        if notification is not None:
            self._dispatcher.notify(notification)
