"""`python -m attestation.services`: the embedded service as a process of its own, and what operators do with others.

Exit codes: 0 done, 2 it could not be done; the sentence says why.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from attestation.errors import AttestationError
from attestation.printing import printable
from attestation.services import pinning, reference_push, serving

DONE, FAILED = 0, 2
COMMANDS = {
    "serve": (serving, "run this attestation service as a process of its own, on this or another machine"),
    "pin": (pinning, "describe an attestation service elsewhere, with the keys that it shows today"),
    "push": (reference_push, "give a Trustee the measurements of signed reference releases (RVPS)"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m attestation.services", description="Attestation services.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (module, summary) in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=f"{summary.capitalize()}.")
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    options = parser.parse_args(arguments)
    try:
        options.run(options)
    except AttestationError as error:
        print(printable(f"{parser.prog}: {error}"), file=sys.stderr)
        return FAILED
    return DONE


if __name__ == "__main__":
    sys.exit(main())
