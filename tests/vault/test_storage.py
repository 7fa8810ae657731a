"""An encrypted model goes to a store and comes back: whole, after every failure, and never another's."""

from __future__ import annotations

import io
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from fsspec.implementations.memory import MemoryFileSystem

from attestation.encoding import b64encode
from attestation.key_files import write_private_key
from confchat.vault.decrypting import decrypt_into
from confchat.vault.errors import DamagedError, SourceError, StorageError
from confchat.vault.model_directory import open_model
from confchat.vault.storage import Store, fetch, upload
from tests.vault.scene import CONTENTS, KEY, OWNER_KEY, SIGNING_KEY, encrypt, read_tree

LARGE = {"config.json": b"{}", "weights.safetensors": os.urandom(9_000_000)}


class Killed(BaseException):
    """What ends a process at a point that nobody chose."""


@pytest.fixture(params=["memory", "local"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new place in a store: of memory, as object stores are, and of files."""
    return f"memory://bucket/{uuid.uuid4()}" if request.param == "memory" else (tmp_path / "store").as_uri()


def kill_after(many: int) -> Iterator[None]:
    yield from [None] * many
    raise Killed


def test_what_is_sent_comes_back_and_opens(tmp_path: Path, url: str) -> None:
    model = encrypt(tmp_path / "source", tmp_path / "model")
    upload(model, Store(url), owner_key=OWNER_KEY)
    fetch(Store(url), tmp_path / "fetched", owner_key=OWNER_KEY)
    assert read_tree(tmp_path / "fetched") == read_tree(model)
    decrypt_into(open_model(tmp_path / "fetched", KEY, owner_key=OWNER_KEY), tmp_path / "plain")
    assert read_tree(tmp_path / "plain") == CONTENTS


def test_an_upload_goes_on_and_is_no_model_until_it_is_whole(tmp_path: Path, url: str) -> None:
    model = encrypt(tmp_path / "source", tmp_path / "model", LARGE)
    steps = kill_after(5)
    with pytest.raises(Killed):
        upload(model, Store(url), owner_key=OWNER_KEY, show=lambda done, total: next(steps))
    with pytest.raises(StorageError, match=r"manifest\.json is not in the store"):
        fetch(Store(url), tmp_path / "fetched", owner_key=OWNER_KEY)
    upload(model, Store(url), owner_key=OWNER_KEY)
    fetch(Store(url), tmp_path / "fetched", owner_key=OWNER_KEY)
    assert read_tree(tmp_path / "fetched") == read_tree(model)


def test_a_large_file_that_is_there_is_not_sent_again(tmp_path: Path) -> None:
    model = encrypt(tmp_path / "source", tmp_path / "model", LARGE)
    store = (tmp_path / "store").as_uri()
    upload(model, Store(store), owner_key=OWNER_KEY)
    files = list((tmp_path / "store" / "contents").iterdir())
    large = max(files, key=lambda path: path.stat().st_size)
    written = large.stat().st_mtime_ns
    upload(model, Store(store), owner_key=OWNER_KEY)
    assert large.stat().st_mtime_ns == written


def test_a_fetch_goes_on_in_the_middle_of_a_file(tmp_path: Path, url: str) -> None:
    model = encrypt(tmp_path / "source", tmp_path / "model", LARGE)
    upload(model, Store(url), owner_key=OWNER_KEY)

    def kill(done: int, total: int) -> None:
        if done > 4_500_000:
            raise Killed

    with pytest.raises(Killed):
        fetch(Store(url), tmp_path / "fetched", owner_key=OWNER_KEY, show=kill)
    parts = [path for path in (tmp_path / "fetched").rglob("*.part") if path.stat().st_size > 4_000_000]
    assert len(parts) == 1
    fetch(Store(url), tmp_path / "fetched", owner_key=OWNER_KEY)
    assert read_tree(tmp_path / "fetched") == read_tree(model)


def test_a_store_that_gives_something_else_is_found_out(tmp_path: Path) -> None:
    model = encrypt(tmp_path / "source", tmp_path / "model", LARGE)
    store = tmp_path / "store"
    upload(model, Store(store.as_uri()), owner_key=OWNER_KEY)
    large = max((store / "contents").iterdir(), key=lambda path: path.stat().st_size)
    good = large.read_bytes()
    for bad, kind, sentence in (
        (good[:-4128], StorageError, "ended early in the store"),
        (good[:-1] + bytes([good[-1] ^ 1]), DamagedError, "is not in the store as its owner signed it"),
        (good + b"more", DamagedError, "is not in the store as its owner signed it"),
    ):
        large.write_bytes(bad)
        with pytest.raises(kind, match=sentence):
            fetch(Store(store.as_uri()), tmp_path / f"fetched{len(bad)}", owner_key=OWNER_KEY)
        assert not (tmp_path / f"fetched{len(bad)}" / "manifest.json").exists()
    large.unlink()
    with pytest.raises(StorageError, match="is not in the store"):
        fetch(Store(store.as_uri()), tmp_path / "fetched", owner_key=OWNER_KEY)


def test_a_directory_that_was_changed_is_not_sent(tmp_path: Path, url: str) -> None:
    model = encrypt(tmp_path / "source", tmp_path / "model", LARGE)
    large = max((model / "contents").iterdir(), key=lambda path: path.stat().st_size)
    large.write_bytes(large.read_bytes()[:-1] + b"x")
    with pytest.raises(DamagedError, match="is not the file that the manifest names"):
        upload(model, Store(url), owner_key=OWNER_KEY)
    assert Store(url).size(f"contents/{large.name}") is None
    assert Store(url).size("manifest.json") is None


def test_only_what_the_manifest_names_is_sent(tmp_path: Path) -> None:
    model = encrypt(tmp_path / "source", tmp_path / "model", {"a": b"1"})
    (model / "model.key").write_bytes(KEY)
    (model / "contents" / "notes").write_text("in clear")
    upload(model, Store((tmp_path / "store").as_uri()), owner_key=OWNER_KEY)
    names = {path.name for path in (tmp_path / "store").rglob("*")}
    assert not names & {"model.key", "notes"}


def test_another_owners_model_and_another_directory_are_refused(tmp_path: Path, url: str) -> None:
    model = encrypt(tmp_path / "source", tmp_path / "model", {"a": b"1"})
    upload(model, Store(url), owner_key=OWNER_KEY)
    with pytest.raises(DamagedError, match="was not signed by the owner's key"):
        fetch(Store(url), tmp_path / "fetched", owner_key=bytes(32))
    with pytest.raises(SourceError, match="holds something else"):
        fetch(Store(url), tmp_path / "source", owner_key=OWNER_KEY)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [("nonsense://bucket/model", "Protocol not known"), ("dask://x/y", "needs a package that is not installed")],
)
def test_a_url_that_cannot_be_used_is_said_in_words(url: str, sentence: str) -> None:
    with pytest.raises(SourceError, match=sentence):
        Store(url)


class FailingStore(MemoryFileSystem):
    """A store whose network fails after some bytes."""

    protocol = "failing"

    def size(self, path: str) -> int:
        raise TimeoutError("a network that is gone")


def test_a_store_that_fails_is_said_in_words(tmp_path: Path) -> None:
    fsspec.register_implementation("failing", FailingStore, clobber=True)
    model = encrypt(tmp_path / "source", tmp_path / "model", LARGE)
    with pytest.raises(StorageError, match=r"The store failed at contents/.*: TimeoutError"):
        upload(model, Store("failing://bucket/x"), owner_key=OWNER_KEY)


def test_the_commands_send_and_bring(tmp_path: Path) -> None:
    model = encrypt(tmp_path / "source", tmp_path / "model", {"a": b"1"})
    write_private_key(tmp_path / "owner", SIGNING_KEY)
    url, said = (tmp_path / "store").as_uri(), io.StringIO()
    call_command("model_upload", str(model), url, "--signing-key", str(tmp_path / "owner"), stdout=said)
    assert b64encode(OWNER_KEY) in said.getvalue()
    call_command("model_fetch", url, str(tmp_path / "fetched"), "--owner-key", b64encode(OWNER_KEY), stdout=said)
    assert read_tree(tmp_path / "fetched") == read_tree(model)
    with pytest.raises(CommandError, match="--owner-key: "):
        call_command("model_fetch", url, str(tmp_path / "other"), "--owner-key", "short")
