"""`manage.py model_pack_sam`: have Alibaba's own packager encrypt a model, where it is installed."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from attestation.encoding import b64encode
from confchat.vault.encrypting import Owner
from confchat.vault.errors import VaultError
from confchat.vault.keys import new_key, read_key, write_key
from confchat.vault.sam import check_arguments, package
from confchat.vault.signing import signing_key


class Command(BaseCommand):
    """Drive do_content_packager.sh, and sign what it writes."""

    help = (
        "Have Alibaba's do_content_packager.sh (RAI_SAM_SDK, from Alibaba, named by CONFCHAT_SAM_PACKAGER) package a "
        "directory, and sign a manifest of what it writes. Its format is not public: it is carried here, not opened."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what the packager takes; the key by a file."""
        parser.add_argument("source", type=Path, metavar="SOURCE", help="a model's directory")
        parser.add_argument("destination", type=Path, metavar="DEST", help="a new directory")
        parser.add_argument("--key-id", required=True, metavar="ID", help="8 to 48 signs")
        parser.add_argument(
            "--key", type=Path, required=True, metavar="FILE", help="the key's file (0600); a random one is made"
        )
        parser.add_argument(
            "--signing-key",
            type=Path,
            default=settings.CONFCHAT_DATA_DIR / "keys" / "models.ed25519",
            metavar="FILE",
            help="the owner's Ed25519 key, made where there is none (%(default)s)",
        )

    def handle(self, *args: Any, source: Path, destination: Path, key_id: str, **options: Any) -> None:
        """Package and sign."""
        packager = settings.CONFCHAT_SAM_PACKAGER
        if packager is None:
            raise CommandError(
                "CONFCHAT_SAM_PACKAGER is not set. The packager is part of Alibaba's RAI_SAM_SDK, which is not public "
                "and not part of ConfChat; model_encrypt needs nothing of it."
            )
        try:
            is_new = not options["key"].exists()
            key = new_key(os.urandom) if is_new else read_key(options["key"])
            check_arguments(source, key=key, key_id=key_id)
            if is_new:
                write_key(options["key"], key)
            owner = Owner(signing_key=signing_key(options["signing_key"]), now=int(time.time()))
            many = package(source, destination, packager=packager, key=key, key_id=key_id, owner=owner)
        except VaultError as error:
            raise CommandError(str(error)) from error
        public = b64encode(owner.signing_key.public_key().public_bytes_raw())
        self.stdout.write(f"Packaged into {destination}: {many} files. Its owner's key: {public}")
