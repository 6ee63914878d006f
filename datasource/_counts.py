"""The totals: counted as things happen and never recomputed, so that they cannot fall."""

from __future__ import annotations

import dataclasses
import operator

from datasource._state import ChildSaState
from datasource.model import (
    NO_IPSEC_TRAFFIC,
    IkeFailures,
    IkeTraffic,
    IpsecFailures,
    IpsecTraffic,
    Totals,
    add_counters,
)

__all__ = ["Counts", "measured", "more_ike"]


@dataclasses.dataclass(slots=True)
class Counts:
    """What :class:`Totals` is made of; the fields are the same.

    It begins with what the source measures: 0 for what it does, None for what it does not.
    """

    ike: IkeTraffic
    ipsec: IpsecTraffic
    failures: IkeFailures
    ipsec_failures: IpsecFailures
    ike_ended: int = 0
    ipsec_ended: int = 0
    initiated: int = 0
    initiated_failures: int = 0
    responded_failures: int = 0

    def totals(self) -> Totals:
        """Return the counts as they are now."""
        return Totals(**{f.name: getattr(self, f.name) for f in dataclasses.fields(self)})

    def failed(self, kind: str) -> None:
        """Count a failure: ``kind`` is a field of :class:`IkeFailures`."""
        count = (getattr(self.failures, kind) or 0) + 1
        self.failures = dataclasses.replace(self.failures, **{kind: count})

    def ipsec_failed(self, kind: str, more: int) -> None:
        """Count failures: ``kind`` is a field of :class:`IpsecFailures`."""
        count = (getattr(self.ipsec_failures, kind) or 0) + more
        self.ipsec_failures = dataclasses.replace(self.ipsec_failures, **{kind: count})

    def setup_failed(self, *, initiator: bool) -> None:
        """Count an IKE SA that never came up."""
        if initiator:
            self.initiated += 1
            self.initiated_failures += 1
        else:
            self.responded_failures += 1

    def count_child(self, sa: ChildSaState, traffic: IpsecTraffic) -> bool:
        """Take over the counters of a child SA, for it, its tunnel and the total.

        Return whether anything is more than before.
        """
        old = sa.traffic
        if traffic is old or traffic == old:
            return False
        tunnel = sa.tunnel
        # Three times as fast where everything is counted; None makes a TypeError.
        try:
            grown = tuple(map(operator.sub, traffic, old))
            total = IpsecTraffic._make(map(operator.add, self.ipsec, grown))
            # While a tunnel has had one SA only, both share one object.
            summed = (
                traffic
                if tunnel.traffic is old
                else IpsecTraffic._make(map(operator.add, tunnel.traffic, grown))
            )
        except TypeError:
            return self._count_some(sa, traffic)
        if min(grown) < 0:
            return self._count_some(sa, traffic)
        sa.traffic, tunnel.traffic, self.ipsec = traffic, summed, total
        return True

    def _count_some(self, sa: ChildSaState, traffic: IpsecTraffic) -> bool:
        """Count an SA some of whose counters are missing, or older than what is known."""
        # An SA's own counters never fall; what looks so is an older report that came later.
        more = [
            None if new is None else max(new - (was or 0), 0)
            for was, new in zip(sa.traffic, traffic, strict=True)
        ]
        # A count of 0 is news where there was none.
        traffic = IpsecTraffic(*add_counters(sa.traffic, more))
        if traffic == sa.traffic:
            return False
        sa.traffic = traffic
        sa.tunnel.traffic = IpsecTraffic(*add_counters(sa.tunnel.traffic, more))
        self.ipsec = IpsecTraffic(*add_counters(self.ipsec, more))
        return True


def more_ike(traffic: IkeTraffic, seen: IkeTraffic) -> IkeTraffic:
    """Return the sum of two rows of counters."""
    try:
        return IkeTraffic._make(map(operator.add, traffic, seen))
    except TypeError:
        return IkeTraffic(*add_counters(traffic, seen))


def measured(zero: IpsecTraffic, first: IpsecTraffic) -> IpsecTraffic:
    """Return what a tunnel counts from: an SA may lack a count that others have, as with IPComp."""
    if first == NO_IPSEC_TRAFFIC:
        return zero
    return IpsecTraffic(*(None if b is None else a for a, b in zip(zero, first, strict=True)))
