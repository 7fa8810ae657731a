"""Access tokens: made by a person for a program, shown once, and good for the session's WebSocket alone."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from attestation.client.access import SECRET_SIZE, parse_access_token
from attestation.client.access import AccessToken as TokenText
from attestation.errors import MalformedError
from confchat.accounts.models import AccessToken
from confchat.errors import RequestError
from confchat.models import User

MOST_TOKENS = 20
LIVES_DAYS = (7, 30, 90, 365)
SEEN_AGAIN = timedelta(minutes=1)  # a program that connects all the time writes no oftener


def make_token(user: User, *, name: str, days: int, now: datetime) -> str:
    """Make a token of an account; return it as it is carried, which nobody can read again.

    Raises:
        RequestError: `too_many`: the account has as many as it may have.
    """
    secret = secrets.token_bytes(SECRET_SIZE)
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)
        AccessToken.objects.filter(user=user, expires_at__lte=now).delete()
        if AccessToken.objects.filter(user=user).count() >= MOST_TOKENS:
            raise RequestError("too_many")
        AccessToken.objects.create(user=user, name=name, digest=_digest(secret), expires_at=now + timedelta(days=days))
    return TokenText(str(user.pk), secret).to_text()


def tokens_of(user: User, *, now: datetime) -> QuerySet[AccessToken]:
    """Return an account's tokens that still hold, the newest first."""
    return AccessToken.objects.filter(user=user, expires_at__gt=now).order_by("-created_at")


def find_token(text: str, *, now: datetime) -> AccessToken | None:
    """Return the token that this text is, with its account, and write down that it was used; None where it is none."""
    try:
        given = parse_access_token(text)
    except MalformedError:
        return None
    found = _holding(now).filter(digest=_digest(given.secret), user_id=given.account).select_related("user").first()
    if found is not None and (found.last_used_at is None or now - found.last_used_at > SEEN_AGAIN):
        AccessToken.objects.filter(pk=found.pk).update(last_used_at=now)
    return found


def token_holds(token: str, *, user: str, now: datetime) -> bool:
    """Say whether a token (its id) is still one of this account's."""
    return _holding(now).filter(pk=token, user_id=user).exists()


def revoke_all(user: User) -> None:
    """End every token of an account, with its sockets."""
    AccessToken.objects.filter(user=user).delete()


def _holding(now: datetime) -> QuerySet[AccessToken]:
    holding = AccessToken.objects.filter(expires_at__gt=now, user__is_active=True)
    return holding if settings.CONFCHAT_ACCESS_TOKENS else holding.none()


def _digest(secret: bytes) -> bytes:
    return hashlib.sha256(secret).digest()
