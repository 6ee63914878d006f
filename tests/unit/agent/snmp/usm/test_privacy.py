"""agent.snmp.usm.privacy: the standards' examples, and contexts that are new for every message."""

from __future__ import annotations

import pytest
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from agent.snmp.usm.privacy import DecryptionError, make_cipher
from agent.snmp.usm.protocols import PRIV_PROTOCOLS

KEY = bytes(range(1, 33))
AES = [priv for priv in PRIV_PROTOCOLS if priv != "DES"]

PLAIN = bytes.fromhex(
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
)
"""Of every example in NIST SP 800-38A."""

int32s = st.integers(0, 2**31 - 1)
int64s = st.integers(0, 2**64 - 1)


def aes(key: bytes, data: bytes, boots: int, time: int, salt: bytes) -> bytes:
    """CFB128-AES by a context of its own."""
    iv = boots.to_bytes(4, "big") + time.to_bytes(4, "big") + salt
    return Cipher(algorithms.AES(key), CFB(iv)).encryptor().update(data)


class TestAes:
    @pytest.mark.parametrize(
        ("priv", "key", "encrypted"),
        [
            (
                "AES-128",
                "2b7e151628aed2a6abf7158809cf4f3c",
                (
                    "3b3fd92eb72dad20333449f8e83cfb4ac8a64537a0b3a93fcde3cdad9f1ce58b"
                    "26751f67a3cbb140b1808cf187a4f4dfc04b05357c5d1c0eeac4c66f9ff7f2e6"
                ),
            ),
            (
                "AES-192",
                "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
                (
                    "cdc80d6fddf18cab34c25909c99a417467ce7f7f81173621961a2b70171d3d7a"
                    "2e1e8a1dd59b88b1c8e60fed1efac4c9c05f9f9ca9834fa042ae8fba584b09ff"
                ),
            ),
            (
                "AES-256",
                "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
                (
                    "dc7e84bfda79164b7ecd8486985d386039ffed143b28b1c832113c6331e5407b"
                    "df10132415e54b92a13ed0a8267ae2f975a385741ab9cef82031623d55b1e471"
                ),
            ),
        ],
    )
    def test_us05_nist_sp_800_38a(self, priv: str, key: str, encrypted: str) -> None:
        cipher = make_cipher(PRIV_PROTOCOLS[priv], bytes.fromhex(key))
        boots, time, number = 0x00010203, 0x04050607, 0x08090A0B0C0D0E0F
        salt = bytes.fromhex("08090a0b0c0d0e0f")
        assert cipher.encrypt(PLAIN, boots, time, number) == (bytes.fromhex(encrypted), salt)
        assert cipher.decrypt(bytes.fromhex(encrypted), salt, boots, time) == PLAIN

    @pytest.mark.parametrize("priv", AES)
    @given(st.lists(st.tuples(st.booleans(), st.binary(max_size=70), int32s, int32s, int64s)))
    def test_us05_no_message_leaves_anything_behind(
        self, priv: str, messages: list[tuple[bool, bytes, int, int, int]]
    ) -> None:
        key = KEY[: PRIV_PROTOCOLS[priv].key_length]
        cipher = make_cipher(PRIV_PROTOCOLS[priv], key)
        for outgoing, data, boots, time, number in messages:
            salt = number.to_bytes(8, "big")
            encrypted = aes(key, data, boots, time, salt)
            if outgoing:
                assert cipher.encrypt(data, boots, time, number) == (encrypted, salt)
            else:
                assert cipher.decrypt(encrypted, salt, boots, time) == data

    @pytest.mark.parametrize("length", [0, 7, 9, 16])
    def test_us04_a_salt_of_another_length(self, length: int) -> None:
        cipher = make_cipher(PRIV_PROTOCOLS["AES-128"], KEY[:16])
        with pytest.raises(DecryptionError, match=f"{length} octets"):
            cipher.decrypt(bytes(16), bytes(length), 1, 1)


class TestDes:
    def test_us05_fips_81(self) -> None:
        key = bytes.fromhex("0123456789abcdef")
        iv = bytes.fromhex("1234567890abcdef")
        salt = bytes.fromhex("0000000500000007")
        pre_iv = bytes(a ^ b for a, b in zip(iv, salt, strict=True))
        cipher = make_cipher(PRIV_PROTOCOLS["DES"], key + pre_iv)
        encrypted = bytes.fromhex("e5c7cdde872bf27c43e934008c389c0f683788499a7c05f6")
        plain = b"Now is the time for all "
        # The upper half of the number has no place in the salt.
        assert cipher.encrypt(plain, 5, 9, 0xFFFF_0000_0007) == (encrypted, salt)
        assert cipher.decrypt(encrypted, salt, 77, 88) == plain

    @given(st.binary(max_size=70), int32s, int64s)
    def test_us05_filled_up_to_blocks(self, data: bytes, boots: int, number: int) -> None:
        cipher = make_cipher(PRIV_PROTOCOLS["DES"], KEY[:16])
        encrypted, salt = cipher.encrypt(data, boots, 0, number)
        assert salt == boots.to_bytes(4, "big") + number.to_bytes(8, "big")[4:]
        iv = bytes(a ^ b for a, b in zip(salt, KEY[8:16], strict=True))
        plain = Cipher(TripleDES(KEY[:8] * 3), modes.CBC(iv)).decryptor().update(encrypted)
        assert plain == cipher.decrypt(encrypted, salt, boots, 0)
        assert plain[: len(data)] == data
        assert len(plain) - len(data) < 8

    @pytest.mark.parametrize(("octets", "salt"), [(8, 0), (8, 7), (8, 9), (7, 8), (9, 8)])
    def test_us04_lengths_that_des_does_not_give(self, octets: int, salt: int) -> None:
        cipher = make_cipher(PRIV_PROTOCOLS["DES"], KEY[:16])
        with pytest.raises(DecryptionError, match=f"{octets} octets with a salt of {salt}"):
            cipher.decrypt(bytes(octets), bytes(salt), 1, 1)


@pytest.mark.parametrize("priv", PRIV_PROTOCOLS)
def test_us05_another_number_gives_other_octets(priv: str) -> None:
    protocol = PRIV_PROTOCOLS[priv]
    cipher = make_cipher(protocol, KEY[: protocol.key_length])
    sent = {cipher.encrypt(bytes(8), 1, 1, number) for number in range(100)}
    assert len({encrypted for encrypted, _ in sent}) == len({salt for _, salt in sent}) == 100
