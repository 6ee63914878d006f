"""An engine, put together in one line, and what it answers."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agent.snmp.community import Community, Network, Origins
from agent.snmp.engine import Answer, Context, Engine, Limits, Policy
from agent.snmp.limits import Limiter, QuietLog
from agent.snmp.security import SecurityLevel, SecurityModel
from agent.snmp.usm.users import User
from agent.snmp.v3 import MessageProcessor
from agent.snmp.vacm import AccessEntry, GroupMember, Subtree, Vacm, VacmTables
from mibs import ber
from mibs.smi import Oid
from mibs.snmp_statistics import SnmpStatistics
from mibs.tree import Tree
from mibs.view import View

__all__ = ["ENGINE_ID", "LOOPBACK", "Still", "access_tables", "finished", "make_engine", "view_has"]

ENGINE_ID = b"\x80\x00\x00\x00\x05engine"
LOOPBACK: tuple[Network, ...] = (
    ipaddress.ip_network("127.0.0.0/8"),
    ipaddress.ip_network("::1/128"),
)


@dataclass
class Still:
    """A context that always shows the same."""

    view: View

    def current(self) -> View:
        return self.view

    def expire(self) -> None:
        pass


def access_tables(readers: Sequence[bytes], writers: Sequence[bytes] = ()) -> VacmTables:
    """Everything is for everybody to read, and for the writers to set."""
    groups = [(name, "read") for name in readers] + [(name, "write") for name in writers]
    return VacmTables(
        tuple(
            GroupMember(model, name, group)
            for name, group in groups
            for model in (SecurityModel.V1, SecurityModel.V2C, SecurityModel.USM)
        ),
        tuple(
            AccessEntry(
                group,
                SecurityModel.ANY,
                SecurityLevel.NO_AUTH_NO_PRIV,
                prefix=True,
                read="all",
                write="all" if group == "write" else "",
            )
            for group in ("read", "write")
        ),
        tuple(Subtree("all", (root,)) for root in (0, 1, 2)),
    )


def view_has(vacm: Vacm, view: str, name: Oid) -> bool:
    """Whether an instance, which need not exist, is in the MIB view of this name."""
    return view in vacm._views and vacm._views[view].allows(ber.encode_oid(name))


def make_engine(
    tree: Tree,
    context: Context,
    statistics: SnmpStatistics,
    *,
    readers: Sequence[bytes] = (b"public",),
    writers: Sequence[bytes] = (),
    networks: Sequence[Network] = LOOPBACK,
    users: Sequence[User] = (),
    tables: VacmTables | None = None,
    limits: Limits | None = None,
    boots: int = 1,
    engine_time: Callable[[], int] = lambda: 0,
    clock: Callable[[], float] = lambda: 0.0,
    failures: int = 1000,
    on_stranger: Callable[[str], None] = lambda _host: None,
) -> Engine:
    """Let in communities and users. Users may set what writers may."""
    limits = limits or Limits()
    names = [user.name for user in users]
    return Engine(
        Policy(
            Origins(
                (name, networks, Community(name, tuple(networks), name))
                for name in [*readers, *writers]
            ),
            Origins((name, networks, name) for name in names),
            Vacm(tables or access_tables(readers, [*writers, *names]), tree),
            limits,
            Limiter(failures, failures, clock),
        ),
        {b"": context},
        statistics,
        MessageProcessor(
            engine_id=ENGINE_ID,
            boots=boots,
            engine_time=engine_time,
            statistics=statistics,
            users=users,
            max_message_size=limits.max_message_size,
            random=bytes,
        ),
        quiet=QuietLog(logging.getLogger("flowmib.snmp"), clock),
        on_stranger=on_stranger,
    )


def finished(answer: Answer) -> bytes | None:
    """What an engine answers, also when that is not known at once."""
    if isinstance(answer, bytes) or answer is None:
        return answer

    async def wait() -> bytes | None:
        return await answer

    return asyncio.run(wait())
