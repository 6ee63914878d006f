"""The MIBs of the SNMP engine: who it is, and what it has refused.

SNMP-FRAMEWORK-MIB (RFC 3411), SNMP-MPD-MIB (RFC 3412), SNMP-TARGET-MIB (RFC 3413) and
SNMP-USER-BASED-SM-MIB (RFC 3414).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mibs.snmp_statistics import SnmpStatistics
from mibs.snmpv2_mib import counters
from mibs.table import Binding, Live

__all__ = ["MODULES", "EngineGroup", "bind"]

MODULES = ("SNMP-FRAMEWORK-MIB", "SNMP-MPD-MIB", "SNMP-TARGET-MIB", "SNMP-USER-BASED-SM-MIB")


@dataclass(frozen=True, slots=True)
class EngineGroup:
    """The snmpEngine group (RFC 3411 section 5)."""

    engine_id: bytes
    """5 to 32 octets."""
    boots: int
    """1 to 2147483647."""
    time: Callable[[], int]
    """Seconds since the engine booted, 0 to 2147483647."""
    max_message_size: int
    """Octets, 484 at least."""


def bind(engine: EngineGroup, statistics: SnmpStatistics) -> tuple[Binding, ...]:
    """Return the binding of each of :data:`MODULES`, in their order."""
    framework, dispatcher, target, usm = MODULES
    return (
        Binding(
            framework,
            scalars=(
                Live("snmpEngineID", lambda: engine.engine_id),
                Live("snmpEngineBoots", lambda: engine.boots),
                Live("snmpEngineTime", engine.time),
                Live("snmpEngineMaxMessageSize", lambda: engine.max_message_size),
            ),
        ),
        Binding(
            dispatcher,
            scalars=counters(
                statistics,
                "snmpUnknownSecurityModels",
                "snmpInvalidMsgs",
                "snmpUnknownPDUHandlers",
            ),
        ),
        Binding(
            target,
            scalars=counters(statistics, "snmpUnavailableContexts", "snmpUnknownContexts"),
        ),
        Binding(
            usm,
            scalars=counters(
                statistics,
                "usmStatsUnsupportedSecLevels",
                "usmStatsNotInTimeWindows",
                "usmStatsUnknownUserNames",
                "usmStatsUnknownEngineIDs",
                "usmStatsWrongDigests",
                "usmStatsDecryptionErrors",
            ),
            unsupported=dict.fromkeys(
                ("usmUserSpinLock", "usmUserTable"),
                "users and their keys are in the configuration alone",
            ),
        ),
    )
