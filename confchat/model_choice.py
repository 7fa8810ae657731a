"""Which model server this start uses, and which of its models a development release may name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from confchat.errors import ModelError
from confchat.llm.modelstore import ModelStore
from confchat.llm.ollama import OllamaModel


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelChoice:
    """`host` is empty where the embedded model is to be started; `references` are pairs of name and `sha256:<hex>`.

    `fault` is a sentence where the configured model cannot answer, else empty.
    """

    host: str
    references: tuple[tuple[str, str], ...]
    fault: str

    @property
    def is_embedded(self) -> bool:
        """Say whether the model is a process of this product."""
        return not self.host


def embedded_models_dir() -> Path:
    """Return where the embedded model's files are, in Ollama's layout."""
    data_dir: Path = settings.CONFCHAT_DATA_DIR
    return data_dir / "models"


async def choose_model() -> ModelChoice:
    """Look at the configured model server, or at the embedded model's files."""
    host: str = settings.CONFCHAT_OLLAMA_HOST
    return await _served(host) if host else _embedded()


def _embedded() -> ModelChoice:
    store = ModelStore(embedded_models_dir())
    references = tuple((model.name, f"sha256:{model.digest}") for model in store.list_models())
    has_model = settings.CONFCHAT_MODEL in dict(references)
    fault = "" if has_model else f"there is no {settings.CONFCHAT_MODEL} in {embedded_models_dir()}; run `make run`"
    return ModelChoice(host="", references=references, fault=fault)


async def _served(host: str) -> ModelChoice:
    server = OllamaModel(host)
    references: tuple[tuple[str, str], ...] = ()
    fault = ""
    try:
        references = tuple((model.name, model.digest) for model in await server.list_models())
        await server.describe(settings.CONFCHAT_MODEL)
    except ModelError as error:
        fault = str(error)
    finally:
        await server.close()
    return ModelChoice(host=host, references=references, fault=fault)
