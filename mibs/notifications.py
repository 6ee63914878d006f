"""Which notifications an event means, and what each of them carries.

The objects are those of the MIB, in its order, each shown by the binding that a GET is answered
with, of the row as it was when it happened. After them come some that IOS adds and that management
systems look for; they can be left out.

A notification has to carry its objects, while a row may lack what its source cannot measure. Then
the value is the largest of its type, which for a lifetime means "no limit is known", and for an
address all zero octets.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from typing import Any

from datasource.events import (
    CryptoMapAdded,
    CryptoMapDeleted,
    CryptoMapSetAttached,
    CryptoMapSetDetached,
    Event,
    IkeFailed,
    IkeTunnelStarted,
    IkeTunnelStopped,
    IpsecFailed,
    IpsecTunnelStarted,
    IpsecTunnelStopped,
    IsakmpPolicyAdded,
    IsakmpPolicyDeleted,
    TooManySas,
)
from datasource.failures import IkeFailure, IpsecFailure
from datasource.model import Identity, IpAddress, IpsecTunnel, Peer, Spi
from datasource.reasons import IkeFailureReason, IpsecFailureReason
from mibs import ber
from mibs.notification import Notification
from mibs.smi import ObjectType, Smi
from mibs.table import Key, Scalar, Value
from mibs.tree import ColumnSpan, ScalarSpan, Span, Tree

__all__ = ["Notifier"]

_Rows = Mapping[str, tuple[Key, Any]]
"""By the name of a table: the index and the row that an object of it is shown of."""

_EXTRAS: Mapping[str, tuple[str, ...]] = {
    "cikeTunnelStop": ("cikeTunHistTermReason",),
    "cipSecTunnelStart": ("cipSecEndPtLocalAddr1", "cipSecEndPtRemoteAddr1"),
    "cipSecTunnelStop": (
        "cipSecTunHistTermReason",
        "cipSecEndPtHistLocalAddr1",
        "cipSecEndPtHistRemoteAddr1",
    ),
}
"""What is added, though the MIB does not say so."""

_IKE_FAILURES: Mapping[IkeFailureReason, str] = {
    IkeFailureReason.LOCAL_FAILURE: "cikeSysFailure",
    IkeFailureReason.INTERNAL_ERROR: "cikeSysFailure",
    IkeFailureReason.SYSTEM_CAPACITY: "cikeSysFailure",
    IkeFailureReason.PEER_CERTIFICATE_UNAVAILABLE: "cikeCertCrlFailure",
    IkeFailureReason.PEER_CERTIFICATE_NOT_VALID: "cikeCertCrlFailure",
    IkeFailureReason.LOCAL_CERTIFICATE_EXPIRED: "cikeCertCrlFailure",
    IkeFailureReason.CRL: "cikeCertCrlFailure",
    IkeFailureReason.AUTHENTICATION: "cikeProtocolFailure",
    IkeFailureReason.HASH_VALIDATION: "cikeProtocolFailure",
    IkeFailureReason.ENCRYPTION: "cikeProtocolFailure",
    IkeFailureReason.PROPOSAL: "cikeProtocolFailure",
    IkeFailureReason.PEER_ENCODING: "cikeProtocolFailure",
    IkeFailureReason.NO_SA: "cikeNoSa",
}
"""The others have none: that a tunnel was ended, its own notification tells."""

_IPSEC_FAILURES: Mapping[IpsecFailureReason, str] = {
    IpsecFailureReason.INTERNAL_ERROR: "cipSecSysFailure",
    IpsecFailureReason.SYSTEM_CAPACITY: "cipSecSysFailure",
    IpsecFailureReason.PROPOSAL: "cipSecSetUpFailure",
    IpsecFailureReason.PEER_DELETE: "cipSecEarlyTunTerm",
    IpsecFailureReason.PEER_LOST: "cipSecEarlyTunTerm",
    IpsecFailureReason.SEQUENCE_NUMBER_ROLL_OVER: "cipSecEarlyTunTerm",
    IpsecFailureReason.OPERATOR: "cipSecEarlyTunTerm",
    IpsecFailureReason.PEER_ENCODING: "cipSecProtocolFailure",
    IpsecFailureReason.PROTOCOL_USE: "cipSecProtocolFailure",
    IpsecFailureReason.DECRYPTION: "cipSecProtocolFailure",
    IpsecFailureReason.ENCRYPTION: "cipSecProtocolFailure",
    IpsecFailureReason.IN_AUTHENTICATION: "cipSecProtocolFailure",
    IpsecFailureReason.OUT_AUTHENTICATION: "cipSecProtocolFailure",
    IpsecFailureReason.COMPRESSION: "cipSecProtocolFailure",
}
"""Of a tunnel. Without one only cipSecSetUpFailure and cipSecNoSa can be told: the others carry its
objects."""

_CONFIGURATION: Mapping[type[Event], str] = {
    IsakmpPolicyAdded: "cipsIsakmpPolicyAdded",
    IsakmpPolicyDeleted: "cipsIsakmpPolicyDeleted",
    CryptoMapAdded: "cipsCryptomapAdded",
    CryptoMapDeleted: "cipsCryptomapDeleted",
    CryptoMapSetAttached: "cipsCryptomapSetAttached",
    CryptoMapSetDetached: "cipsCryptomapSetDetached",
    TooManySas: "cipsTooManySAs",
}


class Notifier:
    """Makes the notifications of what happens.

    Args:
        smi: the modules that define them.
        tree: what shows their objects.
        time_stamp: gives sysUpTime, in hundredths of a second, at a time of the events' clock.
        context: of SNMP, that the objects are in.
        wanted: whether anybody is to be told of a notification, by its name.
        extras: whether to add what IOS adds.
    """

    def __init__(
        self,
        smi: Smi,
        tree: Tree,
        time_stamp: Callable[[float], int],
        *,
        context: bytes = b"",
        wanted: Callable[[str], bool] = lambda _name: True,
        extras: bool = True,
    ) -> None:
        self._smi = smi
        self._time_stamp = time_stamp
        self._context = context
        self._wanted = wanted
        self._extras: Mapping[str, tuple[str, ...]] = _EXTRAS if extras else {}
        self._spans = {span.type.name: span for span in tree.spans}
        self._roots = {
            span.table.name: span.table.root for span in tree.spans if isinstance(span, ColumnSpan)
        }

    def standard(self, name: str, at: float) -> Notification | None:
        """Return a notification without objects, such as coldStart; None where nobody wants it.

        Raises:
            SmiError: there is none of that name.
        """
        return self._make(name, at, {}, None) if self._wanted(name) else None

    def notification(self, event: Event) -> Notification | None:
        """Return what there is to tell of an event, None where that is nothing."""
        name = self._name(event)
        if name is None or not self._wanted(name):
            return None
        return self._make(name, event.at, self._rows(event), event)

    def _name(self, event: Event) -> str | None:
        match event:
            case IkeTunnelStarted(found=False):
                return "cikeTunnelStart"
            case IkeTunnelStopped():
                return "cikeTunnelStop"
            case IpsecTunnelStarted(found=False):
                return "cipSecTunnelStart"
            case IpsecTunnelStopped():
                return "cipSecTunnelStop"
            case IkeFailed(failure=ike):
                return _IKE_FAILURES.get(ike.reason)
            case IpsecFailed(failure=failure):
                if failure.reason is IpsecFailureReason.NO_SA:
                    return "cipSecNoSa"
                if failure.tunnel is not None:
                    return _IPSEC_FAILURES.get(failure.reason)
                return None if failure.peer is None else "cipSecSetUpFailure"
        return _CONFIGURATION.get(type(event))

    def _rows(self, event: Event) -> _Rows:
        """Return the rows that the objects of an event's notification are shown of."""
        match event:
            case IkeTunnelStarted(tunnel=tunnel, peer=peer):
                return self._keyed(cikePeerTable=peer, cikeTunnelTable=tunnel)
            case IkeTunnelStopped(tunnel=tunnel, record=record):
                return self._keyed(
                    cikePeerTable=record.content.peer,
                    cikeTunnelTable=tunnel,
                    cikeTunnelHistTable=record,
                )
            case IpsecTunnelStarted(tunnel=ipsec):
                rows = self._keyed(cipSecTunnelTable=ipsec)
                if ipsec.endpoints:
                    rows["cipSecEndPtTable"] = (ipsec.index, 1), ipsec.endpoints[0]
                return rows
            case IpsecTunnelStopped(tunnel=ipsec, record=ended, endpoints=endpoints):
                first = {"cipSecEndPtHistTable": endpoints[0]} if endpoints else {}
                return self._keyed(cipSecTunnelTable=ipsec, cipSecTunnelHistTable=ended, **first)
            case IkeFailed(failure=ike):
                return self._keyed(cikePeerTable=_peer_of(ike))
            case IpsecFailed(failure=failure):
                return self._rows_of(failure)
            case CryptoMapAdded(crypto_map=member, crypto_map_set=crypto_map_set):
                return self._keyed(
                    cipsStaticCryptomapTable=member, cipsStaticCryptomapSetTable=crypto_map_set
                )
            case (
                CryptoMapDeleted(crypto_map_set=crypto_map_set)
                | CryptoMapSetAttached(crypto_map_set=crypto_map_set)
                | CryptoMapSetDetached(crypto_map_set=crypto_map_set)
            ):
                return self._keyed(cipsStaticCryptomapSetTable=crypto_map_set)
        return {}

    def _rows_of(self, failure: IpsecFailure) -> _Rows:
        rows = {} if failure.peer is None else self._keyed(cikePeerTable=failure.peer)
        if (tunnel := failure.tunnel) is not None:
            rows |= self._keyed(cipSecTunnelTable=tunnel)
            spi = _spi_of(failure.spi, tunnel)
            rows["cipSecSpiTable"] = (tunnel.index, spi.number), spi
        return rows

    def _keyed(self, **shown: Any) -> dict[str, tuple[Key, Any]]:
        return {table: (self._roots[table].key(row), row) for table, row in shown.items()}

    def _make(self, name: str, at: float, rows: _Rows, event: Event | None) -> Notification:
        type_ = self._smi.notification(name)
        spans = [self._spans[object_] for object_ in type_.objects]
        spans += [
            span
            for span in map(self._spans.__getitem__, self._extras.get(name, ()))
            if isinstance(span, ColumnSpan) and span.table.name in rows
        ]
        varbinds = tuple(_varbind(span, at, rows, event) for span in spans)
        return Notification(name, type_.oid, self._time_stamp(at), varbinds, self._context)


def _varbind(span: Span, at: float, rows: _Rows, event: Event | None) -> bytes:
    key: Key = (0,)
    value = None
    if isinstance(span, ColumnSpan):
        key, row = rows[span.table.name]
        (value,) = span.column.values([span.column.first(row)], at)
    elif isinstance(span, ScalarSpan) and isinstance(span.scalar, Scalar):
        # An event has those attributes of a snapshot that its scalars are shown of.
        value = span.scalar.value(event)
    if value is None:
        value = _stand_in(span.type)
    suffix = ber.encode_sub_identifiers(key)
    return ber.encode_varbinds(span.prefix, (suffix,), span.type.tag, (value,))[0]


def _stand_in(type_: ObjectType) -> Value:
    """Return what an object shows that has to be there, while its value is not known."""
    if type_.tag == ber.OCTET_STRING:
        return bytes(type_.ranges[0][0])
    if type_.enumeration:
        return min(type_.enumeration.values())
    return type_.ranges[-1][1] if type_.ranges else 0


_UNKNOWN: IpAddress = ipaddress.IPv4Address(0)


def _peer_of(failure: IkeFailure) -> Peer:
    """Return who failed, as far as is known: an identity that is not is the address."""
    local = failure.local_address or _UNKNOWN
    remote = failure.remote_address or _UNKNOWN
    return Peer(
        failure.local_identity or Identity.parse(str(local)),
        failure.remote_identity or Identity.parse(str(remote)),
        failure.number,
        local,
        remote,
    )


def _spi_of(value: int | None, tunnel: IpsecTunnel) -> Spi:
    """Return the SA that is concerned, or the newest that comes in."""
    inbound = [spi for spi in tunnel.spis if spi.inbound] or list(tunnel.spis)
    if not inbound:
        return Spi(1, inbound=True, value=0, protocol=tunnel.parameters.protocol, expiring=False)
    return next((spi for spi in inbound if spi.value == value), inbound[-1])
