"""Reads the fields of a VICI section: text, numbers, addresses, selectors, algorithms.

Each function raises :class:`ConvertError` and nothing else.
"""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Iterator, Mapping
from typing import cast

from datasource.errors import DataSourceError
from datasource.model import Identity, IpAddress, Proposal, TrafficSelector
from datasource.strongswan.packet import Message
from datasource.strongswan.selector import parse_selector

__all__ = [
    "ConvertError",
    "address",
    "identity",
    "known_address",
    "known_identity",
    "number",
    "proposal",
    "section",
    "selectors",
    "subsections",
    "text",
    "texts",
]


class ConvertError(DataSourceError):
    """A field of an SA or of a connection is missing or is not what it should be."""

    def __init__(self, field: str, value: object, owner: str = "") -> None:
        self.owner = owner
        self.field = field
        self.value = value
        super().__init__(f"{owner or 'message'}: {field}={value!r}")

    def of(self, owner: str) -> ConvertError:
        """Return this error with the SA or connection named, unless it is already."""
        return self if self.owner else ConvertError(self.field, self.value, owner)


def text(fields: Message, name: str, default: str | None = None) -> str:
    """Return a field's text.

    Raises:
        ConvertError: it is not a value, or it is missing and there is no default.
    """
    value = fields.get(name)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if value is None and default is not None:
        return default
    raise ConvertError(name, value)


def texts(fields: Message, name: str) -> tuple[str, ...]:
    """Return a list of texts, empty when there is none of that name.

    Raises:
        ConvertError: it is no list.
    """
    value = fields.get(name, [])
    if not isinstance(value, list):
        raise ConvertError(name, value)
    return tuple(item.decode("utf-8", "replace") for item in value)


def number(fields: Message, name: str, default: int | None = None, base: int = 10) -> int:
    """Return a field's number.

    Raises:
        ConvertError: it is not one, or it is missing and there is no default.
    """
    value = fields.get(name)
    if value is None and default is not None:
        return default
    try:
        # int() refuses None, lists and sections by itself, at no cost to what is right.
        return int(cast("bytes", value), base)
    except (TypeError, ValueError) as error:
        raise ConvertError(name, value) from error


def section(fields: Message, name: str) -> Message:
    """Return a section, empty when there is none of that name.

    Raises:
        ConvertError: it is something else.
    """
    value = fields.get(name, {})
    if isinstance(value, Mapping):
        return value
    raise ConvertError(name, value)


def subsections(message: Message) -> Iterator[tuple[str, Message]]:
    """Give the entries that are sections: in an event, that of the connection."""
    for name, value in message.items():
        if isinstance(value, Mapping):
            yield name, value


def address(fields: Message, name: str) -> IpAddress:
    """Return an address field."""
    host = text(fields, name)
    try:
        return ipaddress.ip_address(host.partition("%")[0])  # a link-local address names its link
    except ValueError as error:
        raise ConvertError(name, host) from error


def identity(fields: Message, name: str) -> Identity | None:
    """Return an identity, None where there is none of that name or it stands for several.

    Raises:
        ConvertError: it is not a value.
    """
    return known_identity(text(fields, name, ""))


def known_identity(text: str) -> Identity | None:
    """Return the identity that a text is, None where it is empty or a pattern."""
    return Identity.parse(text) if text and text != "%any" and "*" not in text else None


def known_address(text: str) -> IpAddress | None:
    """Return the address that a text is, None where it is none or stands for any."""
    with contextlib.suppress(ValueError):
        found = ipaddress.ip_address(text.partition("%")[0])
        return None if found.is_unspecified else found
    return None


def selectors(fields: Message, name: str) -> tuple[TrafficSelector, ...]:
    """Return a list of traffic selectors, empty when there is none of that name."""
    try:
        return tuple(parse_selector(item) for item in texts(fields, name))
    except ValueError as error:
        raise ConvertError(name, fields.get(name)) from error


def proposal(fields: Message) -> Proposal:
    """Return the algorithms of an SA."""
    return Proposal(
        encryption=text(fields, "encr-alg", ""),
        key_bits=number(fields, "encr-keysize", 0),
        integrity=text(fields, "integ-alg", ""),
        prf=text(fields, "prf-alg", ""),
        group=text(fields, "dh-group", ""),
    )
