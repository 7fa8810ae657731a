"""Admins see how each encrypted model is now, in their language, also where whoever wrote it down is gone."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils import translation
from pytest_django import Settings

from confchat.encrypted_rows import encrypted_rows
from confchat.model_states import ModelState, ModelStates, Shown, states_of_installation
from tests.confchat.unlock_scene import members_of

MANIFEST = f"sha256:{'ab' * 32}"
SHOWN = Shown(
    mr_td="00" * 48,
    rtmrs=("11" * 48,) * 4,
    policies=("default",),
    protocol="0.4.0",
    broker="https://b.example",
    owner_key="A",
    manifest=MANIFEST,
)
UNLOCKED = ModelState(state="unlocked", at=1_790_000_000, way="decrypt", shown=SHOWN, confirmed_at=1_790_000_600)


@pytest.fixture
def mount(tmp_path: Path, settings: Settings) -> Iterator[Path]:
    """Let this be an installation with one record; return where its model is opened."""
    with tempfile.TemporaryDirectory(dir=tmp_path) as directory:
        mount = Path(directory)
        settings.CONFCHAT_DATA_DIR = tmp_path
        settings.CONFCHAT_MODEL_RECORDS = tmp_path
        settings.CONFCHAT_OLLAMA_MODELS = mount
        settings.CONFCHAT_OLLAMA_HOST = "http://127.0.0.1:1"
        settings.CONFCHAT_EMBEDDED_MODEL = False
        members = members_of("https://b.example", Path("/srv/m"), mount, manifest=MANIFEST)
        (tmp_path / "m.json").write_text(json.dumps(members))
        yield mount


def row(*served: str) -> dict[str, Any]:
    (found,) = encrypted_rows(served)
    assert json.loads(json.dumps(found))["name"] == "m"
    return found


def states() -> ModelStates:
    return states_of_installation()


def test_a_model_that_was_never_unlocked_is_encrypted(mount: Path) -> None:
    assert (row()["state"], row()["detail"], row()["total"]) == ("encrypted", "", 0)
    assert ("Manifest", MANIFEST, True) in row()["facts"]


def test_a_model_is_serving_where_the_model_server_has_it_from_where_it_was_opened(mount: Path) -> None:
    (mount / "manifests").mkdir()
    states().write("m", UNLOCKED)
    assert row("another")["state"] == "unlocked"
    assert row("small")["state"] == "serving"
    facts = {label: value for label, value, _ in row("small")["facts"]}
    assert (facts["Since"], facts["MRTD"]) == ("2026-09-21 14:13:20 UTC", SHOWN.mr_td)
    assert facts["Last confirmed by the broker"] == "2026-09-21 14:23:20 UTC"


def test_a_model_of_the_same_name_from_elsewhere_is_not_the_opened_one(mount: Path, settings: Settings) -> None:
    (mount / "manifests").mkdir()
    settings.CONFCHAT_OLLAMA_MODELS = mount.parent
    states().write("m", UNLOCKED)
    assert row("small")["state"] == "unlocked"


def test_a_model_that_is_not_open_any_more_is_locked(mount: Path) -> None:
    states().write("m", UNLOCKED)
    assert (row("small")["state"], row("small")["sentence"]) == ("locked", "It was closed by somebody else.")


def test_progress_is_told_while_somebody_unlocks_and_not_after_he_is_gone(mount: Path) -> None:
    states().write("m", ModelState(state="unlocking", at=1, step="stored", done=500_000, total=2_000_000))
    with states().held("m"):
        found = row()
        assert (found["state"], found["sentence"], found["done"]) == ("unlocking", "Checking what is stored", 500_000)
        assert found["amount"].replace("\xa0", " ") == "488.3 KB of 1.9 MB"
    assert (row()["state"], row()["total"]) == ("failed", 0)
    assert row()["sentence"] == "Unlocking was ended before it was done."


@pytest.mark.parametrize(
    ("fault", "sentence", "detail"),
    [
        ("kbs_policy: Not to you.", "The broker's policy does not give the key to this machine.", True),
        ("kbs_path: There is none.", "The broker refused, or its answer is not understood.", True),
        ("other_model: Older.", "It is its owner's, and not the model that the record names. ", True),
        ("its engine ended", "It was locked when its model server ended.", False),
        ("the operator said so", "the operator said so", False),
    ],
)
def test_what_went_wrong_is_said_in_words(mount: Path, fault: str, sentence: str, detail: bool) -> None:
    states().write("m", ModelState(state="failed", at=1, fault=fault))
    assert row()["sentence"].startswith(sentence)
    assert row()["detail"] == (fault if detail else "")


@pytest.mark.parametrize("language", ["ja", "zh-hans"])
def test_states_and_reasons_are_in_the_readers_language(mount: Path, language: str) -> None:
    states().write("m", ModelState(state="failed", at=1, fault="damaged: A file."))
    english = row()
    with translation.override(language):
        assert not {english["word"], english["sentence"]} & {row()["word"], row()["sentence"]}
        assert row()["detail"] == "damaged: A file."


def test_a_record_that_cannot_be_read_is_named(mount: Path) -> None:
    (mount.parent / "m.json").write_text("{}")
    (found,) = encrypted_rows(())
    assert (found["state"], "m.json" in found["detail"]) == ("failed", True)
