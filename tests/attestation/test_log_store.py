"""The log in the database: what is published is what an independent reader accepts, and nothing signed is unsigned."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from pytest_django import Settings
from tlog_scales.reader import TilesReader
from tlog_scales.signing import Vkey
from tlog_scales.tiles import leaf_hash

from attestation import publication
from attestation.errors import ConfigurationError
from attestation.key_files import write_private_key
from attestation.log.checkpoint import verify_checkpoint
from attestation.log.entries import log_policy
from attestation.log.merkle import EMPTY_ROOT, verify_consistency
from attestation.log.signer import CheckpointSigner, Growth
from attestation.log.store import append_leaf, log_size, read_tree, sign_log
from attestation.models import LogCheckpoint, LogEntry, LogHead, LogNode
from tests.attestation.log_scene import ORIGIN, build_key, build_signer, grow, leaf

pytestmark = pytest.mark.django_db(transaction=True)


class HttpBackend:
    """The log as the product serves it to strangers, for tlog-scales."""

    def get(self, *path: str) -> bytes | None:
        answer = Client().get("/attestation/log/" + "/".join(path))
        return answer.content if answer.status_code == 200 else None


@pytest.fixture
def signer(tmp_path: Path) -> CheckpointSigner:
    return build_signer(tmp_path)


@pytest.fixture
def served(tmp_path: Path, settings: Settings) -> CheckpointSigner:
    """Put the log's key where the product looks for it."""
    (tmp_path / "keys").mkdir()
    write_private_key(tmp_path / "keys" / "log.ed25519", build_key()._key)
    settings.CONFCHAT_DATA_DIR = tmp_path
    settings.CONFCHAT_LOG_ORIGIN = ORIGIN
    return publication.checkpoint_signer()


# --- what is published ---------------------------------------------------------------------------


def test_an_independent_reader_accepts_every_entry_and_every_step(served: CheckpointSigner) -> None:
    reader, steps = TilesReader(HttpBackend()), []
    for count in (1, 2, 253, 1, 1, 300):
        grow(count, start=log_size())
        sign_log(served)
        reader = TilesReader(HttpBackend())
        checkpoint = reader.get_checkpoint()
        checkpoint.verify(Vkey.from_string(build_key().vkey))
        assert (checkpoint.origin, checkpoint.size) == (ORIGIN, log_size())
        assert reader.calculate_root_hash() == checkpoint.root_hash
        steps.append(checkpoint)
    newest = steps[-1]
    for older in steps:
        proof = reader.get_consistency_proof(older.size, newest.size)
        proof.check(older.root_hash, newest.root_hash)
    for index in (0, 255, 256, newest.size - 1):
        entry = reader.get_entry(index)
        assert entry == leaf(index).entry
        reader.get_inclusion_proof(index, newest.size).check(leaf_hash(entry), newest.root_hash)


def test_nothing_is_published_before_it_is_signed_for(served: CheckpointSigner) -> None:
    stranger = Client()
    assert stranger.get("/attestation/log/checkpoint").status_code == 404
    grow(1)
    sign_log(served)
    grow(1, start=1)
    assert stranger.get("/attestation/log/tile/0/000.p/1").status_code == 200
    for path in ("0/000.p/2", "0/000", "0/001.p/1", "1/000.p/1", "entries/000.p/2", "63/000"):
        assert stranger.get(f"/attestation/log/tile/{path}").status_code == 404, path


def test_tiles_may_be_kept_for_good_and_the_checkpoint_may_not(served: CheckpointSigner) -> None:
    grow(2)
    sign_log(served)
    tile = Client().get("/attestation/log/tile/0/000.p/2")
    assert tile["Content-Type"] == "application/octet-stream"
    assert "immutable" in tile["Cache-Control"]
    assert "no-cache" in Client().get("/attestation/log/checkpoint")["Cache-Control"]
    assert "immutable" not in Client().get("/attestation/log/tile/0/001.p/1").get("Cache-Control", "")


def test_entries_name_neither_salt_nor_record(served: CheckpointSigner) -> None:
    append_leaf(leaf(12345))
    entry = bytes(LogEntry.objects.get().entry)
    assert json.loads(entry).keys() == {"v", "kind", "at", "outcome", "commitment"}
    assert b"12345" not in entry


# --- appending -----------------------------------------------------------------------------------


def test_an_entry_whose_transaction_fails_never_was() -> None:
    grow(1)
    with transaction.atomic():
        grow(256, start=1)
        transaction.set_rollback(True)
    assert (log_size(), LogEntry.objects.count(), LogNode.objects.count()) == (1, 1, 0)
    grow(1, start=1)
    assert [*LogEntry.objects.order_by("index").values_list("index", flat=True)] == [0, 1]


def test_an_index_is_never_given_twice() -> None:
    grow(2)
    LogHead.objects.update(size=1)
    with pytest.raises(DatabaseError):
        grow(1)


def test_a_policy_is_written_when_it_changes_and_only_then() -> None:
    assert log_policy({"policy": "a"})
    assert not log_policy({"policy": "a"})
    assert log_policy({"policy": "b"})
    assert log_policy({"policy": "a"})
    assert log_size() == 3


# --- signing -------------------------------------------------------------------------------------


def test_an_empty_log_is_signed_as_size_zero_and_the_hash_of_nothing(signer: CheckpointSigner) -> None:
    signed = sign_log(signer)
    assert (signed.checkpoint.size, signed.checkpoint.root) == (0, EMPTY_ROOT)


def test_a_log_that_did_not_grow_is_not_signed_again(signer: CheckpointSigner) -> None:
    grow(1)
    first = sign_log(signer)
    changed = signer.path.stat().st_mtime_ns
    assert sign_log(signer) == first
    assert signer.path.stat().st_mtime_ns == changed


def test_a_checkpoint_is_never_signed_inside_a_transaction(signer: CheckpointSigner) -> None:
    grow(1)
    with transaction.atomic(), pytest.raises(ConfigurationError):
        sign_log(signer)
    assert signer.last() is None


def refuse(signer: CheckpointSigner, sentence: str) -> None:
    """Have the signer asked, and see that it says why not and signs nothing."""
    before = signer.path.read_bytes() if signer.path.exists() else None
    with pytest.raises(ConfigurationError, match=sentence):
        sign_log(signer)
    assert (signer.path.read_bytes() if signer.path.exists() else None) == before


def test_a_database_that_was_set_back_is_refused(signer: CheckpointSigner) -> None:
    grow(3)
    sign_log(signer)
    LogEntry.objects.filter(index=2).delete()
    LogHead.objects.update(size=2)
    refuse(signer, "was set back")


def test_a_database_that_was_set_back_and_went_on_is_refused(signer: CheckpointSigner) -> None:
    grow(3)
    sign_log(signer)
    LogEntry.objects.filter(index=2).delete()
    LogHead.objects.update(size=2)
    grow(5, start=700)
    refuse(signer, "not those that were signed")


@pytest.mark.parametrize("count", [3, 256, 300])
@pytest.mark.parametrize("then", [0, 1, 300])
def test_a_signed_hash_that_was_changed_is_refused(signer: CheckpointSigner, count: int, then: int) -> None:
    grow(count)
    sign_log(signer)
    if count < 256:
        LogEntry.objects.filter(index=1).update(hash=bytes(32))
    else:
        LogNode.objects.filter(level=1, index=0).update(hash=bytes(32))
    grow(then, start=count)
    refuse(signer, "not those that were signed")


def test_a_leaf_changed_while_its_tile_fills_up_and_put_back_afterwards_is_refused(signer: CheckpointSigner) -> None:
    grow(200)
    sign_log(signer)
    honest = LogEntry.objects.get(index=1).hash
    LogEntry.objects.filter(index=1).update(hash=bytes(32))
    grow(56, start=200)
    LogEntry.objects.filter(index=1).update(hash=honest)
    refuse(signer, "not those that were signed")


def test_a_removed_row_is_refused(signer: CheckpointSigner) -> None:
    grow(3)
    sign_log(signer)
    LogEntry.objects.filter(index=1).delete()
    refuse(signer, "lacks log entries")


def test_a_lost_file_is_refused_and_not_begun_anew(signer: CheckpointSigner) -> None:
    grow(3)
    sign_log(signer)
    signer.path.unlink()
    refuse(signer, "is missing")


@pytest.mark.parametrize(
    "damage", [lambda note: note[:-10], lambda note: b"", lambda note: note.replace(b"3", b"2", 1)]
)
def test_a_damaged_file_is_refused(signer: CheckpointSigner, damage: Any) -> None:
    grow(3)
    sign_log(signer)
    signer.path.write_bytes(damage(signer.path.read_bytes()))
    refuse(signer, "does not hold a checkpoint")


# --- crashes -------------------------------------------------------------------------------------


def test_a_crash_after_the_commit_leaves_entries_that_the_next_start_signs_for(tmp_path: Path) -> None:
    grow(2)
    assert sign_log(build_signer(tmp_path)).checkpoint.size == 2


def test_a_crash_while_measuring_signs_nothing_and_frees_the_turn(signer: CheckpointSigner) -> None:
    def crash(_: object) -> Growth:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        signer.advance(crash)
    assert signer.last() is None
    grow(1)
    assert sign_log(signer).checkpoint.size == 1


def test_a_crash_before_the_file_is_in_place_leaves_the_old_checkpoint(
    tmp_path: Path, signer: CheckpointSigner
) -> None:
    grow(1)
    old = sign_log(signer)
    grow(1, start=1)
    (tmp_path / ".log.checkpoint.0123456789abcdef").write_text("half a no")
    assert build_signer(tmp_path).last() == old
    assert sign_log(build_signer(tmp_path)).checkpoint.size == 2


def test_a_crash_before_the_database_remembers_is_made_good(tmp_path: Path, signer: CheckpointSigner) -> None:
    grow(2)
    tree = read_tree(2)
    signed = signer.advance(lambda _: Growth(size=2, root=tree.root(), proof=()))
    assert not LogCheckpoint.objects.exists()
    assert sign_log(build_signer(tmp_path)) == signed
    assert LogCheckpoint.objects.get().note == signed.note


def test_checkpoints_kept_in_the_database_verify_and_continue_each_other(signer: CheckpointSigner) -> None:
    for _ in range(3):
        grow(2, start=log_size())
        sign_log(signer)
    rows = [*LogCheckpoint.objects.order_by("size")]
    steps = [verify_checkpoint(row.note, origin=ORIGIN, public_key=build_key().public) for row in rows]
    assert [step.size for step in steps] == [2, 4, 6]
    for old, new in itertools.pairwise(steps):
        proof = read_tree(new.size).prove_consistency(old.size)
        verify_consistency(old_size=old.size, old_root=old.root, new_size=new.size, new_root=new.root, proof=proof)
