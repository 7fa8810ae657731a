"""How people get an account: by an administrator, not by signing up."""

from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """allauth's adapter with public sign-up closed."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False
