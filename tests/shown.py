"""What the MIBs show beside the tunnels, for tests that want all bindings."""

from __future__ import annotations

from datasource.control import TunnelControl
from mibs.cisco_ipsec import CryptoMapControl
from mibs.cisco_ipsec_flow_monitor import Choices
from mibs.served import Shown, make_switches
from mibs.settable import SerialNumber
from mibs.snmp_engine_mibs import EngineGroup
from mibs.snmp_statistics import SnmpStatistics
from mibs.snmpv2_mib import SystemGroup

__all__ = ["shown"]


def shown(
    control: TunnelControl | None = None, crypto_maps: CryptoMapControl | None = None
) -> Shown:
    return Shown(
        system=SystemGroup("a gateway"),
        engine=EngineGroup(b"\x80\x00\x00\x00\x05engine", 1, lambda: 0, 484),
        statistics=SnmpStatistics(),
        up_time=lambda: 0.0,
        serial_number=SerialNumber(0),
        switches=make_switches(),
        choices=Choices(),
        control=control,
        crypto_maps=crypto_maps,
    )
