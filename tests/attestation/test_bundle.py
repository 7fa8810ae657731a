"""Evidence taken away: deterministic archives, and what other tools may and may not do to them."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from attestation.archive import MAX_ARCHIVE_BYTES, MAX_FILE_BYTES
from attestation.bundle import Bundle, build_bundle, parse_bundle
from attestation.errors import MalformedError
from tests.attestation.scene import affirmed_bundle, build_scene


@pytest.fixture
async def bundle() -> Bundle:
    return await affirmed_bundle(build_scene())


def test_a_bundle_comes_back_as_it_was(bundle: Bundle) -> None:
    assert parse_bundle(build_bundle(bundle)) == bundle


def test_equal_bundles_are_equal_bytes(bundle: Bundle) -> None:
    assert build_bundle(bundle) == build_bundle(replace(bundle))


def test_the_archive_is_small_and_dated_nowhere(bundle: Bundle) -> None:
    data = build_bundle(bundle)
    assert len(data) < 384 * 1024
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert archive.namelist() == sorted(archive.namelist())


def test_the_quote_and_the_statement_lie_in_it_as_bytes(bundle: Bundle) -> None:
    with zipfile.ZipFile(io.BytesIO(build_bundle(bundle))) as archive:
        assert archive.read("quote.bin") == bundle.evidence.quote
        assert archive.read("statement.bin") == bundle.evidence.statement
        assert archive.read("release.json") == (bundle.release or (b"", b""))[0]


def test_optional_parts_may_be_absent(bundle: Bundle) -> None:
    bare = replace(bundle, token=None, release=None, evidence=replace(bundle.evidence, aael="INIT", ccel=b"\x00"))
    assert parse_bundle(build_bundle(bare)) == bare


def test_a_bundle_packed_again_by_other_tools_is_read(bundle: Bundle) -> None:
    repacked = pack(unpack(build_bundle(bundle)), compression=zipfile.ZIP_DEFLATED)
    assert parse_bundle(repacked) == bundle


@pytest.mark.parametrize("name", ["statement.bin", "quote.bin", "checks.json", "README.txt", "keys.json", "token.jwt"])
def test_a_changed_file_is_refused(bundle: Bundle, name: str) -> None:
    files = unpack(build_bundle(bundle))
    files[name] = files[name] + b" "
    with pytest.raises(MalformedError):
        parse_bundle(pack(files))


@pytest.mark.parametrize(
    "change",
    [
        lambda files: files.pop("manifest.json"),
        lambda files: files.pop("quote.bin"),
        lambda files: files.pop("token.jwt"),
        lambda files: files.update({"extra.txt": b""}),
        lambda files: files.update({"../quote.bin": b""}),
        lambda files: files.update({"/etc/passwd": b""}),
        lambda files: files.update({"directory/": b""}),
        lambda files: files.update({"manifest.json": b"[]"}),
        lambda files: files.update({"manifest.json": b'{"v":"2","record":"r","files":{}}'}),
    ],
)
def test_other_files_than_a_bundles_are_refused(bundle: Bundle, change: Callable[[dict[str, bytes]], Any]) -> None:
    files = unpack(build_bundle(bundle))
    change(files)
    with pytest.raises(MalformedError):
        parse_bundle(pack(files))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("verdict.json", b"[]"),
        ("verdict.json", b'{"trust_anchor":"somebody"}'),
        ("checks.json", b"{}"),
        ("collateral.json", b"{}"),
        ("collateral.json", b'{"a":1,"a":2}'),
        ("keys.json", b"null"),
        ("aael.txt", b"\xff"),
        ("token.jwt", b"<script>"),
        ("ccel.bin", b"\x00" * (MAX_FILE_BYTES + 1)),
    ],
)
def test_files_of_another_form_are_refused_even_where_the_manifest_lists_them(
    bundle: Bundle, name: str, content: bytes
) -> None:
    files = unpack(build_bundle(bundle))
    files[name] = content
    with pytest.raises(MalformedError):
        parse_bundle(pack(with_manifest(files), compression=zipfile.ZIP_DEFLATED))


def test_a_release_without_its_signature_is_refused(bundle: Bundle) -> None:
    files = unpack(build_bundle(bundle))
    del files["release.sig"]
    with pytest.raises(MalformedError):
        parse_bundle(pack(with_manifest(files)))


def test_a_name_that_stands_twice_is_refused(bundle: Bundle) -> None:
    files = unpack(build_bundle(bundle))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("quote.bin", files["quote.bin"])
    with pytest.raises(MalformedError):
        parse_bundle(buffer.getvalue())


def test_a_file_that_unpacks_to_more_than_it_says_is_refused(bundle: Bundle) -> None:
    files = unpack(build_bundle(bundle))
    files["ccel.bin"] = b"\x00" * (MAX_FILE_BYTES * 4)
    data = bytearray(pack(files, compression=zipfile.ZIP_DEFLATED))
    stated = len(files["ccel.bin"]).to_bytes(4, "little")
    assert data.count(stated) >= 2
    with pytest.raises(MalformedError):
        parse_bundle(bytes(data).replace(stated, (100).to_bytes(4, "little")))


def test_an_archive_that_is_too_large_is_refused() -> None:
    with pytest.raises(MalformedError):
        parse_bundle(bytes(MAX_ARCHIVE_BYTES + 1))


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_unusual_packing_is_refused(bundle: Bundle, compression: int) -> None:
    with pytest.raises(MalformedError):
        parse_bundle(pack(unpack(build_bundle(bundle)), compression=compression))


def test_an_encrypted_archive_is_refused(bundle: Bundle) -> None:
    data = bytearray(build_bundle(bundle))
    # General purpose bit 0 of every local header and directory entry.
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        position = data.find(mark)
        while position >= 0:
            data[position + offset] |= 1
            position = data.find(mark, position + 1)
    with pytest.raises(MalformedError):
        parse_bundle(bytes(data))


def test_every_truncation_is_refused(bundle: Bundle) -> None:
    data = build_bundle(bundle)
    for end in range(0, len(data), 4999):
        with pytest.raises(MalformedError):
            parse_bundle(data[:end])


def unpack(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def pack(files: dict[str, bytes], *, compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def with_manifest(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return the files with a manifest that lists them as they are."""
    manifest = json.loads(files["manifest.json"])
    manifest["files"] = {
        name: {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in files.items()
        if name != "manifest.json"
    }
    return {**files, "manifest.json": json.dumps(manifest).encode()}
