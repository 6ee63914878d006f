"""The plugin error-notify's records, from bytes (sans-IO).

A record is a packed C structure of 768 octets (error_notify_msg.h): its type, a number in network
order; a text of 384 octets, the connection's name of 64, the peer's identity of 256, and its
address and port of 60, each padded with NUL. Nothing separates the records of the stream.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
import struct
from dataclasses import dataclass

from datasource.errors import DataSourceError
from datasource.model import IpAddress
from datasource.strongswan.alerts import Alert

__all__ = ["RECORD_SIZE", "ErrorNotifyError", "ErrorRecord", "ErrorRecords", "parse_record"]

_RECORD = struct.Struct(">i384s64s256s60s")
RECORD_SIZE = _RECORD.size
_MAX_TYPE = 999
_HOST = re.compile(r"([0-9A-Fa-f:.]{2,45})(?:%[^\[\]]{1,15})?\[\d{1,5}\]")


class ErrorNotifyError(DataSourceError):
    """This is no record of error-notify: the other end speaks something else."""


@dataclass(frozen=True, slots=True)
class ErrorRecord:
    """One alert. What the daemon does not know is empty, or None."""

    type: int
    text: str
    connection: str = ""
    peer_id: str = ""
    """The peer's EAP identity or, without EAP, its IKE identity."""
    peer_address: IpAddress | None = None

    @property
    def alert(self) -> Alert | None:
        """What it is about; None for a type that is not known here."""
        try:
            return Alert(self.type) if self.type else None
        except ValueError:
            return None


class ErrorRecords:
    """Cuts a stream into records."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[ErrorRecord]:
        """Take the next bytes and return the records that they complete.

        Raises:
            ErrorNotifyError: something is no record; so is nothing after it.
        """
        data = self._rest + data
        whole = len(data) - len(data) % RECORD_SIZE
        self._rest = data[whole:]
        return [
            parse_record(data[start : start + RECORD_SIZE])
            for start in range(0, whole, RECORD_SIZE)
        ]


def parse_record(data: bytes) -> ErrorRecord:
    """Convert one record.

    Raises:
        ErrorNotifyError: it is none.
    """
    try:
        number, *texts = _RECORD.unpack(data)
    except struct.error as error:
        raise ErrorNotifyError(f"a record of {len(data)} octets") from error
    # Were the stream cut in a wrong place, the number would be text, or the texts would not end.
    if not 0 <= number <= _MAX_TYPE or any(text[-1] for text in texts):
        raise ErrorNotifyError(f"not a record of error-notify: {data[:16].hex()}…")
    text, connection, peer_id, peer = (
        text.partition(b"\0")[0].decode("utf-8", "replace") for text in texts
    )
    # Where there is no IKE SA yet, the text alone has the address.
    return ErrorRecord(number, text, connection, peer_id, _address(peer) or _address(text))


def _address(text: str) -> IpAddress | None:
    if (match := _HOST.search(text)) is not None:
        with contextlib.suppress(ValueError):
            return ipaddress.ip_address(match[1])
    return None
