"""``[snmp]``: the engine, communities, users, access and identity."""

from __future__ import annotations

import ipaddress
import itertools
from collections.abc import Sequence

from agent.config.access import (
    Grant,
    access_tables,
    parse_entries,
    parse_grant,
    parse_views,
    warnings,
)
from agent.config.endpoint import parse_endpoint
from agent.config.model import Identity, ListenAddress, Snmp, UserConfig
from agent.config.oid import parse_object_id
from agent.config.section import Section
from agent.config.users import highest_level, parse_settings, weaknesses
from agent.config.vrf import existing_context
from agent.snmp.community import Community, Network
from agent.snmp.security import SecurityModel
from agent.state import parse_engine_id

__all__ = ["parse_listen", "parse_snmp"]

_LOOPBACK = ("127.0.0.0/8", "::1/128")
_EVERYWHERE = ("0.0.0.0/0", "::/0")


def parse_listen(text: str) -> ListenAddress:
    """Read ``udp:HOST:PORT``, with an IPv6 address in brackets.

    Raises:
        ValueError: the text is not of that form.
    """
    transport, _, rest = text.partition(":")
    if transport != "udp" or not rest.rpartition(":")[0]:
        raise ValueError(f"{text!r} is not of the form udp:HOST:PORT")
    return ListenAddress(*parse_endpoint(text, rest), text)


def parse_snmp(section: Section, contexts: Sequence[str]) -> tuple[Snmp, tuple[str, ...]]:
    """Read all of ``[snmp]``; the second value are the warnings.

    Args:
        section: its table.
        contexts: those that there are, the global one among them.

    Raises:
        ConfigError: a key is wrong, or two contradict each other.
    """
    listen = tuple(
        section.parsed("listen", text, parse_listen)
        for text in section.texts("listen", ["udp:127.0.0.1:1161"], least=0)
    )
    subtrees = parse_views(section.sections("view"))
    entry_sections = section.sections("access")
    entries = parse_entries(entry_sections, subtrees)
    community_sections = section.sections("community")
    user_sections = section.sections("user")
    if not community_sections and not user_sections:
        community_sections = [Section("the default", "snmp.community[1]", {"name": "public"})]
    communities, community_grants = _communities(community_sections, contexts)
    users, user_grants, weak = _users(user_sections)
    grants = (*community_grants, *user_grants)
    access = access_tables(grants, entries, subtrees)
    snmp = Snmp(
        listen,
        communities,
        access,
        section.number("max_message_size", 65507, 484, 65507),
        section.number("max_repetitions", 1000, 1, 100_000),
        section.number("failures_per_second", 50, 1, 100_000),
        _engine_id(section),
        users,
        _identity(section.section("identity")),
    )
    section.close()
    return snmp, (*weak, *warnings(grants, access, entry_sections))


def _engine_id(section: Section) -> bytes | None:
    text = section.text("engine_id", "")
    return section.parsed("engine_id", text, parse_engine_id) if text else None


def _communities(
    sections: Sequence[Section], contexts: Sequence[str]
) -> tuple[tuple[Community, ...], tuple[Grant, ...]]:
    communities: list[Community] = []
    grants: list[Grant] = []
    for number, section in enumerate(sections, 1):
        # The name of a community is a secret. This one may be logged (RFC 3584 section 5.2.2).
        security_name = b"community-%d" % number
        community = Community(
            section.name("name", longest=255).encode(),
            _networks(section, _LOOPBACK),
            security_name,
            existing_context(section, "context", section.text("context", ""), contexts),
        )
        grant = parse_grant(section, (SecurityModel.V1, SecurityModel.V2C), security_name)
        section.close()
        for other, other_grant in zip(communities, grants, strict=True):
            if (
                other.name == community.name
                and (other.context, *other_grant.terms) != (community.context, *grant.terms)
                and _overlap(other.networks, community.networks)
            ):
                raise section.fail(
                    "name",
                    f"is that of {other_grant.section.path} too, from the same addresses, but with"
                    " other access or another context",
                )
        communities.append(community)
        grants.append(grant)
    return tuple(communities), tuple(grants)


def _overlap(some: Sequence[Network], others: Sequence[Network]) -> bool:
    return any(
        one.version == other.version and one.overlaps(other)
        for one, other in itertools.product(some, others)
    )


def _users(
    sections: Sequence[Section],
) -> tuple[tuple[UserConfig, ...], tuple[Grant, ...], tuple[str, ...]]:
    users: list[UserConfig] = []
    grants: list[Grant] = []
    weak: list[str] = []
    for section in sections:
        settings = parse_settings(section)
        if any(user.settings.name == settings.name for user in users):
            raise section.fail("name", f"there is a user {settings.name!r} already")
        users.append(UserConfig(settings, _networks(section, _EVERYWHERE)))
        weak += weaknesses(section, settings)
        grants.append(
            parse_grant(
                section, (SecurityModel.USM,), settings.name.encode(), highest_level(settings)
            )
        )
        section.close()
    return tuple(users), tuple(grants), tuple(weak)


def _networks(section: Section, default: Sequence[str]) -> tuple[Network, ...]:
    return tuple(
        section.parsed("from", text, ipaddress.ip_network)
        for text in section.texts("from", default)
    )


def _identity(section: Section) -> Identity:
    object_id = section.text("sys_object_id", "")
    identity = Identity(
        preset=section.choice("preset", "flowmib", "cisco-asa", "cisco-ios"),
        sys_descr=section.text("sys_descr", ""),
        sys_object_id=(
            section.parsed("sys_object_id", object_id, parse_object_id) if object_id else ()
        ),
        sys_name=section.text("sys_name", ""),
        sys_contact=section.text("sys_contact", ""),
        sys_location=section.text("sys_location", ""),
    )
    section.close()
    return identity
