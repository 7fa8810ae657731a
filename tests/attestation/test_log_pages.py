"""The log's page: what was signed, who witnessed it, and two checkpoints whose consistency is proved in words."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.test import Client
from pytest_django import Settings

from attestation import publication
from attestation.key_files import write_private_key
from attestation.log.checkpoint import Checkpoint
from attestation.log.key import LogKey
from attestation.log.store import sign_log
from attestation.models import LogCheckpoint, LogEntry
from tests.attestation.log_scene import ORIGIN, build_key, grow, leaf_hashes, tree_of
from tests.attestation.test_views import People, people, text_of
from tests.attestation.test_witnesses import cosign, vkey
from tests.attestation.witness_stand_in import StandIn

__all__ = ["people"]

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = "/attestation/log/"


@pytest.fixture
def client(people: People, tmp_path: Path, settings: Settings) -> Client:
    (tmp_path / "keys").mkdir()
    write_private_key(tmp_path / "keys" / "log.ed25519", build_key()._key)
    write_private_key(tmp_path / "keys" / "token.p256", generate_private_key(SECP256R1()))
    settings.CONFCHAT_DATA_DIR = tmp_path
    settings.CONFCHAT_LOG_ORIGIN = ORIGIN
    grow(3)
    sign_log(publication.checkpoint_signer())
    grow(297, start=3)
    sign_log(publication.checkpoint_signer())
    return people.auditor


def compared(client: Client, first: object, second: object) -> str:
    return text_of(client.get(PAGE, {"first": first, "second": second}))


def test_growth_is_proved_in_words_whichever_is_named_first(client: Client) -> None:
    for first, second in ((3, 300), (300, 3)):
        shown = compared(client, first, second)
        assert "The first 3 entries are the same in both" in shown
        assert "297 entries came after them." in shown
        assert "Attestations: 297" in shown
        assert "3 → 300" in shown


def test_a_note_that_somebody_kept_is_compared_too(client: Client) -> None:
    note = LogCheckpoint.objects.get(size=3).note
    assert "297 entries came after them." in compared(client, note.replace("\n", "\r\n"), 300)
    assert "Both are the log of 3 entries" in compared(client, note, 3)


def test_what_was_signed_of_another_history_is_named(client: Client) -> None:
    other = tree_of(leaf_hashes(300)[10:15])
    note = build_key().sign_checkpoint(Checkpoint(origin=ORIGIN, size=5, root=other.root()))
    assert "Not consistent" in compared(client, note, 300)
    larger = build_key().sign_checkpoint(Checkpoint(origin=ORIGIN, size=500, root=other.root()))
    assert "it was set back" in compared(client, larger, 300)
    same = build_key().sign_checkpoint(Checkpoint(origin=ORIGIN, size=300, root=other.root()))
    assert "Not consistent" in compared(client, 300, same)


def test_an_entry_changed_since_is_found(client: Client) -> None:
    LogEntry.objects.filter(index=7).update(hash=bytes(32))
    LogEntry.objects.filter(index=290).update(hash=bytes(32))
    assert "Not consistent" in compared(client, 3, 300)


def test_what_this_log_never_signed_is_refused(client: Client) -> None:
    stranger = LogKey(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes([4] * 32)))
    forged = stranger.sign_checkpoint(Checkpoint(origin=ORIGIN, size=3, root=bytes(32)))
    for text, said in (
        (forged, "not signed by this log"),
        ("7", "No checkpoint of this size"),
        ("seven", "neither a size"),
    ):
        answer = client.get(PAGE, {"first": text, "second": 300})
        assert (answer.status_code, said in answer.content.decode()) == (400, True)


def test_who_witnessed_is_shown_and_a_failure_of_his(client: Client, settings: Settings) -> None:
    assert "No witness is configured" in text_of(client.get(PAGE))
    witness = StandIn()
    settings.CONFCHAT_WITNESSES = (f"https://{witness.name} {vkey(witness)}",)
    assert "It was not asked yet." in text_of(client.get(PAGE))
    cosign(witness)
    for path in (PAGE, "/how/"):
        shown = text_of(client.get(path))
        assert witness.name in shown
        assert "2026-11-22 12:00" in shown
    LogCheckpoint.objects.filter(size=300).update(note=LogCheckpoint.objects.get(size=3).note)
    assert "2026-11-22 12:00" not in text_of(client.get("/how/")), "a cosignature that does not hold is not shown"
