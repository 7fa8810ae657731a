"""Secrets encrypted to a guest's key, in the form of each protocol; what `attestation.kbs.sealed` opens."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import aes_key_wrap

from attestation.encoding import b64decode, b64encode
from attestation.errors import MalformedError
from attestation.kbs.sealed import ENCRYPTION, IV_SIZE, TAG_SIZE
from attestation.kbs.tee_keys import (
    CEK_SIZE,
    ECDH,
    OAEP,
    OAEP_PADDING,
    PKCS1,
    derive_wrapping_key,
    encode_point,
    parse_point,
)


def seal(secret: bytes, jwk: Mapping[str, Any], *, in_old_form: bool) -> dict[str, str]:
    """Return a flattened JWE, or protocol 0.1.0's own form of it. Raises `MalformedError` for a key it cannot use."""
    content_key, iv = os.urandom(CEK_SIZE), os.urandom(IV_SIZE)
    encrypted_key, header = wrap(content_key, jwk)
    text = json.dumps(header, separators=(",", ":"))
    protected = text if in_old_form else b64encode(text.encode())
    data = AESGCM(content_key).encrypt(iv, secret, b"" if in_old_form else protected.encode())
    cut = len(data) if in_old_form else len(data) - TAG_SIZE
    return {
        "protected": protected,
        "encrypted_key": b64encode(encrypted_key),
        "iv": b64encode(iv),
        "ciphertext": b64encode(data[:cut]),
        "tag": b64encode(data[cut:]),
    }


def wrap(content_key: bytes, jwk: Mapping[str, Any]) -> tuple[bytes, dict[str, Any]]:
    """Return a content key encrypted to a JWK, and the header that says how."""
    algorithm = jwk.get("alg")
    if algorithm == ECDH:
        once = ec.generate_private_key(ec.SECP256R1())
        wrapping_key = derive_wrapping_key(once.exchange(ec.ECDH(), parse_point(jwk)))
        epk = {"crv": "P-256", "kty": "EC", **encode_point(once.public_key())}
        return aes_key_wrap(wrapping_key, content_key), {"alg": ECDH, "enc": ENCRYPTION, "epk": epk}
    if algorithm in (OAEP, PKCS1):
        way = OAEP_PADDING if algorithm == OAEP else padding.PKCS1v15()
        return _rsa_key(jwk).encrypt(content_key, way), {"alg": algorithm, "enc": ENCRYPTION}
    raise MalformedError("a key of no kind that is known here")


def _rsa_key(jwk: Mapping[str, Any]) -> rsa.RSAPublicKey:
    n, e = (int.from_bytes(b64decode(jwk.get(name)), "big") for name in ("n", "e"))
    try:
        return rsa.RSAPublicNumbers(e, n).public_key()
    except ValueError as error:
        raise MalformedError("not an RSA key") from error
