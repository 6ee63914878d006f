"""The IPsec group but for its crypto maps: 1.3.6.1.4.1.9.10.62.1.2.1 and .2."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mibs.forms import constant, within
from mibs.table import Scalar

__all__ = ["SCALARS", "UNSUPPORTED", "lifesize", "lifetime"]

lifetime = within(120, 86400)
"""CIPsecLifetime: seconds."""

_kilobytes = within(2560, 536870912)


def lifesize(octets: int) -> int | None:
    """CIPsecLifesize: kilobytes."""
    return _kilobytes(octets >> 10)


# cipsIPsecGlobals .1.2.1 --------------------------------------------------------------------------

# Linux has no Cisco Encryption Technology and no tunnel endpoint discovery: the number of sets with
# either is known, and 0.
SCALARS = (
    Scalar("cipsSALifetime", "configuration.defaults.lifetime", lifetime),
    Scalar("cipsSALifesize", "configuration.defaults.lifetime_octets", lifesize),
    Scalar("cipsNumStaticCryptomapSets", "configuration.static_sets", len),
    Scalar("cipsNumCETCryptomapSets", "configuration.static_sets", constant(0)),
    Scalar("cipsNumDynamicCryptomapSets", "configuration.dynamic_sets", len),
    Scalar("cipsNumTEDCryptomapSets", "configuration.static_sets", constant(0)),
)

# cipsIPsecStatistics .1.2.2 -----------------------------------------------------------------------

_NO_TED = "Linux has no tunnel endpoint discovery, whose probes it counts"

UNSUPPORTED: Mapping[str, str] = MappingProxyType(
    {
        "cipsNumTEDProbesReceived": _NO_TED,
        "cipsNumTEDProbesSent": _NO_TED,
        "cipsNumTEDFailures": _NO_TED,
    }
)
"""What is not served, and why."""
