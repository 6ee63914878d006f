"""flowmib below net-snmp's snmpd: the same as standalone, and always back."""

from __future__ import annotations

import contextlib
import socket
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator
from itertools import pairwise

import pytest

from mibs import ber
from tests.master import SnmpMaster, Subagent, cpu_seconds, wait_for
from tests.net_snmp import V1, V2C, Endpoint, as_user, assert_rising, oid, run, varbinds
from tests.running_agent import ROOT, free_port
from tests.snmp_user import User

FLOW = "1.3.6.1.4.1.9.9.171"
OBJECTS = f"{FLOW}.1"
HIST_SIZE = f"{OBJECTS}.4.1.1.1.0"
FAIL_SIZE = f"{OBJECTS}.5.1.1.1.0"
START_TRAPS = f"{OBJECTS}.6.1.0"
IKE_STATUS = f"{OBJECTS}.2.3.1.35"
IKE_ACTIVE = f"{OBJECTS}.2.1.1.0"
SYS_OR_DESCR = "1.3.6.1.2.1.1.9.1.3"

WATCHER = User("watcher", "SHA-256", "AES-128")
WRITER = ("-v2c", "-cwriter")
_SO_RCVBUFFORCE = 33
"""socket(7): beyond what the system allows others than root."""
ONE_TRY = (*V2C, "-r0", "-t2")


@pytest.fixture(scope="module")
def master() -> Iterator[SnmpMaster]:
    with SnmpMaster(WATCHER) as running:
        yield running


@pytest.fixture(scope="module")
def subagent(master: SnmpMaster) -> Iterator[Subagent]:
    with Subagent(master.address, "--tunnels", "100") as running:
        wait_for(running.connected, "the subagent is connected")
        yield running


def serves(master: Endpoint) -> bool:
    text = run("snmpget", master, ONE_TRY, IKE_ACTIVE, status=None)
    return "Gauge32" in text


def test_sn08_the_walk_through_the_master_is_the_standalone_one(
    master: SnmpMaster, subagent: Subagent
) -> None:
    """AX-11, AX-22, AX-23, AX-27: every object, in v2c by GETBULK."""
    through = assert_rising(run("snmpbulkwalk", master, (*V2C, "-Cr50"), FLOW))
    standalone = varbinds(run("snmpbulkwalk", subagent, (*V2C, "-Cr50"), FLOW))
    assert through == standalone
    assert len(through) > 8000


WAYS = {
    "v1": ("snmpwalk", V1, V1),
    "v2c": ("snmpwalk", V2C, V2C),
    "v3": ("snmpbulkwalk", (*as_user(WATCHER), "-Cr25"), (*V2C, "-Cr25")),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("subtree", [".1.2.3", ".1.3.3", ".1.3.4", ".1.6"])
def test_sn08_every_version_gives_the_same(
    master: SnmpMaster, subagent: Subagent, way: str, subtree: str
) -> None:
    program, through, direct = WAYS[way]
    found = assert_rising(run(program, master, through, FLOW + subtree))
    assert found == varbinds(run(program, subagent, direct, FLOW + subtree))
    assert len(found) > 10


def test_ax22_exceptions_through_the_master(master: SnmpMaster, subagent: Subagent) -> None:
    wait_for(subagent.connected, "the subagent is connected")
    names = (f"{IKE_STATUS}.999999", f"{OBJECTS}.6.1.7", f"{OBJECTS}.4.99")
    found = varbinds(run("snmpget", master, V2C, *names))
    assert "No Such Instance" in found[f".{names[0]}"]
    assert "No Such Instance" in found[f".{names[1]}"]
    assert "No Such Object" in found[f".{names[2]}"]


def test_ax23_several_columns_at_once(master: SnmpMaster, subagent: Subagent) -> None:
    roots = [f"{OBJECTS}.3.2.1.{column}" for column in (10, 26, 51)]
    options = (*V2C, "-Cn0", "-Cr20")
    assert run("snmpbulkget", master, options, *roots) == run(
        "snmpbulkget", subagent, options, *roots
    )


def test_ax13_the_master_lists_what_we_serve(master: SnmpMaster, subagent: Subagent) -> None:
    assert subagent.connected()
    listed = run("snmpwalk", master, V2C, SYS_OR_DESCR)
    assert "flowmib AGENT-CAPABILITIES SUPPORTS CISCO-IPSEC-FLOW-MONITOR-MIB" in listed


def setting(master: Endpoint, *words: str) -> str:
    return run("snmpset", master, WRITER, *words, status=None)


def test_ax30_31_a_set_of_several_regions(master: SnmpMaster, subagent: Subagent) -> None:
    """net-snmp makes a TestSet and a CommitSet for each region, with one transactionID."""
    for size, traps in (("123", "1"), ("200", "2")):
        text = setting(master, HIST_SIZE, "i", size, START_TRAPS, "i", traps)
        assert "Error" not in text
        for where in (master, subagent):
            found = varbinds(run("snmpget", where, V2C, HIST_SIZE, START_TRAPS))
            assert list(found.values()) == [f"INTEGER: {size}", f"INTEGER: {traps}"]


@pytest.mark.parametrize(
    ("words", "reason", "failed"),
    [
        ((HIST_SIZE, "i", "9", START_TRAPS, "i", "7"), "wrongValue", START_TRAPS),
        ((START_TRAPS, "i", "1", FAIL_SIZE, "i", "99999999"), "wrongValue", FAIL_SIZE),
        ((HIST_SIZE, "s", "x"), "wrongType", HIST_SIZE),
        ((f"{IKE_STATUS}.999999", "i", "2"), "noCreation", f"{IKE_STATUS}.999999"),
        ((IKE_ACTIVE, "u", "2"), "notWritable", IKE_ACTIVE),
        ((HIST_SIZE, "i", "9", HIST_SIZE, "i", "10"), "inconsistentValue", HIST_SIZE),
    ],
)
def test_ax30_a_refused_set_changes_nothing(
    master: SnmpMaster, subagent: Subagent, words: tuple[str, ...], reason: str, failed: str
) -> None:
    before = run("snmpget", subagent, V2C, HIST_SIZE, START_TRAPS, FAIL_SIZE)
    text = setting(master, *words)
    assert f"Reason: {reason}" in text
    assert f"Failed object: .{failed}" in text
    assert run("snmpget", master, V2C, HIST_SIZE, START_TRAPS, FAIL_SIZE) == before
    # The next one is not held up by it.
    assert "Error" not in setting(master, HIST_SIZE, "i", "200")


def test_ax31_what_takes_a_while_is_answered_when_it_is_done() -> None:
    with SnmpMaster() as master, Subagent(master.address, "--moving") as subagent:
        wait_for(lambda: serves(master), "it serves")
        name = next(iter(varbinds(run("snmpgetnext", master, V2C, IKE_STATUS)))).strip(".")
        assert "Error" not in setting(master, name, "i", "2")
        assert f".{name}" not in varbinds(run("snmpwalk", master, V2C, IKE_STATUS))
        assert "SET by AgentX: cikeTunStatus" in subagent.log


def test_ax15_tcp_and_not_there_yet() -> None:
    with SnmpMaster(tcp=True, start=False) as master, Subagent(master.address) as subagent:
        wait_for(lambda: "no AgentX master at" in subagent.log, "it misses its master")
        before = cpu_seconds(subagent.pid)
        began = time.monotonic()
        wait_for(lambda: time.monotonic() > began + 2, "two seconds are over")
        assert cpu_seconds(subagent.pid) - before < 0.1
        assert subagent.log.count("no AgentX master") == 1
        master.start()
        wait_for(lambda: serves(master), "it serves")


def test_ax11_a_refused_region_is_served_later() -> None:
    with SnmpMaster() as master, Subagent(master.address) as first:
        wait_for(lambda: serves(master), "the first serves")
        with Subagent(master.address) as second:
            wait_for(lambda: "duplicateRegistration" in second.log, "the second is refused")
            refused = second.log.count("duplicateRegistration")
            first.kill()
            wait_for(lambda: "after all" in second.log, "the second is let in")
            wait_for(lambda: serves(master), "the second serves")
            assert second.log.count("duplicateRegistration") == refused
            wait_for(lambda: second.log.count("after all") == refused, "all of it is served")
            through = varbinds(run("snmpbulkwalk", master, V2C, FLOW))
            assert through == varbinds(run("snmpbulkwalk", second, V2C, FLOW))


class Walking:
    """A manager that walks one table without end, in the background."""

    def __init__(self, master: Endpoint) -> None:
        self._master = master

    def rows(self) -> dict[str, str]:
        """Walk once; the answers may end early, but must not be wrong."""
        text = run("snmpbulkwalk", self._master, ONE_TRY, f"{OBJECTS}.3.3", status=None)
        found = varbinds(text)
        assert all(a < b for a, b in pairwise(map(oid, found)))
        return {name: value for name, value in found.items() if "No Such" not in value}


@pytest.mark.parametrize("who", ["master", "subagent"])
def test_ax15_ten_restarts_under_a_walk(who: str) -> None:
    with SnmpMaster() as master, Subagent(master.address) as subagent:
        wait_for(lambda: serves(master), "it serves")
        walking = Walking(master)
        whole = walking.rows()
        assert len(whole) > 100
        took = []
        for _ in range(10):
            # A walk is under way when it happens.
            walk = subprocess.Popen(
                ["snmpbulkwalk", "-m", "", "-On", *ONE_TRY, master.endpoint, f"{OBJECTS}.3"],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            assert walk.stdout is not None
            walk.stdout.readline()
            if who == "master":
                master.stop()
                master.start()
            else:
                subagent.kill()
                subagent.start()
            walk.communicate()
            took.append(wait_for(lambda: walking.rows() == whole, "the walk is whole again"))
        assert statistics.median(took) < 3, took


def test_ax41_ten_thousand_notifications_in_a_burst() -> None:
    """AX-40 as well: the first two objects are the master's sysUpTime and our snmpTrapOID."""
    port = free_port()
    datagrams: list[bytes] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        # snmpd does not ask whether anybody can keep up.
        with contextlib.suppress(PermissionError):
            receiver.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 16 << 20)
        receiver.bind(("127.0.0.1", port))
        receiver.settimeout(20)
        with (
            SnmpMaster(more=f"trap2sink 127.0.0.1:{port} public") as master,
            Subagent(master.address, "--queue", "8000") as subagent,
        ):
            wait_for(subagent.connected, "the subagent is connected")
            receiver.recv(65535)  # coldStart, of the master itself
            taking = threading.Thread(target=take, args=(receiver, datagrams))
            taking.start()
            subagent.notify(10_000)

            def settled() -> bool:
                assert serves(master)
                return bool(subagent.counts()["waiting"] == 0)

            wait_for(settled, "all are sent")
            taking.join()
            counts = subagent.counts()
    seen = list(map(last_integer, datagrams))
    # Some were on their way at once; of the others, the newest were kept. All are in order.
    assert counts["sent"] + counts["dropped"] == 10_000
    assert counts["sent"] == len(seen) >= 8000
    assert counts["refused"] == counts["unanswered"] == 0
    assert seen == sorted(set(seen))
    assert seen[-8000:] == list(range(2001, 10_001))


def take(receiver: socket.socket, datagrams: list[bytes]) -> None:
    """Receive up to the newest notification."""
    newest = ber.encode_integer(10_000)
    while not datagrams or not datagrams[-1].endswith(newest):
        datagrams.append(receiver.recv(65535))


def last_integer(datagram: bytes) -> int:
    """Return the value of the last variable binding, and check what stands before."""
    trap_oid = ber.encode_tlv(ber.OBJECT_IDENTIFIER, ber.encode_oid(oid(f"{FLOW}.2.0.1")))
    assert trap_oid in datagram
    up_time = ber.encode_tlv(ber.OBJECT_IDENTIFIER, ber.encode_oid(oid("1.3.6.1.2.1.1.3.0")))
    assert datagram.count(up_time) == 1
    name = ber.encode_tlv(ber.OBJECT_IDENTIFIER, ber.encode_oid(oid(f"{OBJECTS}.1.1.0")))
    start = datagram.index(name) + len(name)
    _, content, stop = ber.read_header(datagram, start, len(datagram))
    assert stop == len(datagram)
    return ber.decode_integer(datagram, content, stop)


def test_the_configuration_of_snmpd_that_is_shipped() -> None:
    text = (ROOT / "packaging" / "snmpd.conf").read_text("ascii")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    # The socket is the test's own, and belongs to whoever runs the test.
    kept = [line for line in lines if not line.startswith(("agentXSocket", "agentXPerms"))]
    assert len(kept) == len(lines) - 2
    user = User("monitoring", "SHA-256", "AES-128", "at least eight characters", "another one")
    with SnmpMaster(more="\n".join(kept)) as master, Subagent(master.address):
        wait_for(lambda: serves(master), "it serves")
        found = varbinds(run("snmpbulkwalk", master, as_user(user), f"{OBJECTS}.2.1"))
        assert len(found) > 10
        assert "Error" not in master.log
        assert "Unknown token" not in master.log
