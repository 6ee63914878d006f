"""Whether an instance is what the MIBs declare (RFC 2578 sections 7 and 9)."""

from __future__ import annotations

from collections.abc import Mapping

from agent.doctor.walk import Value, Varbind
from mibs import ber
from mibs.names import TYPES, IndexPart, Names
from mibs.smi import ObjectType, Oid

__all__ = ["EXTENDED", "Checker"]

EXTENDED: Mapping[str, frozenset[int]] = {
    "IkeNegoMode": frozenset({3}),
    "DiffHellmanGrp": frozenset({4, 5, 9, 10, 11}),
    "EncryptAlgo": frozenset({4, 5, 6}),
    "IkeHashAlgo": frozenset({7, 9}),
    "AuthAlgo": frozenset({6}),
}
"""Numbers that no MIB declares and Cisco devices send, by the type (docs/operate.md)."""

_ZERO_BY_THE_PROSE = frozenset(
    {"cikePeerActiveTunnelIndex", "cipsNumIsakmpPolicies", "ikePolMapPolicyNum"}
)
"""Objects whose range begins at 1, and whose description has a meaning for 0."""


class Checker:
    """Checks instances, and counts what is wrong so that a whole bad column is one line."""

    def __init__(self, names: Names, *, extended: bool) -> None:
        """Set up.

        Args:
            names: finds objects.
            extended: whether the numbers of :data:`EXTENDED` are right.
        """
        self._names = names
        self._extended = extended
        self._faults: dict[tuple[str, str], list[str]] = {}

    def check(self, item: ObjectType, varbind: Varbind) -> None:
        """Check one instance of an object."""
        name, tag, value = varbind
        what = (
            _access_fault(item)
            or self._suffix_fault(item, name[len(item.oid) :])
            or self._value_fault(item, tag, value)
        )
        if what:
            self._faults.setdefault((item.name, what), []).append(self._names.label(name))

    def faults(self) -> list[str]:
        """Return what was wrong, in plain words, each kind once."""
        lines = []
        for (_, what), where in self._faults.items():
            more = f" (and {len(where) - 1} more)" if len(where) > 1 else ""
            lines.append(f"{where[0]}{more} {what}")
        return lines

    def _suffix_fault(self, item: ObjectType, suffix: Oid) -> str:
        parts = self._names.index(item, suffix)
        if parts is not None and all(map(_fits, parts)):
            return ""
        if item.kind == "scalar":
            return "is a scalar, and its instance is not 0"
        return "has an index that is not of the declared form"

    def _value_fault(self, item: ObjectType, tag: int, value: Value) -> str:
        if tag != item.tag:
            sent, declared = (TYPES.get(kind, f"tag {kind:#x}") for kind in (tag, item.tag))
            return f"is {sent}, the MIB says {declared}"
        if isinstance(value, bytes):
            if not _inside(item, len(value)):
                return f"is {len(value)} octets long, the MIB says {_limits(item)}"
            if item.syntax == "DisplayString" and not value.isascii():
                return "is no ASCII text, and a DisplayString has to be"
            return ""
        if isinstance(value, int):
            if self._extended and value in EXTENDED.get(item.syntax, ()):
                return ""
            if value == 0 and item.name in _ZERO_BY_THE_PROSE:
                return ""
            return _number_fault(item, value)
        return ""


def _fits(part: IndexPart) -> bool:
    item, numbers = part
    if item.tag in (ber.OCTET_STRING, ber.OBJECT_IDENTIFIER):
        return _inside(item, len(numbers))
    return item.tag == ber.IP_ADDRESS or not _number_fault(item, numbers[0])


def _access_fault(item: ObjectType) -> str:
    return "" if item.access.startswith("read-") else f"is {item.access}: no walk may give it"


def _number_fault(item: ObjectType, value: int) -> str:
    if item.enumeration and value not in item.enumeration.values():
        labels = " ".join(f"{label}({number})" for label, number in item.enumeration.items())
        return f"is {value}, the MIB knows {labels}"
    if not _inside(item, value):
        return f"is {value}, the MIB says {_limits(item)}"
    return ""


def _inside(item: ObjectType, number: int) -> bool:
    return not item.ranges or any(low <= number <= high for low, high in item.ranges)


def _limits(item: ObjectType) -> str:
    return " or ".join(str(low) if low == high else f"{low} to {high}" for low, high in item.ranges)
