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
        trees: by the name of each context, what shows the objects of its notifications.
        switches: by the name of each notification: managers turn them too.
        outlets: where notifications go.
        clock: seconds, that of the events.
        time_stamp: gives sysUpTime, in hundredths of a second, at a time of the clock.
    """

    def __init__(
        self,
        config: Notify,
        smi: Smi,
        trees: Mapping[bytes, Tree],
        *,
        switches: Mapping[str, Switch],
        outlets: Sequence[Outlet],
        clock: Callable[[], float],
        time_stamp: Callable[[float], int],
    ) -> None:
        self._switches = switches
        self._clock = clock
        self._dispatcher = Dispatcher(self._is_enabled, outlets)
        self._notifiers = {
            context: Notifier(
                smi,
                tree,
                time_stamp,
                context=context,
                wanted=self._is_enabled,
                extras=config.extra_objects,
            )
            for context, tree in trees.items()
        }
        self._strangers = Limiter(_STRANGERS_A_SECOND, _STRANGERS_AT_ONCE, clock)
        self.enable(config.enabled)

    def enable(self, names: Collection[str]) -> None:
        """Enable these notifications, by their descriptors, and no others."""
        for name, switch in self._switches.items():
            switch.on = name in names

    def happened(self, context: bytes, event: Event) -> None:
        """Tell of an event in a context."""
        self._send(self._notifiers[context].notification(event))

    def started(self) -> None:
        """Tell that the agent has started: coldStart (RFC 3418)."""
        self._standard("coldStart")

    def stranger(self, _host: str) -> None:
        """Tell that a message was not authentic: authenticationFailure (RFC 3418)."""
        # One bucket for all: addresses of datagrams are easily forged.
        if self._is_enabled("authenticationFailure") and self._strangers.allow(""):
            self._standard("authenticationFailure")

    def _standard(self, name: str) -> None:
        # What is about the agent itself is told in the global context.
        self._send(self._notifiers[b""].standard(name, self._clock()))

    def _is_enabled(self, name: str) -> bool:
        return self._switches[name].on

    def _send(self, notification: Notification | None) -> None:
        if notification is not None:
            self._dispatcher.notify(notification)
