"""The rig of ``tests/gateways.py`` does what the tests that use it rely on."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Unpack

import pytest

from tests.gateway_config import SIDES, Changes, Settings, Side, other
from tests.gateways import CommandError, DeadlineError, Gateways, RigError, wait_for
from tests.swanctl_raw import RawTextError, child_sas, ike_sas, parse_raw

Build = Callable[..., Gateways]
both_versions = pytest.mark.parametrize("version", [1, 2])
both_sides = pytest.mark.parametrize("side", SIDES)


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Build]:
    """Build rigs that end with the test."""
    built: list[Gateways] = []

    def make(**settings: Unpack[Changes]) -> Gateways:
        directory = tmp_path / str(len(built))
        built.append(Gateways(directory, **settings).__enter__())
        return built[-1]

    yield make
    for gateways in built:
        gateways.__exit__(None, None, None)


def namespaces() -> str:
    listing = subprocess.run(("ip", "netns", "list"), capture_output=True, check=True, text=True)
    return listing.stdout


def the_child(gateways: Gateways, side: Side, name: str = "net") -> dict[str, Any]:
    (child,) = (sa for sa in child_sas(gateways.list_sas(side), name) if sa["state"] == "INSTALLED")
    return child


def the_ike(gateways: Gateways, side: Side) -> dict[str, Any]:
    (ike,) = (sa for sa in ike_sas(gateways.list_sas(side)) if sa["state"] == "ESTABLISHED")
    return ike


def wait_until_gone(
    gateways: Gateways, side: Side, select: Callable[..., list[dict[str, Any]]] = ike_sas
) -> None:
    wait_for(lambda: not select(gateways.list_sas(side)), f"{side} to have none of {select}")


@both_versions
@both_sides
def test_tunnel_comes_up_from_either_side(build: Build, version: int, side: Side) -> None:
    gateways = build(version=version)
    gateways.initiate(side=side)
    mine, peers = the_ike(gateways, side), the_ike(gateways, other(side))
    assert mine["version"] == peers["version"] == str(version)
    assert mine["initiator"] == "yes"
    assert "initiator" not in peers
    assert the_child(gateways, side)["spi-in"] == the_child(gateways, other(side))["spi-out"]


@both_versions
def test_ping_raises_the_counters_of_both_sides(build: Build, version: int) -> None:
    gateways = build(version=version)
    gateways.initiate()
    assert gateways.ping(5) == 5
    for side in SIDES:
        child = the_child(gateways, side)
        assert [child["packets-in"], child["packets-out"]] == ["5", "5"]
        assert int(child["bytes-in"]) == int(child["bytes-out"]) == 5 * (20 + 8 + 56)


@both_versions
@both_sides
def test_child_rekey_changes_the_spis(build: Build, version: int, side: Side) -> None:
    gateways = build(version=version)
    gateways.initiate()
    before = the_child(gateways, "alpha")
    gateways.rekey_child(side=side)
    after = the_child(gateways, "alpha")
    for changed in ("spi-in", "spi-out", "uniqueid"):
        assert after[changed] != before[changed]
    assert after["reqid"] == before["reqid"]
    assert gateways.ping() == 3


@both_versions
@both_sides
def test_ike_rekey_changes_the_unique_id(build: Build, version: int, side: Side) -> None:
    gateways = build(version=version)
    gateways.initiate()
    child = the_child(gateways, "alpha")["spi-in"]
    gateways.rekey_ike(side=side)
    uniqueids = {sa["uniqueid"]: sa for sa in ike_sas(gateways.list_sas("alpha"))}
    if version == 2:
        assert uniqueids.keys() == {"2"}
    assert "child-sas" in uniqueids["2"]
    assert the_child(gateways, "alpha")["spi-in"] == child
    assert gateways.ping() == 3


@both_versions
@both_sides
def test_terminate_reaches_the_peer(build: Build, version: int, side: Side) -> None:
    gateways = build(version=version)
    gateways.initiate()
    gateways.terminate(child="net", side=side)
    for where in SIDES:
        wait_until_gone(gateways, where, child_sas)
        the_ike(gateways, where)
    gateways.initiate()
    gateways.terminate(side=side)
    for where in SIDES:
        wait_until_gone(gateways, where)


@both_versions
def test_a_killed_gateway_starts_again_over_its_stale_socket(build: Build, version: int) -> None:
    gateways = build(version=version)
    gateways.initiate()
    killed = gateways.pid("beta")
    gateways.kill("beta")
    assert Path(gateways.vici("beta")).is_socket()
    with pytest.raises(RigError, match="beta does not run"):
        gateways.list_sas("beta")
    assert gateways.list_sas("alpha")  # nobody has told it
    gateways.start("beta")
    assert gateways.pid("beta") != killed
    assert gateways.list_sas("beta") == []
    gateways.initiate(side="beta")
    assert gateways.ping(side="beta") == 3


def test_a_stopped_gateway_tells_its_peer(build: Build) -> None:
    gateways = build(dpd_delay=0)
    gateways.initiate()
    gateways.stop("beta")
    wait_until_gone(gateways, "alpha")
    gateways.start("beta")
    gateways.initiate()
    with pytest.raises(RigError, match="beta runs already"):
        gateways.start("beta")


@both_versions
def test_a_cut_wire_is_noticed_and_can_be_mended(build: Build, version: int) -> None:
    gateways = build(version=version)
    gateways.initiate()
    gateways.cut()
    for side in SIDES:
        wait_until_gone(gateways, side)
    gateways.mend()
    gateways.initiate()
    assert gateways.ping() == 3


def test_a_frozen_gateway_answers_again_once_thawed(build: Build) -> None:
    gateways = build(dpd_delay=0, retransmit_tries=0, retransmit_timeout=0.2)
    gateways.freeze("beta")
    with pytest.raises(CommandError, match="giving up"):
        gateways.initiate()
    gateways.thaw("beta")
    gateways.initiate()


def test_reconfigured_key_is_refused_and_the_error_tells_why(build: Build) -> None:
    gateways = build()
    gateways.reconfigure("beta", psk='an"other}')
    with pytest.raises(CommandError) as caught:
        gateways.initiate()
    assert "--initiate" in caught.value.command
    assert caught.value.status not in (0, None)
    assert f"exit status {caught.value.status}" in str(caught.value)
    assert caught.value.stderr.strip() in str(caught.value)
    assert "AUTHENTICATION_FAILED" in caught.value.stdout
    assert "MAC mismatched" in gateways.log("beta")
    gateways.reconfigure("alpha", psk='an"other}')
    gateways.initiate()


def test_a_changed_address_is_not_a_reconfiguration(build: Build) -> None:
    gateways = build()
    with pytest.raises(RigError, match="addresses are fixed"):
        gateways.reconfigure("alpha", family=6)
    assert gateways.settings("alpha").family == 4


def test_rekeying_happens_by_itself_after_its_time(build: Build) -> None:
    gateways = build(child_rekey_time=1)
    gateways.initiate()
    wait_for(
        lambda: any(
            sa["uniqueid"] != "1" and sa["state"] == "INSTALLED"
            for sa in child_sas(gateways.list_sas("alpha"))
        ),
        "a new child SA",
    )


def test_aggressive_mode(build: Build) -> None:
    gateways = build(version=1, aggressive=True)
    gateways.initiate()
    assert "AGGRESSIVE" in gateways.log("alpha")
    assert gateways.ping() == 3


@both_versions
def test_several_children_share_an_ike_sa(build: Build, version: int) -> None:
    gateways = build(version=version, children=3)
    for name in ("net", "net2", "net3"):
        gateways.initiate(name)
    assert len(gateways.list_sas("alpha")) == 1
    gateways.ping(2, child="net2")
    gateways.rekey_ike()
    packets = {sa["name"]: sa["packets-in"] for sa in child_sas(gateways.list_sas("beta"))}
    assert packets == {"net": "0", "net2": "2", "net3": "0"}


@pytest.mark.parametrize(
    ("version", "family", "inner_family"), [(1, 6, 6), (2, 4, 6), (2, 6, 4), (2, 6, 6)]
)
def test_ipv6_outside_and_inside(
    build: Build, version: int, family: int, inner_family: int
) -> None:
    gateways = build(version=version, family=family, inner_family=inner_family)
    gateways.initiate()
    assert gateways.ping() == 3
    assert the_ike(gateways, "alpha")["remote-host"] == gateways.endpoint("beta")
    (selector,) = the_child(gateways, "alpha")["remote-ts"]
    assert (":" in selector) == (inner_family == 6)


def test_two_rigs_at_once(build: Build) -> None:
    one, two = build(), build()
    assert len({rig.netns(side) for rig, side in itertools.product((one, two), SIDES)}) == 4
    one.initiate()
    assert one.list_sas("beta")
    assert not two.list_sas("beta")


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    with Gateways(tmp_path) as gateways:
        pids = [gateways.pid(side) for side in SIDES]
        gateways.freeze("beta")  # not even then
        assert gateways.netns("alpha") in namespaces()
    assert gateways.netns("alpha") not in namespaces()
    assert gateways.netns("beta") not in namespaces()
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    assert "[CFG]" in gateways.log("alpha")


def test_nothing_is_left_behind_when_setting_up_fails_half_way(tmp_path: Path) -> None:
    gateways = Gateways(tmp_path, proposals="no-such-algorithm")
    with pytest.raises(CommandError, match="--load-all"):
        gateways.__enter__()
    assert gateways.netns("alpha") not in namespaces()
    with pytest.raises(RigError, match="does not run"):
        gateways.pid("alpha")


def test_a_charon_that_dies_at_once_is_reported(build: Build) -> None:
    gateways = build()
    gateways.stop("beta")
    for path in Path(gateways.vici("beta")).parent.glob("strongswan.conf"):
        path.write_text("charon-systemd { load = no-such-plugin! \n load_modular = no\n}\n")
    with pytest.raises(CommandError, match="charon-systemd: exit status"):
        gateways.start("beta")


def test_too_long_a_directory_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    gateways = Gateways(tmp_path / ("x" * 100))
    with pytest.raises(RigError, match="too long for a unix socket"):
        gateways.__enter__()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("ci", "outcome"), [("", pytest.skip), ("true", pytest.fail)])
def test_without_root_it_skips_but_in_ci_it_fails(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ci: str, outcome: Any
) -> None:
    Gateways(tmp_path / "possible").__enter__().__exit__(None, None, None)  # else: skips by itself
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome.Exception, match="need root"):
        Gateways(tmp_path).__enter__()


def test_wait_for_names_what_did_not_happen() -> None:
    with pytest.raises(DeadlineError, match=r"not within 0\.05 s: a wonder; last seen: 0"):
        wait_for(lambda: 0, "a wonder", seconds=0.05)


def test_dpd_timeout_outlasts_the_delay() -> None:
    assert Settings(dpd_delay=5).dpd_timeout() == 6
    assert Settings(retransmit_timeout=4.0, retransmit_base=1.8).dpd_timeout() == 25


def test_parse_raw_reads_values_with_spaces_lists_and_nothing() -> None:
    text = (
        "list-sa event {my-gw.example {uniqueid=1 local-id=C=CH, O=Lab One, CN=a local-vips=[] "
        "remote-eap-id= child-sas {net-1 {name=net local-ts=[10.0.0.0/8[tcp/80] 10.1.0.0..10.1.0.9]"
        "}}}}\nlist-sas reply {}\n"
    )
    child = {"name": "net", "local-ts": ["10.0.0.0/8[tcp/80]", "10.1.0.0..10.1.0.9"]}
    assert parse_raw(text) == [
        {
            "my-gw.example": {
                "uniqueid": "1",
                "local-id": "C=CH, O=Lab One, CN=a",
                "local-vips": [],
                "remote-eap-id": "",
                "child-sas": {"net-1": child},
            }
        }
    ]
    assert parse_raw("list-sas reply {}\n") == []


@pytest.mark.parametrize("text", ["{site {a=1}", "{site {a=[1 2}}", "{=1}", "{site {a=1}} more"])
def test_parse_raw_refuses_other_text(text: str) -> None:
    with pytest.raises(RawTextError):
        parse_raw(f"list-sa event {text}")
