"""``flowmib traps``, as a process, for tests that want to know which notifications arrive."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from typing import Any

from tests.running_agent import Running

__all__ = ["Received", "TrapReceiver", "values"]

Received = dict[str, Any]
"""With the keys that :mod:`agent.traps.notification` documents."""


class TrapReceiver(Running):
    """``flowmib traps --json`` on a free port of 127.0.0.1, until the end of the block.

    ``endpoint`` is where to send to. Arguments are as those of :class:`Running`: whatever the
    command takes, and a configuration with the users that SNMPv3 notifications are of.
    """

    def __init__(self, *arguments: str, configuration: str = "", patience: float = 20.0) -> None:
        super().__init__(*arguments, configuration=configuration, patience=patience)
        self._received: list[Received] = []
        self._forgotten = 0
        self._at = 0
        """Octets of the output that are in there."""

    def _command(self) -> Sequence[str]:
        return ("traps", "--json", "--listen", f"udp:{self.endpoint}")

    @property
    def received(self) -> list[Received]:
        """All notifications since the last ``forget``, in the order in which they came in."""
        output = self._output.fileno()
        fresh = os.pread(output, os.fstat(output).st_size - self._at, self._at)
        # What is being written has no end of line yet.
        lines = fresh[: fresh.rfind(b"\n") + 1]
        self._received += map(json.loads, lines.splitlines())
        self._at += len(lines)
        return self._received[self._forgotten :]

    def forget(self) -> None:
        """Leave out of ``received`` what has come in so far."""
        self._forgotten += len(self.received)

    def wait_for(
        self, condition: Callable[[list[Received]], bool], what: str = "receive what is waited for"
    ) -> list[Received]:
        """Wait until what was received is so; return it.

        Raises:
            AgentError: it takes too long.
        """
        self._wait_for(lambda: condition(self.received), what)
        return self.received

    def wait_for_number(self, number: int) -> list[Received]:
        """Wait for so many notifications; return all."""
        return self.wait_for(lambda found: len(found) >= number, f"receive {number}")

    def wait_for_names(self, *names: str) -> list[Received]:
        """Wait until notifications of each of these names have come in; return all.

        A name that is there twice is waited for twice.
        """
        return self.wait_for(
            lambda found: all(
                sum(one["notification"] == name for one in found) >= names.count(name)
                for name in names
            ),
            f"receive {', '.join(names)}",
        )

    def wait_for_refusal(self, why: str) -> None:
        """Wait until the log says that a message is not taken, with these words."""
        self._wait_for(lambda: why in self.log, f"refuse it with {why!r}")


def values(received: Received) -> dict[str, Any]:
    """Give the values of the objects of a notification by their names, or else their OIDs."""
    return {item["name"] or item["oid"]: item["value"] for item in received["objects"]}
