"""The UDP shell around the engine (RFC 3417 section 3).

Sockets are drained in one go by a reader of the event loop: asyncio's own datagram transport makes
a fresh 256 KiB buffer for every datagram. A socket on a wildcard address learns of each request
which address it came to, and answers from there; a manager drops an answer from another one.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
import struct
from collections.abc import Coroutine
from typing import Any, Protocol

from agent.config import ListenAddress
from agent.errors import AgentError
from agent.snmp.engine import Answer

__all__ = ["ListenError", "Responder", "UdpListener"]

_log = logging.getLogger("flowmib.snmp")

_AT_ONCE = 32
"""Datagrams that one socket may have answered before others get their turn."""
_LARGEST_DATAGRAM = 65535
_RECEIVE_BUFFER = 1 << 20
_IP_PKTINFO = 8
"""From linux/in.h; the socket module has no name for it before Python 3.14."""
_IN_PKTINFO = struct.Struct("=i4s4s")
_ANCILLARY = socket.CMSG_SPACE(20)


_Ancillary = list[tuple[int, int, bytes]]
_Sender = tuple[str, int]


class ListenError(AgentError):
    """An address cannot be listened on; the message names it and the reason."""


class Responder(Protocol):
    """What answers datagrams."""

    def process(self, data: bytes, host: str) -> Answer:
        """Return the answer to a datagram from this address, None where there is none.

        An answer that takes a while is a coroutine; others are answered meanwhile.
        """


class UdpListener:
    """One socket, bound when it is made and open up to :meth:`close`.

    Raises:
        ListenError: the address is not ours, is in use, or the port may not be used.
    """

    def __init__(self, address: ListenAddress, responder: Responder) -> None:
        self._responder = responder
        self._late: set[asyncio.Task[None]] = set()
        self._buffer = memoryview(bytearray(_LARGEST_DATAGRAM))
        ip = ipaddress.ip_address(address.host)
        family = socket.AF_INET if ip.version == 4 else socket.AF_INET6
        self._wildcard = ip.is_unspecified
        try:
            self._socket = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        except OSError as error:
            raise _not_listening(address, error) from None
        try:
            if family == socket.AF_INET6:
                self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                if self._wildcard:
                    self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
            elif self._wildcard:
                self._socket.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
            self._socket.bind((address.host, address.port))
        except OSError as error:
            self._socket.close()
            raise _not_listening(address, error) from None

    def start(self) -> None:
        """Begin to answer, with what has come in since the socket was made."""
        asyncio.get_running_loop().add_reader(self._socket, self._drain)

    def close(self) -> None:
        """Stop listening. What is not answered yet is not answered any more."""
        for task in self._late:
            task.cancel()
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    def _drain(self) -> None:
        """Receive what is there, then answer it, then send the answers.

        Step by step for all of them, since the code of one step pushes that of the others out of
        the processor's caches.
        """
        process = self._responder.process
        answers = [
            (process(data, sender[0]), ancillary, sender)
            for data, ancillary, sender in self._received()
        ]
        for answer, ancillary, sender in answers:
            if isinstance(answer, bytes):
                self._send(answer, ancillary, sender)
            elif answer is not None:
                task = asyncio.create_task(self._send_later(answer, ancillary, sender))
                self._late.add(task)
                task.add_done_callback(self._late.discard)

    def _received(self) -> list[tuple[bytes, _Ancillary, _Sender]]:
        received: list[tuple[bytes, _Ancillary, _Sender]] = []
        ancillary: _Ancillary = []
        while len(received) < _AT_ONCE:
            try:
                if self._wildcard:
                    size, ancillary, _, sender = self._socket.recvmsg_into(
                        (self._buffer,), _ANCILLARY
                    )
                    data = bytes(self._buffer[:size])
                else:
                    # A socket on one address has no need of the rest, which costs.
                    data, sender = self._socket.recvfrom(_LARGEST_DATAGRAM)
            except (BlockingIOError, InterruptedError):
                break
            except OSError as error:
                # An ICMP error to an earlier answer; the socket is as good as before.
                _log.debug("receiving: %s", error)
                continue
            received.append((data, ancillary, sender))
        return received

    async def _send_later(
        self,
        coming: Coroutine[Any, Any, bytes | None],
        ancillary: _Ancillary,
        sender: _Sender,
    ) -> None:
        answer = await coming
        if answer is not None:
            self._send(answer, ancillary, sender)

    def _send(self, answer: bytes, ancillary: _Ancillary, sender: _Sender) -> None:
        try:
            if ancillary:
                self._socket.sendmsg((answer,), _from_there(ancillary), 0, sender)
            else:
                self._socket.sendto(answer, sender)
        except OSError as error:
            # A full buffer or no way back: the manager asks again.
            _log.debug("cannot answer %s: %s", sender[0], error)


def _not_listening(address: ListenAddress, error: OSError) -> ListenError:
    # The text of a name resolver's error (an unknown zone) is not in os.strerror.
    return ListenError(f"cannot listen on {address.text}: {error.strerror or error}")


def _from_there(ancillary: _Ancillary) -> _Ancillary:
    """Turn "it came to this address" into "send it from this address" (ip(7), ipv6(7))."""
    reply: _Ancillary = []
    for level, kind, content in ancillary:
        if level == socket.IPPROTO_IP and kind == _IP_PKTINFO:
            _, ours, _ = _IN_PKTINFO.unpack(content)
            reply.append((level, kind, _IN_PKTINFO.pack(0, ours, bytes(4))))
        elif level == socket.IPPROTO_IPV6 and kind == socket.IPV6_PKTINFO:
            reply.append((level, kind, content))
    return reply
