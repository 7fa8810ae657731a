"""`manage.py attester [--way WAY] [--quote FILE] [--json]`."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from attestation import this_machine
from attestation.hardware.sources import SOURCES
from attestation.quote import parse_quote
from attestation.survey import Attempt, describe_machine, is_tdx_guest, try_every_way, try_simulator, try_way

NO_QUOTE, ONLY_SIMULATED = 1, 3
EXIT_CODES = """
exit codes: 0 the way that the product uses gives a quote; 1 it gives none; 2 the command was not understood;
3 the product uses the simulator, and that gives a quote
"""


class Command(BaseCommand):
    """Say what this machine has, ask it for a quote in every way, and say what to do where it gives none."""

    help = "Say what this machine has of TDX, ask it for a quote in every way, and say what to do where it gives none."
    requires_system_checks = ()

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Say what the exit codes mean."""
        return super().create_parser(prog_name, subcommand, epilog=EXIT_CODES, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what to ask, and where to put the answer."""
        parser.add_argument(
            "--way", choices=[*SOURCES, "simulator"], help="ask in this way only (else as CONFCHAT_TDX)"
        )
        parser.add_argument("--quote", type=Path, metavar="FILE", help="write the quote into a new file")
        parser.add_argument("--json", action="store_true", help="say it as one JSON object")

    def handle(self, *args: Any, way: str | None, quote: Path | None, json: bool, **options: Any) -> None:
        """Ask, say, and end with the exit code."""
        setting = way or settings.CONFCHAT_TDX
        machine = describe_machine(this_machine.machine())
        attempts = asyncio.run(_attempt(setting))
        used = next((attempt for attempt in attempts if attempt.was_there), None)
        if quote is not None and used is not None and used.quote:
            _write(quote, used.quote)
        report = (
            _to_wire(setting, machine, attempts, used) if json else "\n".join(_tell(setting, machine, attempts, used))
        )
        self.stdout.write(report)
        self.stdout.flush()
        if used is None or not used.quote:
            sys.exit(NO_QUOTE)
        if used.way == "simulator":
            sys.exit(ONLY_SIMULATED)


async def _attempt(setting: str) -> list[Attempt]:
    """Ask in the ways that a setting names; `auto` asks the simulator, too, where it may be used."""
    for way in SOURCES:
        if setting == way:
            return [await try_way(way, this_machine.machine())]
    attempts = await try_every_way(this_machine.machine()) if setting == "auto" else []
    directory = this_machine.simulator_directory()
    return attempts if directory is None else [*attempts, await try_simulator(directory)]


def _write(path: Path, quote: bytes) -> None:
    try:
        with path.open("xb") as file:
            file.write(quote)
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}") from error


def _tell(setting: str, machine: dict[str, str], attempts: list[Attempt], used: Attempt | None) -> Iterator[str]:
    yield "This machine"
    width = max(map(len, machine))
    yield from (f"  {name:<{width}}  {value}" for name, value in machine.items())
    yield f"\nWays to a quote, in the order in which they are tried (CONFCHAT_TDX={setting})"
    yield from (f"  {attempt.way:<9}  {_outcome(attempt)}" for attempt in attempts)
    yield f"\n{_conclusion(setting, attempts, used)}"
    if os.geteuid() == 0:
        yield "This was asked as root. Ask as the user of the service, too: sudo -u USER python manage.py attester"


def _outcome(attempt: Attempt) -> str:
    if attempt.quote:
        registers = parse_quote(attempt.quote).report
        return (
            f"gives a quote: {len(attempt.quote)} bytes in {attempt.duration_s * 1000:.0f} ms, over the report data "
            f"that was asked for; RTMR3 {'is empty' if registers.rtmr3 == bytes(48) else registers.rtmr3.hex()}"
        )
    return f"{'fails' if attempt.was_there else 'is not here'}: {attempt.fault}"


def _conclusion(setting: str, attempts: list[Attempt], used: Attempt | None) -> str:
    product = "The product" if setting == settings.CONFCHAT_TDX else f"With CONFCHAT_TDX={setting} the product"
    if used is None and not is_tdx_guest():
        return (
            f"{product} has no way to a quote here: this is no TDX guest. CONFCHAT_DEVELOPMENT=1 allows the simulator."
        )
    if used is None:
        return f"{product} has no way to a quote here. docs/attesters.md says what each of them needs."
    if used.quote:
        real = "" if used.way != "simulator" else ", which protects nobody: use it for development only"
        return f"{product} uses {used.way}{real}."
    others = [attempt.way for attempt in attempts if attempt.quote and attempt.way != "simulator"]
    if others:
        return f"{product} would use {used.way}, which fails. Set CONFCHAT_TDX={others[0]}, which gives quotes."
    return f"{product} would use {used.way}, which fails. docs/attesters.md says what it needs."


def _to_wire(setting: str, machine: dict[str, str], attempts: list[Attempt], used: Attempt | None) -> str:
    members = {
        "setting": setting,
        "machine": machine,
        "attempts": [
            {
                "way": attempt.way,
                "outcome": "quote" if attempt.quote else "failed" if attempt.was_there else "missing",
                "detail": attempt.fault,
                "quote_bytes": len(attempt.quote),
                "seconds": round(attempt.duration_s, 3),
            }
            for attempt in attempts
        ],
        "used": used.way if used else None,
        "gives_quote": bool(used and used.quote),
    }
    return json.dumps(members, indent=2)
