"""A broker's encrypted answer: JSON Web Encryption, flattened (RFC 7516), and the form of its own of protocol 0.1.0.

0.1.0 writes `protected` as JSON text that nothing authenticates, and the tag behind the ciphertext
(openanolis/trustee 1.0.0, kbs/src/http/resource.rs).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from attestation.encoding import b64decode, parse_json
from attestation.errors import MalformedError
from attestation.kbs.errors import KeyBrokerError
from attestation.kbs.secret import MAX_SIZE, Secret
from attestation.kbs.tee_keys import CEK_SIZE, TeeKey

IV_SIZE = 12
TAG_SIZE = 16
ENCRYPTION = "A256GCM"

_MEMBERS = ("protected", "encrypted_key", "iv", "ciphertext", "tag")
_KNOWN_HEADER = frozenset({"alg", "enc", "epk"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedAnswer:
    """An answer taken apart: `data` is the ciphertext with its tag, `aad` what is authenticated beside it."""

    header: Mapping[str, Any]
    encrypted_key: bytes
    iv: bytes
    data: bytes
    aad: bytes


def open_answer(body: bytes, key: TeeKey, *, takes_old_form: bool) -> Secret:
    """Return the secret in an answer, decrypted into its locked memory.

    Raises:
        KeyBrokerError: `kbs_protocol`, `kbs_algorithm` or `kbs_sealed`.
        ConfigurationError: memory cannot be locked.
    """
    try:
        answer = parse_answer(body, takes_old_form=takes_old_form)
    except MalformedError as error:
        raise KeyBrokerError("kbs_protocol", f"the broker's encrypted answer cannot be read: {error}") from error
    _require_algorithm(answer.header, key)
    try:
        content_key = key.unwrap(answer.encrypted_key, answer.header)
    except MalformedError as error:
        raise KeyBrokerError("kbs_sealed") from error
    return _decrypt(answer, content_key)


def parse_answer(body: bytes, *, takes_old_form: bool) -> SealedAnswer:
    """Take an answer apart; it opens nothing.

    Raises:
        MalformedError: not of either form, no secret in it, or one larger than 1 MiB.
    """
    members = parse_json(body)
    if not isinstance(members, dict) or not all(isinstance(members.get(name), str) for name in _MEMBERS):
        raise MalformedError("it is not a flattened JWE")
    protected: str = members["protected"]
    data = b64decode(members["ciphertext"])
    if takes_old_form and protected.startswith("{"):
        if members["tag"]:
            raise MalformedError("it has a tag where its form has none")
        header, aad = parse_json(protected.encode()), b""
    else:
        data += b64decode(members["tag"], size=TAG_SIZE)
        header, aad = parse_json(b64decode(protected)), protected.encode()
    if not isinstance(header, dict):
        raise MalformedError("its header is not an object")
    if not TAG_SIZE < len(data) <= MAX_SIZE + TAG_SIZE:
        raise MalformedError("it holds no secret of a size that is taken")
    return SealedAnswer(
        header=header,
        encrypted_key=b64decode(members["encrypted_key"]),
        iv=b64decode(members["iv"], size=IV_SIZE),
        data=data,
        aad=aad,
    )


def _require_algorithm(header: Mapping[str, Any], key: TeeKey) -> None:
    """Take only what was asked for: an answer chooses no algorithm."""
    if header.get("alg") != key.algorithm or header.get("enc") != ENCRYPTION or header.keys() - _KNOWN_HEADER:
        said = f"alg {header.get('alg')}, enc {header.get('enc')}"
        raise KeyBrokerError("kbs_algorithm", said=said)


def _decrypt(answer: SealedAnswer, content_key: bytes) -> Secret:
    if len(content_key) != CEK_SIZE:
        raise KeyBrokerError("kbs_sealed")
    secret = Secret(len(answer.data) - TAG_SIZE)
    try:
        AESGCM(content_key).decrypt_into(answer.iv, answer.data, answer.aad, secret.view)
    except InvalidTag as error:
        secret.wipe()
        raise KeyBrokerError("kbs_sealed") from error
    return secret
