"""What the tracker makes of reports, whatever source they are from: words of docs/mib-coverage.md.

A source's own table, ``PROVENANCE`` in its module ``provenance``, says where it has all others
from. A key is the class and the field, as in ``IkeSaParameters.lifetime``. Each attribute that an
object shows is in this table, or in that of every source.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["TRACKED"]

TRACKED: Mapping[str, str] = {
    # datasource.model
    "IkeTunnel.index": "running number, from 1",
    "IkeTunnel.policy": "the configured or default policy with the proposal and authentication of "
    "the newest SA, else one learned from it; 0 for none",
    "IkeTunnel.refreshes": "SAs that have followed the first one",
    "IpsecTunnel.expired_spis": "SAs of the tunnel that have gone",
    "IpsecTunnel.ike_alive": "whether that tunnel has not ended",
    "IpsecTunnel.ike_index": "number of the IKE tunnel that the SA is under, or was last",
    "IpsecTunnel.index": "running number, from 1",
    "IpsecTunnel.local_address": "that of the IKE tunnel",
    "IpsecTunnel.refreshes": "child SAs that have followed the first one",
    "IpsecTunnel.remote_address": "that of the IKE tunnel",
    "IpsecTunnel.spis": "SAs of the tunnel that there are, those about to go included",
    "Membership.ipsec_index": "number of an IPsec tunnel of the association",
    "Peer.local_address": "that of the newest IKE tunnel of the association",
    "Peer.local_identity": "that of the IKE tunnel",
    "Peer.number": "the lowest number that no other association of the identities has",
    "Peer.remote_address": "that of the newest IKE tunnel of the association",
    "Peer.remote_identity": "that of the IKE tunnel",
    "PeerAssociation.ike_index": "number of its IKE tunnel; 0 while it has none",
    "PeerAssociation.started_at": "the start of its first tunnel",
    "PolicyMap.access_list": "the name of the child",
    "PolicyMap.endpoint": "the first flow of the tunnel",
    "PolicyMap.priority": "running number of the child in its connection, by first sight",
    "PolicyMap.set_name": "the name of the connection, made printable and unique",
    "Snapshot.ike_tunnels": "IKE tunnels that are up",
    "Snapshot.ipsec_tunnels": "IPsec tunnels that are up",
    "Spi.expiring": "whether a newer SA has replaced it, or it is being deleted",
    "Spi.inbound": "each child SA has one SPI for each direction",
    "Totals.ike_ended": "IKE tunnels that were up and have ended",
    "Totals.initiated": "IKE tunnels that this side began, and its set-ups that failed",
    "Totals.ipsec_ended": "IPsec tunnels that were up and have ended",
    # datasource.history, datasource.failures
    "EndedEndpoint.number": "running number among the tunnel's flows, from 1",
    "EndedEndpoint.tunnel_index": "number of the tunnel",
    "EndedIkeTunnel.lasted": "from the start to the end",
    "EndedIkeTunnel.sas": "IKE SAs that the tunnel has had, one after the other",
    "EndedIpsecTunnel.lasted": "from the start to the end",
    "EndedIpsecTunnel.sas": "SAs that the tunnel has had",
    "IkeFailure.at": "when it was told",
    "IpsecFailure.at": "when it was told",
    "IpsecFailure.tunnel_index": "number of the tunnel with that SPI or child; absent where there "
    "was no tunnel",
    "Past.failure_size": "`history.failure_size`, until it is set",
    "Past.tunnel_size": "`history.tunnel_size`, until it is set",
    # datasource.configuration
    "Configuration.dynamic_sets": "connections whose peers may have any address",
    "Configuration.policies": "policies in force: configured, learned from SAs, default",
    "Configuration.static_sets": "connections with peers that are known",
    "CryptoMap.peer": "the peer in use, else the preferred one; 0.0.0.0 where only its name is "
    "known",
    "CryptoMap.peers": "peers of the connection",
    "CryptoMap.pfs_group": "that of the child's newest SA with one, else of its first transform "
    "set; absent where neither is known",
    "CryptoMap.type": "keys by IKE: a static set has no others",
    "CryptoMapSet.members": "children of the connection",
    "CryptoMapSet.sas": "active SAs of the connection's tunnels, each direction and protocol "
    "counted",
    "Wanted.max_sas": "`control.max_sas` of the agent's configuration",
}
"""What stands there for every source."""
