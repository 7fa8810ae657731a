"""What this installation runs, looked at: its own files, the model server's program, a model's manifest and blobs."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from attestation.reference_models import ModelServer
from attestation.reference_values import ReferenceRelease
from attestation.workload import MOST_NAMED, MeasuredApplication, MeasuredModel, files_digest
from confchat.errors import ModelError
from confchat.file_digests import FileDigests, Stamp, stamp_of
from confchat.llm import ModelDescription
from confchat.llm.modelstore import ModelFiles, ModelStore
from confchat.model_server import find_process, measure_process
from confchat.reference_release import program_files
from confchat.served_weights import ServedWeights

logger = logging.getLogger(__name__)

REPORT_EVERY_S = 5.0
_GB = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where what runs is found: the project's root, the model server's address, and its models, if they are here: a
    library of Ollama's, or the files of each model that another engine serves.
    """

    root: Path
    model_host: str
    models: Path | None
    weights: Mapping[str, ServedWeights] = field(default_factory=dict)


class Measurer:
    """Looks at the disk and at /proc; blocks. Nothing is hashed twice while it stays as it was."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._digests = FileDigests()

    def application(self, release: ReferenceRelease) -> MeasuredApplication:
        """Measure the files that the server consists of. Raises `OSError` where one cannot be read."""
        files = program_files(self._places.root, self._digests)
        return MeasuredApplication(
            release=f"sha256:{release.digest.hex()}",
            files=files_digest(files),
            differs=tuple(_differing(release.files, files)[:MOST_NAMED]),
        )

    def model_server(self, model: ModelDescription) -> ModelServer | None:
        """Measure the program that serves a model; None where none can be seen. Raises `OSError` if it may not be."""
        is_here = self._places.models is not None or bool(self._places.weights)
        pid = find_process(self._places.model_host) if is_here else None
        return None if pid is None else measure_process(pid, server=model.backend, digests=self._digests)

    def model(self, name: str) -> MeasuredModel | None:
        """Measure a model's manifest and every blob; None where its files are not here.

        Raises:
            OSError: a file cannot be read, or changed meanwhile.
        """
        weights = self._places.weights.get(name)
        if weights is not None:
            return _measure_weights(name, weights)
        files = self._files(name)
        if files is None:
            return None
        progress = _Progress(name, sum(path.stat().st_size for _, path in files.blobs))
        return MeasuredModel(
            name=name,
            manifest=f"sha256:{self._digests.of(files.manifest)}",
            blobs=tuple(f"sha256:{self._digests.of(path, progress=progress)}" for _, path in files.blobs),
        )

    def model_stamps(self, name: str) -> tuple[Stamp, ...] | None:
        """Return what tells whether a model's files changed, None where they are not here. Raises `OSError`."""
        weights = self._places.weights.get(name)
        if weights is not None:
            return weights.stamps()
        files = self._files(name)
        return None if files is None else tuple(map(stamp_of, (files.manifest, *(path for _, path in files.blobs))))

    def _files(self, name: str) -> ModelFiles | None:
        if self._places.models is None:
            return None
        try:
            return ModelStore(self._places.models).files_of(name)
        except ModelError:
            return None


class _Progress:
    """Tells operators how far the hashing of a large model is."""

    def __init__(self, name: str, total: int) -> None:
        self._name = name
        self._total = total
        self._done = 0
        self._said_at = time.monotonic()

    def __call__(self, size: int) -> None:
        self._done += size
        if time.monotonic() - self._said_at > REPORT_EVERY_S:
            self._said_at = time.monotonic()
            logger.info("Measuring %s: %.1f of %.1f GB", self._name, self._done / _GB, self._total / _GB)


def _measure_weights(name: str, weights: ServedWeights) -> MeasuredModel:
    files = weights.listing(_Progress(name, weights.size()))
    blobs = tuple(f"sha256:{digest}" for digest in files.values())
    return MeasuredModel(name=name, manifest=files_digest(files), blobs=blobs)


def _differing(expected: Mapping[str, str], found: Mapping[str, str]) -> list[str]:
    return sorted(path for path in expected.keys() | found.keys() if expected.get(path) != found.get(path))
