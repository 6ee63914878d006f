"""``[agentx]``, and what it allows in ``[snmp]``."""

from __future__ import annotations

import pytest

from agent.agentx.address import TcpAddress, UnixAddress
from agent.config import AgentX, ConfigError, needs_restart, parse_text


def test_without_a_section_it_is_off() -> None:
    assert parse_text("", "f").agentx is None


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("[agentx]", UnixAddress("/var/agentx/master")),
        ('[agentx]\nmaster = "unix:/run/agentx/master"', UnixAddress("/run/agentx/master")),
        ('[agentx]\nmaster = "tcp:127.0.0.1:705"', TcpAddress("127.0.0.1", 705)),
        ('[agentx]\nmaster = "tcp:[::1]:705"', TcpAddress("::1", 705)),
    ],
)
def test_a_master(text: str, address: UnixAddress | TcpAddress) -> None:
    assert parse_text(text, "f").agentx == AgentX(address)


@pytest.mark.parametrize(
    "master",
    [
        "",
        "/var/agentx/master",
        "unix:",
        "unix:master",
        "unix:/" + "x" * 107,
        "tcp:705",
        "tcp:localhost:705",
        "tcp:127.0.0.1:0",
        "tcp:127.0.0.1:65536",
        "tcp:::1:705",
        "tcp:[127.0.0.1]:705",
        "udp:127.0.0.1:705",
    ],
)
def test_what_is_no_master(master: str) -> None:
    with pytest.raises(ConfigError, match=r"f: agentx\.master: "):
        parse_text(f'[agentx]\nmaster = "{master}"', "f")


def test_an_unknown_key() -> None:
    with pytest.raises(ConfigError, match=r"f: agentx\.socket: unknown key"):
        parse_text('[agentx]\nsocket = "unix:/x"', "f")


def test_it_may_be_the_only_way_to_ask() -> None:
    config = parse_text("[snmp]\nlisten = []\n[agentx]", "f")
    assert config.snmp.listen == ()
    with pytest.raises(ConfigError, match=r"f: snmp\.listen: is empty"):
        parse_text("[snmp]\nlisten = []", "f")


def test_another_master_needs_a_restart() -> None:
    before, after = parse_text("", "f"), parse_text("[agentx]", "f")
    assert needs_restart(before, after) == ("agentx",)
