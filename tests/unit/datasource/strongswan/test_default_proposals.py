from __future__ import annotations

import pytest

from datasource.model import AuthMethod, Proposal
from datasource.strongswan.default_proposals import default_ike_offers, parse_defaults
from datasource.strongswan.fields import ConvertError
from datasource.strongswan.packet import Message

SHA2 = ("HMAC_SHA2_256_128", "HMAC_SHA2_384_192", "HMAC_SHA2_512_256")
PRF = ("PRF_HMAC_SHA2_256", "PRF_HMAC_SHA2_384", "PRF_HMAC_SHA2_512", "PRF_HMAC_SHA1")
GROUPS = ("CURVE_25519", "MODP_3072", "MODP_4096", "MODP_6144", "MODP_8192", "MODP_2048")


def algorithms(**names: str) -> Message:
    return {kind: dict.fromkeys(text.split(), b"plugin") for kind, text in names.items()}


# What a charon 5.9.8 with few plugins answers, cut short where it does not matter.
FEW = algorithms(
    encryption="AES_CBC AES_ECB",
    integrity="HMAC_SHA1_96 HMAC_SHA1_128 HMAC_MD5_96 HMAC_SHA2_256_128 HMAC_SHA2_256_256 "
    "HMAC_SHA2_384_192 HMAC_SHA2_512_256",
    aead="AES_CCM_8 AES_CCM_12 AES_CCM_16",
    prf="PRF_KEYED_SHA1 PRF_HMAC_SHA1 PRF_HMAC_MD5 PRF_HMAC_SHA2_256 PRF_HMAC_SHA2_384 "
    "PRF_HMAC_SHA2_512",
    dh="CURVE_25519 MODP_3072 MODP_4096 MODP_6144 MODP_8192 MODP_2048 MODP_2048_224 MODP_1536 "
    "MODP_1024 MODP_768 MODP_CUSTOM",
)


def test_offers_are_in_charons_order() -> None:
    without, with_aead = default_ike_offers(FEW)
    assert without.encryption == (("AES_CBC", 128), ("AES_CBC", 192), ("AES_CBC", 256))
    assert without.integrity == (*SHA2, "HMAC_SHA1_96")
    assert without.prf == with_aead.prf == PRF
    assert without.groups == with_aead.groups == GROUPS
    assert with_aead.encryption == tuple(
        (name, bits)
        for name in ("AES_CCM_16", "AES_CCM_8", "AES_CCM_12")
        for bits in (128, 192, 256)
    )
    assert with_aead.integrity == ()


def test_policies_are_pairs() -> None:
    defaults = parse_defaults(FEW)
    assert [(one.proposal.encryption, one.proposal.key_bits) for one in defaults.policies[::2]] == [
        ("AES_CBC", 128),
        ("AES_CBC", 192),
        ("AES_CBC", 256),
        ("AES_CCM_16", 128),
    ]
    first, second = defaults.policies[:2]
    assert first.proposal == Proposal("AES_CBC", 128, SHA2[0], PRF[0], "CURVE_25519")
    assert second.proposal == first.proposal
    assert [first.auth_method, second.auth_method] == [
        AuthMethod.SIGNATURE,
        AuthMethod.PRE_SHARED_KEY,
    ]
    assert {one.lifetime for one in defaults.policies} == {4 * 3600}
    assert defaults.policies[-1].proposal.integrity == ""


def test_children() -> None:
    defaults = parse_defaults(FEW)
    assert [(one.name, one.protocol, one.proposal) for one in defaults.transform_sets] == [
        ("default_1", "ESP", Proposal("AES_GCM_16", 128)),
        ("default_2", "ESP", Proposal("AES_CBC", 128, SHA2[0])),
    ]
    assert (defaults.lifetime, defaults.lifetime_octets) == (3600, None)
    assert defaults.triple_des is False


def test_a_daemon_with_little() -> None:
    one = algorithms(encryption="3DES_CBC", integrity="HMAC_SHA1_96", prf="PRF_HMAC_SHA1")
    defaults = parse_defaults({**one, **algorithms(dh="MODP_2048")})
    assert {policy.proposal for policy in defaults.policies} == {
        Proposal("3DES_CBC", 0, "HMAC_SHA1_96", "PRF_HMAC_SHA1", "MODP_2048")
    }
    assert len(defaults.policies) == 2
    assert defaults.triple_des is True
    assert parse_defaults({}).policies == ()


def test_a_malformed_answer() -> None:
    with pytest.raises(ConvertError, match="prf"):
        parse_defaults({"prf": b"x"})
