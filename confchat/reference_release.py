"""The reference release that a development installation signs for itself: what it measures is what it runs.

A production release is signed where it is built, and its key never comes near the machine that serves.
"""

from __future__ import annotations

import secrets
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from attestation.encoding import b64decode, b64encode
from attestation.errors import AppraisalError, MalformedError
from attestation.reference_models import ModelServer, ReferenceModel
from attestation.reference_values import (
    Measurements,
    ReferenceRelease,
    build_manifest,
    parse_measurements,
    parse_release,
    sign_manifest,
)
from confchat.file_digests import FileDigests

LIFETIME = timedelta(days=365)
RENEWED_BEFORE = timedelta(days=30)
PROGRAM_DIRECTORIES = ("attestation", "confchat", "locale", "quote_ext", "static", "templates")
PROGRAM_SUFFIXES = frozenset({".css", ".html", ".js", ".json", ".mo", ".py", ".so", ".svg"})


def renew_release(
    directory: Path,
    key: Ed25519PrivateKey,
    *,
    version: str,
    measurements: Sequence[Measurements],
    models: Iterable[ReferenceModel],
    model_servers: Iterable[ModelServer],
    files: Mapping[str, str],
    events: Iterable[str],
    now: datetime,
) -> bool:
    """Sign `<version>.json` in `directory` anew where it says something else, or soon ends; say whether it did."""
    known = _known_release(directory / f"{version}.json", release_key=key.public_key().public_bytes_raw())
    models, model_servers, events = frozenset(models), frozenset(model_servers), frozenset(events)
    says_the_same = known is not None and (tuple(measurements), models, model_servers, files, events) == (
        known.measurements,
        known.models,
        known.model_servers,
        known.files,
        known.events,
    )
    if known is not None and says_the_same and known.expires_at > (now + RENEWED_BEFORE).timestamp():
        return False
    manifest = build_manifest(
        version=version,
        issued_at=int(now.timestamp()),
        expires_at=int((now + LIFETIME).timestamp()),
        platform="simulator",
        measurements=measurements,
        models=models,
        model_servers=model_servers,
        files=files,
        events=events,
    )
    _replace(directory / f"{version}.sig", b64encode(sign_manifest(manifest, key)).encode("ascii"))
    _replace(directory / f"{version}.json", manifest)
    return True


def draft_release(
    root: Path,
    *,
    platform: str,
    measured: Mapping[str, Any],
    models: Iterable[ReferenceModel],
    model_servers: Iterable[ModelServer],
    events: Iterable[str],
) -> bytes:
    """Return a draft of a release of the program in `root`, on a machine that measures this; its dates do not count."""
    return build_manifest(
        version=program_version(root),
        issued_at=0,
        expires_at=0,
        platform=platform,
        measurements=[parse_measurements(measured)],
        models=models,
        model_servers=model_servers,
        files=program_files(root, FileDigests()),
        events=events,
    )


def program_files(root: Path, digests: FileDigests) -> dict[str, str]:
    """Return path and SHA-256 (hex) of every file that the server consists of and serves. Raises `OSError`."""
    paths = [path for name in PROGRAM_DIRECTORIES for path in (root / name).rglob("*")]
    return {
        path.relative_to(root).as_posix(): digests.of(path)
        for path in sorted([*paths, root / "manage.py"])
        if path.suffix in PROGRAM_SUFFIXES and path.is_file()
    }


def program_version(root: Path) -> str:
    """Return the version that the project gives itself."""
    version = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    return str(version)


def _known_release(path: Path, *, release_key: bytes) -> ReferenceRelease | None:
    """Return the release on disk, or None where it is missing, damaged or of another key: it is then made anew."""
    try:
        signature = b64decode(path.with_suffix(".sig").read_text("ascii"))
        return parse_release(path.read_bytes(), signature, release_key=release_key)
    except (FileNotFoundError, UnicodeError, MalformedError, AppraisalError):
        return None


def _replace(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    draft.write_bytes(content)
    draft.replace(path)
