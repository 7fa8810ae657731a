"""`manage.py model_encrypt`: encrypt a model, where it is trusted, so that it can be stored anywhere."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from attestation.encoding import b64encode
from attestation.printing import Progress
from confchat.vault.encrypting import Owner, encrypt_files, is_begun
from confchat.vault.errors import KeyRefusedError, VaultError
from confchat.vault.keys import MAX_KEY_BYTES, check_strength, new_key, parse_key, read_key, write_key
from confchat.vault.model_directory import read_manifest
from confchat.vault.signing import signing_key
from confchat.vault.sources import find_source
from confchat.vault.writer import Encryption

_MIB = 2**20


class Command(BaseCommand):
    """Encrypt a model into a directory of gocryptfs' format with a signed manifest."""

    help = (
        "Encrypt an Ollama model, a GGUF file or a directory from Hugging Face or ModelScope. The same command goes on "
        "where it was ended. The key is never an argument: it would be seen in the list of processes."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what, where to, and where the key is or goes."""
        parser.add_argument("source", metavar="SOURCE", help="a GGUF file, a model's directory, or the name of a model")
        parser.add_argument("destination", type=Path, metavar="DEST", help="a new directory")
        key = parser.add_mutually_exclusive_group(required=True)
        key.add_argument(
            "--key", metavar="FILE", help="the key's file: a random key is written to it (0600), or the one in it used"
        )
        key.add_argument("--key-from-stdin", action="store_true", help="read the key from standard input")
        key.add_argument(
            "--key-to-stdout", action="store_true", help="make a random key, and write it to standard output alone"
        )
        parser.add_argument(
            "--signing-key",
            type=Path,
            default=settings.CONFCHAT_DATA_DIR / "keys" / "models.ed25519",
            metavar="FILE",
            help="the owner's Ed25519 key, made where there is none (%(default)s)",
        )
        parser.add_argument(
            "--ollama-models",
            type=Path,
            default=settings.CONFCHAT_OLLAMA_MODELS,
            metavar="DIRECTORY",
            help="where models are that are named (%(default)s)",
        )

    def handle(self, *args: Any, source: str, destination: Path, **options: Any) -> None:
        """Encrypt, and say by which key it is known."""
        progress = Progress("Encrypting, MiB")
        try:
            sources = find_source(source, ollama_models=options["ollama_models"])
            owner = Owner(signing_key=signing_key(options["signing_key"]), now=int(time.time()))
            key = self._key(destination, options)
            encrypt_files(
                sources,
                destination,
                encryption=Encryption(password=key, randomness=os.urandom),
                owner=owner,
                show=lambda done, total: progress.show(done // _MIB, total // _MIB),
            )
            public = owner.signing_key.public_key().public_bytes_raw()
            manifest = read_manifest(destination, owner_key=public)
        except VaultError as error:
            raise CommandError(str(error)) from error
        finally:
            progress.close()
        self.stderr.write(f"Encrypted into {destination}: {len(sources)} files. Its manifest: {manifest.digest}")
        self.stderr.write(f"Its owner's key: {b64encode(public)}")

    def _key(self, destination: Path, options: dict[str, Any]) -> bytes:
        if options["key_from_stdin"]:
            key = parse_key(sys.stdin.buffer.read(MAX_KEY_BYTES + 2))
        elif options["key_to_stdout"]:
            return self._print_new_key(destination)
        elif (path := Path(options["key"])).exists():
            key = read_key(path)
        else:
            key = new_key(os.urandom)
            write_key(path, key)
            self.stderr.write(f"A random key was written to {path}. Whoever loses it loses the model.")
        check_strength(key)
        return key

    def _print_new_key(self, destination: Path) -> bytes:
        """Print a key before it is used, so that nothing is ever encrypted with a key that nobody has."""
        if is_begun(destination):
            raise KeyRefusedError(
                "This was begun with a key that went to standard output: go on with --key-from-stdin."
            )
        key = new_key(os.urandom)
        self.stdout.write(key.decode("ascii"))
        self.stdout.flush()
        return key
