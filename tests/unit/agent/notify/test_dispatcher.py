"""agent.notify.dispatcher: one set of what is enabled, for every outlet."""

from __future__ import annotations

from agent.notify.dispatcher import Dispatcher
from mibs.notification import Notification
from tests.originating import COLD_START, start_of


class Noting:
    def __init__(self) -> None:
        self.told: list[Notification] = []

    def notify(self, notification: Notification) -> None:
        self.told.append(notification)


def test_no03_ax42_what_is_not_enabled_goes_nowhere() -> None:
    enabled = {"coldStart"}
    snmp, agentx = Noting(), Noting()
    dispatcher = Dispatcher(enabled.__contains__, [snmp, agentx])
    dispatcher.notify(COLD_START)
    dispatcher.notify(start_of(1))
    enabled.add("cikeTunnelStart")
    dispatcher.notify(start_of(2))
    assert snmp.told == agentx.told == [COLD_START, start_of(2)]
