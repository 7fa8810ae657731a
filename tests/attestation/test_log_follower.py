"""A stranger follows the log: growth is proved, and whatever is changed, removed or put elsewhere is found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from django.db.models import F
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from attestation import publication
from attestation.__main__ import BAD_INPUT, GREEN, NOT_GREEN, main
from attestation.key_files import write_private_key
from attestation.log.merkle import hash_leaf
from attestation.log.signer import CheckpointSigner
from attestation.log.store import sign_log
from attestation.models import LogCheckpoint, LogEntry, LogHead, LogNode
from tests.attestation.log_scene import ORIGIN, build_key, grow, leaf

pytestmark = pytest.mark.django_db(transaction=True)

COUNT = 600


@pytest.fixture
def signer(tmp_path: Path, settings: Settings) -> CheckpointSigner:
    (tmp_path / "keys").mkdir()
    write_private_key(tmp_path / "keys" / "log.ed25519", build_key()._key)
    write_private_key(tmp_path / "keys" / "token.p256", generate_private_key(SECP256R1()))
    settings.CONFCHAT_DATA_DIR = tmp_path
    settings.CONFCHAT_LOG_ORIGIN = ORIGIN
    return publication.checkpoint_signer()


@pytest.fixture
def site(live_server: LiveServer) -> str:
    return str(live_server.url)


def follow(site: str, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    code = main(["log", site, "--key", build_key().vkey, "--json", *arguments])
    told = capsys.readouterr()
    return code, json.loads(told.out) if told.out else {"error": told.err}


def test_a_log_that_grew_is_consistent_and_remembered(
    site: str, signer: CheckpointSigner, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = str(tmp_path / "seen.json")
    start, sizes = 0, [1, 255, 256, 300, COUNT]
    for size in sizes:
        grow(size - start, start=start)
        sign_log(signer)
        code, told = follow(site, capsys, "--state", state, "--audit")
        assert (code, told["consistent"], told["now"]["size"]) == (GREEN, True, size)
        assert (told["seen"] or {"size": 0})["size"] == start
        start = size
    assert main(["log", site, "--state", state]) == GREEN
    assert f"Its first {COUNT} are those seen before: it only grew." in capsys.readouterr().out


def test_a_log_that_was_begun_anew_is_found_by_whoever_remembers_it(
    site: str, signer: CheckpointSigner, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = str(tmp_path / "seen.json")
    grow(5)
    sign_log(signer)
    follow(site, capsys, "--state", state)
    remembered = Path(state).read_bytes()
    # The operator sets back everything that he has: database and file.
    for model in (LogCheckpoint, LogEntry, LogHead, LogNode):
        model.objects.all().delete()
    signer.path.unlink()
    for count, word in ((3, "had 5 entries"), (4, "does not continue")):
        grow(count, start=100 + count)
        sign_log(signer)
        code, told = follow(site, capsys, "--state", state)
        assert (code, told["consistent"]) == (NOT_GREEN, False)
        assert word in told["reason"]
        assert Path(state).read_bytes() == remembered


def change_entry(index: int) -> None:
    LogEntry.objects.filter(index=index).update(entry=leaf(9999).entry)


def change_entry_and_hash(index: int) -> None:
    LogEntry.objects.filter(index=index).update(entry=leaf(9999).entry, hash=hash_leaf(leaf(9999).entry))


def remove_entry(index: int) -> None:
    LogEntry.objects.filter(index=index).delete()


def swap_entries(index: int) -> None:
    LogEntry.objects.filter(index=index).update(index=10_000)
    LogEntry.objects.filter(index=index + 1).update(index=F("index") - 1)
    LogEntry.objects.filter(index=10_000).update(index=index + 1)


@pytest.mark.parametrize("damage", [change_entry, change_entry_and_hash, remove_entry, swap_entries])
@pytest.mark.parametrize("index", [7, 255 + 40, COUNT - 2])
def test_an_entry_changed_removed_or_put_elsewhere_is_found(
    site: str, signer: CheckpointSigner, capsys: pytest.CaptureFixture[str], damage: Any, index: int
) -> None:
    grow(COUNT)
    sign_log(signer)
    assert follow(site, capsys, "--audit")[0] == GREEN
    damage(index)
    code, told = follow(site, capsys, "--audit")
    assert (code, told["consistent"]) == (NOT_GREEN, False)
    if damage is change_entry:
        assert f"entries {index} are not" in told["reason"]


def test_another_key_and_another_state_are_told_apart(
    site: str, signer: CheckpointSigner, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    grow(1)
    sign_log(signer)
    other = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
    assert main(["log", site, "--key", other]) == NOT_GREEN
    assert "another log" in capsys.readouterr().out
    assert main(["log", site]) == GREEN
    assert "nobody else has vouched" in capsys.readouterr().out
    state = tmp_path / "seen.json"
    assert follow(site, capsys, "--state", str(state))[0] == GREEN
    assert main(["log", site, "--key", other, "--state", str(state)]) == BAD_INPUT
    state.write_text("{}")
    assert main(["log", site, "--state", str(state)]) == BAD_INPUT
    assert main(["log", "http://127.0.0.1:1"]) == BAD_INPUT
