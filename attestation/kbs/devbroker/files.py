"""The development broker's KMS: a directory with a file for each secret, looked at whenever one is asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from attestation.kbs.secret import MAX_SIZE

_NAME = re.compile(r"[A-Za-z0-9_\-]+[A-Za-z0-9_\-.]*\Z")


class SecretFiles(Mapping[str, bytes]):
    """Secrets by their files' names; what was put there is given as it lies there, to the byte."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def __getitem__(self, name: str) -> bytes:
        """Return a secret. Raises `KeyError` where there is none that may be given."""
        if not _NAME.match(name):
            raise KeyError(name)
        try:
            with (self._directory / name).open("rb") as file:
                secret = file.read(MAX_SIZE + 1)
        except OSError as error:
            raise KeyError(name) from error
        if not 0 < len(secret) <= MAX_SIZE:
            raise KeyError(name)
        return secret

    def __iter__(self) -> Iterator[str]:
        """Return the names of what lies there."""
        return iter(sorted(path.name for path in self._directory.iterdir() if _NAME.match(path.name)))

    def __len__(self) -> int:
        """Return how many there are."""
        return len(list(iter(self)))
