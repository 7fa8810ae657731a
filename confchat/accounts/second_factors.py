"""Second factors: the secrets of authenticator apps and recovery codes are encrypted in the database."""

from __future__ import annotations

import base64

from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from confchat.accounts.templatetags.browsers import browser_name
from confchat.models import User

_LABEL = b"confchat/1 second factors"


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth has no types
    """Encrypts under a key of CONFCHAT_SECRET_KEY, which is not in the database: a copy of it makes no codes."""

    def encrypt(self, text: str) -> str:
        """Return a secret as it is stored."""
        return _cipher().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Return a secret that `encrypt` stored."""
        return _cipher().decrypt(encrypted_text.encode()).decode()

    def generate_authenticator_name(self, user: User, *_more: object, **_named: object) -> str:
        """Return what a new passkey is called unless its owner says otherwise: the browser that makes it."""
        return browser_name(self.request.headers.get("User-Agent", ""))


def _cipher() -> Fernet:
    key = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=_LABEL).derive(settings.SECRET_KEY.encode())
    return Fernet(base64.urlsafe_b64encode(key))
