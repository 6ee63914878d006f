"""The words of a proposal in swanctl.conf, and the algorithms that they stand for.

Words are those of swanctl.conf(5), names those that list-sas prints (strongSwan's
src/libstrongswan/crypto/proposal/proposal_keywords_static.txt and its enum names).
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["KEYWORDS", "PRF_OF_INTEGRITY", "Transform", "TransformType"]


class TransformType(enum.Enum):
    """Transform types (RFC 7296 section 3.3.2)."""

    ENCRYPTION = enum.auto()
    INTEGRITY = enum.auto()
    PRF = enum.auto()
    GROUP = enum.auto()
    OTHER = enum.auto()
    """Extended sequence numbers, and additional key exchanges (RFC 9370)."""


@dataclass(frozen=True, slots=True)
class Transform:
    """An algorithm; ``key_bits`` is 0 where its size is fixed, the name empty where it is none."""

    type: TransformType
    name: str
    key_bits: int = 0


def _encryption() -> Mapping[str, Transform]:
    sizes = (128, 192, 256)
    found = {"null": ("NULL", 0), "des": ("DES_CBC", 0), "3des": ("3DES_CBC", 0)}
    found["cast128"] = ("CAST_CBC", 128)
    found["chacha20poly1305"] = ("CHACHA20_POLY1305", 0)
    found["chacha20poly1305compat"] = ("CHACHA20_POLY1305", 256)
    for word, cipher in (
        ("aes", "AES_CBC"),
        ("blowfish", "BLOWFISH_CBC"),
        ("camellia", "CAMELLIA_CBC"),
        ("serpent", "SERPENT_CBC"),
        ("twofish", "TWOFISH_CBC"),
    ):
        found[word] = (cipher, 128)
        found.update({f"{word}{bits}": (cipher, bits) for bits in sizes})
    for bits in sizes:
        found[f"aes{bits}ctr"] = ("AES_CTR", bits)
        found[f"camellia{bits}ctr"] = ("CAMELLIA_CTR", bits)
        found[f"aes{bits}gmac"] = ("NULL_AES_GMAC", bits)
        for mode, cipher in (("aes{}gcm", "AES_GCM"), ("aes{}ccm", "AES_CCM"),
                             ("camellia{}ccm", "CAMELLIA_CCM")):  # fmt: skip
            # The length of the tag, in octets or in bits.
            for octets in (8, 12, 16):
                for length in (octets, octets * 8):
                    found[f"{mode.format(bits)}{length}"] = (f"{cipher}_{octets}", bits)
        found[f"aes{bits}gcm"] = ("AES_GCM_16", bits)
        found[f"aes{bits}ccm"] = ("AES_CCM_16", bits)
    return {
        word: Transform(TransformType.ENCRYPTION, name, bits)
        for word, (name, bits) in found.items()
    }


_INTEGRITY = {
    "sha": "HMAC_SHA1_96",
    "sha1": "HMAC_SHA1_96",
    "sha1_160": "HMAC_SHA1_160",
    "sha256": "HMAC_SHA2_256_128",
    "sha2_256": "HMAC_SHA2_256_128",
    "sha256_96": "HMAC_SHA2_256_96",
    "sha2_256_96": "HMAC_SHA2_256_96",
    "sha384": "HMAC_SHA2_384_192",
    "sha2_384": "HMAC_SHA2_384_192",
    "sha512": "HMAC_SHA2_512_256",
    "sha2_512": "HMAC_SHA2_512_256",
    "md5": "HMAC_MD5_96",
    "md5_128": "HMAC_MD5_128",
    "aesxcbc": "AES_XCBC_96",
    "camelliaxcbc": "CAMELLIA_XCBC_96",
    "aescmac": "AES_CMAC_96",
}
_PRF = {
    "prfsha1": "PRF_HMAC_SHA1",
    "prfsha256": "PRF_HMAC_SHA2_256",
    "prfsha384": "PRF_HMAC_SHA2_384",
    "prfsha512": "PRF_HMAC_SHA2_512",
    "prfmd5": "PRF_HMAC_MD5",
    "prfaesxcbc": "PRF_AES128_XCBC",
    "prfcamelliaxcbc": "PRF_CAMELLIA128_XCBC",
    "prfaescmac": "PRF_AES128_CMAC",
}
_GROUP = {
    "none": "",
    "modpnone": "",
    "modpnull": "MODP_NULL",
    **{f"modp{bits}": f"MODP_{bits}" for bits in (768, 1024, 1536, 2048, 3072, 4096, 6144, 8192)},
    "modp1024s160": "MODP_1024_160",
    "modp2048s224": "MODP_2048_224",
    "modp2048s256": "MODP_2048_256",
    **{f"ecp{bits}": f"ECP_{bits}" for bits in (192, 224, 256, 384, 521)},
    **{f"ecp{bits}bp": f"ECP_{bits}_BP" for bits in (224, 256, 384, 512)},
    "curve25519": "CURVE_25519",
    "x25519": "CURVE_25519",
    "curve448": "CURVE_448",
    "x448": "CURVE_448",
    **{f"ntru{bits}": f"NTRU_{bits}" for bits in (112, 128, 192, 256)},
    **{f"mlkem{size}": f"ML_KEM_{size}" for size in (512, 768, 1024)},
}

KEYWORDS: Mapping[str, Transform] = {
    **_encryption(),
    **{word: Transform(TransformType.INTEGRITY, name) for word, name in _INTEGRITY.items()},
    **{word: Transform(TransformType.PRF, name) for word, name in _PRF.items()},
    **{word: Transform(TransformType.GROUP, name) for word, name in _GROUP.items()},
    "esn": Transform(TransformType.OTHER, "EXT_SEQ"),
    "noesn": Transform(TransformType.OTHER, "NO_EXT_SEQ"),
    **{
        f"ke{number}_{word}": Transform(TransformType.OTHER, f"KE{number}_{name}")
        for number in range(1, 8)
        for word, name in _GROUP.items()
    },
}
"""What each word stands for."""

PRF_OF_INTEGRITY: Mapping[str, str] = {
    "HMAC_SHA1_96": "PRF_HMAC_SHA1",
    "HMAC_SHA1_160": "PRF_HMAC_SHA1",
    "HMAC_SHA2_256_128": "PRF_HMAC_SHA2_256",
    "HMAC_SHA2_384_192": "PRF_HMAC_SHA2_384",
    "HMAC_SHA2_512_256": "PRF_HMAC_SHA2_512",
    "HMAC_MD5_96": "PRF_HMAC_MD5",
    "HMAC_MD5_128": "PRF_HMAC_MD5",
    "AES_XCBC_96": "PRF_AES128_XCBC",
    "CAMELLIA_XCBC_96": "PRF_CAMELLIA128_XCBC",
    "AES_CMAC_96": "PRF_AES128_CMAC",
}
"""The pseudo-random function that goes with an integrity algorithm, where none is named."""
