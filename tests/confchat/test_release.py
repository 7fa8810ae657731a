"""`manage.py release` on a running reference machine: what it writes down becomes a release that explains it."""

from __future__ import annotations

import json
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from attestation.__main__ import GREEN, main
from attestation.encoding import b64decode, b64encode
from attestation.key_files import read_private_key
from attestation.reference_values import load_releases, sign_manifest
from attestation.site import Site
from attestation.statement import parse_statement
from tests.product import Server, running_server


def release_key(data_dir: Path) -> bytes:
    return b64decode((data_dir / "keys" / "release.pub").read_text().strip())


def test_a_machine_names_the_release_that_it_was_started_from_and_not_the_newest(tmp_path: Path) -> None:
    """While a new image is rolled out, the machines of the old one know both and stay green."""
    data_dir = tmp_path / "data"
    with running_server(data_dir) as first:
        version = named_release(first)
    directory = data_dir / "releases"
    (own,) = load_releases(directory, release_key=release_key(data_dir))
    key = read_private_key(data_dir / "keys" / "release.ed25519")
    assert isinstance(key, Ed25519PrivateKey)
    newer = json.loads(own.manifest) | {"version": "99.0.0"}
    newer["measurements"][0]["rtmr1"] = "01" * 48
    manifest = json.dumps(newer).encode()
    (directory / "99.0.0.json").write_bytes(manifest)
    (directory / "99.0.0.sig").write_text(b64encode(sign_manifest(manifest, key)))
    with running_server(data_dir) as again:
        assert named_release(again) == version
        with Site(again.address) as site:
            assert len(site.releases()) == 2


def named_release(server: Server) -> str:
    """Return the release that a server's evidence names; its own verdict must be green."""
    with Site(server.address) as site:
        answer = site.ask_evidence(bytes(32))
    assert answer.claimed == "affirming"
    return parse_statement(answer.evidence.statement).release_version


def test_a_running_machine_is_written_down_and_becomes_a_release(server: Server, tmp_path: Path) -> None:
    draft = tmp_path / "machine.draft"
    assert "release build" in server.manage("release", str(draft), "--rtmr3", "log")
    assert main(["release", "key", str(tmp_path / "key")]) == GREEN
    assert main(["release", "build", str(draft), "--version", "9.0.0", "--out", str(tmp_path)]) == GREEN
    assert main(["release", "sign", str(tmp_path / "9.0.0.json"), "--key", str(tmp_path / "key")]) == GREEN
    (own, *_) = load_releases(server.data_dir / "releases", release_key=release_key(server.data_dir))
    written = json.loads((tmp_path / "9.0.0.json").read_bytes())
    running = json.loads(own.manifest)
    assert written["measurements"] == running["measurements"]
    assert written["files"] == running["files"]
    assert (written["platform"], written["version"]) == ("simulator", "9.0.0")
