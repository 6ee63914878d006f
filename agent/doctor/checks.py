"""Whether an instance is what the MIBs declare (RFC 2578 sections 7 and 9)."""

from __future__ import annotations

from collections.abc import Mapping

from agent.doctor.seen import Names
from agent.doctor.walk import Value, Varbind
from mibs import ber
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

_TYPES = {
    ber.INTEGER: "INTEGER",
    ber.OCTET_STRING: "OCTET STRING",
    ber.NULL: "NULL",
    ber.OBJECT_IDENTIFIER: "OBJECT IDENTIFIER",
    ber.IP_ADDRESS: "IpAddress",
    ber.COUNTER32: "Counter32",
    ber.GAUGE32: "Gauge32",
    ber.TIME_TICKS: "TimeTicks",
    ber.COUNTER64: "Counter64",
    ber.NO_SUCH_OBJECT: "noSuchObject",
    ber.NO_SUCH_INSTANCE: "noSuchInstance",
}


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
        modules = names.modules
        self._indexes = {
            item.oid: modules.index(item.name)
            for module in modules.modules
            for item in module.objects
            if item.kind == "table"
        }

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
        if item.kind == "scalar":
            return "" if suffix == (0,) else "is a scalar, and its instance is not 0"
        rest: Oid | None = suffix
        for part in self._indexes[item.oid[:-2]]:
            rest = None if rest is None else self._without(part, rest)
        return "" if rest == () else "has an index that is not of the declared form"

    def _without(self, part: ObjectType, suffix: Oid) -> Oid | None:
        """Take one index object off (RFC 2578 section 7.7); None if there is none."""
        if part.tag == ber.IP_ADDRESS:
            size = 4
        elif part.tag not in (ber.OCTET_STRING, ber.OBJECT_IDENTIFIER):
            return suffix[1:] if suffix and not _number_fault(part, suffix[0]) else None
        elif len(part.ranges) == 1 and part.ranges[0][0] == part.ranges[0][1]:
            size = part.ranges[0][0]
        elif suffix:
            size, suffix = suffix[0], suffix[1:]
            if not _inside(part, size):
                return None
        octets = part.tag == ber.OBJECT_IDENTIFIER or all(n < 256 for n in suffix[:size])
        return suffix[size:] if octets and len(suffix) >= size else None

    def _value_fault(self, item: ObjectType, tag: int, value: Value) -> str:
        if tag != item.tag:
            sent, declared = (_TYPES.get(kind, f"tag {kind:#x}") for kind in (tag, item.tag))
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
