"""Whether our own certificate has expired.

charon proves itself by an expired certificate as by any other, and learns no more than that the
peer does not want it. What its own certificates are, list-certs tells.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from cryptography import x509

from datasource.model import Identity
from datasource.strongswan.packet import Message

__all__ = ["NO_CERTIFICATES", "OwnCertificates", "parse_own_certificates"]


@dataclass(frozen=True, slots=True)
class _Certificate:
    until: dt.datetime
    names: frozenset[Identity]


@dataclass(frozen=True, slots=True)
class OwnCertificates:
    """Those that the daemon has the private key of."""

    certificates: tuple[_Certificate, ...] = ()

    def expired(self, identity: Identity | None, at: dt.datetime) -> bool:
        """Whether all have expired that prove this identity, or all of them where none names it."""
        naming = [one for one in self.certificates if identity in one.names]
        candidates = naming or self.certificates
        return bool(candidates) and all(one.until < at for one in candidates)


NO_CERTIFICATES = OwnCertificates()


def parse_own_certificates(messages: Iterable[Message]) -> OwnCertificates:
    """Read the messages of list-certs. A certificate that cannot be read is left out."""
    found = []
    for message in messages:
        data = message.get("data")
        if message.get("has_privkey") == b"yes" and isinstance(data, bytes):
            try:
                certificate = x509.load_der_x509_certificate(data)
                found.append(_Certificate(certificate.not_valid_after_utc, _names(certificate)))
            except (ValueError, x509.InvalidVersion, x509.DuplicateExtension):
                continue
    return OwnCertificates(tuple(found))


def _names(certificate: x509.Certificate) -> frozenset[Identity]:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return frozenset()
    kinds = (x509.DNSName, x509.RFC822Name, x509.IPAddress)
    return frozenset(
        Identity.parse(str(name.value)) for name in extension.value if isinstance(name, kinds)
    )
