"""Writes ``docs/mib-coverage.md``: which object of each MIB is served, and from what.

    python -m mibs.coverage docs/mib-coverage.md

The table is made of the bindings themselves, so it cannot say anything else than the agent does.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path
from typing import cast

from datasource.control import TunnelControl
from mibs import cisco_ipsec_flow_monitor, served, smi, snmpv2_mib
from mibs.cisco_ipsec_flow_monitor.choices import MEDIA_GATEWAYS
from mibs.served import Shown
from mibs.settable import SerialNumber
from mibs.smi import ObjectType, Smi
from mibs.snmp_engine_mibs import EngineGroup
from mibs.snmp_statistics import SnmpStatistics
from mibs.table import Age, Binding, Column, Live, Scalar, Table

__all__ = ["document", "main"]

_INTRODUCTION = """\
# Which objects are served

Generated from the bindings by `make coverage`; do not edit. The last column is the attribute of the
model that an object shows (see `datasource/model.py`), or why it is not served, and whether a
manager can set it. An attribute that the data source at hand cannot measure makes the object
absent: `noSuchInstance` to a GET, skipped by a walk. What strongSwan cannot tell is listed in
[operate.md](operate.md).
"""


def document() -> str:
    """Return the whole page."""
    modules = smi.load()
    bindings = served.bind(
        Shown(
            system=snmpv2_mib.SystemGroup(""),
            engine=EngineGroup(b"", 1, lambda: 0, 484),
            statistics=SnmpStatistics(),
            up_time=lambda: 0.0,
            serial_number=SerialNumber(0),
            switches=served.make_switches(),
            choices=cisco_ipsec_flow_monitor.Choices(),
            # Nothing is set through these bindings.
            control=cast("TunnelControl", object()),
        )
    )
    lines = [_INTRODUCTION]
    for binding in sorted(bindings, key=attrgetter("module")):
        lines += _module(modules, binding)
    for module in modules.modules:
        if module.name not in served.MODULES and module.name in smi.ALL:
            lines += [f"## {module.name}\n", "Not served yet.\n"]
    return "\n".join(lines)


def _module(modules: Smi, binding: Binding) -> Iterator[str]:
    shown = {scalar.name: _scalar(scalar) for scalar in binding.scalars}
    for table in binding.tables:
        shown |= {column.name: _column(table, column) for column in table.columns}
    left_out = {modules.object(name).oid: why for name, why in binding.unsupported.items()}
    yield f"## {binding.module}\n"
    yield "| object | OID | type | shows |"
    yield "|---|---|---|---|"
    for type_ in modules.objects(binding.module):
        if type_.kind == "table":
            yield f"| **{type_.name}** | {_dotted(type_)} | | |"
        elif type_.kind != "row" and type_.access.startswith("read-"):
            shows = shown.get(type_.name) or _reason(type_, left_out)
            yield f"| {type_.name} | {_dotted(type_)} | {type_.syntax} | {shows} |"
    yield ""


def _scalar(scalar: Scalar | Live) -> str:
    shows = "the agent itself" if isinstance(scalar, Live) else f"`{scalar.path}`"
    return shows + _settable(scalar)


def _column(table: Table, column: Column) -> str:
    if table.root is MEDIA_GATEWAYS:
        return "no rows: there is no media gateway"
    shows = f"`{column.path}`, the time since" if isinstance(column, Age) else f"`{column.path}`"
    return shows + _settable(column)


def _settable(source: Scalar | Live | Column) -> str:
    return "" if source.write is None else "; can be set"


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
