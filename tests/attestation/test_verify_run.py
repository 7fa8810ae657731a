"""Many records verified again in short steps: each is kept, and what was forged or cannot be proved is named."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest
from django.utils import timezone
from pytest_django import Settings

from attestation import publication
from attestation.log.store import sign_log
from attestation.models import Attestation, LogEntry, VerifyRun
from attestation.search import Wanted
from attestation.verify_run import begin_run, go_on, share_done
from confchat.models import User
from tests.attestation.scene import CONVERSATION, Scene, build_scene
from tests.attestation.test_views import People, people, published, record, record_one, scene, text_of
from tests.attestation.test_workspace import deployed, fetched, outdated
from tests.policies import write_policy

__all__ = ["deployed", "fetched", "outdated", "people", "published", "record", "scene"]

pytestmark = pytest.mark.django_db(transaction=True)

NOW = build_scene().now


def run_all(*, with_todays_lists: bool = False) -> VerifyRun:
    run = begin_run(
        user=str(User.objects.get(username="auditor").pk),
        asked="",
        wanted=Wanted(),
        with_todays_lists=with_todays_lists,
        now=NOW,
    )
    while run.ended_at is None:
        go_on(run, Wanted(), now=NOW, step_s=0)
        run.refresh_from_db()
    return run


@pytest.fixture
def many(people: People, deployed: Scene, settings: Settings) -> list[str]:
    """Twelve records, signed for."""
    records = [record_one(deployed, user=None, at=at) for at in range(12)]
    Attestation.objects.update(conversation=CONVERSATION)
    sign_log(publication.checkpoint_signer())
    return records


@pytest.mark.usefixtures("many")
def test_good_records_hold_and_every_step_is_kept(people: People) -> None:
    run = begin_run(user=str(people.owner.pk), asked="", wanted=Wanted(), with_todays_lists=False, now=NOW)
    go_on(run, Wanted(), now=NOW, step_s=0)
    run.refresh_from_db()
    assert (run.counts, run.ended_at) == ({"holds": 10}, None)
    assert 0 < share_done(run) < 1
    go_on(run, Wanted(), now=NOW, step_s=0)
    run.refresh_from_db()
    assert (run.counts, run.ended_at) == ({"holds": 12}, NOW)
    assert share_done(run) == 1


@pytest.mark.usefixtures("many")
def test_two_who_go_on_at_once_count_nothing_twice(people: People) -> None:
    run = begin_run(user=str(people.owner.pk), asked="", wanted=Wanted(), with_todays_lists=False, now=NOW)
    other = VerifyRun.objects.get(pk=run.pk)
    go_on(run, Wanted(), now=NOW, step_s=0)
    go_on(other, Wanted(), now=NOW, step_s=0)
    assert VerifyRun.objects.get(pk=run.pk).counts == {"holds": 10}


def test_a_changed_a_forged_and_a_new_record_are_told_apart(many: list[str], scene: Scene) -> None:
    Attestation.objects.filter(pk=many[0]).update(quote_head=b"\x04" + bytes(700))
    Attestation.objects.filter(pk=many[1]).update(statement=b"{}")
    Attestation.objects.filter(pk=many[2]).update(server_outcome="contraindicated")
    LogEntry.objects.filter(record=UUID(many[3])).update(record=None)
    new = record_one(scene, user=None, at=40)
    Attestation.objects.filter(pk=new).update(conversation=CONVERSATION, verdict_at=timezone.now())
    run = run_all()
    assert run.counts == {"holds": 8, "not in the log": 3, "unreadable": 1, "not yet logged": 1}
    assert {found[0] for found in run.found} == set(many[:4])
    assert new not in {found[0] for found in run.found}


def test_a_policy_of_today_that_is_stricter_differs_by_its_check(
    many: list[str], settings: Settings, tmp_path: Path
) -> None:
    settings.CONFCHAT_POLICY = write_policy(tmp_path / "policy.json", min_release_version="99.0.0")
    run = run_all()
    assert run.counts == {"differs": 12}
    assert {(finding, check) for _record, finding, check in run.found} == {("differs", "td.measurements")}


@pytest.mark.usefixtures("many")
def test_todays_lists_are_asked_about_the_machines_of_then(settings: Settings) -> None:
    assert run_all(with_todays_lists=True).counts == {"holds": 12}
    settings.CONFCHAT_COLLATERAL_SOURCE = f"{__name__}.outdated"
    assert run_all(with_todays_lists=True).counts == {"not good now": 12}
    assert run_all().counts == {"holds": 12}


@pytest.mark.usefixtures("many")
def test_a_page_begins_it_and_shows_it_to_its_end(people: People) -> None:
    begun = people.auditor.post("/attestation/verify/", {"outcome": "affirming", "lists": "own"})
    assert begun.status_code == 302
    page = begun.headers["Location"]
    assert "Verifying again" in text_of(people.auditor.get(page))
    for _ in range(5):
        state = people.auditor.post(f"{page}step", headers={"accept": "application/json"}).json()
    assert (state["done"], state["ended"], state["share"], state["faults"]) == (12, True, 1.0, 0)
    shown = text_of(people.auditor.get(page))
    assert "All that was looked for is done" in shown
    assert text_of(people.admin.get("/attestation/verify/")).count("all done") == 1
    assert people.user.post(f"{page}step").status_code == 403
    assert people.auditor.post("/attestation/verify/", {"outcome": "nonsense"}).status_code == 400
