"""Record what a real charon says over VICI, as fixtures for the tests that replay it.

Run as root, from the project's root::

    python -m tests.record_vici                        # every file anew, in about a minute
    python -m tests.record_vici v2-up v1-peer-lost     # only these scenarios

It plays each scenario on a fresh pair of gateways (``tests/gateways.py``), once with IKEv1 and once
with IKEv2, and writes one file for each side: ``tests/fixtures/vici/v2-child-rekey-alpha.jsonl``
and so on. alpha is always the initiator.

A file has one JSON object a line: ``{"event": …, "message": {…}}``, with VICI's bytes decoded as
latin-1. In their order:

* ``list-conn``: the answer to list-conns, then a ``list-conns`` line with the command's response.
* after each step, the events that the step caused, ``log`` included, as they came; then the
  answer to a blocking list-sas: one ``list-sa`` line an IKE SA, then a ``list-sas`` line with the
  command's (empty) response. It ends the answer, so that a list of no SA can be seen too.

SPIs, thread numbers, and how lines of different threads interleave differ from run to run.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import dataclasses
import json
import select
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Self, Unpack

from vici.protocol import Message, Packet, Transport

from tests.gateway_config import SIDES, Changes, Side
from tests.gateways import CommandError, Gateways, RigError

FIXTURES = Path(__file__).parent / "fixtures" / "vici"
# "log" is last: once it is registered, events come between a registration and its answer.
# charon 5.9.8 does not know "alert" and says so.
EVENTS = ("ike-updown", "child-updown", "ike-rekey", "child-rekey", "ike-update", "alert", "log")
QUIET_SECONDS = 0.2  # a step is over when neither charon has said anything for so long
STEP_SECONDS = 20.0


def decode(value: Any) -> Any:
    """Return a VICI value, list or section with its bytes as text."""
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, list):
        return [decode(item) for item in value]
    return {name: decode(item) for name, item in value.items()}


class Connection:
    """One VICI connection, either for commands or for events, as charon wants it."""

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._transport = Transport(self._socket)
        try:
            self._socket.settimeout(STEP_SECONDS)
            self._socket.connect(path)
        except OSError:
            self._socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def fileno(self) -> int:
        """Return the socket's descriptor, for select."""
        return self._socket.fileno()

    def register(self, event: str) -> None:
        """Ask for an event; a charon that does not know it is left in peace."""
        self._transport.send(Packet.register_event(event))
        answer = Packet.parse(self._transport.receive())
        if answer.response_type not in (Packet.EVENT_CONFIRM, Packet.EVENT_UNKNOWN):
            raise RigError(f"registering {event}: answer of type {answer.response_type}")

    def receive(self) -> dict[str, Any]:
        """Return the next event, as a line of the file."""
        packet = Packet.parse(self._transport.receive())
        if packet.response_type != Packet.EVENT:
            raise RigError(f"expected an event, not a packet of type {packet.response_type}")
        message = decode(Message.deserialize(packet.payload))
        return {"event": packet.event_type.decode("ascii"), "message": message}

    def stream(self, command: str, event: str) -> list[dict[str, Any]]:
        """Run a command that answers in events; return them and the response, as lines."""
        self.register(event)
        self._transport.send(Packet.request(command))
        lines: list[dict[str, Any]] = []
        while True:
            packet = Packet.parse(self._transport.receive())
            message = decode(Message.deserialize(packet.payload))
            if packet.response_type == Packet.CMD_RESPONSE:
                return [*lines, {"event": command, "message": message}]
            if packet.response_type != Packet.EVENT:
                raise RigError(f"{command}: packet of type {packet.response_type}")
            lines.append({"event": event, "message": message})


class Recording:
    """What both sides say while a scenario is played."""

    def __init__(self, gateways: Gateways, stack: contextlib.ExitStack) -> None:
        self.gateways = gateways
        self.lines: dict[Side, list[dict[str, Any]]] = {}
        self._events: dict[Side, Connection] = {}
        for side in SIDES:
            self.lines[side] = self._ask(side, "list-conns", "list-conn")
            self._events[side] = stack.enter_context(Connection(gateways.vici(side)))
            for event in EVENTS:
                self._events[side].register(event)

    def _ask(self, side: Side, command: str, event: str) -> list[dict[str, Any]]:
        with Connection(self.gateways.vici(side)) as connection:
            return connection.stream(command, event)

    def step(
        self, action: Callable[[], object], *, alpha: Iterable[str] = (), beta: Iterable[str] = ()
    ) -> None:
        """Do ``action`` and record until the named events have come and all is quiet again.

        Raises:
            RigError: an expected event did not come.
        """
        action()
        missing = {"alpha": collections.Counter(alpha), "beta": collections.Counter(beta)}
        deadline = time.monotonic() + STEP_SECONDS
        while True:
            ready, _, _ = select.select(list(self._events.values()), (), (), QUIET_SECONDS)
            for side, connection in self._events.items():
                if connection in ready:
                    line = connection.receive()
                    self.lines[side].append(line)
                    missing[side] -= collections.Counter([line["event"]])
            if not ready and not any(missing.values()):
                break
            if time.monotonic() > deadline:
                raise RigError(f"events that did not come: {missing}")
        for side in SIDES:
            self.lines[side] += self._ask(side, "list-sas", "list-sa")

    @staticmethod
    def refused(action: Callable[[], object]) -> Callable[[], None]:
        """Return an action that does ``action`` and insists that it fails."""

        def act() -> None:
            try:
                action()
            except CommandError:
                return
            raise RigError("a negotiation succeeded that should have failed")

        return act


# ---- the scenarios -------------------------------------------------------------------------

UP = ("ike-updown", "child-updown")
DOWN = UP  # the same events, without up=yes


def up(recording: Recording) -> None:
    """Bring the tunnel up, then send packets through it."""
    recording.step(recording.gateways.initiate, alpha=UP, beta=UP)
    recording.step(recording.gateways.ping)


def several_children(recording: Recording) -> None:
    """Bring a second child up on the same IKE SA, then all down at once."""
    gateways = recording.gateways
    up(recording)
    one = ("child-updown",)
    recording.step(lambda: gateways.initiate("net2"), alpha=one, beta=one)
    recording.step(lambda: gateways.ping(2, child="net2"))
    both = (*DOWN, "child-updown")
    recording.step(gateways.terminate, alpha=both, beta=both)


def child_rekey(recording: Recording) -> None:
    """Rekey the child SA from alpha, then from beta."""
    gateways, one = recording.gateways, ("child-rekey",)
    up(recording)
    recording.step(gateways.rekey_child, alpha=one, beta=one)
    recording.step(gateways.ping)
    recording.step(lambda: gateways.rekey_child(side="beta"), alpha=one, beta=one)


def ike_rekey(recording: Recording) -> None:
    """Rekey the IKE SA from alpha; with IKEv1, also wait until the old one is gone."""
    gateways = recording.gateways
    up(recording)
    if gateways.settings("alpha").version == 2:
        recording.step(gateways.rekey_ike, alpha=("ike-rekey",), beta=("ike-rekey",))
    else:
        one = ("ike-updown",)
        recording.step(gateways.rekey_ike, alpha=one, beta=one)
        # charon keeps the old ISAKMP SA for ten seconds more.
        recording.step(lambda: None, alpha=one, beta=one)
    recording.step(gateways.ping)


def terminate_local(recording: Recording) -> None:
    """Take the tunnel down from alpha, the initiator."""
    up(recording)
    recording.step(recording.gateways.terminate, alpha=DOWN, beta=DOWN)


def terminate_peer(recording: Recording) -> None:
    """Take the tunnel down from beta, the responder."""
    up(recording)
    recording.step(lambda: recording.gateways.terminate(side="beta"), alpha=DOWN, beta=DOWN)


def child_terminate(recording: Recording) -> None:
    """Take only the child down from alpha, then bring it up again."""
    gateways, one = recording.gateways, ("child-updown",)
    up(recording)
    recording.step(lambda: gateways.terminate(child="net"), alpha=one, beta=one)
    recording.step(gateways.initiate, alpha=one, beta=one)


def _refused(recording: Recording, **changes: Unpack[Changes]) -> None:
    gateways = recording.gateways
    recording.step(lambda: gateways.reconfigure("beta", **changes))
    recording.step(recording.refused(gateways.initiate))


def auth_failure(recording: Recording) -> None:
    """Initiate while beta has another pre-shared key."""
    _refused(recording, psk="another")


def ike_proposal_mismatch(recording: Recording) -> None:
    """Initiate while beta accepts only other IKE algorithms."""
    _refused(recording, proposals="aes256-sha512-modp3072")


def child_proposal_mismatch(recording: Recording) -> None:
    """Initiate while beta accepts only other ESP algorithms."""
    _refused(recording, esp_proposals="aes256-sha512")


def peer_lost(recording: Recording) -> None:
    """Lose every packet, until both sides have given the other up."""
    up(recording)
    recording.step(recording.gateways.cut, alpha=DOWN, beta=DOWN)


@dataclasses.dataclass(frozen=True)
class Scenario:
    """One scenario with one IKE version.

    Attributes:
        name: what the files are named after.
        play: the steps.
        settings: of both gateways.
    """

    name: str
    play: Callable[[Recording], None]
    settings: Changes


def scenarios() -> list[Scenario]:
    """Return all scenarios."""
    plays = {
        "up": up,
        "several-children": several_children,
        "child-rekey": child_rekey,
        "ike-rekey": ike_rekey,
        "terminate-local": terminate_local,
        "terminate-peer": terminate_peer,
        "child-terminate": child_terminate,
        "auth-failure": auth_failure,
        "ike-proposal-mismatch": ike_proposal_mismatch,
        "child-proposal-mismatch": child_proposal_mismatch,
        "peer-lost": peer_lost,
    }
    # Probes of a live peer would only be noise, except where the peer is to be lost.
    found = [
        Scenario(
            f"v{version}-{name}",
            play,
            {
                "version": version,
                "children": 2 if play is several_children else 1,
                "dpd_delay": 1 if play is peer_lost else 0,
            },
        )
        for version in (1, 2)
        for name, play in plays.items()
    ]
    aggressive: Changes = {"version": 1, "aggressive": True, "dpd_delay": 0}
    return [*found, Scenario("v1-aggressive-up", up, aggressive)]


def record(scenario: Scenario) -> None:
    """Play a scenario and write its two files."""
    with tempfile.TemporaryDirectory(prefix="fm") as directory, contextlib.ExitStack() as stack:
        gateways = stack.enter_context(Gateways(Path(directory), **scenario.settings))
        recording = Recording(gateways, stack)
        scenario.play(recording)
        for side in SIDES:
            lines = [json.dumps(line) + "\n" for line in recording.lines[side]]
            if any(directory in line for line in lines):
                raise RigError(f"{scenario.name}: a path of this machine would be recorded")
            path = FIXTURES / f"{scenario.name}-{side}.jsonl"
            path.write_text("".join(lines), "ascii")


def main() -> None:
    """Record the scenarios named on the command line, or all."""
    known = {scenario.name: scenario for scenario in scenarios()}
    parser = argparse.ArgumentParser(description="Record VICI fixtures from real gateways.")
    parser.add_argument("scenario", nargs="*", help=f"any of {', '.join(known)}; default: all")
    names = parser.parse_args().scenario or list(known)
    unknown = set(names) - known.keys()
    if unknown:
        parser.error(f"no such scenario: {', '.join(sorted(unknown))}")
    FIXTURES.mkdir(parents=True, exist_ok=True)
    for name in names:
        began = time.monotonic()
        record(known[name])
        sys.stdout.write(f"{name}: {time.monotonic() - began:.1f} s\n")


if __name__ == "__main__":
    main()
