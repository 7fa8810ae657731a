"""Invitations: made by an admin, carried as a secret in a link, used once."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from confchat.accounts.models import Invitation
from confchat.models import User

LASTS = timedelta(days=7)
SECRET_BYTES = 32

_SESSION_KEY = "invitation"


@transaction.atomic
def invite(*, email: str, groups: Iterable[Group], by: User, now: datetime) -> tuple[Invitation, str]:
    """Make an invitation; return it with its secret (43 characters), which nobody can read again."""
    secret = secrets.token_urlsafe(SECRET_BYTES)
    made = Invitation.objects.create(digest=_digest(secret), email=email, invited_by=by, expires_at=now + LASTS)
    made.groups.set(groups)
    return made, secret


def open_invitations(*, now: datetime) -> QuerySet[Invitation]:
    """Return those that can still be used, newest first."""
    return Invitation.objects.filter(accepted_at=None, expires_at__gt=now).order_by("-created_at")


def enter(request: HttpRequest, secret: str, *, now: datetime) -> Invitation | None:
    """Remember in the browser's session that it came by an invitation; None where the secret opens none."""
    found = open_invitations(now=now).filter(digest=_digest(secret)).first()
    if found is not None:
        request.session[_SESSION_KEY] = str(found.pk)
    return found


def entered(request: HttpRequest, *, now: datetime) -> Invitation | None:
    """Return the invitation by which this browser came, as long as it can be used."""
    key = request.session.get(_SESSION_KEY)
    return open_invitations(now=now).filter(pk=key).first() if key else None


def accept(request: HttpRequest, user: User, *, now: datetime) -> bool:
    """Use up the invitation by which this browser came, and put the new account into its groups.

    Returns False where it came by none that can still be used. Expects a transaction around it.
    """
    found = entered(request, now=now)
    if found is None:
        return False
    del request.session[_SESSION_KEY]
    if not open_invitations(now=now).filter(pk=found.pk).update(accepted_by=user, accepted_at=now):
        return False
    user.groups.add(*found.groups.all())
    return True


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
