"""One examination of a running agent, from the first question to the report."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agent.config import Config, ListenAddress
from agent.doctor.access import Access, DoctorError, Scope, accesses, refusal
from agent.doctor.checks import Checker
from agent.doctor.consumers import CONSUMERS, identity, missing
from agent.doctor.invariants import (
    ACTIVE_TUNNELS,
    COLUMNS,
    Contradictions,
    Round,
    contradictions,
    falls,
    scalars,
    wrap_families,
    wrap_fault,
)
from agent.doctor.manager import Manager, Session, own_address
from agent.doctor.report import Chapter, Level, Report
from agent.doctor.seen import Seen
from agent.doctor.walk import Lane, NoAnswerError, Varbind, walk
from mibs import ber, smi
from mibs.names import Names
from mibs.smi import Oid

__all__ = ["examine"]

_log = logging.getLogger("flowmib")

_LARGE = {0: 1_000, 1: 20_000, 3: 20_000}
"""Names, by msgVersion: more of them are not walked once more. pysnmp reads some thousands in a
second, and some hundreds where each of them is asked for."""
_ROWS = 20
"""Of each object, where not everything is walked."""
_ROUNDS = 5
_PAUSE = 0.5
"""Seconds between two rounds: a snapshot of the agent lives for up to one."""
_AGAIN = 3
"""Walks, each of two, that something must lack before it is missing."""
_WRAP_ROWS = 100
"""IPsec tunnels whose wraps are looked at."""
_MANY = 20
"""Faults of one kind that are told one by one."""
_AT_ONCE = 12
"""Instances that one GET asks for: an answer of them fits into the smallest message there is."""
_FEW = 5
"""Instances that one line names."""
_PROGRESS = 100_000
"""Names after which the log says that it goes on."""

_REMEDY = '[snmp.identity] preset = "cisco-asa" makes these look'
_SYS_UP_TIME = (1, 3, 6, 1, 2, 1, 1, 3, 0)


@dataclass(slots=True)
class _Walked:
    """Somebody's walk.

    Attributes:
        access: whose.
        session: through which to ask more.
        seen: what came.
        rows: how many of each object were asked for; None if everything was.
    """

    access: Access
    session: Session
    seen: Seen
    rows: int | None


async def examine(config: Config, addresses: Sequence[ListenAddress]) -> Report:
    """Ask a running agent everything.

    Args:
        config: of the agent.
        addresses: where to ask: the first one everything, the others whether they answer.

    Raises:
        DoctorError: nobody may ask from this machine.
    """
    first = addresses[0]
    source = _own_address(first)
    if not any(access.allows(source) for access in accesses(config)):
        raise DoctorError(f"nobody may ask the agent at {first.text} from {source or 'here'}")
    report = Report(first.text)
    with _manager(first) as manager:
        try:
            await _Examination(config, manager, report).run(source)
        except NoAnswerError as error:
            report.chapter("end").add(Level.WRONG, "agent", f"ceased to answer: {error}")
    if addresses[1:]:
        chapter = report.chapter("other addresses")
    for address in addresses[1:]:
        with _manager(address) as manager:
            source = _own_address(address)
            for access in accesses(config):
                if access.allows(source):
                    _, trouble = await _admit(manager, access)
                    chapter.add(
                        Level.WRONG if trouble else Level.OK,
                        address.text,
                        f"{access.title}: {trouble or 'answers'}",
                    )
    return report


@contextlib.contextmanager
def _manager(address: ListenAddress) -> Iterator[Manager]:
    manager = Manager(address.host, address.port)
    try:
        yield manager
    finally:
        manager.close()


def _own_address(address: ListenAddress) -> str:
    return own_address(address.host, address.port)


async def _admit(manager: Manager, access: Access) -> tuple[Session | None, str]:
    """Return a session, or why there is none."""
    try:
        if access.user is not None:
            session = await manager.user(access.user, access.context)
        else:
            session = manager.community(access.community, 1 if access.version else 0)
        await session.get([_SYS_UP_TIME])
    except NoAnswerError as error:
        return None, refusal(access, error.reason, engine_known=manager.engine is not None)
    return session, ""


class _Examination:
    """Of the agent at one address."""

    def __init__(self, config: Config, manager: Manager, report: Report) -> None:
        self._config = config
        self._manager = manager
        self._report = report
        self._access = report.chapter("access")
        self._names = Names(smi.load())
        self._size = 0
        """Names that the largest walk gave."""
        self._value_faults: set[str] = set()

    async def run(self, source: str) -> None:
        """Examine it, asking from an address of this machine."""
        walks = [
            walked
            for access in accesses(self._config)
            if (walked := await self._asked(access, source)) is not None
        ]
        self._note_engine()
        for warning in self._config.warnings:
            key, _, text = warning.partition(": ")
            self._access.add(Level.WARNING, key, text)
        if not walks:
            self._access.add(Level.WRONG, "agent", "nobody could read anything")
            return
        contexts: dict[str, list[_Walked]] = {}
        for walked in walks:
            contexts.setdefault(walked.access.context, []).append(walked)
        bests = {context: _best(found) for context, found in contexts.items()}
        first = bests.get("") or next(iter(bests.values()))
        self._describe(first.seen)
        for context, best in bests.items():
            if not any(best.seen.column(name) for name in ACTIVE_TUNNELS):
                level = Level.WRONG if best.access.scope is Scope.ALL else Level.NOTE
                text = "reads nothing of tunnels: is this flowmib?"
                self._access.add(level, best.access.title, text)
                continue
            await self._compare(best, [one for one in contexts[context] if one is not best])
            await self._agree(best, f", context {context!r}" if context else "")
            if best is first:
                self._management_systems(best)

    # Access and walks -----------------------------------------------------------------------------

    async def _asked(self, access: Access, source: str) -> _Walked | None:
        if not access.allows(source):
            self._access.add(
                Level.NOTE, access.title, f"not asked, since it may not come from {source}"
            )
            return None
        session, trouble = await _admit(self._manager, access)
        if session is None:
            self._access.add(Level.WRONG, access.title, trouble)
            return None
        rows = _ROWS if self._size > _LARGE[access.version] else None
        checker = Checker(self._names, extended=self._config.mib.algorithms == "extended")
        seen, faults, seconds = await self._walk(session, rows, checker)
        faults += [fault for fault in checker.faults() if fault not in self._value_faults]
        self._value_faults.update(faults)
        if not len(seen):
            level = Level.NOTE if access.scope is Scope.NOTHING else Level.WRONG
            self._access.add(level, access.title, "; ".join(("may read nothing", *faults)))
            return None
        _add_faults(self._access, access.title, faults)
        self._size = max(self._size, len(seen))
        part = f", the first {rows} of each object only," if rows else ""
        self._access.add(
            Level.OK,
            access.title,
            f"{len(seen)} names{part} in {seconds:.1f} s ({len(seen) / seconds:.0f} a second),"
            f" slowest answer {session.slowest * 1000:.0f} ms",
        )
        if access.scope is not Scope.ALL:
            self._access.add(Level.NOTE, access.title, f"may read {access.scope.value}")
        return _Walked(access, session, seen, rows)

    async def _walk(
        self, session: Session, rows: int | None, checker: Checker | None = None
    ) -> tuple[Seen, list[str], float]:
        """Walk everything, or some rows of each object; return the faults and the seconds too."""
        seen = Seen(self._names)

        def take(varbind: Varbind) -> None:
            item = seen.add(varbind)
            if item and checker:
                checker.check(item, varbind)
            if len(seen) % _PROGRESS == 0:
                _log.info("%d names so far", len(seen))

        lanes = [Lane()] if rows is None else [Lane(oid, rows) for oid in self._names.oids()]
        began = time.perf_counter()
        faults = await walk(session, lanes, take, self._names.label)
        return seen, faults, time.perf_counter() - began

    def _note_engine(self) -> None:
        engine = self._manager.engine
        if engine is not None:
            self._access.add(
                Level.NOTE,
                "engine",
                f"ID {engine.engine_id.hex()}, boots {engine.boots}, time {engine.time} s",
            )

    # What came ------------------------------------------------------------------------------------

    def _describe(self, seen: Seen) -> None:
        chapter = self._report.chapter("identity")
        for name in ("sysDescr", "sysName", "sysContact", "sysLocation"):
            text = seen.texts(name).get((0,), b"").decode(errors="replace")
            if text:
                chapter.add(Level.NOTE, name, text)
        object_id = identity(seen).object_id
        chapter.add(Level.NOTE, "sysObjectID", ".".join(map(str, object_id)) or "not there")
        if seen.unknown:
            chapter.add(
                Level.WARNING,
                "MIBs",
                f"{len(seen.unknown)} names are in no MIB that flowmib knows,"
                f" the first is {self._names.label(next(iter(seen.unknown)))}",
            )

    async def _compare(self, best: _Walked, others: Sequence[_Walked]) -> None:
        """See whether everybody who may read everything reads the same."""
        if best.access.scope is not Scope.ALL:
            return
        chapter = self._report.chapter("versions")
        for other in others:
            if other.access.scope is not Scope.ALL:
                continue
            lacking = _lacking(best.seen, other.seen, other)
            for _ in range(_AGAIN):
                if not lacking:
                    break
                # Tunnels come and go between two walks, but not the same ones each time.
                seen, _, _ = await self._walk(other.session, other.rows)
                more, _, _ = await self._walk(best.session, other.rows)
                lacking &= _lacking(more, seen, other)
            if lacking:
                text = f"{len(lacking)} names fewer than {best.access.title}: {self._few(lacking)}"
                chapter.add(Level.WRONG, other.access.title, text)
            else:
                chapter.add(Level.OK, other.access.title, f"reads the same as {best.access.title}")

    def _few(self, names: set[Oid]) -> str:
        labels = [self._names.label(name) for name in sorted(names)]
        more = f" and {len(labels) - _FEW} more" if len(labels) > _FEW else ""
        return ", ".join(labels[:_FEW]) + more

    # Invariants -----------------------------------------------------------------------------------

    async def _agree(self, best: _Walked, where: str) -> None:
        chapter = self._report.chapter("invariants")
        if not best.access.version:
            text = "not checked: that takes SNMPv2c or SNMPv3"
            chapter.add(Level.NOTE, f"tables{where}", text)
            return
        first = await self._scalars(best.session)
        found = await self._settled(best.session)
        lines = list(found.values())
        _add_all(chapter, f"tables{where}", lines, "the tables and the numbers of tunnels agree")
        await self._wraps(best, chapter, where)
        last = await self._scalars(best.session)
        if last.get("sysUpTime", 0) < first.get("sysUpTime", 0):
            chapter.add(Level.NOTE, f"totals{where}", "the agent was started anew meanwhile")
            return
        lines = falls(self._names.modules, first, last)
        _add_all(chapter, f"totals{where}", lines, "no total fell")

    async def _settled(self, session: Session) -> Contradictions:
        """Return the contradictions that stay."""
        found = contradictions(await self._round(session))
        for _ in range(_ROUNDS - 1):
            if not found:
                break
            await asyncio.sleep(_PAUSE)
            again = contradictions(await self._round(session))
            found = {key: text for key, text in again.items() if key in found}
        return found

    async def _round(self, session: Session) -> Round:
        seen = Seen(self._names)
        before = await self._scalars(session)
        lanes = [Lane(self._names.oid(name)) for name in COLUMNS]
        await walk(session, lanes, seen.add, self._names.label)
        return Round(before, seen, await self._scalars(session))

    async def _scalars(self, session: Session) -> dict[str, int]:
        names = scalars(self._names.modules)
        values: dict[str, int] = {}
        for start in range(0, len(names), _AT_ONCE):
            wanted = [(name, (0,)) for name in names[start : start + _AT_ONCE]]
            values |= await self._numbers(session, wanted)
        return values

    async def _wraps(self, best: _Walked, chapter: Chapter, where: str) -> None:
        rows = sorted(best.seen.column("cipSecTunHcInOctets"))
        rows = rows[:: len(rows) // _WRAP_ROWS + 1]
        compared = 0
        faults = []
        for prefix, indexes in (("cipSecGlobal", [(0,)]), ("cipSecTun", rows)):
            for index, family in itertools.product(indexes, wrap_families(prefix)):
                # In one request, which is answered from one snapshot.
                wanted = [(name, index) for name in family]
                values = await self._numbers(best.session, wanted)
                compared += len(values) == len(family)
                if fault := wrap_fault(values, family):
                    faults.append(f"instance {'.'.join(map(str, index))}: {fault}")
        if compared:
            praise = f"64-bit octets are the 32-bit ones and their wraps, {compared} times"
            _add_all(chapter, f"octets{where}", faults, praise)
        else:
            chapter.add(Level.NOTE, f"octets{where}", "there is no 64-bit counter to compare")

    async def _numbers(self, session: Session, wanted: Sequence[tuple[str, Oid]]) -> dict[str, int]:
        """Return those of these instances that are there and are numbers, by object."""
        names = {(*self._names.oid(name), *index): name for name, index in wanted}
        answer = await session.get(list(names))
        return {
            names[name]: value
            for name, tag, value in answer.varbinds
            if name in names and tag < ber.NO_SUCH_OBJECT and isinstance(value, int)
        }

    # Management systems ---------------------------------------------------------------------------

    def _management_systems(self, best: _Walked) -> None:
        chapter = self._report.chapter("management systems")
        seen = best.seen
        shown = identity(seen)
        some_do_not_look = False
        for consumer in CONSUMERS:
            if consumer.gate and (closed := consumer.gate(shown)):
                chapter.add(Level.WARNING, consumer.name, f"will not look: {closed}")
                some_do_not_look = True
                continue
            lacking = missing(seen, consumer)
            if lacking:
                text = f"{', '.join(lacking)}: not there, or not in each row"
                chapter.add(Level.WARNING, consumer.name, text)
            chapter.add(Level.OK, consumer.name, f"will show {consumer.shows(seen)}")
            for hazard in consumer.hazards:
                if trouble := hazard(seen):
                    chapter.add(Level.WARNING, consumer.name, trouble)
        if some_do_not_look:
            chapter.add(Level.NOTE, "who will not look", _REMEDY)


def _best(walks: Sequence[_Walked]) -> _Walked:
    return max(walks, key=lambda walked: (walked.access.version > 0, len(walked.seen)))


def _add_all(chapter: Chapter, subject: str, faults: Sequence[str], praise: str) -> None:
    _add_faults(chapter, subject, faults)
    if not faults:
        chapter.add(Level.OK, subject, praise)


def _add_faults(chapter: Chapter, subject: str, faults: Sequence[str]) -> None:
    for fault in faults[:_MANY]:
        chapter.add(Level.WRONG, subject, fault)
    if len(faults) > _MANY:
        chapter.add(Level.WRONG, subject, f"and {len(faults) - _MANY} more")


def _lacking(reference: Seen, seen: Seen, walked: _Walked) -> set[Oid]:
    """Return the names that somebody should have read as well."""
    v1 = not walked.access.version
    expected = {
        name
        for item, name in reference.instances(walked.rows)
        # SNMPv1 has no such type (RFC 3584 section 4.2.2.1).
        if not (v1 and item and item.tag == ber.COUNTER64)
    }
    return expected - {name for _, name in seen.instances()}
