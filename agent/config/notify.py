"""``[notify]``: which notifications there are to be, and who gets them."""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Iterator, Sequence

from agent.config.access import ALL, LEVELS, existing_view, own_group
from agent.config.model import ListenAddress, Notify, Snmp
from agent.config.section import Section
from agent.config.snmp import parse_listen
from agent.config.users import highest_level
from agent.config.vrf import existing_context
from agent.notify.names import EVERYTHING, parse_name
from agent.notify.target import Target
from agent.snmp.security import SecurityLevel, SecurityModel
from agent.snmp.usm.users import UserSettings
from agent.snmp.vacm import AccessEntry, GroupMember, VacmTables

__all__ = ["parse_notify"]

_MODELS = {"1": SecurityModel.V1, "2c": SecurityModel.V2C, "3": SecurityModel.USM}
_OF_COMMUNITIES = ("community", "view")
_OF_USERS = ("user", "level")
_OF_INFORMS = ("timeout", "retries")


def parse_notify(
    section: Section, snmp: Snmp, contexts: Sequence[str]
) -> tuple[Notify, VacmTables, tuple[str, ...]]:
    """Read all of ``[notify]``.

    Args:
        section: ``[notify]``.
        snmp: has the users and views that targets name.
        contexts: those that there are, the global one among them.

    Returns:
        What it says, the tables of access with the targets in them, and the warnings.

    Raises:
        ConfigError: a key is wrong, or two contradict each other.
    """
    enabled = _names(section, "enable", ["snmp coldstart"], least=0)
    extra_objects = section.flag("extra_objects", default=True)
    targets: list[Target] = []
    tables = snmp.access
    warnings: list[str] = []
    for number, item in enumerate(section.sections("target"), 1):
        # As with other communities: this name may be logged.
        target = _target(item, snmp, b"notify-target-%d" % number, contexts)
        for other, known in enumerate(targets, 1):
            if known.way == target.way:
                raise item.fail(
                    "address",
                    f"{target.text!r} is told the same way by {section.key('target')}[{other}];"
                    " one of the two can have all in send",
                )
        if target.user:
            warnings += _without_view(item, target, tables)
        else:
            tables = _granted(item, target, tables)
        item.close()
        targets.append(target)
    section.close()
    return Notify(enabled, tuple(targets), extra_objects), tables, tuple(warnings)


def _names(
    section: Section, key: str, default: Sequence[str] | None = None, *, least: int = 1
) -> frozenset[str]:
    names = (
        section.parsed(key, text, parse_name) for text in section.texts(key, default, least=least)
    )
    return frozenset().union(*names)


def _target(section: Section, snmp: Snmp, security_name: bytes, contexts: Sequence[str]) -> Target:
    address = section.parsed("address", section.text("address"), _parse_receiver)
    version = section.choice("version", "2c", "1", "3")
    inform = section.flag("inform", default=False)
    if inform and version == "1":
        raise section.fail("inform", 'version is "1", which has none; "2c" and "3" have')
    _refuse(section, _OF_COMMUNITIES if version == "3" else _OF_USERS, f'version is "{version}"')
    if not inform:
        _refuse(section, _OF_INFORMS, "inform is false")
    if version != "1":
        _refuse(section, ("agent_address",), f'version is "{version}"')
    target = Target(
        address.text,
        address.host,
        address.port,
        _MODELS[version],
        security_name,
        inform=inform,
        timeout=section.seconds("timeout", 5.0, 0.1, 300.0),
        retries=section.number("retries", 3, 0, 20),
        send=_names(section, "send") if "send" in section else EVERYTHING,
        contexts=_contexts(section, contexts),
        queue=section.number("queue", 20_000, 1, 100_000),
        rate=section.number("rate", 2_500, 1, 100_000),
        source=_source(section, address),
        agent_address=_agent_address(section),
    )
    if version != "3":
        community = section.name("community", longest=255).encode()
        return dataclasses.replace(target, community=community)
    user, level = _user(section, snmp, inform=inform)
    return dataclasses.replace(target, security_name=user.name.encode(), user=user, level=level)


def _contexts(section: Section, known: Sequence[str]) -> frozenset[bytes] | None:
    if "contexts" not in section:
        return None
    return frozenset(
        existing_context(section, "contexts", name, known) for name in section.texts("contexts")
    )


def _refuse(section: Section, keys: Sequence[str], because: str) -> None:
    for key in keys:
        if key in section:
            raise section.fail(key, f"is there, but {because}")


def _parse_receiver(text: str) -> ListenAddress:
    address = parse_listen(text)
    if ipaddress.ip_address(address.host).is_unspecified:
        raise ValueError(f"{text!r} is the address of nobody")
    return address


def _source(section: Section, address: ListenAddress) -> str:
    text = section.text("source", "")
    if not text:
        return ""
    source = section.parsed("source", text, ipaddress.ip_address)
    if source.version != ipaddress.ip_address(address.host).version:
        raise section.fail("source", f"from {text!r} nothing can be sent to {address.host!r}")
    return str(source)


def _agent_address(section: Section) -> str:
    text = section.text("agent_address", "")
    return str(section.parsed("agent_address", text, ipaddress.IPv4Address)) if text else ""


def _user(section: Section, snmp: Snmp, *, inform: bool) -> tuple[UserSettings, SecurityLevel]:
    """Return the user, without secrets that the level has no use for, and the level."""
    name = section.name("user")
    users = {user.settings.name: user.settings for user in snmp.users}
    if name not in users:
        known = f"there are {', '.join(users)}" if users else "there is none at all"
        raise section.fail("user", f"there is no [[snmp.user]] {name!r}; {known}")
    settings = users[name]
    highest = highest_level(settings)
    level = LEVELS[section.choice("level", *(name for name in LEVELS if LEVELS[name] <= highest))]
    if level < SecurityLevel.AUTH_PRIV:
        settings = dataclasses.replace(settings, priv=None, priv_secret=None)
    if level < SecurityLevel.AUTH_NO_PRIV:
        settings = dataclasses.replace(settings, auth=None, auth_secret=None)
    secrets = settings.auth_secret, settings.priv_secret
    if inform and any(secret and secret.key for secret in secrets):
        raise section.fail(
            "inform",
            f"the user {name!r} has a localised key, which is good for this agent only; an inform"
            " needs one for its receiver, which flowmib makes of a passphrase",
        )
    return settings, level


def _granted(section: Section, target: Target, tables: VacmTables) -> VacmTables:
    """Return the tables with a group and an entry of its own for a target with a community."""
    views = {subtree.view for subtree in tables.subtrees}
    view = existing_view(section, "view", views, ALL)
    group = own_group(section)
    return VacmTables(
        (*tables.members, GroupMember(target.model, target.security_name, group)),
        (*tables.entries, AccessEntry(group, target.model, target.level, prefix=True, notify=view)),
        tables.subtrees,
    )


def _without_view(section: Section, target: Target, tables: VacmTables) -> Iterator[str]:
    """Say that a user is told nothing, because no access entry says of what."""
    groups = [
        member.group
        for member in tables.members
        if (member.model, member.security_name) == (target.model, target.security_name)
    ]
    if not any(
        entry.notify
        and entry.group in groups
        and entry.model in (SecurityModel.ANY, target.model)
        and entry.level <= target.level
        for entry in tables.entries
    ):
        yield (
            f"{section.key('user')}: no [[snmp.access]] has a notify view for"
            f" {target.security_name.decode()!r} at this level, so nothing is sent"
        )
