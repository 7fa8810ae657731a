"""Alibaba's packager is driven where it is installed: a stand-in with its interface; the real one is not public."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import override_settings

from attestation.encoding import b64decode
from confchat.vault.errors import KeyRefusedError, SourceError, StorageError
from confchat.vault.model_directory import read_manifest
from confchat.vault.sam import package
from confchat.vault.storage import Store, fetch, upload
from tests.vault.scene import KEY, OWNER, OWNER_KEY, read_tree, write_source

KEY_ID = "model-key-1"
# It writes ./<key id>/ as the documentation of RAI_SAM_SDK_2.1.0 says, and nothing of the format.
WORKS = """#!/bin/sh
mkdir "$3" && for f in "$1"/*; do printf 'packaged %s' "${#2}" > "$3/$(basename "$f")"; done
"""
FAILS = "#!/bin/sh\necho no licence for $2; exit 3\n"
WRITES_NOTHING = "#!/bin/sh\nexit 0\n"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    write_source(tmp_path / "source", {"config.json": b"{}", "model.safetensors": b"weights"})
    return tmp_path / "source"


def script(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "do_content_packager.sh"
    path.write_text(text)
    path.chmod(0o700)
    return path


def test_its_output_is_a_model_that_can_be_sent_and_brought(tmp_path: Path, source: Path) -> None:
    model = tmp_path / "model"
    package(source, model, packager=script(tmp_path, WORKS), key=KEY, key_id=KEY_ID, owner=OWNER)
    manifest = read_manifest(model, owner_key=OWNER_KEY)
    assert (manifest.format, set(manifest.files)) == ("sam", {"config.json", "model.safetensors"})
    store = Store((tmp_path / "store").as_uri())
    upload(model, store, owner_key=OWNER_KEY)
    fetch(store, tmp_path / "fetched", owner_key=OWNER_KEY)
    assert read_tree(tmp_path / "fetched") == read_tree(model)


def test_what_it_says_is_told_without_the_key(tmp_path: Path, source: Path) -> None:
    with pytest.raises(StorageError, match=r"ended with 3: 'no licence for \(the key\)'"):
        package(source, tmp_path / "m", packager=script(tmp_path, FAILS), key=KEY, key_id=KEY_ID, owner=OWNER)
    with pytest.raises(StorageError, match="wrote no directory model-key-1"):
        package(source, tmp_path / "n", packager=script(tmp_path, WRITES_NOTHING), key=KEY, key_id=KEY_ID, owner=OWNER)


@pytest.mark.parametrize("key", [b"abc", b"k" * 129, b"two words", b"$(id)", b"-option", b"a;reboot", b"key\n"])
def test_a_key_that_it_does_not_take_is_refused(tmp_path: Path, source: Path, key: bytes) -> None:
    with pytest.raises(KeyRefusedError):
        package(source, tmp_path / "m", packager=script(tmp_path, WORKS), key=key, key_id=KEY_ID, owner=OWNER)
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("key_id", ["short", "x" * 49, "../../escape", "-option-id", "two words", "idididid\n"])
def test_a_key_id_that_it_does_not_take_is_refused(tmp_path: Path, source: Path, key_id: str) -> None:
    with pytest.raises(SourceError, match="The key id has 8 to 48"):
        package(source, tmp_path / "m", packager=script(tmp_path, WORKS), key=KEY, key_id=key_id, owner=OWNER)


def test_the_command_drives_it_where_it_is_and_says_where_it_is_not(tmp_path: Path, source: Path) -> None:
    arguments = ["model_pack_sam", str(source), str(tmp_path / "model"), "--key-id", KEY_ID]
    arguments += ["--key", str(tmp_path / "key"), "--signing-key", str(tmp_path / "owner")]
    with override_settings(CONFCHAT_SAM_PACKAGER=None), pytest.raises(CommandError, match="is not set"):
        call_command(*arguments)
    with override_settings(CONFCHAT_SAM_PACKAGER=tmp_path / "no"), pytest.raises(CommandError, match="no packager at"):
        call_command(*arguments)
    said = io.StringIO()
    with override_settings(CONFCHAT_SAM_PACKAGER=script(tmp_path, WORKS)):
        call_command(*arguments, stdout=said)
    owner_key = b64decode(said.getvalue().split()[-1], size=32)
    assert len(read_manifest(tmp_path / "model", owner_key=owner_key).files) == 2
