"""The library's HPKE on the published vectors (RFC 9180, and the draft for ML-KEM): the suites that sessions use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.bindings._rust import openssl
from cryptography.hazmat.primitives.asymmetric import mlkem, x25519
from cryptography.hazmat.primitives.hashes import SHAKE256, Hash
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PrivateKey, Suite

VECTORS = json.loads((Path(__file__).parents[1] / "cases" / "hpke.json").read_text())
AEADS = {2: AEAD.AES_256_GCM, 3: AEAD.CHACHA20_POLY1305}


def private_key(vector: dict[str, Any]) -> tuple[KEM, Any]:
    seed = bytes.fromhex(vector["skRm"])
    if vector["kem_id"] == 0x20:
        return KEM.X25519, x25519.X25519PrivateKey.from_private_bytes(seed)
    # X-Wing (draft-connolly-cfrg-xwing-kem, section 5.2): 64 bytes for ML-KEM-768, then 32 for X25519.
    shake = Hash(SHAKE256(96))
    shake.update(seed)
    expanded = shake.finalize()
    return KEM.MLKEM768_X25519, MLKEM768X25519PrivateKey(
        mlkem.MLKEM768PrivateKey.from_seed_bytes(expanded[:64]),
        x25519.X25519PrivateKey.from_private_bytes(expanded[64:]),
    )


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_the_published_vector_opens_with_its_aad_and_with_no_other(vector: dict[str, Any]) -> None:
    kem, key = private_key(vector)
    suite = Suite(kem, KDF.HKDF_SHA256, AEADS[vector["aead_id"]])
    first = vector["encryptions"][0]
    sealed = bytes.fromhex(vector["enc"] + first["ct"])
    info, aad = bytes.fromhex(vector["info"]), bytes.fromhex(first["aad"])
    # Single shot with AAD is not public in this library; sessions use none.
    assert openssl.hpke._decrypt_with_aad(suite, sealed, key, info=info, aad=aad) == bytes.fromhex(first["pt"])
    with pytest.raises(InvalidTag):
        openssl.hpke._decrypt_with_aad(suite, sealed, key, info=info, aad=aad + b"x")
