"""The key that the embedded attestation service signs its tokens with (ECDSA P-256)."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key

from attestation.encoding import b64encode
from attestation.errors import ConfigurationError
from attestation.key_files import read_private_key, write_private_key
from attestation.token import public_jwk as build_jwk


def create_token_key(path: Path) -> None:
    """Make the service's signing key in a new file."""
    write_private_key(path, generate_private_key(SECP256R1()))


def load_token_key(path: Path) -> EllipticCurvePrivateKey:
    """Load the service's signing key.

    Raises:
        ConfigurationError: the file is missing, open to others, or holds another kind of key.
    """
    key = read_private_key(path)
    if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
        raise ConfigurationError(f"{path} holds no P-256 key")
    return key


def key_id(key: EllipticCurvePrivateKey) -> str:
    """Return the RFC 7638 thumbprint of the public key."""
    jwk = build_jwk(key.public_key(), "")
    required = {name: jwk[name] for name in ("crv", "kty", "x", "y")}
    canonical = json.dumps(required, sort_keys=True, separators=(",", ":")).encode()
    return b64encode(hashlib.sha256(canonical).digest())


def public_jwk(key: EllipticCurvePrivateKey) -> dict[str, str]:
    """Return the public key as a JWK under its thumbprint."""
    return build_jwk(key.public_key(), key_id(key))
