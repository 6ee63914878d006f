"""The numbers of docs/operate.md, written down once more."""

from __future__ import annotations

import pytest

from datasource.model import AuthMethod, ChildSaParameters, NegotiationMode, Proposal
from mibs.algorithms import AlgorithmNumbers

EXTENDED, STRICT = AlgorithmNumbers(), AlgorithmNumbers(extended=False)


def child(proposal: Proposal, protocol: str = "ESP") -> ChildSaParameters:
    return ChildSaParameters("net", 1, 1, 2, (), (), protocol=protocol, proposal=proposal)


@pytest.mark.parametrize(
    ("encryption", "key_bits", "extended", "strict"),
    [
        ("NULL", 0, 1, 1),
        ("DES_CBC", 0, 2, 2),
        ("3DES_CBC", 0, 3, 3),
        ("AES_CBC", 128, 4, None),
        ("AES_CBC", 192, 5, None),
        ("AES_CBC", 256, 6, None),
        ("AES_CTR", 128, 4, None),
        ("AES_GCM_16", 256, 6, None),
        ("AES_CBC", 0, None, None),
        ("CHACHA20_POLY1305", 256, None, None),
        ("CAMELLIA_CBC", 128, None, None),
    ],
)
def test_encryption(
    encryption: str, key_bits: int, extended: int | None, strict: int | None
) -> None:
    proposal = Proposal(encryption, key_bits)
    assert EXTENDED.encrypt_algo(proposal) == extended
    assert STRICT.encrypt_algo(proposal) == strict
    assert EXTENDED.esp_encrypt_algo(child(proposal)) == extended
    assert EXTENDED.esp_encrypt_algo(child(proposal, "AH")) == 1


@pytest.mark.parametrize(
    ("integrity", "ike", "esp", "strict"),
    [
        ("HMAC_MD5_96", 2, 2, 2),
        ("HMAC_SHA1_96", 3, 3, 3),
        ("HMAC_SHA2_256_128", 7, 6, None),
        ("HMAC_SHA2_384_192", None, 6, None),
        ("HMAC_SHA2_512_256", 9, 6, None),
        ("AES_XCBC_96", None, None, None),
    ],
)
def test_integrity(integrity: str, ike: int | None, esp: int | None, strict: int | None) -> None:
    proposal = Proposal("AES_CBC", 128, integrity)
    assert (EXTENDED.ike_hash_algo(proposal), STRICT.ike_hash_algo(proposal)) == (ike, strict)
    for protocol, used, unused in (
        ("ESP", "esp_auth_algo", "ah_auth_algo"),
        ("AH", "ah_auth_algo", "esp_auth_algo"),
    ):
        assert getattr(EXTENDED, used)(child(proposal, protocol)) == esp
        assert getattr(STRICT, used)(child(proposal, protocol)) == strict
        assert getattr(STRICT, unused)(child(proposal, protocol)) == 1


@pytest.mark.parametrize(
    "encryption", ["AES_GCM_16", "AES_CCM_8", "CHACHA20_POLY1305", "CAMELLIA_CCM_16"]
)
def test_an_aead_cipher_needs_no_other_integrity(encryption: str) -> None:
    proposal = Proposal(encryption, 128)
    assert proposal.is_aead
    assert EXTENDED.ike_hash_algo(proposal) == STRICT.ike_hash_algo(proposal) == 1
    assert EXTENDED.esp_auth_algo(child(proposal)) == STRICT.esp_auth_algo(child(proposal)) == 1


@pytest.mark.parametrize(
    ("group", "extended", "strict"),
    [
        ("", 1, 1),
        ("MODP_768", 2, 2),
        ("MODP_1024", 3, 3),
        ("MODP_1536", 4, None),
        ("MODP_2048", 5, None),
        ("ECP_256", 9, None),
        ("ECP_384", 10, None),
        ("ECP_521", 11, None),
        ("MODP_3072", None, None),
        ("CURVE_25519", None, None),
    ],
)
def test_groups(group: str, extended: int | None, strict: int | None) -> None:
    proposal = Proposal(group=group)
    assert EXTENDED.diffie_hellman_grp(proposal) == extended
    assert STRICT.diffie_hellman_grp(proposal) == strict


def test_modes_and_authentication() -> None:
    modes = (NegotiationMode.MAIN, NegotiationMode.AGGRESSIVE, NegotiationMode.IKEV2)
    assert [EXTENDED.ike_nego_mode(mode) for mode in modes] == [1, 2, 3]
    assert [STRICT.ike_nego_mode(mode) for mode in modes] == [1, 2, None]
    methods = (AuthMethod.PRE_SHARED_KEY, AuthMethod.SIGNATURE, AuthMethod.EAP)
    assert [EXTENDED.ike_auth_method(method) for method in methods] == [2, 3, 1]
    assert [STRICT.ike_auth_method(method) for method in methods] == [2, 3, None]
