"""``[[vrf]]``: which connections belong to a VRF."""

from __future__ import annotations

from collections.abc import Sequence

from agent.config.section import Section
from datasource.model import Mark
from datasource.vrf import VrfRule

__all__ = ["existing_context", "parse_vrfs"]

_WHOLE = 0xFFFFFFFF


def parse_vrfs(sections: Sequence[Section]) -> tuple[VrfRule, ...]:
    """Read all of ``[[vrf]]``. Several may have one name, each with some of its connections.

    Raises:
        ConfigError: one says nothing of its connections, or a key is wrong.
    """
    return tuple(_vrf(section) for section in sections)


def existing_context(section: Section, key: str, name: str, known: Sequence[str]) -> bytes:
    """Return the name of a context that there is."""
    if name not in known:
        raise section.fail(key, f"there is no [[vrf]] {name!r}")
    return name.encode()


def _vrf(section: Section) -> VrfRule:
    vrf = VrfRule(
        section.name("name"),
        section.text("front_door", "", longest=32),
        tuple(section.texts("connections", [], least=0)),
        tuple(section.parsed("marks", text, _mark) for text in section.texts("marks", [], least=0)),
        tuple(
            section.parsed("interface_ids", text, _number)
            for text in section.texts("interface_ids", [], least=0)
        ),
    )
    if not (vrf.connections or vrf.marks or vrf.if_ids):
        raise section.fail("connections", "nothing is said; nor are there marks or interface_ids")
    section.close()
    return vrf


def _mark(text: str) -> Mark:
    """Read ``VALUE`` or ``VALUE/MASK``, as swanctl.conf has it."""
    value, slash, mask = text.partition("/")
    return Mark(_number(value), _number(mask) if slash else _WHOLE)


def _number(text: str) -> int:
    try:
        number = int(text, 0)
    except ValueError:
        raise ValueError(f"{text!r} is no number; 42 and 0x2a are") from None
    if not 0 <= number <= _WHOLE:
        raise ValueError(f"{text!r} does not fit in 32 bits")
    return number
