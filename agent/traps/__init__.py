"""``flowmib traps``: receives notifications, traps and informs of all versions, and prints them.

Exit status: 0 after SIGINT, SIGTERM or the wanted number of notifications, 2 if it cannot listen.
"""

from __future__ import annotations

import asyncio
import io
import logging
import sys
from collections.abc import Callable, Sequence

from agent.config import ListenAddress
from agent.snmp.usm.users import UserSettings
from agent.traps.admission import has_localized_keys
from agent.traps.errors import TrapsError
from agent.traps.notification import json_line, text_block

__all__ = ["TrapsError", "run"]

_log = logging.getLogger("flowmib.traps")


def run(
    addresses: Sequence[ListenAddress],
    *,
    users: Sequence[UserSettings],
    communities: Sequence[bytes],
    engine_id: Callable[[], bytes],
    count: int | None,
    as_json: bool,
) -> None:
    """Receive and print notifications until SIGINT, SIGTERM or the end of their number.

    Args:
        addresses: where to listen.
        users: who may send over SNMPv3, each at the highest level it has secrets for.
        communities: that are taken over SNMPv1 and SNMPv2c; none for any.
        engine_id: gives the engine ID that the configuration belongs to. Localised keys are for
            that engine; without any, it is not asked.
        count: how many notifications there are to be; None for any number.
        as_json: whether to print JSON Lines, as :mod:`agent.traps.notification` says.

    Raises:
        ListenError: an address cannot be listened on.
        StateError: the engine ID is needed and cannot be read.
        TrapsError: pysnmp is not installed, or the standard output takes no more.
    """
    try:
        # It takes long, and the agent itself has no use for it.
        from agent.traps import service  # noqa: PLC0415
    except ImportError as error:
        raise TrapsError(
            f"to receive notifications needs pysnmp: {error}; install it with pip"
        ) from None
    keyed = [user.name for user in users if has_localized_keys(user)]
    keyed_engine = engine_id() if keyed else None
    if keyed_engine:
        _log.warning(
            "the localised keys of %s are for the engine %s: of that engine traps are taken, of"
            " others none, and informs never, which are for the receiver's own engine; passphrases"
            " fit all of them",
            ", ".join(map(repr, keyed)),
            keyed_engine.hex(),
        )
    if not users:
        _log.info("no user is configured: notifications of SNMPv3 are not taken")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    asyncio.run(
        service.serve(
            addresses,
            users=users,
            communities=communities,
            keyed_engine=keyed_engine,
            render=json_line if as_json else text_block,
            count=count,
        )
    )
