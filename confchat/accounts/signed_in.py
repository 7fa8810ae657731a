"""Where an account is signed in: a login that ends takes its sockets with it."""

from __future__ import annotations

from typing import Any

from allauth.account.signals import password_changed, password_reset, password_set
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db.models.signals import post_delete
from django.dispatch import receiver
from django.http import HttpRequest

from confchat.accounts.access_tokens import revoke_all
from confchat.accounts.models import AccessToken
from confchat.admission import end_sockets, token_login
from confchat.models import User


def end_logins(user: User, *, but: str | None = None) -> None:
    """End every login of an account, except the one with this session key."""
    for login in UserSession.objects.filter(user=user).exclude(session_key=but or ""):
        login.end()


@receiver(post_delete, sender=Session)
def _end_its_sockets(instance: Session, **_more: Any) -> None:
    end_sockets(instance.session_key)


@receiver(post_delete, sender=AccessToken)
def _end_its_programs(instance: AccessToken, **_more: Any) -> None:
    end_sockets(token_login(str(instance.pk)))


@receiver(password_reset)
def _end_tokens(user: User, **_more: Any) -> None:
    """End what somebody may have made who had the password that is now forgotten."""
    revoke_all(user)


@receiver([password_changed, password_reset, password_set])
def _end_other_logins(request: HttpRequest, user: User, **_more: Any) -> None:
    end_logins(user, but=request.session.session_key)
