"""TunnelStatus: what both tunnel tables read, and what is done where it is set."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from datasource.control import TunnelControl
from mibs.forms import constant
from mibs.setting import ErrorStatus, Irreversible, SetError
from mibs.table import Column

__all__ = ["tunnel_status"]

_ACTIVE = 1


def tunnel_status(
    name: str,
    control: TunnelControl | None,
    terminate: Callable[[TunnelControl, int], Awaitable[None]],
) -> Column:
    """Bind a column that reads active(1); setting it to destroy(2) ends the tunnel of the row.

    active(1) may be set too, and changes nothing. A gateway that cannot end a tunnel, now or ever,
    answers notWritable.
    """
    if control is None:
        return Column(name, "index", constant(_ACTIVE))

    def write(row: Any, value: int) -> Irreversible | None:
        if not control.can_terminate:
            raise SetError(ErrorStatus.NOT_WRITABLE)
        return None if value == _ACTIVE else Irreversible(partial(terminate, control, row.index))

    return Column(name, "index", constant(_ACTIVE), write)
