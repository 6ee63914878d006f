from __future__ import annotations

import pytest

from datasource.reasons import IkeFailureReason as Ike
from datasource.reasons import IpsecFailureReason as Ipsec
from datasource.strongswan import signs
from datasource.strongswan.signs import log_sign
from tests.unit.datasource.strongswan.replay import SCENARIOS, messages_of

# Lines of strongSwan 5.9.8: from its daemon, or from the texts in its programs.
LINES: dict[str, Ike | Ipsec] = {
    "received invalid IKE header from 10.9.0.1 - ignored": Ike.PEER_ENCODING,
    "received packet is too short (3 bytes)": Ike.PEER_ENCODING,
    "received unsupported IKE version 10.5 from 10.9.0.1, sending INVALID_MAJOR_VERSION": (
        Ike.PEER_ENCODING
    ),
    "no IKE config found for 10.9.0.2...10.9.0.1, sending NO_PROPOSAL_CHOSEN": Ike.PROPOSAL,
    "ignoring IKE_SA setup from 10.9.0.1, per-IP half-open IKE_SA limit of 5 reached": (
        Ike.SYSTEM_CAPACITY
    ),
    "ignoring IKE_SA setup from 10.9.0.1, job load of 70 exceeds limit of 60": (
        Ike.SYSTEM_CAPACITY
    ),
    "ignoring IKE_SA_INIT, hitting IKE_SA limit (10)": Ike.SYSTEM_CAPACITY,
    "deleting half open IKE_SA with 10.9.0.1 after timeout": Ike.PEER_LOST,
    "giving up after 2 retransmits": Ike.PEER_LOST,
    "giving up after 5 path probings": Ike.PEER_LOST,
    "establishing IKE_SA failed, peer not responding": Ike.PEER_LOST,
    "unable to resolve peer.example, initiate aborted": Ike.LOCAL_FAILURE,
    "message parsing failed": Ike.PEER_ENCODING,
    "message verification failed": Ike.PEER_ENCODING,
    "SA payload missing": Ike.PEER_ENCODING,
    "IDii payload missing": Ike.PEER_ENCODING,
    "could not decrypt payloads": Ike.ENCRYPTION,
    "verifying encrypted payload integrity failed": Ike.HASH_VALIDATION,
    "integrity check failed": Ike.HASH_VALIDATION,
    "received HASH payload does not match": Ike.HASH_VALIDATION,
    "calculated HASH does not match HASH payload": Ike.HASH_VALIDATION,
    "received proposals unacceptable": Ike.PROPOSAL,
    "no proposal found": Ike.PROPOSAL,
    "peers proposal selection invalid": Ike.PROPOSAL,
    "key derivation failed": Ike.INTERNAL_ERROR,
    "key derivation for RSA signature failed": Ike.INTERNAL_ERROR,
    "no matching peer config found": Ike.AUTHENTICATION,
    "no peer config found": Ike.AUTHENTICATION,
    "no shared key found for 'a' - 'b'": Ike.AUTHENTICATION,
    "tried 1 shared key for '10.9.0.2' - '10.9.0.1', but MAC mismatched": Ike.AUTHENTICATION,
    "tried 2 shared keys for 'a' - 'b', but MAC mismatched": Ike.AUTHENTICATION,
    "no private key found for 'CN=a'": Ike.AUTHENTICATION,
    "no RSA private key found for 'CN=a'": Ike.AUTHENTICATION,
    "authentication of '10.9.0.1' (myself) failed": Ike.AUTHENTICATION,
    "EAP method EAP_MD5 failed for peer 10.9.0.1": Ike.AUTHENTICATION,
    "received EAP_FAILURE, EAP authentication failed": Ike.AUTHENTICATION,
    "XAuth authentication of 'joe' failed": Ike.AUTHENTICATION,
    "XAuth authentication of 'joe' (myself) failed": Ike.AUTHENTICATION,
    "RADIUS authentication of 'joe' failed": Ike.AUTHENTICATION,
    "signature validation failed, looking for another key": Ike.AUTHENTICATION,
    "constraint checking failed": Ike.AUTHENTICATION,
    "received AUTHENTICATION_FAILED notify error": Ike.AUTHENTICATION,
    "received AUTHENTICATION_FAILED error notify": Ike.AUTHENTICATION,
    "canceling IKE_SA setup due to uniqueness policy": Ike.OTHER,
    "no trusted RSA public key found for '10.9.0.1'": Ike.PEER_CERTIFICATE_UNAVAILABLE,
    "subject certificate invalid (valid from Sep 25 18:46:17 2026 to Nov 23 18:46:17 2026)": (
        Ike.PEER_CERTIFICATE_NOT_VALID
    ),
    'no issuer certificate found for "CN=10.9.0.1"': Ike.PEER_CERTIFICATE_NOT_VALID,
    "certificate was revoked on Nov 23 18:46:47 UTC 2026, reason: unspecified": (
        Ike.PEER_CERTIFICATE_NOT_VALID
    ),
    '  self-signed certificate "CN=a" is not trusted': Ike.PEER_CERTIFICATE_NOT_VALID,
    "path length of 2 violates constraint of 1": Ike.PEER_CERTIFICATE_NOT_VALID,
    "rejecting certificate without digitalSignature or nonRepudiation keyUsage flags": (
        Ike.PEER_CERTIFICATE_NOT_VALID
    ),
    "constraint check failed: peer not authenticated by CA 'CN=a'": (
        Ike.PEER_CERTIFICATE_NOT_VALID
    ),
    "maximum path length of 7 exceeded": Ike.PEER_CERTIFICATE_NOT_VALID,
    "peer certificate verification failed, deleting SA": Ike.PEER_CERTIFICATE_NOT_VALID,
    "constraint check failed: RULE_CRL_VALIDATION is FAILED, but requires at least GOOD": Ike.CRL,
    "received NO_PROPOSAL_CHOSEN notify error": Ike.PROPOSAL,
    "received INVALID_SYNTAX notify error": Ike.OTHER,
    "received NO_PROPOSAL_CHOSEN notify, no CHILD_SA built": Ipsec.PROPOSAL,
    "received TS_UNACCEPTABLE notify, no CHILD_SA built": Ipsec.PROPOSAL,
    "received NO_ADDITIONAL_SAS notify, no CHILD_SA built": Ipsec.SYSTEM_CAPACITY,
    "received INVALID_SYNTAX notify, no CHILD_SA built": Ipsec.OTHER,
    "no acceptable proposal found": Ipsec.PROPOSAL,
    "no matching proposal found, sending NO_PROPOSAL_CHOSEN": Ipsec.PROPOSAL,
    "no matching CHILD_SA config found for 10.10.1.0/24 === 10.10.2.0/24": Ipsec.PROPOSAL,
    "traffic selectors 10.10.2.0/24 === 10.10.1.0/24 unacceptable": Ipsec.PROPOSAL,
    "no acceptable traffic selectors found": Ipsec.PROPOSAL,
    "peer selected invalid traffic selectors: a for b, c for d": Ipsec.PROTOCOL_USE,
    "configuration payload negotiation failed, no CHILD_SA built": Ipsec.PROPOSAL,
    "allocating SPI from kernel failed": Ipsec.INTERNAL_ERROR,
    "unable to allocate SPIs from kernel": Ipsec.INTERNAL_ERROR,
    "unable to install inbound and outbound IPsec SA (SAD) in kernel": Ipsec.INTERNAL_ERROR,
    "unable to install outbound IPsec SA (SAD) in kernel": Ipsec.INTERNAL_ERROR,
    "unable to install IPsec policies (SPD) in kernel": Ipsec.INTERNAL_ERROR,
    "no virtual IP found, sending INTERNAL_ADDRESS_FAILURE": Ipsec.SYSTEM_CAPACITY,
    "expected a virtual IP request, sending FAILED_CP_REQUIRED": Ipsec.PROPOSAL,
    "failed to establish CHILD_SA, keeping IKE_SA": Ipsec.PROPOSAL,
    "closing IKE_SA due CHILD_SA setup failure": Ipsec.PROPOSAL,
}


@pytest.mark.parametrize(("line", "reason"), LINES.items())
def test_lines(line: str, reason: Ike | Ipsec) -> None:
    sign = log_sign(line)
    assert sign is not None
    assert reason in (sign.ike, sign.ipsec)


def test_every_pattern_has_a_line() -> None:
    met = {match.lastindex for line in LINES if (match := signs._LINE.fullmatch(line))}
    never = [pattern for n, (pattern, _) in enumerate(signs._LOG_SIGNS, 1) if n not in met]
    assert not never


@pytest.mark.parametrize("name", ["NO_PROPOSAL_CHOSEN", "INVALID_ID_INFORMATION"])
def test_a_notify_of_ikev1_may_mean_either(name: str) -> None:
    sign = log_sign(f"received {name} error notify")
    assert sign is not None
    assert sign.ike is not None
    assert sign.ipsec is not None


@pytest.mark.parametrize(
    "line",
    [
        "received TEMPORARY_FAILURE notify, no CHILD_SA built",
        "received INVALID_KE_PAYLOAD notify error",
        "certificate status is not available",
        'received end entity cert "CN=no proposal found"',
        "IKE_SA could not decrypt payloads[1] established",
        "",
    ],
)
def test_what_is_no_failure(line: str) -> None:
    assert log_sign(line) is None


@pytest.mark.parametrize(
    "name", [name for name in SCENARIOS if not any(w in name for w in ("failure", "match", "lost"))]
)
def test_a_life_without_failures(name: str) -> None:
    lines = [message["msg"].decode() for message in messages_of(name, "log")]
    assert [line for line in lines if log_sign(line)] == []
