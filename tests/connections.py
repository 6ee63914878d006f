"""Connections and what goes with them, for tests."""

from __future__ import annotations

import ipaddress

from datasource.configuration import Child, Connection, Defaults, Policy, TransformSet
from datasource.events import (
    CryptoMapAdded,
    CryptoMapDeleted,
    CryptoMapSetAttached,
    CryptoMapSetDetached,
    Event,
    IsakmpPolicyAdded,
    IsakmpPolicyDeleted,
)
from datasource.model import AuthMethod, Proposal

PSK, SIGNATURE = AuthMethod.PRE_SHARED_KEY, AuthMethod.SIGNATURE
OURS = ipaddress.ip_address("192.0.2.1")
OSLO = ipaddress.ip_address("198.51.100.2")
LIMA = ipaddress.ip_address("198.51.100.3")

AES = Proposal("AES_CBC", 256, "HMAC_SHA2_256_128", "PRF_HMAC_SHA2_256", "MODP_2048")
GCM = Proposal("AES_GCM_16", 128, "", "PRF_HMAC_SHA2_256", "ECP_256")
OLD = Proposal("3DES_CBC", 0, "HMAC_SHA1_96", "PRF_HMAC_SHA1", "MODP_1024")

DEFAULTS = Defaults(
    policies=(Policy(AES, SIGNATURE), Policy(AES, PSK), Policy(OLD, SIGNATURE), Policy(OLD, PSK)),
    transform_sets=(TransformSet("default", Proposal("AES_CBC", 128, "HMAC_SHA1_96")),),
    lifetime=3600,
)


def connection(
    name: str = "site",
    *children: str,
    policies: tuple[Policy, ...] | None = None,
    dynamic: bool = False,
    uses_defaults: bool = False,
    easy_vpn: bool = False,
) -> Connection:
    return Connection(
        name,
        tuple(Child(child) for child in children),
        local_addresses=(OURS,),
        peers=() if dynamic else (OSLO,),
        dynamic=dynamic,
        policies=policies,
        uses_defaults=uses_defaults,
        easy_vpn=easy_vpn,
    )


def news(events: tuple[Event, ...]) -> list[tuple[str, object]]:
    """Return what events say of the configuration, in short."""
    found: list[tuple[str, object]] = []
    for event in events:
        match event:
            case IsakmpPolicyAdded(policy=policy):
                found.append(("+policy", policy.priority))
            case IsakmpPolicyDeleted(policy=policy):
                found.append(("-policy", policy.priority))
            case CryptoMapAdded(crypto_map=member):
                found.append(("+map", (member.set_name, member.priority)))
            case CryptoMapDeleted(crypto_map=member):
                found.append(("-map", (member.set_name, member.priority)))
            case CryptoMapSetAttached(attachment=place):
                found.append(("+at", (place.interface.index, place.set_name)))
            case CryptoMapSetDetached(attachment=place):
                found.append(("-at", (place.interface.index, place.set_name)))
    return found
