"""Encrypting and reading again: whole, after every kill, and never what was changed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from confchat.vault.decrypting import decrypt_into
from confchat.vault.encrypting import encrypt_files
from confchat.vault.errors import DamagedError, SourceError, StorageError, WrongKeyError
from confchat.vault.model_directory import open_model
from tests.vault.scene import CONTENTS, ENCRYPTION, KEY, OWNER, OWNER_KEY, encrypt, read_tree, write_source


class Killed(BaseException):
    """What ends a process at a point that nobody chose."""


def decrypted(model: Path, target: Path) -> dict[str, bytes]:
    decrypt_into(open_model(model, KEY, owner_key=OWNER_KEY), target)
    return read_tree(target)


def test_what_is_encrypted_is_read_again_and_nothing_of_it_shows(tmp_path: Path) -> None:
    model = encrypt(tmp_path / "source", tmp_path / "model")
    assert decrypted(model, tmp_path / "plain") == CONTENTS
    assert {path.name for path in model.iterdir()} == {"contents", "manifest.json", "manifest.sig"}
    stored = b"".join([json.dumps(sorted(read_tree(model))).encode(), *read_tree(model).values()])
    for word in (b"config.json", b"safetensors", "日本語".encode(), b"in a directory"):
        assert word not in stored


@pytest.mark.parametrize("after", [1, 2, 3, 5, 8, 11])
def test_a_kill_costs_no_more_than_a_checkpoint(tmp_path: Path, after: int) -> None:
    encryption = replace(ENCRYPTION, checkpoint_bytes=200_000)
    sources = write_source(tmp_path / "source")
    seen: list[int] = []

    def kill(done: int, total: int) -> None:
        seen.append(done)
        if len(seen) == after:
            raise Killed

    with pytest.raises(Killed):
        encrypt_files(sources, tmp_path / "model", encryption=encryption, owner=OWNER, show=kill)
    inodes = {path: path.read_bytes()[:18] for path in (tmp_path / "model" / "contents").iterdir() if path.is_file()}
    encrypt_files(sources, tmp_path / "model", encryption=encryption, owner=OWNER)
    # Complete files are not written again: a new file would have another id.
    again = [path for path, head in inodes.items() if path.read_bytes()[:18] != head]
    assert len(again) <= 1
    assert decrypted(tmp_path / "model", tmp_path / "plain") == CONTENTS


def test_a_large_file_goes_on_in_its_middle(tmp_path: Path) -> None:
    encryption = replace(ENCRYPTION, checkpoint_bytes=500_000)
    contents = {"weights.gguf": os.urandom(5_000_001)}
    sources = write_source(tmp_path / "source", contents)
    steps: list[int] = []

    def kill(done: int, total: int) -> None:
        if done > 3_000_000:
            raise Killed

    with pytest.raises(Killed):
        encrypt_files(sources, tmp_path / "model", encryption=encryption, owner=OWNER, show=kill)
    encrypt_files(
        sources,
        tmp_path / "model",
        encryption=encryption,
        owner=OWNER,
        show=lambda done, total: steps.append(done),
    )
    assert steps[0] > 2_000_000
    assert decrypted(tmp_path / "model", tmp_path / "plain") == contents


def test_a_source_that_changed_begins_anew(tmp_path: Path) -> None:
    sources = write_source(tmp_path / "source", {"a": b"1" * 10_000, "b": b"2" * 10_000})
    ends = iter([None])

    def kill(done: int, total: int) -> None:
        if done == 20_000 and next(ends, True) is None:
            raise Killed

    with pytest.raises(Killed):
        encrypt_files(sources, tmp_path / "model", encryption=ENCRYPTION, owner=OWNER, show=kill)
    (tmp_path / "source" / "a").write_bytes(b"3" * 9_000)
    encrypt_files(sources, tmp_path / "model", encryption=ENCRYPTION, owner=OWNER)
    assert decrypted(tmp_path / "model", tmp_path / "plain") == {"a": b"3" * 9_000, "b": b"2" * 10_000}


def test_a_finished_or_foreign_directory_is_never_written(tmp_path: Path) -> None:
    model = encrypt(tmp_path / "source", tmp_path / "model")
    with pytest.raises(SourceError, match="holds an encrypted model already"):
        encrypt(tmp_path / "source", model)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter").write_text("dear")
    with pytest.raises(SourceError, match="is not empty"):
        encrypt(tmp_path / "source", tmp_path / "mine")


def test_what_was_begun_with_another_key_does_not_go_on(tmp_path: Path) -> None:
    sources = write_source(tmp_path / "source")

    def kill(done: int, total: int) -> None:
        raise Killed

    with pytest.raises(Killed):
        encrypt_files(sources, tmp_path / "model", encryption=ENCRYPTION, owner=OWNER, show=kill)
    with pytest.raises(WrongKeyError):
        encrypt_files(sources, tmp_path / "model", encryption=replace(ENCRYPTION, password=KEY[::-1]), owner=OWNER)


def largest(contents: Path) -> Path:
    return max((path for path in contents.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)


def cut_at_a_block(contents: Path) -> None:
    path = largest(contents)
    os.truncate(path, 18 + 4128 * 3)


def change_a_byte(contents: Path) -> None:
    path = largest(contents)
    data = bytearray(path.read_bytes())
    data[5000] ^= 1
    path.write_bytes(data)


def lose_a_file(contents: Path) -> None:
    largest(contents).unlink()


def add_a_file(contents: Path) -> None:
    (contents / largest(contents).name.swapcase()).write_bytes(b"")


def exchange_contents(contents: Path) -> None:
    small = sorted((path for path in contents.iterdir() if 30 < path.stat().st_size < 60), key=lambda path: path.name)
    first, second = small[0].read_bytes(), small[1].read_bytes()
    small[0].write_bytes(second)
    small[1].write_bytes(first)


def put_a_link(contents: Path) -> None:
    path = largest(contents)
    path.rename(contents.parent / "elsewhere")
    path.symlink_to(contents.parent / "elsewhere")


def put_a_pipe(contents: Path) -> None:
    path = largest(contents)
    path.unlink()
    os.mkfifo(path)


def garble_the_configuration(contents: Path) -> None:
    (contents / "gocryptfs.conf").chmod(0o600)
    (contents / "gocryptfs.conf").write_text("{}")


def lose_a_directory_iv(contents: Path) -> None:
    (contents / "gocryptfs.diriv").unlink()


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (cut_at_a_block, "bytes, and the manifest says"),
        (change_a_byte, "was changed at block 1"),
        (lose_a_file, "is missing"),
        (add_a_file, "The name .* (was changed|leads|would|is not|is cut)|not in the manifest"),
        (exchange_contents, "is not the file that the manifest names|the manifest says"),
        (put_a_link, "a link, and the manifest knows none"),
        (put_a_pipe, "neither a file nor a directory"),
        (garble_the_configuration, "gocryptfs.conf has 2 bytes"),
        (lose_a_directory_iv, "gocryptfs.diriv is missing"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_tampered_directory_is_refused_and_leaves_nothing(
    tmp_path: Path, harm: Callable[[Path], None], sentence: str
) -> None:
    model = encrypt(tmp_path / "source", tmp_path / "model")
    harm(model / "contents")
    with pytest.raises(DamagedError, match=sentence):
        decrypted(model, tmp_path / "plain")
    assert not (tmp_path / "plain").exists() or list((tmp_path / "plain").iterdir()) == []


def test_a_manifest_of_another_owner_is_refused(tmp_path: Path) -> None:
    model = encrypt(tmp_path / "source", tmp_path / "model", {"a": b"1"})
    with pytest.raises(DamagedError, match="was not signed by the owner's key"):
        open_model(model, KEY, owner_key=bytes(32))
    (model / "manifest.json").write_bytes((model / "manifest.json").read_bytes() + b" ")
    with pytest.raises(DamagedError, match="was not signed by the owner's key"):
        open_model(model, KEY, owner_key=OWNER_KEY)
    (model / "manifest.json").unlink()
    with pytest.raises(StorageError, match=r"manifest\.json cannot be read"):
        open_model(model, KEY, owner_key=OWNER_KEY)


def test_nothing_is_decrypted_over_what_is_there(tmp_path: Path) -> None:
    model = encrypt(tmp_path / "source", tmp_path / "model", {"a": b"1"})
    with pytest.raises(SourceError, match="is not empty"):
        decrypted(model, tmp_path / "source")
    assert (tmp_path / "source" / "a").read_bytes() == b"1"


def test_a_place_that_cannot_be_written_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match="File exists"):
        encrypt(tmp_path / "source", tmp_path / "file", {"a": b"1"})
