"""Sockets to the kernel (netlink(7))."""

from __future__ import annotations

import socket

__all__ = ["DATAGRAM", "connect"]

DATAGRAM = 64 * 1024
"""Octets to read at once: the kernel fills half of that at the most."""


def connect(protocol: int, groups: int = 0) -> socket.socket:
    """Return a socket of this network namespace that hears of these groups. Needs no capability.

    Raises:
        OSError: there is none to be had.
    """
    kind = socket.SOCK_RAW | socket.SOCK_NONBLOCK
    link = socket.socket(socket.AF_NETLINK, kind, protocol)
    try:
        link.bind((0, groups))
        # To the kernel: from then on nobody else's messages come in.
        link.connect((0, 0))
    except OSError:
        link.close()
        raise
    return link
