import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent import config

ROOT = Path(__file__).parents[3]
COMPOSE = ROOT / "docker-compose.yml"


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    content = yaml.safe_load(COMPOSE.read_text())
    assert isinstance(content["services"], dict)
    return content["services"]


def check_schema(path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "check_jsonschema",
            "--output-format",
            "json",
            "--builtin-schema",
            "vendor.compose-spec",
            str(path),
        ],
        capture_output=True,
        text=True,
        check=False,
    )


def test_follows_the_compose_schema() -> None:
    result = check_schema(COMPOSE)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_schema_check_would_see_a_fault(tmp_path: Path) -> None:
    content = yaml.safe_load(COMPOSE.read_text())
    content["services"]["agent"]["depend_on"] = ["alpha"]
    broken = tmp_path / "docker-compose.yml"
    broken.write_text(yaml.safe_dump(content))
    result = check_schema(broken)
    assert result.returncode == 1
    assert "depend_on" in json.dumps(json.loads(result.stdout))


def test_has_two_gateways_the_agent_on_one_and_a_client(services: dict[str, Any]) -> None:
    assert set(services) == {"alpha", "beta", "agent", "client"}
    assert services["agent"]["network_mode"] == "service:alpha"
    assert any(v.startswith("vici:") for v in services["alpha"]["volumes"])
    assert any(v.startswith("vici:") for v in services["agent"]["volumes"])


def test_every_file_it_names_is_there(services: dict[str, Any]) -> None:
    for service in services.values():
        dockerfile = ROOT / service["build"]["dockerfile"]
        copied = [
            word
            for line in dockerfile.read_text().splitlines()
            if line.startswith("COPY")
            for word in line.split()[1:-1]
            if not word.startswith("--")
        ]
        mounted = [v.split(":")[0] for v in service.get("volumes", []) if v.startswith("./")]
        for name in [*copied, *mounted]:
            assert (ROOT / name).exists(), name


@pytest.mark.parametrize("name", ["packaging/docker/flowmib.toml", "packaging/flowmib.toml"])
def test_configurations_are_good(name: str) -> None:
    config.load(ROOT / name)


def test_the_sample_configuration_says_the_defaults() -> None:
    sample = (ROOT / "packaging/flowmib.toml").read_text()
    sample = sample.replace('kind = "strongswan"', 'kind = "auto"')
    assert config.parse_text(sample, "sample") == config.DEFAULT
