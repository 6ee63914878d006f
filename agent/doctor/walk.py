"""Walks: asking for what follows, of one place or of several at once, and watching the order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, TypeAlias

from agent.errors import AgentError
from mibs import ber
from mibs.smi import Oid

__all__ = ["Answer", "Asker", "Lane", "NoAnswerError", "Value", "Varbind", "walk"]

Value: TypeAlias = int | bytes | Oid

_CELLS = 100
"""Varbinds that one answer may hold, more or less: some kilobytes."""
_WIDTH = 20
"""Lanes that one request asks for."""

_TOO_BIG = 1
_NO_SUCH_NAME = 2
_AUTHORIZATION_ERROR = 16


class NoAnswerError(AgentError):
    """There was no answer that could be used.

    Attributes:
        reason: the errorIndication (RFC 3413 section 4.1), such as ``requestTimedOut`` or
            ``wrongDigest``.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Varbind(NamedTuple):
    """An instance, the BER tag of its value, and the value."""

    name: Oid
    tag: int
    value: Value


class Answer(NamedTuple):
    """A response: error-status, error-index, variable bindings (RFC 3416 section 3)."""

    error_status: int
    error_index: int
    varbinds: Sequence[Varbind]


class Asker(Protocol):
    """Somebody who may ask the agent, over one version of SNMP."""

    async def following(self, names: Sequence[Oid], repetitions: int) -> Answer:
        """Ask for what follows these names, that often if the version can.

        Raises:
            NoAnswerError: there is no answer.
        """


@dataclass(slots=True)
class Lane:
    """A part of the tree to walk.

    Attributes:
        root: what all names begin with; empty for the whole tree.
        rows: how many names are wanted; None for all.
    """

    root: Oid = ()
    rows: int | None = None
    at: Oid = field(init=False)
    """The last name that came, and before that where to begin."""
    done: bool = field(default=False, init=False)
    at_end: bool = field(default=False, init=False)
    """Whether it was the end of the whole tree."""

    def __post_init__(self) -> None:
        self.at = self.root or (0, 0)


async def walk(
    asker: Asker,
    lanes: Sequence[Lane],
    take: Callable[[Varbind], object],
    label: Callable[[Oid], str],
) -> list[str]:
    """Walk some lanes side by side, in as few requests as may be.

    Args:
        asker: whom to walk as.
        lanes: the parts of the tree.
        take: is given everything that is inside of its lane, in the order of each lane.
        label: says a name in words.

    Returns:
        What was wrong: an order that does not rise, an end before the end, an error, or that
        answers ceased.
    """
    faults: list[str] = []
    last: Oid = ()
    ends: list[Oid] = []
    waiting = list(reversed(lanes))
    active: list[Lane] = []
    width = _WIDTH
    while waiting or active:
        while waiting and len(active) < width:
            active.append(waiting.pop())
        asked = f"when asked for what follows {label(active[0].at)}"
        try:
            answer = await asker.following(
                [lane.at for lane in active], max(1, _CELLS // len(active))
            )
        except NoAnswerError as error:
            return [*faults, f"no answer that can be read {asked}: {error}"]
        if answer.error_status == _TOO_BIG and len(active) > 1:
            width = len(active) // 2
            waiting += reversed(active[width:])
            del active[width:]
        elif answer.error_status:
            lane = active.pop(max(0, min(answer.error_index, len(active)) - 1))
            if answer.error_status == _NO_SUCH_NAME:
                ends.append(lane.at)
            elif answer.error_status == _AUTHORIZATION_ERROR:
                # It is about who asks, not about what is asked for.
                return [*faults, f"authorizationError {asked}"]
            else:
                faults.append(
                    f"error-status {answer.error_status} when asked for what follows"
                    f" {label(lane.at)}"
                )
        elif not answer.varbinds:
            faults.append(f"an empty answer {asked}")
            active.pop(0)
        else:
            faults += _take(active, answer.varbinds, take, label)
            there = (name for name, tag, _ in answer.varbinds if tag != ber.END_OF_MIB_VIEW)
            last = max(last, max(there, default=()))
            ends += [lane.at for lane in active if lane.at_end]
            active = [lane for lane in active if not lane.done]
    faults += [f"nothing is said to follow {label(end)}" for end in ends if end < last]
    return faults


def _take(
    lanes: Sequence[Lane],
    varbinds: Sequence[Varbind],
    take: Callable[[Varbind], object],
    label: Callable[[Oid], str],
) -> Iterator[str]:
    for position, varbind in enumerate(varbinds):
        lane = lanes[position % len(lanes)]
        if lane.done:
            continue
        if varbind.tag == ber.END_OF_MIB_VIEW:
            lane.done = lane.at_end = True
        elif varbind.name <= lane.at:
            # To go on from here might never end.
            yield f"the order is broken: after {label(lane.at)} comes {label(varbind.name)}"
            lane.done = True
        elif varbind.name[: len(lane.root)] != lane.root:
            lane.done = True
        else:
            take(varbind)
            lane.at = varbind.name
            if lane.rows is not None:
                lane.rows -= 1
                lane.done = not lane.rows
