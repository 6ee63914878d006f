"""CISCO-IPSEC-MIB (1.3.6.1.4.1.9.10.62): which attribute each object is.

The groups of the MIB are modules of this package; in each the objects stand in order of OID. Search
for an object by its name.
"""

from __future__ import annotations

from collections.abc import Mapping

from mibs.algorithms import AlgorithmNumbers
from mibs.cisco_ipsec import crypto_maps, ipsec, isakmp
from mibs.cisco_ipsec.attachments import CryptoMapControl, attachment_table
from mibs.cisco_ipsec.trap_control import NOTIFICATION_OF
from mibs.forms import truth_value, within
from mibs.settable import Switch, trap_switches
from mibs.table import Binding, Scalar

__all__ = ["MODULE", "NOTIFICATION_OF", "CryptoMapControl", "bind"]

MODULE = "CISCO-IPSEC-MIB"

_CAPACITY = (
    Scalar("cipsMaxSAs", "configuration.wanted.max_sas", within(0, 65535)),
    Scalar("cips3DesCapable", "configuration.defaults.triple_des", truth_value),
)


def bind(
    numbers: AlgorithmNumbers,
    descriptions: Mapping[str, str],
    switches: Mapping[str, Switch],
    control: CryptoMapControl | None = None,
) -> Binding:
    """Return the binding of the whole module.

    Args:
        numbers: for algorithms.
        descriptions: of peers, by address.
        switches: for each notification, by its name.
        control: what detaches crypto map sets; without it, nobody can.
    """
    return Binding(
        MODULE,
        scalars=(
            *isakmp.SCALARS,
            *ipsec.SCALARS,
            *_CAPACITY,
            *trap_switches(NOTIFICATION_OF, switches),
        ),
        tables=(
            isakmp.policy_table(numbers),
            *crypto_maps.tables(numbers, descriptions),
            attachment_table(control),
        ),
        unsupported=ipsec.UNSUPPORTED,
    )
