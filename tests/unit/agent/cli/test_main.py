"""agent.cli.main: exit statuses and what is said."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from agent import config as configuration
from agent import daemon, traps
from agent.cli.main import main
from agent.config import Config, ListenAddress
from agent.snmp.usm.users import localized_settings
from agent.state import StateDirectory, engine_id_of

Load = Callable[[], Config]


@pytest.fixture
def loads() -> list[Load]:
    """What an agent would have been given to read its configuration again."""
    return []


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, loads: list[Load]) -> list[Config]:
    """The configurations that an agent would have been run with."""
    configs: list[Config] = []

    def run(config: Config, load: Load) -> None:
        configs.append(config)
        loads.append(load)

    monkeypatch.setattr(daemon, "run", run)
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

    def test_the_state_directory(self, started: list[Config], file: Path) -> None:
        assert main(["run", "--config", str(file), "--state-directory", "/x"]) == 0
        assert started[0].state_directory == Path("/x")
        file.write_text("state_directory = '/y'", encoding="utf-8")
        assert main(["run", "--config", str(file)]) == 0
        assert started[1].state_directory == Path("/y")

    def test_op01_the_configuration_is_read_again_with_the_same_options(
        self, started: list[Config], loads: list[Load], file: Path
    ) -> None:
        assert main(["run", "--config", str(file), "--listen", "udp:127.0.0.1:1"]) == 0
        assert loads[0]() == started[0]
        file.write_text("[snmp]\nmax_repetitions = 7\nlisten = ['udp:127.0.0.1:2']\n")
        again = loads[0]()
        assert again.snmp.max_repetitions == 7
        assert again.snmp.listen == started[0].snmp.listen

    def test_op01_a_second_instance_is_status_2(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with StateDirectory(tmp_path):
            arguments = ["--source", "simulated", "--state-directory", str(tmp_path)]
            assert main(["run", *arguments]) == 2
        error = capsys.readouterr().err
        assert f"flowmib: {tmp_path}: another flowmib uses it, process " in error

    def test_us01_a_corrupt_store_is_status_2(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "engine.json").write_text("", encoding="utf-8")
        arguments = ["--source", "simulated", "--state-directory", str(tmp_path)]
        assert main(["run", *arguments]) == 2
        assert f"flowmib: {tmp_path}/engine.json: Expecting value" in capsys.readouterr().err

    def test_a_bad_file_is_status_2(
        self, started: list[Config], file: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        file.write_text("[snmp]\nlisten = 5\n", encoding="utf-8")
        assert main(["run", "--config", str(file)]) == 2
        assert capsys.readouterr().err == (
            f"flowmib: {file}: snmp.listen: must be a list of texts, not a whole number\n"
        )
        assert not started

    def test_an_address_in_use_is_status_2(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.1", 0))
            text = f"udp:127.0.0.1:{other.getsockname()[1]}"
            arguments = ["--source", "simulated", "--state-directory", str(tmp_path)]
            assert main(["run", "--listen", text, *arguments]) == 2
        error = capsys.readouterr().err
        assert error.endswith(f"flowmib: cannot listen on {text}: Address already in use\n")
        assert "Traceback" not in error

    def test_a_fault_of_ours_is_not_hidden(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(config: Config, _: Load) -> None:
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
        (["run", "--state-directory"], "argument --state-directory: expected one argument"),
        (["check-config"], "the following arguments are required: FILE"),
        (["localize"], "the following arguments are required: --config"),
        (["traps", "--listen", "1162"], "'1162' is not of the form udp:HOST:PORT"),
        (["traps", "--listen", "udp:::1:1162"], "an IPv6 address, and no other, stands in br"),
        (["traps", "--count", "0"], "argument --count: '0' is no whole number from 1 to"),
        (["traps", "--community"], "argument --community: expected one argument"),
        (["traps", "udp:127.0.0.1:1162"], "unrecognized arguments: udp:127.0.0.1:1162"),
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


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["run", "--help"],
        ["check-config", "--help"],
        ["localize", "--help"],
        ["traps", "--help"],
    ],
)
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

    def test_se04_warnings(self, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
        file.write_text("[[snmp.community]]\nname = 'a secret'\naccess = 'write'\n")
        assert main(["check-config", str(file)]) == 0
        out, error = capsys.readouterr()
        assert out == f"{file}: good\n"
        assert error.startswith(f"{file}: warning: snmp.community[1]: may write, and whoever can")
        assert "a secret" not in error

    def test_missing(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["check-config", str(tmp_path / "none")]) == 2
        assert capsys.readouterr().err == (
            f"flowmib: {tmp_path / 'none'}: No such file or directory\n"
        )


USERS = """
[[snmp.user]]
name = "o\\"ps"
auth_password = "correct horse"
priv = "AES-256"
priv_password = "battery staple"
from = ["192.0.2.0/24", "::/0"]
access = "write"
level = "authNoPriv"

[[snmp.user]]
name = "graphs"
auth = "MD5"
auth_key = "000102030405060708090a0b0c0d0e0f"
priv = "none"

[[snmp.user]]
auth = "none"
name = "guest"
"""


class TestLocalize:
    @pytest.fixture
    def users(self, tmp_path: Path) -> Path:
        path = tmp_path / "users.toml"
        path.write_text(USERS, encoding="utf-8")
        path.chmod(0o600)
        return path

    def test_us05_what_is_printed_is_a_configuration(
        self, users: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        state = tmp_path / "state"
        assert main(["localize", "--config", str(users), "--state-directory", str(state)]) == 0
        out, error = capsys.readouterr()
        with StateDirectory(state) as directory:
            engine = directory.start(None)
        assert engine.boots == 1
        assert error == ""
        assert out.startswith(f"# Keys for the engine {engine.engine_id.hex()} ({state}); ")
        before, after = configuration.load(users), configuration.parse_text(out, "")
        assert [user.settings for user in after.snmp.users] == [
            localized_settings(user.settings, engine.engine_id) for user in before.snmp.users
        ]
        assert [user.networks for user in after.snmp.users] == [
            user.networks for user in before.snmp.users
        ]
        assert after.snmp.access == before.snmp.access

    def test_se04_no_passphrase_is_left(
        self, users: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["localize", "--config", str(users), "--state-directory", str(tmp_path)]) == 0
        out = capsys.readouterr().out
        assert "password" not in out
        assert "correct horse" not in out
        assert "battery staple" not in out

    def test_us01_while_the_agent_runs(
        self, users: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with StateDirectory(tmp_path) as directory:
            engine = directory.start(None)
            arguments = ["--config", str(users), "--state-directory", str(tmp_path)]
            assert main(["localize", *arguments]) == 0
        assert engine.engine_id.hex() in capsys.readouterr().out

    def test_us01_an_engine_id_of_the_configuration_needs_no_state(
        self, users: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        users.write_text("[snmp]\nengine_id = '8000000001'\n" + USERS, encoding="utf-8")
        state = tmp_path / "state"
        assert main(["localize", "--config", str(users), "--state-directory", str(state)]) == 0
        assert capsys.readouterr().out.startswith(f"# Keys for the engine 8000000001 ({users}); ")
        assert not state.exists()

    def test_us01_the_state_directory_of_the_configuration(
        self, users: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "environment"))
        assert main(["localize", "--config", str(users)]) == 0
        assert (tmp_path / "environment" / "engine.json").exists()
        users.write_text(f"state_directory = '{tmp_path}/file'\n" + USERS, encoding="utf-8")
        assert main(["localize", "--config", str(users)]) == 0
        assert (tmp_path / "file" / "engine.json").exists()

    def test_nobody(self, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        state = tmp_path / "state"
        assert main(["localize", "--config", str(file), "--state-directory", str(state)]) == 2
        assert capsys.readouterr().err == (
            f"flowmib: {file}: snmp.user: there is none to localise\n"
        )
        assert not state.exists()

    def test_se04_a_file_that_everybody_may_read(
        self, users: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        users.chmod(0o644)
        assert main(["localize", "--config", str(users)]) == 2
        assert "chmod 600" in capsys.readouterr().err


class TestTraps:
    @pytest.fixture
    def asked(self, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
        """What would have been received."""
        calls: list[dict[str, Any]] = []

        def run(addresses: Sequence[ListenAddress], **options: Any) -> None:
            calls.append({"listen": [address.text for address in addresses], **options})

        monkeypatch.setattr(traps, "run", run)
        return calls

    def test_without_options(self, asked: list[dict[str, Any]]) -> None:
        assert main(["traps"]) == 0
        (options,) = asked
        del options["engine_id"]
        assert options == {
            "listen": ["udp:127.0.0.1:1162"],
            "users": [],
            "communities": [],
            "count": None,
            "as_json": False,
        }

    def test_options(self, asked: list[dict[str, Any]]) -> None:
        listen = ["--listen", "udp:0.0.0.0:162", "--listen", "udp:[::]:162"]
        communities = ["--community", "one", "--community", "zw\u00f6lf"]
        assert main(["traps", *listen, *communities, "--count", "3", "--json"]) == 0
        (options,) = asked
        assert options["listen"] == ["udp:0.0.0.0:162", "udp:[::]:162"]
        assert options["communities"] == [b"one", "zw\u00f6lf".encode()]
        assert (options["count"], options["as_json"]) == (3, True)

    def test_the_users_and_the_engine_of_a_configuration(
        self, asked: list[dict[str, Any]], tmp_path: Path
    ) -> None:
        path = tmp_path / "users.toml"
        path.write_text(USERS, encoding="utf-8")
        path.chmod(0o600)
        state = ["--state-directory", str(tmp_path / "state")]
        assert main(["traps", "--config", str(path), *state]) == 0
        assert [user.name for user in asked[0]["users"]] == ['o"ps', "graphs", "guest"]
        # Where it is not wanted, nothing is made.
        assert not (tmp_path / "state").exists()
        made = asked[0]["engine_id"]()
        assert made == engine_id_of(tmp_path / "state")
        path.write_text("[snmp]\nengine_id = '8000000001'\n" + USERS, encoding="utf-8")
        assert main(["traps", "--config", str(path), *state]) == 0
        assert asked[1]["engine_id"]() == bytes.fromhex("8000000001")

    def test_a_bad_file_is_status_2(
        self, asked: list[dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["traps", "--config", str(tmp_path / "none")]) == 2
        assert capsys.readouterr().err.endswith("/none: No such file or directory\n")
        assert asked == []

    def test_an_address_in_use_is_status_2(self, capsys: pytest.CaptureFixture[str]) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.1", 0))
            text = f"udp:127.0.0.1:{other.getsockname()[1]}"
            assert main(["traps", "--listen", text]) == 2
        error = capsys.readouterr().err
        assert error.endswith(f"flowmib: cannot listen on {text}: Address already in use\n")
        assert "Traceback" not in error
