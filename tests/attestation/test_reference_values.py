from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from attestation.encoding import b64encode
from attestation.errors import AppraisalError, ConfigurationError, MalformedError
from attestation.reference_models import ReferenceModel
from attestation.reference_values import (
    ReferenceRelease,
    RefusedRelease,
    build_manifest,
    load_releases,
    parse_release,
    parse_releases,
    parse_version,
    sign_manifest,
)
from attestation.simulator.td_report import Td
from tests.cases.scene import BLOBS, MODEL, OTHER_KEY, RELEASE_KEY, SERVER, measure

PUBLIC = RELEASE_KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
MEASUREMENTS = measure(Td(report_data=bytes(64)))
VALUES: dict[str, Any] = {
    "version": "0.1.0",
    "issued_at": 1790000000,
    "expires_at": 1800000000,
    "platform": "tdx",
    "measurements": [MEASUREMENTS, replace(MEASUREMENTS, rtmr3=None)],
    "models": [ReferenceModel(name=MODEL[0], digest=MODEL[1], blobs=BLOBS)],
    "model_servers": [SERVER],
    "files": {"static/js/main.js": 64 * "0"},
    "events": ["agent.example/guest started 1.2.3"],
}
MANIFEST = build_manifest(**VALUES)
SIGNATURE = sign_manifest(MANIFEST, RELEASE_KEY)


def signed(members: dict[str, Any]) -> tuple[bytes, bytes]:
    manifest = json.dumps(members).encode()
    return manifest, sign_manifest(manifest, RELEASE_KEY)


def test_a_release_says_what_was_built() -> None:
    release = parse_release(MANIFEST, SIGNATURE, release_key=PUBLIC)
    assert (release.version, release.platform) == ("0.1.0", "tdx")
    assert (release.issued_at, release.expires_at) == (VALUES["issued_at"], VALUES["expires_at"])
    assert release.measurements == tuple(VALUES["measurements"])
    assert (release.models, release.files) == (frozenset(VALUES["models"]), VALUES["files"])
    assert (release.model_servers, release.events) == ({SERVER}, frozenset(VALUES["events"]))
    assert (release.manifest, release.signature) == (MANIFEST, SIGNATURE)
    assert release.digest == hashlib.sha256(MANIFEST).digest()


def test_equal_values_make_equal_manifests() -> None:
    more = {"b": 64 * "1", "a": 64 * "2"}
    first, second = (
        build_manifest(**{**VALUES, "files": more}),
        build_manifest(**{**VALUES, "files": dict(reversed(more.items()))}),
    )
    assert first == second


@pytest.mark.parametrize(
    "signature", [b"", SIGNATURE[:-1], SIGNATURE + b"\0", bytes(64), sign_manifest(MANIFEST, OTHER_KEY)]
)
def test_only_the_release_key_makes_releases(signature: bytes) -> None:
    with pytest.raises(AppraisalError) as caught:
        parse_release(MANIFEST, signature, release_key=PUBLIC)
    assert caught.value.code == "release_signature"


def test_a_signature_is_for_a_manifest_and_nothing_else() -> None:
    with pytest.raises(AppraisalError):
        parse_release(MANIFEST, RELEASE_KEY.sign(MANIFEST), release_key=PUBLIC)


@pytest.mark.parametrize("key", [b"", PUBLIC[:-1]])
def test_a_release_key_that_is_none_is_a_configuration_error(key: bytes) -> None:
    with pytest.raises(ConfigurationError):
        parse_release(MANIFEST, SIGNATURE, release_key=key)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("v", "confchat/2 release"),
        ("version", "1.0"),
        ("version", "01.0.0"),
        ("version", "1.0.0-rc1"),
        ("version", 1),
        ("issued_at", "now"),
        ("issued_at", True),
        ("expires_at", None),
        ("platform", "sgx"),
        ("platform", []),
        ("measurements", {}),
        ("measurements", [{}]),
        ("models", [{"name": "x", "digest": "sha256:" + 64 * "0"}]),
        ("models", [{"name": "x", "digest": "md5:00", "blobs": []}]),
        ("models", [{"name": 1, "digest": "sha256:" + 64 * "0", "blobs": []}]),
        ("models", [{"name": "x", "digest": "sha256:" + 64 * "0", "blobs": ["md5:00"]}]),
        ("model_servers", [{"server": "x", "binary": "sha256:" + 64 * "0"}]),
        ("model_servers", [{"server": "x", "binary": "sha256:" + 64 * "0", "settings": [1]}]),
        ("model_servers", None),
        ("events", [1]),
        ("models", None),
        ("files", []),
        ("files", {"a": 63 * "0"}),
        ("files", {"a": 64 * "A"}),
        ("other", 1),
    ],
)
def test_a_signed_text_of_another_form_is_malformed(name: str, value: object) -> None:
    manifest, signature = signed({**json.loads(MANIFEST), name: value})
    with pytest.raises(MalformedError):
        parse_release(manifest, signature, release_key=PUBLIC)


@pytest.mark.parametrize("name", json.loads(MANIFEST)["measurements"][0])
def test_only_rtmr3_may_be_left_open(name: str) -> None:
    members = json.loads(MANIFEST)
    members["measurements"][0][name] = None
    manifest, signature = signed(members)
    if name == "rtmr3":
        assert parse_release(manifest, signature, release_key=PUBLIC).measurements[0].rtmr3 is None
    else:
        with pytest.raises(MalformedError):
            parse_release(manifest, signature, release_key=PUBLIC)


@pytest.mark.parametrize("name", json.loads(MANIFEST))
def test_no_member_may_be_missing(name: str) -> None:
    members = json.loads(MANIFEST)
    del members[name]
    with pytest.raises(MalformedError):
        parse_release(*signed(members), release_key=PUBLIC)


def test_a_manifest_that_could_not_be_read_is_not_built() -> None:
    with pytest.raises(MalformedError):
        build_manifest(**{**VALUES, "version": "next"})


def test_every_truncation_and_appended_byte_is_refused() -> None:
    for manifest in (*(MANIFEST[:size] for size in range(0, len(MANIFEST), 7)), MANIFEST + b"x"):
        with pytest.raises(MalformedError):
            parse_release(manifest, sign_manifest(manifest, RELEASE_KEY), release_key=PUBLIC)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(MANIFEST) - 1), st.integers(0, 255))
def test_damaged_manifests_raise_nothing_else(position: int, byte: int) -> None:
    manifest = MANIFEST[:position] + bytes([byte]) + MANIFEST[position + 1 :]
    try:
        parse_release(manifest, sign_manifest(manifest, RELEASE_KEY), release_key=PUBLIC)
    except MalformedError:
        return


def test_releases_from_elsewhere_are_kept_apart() -> None:
    odd = json.dumps({"v": "other"}).encode()
    pairs = [(MANIFEST, SIGNATURE), (MANIFEST, bytes(64)), (odd, sign_manifest(odd, RELEASE_KEY))]
    good, unsigned, unknown = parse_releases(pairs, release_key=PUBLIC)
    assert isinstance(good, ReferenceRelease)
    assert isinstance(unsigned, RefusedRelease)
    assert isinstance(unknown, RefusedRelease)
    assert unsigned.digest == good.digest
    assert unknown.digest == hashlib.sha256(odd).digest()


def test_a_directory_gives_its_releases_newest_first(tmp_path: Path) -> None:
    for version in ("0.2.0", "0.10.0", "0.9.1"):
        write(tmp_path, version, key_text=None)
    assert [release.version for release in load_releases(tmp_path, release_key=PUBLIC)] == ["0.10.0", "0.9.1", "0.2.0"]


def test_an_empty_directory_gives_none(tmp_path: Path) -> None:
    assert load_releases(tmp_path, release_key=PUBLIC) == ()


@pytest.mark.parametrize("key_text", ["", "AAAA", "é", b64encode(bytes(64))])
def test_a_directory_with_a_release_that_is_not_genuine_is_refused(tmp_path: Path, key_text: str) -> None:
    write(tmp_path, "0.1.0", key_text=key_text)
    with pytest.raises(ConfigurationError):
        load_releases(tmp_path, release_key=PUBLIC)


def test_a_release_without_its_signature_is_refused(tmp_path: Path) -> None:
    (tmp_path / "0.1.0.json").write_bytes(MANIFEST)
    with pytest.raises(ConfigurationError):
        load_releases(tmp_path, release_key=PUBLIC)


def write(directory: Path, version: str, *, key_text: str | None) -> None:
    manifest = build_manifest(**{**VALUES, "version": version})
    (directory / f"{version}.json").write_bytes(manifest)
    text = b64encode(sign_manifest(manifest, RELEASE_KEY)) if key_text is None else key_text
    (directory / f"{version}.sig").write_text(f"{text}\n")


def test_versions_compare_as_numbers() -> None:
    assert parse_version("0.10.0") > parse_version("0.9.9")
    for text in ("", "1", "1.2", "1.2.3.4", "1.2.-3", "1.2.3 ", "1.2.3\n", "٣.0.0", "1.2." + 10 * "9"):
        with pytest.raises(MalformedError):
            parse_version(text)
