"""Messages of netlink(7), whatever they are about (sans-IO).

A datagram is one or more messages: a header of 16 octets, in the byte order of the host, and a
body. A message never goes on in the next datagram: what does not end in its own is truncated.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Iterator
from typing import ClassVar, Self

from datasource.errors import DataSourceError

__all__ = ["DUMP", "HEADER", "REQUEST", "NetlinkError", "Reply", "aligned"]

HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence, port: 16 octets
REQUEST, DUMP = 0x1, 0x300
"""Flags of a request, and of one for all there are."""

_CODE = struct.Struct("=i")
_NLMSG_ERROR, _NLMSG_DONE, _NLMSG_OVERRUN = 2, 3, 4
_NLM_F_MULTI, _NLM_F_DUMP_INTR = 0x2, 0x10


class NetlinkError(DataSourceError):
    """The kernel refuses, or what it says is not what its headers say.

    ``errno`` is the kernel's number of an error, 0 where it gave none.
    """

    def __init__(self, words: str, number: int = 0) -> None:
        super().__init__(words)
        self.errno = number

    @classmethod
    def of(cls, error: OSError) -> Self:
        """Return what the socket's error means."""
        number = error.errno or 0
        return cls(os.strerror(number) if number else str(error), number)


class Reply:
    """The answer to the request of this number, as far as it has come.

    A family derives its own, with the one error that its decoder raises.
    """

    error: ClassVar[type[NetlinkError]] = NetlinkError

    def __init__(self, sequence: int) -> None:
        self.done = False
        """Whether it is complete."""
        self.interrupted = False
        """Whether something has changed meanwhile, so that what was there may be missing."""
        self._sequence = sequence

    def messages(self, datagram: bytes) -> Iterator[tuple[int, bytes]]:
        """Give the messages of a datagram, whole, with their types.

        Those under other numbers are left out, and so are those that tell of an error or of none.

        Raises:
            NetlinkError: of this family: the kernel refuses, or the datagram is malformed. Nothing
                more can be read.
        """
        start, size = 0, len(datagram)
        while start < size:
            if size - start < HEADER.size:
                raise self.error(f"a message of {size - start} octets")
            length, kind, flags, sequence, _port = HEADER.unpack_from(datagram, start)
            if not HEADER.size <= length <= size - start:
                raise self.error(f"a message of {length} octets in a datagram that has {size}")
            if sequence == self._sequence and not self.done:
                message = datagram[start : start + length]
                self.interrupted |= bool(flags & _NLM_F_DUMP_INTR)
                self.done = kind == _NLMSG_DONE or not flags & _NLM_F_MULTI
                if kind == _NLMSG_OVERRUN:
                    raise self.error("messages were lost")
                if kind == _NLMSG_ERROR or (kind == _NLMSG_DONE and length > HEADER.size):
                    self._check_code(message)
                else:
                    yield kind, message
            start += aligned(length)

    def _check_code(self, message: bytes) -> None:
        octets = len(message) - HEADER.size
        if octets < _CODE.size:
            raise self.error(f"an error of {octets} octets")
        (code,) = _CODE.unpack_from(message, HEADER.size)
        if code:
            known = -code in errno.errorcode
            raise self.error(os.strerror(-code) if known else f"error {code}", -code)


def aligned(length: int) -> int:
    """Return where what follows something of this length begins."""
    return (length + 3) & ~3
