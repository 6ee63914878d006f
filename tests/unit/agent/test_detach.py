from __future__ import annotations

import asyncio

import pytest

from agent.detach import Detacher
from datasource.configuration import Defaults
from datasource.control import UnloadError
from datasource.tracker import Tracker
from tests.connections import connection


class Gateway:
    """Unloads, or does not."""

    def __init__(self) -> None:
        self.can_unload = True
        self.unloaded: list[str] = []
        self.obeys = True

    async def unload(self, name: str) -> None:
        if not self.obeys:
            raise UnloadError("no answer")
        self.unloaded.append(name)


@pytest.fixture
def tracker() -> Tracker:
    tracker = Tracker()
    tracker.configure(1.0, [connection("säte"), connection("roaming", dynamic=True)], Defaults())
    return tracker


def test_it_takes_both_leave_and_a_gateway(tracker: Tracker) -> None:
    gateway = Gateway()
    assert Detacher(tracker, gateway, lambda: True).can_detach
    assert not Detacher(tracker, gateway, lambda: False).can_detach
    gateway.can_unload = False
    assert not Detacher(tracker, gateway, lambda: True).can_detach


def test_a_set_is_unloaded_by_the_name_of_its_connection(tracker: Tracker) -> None:
    gateway = Gateway()
    detacher = Detacher(tracker, gateway, lambda: True)
    for name in ("s?te", "roaming", "gone"):
        asyncio.run(detacher.detach(name))
    assert gateway.unloaded == ["säte"]


def test_a_set_that_stays_is_an_error(tracker: Tracker) -> None:
    gateway = Gateway()
    gateway.obeys = False
    with pytest.raises(UnloadError, match="no answer"):
        asyncio.run(Detacher(tracker, gateway, lambda: True).detach("s?te"))
