"""Which releases are known good: manifests of measurements, models and files, signed by the release key.

The exact bytes of a manifest are signed (Ed25519) and hashed (SHA-256); nothing is ever serialised again.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from attestation.encoding import b64decode, parse_json
from attestation.errors import AppraisalError, ConfigurationError, MalformedError
from attestation.reference_models import ModelServer, ReferenceModel

MANIFEST_VERSION = "confchat/1 release"
PLATFORMS = ("simulator", "tdx")
DIGEST_PREFIX = "sha256:"
_MEMBERS = (
    *("v", "version", "issued_at", "expires_at", "platform"),
    *("measurements", "models", "model_servers", "files", "events"),
)

_SIGNATURE_LABEL = b"confchat/1 release\x00"
_VERSION_FORM = re.compile(r"(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\Z", re.ASCII)
_HEX = re.compile(r"[0-9a-f]*\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurements:
    """What a TD started from one release measures: 48 bytes each, `xfam` 8.

    `rtmr3` None means that RTMR3 has no fixed value and only the replay of an event log can explain it.
    """

    mr_td: bytes
    mr_seam: bytes
    rtmr0: bytes
    rtmr1: bytes
    rtmr2: bytes
    rtmr3: bytes | None
    xfam: bytes
    mr_config_id: bytes
    mr_owner: bytes
    mr_owner_config: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceRelease:
    """One release whose signature was verified. Made by `parse_release` only.

    `digest` is SHA-256 of `manifest`; `files` map paths to SHA-256 in hex; `events` are lines of an event log that
    others on the machine may add; times are seconds since the epoch.
    """

    version: str
    digest: bytes
    issued_at: int
    expires_at: int
    platform: str
    measurements: tuple[Measurements, ...]
    models: frozenset[ReferenceModel]
    model_servers: frozenset[ModelServer]
    files: Mapping[str, str]
    events: frozenset[str]
    manifest: bytes
    signature: bytes

    def names_model(self, name: str, digest: str) -> bool:
        """Say whether a model is one of the release, by name and `sha256:<hex>` of its manifest."""
        return any((model.name, model.digest) == (name, digest) for model in self.models)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedRelease:
    """A manifest that the release key did not sign, or whose form is unknown: never a reference."""

    digest: bytes
    detail: str


def build_manifest(
    *,
    version: str,
    issued_at: int,
    expires_at: int,
    platform: str,
    measurements: Sequence[Measurements],
    models: Iterable[ReferenceModel],
    model_servers: Iterable[ModelServer],
    files: Mapping[str, str],
    events: Iterable[str] = (),
) -> bytes:
    """Serialise a manifest; these bytes, and no others, are signed, hashed and published.

    Raises:
        MalformedError: the result would not be a manifest.
    """
    members = {
        "v": MANIFEST_VERSION,
        "version": version,
        "issued_at": issued_at,
        "expires_at": expires_at,
        "platform": platform,
        "measurements": [_measurements_to_wire(item) for item in measurements],
        "models": [asdict(model) for model in sorted(models, key=lambda model: (model.name, model.digest))],
        "model_servers": [asdict(server) for server in sorted(model_servers, key=lambda server: server.server)],
        "files": dict(sorted(files.items())),
        "events": sorted(events),
    }
    manifest = json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode()
    check_manifest(manifest)
    return manifest


def check_manifest(manifest: bytes) -> None:
    """Refuse what has not the form of a manifest; says nothing of who signed it. Raises `MalformedError`."""
    _parse_manifest(manifest, signature=b"")


def parse_measurements(members: Mapping[str, Any]) -> Measurements:
    """Read one set of measurements as a manifest has it. Raises `MalformedError`."""
    return _parse_measurements(members)


def sign_manifest(manifest: bytes, key: Ed25519PrivateKey) -> bytes:
    """Return the release key's signature (64 bytes) over the exact bytes of a manifest."""
    return key.sign(_SIGNATURE_LABEL + manifest)


def parse_release(manifest: bytes, signature: bytes, *, release_key: bytes) -> ReferenceRelease:
    """Verify a manifest's signature under the pinned release key (Ed25519, 32 bytes), then parse it.

    Raises:
        AppraisalError: `release_signature`, the key did not sign these bytes.
        MalformedError: signed, but not a manifest of this version.
        ConfigurationError: the pinned key is no Ed25519 key.
    """
    try:
        key = Ed25519PublicKey.from_public_bytes(release_key)
    except ValueError as error:
        raise ConfigurationError("the release key is not an Ed25519 key of 32 bytes") from error
    try:
        key.verify(signature, _SIGNATURE_LABEL + manifest)
    except InvalidSignature as error:
        raise AppraisalError("release_signature", "the release was not signed by the known release key") from error
    return _parse_manifest(manifest, signature=signature)


def parse_releases(
    pairs: Iterable[tuple[bytes, bytes]], *, release_key: bytes
) -> tuple[ReferenceRelease | RefusedRelease, ...]:
    """Read manifests and signatures that come from somewhere untrusted (a server, a bundle).

    What cannot be verified becomes a `RefusedRelease`, so that an appraisal can say why it did not count.
    """
    return tuple(_release_or_refusal(manifest, signature, release_key) for manifest, signature in pairs)


def load_releases(directory: Path, *, release_key: bytes) -> tuple[ReferenceRelease, ...]:
    """Read `<version>.json` and `<version>.sig` (base64url) of a directory, newest version first.

    Raises:
        ConfigurationError: a file cannot be read, or one of the releases is not genuine.
    """
    releases = [_load_release(path, release_key=release_key) for path in directory.glob("*.json")]
    return tuple(sorted(releases, key=lambda release: parse_version(release.version), reverse=True))


def parse_version(text: str) -> tuple[int, int, int]:
    """Return `major.minor.patch` as numbers that compare.

    Raises:
        MalformedError: anything else, leading zeros included.
    """
    match = _VERSION_FORM.match(text)
    if match is None:
        raise MalformedError("not a version of the form major.minor.patch")
    major, minor, patch = (int(part) for part in match.groups())
    return major, minor, patch


def _release_or_refusal(manifest: bytes, signature: bytes, release_key: bytes) -> ReferenceRelease | RefusedRelease:
    try:
        return parse_release(manifest, signature, release_key=release_key)
    except (AppraisalError, MalformedError) as error:
        return RefusedRelease(digest=hashlib.sha256(manifest).digest(), detail=str(error))


def _load_release(path: Path, *, release_key: bytes) -> ReferenceRelease:
    try:
        signature = b64decode(path.with_suffix(".sig").read_text(encoding="ascii").strip())
        return parse_release(path.read_bytes(), signature, release_key=release_key)
    except (OSError, UnicodeError, MalformedError, AppraisalError) as error:
        raise ConfigurationError(f"the reference release {path.name} cannot be used: {error}") from error


def _measurements_to_wire(item: Measurements) -> dict[str, str | None]:
    values = ((field.name, getattr(item, field.name)) for field in fields(item))
    return {name: None if value is None else value.hex() for name, value in values}


def _parse_manifest(manifest: bytes, *, signature: bytes) -> ReferenceRelease:
    members = parse_json(manifest)
    _expect_members(members, _MEMBERS)
    if members["v"] != MANIFEST_VERSION or members["platform"] not in PLATFORMS:
        raise MalformedError("not a release manifest of this version")
    parse_version(_text(members["version"]))
    return ReferenceRelease(
        version=members["version"],
        digest=hashlib.sha256(manifest).digest(),
        issued_at=_integer(members["issued_at"]),
        expires_at=_integer(members["expires_at"]),
        platform=members["platform"],
        measurements=tuple(_parse_measurements(item) for item in _list(members["measurements"])),
        models=frozenset(_parse_model(item) for item in _list(members["models"])),
        model_servers=frozenset(_parse_model_server(item) for item in _list(members["model_servers"])),
        files=_parse_files(members["files"]),
        events=frozenset(_text(item) for item in _list(members["events"])),
        manifest=manifest,
        signature=signature,
    )


def _parse_measurements(item: Any) -> Measurements:
    names = tuple(field.name for field in fields(Measurements))
    _expect_members(item, names)
    fixed = {name: _unhex(item[name], size=8 if name == "xfam" else 48) for name in names if name != "rtmr3"}
    return Measurements(**fixed, rtmr3=None if item["rtmr3"] is None else _unhex(item["rtmr3"], size=48))


def _parse_model(item: Any) -> ReferenceModel:
    _expect_members(item, ("name", "digest", "blobs"))
    blobs = tuple(_digest(blob) for blob in _list(item["blobs"]))
    return ReferenceModel(name=_text(item["name"]), digest=_digest(item["digest"]), blobs=blobs)


def _parse_model_server(item: Any) -> ModelServer:
    _expect_members(item, ("server", "binary", "settings"))
    settings = tuple(_text(setting) for setting in _list(item["settings"]))
    return ModelServer(server=_text(item["server"]), binary=_digest(item["binary"]), settings=settings)


def _parse_files(value: Any) -> Mapping[str, str]:
    if not isinstance(value, dict):
        raise MalformedError("files are not an object")
    for digest in value.values():
        _unhex(digest, size=32)
    return value


def _expect_members(value: Any, names: tuple[str, ...]) -> None:
    if not isinstance(value, dict) or set(value) != set(names):
        raise MalformedError("a manifest object has missing or unknown members")


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise MalformedError("a manifest member is not a list")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise MalformedError("a manifest member is not text")
    return value


def _digest(value: Any) -> str:
    digest = _text(value)
    if not digest.startswith(DIGEST_PREFIX):
        raise MalformedError("a digest is not SHA-256")
    _unhex(digest.removeprefix(DIGEST_PREFIX), size=32)
    return digest


def _integer(value: Any) -> int:
    if type(value) is not int:
        raise MalformedError("a manifest member is not an integer")
    return value


def _unhex(value: Any, *, size: int) -> bytes:
    if not isinstance(value, str) or len(value) != 2 * size or not _HEX.match(value):
        raise MalformedError(f"a manifest member is not {size} bytes in lower-case hex")
    return bytes.fromhex(value)
