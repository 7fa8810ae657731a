"""`manage.py model_encrypt`: what people have becomes what can be stored anywhere."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from attestation.encoding import b64decode
from confchat.llm.modelstore import WEIGHTS_TYPE, ModelStore
from confchat.vault.decrypting import decrypt_into
from confchat.vault.keys import read_key
from confchat.vault.model_directory import open_model
from tests.vault.scene import KEY, read_tree, write_source

ROOT = Path(__file__).parents[2]
HUGGING_FACE = {"config.json": b"{}", "model.safetensors": os.urandom(70_000), ".cache/lock": b"left over"}


def encrypt(source: str, tmp_path: Path, *options: str) -> Path:
    """Run the command with a new key in a file; return the encrypted directory."""
    target = tmp_path / "model"
    said = io.StringIO()
    keys = ["--key", str(tmp_path / "key"), "--signing-key", str(tmp_path / "owner")]
    call_command("model_encrypt", source, str(target), *keys, *options, stderr=said)
    (tmp_path / "owner.pub").write_text(said.getvalue().split()[-1])
    return target


def decrypted(tmp_path: Path) -> dict[str, bytes]:
    owner_key = b64decode((tmp_path / "owner.pub").read_text(), size=32)
    vault = open_model(tmp_path / "model", read_key(tmp_path / "key"), owner_key=owner_key)
    decrypt_into(vault, tmp_path / "plain")
    return read_tree(tmp_path / "plain")


def test_an_ollama_model_is_taken_by_its_name_with_its_blobs(tmp_path: Path) -> None:
    models = tmp_path / "models"
    store = ModelStore(models)
    layer, other = store.add_json({"weights": 1}), store.add_json({"weights": 2})
    config = store.add_json({})
    store.write_manifest("small:1b", config=config, layers={WEIGHTS_TYPE: layer})
    store.write_manifest("other:1b", config=config, layers={WEIGHTS_TYPE: other})
    encrypt("small:1b", tmp_path, "--ollama-models", str(models))
    wanted = read_tree(models)
    for path in ("manifests/registry.ollama.ai/library/other/1b", f"blobs/{other[0].replace(':', '-')}"):
        del wanted[path]
    assert decrypted(tmp_path) == wanted


def test_a_model_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "models")
    layer = store.add_json({"weights": 1})
    store.write_manifest("small:1b", config=store.add_json({}), layers={WEIGHTS_TYPE: layer})
    (tmp_path / "models" / "blobs" / layer[0].replace(":", "-")).unlink()
    with pytest.raises(CommandError, match="is not whole"):
        encrypt("small:1b", tmp_path, "--ollama-models", str(tmp_path / "models"))


def test_a_gguf_file_is_taken_and_another_is_not(tmp_path: Path) -> None:
    (tmp_path / "w.gguf").write_bytes(b"GGUF" + bytes(100))
    encrypt(str(tmp_path / "w.gguf"), tmp_path)
    assert decrypted(tmp_path) == {"w.gguf": b"GGUF" + bytes(100)}
    (tmp_path / "letter").write_text("dear")
    with pytest.raises(CommandError, match="is not a GGUF file"):
        encrypt(str(tmp_path / "letter"), tmp_path / "elsewhere")


def test_a_directory_of_hugging_face_is_taken_with_the_files_that_its_links_mean(tmp_path: Path) -> None:
    write_source(tmp_path / "snapshot", HUGGING_FACE)
    (tmp_path / "blob").write_bytes(b"tokens")
    (tmp_path / "snapshot" / "tokenizer.json").symlink_to("../blob")
    encrypt(str(tmp_path / "snapshot"), tmp_path)
    wanted = {"config.json": b"{}", "model.safetensors": HUGGING_FACE["model.safetensors"], "tokenizer.json": b"tokens"}
    assert decrypted(tmp_path) == wanted


@pytest.mark.parametrize(
    ("contents", "link", "sentence"),
    [
        ({"a.safetensors": b"1"}, None, "has no config.json"),
        ({"config.json": b"{}"}, None, "has no weights"),
        (HUGGING_FACE, "nowhere", "a link that leads nowhere"),
        (HUGGING_FACE, "/", "a link that leads nowhere"),
    ],
)
def test_what_is_no_model_is_refused(
    tmp_path: Path, contents: dict[str, bytes], link: str | None, sentence: str
) -> None:
    write_source(tmp_path / "source", contents)
    if link:
        (tmp_path / "source" / "link").symlink_to(link)
    with pytest.raises(CommandError, match=sentence):
        encrypt(str(tmp_path / "source"), tmp_path)
    assert not (tmp_path / "key").exists()


def test_a_key_of_ones_own_comes_by_standard_input_and_must_be_strong(tmp_path: Path) -> None:
    (tmp_path / "w.gguf").write_bytes(b"GGUF")
    command = [sys.executable, "manage.py", "model_encrypt", str(tmp_path / "w.gguf"), str(tmp_path / "model")]
    command += ["--key-from-stdin", "--signing-key", str(tmp_path / "owner")]
    weak = subprocess.run(command, cwd=ROOT, input=b"alibaba@1688\n", capture_output=True, timeout=60, check=False)
    assert weak.returncode == 1
    assert b"The key is weak" in weak.stderr
    strong = subprocess.run(command, cwd=ROOT, input=KEY + b"\n", capture_output=True, timeout=60, check=False)
    assert strong.returncode == 0, strong.stderr
    assert KEY not in strong.stdout + strong.stderr


def test_a_key_that_is_printed_is_the_key(tmp_path: Path) -> None:
    (tmp_path / "w.gguf").write_bytes(b"GGUF")
    key, said = io.StringIO(), io.StringIO()
    options = ["--key-to-stdout", "--signing-key", str(tmp_path / "owner")]
    call_command("model_encrypt", str(tmp_path / "w.gguf"), str(tmp_path / "model"), *options, stdout=key, stderr=said)
    owner_key = b64decode(said.getvalue().split()[-1], size=32)
    vault = open_model(tmp_path / "model", key.getvalue().strip().encode(), owner_key=owner_key)
    assert [str(entry.path) for entry in vault.entries()] == ["w.gguf"]


def test_where_the_key_goes_must_be_said(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="one of the arguments --key"):
        call_command("model_encrypt", "anything", str(tmp_path / "model"))
