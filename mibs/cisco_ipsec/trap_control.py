"""The trap control group: 1.3.6.1.4.1.9.10.62.1.4, a switch for each notification."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["NOTIFICATION_OF"]

NOTIFICATION_OF: Mapping[str, str] = MappingProxyType(
    {
        "cipsCntlIsakmpPolicyAdded": "cipsIsakmpPolicyAdded",
        "cipsCntlIsakmpPolicyDeleted": "cipsIsakmpPolicyDeleted",
        "cipsCntlCryptomapAdded": "cipsCryptomapAdded",
        "cipsCntlCryptomapDeleted": "cipsCryptomapDeleted",
        "cipsCntlCryptomapSetAttached": "cipsCryptomapSetAttached",
        "cipsCntlCryptomapSetDetached": "cipsCryptomapSetDetached",
        "cipsCntlTooManySAs": "cipsTooManySAs",
    }
)
"""Which notification each switch lets through."""
