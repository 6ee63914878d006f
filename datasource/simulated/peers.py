"""What the peers of the simulated gateway look like.

Peer number n looks the same at every size of the gateway. The first ones are laid out by hand, so
that a small gateway looks like one that people have met. Addresses are those set aside for
documentation (RFC 5737, RFC 3849), for private use (RFC 1918), and for benchmarks (RFC 2544) where
more are needed.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import random
import sys
from collections.abc import Callable
from typing import NamedTuple

from datasource.model import (
    AuthMethod,
    ChildSaParameters,
    EncapsulationMode,
    Identity,
    IkeSaParameters,
    IpAddress,
    NegotiationMode,
    TrafficSelector,
)
from datasource.simulated.chances import (
    AH_PROPOSALS,
    DEFAULT_ESP_PROPOSALS,
    ESP_PROPOSALS,
    IKE_PROPOSALS,
    IKEV1_PROPOSALS,
    IKEV2_PROPOSALS,
    OLD_ESP_PROPOSALS,
    Weighted,
)
from datasource.simulated.traffic import Flow

__all__ = [
    "OUR_IPV4",
    "OUR_IPV6",
    "Peer",
    "can_roam",
    "make_child",
    "make_peer",
    "renewed_child",
    "renewed_ike",
    "roamed",
    "spi",
]


def spi(rng: random.Random) -> int:
    """Return an SPI; those below 256 are reserved (RFC 4303 section 2.1)."""
    return rng.randrange(0x100, 0x1_0000_0000)


# Identities and addresses -----------------------------------------------------------------------

_PLACES = (
    "oslo", "lisbon", "kyoto", "quito", "accra", "dublin", "bergen", "porto", "osaka", "cusco",
    "tunis", "cork", "tromso", "faro", "nara", "lima", "dakar", "galway", "tampere", "vienna",
    "gdansk", "riga", "tartu", "malmo", "aarhus", "ghent", "basel", "trieste", "split", "sofia",
    "izmir", "tbilisi", "almaty", "hanoi", "cebu", "perth", "suva", "hobart", "halifax", "boise",
)  # fmt: skip
_PEOPLE = (
    "ada",
    "edsger",
    "grace",
    "alan",
    "barbara",
    "donald",
    "radia",
    "leslie",
    "vint",
    "elise",
)

OUR_IPV4: IpAddress = ipaddress.IPv4Address("192.0.2.1")
OUR_IPV6: IpAddress = ipaddress.IPv6Address("2001:db8::1")
_OUR_NAME = Identity.parse("gateway.example.net")
_OUR_DN = Identity.parse("C=NO, O=Example, CN=gateway.example.net")
_OUR_ADDRESSES = {address: Identity.parse(str(address)) for address in (OUR_IPV4, OUR_IPV6)}

_PEERS_IPV4 = (ipaddress.IPv4Network("198.51.100.0/24"), ipaddress.IPv4Network("203.0.113.0/24"))
_MORE_IPV4 = ipaddress.IPv4Network("198.18.0.0/16")
_ROAMING_IPV4 = ipaddress.IPv4Network("198.19.0.0/16")
_PEERS_IPV6 = int(ipaddress.IPv6Address("2001:db8:1::"))
_INSIDE_IPV6 = int(ipaddress.IPv6Address("2001:db8:8000::"))
_INSIDE_IPV4 = int(ipaddress.IPv4Address("10.0.0.0"))


def _place(number: int) -> str:
    return _PLACES[number] if number < len(_PLACES) else f"site-{number + 1}"


def _outer_ipv4(number: int) -> IpAddress:
    for network in _PEERS_IPV4:
        if number < 250:
            return network[number + 1]
        number -= 250
    return _MORE_IPV4[number + 1]


def _outer_ipv6(number: int) -> IpAddress:
    return ipaddress.IPv6Address(_PEERS_IPV6 + (number + 1 << 64) + 1)


def _by_address(_: int, address: IpAddress) -> str:
    return str(address)


def _by_fqdn(number: int, _: IpAddress) -> str:
    return f"{_place(number)}.example.net"


def _by_long_fqdn(number: int, _: IpAddress) -> str:
    return f"{_place(number)}.vpn-concentrators.network-operations.europe.example.net"


def _by_email(number: int, _: IpAddress) -> str:
    person = _PEOPLE[number % len(_PEOPLE)]
    return f"{person}{number // len(_PEOPLE) or ''}@example.com"


def _by_dn(number: int, _: IpAddress) -> str:
    return f"C=NO, O=Example, CN={_place(number)}.example.net"


def _by_long_dn(number: int, _: IpAddress) -> str:
    return (
        "C=NO, ST=Vestland, O=Example Widgets and Instruments, OU=Network Operations, "
        f"CN={_place(number)}.example.net"
    )


def _by_group(_: int, __: IpAddress) -> str:
    return "sales"


# Kinds of peers ---------------------------------------------------------------------------------


class _Kind(NamedTuple):
    weight: int
    connection: str
    """Name; with the place in it when it ends in a hyphen."""
    mode: NegotiationMode
    auth_method: AuthMethod
    identity: Callable[[int, IpAddress], str]
    local_identity: Identity | None = None
    """None is our address."""
    account: bool = False
    nat: bool = False
    ipv6: bool = False
    always_responder: bool = False
    host: bool = False
    """One machine with an address of ours, not a network."""
    protocol: str = "ESP"
    encapsulation: EncapsulationMode = EncapsulationMode.TUNNEL
    compressed: bool = False


_MAIN, _AGGRESSIVE, _V2 = NegotiationMode
_PSK, _SIGNATURE, _EAP = AuthMethod
_TUNNEL, _TRANSPORT, _BEET = EncapsulationMode

_KINDS: tuple[_Kind, ...] = (
    _Kind(20, "branch-", _V2, _PSK, _by_fqdn, _OUR_NAME),
    _Kind(10, "branch-", _MAIN, _PSK, _by_address),
    _Kind(10, "branch-", _V2, _SIGNATURE, _by_dn, _OUR_DN),
    _Kind(20, "remote-access", _V2, _EAP, _by_email, _OUR_NAME,
          account=True, nat=True, always_responder=True, host=True),
    _Kind(8, "branch-", _V2, _SIGNATURE, _by_fqdn, _OUR_NAME, ipv6=True),
    _Kind(6, "sales-team", _AGGRESSIVE, _PSK, _by_group, _OUR_NAME,
          account=True, nat=True, always_responder=True, host=True),
    _Kind(5, "backbone-", _V2, _PSK, _by_address, encapsulation=_TRANSPORT),
    _Kind(4, "partner-", _MAIN, _SIGNATURE, _by_long_dn, _OUR_DN),
    _Kind(4, "audit-", _V2, _PSK, _by_fqdn, _OUR_NAME, protocol="AH"),
    _Kind(4, "satellite-", _V2, _PSK, _by_fqdn, _OUR_NAME, compressed=True, nat=True),
    _Kind(3, "branch-", _MAIN, _PSK, _by_fqdn, _OUR_NAME, ipv6=True),
    _Kind(3, "partner-", _V2, _SIGNATURE, _by_long_fqdn, _OUR_NAME),
    _Kind(2, "telemetry-", _V2, _PSK, _by_address, encapsulation=_BEET),
    _Kind(2, "legacy-", _AGGRESSIVE, _PSK, _by_fqdn),
    _Kind(1, "legacy-", _MAIN, _PSK, _by_address, protocol="AH", encapsulation=_TRANSPORT),
)  # fmt: skip
_WEIGHTED_KINDS: Weighted[_Kind] = Weighted(*((kind.weight, kind) for kind in _KINDS))

_IKE_LIFETIMES: Weighted[int | None] = Weighted(
    (3, 14_400), (4, 28_800), (4, 86_400), (2, 259_200), (1, 604_800), (1, None),
)  # fmt: skip
_CHILD_LIFETIMES: Weighted[int | None] = Weighted(
    (1, 1_800), (8, 3_600), (3, 28_800), (1, 86_400), (1, None),
)  # fmt: skip
_VOLUMES = (1 << 30, 1 << 32, 1 << 34, 1 << 36)
_CHILD_NAMES = ("lan", "voice", "servers", "printers", "guests", "backup", "cameras", "lab")


class Peer(NamedTuple):
    """How a peer is set up; its SAs are made with this."""

    number: int
    kind: _Kind
    ike: IkeSaParameters
    """Without SPIs: see :func:`renewed_ike`."""

    @property
    def uses_default_transforms(self) -> bool:
        """Whether nobody chose how its children are protected."""
        return self.kind.connection == "legacy-" and self.kind.protocol == "ESP"


def make_peer(rng: random.Random, number: int) -> Peer:
    """Set up peer ``number``, from 0."""
    kind = _KINDS[number] if number < len(_KINDS) else _WEIGHTED_KINDS.pick(rng)
    local, remote = (
        (OUR_IPV6, _outer_ipv6(number)) if kind.ipv6 else (OUR_IPV4, _outer_ipv4(number))
    )
    version = 2 if kind.mode is _V2 else 1
    # Easy VPN has policies of its own, all other peers are met by the defaults.
    proposals = IKE_PROPOSALS
    if kind.account:
        proposals = IKEV2_PROPOSALS if version == 2 else IKEV1_PROPOSALS
    named = kind.connection.endswith("-")
    return Peer(
        number,
        kind,
        IkeSaParameters(
            connection=sys.intern(kind.connection + (_place(number) if named else "")),
            version=version,
            initiator=not kind.always_responder and rng.random() < 0.7,
            local_address=local,
            remote_address=remote,
            local_identity=kind.local_identity or _OUR_ADDRESSES[local],
            remote_identity=Identity.parse(kind.identity(number, remote)),
            local_port=4500 if kind.nat else 500,
            remote_port=rng.randrange(1024, 65536) if kind.nat else 500,
            remote_account=_by_email(number, remote).partition("@")[0] if kind.account else "",
            mode=kind.mode,
            auth_method=kind.auth_method,
            proposal=proposals.pick(rng),
            lifetime=_IKE_LIFETIMES.pick(rng),
        ),
    )


def renewed_ike(rng: random.Random, old: IkeSaParameters) -> IkeSaParameters:
    """Return the parameters of the next IKE SA: other SPIs, another time for its rekey."""
    return dataclasses.replace(
        old,
        initiator_spi=rng.randrange(1, 1 << 64),
        responder_spi=rng.randrange(1, 1 << 64),
        rekey_after=None if old.lifetime is None else int(old.lifetime * rng.uniform(0.8, 0.92)),
    )


def roamed(rng: random.Random, old: IkeSaParameters) -> IkeSaParameters:
    """Return the parameters after the peer has moved to another network (MOBIKE, RFC 4555)."""
    address = _ROAMING_IPV4[rng.randrange(1, _ROAMING_IPV4.num_addresses - 1)]
    return dataclasses.replace(old, remote_address=address, remote_port=rng.randrange(1024, 65536))


def can_roam(peer: Peer) -> bool:
    """Whether this is a machine that moves about."""
    return peer.kind.host and peer.kind.mode is _V2


# Children ---------------------------------------------------------------------------------------


def make_child(
    rng: random.Random, peer: Peer, position: int, reqid: int, flow: Flow
) -> ChildSaParameters:
    """Set up child ``position`` of a peer, from 0; without SPIs, see :func:`renewed_child`."""
    kind, ike = peer.kind, peer.ike
    if kind.protocol == "AH":
        proposals = AH_PROPOSALS
    elif peer.uses_default_transforms:
        proposals = DEFAULT_ESP_PROPOSALS
    else:
        proposals = ESP_PROPOSALS if ike.version == 2 else OLD_ESP_PROPOSALS
    local, remote = _selectors(rng, peer, position)
    volume = None
    if rng.random() < 0.25:
        # A limit that a tunnel would reach every other minute is one that people raise.
        volume = max(rng.choice(_VOLUMES), int(flow.octets_per_second * 900))
    return ChildSaParameters(
        name=_CHILD_NAMES[position],
        reqid=reqid,
        spi_in=0,
        spi_out=0,
        local_selectors=local,
        remote_selectors=remote,
        protocol=kind.protocol,
        mode=kind.encapsulation,
        udp_encapsulation=kind.nat,
        cpi_in=0 if kind.compressed else None,
        cpi_out=0 if kind.compressed else None,
        proposal=proposals.pick(rng),
        lifetime=_CHILD_LIFETIMES.pick(rng),
        lifetime_octets=volume,
        rekey_octets=volume and volume * 9 // 10,
    )


def renewed_child(rng: random.Random, old: ChildSaParameters) -> ChildSaParameters:
    """Return the parameters of the next child SA: other SPIs, another time for its rekey."""
    compressed = old.cpi_in is not None
    return dataclasses.replace(
        old,
        spi_in=spi(rng),
        spi_out=spi(rng),
        # CPIs to be negotiated are those from 256 to 61439 (RFC 3173 section 3.3).
        cpi_in=rng.randrange(256, 61440) if compressed else None,
        cpi_out=rng.randrange(256, 61440) if compressed else None,
        rekey_after=None if old.lifetime is None else int(old.lifetime * rng.uniform(0.8, 0.92)),
    )


_Selectors = tuple[TrafficSelector, ...]


def _range(first: str, last: str, *rest: int) -> TrafficSelector:
    return TrafficSelector(ipaddress.ip_address(first), ipaddress.ip_address(last), *rest)


_EVERYTHING: _Selectors = (_range("0.0.0.0", "255.255.255.255"),)  # noqa: S104 - any address
_HOST: _Selectors = (_range("172.16.0.20", "172.16.0.20"),)
_OURS: Weighted[_Selectors] = Weighted(
    (5, (_range("172.16.0.0", "172.16.255.255"),)),
    (3, (_range("192.168.10.0", "192.168.10.255"),)),
    (1, (_range("172.16.4.10", "172.16.4.99"),)),
    (2, _HOST),
    (2, (
        _range("172.16.0.0", "172.16.255.255"),
        _range("192.168.10.0", "192.168.10.255"),
        _range("192.168.77.1", "192.168.77.1"),
    )),
    (1, _EVERYTHING),
)  # fmt: skip
_OUR_SERVICES: Weighted[tuple[_Selectors, int]] = Weighted(
    (3, ((_range("172.16.0.20", "172.16.0.20", 6, 443, 443),), 6)),
    (1, ((_range("172.16.0.25", "172.16.0.25", 17, 1812, 1813),), 17)),
    (1, ((_range("172.16.0.0", "172.16.255.255", 1),), 1)),
)
_OUR_IPV6_NETS: _Selectors = (_range("2001:db8:f00::", "2001:db8:f00:ffff:ffff:ffff:ffff:ffff"),)
_OUR_BOTH_NETS: _Selectors = (_range("172.16.0.0", "172.16.255.255"), *_OUR_IPV6_NETS)


def _selectors(rng: random.Random, peer: Peer, position: int) -> tuple[_Selectors, _Selectors]:
    ike, place = peer.ike, peer.number * len(_CHILD_NAMES) + position
    if peer.kind.encapsulation is _TRANSPORT:
        # GRE between the gateways themselves; other children are L2TP, each with a port.
        protocol, port = (47, 0) if position == 0 else (17, 1700 + position)
        ports = (port, port or 65535)
        local = TrafficSelector(ike.local_address, ike.local_address, protocol, *ports)
        remote = TrafficSelector(ike.remote_address, ike.remote_address, protocol, *ports)
        return (local,), (remote,)
    if peer.kind.host or peer.kind.encapsulation is _BEET:
        local_host = _EVERYTHING if rng.random() < 0.5 else _OURS.pick(rng)
        return local_host, (_inside_ipv4(place, 0, 0),)
    shape = rng.random()
    if peer.kind.ipv6 and shape < 0.8:
        return _OUR_IPV6_NETS, (_inside_ipv6(place),)
    if shape < 0.15:
        services, protocol = _OUR_SERVICES.pick(rng)
        return services, (_inside_ipv4(place, 0, 31, protocol),)
    if shape < 0.25:
        return _OURS.pick(rng), (_inside_ipv4(place, 10, 19),)
    if shape < 0.4:
        return _OURS.pick(rng), (_inside_ipv4(place, 1, 1),)
    if shape < 0.5:
        return _OURS.pick(rng), tuple(_inside_ipv4(place, n * 8, n * 8 + 7) for n in range(3))
    if shape < 0.54:
        return _OUR_BOTH_NETS, (_inside_ipv4(place, 0, 31), _inside_ipv6(place))
    return _OURS.pick(rng), (_inside_ipv4(place, 0, 31),)


def _inside_ipv4(place: int, first: int, last: int, protocol: int = 0) -> TrafficSelector:
    """Give part of the 32 addresses behind this place; 400,000 places fit in 10.0.0.0/8."""
    base = _INSIDE_IPV4 + place * 32
    begin = ipaddress.IPv4Address(base + first)
    end = begin if last == first else ipaddress.IPv4Address(base + last)
    return TrafficSelector(begin, end, protocol)


def _inside_ipv6(place: int) -> TrafficSelector:
    base = _INSIDE_IPV6 + (place << 64)
    return TrafficSelector(
        ipaddress.IPv6Address(base), ipaddress.IPv6Address(base + 0xFFFF_FFFF_FFFF_FFFF)
    )
