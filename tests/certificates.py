"""Certificates for the gateways of ``tests/gateways.py``: an authority and what it issues."""

from __future__ import annotations

import datetime as dt
import functools
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

__all__ = ["Authority"]

DAY = dt.timedelta(days=1)


@functools.cache
def _key(_owner: str) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])


def _private(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


class Authority:
    """A certification authority.

    Args:
        name: its common name; another name is another authority, with another key.
    """

    def __init__(self, name: str) -> None:
        self._name = _name(name)
        self._key = _key(name)
        # By these a CRL is found.
        self._issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        self._now = dt.datetime.now(dt.UTC)
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        usage = x509.KeyUsage(
            digital_signature=False,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        builder = self._certificate(self._name, self._key.public_key(), self._now + 30 * DAY)
        self.certificate = (
            builder.add_extension(constraints, critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False
            )
            .add_extension(usage, critical=True)
            .sign(self._key, hashes.SHA256())
        )

    @property
    def pem(self) -> bytes:
        """Its own certificate, as text."""
        return self.certificate.public_bytes(Encoding.PEM)

    def _certificate(
        self, subject: x509.Name, key: rsa.RSAPublicKey, until: dt.datetime
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - 60 * DAY)
            .not_valid_after(until)
        )

    def issue(self, address: str, *, expired: bool = False) -> x509.Certificate:
        """Issue a certificate for the gateway at this address, whose key is always the same."""
        until = self._now + (-1 if expired else 30) * DAY
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
        builder = self._certificate(_name(address), _key(address).public_key(), until)
        builder = builder.add_extension(names, critical=False)
        return builder.add_extension(self._issuer, critical=False).sign(self._key, hashes.SHA256())

    def revoke(self, *certificates: x509.Certificate) -> x509.CertificateRevocationList:
        """Return a list of just these revoked certificates."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._name)
            .last_update(self._now - DAY)
            .next_update(self._now + DAY)
            .add_extension(self._issuer, critical=False)
            .add_extension(x509.CRLNumber(1), critical=False)
        )
        for certificate in certificates:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder()
                .serial_number(certificate.serial_number)
                .revocation_date(self._now - DAY)
                .build()
            )
        return builder.sign(self._key, hashes.SHA256())

    def files(
        self,
        address: str,
        certificate: x509.Certificate,
        crl: x509.CertificateRevocationList | None = None,
    ) -> dict[str, bytes]:
        """Return swanctl's files of a gateway with this certificate that trusts this authority."""
        files = {
            "x509ca/authority.pem": self.pem,
            "x509/gateway.pem": certificate.public_bytes(Encoding.PEM),
            "private/gateway.pem": _private(_key(address)),
        }
        if crl is not None:
            files["x509crl/revoked.pem"] = crl.public_bytes(Encoding.PEM)
        return files
