"""TLS to an attestation service: verified by authorities or by a file of one's own, and by pinned keys where there are.

A pin is SHA-256 of a certificate's public key (SubjectPublicKeyInfo, DER), as in RFC 7469. It is compared inside the
handshake: nothing is sent to whoever has another key.
"""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Collection
from pathlib import Path
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from attestation.errors import ConfigurationError, MalformedError
from attestation.members import unhex

PIN_SIZE = 32


def build_transport(*, authorities: Path | None, pins: Collection[bytes]) -> httpx.AsyncBaseTransport:
    """Return httpx's transport with this verification.

    Args:
        authorities: a PEM file that replaces the system's authorities; None keeps those.
        pins: digests (32 bytes) of which the service's own key must have one; empty asks for none.

    Raises:
        ConfigurationError: the file cannot be read.
    """
    return httpx.AsyncHTTPTransport(verify=build_context(authorities=authorities, pins=pins))


def build_context(*, authorities: Path | None, pins: Collection[bytes]) -> ssl.SSLContext:
    """Return a client's TLS context; see `build_transport`."""
    try:
        context = ssl.create_default_context(cafile=None if authorities is None else str(authorities))
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(f"{authorities} holds no certificates that can be read") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if pins:
        context.sslobject_class = _pinning(frozenset(pins))
    return context


def _pinning(pins: frozenset[bytes]) -> type[ssl.SSLObject]:
    class PinnedObject(ssl.SSLObject):
        """One connection, whose handshake fails unless the other side's key is pinned."""

        def do_handshake(self) -> None:
            super().do_handshake()
            if key_digest(self.getpeercert(binary_form=True) or b"") not in pins:
                raise ssl.SSLCertVerificationError("the service's key is none of those that are pinned")

    return PinnedObject


def key_digest(certificate: bytes) -> bytes:
    """Return SHA-256 of the public key of a certificate (DER), empty where it cannot be read."""
    try:
        key: Any = x509.load_der_x509_certificate(certificate).public_key()
    except ValueError:
        return b""
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()


def parse_pin(text: str) -> bytes:
    """Read a pin as people write it, in hex. Raises `MalformedError`."""
    pin = unhex(text)
    if len(pin) != PIN_SIZE:
        raise MalformedError("a TLS pin is SHA-256 in hex")
    return pin
