"""Which program answers here, and what may be said of it: Ollama, an API of OpenAI's form, or a service of EAS.

Inside the machine an engine is reached on its loopback, and the files that it serves are measured. Of any other place
nothing is known but its address: the statement says `remote`, and no badge is green with it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from functools import cache
from pathlib import Path

from django.conf import settings

from confchat.checks import is_loopback, model_host
from confchat.file_digests import FileDigests
from confchat.llm import Model
from confchat.llm.eas import EasModel
from confchat.llm.endpoint import Endpoint
from confchat.llm.ollama import OllamaModel
from confchat.llm.openai import OpenAiModel
from confchat.served_weights import ServedWeights

OLLAMA = "ollama"


def is_inside() -> bool:
    """Say whether the model answers inside this machine."""
    return is_loopback(model_host())


def serves_files() -> bool:
    """Say whether the engine serves files that a setting names, and not a library of its own."""
    return bool(settings.CONFCHAT_ENGINE != OLLAMA and is_inside() and settings.CONFCHAT_MODEL_FILES)


@cache
def served_weights(path: Path) -> ServedWeights:
    """Return the files at a path, hashed once for whoever asks."""
    return ServedWeights(path, FileDigests())


def own_weights() -> dict[str, ServedWeights]:
    """Return the files of each model that the engine serves, by the model's name, where settings name them."""
    if not serves_files():
        return {}
    named = {settings.CONFCHAT_MODEL: settings.CONFCHAT_MODEL_FILES}
    if settings.CONFCHAT_EMBEDDING_MODEL and settings.CONFCHAT_EMBEDDING_FILES:
        named[settings.CONFCHAT_EMBEDDING_MODEL] = settings.CONFCHAT_EMBEDDING_FILES
    return {name: served_weights(path) for name, path in named.items()}


def build_model(host: str) -> Model:
    """Return the engine that the settings choose, Ollama at `host` where it is Ollama."""
    if settings.CONFCHAT_ENGINE == OLLAMA:
        return OllamaModel(host)
    endpoint = Endpoint(
        url=settings.CONFCHAT_ENGINE_URL,
        model=settings.CONFCHAT_MODEL,
        identify=_identify,
        embedding=settings.CONFCHAT_EMBEDDING_MODEL,
        sees=_sees(),
        token=settings.CONFCHAT_ENGINE_TOKEN,
    )
    return EasModel(endpoint) if settings.CONFCHAT_ENGINE == "eas" else OpenAiModel(endpoint)


async def _identify(name: str) -> tuple[str, int]:
    weights = own_weights().get(name)
    if weights is not None:
        return await asyncio.to_thread(weights.identify)
    return service_digest(settings.CONFCHAT_ENGINE, settings.CONFCHAT_ENGINE_URL, name), 0


def _sees() -> bool | None:
    """Say whether the model takes images: as its setting has it, or a configuration of Hugging Face's form."""
    if settings.CONFCHAT_MODEL_SEES != "ask":
        return bool(settings.CONFCHAT_MODEL_SEES == "1")
    weights = own_weights().get(settings.CONFCHAT_MODEL)
    if weights is None:
        return None
    try:
        known = json.loads((weights.path / "config.json").read_bytes())
    except (OSError, ValueError):
        return None
    return True if isinstance(known, dict) and "vision_config" in known else None


def service_digest(engine: str, url: str, model: str) -> str:
    """Return the digest by which a release can name a service elsewhere: of its address alone, never of its weights."""
    named = json.dumps({"engine": engine, "model": model, "url": url}, separators=(",", ":"), sort_keys=True)
    return "sha256:" + hashlib.sha256(named.encode()).hexdigest()
