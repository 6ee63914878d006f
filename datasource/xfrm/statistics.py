"""The text of /proc/net/xfrm_stat: packets that the kernel's IPsec dropped, and why (sans-IO).

What the counters mean is in the kernel's Documentation/networking/xfrm_proc.rst. These are taken
for failures of IPsec, and no others:

* ``no_sa``: XfrmInNoStates, a packet with an SPI that nobody has. Not XfrmOutNoStates: that is also
  each packet that waits for a tunnel to be set up on demand.
* ``protocol_use``: XfrmInHdrError, Xfrm{In,Out}StateProtoError, Xfrm{In,Out}StateModeError and
  XfrmInStateMismatch: the headers, the transform or the encapsulation of a packet are not what its
  SA says. A packet that fails authentication is a StateProtoError, so it is counted here and with
  its tunnel.
* ``system_capacity``: XfrmInBufferError and, since Linux 6.14, XfrmOutNoQueueSpace: there was no
  room. Not Xfrm{In,Out}Error: those are whatever has no counter of its own, a packet that is too
  long among it.

The rest is no failure to use an SA that could be used. Sequence errors are replays, which each SA
counts. Expired and invalid SAs, and directions that do not fit, are about an SA's life. Policies,
templates and bundles are decisions.
"""

from __future__ import annotations

from collections.abc import Mapping

from datasource.model import IpsecFailures
from datasource.xfrm.codec import XfrmError

__all__ = ["failures", "parse"]

_NO_SA = ("XfrmInNoStates",)
_PROTOCOL_USE = (
    "XfrmInHdrError",
    "XfrmInStateProtoError",
    "XfrmInStateModeError",
    "XfrmInStateMismatch",
    "XfrmOutStateProtoError",
    "XfrmOutStateModeError",
)
_SYSTEM_CAPACITY = ("XfrmInBufferError", "XfrmOutNoQueueSpace")
_MAX_DIGITS = 20


def parse(text: str) -> dict[str, int]:
    """Return the counters by their names.

    Raises:
        XfrmError: a line is not a name and a number.
    """
    counters: dict[str, int] = {}
    for line in text.splitlines():
        name, _, rest = line.partition("\t")
        digits = rest.strip()
        if not (digits.isascii() and digits.isdigit() and len(digits) <= _MAX_DIGITS):
            raise XfrmError(f"a line of statistics that reads {line[:80]!r}")
        counters[name.strip()] = int(digits)
    return counters


def failures(counters: Mapping[str, int]) -> IpsecFailures:
    """Return what the counters say; None where this kernel has none of a kind."""
    return IpsecFailures(
        protocol_use=_sum(counters, _PROTOCOL_USE),
        no_sa=_sum(counters, _NO_SA),
        system_capacity=_sum(counters, _SYSTEM_CAPACITY),
    )


def _sum(counters: Mapping[str, int], names: tuple[str, ...]) -> int | None:
    found = [counters[name] for name in names if name in counters]
    return sum(found) if found else None
