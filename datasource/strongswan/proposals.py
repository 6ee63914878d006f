"""Proposals, as charon reads and chooses them (its src/libstrongswan/crypto/proposal/proposal.c).

A proposal may list several algorithms of each type, the preferred one first. charon chooses those
of each type on their own: what two peers agree on is a combination. :meth:`Offer.expanded` gives
the combinations, in charon's order of preference.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from datasource.errors import DataSourceError
from datasource.model import Proposal
from datasource.strongswan.keywords import (
    KEYWORDS,
    PRF_OF_INTEGRITY,
    Transform,
    TransformType,
)

__all__ = ["MAX_COMBINATIONS", "Offer", "ProposalError", "parse_offer"]

MAX_COMBINATIONS = 32
"""Of one proposal; an operator means one of the first when there are more."""
_NOTHING = ("",)


class ProposalError(DataSourceError):
    """A proposal that charon would not load, or that names an algorithm that is not known here."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A proposal of the configuration: names as list-sas prints them, the preferred ones first."""

    encryption: tuple[tuple[str, int], ...] = ()
    """With the size of the key, 0 where it is fixed."""
    integrity: tuple[str, ...] = ()
    prf: tuple[str, ...] = ()
    """Empty: that which goes with the integrity algorithm, where the protocol needs one."""
    groups: tuple[str, ...] = ()
    protocol: str = "IKE"
    """``IKE``, ``ESP`` or ``AH``."""

    def expanded(self) -> tuple[Proposal, ...]:
        """Return the combinations, at most :data:`MAX_COMBINATIONS`, the preferred one first."""
        return tuple(itertools.islice(self._combinations(), MAX_COMBINATIONS))

    def _combinations(self) -> Iterator[Proposal]:
        for (cipher, bits), integrity, prf, group in itertools.product(
            self.encryption or (("", 0),),
            self.integrity or _NOTHING,
            self.prf or _NOTHING,
            self.groups or _NOTHING,
        ):
            if self.protocol == "IKE":
                prf = prf or PRF_OF_INTEGRITY.get(integrity, "")  # noqa: PLW2901 - the default
            yield Proposal(cipher, bits, integrity, prf, group)


def parse_offer(text: str, protocol: str) -> Offer:
    """Parse one proposal of swanctl.conf, such as ``aes128-sha256-modp2048``.

    ``protocol`` is ``IKE``, ``ESP`` or ``AH``.

    Raises:
        ProposalError: a word is not known, or an algorithm that the protocol needs is missing.
    """
    transforms = [_transform(word.strip()) for word in text.split("-") if word.strip()]
    found: dict[TransformType, dict[Transform, None]] = {kind: {} for kind in TransformType}
    for transform in transforms:
        found[transform.type][transform] = None
    encryption = tuple((one.name, one.key_bits) for one in found[TransformType.ENCRYPTION])
    integrity, prf, groups = (
        tuple(one.name for one in found[kind])
        for kind in (TransformType.INTEGRITY, TransformType.PRF, TransformType.GROUP)
    )
    if protocol == "AH":
        return _ah(encryption, integrity, groups, text)
    if not encryption:
        raise ProposalError(f"no encryption algorithm in {text!r}")
    aead = {Proposal(name).is_aead for name, _ in encryption}
    if len(aead) > 1:
        raise ProposalError(f"ciphers of two kinds in {text!r}")
    if aead == {True}:
        # Its own integrity algorithm would do nothing: it tells the PRF, and goes.
        prf = prf or tuple(PRF_OF_INTEGRITY[name] for name in integrity if name in PRF_OF_INTEGRITY)
        integrity = ()
    if protocol == "ESP":
        return Offer(encryption, integrity, (), groups, protocol)
    groups = tuple(group for group in groups if group)
    if not groups:
        raise ProposalError(f"no key exchange method in {text!r}")
    if not integrity and aead == {False}:
        raise ProposalError(f"no integrity algorithm in {text!r}")
    if not prf and not any(name in PRF_OF_INTEGRITY for name in integrity):
        raise ProposalError(f"no pseudo-random function in {text!r}")
    return Offer(encryption, integrity, prf, groups, protocol)


def _transform(word: str) -> Transform:
    transform = KEYWORDS.get(word)
    if transform is None:
        raise ProposalError(f"unknown algorithm {word!r}")
    return transform


def _ah(
    encryption: tuple[tuple[str, int], ...],
    integrity: tuple[str, ...],
    groups: tuple[str, ...],
    text: str,
) -> Offer:
    # GMAC is written as a cipher, and is an integrity algorithm here (RFC 4543 section 4).
    gmac = tuple(f"AES_{bits}_GMAC" for name, bits in encryption if name == "NULL_AES_GMAC")
    if not integrity + gmac:
        raise ProposalError(f"no integrity algorithm in {text!r}")
    return Offer((), integrity + gmac, (), groups, "AH")
