"""The real gocryptfs and we read each other's directories."""

from __future__ import annotations

from pathlib import Path

import pytest

from confchat.vault.decrypting import decrypt_into
from confchat.vault.errors import DamagedError, UnsupportedError, WrongKeyError
from confchat.vault.reader import open_vault
from tests.vault.gocryptfs import initialise, mounted, needs_gocryptfs, needs_mounts, run
from tests.vault.scene import CONTENTS, KEY, encrypt, read_tree


@needs_mounts
def test_gocryptfs_finds_what_we_wrote_clean_and_shows_it(tmp_path: Path) -> None:
    contents = encrypt(tmp_path / "source", tmp_path / "model") / "contents"
    checked = run("-fsck", str(contents), key=KEY)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    with mounted(contents, "-ro", key=KEY, at=tmp_path / "mount") as mount:
        assert read_tree(mount) == CONTENTS


@needs_mounts
def test_what_gocryptfs_wrote_is_read_by_us(tmp_path: Path) -> None:
    initialise(tmp_path / "stored", key=KEY)
    with mounted(tmp_path / "stored", key=KEY, at=tmp_path / "mount") as mount:
        for name, content in CONTENTS.items():
            (mount / name).parent.mkdir(parents=True, exist_ok=True)
            (mount / name).write_bytes(content)
        (mount / "inner").symlink_to("deep/er")
    decrypt_into(open_vault(tmp_path / "stored", KEY, manifest=None), tmp_path / "plain")
    assert (tmp_path / "plain" / "inner").readlink() == Path("deep/er")
    assert read_tree(tmp_path / "plain") == CONTENTS


@needs_mounts
@pytest.mark.parametrize("target", ["/etc", "../outside", "deep/../../outside"])
def test_a_link_that_leads_out_is_refused_and_leaves_nothing(tmp_path: Path, target: str) -> None:
    initialise(tmp_path / "stored", key=KEY)
    with mounted(tmp_path / "stored", key=KEY, at=tmp_path / "mount") as mount:
        (mount / "file").write_bytes(b"content")
        (mount / "link").symlink_to(target)
    with pytest.raises(DamagedError, match="The link link leads out of its directory"):
        decrypt_into(open_vault(tmp_path / "stored", KEY, manifest=None), tmp_path / "plain")
    assert list((tmp_path / "plain").iterdir()) == []


@needs_mounts
def test_a_hole_is_refused_which_gocryptfs_would_show_as_zeros(tmp_path: Path) -> None:
    initialise(tmp_path / "stored", key=KEY)
    with mounted(tmp_path / "stored", key=KEY, at=tmp_path / "mount") as mount, (mount / "sparse").open("wb") as file:
        file.seek(8192)
        file.write(b"end")
    with pytest.raises(DamagedError, match="sparse has a hole at block 0"):
        decrypt_into(open_vault(tmp_path / "stored", KEY, manifest=None), tmp_path / "plain")


@needs_gocryptfs
@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("-aessiv", "encrypted with AES-SIV"),
        ("-xchacha", "encrypted with XChaCha20-Poly1305"),
        ("-plaintextnames", "file names are not encrypted"),
        ("-deterministic-names", "the same IV in every directory"),
    ],
)
def test_every_other_format_is_refused_by_name(tmp_path: Path, option: str, sentence: str) -> None:
    initialise(tmp_path / "stored", option, key=KEY)
    with pytest.raises(UnsupportedError, match=sentence):
        open_vault(tmp_path / "stored", KEY, manifest=None)


@needs_gocryptfs
def test_a_wrong_key_is_said_to_be_wrong_by_both(tmp_path: Path) -> None:
    initialise(tmp_path / "stored", key=KEY)
    assert run("-fsck", str(tmp_path / "stored"), key=b"another key").returncode == 12
    with pytest.raises(WrongKeyError, match="another model's key"):
        open_vault(tmp_path / "stored", b"another key", manifest=None)
