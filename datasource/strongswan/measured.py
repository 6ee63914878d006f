"""What a strongSwan daemon counts, and what it does not."""

from __future__ import annotations

import math

from datasource.model import NO_IKE_TRAFFIC, IkeFailures, IkeTraffic, IpsecTraffic
from datasource.tracker import Tracker

__all__ = ["FAILURES_WITH_LOG", "MEASURED_IKE", "MEASURED_IPSEC", "tracker_for"]

MEASURED_IKE = IkeTraffic(
    in_octets=0,
    in_packets=0,
    in_notifies=0,
    in_phase2_exchanges=0,
    in_phase2_invalids=0,
    in_phase2_rejects=0,
    in_phase2_deletes=0,
    out_octets=0,
    out_packets=0,
    out_notifies=0,
    out_phase2_exchanges=0,
    out_phase2_invalids=0,
    out_phase2_rejects=0,
    out_phase2_deletes=0,
)
"""What log events tell; without them nothing is told of IKE messages."""
MEASURED_IPSEC = IpsecTraffic(
    in_octets=0,
    in_plain_octets=0,
    in_packets=0,
    in_auths=0,
    in_decrypts=0,
    out_octets=0,
    out_plain_octets=0,
    out_packets=0,
    out_auths=0,
    out_encrypts=0,
)
"""What charon counts. An SA that the kernel has brings replay drops and failed authentications."""
FAILURES_WITH_LOG = IkeFailures(authentication=0, decryption=0, hash_validation=0)
"""The count of messages without an SA comes from a plugin that may be absent."""


def tracker_for(log_events: bool, watching_since: float = -math.inf) -> Tracker:
    """Make a tracker that begins with what this source measures."""
    return Tracker(
        ike=MEASURED_IKE if log_events else NO_IKE_TRAFFIC,
        ipsec=MEASURED_IPSEC,
        failures=FAILURES_WITH_LOG if log_events else IkeFailures(),
        watching_since=watching_since,
    )
