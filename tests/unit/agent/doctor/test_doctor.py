"""agent.doctor: arguments, addresses, and what it does not load too early."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence

import pytest

from agent import config as configuration
from agent.config import Config, ListenAddress, parse_text
from agent.doctor import DoctorError, add_arguments, examination, run
from agent.doctor.report import Level, Report


@pytest.fixture
def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_arguments(parser)
    return parser


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The addresses that agents were asked at; the first of an even number of them is wrong."""
    addresses: list[list[str]] = []

    async def examine(_config: Config, where: Sequence[ListenAddress]) -> Report:
        addresses.append([f"{address.host} {address.port} {address.text}" for address in where])
        report = Report(where[0].text)
        level = Level.WRONG if len(where) % 2 == 0 else Level.OK
        report.chapter("access").add(level, "v2c", "answers")
        return report

    monkeypatch.setattr(examination, "examine", examine)
    return addresses


def test_arguments(parser: argparse.ArgumentParser) -> None:
    options = parser.parse_args([])
    assert (options.config, options.agent, options.json) == (None, None, False)
    for text in ("[2001:db8::1]:161", "udp:[2001:db8::1]:161"):
        options = parser.parse_args(["--agent", text, "--config", "x.toml", "--json"])
        assert (options.agent.host, options.agent.port) == ("2001:db8::1", 161)
        assert str(options.config) == "x.toml"
        assert options.json


@pytest.mark.parametrize("text", ["192.0.2.1", "gateway:161", ":161", "192.0.2.1:0"])
def test_no_address(parser: argparse.ArgumentParser, text: str) -> None:
    with pytest.raises(argparse.ArgumentError):
        parser.parse_args(["--agent", text])


def test_who_listens_everywhere_is_asked_at_loopback(asked: list[list[str]]) -> None:
    config = parse_text(
        '[snmp]\nlisten = ["udp:0.0.0.0:161", "udp:[::]:161", "udp:192.0.2.1:1161"]', "test"
    )
    assert run(config, agent=None, as_json=False) == 0
    assert asked == [
        [
            "127.0.0.1 161 udp:127.0.0.1:161",
            "::1 161 udp:[::1]:161",
            "192.0.2.1 1161 udp:192.0.2.1:1161",
        ]
    ]


def test_an_address_instead_of_the_configured_ones(asked: list[list[str]]) -> None:
    agent = configuration.parse_listen("udp:192.0.2.7:161")
    assert run(configuration.DEFAULT, agent=agent, as_json=False) == 0
    assert asked == [["192.0.2.7 161 udp:192.0.2.7:161"]]


@pytest.mark.usefixtures("asked")
def test_what_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    config = parse_text('[snmp]\nlisten = ["udp:127.0.0.1:1", "udp:127.0.0.1:2"]', "test")
    assert run(config, agent=None, as_json=True) == 1
    assert json.loads(capsys.readouterr().out)["status"] == 1
    assert run(config, agent=None, as_json=False) == 1
    assert capsys.readouterr().out.endswith("\nwrong: 1, warnings: 0\n")


def test_without_pysnmp(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "agent.doctor.examination")
    monkeypatch.delitem(sys.modules, "agent.doctor.manager")
    monkeypatch.delattr("agent.doctor.examination")
    monkeypatch.setitem(sys.modules, "pysnmp.entity.rfc3413", None)
    with pytest.raises(DoctorError, match="the doctor needs pysnmp"):
        run(configuration.DEFAULT, agent=None, as_json=False)


def test_nobody_may_ask_from_here() -> None:
    config = parse_text('[[snmp.community]]\nname = "c"\nfrom = ["192.0.2.0/24"]', "test")
    with pytest.raises(DoctorError, match="nobody may ask the agent at udp:"):
        run(config, agent=None, as_json=False)


def test_pysnmp_is_loaded_late_and_without_a_warning() -> None:
    program = (
        "import sys; import agent.doctor; assert 'pysnmp' not in sys.modules;"
        " import agent.doctor.examination; assert 'pysnmp' in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)
