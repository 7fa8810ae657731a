"""`python -m attestation release`: from drafts to a signed manifest that a server takes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from attestation.__main__ import BAD_INPUT, GREEN, NOT_GREEN, main
from attestation.encoding import b64decode
from attestation.errors import ConfigurationError
from attestation.reference_values import load_releases
from attestation.simulator.td_report import Td
from tests.cases.scene import NOW, PLATFORM, Scene

TD = Td(report_data=bytes(64))
OTHER = "01" * 48


def release(*arguments: object, now: datetime = NOW) -> int:
    return main(["release", *map(str, arguments)], clock=lambda: now)


def write_draft(path: Path, **changes: Any) -> Path:
    (published,) = Scene().build()["releases"]
    members = {**json.loads(b64decode(published["manifest"])), "version": "0.0.0", "issued_at": 0, "expires_at": 0}
    path.write_text(json.dumps({**members, **changes}, indent=2))
    return path


def measured(**changes: str | None) -> list[dict[str, Any]]:
    (published,) = Scene().build()["releases"]
    (first,) = json.loads(b64decode(published["manifest"]))["measurements"]
    return [{**first, **changes}]


@pytest.fixture
def key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[Path, str]:
    """A release key, and its public part as the settings take it."""
    path = tmp_path / "release.ed25519"
    assert release("key", path) == GREEN
    public = capsys.readouterr().out.rpartition("CONFCHAT_RELEASE_KEY=")[2].strip()
    assert path.stat().st_mode & 0o777 == 0o600
    return path, public


def test_a_machine_becomes_a_release_that_a_server_takes(
    tmp_path: Path, key: tuple[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    private, public = key
    first = write_draft(tmp_path / "small.draft")
    second = write_draft(tmp_path / "large.draft", measurements=measured(rtmr0=OTHER))
    out = tmp_path / "releases"
    out.mkdir()
    assert release("build", first, second, "--version", "1.2.0", "--days", "90", "--out", out) == GREEN
    told = capsys.readouterr().out
    assert "Release 1.2.0" in told
    assert "machine 2" in told
    assert "90 days are left" in told
    assert "counts nowhere until it is signed" in told
    manifest = out / "1.2.0.json"
    assert release("sign", manifest, "--key", private) == GREEN
    (taken,) = load_releases(out, release_key=b64decode(public))
    assert (taken.version, len(taken.measurements)) == ("1.2.0", 2)
    assert taken.expires_at - taken.issued_at == 90 * 86400
    assert release("show", manifest, "--release-key", public) == GREEN


def test_nobody_takes_a_manifest_of_another_key(tmp_path: Path, key: tuple[Path, str]) -> None:
    private, public = key
    other = tmp_path / "other.ed25519"
    assert release("key", other) == GREEN
    assert release("build", write_draft(tmp_path / "a.draft"), "--version", "1.0.0", "--out", tmp_path) == GREEN
    manifest = tmp_path / "1.0.0.json"
    assert release("show", manifest) == NOT_GREEN
    assert release("show", manifest, "--release-key", public) == BAD_INPUT  # there is no signature
    assert release("sign", manifest, "--key", other) == GREEN
    assert release("show", manifest, "--release-key", public) == BAD_INPUT
    directory = tmp_path / "releases"
    directory.mkdir()
    for path in (manifest, manifest.with_suffix(".sig")):
        path.rename(directory / path.name)
    with pytest.raises(ConfigurationError):
        load_releases(directory, release_key=b64decode(public))
    assert private.exists()


def test_what_browsers_load_is_compared_with_what_somebody_made_himself(
    tmp_path: Path, key: tuple[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    private, public = key
    script = tmp_path / "copy" / "static" / "page" / "main.js"
    script.parent.mkdir(parents=True)
    script.write_text("begin();")
    files = {"static/page/main.js": hashlib.sha256(b"begin();").hexdigest(), "manage.py": "00" * 32}
    draft = write_draft(tmp_path / "a.draft", files=files)
    release("build", draft, "--version", "1.0.0", "--out", tmp_path)
    manifest = tmp_path / "1.0.0.json"
    release("sign", manifest, "--key", private)
    shown = ("show", manifest, "--release-key", public, "--made-in", tmp_path / "copy")
    assert release(*shown) == GREEN
    script.write_text("begin(); steal();")
    (script.parent / "more.js").touch()
    capsys.readouterr()
    assert release(*shown) == NOT_GREEN
    told = capsys.readouterr().out
    assert "DIFFERS: static/page/main.js" in told
    assert "DIFFERS: static/page/more.js" in told


def test_an_expired_release_is_shown_as_one(tmp_path: Path, key: tuple[Path, str]) -> None:
    private, public = key
    release("build", write_draft(tmp_path / "a.draft"), "--version", "1.0.0", "--days", "1", "--out", tmp_path)
    manifest = tmp_path / "1.0.0.json"
    release("sign", manifest, "--key", private)
    assert release("show", manifest, "--release-key", public) == GREEN
    assert release("show", manifest, "--release-key", public, now=datetime(2027, 1, 1, tzinfo=UTC)) == NOT_GREEN


def test_values_of_a_build_stand_in_for_those_of_a_machine(tmp_path: Path) -> None:
    draft = write_draft(tmp_path / "a.draft")
    changes = ("--register", f"rtmr1={OTHER}", "--register", "rtmr3=log")
    assert release("build", draft, "--version", "1.0.0", "--out", tmp_path, *changes) == GREEN
    (found,) = json.loads((tmp_path / "1.0.0.json").read_text())["measurements"]
    assert (found["rtmr1"], found["rtmr3"]) == (OTHER, None)
    assert found["mr_td"] == TD.mr_td.hex()


def test_a_quote_stands_in_for_a_machine(tmp_path: Path) -> None:
    quote = tmp_path / "quote.bin"
    quote.write_bytes(PLATFORM.quote(replace(TD, rtmr2=bytes.fromhex(OTHER)), version=5))
    draft = write_draft(tmp_path / "a.draft")
    assert release("build", draft, "--version", "1.0.0", "--out", tmp_path, "--quote", quote) == GREEN
    (found,) = json.loads((tmp_path / "1.0.0.json").read_text())["measurements"]
    assert (found["rtmr2"], found["rtmr3"]) == (OTHER, None)


def test_drafts_of_different_programs_are_not_joined(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drafts = write_draft(tmp_path / "a.draft"), write_draft(tmp_path / "b.draft", files={"manage.py": "00" * 32})
    assert release("build", *drafts, "--version", "1.0.0", "--out", tmp_path) == BAD_INPUT
    assert "different programs" in capsys.readouterr().err
    other = write_draft(tmp_path / "b.draft", platform="tdx")
    assert release("build", drafts[0], other, "--version", "1.0.0", "--out", tmp_path) == BAD_INPUT


@pytest.mark.parametrize(
    "arguments",
    [
        ("--version", "1.0"),
        ("--version", "1.0.0", "--register", "rtmr4=00"),
        ("--version", "1.0.0", "--register", "rtmr1=zz"),
        ("--version", "1.0.0", "--register", "rtmr1=00"),
    ],
)
def test_what_is_no_release_is_not_written(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    draft = write_draft(tmp_path / "a.draft")
    assert release("build", draft, "--out", tmp_path, *arguments) == BAD_INPUT
    assert not list(tmp_path.glob("*.json"))


def test_a_release_is_never_changed_nor_signed_under_another_name(tmp_path: Path, key: tuple[Path, str]) -> None:
    draft, (private, _) = write_draft(tmp_path / "a.draft"), key
    assert release("build", draft, "--version", "1.0.0", "--out", tmp_path) == GREEN
    assert release("build", draft, "--version", "1.0.0", "--out", tmp_path) == BAD_INPUT
    renamed = (tmp_path / "1.0.0.json").rename(tmp_path / "2.0.0.json")
    assert release("sign", renamed, "--key", private) == BAD_INPUT
    assert release("key", private) == BAD_INPUT
