"""agent.cli.main: exit statuses and what is said."""

from __future__ import annotations

import socket
from importlib import metadata
from pathlib import Path

import pytest

from agent import config as configuration
from agent import daemon
from agent.cli.main import main
from agent.config import Config


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Config]:
    """The configurations that an agent would have been run with."""
    configs: list[Config] = []
    monkeypatch.setattr(daemon, "run", configs.append)
    return configs


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "flowmib.toml"
    path.write_text(
        """
        [snmp]
        listen = ["udp:127.0.0.1:7777"]
        [source]
        kind = "strongswan"
        simulated = { tunnels = 5, seed = 6 }
        """,
        encoding="utf-8",
    )
    return path


class TestRun:
    def test_without_options(self, started: list[Config]) -> None:
        assert main(["run"]) == 0
        assert started == [configuration.DEFAULT]

    def test_a_file(self, started: list[Config], file: Path) -> None:
        assert main(["run", "--config", str(file)]) == 0
        assert started == [configuration.load(file)]

    def test_options_go_before_the_file(self, started: list[Config], file: Path) -> None:
        options = ["--source", "simulated", "--tunnels", "50", "--seed", "0"]
        listen = ["--listen", "udp:127.0.0.1:1", "--listen", "udp:[::1]:2"]
        assert main(["run", "--config", str(file), *options, *listen]) == 0
        (config,) = started
        assert config.source.kind == "simulated"
        assert config.source.simulated == configuration.Simulated(50, 0)
        assert [address.port for address in config.snmp.listen] == [1, 2]

    def test_one_option_leaves_the_rest(self, started: list[Config], file: Path) -> None:
        assert main(["run", "--config", str(file), "--seed", "9"]) == 0
        (config,) = started
        assert config.source.simulated == configuration.Simulated(5, 9)
        assert config.source.kind == "strongswan"
        assert config.snmp == configuration.load(file).snmp

    def test_a_bad_file_is_status_2(
        self, started: list[Config], file: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        file.write_text("[snmp]\nlisten = 5\n", encoding="utf-8")
        assert main(["run", "--config", str(file)]) == 2
        assert capsys.readouterr().err == (
            f"flowmib: {file}: snmp.listen: must be a list of texts, not a whole number\n"
        )
        assert not started

    def test_an_address_in_use_is_status_2(self, capsys: pytest.CaptureFixture[str]) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.1", 0))
            text = f"udp:127.0.0.1:{other.getsockname()[1]}"
            assert main(["run", "--source", "simulated", "--listen", text]) == 2
        error = capsys.readouterr().err
        assert error.endswith(f"flowmib: cannot listen on {text}: Address already in use\n")
        assert "Traceback" not in error

    def test_a_fault_of_ours_is_not_hidden(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(config: Config) -> None:
            raise RuntimeError(config.snmp.max_repetitions)

        monkeypatch.setattr(daemon, "run", fail)
        with pytest.raises(RuntimeError):
            main(["run"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["walk"], "invalid choice: 'walk'"),
        (["--port", "5"], "error: "),
        (["run", "--port", "5"], "unrecognized arguments: --port 5"),
        (["run", "extra"], "unrecognized arguments: extra"),
        (["run", "--source", "file"], "argument --source: invalid choice: 'file'"),
        (["run", "--tunnels", "0"], "argument --tunnels: '0' is no whole number from 1 to 50000"),
        (["run", "--tunnels", "50001"], "'50001' is no whole number from 1 to 50000"),
        (["run", "--tunnels", "many"], "'many' is no whole number from 1 to 50000"),
        (["run", "--tunnels", "²"], "'²' is no whole number"),
        (["run", "--seed", "-1"], "argument --seed: "),
        (["run", "--seed", str(2**63)], f"'{2**63}' is no whole number from 0 to"),
        (["run", "--listen", "1161"], "'1161' is not of the form udp:HOST:PORT"),
        (["run", "--listen", "udp:localhost:1161"], "'localhost', which is no IP address"),
        (["run", "--listen"], "argument --listen: expected one argument"),
        (["check-config"], "the following arguments are required: FILE"),
    ],
)
def test_bad_options_are_status_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.startswith("usage: flowmib")


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"flowmib {metadata.version('flowmib')}\n"


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["check-config", "--help"]])
def test_help(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith("usage: flowmib")


class TestCheckConfig:
    def test_good(self, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["check-config", str(file)]) == 0
        assert capsys.readouterr() == (f"{file}: good\n", "")

    def test_bad(self, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
        file.write_text("[mib]\nalgorithms = 'all'\n", encoding="utf-8")
        assert main(["check-config", str(file)]) == 2
        assert capsys.readouterr() == (
            "",
            f"flowmib: {file}: mib.algorithms: is 'all', allowed are extended, strict\n",
        )

    def test_missing(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["check-config", str(tmp_path / "none")]) == 2
        assert capsys.readouterr().err == (
            f"flowmib: {tmp_path / 'none'}: No such file or directory\n"
        )
