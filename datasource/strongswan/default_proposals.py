"""What charon proposes where a connection names no proposals.

It offers all that its plugins can do and that is sound enough: two IKE proposals, without and with
AEAD ciphers (RFC 5282), each with the algorithms of 128 bit strength first. Those of ESP and AH are
fixed, since the kernel's abilities are not known (proposal_create_default in strongSwan's
src/libstrongswan/crypto/proposal/proposal.c; proved against the proposals that charon logs).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from datasource.configuration import DEFAULT_POLICIES, Defaults, Policy, TransformSet
from datasource.model import AuthMethod, Proposal
from datasource.strongswan.fields import section
from datasource.strongswan.packet import Message
from datasource.strongswan.proposals import Offer

__all__ = [
    "CHILD_LIFETIME",
    "DEFAULT_AH",
    "DEFAULT_ESP",
    "IKE_LIFETIME",
    "default_ike_offers",
    "parse_defaults",
]

IKE_LIFETIME = 4 * 3600
"""Seconds after which an IKE SA is rekeyed, where nothing is said (swanctl.conf(5))."""
CHILD_LIFETIME = 3600
"""The same of a child SA."""

_SIZES = (128, 192, 256)
_SIZED = ("AES_", "CAMELLIA_")
_CIPHERS = (("AES_CBC", "AES_CTR", "CAMELLIA_CBC", "CAMELLIA_CTR"), ("3DES_CBC",))
_AEAD = (
    ("AES_GCM_16", "AES_CCM_16", "CAMELLIA_CCM_16", "CHACHA20_POLY1305"),
    ("AES_GCM_12", "AES_GCM_8", "AES_CCM_12", "AES_CCM_8", "CAMELLIA_CCM_12", "CAMELLIA_CCM_8"),
)
_INTEGRITY = (
    ("HMAC_SHA2_256_128", "HMAC_SHA2_384_192", "HMAC_SHA2_512_256"),
    ("AES_XCBC_96", "AES_CMAC_96", "HMAC_SHA1_96"),
)
_PRF = (
    (
        "PRF_HMAC_SHA2_256",
        "PRF_HMAC_SHA2_384",
        "PRF_HMAC_SHA2_512",
        "PRF_AES128_XCBC",
        "PRF_AES128_CMAC",
    ),
    ("PRF_HMAC_SHA1",),
)
_GROUPS = (
    (
        "ECP_256",
        "ECP_384",
        "ECP_521",
        "ECP_256_BP",
        "ECP_384_BP",
        "ECP_512_BP",
        "CURVE_25519",
        "CURVE_448",
        "NTRU_128",
        "NTRU_192",
        "NTRU_256",
    ),
    ("MODP_3072", "MODP_4096", "MODP_6144", "MODP_8192"),
    ("MODP_2048",),
)

_SHA = ("HMAC_SHA2_256_128", "HMAC_SHA2_384_192", "HMAC_SHA2_512_256", "HMAC_SHA1_96")
DEFAULT_ESP = (
    Offer(tuple(("AES_GCM_16", bits) for bits in _SIZES), protocol="ESP"),
    Offer(tuple(("AES_CBC", bits) for bits in _SIZES), (*_SHA, "AES_XCBC_96"), protocol="ESP"),
)
"""Where nothing is said. The word ``default`` means the same the other way round."""
DEFAULT_AH = (Offer(integrity=(*_SHA, "AES_XCBC_96"), protocol="AH"),)

_METHODS = (AuthMethod.SIGNATURE, AuthMethod.PRE_SHARED_KEY)


def default_ike_offers(algorithms: Message) -> tuple[Offer, ...]:
    """Return the IKE proposals of a daemon, of its answer to get-algorithms.

    Raises:
        ConvertError: the answer is malformed.
    """
    prf = _supported(section(algorithms, "prf"), _PRF)
    groups = _supported(section(algorithms, "dh"), _GROUPS)
    ciphers = _supported(section(algorithms, "encryption"), _CIPHERS)
    integrity = _supported(section(algorithms, "integrity"), _INTEGRITY)
    aead = _supported(section(algorithms, "aead"), _AEAD)
    offers = []
    if ciphers:
        offers.append(Offer(_sized(ciphers), integrity, prf, groups))
    if aead:
        offers.append(Offer(_sized(aead), (), prf, groups))
    return tuple(offers)


def parse_defaults(algorithms: Message) -> Defaults:
    """Return what a daemon does where its configuration says nothing, of get-algorithms.

    As in a router's table the default policies are pairs, one for each way to prove who one is. A
    pair has a cipher of its own, and what charon prefers beside it.

    Raises:
        ConvertError: the answer is malformed.
    """
    preferred: dict[tuple[str, int], Proposal] = {}
    for offer in default_ike_offers(algorithms):
        for cipher, bits in offer.encryption:
            preferred[cipher, bits] = Proposal(
                cipher,
                bits,
                _first(offer.integrity),
                _first(offer.prf),
                _first(offer.groups),
            )
    policies = [
        Policy(proposal, method, IKE_LIFETIME)
        for proposal in preferred.values()
        for method in _METHODS
    ]
    return Defaults(
        policies=tuple(policies[: len(DEFAULT_POLICIES)]),
        transform_sets=tuple(
            TransformSet(f"default_{number}", offer.expanded()[0], offer.protocol)
            for number, offer in enumerate(DEFAULT_ESP, 1)
        ),
        lifetime=CHILD_LIFETIME,
        triple_des="3DES_CBC" in section(algorithms, "encryption"),
    )


def _supported(there: Iterable[str], rounds: Sequence[Collection[str]]) -> tuple[str, ...]:
    """Return the algorithms of each round that are there, in the order in which they are there."""
    return tuple(name for wanted in rounds for name in there if name in wanted)


def _sized(ciphers: Iterable[str]) -> tuple[tuple[str, int], ...]:
    return tuple(
        (name, bits) for name in ciphers for bits in (_SIZES if name.startswith(_SIZED) else (0,))
    )


def _first(names: Sequence[str]) -> str:
    return names[0] if names else ""
