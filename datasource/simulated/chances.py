"""What may happen to the simulated gateway and what its peers agree on, each with its weight.

Algorithms carry the names of :class:`~datasource.model.Proposal`. Modern ones are the more
frequent; the old ones are there because gateways still meet them.
"""

from __future__ import annotations

import random
from bisect import bisect
from itertools import accumulate
from typing import Generic, TypeVar

from datasource.model import IkeTraffic, Proposal
from datasource.reasons import EndReason, IkeFailureReason, IpsecFailureReason
from datasource.simulated.traffic import ike_messages

__all__ = [
    "AH_PROPOSALS",
    "CHILDREN",
    "DEFAULT_ESP_PROPOSALS",
    "DELETE_BY_PEER",
    "DELETE_BY_US",
    "ESP_PROPOSALS",
    "FAILED_SETUP",
    "IKEV1_PROPOSALS",
    "IKEV2_PROPOSALS",
    "IKE_FAILURES",
    "IKE_PROPOSALS",
    "IPSEC_FAILURES",
    "LIVENESS_KINDS",
    "OLD_ESP_PROPOSALS",
    "REASONS",
    "REKEY",
    "REKEY_BY_PEER",
    "SETUP_V1",
    "SETUP_V2",
    "Weighted",
]

_T = TypeVar("_T")


class Weighted(Generic[_T]):
    """Things to draw from, each with its weight."""

    __slots__ = ("_sums", "things")

    def __init__(self, *choices: tuple[int, _T]) -> None:
        self.things = tuple(thing for _, thing in choices)
        """All of them."""
        self._sums = tuple(accumulate(weight for weight, _ in choices))

    def pick(self, rng: random.Random) -> _T:
        """Draw one."""
        return self.things[bisect(self._sums, rng.random() * self._sums[-1])]


IKE_PROPOSALS: Weighted[Proposal] = Weighted(
    (6, Proposal("AES_CBC", 128, "HMAC_SHA1_96", "PRF_HMAC_SHA1", "MODP_1536")),
    (2, Proposal("AES_CBC", 128, "HMAC_MD5_96", "PRF_HMAC_MD5", "MODP_1536")),
    (4, Proposal("3DES_CBC", 0, "HMAC_SHA1_96", "PRF_HMAC_SHA1", "MODP_1024")),
    (1, Proposal("3DES_CBC", 0, "HMAC_MD5_96", "PRF_HMAC_MD5", "MODP_1024")),
)
"""Those of IOS's default policies, the preferred one first: what other gateways agree on."""
IKEV1_PROPOSALS: Weighted[Proposal] = Weighted(
    (1, Proposal("DES_CBC", 0, "HMAC_MD5_96", "PRF_HMAC_MD5", "MODP_768")),
    (2, Proposal("3DES_CBC", 0, "HMAC_MD5_96", "PRF_HMAC_MD5", "MODP_1024")),
    (4, Proposal("3DES_CBC", 0, "HMAC_SHA1_96", "PRF_HMAC_SHA1", "MODP_1024")),
    (4, Proposal("AES_CBC", 128, "HMAC_SHA1_96", "PRF_HMAC_SHA1", "MODP_1536")),
    (3, Proposal("AES_CBC", 192, "HMAC_SHA1_96", "PRF_HMAC_SHA1", "MODP_1536")),
    (5, Proposal("AES_CBC", 256, "HMAC_SHA2_256_128", "PRF_HMAC_SHA2_256", "MODP_2048")),
)
"""What users agree on; with the following not more than Easy VPN has policies."""
IKEV2_PROPOSALS: Weighted[Proposal] = Weighted(
    (1, Proposal("3DES_CBC", 0, "HMAC_SHA1_96", "PRF_HMAC_SHA1", "MODP_1024")),
    (6, Proposal("AES_CBC", 128, "HMAC_SHA2_256_128", "PRF_HMAC_SHA2_256", "MODP_2048")),
    (4, Proposal("AES_CBC", 256, "HMAC_SHA2_256_128", "PRF_HMAC_SHA2_256", "MODP_3072")),
    (2, Proposal("AES_CBC", 256, "HMAC_SHA2_384_192", "PRF_HMAC_SHA2_384", "MODP_4096")),
    (3, Proposal("AES_CBC", 256, "HMAC_SHA2_512_256", "PRF_HMAC_SHA2_512", "MODP_6144")),
    (3, Proposal("AES_CBC", 256, "HMAC_SHA2_512_256", "PRF_HMAC_SHA2_512", "MODP_8192")),
    (3, Proposal("AES_CBC", 256, "HMAC_SHA2_256_128", "PRF_HMAC_SHA2_256", "ECP_256")),
    (2, Proposal("AES_CBC", 128, "AES_XCBC_96", "PRF_AES128_XCBC", "MODP_2048_256")),
    (1, Proposal("CAMELLIA_CBC", 256, "HMAC_SHA2_256_128", "PRF_HMAC_SHA2_256", "MODP_2048")),
    (4, Proposal("AES_GCM_16", 128, "", "PRF_HMAC_SHA2_256", "ECP_256")),
    (5, Proposal("AES_GCM_16", 256, "", "PRF_HMAC_SHA2_384", "ECP_384")),
    (2, Proposal("AES_GCM_16", 256, "", "PRF_HMAC_SHA2_512", "ECP_521")),
    (5, Proposal("AES_GCM_16", 256, "", "PRF_HMAC_SHA2_256", "CURVE_25519")),
    (4, Proposal("CHACHA20_POLY1305", 0, "", "PRF_HMAC_SHA2_256", "CURVE_25519")),
)
DEFAULT_ESP_PROPOSALS: Weighted[Proposal] = Weighted(
    (1, Proposal("AES_CBC", 128, "HMAC_SHA1_96")),
    (1, Proposal("3DES_CBC", 0, "HMAC_SHA1_96")),
)
"""Those of IOS's default transform sets, the preferred one first."""
OLD_ESP_PROPOSALS: Weighted[Proposal] = Weighted(
    (1, Proposal("DES_CBC", 0, "HMAC_MD5_96", "", "MODP_768")),
    (1, Proposal("NULL", 0, "HMAC_SHA1_96")),
    (3, Proposal("3DES_CBC", 0, "HMAC_MD5_96")),
    (4, Proposal("3DES_CBC", 0, "HMAC_SHA1_96", "", "MODP_1024")),
    (4, Proposal("AES_CBC", 128, "HMAC_SHA1_96", "", "MODP_1536")),
    (4, Proposal("AES_CBC", 256, "HMAC_SHA2_256_128", "", "MODP_2048")),
)
ESP_PROPOSALS: Weighted[Proposal] = Weighted(
    (4, Proposal("AES_CBC", 128, "HMAC_SHA2_256_128")),
    (4, Proposal("AES_CBC", 256, "HMAC_SHA2_256_128", "", "MODP_3072")),
    (2, Proposal("AES_CBC", 192, "HMAC_SHA2_384_192", "", "MODP_4096")),
    (2, Proposal("AES_CBC", 256, "HMAC_SHA2_512_256", "", "ECP_256")),
    (1, Proposal("AES_CTR", 128, "HMAC_SHA2_256_128", "", "MODP_2048_256")),
    (1, Proposal("AES_CCM_16", 128, "", "", "ECP_256")),
    (5, Proposal("AES_GCM_16", 128)),
    (4, Proposal("AES_GCM_16", 256, "", "", "ECP_384")),
    (2, Proposal("AES_GCM_16", 256, "", "", "ECP_521")),
    (4, Proposal("CHACHA20_POLY1305", 0, "", "", "CURVE_25519")),
)
AH_PROPOSALS: Weighted[Proposal] = Weighted(
    (1, Proposal("", 0, "HMAC_MD5_96")),
    (2, Proposal("", 0, "HMAC_SHA1_96")),
    (3, Proposal("", 0, "HMAC_SHA2_256_128")),
    (1, Proposal("", 0, "HMAC_SHA2_512_256", "", "MODP_2048")),
)

CHILDREN: Weighted[int] = Weighted(
    (50, 1), (18, 2), (12, 3), (8, 4), (5, 5), (3, 6), (2, 7), (2, 8)
)
REASONS: Weighted[EndReason] = Weighted(
    (5, EndReason.PEER_DELETE),
    (4, EndReason.PEER_LOST),
    (4, EndReason.NORMAL),
    (2, EndReason.OPERATOR),
    (1, EndReason.LOCAL_FAILURE),
    (1, EndReason.OTHER),
)
IKE_FAILURES: Weighted[tuple[str | None, IkeFailureReason]] = Weighted(
    (6, ("authentication", IkeFailureReason.AUTHENTICATION)),
    (3, ("no_sa", IkeFailureReason.NO_SA)),
    (1, ("hash_validation", IkeFailureReason.HASH_VALIDATION)),
    (1, ("decryption", IkeFailureReason.ENCRYPTION)),
    (1, ("system_capacity", IkeFailureReason.SYSTEM_CAPACITY)),
    (3, (None, IkeFailureReason.PROPOSAL)),
    (1, (None, IkeFailureReason.PEER_LOST)),
    (1, (None, IkeFailureReason.PEER_CERTIFICATE_NOT_VALID)),
    (1, (None, IkeFailureReason.PEER_ENCODING)),
)
"""What is counted, if it is, and the reason that is told."""
IPSEC_FAILURES: Weighted[tuple[str | None, IpsecFailureReason]] = Weighted(
    (6, ("no_sa", IpsecFailureReason.NO_SA)),
    (2, ("protocol_use", IpsecFailureReason.PROTOCOL_USE)),
    (1, ("system_capacity", IpsecFailureReason.SYSTEM_CAPACITY)),
    (3, (None, IpsecFailureReason.PROPOSAL)),
    (2, (None, IpsecFailureReason.IN_AUTHENTICATION)),
)

# Messages in and out. IKEv1 takes six for Main Mode and three for Quick Mode (RFC 2409 section 5),
# IKEv2 four for both SAs and two for anything else (RFC 7296 section 1).
SETUP_V1 = ike_messages(
    5, 5, in_phase2_exchanges=1, out_phase2_exchanges=1, in_notifies=1, out_notifies=1
)
SETUP_V2 = ike_messages(2, 2, in_notifies=3, out_notifies=3)
FAILED_SETUP = ike_messages(2, 2, in_notifies=1)
_LIVENESS = ike_messages(2, 2, in_notifies=1, out_notifies=1)
_LIVENESS_LOSSY = ike_messages(2, 3, in_notifies=1, out_notifies=1, out_drops=1, in_drops=1)
REKEY = ike_messages(2, 2, out_phase2_exchanges=1, out_phase2_deletes=1, in_phase2_deletes=1)
REKEY_BY_PEER = ike_messages(2, 2, in_phase2_exchanges=1, in_phase2_deletes=1)
_REFUSED_BY_US = ike_messages(1, 1, in_phase2_exchanges=1, in_phase2_rejects=1, out_notifies=1)
_REFUSED_BY_PEER = ike_messages(1, 1, out_phase2_exchanges=1, out_phase2_rejects=1, in_notifies=1)
_INVALID_BY_PEER = ike_messages(1, 1, in_phase2_exchanges=1, in_phase2_invalids=1)
_INVALID_BY_US = ike_messages(1, 1, out_phase2_exchanges=1, out_phase2_invalids=1)
DELETE_BY_US = ike_messages(1, 1, out_phase2_deletes=1)
DELETE_BY_PEER = ike_messages(1, 1, in_phase2_deletes=1)
LIVENESS_KINDS: Weighted[IkeTraffic] = Weighted(
    (900, _LIVENESS),
    (20, _LIVENESS_LOSSY),
    (5, _REFUSED_BY_US),
    (5, _REFUSED_BY_PEER),
    (2, _INVALID_BY_PEER),
    (2, _INVALID_BY_US),
)
