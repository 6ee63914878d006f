from __future__ import annotations

import asyncio
import socket

import pytest

from datasource.configuration import Interface, Interfaces
from datasource.interfaces import source as module
from datasource.interfaces.link import Connect
from datasource.interfaces.source import InterfaceSource
from datasource.model import IpAddress

ETH0 = (Interface(2, "eth0"),)


class Listener:
    def __init__(self) -> None:
        self.told: list[Interfaces] = []
        self.was_told = asyncio.Event()

    def attach(self, now: float, interfaces: Interfaces) -> None:
        del now
        self.told.append(interfaces)
        self.was_told.set()

    def routed_peers(self) -> frozenset[IpAddress]:
        return frozenset()


def make(groups: int) -> socket.socket:
    del groups
    return socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)


def test_what_changed_while_it_was_read_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    readings = [None, None, ETH0]

    async def read(_make: Connect) -> tuple[Interface, ...] | None:
        return readings.pop(0)

    monkeypatch.setattr(module, "read_interfaces", read)
    monkeypatch.setattr(module, "_SOONEST", 0)
    monkeypatch.setattr(module, "_SETTLE", 0)
    listener = Listener()

    async def main() -> None:
        source = InterfaceSource(listener, make=make)
        source.refresh()
        running = asyncio.create_task(source.run())
        await listener.was_told.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(main())
    assert listener.told == [Interfaces(ETH0)]


def test_nothing_is_read_before_there_is_a_configuration() -> None:
    listener = Listener()

    def refuse(groups: int) -> socket.socket:
        raise AssertionError(groups)

    async def main() -> None:
        running = asyncio.create_task(InterfaceSource(listener, make=refuse).run())
        for _ in range(10):
            await asyncio.sleep(0)
        assert not running.done()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(main())
    assert listener.told == []
