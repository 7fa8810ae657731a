"""Which model server a start uses, and what it may promise about its models."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pytest_django import Settings

from confchat.llm.modelstore import WEIGHTS_TYPE, ModelStore
from confchat.model_choice import choose_model, embedded_models_dir
from tests.confchat.ollama_stand_in import DIGEST, StandIn, serve

WEIGHTS = b"weights"
WEIGHTS_DIGEST = f"sha256:{hashlib.sha256(WEIGHTS).hexdigest()}"


async def test_embedded_model_is_named_with_the_hash_of_its_manifest(tmp_path: Path, settings: Settings) -> None:
    settings.CONFCHAT_DATA_DIR, settings.CONFCHAT_OLLAMA_HOST, settings.CONFCHAT_MODEL = tmp_path, "", "tiny:1b"
    store = ModelStore(embedded_models_dir())
    store.add_blob([WEIGHTS], digest=WEIGHTS_DIGEST)
    layers = {WEIGHTS_TYPE: (WEIGHTS_DIGEST, len(WEIGHTS))}
    store.write_manifest("tiny:1b", config=store.add_json({}), layers=layers)
    manifest = tmp_path / "models" / "manifests" / "registry.ollama.ai" / "library" / "tiny" / "1b"
    choice = await choose_model()
    assert choice.is_embedded
    (model,) = choice.references.models
    assert (model.name, model.digest) == ("tiny:1b", f"sha256:{hashlib.sha256(manifest.read_bytes()).hexdigest()}")
    assert model.blobs[1:] == (WEIGHTS_DIGEST,)
    (server,) = choice.references.servers
    assert server.server.startswith("xllamacpp/")
    assert choice.fault == ""


async def test_embedded_model_that_is_missing_is_said_with_its_remedy(tmp_path: Path, settings: Settings) -> None:
    settings.CONFCHAT_DATA_DIR, settings.CONFCHAT_OLLAMA_HOST = tmp_path, ""
    choice = await choose_model()
    assert choice.references.models == ()
    assert "make run" in choice.fault


async def test_models_of_an_ollama_server_are_named_as_it_lists_them(settings: Settings) -> None:
    async with serve(StandIn()) as stand_in:
        settings.CONFCHAT_OLLAMA_HOST, settings.CONFCHAT_MODEL = stand_in.host, "deepseek-r1:70b"
        choice = await choose_model()
    assert (choice.host, choice.is_embedded, choice.fault) == (stand_in.host, False, "")
    assert [(model.name, model.digest) for model in choice.references.models] == [
        ("deepseek-r1:70b", f"sha256:{DIGEST}")
    ]


async def test_model_that_was_not_pulled_is_named_with_the_command_that_pulls_it(settings: Settings) -> None:
    async with serve(StandIn()) as stand_in:
        settings.CONFCHAT_OLLAMA_HOST, settings.CONFCHAT_MODEL = stand_in.host, "qwen3:8b"
        choice = await choose_model()
    assert "ollama pull qwen3:8b" in choice.fault
    assert [(model.name, model.digest) for model in choice.references.models] == [
        ("deepseek-r1:70b", f"sha256:{DIGEST}")
    ]


async def test_ollama_server_that_does_not_answer_is_a_fault_and_no_embedded_model(settings: Settings) -> None:
    settings.CONFCHAT_OLLAMA_HOST = "http://127.0.0.1:1"
    choice = await choose_model()
    assert not choice.is_embedded
    assert choice.references.models == ()
    assert choice.fault != ""
