"""What of models a release names: their files, and the program that serves them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceModel:
    """A model: name, digest of its manifest, and the blobs that the manifest names, in its order; `sha256:<hex>`."""

    name: str
    digest: str
    blobs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelServer:
    """What serves the models: `ollama/<version>`, digest of its program, and settings, each `NAME=value`."""

    server: str
    binary: str
    settings: tuple[str, ...]
