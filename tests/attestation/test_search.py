"""The history is searched by what it holds, page by page, and each query walks one index."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from attestation.models import Attestation
from attestation.news import begin_visit
from attestation.records import list_attestations
from attestation.search import Wanted, known_values, newest_first
from attestation.simulator.td_report import Td
from confchat.models import User
from tests.attestation.scene import Scene, build_scene
from tests.attestation.test_views import LIST, People, people, record_one, text_of

__all__ = ["people"]

pytestmark = pytest.mark.django_db(transaction=True)

OTHER_TD = Td(report_data=bytes(64), rtmr1=bytes([1]) * 48)
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def scene() -> Scene:
    return build_scene()


@pytest.fixture
def records(scene: Scene, people: People) -> dict[str, str]:
    """Four records: one of the user's, one of nobody's, one without a token, one of another machine."""
    other = scene.evidence(td=OTHER_TD)
    return {
        "user": record_one(scene, user=str(people.owner.pk)),
        "nobody": record_one(scene, user=None, at=1),
        "refused": record_one(scene, user=None, at=2, token=False),
        "other": record_one(scene, user=None, at=3, quote=other.quote, statement=other.statement),
    }


def shown(client: Client, question: str) -> set[str]:
    return set(re.findall(r"/attestation/records/([0-9a-f-]{36})/", text_of(client.get(LIST + question))))


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("", {"user", "nobody", "refused", "other"}),
        ("?outcome=affirming", {"user", "nobody"}),
        ("?outcome=contraindicated", {"refused", "other"}),
        ("?check=verdict.token", {"refused"}),
        ("?check=td.measurements", {"other"}),
        ("?check=td.measurements&outcome=affirming", set()),
        ("?user=user", {"user"}),
        ("?user=nobody-has-this-name", set()),
        ("?release=0.1.0&model=smollm2:135m&verifier=embedded", {"user", "nobody", "refused", "other"}),
        ("?since=2026-11-22&until=2026-11-22", {"user", "nobody", "refused", "other"}),
        ("?until=2026-11-21", set()),
        ("?since=2026-11-23", set()),
    ],
)
def test_a_search_shows_what_matches_and_nothing_else(
    people: People, records: dict[str, str], question: str, names: set[str]
) -> None:
    assert shown(people.auditor, question) == {records[name] for name in names}


def test_records_are_found_by_what_the_machine_measured(people: People, records: dict[str, str]) -> None:
    other = Attestation.objects.select_related("measurements").get(pk=records["other"])
    assert other.measurements is not None
    question = f"?measurement={other.measurements.digest}&check=td.measurements&outcome=contraindicated"
    assert shown(people.auditor, question) == {records["other"]}
    assert shown(people.auditor, question + "&verifier=embedded&user=user") == set()


@pytest.mark.parametrize("question", ["?outcome=fine", "?since=yesterday", "?until=9999-12-31", "?measurement=x"])
def test_a_question_of_another_form_is_answered_beside_its_field(people: People, question: str) -> None:
    answer = people.admin.get(LIST + question)
    assert answer.status_code == 400
    assert b'class="errorlist"' in answer.content


def test_a_search_is_kept_from_page_to_page(people: People, scene: Scene) -> None:
    kept = {record_one(scene, user=str(people.owner.pk), at=2 * number) for number in range(51)}
    for number in range(3):
        record_one(scene, user=None, at=2 * number + 1)
    first = text_of(people.auditor.get(LIST + "?user=user&outcome=affirming"))
    link = re.search(r'rel="next" href="([^"]+)"', first)
    assert link is not None
    pages = [re.findall(r"/attestation/records/([0-9a-f-]{36})/", first)]
    pages.append(sorted(shown(people.auditor, link[1].replace("&amp;", "&"))))
    assert [len(page) for page in pages] == [50, 1]
    assert {*pages[0], *pages[1]} == kept


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (Wanted(), "newest"),
        (Wanted(outcome="contraindicated", verifier="embedded"), "by_outcome"),
        (Wanted(outcome="affirming", verifier="embedded"), "by_verifier"),
        (Wanted(check="tcb.status", outcome="contraindicated"), "by_check"),
        (Wanted(measurements=1, release="0.1.0", model="m", verifier="embedded"), "by_measurements"),
        (Wanted(release="0.1.0", since=NOW, until=NOW + timedelta(days=1)), "by_release"),
        (Wanted(user=str(uuid.UUID(int=1)), outcome="contraindicated", measurements=1), "of_user"),
        (Wanted(model="m"), "by_model"),
    ],
)
def test_a_search_walks_one_index_and_sorts_nothing(wanted: Wanted, index: str) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("a plan in SQLite's words")
    with CaptureQueriesContext(connection) as queries:
        list_attestations(wanted=wanted)
    with connection.cursor() as database:
        database.execute("EXPLAIN QUERY PLAN " + queries[0]["sql"])
        plan = " ".join(str(row[3]) for row in database.fetchall())
    assert f"INDEX attestation_{index} " in plan + " "
    assert "TEMP B-TREE" not in plan


def test_every_filter_alone_finds_by_its_column(records: dict[str, str]) -> None:
    assert newest_first(Wanted(verifier="trustee")).count() == 0
    assert newest_first(Wanted(verifier="embedded")).count() == 4
    assert known_values("model_name") == ["smollm2:135m"]
    assert len(known_values("measurements_id")) == 2


# --- what is new or unknown ----------------------------------------------------------------------


def test_a_measurement_of_no_known_release_stands_above_the_list(people: People, records: dict[str, str]) -> None:
    page = text_of(people.admin.get(LIST))
    assert "New or unknown" in page
    assert "Measurement of no known release" in page
    assert "changed: RTMR1" in page


def test_a_search_is_not_headed_by_news(people: People, records: dict[str, str]) -> None:
    assert "New or unknown" not in text_of(people.admin.get(LIST + "?outcome=affirming"))


def test_a_visit_ends_when_somebody_stays_away() -> None:
    user = str(User.objects.create_user("visitor").pk)
    assert begin_visit(user, now=NOW) is None
    assert begin_visit(user, now=NOW + timedelta(minutes=10)) is None
    later = NOW + timedelta(hours=2)
    assert begin_visit(user, now=later) == NOW + timedelta(minutes=10)
    assert begin_visit(user, now=later + timedelta(minutes=1)) == NOW + timedelta(minutes=10)
