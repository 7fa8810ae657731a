"""The reference release of a development installation."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from attestation.reference_models import ModelServer, ReferenceModel
from attestation.reference_values import Measurements, load_releases
from confchat.file_digests import FileDigests
from confchat.reference_release import LIFETIME, RENEWED_BEFORE, program_files, program_version, renew_release

NOW = datetime(2026, 3, 1, tzinfo=UTC)
MODEL = ReferenceModel(name="smollm2:135m", digest="sha256:" + "ab" * 32, blobs=())
SERVER = ModelServer(server="ollama/0.12.3", binary="sha256:" + "ab" * 32, settings=("OLLAMA_DEBUG=0",))
MEASURED = Measurements(
    mr_td=b"\x01" * 48,
    mr_seam=b"\x02" * 48,
    rtmr0=bytes(48),
    rtmr1=bytes(48),
    rtmr2=bytes(48),
    rtmr3=bytes(48),
    xfam=bytes(8),
    mr_config_id=bytes(48),
    mr_owner=bytes(48),
    mr_owner_config=bytes(48),
)


@pytest.fixture(scope="module")
def key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


def renew(directory: Path, key: Ed25519PrivateKey, **changes: Any) -> bool:
    content = {
        "version": "0.1.0",
        "measurements": [MEASURED],
        "models": [MODEL],
        "model_servers": [SERVER],
        "files": {"a": "00" * 32},
        "events": [],
        "now": NOW,
    }
    return renew_release(directory, key, **(content | changes))


def test_release_is_genuine_and_says_what_was_measured(tmp_path: Path, key: Ed25519PrivateKey) -> None:
    assert renew(tmp_path, key)
    (release,) = load_releases(tmp_path, release_key=key.public_key().public_bytes_raw())
    assert (release.version, release.platform, release.measurements) == ("0.1.0", "simulator", (MEASURED,))
    assert (release.models, release.model_servers) == ({MODEL}, {SERVER})
    assert release.files == {"a": "00" * 32}
    assert (release.issued_at, release.expires_at) == (NOW.timestamp(), (NOW + LIFETIME).timestamp())


def test_release_that_still_holds_is_left_alone(tmp_path: Path, key: Ed25519PrivateKey) -> None:
    renew(tmp_path, key)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert not renew(tmp_path, key, now=NOW + LIFETIME - RENEWED_BEFORE - timedelta(seconds=1))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    "change",
    [
        {"models": [replace(MODEL, blobs=("sha256:" + "cd" * 32,))]},
        {"model_servers": [replace(SERVER, settings=("OLLAMA_DEBUG=1",))]},
        {"files": {"a": "11" * 32}},
        {"events": ["operator variables {}"]},
        {"measurements": [replace(MEASURED, mr_td=b"\x09" * 48)]},
        {"now": NOW + LIFETIME - RENEWED_BEFORE},
    ],
    ids=["other model", "other model server", "other file", "other event", "other machine", "soon over"],
)
def test_release_is_signed_anew_when_it_no_longer_holds(
    tmp_path: Path, key: Ed25519PrivateKey, change: dict[str, Any]
) -> None:
    renew(tmp_path, key)
    assert renew(tmp_path, key, **change)
    assert len(load_releases(tmp_path, release_key=key.public_key().public_bytes_raw())) == 1


@pytest.mark.parametrize("spoiled", ["0.1.0.json", "0.1.0.sig"])
def test_release_that_was_tampered_with_is_made_anew(tmp_path: Path, key: Ed25519PrivateKey, spoiled: str) -> None:
    renew(tmp_path, key)
    (tmp_path / spoiled).write_bytes(b"\xff")
    assert renew(tmp_path, key)
    load_releases(tmp_path, release_key=key.public_key().public_bytes_raw())


def test_release_of_another_key_is_made_anew(tmp_path: Path, key: Ed25519PrivateKey) -> None:
    renew(tmp_path, Ed25519PrivateKey.generate())
    assert renew(tmp_path, key)
    load_releases(tmp_path, release_key=key.public_key().public_bytes_raw())


def test_program_files_are_those_that_run_or_are_served(tmp_path: Path) -> None:
    for name in ("manage.py", "confchat/a.py", "confchat/a.pyc", "static/js/main.js", "tests/test_a.py", "var/x.js"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    files = program_files(tmp_path, FileDigests())
    assert list(files) == ["confchat/a.py", "manage.py", "static/js/main.js"]
    assert files["static/js/main.js"] == hashlib.sha256(b"static/js/main.js").hexdigest()


def test_program_version_is_the_projects() -> None:
    major, minor, patch = program_version(Path(__file__).parents[2]).split(".")
    assert all(part.isdigit() for part in (major, minor, patch))
