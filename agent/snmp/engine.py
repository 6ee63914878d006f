"""The command responder: a datagram in, a datagram or nothing out (RFC 3413 section 3, RFC 3416).

Every request is answered from one View. Counters are those of SNMPv2-MIB.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import chain

from agent.snmp.community import Communities, Principal
from agent.snmp.message import (
    BULK_REQUEST,
    GET_NEXT_REQUEST,
    GET_REQUEST,
    RESPONSE,
    SET_REQUEST,
    VERSION_1,
    VERSION_2C,
    Envelope,
    Pdu,
    decode_envelope,
    decode_pdu,
    encode_exception,
    encode_response,
    name_of,
)
from mibs import ber
from mibs.ber import BerError
from mibs.snmp_statistics import SnmpStatistics
from mibs.view import View

__all__ = ["Engine"]

_log = logging.getLogger("flowmib.snmp")

NO_ERROR, TOO_BIG, NO_SUCH_NAME, GEN_ERR, NO_ACCESS = 0, 1, 2, 5, 6
"""error-status (RFC 3416 section 3)."""

_REQUESTS = {
    VERSION_1: frozenset((GET_REQUEST, GET_NEXT_REQUEST, SET_REQUEST)),
    VERSION_2C: frozenset((GET_REQUEST, GET_NEXT_REQUEST, SET_REQUEST, BULK_REQUEST)),
}
_OTHERS = {VERSION_1: (RESPONSE, 0xA4), VERSION_2C: (RESPONSE, 0xA6, 0xA7, 0xA8)}
"""Messages that are right, and nothing to answer: responses, traps, informs, reports."""

_SMALLEST_VARBIND = 7
"""SEQUENCE, an OID of one octet and NULL."""


class _TooBigError(Exception):
    """The answer does not fit into a message."""


class Engine:
    """Answers SNMPv1 and SNMPv2c.

    Args:
        communities: who may ask.
        view: gives the View to answer from.
        statistics: where the engine counts.
        max_message_size: octets of the largest message it sends, 484 at least (RFC 3417).
        max_repetitions: of one bulk request; more are not given, which the manager may expect.
    """

    def __init__(
        self,
        communities: Communities,
        view: Callable[[], View],
        statistics: SnmpStatistics,
        *,
        max_message_size: int = 65507,
        max_repetitions: int = 1000,
    ) -> None:
        self._communities = communities
        self._view = view
        self._statistics = statistics
        self._max_message_size = max_message_size
        self._max_repetitions = max_repetitions
        self._reading = 0
        """Index of the binding that is being read, for an answer with genErr."""

    def process(self, data: bytes, host: str) -> bytes | None:
        """Answer a datagram that came from this address; None where nobody gets an answer."""
        statistics = self._statistics
        statistics.snmpInPkts += 1
        try:
            envelope = decode_envelope(data)
            if envelope.version not in (VERSION_1, VERSION_2C):
                statistics.snmpInBadVersions += 1
                return None
            principal = self._communities.find(envelope.community, host)
            if principal is None:
                statistics.snmpInBadCommunityNames += 1
                return None
            if envelope.pdu_type not in _REQUESTS[envelope.version]:
                if envelope.pdu_type not in _OTHERS[envelope.version]:
                    statistics.snmpInASNParseErrs += 1
                return None
            pdu = decode_pdu(data, envelope.start, envelope.stop)
            return self._answer(envelope, pdu, principal)
        except BerError:
            statistics.snmpInASNParseErrs += 1
            return None

    def _answer(self, envelope: Envelope, pdu: Pdu, principal: Principal) -> bytes | None:
        status, index, varbinds = NO_ERROR, 0, b""
        self._reading = min(1, len(pdu.names))
        try:
            if envelope.pdu_type == SET_REQUEST:
                self._statistics.snmpInBadCommunityUses += 1
                status = NO_ACCESS if envelope.version == VERSION_2C else NO_SUCH_NAME
                index = self._reading
            elif envelope.version == VERSION_1:
                status, index, varbinds = self._read_v1(envelope, pdu, principal.v1_mask)
            elif envelope.pdu_type == BULK_REQUEST:
                varbinds = self._bulk(envelope, pdu, principal.v2c_mask)
            else:
                varbinds = self._read_v2c(envelope, pdu, principal.v2c_mask)
        except BerError:
            raise
        except _TooBigError:
            status = TOO_BIG
        except Exception:  # noqa: BLE001 - whatever it is
            # A fault of ours must not stop the agent; the manager is told (RFC 3416 section 4.2.1).
            status, index = GEN_ERR, self._reading
            _log.exception("cannot answer a request for %s", _printed(pdu.names))
        if status != TOO_BIG:
            if status != NO_ERROR:
                _check(pdu.names)
                varbinds = pdu.varbinds
            answer = self._response(envelope, pdu, varbinds, status, index)
            if len(answer) <= self._max_message_size:
                return answer
        varbinds = pdu.varbinds if envelope.version == VERSION_1 else b""
        answer = self._response(envelope, pdu, varbinds, TOO_BIG, 0)
        if len(answer) <= self._max_message_size:
            return answer
        self._statistics.snmpSilentDrops += 1
        return None

    def _read_v1(self, envelope: Envelope, pdu: Pdu, mask: bytes) -> tuple[int, int, bytes]:
        """GET and GETNEXT of SNMPv1, which has no exceptions (RFC 3584 section 4.2.2)."""
        view = self._view()
        read = view.get if envelope.pdu_type == GET_REQUEST else view.next
        found = []
        for index, name in enumerate(pdu.names, 1):
            self._reading = index
            cell = read(name, mask)
            if not isinstance(cell, bytes):
                return NO_SUCH_NAME, index, b""
            found.append(cell)
        return NO_ERROR, 0, b"".join(found)

    def _read_v2c(self, envelope: Envelope, pdu: Pdu, mask: bytes) -> bytes:
        """GET and GETNEXT (RFC 3416 sections 4.2.1 and 4.2.2)."""
        view = self._view()
        read = _get if envelope.pdu_type == GET_REQUEST else _next
        found = []
        for index, name in enumerate(pdu.names, 1):
            self._reading = index
            found.append(read(view, name, mask))
        return b"".join(found)

    def _bulk(self, envelope: Envelope, pdu: Pdu, mask: bytes) -> bytes:
        """GETBULK (RFC 3416 section 4.2.3), cut to whole bindings where it would not fit."""
        view = self._view()
        room = _room(envelope, pdu, self._max_message_size)
        names = pdu.names
        non_repeaters = min(max(pdu.error_status, 0), len(names))
        found = []
        for index, name in enumerate(names[:non_repeaters], 1):
            self._reading = index
            found.append(_next(view, name, mask))
        repeaters = names[non_repeaters:]
        count = min(max(pdu.error_index, 0), self._max_repetitions)
        if not repeaters or not count:
            _check(repeaters)
        else:
            self._reading = non_repeaters + 1
            left = room - sum(map(len, found))
            if len(repeaters) == 1:
                found.append(_repeat_one(view, repeaters[0], mask, count, left))
            else:
                count = min(count, max(left, 0) // _SMALLEST_VARBIND // len(repeaters) + 1)
                found += self._repeat(view, repeaters, mask, count)
        kept = _cut(found, room)
        if found and not kept:
            raise _TooBigError
        return kept

    def _repeat(self, view: View, names: list[bytes], mask: bytes, count: int) -> list[bytes]:
        """The rest of a bulk request with several repeaters, row by row."""
        columns = []
        for name in names:
            columns.append(view.walk(name, mask, count))
            self._reading += 1
        longest = max(map(len, columns))
        # One row of endOfMibView says that all have ended; more would say it again.
        rows = min(count, longest + 1)
        for name, column in zip(names, columns, strict=True):
            if len(column) < rows:
                last = name_of(column[-1]) if column else name
                end = encode_exception(last, ber.END_OF_MIB_VIEW)
                column.extend([end] * (rows - len(column)))
        return list(chain.from_iterable(zip(*columns, strict=True)))

    def _response(
        self, envelope: Envelope, pdu: Pdu, varbinds: bytes, status: int = 0, index: int = 0
    ) -> bytes:
        return encode_response(
            envelope.version,
            envelope.community,
            pdu.request_id,
            varbinds,
            error_status=status,
            error_index=index,
        )


def _get(view: View, name: bytes, mask: bytes) -> bytes:
    cell = view.get(name, mask)
    return cell if isinstance(cell, bytes) else encode_exception(name, cell)


def _next(view: View, name: bytes, mask: bytes) -> bytes:
    return view.next(name, mask) or encode_exception(name, ber.END_OF_MIB_VIEW)


def _repeat_one(view: View, name: bytes, mask: bytes, count: int, room: int) -> bytes:
    """The rest of a bulk request with one repeater: as it stands encoded in the view."""
    data, got, last, ended = view.walk_joined(name, mask, count, room)
    if ended and got < count:
        end = encode_exception(name_of(last) if last else name, ber.END_OF_MIB_VIEW)
        if len(data) + len(end) <= room:
            data += end
    return data


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


def _room(envelope: Envelope, pdu: Pdu, size: int) -> int:
    """Octets that the bindings of a response may have, if the message has this size."""
    community = len(ber.encode_tlv(ber.OCTET_STRING, envelope.community))
    in_pdu = _content(_content(size) - 3 - community) - len(ber.encode_integer(pdu.request_id)) - 6
    return _content(in_pdu)


def _content(size: int) -> int:
    """Octets of content of an element of this size: the header has 2 to 4."""
    if size < 130:
        return size - 2
    if size < 259:
        return max(size - 3, 127)
    return max(size - 4, 255)


def _check(names: list[bytes]) -> None:
    """Find the name that is no OID, where the names are not looked up but sent back.

    Raises:
        BerError: there is one.
    """
    for name in names:
        ber.decode_oid(name)


def _printed(names: list[bytes]) -> str:
    """Names for the log; one that is no OID, in hexadecimal."""
    shown = []
    for name in names:
        try:
            shown.append(".".join(map(str, ber.decode_oid(name))))
        except BerError:
            shown.append(name.hex())
    return ", ".join(shown)
