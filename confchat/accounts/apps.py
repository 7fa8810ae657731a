"""The accounts' Django application."""

from __future__ import annotations

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "confchat.accounts"
    label = "people"
    verbose_name = "Accounts"

    def ready(self) -> None:
        from confchat.accounts import signed_in  # noqa: F401  # hears of logins that end
