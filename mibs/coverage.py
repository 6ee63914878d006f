"""Writes ``docs/mib-coverage.md``: which object of each MIB is served, from what, and from where.

    python -m mibs.coverage docs/mib-coverage.md

The tables are made of the bindings themselves, so they cannot say anything else than the agent
does. Which attribute of the model an object shows is in its binding; where a source has that from
is in the source's own table (:mod:`datasource.provenance`). An object without either is an error.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from operator import attrgetter
from pathlib import Path
from typing import cast

from datasource.control import TunnelControl
from datasource.provenance import TRACKED
from datasource.simulated import provenance as simulated
from datasource.strongswan import provenance as strongswan
from mibs import cisco_ipsec_flow_monitor, served, smi, snmpv2_mib
from mibs.attributes import CoverageError, attributes, paths
from mibs.cisco_ipsec import CryptoMapControl
from mibs.cisco_ipsec_flow_monitor.choices import MEDIA_GATEWAYS
from mibs.forms import Constant
from mibs.served import Shown
from mibs.settable import SerialNumber
from mibs.smi import ObjectType, Smi
from mibs.snmp_engine_mibs import EngineGroup
from mibs.snmp_statistics import SnmpStatistics
from mibs.table import Age, Binding, Column, Live, Scalar, Table

__all__ = ["SOURCES", "bindings", "document", "keys", "main"]

SOURCES: Mapping[str, Mapping[str, str]] = {
    "strongSwan": strongswan.PROVENANCE,
    "simulated gateway": simulated.PROVENANCE,
}
"""By what they are called."""

_INTRODUCTION = """\
# Which objects are served

Generated from the bindings by `make coverage`; do not edit. Nothing is left out: each object that
can be read has a line.

* **shows**: the attribute of the model that the object shows (see `datasource/model.py`,
  `datasource/history.py` and `datasource/configuration.py`), and whether a manager can set it; or
  why the object is not served.
* **strongSwan**, **simulated gateway**: where that source has the attribute from. Empty: it does
  not depend on the source. *tracker*: flowmib makes it of what the source reports, in the same way
  for every source. `list-sas`, `list-conns`, `get-counters` and `get-algorithms` are commands of
  VICI, `ike-updown`, `child-updown` and `alert` its events. *log*: the daemon's log, over VICI;
  absent without `log_events`. *kernel*: absent where the kernel does not do charon's ESP, or may
  not be read.

An attribute that the data source at hand cannot tell makes the object absent: `noSuchInstance` to a
GET, skipped by a walk. [operate.md](operate.md) explains the values, [failures.md](failures.md) the
reasons of failures. Counters of a tunnel go on when its SAs are replaced; the global ones are sums
over live and ended tunnels; the history has the last values of a tunnel.
"""

_AGENT = "the agent itself"
_SAME = "the same"
_BESIDE = {
    "cikeTunRemoteName": ", or the `description` of its `[[peer]]`",
    "cikeTunHistRemoteName": ", or the `description` of its `[[peer]]`",
    "cipsStaticCryptomapDescr": ", and the `description` of its `[[peer]]`",
}
"""What the configuration of the agent adds to an object."""


def bindings() -> tuple[Binding, ...]:
    """Return all bindings, of an agent that shows and sets nothing."""
    return served.bind(
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
            crypto_maps=cast("CryptoMapControl", object()),
        )
    )


def document() -> str:
    """Return the whole page.

    Raises:
        CoverageError: of an object it is not known what it shows, or where that comes from.
    """
    modules = smi.load()
    lines = [_INTRODUCTION]
    for binding in sorted(bindings(), key=attrgetter("module")):
        lines += _module(modules, binding)
    for module in modules.modules:
        if module.name not in served.MODULES and module.name in smi.ALL:
            lines += [f"## {module.name}\n", "Not served yet.\n"]
    return "\n".join(lines)


def keys(binding: Binding) -> dict[str, tuple[str, ...]]:
    """Return which attributes each object shows, as ``Class.field``; none for a constant.

    Objects that the agent itself knows are not among them.
    """
    found: dict[str, tuple[str, ...]] = {}
    for scalar in binding.scalars:
        if isinstance(scalar, Scalar):
            found[scalar.name] = attributes(scalar)
    for table in binding.tables:
        if table.root is not MEDIA_GATEWAYS and _is_sourced(binding):
            found |= {column.name: attributes(column, table) for column in table.columns}
    return found


def _is_sourced(binding: Binding) -> bool:
    """Whether a module shows what a source reports, and not the agent alone."""
    return any(isinstance(scalar, Scalar) for scalar in binding.scalars) or any(
        isinstance(table.root.rows, attrgetter) for table in binding.tables
    )


def _module(modules: Smi, binding: Binding) -> Iterator[str]:
    shown = {scalar.name: _scalar(scalar) for scalar in binding.scalars}
    for table in binding.tables:
        shown |= {column.name: _column(table, column) for column in table.columns}
    left_out = {modules.object(name).oid: why for name, why in binding.unsupported.items()}
    sourced = _is_sourced(binding)
    shows_of = keys(binding)
    names = (*SOURCES,) if sourced else ()
    yield f"## {binding.module}\n"
    yield _line("object", "OID", "type", "shows", *names)
    yield "|" + "---|" * (4 + len(names))
    for type_ in modules.objects(binding.module):
        if type_.kind == "table":
            yield _line(f"**{type_.name}**", _dotted(type_), "", "", *("" for _ in names))
        elif type_.kind != "row" and type_.access.startswith("read-"):
            shows = shown.get(type_.name) or _reason(type_, left_out)
            origins = _origins(type_.name, shows_of.get(type_.name)) if sourced else ()
            yield _line(type_.name, _dotted(type_), str(type_.syntax), shows, *origins)
    yield ""


def _line(*cells: str) -> str:
    return "".join(f"| {cell} " if cell else "| " for cell in cells) + "|"


def _origins(name: str, shows: tuple[str, ...] | None) -> tuple[str, ...]:
    """Return where each source has an object from."""
    if not shows:
        return ("",) * len(SOURCES)
    first, *others = (
        "; ".join(dict.fromkeys(_origin(name, source, key) for key in shows)) for source in SOURCES
    )
    return first, *(_SAME if other == first else other for other in others)


def _origin(name: str, source: str, key: str) -> str:
    own = SOURCES[source].get(key)
    if own is not None:
        return own
    if key in TRACKED:
        return f"tracker: {TRACKED[key]}"
    raise CoverageError(f"{name} shows {key}, and where {source} has that from is not written down")


def _scalar(scalar: Scalar | Live) -> str:
    shows = _AGENT if isinstance(scalar, Live) else _shows(scalar)
    return shows + _settable(scalar)


def _column(table: Table, column: Column) -> str:
    if table.root is MEDIA_GATEWAYS:
        return "no rows: there is no media gateway"
    age = ", the time since" if isinstance(column, Age) else ""
    return _shows(column) + age + _settable(column)


def _shows(source: Scalar | Column) -> str:
    if isinstance(source.form, Constant):
        value = source.form.value
        return "always empty" if value == b"" else f"always {value!r}"
    listed = ", ".join(f"`{path}`" for path in paths(source))
    return listed + _BESIDE.get(source.name, "")


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
