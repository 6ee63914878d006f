"""Security associations, tunnels and their counters: plain, immutable data.

Two levels, kept apart throughout:

* An **SA** (:class:`IkeSa`, :class:`ChildSa`) is what a daemon has now. Sources report it.
* A **tunnel** (:class:`IkeTunnel`, :class:`IpsecTunnel`) is what an operator means: it keeps its
  index, its age and its counters while SAs are replaced under it. The tracker makes it.

Times are seconds of the clock that the tracker is given, ages and lifetimes are seconds, volumes
are octets. A value that its source cannot measure is None, never 0.
"""

from __future__ import annotations

import contextlib
import enum
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

__all__ = [
    "NO_IKE_TRAFFIC",
    "NO_IPSEC_TRAFFIC",
    "AuthMethod",
    "ChildSa",
    "ChildSaParameters",
    "EncapsulationMode",
    "Endpoint",
    "Identity",
    "IdentityType",
    "IkeFailures",
    "IkeSa",
    "IkeSaParameters",
    "IkeTraffic",
    "IkeTunnel",
    "IpAddress",
    "IpsecFailures",
    "IpsecTraffic",
    "IpsecTunnel",
    "Mark",
    "Membership",
    "NegotiationMode",
    "Peer",
    "PeerAssociation",
    "PolicyMap",
    "Proposal",
    "SaState",
    "Spi",
    "Totals",
    "TrafficSelector",
    "add_counters",
    "printable_ascii",
]

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


class IdentityType(enum.Enum):
    """Whether an IKE identity is an address or any kind of name (RFC 7296 section 3.5)."""

    ADDRESS = enum.auto()
    NAME = enum.auto()


def printable_ascii(text: str) -> str:
    """Return a text with a question mark in place of all that is not printable ASCII."""
    return "".join(c if " " <= c <= "~" else "?" for c in text)


@dataclass(frozen=True, slots=True)
class Identity:
    """One side's IKE identity, as printable ASCII text of at most :data:`MAX_LENGTH` characters.

    The bound is set by the narrowest place an identity must fit in: two of them, each with a length
    and a type, and two running numbers, in the index of cikePeerCorrTable, in an OID of at most 128
    sub-identifiers. It is applied here, once, so that an identity is the same text everywhere.
    """

    type: IdentityType
    text: str

    MAX_LENGTH = 54

    @classmethod
    def parse(cls, text: str) -> Identity:
        """Make an identity of its printed form: an address, an FQDN, an e-mail address or a DN.

        A distinguished name that is too long keeps its end, where the common name stands; any other
        name keeps its beginning. What is not printable ASCII becomes a question mark.
        """
        # An address of IKE has no zone, and a zone may have any length (RFC 4007 section 11).
        if "%" not in text:
            with contextlib.suppress(ValueError):
                return cls(IdentityType.ADDRESS, str(ipaddress.ip_address(text)))
        printable = printable_ascii(text)
        if "=" in printable:
            return cls(IdentityType.NAME, printable[-cls.MAX_LENGTH :])
        return cls(IdentityType.NAME, printable[: cls.MAX_LENGTH])


class NegotiationMode(enum.Enum):
    """How the IKE SA was negotiated: IKEv1 has two modes (RFC 2409 section 5), IKEv2 one way."""

    MAIN = enum.auto()
    AGGRESSIVE = enum.auto()
    IKEV2 = enum.auto()


class AuthMethod(enum.Enum):
    """How the peers prove who they are."""

    PRE_SHARED_KEY = enum.auto()
    SIGNATURE = enum.auto()
    EAP = enum.auto()


class EncapsulationMode(enum.Enum):
    """IPsec mode (RFC 4301 section 3.2); BEET is strongSwan's bound end-to-end tunnel."""

    TUNNEL = enum.auto()
    TRANSPORT = enum.auto()
    BEET = enum.auto()


class SaState(enum.Enum):
    """Where an SA is in its life, as far as a tunnel cares."""

    STARTING = enum.auto()
    """Being negotiated: not yet a tunnel."""
    ACTIVE = enum.auto()
    EXPIRING = enum.auto()
    """Replaced by a newer SA and about to go."""


_AEAD = ("_GCM_", "_CCM_", "CHACHA20_POLY1305", "NULL_AES_GMAC")


@dataclass(frozen=True, slots=True)
class Proposal:
    """The algorithms that were chosen, by their IANA names as strongSwan prints them.

    Examples: encryption ``AES_CBC`` with key_bits 128, integrity ``HMAC_SHA2_256_128``, prf
    ``PRF_HMAC_SHA2_256``, group ``MODP_2048``. An algorithm that is not used is an empty string;
    an AEAD cipher such as ``AES_GCM_16`` has no integrity of its own.
    """

    encryption: str = ""
    key_bits: int = 0
    integrity: str = ""
    prf: str = ""
    group: str = ""

    @property
    def is_aead(self) -> bool:
        """Whether the cipher authenticates too (RFC 5116), GMAC's null cipher included."""
        return any(part in self.encryption for part in _AEAD)


@dataclass(frozen=True, slots=True)
class TrafficSelector:
    """A range of addresses, a protocol and a range of ports (RFC 7296 section 3.13.1).

    Protocol 0 is any protocol; ports 0 to 65535 are any port.
    """

    first: IpAddress
    last: IpAddress
    protocol: int = 0
    first_port: int = 0
    last_port: int = 65535

    @property
    def prefix(self) -> int | None:
        """Prefix length when the range is one whole subnet (an address is one), else None."""
        span = int(self.first) ^ int(self.last)
        if span & (span + 1) or int(self.first) & span:
            return None
        return self.first.max_prefixlen - span.bit_length()


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark of packets: these bits, among those of a mask of 32 bits."""

    value: int
    mask: int = 0xFFFFFFFF


class IkeTraffic(NamedTuple):
    """Counters of the IKE messages of one SA or tunnel; None where the source has no such count.

    A tuple and not a dataclass because these are compared and added up by the ten thousand.
    """

    in_octets: int | None = None
    in_packets: int | None = None
    in_drops: int | None = None
    in_notifies: int | None = None
    in_phase2_exchanges: int | None = None
    in_phase2_invalids: int | None = None
    in_phase2_rejects: int | None = None
    in_phase2_deletes: int | None = None
    out_octets: int | None = None
    out_packets: int | None = None
    out_drops: int | None = None
    out_notifies: int | None = None
    out_phase2_exchanges: int | None = None
    out_phase2_invalids: int | None = None
    out_phase2_rejects: int | None = None
    out_phase2_deletes: int | None = None


class IpsecTraffic(NamedTuple):
    """Counters of the protected traffic of one child SA or tunnel; None where there is no count.

    The plain octets are those outside of compression (RFC 3173): equal to the octets where nothing
    is compressed.
    """

    in_octets: int | None = None
    in_plain_octets: int | None = None
    in_packets: int | None = None
    in_drops: int | None = None
    in_replay_drops: int | None = None
    in_auths: int | None = None
    in_auth_fails: int | None = None
    in_decrypts: int | None = None
    in_decrypt_fails: int | None = None
    out_octets: int | None = None
    out_plain_octets: int | None = None
    out_packets: int | None = None
    out_drops: int | None = None
    out_auths: int | None = None
    out_auth_fails: int | None = None
    out_encrypts: int | None = None
    out_encrypt_fails: int | None = None


NO_IKE_TRAFFIC = IkeTraffic()
NO_IPSEC_TRAFFIC = IpsecTraffic()


def add_counters(left: Iterable[int | None], right: Iterable[int | None]) -> list[int | None]:
    """Add two rows of counters field by field; a count that one side lacks is the other's."""
    return [b if a is None else a if b is None else a + b for a, b in zip(left, right, strict=True)]


@dataclass(frozen=True, slots=True)
class IkeSaParameters:
    """What stays the same over the life of one IKE SA (a MOBIKE address update replaces it)."""

    connection: str
    version: int
    """1 or 2."""
    initiator: bool
    """True when this side started it."""
    local_address: IpAddress
    remote_address: IpAddress
    local_identity: Identity
    remote_identity: Identity
    local_port: int = 500
    remote_port: int = 500
    remote_account: str = ""
    """The XAuth or EAP identity, empty where there is none."""
    mode: NegotiationMode | None = None
    auth_method: AuthMethod | None = None
    proposal: Proposal = Proposal()
    initiator_spi: int = 0
    responder_spi: int = 0
    lifetime: int | None = None
    """Seconds; None when the SA is never replaced because of its age, or it is not known."""
    rekey_after: int | None = None
    """Seconds after establishment at which this SA will be replaced."""
    if_id_in: int | None = None
    if_id_out: int | None = None
    """XFRM interface ids that its children have where they have none of their own."""


@dataclass(frozen=True, slots=True)
class ChildSaParameters:
    """What stays the same over the life of one child SA: a pair of ESP or AH SAs."""

    name: str
    reqid: int
    """The daemon's number for the policy. It stays over rekeys."""
    spi_in: int
    spi_out: int
    local_selectors: tuple[TrafficSelector, ...]
    remote_selectors: tuple[TrafficSelector, ...]
    protocol: str = "ESP"
    """``ESP`` or ``AH``."""
    mode: EncapsulationMode = EncapsulationMode.TUNNEL
    udp_encapsulation: bool = False
    cpi_in: int | None = None
    cpi_out: int | None = None
    """IPComp parameter indexes (RFC 3173), None where nothing is compressed."""
    proposal: Proposal = Proposal()
    lifetime: int | None = None
    """Seconds until it is deleted at the latest."""
    rekey_after: int | None = None
    """Seconds after installation at which it will be replaced."""
    lifetime_octets: int | None = None
    """Volume after which it is deleted at the latest."""
    rekey_octets: int | None = None
    """Volume after which it will be replaced."""
    mark_in: Mark | None = None
    mark_out: Mark | None = None
    """Which packets it is for; None: whatever their mark."""
    if_id_in: int | None = None
    if_id_out: int | None = None
    """XFRM interface ids, None for no such interface."""


@dataclass(frozen=True, slots=True)
class ChildSa:
    """One child SA as its daemon has it now. ``id`` is never used again by that daemon."""

    id: int
    state: SaState
    age: float
    """Seconds since it was installed."""
    parameters: ChildSaParameters
    traffic: IpsecTraffic = NO_IPSEC_TRAFFIC


@dataclass(frozen=True, slots=True)
class IkeSa:
    """One IKE SA as its daemon has it now. ``id`` is never used again by that daemon."""

    id: int
    state: SaState
    age: float
    """Seconds since it was established; 0 while it is being negotiated."""
    parameters: IkeSaParameters
    children: tuple[ChildSa, ...] = ()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One flow of a tunnel: a local and a remote traffic selector, joined by a policy."""

    local: TrafficSelector
    remote: TrafficSelector


@dataclass(frozen=True, slots=True)
class Spi:
    """One direction of one protocol of one SA of a tunnel."""

    number: int
    """Running number within the tunnel, from 1, never used twice."""
    inbound: bool
    value: int
    """1 to 4294967295; a CPI is at most 65535."""
    protocol: str
    """``ESP``, ``AH`` or ``IPCOMP``."""
    expiring: bool


@dataclass(frozen=True, slots=True)
class IkeTunnel:
    """A phase-1 tunnel. ``index`` runs from 1 to 2147483647."""

    index: int
    started_at: float
    refreshes: int
    """How often its SA has been replaced."""
    parameters: IkeSaParameters
    """Those of its newest SA."""
    traffic: IkeTraffic
    association: int
    """``key`` of its :class:`PeerAssociation`."""
    policy: int = 0
    """Priority of the ISAKMP policy it was negotiated by, 0 where that is not known."""


@dataclass(frozen=True, slots=True)
class PolicyMap:
    """Which crypto map an IPsec tunnel is of (see :mod:`datasource.configuration`), and why."""

    set_name: str
    priority: int
    access_list: str
    """What lets the traffic in."""
    endpoint: Endpoint | None
    """The first of its flows."""


@dataclass(frozen=True, slots=True)
class IpsecTunnel:
    """A phase-2 tunnel: the child SAs, one after the other, that protect the same flows."""

    index: int
    ike_index: int
    """Index of the IKE tunnel it belongs to, also when that one has ended."""
    ike_alive: bool
    local_address: IpAddress
    remote_address: IpAddress
    started_at: float
    refreshes: int
    expired_spis: int
    """How many SAs (:class:`Spi`) of this tunnel have gone."""
    parameters: ChildSaParameters
    """Those of its newest SA."""
    traffic: IpsecTraffic
    spis: tuple[Spi, ...]
    endpoints: tuple[Endpoint, ...]
    policy_map: PolicyMap | None = None
    """None where that is not known."""


class Membership(NamedTuple):
    """An IPsec tunnel of an association. The number runs from 1 and is never used twice in it."""

    number: int
    ipsec_index: int


@dataclass(frozen=True, slots=True)
class Peer:
    """Who talks to whom, and how that is told apart from others."""

    local_identity: Identity
    remote_identity: Identity
    number: int
    """Tells apart the associations of the same two identities, from 1."""
    local_address: IpAddress
    remote_address: IpAddress


@dataclass(frozen=True, slots=True)
class PeerAssociation(Peer):
    """Two identities that talk: lives as long as it has an IKE tunnel or an IPsec tunnel."""

    key: int
    """Never used for another association."""
    started_at: float
    ike_index: int
    """Index of its IKE tunnel, 0 while it has none."""
    members: tuple[Membership, ...]
    """Its IPsec tunnels, in order of the number."""


@dataclass(frozen=True, slots=True)
class IkeFailures:
    """How often IKE processing failed, over all peers; None where there is no count."""

    system_capacity: int | None = None
    authentication: int | None = None
    decryption: int | None = None
    hash_validation: int | None = None
    no_sa: int | None = None


@dataclass(frozen=True, slots=True)
class IpsecFailures:
    """How often IPsec processing failed outside of any tunnel; None where there is no count."""

    protocol_use: int | None = None
    no_sa: int | None = None
    system_capacity: int | None = None


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts over all tunnels, live and ended, since the tracker began. They never fall."""

    ike: IkeTraffic = NO_IKE_TRAFFIC
    ipsec: IpsecTraffic = NO_IPSEC_TRAFFIC
    ike_ended: int = 0
    """IKE tunnels that were up and are not any more."""
    ipsec_ended: int = 0
    initiated: int = 0
    """IKE set-ups that this side started, failed ones included."""
    initiated_failures: int = 0
    responded_failures: int = 0
    failures: IkeFailures = field(default_factory=IkeFailures)
    ipsec_failures: IpsecFailures = field(default_factory=IpsecFailures)
