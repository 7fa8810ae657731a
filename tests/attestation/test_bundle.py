"""Evidence taken away: deterministic, hardened against archives from elsewhere, and judged again without Django."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from attestation.__main__ import BAD_INPUT, GREEN, NOT_GREEN, main
from attestation.appraisal import appraise
from attestation.bundle import MAX_ARCHIVE_BYTES, MAX_FILE_BYTES, Bundle, build_bundle, parse_bundle
from attestation.encoding import b64encode
from attestation.errors import MalformedError
from attestation.services import choose_verifier
from attestation.statement import report_data
from tests.attestation.scene import CONVERSATION, NONCE, ORIGIN, SUITE, Scene, build_scene

ROOT = Path(__file__).resolve().parents[2]
RECORD = "0b8c2d35-6d0f-4a70-9f53-5f4d7d9b3c55"


@pytest.fixture
def scene() -> Scene:
    return build_scene()


@pytest.fixture
async def bundle(scene: Scene) -> Bundle:
    """Return the bundle of an attestation that was affirmed."""
    evidence = scene.evidence()
    verdict = await choose_verifier(url=None, issuer=None, service=scene.service()).verify(
        evidence, report_data=report_data(evidence.statement)
    )
    result = appraise(
        evidence, policy=scene.policy, expectation=scene.expectation, releases=(scene.release,), token=verdict.token
    )
    assert result.outcome == "affirming"
    sent = scene.now + timedelta(milliseconds=20)
    return Bundle(
        record=RECORD,
        evidence=evidence,
        verdict={"server_outcome": result.outcome, "evidence_at": sent.isoformat(), "trust_anchor": "simulator"},
        checks=result.to_wire_checks(),
        token=verdict.token,
        release=(scene.release.manifest, scene.release.signature),
        keys=scene.keys.to_wire(),
    )


# --- the archive ---------------------------------------------------------------------------------


def test_a_bundle_comes_back_as_it_was(bundle: Bundle) -> None:
    assert parse_bundle(build_bundle(bundle)) == bundle


def test_equal_bundles_are_equal_bytes(bundle: Bundle) -> None:
    assert build_bundle(bundle) == build_bundle(replace(bundle))


def test_the_archive_is_small_and_dated_nowhere(bundle: Bundle) -> None:
    data = build_bundle(bundle)
    assert len(data) < 64 * 1024
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
    for end in range(0, len(data), 997):
        with pytest.raises(MalformedError):
            parse_bundle(data[:end])


# --- the command line ----------------------------------------------------------------------------


def test_everything_given_and_everything_good_is_green(
    scene: Scene, bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command(scene, bundle, tmp_path)) == GREEN
    told = capsys.readouterr().out
    assert "Verified: every check holds." in told
    assert "SIMULATED" in told
    assert "The attestation service agrees" in told


def test_json_says_the_same(scene: Scene, bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command(scene, bundle, tmp_path), "--json"]) == GREEN
    told = json.loads(capsys.readouterr().out)
    assert (told["outcome"], told["green"], told["simulated"], told["reason"]) == ("affirming", True, True, None)
    assert [check["status"] for check in told["checks"]] == ["pass"] * 15


def test_what_is_not_given_is_not_checked_and_not_green(
    scene: Scene, bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(bundle, tmp_path)
    root = hashlib.sha256(scene.platform.root_der).hexdigest()
    release_key = b64encode(scene.release_key.public_key().public_bytes_raw())
    assert main(["verify", str(path), "--simulator-root", root, "--release-key", release_key]) == NOT_GREEN
    told = capsys.readouterr().out
    assert "Not fully verified" in told
    assert "Not checked: binding.nonce, binding.key, binding.origin, binding.fresh." in told
    assert "You did not give: --nonce, --conversation, --origin, --suite, --log-key, --now." in told
    assert "when the evidence says that it was made" in told


def test_a_simulator_that_is_not_pinned_is_red(
    bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", str(written(bundle, tmp_path))]) == NOT_GREEN
    assert "(simulator_refused)" in capsys.readouterr().out


def test_a_simulator_elsewhere_than_on_this_computer_is_red(
    scene: Scene, bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evidence = scene.evidence(origin="https://chat.example")
    arguments = command(scene, replace(bundle, evidence=evidence), tmp_path)
    arguments[arguments.index(ORIGIN)] = "https://chat.example"
    assert main(arguments) == NOT_GREEN
    assert "(simulator_refused)" in capsys.readouterr().out


def test_good_then_and_expired_now_are_told_apart(
    scene: Scene, bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = command(scene, bundle, tmp_path)
    arguments[arguments.index("--now") + 1] = (scene.now + timedelta(days=60)).isoformat()
    assert main([*arguments, "--json"]) == NOT_GREEN
    codes = {check["id"]: check["code"] for check in json.loads(capsys.readouterr().out)["checks"] if check["code"]}
    assert codes["binding.fresh"] == "expired"
    assert codes["quote.collateral"] == "collateral_validity"
    assert codes["verdict.token"] == "token_time"


@pytest.mark.parametrize(
    ("option", "value", "check", "code"),
    [
        ("--nonce", b64encode(bytes(32)), "binding.nonce", "nonce_differs"),
        ("--conversation", "another", "binding.nonce", "conversation_differs"),
        ("--origin", "http://127.0.0.1:9", "binding.origin", "origin_differs"),
        ("--log-key", b64encode(bytes(32)), "binding.origin", "deployment_signature"),
        ("--suite", "MLKEM768-X25519", "binding.key", "suite_differs"),
        ("--release-key", b64encode(bytes(31) + b"\x01"), "td.measurements", "release_signature"),
        ("--min-release", "0.2.0", "td.measurements", "release_old"),
        ("--min-tcb-evaluation", "99", "quote.collateral", "evaluation_number_low"),
        ("--simulator-root", "00" * 32, "quote.chain", "simulator_refused"),
    ],
)
def test_another_expectation_fails_its_own_check(
    scene: Scene,
    bundle: Bundle,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    option: str,
    value: str,
    check: str,
    code: str,
) -> None:
    arguments = command(scene, bundle, tmp_path)
    if option in arguments:
        arguments[arguments.index(option) + 1] = value
    else:
        arguments += [option, value]
    assert main([*arguments, "--json"]) == NOT_GREEN
    assert json.loads(capsys.readouterr().out)["reason"] == {"id": check, "code": code}


def test_one_good_release_key_among_several_is_enough(scene: Scene, bundle: Bundle, tmp_path: Path) -> None:
    arguments = command(scene, bundle, tmp_path)
    arguments += ["--release-key", b64encode(scene.log_key.public)]
    assert main(arguments) == GREEN


def test_an_archives_text_cannot_paint_over_the_result(
    scene: Scene, bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    painted = replace(bundle, record="r\x1b[2J\x1b[32mVerified")
    main(["verify", str(written(painted, tmp_path))])
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"PK", b"not a zip at all"])
def test_what_is_no_bundle_is_bad_input(tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "evidence.zip"
    path.write_bytes(content)
    assert main(["verify", str(path)]) == BAD_INPUT
    assert "not a zip archive" in capsys.readouterr().err


def test_a_missing_file_is_bad_input(tmp_path: Path) -> None:
    assert main(["verify", str(tmp_path / "nothing.zip")]) == BAD_INPUT


@pytest.mark.parametrize(
    "option",
    [["--nonce", "AA"], ["--simulator-root", "zz"], ["--now", "yesterday"], ["--token-issuer", "/nonexistent"]],
)
def test_an_argument_of_another_form_is_bad_input(tmp_path: Path, option: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["verify", str(tmp_path / "evidence.zip"), *option])
    assert ended.value.code == BAD_INPUT


def test_a_statement_that_names_no_time_needs_one(scene: Scene, bundle: Bundle, tmp_path: Path) -> None:
    silent = replace(bundle, evidence=replace(bundle.evidence, statement=b"{}"))
    path = written(silent, tmp_path)
    assert main(["verify", str(path)]) == BAD_INPUT
    assert main(["verify", str(path), "--now", scene.now.isoformat()]) == NOT_GREEN


def test_the_command_needs_neither_django_nor_the_network(scene: Scene, bundle: Bundle, tmp_path: Path) -> None:
    arguments = command(scene, bundle, tmp_path)
    program = (
        "import sys\n"
        "from attestation.__main__ import main\n"
        f"code = main({arguments!r})\n"
        "unwanted = {'django', 'httpx', 'asyncio', 'channels'} & set(sys.modules)\n"
        "sys.exit(f'imported {unwanted}' if unwanted else code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == GREEN, done.stderr


def command(scene: Scene, bundle: Bundle, directory: Path) -> list[str]:
    """Return the command line of somebody who knows everything that can be known."""
    issuer = directory / "issuer.json"
    issuer.write_text(json.dumps(scene.keys.to_wire()["token"]))
    return [
        "verify",
        str(written(bundle, directory)),
        "--now",
        scene.now.isoformat(),
        "--nonce",
        b64encode(NONCE),
        "--conversation",
        CONVERSATION,
        "--origin",
        ORIGIN,
        "--suite",
        SUITE,
        "--log-key",
        b64encode(scene.log_key.public),
        "--release-key",
        b64encode(scene.release_key.public_key().public_bytes_raw()),
        "--token-issuer",
        str(issuer),
        "--simulator-root",
        hashlib.sha256(scene.platform.root_der).hexdigest(),
    ]


def written(bundle: Bundle, directory: Path) -> Path:
    path = directory / "evidence.zip"
    path.write_bytes(build_bundle(bundle))
    return path


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
