"""VICI's sections, as :mod:`datasource.strongswan.packet` decodes them, to security associations.

Fields are those of list-sas in strongSwan's src/libcharon/plugins/vici/README.md.
Numbers and yes/no are text; SPIs, marks and interface ids are hexadecimal without 0x; times are
whole seconds.

On a big gateway the same thousands of SAs are converted every few seconds, and next to nothing of
them has changed. So a :class:`Converter` keeps the parameters that it made for an SA and compares
only the raw fields that they were made of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Generic, TypeVar, cast

from datasource.model import (
    NO_IPSEC_TRAFFIC,
    ChildSa,
    ChildSaParameters,
    EncapsulationMode,
    Identity,
    IkeSa,
    IkeSaParameters,
    IpAddress,
    IpsecTraffic,
    Mark,
    NegotiationMode,
    SaState,
)
from datasource.strongswan.connection import UNKNOWN_CONNECTION, Connection
from datasource.strongswan.fields import (
    ConvertError,
    address,
    number,
    proposal,
    section,
    selectors,
    subsections,
    text,
)
from datasource.strongswan.packet import Message
from datasource.xfrm.codec import KernelSa
from datasource.xfrm.sas import KernelSas

__all__ = ["Converter"]

_IKE_STATES = {
    b"CREATED": SaState.STARTING,
    b"CONNECTING": SaState.STARTING,
    b"ESTABLISHED": SaState.ACTIVE,
    b"REKEYING": SaState.ACTIVE,
    b"PASSIVE": SaState.ACTIVE,
    b"REKEYED": SaState.EXPIRING,
    b"DELETING": SaState.EXPIRING,
    b"DESTROYING": SaState.EXPIRING,
}
_CHILD_STATES = {
    b"CREATED": SaState.STARTING,
    b"ROUTED": SaState.STARTING,
    b"INSTALLING": SaState.STARTING,
    b"INSTALLED": SaState.ACTIVE,
    b"UPDATING": SaState.ACTIVE,
    b"REKEYING": SaState.ACTIVE,
    b"RETRYING": SaState.ACTIVE,
    b"REKEYED": SaState.EXPIRING,
    b"DELETING": SaState.EXPIRING,
    b"DELETED": SaState.EXPIRING,
    b"DESTROYING": SaState.EXPIRING,
}
_MODES = {
    "TUNNEL": EncapsulationMode.TUNNEL,
    "TRANSPORT": EncapsulationMode.TRANSPORT,
    "BEET": EncapsulationMode.BEET,
}
# RFC 4543: GMAC authenticates and does not encrypt.
_NOT_ENCRYPTING = ("", "NULL", "NULL_AES_GMAC")

_IKE_STATIC = (
    "version", "local-host", "local-port", "local-id", "remote-host", "remote-port", "remote-id",
    "remote-xauth-id", "remote-eap-id", "initiator", "initiator-spi", "responder-spi", "encr-alg",
    "encr-keysize", "integ-alg", "prf-alg", "dh-group", "if-id-in", "if-id-out",
)  # fmt: skip
_CHILD_STATIC = (
    "name", "reqid", "mode", "protocol", "encap", "spi-in", "spi-out", "cpi-in", "cpi-out",
    "encr-alg", "encr-keysize", "integ-alg", "dh-group", "local-ts", "remote-ts", "mark-in",
    "mark-mask-in", "mark-out", "mark-mask-out", "if-id-in", "if-id-out",
)  # fmt: skip

_Parameters = TypeVar("_Parameters", IkeSaParameters, ChildSaParameters)


@dataclass(slots=True)
class _Known(Generic[_Parameters]):
    raw: tuple[object, ...]
    context: object
    """What else the parameters were made of."""
    parameters: _Parameters
    encrypts: bool = False
    authenticates: bool = False
    compresses: bool = False
    local_address: IpAddress | None = None
    """Of a child, where it was listed with its IKE SA: the destination of its inbound SA."""


class _Memo(Generic[_Parameters]):
    """What is known by an SA's id, until the SA is missing from a whole listing."""

    def __init__(self) -> None:
        self._new: dict[int, _Known[_Parameters]] = {}
        self._old: dict[int, _Known[_Parameters]] = {}

    def get(self, sa_id: int) -> _Known[_Parameters] | None:
        known = self._new.get(sa_id)
        if known is None and (known := self._old.pop(sa_id, None)) is not None:
            self._new[sa_id] = known
        return known

    def set(self, sa_id: int, known: _Known[_Parameters]) -> None:
        self._new[sa_id] = known

    def age(self) -> None:
        self._old, self._new = self._new, {}


def _ignore(_error: ConvertError) -> None:
    pass


class Converter:
    """Converts SAs, and remembers what it made of them.

    Args:
        on_bad_child: told of a child SA that is left out because it is malformed.
        kernel: the kernel's SAs, which count what charon does not.
    """

    def __init__(
        self,
        on_bad_child: Callable[[ConvertError], None] = _ignore,
        kernel: KernelSas | None = None,
    ) -> None:
        self.connections: Mapping[str, Connection] = {}
        """By name. To be replaced when they have been listed."""
        self._on_bad_child = on_bad_child
        self._kernel = kernel if kernel is not None else KernelSas()
        self._ike: _Memo[IkeSaParameters] = _Memo()
        self._children: _Memo[ChildSaParameters] = _Memo()

    def listed(self) -> None:
        """Forget SAs that were neither in this listing, which is complete, nor seen since it began.

        To be called at the end of a listing.
        """
        self._ike.age()
        self._children.age()

    def ike_sa(self, name: str, fields: Message, mode: NegotiationMode | None = None) -> IkeSa:
        """Convert an IKE SA of the connection ``name``, with its children.

        ``mode`` is that of an IKEv1 SA, which no field tells.

        Raises:
            ConvertError: it is malformed. A malformed child is only left out.
        """
        sa_id = 0
        try:
            sa_id = number(fields, "uniqueid")
            connection = self.connections.get(name, UNKNOWN_CONNECTION)
            state = _IKE_STATES[cast("bytes", fields.get("state"))]
            parameters = self._ike_parameters(sa_id, name, connection, fields, mode)
            children = tuple(
                self._children_of(parameters, connection, section(fields, "child-sas"))
                if "child-sas" in fields
                else ()
            )
            if "established" in fields:
                age = number(fields, "established")
            else:
                # Said in state ESTABLISHED only; no older than this, for an SA seen first now.
                age = int(max((child.age for child in children), default=0))
            return IkeSa(sa_id, state, age, parameters, children)
        except ConvertError as error:
            raise error.of(f"IKE SA {name}[{sa_id}]") from None
        except (KeyError, TypeError) as error:
            raise ConvertError("state", fields.get("state"), f"IKE SA {name}[{sa_id}]") from error

    def child_sa(self, ike_name: str, key: str, fields: Message) -> ChildSa:
        """Convert a child SA.

        Raises:
            ConvertError: it is malformed, or so early or late in its life that nothing is told.
        """
        connection = self.connections.get(ike_name, UNKNOWN_CONNECTION)
        return self._child(ike_name, None, connection, key, fields)

    def _ike_parameters(
        self,
        sa_id: int,
        name: str,
        connection: Connection,
        fields: Message,
        mode: NegotiationMode | None,
    ) -> IkeSaParameters:
        raw = (name, *map(fields.get, _IKE_STATIC))
        rekey_after = _due(fields, "established", "rekey-time", "reauth-time")
        context = (connection.lifetime, connection.auth_method, mode)
        known = self._ike.get(sa_id)
        if known is not None and known.raw == raw and known.context == context:
            parameters = known.parameters
            after = _steady(parameters.rekey_after, rekey_after)
            if after != parameters.rekey_after:
                known.parameters = parameters = replace(parameters, rekey_after=after)
            return parameters
        version = number(fields, "version")
        parameters = IkeSaParameters(
            connection=name,
            version=version,
            initiator=text(fields, "initiator", "no") == "yes",
            local_address=address(fields, "local-host"),
            remote_address=address(fields, "remote-host"),
            local_identity=Identity.parse(text(fields, "local-id")),
            remote_identity=Identity.parse(text(fields, "remote-id")),
            local_port=number(fields, "local-port", 500),
            remote_port=number(fields, "remote-port", 500),
            remote_account=text(fields, "remote-xauth-id", "") or text(fields, "remote-eap-id", ""),
            mode=NegotiationMode.IKEV2 if version == 2 else mode,
            auth_method=connection.auth_method,
            proposal=proposal(fields),
            initiator_spi=number(fields, "initiator-spi", 0, 16),
            responder_spi=number(fields, "responder-spi", 0, 16),
            lifetime=connection.lifetime,
            rekey_after=_steady(known.parameters.rekey_after if known else None, rekey_after),
            if_id_in=_hex(fields, "if-id-in"),
            if_id_out=_hex(fields, "if-id-out"),
        )
        self._ike.set(sa_id, _Known(raw, context, parameters))
        return parameters

    def _children_of(
        self, ike: IkeSaParameters, connection: Connection, fields: Message
    ) -> Iterator[ChildSa]:
        for key, child in subsections(fields):
            try:
                if "spi-in" in child or self._children.get(number(child, "uniqueid")) is not None:
                    yield self._child(ike.connection, ike.local_address, connection, key, child)
                # Else it is not installed yet, or not any more: nothing is told.
            except ConvertError as error:
                self._on_bad_child(error)

    def _child(
        self,
        ike_name: str,
        local_address: IpAddress | None,
        connection: Connection,
        key: str,
        fields: Message,
    ) -> ChildSa:
        try:
            sa_id = number(fields, "uniqueid")
            state = _CHILD_STATES[cast("bytes", fields.get("state"))]
            known = self._children.get(sa_id)
            if known is not None and "spi-in" not in fields:
                # While it is updated or deleted, charon may tell its state and nothing else.
                return ChildSa(sa_id, state, 0, known.parameters)
            age = number(fields, "install-time", 0)
            known = self._child_parameters(sa_id, known, key, connection, fields)
            known.local_address = local_address or known.local_address
            kernel = self._in_kernel(known)
            traffic = _traffic(fields, known, kernel) if "bytes-in" in fields else NO_IPSEC_TRAFFIC
            return ChildSa(sa_id, state, age, known.parameters, traffic)
        except ConvertError as error:
            raise error.of(f"child SA {ike_name}/{key}") from None
        except (KeyError, TypeError) as error:
            state_text = fields.get("state")
            raise ConvertError("state", state_text, f"child SA {ike_name}/{key}") from error

    def _in_kernel(self, known: _Known[ChildSaParameters]) -> KernelSa | None:
        """Return the inbound SA, if the kernel has it."""
        parameters = known.parameters
        if known.local_address is None:
            return None
        found = self._kernel.find(known.local_address, parameters.spi_in, parameters.protocol)
        if found is not None and found.hard_octets not in (None, parameters.lifetime_octets):
            known.parameters = replace(parameters, lifetime_octets=found.hard_octets)
        return found

    def _child_parameters(
        self,
        sa_id: int,
        known: _Known[ChildSaParameters] | None,
        key: str,
        connection: Connection,
        fields: Message,
    ) -> _Known[ChildSaParameters]:
        raw = tuple(map(fields.get, _CHILD_STATIC))
        rekey_after = _due(fields, "install-time", "rekey-time")
        lifetime = _due(fields, "install-time", "life-time")
        if known is not None:
            rekey_after = _steady(known.parameters.rekey_after, rekey_after)
            lifetime = _steady(known.parameters.lifetime, lifetime)
            if known.raw == raw and known.context is connection:
                old = known.parameters
                if (old.rekey_after, old.lifetime) != (rekey_after, lifetime):
                    known.parameters = replace(old, rekey_after=rekey_after, lifetime=lifetime)
                return known
        name = text(fields, "name", key)
        mode = text(fields, "mode")
        if mode not in _MODES:
            raise ConvertError("mode", mode)
        algorithms = proposal(fields)
        protocol = text(fields, "protocol")
        compresses = "cpi-in" in fields
        parameters = ChildSaParameters(
            name=name,
            reqid=number(fields, "reqid"),
            spi_in=number(fields, "spi-in", None, 16),
            spi_out=number(fields, "spi-out", None, 16),
            local_selectors=selectors(fields, "local-ts"),
            remote_selectors=selectors(fields, "remote-ts"),
            protocol=protocol,
            mode=_MODES[mode],
            udp_encapsulation=text(fields, "encap", "no") == "yes",
            cpi_in=_hex(fields, "cpi-in"),
            cpi_out=_hex(fields, "cpi-out"),
            proposal=algorithms,
            lifetime=lifetime,
            rekey_after=rekey_after,
            rekey_octets=connection.rekey_octets.get(name),
            mark_in=_mark(fields, "mark-in", "mark-mask-in"),
            mark_out=_mark(fields, "mark-out", "mark-mask-out"),
            if_id_in=_hex(fields, "if-id-in"),
            if_id_out=_hex(fields, "if-id-out"),
        )
        known = _Known(
            raw,
            connection,
            parameters,
            encrypts=protocol == "ESP" and algorithms.encryption not in _NOT_ENCRYPTING,
            authenticates=bool(algorithms.integrity) or algorithms.is_aead,
            compresses=compresses,
        )
        self._children.set(sa_id, known)
        return known


def _hex(fields: Message, name: str) -> int | None:
    return number(fields, name, None, 16) if name in fields else None


def _mark(fields: Message, name: str, mask: str) -> Mark | None:
    """Return a mark. The mask is told where it is not that of all bits."""
    value = _hex(fields, name)
    return None if value is None else Mark(value, number(fields, mask, 0xFFFFFFFF, 16))


def _due(fields: Message, age: str, *remaining: str) -> int | None:
    """Return the age at which the first of these times has run out."""
    times = [number(fields, name) for name in remaining if name in fields]
    return number(fields, age, 0) + min(times) if times else None


def _steady(old: int | None, new: int | None) -> int | None:
    """Keep an old value while the new one is the same but for rounding, or is not told."""
    if old is None or (new is not None and abs(new - old) > 1):
        return new
    return old


def _traffic(
    fields: Message, known: _Known[ChildSaParameters], kernel: KernelSa | None
) -> IpsecTraffic:
    in_octets, in_packets = number(fields, "bytes-in"), number(fields, "packets-in")
    out_octets, out_packets = number(fields, "bytes-out"), number(fields, "packets-out")
    # A packet that charon counts has passed whatever its SA does. How many octets there were
    # before compression is not counted.
    return IpsecTraffic(
        in_octets=in_octets,
        in_plain_octets=None if known.compresses else in_octets,
        in_packets=in_packets,
        in_replay_drops=None if kernel is None else kernel.replay_window + kernel.replay,
        in_auth_fails=None if kernel is None else kernel.integrity_failed,
        in_auths=in_packets if known.authenticates else 0,
        in_decrypts=in_packets if known.encrypts else 0,
        out_octets=out_octets,
        out_plain_octets=None if known.compresses else out_octets,
        out_packets=out_packets,
        out_auths=out_packets if known.authenticates else 0,
        out_encrypts=out_packets if known.encrypts else 0,
    )
