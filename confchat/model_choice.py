"""Which model server this start uses, and which of its models a development release may name."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from attestation.reference_models import ModelServer, ReferenceModel
from confchat.checks import model_host
from confchat.engines import OLLAMA, build_model, is_inside, own_weights
from confchat.errors import ModelError
from confchat.file_digests import FileDigests
from confchat.llm import Model, ModelDescription
from confchat.llm.devmodel import backend
from confchat.llm.modelstore import ModelStore
from confchat.model_server import find_process, measure_process


@dataclass(frozen=True, slots=True)
class ReleasedModels:
    """The models and the model servers that a development release may name."""

    models: tuple[ReferenceModel, ...]
    servers: tuple[ModelServer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelChoice:
    """`host` is empty where the embedded model is to be started.

    `fault` is a sentence where the configured model cannot answer, else empty.
    """

    host: str
    references: ReleasedModels
    fault: str

    @property
    def is_embedded(self) -> bool:
        """Say whether the model is a process of this product."""
        return not self.host


def embedded_models_dir() -> Path:
    """Return where the embedded model's files are, in Ollama's layout."""
    data_dir: Path = settings.CONFCHAT_DATA_DIR
    return data_dir / "models"


def models_dir() -> Path:
    """Return where the files of the models are that are served, in Ollama's layout."""
    served: Path = settings.CONFCHAT_OLLAMA_MODELS
    return embedded_models_dir() if settings.CONFCHAT_EMBEDDED_MODEL else served


def served_from() -> Path | None:
    """Return where the files lie that answer; None where they are not in this machine, or nobody named their place."""
    if not is_inside():
        return None
    weights = own_weights().get(settings.CONFCHAT_MODEL)
    if weights is not None:
        return weights.path
    return models_dir() if settings.CONFCHAT_ENGINE == OLLAMA else None


async def choose_model() -> ModelChoice:
    """Look at the configured model server, or at the embedded model's files."""
    host = model_host()
    return await _served(host) if host else _embedded()


def _embedded() -> ModelChoice:
    store = ModelStore(embedded_models_dir())
    models = tuple(_reference(store, model.name, f"sha256:{model.digest}") for model in store.list_models())
    has_model = any(model.name == settings.CONFCHAT_MODEL for model in models)
    fault = "" if has_model else f"there is no {settings.CONFCHAT_MODEL} in {embedded_models_dir()}; run `make run`"
    # The embedded model is a process of the same interpreter, started with this one's environment.
    server = measure_process(os.getpid(), server=backend(), digests=FileDigests())
    return ModelChoice(host="", references=ReleasedModels(models, (server,)), fault=fault)


async def _served(host: str) -> ModelChoice:
    server = build_model(host)
    references = ReleasedModels((), ())
    fault = ""
    try:
        models = [*await server.list_models(), *await _embedding(server)]
        store = ModelStore(models_dir())
        references = ReleasedModels(
            models=tuple(_reference(store, model.name, model.digest) for model in models),
            servers=_running_server(host, models[0].backend) if models else (),
        )
        await server.describe(settings.CONFCHAT_MODEL)
    except ModelError as error:
        fault = str(error)
    finally:
        await server.close()
    return ModelChoice(host=host, references=references, fault=fault)


async def _embedding(server: Model) -> list[ModelDescription]:
    """Describe the model that makes vectors; none where there is none, or not yet."""
    name = settings.CONFCHAT_EMBEDDING_MODEL
    try:
        described = [await server.describe(name)] if name else []
    except ModelError:
        return []
    return [model for model in described if model.embeds]


def _reference(store: ModelStore, name: str, digest: str) -> ReferenceModel:
    """Return a model with the blobs that its manifest names; with none where its files are not here."""
    weights = own_weights().get(name)
    if weights is not None:
        blobs = tuple(f"sha256:{each}" for each in weights.listing().values())
        return ReferenceModel(name=name, digest=digest, blobs=blobs)
    try:
        blobs = tuple(blob for blob, _ in store.files_of(name).blobs)
    except ModelError:
        blobs = ()
    return ReferenceModel(name=name, digest=digest, blobs=blobs)


def _running_server(host: str, backend: str) -> tuple[ModelServer, ...]:
    """Return the program that serves the models now, if this process may look at it."""
    pid = find_process(host)
    try:
        return () if pid is None else (measure_process(pid, server=backend, digests=FileDigests()),)
    except OSError:
        return ()
