"""pysnmp as the receiver of notifications, without a socket: datagrams go in, answers come out.

pysnmp takes long to import, so nobody imports this module before notifications are to be received.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, NamedTuple

from pysnmp.carrier.base import AbstractTransportDispatcher
from pysnmp.entity import config
from pysnmp.entity.engine import SnmpEngine
from pysnmp.entity.rfc3413.ntfrcv import NotificationReceiver
from pysnmp.proto import rfc3411
from pysnmp.proto.api import v1
from pysnmp.proto.rfc1902 import OctetString
from pysnmp.proto.secmod.cache import Cache

from agent.pysnmp_terms import AUTH_PROTOCOLS, PRIV_PROTOCOLS, plain, reason
from agent.snmp.usm.protocols import AUTH_PROTOCOLS as HASHES
from agent.snmp.usm.protocols import password_to_key
from agent.snmp.usm.users import Secret, UserSettings
from agent.traps.admission import has_localized_keys
from agent.traps.notification import TrapV1, Varbind

__all__ = ["Outcome", "Pdu", "Receiver"]

_DOMAIN = (1, 3, 6, 1, 6, 1, 1)
"""snmpUDPDomain, whatever the socket is: answers go back by the socket that has the question."""
_COMMUNITY = OctetString(b"any")
_REQUEST = "rfc3412.receiveMessage:request"
_FAILURES = (
    "rfc2576.prepareDataElements:sm-failure",
    "rfc3412.prepareDataElements:sm-failure",
)
_ADDED_TO_V1 = slice(2, 5)
"""snmpTrapAddress.0, snmpTrapCommunity.0, snmpTrapEnterprise.0 (RFC 3584 section 3.1)."""


class Pdu(NamedTuple):
    """A notification in the form of SNMPv2."""

    kind: Literal["trap", "inform"]
    varbinds: Sequence[Varbind]
    context: str
    v1: TrapV1 | None


class Outcome(NamedTuple):
    """What came of a datagram."""

    answer: bytes | None
    pdu: Pdu | None
    """None if it was no notification, or not authentic."""
    reason: str
    """Why there is none, such as ``authenticationFailure``; empty if pysnmp does not tell."""


class _Key(NamedTuple):
    value: bytes | None
    type: int


class Receiver:
    """An SNMP engine of pysnmp with one application, which receives notifications.

    Args:
        engine_id: its engine ID.
        users: who may send. Informs of a user with localised keys cannot be checked: they are for
            another engine.
        max_known: pairs of a user and an engine that are known at a time, beside our own.
    """

    def __init__(
        self, engine_id: bytes, users: Iterable[UserSettings] = (), *, max_known: int = 256
    ) -> None:
        self._outgoing = _Outgoing()
        self._outgoing.set_timer_resolution(1.0)
        self._snmp = SnmpEngine()
        self._take_engine_id(engine_id)
        self._snmp.register_transport_dispatcher(self._outgoing)
        # Whoever comes with any community, is let in; the answer has the community that came.
        config.add_v1_system(self._snmp, "any", _COMMUNITY)
        observer = self._snmp.observer
        observer.register_observer(_let_in, "rfc2576.processIncomingMsg:writable")
        observer.register_observer(self._fail, *_FAILURES)
        _Application(self._snmp, self._take, self._give_up)
        self._keys: dict[str, tuple[_Key, _Key]] = {}
        self._known: OrderedDict[tuple[str, bytes], None] = OrderedDict()
        self._max_known = max_known
        self._pdu: Pdu | None = None
        self._reason = ""
        for user in users:
            self._keys[user.name] = (
                _key(user, user.auth_secret),
                _key(user, user.priv_secret),
            )
            if not has_localized_keys(user):
                self._add(user, engine_id)

    def know(self, user: UserSettings, engine_id: bytes) -> None:
        """Have pysnmp know one of the users at the engine of a message that is about to come."""
        pair = user.name, engine_id
        if pair in self._known:
            self._known.move_to_end(pair)
            return
        if len(self._known) >= self._max_known:
            (name, forgotten), _ = self._known.popitem(last=False)
            config.delete_v3_user(self._snmp, _octets(name), OctetString(forgotten))
        self._add(user, engine_id)
        self._known[pair] = None

    def receive(self, data: bytes, host: str) -> Outcome:
        """Take a datagram. Nothing that it may be is an error."""
        self._outgoing.sent.clear()
        self._pdu, self._reason = None, ""
        dispatcher = self._snmp.message_dispatcher
        try:
            dispatcher.receive_message(self._snmp, _DOMAIN, (host, 0), data)
        except Exception as error:  # noqa: BLE001 - what it can be, pysnmp does not say either
            self._give_up(error)
        if self._pdu is None:
            # Nothing goes on between two datagrams: what is left of one would be kept for ever.
            for model in self._snmp.security_models.values():
                model._cache = Cache()  # noqa: SLF001
        return Outcome(next(iter(self._outgoing.sent), None), self._pdu, self._reason)

    def tick(self, now: float) -> None:
        """Let pysnmp forget what has expired; to be called every second, with its number."""
        self._outgoing.handle_timer_tick(now)

    def _take_engine_id(self, engine_id: bytes) -> None:
        # As an argument of SnmpEngine, it would leave a file in the directory of temporary files.
        (own,) = self._snmp.get_mib_builder().import_symbols("__SNMP-FRAMEWORK-MIB", "snmpEngineID")
        own.syntax = self._snmp.snmpEngineID = own.syntax.clone(engine_id)

    def _add(self, user: UserSettings, engine_id: bytes) -> None:
        auth, priv = self._keys[user.name]
        config.add_v3_user(
            self._snmp,
            _octets(user.name),
            AUTH_PROTOCOLS[user.auth],
            auth.value,
            PRIV_PROTOCOLS[user.priv],
            priv.value,
            securityEngineId=OctetString(engine_id),
            authKeyType=auth.type,
            privKeyType=priv.type,
        )

    def _take(
        self, snmp: Any, _state: Any, _engine: Any, context: Any, varbinds: Any, _mine: Any
    ) -> None:
        pdu = snmp.observer.get_execution_context(_REQUEST)["pdu"]
        found = [(tuple(name), *plain(value)) for name, value in varbinds]
        trap_v1 = None
        if pdu.tagSet == v1.TrapPDU.tagSet:
            del found[_ADDED_TO_V1]
            trap_v1 = TrapV1(
                tuple(v1.apiTrapPDU.get_enterprise(pdu)),
                v1.apiTrapPDU.get_agent_address(pdu).prettyPrint(),
                int(v1.apiTrapPDU.get_generic_trap(pdu)),
                int(v1.apiTrapPDU.get_specific_trap(pdu)),
            )
        self._pdu = Pdu(
            "inform" if pdu.tagSet in rfc3411.CONFIRMED_CLASS_PDUS else "trap",
            found,
            bytes(context).decode(errors="backslashreplace"),
            trap_v1,
        )

    def _give_up(self, error: Exception) -> None:
        # It may have been answered already, and is lost all the same.
        self._outgoing.sent.clear()
        self._reason = f"pysnmp cannot read it: {type(error).__name__}"

    def _fail(self, _snmp: Any, _point: str, facts: Any, _mine: Any) -> None:
        self._reason = reason(facts["statusInformation"]["errorIndication"])


class _Application(NotificationReceiver):  # type: ignore[misc]
    """Keeps faults to itself: pysnmp would remember for ever where a PDU with one came from."""

    def __init__(self, snmp: Any, take: Any, give_up: Callable[[Exception], None]) -> None:
        self._give_up = give_up
        super().__init__(snmp, take)

    def process_pdu(self, *arguments: Any) -> None:
        try:
            super().process_pdu(*arguments)
        except Exception as error:  # noqa: BLE001 - as above
            self._give_up(error)


class _Outgoing(AbstractTransportDispatcher):  # type: ignore[misc]
    """Stands where pysnmp has its sockets, and keeps what it sends."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []

    def send_message(self, message: Any, _domain: Any, _address: Any) -> None:
        self.sent.append(bytes(message))


def _let_in(_snmp: Any, _point: str, facts: Any, _mine: Any) -> None:
    facts["communityName"] = _COMMUNITY


def _octets(name: str) -> Any:
    return OctetString(name.encode())


def _key(user: UserSettings, secret: Secret | None) -> _Key:
    """Return a secret as pysnmp wants it, hashed once for all engines."""
    if secret is None or user.auth is None:
        return _Key(None, config.USM_KEY_TYPE_PASSPHRASE)
    if secret.key:
        return _Key(secret.key, config.USM_KEY_TYPE_LOCALIZED)
    hashed = password_to_key(HASHES[user.auth], secret.passphrase.encode())
    return _Key(hashed, config.USM_KEY_TYPE_MASTER)
