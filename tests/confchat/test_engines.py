"""What is said of an engine is what is known of it: inside, its measured files; outside, nothing but an address."""

from __future__ import annotations

import asyncio
import hashlib
import os
from pathlib import Path

import pytest
from pytest_django import Settings

from attestation.workload import files_digest
from confchat.checks import check_settings
from confchat.engines import build_model, is_inside, own_weights, service_digest
from confchat.file_digests import FileDigests
from confchat.measuring import Measurer, Places
from confchat.model_server import measure_process
from confchat.served_weights import ServedWeights
from tests.confchat.engine_stand_in import EngineStandIn, serve

INSIDE, OUTSIDE = "http://127.0.0.1:8001", "https://service.example/api"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    directory = tmp_path / "model"
    (directory / "more").mkdir(parents=True)
    (directory / "config.json").write_text("{}")
    (directory / "more" / "weights.safetensors").write_bytes(b"weights")
    return directory


def problems(settings: Settings) -> set[str]:
    return {problem.id or "" for problem in check_settings(None)}


@pytest.mark.parametrize("engine", ["openai", "eas"])
def test_an_engine_inside_must_name_its_files(settings: Settings, engine: str, files: Path) -> None:
    settings.CONFCHAT_ENGINE, settings.CONFCHAT_ENGINE_URL = engine, INSIDE
    assert "confchat.E016" in problems(settings)
    settings.CONFCHAT_MODEL_FILES = files / "missing"
    assert "confchat.E016" in problems(settings)
    settings.CONFCHAT_MODEL_FILES = files
    assert not problems(settings) & {"confchat.E003", "confchat.E015", "confchat.E016", "confchat.E017"}


def test_an_engine_outside_needs_a_word_and_tls(settings: Settings) -> None:
    settings.CONFCHAT_ENGINE, settings.CONFCHAT_ENGINE_URL = "eas", OUTSIDE
    assert not is_inside()
    assert "confchat.E003" in problems(settings)
    settings.CONFCHAT_UNSAFE_REMOTE_MODEL = True
    assert problems(settings) & {"confchat.E003", "confchat.W001", "confchat.E017"} == {"confchat.W001"}
    settings.CONFCHAT_ENGINE_URL = "http://service.example/api"
    assert "confchat.E017" in problems(settings)


@pytest.mark.parametrize("url", ["", "127.0.0.1:8001", "ftp://127.0.0.1", "https://user:secret@service.example"])
def test_an_address_that_is_none_stops_the_start(settings: Settings, url: str) -> None:
    settings.CONFCHAT_ENGINE, settings.CONFCHAT_ENGINE_URL = "openai", url
    settings.CONFCHAT_UNSAFE_REMOTE_MODEL = True
    assert "confchat.E015" in problems(settings)


async def test_a_model_inside_goes_by_its_files(settings: Settings, files: Path) -> None:
    async with serve(EngineStandIn()) as server:
        settings.CONFCHAT_ENGINE, settings.CONFCHAT_ENGINE_URL = "openai", server.url
        settings.CONFCHAT_MODEL, settings.CONFCHAT_MODEL_FILES = "m", files
        model = build_model("")
        described = await model.describe("m")
        await model.close()
        places = Places(root=files, model_host=server.url, models=None, weights=own_weights())
        program = await asyncio.to_thread(Measurer(places).model_server, described)
    assert program == measure_process(os.getpid(), server=described.backend, digests=FileDigests())
    digests = {
        name: hashlib.sha256((files / name).read_bytes()).hexdigest()
        for name in ("config.json", "more/weights.safetensors")
    }
    assert (described.digest, described.size) == (files_digest(digests), 9)
    measurer = Measurer(Places(root=files, model_host=INSIDE, models=None, weights=own_weights()))
    measured = measurer.model("m")
    assert measured is not None
    assert (measured.manifest, measured.blobs) == (
        described.digest,
        tuple(f"sha256:{each}" for each in digests.values()),
    )
    before = measurer.model_stamps("m")
    (files / "config.json").write_text("{ }")
    assert measurer.model_stamps("m") != before


async def test_a_model_outside_goes_by_its_address_alone(settings: Settings, files: Path) -> None:
    settings.CONFCHAT_ENGINE, settings.CONFCHAT_ENGINE_URL, settings.CONFCHAT_MODEL = "eas", OUTSIDE, "m"
    settings.CONFCHAT_MODEL_FILES = files
    assert own_weights() == {}
    model = build_model("")
    assert (await model.describe("m")).digest == service_digest("eas", OUTSIDE, "m")
    await model.close()


def test_one_file_is_a_model_too(files: Path) -> None:
    weights = ServedWeights(files / "config.json", FileDigests())
    assert [name for name, _ in weights.files()] == ["config.json"]
    with pytest.raises(FileNotFoundError):
        ServedWeights(files / "missing", FileDigests()).identify()
