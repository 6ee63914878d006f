"""What the SNMP engine counts, by the names of the MIBs that show it."""

from __future__ import annotations

__all__ = ["SnmpStatistics"]


class SnmpStatistics:
    """Counters of the engine, each by the name of its object. It counts by ``+= 1``."""

    __slots__ = (
        "snmpInASNParseErrs",
        "snmpInBadCommunityNames",
        "snmpInBadCommunityUses",
        "snmpInBadVersions",
        "snmpInPkts",
        "snmpInvalidMsgs",
        "snmpProxyDrops",
        "snmpSilentDrops",
        "snmpUnavailableContexts",
        "snmpUnknownContexts",
        "snmpUnknownPDUHandlers",
        "snmpUnknownSecurityModels",
        "usmStatsDecryptionErrors",
        "usmStatsNotInTimeWindows",
        "usmStatsUnknownEngineIDs",
        "usmStatsUnknownUserNames",
        "usmStatsUnsupportedSecLevels",
        "usmStatsWrongDigests",
    )

    def __init__(self) -> None:
        # SNMPv2-MIB (RFC 3418)
        self.snmpInPkts = 0
        self.snmpInBadVersions = 0
        self.snmpInBadCommunityNames = 0
        self.snmpInBadCommunityUses = 0
        self.snmpInASNParseErrs = 0
        self.snmpSilentDrops = 0
        self.snmpProxyDrops = 0
        # SNMP-MPD-MIB (RFC 3412)
        self.snmpUnknownSecurityModels = 0
        self.snmpInvalidMsgs = 0
        self.snmpUnknownPDUHandlers = 0
        # SNMP-TARGET-MIB (RFC 3413)
        self.snmpUnavailableContexts = 0
        self.snmpUnknownContexts = 0
        # SNMP-USER-BASED-SM-MIB (RFC 3414)
        self.usmStatsUnsupportedSecLevels = 0
        self.usmStatsNotInTimeWindows = 0
        self.usmStatsUnknownUserNames = 0
        self.usmStatsUnknownEngineIDs = 0
        self.usmStatsWrongDigests = 0
        self.usmStatsDecryptionErrors = 0
