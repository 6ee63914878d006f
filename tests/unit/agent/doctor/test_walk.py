"""agent.doctor.walk: everything comes, in order, and nothing goes on for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from agent.doctor.walk import Answer, Asker, Lane, NoAnswerError, Varbind, walk
from mibs import ber
from tests.unit.agent.doctor.made_up import NAMES, Asking, Gateway, Tree

ALL = Gateway().varbinds()
STATUS = NAMES.oid("cikeTunStatus")
OCTETS = NAMES.oid("cipSecTunInOctets")


def walked(asker: Asker, *lanes: Lane) -> tuple[list[Varbind], list[str]]:
    found: list[Varbind] = []
    faults = asyncio.run(walk(asker, lanes or [Lane()], found.append, NAMES.label))
    return found, faults


def numbered(*numbers: int) -> list[Varbind]:
    return [Varbind((1, 3, number), ber.INTEGER, number) for number in numbers]


@pytest.mark.parametrize("bulk", [True, False])
def test_sn08_everything(bulk: bool) -> None:
    assert walked(Asking(Tree(ALL), bulk=bulk)) == (ALL, [])


@pytest.mark.parametrize("bulk", [True, False])
def test_lanes_side_by_side(bulk: bool) -> None:
    asking = Asking(Tree(ALL), bulk=bulk)
    found, faults = walked(asking, Lane(STATUS), Lane(OCTETS))
    assert faults == []
    wanted = [v for v in ALL if v.name[: len(STATUS)] in (STATUS, OCTETS)]
    assert sorted(found) == wanted
    assert len(wanted) == 5
    assert asking.asked[0] == (STATUS, OCTETS)


@pytest.mark.parametrize("bulk", [True, False])
def test_rows(bulk: bool) -> None:
    found, _ = walked(Asking(Tree(ALL), bulk=bulk), Lane(OCTETS, 2))
    assert [varbind.name for varbind in found] == [(*OCTETS, 1), (*OCTETS, 2)]


@pytest.mark.parametrize("bulk", [True, False])
def test_more_lanes_than_one_request_has(bulk: bool) -> None:
    lanes = [Lane(oid) for oid in NAMES.oids()]
    found, faults = walked(Asking(Tree(ALL), bulk=bulk), *lanes)
    assert (sorted(found), faults) == (ALL, [])


def test_an_answer_that_has_room_for_a_part_only() -> None:
    asking = Asking(Tree(ALL), most=7)
    found, faults = walked(asking, Lane(STATUS), Lane(OCTETS))
    assert (len(found), faults) == (5, [])


def test_too_big_is_asked_for_in_parts() -> None:
    lanes = [Lane(oid) for oid in NAMES.oids()]
    asking = Asking(Tree(ALL), bulk=False, most=3)
    found, faults = walked(asking, *lanes)
    assert (sorted(found), faults) == (ALL, [])
    assert len(asking.asked[-1]) <= 3


def test_too_big_for_one() -> None:
    found, faults = walked(Asking(Tree(ALL), bulk=False, most=0))
    assert found == []
    assert faults == ["error-status 1 when asked for what follows 0.0"]


@pytest.mark.parametrize("again", [2, 1])
def test_sn08_an_order_that_does_not_rise(again: int) -> None:
    def lie(varbind: Varbind) -> Varbind:
        return varbind._replace(name=(1, 3, again)) if varbind.value == 3 else varbind

    found, faults = walked(Asking(Tree(numbered(1, 2, 3, 4), lie), bulk=False))
    assert len(found) == 2
    assert faults == [f"the order is broken: after 1.3.2 comes 1.3.{again}"]


def test_sn08_an_end_before_the_end() -> None:
    class Forgetful(Asking):
        async def following(self, names: Sequence[tuple[int, ...]], repetitions: int) -> Answer:
            if names[0][: len(STATUS)] == STATUS:
                return Answer(2, 1, [])
            return await super().following(names, repetitions)

    _, faults = walked(Forgetful(Tree(ALL), bulk=False), Lane(STATUS), Lane(OCTETS))
    assert faults == ["nothing is said to follow cikeTunStatus"]


class Always:
    """Answers the same to everything."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    async def following(self, _names: Sequence[tuple[int, ...]], _repetitions: int) -> Answer:
        return self._answer


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (Answer(5, 1, []), "error-status 5 when asked for what follows 0.0"),
        (Answer(5, 9, []), "error-status 5 when asked for what follows 0.0"),
        (Answer(16, 0, []), "authorizationError when asked for what follows 0.0"),
        (Answer(0, 0, []), "an empty answer when asked for what follows 0.0"),
    ],
)
def test_no_names(answer: Answer, fault: str) -> None:
    assert walked(Always(answer)) == ([], [fault])


def test_answers_that_cease() -> None:
    class Dying(Asking):
        async def following(self, names: Sequence[tuple[int, ...]], repetitions: int) -> Answer:
            if len(self.asked) == 3:
                raise NoAnswerError("requestTimedOut")
            return await super().following(names, repetitions)

    found, faults = walked(Dying(Tree(numbered(1, 2, 3, 4)), bulk=False))
    assert len(found) == 3
    assert faults == [
        "no answer that can be read when asked for what follows 1.3.3: requestTimedOut"
    ]
