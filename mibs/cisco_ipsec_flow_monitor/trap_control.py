"""The trap control group: 1.3.6.1.4.1.9.9.171.1.6, a switch for each notification."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["NOTIFICATION_OF"]

NOTIFICATION_OF: Mapping[str, str] = MappingProxyType(
    {
        "cipSecTrapCntlIkeTunnelStart": "cikeTunnelStart",
        "cipSecTrapCntlIkeTunnelStop": "cikeTunnelStop",
        "cipSecTrapCntlIkeSysFailure": "cikeSysFailure",
        "cipSecTrapCntlIkeCertCrlFailure": "cikeCertCrlFailure",
        "cipSecTrapCntlIkeProtocolFail": "cikeProtocolFailure",
        "cipSecTrapCntlIkeNoSa": "cikeNoSa",
        "cipSecTrapCntlIpSecTunnelStart": "cipSecTunnelStart",
        "cipSecTrapCntlIpSecTunnelStop": "cipSecTunnelStop",
        "cipSecTrapCntlIpSecSysFailure": "cipSecSysFailure",
        "cipSecTrapCntlIpSecSetUpFailure": "cipSecSetUpFailure",
        "cipSecTrapCntlIpSecEarlyTunTerm": "cipSecEarlyTunTerm",
        "cipSecTrapCntlIpSecProtocolFail": "cipSecProtocolFailure",
        "cipSecTrapCntlIpSecNoSa": "cipSecNoSa",
    }
)
"""Which notification each switch lets through."""
