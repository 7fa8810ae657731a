"""Links that are followed from elsewhere, such as from a letter in a web mailer or from an identity provider.

Our cookies are SameSite=Strict: the first request of such a visit comes without them, and so would the redirects that
answer it. A page that goes to the same address by itself is ours, and its request comes with them.
"""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

_ENTRANCES = "/accounts/"


class FromElsewhereMiddleware:
    """Answer a visit from another site, at an address that such visits are made for, with one step on our own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        is_visit = request.method == "GET" and request.headers.get("Sec-Fetch-Mode") == "navigate"
        if is_visit and request.headers.get("Sec-Fetch-Site") == "cross-site" and request.path.startswith(_ENTRANCES):
            return render(request, "account/from_elsewhere.html", {"address": request.get_full_path()})
        return self.get_response(request)
