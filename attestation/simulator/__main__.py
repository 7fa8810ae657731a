"""`python -m attestation.simulator serve --directory DIR`: the simulated platform as a process of its own."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from attestation.errors import ConfigurationError
from attestation.simulator.server import serve


def main() -> int:
    """Run until a signal; return the exit status, 78 (EX_CONFIG) where it cannot start."""
    parser = argparse.ArgumentParser(prog="python -m attestation.simulator", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    serving = commands.add_parser("serve", help="serve quotes and collateral until SIGTERM")
    serving.add_argument("--directory", type=Path, required=True, help="made by the set-up")
    directory = parser.parse_args().directory
    try:
        asyncio.run(
            serve(directory, when_ready=lambda: print(f"SIMULATED TDX platform ready in {directory}", flush=True))
        )
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 78
    return 0


if __name__ == "__main__":
    sys.exit(main())
