"""pysnmp as the manager: it shares nothing with net-snmp."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Coroutine, Sequence
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar

from tests.running_agent import RunningAgent
from tests.snmp_peer import Oid, Varbind
from tests.snmp_user import User
from tests.usm_peer import AUTH, PRIV

with warnings.catch_warnings():
    # pysnmp 7.1 uses names that pysmi 2 has renamed.
    warnings.simplefilter("ignore", DeprecationWarning)
    from pysnmp.hlapi.v3arch import asyncio as hlapi
    from pysnmp.proto import rfc1902

__all__ = ["V1", "V2C", "Answer", "PysnmpManager", "as_user", "hlapi", "rfc1902"]

_Result = TypeVar("_Result")

V1 = hlapi.CommunityData("public", mpModel=0)
V2C = hlapi.CommunityData("public", mpModel=1)


class Answer(NamedTuple):
    """What came back."""

    indication: str
    """Why there is no response, in pysnmp's words; empty if there is one."""
    error: tuple[str, int] = ("noError", 0)
    """error-status and error-index."""
    varbinds: list[Varbind] = []

    @property
    def names(self) -> list[Oid]:
        return [varbind.name for varbind in self.varbinds]

    @property
    def types(self) -> list[str]:
        return [varbind.type for varbind in self.varbinds]

    @property
    def values(self) -> list[Any]:
        return [varbind.value for varbind in self.varbinds]


def as_user(user: User, **more: Any) -> Any:
    """Return pysnmp's credentials of a user; more settings go before those that the user has."""
    settings: dict[str, Any] = {}
    if user.auth:
        settings |= {"authKey": user.auth_password, "authProtocol": AUTH[user.auth]}
    if user.priv:
        settings |= {"privKey": user.priv_password, "privProtocol": PRIV[user.priv]}
    return hlapi.UsmUserData(user.name, **settings | more)


class _Plain(hlapi.ObjectType):  # type: ignore[misc]
    """A variable binding that goes out as it is. pysnmp would fit the value to its own MIBs."""

    def __init__(self, name: Oid, value: Any) -> None:
        super().__init__(hlapi.ObjectIdentity(name), value)
        self._varbind = rfc1902.ObjectName(name), value

    def resolve_with_mib(self, *_: Any, **__: Any) -> tuple[Any, Any]:
        return self._varbind


class PysnmpManager:
    """Asks one agent, with an event loop of its own. It remembers the agent's engine.

    Args:
        agent: who is asked.
        max_message_size: octets that it says it can take.
    """

    def __init__(self, agent: RunningAgent, *, max_message_size: int = 65507) -> None:
        self._agent = agent
        self._max_message_size = max_message_size

    def __enter__(self) -> Self:
        self._runner = asyncio.Runner()
        self._runner.__enter__()
        self._engine = self._run(self._make_engine())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._run(self._close())
        self._runner.__exit__(kind, error, traceback)

    def get(self, credentials: Any, *names: Oid, context: Any = None) -> Answer:
        return self._ask(hlapi.get_cmd, credentials, _without_values(names), context=context)

    def next(self, credentials: Any, *names: Oid) -> Answer:
        return self._ask(hlapi.next_cmd, credentials, _without_values(names))

    def bulk(
        self, credentials: Any, non_repeaters: int, max_repetitions: int, *names: Oid
    ) -> Answer:
        numbers = non_repeaters, max_repetitions
        return self._ask(hlapi.bulk_cmd, credentials, _without_values(names), numbers)

    def set(self, credentials: Any, *varbinds: tuple[Oid, Any]) -> Answer:
        return self._ask(hlapi.set_cmd, credentials, varbinds)

    def walk(self, credentials: Any, root: Oid, repetitions: int = 0) -> list[Varbind]:
        """Everything below a name, with GETBULK if repetitions are given."""
        found: list[Varbind] = []
        name = root
        while True:
            if repetitions:
                answer = self.bulk(credentials, 0, repetitions, name)
            else:
                answer = self.next(credentials, name)
            if answer.error[0] == "noSuchName":
                return found
            assert answer.error == ("noError", 0)
            assert answer.varbinds, answer.indication
            for varbind in answer.varbinds:
                name = varbind.name
                if name[: len(root)] != root or varbind.type == "EndOfMibView":
                    return found
                found.append(varbind)

    def _ask(
        self,
        command: Any,
        credentials: Any,
        varbinds: Sequence[tuple[Oid, Any]],
        numbers: tuple[int, ...] = (),
        context: Any = None,
    ) -> Answer:
        async def ask() -> Any:
            return await command(
                self._engine,
                credentials,
                await hlapi.UdpTransportTarget.create(
                    ("127.0.0.1", self._agent.port), timeout=5, retries=0
                ),
                context or hlapi.ContextData(),
                *numbers,
                *(_Plain(*varbind) for varbind in varbinds),
                lookupMib=False,
            )

        indication, status, index, found = self._run(ask())
        if indication:
            return Answer(str(indication))
        return Answer(
            "",
            (status.prettyPrint() if status else "noError", int(index)),
            [Varbind(tuple(name), type(value).__name__, value) for name, value in found],
        )

    async def _make_engine(self) -> Any:
        return hlapi.SnmpEngine(maxMessageSize=self._max_message_size)

    async def _close(self) -> None:
        self._engine.close_dispatcher()

    def _run(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return self._runner.run(work)


def _without_values(names: Sequence[Oid]) -> list[tuple[Oid, Any]]:
    return [(name, rfc1902.Null("")) for name in names]
