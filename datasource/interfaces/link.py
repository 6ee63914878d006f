"""Questions to the kernel about its interfaces and routes, over asyncio."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from functools import partial

from datasource.configuration import Interface
from datasource.interfaces.codec import (
    Answer,
    Route,
    Row,
    RtnetlinkError,
    ask_addresses,
    ask_links,
    ask_route,
    make_interfaces,
)
from datasource.model import IpAddress
from datasource.netlink import link as netlink

__all__ = ["DEFAULT_PATIENCE", "Connect", "connect", "read_interfaces", "read_routes", "watch"]

DEFAULT_PATIENCE = 30.0
"""Seconds. A thousand interfaces and as many routes take less than one."""
_SLICE = 4
"""Messages after which everybody else on the event loop has a turn: about 2 ms."""

Connect = Callable[[int], socket.socket]
"""Makes a socket that hears of these groups."""


connect: Connect = partial(netlink.connect, socket.NETLINK_ROUTE)
"""Of this network namespace. Needs no capability."""


@contextlib.contextmanager
def watch(groups: int, on_change: Callable[[], None], make: Connect = connect) -> Iterator[None]:
    """Have ``on_change`` called once, when something of these groups changes.

    What it was is not read: whoever is told reads everything anew. So it does not matter how many
    messages there are, or whether some were lost.

    Raises:
        RtnetlinkError: there is no socket to be had.
    """
    loop = asyncio.get_running_loop()
    with _errors(), make(groups) as link:

        def changed() -> None:
            loop.remove_reader(link)
            on_change()

        loop.add_reader(link, changed)
        try:
            yield
        finally:
            loop.remove_reader(link)


async def read_interfaces(
    make: Connect = connect, patience: float = DEFAULT_PATIENCE
) -> tuple[Interface, ...] | None:
    """Return all interfaces; None where they changed meanwhile, and some may be missing.

    Raises:
        RtnetlinkError: they cannot be had, or not in time.
    """
    with _errors(), make(0) as link:
        async with asyncio.timeout(patience):
            rows: list[Row] = []
            for sequence, ask in enumerate((ask_links, ask_addresses), 1):
                answer = Answer(sequence)
                rows += [row async for row in _ask(link, ask(sequence), answer)]
                if answer.interrupted:
                    return None
            return make_interfaces(rows)


async def read_routes(
    peers: Iterable[IpAddress], make: Connect = connect, patience: float = DEFAULT_PATIENCE
) -> dict[IpAddress, int]:
    """Return over which interface, by its index, each peer is reached; only those that are.

    Raises:
        RtnetlinkError: they cannot be had, or not in time.
    """
    routes: dict[IpAddress, int] = {}
    with _errors(), make(0) as link:
        async with asyncio.timeout(patience):
            for sequence, peer in enumerate(peers, 1):
                index = await _route(link, sequence, peer)
                if index is not None:
                    routes[peer] = index
                if sequence % _SLICE == 0:
                    await asyncio.sleep(0)
    return routes


async def _route(link: socket.socket, sequence: int, peer: IpAddress) -> int | None:
    try:
        rows = [row async for row in _ask(link, ask_route(sequence, peer), Answer(sequence))]
    except RtnetlinkError as error:
        # That is how the kernel says that there is no route, for whatever reason.
        if not error.errno:
            raise
        rows = []
    return next((row.index for row in rows if isinstance(row, Route)), None)


async def _ask(link: socket.socket, request: bytes, answer: Answer) -> AsyncIterator[Row]:
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(link, request)
    count = 0
    while not answer.done:
        for row in answer.feed(await loop.sock_recv(link, netlink.DATAGRAM)):
            yield row
            count += 1
            if count % _SLICE == 0:
                await asyncio.sleep(0)


@contextlib.contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise RtnetlinkError("no answer in time") from error
    except OSError as error:
        raise RtnetlinkError.of(error) from error
