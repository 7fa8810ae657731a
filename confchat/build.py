"""What identifies an installation: the build id of its static files, its secret and public keys."""

from __future__ import annotations

import hashlib
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def build_id(directory: Path) -> str:
    """Return 12 hex digits of a digest over the names and contents of all files below `directory`."""
    digest = hashlib.sha256()
    for path in sorted(path for path in directory.rglob("*") if path.is_file()):
        content = hashlib.sha256(path.read_bytes()).digest()
        digest.update(path.relative_to(directory).as_posix().encode() + b"\0" + content)
    return digest.hexdigest()[:12]


def read_secret(path: Path) -> str:
    """Return the secret in a file, or an empty text, with which Django refuses to serve anything."""
    return _read(path)


def read_key_file(path: Path) -> str:
    """Return a public key or a name that set-up has written, or an empty text where there is none yet."""
    return _read(path)


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii").strip()
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        raise ImproperlyConfigured(f"{path} cannot be read: {error}") from error
