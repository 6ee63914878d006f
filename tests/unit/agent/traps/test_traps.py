"""agent.traps: from the arguments to what is printed, in this process."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.config import parse_listen
from agent.snmp.udp import ListenError
from agent.snmp.usm.users import UserSettings, localized_settings
from agent.traps import TrapsError, run
from tests.running_agent import free_port
from tests.trap_sender import head, message
from tests.unit.agent.traps.post import NOBODY, OPS, THEIRS

DEADLINE = 20.0


def never() -> bytes:
    raise AssertionError("nobody needs to know the engine")


class Receiving:
    """Runs it on a free port, and sends something meanwhile."""

    def __init__(self) -> None:
        self.port = free_port()

    def __call__(
        self,
        *users: UserSettings,
        engine_id: Callable[[], bytes] = never,
        count: int | None = None,
        as_json: bool = False,
    ) -> None:
        run(
            [parse_listen(f"udp:127.0.0.1:{self.port}")],
            users=users,
            communities=[],
            engine_id=engine_id,
            count=count,
            as_json=as_json,
        )

    @contextlib.contextmanager
    def meanwhile(self, do: Callable[[socket.socket], None]) -> Iterator[None]:
        """Do something with a socket as soon as somebody listens, while the block goes on."""
        faults: list[Exception] = []

        def begin() -> None:
            try:
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
                    wire.connect(("127.0.0.1", self.port))
                    wire.settimeout(DEADLINE)
                    do(wire)
            except Exception as error:  # noqa: BLE001 - it is raised where it is seen
                faults.append(error)

        thread = threading.Thread(target=begin)
        thread.start()
        try:
            yield
        finally:
            thread.join()
        for fault in faults:
            raise fault


@pytest.fixture
def receive() -> Receiving:
    return Receiving()


def inform(wire: socket.socket) -> bytes:
    """Send an inform, and wait for the answer to it."""
    deadline = time.monotonic() + DEADLINE
    while True:
        try:
            wire.send(message("inform", head()))
            return wire.recv(65535)
        except ConnectionRefusedError:
            # Nobody listens yet.
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def test_so_many_and_no_more(receive: Receiving, capsys: pytest.CaptureFixture[str]) -> None:
    answers = []

    def many(wire: socket.socket) -> None:
        answers.append(inform(wire))
        # It ends after one more: at last, nobody listens.
        wire.settimeout(0.1)
        with contextlib.suppress(ConnectionRefusedError):
            for _ in range(int(10 * DEADLINE)):
                for _ in range(10):
                    wire.send(message("inform", head()))
                with contextlib.suppress(TimeoutError):
                    answers.append(wire.recv(65535))
            pytest.fail("it goes on")
        wire.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                with contextlib.suppress(ConnectionRefusedError):
                    answers.append(wire.recv(65535))

    with receive.meanwhile(many):
        receive(count=2, as_json=True)
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["notification"] for line in lines] == ["coldStart"] * 2
    # What is not printed is not answered, either.
    assert len(answers) == 2


def test_text(receive: Receiving, capsys: pytest.CaptureFixture[str]) -> None:
    with receive.meanwhile(inform_only):
        receive(count=1)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith(" 127.0.0.1 v2c inform")
    assert lines[1:] == ["  coldStart, sysUpTime 00:00:47.11", ""]


def inform_only(wire: socket.socket) -> None:
    inform(wire)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it(
    receive: Receiving, number: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    def kill(wire: socket.socket) -> None:
        inform(wire)
        os.kill(os.getpid(), number)

    with receive.meanwhile(kill):
        receive(as_json=True)
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_it_ends_when_nobody_reads_any_more(
    receive: Receiving, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with io.TextIOWrapper(io.FileIO(writer, "w")) as nobody:
        monkeypatch.setattr(sys, "stdout", nobody)
        with receive.meanwhile(inform_only):
            receive()


def test_a_full_disk(receive: Receiving, monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/full").open("w", encoding="ascii") as full:
        monkeypatch.setattr(sys, "stdout", full)
        with (
            receive.meanwhile(inform_only),
            pytest.raises(TrapsError, match="the standard output: No space left on device"),
        ):
            receive()


def test_an_address_in_use(receive: Receiving) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", receive.port))
        with pytest.raises(
            ListenError, match=r"cannot listen on udp:127\.0\.0\.1:.*already in use"
        ):
            receive()


def test_what_is_said_of_users(receive: Receiving, caplog: pytest.LogCaptureFixture) -> None:
    def said(*users: UserSettings) -> list[str]:
        caplog.clear()
        with receive.meanwhile(inform_only):
            receive(*users, engine_id=lambda: THEIRS, count=1)
        return [record.getMessage() for record in caplog.records]

    caplog.set_level("INFO", "flowmib.traps")
    listening = f"listening on udp:127.0.0.1:{receive.port}"
    assert said(OPS, NOBODY) == [listening]
    assert said() == [
        "no user is configured: notifications of SNMPv3 are not taken",
        listening,
    ]
    keyed = localized_settings(OPS, THEIRS)
    (why, *rest) = said(keyed, NOBODY)
    assert why.startswith(f"the localised keys of 'ops' are for the engine {THEIRS.hex()}: ")
    assert rest == [listening]


def test_without_pysnmp(monkeypatch: pytest.MonkeyPatch, receive: Receiving) -> None:
    for name in ("service", "reception", "pysnmp_receiver"):
        monkeypatch.delitem(sys.modules, f"agent.traps.{name}", raising=False)
        monkeypatch.delattr(f"agent.traps.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "pysnmp.entity.rfc3413.ntfrcv", None)
    with pytest.raises(TrapsError, match="to receive notifications needs pysnmp"):
        receive()


def test_pysnmp_is_loaded_late_and_without_a_warning() -> None:
    program = (
        "import sys; import agent.traps; assert 'pysnmp' not in sys.modules;"
        " import agent.traps.service; assert 'pysnmp' in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)
