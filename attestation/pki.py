"""X.509 as DCAP uses it: two fixed chain shapes to a pinned root, roles, and CRLs (Intel PCK profile 1.5, RFC 5280).

`cryptography` parses; every error of its is a `MalformedError` here. This is no general path validator: a chain
is the certificates that were sent, in their one order, and the last of them is the pinned root byte for byte.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtensionOID, NameOID, SignatureAlgorithmOID

from attestation.errors import AppraisalError, MalformedError
from attestation.pck import EXTENSION_OID
from attestation.signatures import has_der_signature

# Intel SGX Root CA, https://certificates.trustedservices.intel.com/IntelSGXRootCA.der (659 bytes, valid to 2049).
INTEL_ROOT_CA = base64.b64decode(
    "MIICjzCCAjSgAwIBAgIUImUM1lqdNInzg7SVUr9QGzknBqwwCgYIKoZIzj0EAwIwaDEaMBgGA1UEAwwRSW50ZWwgU0dYIFJvb3QgQ0ExGjAY"
    "BgNVBAoMEUludGVsIENvcnBvcmF0aW9uMRQwEgYDVQQHDAtTYW50YSBDbGFyYTELMAkGA1UECAwCQ0ExCzAJBgNVBAYTAlVTMB4XDTE4MDUy"
    "MTEwNDUxMFoXDTQ5MTIzMTIzNTk1OVowaDEaMBgGA1UEAwwRSW50ZWwgU0dYIFJvb3QgQ0ExGjAYBgNVBAoMEUludGVsIENvcnBvcmF0aW9u"
    "MRQwEgYDVQQHDAtTYW50YSBDbGFyYTELMAkGA1UECAwCQ0ExCzAJBgNVBAYTAlVTMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEC6nEwMDI"
    "YZOj/iPWsCzaEKi71OiOSLRFhWGjbnBVJfVnkY4u3IjkDYYL0MxO4mqsyYjlBalTVYxFP2sJBK5zlKOBuzCBuDAfBgNVHSMEGDAWgBQiZQzW"
    "Wp00ifODtJVSv1AbOScGrDBSBgNVHR8ESzBJMEegRaBDhkFodHRwczovL2NlcnRpZmljYXRlcy50cnVzdGVkc2VydmljZXMuaW50ZWwuY29t"
    "L0ludGVsU0dYUm9vdENBLmRlcjAdBgNVHQ4EFgQUImUM1lqdNInzg7SVUr9QGzknBqwwDgYDVR0PAQH/BAQDAgEGMBIGA1UdEwEB/wQIMAYB"
    "Af8CAQEwCgYIKoZIzj0EAwIDSQAwRgIhAOW/5QkR+S9CiSDcNoowLuPRLsWGf/Yi7GSX94BgwTwgAiEA4J0lrHoMs+Xo5o/sX6O9QWxHRAvZ"
    "UGOdRQ7cvqRXaqI="
)
INTEL_ROOT_CA_SHA256 = hashlib.sha256(INTEL_ROOT_CA).digest()

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----\r?\n((?:[A-Za-z0-9+/=]+\r?\n)+)-----END CERTIFICATE-----(?:\r?\n|\Z)")
_KNOWN_CRITICAL = frozenset({ExtensionOID.BASIC_CONSTRAINTS, ExtensionOID.KEY_USAGE})
# UserWarning: what `cryptography` deprecates is an error where warnings are.
_CRYPTOGRAPHY_ERRORS = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    UserWarning,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


class Role(Enum):
    """What a certificate may be used for: how its common name must end, and whether it is a CA."""

    ROOT = (("SGX Root CA",), True)
    PCK_CA = (("SGX PCK Platform CA", "SGX PCK Processor CA"), True)
    PCK = (("SGX PCK Certificate",), False)
    TCB_SIGNING = (("SGX TCB Signing",), False)


PCK_CHAIN = (Role.PCK, Role.PCK_CA, Role.ROOT)
PCK_CA_CHAIN = (Role.PCK_CA, Role.ROOT)
TCB_SIGNING_CHAIN = (Role.TCB_SIGNING, Role.ROOT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """One X.509 v3 certificate, read whole. Parsed, not verified.

    `sgx_extension` is the DER content of Intel's extension, None where there is none.
    """

    der: bytes
    parsed: x509.Certificate
    common_name: str
    serial_number: int
    not_before: datetime
    not_after: datetime
    key: ec.EllipticCurvePublicKey | None
    is_ca: bool | None
    signs_certificates: bool
    signs_crls: bool
    signs_data: bool
    has_unknown_critical: bool
    sgx_extension: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Crl:
    """A CRL whose signature was verified: serial numbers and the time it speaks for."""

    revoked: frozenset[int]
    this_update: datetime
    next_update: datetime


Chain = tuple[Certificate, ...]


def parse_chain(pem: bytes, roles: tuple[Role, ...]) -> Chain:
    """Parse as many certificates as there are roles, leaf first. Does not look at roles or signatures.

    Raises:
        MalformedError: anything but PEM certificates in this number, or one of them is not X.509 v3 DER.
    """
    ders = _split_pem(pem)
    if len(ders) != len(roles):
        raise MalformedError(f"{len(ders)} certificates where {len(roles)} belong")
    return tuple(parse_certificate(der) for der in ders)


def parse_certificate(der: bytes) -> Certificate:
    """Parse one certificate.

    Raises:
        MalformedError: not the DER of an X.509 v3 certificate.
    """
    try:
        return _read_certificate(der)
    except _CRYPTOGRAPHY_ERRORS as error:
        raise MalformedError("not an X.509 certificate") from error


def verify_chain(chain: Chain, roles: tuple[Role, ...], *, root: bytes) -> None:
    """Verify a chain to the pinned root (DER); does not look at dates, and not at revocation.

    Raises:
        AppraisalError: `chain_root`, `chain_signature`, `chain_role` or `chain_constraints`, in this order.
    """
    if chain[-1].der != root:
        raise AppraisalError("chain_root", "the certificates do not lead to the pinned root")
    for certificate, issuer in zip(chain, (*chain[1:], chain[-1]), strict=True):
        if not _is_issued_by(certificate, issuer):
            raise AppraisalError("chain_signature", f"{certificate.common_name} was not signed by the one above it")
    for certificate, role in zip(chain, roles, strict=True):
        if not certificate.common_name.endswith(role.value[0]):
            raise AppraisalError("chain_role", f"{certificate.common_name} stands where another role belongs")
    for certificate, role in zip(chain, roles, strict=True):
        _check_constraints(certificate, is_ca=role.value[1])


def check_chain_dates(chain: Chain, *, now: datetime) -> None:
    """Check that every certificate is valid now.

    Raises:
        AppraisalError: `chain_validity`.
    """
    for certificate in chain:
        if not certificate.not_before <= now <= certificate.not_after:
            raise AppraisalError("chain_validity", f"{certificate.common_name} is not valid at this time")


def verify_crl(der: bytes, *, issuer: Certificate) -> Crl:
    """Parse a CRL and verify that this authority signed it; does not look at dates.

    Raises:
        AppraisalError: `crl_malformed` or `crl_signature`.
    """
    parsed, name, crl = _parse_crl(der)
    if name != issuer.parsed.subject or not _has_our_algorithm(parsed):
        raise AppraisalError("crl_signature", f"the revocation list is not one of {issuer.common_name}")
    if not has_der_signature(issuer.key, parsed.signature, parsed.tbs_certlist_bytes):
        raise AppraisalError("crl_signature", f"the revocation list was not signed by {issuer.common_name}")
    return crl


def _split_pem(pem: bytes) -> list[bytes]:
    """Return the DER of every certificate; not one byte may be left over."""
    ders, position = [], 0
    while match := _PEM.match(pem, position):
        text, position = b"".join(match[1].split()), match.end()
        try:
            der = base64.b64decode(text, validate=True)
        except ValueError as error:
            raise MalformedError("a certificate is not base64") from error
        if base64.b64encode(der) != text:
            raise MalformedError("a certificate is not canonical base64")
        ders.append(der)
    if position != len(pem):
        raise MalformedError("something other than certificates stands among them")
    return ders


def _read_certificate(der: bytes) -> Certificate:
    """Read all that any check looks at, so that nothing of `cryptography` is parsed lazily later."""
    parsed = x509.load_der_x509_certificate(der)
    if parsed.version is not x509.Version.v3 or parsed.serial_number <= 0:
        raise ValueError("not version 3 with a positive serial number")
    (common_name,) = parsed.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    known = {extension.oid: extension for extension in parsed.extensions}
    constraints, usage, sgx = (
        known[oid].value if oid in known else None
        for oid in (ExtensionOID.BASIC_CONSTRAINTS, ExtensionOID.KEY_USAGE, x509.ObjectIdentifier(EXTENSION_OID))
    )
    usage = usage if isinstance(usage, x509.KeyUsage) else None
    return Certificate(
        der=der,
        parsed=parsed,
        common_name=str(common_name.value),
        serial_number=parsed.serial_number,
        not_before=parsed.not_valid_before_utc,
        not_after=parsed.not_valid_after_utc,
        key=_p256(parsed),
        is_ca=constraints.ca if isinstance(constraints, x509.BasicConstraints) else None,
        signs_certificates=usage is not None and usage.key_cert_sign,
        signs_crls=usage is not None and usage.crl_sign,
        signs_data=usage is not None and usage.digital_signature,
        has_unknown_critical=any(item.critical and item.oid not in _KNOWN_CRITICAL for item in known.values()),
        sgx_extension=sgx.value if isinstance(sgx, x509.UnrecognizedExtension) else None,
    )


def _p256(parsed: x509.Certificate) -> ec.EllipticCurvePublicKey | None:
    """Return the key, or None for one of another kind or curve, or off the curve."""
    try:
        key = parsed.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == ec.SECP256R1.name else None


def _check_constraints(certificate: Certificate, *, is_ca: bool) -> None:
    may_sign = (
        certificate.signs_certificates and certificate.signs_crls
        if is_ca
        else certificate.signs_data and not certificate.signs_certificates and not certificate.signs_crls
    )
    if certificate.is_ca is not is_ca or not may_sign:
        raise AppraisalError("chain_constraints", f"{certificate.common_name} may not be used for what it is used for")
    if certificate.has_unknown_critical or certificate.key is None or not _has_our_algorithm(certificate.parsed):
        raise AppraisalError("chain_constraints", f"{certificate.common_name} is of a kind that Intel does not issue")


def _is_issued_by(certificate: Certificate, issuer: Certificate) -> bool:
    """Names match, both places name ECDSA with SHA-256, the issuer's key is P-256 and made the signature."""
    if issuer.key is None or not _has_our_algorithm(certificate.parsed):
        return False
    try:
        certificate.parsed.verify_directly_issued_by(issuer.parsed)
    except (InvalidSignature, *_CRYPTOGRAPHY_ERRORS):
        return False
    return True


def _has_our_algorithm(signed: x509.Certificate | x509.CertificateRevocationList) -> bool:
    return signed.signature_algorithm_oid == SignatureAlgorithmOID.ECDSA_WITH_SHA256


def _parse_crl(der: bytes) -> tuple[x509.CertificateRevocationList, x509.Name, Crl]:
    try:
        return _read_crl(der)
    except _CRYPTOGRAPHY_ERRORS as error:
        raise AppraisalError("crl_malformed", "a revocation list is missing or cannot be read") from error


def _read_crl(der: bytes) -> tuple[x509.CertificateRevocationList, x509.Name, Crl]:
    """Read a CRL whole: its issuer's name and every entry.

    A critical extension would change its meaning, and Intel uses none.
    """
    parsed = x509.load_der_x509_crl(der)
    entries = list(parsed)
    extensions = [*parsed.extensions, *(extension for entry in entries for extension in entry.extensions)]
    if parsed.next_update_utc is None or any(extension.critical for extension in extensions):
        raise ValueError("no next update, or a critical extension")
    crl = Crl(
        revoked=frozenset(entry.serial_number for entry in entries),
        this_update=parsed.last_update_utc,
        next_update=parsed.next_update_utc,
    )
    return parsed, parsed.issuer, crl
