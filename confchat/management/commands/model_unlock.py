"""`manage.py model_unlock`: open encrypted models with keys that brokers give to this attested machine."""

from __future__ import annotations

import subprocess
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from attestation import this_machine
from attestation.errors import AttestationError
from confchat.model_records import ModelRecord
from confchat.model_unlock import UnlockError, lock_model, records_of_installation, unlocking_of_installation


class Command(BaseCommand):
    """Unlock, and lock again."""

    help = (
        "Show this machine's evidence to the key broker of an encrypted model, open the model with the key that comes, "
        "and hand it to what serves it. The key is in no file, argument, environment or log."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Take which models, and whether to serve or to lock."""
        parser.add_argument("names", nargs="*", metavar="NAME", help="records of models; all without a name")
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--lock", action="store_true", help="close them instead")
        what.add_argument(
            "--serve", action="store_true", help="run the one model's engine command, and lock the model when it ends"
        )

    def handle(self, *args: Any, names: list[str], lock: bool, serve: bool, **options: Any) -> None:
        """Do it, one model after the other; the first that fails ends it."""
        try:
            records = _chosen(names)
            unlocking = unlocking_of_installation(this_machine.attester())
            if serve and (len(records) != 1 or not records[0].command):
                raise CommandError("--serve needs one model whose record has an engine's command")
            for record in records:
                if lock:
                    lock_model(record, unlocking.states, why="", at=int(time.time()))
                else:
                    unlocking.unlock(record)
            if serve:
                try:
                    code = subprocess.run(records[0].command, check=False).returncode  # the operator's
                finally:
                    lock_model(records[0], unlocking.states, why="its engine ended", at=int(time.time()))
                raise SystemExit(code)
        except (AttestationError, UnlockError) as error:
            raise CommandError(str(error)) from error


def _chosen(names: list[str]) -> list[ModelRecord]:
    known = {record.name: record for record in records_of_installation()}
    missing = [name for name in names if name not in known]
    if missing:
        raise CommandError(f"there is no record of {', '.join(missing)}")
    return [known[name] for name in names or known]
