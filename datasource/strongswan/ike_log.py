"""charon's log lines (VICI's ``log`` events), to counts of IKE messages and hints.

No command tells these. The wording is that of strongSwan 5.9.8: a daemon that words a line in
another way loses that line's counts, and nothing else.

A line is read on its own, but for two things. Whether a refused CREATE_CHILD_SA was about a child
or an IKE SA is told by the request before it only; and a message whose integrity check fails is
then said not to be decrypted either, which must not count twice.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

from datasource.model import NO_IKE_TRAFFIC, IkeTraffic, NegotiationMode
from datasource.strongswan.packet import Message
from datasource.strongswan.signs import Sign, log_sign

__all__ = ["Hint", "IkeLog", "LogLine", "Termination", "tells_of_configuration"]

_MAX_ASKED = 10_000

_PACKET = re.compile(
    r"(sending|received) packet: from (\S+)\[\d+\] to (\S+)\[\d+\] \((\d{1,9}) bytes\)"
)
_SENDER = re.compile(r".* from ([0-9A-Fa-f:.]+[0-9A-Fa-f:])\b")
_ESTABLISHING = re.compile(r"establishing CHILD_SA (.*)\{\d+\}.*", re.DOTALL)
_ESTABLISHED = re.compile(r"IKE_SA .*\[\d+\] established between ", re.DOTALL)
_EXCHANGE = re.compile(r"(generating|parsed) ([A-Z0-9_]+) (request|response) (\d+) \[ (.*)\]")
_CHILD_DELETE = re.compile(r"(sending|received) DELETE for (?:ESP|AH) CHILD_SA ")
_TERMINATE = re.compile(r"vici terminate (IKE_SA|CHILD_SA) (?:'(.*)'|#(\d{1,10}))", re.DOTALL)
_INTEGRITY = re.compile(r"verifying .* integrity failed")
_HASH = ("received HASH payload does not match", "calculated HASH does not match HASH payload")
_XAUTH = re.compile(r"XAuth authentication of '.*' (?:\(myself\) )?failed", re.DOTALL)
_CONFIGURED = (
    b"added vici connection: ",
    b"updated vici connection: ",
    b"replaced vici connection: ",
)
_HALF_OPEN = ("deleting half open IKE_SA", "destroying IKE_SA in state CONNECTING")

_MODES = {"ID_PROT": NegotiationMode.MAIN, "AGGRESSIVE": NegotiationMode.AGGRESSIVE}
# The short names of notify payloads. IKEv1 refuses traffic selectors as an identity.
_REJECTS = {"N(NO_PROP)", "N(TS_UNACCEPT)", "N(INVAL_ID)"}
_INVALIDS = {"N(INVAL_SYN)"}


class Hint(enum.Enum):
    """What a line tells of the IKE SA that it is about."""

    INITIATING = enum.auto()
    DELETING = enum.auto()
    """This side or the peer is deleting it."""
    PEER_DELETES = enum.auto()
    PEER_LOST = enum.auto()
    TRYING_AGAIN = enum.auto()
    """Its set-up has failed, and begins anew."""
    SETUP_FAILED = enum.auto()
    """It ended before it was up, and no other event says so."""
    SHUTDOWN = enum.auto()
    """The daemon is being stopped; of no IKE SA."""


@dataclass(frozen=True, slots=True)
class Termination:
    """An operator asked for SAs to be terminated: by a name of the configuration or an id."""

    child: bool
    """A child SA, not an IKE SA."""
    name: str | None
    id: int | None


@dataclass(frozen=True, slots=True)
class LogLine:
    """What one line tells; ``sa_id`` is 0 where it is about no IKE SA."""

    sa_id: int
    traffic: IkeTraffic = NO_IKE_TRAFFIC
    mode: NegotiationMode | None = None
    hint: Hint | None = None
    failure: str | None = None
    """A field of :class:`~datasource.model.IkeFailures`."""
    termination: Termination | None = None
    sign: Sign | None = None
    """What it tells of a failure."""
    ends: tuple[str, str] | None = None
    """Our address and the peer's."""
    sender: str = ""
    """Of a message that is about no IKE SA."""
    child: str | None = None
    """The child that is asked for; empty where the peer asks, whose name for it nobody knows."""
    rekey: bool | None = None
    """Whether it is to replace one."""
    established: bool = False


class IkeLog:
    """Reads log events, in their order."""

    def __init__(self) -> None:
        # The message ids of CREATE_CHILD_SA requests that were about a child.
        self._asked: dict[tuple[int, bool, str], bool] = {}
        self._bad_integrity = 0

    def read(self, message: Message) -> LogLine:
        """Read one log event. What is not understood tells nothing; nothing is raised."""
        group, line, sa = (message.get(name) for name in ("group", "msg", "ikesa-uniqueid"))
        sa_id = int(sa) if isinstance(sa, bytes) and sa.isdigit() and len(sa) <= 10 else 0
        if not isinstance(line, bytes):
            return LogLine(sa_id)
        text = line.decode("utf-8", "replace")
        if group == b"NET" and (match := _PACKET.fullmatch(text)) is not None:
            return _packet(sa_id, match)
        if group == b"ENC":
            return self._encoding(sa_id, text)
        if group == b"IKE":
            return self._ike(sa_id, text)
        if group == b"JOB":
            return _job(sa_id, text)
        if group == b"CFG" and (termination := _termination(text)) is not None:
            return LogLine(sa_id, termination=termination)
        if text.startswith(("SIGTERM received", "SIGINT received")):
            return LogLine(sa_id, hint=Hint.SHUTDOWN)
        return _failure(sa_id, text)

    def _encoding(self, sa_id: int, text: str) -> LogLine:
        if match := _EXCHANGE.fullmatch(text):
            return self._exchange(sa_id, match)
        if _INTEGRITY.match(text):
            self._bad_integrity = sa_id
            return _failure(sa_id, text, "hash_validation")
        if text == "could not decrypt payloads":
            known, self._bad_integrity = self._bad_integrity == sa_id != 0, 0
            # It is said twice, and means the hash.
            return LogLine(sa_id) if known else _failure(sa_id, text, "decryption")
        return _failure(sa_id, text, "hash_validation" if text in _HASH else None)

    def _exchange(self, sa_id: int, match: re.Match[str]) -> LogLine:
        verb, exchange, kind, message_id, listed = match.groups()
        out = verb == "generating"
        payloads = listed.split()
        names = set(payloads)
        counts = dict.fromkeys(("notifies", "exchanges", "rejects", "invalids"), 0)
        counts["notifies"] = sum(payload.startswith("N(") for payload in payloads)
        key = (sa_id, out == (kind == "request"), message_id)
        child, rekey = None, None
        if kind == "request" and _asks_for_child(exchange, names):
            counts["exchanges"] = 1
            child, rekey = None if out else "", "N(REKEY_SA)" in names
            if exchange == "CREATE_CHILD_SA":
                self._remember(key)
        elif self._answers_child(exchange, kind, names, key):
            counts["rejects"] = int(bool(names & _REJECTS))
            counts["invalids"] = int(bool(names & _INVALIDS))
        return LogLine(
            sa_id,
            _exchange_traffic(counts, out=out),
            mode=_MODES.get(exchange),
            failure="authentication" if "N(AUTH_FAILED)" in names else None,
            child=child,
            rekey=rekey,
        )

    def _answers_child(
        self, exchange: str, kind: str, names: set[str], key: tuple[int, bool, str]
    ) -> bool:
        if exchange == "INFORMATIONAL_V1":
            # Protected by a hash: phase 1 is over (RFC 2409 section 5.7).
            return "HASH" in names
        if kind != "response":
            return False
        if exchange == "CREATE_CHILD_SA":
            return self._asked.pop(key, False)
        # Without these two the IKE SA itself is refused: RFC 7296 section 1.2.
        return exchange == "IKE_AUTH" and {"IDr", "AUTH"} <= names

    def _remember(self, key: tuple[int, bool, str]) -> None:
        if len(self._asked) >= _MAX_ASKED:
            del self._asked[next(iter(self._asked))]
        self._asked[key] = True

    def _ike(self, sa_id: int, text: str) -> LogLine:
        if match := _CHILD_DELETE.match(text):
            if match[1] == "sending":
                return LogLine(sa_id, IkeTraffic(out_phase2_deletes=1))
            return LogLine(sa_id, IkeTraffic(in_phase2_deletes=1))
        if text in _HASH:
            return _failure(sa_id, text, "hash_validation")
        if _XAUTH.match(text):
            return _failure(sa_id, text, "authentication")
        if match := _ESTABLISHING.fullmatch(text):
            return LogLine(sa_id, child=match[1], rekey=False)
        if _ESTABLISHED.match(text):
            return LogLine(sa_id, established=True)
        return LogLine(sa_id, hint=_ike_hint(text), sign=log_sign(text))


def tells_of_configuration(message: Message) -> bool:
    """Whether a log event says that a connection was loaded. None says that one was unloaded."""
    line = message.get("msg")
    return isinstance(line, bytes) and line.startswith(_CONFIGURED)


def _packet(sa_id: int, match: re.Match[str]) -> LogLine:
    verb, sender, receiver, length = match.groups()
    octets = int(length)
    if verb == "sending":
        traffic = IkeTraffic(out_octets=octets, out_packets=1)
        return LogLine(sa_id, traffic, ends=(sender, receiver))
    traffic = IkeTraffic(in_octets=octets, in_packets=1)
    return LogLine(sa_id, traffic, ends=(receiver, sender))


def _failure(sa_id: int, text: str, failure: str | None = None) -> LogLine:
    sign = log_sign(text)
    sender = ""
    if sign is not None and not sa_id and (match := _SENDER.match(text)) is not None:
        sender = match[1]
    return LogLine(sa_id, failure=failure, sign=sign, sender=sender)


def _asks_for_child(exchange: str, names: set[str]) -> bool:
    if exchange == "QUICK_MODE":
        return "SA" in names
    return exchange in ("CREATE_CHILD_SA", "IKE_AUTH") and {"SA", "TSi"} <= names


def _exchange_traffic(counts: dict[str, int], *, out: bool) -> IkeTraffic:
    # An answer that goes out refuses an exchange that came in.
    if out:
        return IkeTraffic(
            out_notifies=counts["notifies"],
            out_phase2_exchanges=counts["exchanges"],
            in_phase2_rejects=counts["rejects"],
            in_phase2_invalids=counts["invalids"],
        )
    return IkeTraffic(
        in_notifies=counts["notifies"],
        in_phase2_exchanges=counts["exchanges"],
        out_phase2_rejects=counts["rejects"],
        out_phase2_invalids=counts["invalids"],
    )


def _ike_hint(text: str) -> Hint | None:
    if text.startswith("initiating "):
        return Hint.INITIATING
    if text.startswith("received DELETE for IKE_SA"):
        return Hint.PEER_DELETES
    if text.startswith(("deleting IKE_SA", "sending DELETE for IKE_SA")):
        return Hint.DELETING
    if text.startswith("giving up after "):
        return Hint.PEER_LOST
    if text.startswith("peer not responding, trying again"):
        return Hint.TRYING_AGAIN
    if text.startswith(("establishing IKE_SA failed", *_HALF_OPEN)):
        return Hint.SETUP_FAILED
    return None


def _job(sa_id: int, text: str) -> LogLine:
    if text.startswith("DPD check timed out"):
        return LogLine(sa_id, hint=Hint.PEER_LOST)
    if text.startswith(_HALF_OPEN):
        return LogLine(sa_id, hint=Hint.SETUP_FAILED, sign=log_sign(text))
    return _failure(sa_id, text)


def _termination(text: str) -> Termination | None:
    match = _TERMINATE.fullmatch(text)
    if match is None:
        return None
    return Termination(match[1] == "CHILD_SA", match[2], int(match[3]) if match[3] else None)
