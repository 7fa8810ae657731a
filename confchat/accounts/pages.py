"""A person's own account: what it has, where it is signed in, and what an account can never bring back."""

from __future__ import annotations

from typing import Any, cast

from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from confchat.accounts.access_tokens import tokens_of
from confchat.accounts.farewell import delete_account
from confchat.accounts.quotas import day_of, limits_of
from confchat.accounts.roles import confirmed, is_admin, is_last_admin, reads_usage
from confchat.accounts.usage import use_of
from confchat.models import User


def sign_on_name() -> str:
    """Return what the provider is called by which people can sign in; nothing where there is none."""
    apps = settings.SOCIALACCOUNT_PROVIDERS.get("openid_connect", {}).get("APPS", [])
    return str(apps[0]["name"]) if apps else ""


def account_context(_request: HttpRequest) -> dict[str, Any]:
    """Tell every template how accounts are made here."""
    name = sign_on_name()
    return {"signup_mode": settings.CONFCHAT_SIGNUP, "sends_mail": settings.CONFCHAT_SENDS_MAIL, "sign_on_name": name}


@require_safe
@login_required
def account(request: HttpRequest) -> HttpResponse:
    """Show an account to whom it belongs."""
    user = cast(User, request.user)
    context = {
        "addresses": EmailAddress.objects.filter(user=user).order_by("-primary", "email"),
        "logins": len(UserSession.objects.purge_and_list(user)),
        "tokens": tokens_of(user, now=timezone.now()).count(),
        "is_admin": is_admin(user),
        "use": use_of(user, today=day_of(timezone.now())),
        "reads_usage": reads_usage(user),
        "limits": limits_of(str(user.pk)),
    }
    return render(request, "account/account.html", context)


@require_POST
@login_required
def end_login(request: HttpRequest, login: int) -> HttpResponse:
    """End one login of one's own account, with its sockets."""
    get_object_or_404(UserSession, pk=login, user=request.user).end()
    return redirect("usersessions_list")


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@confirmed
def delete(request: HttpRequest) -> HttpResponse:
    """Delete one's own account for good, once its name was typed."""
    user = cast(User, request.user)
    fault, owner = "", str(user.pk)
    if request.method == "POST":
        if request.POST.get("username") != user.get_username():
            fault = _("This is not your username.")
        elif is_last_admin(user):
            fault = _("You are the last admin: make another one first.")
        elif delete_account(user):
            request.session.flush()
            return render(request, "account/deleted.html", {"user_id": owner})
        else:
            fault = _(
                "You proposed or decided on a policy or release, and that record stays with its name. "
                "Delete your conversations in the chat, and ask an admin to close the account."
            )
    return render(request, "account/delete.html", {"fault": fault}, status=409 if fault else 200)
