"""Numbers for algorithms, as the MIB declares them and as real devices send them.

CISCO-IPSEC-FLOW-MONITOR-MIB was last given algorithms in 2000: DES, 3DES, MD5, SHA-1, groups 1 and
2, and IKEv1. Two ways to go on, chosen by the operator (``algorithms`` in the configuration):

* ``extended`` sends the further numbers that Cisco devices were seen to send. A manager that does
  not know them shows the bare number.
* ``strict`` sends declared numbers only.

Either way an algorithm that has no number makes the object absent: ``none(1)`` would claim that the
traffic is in clear.
"""

from __future__ import annotations

from dataclasses import dataclass

from datasource.model import AuthMethod, ChildSaParameters, NegotiationMode, Proposal

__all__ = ["AlgorithmNumbers"]

_NONE = 1

# Names as strongSwan prints them: the bits that are sent stand after the hash.
_ENCRYPTION = {"NULL": _NONE, "DES_CBC": 2, "3DES_CBC": 3}
_AES_BY_KEY_BITS = {128: 4, 192: 5, 256: 6}
_INTEGRITY = {"HMAC_MD5_96": 2, "HMAC_MD5_128": 2, "HMAC_SHA1_96": 3, "HMAC_SHA1_160": 3}
_HASH_EXTENDED = {"HMAC_SHA2_256_128": 7, "HMAC_SHA2_256_96": 7, "HMAC_SHA2_512_256": 9}
_AUTH_EXTENDED = {
    "HMAC_SHA2_256_128": 6,
    "HMAC_SHA2_256_96": 6,
    "HMAC_SHA2_384_192": 6,
    "HMAC_SHA2_512_256": 6,
}
_GROUP = {"MODP_768": 2, "MODP_1024": 3}
_GROUP_EXTENDED = {"MODP_1536": 4, "MODP_2048": 5, "ECP_256": 9, "ECP_384": 10, "ECP_521": 11}


@dataclass(frozen=True, slots=True)
class AlgorithmNumbers:
    """The numbers of one of the two ways. Every method returns None where there is no number."""

    extended: bool = True

    def encrypt_algo(self, proposal: Proposal) -> int | None:
        """EncryptAlgo: none(1) des(2) des3(3); AES by the size of its key, in any mode."""
        if self.extended and proposal.encryption.startswith("AES_"):
            return _AES_BY_KEY_BITS.get(proposal.key_bits)
        return _ENCRYPTION.get(proposal.encryption)

    def ike_hash_algo(self, proposal: Proposal) -> int | None:
        """IkeHashAlgo: none(1) md5(2) sha(3); none where an AEAD cipher does the work."""
        if proposal.is_aead:
            return _NONE
        return self._number(proposal.integrity, _INTEGRITY, _HASH_EXTENDED)

    def diffie_hellman_grp(self, proposal: Proposal) -> int | None:
        """DiffHellmanGrp: none(1) dhGroup1(2) dhGroup2(3)."""
        return self.group(proposal.group)

    def group(self, name: str) -> int | None:
        """DiffHellmanGrp of a group by its name, empty where there is none."""
        return self._number(name, _GROUP, _GROUP_EXTENDED) if name else _NONE

    def esp_auth_algo(self, parameters: ChildSaParameters) -> int | None:
        """AuthAlgo of ESP: none(1) hmacMd5(2) hmacSha(3)."""
        return self._auth_algo(parameters, "ESP")

    def ah_auth_algo(self, parameters: ChildSaParameters) -> int | None:
        """AuthAlgo of AH: none(1) hmacMd5(2) hmacSha(3)."""
        return self._auth_algo(parameters, "AH")

    def esp_encrypt_algo(self, parameters: ChildSaParameters) -> int | None:
        """EncryptAlgo of ESP; AH does not encrypt."""
        return self.encrypt_algo(parameters.proposal) if parameters.protocol == "ESP" else _NONE

    def ike_nego_mode(self, mode: NegotiationMode) -> int | None:
        """IkeNegoMode: main(1) aggressive(2); Cisco sends 3 for IKEv2."""
        if mode is NegotiationMode.IKEV2:
            return 3 if self.extended else None
        return 1 if mode is NegotiationMode.MAIN else 2

    def ike_auth_method(self, method: AuthMethod) -> int | None:
        """IkeAuthMethod: preSharedKey(2) rsaSig(3); Cisco sends none(1) where it is EAP."""
        if method is AuthMethod.EAP:
            return _NONE if self.extended else None
        return 2 if method is AuthMethod.PRE_SHARED_KEY else 3

    def _auth_algo(self, parameters: ChildSaParameters, protocol: str) -> int | None:
        proposal = parameters.proposal
        if parameters.protocol != protocol or not proposal.integrity:
            return _NONE
        return self._number(proposal.integrity, _INTEGRITY, _AUTH_EXTENDED)

    def _number(self, name: str, declared: dict[str, int], extended: dict[str, int]) -> int | None:
        number = declared.get(name)
        return extended.get(name) if number is None and self.extended else number
