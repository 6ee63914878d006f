"""One row for each failure, however many sources tell of it (sans-IO).

What is reported about one failure comes within milliseconds, over two sockets and from several
threads. So reports are collected for :data:`HOLD` and then told as one, with the reason that says
most, and everything that any of them knew.

Which reports are about the same failure. With the number of an IKE SA it is certain. error-notify
has none, so there the peer's address and the connection must agree. An IKE SA that is set up fails
once, however often its messages are repeated; what goes wrong on one that is up is counted each
time, and so is each child. The end of a tunnel is told by the tracker and by nobody else.

Anybody can make a gateway report failures. So set-ups of one peer are recorded :data:`PER_PEER` at
once and one per second, and what is about no IKE SA, or one that is up, once per second and reason.
Of all that are under no connection, :data:`STRANGERS` are recorded at once and one per second. What
is more than that is left out, and counted.
"""

from __future__ import annotations

import collections
import datetime as dt
from bisect import insort
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from operator import attrgetter

from datasource.failures import IkeFailure, IpsecFailure
from datasource.ledger import Ledger
from datasource.model import IpAddress, Peer
from datasource.reasons import IkeFailureReason
from datasource.strongswan.connection import Connection
from datasource.strongswan.memory import remember
from datasource.strongswan.own_certificates import NO_CERTIFICATES, OwnCertificates
from datasource.strongswan.reports import Concern, Report, of_connection
from datasource.strongswan.signs import Sign

__all__ = ["AFTERMATH", "HOLD", "NO_SA_HOLD", "PER_PEER", "STRANGERS", "FailureDesk"]

HOLD = 0.25
"""Seconds that a failure waits for more reports of it."""
NO_SA_HOLD = 2.0
"""Seconds that a message without an SA waits: that its SA has ended is told by others, and on a
busy machine later. So long error-notify waits for the log too, which alone knows the tunnel."""
AFTERMATH = 60.0
"""Seconds for which a peer's messages and time-outs may follow from what was told of it before."""
STRANGERS = 20
"""Rows that peers without a connection may fill at once."""
PER_PEER = 10
_KNOWN = 200
_MAX_OPEN = 1_000

_Place = tuple[bool, int | IpAddress]
"""Of IPsec or of IKE, and the number of an IKE SA or a peer's address."""


@dataclass(slots=True, eq=False)
class _Case:
    """A failure about which reports are being collected."""

    at: float
    due: float
    """When it has been collected for long enough."""
    ipsec: bool
    concern: Concern = field(default_factory=Concern)
    told: dict[tuple[str, Sign], None] = field(default_factory=dict)
    """What was said, and by whom."""
    begins_anew: bool = False

    def places(self) -> set[_Place]:
        """Return where the case is to be found."""
        keys = (self.concern.sa_id, self.concern.remote_address)
        return {(self.ipsec, key) for key in keys if key}


class _Allowance:
    """So many at once, and then so many per second."""

    def __init__(self, most: int, rate: float) -> None:
        self._most = most
        self._rate = rate
        self._left = float(most)
        self._at: float | None = None

    def take(self, now: float) -> bool:
        if self._at is not None:
            self._left = min(self._most, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class FailureDesk:
    """Makes failures of reports, for one daemon after the other.

    Args:
        tracker: gets the failures, and knows which IKE SAs are up.
        on_flood: called when a failure is left out because there are too many.
        log_events: whether the log is read, which tells more than error-notify.
    """

    def __init__(
        self,
        tracker: Ledger,
        on_flood: Callable[[], None] = lambda: None,
        *,
        log_events: bool = False,
    ) -> None:
        self.connections: Mapping[str, Connection] = {}
        """By name. To be replaced when they have been listed."""
        self.left_out = 0
        """Failures that were not recorded because there were too many."""
        self._own_certificates = NO_CERTIFICATES
        self._began = dt.datetime.min.replace(tzinfo=dt.UTC)
        """The date of time 0."""
        self._tracker = tracker
        self._on_flood = on_flood
        self._log_events = log_events
        self._strangers = _Allowance(STRANGERS, 1.0)
        self._known = _Allowance(_KNOWN, 50.0)
        self._begin()

    def _begin(self) -> None:
        self._open: collections.deque[_Case] = collections.deque()
        self._places: dict[_Place, list[_Case]] = {}
        # IKE SAs whose set-up has failed; when a tunnel with this peer and connection ended; when
        # anything was told about a peer, and what of IKE; what may still be recorded of it.
        self._failed: dict[int, None] = {}
        self._ended: dict[tuple[IpAddress, str], float] = {}
        self._troubled: dict[IpAddress, tuple[float, IkeFailureReason | None]] = {}
        self._allowances: dict[Hashable, _Allowance] = {}

    @property
    def deadline(self) -> float | None:
        """When :meth:`tick` is due at the latest, if at all."""
        return self._open[0].due if self._open else None

    def tick(self, now: float) -> None:
        """Record what has waited for long enough."""
        while self._open and self._open[0].due <= now:
            self._close(now, self._open.popleft())

    def restarted(self, now: float) -> None:
        """The daemon is gone; another one numbers its SAs anew."""
        while self._open:
            self._close(now, self._open.popleft())
        self._begin()

    def certificates(self, now: float, date: dt.datetime, own: OwnCertificates) -> None:
        """Take over what our own certificates are."""
        self._own_certificates = own
        self._began = date - dt.timedelta(seconds=now)

    def report(self, now: float, report: Report) -> None:
        """A source says something of a failure."""
        sign, said = report.sign, (report.source, report.sign)
        up = self._tracker.has_had(report.concern.sa_id)
        ipsec = sign.ipsec is not None and (sign.ike is None or up)
        case = self._find(report.concern, said, ipsec=ipsec)
        if case is None:
            if len(self._open) >= _MAX_OPEN:
                self._leave_out()
                return
            case = _Case(now, now + self._hold(report), ipsec)
            insort(self._open, case, key=attrgetter("due"))
        elif now + self._hold(report) < case.due:
            self._open.remove(case)
            case.due = now + self._hold(report)
            insort(self._open, case, key=attrgetter("due"))
        case.told[said] = None
        known = case.places()
        case.concern = case.concern.more(report.concern)
        for place in case.places() - known:
            self._places.setdefault(place, []).append(case)

    def _hold(self, report: Report) -> float:
        if report.sign.ike is IkeFailureReason.NO_SA:
            return NO_SA_HOLD
        waits_for_log = self._log_events and report.source == "error-notify" and report.sign.ipsec
        return NO_SA_HOLD if waits_for_log else HOLD

    def begins_anew(self, sa_id: int) -> None:
        """An IKE SA that has failed to come up tries again: what fails next is another failure."""
        cases = self._places.get((False, sa_id), ())
        for case in cases:
            case.begins_anew = True
        if not cases:
            self._failed.pop(sa_id, None)

    def tunnel_ended(self, now: float, concern: Concern) -> None:
        """An IKE SA that was up has ended. What explains that is not to be told again."""
        if concern.remote_address is not None:
            remember(self._ended, (concern.remote_address, concern.connection), now)
        self.sa_replaced(now, concern)

    def sa_replaced(self, now: float, concern: Concern) -> None:
        """An IKE SA has taken the place of another, for which messages may still come."""
        if concern.remote_address is not None:
            remember(self._troubled, concern.remote_address, (now, None))

    # Cases --------------------------------------------------------------------------------------

    def _find(self, concern: Concern, said: tuple[str, Sign], *, ipsec: bool) -> _Case | None:
        """Return the open case that a report belongs to, if there is one."""
        fitting = [
            case
            for key in (concern.sa_id, concern.remote_address)
            if key
            for case in self._places.get((ipsec, key), ())
            if _agree(case.concern, concern)
        ]
        for case in fitting:
            if said not in case.told:
                return case
        # Of an IKE SA the same is said again when a message is repeated, but of each child once.
        return fitting[0] if fitting and not ipsec else None

    def _close(self, now: float, case: _Case) -> None:
        for place in case.places():
            self._places[place].remove(case)
            if not self._places[place]:
                del self._places[place]
        if case.ipsec:
            self._close_ipsec(now, case)
        else:
            self._close_ike(now, case)

    def _close_ike(self, now: float, case: _Case) -> None:
        sa_id = case.concern.sa_id
        up = self._was_up(case)
        sign = _heaviest(sign for _, sign in case.told if sign.while_up or not up)
        if sign is None or (not up and not self._is_news(now, case, sign)):
            return
        if case.concern.remote_address is not None:
            remember(self._troubled, case.concern.remote_address, (now, sign.ike))
        ledger = self._tracker.ledger_of(sa_id, case.concern.connection)
        if sign.counts:
            ledger.count_failure(sign.counts)
        concern = self._completed(case.concern)
        reason = self._reason(now, sign, concern)
        if reason is None or not self._may_record(now, concern, reason):
            return
        peer = ledger.peer_of(sa_id) or concern
        number = peer.number if isinstance(peer, Peer) else 1
        ledger.ike_failed(
            IkeFailure(
                case.at,
                reason,
                peer.local_identity,
                peer.remote_identity,
                peer.local_address,
                peer.remote_address,
                number,
            )
        )

    def _reason(self, now: float, sign: Sign, concern: Concern) -> IkeFailureReason | None:
        connection = self.connections.get(concern.connection)
        if sign.by_peer and connection is not None and connection.has_certificate:
            date = self._began + dt.timedelta(seconds=now)
            if self._own_certificates.expired(concern.local_identity, date):
                return IkeFailureReason.LOCAL_CERTIFICATE_EXPIRED
        return sign.ike

    def _was_up(self, case: _Case) -> bool:
        concern = case.concern
        if concern.sa_id:
            return self._tracker.has_had(concern.sa_id)
        if concern.remote_address is None:
            return False
        ended = self._ended.get((concern.remote_address, concern.connection))
        return ended is not None and ended >= case.at - HOLD

    def _is_news(self, now: float, case: _Case, sign: Sign) -> bool:
        """Whether a set-up that failed has not been told before."""
        sa_id, address = case.concern.sa_id, case.concern.remote_address
        if sa_id:
            known = sa_id in self._failed
            if case.begins_anew:
                self._failed.pop(sa_id, None)
            else:
                remember(self._failed, sa_id, None)
            return not known
        if not sign.aftermath or address is None or address not in self._troubled:
            return True
        at, reason = self._troubled[address]
        if now - at >= AFTERMATH:
            return True
        # That a set-up timed out says the same of one that failed before; but what timed out is
        # over, and so is a tunnel.
        return sign.ike is IkeFailureReason.PEER_LOST and reason in (None, sign.ike)

    def _close_ipsec(self, now: float, case: _Case) -> None:
        concern = self._completed(case.concern)
        sign = _heaviest(sign for _, sign in case.told)
        sa_id, address = concern.sa_id, concern.remote_address
        if not sa_id and address is not None:
            sa_id = self._tracker.ike_sa_with(concern.connection, address)
        if address is not None:
            remember(self._troubled, address, (now, None))
        if sign is None or sign.ipsec is None:
            return
        # Several children of a peer may fail at once. It has come so far that it is no stranger.
        if not self._known.take(now):
            self._leave_out()
            return
        ledger = self._tracker.ledger_of(sa_id, concern.connection)
        peer = ledger.peer_of(sa_id) or _peer(concern)
        ledger.ipsec_failed(
            IpsecFailure(
                case.at,
                sign.ipsec,
                peer,
                ledger.ipsec_tunnel_of(sa_id, concern.child) if concern.rekey else None,
                source=peer.local_address if peer else concern.local_address,
                destination=peer.remote_address if peer else address,
            )
        )

    def _completed(self, concern: Concern) -> Concern:
        """Add what the connection's configuration knows."""
        connection = self.connections.get(concern.connection)
        if connection is not None:
            concern = concern.more(of_connection(connection))
        return concern.more(Concern(remote_identity=concern.account))

    # Floods -------------------------------------------------------------------------------------

    def _may_record(self, now: float, concern: Concern, reason: Hashable) -> bool:
        up = self._tracker.has_had(concern.sa_id)
        known = concern.connection in self.connections or up
        total = self._known if known else self._strangers
        key, most = (concern.remote_address, reason), 1
        if concern.sa_id and not up:
            key, most = (concern.remote_address, concern.connection), PER_PEER
        own = self._allowances.get(key) or _Allowance(most, 1.0)
        remember(self._allowances, key, own)
        # In this order, what is one too many for its peer is not taken from all others.
        if own.take(now) and total.take(now):
            return True
        self._leave_out()
        return False

    def _leave_out(self) -> None:
        self.left_out += 1
        self._on_flood()


def _agree(left: Concern, right: Concern) -> bool:
    """Whether both may be about the same IKE SA."""
    return all(
        not mine or not others or mine == others
        for mine, others in (
            (left.sa_id, right.sa_id),
            (left.connection, right.connection),
            (left.remote_address, right.remote_address),
        )
    )


def _heaviest(signs: Iterable[Sign]) -> Sign | None:
    """Return what tells most, None where nothing says that there was a failure at all."""
    found = list(signs)
    if not any(sign.alone for sign in found):
        return None
    return max(found, key=lambda sign: sign.weight)


def _peer(concern: Concern) -> Peer | None:
    if (
        concern.local_identity is None
        or concern.remote_identity is None
        or concern.local_address is None
        or concern.remote_address is None
    ):
        return None
    return Peer(
        concern.local_identity,
        concern.remote_identity,
        1,
        concern.local_address,
        concern.remote_address,
    )
