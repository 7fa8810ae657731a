"""`manage.py simulator revoke | outdated | debug | wrong-release | reboot | restore | status`."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from attestation.errors import ConfigurationError
from attestation.simulator.changes import CHANGES, apply_change, describe_state


class Command(BaseCommand):
    """Change the simulated TDX platform while the product runs on it."""

    help = "Change the simulated TDX platform while the product runs, and say what should be seen then."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Take one action."""
        parser.add_argument("action", choices=[*CHANGES, "status"])

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        """Do it and print what happened."""
        directory = settings.CONFCHAT_SIMULATOR_DIR
        try:
            told = describe_state(directory) if action == "status" else apply_change(directory, action)
        except ConfigurationError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(told)
