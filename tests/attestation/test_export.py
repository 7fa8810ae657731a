"""Many records taken away at once: whole, streamed, signed, and each judged again."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import AsyncClient
from tlog_scales.tiles import leaf_hash
from tlog_scales.tlog import Checkpoint, InclusionProof

from attestation import publication
from attestation.__main__ import BAD_INPUT, GREEN, NOT_GREEN, main
from attestation.encoding import b64decode, b64encode
from attestation.export import iter_export
from attestation.log.store import sign_log
from attestation.models import Attestation, LogEntry
from attestation.search import Wanted
from confchat.models import User
from tests.attestation.scene import NOW, Scene
from tests.attestation.test_views import People, people, published, record_one, scene

__all__ = ["people", "published", "scene"]

pytestmark = pytest.mark.django_db(transaction=True)

EXPORT = "/attestation/export"


@pytest.fixture
def records(people: People, published: Scene) -> list[str]:
    """Three good records and one that was refused, the newest last."""
    good = [record_one(published, user=str(people.owner.pk)) for _ in range(3)]
    Attestation.objects.filter(pk=good[0]).update(outcome="contraindicated", server_outcome="contraindicated")
    return good


def test_all_records_come_away_and_hold(
    records: list[str], scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = exported(tmp_path)
    assert main([*command(scene, path), "--json"]) == GREEN, capsys.readouterr()
    told = json.loads(capsys.readouterr().out)
    assert (told["records"], told["contradicted"], told["faults"]) == (3, [], [])
    with zipfile.ZipFile(path) as archive:
        summary = json.loads(archive.read("summary.json"))
        assert "verify.py" in archive.namelist()
    assert summary["outcomes"] == {"affirming": 2, "contraindicated": 1}
    assert summary["removed"] == 0


def test_what_records_have_in_common_stands_there_once(records: list[str], tmp_path: Path) -> None:
    with zipfile.ZipFile(exported(tmp_path)) as archive:
        lines = [json.loads(line) for line in archive.read("records.jsonl").splitlines()]
    parts = [line["part"] for line in lines if "part" in line]
    assert len(parts) == len(set(parts))
    assert [line["n"] for line in lines if "n" in line] == [1, 2, 3]
    assert {line["record"] for line in lines if "n" in line} == set(records)


def test_a_record_that_is_gone_is_told(
    records: list[str], scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Attestation.objects.get(pk=records[1]).delete()
    assert main(command(scene, exported(tmp_path))) == NOT_GREEN
    assert "entries of 1 records that are no longer there" in capsys.readouterr().out


def test_a_record_that_the_history_flatters_is_named(
    records: list[str], scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    quote = bytearray(Attestation.objects.get(pk=records[2]).quote_head)
    quote[100] ^= 1
    Attestation.objects.filter(pk=records[2]).update(quote_head=bytes(quote))
    assert main(command(scene, exported(tmp_path))) == NOT_GREEN
    told = capsys.readouterr().out
    assert f"{records[2]}: the history says that it was affirmed" in told


def test_each_record_proves_its_place_in_the_log(
    records: list[str], scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Attestation.objects.filter(pk=records[0]).update(server_outcome="affirming")  # as it was logged
    sign_log(publication.checkpoint_signer())
    later = record_one(scene, user=None, at=5)
    path = exported(tmp_path)
    assert main([*command(scene, path), "--json"]) == GREEN
    told = json.loads(capsys.readouterr().out)
    assert (told["records"], told["without_log_proof"], told["not_logged"]) == (4, 1, []), later
    with zipfile.ZipFile(path) as archive:
        note = json.loads(archive.read("summary.json"))["checkpoint"]
        lines = [json.loads(line) for line in archive.read("records.jsonl").splitlines()]
    checkpoint = Checkpoint.from_text(note)
    line = next(line for line in lines if line.get("record") == records[1])
    proof = [b64decode(node) for node in line["log"]["path"]]
    leaf = leaf_hash(b64decode(line["log"]["entry"]))
    InclusionProof(line["log"]["index"], checkpoint.size, proof).check(leaf, checkpoint.root_hash)


def test_a_record_that_the_operator_changed_before_he_signed_the_archive_is_named(
    records: list[str], scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sign_log(publication.checkpoint_signer())
    Attestation.objects.filter(pk=records[1]).update(server_outcome="contraindicated")
    LogEntry.objects.filter(record=records[2]).update(salt=bytes(32))
    assert main(command(scene, exported(tmp_path))) == NOT_GREEN
    told = capsys.readouterr().out
    for record in records[:3]:
        assert f"{record}: it is not what stands in the public log" in told


def _without_last(lines: list[bytes]) -> list[bytes]:
    return lines[:-1]


def _turned(lines: list[bytes]) -> list[bytes]:
    return [line.replace(b'"outcome":"contraindicated"', b'"outcome":"affirming"') for line in lines]


@pytest.mark.parametrize("change", [_without_last, _turned])
def test_a_changed_archive_is_not_whole(
    change: Callable[[list[bytes]], list[bytes]],
    records: list[str],
    scene: Scene,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = exported(tmp_path)
    rewrite(path, "records.jsonl", lambda data: b"".join(change(data.splitlines(keepends=True))))
    assert main(command(scene, path)) == NOT_GREEN
    assert "not those that the summary speaks of" in capsys.readouterr().out


def test_a_record_missing_in_the_middle_is_no_archive(records: list[str], scene: Scene, tmp_path: Path) -> None:
    path = exported(tmp_path)
    lines = lambda data: data.splitlines(keepends=True)  # noqa: E731
    rewrite(path, "records.jsonl", lambda data: b"".join(line for line in lines(data) if b'{"n":2,' not in line))
    assert main(command(scene, path)) == BAD_INPUT


def test_a_summary_of_somebody_else_does_not_count(
    records: list[str], scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = exported(tmp_path)
    rewrite(path, "summary.json", lambda data: data.replace(b'"removed": 0', b'"removed":  0'))
    assert main(command(scene, path)) == NOT_GREEN
    assert "not signed by the known log key" in capsys.readouterr().out


def test_only_what_is_looked_for_comes_away(records: list[str]) -> None:
    archive = io.BytesIO(b"".join(iter_export(Wanted(outcome="affirming"), sign=publication.sign, now=NOW)))
    with zipfile.ZipFile(archive) as opened:
        assert json.loads(opened.read("summary.json"))["records"] == 2


def test_auditors_and_admins_alone_may_take_them_away(people: People, records: list[str]) -> None:
    assert people.user.get(EXPORT).status_code == 403
    assert people.stranger.get(EXPORT).status_code == 302
    for client in (people.admin, people.auditor):
        assert client.get(EXPORT, {"outcome": "no such"}).status_code == 400
        assert EXPORT in client.get("/attestation/").content.decode()


def test_the_page_streams_the_archive(records: list[str]) -> None:
    data = asyncio.run(downloaded("auditor"))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert json.loads(archive.read("summary.json"))["records"] == 3


async def downloaded(name: str) -> bytes:
    client = AsyncClient()
    await client.aforce_login(await User.objects.aget(username=name))
    answer = await client.get(EXPORT)
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="attestations-')
    return b"".join([piece async for piece in answer])


def exported(directory: Path) -> Path:
    path = directory / "bulk.zip"
    path.write_bytes(b"".join(iter_export(Wanted(), sign=publication.sign, now=NOW)))
    return path


def rewrite(path: Path, name: str, change: Callable[[bytes], bytes]) -> None:
    with zipfile.ZipFile(path) as archive:
        files = {entry: archive.read(entry) for entry in archive.namelist()}
    files[name] = change(files[name])
    with zipfile.ZipFile(path, "w") as archive:
        for entry, content in files.items():
            archive.writestr(entry, content)


def command(scene: Scene, path: Path) -> list[str]:
    return [
        *("verify", str(path), "--log-key", b64encode(scene.log_key.public)),
        *("--release-key", b64encode(scene.release_key.public_key().public_bytes_raw())),
        *("--simulator-root", hashlib.sha256(scene.platform.root_der).hexdigest()),
    ]
