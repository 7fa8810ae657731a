"""The overview says what happened when, and what the machine measured since when."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from attestation.charts import Part, stack_bars
from attestation.measured import list_measured
from attestation.models import Attestation
from attestation.overview import SPANS, read_steps
from attestation.simulator.td_report import Td
from tests.attestation.scene import Scene, build_scene
from tests.attestation.test_views import People, people, record_one, text_of

__all__ = ["people"]

OTHER_TD = Td(report_data=bytes(64), rtmr1=bytes([1]) * 48)


@pytest.fixture
def scene() -> Scene:
    return build_scene()


@pytest.mark.django_db(transaction=True)
def test_each_record_counts_in_its_hour_and_day(scene: Scene) -> None:
    record_one(scene, user=None)
    record_one(scene, user=None, token=False, at=3599)
    record_one(scene, user=None, at=3600)
    hours = read_steps(SPANS["day"], now=scene.now + timedelta(hours=1, minutes=5))
    assert len(hours) == 24
    assert [step.begins_at for step in hours[-2:]] == [scene.now, scene.now + timedelta(hours=1)]
    assert (hours[-2].counts["affirming"], hours[-2].counts["contraindicated"]) == (1, 1)
    assert [step.total for step in hours[-3:]] == [0, 2, 1]
    days = read_steps(SPANS["month"], now=scene.now)
    assert [step.total for step in days[-2:]] == [0, 3]
    assert days[-1].begins_at.hour == 0


@pytest.mark.django_db(transaction=True)
def test_latency_runs_from_the_question_to_the_verdict(scene: Scene) -> None:
    for number in range(20):
        record = record_one(scene, user=None, at=number)
        verdict_at = scene.now + timedelta(seconds=number)
        Attestation.objects.filter(pk=record).update(requested_at=verdict_at - timedelta(milliseconds=10 * number))
    (step,) = [step for step in read_steps(SPANS["day"], now=scene.now) if step.total]
    assert (step.middle_ms, step.slow_ms) == (90, 180)


@pytest.mark.django_db(transaction=True)
def test_measurements_stand_newest_first_with_what_changed_and_who_lists_them(scene: Scene) -> None:
    other = scene.evidence(td=OTHER_TD)
    record_one(scene, user=None)
    record_one(scene, user=None, at=60, quote=other.quote, statement=other.statement)
    record_one(scene, user=None, at=120)
    newest, oldest = list_measured([scene.release])
    assert (oldest.releases, oldest.changed) == (("0.1.0",), ())
    assert (oldest.first_at, oldest.last_at) == (scene.now, scene.now + timedelta(seconds=120))
    assert newest.releases == ()
    assert [register.name for register in newest.changed] == ["RTMR1"]


@pytest.mark.django_db(transaction=True)
def test_the_page_shows_charts_figures_and_changes_in_words(people: People, scene: Scene) -> None:
    other = scene.evidence(td=OTHER_TD)
    record_one(scene, user=None)
    record_one(scene, user=None, at=60, quote=other.quote, statement=other.statement)
    Attestation.objects.filter(outcome="affirming").update(verdict_at=timezone.now())
    page = text_of(people.auditor.get("/attestation/overview/"))
    assert "the boot loader and the kernel" in page
    assert "No known release" in page
    assert page.count('<svg class="bars"') == 2
    assert page.count('<rect class="is-affirming"') == 1
    assert people.auditor.get("/attestation/overview/?span=century").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_an_empty_overview_says_so(people: People) -> None:
    page = text_of(people.admin.get("/attestation/overview/?span=day"))
    assert "There was no attestation in this time." in page
    assert "Nothing has been measured yet." in page


def test_bars_stand_on_each_other_and_fill_the_height() -> None:
    chart = stack_bars([(3, 1), (0, 0), (2, 0)], lambda item: [Part(item[0], "a"), Part(item[1], "b")])
    assert (chart.most, chart.width) == (4, 30)
    assert [(bar.x, bar.y, bar.height, bar.style) for bar in chart.bars] == [
        (1.5, 25.0, 75.0, "a"),
        (1.5, 0.0, 25.0, "b"),
        (21.5, 50.0, 50.0, "a"),
    ]


def test_what_is_rare_can_be_seen_and_nothing_leaves_the_box() -> None:
    chart = stack_bars([(100_000, 1)], lambda item: [Part(item[0], "a"), Part(item[1], "b")])
    usual, rare = chart.bars
    assert rare.height > 1.9
    assert rare.y >= 0
    assert usual.height + rare.height <= 100.01
    assert stack_bars([], lambda item: []).bars == []
