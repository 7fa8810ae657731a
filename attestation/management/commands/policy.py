"""`manage.py policy show | check | explain | compare`: the policy in force, or one that might be."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from attestation import publication
from attestation.commands.policy import ACTIONS, say
from attestation.errors import ConfigurationError
from attestation.named_policies import load_policy


class Command(BaseCommand):
    """Say what a policy says."""

    help = "Show, check or explain the policy in force, or another one, or compare that with the one in force."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Take an action, and a policy where it is not the one in force."""
        parser.add_argument("action", choices=ACTIONS)
        parser.add_argument("policy", nargs="?", metavar="FILE|NAME", help="instead of the policy in force")

    def handle(self, *args: Any, action: str, policy: str | None, **options: Any) -> None:
        """Print it."""
        try:
            in_force = publication.policy()
            chosen = in_force if policy is None else load_policy(policy)
        except ConfigurationError as error:
            raise CommandError(str(error)) from error
        self.stdout.write("\n".join(say(action, chosen, in_force)))
