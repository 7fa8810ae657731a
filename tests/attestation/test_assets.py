"""`python -m attestation assets`: what a server serves to browsers is what its signed release lists."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from attestation.__main__ import GREEN, NOT_GREEN
from attestation.commands.assets import find_prefix
from tests.attestation.lying_server import LyingServer, lying_server
from tests.attestation.test_attest import ask, command, honest, without
from tests.cases.forgeries import FORGERIES

FILES = {
    "css/base.css": b"body {}",
    "js/main.js": b"import './base.js';",
    "js/base.js": b"export const one = 1;",
}
LISTED = {f"static/{name}": hashlib.sha256(content).hexdigest() for name, content in FILES.items()}
PAGE = b"""<!doctype html><link rel="stylesheet" href="/static/0123/css/base.css">
<script type="module" src="/static/0123/js/main.js"></script><a href="https://elsewhere.example/">elsewhere</a>"""


def served(**changes: bytes) -> dict[str, Any]:
    files = {"/accounts/login/": PAGE, **{f"/static/0123/{name}": content for name, content in FILES.items()}}
    return {"files": files | changes, "release": {"files": {**LISTED, "manage.py": "00" * 32}}}


def compared(
    server: LyingServer, directory: Path, capsys: pytest.CaptureFixture[str]
) -> tuple[int, list[str], dict[str, Any]]:
    code = ask(["assets", *command(server.address, directory)[1:], "--json"])
    told = json.loads(capsys.readouterr().out)
    return code, told["differences"], told


def test_a_server_that_serves_its_release_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with lying_server(honest, **served()) as server:
        code, differences, told = compared(server, tmp_path, capsys)
    assert (code, differences, told["compared"]) == (GREEN, [], 3)


def _changed(files: dict[str, bytes]) -> None:
    files["/static/0123/js/base.js"] += b" "


def _missing(files: dict[str, bytes]) -> None:
    del files["/static/0123/js/base.js"]


def _inline(files: dict[str, bytes]) -> None:
    files["/accounts/login/"] += b"<script>steal()</script>"


def _foreign(files: dict[str, bytes]) -> None:
    files["/accounts/login/"] += b'<script src="https://elsewhere.example/x.js"></script>'


def _unlisted(files: dict[str, bytes]) -> None:
    files["/accounts/login/"] += b'<script src="/static/0123/js/more.js"></script>'


def _beside(files: dict[str, bytes]) -> None:
    files["/accounts/login/"] += b'<script src="/static/4567/js/base.js"></script>'


def _nothing(files: dict[str, bytes]) -> None:
    files["/accounts/login/"] = b"<p>Nothing here.</p>"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (_changed, "static/js/base.js is served with another content"),
        (_missing, "static/js/base.js is not served"),
        (_inline, "a script of its own"),
        (_foreign, "loads https://elsewhere.example/x.js"),
        (_unlisted, "loads /static/0123/js/more.js"),
        (_beside, "loads /static/4567/js/base.js"),
        (_nothing, "names no file of the release"),
    ],
)
def test_a_difference_is_told_in_words(
    change: Callable[[dict[str, bytes]], None], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = served()
    change(parts["files"])
    with lying_server(honest, **parts) as server:
        code, differences, _ = compared(server, tmp_path, capsys)
    assert code == NOT_GREEN
    assert len(differences) == 1
    assert sentence in differences[0]


def test_equal_files_of_a_server_that_is_not_green_do_not_hold(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with lying_server(FORGERIES["debug"].make, **served()) as server:
        code, differences, _ = compared(server, tmp_path, capsys)
    assert (code, differences) == (NOT_GREEN, [])


def test_without_a_release_key_nothing_can_be_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with lying_server(honest, **served()) as server:
        arguments = without(["assets", *command(server.address, tmp_path)[1:]], "--release-key")
        assert ask(arguments) == NOT_GREEN
    assert "no signed release is known here" in capsys.readouterr().out


def test_the_prefix_is_what_most_names_have_in_common() -> None:
    listed = {"base.css": "", "css/base.css": "", "js/main.js": ""}
    named = {"/s/1/css/base.css", "/s/1/js/main.js?x#y"}
    assert find_prefix(named, listed) == "/s/1/"
    assert find_prefix(set(), listed) is None
