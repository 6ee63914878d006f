"""Who may ask the agent: each community over SNMPv1 and SNMPv2c, each user over SNMPv3."""

from __future__ import annotations

import enum
import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from agent.config import Config, Snmp
from agent.errors import AgentError
from agent.snmp.community import Network
from agent.snmp.security import SecurityLevel, SecurityModel
from agent.snmp.usm.users import UserSettings
from agent.snmp.vacm import VacmTables
from datasource.vrf import VrfRules

__all__ = ["Access", "DoctorError", "Scope", "accesses", "refusal"]

_EVERYTHING = "all"
"""The view of the whole tree, which every configuration has."""


class DoctorError(AgentError):
    """The agent cannot be asked at all; the message says why."""


class Scope(enum.Enum):
    """How much the configuration lets somebody read."""

    NOTHING = "nothing"
    PART = "a part"
    ALL = "everything"


@dataclass(frozen=True, slots=True)
class Access:
    """Somebody, over one version of SNMP.

    Attributes:
        title: what to call it; no secret, which the name of a community is.
        version: msgVersion.
        networks: from where it may ask.
        scope: how much it may read.
        community: of versions 0 and 1.
        user: of version 3.
        context: where it asks.
    """

    title: str
    version: Literal[0, 1, 3]
    networks: tuple[Network, ...]
    scope: Scope
    community: bytes = field(default=b"", repr=False)
    user: UserSettings | None = None
    context: str = ""

    def allows(self, host: str) -> bool:
        """Whether it may ask from this address; from none if that is empty."""
        if not host:
            return False
        address = ipaddress.ip_address(host.partition("%")[0])
        return any(address in network for network in self.networks)


def accesses(config: Config) -> Iterator[Access]:
    """Go through everybody; SNMPv1, which cannot read all there is, comes last.

    A user asks in the global context, and in each other one where it may read something.
    """
    snmp = config.snmp
    contexts = VrfRules(config.vrfs).contexts
    yield from _communities(snmp, 1, "v2c", SecurityModel.V2C)
    for user in snmp.users:
        settings = user.settings
        level = SecurityLevel(1 + bool(settings.auth) + bool(settings.priv))
        protocols = ", ".join(filter(None, (settings.auth, settings.priv))) or "no password"
        for context in contexts:
            who = SecurityModel.USM, settings.name.encode(), level, context.encode()
            scope = _scope(snmp.access, *who)
            if scope is Scope.NOTHING and context:
                continue
            yield Access(
                f"v3, user {settings.name!r} ({protocols}){_in(context)}",
                3,
                user.networks,
                scope,
                user=settings,
                context=context,
            )
    yield from _communities(snmp, 0, "v1", SecurityModel.V1)


def _communities(
    snmp: Snmp, version: Literal[0, 1], name: str, model: SecurityModel
) -> Iterator[Access]:
    for number, community in enumerate(snmp.communities, 1):
        who = model, community.security_name, SecurityLevel.NO_AUTH_NO_PRIV, community.context
        context = community.context.decode()
        yield Access(
            f"{name}, snmp.community[{number}]{_in(context)}",
            version,
            community.networks,
            _scope(snmp.access, *who),
            community=community.name,
            context=context,
        )


def _in(context: str) -> str:
    return f", context {context!r}" if context else ""


def _scope(
    tables: VacmTables, model: SecurityModel, name: bytes, level: SecurityLevel, context: bytes
) -> Scope:
    groups = {
        member.group
        for member in tables.members
        if member.model == model and member.security_name == name
    }
    views = {
        entry.read
        for entry in tables.entries
        if entry.group in groups
        and entry.model in (SecurityModel.ANY, model)
        and entry.level <= level
        and entry.is_for(context)
    } - {""}
    if not views:
        return Scope.NOTHING
    return Scope.ALL if views == {_EVERYTHING} else Scope.PART


_ASK = "; does the agent run with this configuration?"

_REFUSALS = {
    "wrongDigest": f"the authentication password is wrong{_ASK}",
    "decryptionError": f"the privacy password is wrong{_ASK}",
    "unknownUserName": f"the agent does not know this user{_ASK}",
    "unsupportedSecurityLevel": f"the agent has this user without the passwords{_ASK}",
    "notInTimeWindow": "the agent does not accept its own clock (usmStatsNotInTimeWindows)",
    "unknownEngineID": "the agent does not accept its own engine ID (usmStatsUnknownEngineIDs)",
}


def refusal(access: Access, reason: str, *, engine_known: bool) -> str:
    """Say in plain words why there is no answer.

    Args:
        access: who asked.
        reason: the errorIndication (RFC 3413 section 4.1).
        engine_known: whether the agent has said which engine of SNMPv3 it is.
    """
    if reason != "requestTimedOut":
        return _REFUSALS.get(reason, f"refused: {reason}")
    if access.version != 3:
        return "no answer: nothing listens there, or the agent has no such community for us"
    if not engine_known:
        return "no answer: nothing listens there, or the agent does not speak SNMPv3"
    return "no answer, though the engine answers: the passwords may be wrong"
