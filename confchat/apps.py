"""The chat's Django application."""

from __future__ import annotations

from django.apps import AppConfig


class ConfChatConfig(AppConfig):
    name = "confchat"
    verbose_name = "Confidential chat"

    def ready(self) -> None:
        from confchat import checks  # noqa: F401  # registers Django's system checks
