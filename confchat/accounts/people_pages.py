"""Pages on which admins see accounts, make them, invite people and take rights away. They show no content."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from allauth.account.adapter import get_adapter
from allauth.account.forms import EmailAwarePasswordResetTokenGenerator
from allauth.account.models import EmailAddress
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from confchat.accounts import invitations
from confchat.accounts.access_tokens import revoke_all
from confchat.accounts.people_forms import InvitationForm, NewAccountForm, RolesForm
from confchat.accounts.roles import admins_only, confirmed, is_last_admin
from confchat.accounts.signed_in import end_logins
from confchat.first_passwords import random_password
from confchat.models import ADMINS, User

ON_A_PAGE = 50


@require_safe
@admins_only
def people(request: HttpRequest) -> HttpResponse:
    """List accounts by name, those that are looked for first."""
    wanted = request.GET.get("q", "").strip()[:150]
    found = get_user_model().objects.order_by("username").prefetch_related("groups")
    if wanted:
        found = found.filter(username__icontains=wanted)
    page = Paginator(found, ON_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "people/people.html", {"page": page, "wanted": wanted})


@require_http_methods(["GET", "HEAD", "POST"])
@admins_only
@confirmed
def new(request: HttpRequest) -> HttpResponse:
    """Make an account, whose first password is shown once."""
    form = NewAccountForm(request.POST if request.method == "POST" else None)
    if request.method != "POST" or not form.is_valid():
        return render(request, "people/new.html", {"form": form}, status=400 if request.method == "POST" else 200)
    password = random_password()
    made = get_user_model().objects.create_user(form.cleaned_data["username"], password=password)
    made.groups.set(form.chosen())
    return render(request, "people/new.html", {"made": made, "password": password})


@require_http_methods(["GET", "HEAD", "POST"])
@admins_only
@confirmed
def person(request: HttpRequest, person: UUID) -> HttpResponse:
    """Show one account, and do with it what an admin may."""
    found = get_object_or_404(get_user_model(), pk=person)
    context: dict[str, Any] = {}
    if request.method == "POST":
        act = _ACTS.get(request.POST.get("act", ""))
        if act is None:
            return HttpResponse(status=400)
        context = act(request, found)
        if not context:
            return redirect("person", person=found.pk)
    context |= {
        "person": found,
        "roles": RolesForm(initial={"groups": [group.name for group in found.groups.all()]}),
        "addresses": EmailAddress.objects.filter(user=found),
    }
    return render(request, "people/person.html", context, status=409 if "fault" in context else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@admins_only
@confirmed
def invite(request: HttpRequest) -> HttpResponse:
    """List open invitations, and make one."""
    form = InvitationForm(request.POST if request.method == "POST" else None)
    context: dict[str, Any] = {"form": form, "mode": settings.CONFCHAT_SIGNUP, "mails": settings.CONFCHAT_SENDS_MAIL}
    if request.method == "POST" and form.is_valid() and settings.CONFCHAT_SIGNUP != "closed":
        email, now = form.cleaned_data["email"], timezone.now()
        _made, secret = invitations.invite(email=email, groups=form.chosen(), by=_oneself(request), now=now)
        link = request.build_absolute_uri(reverse("invitation", args=[secret]))
        if email:
            get_adapter().send_mail("account/email/invitation", email, {"link": link, "days": invitations.LASTS.days})
            context |= {"sent": email, "form": InvitationForm()}
        else:
            context |= {"link": link, "form": InvitationForm()}
    context["open"] = invitations.open_invitations(now=timezone.now()).prefetch_related("groups", "invited_by")
    return render(request, "people/invitations.html", context)


@require_POST
@admins_only
def withdraw(request: HttpRequest, invitation: UUID) -> HttpResponse:
    """Take an invitation back."""
    invitations.open_invitations(now=timezone.now()).filter(pk=invitation).delete()
    return redirect("invitations")


@require_safe
def come(request: HttpRequest, secret: str) -> HttpResponse:
    """Take in who follows an invitation's link, and lead on to signing up."""
    found = invitations.enter(request, secret, now=timezone.now())
    if found is None or settings.CONFCHAT_SIGNUP == "closed":
        return render(request, "account/invitation_gone.html", status=404)
    if found.email:
        get_adapter().stash_verified_email(request, found.email)
    return redirect("account_signup")


def _set_roles(request: HttpRequest, found: User) -> dict[str, Any]:
    form = RolesForm(request.POST)
    if not form.is_valid():
        return {"fault": _("There is no such role.")}
    groups = form.chosen()
    if is_last_admin(found) and not any(group.name == ADMINS for group in groups):
        return {"fault": _last_admin()}
    found.groups.set(groups)
    return {}


def _close(_request: HttpRequest, found: User) -> dict[str, Any]:
    if is_last_admin(found):
        return {"fault": _last_admin()}
    found.is_active = False
    found.save(update_fields=["is_active"])
    end_logins(found)
    revoke_all(found)
    return {}


def _reopen(_request: HttpRequest, found: User) -> dict[str, Any]:
    found.is_active = True
    found.save(update_fields=["is_active"])
    return {}


def _end_logins(_request: HttpRequest, found: User) -> dict[str, Any]:
    end_logins(found)
    revoke_all(found)
    return {}


def _reset_link(request: HttpRequest, found: User) -> dict[str, Any]:
    key = f"{user_pk_to_url_str(found)}-{EmailAwarePasswordResetTokenGenerator().make_token(found)}"
    uid, _dash, token = key.partition("-")
    path = reverse("account_reset_password_from_key", kwargs={"uidb36": uid, "key": token})
    return {"reset_link": request.build_absolute_uri(path)}


def _last_admin() -> str:
    return _("This is the last admin: make another one first.")


def _oneself(request: HttpRequest) -> User:
    return cast(User, request.user)


_ACTS = {
    "roles": _set_roles,
    "close": _close,
    "reopen": _reopen,
    "end-logins": _end_logins,
    "reset": _reset_link,
}
