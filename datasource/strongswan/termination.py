"""VICI's command ``terminate``: how SAs are ended, and how it is known that they are.

An IKE SA is ended whether or not its peer answers: charon sends the delete, waits for the answer
for :data:`ANSWER_WITHIN`, and drops the SA. (If it did not wait at all, the answer would come to an
SA that is gone, and be counted as a message without an SA.) A child SA cannot be forced like that:
the command returns at once, and with IKEv2 the SA goes when the peer answers, or is given up.

charon says that it has failed also where an SA was gone before, or was dropped without an answer.
So where it says so, a listing tells whether the SA is still there. Seen with strongSwan 5.9.8.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from datasource.control import TerminateError
from datasource.strongswan.fields import ConvertError, section, subsections, text
from datasource.strongswan.link import Link
from datasource.strongswan.packet import Message, ViciError
from datasource.strongswan.session import StrongSwanSession

__all__ = ["ANSWER_WITHIN", "Terminator"]

ANSWER_WITHIN = 0.5
"""Seconds: longer than a round trip to anywhere, shorter than a manager waits for its response."""
_AT_ONCE = 4
"""Each holds up one of charon's threads while it waits."""
_GOING = ("DELETING", "DELETED", "DESTROYING")


class Terminator:
    """Ends SAs, each time over a connection of its own.

    Args:
        connect: connects to the daemon.
        session: is told beforehand, so that it knows whose wish the end was.
        patience: seconds after which the daemon is taken to hang.
    """

    def __init__(
        self, connect: Callable[[], Awaitable[Link]], session: StrongSwanSession, patience: float
    ) -> None:
        self._connect = connect
        self._session = session
        self._patience = patience
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def end(self, sas: Sequence[int], *, child: bool) -> None:
        """End IKE SAs, or child SAs, by their unique ids. One that is gone is no error.

        Raises:
            TerminateError: one goes on.
        """
        if not sas:
            return
        try:
            async with asyncio.timeout(self._patience), self._turns, await self._connect() as link:
                for sa_id in sas:
                    self._session.terminating(sa_id, child=child)
                    await _terminate(link, sa_id, child=child)
        except TimeoutError as error:
            raise TerminateError(f"no end within {self._patience:g} s") from error
        except (ConvertError, ViciError) as error:
            raise TerminateError(str(error)) from error


async def _terminate(link: Link, sa_id: int, *, child: bool) -> None:
    which: Message = {"child-id" if child else "ike-id": str(sa_id).encode()}
    how: Message = {"timeout": b"-1"}
    if not child:
        how = {"force": b"yes", "timeout": str(round(ANSWER_WITHIN * 1000)).encode()}
    answer = await link.command("terminate", {**which, **how})
    if text(answer, "success", "") != "yes" and await _goes_on(link, which, sa_id, child=child):
        raise TerminateError(text(answer, "errmsg", "no reason given"))


async def _goes_on(link: Link, which: Message, sa_id: int, *, child: bool) -> bool:
    states: dict[str, str] = {}
    async for message in link.stream("list-sas", "list-sa", which):
        for _, ike in subsections(message):
            sas = [sa for _, sa in subsections(section(ike, "child-sas"))] if child else [ike]
            states.update((text(sa, "uniqueid"), text(sa, "state")) for sa in sas)
    return states.get(str(sa_id), _GOING[0]) not in _GOING
