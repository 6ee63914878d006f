"""What sources report to, and ask about what they reported.

A :class:`~datasource.tracker.Tracker` is a ledger, and so is a
:class:`~datasource.tracker_group.TrackerGroup`, which keeps a tracker for each VRF.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from datasource.configuration import Connection, Defaults, Interfaces, Wanted
from datasource.failures import IkeFailure, IpsecFailure
from datasource.model import ChildSa, IkeSa, IkeTraffic, IpAddress, IpsecTunnel, Peer
from datasource.reasons import EndReason

__all__ = ["Ledger", "Listing"]


class Listing:
    """One walk through all SAs of the daemon. Made by :meth:`Ledger.list`."""

    def __init__(self, ledger: Ledger, number: int) -> None:
        self._ledger = ledger
        self._number = number

    def add(self, now: float, sa: IkeSa) -> None:
        """Report one SA of the listing, with its children."""
        self._ledger.listed(now, self._number, sa)

    def end(self, now: float, *, waited: bool) -> bool:
        """Close the listing; return True when SAs are missing from it.

        ``waited`` says that the daemon waited for busy SAs. Only then may what is missing be dead;
        otherwise the caller should make another listing that waits.
        """
        return self._ledger.end_listing(now, self._number, waited=waited)


class Ledger(Protocol):
    """Takes reports. What each of them means is said at :class:`~datasource.tracker.Tracker`."""

    def list(self) -> Listing:
        """Begin a listing of all SAs that the daemon has."""

    def listed(self, now: float, number: int, sa: IkeSa) -> None:
        """See :meth:`Listing.add`."""

    def end_listing(self, now: float, number: int, *, waited: bool) -> bool:
        """See :meth:`Listing.end`."""

    def saw(self, now: float, sa: IkeSa) -> None:
        """An IKE SA exists, with these children."""

    def ike_down(self, now: float, sa_id: int, reason: EndReason) -> None:
        """An IKE SA that was up has ended."""

    def ike_rekeyed(self, now: float, old_id: int, new: IkeSa) -> None:
        """An IKE SA was replaced."""

    def child_down(self, now: float, ike: IkeSa, child: ChildSa, reason: EndReason) -> None:
        """A child SA that was not replaced has ended."""

    def child_rekeyed(self, now: float, ike: IkeSa, old: ChildSa, new: ChildSa) -> None:
        """A child SA was replaced."""

    def restarted(self, now: float, reason: EndReason) -> None:
        """The daemon is gone, and with it every SA."""

    def count_ike(self, sa_id: int, seen: IkeTraffic) -> None:
        """IKE messages of an SA were seen."""

    def count_failure(self, kind: str) -> None:
        """IKE processing failed."""

    def count_ipsec_failure(self, kind: str, more: int = 1) -> None:
        """IPsec processing failed so often."""

    def set_failures(self, **counts: int | None) -> None:
        """Take over failure counts that the source keeps itself."""

    def setup_failed(
        self, now: float, sa_id: int, *, initiator: bool, connection: str = ""
    ) -> None:
        """An IKE SA ended before it was up. Its connection is empty where it is not known."""

    def ike_failed(self, failure: IkeFailure) -> None:
        """Something went wrong in IKE."""

    def ipsec_failed(self, failure: IpsecFailure) -> None:
        """Something went wrong in IPsec."""

    def configure(self, now: float, connections: Sequence[Connection], defaults: Defaults) -> None:
        """Take over what is configured now."""

    def enable(self, *, enabled: bool) -> None:
        """IKE answers, or does not."""

    def attach(self, now: float, interfaces: Interfaces) -> None:
        """Take over which interfaces there are."""

    def want(self, wanted: Wanted) -> None:
        """Take over what the operator of the agent wants of the configuration."""

    def routed_peers(self) -> frozenset[IpAddress]:
        """Return the peers for which the interfaces must tell the route."""

    def connection_of(self, set_name: str) -> str | None:
        """Return the connection that is a static crypto map set."""

    def ledger_of(self, sa_id: int, connection: str) -> Ledger:
        """Return where to report what concerns an IKE SA, or else a connection.

        An SA that is not known is of its connection; 0 and an empty text stand for none. For what
        names no SA by itself: failures and their counts, and questions that belong to them.
        """

    def has_had(self, sa_id: int) -> bool:
        """Whether an IKE SA is up, or was."""

    def replaces(self, sa_id: int) -> bool:
        """Whether an IKE SA is up in place of another that has not gone yet."""

    def peer_of(self, sa_id: int) -> Peer | None:
        """Return who talks over an IKE SA that is up."""

    def ike_sa_with(self, connection: str, remote: IpAddress) -> int:
        """Return the newest IKE SA of a connection with the peer at this address, 0 for none."""

    def ipsec_tunnel_of(self, sa_id: int, child: str) -> IpsecTunnel | None:
        """Return the IPsec tunnel under an IKE SA that has this child."""

    def find_spi(self, spi: int, destination: IpAddress) -> tuple[IpsecTunnel, Peer] | None:
        """Return the tunnel that a packet to this address and SPI is for."""

    def ike_sas(self, index: int) -> tuple[int, ...]:
        """Return the ids of the SAs of an IKE tunnel of the global context."""

    def child_sas(self, index: int) -> tuple[int, ...]:
        """Return the ids of the SAs of an IPsec tunnel of the global context."""
