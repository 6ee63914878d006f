"""Security associations made by hand: one peer with some children."""

from __future__ import annotations

import dataclasses
import ipaddress

from datasource.model import (
    ChildSa,
    ChildSaParameters,
    Identity,
    IkeSa,
    IkeSaParameters,
    SaState,
    TrafficSelector,
)

__all__ = ["CHILD", "IKE", "OURS", "THEIRS", "child", "ike"]

OURS, THEIRS = ipaddress.ip_address("192.0.2.1"), ipaddress.ip_address("198.51.100.2")
IKE = IkeSaParameters(
    "site", 2, True, OURS, THEIRS, Identity.parse("192.0.2.1"), Identity.parse("oslo.example.net")
)
ANYTHING = TrafficSelector(ipaddress.ip_address("0.0.0.0"), ipaddress.ip_address("255.255.255.255"))
CHILD = ChildSaParameters("net", 1, 0x1001, 0x2001, (ANYTHING, ANYTHING), (ANYTHING,))


def child(number: int, age: float = 0) -> ChildSa:
    parameters = dataclasses.replace(CHILD, reqid=number, spi_in=0x1000 + number)
    return ChildSa(number, SaState.ACTIVE, age, parameters)


def ike(*children: ChildSa, age: float = 0, number: int = 1) -> IkeSa:
    return IkeSa(number, SaState.ACTIVE, age, IKE, children)
