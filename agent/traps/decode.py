"""Objects of a notification by the names and types of the MIBs, for people and for programs.

Whatever was sent, there is something to show: an index that is not of the form of the INDEX clause
is shown in numbers, a value that is not of the declared type with the type that it has, and an
object of no known MIB in both ways. What would command a terminal is shown in hexadecimal digits.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from mibs import ber
from mibs.names import TYPES, IndexPart, Names
from mibs.smi import ObjectType, Oid

__all__ = ["DecodedObject", "Decoder", "Value", "dotted", "duration"]

Value: TypeAlias = int | bytes | Oid

_TEXTS = frozenset({"DisplayString", "SnmpAdminString"})
_ADDRESSES = frozenset({"IPSIpAddress"})
"""4 or 16 octets in network order."""
_DURATIONS = frozenset({"TimeInterval"})
"""Hundredths of a second, as TimeTicks are (RFC 2579)."""
_DAY = 24 * 60 * 60 * 100
_ESCAPED = str.maketrans({"\t": r"\t", "\n": r"\n", "\r": r"\r"})


@dataclass(frozen=True, slots=True)
class DecodedObject:
    """An instance and its value."""

    oid: Oid
    """The whole of it, with the instance."""
    name: str | None
    """None if no MIB has it."""
    index: tuple[int | str, ...]
    """As the INDEX clause cuts it, or in numbers; 0 for a scalar, nothing if no MIB has it."""
    label: str
    """Such as ``cikePeerLocalAddr.1."10.9.0.1".1."10.9.0.2".1``, as net-snmp takes it too."""
    type: str
    """On the wire, such as ``OCTET STRING``."""
    value: int | str | None
    """None for NULL and for an exception such as noSuchInstance."""
    text: str
    """The value as people read it, in one line."""


class Decoder:
    """Finds names and types in the MIBs."""

    def __init__(self, names: Names) -> None:
        self._names = names

    def notification(self, oid: Oid) -> str | None:
        """Return the name of a notification, None if no MIB has it."""
        found = self._names.notification(oid)
        return None if found is None else found.name

    def object(self, name: Oid, tag: int, value: Value) -> DecodedObject:
        """Return what a variable binding stands for.

        Args:
            name: the instance.
            tag: of BER.
            value: as the tag has it; octets of any kind for what is no number and no OID.
        """
        item = self._names.find(name)
        kind = TYPES.get(tag, f"tag {tag:#04x}")
        declared = item if item is not None and item.tag == tag else None
        plain, text = _value(declared, tag, value)
        if declared is None:
            text = kind if plain is None else f"{kind}: {text}"
        if item is None:
            return DecodedObject(name, None, (), dotted(name), kind, plain, text)
        parts = self._parts(item, name[len(item.oid) :])
        return DecodedObject(
            name,
            item.name,
            tuple(part for part, _ in parts),
            ".".join((item.name, *(shown for _, shown in parts))),
            kind,
            plain,
            text,
        )

    def _parts(self, item: ObjectType, suffix: Oid) -> list[tuple[int | str, str]]:
        """Return the parts of an index, for programs and as they stand in a label."""
        # A scalar has no index, and shows its 0.
        parts = self._names.index(item, suffix) or ()
        return [_part(part) for part in parts] or [(number, str(number)) for number in suffix]


def _part(part: IndexPart) -> tuple[int | str, str]:
    item, numbers = part
    if item.tag == ber.OCTET_STRING:
        text, readable = _octets(item, bytes(numbers))
        return text, json.dumps(text, ensure_ascii=False) if readable else text
    if item.tag in (ber.IP_ADDRESS, ber.OBJECT_IDENTIFIER):
        return dotted(numbers), dotted(numbers)
    return numbers[0], str(numbers[0])


def _value(item: ObjectType | None, tag: int, value: Value) -> tuple[int | str | None, str]:
    """Return a value for programs and for people; ``item`` is of the value's type, if there."""
    if isinstance(value, int):
        return value, _number(item, tag, value)
    if isinstance(value, tuple):
        return dotted(value), dotted(value)
    if tag == ber.OCTET_STRING:
        text, _ = _octets(item, value)
        return text, text.translate(_ESCAPED) or '""'
    if tag == ber.IP_ADDRESS:
        return dotted(value), dotted(value)
    return (_hexadecimal(value),) * 2 if value or tag == ber.OPAQUE else (None, "")


def _number(item: ObjectType | None, tag: int, value: int) -> str:
    if item is not None:
        for label, number in item.enumeration.items():
            if number == value:
                return f"{label}({value})"
    if value >= 0 and (tag == ber.TIME_TICKS or (item and item.syntax in _DURATIONS)):
        return duration(value)
    return f"{value} {item.units}" if item and item.units else str(value)


def _octets(item: ObjectType | None, octets: bytes) -> tuple[str, bool]:
    """Return octets as they are best shown, and whether they are text."""
    if item is not None and item.syntax in _ADDRESSES and len(octets) in (4, 16):
        return str(ipaddress.ip_address(octets)), False
    if item is None or item.syntax in _TEXTS:
        try:
            text = octets.decode()
        except UnicodeDecodeError:
            pass
        else:
            if text.translate(_ESCAPED).isprintable():
                return text, True
    return _hexadecimal(octets), False


def _hexadecimal(octets: bytes) -> str:
    return f"0x{octets.hex()}"


def dotted(numbers: Sequence[int]) -> str:
    """Return an OID or an IPv4 address as it is written."""
    return ".".join(map(str, numbers))


def duration(hundredths: int) -> str:
    """Return hundredths of a second as ``01:02:03.04``, from 24 hours on ``5d 01:02:03.04``."""
    days, rest = divmod(hundredths, _DAY)
    seconds, rest = divmod(rest, 100)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    time = f"{hours:02}:{minutes:02}:{seconds:02}.{rest:02}"
    return f"{days}d {time}" if days else time
