"""`manage.py watch`: attest this deployment on a schedule, or once, and tell operators what changed."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from attestation.errors import AttestationError
from attestation.watch.concerns import open_concerns
from attestation.watch.notices import tell
from confchat.watch import build_watch


class Command(BaseCommand):
    """Watch the server that runs with these settings."""

    help = (
        "Attest the running server as a stranger would and tell operators what changed: by log, e-mail and webhook, as "
        "set. `manage.py serve` does this by itself every CONFCHAT_WATCH_MINUTES; --once is for cron."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whether to look once."""
        parser.add_argument("--once", action="store_true", help="look once, tell, and end with 1 where all is not well")

    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        """Look once, or for ever."""
        try:
            watch = build_watch()
            if not once:
                watch.keep_on()
            look, told = watch.once()
        except AttestationError as error:
            raise CommandError(str(error)) from error
        concerns = open_concerns()
        self.stdout.write(f"{look.outcome} at {look.at:%Y-%m-%d %H:%M:%S} UTC, {len(concerns)} open concerns")
        for concern in concerns:
            self.stdout.write(f"{concern.severity:8} {tell(concern)}")
        if not told:
            raise CommandError("not everybody could be told; the next look tries again")
        if concerns:
            raise SystemExit(1)
