"""A dump of the kernel's SAs, over asyncio."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from datasource.netlink import link as netlink
from datasource.xfrm.codec import Dump, XfrmError, request

__all__ = ["DEFAULT_PATIENCE", "read_sas"]

DEFAULT_PATIENCE = 10.0
"""Seconds. Ten thousand tunnels take less than one."""
_SEQUENCE = 1  # of the one request that a socket is for


def _open() -> socket.socket:
    return netlink.connect(socket.NETLINK_XFRM)


async def read_sas(
    patience: float = DEFAULT_PATIENCE,
    connect: Callable[[], socket.socket] = _open,
) -> Dump:
    """Return all SAs of this network namespace. Needs CAP_NET_ADMIN.

    The kernel makes the next datagram when this one is taken, and everybody else on the event loop
    has a turn in between.

    Args:
        patience: seconds that it may take.
        connect: makes the socket.

    Raises:
        XfrmError: the SAs cannot be had, or not in time.
    """
    loop = asyncio.get_running_loop()
    dump = Dump(_SEQUENCE)
    try:
        async with asyncio.timeout(patience):
            with connect() as link:
                await loop.sock_sendall(link, request(_SEQUENCE))
                while not dump.done:
                    dump.feed(await loop.sock_recv(link, netlink.DATAGRAM))
                    await asyncio.sleep(0)
    except TimeoutError as error:
        raise XfrmError(f"no end within {patience:g} s") from error
    except OSError as error:
        raise XfrmError.of(error) from error
    return dump
