"""The subagent: what it registers, what it answers, and what it says of its master."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agent.agentx.address import TcpAddress, UnixAddress
from agent.agentx.errors import AgentXError
from agent.agentx.events import (
    Event,
    Faulty,
    Granted,
    Lost,
    NotifyRefused,
    Opened,
    Refused,
    error_name,
)
from agent.agentx.link import Link
from agent.agentx.notifications import NotifyQueue
from agent.agentx.pdu import AddAgentCaps, Notify, Open, Register
from agent.agentx.session import Session, SessionSettings
from agent.agentx.values import OBJECT_IDENTIFIER, Oid, VarBind
from agent.snmp.engine import Context
from agent.snmp.limits import QuietLog
from agent.subagent.clock import MasterTime
from agent.subagent.objects import ObjectReader, ServedObjects, plain_varbind
from agent.subagent.setting import SetTransaction
from mibs import capabilities
from mibs.access import HIDDEN, SHOWN, Access
from mibs.ber import BerError
from mibs.notification import Notification
from mibs.tree import Tree

__all__ = ["Subagent"]

_log = logging.getLogger("flowmib.agentx")

_SNMP_TRAP_OID: Oid = (1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0)
_SNMP_TRAPS: Oid = (1, 3, 6, 1, 6, 3, 1, 1, 5)
"""Of SNMPv2-MIB: what standard notifications begin with."""
_DESCRIPTION = b"flowmib"


class Subagent:
    """Serves some modules below a master.

    Args:
        address: of the master.
        modules: those that are served; the master has the others itself.
        contexts: by their names, with the tree of what each shows.
        time: told how long the master is up.
        clock: gives seconds, as the event loop does.
        quiet: for what may have to be logged often.
        turn: entered while something is set, by one at a time.
        capacity: how many notifications wait for the master at most.

    Attributes:
        notifications: those that wait, and what became of the others.
        refused: the regions that the master gives to another, with its error.
        connected: whether there is a session.
    """

    def __init__(
        self,
        address: UnixAddress | TcpAddress,
        modules: Sequence[str],
        contexts: Mapping[bytes, tuple[Tree, Context]],
        time: MasterTime,
        *,
        clock: Callable[[], float],
        quiet: QuietLog,
        turn: contextlib.AbstractAsyncContextManager[Any] | None = None,
        capacity: int = 10_000,
    ) -> None:
        self.notifications = NotifyQueue(capacity)
        self.refused: dict[Register | AddAgentCaps, int] = {}
        self.connected = False
        self._address = address
        self._contexts = {
            name: (ServedObjects(tree, modules), context)
            for name, (tree, context) in contexts.items()
        }
        self._time = time
        self._clock = clock
        self._quiet = quiet
        self._turn = turn or contextlib.nullcontext()
        served, _ = self._contexts[b""]  # the same everywhere, but for what it shows
        self._writable = Access(
            bytes(SHOWN if span.number in served.numbers else HIDDEN for span in served.tree.spans)
        )
        self._settings = SessionSettings(
            Open(description=_DESCRIPTION),
            tuple(
                Register(region, context=context)
                for context in contexts
                for region in served.regions()
            ),
            tuple(
                AddAgentCaps(resource.identity, resource.description.encode(), context)
                for context in contexts
                for resource in capabilities.resources(modules)
            ),
        )
        self._readers: dict[bytes, ObjectReader] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._said = ""
        self._link = Link(address, self._make_session, self._on_event, self._on_wait)

    async def run(self) -> None:
        """Work until cancelled."""
        await self._link.run()

    def notify(self, notification: Notification) -> None:
        """Have the master send a notification: at once, or when there is a master.

        sysUpTime is left to the master: it is its own that managers know (RFC 2741 section 7.1.11).
        The master tells of its own start and of its own strangers itself.
        """
        if notification.trap_oid[: len(_SNMP_TRAPS)] == _SNMP_TRAPS:
            return
        try:
            objects = [plain_varbind(varbind) for varbind in notification.varbinds]
            trap_oid = VarBind(_SNMP_TRAP_OID, OBJECT_IDENTIFIER, notification.trap_oid)
            dropped = self.notifications.dropped
            self.notifications.put(Notify((trap_oid, *objects), notification.context))
            if self.notifications.dropped > dropped:
                self._quiet.log(
                    logging.WARNING,
                    "agentx queue",
                    "too many notifications wait for the AgentX master: the oldest is dropped",
                )
        except (AgentXError, BerError) as error:
            self._fault(error, notification.name)
        self._link.wake()

    # What the session asks ------------------------------------------------------------------------

    def reader(self, context: bytes) -> ObjectReader | None:
        """Return what there is now."""
        known = self._contexts.get(context)
        if known is None:
            return None
        objects, keeper = known
        view = keeper.current()
        reader = self._readers.get(context)
        if reader is None or reader.view is not view:
            reader = self._readers[context] = ObjectReader(objects, view)
        return reader

    def transaction(self, context: bytes) -> SetTransaction | None:
        """Begin a SET."""
        known = self._contexts.get(context)
        if known is None:
            return None
        return SetTransaction(known[1], self._writable, self._turn, self._keep, self._fault)

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _make_session(self, wake: Callable[[], None]) -> Session:
        return Session(self._settings, self, self.notifications, self._clock, wake)

    # What it says ---------------------------------------------------------------------------------

    def _on_event(self, event: Event) -> None:
        match event:
            case Opened(up_time):
                self.connected = True
                self._time.learn(up_time)
                self._say(logging.INFO, "connected to the AgentX master at %s", self._address)
            case Lost(reason):
                self.connected = False
                self._say(logging.WARNING, "AgentX at %s: %s", self._address, reason)
            case Refused(request, error):
                if self.refused.get(request) != error:
                    self.refused[request] = error
                    _log.warning(
                        "the AgentX master refuses %s: %s", _named(request), error_name(error)
                    )
            case Granted(request):
                if self.refused.pop(request, None) is not None:
                    _log.info("the AgentX master gives us %s after all", _named(request))
            case NotifyRefused(error):
                self._quiet.log(
                    logging.WARNING,
                    "agentx notify",
                    "the AgentX master does not send a notification: %s",
                    error_name(error),
                )
            case Faulty(names, error):
                which = ", ".join(".".join(map(str, name)) for name in names[:10])
                self._fault(error, which)

    def _on_wait(self, reason: str) -> None:
        self._say(logging.WARNING, "no AgentX master at %s: %s", self._address, reason)

    def _say(self, level: int, message: str, *what: object) -> None:
        """Log a state once, however often it is tried to leave it."""
        text = message % what
        if text != self._said:
            self._said = text
            _log.log(level, "%s", text)

    def _fault(self, error: Exception, which: str = "a SET") -> None:
        what = "".join(traceback.format_exception(error))
        message = "cannot answer the AgentX master about %s:\n%s"
        self._quiet.log(logging.ERROR, "agentx fault", message, which, what)


def _named(request: Register | AddAgentCaps) -> str:
    oid = request.subtree if isinstance(request, Register) else request.id
    where = f" in context {request.context!r}" if request.context else ""
    return ".".join(map(str, oid)) + where
