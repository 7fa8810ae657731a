"""The simulated platform's certificates and CRLs, shaped as Intel's (SGX PCK Certificate and CRL Profile 1.5).

Everything is made from a seed, a time and plain values; equal arguments give equal bytes (ECDSA as RFC 6979).
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from attestation.simulator.pck_extension import PckValues, build_pck_extension

# The order of P-256 (SEC 2, 2.4.2).
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
MARK = "SIMULATED"
YEAR = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Signer:
    """A certificate with its private key, and the signer above it (None for a root)."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    issuer: Signer | None

    def sign(self, data: bytes) -> bytes:
        """Return the raw 64-byte signature r‖s (big-endian) over `data`."""
        return sign_raw(self.key, data)

    def chain(self) -> tuple[x509.Certificate, ...]:
        """Return this certificate and those above it, the root last."""
        return (self.certificate, *(self.issuer.chain() if self.issuer else ()))

    def chain_pem(self) -> str:
        """Return the chain as PEM text, as quotes and the issuer-chain headers carry it."""
        return "".join(certificate.public_bytes(Encoding.PEM).decode() for certificate in self.chain())


@dataclass(frozen=True, slots=True, kw_only=True)
class Pki:
    """The four certificates behind a quote and its collateral."""

    root: Signer
    pck_ca: Signer
    pck: Signer
    tcb_signing: Signer

    @classmethod
    def create(
        cls,
        created_at: datetime,
        *,
        seed: bytes | None = None,
        pck_values: PckValues | None = None,
        ca: Literal["Platform", "Processor"] = "Platform",
    ) -> Pki:
        """Make a whole PKI; without a `seed` it is a new one each time."""
        seed = seed or secrets.token_bytes(32)
        root = issue_root(created_at, seed=seed)
        pck_ca = issue_pck_ca(root, created_at, seed=seed, ca=ca)
        return cls(
            root=root,
            pck_ca=pck_ca,
            pck=issue_pck(pck_ca, created_at, seed=seed, values=pck_values or PckValues()),
            tcb_signing=issue_tcb_signing(root, created_at, seed=seed),
        )


def issue_root(created_at: datetime, *, seed: bytes, lifetime: timedelta = 30 * YEAR) -> Signer:
    """Make the self-signed root."""
    return issue(None, "SGX Root CA", created_at, seed=seed, lifetime=lifetime, ca_path_length=1)


def issue_pck_ca(
    root: Signer, created_at: datetime, *, seed: bytes, ca: str = "Platform", lifetime: timedelta = 15 * YEAR
) -> Signer:
    """Make the authority that signs PCK certificates and their CRL."""
    return issue(root, f"SGX PCK {ca} CA", created_at, seed=seed, lifetime=lifetime, ca_path_length=0)


def issue_pck(
    pck_ca: Signer, created_at: datetime, *, seed: bytes, values: PckValues, lifetime: timedelta = 7 * YEAR
) -> Signer:
    """Make the PCK certificate, which names the platform's FMSPC, PCEID and SVNs."""
    extension = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.840.113741.1.13.1"), build_pck_extension(values))
    return issue(pck_ca, "SGX PCK Certificate", created_at, seed=seed, lifetime=lifetime, extensions=(extension,))


def issue_tcb_signing(root: Signer, created_at: datetime, *, seed: bytes, lifetime: timedelta = 7 * YEAR) -> Signer:
    """Make the certificate whose key signs TCB info and QE identity."""
    return issue(root, "SGX TCB Signing", created_at, seed=seed, lifetime=lifetime)


def issue(
    issuer: Signer | None,
    role: str,
    created_at: datetime,
    *,
    seed: bytes,
    lifetime: timedelta,
    ca_path_length: int | None = None,
    extensions: Sequence[x509.ExtensionType] = (),
) -> Signer:
    """Make any certificate; its key and serial number come from the seed and the role.

    `ca_path_length` None makes an end-entity certificate, an integer a CA.
    """
    key = derive_key(seed, role)
    subject = _name(role)
    parent = issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(int.from_bytes(_derive(seed, f"serial {role}")[:19], "big") | 1)
        .not_valid_before(created_at)
        .not_valid_after(created_at + lifetime)
    )
    standard: list[tuple[x509.ExtensionType, bool]] = [
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(parent.public_key()), False),
        (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
        (_key_usage(is_ca=ca_path_length is not None), True),
        (x509.BasicConstraints(ca=ca_path_length is not None, path_length=ca_path_length), True),
    ]
    for extension, critical in [*standard, *((own, False) for own in extensions)]:
        builder = builder.add_extension(extension, critical=critical)
    return Signer(builder.sign(parent, SHA256(), ecdsa_deterministic=True), key, issuer)


def build_crl(
    signer: Signer,
    *,
    issued_at: datetime,
    next_update: datetime,
    revoked: Sequence[x509.Certificate] = (),
    number: int | None = None,
) -> bytes:
    """Return the DER of a v2 CRL; its number is the time of issue, so that it never falls."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(signer.certificate.subject)
        .last_update(issued_at)
        .next_update(next_update)
        .add_extension(x509.CRLNumber(int(issued_at.timestamp()) if number is None else number), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.key.public_key()), critical=False)
    )
    for certificate in revoked:
        entry = (
            x509.RevokedCertificateBuilder()
            .serial_number(certificate.serial_number)
            .revocation_date(issued_at)
            .add_extension(x509.CRLReason(x509.ReasonFlags.key_compromise), critical=False)
        )
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(signer.key, SHA256(), ecdsa_deterministic=True).public_bytes(Encoding.DER)


def derive_key(seed: bytes, role: str) -> ec.EllipticCurvePrivateKey:
    """Return the P-256 key that belongs to a seed and a role."""
    scalar = int.from_bytes(_derive(seed, f"key {role}"), "big") % (P256_ORDER - 1) + 1
    return ec.derive_private_key(scalar, ec.SECP256R1())


def sign_raw(key: ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
    """Return the raw 64-byte ECDSA signature r‖s (big-endian, SHA-256) over `data`."""
    r, s = utils.decode_dss_signature(key.sign(data, ec.ECDSA(SHA256(), deterministic_signing=True)))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def raw_public_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return the raw 64-byte public key x‖y (big-endian)."""
    numbers = key.public_key().public_numbers()
    return numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")


def _derive(seed: bytes, label: str) -> bytes:
    return hashlib.sha512(b"confchat/1 simulator\x00" + label.encode() + b"\x00" + seed).digest()


def _name(role: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, f"{MARK} {role}"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, f"{MARK} TDX platform, for development"),
        ]
    )


def _key_usage(*, is_ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_ca,
        content_commitment=not is_ca,
        key_cert_sign=is_ca,
        crl_sign=is_ca,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
