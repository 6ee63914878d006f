"""What is read: GET, GETNEXT and GETBULK, each from one View (RFC 3416 section 4.2, RFC 1157).

SNMPv1 has no exceptions, so a name without a value is an error there (RFC 3584 section 4.2.2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from itertools import chain
from typing import TypeVar

from agent.errors import AgentError
from agent.snmp.message import (
    BULK_REQUEST,
    GET_REQUEST,
    VERSION_1,
    Pdu,
    encode_exception,
    varbinds_room,
)
from mibs import ber
from mibs.access import Access
from mibs.ber import BerError
from mibs.setting import ErrorStatus
from mibs.view import View

__all__ = ["ReadError", "read"]

_SMALLEST_VARBIND = 7
"""SEQUENCE, an OID of one octet and NULL."""

_Found = TypeVar("_Found")


class ReadError(AgentError):
    """A request cannot be answered; a cause, where there is one, is a fault of ours."""

    def __init__(self, status: ErrorStatus, index: int = 0) -> None:
        super().__init__(f"{status.name} at binding {index}")
        self.status = status
        self.index = index


def read(
    current: Callable[[], View],
    pdu: Pdu,
    access: Access,
    version: int,
    *,
    room: int,
    max_repetitions: int,
) -> bytes:
    """Return the variable bindings that answer a request to read, encoded and joined.

    Args:
        current: gives what there is.
        pdu: the request.
        access: what the requester may see.
        version: of SNMP.
        room: octets that the response may have; only a bulk request is cut to fit.
        max_repetitions: of a bulk request; more are not given, which the manager may expect.

    Raises:
        ReadError: the answer is an error.
        BerError: a name is not an OID.
    """
    names = pdu.names
    try:
        view = current()
    except Exception as error:
        raise ReadError(ErrorStatus.GEN_ERR, min(1, len(names))) from error
    if pdu.type == BULK_REQUEST:
        return _bulk(view, pdu, access, varbinds_room(room, pdu.request_id), max_repetitions)
    if pdu.type == GET_REQUEST:
        one = _get_v1 if version == VERSION_1 else _get
    else:
        one = _next_v1 if version == VERSION_1 else _next
    return b"".join(_each(one, view, names, access, 1))


def _each(
    one: Callable[[View, bytes, Access], _Found],
    view: View,
    names: Iterable[bytes],
    access: Access,
    first: int,
) -> list[_Found]:
    """Look up names, the first of which has this index in the request."""
    found: list[_Found] = []
    try:
        for name in names:
            found.append(one(view, name, access))  # noqa: PERF401 - its length is the index
    except (BerError, ReadError) as error:
        if isinstance(error, ReadError):
            raise ReadError(error.status, first + len(found)) from None
        raise
    except Exception as error:
        raise ReadError(ErrorStatus.GEN_ERR, first + len(found)) from error
    return found


def _get(view: View, name: bytes, access: Access) -> bytes:
    cell = view.get(name, access)
    return cell if isinstance(cell, bytes) else encode_exception(name, cell)


def _next(view: View, name: bytes, access: Access) -> bytes:
    return view.next(name, access) or encode_exception(name, ber.END_OF_MIB_VIEW)


def _get_v1(view: View, name: bytes, access: Access) -> bytes:
    cell = view.get(name, access)
    if not isinstance(cell, bytes):
        raise ReadError(ErrorStatus.NO_SUCH_NAME)
    return cell


def _next_v1(view: View, name: bytes, access: Access) -> bytes:
    cell = view.next(name, access)
    if cell is None:
        raise ReadError(ErrorStatus.NO_SUCH_NAME)
    return cell


def _bulk(view: View, pdu: Pdu, access: Access, room: int, max_repetitions: int) -> bytes:
    """GETBULK (RFC 3416 section 4.2.3), cut to whole bindings where it would not fit."""
    names = pdu.names
    non_repeaters = min(max(pdu.error_status, 0), len(names))
    repeaters = names[non_repeaters:]
    count = min(max(pdu.error_index, 0), max_repetitions)
    found: list[bytes] = []
    if non_repeaters:
        found = _each(_next, view, names[:non_repeaters], access, 1)
    if not repeaters or not count:
        for name in repeaters:
            ber.decode_oid(name)  # which is not looked up, and still has to be one
    else:
        left = room - sum(map(len, found))
        if len(repeaters) == 1:
            repeat = partial(_repeat_one, count=count, room=left)
            found += _each(repeat, view, repeaters, access, non_repeaters + 1)
        else:
            count = min(count, max(left, 0) // _SMALLEST_VARBIND // len(repeaters) + 1)
            columns = view.walk_on(repeaters, access, count)
            if columns is None:
                walk = partial(_walk, count=count)
                columns = _each(walk, view, repeaters, access, non_repeaters + 1)
                view.stopped_together(columns, access)
            found += _by_row(repeaters, columns, count)
    kept = _cut(found, room)
    if found and not kept:
        raise ReadError(ErrorStatus.TOO_BIG)
    return kept


def _repeat_one(view: View, name: bytes, access: Access, count: int, room: int) -> bytes:
    """The rest of a bulk request with one repeater: as it stands encoded in the view."""
    data, got, last, ended = view.walk_joined(name, access, count, room)
    if ended and got < count:
        end = encode_exception(ber.name_of(last) if last else name, ber.END_OF_MIB_VIEW)
        if len(data) + len(end) <= room:
            data += end
    return data


def _walk(view: View, name: bytes, access: Access, count: int) -> list[bytes]:
    return view.walk(name, access, count)


def _by_row(names: list[bytes], columns: list[list[bytes]], count: int) -> Iterable[bytes]:
    """Put the columns that several repeaters ask for row by row."""
    longest = max(map(len, columns))
    # One row of endOfMibView says that all have ended; more would say it again.
    rows = min(count, longest + 1)
    for name, column in zip(names, columns, strict=True):
        if len(column) < rows:
            last = ber.name_of(column[-1]) if column else name
            end = encode_exception(last, ber.END_OF_MIB_VIEW)
            column.extend([end] * (rows - len(column)))
    return chain.from_iterable(zip(*columns, strict=True))


def _cut(varbinds: list[bytes], room: int) -> bytes:
    joined = b"".join(varbinds)
    if len(joined) <= room:
        return joined
    size = 0
    for number, varbind in enumerate(varbinds):
        size += len(varbind)
        if size > room:
            return b"".join(varbinds[:number])
    return joined
