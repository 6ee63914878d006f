"""What strongSwan's words mean: the literal tables from alerts and log lines to reasons.

docs/failures.md has these tables for the people who read the failure tables of the MIB.

Several signs tell of one failure, and the heaviest of them tells most: that authentication failed
is known from the answer, that the peer's certificate had expired from another line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from datasource.reasons import IkeFailureReason as Ike
from datasource.reasons import IpsecFailureReason as Ipsec
from datasource.strongswan.alerts import Alert

__all__ = [
    "ALERT_SIGNS",
    "NOTIFY_SIGNS",
    "OPERATOR",
    "SETUP_FAILED",
    "UNDECRYPTED",
    "WRONG_KEY",
    "Sign",
    "log_sign",
]


@dataclass(frozen=True, slots=True)
class Sign:
    """What one report tells of a failure.

    ``weight``: how much, compared with others about the same failure. ``ike`` or ``ipsec``: the
    reason. With both, it is about IPsec where the IKE SA is up already, and about IKE otherwise.
    """

    weight: int
    ike: Ike | None = None
    ipsec: Ipsec | None = None
    while_up: bool = False
    """Counts for an IKE SA that is or was up, too. Otherwise its tunnel's end tells it."""
    alone: bool = True
    """Is a failure, whatever else is reported. Otherwise it only explains one."""
    counts: str = ""
    """A field of :class:`~datasource.model.IkeFailures` that nothing else counts this in."""
    by_peer: bool = False
    """The peer says so, and not why: perhaps our own certificate has expired."""
    aftermath: bool = False
    """Often follows another failure or the end of a tunnel, and is then no failure of its own."""


SETUP_FAILED = Sign(0, Ike.OTHER)
OPERATOR = Sign(0, Ike.OPERATOR)
_TIMED_OUT = Sign(1, Ike.PEER_LOST, aftermath=True)
_UNREADABLE = Sign(2, Ike.PEER_ENCODING, while_up=True)
UNDECRYPTED = Sign(3, Ike.ENCRYPTION, while_up=True)
"""A message that cannot be decrypted."""
_BAD_HASH = Sign(3, Ike.HASH_VALIDATION, while_up=True)
_WRONG_HASH = Sign(6, Ike.HASH_VALIDATION)
_NOT_PROVED = Sign(4, Ike.AUTHENTICATION)
# Many gateways have no CRL and want none. So a status that is not known explains a failure, and is
# none; and it does not explain that the peer does not trust us.
_NO_STATUS = Sign(5, Ike.CRL, alone=False)
_NOT_TRUSTED = Sign(6, Ike.AUTHENTICATION)
_REFUSED_BY_PEER = Sign(6, Ike.AUTHENTICATION, by_peer=True)
WRONG_KEY = Sign(6, Ike.AUTHENTICATION, counts="authentication")
"""A message of IKEv1 main mode that cannot be decrypted: its key is made of the pre-shared key
(RFC 2409 section 5), and hardly anything else can be wrong with it."""
_NO_PEER_CERTIFICATE = Sign(5, Ike.PEER_CERTIFICATE_UNAVAILABLE)
# One of several certificates or of several ways to trust it; perhaps another one will do.
_BAD_PEER_CERTIFICATE = Sign(8, Ike.PEER_CERTIFICATE_NOT_VALID, alone=False)
_BAD_CRL = Sign(8, Ike.CRL, alone=False)
_NO_LONGER_VALID = Sign(8, Ike.PEER_CERTIFICATE_NOT_VALID, while_up=True)
_NO_PROPOSAL = Sign(7, Ike.PROPOSAL, while_up=True)
_LOCAL_FAILURE = Sign(7, Ike.LOCAL_FAILURE)
_FULL = Sign(7, Ike.SYSTEM_CAPACITY)
_INTERNAL_ERROR = Sign(7, Ike.INTERNAL_ERROR, while_up=True)
_NO_SA = Sign(-1, Ike.NO_SA, while_up=True, aftermath=True)
_EXPIRED = Sign(1, Ike.OTHER, while_up=True)
_REFUSED = Sign(6, Ike.OTHER)

_NO_CHILD = Sign(1, ipsec=Ipsec.PROPOSAL)
_CHILD_REFUSED = Sign(2, ipsec=Ipsec.PROPOSAL)
_CHILD_PROTOCOL = Sign(2, ipsec=Ipsec.PROTOCOL_USE)
_NOT_INSTALLED = Sign(3, ipsec=Ipsec.INTERNAL_ERROR)
_NO_ADDRESS = Sign(3, ipsec=Ipsec.SYSTEM_CAPACITY)

ALERT_SIGNS: Mapping[Alert, Sign | None] = {
    Alert.SHUTDOWN_SIGNAL: None,
    Alert.RADIUS_NOT_RESPONDING: _LOCAL_FAILURE,
    Alert.LOCAL_AUTH_FAILED: _REFUSED_BY_PEER,
    Alert.PEER_AUTH_FAILED: _NOT_PROVED,
    Alert.PARSE_ERROR_HEADER: _UNREADABLE,
    Alert.PARSE_ERROR_BODY: _UNREADABLE,
    Alert.RETRANSMIT_SEND_TIMEOUT: _TIMED_OUT,
    Alert.HALF_OPEN_TIMEOUT: _TIMED_OUT,
    Alert.PROPOSAL_MISMATCH_IKE: _NO_PROPOSAL,
    Alert.PROPOSAL_MISMATCH_CHILD: _CHILD_REFUSED,
    Alert.TS_MISMATCH: _CHILD_REFUSED,
    Alert.INSTALL_CHILD_SA_FAILED: _NOT_INSTALLED,
    Alert.INSTALL_CHILD_POLICY_FAILED: _NOT_INSTALLED,
    Alert.UNIQUE_REPLACE: None,  # the old tunnel's end tells it
    Alert.UNIQUE_KEEP: _REFUSED,
    Alert.VIP_FAILURE: _NO_ADDRESS,
    Alert.AUTHORIZATION_FAILED: _NOT_TRUSTED,
    Alert.CERT_EXPIRED: _BAD_PEER_CERTIFICATE,
    Alert.CERT_REVOKED: _BAD_PEER_CERTIFICATE,
    Alert.CERT_NO_ISSUER: _BAD_PEER_CERTIFICATE,
    Alert.RETRANSMIT_SEND: None,
    Alert.RETRANSMIT_SEND_CLEARED: None,
    Alert.RETRANSMIT_RECEIVE: None,
    Alert.PEER_ADDR_FAILED: _LOCAL_FAILURE,
    Alert.PEER_INIT_UNREACHABLE: _TIMED_OUT,
    Alert.INVALID_IKE_SPI: _NO_SA,
    Alert.TS_NARROWED: None,
    Alert.KEEP_ON_CHILD_SA_FAILURE: _NO_CHILD,
    Alert.IKE_SA_EXPIRED: _EXPIRED,
    Alert.CERT_VALIDATION_FAILED: _NO_STATUS,
    Alert.CERT_UNTRUSTED_ROOT: _BAD_PEER_CERTIFICATE,
    Alert.CERT_EXCEEDED_PATH_LEN: _BAD_PEER_CERTIFICATE,
    Alert.CERT_POLICY_VIOLATION: _BAD_PEER_CERTIFICATE,
}
"""None: no failure."""

NOTIFY_SIGNS: Mapping[str, tuple[Sign | None, Sign | None]] = {
    # By the names of RFC 7296 section 3.10.1 and RFC 2408 section 3.14.1: what a notify says about
    # an IKE SA, and what about a child. None: nothing has failed for good.
    "AUTHENTICATION_FAILED": (_REFUSED_BY_PEER, _CHILD_REFUSED),
    "INVALID_HASH_INFORMATION": (_REFUSED_BY_PEER, _CHILD_REFUSED),
    "INVALID_SIGNATURE": (_REFUSED_BY_PEER, _CHILD_REFUSED),
    "INVALID_CERTIFICATE": (_REFUSED_BY_PEER, _CHILD_REFUSED),
    "INVALID_CERT_AUTHORITY": (_REFUSED_BY_PEER, _CHILD_REFUSED),
    "INVALID_KEY_INFORMATION": (_REFUSED_BY_PEER, _CHILD_REFUSED),
    "INVALID_ID_INFORMATION": (_REFUSED_BY_PEER, _CHILD_REFUSED),
    "NO_PROPOSAL_CHOSEN": (_NO_PROPOSAL, _CHILD_REFUSED),
    "TS_UNACCEPTABLE": (_REFUSED, _CHILD_REFUSED),
    "SINGLE_PAIR_REQUIRED": (_REFUSED, _CHILD_REFUSED),
    "FAILED_CP_REQUIRED": (_REFUSED, _CHILD_REFUSED),
    "INTERNAL_ADDRESS_FAILURE": (_REFUSED, _CHILD_REFUSED),
    "NO_ADDITIONAL_SAS": (_REFUSED, _NO_ADDRESS),
    "TEMPORARY_FAILURE": (None, None),
    "CHILD_SA_NOT_FOUND": (None, None),
    "INVALID_KE_PAYLOAD": (None, None),
}
_OTHER_NOTIFY = (_REFUSED, Sign(2, ipsec=Ipsec.OTHER))

_LOG_SIGNS: tuple[tuple[str, Sign], ...] = (
    # Whole lines of strongSwan 5.9.8, in the order of its source's directories.
    (r"received invalid IKE header from \S+ - ignored", _UNREADABLE),
    (r"received packet is too short \(\d+ bytes\)", _UNREADABLE),
    (r"received unsupported IKE version \S+ from \S+, sending INVALID_MAJOR_VERSION", _UNREADABLE),
    (r"no IKE config found for \S+\.\.\.\S+, sending \S+", _NO_PROPOSAL),
    (r"ignoring IKE_SA setup from \S+, .* (?:reached|limit of \d+)", _FULL),
    (r"ignoring \S+, hitting IKE_SA limit \(\d+\)", _FULL),
    (r"deleting half open IKE_SA with \S+ after timeout", _TIMED_OUT),
    (r"giving up after \d+ (?:retransmits|path probings)", _TIMED_OUT),
    (r"establishing IKE_SA failed, peer not responding", _TIMED_OUT),
    (r"unable to resolve .*, initiate aborted", _LOCAL_FAILURE),
    (r"message (?:parsing|verification) failed", _UNREADABLE),
    (r"(?:SA|sa|KE|NONCE|HASH|SIG|AUTH|ID[iri]{1,2}) payload missing(?: in message)?", _UNREADABLE),
    (r"could not decrypt payloads", UNDECRYPTED),
    (r"verifying .* integrity failed", _BAD_HASH),
    (r"integrity check failed", _BAD_HASH),
    (r"received HASH payload does not match", _BAD_HASH),
    (r"calculated HASH does not match HASH payload", _WRONG_HASH),
    (r"received proposals unacceptable", _NO_PROPOSAL),
    (r"no proposal found", _NO_PROPOSAL),
    (r"peers proposal selection invalid", _NO_PROPOSAL),
    (r"key derivation (?:for .* )?failed", _INTERNAL_ERROR),
    (r"no matching peer config found", _NOT_TRUSTED),
    (r"no peer config found", _NOT_TRUSTED),
    (r"no shared key found for .*", _NOT_TRUSTED),
    (r"tried \d+ shared keys? for .*, but MAC mismatched", _NOT_TRUSTED),
    (r"no (?:\S+ )?private key found for .*", _NOT_TRUSTED),
    (r"authentication of .* \(myself\) failed", _NOT_TRUSTED),
    (r"signature validation failed, looking for another key", _NOT_TRUSTED),
    (r"constraint checking failed", _NOT_PROVED),
    (r"(?:EAP method|EAP vendor specific method) .* failed for peer .*", _NOT_TRUSTED),
    (r"received .*, EAP authentication failed", _NOT_TRUSTED),
    (r"XAuth authentication of .* failed", _NOT_TRUSTED),
    (r"RADIUS authentication of .* failed", _NOT_TRUSTED),
    (r"canceling .* due to uniqueness policy", _REFUSED),
    (r"no trusted .* public key found for .*", _NO_PEER_CERTIFICATE),
    (r"\S+ certificate invalid \(valid from .*\)", _BAD_PEER_CERTIFICATE),
    (r"no issuer certificate found for .*", _BAD_PEER_CERTIFICATE),
    (r"certificate was revoked on .*", _BAD_PEER_CERTIFICATE),
    (r"  self-signed certificate .* is not trusted", _BAD_PEER_CERTIFICATE),
    (r"maximum path length of \d+ exceeded", _BAD_PEER_CERTIFICATE),
    (r"path length of \d+ violates constraint of \d+", _BAD_PEER_CERTIFICATE),
    (r"rejecting certificate without digitalSignature .*", _BAD_PEER_CERTIFICATE),
    (r"constraint check failed: peer not authenticated by CA .*", _BAD_PEER_CERTIFICATE),
    (r"constraint check failed: RULE_(?:CRL|OCSP)_VALIDATION is .*", _BAD_CRL),
    (r"peer certificate verification failed, deleting SA", _NO_LONGER_VALID),
    (r"no acceptable proposal found", _CHILD_REFUSED),
    (r"no matching proposal found, sending \S+", _CHILD_REFUSED),
    (r"no matching CHILD_SA config found for .*", _CHILD_REFUSED),
    (r"traffic selectors .* unacceptable", _CHILD_REFUSED),
    (r"no acceptable traffic selectors found", _CHILD_REFUSED),
    (r"peer selected invalid traffic selectors: .*", _CHILD_PROTOCOL),
    (r"configuration payload negotiation failed, no CHILD_SA built", _CHILD_REFUSED),
    (r"unable to allocate SPIs? from kernel", _NOT_INSTALLED),
    (r"allocating SPI (?:from kernel )?failed", _NOT_INSTALLED),
    (r"unable to install .*IPsec SA \(SAD\) in kernel", _NOT_INSTALLED),
    (r"unable to install IPsec policies \(SPD\) in kernel", _NOT_INSTALLED),
    (r"no virtual IP found, sending \S+", _NO_ADDRESS),
    (r"expected a virtual IP request, sending \S+", _CHILD_REFUSED),
    (r"failed to establish CHILD_SA, keeping IKE_SA", _NO_CHILD),
    (r"closing IKE_SA due CHILD_SA setup failure", _NO_CHILD),
)  # fmt: skip
_LINE = re.compile("|".join(f"({pattern})" for pattern, _ in _LOG_SIGNS), re.DOTALL)
_NOTIFY = re.compile(
    r"received (\w+) (?:(error notify|notify error)|notify, no CHILD_SA built)\b.*"
)


def log_sign(line: str) -> Sign | None:
    """Return what a log line tells of a failure, None where it tells of none."""
    if (match := _NOTIFY.fullmatch(line)) is not None:
        ike, ipsec = NOTIFY_SIGNS.get(match[1], _OTHER_NOTIFY)
        if match[2] is None:
            return ipsec
        # IKEv1 has one wording for both.
        if match[2] == "error notify" and ike is not None and ipsec is not None:
            return replace(ike, ipsec=ipsec.ipsec)
        return ike
    match = _LINE.fullmatch(line)
    return None if match is None or match.lastindex is None else _LOG_SIGNS[match.lastindex - 1][1]
