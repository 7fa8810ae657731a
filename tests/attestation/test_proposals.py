"""What is accepted is changed by two people, with their passwords, over files that the database cannot forge."""

from __future__ import annotations

import json
import re
from pathlib import Path
from uuid import UUID

import pytest
from allauth.mfa.models import Authenticator
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from pytest_django import Settings

from attestation import publication
from attestation.encoding import b64encode
from attestation.errors import ConfigurationError
from attestation.log.leaves import parse_entry
from attestation.models import LogEntry, Proposal
from attestation.policy_text import policy_members
from attestation.reference_values import build_manifest, sign_manifest
from confchat.models import User
from tests.attestation.scene import NOW, Scene
from tests.attestation.test_views import People, people, published, record_one, scene, text_of
from tests.confchat.test_second_factors import code_of, turn_on

__all__ = ["people", "published", "scene"]

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = "/attestation/policy/"
PASSWORD = "only for tests, twice"
TAKEN_OVER: list[str] = []


async def take_over() -> None:
    TAKEN_OVER.append(publication.policy().id)


@pytest.fixture
def admins(people: People, published: Scene, settings: Settings) -> list[Client]:
    """Two admins, who know their passwords."""
    settings.CONFCHAT_TAKE_OVER = f"{__name__}.take_over"
    settings.CONFCHAT_POLICY = "development"
    TAKEN_OVER.clear()
    publication.forget()
    cache.clear()
    other = User.objects.create_user("another admin")
    other.groups.add(Group.objects.get(name="admins"))
    second = Client()
    second.force_login(other)
    for user in User.objects.all():
        user.set_password(PASSWORD)
        user.save()
    signed_in = (people.admin, "admin"), (people.auditor, "auditor"), (people.user, "user"), (second, "another admin")
    for client, name in signed_in:
        client.force_login(User.objects.get(username=name))
    return [people.admin, second]


def changed_policy(**changes: object) -> str:
    members = policy_members(publication.named_policy()) | {"id": "house"} | changes
    return json.dumps(members)


def propose(client: Client, **fields: object) -> HttpResponse:
    usual = {"kind": "policy", "policy": changed_policy(), "reason": "We want it so.", "password": PASSWORD}
    return client.post(PAGE, usual | fields)


def proposed(client: Client, **fields: object) -> str:
    answer = propose(client, **fields)
    assert answer.status_code == 302, answer.content.decode()
    return str(answer["Location"])


def decide(client: Client, page: str, **fields: object) -> HttpResponse:
    digest = re.search(r'name="digest" value="([0-9a-f]{64})"', client.get(page).content.decode())
    usual = {"digest": "" if digest is None else digest[1], "password": PASSWORD, "decision": "approve"}
    return client.post(page, usual | fields)


def test_one_proposes_another_approves_and_it_is_in_force(admins: list[Client], people: People, scene: Scene) -> None:
    record_one(scene, user=None)
    page = proposed(admins[0], policy=changed_policy(refused_advisories=["INTEL-SA-01"], quorum="any"))
    assert publication.policy().id == "development", "nothing comes of a proposal alone"
    for client in (admins[1], people.auditor):
        shown = text_of(client.get(page))
        assert "Advisories refused" in shown
        assert "INTEL-SA-01" in shown
        assert "We want it so." in shown
    assert decide(admins[1], page).status_code == 302
    assert publication.policy().id == "house"
    assert publication.policy().refused_advisories == {"INTEL-SA-01"}
    assert TAKEN_OVER == ["house"]
    leaf = parse_entry(bytes(LogEntry.objects.get(kind="approval").entry))
    assert leaf["change"] == "policy"
    assert "admin" not in str(leaf)
    assert "approved by two people" in text_of(people.auditor.get(PAGE))


def test_nobody_approves_what_he_proposed(admins: list[Client]) -> None:
    page = proposed(admins[0])
    refused = decide(admins[0], page)
    assert refused.status_code == 409
    assert "another person must" in refused.content.decode()
    assert publication.policy().id == "development"
    assert decide(admins[0], page, decision="refuse").status_code == 302
    assert decide(admins[1], page, digest="0" * 64).status_code == 409, "it was taken back"


def test_each_of_both_says_the_own_password(admins: list[Client]) -> None:
    assert propose(admins[0], password="another").status_code == 400
    page = proposed(admins[0])
    assert decide(admins[1], page, password="another").status_code == 400
    for _ in range(20):
        last = decide(admins[1], page, password="another")
    assert "Too many tries" in last.content.decode()
    assert decide(admins[1], page).status_code == 400, "not even with the right one, for a minute"
    assert publication.policy().id == "development"


def test_auditors_look_on_and_users_do_not(admins: list[Client], people: People) -> None:
    page = proposed(admins[0])
    assert propose(people.auditor).status_code == 403
    assert decide(people.auditor, page).status_code == 403
    assert "Approve" not in text_of(people.auditor.get(page))
    assert people.user.get(page).status_code == 403
    assert propose(people.user).status_code == 403
    assert people.stranger.get(PAGE).status_code == 302


def test_a_row_changed_in_the_database_becomes_nothing(admins: list[Client]) -> None:
    page = proposed(admins[0])
    row = Proposal.objects.get()
    other = User.objects.get(username="auditor")
    for change in (
        {"content": changed_policy(enforcement="warn").encode()},
        {"proposed_by": other},
        {"kind": "release"},
        {"reason": "Something harmless."},
    ):
        Proposal.objects.filter(pk=row.pk).update(**change)
        for client in admins:
            assert client.get(page).status_code == 409
            assert (
                client.post(page, {"digest": "0" * 64, "password": PASSWORD, "decision": "approve"}).status_code == 409
            )
        Proposal.objects.filter(pk=row.pk).update(
            content=row.content, proposed_by=row.proposed_by, kind=row.kind, reason=row.reason
        )
    Proposal.objects.filter(pk=row.pk).update(state="approved", decided_by=other)
    assert publication.policy().id == "development", "a state in a row puts nothing in force"


def test_what_was_shown_is_what_is_approved(admins: list[Client]) -> None:
    first, second = proposed(admins[0]), proposed(admins[0], policy=changed_policy(quorum="any"))
    shown = re.search(r'name="digest" value="([0-9a-f]{64})"', admins[1].get(first).content.decode())
    assert shown is not None
    assert decide(admins[1], second, digest=shown[1]).status_code == 409
    assert publication.policy().id == "development"


def test_a_file_that_was_not_signed_here_stops_everything(admins: list[Client], published: Scene) -> None:
    assert decide(admins[1], proposed(admins[0])).status_code == 302
    path = publication.approved_directory() / "policy.json"
    path.write_text(path.read_text().replace("require", "warn"))
    publication.forget()
    with pytest.raises(ConfigurationError, match="not approved here"):
        publication.policy()


def test_the_settings_win_when_they_name_another_policy(admins: list[Client], settings: Settings) -> None:
    assert decide(admins[1], proposed(admins[0])).status_code == 302
    settings.CONFCHAT_POLICY = "strict"
    assert publication.policy().id == "strict"


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ("{}", "exactly the known members"),
        ("no JSON", ""),
        ({"id": "strict"}, "id of its own"),
        ({"mr_signer_seams": []}, "no signer of the TDX module"),
    ],
)
def test_what_could_not_be_put_in_force_is_no_proposal(
    admins: list[Client], policy: str | dict[str, object], said: str
) -> None:
    text = policy if isinstance(policy, str) else changed_policy(**policy)
    answer = propose(admins[0], policy=text)
    assert (answer.status_code, said in answer.content.decode()) == (400, True)
    assert not Proposal.objects.exists()


def manifest_of(scene: Scene, version: str) -> bytes:
    return build_manifest(
        version=version,
        issued_at=int(NOW.timestamp()),
        expires_at=int(NOW.timestamp()) + 10**7,
        platform="simulator",
        measurements=scene.release.measurements,
        models=scene.release.models,
        model_servers=scene.release.model_servers,
        files=scene.release.files,
    )


def upload(client: Client, manifest: bytes, key: Ed25519PrivateKey) -> HttpResponse:
    signature = b64encode(sign_manifest(manifest, key)).encode()
    files = {
        "manifest": SimpleUploadedFile("release.json", manifest),
        "signature": SimpleUploadedFile("release.sig", signature),
    }
    return propose(client, kind="release", policy="", **files)


def test_a_release_signed_elsewhere_is_taken_and_another_key_s_is_not(admins: list[Client], scene: Scene) -> None:
    manifest = manifest_of(scene, "9.9.9")
    assert upload(admins[0], manifest, Ed25519PrivateKey.generate()).status_code == 400
    made = upload(admins[0], manifest, scene.release_key)
    assert made.status_code == 302
    assert "9.9.9" in text_of(admins[1].get(made["Location"]))
    assert decide(admins[1], made["Location"]).status_code == 302
    assert [release.version for release in publication.releases()] == ["9.9.9", "0.1.0"]


def test_a_release_withdrawn_no_longer_counts(admins: list[Client], scene: Scene, tmp_path: Path) -> None:
    digest = scene.release.digest.hex()
    page = proposed(admins[0], kind="withdrawal", policy="", release=digest)
    assert decide(admins[1], page).status_code == 302
    assert publication.releases() == ()
    assert admins[0].get("/attestation/releases").json() == {"releases": []}
    assert (tmp_path / "releases" / "0.1.0.json").exists()
    assert propose(admins[0], kind="withdrawal", policy="", release=digest).status_code == 400
    back = upload(admins[0], scene.release.manifest, scene.release_key)
    assert decide(admins[1], back["Location"]).status_code == 302
    assert [release.digest.hex() for release in publication.releases()] == [digest]


def test_a_policy_that_was_tried_is_brought_to_the_proposal(admins: list[Client]) -> None:
    tried = (
        "?tcb_statuses=UpToDate&grace_days=0&accepted_advisories=any&advisories=INTEL-SA-77&advisory_days=0"
        "&min_evaluation=20&min_release=0.2.0&platform_ids=any&days=30"
    )
    shown = text_of(admins[0].get(PAGE + tried))
    assert "INTEL-SA-77" in shown
    assert "Propose this policy" in text_of(admins[0].get("/attestation/dry-run/" + tried))


def test_a_proposal_that_is_not_there_is_not_found(admins: list[Client]) -> None:
    assert admins[0].get(f"{PAGE}{UUID(int=4)}/").status_code == 404


def test_who_has_an_app_gives_its_code_too_and_each_code_once(admins: list[Client]) -> None:
    page = proposed(admins[0])
    approver = User.objects.get(username="another admin")
    admins[1].post("/accounts/reauthenticate/", {"password": PASSWORD})
    secret = turn_on(admins[1])
    assert 'name="code"' in admins[1].get(page).content.decode()
    cache.clear()
    assert decide(admins[1], page).status_code == 400, "the password alone"
    assert decide(admins[1], page, code="000000").status_code == 400
    assert decide(admins[1], page, password="another", code=code_of(secret)).status_code == 400
    for credential in ("[]", "1", "{}", '{"id": "x", "type": "public-key"}', "no JSON"):
        assert decide(admins[1], page, credential=credential).status_code == 400
        cache.clear()
    assert publication.policy().id == "development"
    assert decide(admins[1], page, code=code_of(secret)).status_code == 302
    assert publication.policy().id == "house"
    other = proposed(admins[0])
    assert decide(admins[1], other, code=code_of(secret)).status_code == 400, "a code counts once"
    codes = Authenticator.objects.get(user=approver, type="recovery_codes").wrap().get_unused_codes()
    assert decide(admins[1], other, decision="refuse", code=codes[0]).status_code == 302


def test_who_has_neither_password_nor_factor_here_decides_nothing(admins: list[Client]) -> None:
    page = proposed(admins[0])
    approver = User.objects.get(username="another admin")
    approver.set_unusable_password()
    approver.save()
    admins[1].force_login(approver)
    shown = admins[1].get(page).content.decode()
    assert 'name="password"' not in shown
    assert "passkey or an authenticator app first" in shown
    assert decide(admins[1], page, password="").status_code == 400
    assert publication.policy().id == "development"
