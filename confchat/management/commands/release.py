"""`manage.py release`: write down what this machine measures and runs, as a draft of a reference release."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from attestation import publication, this_machine
from attestation.errors import AttestationError
from attestation.release_drafts import measured_in
from attestation.statement import REPORT_DATA_SIZE
from confchat.model_choice import choose_model
from confchat.model_records import events_of, records_of_installation
from confchat.reference_release import draft_release


class Command(BaseCommand):
    """Measure a reference machine; the draft is signed elsewhere."""

    help = "Write down what this machine measures, and which program and models it has, as a draft of a release."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the file to write."""
        parser.add_argument("draft", type=Path, help="the file to write")
        parser.add_argument(
            "--rtmr3",
            choices=("log", "fixed"),
            help="whether the event log has to explain RTMR3 (as where the workload is measured), or it is fixed",
        )

    def handle(self, *args: Any, draft: Path, rtmr3: str | None, **options: Any) -> None:
        """Take a quote, and write the draft to a new file."""
        try:
            policy, attester = publication.policy(), this_machine.attester()
            try:
                quote = asyncio.run(attester.quote(bytes(REPORT_DATA_SIZE)))
            finally:
                attester.close()
            is_open = policy.workload == "require" if rtmr3 is None else rtmr3 == "log"
            models = asyncio.run(choose_model()).references
            content = draft_release(
                settings.BASE_DIR,
                platform="simulator" if attester.trust_anchor == "simulator" else "tdx",
                measured=measured_in(quote, rtmr3_is_open=is_open),
                models=models.models,
                model_servers=models.servers,
                events=events_of(records_of_installation()),
            )
            with draft.open("xb") as file:
                file.write(content)
        except (AttestationError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Written to {draft}. Next: python -m attestation release build {draft} --version …")
