"""packaging/flowmib.service: what the agent is not allowed."""

from __future__ import annotations

import configparser
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[3] / "packaging" / "flowmib.service"


@pytest.fixture(scope="module")
def service() -> configparser.SectionProxy:
    parser = configparser.ConfigParser(strict=True, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's keys have capitals
    parser.read_string(UNIT.read_text(encoding="utf-8"))
    return parser["Service"]


CAPABILITIES = "CAP_NET_BIND_SERVICE CAP_NET_ADMIN"
"""For a port below 1024, and for NETLINK_XFRM."""


def test_se05_it_is_not_root_and_has_two_capabilities(service: configparser.SectionProxy) -> None:
    assert service["User"] == "flowmib"
    assert service["CapabilityBoundingSet"] == CAPABILITIES
    assert service["AmbientCapabilities"] == CAPABILITIES
    assert service["NoNewPrivileges"] == "yes"


def test_us01_the_state_is_kept_for_its_user_only(service: configparser.SectionProxy) -> None:
    assert (service["StateDirectory"], service["StateDirectoryMode"]) == ("flowmib", "0700")


def test_op01_a_reload_is_a_sighup(service: configparser.SectionProxy) -> None:
    assert service["ExecReload"] == "/bin/kill -HUP $MAINPID"
