"""The page on which a person makes access tokens for programs, sees them and revokes them."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from allauth.account.adapter import get_adapter
from django import forms
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST

from confchat.accounts.access_tokens import LIVES_DAYS, MOST_TOKENS, make_token, tokens_of
from confchat.accounts.models import AccessToken
from confchat.accounts.roles import confirmed
from confchat.errors import RequestError
from confchat.models import User

USUAL_LIFE_DAYS = 90


def _lives() -> list[tuple[int, str]]:
    return [(days, ngettext("%(days)d day", "%(days)d days", days) % {"days": days}) for days in LIVES_DAYS]


class TokenForm(forms.Form):
    """What a token is for, and how long it holds."""

    name = forms.CharField(
        label=gettext_lazy("What it is for"),
        max_length=AccessToken.name.field.max_length,
        widget=forms.TextInput({"autocomplete": "off"}),
    )
    days = forms.TypedChoiceField(label=gettext_lazy("Holds for"), choices=_lives, coerce=int, initial=USUAL_LIFE_DAYS)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@confirmed
def tokens(request: HttpRequest) -> HttpResponse:
    """List one's own tokens, and make one, which is shown once."""
    user, now = cast(User, request.user), timezone.now()
    context: dict[str, Any] = {"is_on": settings.CONFCHAT_ACCESS_TOKENS, "form": TokenForm()}
    if request.method == "POST" and settings.CONFCHAT_ACCESS_TOKENS:
        form = TokenForm(request.POST)
        context["form"] = form
        if form.is_valid():
            try:
                context |= {"token": make_token(user, **form.cleaned_data, now=now), "form": TokenForm()}
            except RequestError:
                form.add_error(None, _("You have %(most)d tokens: revoke one first.") % {"most": MOST_TOKENS})
            else:
                get_adapter().send_notification_mail("account/email/token_made", user, form.cleaned_data)
    context |= {"tokens": tokens_of(user, now=now), "command": _command(request)}
    return render(request, "account/tokens.html", context, status=400 if context["form"].errors else 200)


def _command(request: HttpRequest) -> str:
    """Return how a program asks this site; KEY is for whoever runs it to know."""
    site = f"{request.scheme}://{request.get_host()}"
    return f"python -m attestation chat {site} --token-file token --state sites.json --release-key=KEY"


@require_POST
@login_required
def revoke(request: HttpRequest, token: UUID) -> HttpResponse:
    """Revoke one's own token; what it has open ends at once."""
    get_object_or_404(AccessToken, pk=token, user=request.user).delete()
    return redirect("tokens")
