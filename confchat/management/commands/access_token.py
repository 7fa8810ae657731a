"""`manage.py access_token`: make an access token for a program's account, where no person signs in."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from confchat.accounts.access_tokens import LIVES_DAYS, make_token
from confchat.errors import RequestError
from confchat.models import User


class Command(BaseCommand):
    """Print a new token, and nothing else."""

    help = "Make an access token for a program that chats as this account; it is printed once (docs/client.md)."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whose, what for, and for how long."""
        parser.add_argument("username", metavar="USERNAME")
        parser.add_argument("--name", required=True, help="what it is for, as its list shows it")
        parser.add_argument("--days", type=int, choices=LIVES_DAYS, default=90, help="how long it holds (90)")

    def handle(self, *args: Any, username: str, name: str, days: int, **options: Any) -> None:
        """Make it."""
        if not settings.CONFCHAT_ACCESS_TOKENS:
            raise CommandError("Access tokens are switched off (CONFCHAT_ACCESS_TOKENS).")
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"There is no account {username}.")
        try:
            self.stdout.write(make_token(user, name=name[:60], days=days, now=timezone.now()))
        except RequestError as error:
            raise CommandError("This account has as many tokens as it may have.") from error
