"""Models on disk in the layout of OLLAMA_MODELS: manifests by name, blobs by SHA-256 (ollama's manifest/ and server/).

manifests/<host>/<namespace>/<model>/<tag>    JSON that names a config blob and layers; its SHA-256 is the digest
blobs/sha256-<hex>
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, cast

from confchat.errors import ModelError
from confchat.llm import failures
from confchat.llm.installed import full_name

HOST, NAMESPACE = "registry.ollama.ai", "library"
MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG_TYPE = "application/vnd.docker.container.image.v1+json"
WEIGHTS_TYPE = "application/vnd.ollama.image.model"
PARAMETERS_TYPE = "application/vnd.ollama.image.params"
_ALGORITHM = "sha256:"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")

Layer: TypeAlias = tuple[str, int]  # digest with its algorithm, bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredModel:
    """One model; `digest` is the hex SHA-256 of its manifest, `size` the bytes of all its blobs."""

    name: str
    digest: str
    size: int
    modified_at: datetime
    config: dict[str, Any]
    parameters: dict[str, Any]
    weights: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFiles:
    """The files that one model consists of: its manifest, and each blob under the digest that the manifest names."""

    manifest: Path
    blobs: tuple[tuple[str, Path], ...]


class ModelStore:
    """The models below one directory. Blobs are taken as they are: like Ollama, it does not hash them when loading."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def list_models(self) -> list[StoredModel]:
        """Return every model whose manifest and blobs are there, the newest first."""
        models = [model for path in self._manifests() if (model := self._read(path)) is not None]
        return sorted(models, key=lambda model: (-model.modified_at.timestamp(), model.name))

    def find(self, name: str) -> StoredModel:
        """Return one model.

        Raises:
            ModelError: `model_missing`.
        """
        wanted = full_name(name)
        for model in self.list_models():
            if model.name == wanted:
                return model
        raise failures.missing(wanted)

    def files_of(self, name: str) -> ModelFiles:
        """Return the files of one model, which need not be whole: configuration first, then the layers in their order.

        Raises:
            ModelError: `model_missing`, or no manifest that can be read.
        """
        wanted = full_name(name)
        for path in self._manifests():
            if _short_name(path.parts[-4:]) == wanted:
                return ModelFiles(manifest=path, blobs=tuple(self._named_blobs(path, wanted)))
        raise failures.missing(wanted)

    def has_blob(self, digest: str) -> bool:
        """Say whether a blob is there and whole, by hashing it."""
        path = self._blob_path(digest)
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == digest.removeprefix(_ALGORITHM)

    def add_blob(self, chunks: Iterable[bytes], *, digest: str) -> None:
        """Store the chunks as one blob, whole or not at all.

        Raises:
            ModelError: `model_failed`: they have another digest.
        """
        hashed = hashlib.sha256()
        with _replacing(self._blob_path(digest)) as file:
            for chunk in chunks:
                hashed.update(chunk)
                file.write(chunk)
            if hashed.hexdigest() != digest.removeprefix(_ALGORITHM):
                raise ModelError("model_failed", f"The data is not what it should be: its SHA-256 is not {digest}.")

    def add_json(self, value: object) -> Layer:
        """Store a small blob of JSON; return its digest and size."""
        data = json.dumps(value, separators=(",", ":")).encode()
        digest = _ALGORITHM + hashlib.sha256(data).hexdigest()
        self.add_blob([data], digest=digest)
        return digest, len(data)

    def write_manifest(self, name: str, *, config: Layer, layers: Mapping[str, Layer]) -> None:
        """Give the blobs a name in the default registry; `layers` is by media type."""
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": _describe(CONFIG_TYPE, config),
            "layers": [_describe(media_type, layer) for media_type, layer in layers.items()],
        }
        model, _, tag = name.partition(":")
        with _replacing(self._directory / "manifests" / HOST / NAMESPACE / model / tag) as file:
            file.write(json.dumps(manifest, separators=(",", ":")).encode())

    def _named_blobs(self, path: Path, name: str) -> Iterator[tuple[str, Path]]:
        try:
            manifest = json.loads(path.read_bytes())
            digests = [manifest["config"]["digest"], *(layer["digest"] for layer in manifest["layers"])]
            yield from ((digest, self._blob_path(digest)) for digest in digests)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise failures.missing(name) from error

    def _manifests(self) -> Iterator[Path]:
        return (path for path in (self._directory / "manifests").glob("*/*/*/*") if path.is_file())

    def _read(self, path: Path) -> StoredModel | None:
        """Return the model of one manifest; None where it is no whole model that runs here."""
        try:
            data = path.read_bytes()
            manifest = json.loads(data)
            layers = {layer["mediaType"]: layer for layer in manifest["layers"]}
            weights = self._blob_path(layers[WEIGHTS_TYPE]["digest"])
            model = StoredModel(
                name=_short_name(path.parts[-4:]),
                digest=hashlib.sha256(data).hexdigest(),
                size=manifest["config"]["size"] + sum(layer["size"] for layer in manifest["layers"]),
                modified_at=datetime.fromtimestamp(path.stat().st_mtime, UTC),
                config=self._read_json(manifest["config"]),
                parameters=self._read_json(layers[PARAMETERS_TYPE]) if PARAMETERS_TYPE in layers else {},
                weights=weights,
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return model if weights.is_file() else None

    def _read_json(self, layer: Mapping[str, Any]) -> dict[str, Any]:
        value = json.loads(self._blob_path(layer["digest"]).read_bytes())
        if not isinstance(value, dict):
            raise TypeError
        return value

    def _blob_path(self, digest: str) -> Path:
        if not _DIGEST.fullmatch(digest):
            raise ValueError(digest)
        return self._directory / "blobs" / digest.replace(":", "-")


def _describe(media_type: str, layer: Layer) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": layer[0], "size": layer[1]}


def _short_name(parts: Sequence[str]) -> str:
    host, namespace, model, tag = parts
    prefix = (
        "" if (host, namespace) == (HOST, NAMESPACE) else f"{namespace}/" if host == HOST else f"{host}/{namespace}/"
    )
    return f"{prefix}{model}:{tag}"


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a file beside `path` that takes its place when all is written and on disk, or is removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", suffix=".part", delete=False) as file:
        part = Path(file.name)
        try:
            yield cast("BinaryIO", file)
            file.flush()
            os.fsync(file.fileno())
            part.chmod(0o644)
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
