"""Which crypto map sets are at which interfaces: 1.3.6.1.4.1.9.10.62.1.2.3.4."""

from __future__ import annotations

from functools import partial
from operator import attrgetter
from typing import Protocol

from datasource.configuration import Attachment
from mibs.cisco_ipsec.crypto_maps import name_key
from mibs.forms import constant, truth_value
from mibs.setting import ErrorStatus, Irreversible, SetError
from mibs.table import Column, Root, Table

__all__ = ["CryptoMapControl", "attachment_table"]

_UNKNOWN, _ATTACHED = 0, 1


class CryptoMapControl(Protocol):
    """Detaches crypto map sets."""

    @property
    def can_detach(self) -> bool:
        """Whether there is somebody now who would do it."""

    async def detach(self, set_name: str) -> None:
        """Detach a set from its interfaces. One that has gone meanwhile is no error.

        Raises:
            Exception: it stays, as far as can be told.
        """


_ATTACHMENTS = Root(
    "attachments",
    attrgetter("configuration.attachments"),
    lambda row: (row.interface.index, *name_key(row.set_name)),
)


def attachment_table(control: CryptoMapControl | None) -> Table:
    """Return cipsCryptomapSetIfTable; without a control, nothing of it can be set."""
    return Table(
        "cipsCryptomapSetIfTable",
        _ATTACHMENTS,
        (
            Column("cipsCryptomapSetIfVirtual", "interface.virtual", truth_value),
            _status(control),
        ),
    )


def _status(control: CryptoMapControl | None) -> Column:
    """Bind cipsCryptomapSetIfStatus; detached(2) detaches the set from all its interfaces.

    attached(1) is refused with genErr, as the MIB has it. But of several reasons a response gives
    the first in the order of RFC 3416 section 4.2.5. There, an instance that cannot be set, to
    whatever value, comes before genErr: where nobody can detach, both are notWritable. An illegal
    value comes before either, also for a row that is not there: unknown(0) is never to be set.
    """
    name, path, form = "cipsCryptomapSetIfStatus", "set_name", constant(_ATTACHED)
    if control is None:
        return Column(name, path, form)

    def write(row: Attachment, value: int) -> Irreversible:
        if not control.can_detach:
            raise SetError(ErrorStatus.NOT_WRITABLE)
        if value == _ATTACHED:
            raise SetError(ErrorStatus.GEN_ERR)
        return Irreversible(partial(control.detach, row.set_name))

    return Column(name, path, form, write, read_only=(_UNKNOWN,))
