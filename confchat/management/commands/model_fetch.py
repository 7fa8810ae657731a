"""`manage.py model_fetch`: bring an encrypted model from a store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from attestation.encoding import b64decode
from attestation.errors import MalformedError
from attestation.printing import Progress
from confchat.vault.errors import VaultError
from confchat.vault.storage import Store, fetch

_MIB = 2**20
_KEY_SIZE = 32


class Command(BaseCommand):
    """Bring what its owner signed, and nothing else. It stays encrypted."""

    help = (
        "Bring an encrypted model from any URL that fsspec knows, and hold every file to the manifest that its owner "
        "signed. It stays encrypted. The same command goes on where it was ended."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Take where from, where to, and whose it must be."""
        parser.add_argument("url", metavar="URL", help="where the model's files lie")
        parser.add_argument("directory", type=Path, metavar="DIRECTORY", help="a new directory")
        parser.add_argument(
            "--owner-key", required=True, metavar="B64", help="the owner's public key, known from the owner"
        )

    def handle(self, *args: Any, url: str, directory: Path, owner_key: str, **options: Any) -> None:
        """Bring it."""
        progress = Progress("Fetching, MiB")
        try:
            manifest = fetch(
                Store(url),
                directory,
                owner_key=b64decode(owner_key, size=_KEY_SIZE),
                show=lambda done, total: progress.show(done // _MIB, total // _MIB),
            )
        except MalformedError as error:
            raise CommandError(f"--owner-key: {error}.") from error
        except VaultError as error:
            raise CommandError(str(error)) from error
        finally:
            progress.close()
        self.stdout.write(
            f"Fetched, as its owner signed it: {len(manifest.files)} files. Its manifest: {manifest.digest}"
        )
