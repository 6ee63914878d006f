"""Plays captured VICI messages (tests/fixtures/vici) into a session, on a clock of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from datasource.errors import DataSourceError
from datasource.events import Event, IkeFailed, IpsecFailed
from datasource.snapshot import Snapshot
from datasource.strongswan.connection import parse_connection
from datasource.strongswan.failures import HOLD
from datasource.strongswan.session import StrongSwanSession
from datasource.strongswan.source import tracker_for

__all__ = ["SCENARIOS", "Line", "Replay", "encode", "messages_of", "scenario"]

FIXTURES = Path(__file__).parents[3] / "fixtures" / "vici"
SCENARIOS = sorted(path.stem for path in FIXTURES.glob("*.jsonl"))

Line = tuple[str, dict[str, Any]]
"""The name of an event, or of a command that has answered, and a message."""


def encode(value: Any) -> Any:
    """Give a value of a capture the types of a decoded message: text becomes bytes."""
    if isinstance(value, str):
        return value.encode("latin-1")
    if isinstance(value, list):
        return [encode(item) for item in value]
    return {name: encode(item) for name, item in value.items()}


def scenario(name: str) -> list[Line]:
    """Read a capture."""
    lines = (FIXTURES / f"{name}.jsonl").read_text("ascii").splitlines()
    return [(line["event"], encode(line["message"])) for line in map(json.loads, lines)]


def messages_of(name: str, event: str) -> list[dict[str, Any]]:
    """Return the messages of one kind of a capture."""
    return [message for kind, message in scenario(name) if kind == event]


class Replay:
    """A session with its tracker, fed line by line.

    Args:
        log_events: as the session's; without, log lines are left out.
    """

    def __init__(self, *, log_events: bool = True) -> None:
        self.now = 1000.0
        self.tracker = tracker_for(log_events)
        self.problems: list[DataSourceError] = []
        self.session = StrongSwanSession(
            self.tracker, log_events=log_events, on_problem=self.problems.append
        )
        self.events: list[Event] = []
        self.missing: list[bool] = []
        """Of each listing, whether it lacked what the tracker had."""
        self._log_events = log_events
        self._answer: list[dict[str, Any]] = []

    def play(
        self, lines: Iterable[Line], after_listing: Callable[[Snapshot], None] | None = None
    ) -> Replay:
        """Feed lines, a millisecond apart; a listing comes when all is quiet."""
        for kind, message in lines:
            self.now += 0.001
            if kind in ("list-conn", "list-sa"):
                self._answer.append(message)
            elif kind == "list-conns":
                self.session.connections(
                    {
                        name: parse_connection(name, fields)
                        for message in self._take()
                        for name, fields in message.items()
                    }
                )
            elif kind == "list-sas":
                self.now += HOLD
                self.session.tick(self.now)
                self.list_sas(self._take())
                if after_listing is not None:
                    after_listing(self.snapshot())
            elif kind != "log" or self._log_events:
                self.session.event(self.now, kind, message)
        self.events += self.tracker.take_events()
        return self

    def list_sas(self, answer: Iterable[dict[str, Any]]) -> None:
        """Feed the answer to list-sas."""
        listing = self.tracker.list()
        for message in answer:
            self.session.listed(self.now, listing, message)
        self.session.listing_ended()
        self.missing.append(listing.end(self.now, waited=True))

    @property
    def failures(self) -> list[IkeFailed | IpsecFailed]:
        """Return the events that are failures."""
        return [event for event in self.events if isinstance(event, IkeFailed | IpsecFailed)]

    def snapshot(self) -> Snapshot:
        """Return the tracker's."""
        return self.tracker.snapshot(self.now)

    def _take(self) -> list[dict[str, Any]]:
        answer, self._answer = self._answer, []
        return answer
