"""Writes ``docs/mib-coverage.md``: which object of each MIB is served, and from what.

    python -m mibs.coverage docs/mib-coverage.md

The table is made of the bindings themselves, so it cannot say anything else than the agent does.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path

from mibs import cisco_ipsec_flow_monitor, served, smi, snmpv2_mib
from mibs.cisco_ipsec_flow_monitor.choices import MEDIA_GATEWAYS
from mibs.smi import ObjectType, Smi
from mibs.snmp_statistics import SnmpStatistics
from mibs.table import Age, Binding, Live
from mibs.tree import ColumnSpan, ScalarSpan, Span, Tree

__all__ = ["document", "main"]

_INTRODUCTION = """\
# Which objects are served

Generated from the bindings by `make coverage`; do not edit. The last column is the attribute of the
model that an object shows (see `datasource/model.py`), or why it is not served. An attribute that
the data source at hand cannot measure makes the object absent: `noSuchInstance` to a GET, skipped
by a walk. What strongSwan cannot tell is listed in [operate.md](operate.md).
"""


def document() -> str:
    """Return the whole page."""
    modules = smi.load()
    bindings = served.bind_all(
        snmpv2_mib.SystemGroup(""),
        SnmpStatistics(),
        lambda: 0.0,
        cisco_ipsec_flow_monitor.Choices(),
    )
    tree = Tree(modules, bindings)
    lines = [_INTRODUCTION]
    for binding in sorted(bindings, key=attrgetter("module")):
        lines += _module(modules, tree, binding)
    for module in modules.modules:
        if module.name not in served.MODULES and module.name in smi.ALL:
            lines += [f"## {module.name}\n", "Not served yet.\n"]
    return "\n".join(lines)


def _module(modules: Smi, tree: Tree, binding: Binding) -> Iterator[str]:
    spans = {span.type.name: span for span in tree.spans}
    left_out = {modules.object(name).oid: why for name, why in binding.unsupported.items()}
    yield f"## {binding.module}\n"
    yield "| object | OID | type | shows |"
    yield "|---|---|---|---|"
    for type_ in modules.objects(binding.module):
        if type_.kind == "table":
            yield f"| **{type_.name}** | {_dotted(type_)} | | |"
        elif type_.kind != "row" and type_.access.startswith("read-"):
            span = spans.get(type_.name)
            shows = _source(span) if span is not None else _reason(type_, left_out)
            yield f"| {type_.name} | {_dotted(type_)} | {type_.syntax} | {shows} |"
    yield ""


def _source(span: Span) -> str:
    if isinstance(span, ColumnSpan):
        path = span.column.path
        if span.table.root is MEDIA_GATEWAYS:
            return "no rows: there is no media gateway"
        return f"`{path}`, the time since" if isinstance(span.column, Age) else f"`{path}`"
    if isinstance(span, ScalarSpan) and not isinstance(span.scalar, Live):
        return f"`{span.scalar.path}`"
    return "the agent itself"


def _reason(type_: ObjectType, left_out: dict[tuple[int, ...], str]) -> str:
    why = next(why for oid, why in left_out.items() if type_.oid[: len(oid)] == oid)
    return f"not served: {why}"


def _dotted(type_: ObjectType) -> str:
    return ".".join(map(str, type_.oid))


def main() -> int:
    """Write the page to the file that the one argument names."""
    Path(sys.argv[1]).write_text(document(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
