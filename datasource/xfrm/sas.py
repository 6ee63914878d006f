"""The kernel's SAs as they were last read, for those whose SAs they are."""

from __future__ import annotations

from collections.abc import Mapping

from datasource.model import IpAddress
from datasource.xfrm.codec import AH, ESP, KernelSa, SaId

__all__ = ["KernelSas"]

_PROTOCOLS = {"ESP": ESP, "AH": AH}


class KernelSas:
    """Holds them."""

    def __init__(self) -> None:
        self.matched = False
        """Whether an SA that was asked for was ever there.

        Only then is it known that this kernel does the IPsec of who asks: that may be done in user
        space, or in another network namespace, about which this kernel's counters say nothing.
        """
        self._sas: Mapping[SaId, KernelSa] = {}

    def replace(self, sas: Mapping[SaId, KernelSa]) -> None:
        """Take over another reading."""
        self._sas = sas

    def find(self, destination: IpAddress, spi: int, protocol: str) -> KernelSa | None:
        """Return the SA that the kernel has; ``protocol`` is ``ESP`` or ``AH``."""
        if not self._sas:
            return None
        found = self._sas.get(SaId(destination, spi, _PROTOCOLS.get(protocol, 0)))
        self.matched |= found is not None
        return found
