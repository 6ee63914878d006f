"""agent.subagent.subagent: what of the notifications goes to the master."""

from __future__ import annotations

import logging

import pytest

from agent.agentx.address import UnixAddress
from agent.snmp.limits import QuietLog
from agent.subagent.clock import MasterTime
from agent.subagent.subagent import Subagent
from agent.views import ViewKeeper
from datasource.tracker import Tracker
from mibs import cisco_ipsec_flow_monitor, served, smi
from mibs.notification import Notification
from mibs.tree import Tree
from tests.shown import shown

STOP = (1, 3, 6, 1, 4, 1, 9, 9, 171, 2, 0, 2)
COLD_START = (1, 3, 6, 1, 6, 3, 1, 1, 5, 1)


@pytest.fixture
def subagent() -> Subagent:
    tree = Tree(smi.load(served.MODULES), served.bind(shown()))
    return Subagent(
        UnixAddress("/nowhere"),
        [cisco_ipsec_flow_monitor.MODULE],
        {b"": (tree, ViewKeeper(Tracker(), tree, lambda: 0.0))},
        MasterTime(lambda: 0.0),
        clock=lambda: 0.0,
        quiet=QuietLog(logging.getLogger("flowmib.agentx"), lambda: 0.0),
        capacity=2,
    )


def test_ax40_the_master_tells_of_its_own_start(subagent: Subagent) -> None:
    subagent.notify(Notification("coldStart", COLD_START, 0))
    assert len(subagent.notifications) == 0
    subagent.notify(Notification("cikeTunnelStop", STOP, 0))
    assert len(subagent.notifications) == 1


def test_what_cannot_be_encoded_is_said_and_harms_nothing(
    subagent: Subagent, caplog: pytest.LogCaptureFixture
) -> None:
    subagent.notify(Notification("cikeTunnelStop", STOP, 0, (b"\x30\x02\x06\x05",)))
    assert len(subagent.notifications) == 0
    assert "cikeTunnelStop" in caplog.text
    subagent.notify(Notification("cikeTunnelStop", STOP, 0))
    assert len(subagent.notifications) == 1


def test_ax41_what_is_dropped_is_counted_and_said(
    subagent: Subagent, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        subagent.notify(Notification("cikeTunnelStop", STOP, 0))
    assert (len(subagent.notifications), subagent.notifications.dropped) == (2, 1)
    assert "the oldest is dropped" in caplog.text
