"""A process that writes and signs a log until it is killed, and says what it signed.

usage: python -m tests.attestation.log_writer DIRECTORY  (the environment names the database's)
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command


def main() -> None:
    settings.DATABASES["default"]["OPTIONS"]["timeout"] = 5
    django.setup()
    from attestation.log.store import log_size, sign_log
    from tests.attestation.log_scene import build_signer, grow

    call_command("migrate", verbosity=0, interactive=False)
    signer = build_signer(Path(sys.argv[1]))
    for turn in itertools.count():
        grow(turn % 3 + 1, start=log_size())
        checkpoint = sign_log(signer).checkpoint
        print(checkpoint.size, checkpoint.root.hex(), flush=True)


if __name__ == "__main__":
    main()
