"""pysnmp as the manager: an SNMP engine that shares nothing with the agent's own.

pysnmp takes long to import, so nobody imports this module before an agent is to be asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pysnmp.carrier.asyncio.dgram import udp, udp6
from pysnmp.entity import config
from pysnmp.entity.engine import SnmpEngine
from pysnmp.entity.rfc3413 import cmdgen
from pysnmp.error import PySnmpError
from pysnmp.proto.rfc1902 import Null, OctetString

from agent.doctor.walk import Answer, NoAnswerError, Varbind
from agent.pysnmp_terms import AUTH_PROTOCOLS, PRIV_PROTOCOLS, plain, reason
from agent.snmp.usm.users import Secret, UserSettings
from mibs.smi import Oid

__all__ = ["Engine", "Manager", "Session", "own_address"]

_V3 = 3
"""As msgVersion; 0 is SNMPv1, 1 is SNMPv2c."""
_TARGET = "agent"
_NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Engine:
    """What the agent's SNMP engine says of itself in SNMPv3 messages (RFC 3414 section 2.2)."""

    engine_id: bytes
    boots: int
    time: int


class Manager:
    """One agent's manager. To be made and closed inside of an event loop.

    Args:
        host: the agent's IP address.
        port: its UDP port.
        timeout: seconds to wait for an answer before a question is asked once more.
        retries: how often it is asked once more.
    """

    def __init__(self, host: str, port: int, *, timeout: float = 2.0, retries: int = 1) -> None:
        self._engines: deque[Engine] = deque(maxlen=1)
        self._snmp = SnmpEngine()
        self._snmp.observer.register_observer(self._observe, "rfc3414.processIncomingMsg")
        self._timeout = timeout
        self._retries = retries
        self._sessions = 0
        self._users: set[str] = set()
        if ipaddress.ip_address(host).version == 6:
            self._domain, transport = udp6.DOMAIN_NAME, udp6.Udp6AsyncioTransport()
        else:
            self._domain, transport = udp.DOMAIN_NAME, udp.UdpAsyncioTransport()
        self._address = host, port
        config.add_transport(self._snmp, self._domain, transport.open_client_mode())

    @property
    def engine(self) -> Engine | None:
        """What the last message of SNMPv3 said."""
        return self._engines[-1] if self._engines else None

    def close(self) -> None:
        """Close the socket."""
        self._snmp.close_dispatcher()

    def community(self, name: bytes, version: Literal[0, 1]) -> Session:
        """Return a session of SNMPv1 (0) or SNMPv2c (1)."""
        index = f"community {name.hex()}"
        config.add_v1_system(self._snmp, index, OctetString(name))
        return self._session(index, "noAuthNoPriv", version)

    async def user(self, settings: UserSettings, context: str = "") -> Session:
        """Return a session of SNMPv3 in a context, at the highest level that the user has.

        Raises:
            NoAnswerError: the agent does not say which engine it is.
        """
        if settings.name not in self._users:
            await self._add(settings)
        level = "authPriv" if settings.priv else "authNoPriv" if settings.auth else "noAuthNoPriv"
        return self._session(settings.name, level, _V3, context.encode())

    async def _add(self, settings: UserSettings) -> None:
        engine_id = None
        if any(secret and secret.key for secret in (settings.auth_secret, settings.priv_secret)):
            engine_id = OctetString((await self.discover()).engine_id)
        auth_key, auth_type = _key(settings.auth_secret)
        priv_key, priv_type = _key(settings.priv_secret)
        config.add_v3_user(
            self._snmp,
            settings.name,
            AUTH_PROTOCOLS[settings.auth],
            auth_key,
            PRIV_PROTOCOLS[settings.priv],
            priv_key,
            securityEngineId=engine_id,
            authKeyType=auth_type,
            privKeyType=priv_type,
        )
        self._users.add(settings.name)

    async def discover(self) -> Engine:
        """Ask the agent which engine it is (RFC 3414 section 4).

        Raises:
            NoAnswerError: it does not say.
        """
        if not self._engines:
            config.add_v3_user(self._snmp, _NOBODY)
            nobody = self._session(_NOBODY, "noAuthNoPriv", _V3)
            # A user that there is not gets no answer, but for reports, which name the engine.
            with contextlib.suppress(NoAnswerError):
                await nobody.get([(1, 3)])
            config.delete_v3_user(self._snmp, _NOBODY)
        if not self._engines:
            raise NoAnswerError("requestTimedOut")
        return self._engines[-1]

    def _session(
        self, security_name: str, level: str, version: int, context: bytes = b""
    ) -> Session:
        self._sessions += 1
        target = f"{_TARGET} {self._sessions}"
        config.add_target_parameters(self._snmp, target, security_name, level, version)
        config.add_target_address(
            self._snmp,
            target,
            self._domain,
            self._address,
            target,
            self._timeout * 100,
            self._retries,
        )
        return Session(self._snmp, target, version, context)

    def _observe(self, _snmp: Any, _point: str, facts: Mapping[str, Any], _context: Any) -> None:
        self._engines.append(
            Engine(
                bytes(facts["securityEngineId"]),
                int(facts["snmpEngineBoots"]),
                int(facts["snmpEngineTime"]),
            )
        )


def _key(secret: Secret | None) -> tuple[bytes | None, int]:
    if secret is None:
        return None, config.USM_KEY_TYPE_PASSPHRASE
    if secret.key:
        return secret.key, config.USM_KEY_TYPE_LOCALIZED
    return secret.passphrase.encode(), config.USM_KEY_TYPE_PASSPHRASE


class Session:
    """Asks one agent over one version, with one community or as one user.

    Attributes:
        slowest: seconds of the answer that took longest.
    """

    def __init__(self, snmp: SnmpEngine, target: str, version: int, context: bytes) -> None:
        self.slowest = 0.0
        self._snmp = snmp
        self._target = target
        self._version = version
        self._context = context

    async def get(self, names: Sequence[Oid]) -> Answer:
        """Ask for these instances.

        Raises:
            NoAnswerError: there is no answer.
        """
        return await self._ask(cmdgen.GetCommandGenerator(), names)

    async def following(self, names: Sequence[Oid], repetitions: int) -> Answer:
        """Ask for what follows these names: by GETBULK, and in SNMPv1 by GETNEXT, which gives one.

        Raises:
            NoAnswerError: there is no answer.
        """
        if self._version:
            return await self._ask(cmdgen.BulkCommandGeneratorSingleRun(), names, 0, repetitions)
        return await self._ask(cmdgen.NextCommandGeneratorSingleRun(), names)

    async def _ask(self, generator: Any, names: Sequence[Oid], *numbers: int) -> Answer:
        future = asyncio.get_running_loop().create_future()

        def done(_snmp: Any, _handle: Any, *outcome: Any) -> None:
            if not future.done():
                future.set_result(outcome)

        began = time.perf_counter()
        try:
            generator.send_varbinds(
                self._snmp,
                self._target,
                None,
                self._context,
                *numbers,
                [(name, Null("")) for name in names],
                done,
            )
        except PySnmpError as error:
            raise NoAnswerError(str(error)) from None
        indication, status, index, varbinds, _ = await future
        self.slowest = max(self.slowest, time.perf_counter() - began)
        if indication:
            raise NoAnswerError(reason(indication))
        return Answer(
            int(status),
            int(index),
            [Varbind(tuple(name), *plain(value)) for name, value in varbinds],
        )


def own_address(host: str, port: int) -> str:
    """Return the address of this machine that the agent sees; empty if there is no way to it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((host, port))
        except OSError:
            return ""
        address: str = probe.getsockname()[0]
        return address
