"""Who sees what of the history: a user, another user, an admin, an auditor and a stranger."""

from __future__ import annotations

import asyncio
import importlib
import re
import uuid
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from django.apps import apps
from django.contrib.auth.models import Group
from django.http import HttpResponse
from django.test import Client
from pytest_django import Settings

from attestation import publication
from attestation.appraisal import appraise
from attestation.bundle import parse_bundle
from attestation.encoding import b64decode, b64encode
from attestation.history import record_attestation
from attestation.issuer import parse_issuer
from attestation.key_files import write_private_key
from attestation.log.checkpoint import verify_checkpoint
from attestation.log.store import sign_log
from attestation.reference_values import parse_release
from attestation.services import Verdict, service_verifier
from attestation.statement import report_data
from confchat.models import User
from tests.attestation.scene import LOG_ORIGIN, Scene, build_scene

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "/attestation/"
ROLES = [importlib.import_module(f"attestation.migrations.{name}") for name in ("0002_roles", "0009_proposals")]


@dataclass(frozen=True, kw_only=True)
class People:
    """Five named people; the record is the user's own."""

    user: Client
    neighbour: Client
    admin: Client
    auditor: Client
    stranger: Client
    owner: User


@pytest.fixture
def people() -> People:
    # Tests with real transactions empty every table: the groups' permissions are granted as the migration grants them.
    for migration in ROLES:
        migration.grant(apps, None)
    accounts = {name: User.objects.create_user(name) for name in ("user", "neighbour", "admin", "auditor")}
    accounts["admin"].groups.add(Group.objects.get(name="admins"))
    accounts["auditor"].groups.add(Group.objects.get(name="auditors"))
    clients = {name: Client() for name in accounts}
    for name, client in clients.items():
        client.force_login(accounts[name])
    return People(**clients, stranger=Client(), owner=accounts["user"])


@pytest.fixture
def scene() -> Scene:
    return build_scene()


@pytest.fixture
def record(scene: Scene, people: People) -> str:
    return record_one(scene, user=str(people.owner.pk))


@pytest.fixture
def published(scene: Scene, tmp_path: Path, settings: Settings) -> Scene:
    """Put the scene's keys and release where the settings point."""
    keys, releases = tmp_path / "keys", tmp_path / "releases"
    keys.mkdir()
    releases.mkdir()
    write_private_key(keys / "log.ed25519", scene.log_private_key)
    write_private_key(keys / "token.p256", scene.token_key)
    (releases / "0.1.0.json").write_bytes(scene.release.manifest)
    (releases / "0.1.0.sig").write_text(b64encode(scene.release.signature))
    settings.CONFCHAT_DATA_DIR = tmp_path
    settings.CONFCHAT_RELEASES_DIR = releases
    settings.CONFCHAT_LOG_ORIGIN = LOG_ORIGIN
    settings.CONFCHAT_RELEASE_KEY = b64encode(scene.release_key.public_key().public_bytes_raw())
    return scene


# --- the list and a record -----------------------------------------------------------------------


def test_admin_and_auditor_read_the_list(people: People, record: str) -> None:
    for client in (people.admin, people.auditor):
        page = text_of(client.get(LIST))
        assert record in page
        assert "Verified" in page
        assert "Simulated" in page


def test_a_user_may_not_read_the_list(people: People, record: str) -> None:
    assert people.user.get(LIST).status_code == 403


def test_a_stranger_is_asked_to_sign_in(people: People, record: str) -> None:
    for path in (LIST, f"/attestation/records/{record}/", f"/attestation/records/{record}/evidence.zip"):
        answer = people.stranger.get(path)
        assert answer.status_code == 302
        assert answer["Location"].startswith("/accounts/login/")


def test_admin_and_auditor_read_a_record(people: People, record: str, scene: Scene) -> None:
    for client in (people.admin, people.auditor):
        page = text_of(client.get(f"/attestation/records/{record}/"))
        assert "Intel vouches for this processor" in page
        assert scene.release.measurements[0].mr_td.hex() in page
        assert "evidence.zip" in page


def test_a_user_reads_his_own_records_without_the_ways_of_auditors(people: People, record: str) -> None:
    assert record in text_of(people.user.get("/attestation/own/"))
    page = text_of(people.user.get(f"/attestation/records/{record}/"))
    assert "evidence.zip" in page
    assert "/again/" not in page
    assert f'href="{LIST}"' not in page


def test_others_are_told_that_there_is_no_such_record(people: People, record: str) -> None:
    assert record not in text_of(people.neighbour.get("/attestation/own/"))
    assert people.neighbour.get(f"/attestation/records/{record}/").status_code == 404


def test_a_record_that_is_not_there_is_not_found(people: People) -> None:
    assert people.admin.get(f"/attestation/records/{uuid.uuid4()}/").status_code == 404
    assert people.admin.get(f"/attestation/records/{uuid.uuid4()}/evidence.zip").status_code == 404


def test_the_list_goes_on_where_a_page_ends(people: People, scene: Scene) -> None:
    records = {record_one(scene, user=None, at=number) for number in range(52)}
    first = text_of(people.auditor.get(LIST))
    link = re.search(r'href="(\?before=[^"]+)"', first)
    assert link is not None
    second = text_of(people.auditor.get(LIST + link[1]))
    seen = [re.findall(r"/attestation/records/([0-9a-f-]{36})/", page) for page in (first, second)]
    assert [len(found) for found in seen] == [50, 2]
    assert {*seen[0], *seen[1]} == records
    assert "before=" not in second


def test_a_page_that_is_none_is_not_found(people: People) -> None:
    assert people.auditor.get(LIST + "?before=x").status_code == 404


def test_an_empty_history_says_so(people: People) -> None:
    assert "There are none here yet." in text_of(people.admin.get(LIST))


def test_a_failed_attestation_names_its_first_fault(people: People, scene: Scene) -> None:
    record = record_one(scene, user=None, token=False)
    page = text_of(people.admin.get(LIST))
    assert "The service refused, did not answer, or its answer is not genuine." in page
    assert "verdict.token" in page
    assert "Nobody signed in" in page
    detail = text_of(people.admin.get(f"/attestation/records/{record}/"))
    assert "Not verified" in detail
    assert "The attestation service could not be reached." in detail


def test_a_record_that_cannot_be_read_is_still_shown(people: People, scene: Scene) -> None:
    record = record_one(scene, user=None, quote=b"damaged", statement=b"<script>alert(1)</script>")
    page = text_of(people.admin.get(f"/attestation/records/{record}/"))
    assert "The report cannot be read." in page
    assert "<script>" not in page


def test_the_pages_have_nothing_inline(people: People, record: str) -> None:
    for path in (LIST, f"/attestation/records/{record}/"):
        page = text_of(people.admin.get(path))
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)", page)


def test_nothing_is_changed_by_these_addresses(people: People, record: str) -> None:
    for path in (LIST, f"/attestation/records/{record}/", f"/attestation/records/{record}/evidence.zip"):
        for method in ("post", "put", "delete"):
            assert getattr(people.admin, method)(path).status_code == 405


# --- evidence ------------------------------------------------------------------------------------


def test_admin_auditor_and_the_user_himself_take_the_evidence_away(people: People, record: str) -> None:
    archives = []
    for client in (people.admin, people.auditor, people.user):
        answer = client.get(f"/attestation/records/{record}/evidence.zip")
        assert answer.status_code == 200
        assert answer["Content-Type"] == "application/zip"
        assert answer["Content-Disposition"] == f'attachment; filename="evidence-{record}.zip"'
        archives.append(answer.content)
    assert len(set(archives)) == 1
    assert parse_bundle(archives[0]).record == record


def test_another_user_is_told_that_there_is_no_evidence(people: People, record: str) -> None:
    assert people.neighbour.get(f"/attestation/records/{record}/evidence.zip").status_code == 404


def test_evidence_that_nobody_owns_is_nobody_elses(people: People, scene: Scene) -> None:
    record = record_one(scene, user=None)
    assert people.user.get(f"/attestation/records/{record}/evidence.zip").status_code == 404
    assert people.auditor.get(f"/attestation/records/{record}/evidence.zip").status_code == 200


def test_the_archive_names_neither_the_account_nor_its_id(people: People, record: str) -> None:
    archive = people.user.get(f"/attestation/records/{record}/evidence.zip").content
    assert str(people.owner.pk).encode() not in archive


# --- what is published ---------------------------------------------------------------------------


def test_the_checkpoint_verifies_under_the_published_key(published: Scene) -> None:
    stranger = Client()
    sign_log(publication.checkpoint_signer())
    keys = stranger.get("/attestation/keys").json()
    note = stranger.get("/attestation/log/checkpoint")
    assert note["Content-Type"] == "text/plain; charset=utf-8"
    checkpoint = verify_checkpoint(
        note.content.decode(), origin=keys["log"]["origin"], public_key=b64decode(keys["log"]["key"])
    )
    assert (checkpoint.origin, checkpoint.size) == (LOG_ORIGIN, 0)


def test_the_published_releases_verify_under_the_published_key(published: Scene) -> None:
    stranger = Client()
    key = b64decode(stranger.get("/attestation/keys").json()["release"]["key"])
    (wire,) = stranger.get("/attestation/releases").json()["releases"]
    release = parse_release(b64decode(wire["manifest"]), b64decode(wire["signature"]), release_key=key)
    assert release == published.release


def test_the_token_issuer_is_published_with_its_key(published: Scene) -> None:
    issuer = published.token_issuer
    assert Client().get("/attestation/keys").json()["tokens"] == [issuer.to_members()]
    assert parse_issuer(issuer.to_members()) == issuer


def test_without_a_release_key_no_release_is_known(published: Scene, settings: Settings) -> None:
    settings.CONFCHAT_RELEASE_KEY = ""
    assert Client().get("/attestation/releases").json() == {"releases": []}
    assert Client().get("/attestation/keys").json()["release"] is None


def record_one(scene: Scene, *, user: str | None, at: int = 0, token: bool = True, **evidence: bytes) -> str:
    """Record one attestation with its service's token, or with a service that was away."""
    record, shown = str(uuid.uuid4()), replace(scene.evidence(), **evidence)
    now = scene.now + timedelta(seconds=at)
    verifier = service_verifier(scene.service())
    verdict = Verdict(token=None, error_code="service_unavailable", verifier=verifier.info)

    async def run() -> None:
        said = await verifier.verify(shown, report_data=report_data(shown.statement)) if token else verdict
        result = appraise(
            shown,
            policy=scene.policy,
            trust=scene.trust,
            expectation=replace(scene.expectation, now=now),
            releases=(scene.release,),
            answers=said.answers,
        )
        await record_attestation(
            record,
            evidence=shown,
            result=result,
            verdict=said,
            user=user,
            conversation=None,
            requested_at=now,
            evidence_at=now,
            releases=(scene.release,),
            keys=scene.keys,
        )

    asyncio.run(run())
    return record


def text_of(answer: HttpResponse) -> str:
    assert answer.status_code == 200
    return answer.content.decode()
