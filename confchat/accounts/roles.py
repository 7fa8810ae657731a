"""Who is an admin, and views for admins alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from allauth.account.decorators import reauthentication_required
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from confchat.models import ADMINS, AUDITORS, User

View = Callable[..., HttpResponse]


def is_admin(user: Any) -> bool:
    """Say whether an account may manage models and accounts; asks the database."""
    return bool(user.is_superuser or user.groups.filter(name=ADMINS).exists())


def reads_usage(user: Any) -> bool:
    """Say whether an account may see how much people use: admins and auditors; asks the database."""
    return is_admin(user) or bool(user.groups.filter(name=AUDITORS).exists())


def is_last_admin(user: User) -> bool:
    """Say whether nobody would be an admin without this account."""
    admins = User.objects.filter(groups__name=ADMINS, is_active=True)
    return [account.pk for account in admins[:2]] == [user.pk]


def admins_only(view: View) -> View:
    """Send strangers to sign in, and refuse everybody who is no admin."""

    @wraps(view)
    def guarded(request: HttpRequest, *arguments: Any, **more: Any) -> HttpResponse:
        if not is_admin(request.user):
            raise PermissionDenied
        return view(request, *arguments, **more)

    return login_required(guarded)


def readers_only(view: View) -> View:
    """Send strangers to sign in, and refuse everybody who is neither admin nor auditor."""

    @wraps(view)
    def guarded(request: HttpRequest, *arguments: Any, **more: Any) -> HttpResponse:
        if not reads_usage(request.user):
            raise PermissionDenied
        return view(request, *arguments, **more)

    return login_required(guarded)


def confirmed(view: View) -> View:
    """Have a person show once more who he is before something is changed: minutes ago at most."""
    return cast(View, reauthentication_required(view, allow_get=True))
