"""`python -m attestation verify`: green only for what was given and holds, and every fault under its own name."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import pytest

from attestation.__main__ import BAD_INPUT, GREEN, NOT_GREEN, main
from attestation.bundle import Bundle, build_bundle
from attestation.encoding import b64encode
from tests.attestation.scene import CONVERSATION, NONCE, ORIGIN, SUITE, Scene, affirmed_bundle, build_scene
from tests.collateral_service import answers_of

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def scene() -> Scene:
    return build_scene()


@pytest.fixture
async def bundle(scene: Scene) -> Bundle:
    return await affirmed_bundle(scene)


def test_everything_given_and_everything_good_is_green(
    scene: Scene, bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command(scene, bundle, tmp_path)) == GREEN
    told = capsys.readouterr().out
    assert "Verified: every check holds." in told
    assert "SIMULATED" in told
    assert "The attestation service agrees" in told


def test_a_key_that_begins_with_a_hyphen_is_a_key(capsys: pytest.CaptureFixture[str]) -> None:
    key = b64encode(b"\xf8" + bytes(31))
    assert key.startswith("-")
    assert main(["verify", "no-such-archive.zip", "--release-key", key, "--log-key", key]) == BAD_INPUT
    assert "no-such-archive.zip" in capsys.readouterr().err


def test_json_says_the_same(scene: Scene, bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command(scene, bundle, tmp_path), "--json"]) == GREEN
    told = json.loads(capsys.readouterr().out)
    then = told["then"]
    assert (then["outcome"], then["green"], then["simulated"], then["reason"]) == ("affirming", True, True, None)
    assert (told["holds"], told["now"]) == (True, None)
    assert [check["status"] for check in then["checks"]] == ["pass"] * 16


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
    assert "You did not give: --nonce, --conversation, --origin, --suite, --log-key, --at." in told
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
    arguments[arguments.index("--at") + 1] = (scene.now + timedelta(days=60)).isoformat()
    assert main([*arguments, "--json"]) == NOT_GREEN
    codes = {
        check["id"]: check["code"] for check in json.loads(capsys.readouterr().out)["then"]["checks"] if check["code"]
    }
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
    assert json.loads(capsys.readouterr().out)["then"]["reason"] == {"id": check, "code": code}


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


def test_todays_lists_are_fetched_from_a_service(
    scene: Scene, bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A whole way: a process's own HTTP client, a service on a socket, and its lists under the pinned root."""
    today = datetime.now(UTC)
    answers = answers_of(scene.platform.collateral(today - timedelta(hours=1)))

    class Service(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = answers[urlsplit(self.path).path]
            self.send_response(200)
            for name, value in {**answer.headers, "content-length": str(len(answer.content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    arguments = [*command(scene, bundle, tmp_path), "--json"]
    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as service:
        Thread(target=service.serve_forever, daemon=True).start()
        code = main([*arguments, "--pccs", f"http://127.0.0.1:{service.server_port}"], clock=lambda: today)
        service.shutdown()
    told = json.loads(capsys.readouterr().out)
    assert (code, told["now"]["green"]) == (GREEN, True), told["now"]


def test_todays_lists_answer_a_question_of_their_own(
    scene: Scene, bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    today = tmp_path / "today.json"
    later = scene.now + timedelta(days=60)
    arguments = [*command(scene, bundle, tmp_path), "--json", "--collateral", str(today)]
    for collateral, code, reason in (
        (scene.platform.collateral(later - timedelta(days=1)), GREEN, None),
        (bundle.evidence.collateral, NOT_GREEN, {"id": "quote.chain", "code": "crl_validity"}),
    ):
        today.write_text(json.dumps(collateral.to_wire()))
        assert main(arguments, clock=lambda: later) == code
        told = json.loads(capsys.readouterr().out)
        assert (told["then"]["green"], told["now"]["reason"]) == (True, reason)
        assert "binding.fresh" not in {check["id"] for check in told["now"]["checks"]}


def test_a_platform_that_was_good_then_and_is_revoked_now(
    scene: Scene, bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    today = tmp_path / "today.json"
    today.write_text(json.dumps(scene.platform.collateral(scene.now, revoked=("pck",)).to_wire()))
    arguments = [*command(scene, bundle, tmp_path), "--collateral", str(today)]
    assert main(arguments, clock=lambda: scene.now + timedelta(hours=1)) == NOT_GREEN
    then, now = capsys.readouterr().out.split("Is it good NOW?")
    assert "Verified: every check holds." in then
    assert "Not verified: quote.chain failed." in now


def test_an_unpacked_archive_is_judged_like_the_archive(scene: Scene, bundle: Bundle, tmp_path: Path) -> None:
    arguments = command(scene, bundle, tmp_path)
    with zipfile.ZipFile(tmp_path / "evidence.zip") as archive:
        archive.extractall(tmp_path / "unpacked")
    arguments[1] = str(tmp_path / "unpacked")
    assert main(arguments) == GREEN
    (tmp_path / "unpacked" / "quote.bin").unlink()
    assert main(arguments) == BAD_INPUT


@pytest.mark.parametrize(
    "option",
    [["--nonce", "AA"], ["--simulator-root", "zz"], ["--at", "yesterday"], ["--token-issuer", "/nonexistent"]],
)
def test_an_argument_of_another_form_is_bad_input(tmp_path: Path, option: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["verify", str(tmp_path / "evidence.zip"), *option])
    assert ended.value.code == BAD_INPUT


def test_a_statement_that_names_no_time_needs_one(scene: Scene, bundle: Bundle, tmp_path: Path) -> None:
    silent = replace(bundle, evidence=replace(bundle.evidence, statement=b"{}"))
    path = written(silent, tmp_path)
    assert main(["verify", str(path)]) == BAD_INPUT
    assert main(["verify", str(path), "--at", scene.now.isoformat()]) == NOT_GREEN


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
    issuer.write_text(json.dumps(scene.keys.to_wire()["tokens"][0]))
    return [
        "verify",
        str(written(bundle, directory)),
        "--at",
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
