"""`python -m attestation`: judge a confidential machine without the page that it serves. No Django, no account.

Exit codes, the same for every command: 0 everything holds, 1 something does not, 2 it could not be asked or read.
"""

from __future__ import annotations

import argparse
import importlib
import re
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from types import ModuleType

from attestation.errors import AttestationError, ConfigurationError
from attestation.printing import printable

GREEN, NOT_GREEN, BAD_INPUT = 0, 1, 2
_HYPHENED_KEY = re.compile(r"-[A-Za-z0-9_-]{42}\Z")  # 32 bytes in base64url, as every 64th is written
# A command is a module here with `add_arguments(parser)` and `run(options) -> bool`. It is imported when it is asked
# for: judging an archive needs no network library, and the copy of this program in an archive has `verify` alone.
COMMANDS = {
    "attest": "ask a server for fresh evidence and judge it",
    "chat": "talk to a machine that proved itself, or not at all",
    "assets": "compare what a server serves with its signed release",
    "log": "follow a server's transparency log, and see that it only grew",
    "policy": "say what a policy says, and what another would change",
    "release": "make, sign and read reference releases",
    "verify": "judge evidence that was taken away, an archive of one record or of many",
}


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


def main(arguments: Sequence[str] | None = None, *, clock: Callable[[], datetime] = utc_now) -> int:
    """Run one command and return its exit code."""
    given = _join_keys(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(prog="python -m attestation", description="Judge a confidential machine.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=f"{summary.capitalize()}.")
        if name in given[:1]:
            _prepare(command, name)
            command.set_defaults(clock=clock)
    options = parser.parse_args(given)
    try:
        return GREEN if options.run(options) else NOT_GREEN
    except AttestationError as error:
        print(printable(f"{parser.prog} {given[0]}: {error}"), file=sys.stderr)
        return BAD_INPUT


def _join_keys(arguments: Sequence[str]) -> list[str]:
    """Return arguments, a key that begins with a hyphen joined to its option: argparse takes it for another option."""
    joined: list[str] = []
    for argument in arguments:
        if _HYPHENED_KEY.match(argument) and joined and joined[-1].startswith("--") and "=" not in joined[-1]:
            joined[-1] += f"={argument}"
        else:
            joined.append(argument)
    return joined


def _prepare(command: argparse.ArgumentParser, name: str) -> None:
    module = _load(name)
    module.add_arguments(command)
    command.epilog = "Exit codes: 0 everything holds, 1 something does not, 2 it could not be asked or read."
    command.set_defaults(run=module.run)


def _load(name: str) -> ModuleType:
    try:
        return importlib.import_module(f"attestation.commands.{name}")
    except ModuleNotFoundError as error:
        missing = ConfigurationError(f"this copy of the program cannot do that: there is no module {error.name}")
        return _Absent(missing)


class _Absent(ModuleType):
    """Stands for a command whose modules are not here; it says so when it is run."""

    def __init__(self, reason: ConfigurationError) -> None:
        super().__init__("absent")
        self._reason = reason

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)

    def run(self, options: argparse.Namespace) -> bool:
        raise self._reason


if __name__ == "__main__":
    sys.exit(main())
