"""The way to an OpenID Connect provider and back."""

from __future__ import annotations

from urllib.parse import urlsplit

from allauth.account.internal.decorators import login_not_required
from allauth.socialaccount.helpers import render_authentication_error
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from confchat.oidc.provider import SignOnAdapter


@require_POST
@login_not_required  # type: ignore[untyped-decorator]  # allauth has no types
def login(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Show a page that goes on to the provider: forms of ours lead nowhere else, and their policy stays strict."""
    adapter = SignOnAdapter(request, provider_id)
    try:
        answer: HttpResponse = OAuth2LoginView.adapter_view(adapter)(request)
    except SocialApp.DoesNotExist as error:
        raise Http404 from error
    except OAuth2Error as error:
        refused: HttpResponse = render_authentication_error(request, adapter.get_provider(), exception=error)
        return refused
    if answer.status_code != 302:
        return answer
    address = answer["Location"]
    return render(request, "socialaccount/to_elsewhere.html", {"address": address, "host": urlsplit(address).netloc})


@require_safe
@login_not_required  # type: ignore[untyped-decorator]  # allauth has no types
def callback(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Take in who comes back from the provider."""
    try:
        answer: HttpResponse = OAuth2CallbackView.adapter_view(SignOnAdapter(request, provider_id))(request)
    except SocialApp.DoesNotExist as error:
        raise Http404 from error
    return answer
