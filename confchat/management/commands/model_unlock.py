"""`manage.py model_unlock`: open encrypted models with keys that brokers give to this attested machine."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from attestation import this_machine
from attestation.errors import AttestationError
from confchat.model_keeping import ModelKeeper
from confchat.model_locking import lock_model
from confchat.model_records import ModelRecord, records_of_installation
from confchat.model_states import LockError, UnlockError, states_of_installation
from confchat.model_unlock import Unlocking, unlocking_of_installation
from confchat.service_manager import tell_manager
from confchat.supervisor import ENDING_SIGNALS


class Command(BaseCommand):
    """Unlock, keep open, and lock again."""

    help = (
        "Show this machine's evidence to the key broker of an encrypted model, open the model with the key that comes, "
        "and hand it to what serves it. The key is in no file, argument, environment or log."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Take which models, and whether to keep, to serve or to lock them."""
        parser.add_argument("names", nargs="*", metavar="NAME", help="records of models; all without a name")
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--lock", action="store_true", help="close them instead")
        what.add_argument(
            "--keep",
            action="store_true",
            help="stay, ask their brokers again now and then, and lock them when one refuses or this ends",
        )
        what.add_argument("--serve", action="store_true", help="likewise, and run the one model's engine command")

    def handle(self, *args: Any, names: list[str], lock: bool, keep: bool, serve: bool, **options: Any) -> None:
        """Do it, one model after the other; the first that fails ends it."""
        try:
            records = _chosen(names)
            if lock:
                for record in records:
                    lock_model(record, states_of_installation(), why="")
                return
            if serve and (len(records) != 1 or not records[0].command):
                raise CommandError("--serve needs one model whose record has an engine's command")
            if keep and not records:
                raise CommandError(f"there is no record of a model in {settings.CONFCHAT_MODEL_RECORDS}")
            for number in ENDING_SIGNALS:
                signal.signal(number, lambda *_: sys.exit(1))  # so that what is half open is closed
            _unlock(records, engine=records[0].command if serve else (), keep=keep or serve)
        except (AttestationError, UnlockError, LockError) as error:
            raise CommandError(str(error)) from error


def _chosen(names: list[str]) -> list[ModelRecord]:
    known = {record.name: record for record in records_of_installation()}
    missing = [name for name in names if name not in known]
    if missing:
        raise CommandError(f"there is no record of {', '.join(missing)}")
    return [known[name] for name in names or known]


def _unlock(records: Sequence[ModelRecord], *, engine: Sequence[str], keep: bool) -> None:
    unlocking = unlocking_of_installation(this_machine.attester())
    with ExitStack() as held:
        for record in records:
            held.enter_context(unlocking.states.held(record.name))
        if keep:
            # Where one stays locked, or a signal comes, those before it do not stay open without anybody.
            held.callback(_lock_what_is_open, records)
        for record in records:
            unlocking.unlock(record)
        if keep:
            _keep(unlocking, records, engine)


def _lock_what_is_open(records: Sequence[ModelRecord]) -> None:
    for record in records:
        lock_model(record, states_of_installation(), why="whoever kept it open was ended")


def _keep(unlocking: Unlocking, records: Sequence[ModelRecord], engine: Sequence[str]) -> None:
    """Stay as long as anything is open. Raises `SystemExit` with 1 where that was ended by more than a request."""
    manager = settings.CONFCHAT_SERVICE_MANAGER
    keeper = ModelKeeper(
        unlocking,
        records,
        interval_s=60.0 * settings.CONFCHAT_UNLOCKED_MINUTES,
        pulse=partial(tell_manager, manager, "WATCHDOG=1"),
    )
    tell_manager(manager, "READY=1")
    asyncio.run(keeper.run(engine, environment=settings.CONFCHAT_ENGINE_ENVIRONMENT))
    if keeper.has_failed:
        raise SystemExit(1)
