"""What swanctl.conf says of a connection and list-conns does not: above all its proposals.

The file is what the daemon will be told, not what it was told. So it is believed of a connection
only where it agrees with all that list-conns says of it (:func:`agrees`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from datasource.configuration import TransformSet
from datasource.errors import DataSourceError
from datasource.model import Proposal
from datasource.strongswan.default_proposals import DEFAULT_AH, DEFAULT_ESP
from datasource.strongswan.fields import section, subsections, text, texts
from datasource.strongswan.packet import Message
from datasource.strongswan.proposals import ProposalError, parse_offer
from datasource.strongswan.settings import Files, Section, parse_settings

__all__ = ["Declared", "DeclaredChild", "agrees", "read_swanctl_conf"]

_KEYS = (
    "version", "local_addrs", "remote_addrs", "proposals", "auth", "esp_proposals", "ah_proposals",
    "rekey_time", "life_time",
)  # fmt: skip
# Pools have secrets of their own: those of a RADIUS server, for one.
_PASSED_OVER = ("secrets", "authorities", "pools")

_ANY = ("%any",)
_VERSIONS = {"0": "IKEv1/2", "1": "IKEv1", "2": "IKEv2"}
_CLASSES = {
    "psk": "pre-shared key",
    "pubkey": "public key",
    "rsa": "public key",
    "ecdsa": "public key",
    "bliss": "public key",
    "ike": "public key",
    "eap": "EAP",
    "xauth": "XAuth",
    "any": "any",
}
_TIME = re.compile(r"(0[xX][0-9A-Fa-f]+|[0-9]+) *([sSmMhHdD]?)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}

_Problem = Callable[[DataSourceError], None]


class _DeclarationError(DataSourceError):
    """The file says of a connection what charon would not load."""


@dataclass(frozen=True, slots=True)
class DeclaredChild:
    """What the file says of a child."""

    transforms: tuple[TransformSet, ...] | None = None
    """Those of its own; None where one of them is not understood."""
    uses_defaults: bool = False
    rekey_time: int | None = None
    """Seconds; None where the file says nothing, 0 where it says never. So is the other."""
    life_time: int | None = None


@dataclass(frozen=True, slots=True)
class Declared:
    """What the file says of a connection."""

    version: str
    """As list-conns prints it; so are the others down to the names of the children."""
    local_addrs: tuple[str, ...]
    remote_addrs: tuple[str, ...]
    local_classes: tuple[str, ...]
    """Sorted; so are the peer's."""
    remote_classes: tuple[str, ...]
    children: Mapping[str, DeclaredChild]
    proposals: tuple[Proposal, ...] | None = None
    """Those of its own; None where one of them is not understood."""
    uses_defaults: bool = False


def read_swanctl_conf(path: str, files: Files, on_problem: _Problem) -> Mapping[str, Declared]:
    """Read what the file, and those that it includes, say of connections.

    A connection that is not understood is left out, and ``on_problem`` is told.

    Raises:
        SettingsError: a file cannot be read or is malformed.
    """
    settings = parse_settings(path, files, keys=_KEYS, passed_over=_PASSED_OVER)
    found = {}
    for name, connection in settings.section("connections").sections():
        try:
            found[name] = _declared(name, connection, on_problem)
        except _DeclarationError as error:
            on_problem(_DeclarationError(f"{path}: connection {name}: {error}"))
    return found


def agrees(declared: Declared, fields: Message) -> bool:
    """Whether the file and list-conns tell of the same connection.

    Raises:
        ConvertError: the connection of list-conns is malformed.
    """
    return (
        declared.version == text(fields, "version", "")
        and declared.local_addrs == texts(fields, "local_addrs")
        and declared.remote_addrs == texts(fields, "remote_addrs")
        and declared.local_classes == _classes(fields, "local-")
        and declared.remote_classes == _classes(fields, "remote-")
        and declared.children.keys() == section(fields, "children").keys()
    )


def _classes(fields: Message, prefix: str) -> tuple[str, ...]:
    return tuple(
        sorted(
            text(round_, "class", "any")
            for name, round_ in subsections(fields)
            if name.startswith(prefix)
        )
    )


def _declared(name: str, connection: Section, on_problem: _Problem) -> Declared:
    def not_known(error: ProposalError) -> None:
        on_problem(_DeclarationError(f"connection {name}: {error}"))

    version = connection.get("version") or "0"
    if version not in _VERSIONS:
        raise _DeclarationError("its version is neither 0, 1 nor 2")
    rounds = [(kind, round_.get("auth")) for kind, round_ in connection.sections()]
    proposals, uses_defaults = _ike_proposals(connection.get("proposals"), not_known)
    return Declared(
        version=_VERSIONS[version],
        local_addrs=_items(connection.get("local_addrs")) or _ANY,
        remote_addrs=_items(connection.get("remote_addrs")) or _ANY,
        local_classes=_declared_classes(rounds, "local"),
        remote_classes=_declared_classes(rounds, "remote"),
        children={
            child: _declared_child(f"{name}.{child}", config, not_known)
            for child, config in connection.section("children").sections()
        },
        proposals=proposals,
        uses_defaults=uses_defaults,
    )


def _declared_child(
    name: str, child: Section, not_known: Callable[[ProposalError], None]
) -> DeclaredChild:
    transforms, uses_defaults = _transforms(name, child, not_known)
    return DeclaredChild(
        transforms,
        uses_defaults,
        rekey_time=_time(child.get("rekey_time")),
        life_time=_time(child.get("life_time")),
    )


def _ike_proposals(
    value: str | None, not_known: Callable[[ProposalError], None]
) -> tuple[tuple[Proposal, ...] | None, bool]:
    words = _items(value) or ("default",)
    found: dict[Proposal, None] = {}
    try:
        for word in words:
            if word.lower() != "default":
                found.update(dict.fromkeys(parse_offer(word, "IKE").expanded()))
    except ProposalError as error:
        not_known(error)
        return None, False
    return tuple(found), any(word.lower() == "default" for word in words)


def _transforms(
    name: str, child: Section, not_known: Callable[[ProposalError], None]
) -> tuple[tuple[TransformSet, ...] | None, bool]:
    esp, ah = _items(child.get("esp_proposals")), _items(child.get("ah_proposals"))
    if not esp and not ah:
        return (), True
    found: dict[tuple[str, Proposal], None] = {}
    uses_defaults = False
    try:
        for protocol, words, default in (("ESP", esp, DEFAULT_ESP[::-1]), ("AH", ah, DEFAULT_AH)):
            for word in words:
                is_default = word.lower() == "default"
                uses_defaults = uses_defaults or (is_default and protocol == "ESP")
                for offer in default if is_default else (parse_offer(word, protocol),):
                    found.update({(protocol, one): None for one in offer.expanded()})
    except ProposalError as error:
        not_known(error)
        return None, False
    if uses_defaults and len(esp) == 1 and not ah:
        return (), True
    transforms = (
        TransformSet(f"{name}_{number}", proposal, protocol)
        for number, (protocol, proposal) in enumerate(found, 1)
    )
    return tuple(transforms), uses_defaults


def _declared_classes(rounds: list[tuple[str, str | None]], prefix: str) -> tuple[str, ...]:
    return tuple(sorted(_class_of(auth) for name, auth in rounds if name.startswith(prefix)))


def _class_of(auth: str | None) -> str:
    if auth is None:
        return "any"
    word = re.split(r"[-:]", auth, maxsplit=1)[0].lower()
    if word not in _CLASSES:
        raise _DeclarationError("a way to authenticate that is not known")
    return _CLASSES[word]


def _items(value: str | None) -> tuple[str, ...]:
    return tuple(_split(value or ""))


def _split(value: str) -> Iterator[str]:
    for item in value.split(","):
        if item := item.strip(" "):
            yield item


def _time(value: str | None) -> int | None:
    if value is None:
        return None
    match = _TIME.fullmatch(value)
    if match is None:
        raise _DeclarationError("a time that is none")
    return int(match[1], 0 if match[1][:2].lower() == "0x" else 10) * _SECONDS[match[2].lower()]
