"""A gateway made of nothing but a seed and a clock.

For demonstrations, for tests of what watches gateways, and for measurements at sizes that no
laboratory has. It knows everything about itself, so every counter is there.
"""

from datasource.simulated.gateway import SimulatedGateway
from datasource.simulated.source import SimulatedSource
from datasource.simulated.traffic import (
    MEASURED_FAILURES,
    MEASURED_IKE,
    MEASURED_IPSEC,
    MEASURED_IPSEC_FAILURES,
    tracker_for_simulation,
)

__all__ = [
    "MEASURED_FAILURES",
    "MEASURED_IKE",
    "MEASURED_IPSEC",
    "MEASURED_IPSEC_FAILURES",
    "SimulatedGateway",
    "SimulatedSource",
    "tracker_for_simulation",
]
