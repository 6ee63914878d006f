from __future__ import annotations

import pytest

from datasource.model import Proposal
from datasource.strongswan.proposals import (
    MAX_COMBINATIONS,
    Offer,
    ProposalError,
    parse_offer,
)

SHA256, SHA384 = "HMAC_SHA2_256_128", "HMAC_SHA2_384_192"
PRF256, PRF384 = "PRF_HMAC_SHA2_256", "PRF_HMAC_SHA2_384"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("aes128-sha256-modp2048", [Proposal("AES_CBC", 128, SHA256, PRF256, "MODP_2048")]),
        ("3des-md5-modp768", [Proposal("3DES_CBC", 0, "HMAC_MD5_96", "PRF_HMAC_MD5", "MODP_768")]),
        ("aes256gcm16-prfsha384-ecp384", [Proposal("AES_GCM_16", 256, "", PRF384, "ECP_384")]),
        ("aes256gcm128-sha384-ecp384", [Proposal("AES_GCM_16", 256, "", PRF384, "ECP_384")]),
        ("chacha20poly1305-prfsha256-x25519", [
            Proposal("CHACHA20_POLY1305", 0, "", PRF256, "CURVE_25519")
        ]),
        ("camellia192ccm96-prfsha1-ecp224bp", [
            Proposal("CAMELLIA_CCM_12", 192, "", "PRF_HMAC_SHA1", "ECP_224_BP")
        ]),
        ("aes128-sha256-prfsha384-modp2048s256", [
            Proposal("AES_CBC", 128, SHA256, PRF384, "MODP_2048_256")
        ]),
        ("aes128-aes256-sha256-sha384-modp2048-none-ecp256", [
            Proposal("AES_CBC", bits, integrity, prf, group)
            for bits in (128, 256)
            for integrity, prf in ((SHA256, PRF256), (SHA384, PRF384))
            for group in ("MODP_2048", "ECP_256")
        ]),
        (" aes128 - sha256-aes128-ke1_mlkem768-curve25519 ", [
            Proposal("AES_CBC", 128, SHA256, PRF256, "CURVE_25519")
        ]),
    ],
)  # fmt: skip
def test_ike(text: str, expected: list[Proposal]) -> None:
    assert list(parse_offer(text, "IKE").expanded()) == expected


@pytest.mark.parametrize(
    ("text", "protocol", "expected"),
    [
        ("aes128-sha256", "ESP", Proposal("AES_CBC", 128, SHA256)),
        ("aes128", "ESP", Proposal("AES_CBC", 128)),
        ("null-sha1-esn-noesn", "ESP", Proposal("NULL", 0, "HMAC_SHA1_96")),
        ("aes128gcm16-x25519", "ESP", Proposal("AES_GCM_16", 128, group="CURVE_25519")),
        ("aes256gmac", "ESP", Proposal("NULL_AES_GMAC", 256)),
        ("aes-sha1-prfsha1-none", "ESP", Proposal("AES_CBC", 128, "HMAC_SHA1_96")),
        ("sha256-modp3072", "AH", Proposal(integrity=SHA256, group="MODP_3072")),
        ("aes192gmac", "AH", Proposal(integrity="AES_192_GMAC")),
    ],
)
def test_children(text: str, protocol: str, expected: Proposal) -> None:
    assert parse_offer(text, protocol).expanded()[0] == expected


@pytest.mark.parametrize(
    ("text", "protocol", "words"),
    [
        ("aes128-sha257-modp2048", "IKE", "unknown algorithm 'sha257'"),
        ("sha256-modp2048", "IKE", "no encryption algorithm"),
        ("", "ESP", "no encryption algorithm"),
        ("aes128-aes128gcm16-sha256-modp2048", "IKE", "ciphers of two kinds"),
        ("aes128-sha256", "IKE", "no key exchange method"),
        ("aes128-sha256-none", "IKE", "no key exchange method"),
        ("aes128-prfsha256-modp2048", "IKE", "no integrity algorithm"),
        ("aes128gcm16-modp2048", "IKE", "no pseudo-random function"),
        ("aes128-sha256_96-modp2048", "IKE", "no pseudo-random function"),
        ("aes128", "AH", "no integrity algorithm"),
    ],
)
def test_what_charon_would_not_load(text: str, protocol: str, words: str) -> None:
    with pytest.raises(ProposalError, match=words):
        parse_offer(text, protocol)


def test_there_are_not_too_many() -> None:
    offer = Offer(tuple(("AES_CBC", bits) for bits in range(100)), (SHA256,), (), ("MODP_2048",))
    assert len(offer.expanded()) == MAX_COMBINATIONS
