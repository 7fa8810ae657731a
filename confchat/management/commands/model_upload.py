"""`manage.py model_upload`: send an encrypted model to a store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from attestation.encoding import b64encode
from attestation.printing import Progress
from confchat.vault.errors import VaultError
from confchat.vault.signing import known_signing_key
from confchat.vault.storage import Store, upload

_MIB = 2**20


class Command(BaseCommand):
    """Send what `model_encrypt` wrote, and nothing else."""

    help = (
        "Send an encrypted model to any URL that fsspec knows: a path, s3://bucket/path, oss://bucket/path. Nothing in "
        "clear is read or sent. The same command goes on where it was ended."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what, and where to."""
        parser.add_argument("directory", type=Path, metavar="DIRECTORY", help="what model_encrypt wrote")
        parser.add_argument("url", metavar="URL", help="where the model's files shall lie")
        parser.add_argument(
            "--signing-key",
            type=Path,
            default=settings.CONFCHAT_DATA_DIR / "keys" / "models.ed25519",
            metavar="FILE",
            help="the owner's key, with which the manifest was signed (%(default)s)",
        )

    def handle(self, *args: Any, directory: Path, url: str, **options: Any) -> None:
        """Send it, held to its manifest while it is read."""
        progress = Progress("Sending, MiB")
        try:
            owner_key = known_signing_key(options["signing_key"]).public_key().public_bytes_raw()
            manifest = upload(
                directory,
                Store(url),
                owner_key=owner_key,
                show=lambda done, total: progress.show(done // _MIB, total // _MIB),
            )
        except VaultError as error:
            raise CommandError(str(error)) from error
        finally:
            progress.close()
        self.stdout.write(
            f"Sent: {len(manifest.files)} files, {manifest.total_bytes} bytes. Its owner's key: {b64encode(owner_key)}"
        )
