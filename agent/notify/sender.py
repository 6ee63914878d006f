"""The sockets and timers of the notification originator.

Everything is done in slices: a storm of notifications must not keep managers from their answers.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import secrets
import socket
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial

from agent.notify.communities import TrapsV1, V2cMessages
from agent.notify.engines import RemoteEngine, UserTraps
from agent.notify.informs import InformOriginator
from agent.notify.messages import TrapMessages
from agent.notify.originator import Originator, is_too_large
from agent.notify.pdus import Pdus
from agent.notify.statistics import TargetStatistics
from agent.notify.target import Target
from agent.notify.traps import TrapOriginator
from agent.snmp.limits import QuietLog
from agent.snmp.security import SecurityModel
from agent.snmp.usm.users import User, UserSettings, make_user
from agent.snmp.v3_protection import MessageEncoder
from agent.snmp.vacm import Vacm
from mibs.notification import Notification

__all__ = ["Sender"]

_SLICE = 0.003
"""Seconds that are spent on sending before others get their turn."""
_AT_ONCE = 16
"""Datagrams that one target gets, or is heard, before the next one's turn comes."""
_PATIENCE = 1.0
"""Seconds for which what waits is still sent at the end."""
_LARGEST_DATAGRAM = 65535
_MAX_REQUEST_ID = 0x7FFFFFFF
_MAX_KEYS = 64

_Wanted = tuple[UserSettings, bytes]
"""A user, and the engine ID that keys are wanted for."""


class Sender:
    """All targets together: an :class:`~agent.notify.dispatcher.Outlet`.

    To be made and used in a running event loop. Without targets it does nothing.

    Args:
        encoder: of this SNMP engine, the one that responses are made by.
        quiet: where is said what goes wrong.
        random: gives so many octets.
    """

    def __init__(
        self,
        encoder: MessageEncoder,
        quiet: QuietLog,
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._encoder = encoder
        self._quiet = quiet
        # What a receiver got before this start must not look like what it gets now.
        self._request_ids = itertools.count(int.from_bytes(random(4), "big"))
        self._msg_ids = itertools.count(int.from_bytes(random(4), "big"))
        self._channels: list[_Channel] = []
        self._ready: deque[_Channel] = deque()
        """Those that may have something to send, each once."""
        self._turned = asyncio.Event()
        """Set after every slice."""
        self._keys: dict[_Wanted, asyncio.Task[User]] = {}
        self._is_closed = False

    def replace(self, targets: Iterable[Target], users: Iterable[User], vacm: Vacm) -> None:
        """Go on with other targets. Those that are still there keep what waits for them.

        Args:
            targets: all of them.
            users: with keys for this engine.
            vacm: says what targets may be told.
        """
        named = {user.name: user for user in users}
        before = {channel.originator.target.way: channel for channel in self._channels}
        self._channels = [
            self._channel(target, named, vacm, before.pop(target.way, None)) for target in targets
        ]
        for channel in before.values():
            channel.close()

    def notify(self, notification: Notification) -> None:
        """Send a notification to all targets that want it and may have it."""
        if self._is_closed or not self._channels:
            return
        pdus = Pdus(notification, next(self._request_ids) & _MAX_REQUEST_ID)
        now = self._loop.time()
        for channel in self._channels:
            if channel.originator.notify(pdus, now):
                self._wake(channel)

    def statistics(self) -> list[tuple[Target, TargetStatistics]]:
        """Return what has become of the notifications for each target."""
        return [
            (channel.originator.target, channel.originator.statistics) for channel in self._channels
        ]

    async def close(self) -> None:
        """Send what can be sent within a second, and end."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                while any(channel.originator.is_hopeful for channel in self._channels):
                    self._turned.clear()
                    await self._turned.wait()
        self._is_closed = True
        for channel in self._channels:
            channel.close()
        for task in self._keys.values():
            task.cancel()

    # Channels -------------------------------------------------------------------------------------

    def _channel(
        self, target: Target, users: dict[bytes, User], vacm: Vacm, before: _Channel | None
    ) -> _Channel:
        largest = self._encoder.max_message_size
        originator = before.originator if before else None
        engine = before.engine if before else None
        if target.inform:
            if target.user and (engine is None or engine.user != target.user):
                engine = RemoteEngine(self._encoder, target.user, target.level, self._msg_ids)
            informs = engine or V2cMessages(target.community)
            if isinstance(originator, InformOriginator):
                originator.messages = informs
            else:
                originator = InformOriginator(target, vacm, informs, largest, self._quiet)
        else:
            traps = self._traps(target, users)
            if isinstance(originator, TrapOriginator):
                originator.messages = traps
            else:
                originator = TrapOriginator(target, vacm, traps, largest, self._quiet)
        channel = before or _Channel(originator, self._loop, self._wake)
        originator.adopt(target, vacm)
        channel.engine = engine
        if originator.waiting:
            self._wake(channel)
        return channel

    def _traps(self, target: Target, users: dict[bytes, User]) -> TrapMessages:
        if target.user:
            user = users[target.user.name.encode()]
            return UserTraps(self._encoder, user, target.level, self._msg_ids)
        if target.model is SecurityModel.V1:
            return TrapsV1(target.community, target.agent_address)
        return V2cMessages(target.community)

    # Turns ----------------------------------------------------------------------------------------

    def _wake(self, channel: _Channel) -> None:
        """Have a turn for a channel."""
        if not channel.is_ready:
            channel.is_ready = True
            if not self._ready:
                self._loop.call_soon(self._pump)
            self._ready.append(channel)

    def _pump(self) -> None:
        """Give turns for as long as a slice is."""
        ready, time = self._ready, self._loop.time
        until = time() + _SLICE
        while ready:
            channel = ready.popleft()
            channel.is_ready = False
            if self._turn(channel):
                channel.is_ready = True
                ready.append(channel)
            if ready and time() >= until:
                self._loop.call_soon(self._pump)
                break
        self._turned.set()

    def _turn(self, channel: _Channel) -> bool:
        """Whether the channel wants another turn at once."""
        try:
            more = channel.send()
        except Exception:  # noqa: BLE001 - one target must not keep all others from theirs
            title = channel.originator.target.title
            self._quiet.log(logging.ERROR, "fault", "%s: stopped by a fault", title, exc_info=True)
            return False
        if channel.engine is not None and channel.engine.wants_keys:
            self._make_keys(channel, channel.engine)
        return more

    # Keys -----------------------------------------------------------------------------------------

    def _make_keys(self, channel: _Channel, engine: RemoteEngine) -> None:
        """Make a user's keys for the engine of a receiver: elsewhere, as it takes a while."""
        wanted = engine.user, engine.engine_id
        if channel.keys_wanted == wanted:
            return
        channel.keys_wanted = wanted
        if len(self._keys) >= _MAX_KEYS:
            self._keys = {key: task for key, task in self._keys.items() if not task.done()}
        task = self._keys.get(wanted)
        if task is None:
            task = self._loop.create_task(asyncio.to_thread(make_user, *wanted))
            self._keys[wanted] = task
        task.add_done_callback(partial(self._keys_made, channel, engine, wanted))

    def _keys_made(
        self, channel: _Channel, engine: RemoteEngine, wanted: _Wanted, task: asyncio.Task[User]
    ) -> None:
        channel.keys_wanted = None
        if not task.cancelled():
            engine.set_keys(task.result(), *wanted)
            self._wake(channel)


class _Channel:
    """The socket and the timer of one target. It is connected, so that ICMP errors are heard."""

    def __init__(
        self,
        originator: Originator,
        loop: asyncio.AbstractEventLoop,
        wake: Callable[[_Channel], None],
    ) -> None:
        self.originator = originator
        self.engine: RemoteEngine | None = None
        """Of the receiver of informs of SNMPv3."""
        self.keys_wanted: _Wanted | None = None
        """Those that are being made."""
        self.is_ready = False
        """Whether it waits for its turn."""
        self._loop = loop
        self._wake = wake
        self._socket: socket.socket | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_blocked = False
        self._is_closed = False

    def send(self) -> bool:
        """Send a few datagrams. Whether there are more to be sent at once."""
        originator, time = self.originator, self._loop.time
        if self._is_closed or self._is_blocked:
            return False
        for _ in range(_AT_ONCE):
            opened = self._socket or self._open()
            now = time()
            datagram = originator.peek(now)
            if datagram is None:
                self._set_timer(now)
                return False
            error = opened if isinstance(opened, OSError) else self._try(opened, datagram, now)
            if error is None:
                originator.sent(now)
            elif isinstance(error, BlockingIOError):
                self._block()
                return False
            else:
                originator.failed(error, now)
                if not is_too_large(error):
                    # The next one is bound anew, to addresses that are there by then.
                    self._shut()
        return True

    def _try(self, opened: socket.socket, datagram: bytes, now: float) -> OSError | None:
        """Send a datagram, and return why it was not sent."""
        try:
            opened.send(datagram)
        except BlockingIOError as error:
            return error
        except OSError as error:
            if is_too_large(error):
                return error
            # It may be about an earlier one, and then it is not said twice.
            try:
                opened.send(datagram)
            except OSError as again:
                return again
            self.originator.refused(error, now)
        return None

    def _open(self) -> socket.socket | OSError:
        target = self.originator.target
        made = None
        try:
            # Also knows the number of the interface that stands behind a link-local address.
            family, kind, _, _, address = socket.getaddrinfo(
                target.host, target.port, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST
            )[0]
            made = socket.socket(family, kind | socket.SOCK_NONBLOCK)
            if target.source:
                made.bind((target.source, 0))
            made.connect(address)
            self.originator.source = made.getsockname()[0].partition("%")[0]
        except OSError as error:
            if made is not None:
                made.close()
            return error
        self._loop.add_reader(made, self._receive, made)
        self._socket = made
        return made

    def _receive(self, opened: socket.socket) -> None:
        """Take a few datagrams, and what the system says of those that were sent."""
        originator, now = self.originator, self._loop.time()
        for _ in range(_AT_ONCE):
            try:
                data = opened.recv(_LARGEST_DATAGRAM)
            except (BlockingIOError, InterruptedError):
                break
            except OSError as error:
                originator.refused(error, now)
                continue
            originator.receive(data, now)
        self._wake(self)

    def _block(self) -> None:
        """Wait until the system has room for another datagram."""
        if self._socket is not None:
            self._is_blocked = True
            self._loop.add_writer(self._socket, self._unblock)

    def _unblock(self) -> None:
        if self._socket is not None:
            self._loop.remove_writer(self._socket)
        self._is_blocked = False
        self._wake(self)

    def _set_timer(self, now: float) -> None:
        at = self.originator.wake_at()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if at is None else self._loop.call_at(max(at, now), self._wake, self)

    def _shut(self) -> None:
        if self._socket is not None:
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._socket.close()
            self._socket = None
        self._is_blocked = False

    def close(self) -> None:
        """Send no more. What still waits is counted as lost."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._shut()
        self.originator.end()
