"""`python -m attestation.services`: pinning a service, pushing reference values, and what `serve` refuses."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

import pytest

from attestation.encoding import b64encode
from attestation.services import read_description
from attestation.services.__main__ import DONE, FAILED, main
from tests.attestation.scene import Scene, build_scene
from tests.standins.alibaba import ISSUER, Alibaba
from tests.standins.running import running
from tests.standins.trust_authority import TrustAuthority
from tests.standins.trustee import Rvps


@pytest.fixture
def scene() -> Scene:
    return build_scene()


@pytest.fixture
def releases(scene: Scene, tmp_path: Path) -> list[str]:
    """Arguments that name signed releases."""
    directory = tmp_path / "releases"
    directory.mkdir()
    (directory / "0.1.0.json").write_bytes(scene.release.manifest)
    (directory / "0.1.0.sig").write_text(b64encode(scene.release.signature))
    key = b64encode(scene.release_key.public_key().public_bytes_raw())
    return ["--releases", str(directory), "--release-key", key]


def test_alibabas_keys_are_pinned_as_they_are_published(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    service = Alibaba()
    file = tmp_path / "verifiers" / "alibaba.json"
    with running({"alibaba": service}) as addresses:
        names = ["--issuer", ISSUER, "--audience", ISSUER]
        assert main(["pin", "alibaba", addresses["alibaba"], "--file", str(file), *names]) == DONE
    described = read_description(file)
    assert (described.kind, described.token.name, described.token.algorithm) == ("alibaba", "alibaba", "RS256")
    assert described.token.max_lifetime_s == 6 * 3600
    assert described.token.keys[0]["kid"] == service.kid
    assert "thumbprint" in capsys.readouterr().out


def test_intels_root_is_pinned_and_none_of_its_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    service, key = TrustAuthority(), tmp_path / "api-key"
    file = tmp_path / "intel.json"
    with running({"intel": service}) as addresses:
        place = ["--keys", f"{addresses['intel']}/certs", "--api-key-file", str(key)]
        assert main(["pin", "trust-authority", addresses["intel"], "--file", str(file), *place]) == DONE
    described = read_description(file)
    root = hashlib.sha256(service.chain[-1]).digest()
    assert (described.token.keys, described.token.root_sha256) == ((), (root,))
    assert described.keys_url == addresses["intel"]
    assert root.hex() in capsys.readouterr().out


@pytest.mark.parametrize("content", ["{}", '{"keys":[]}', "no JSON", '{"keys":[1]}'])
def test_what_is_no_set_of_keys_is_not_pinned(tmp_path: Path, content: str) -> None:
    keys, file = tmp_path / "jwks.json", tmp_path / "partner.json"
    keys.write_text(content)
    assert main(["pin", "trustee", "https://as.example", "--file", str(file), "--keys", str(keys)]) == FAILED
    assert not file.exists()


def test_a_service_that_is_away_is_not_pinned(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "partner.json"
    assert main(["pin", "trustee", "http://127.0.0.1:9", "--file", str(file), "--timeout", "2"]) == FAILED
    assert "cannot be reached" in capsys.readouterr().err


def test_reference_values_are_printed_under_the_names_that_trustee_asks_for(
    releases: list[str], scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["push", *releases]) == DONE
    message = json.loads(capsys.readouterr().out)
    assert (message["version"], message["type"]) == ("0.1.0", "sample")
    values = json.loads(base64.b64decode(message["payload"]))
    measured = scene.release.measurements[0]
    assert values["mr_td"] == [measured.mr_td.hex()]
    assert values["rtmr_1"] == [measured.rtmr1.hex()]


@pytest.mark.parametrize("by", ["kbs", "gateway"])
def test_reference_values_are_pushed(releases: list[str], tmp_path: Path, by: str) -> None:
    service, token = Rvps(), tmp_path / "token"
    token.write_text("admin\n")
    with running({"rvps": service}) as addresses:
        assert main(["push", *releases, "--url", addresses["rvps"], "--by", by, "--token-file", str(token)]) == DONE
    assert service.asked[0].headers["authorization"] == "Bearer admin"
    assert service.values["mr_td"]


def test_releases_of_another_key_are_not_pushed(releases: list[str]) -> None:
    assert main(["push", *releases[:-1], b64encode(bytes(32))]) == FAILED


@pytest.mark.parametrize(
    "arguments",
    [
        ["--listen", "0.0.0.0:8555"],
        ["--listen", "example.org:8555"],
        ["--listen", "8555"],
        ["--listen", "127.0.0.1:99999"],
        ["--tls-key", "key.pem"],
    ],
)
def test_serving_others_without_tls_is_refused(
    releases: list[str], tmp_path: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", "--key", str(tmp_path / "token.p256"), *releases, *arguments]) == FAILED
    assert not (tmp_path / "token.p256").exists()
