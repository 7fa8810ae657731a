"""`manage.py setup`: make what this installation lacks, without starting it."""

from __future__ import annotations

import asyncio
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from attestation.errors import AttestationError
from confchat.installation import exclusive_use, install
from confchat.model_choice import choose_model


class Command(BaseCommand):
    """Set up without serving."""

    help = "Make the data directory, keys, tables, simulator, reference release and first accounts that are missing."

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it, and show the passwords of new accounts."""
        try:
            with exclusive_use(settings.CONFCHAT_DATA_DIR):
                model = asyncio.run(choose_model())
                installation = install(models=model.references, report=self.stdout.write)
        except AttestationError as error:
            raise CommandError(str(error)) from error
        for account in installation.accounts:
            self.stdout.write(f"{account.name:<8} {account.password}")
        self.stdout.write(f"Ready in {settings.CONFCHAT_DATA_DIR}")
