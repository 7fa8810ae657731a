"""The signed manifest of an encrypted model: every stored file's path, size and SHA-256.

gocryptfs authenticates each block, but notices neither a file cut at the end of one, nor one that is missing or
older. The manifest is over what is stored, so that it can be checked without the key, and gives away no name.
The exact bytes are signed (Ed25519); nothing is ever serialised again.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from attestation.encoding import parse_json
from attestation.errors import MalformedError
from confchat.vault.errors import DamagedError, UnsupportedError

VERSION = "confchat/1 model"
MANIFEST_NAME, SIGNATURE_NAME = "manifest.json", "manifest.sig"
# What the manifest is about lies in this directory beside it.
CONTENTS_NAME = "contents"
MAX_BYTES = 8 * 1024 * 1024
MAX_PATH_BYTES = 4096

Format: TypeAlias = Literal["gocryptfs", "sam"]

_LABEL = VERSION.encode("ascii") + b"\x00"
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_MEMBERS = {"v", "format", "created_at", "files"}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """One file as it is stored; `path` is relative, with slashes, and `sha256` in hex."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A manifest whose signature was verified; made by `verify_manifest` only.

    Attributes:
        created_at: in epoch seconds.
        digest: `sha256:` and the SHA-256 (hex) of its exact bytes: tells one model of an owner from his others.
    """

    format: Format
    created_at: int
    files: Mapping[str, StoredFile]
    signed_by: bytes
    digest: str

    @property
    def total_bytes(self) -> int:
        """Return what all files take together."""
        return sum(file.size for file in self.files.values())


def build_manifest(files: Iterable[StoredFile], *, kind: Format, created_at: int) -> bytes:
    """Serialise a manifest; these bytes, and no others, are signed.

    Raises:
        UnsupportedError: the result would not be a manifest: too many files, or names that none may have.
    """
    members = {
        "v": VERSION,
        "format": kind,
        "created_at": created_at,
        "files": [
            {"path": file.path, "size": file.size, "sha256": file.sha256}
            for file in sorted(files, key=lambda file: file.path)
        ],
    }
    data = json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    try:
        _parse(data, signed_by=b"")
    except DamagedError as error:
        raise UnsupportedError(f"No manifest can be made of these files: {error}") from error
    return data


def sign_manifest(manifest: bytes, key: Ed25519PrivateKey) -> bytes:
    """Return the owner's signature (64 bytes) over the exact bytes of a manifest."""
    return key.sign(_LABEL + manifest)


def verify_manifest(manifest: bytes, signature: bytes, *, key: bytes) -> Manifest:
    """Verify a manifest under the owner's key (Ed25519, 32 bytes, known from elsewhere), then parse it.

    Raises:
        DamagedError: this key did not sign these bytes; or it did, and they are no manifest.
        UnsupportedError: signed, and of another version.
    """
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, _LABEL + manifest)
    except (InvalidSignature, ValueError) as error:
        raise DamagedError("The manifest was not signed by the owner's key that is known here.") from error
    return _parse(manifest, signed_by=key)


def _parse(data: bytes, *, signed_by: bytes) -> Manifest:
    if len(data) > MAX_BYTES:
        raise DamagedError("The manifest is too large.")
    try:
        members = parse_json(data)
        if members["v"] != VERSION or members["format"] not in get_args(Format):
            raise UnsupportedError("The manifest is of a version that is not known here.")
        if set(members) != _MEMBERS or not isinstance(members["files"], list):
            raise MalformedError("other members")
        files = [_parse_file(item) for item in members["files"]]
        created_at = _natural(members["created_at"])
    except (MalformedError, KeyError, TypeError) as error:
        raise DamagedError("The manifest does not have the form of one.") from error
    if [file.path for file in files] != sorted({file.path for file in files}):
        raise DamagedError("The manifest names a file twice, or its files are in disorder.")
    return Manifest(
        format=members["format"],
        created_at=created_at,
        files={file.path: file for file in files},
        signed_by=signed_by,
        digest=f"sha256:{hashlib.sha256(data).hexdigest()}",
    )


def _parse_file(item: Any) -> StoredFile:
    path, sha256 = item["path"], item["sha256"]
    if set(item) != {"path", "size", "sha256"} or not _DIGEST.match(sha256):
        raise MalformedError("not an entry")
    if not 0 < len(path.encode()) <= MAX_PATH_BYTES or "\0" in path or "\\" in path:
        raise MalformedError("not a path")
    if any(part in ("", ".", "..") for part in path.split("/")):
        raise MalformedError("a path that leads elsewhere")
    return StoredFile(path=path, size=_natural(item["size"]), sha256=sha256)


def _natural(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise MalformedError("not a natural number")
    return value
