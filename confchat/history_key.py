"""Encryption of stored content under a key that only the user keeps (docs/PROTOCOL.md section 4).

The history key itself encrypts nothing: each conversation has a key derived from it.
"""

from __future__ import annotations

import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from attestation.log.entries import log_history_key
from confchat.errors import RequestError
from confchat.models import HistoryKeyCheck

NONCE_SIZE = 12

_CHECK_LABEL = b"confchat/1 history check\x00"
_CONTENT_LABEL = b"confchat/1 history content\x00"


def check_value(history_key: bytes, user: str) -> bytes:
    """Return the 32 bytes by which a history key of 32 bytes is known again."""
    return _derive(history_key, _CHECK_LABEL + user.encode())


def prove_history_key(history_key: bytes, *, user: str, enroll: bool) -> None:
    """Compare a history key with the account's own, or enrol the account's first one; expects a transaction around it.

    Raises:
        RequestError: `history_key_wrong`: another key is enrolled, or none and `enroll` is false.
    """
    value = check_value(history_key, user)
    if enroll:
        enrolled, is_new = HistoryKeyCheck.objects.get_or_create(user_id=user, defaults={"value": value})
        if is_new:
            log_history_key(user=user)
    else:
        first = HistoryKeyCheck.objects.filter(user_id=user).first()
        if first is None:
            raise RequestError("history_key_wrong", "no history key is enrolled")
        enrolled = first
    if not hmac.compare_digest(bytes(enrolled.value), value):
        raise RequestError("history_key_wrong", "another history key is enrolled")


def is_enrolled(user: str, value: bytes) -> bool:
    """Say whether the account's key is the one of this check value, which was proved before."""
    return HistoryKeyCheck.objects.filter(user_id=user, value=value).exists()


class ContentKey:
    """The key of one conversation's stored content: AES-256-GCM, random nonces."""

    def __init__(self, history_key: bytes, *, user: str, conversation: str) -> None:
        self._context = f"{user}\0{conversation}\0".encode()
        self._aead = AESGCM(_derive(history_key, _CONTENT_LABEL + self._context))

    def seal(self, content: bytes, *, message: str, revision: int) -> bytes:
        """Return nonce (12 bytes) || ciphertext, bound to its place and revision."""
        nonce = os.urandom(NONCE_SIZE)
        return nonce + self._aead.encrypt(nonce, content, self._aad(message, revision))

    def open(self, sealed: bytes, *, message: str, revision: int) -> bytes:
        """Open what `seal` made for the same place and revision.

        Raises:
            RequestError: `content_damaged`: another key, place or revision, or changed bytes.
        """
        try:
            return self._aead.decrypt(sealed[:NONCE_SIZE], sealed[NONCE_SIZE:], self._aad(message, revision))
        except (InvalidTag, ValueError) as error:
            raise RequestError("content_damaged", "stored content does not open") from error

    def _aad(self, message: str, revision: int) -> bytes:
        return self._context + f"{message}\0{revision}".encode()


def _derive(key: bytes, info: bytes) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info).derive(key)
