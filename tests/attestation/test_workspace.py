"""What auditors do with records: compare two, and verify one again with its own lists and with today's."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from django.utils.html import escape
from pytest_django import Settings

from attestation.again import verify_again
from attestation.appraisal import AttestationResult
from attestation.collateral import Collateral
from attestation.dry_run import MOST_TRIED, try_policy
from attestation.errors import UnavailableError
from attestation.models import Attestation
from attestation.records import find_attestation, read_json
from attestation.search import Wanted
from attestation.simulator.td_report import Td
from tests.attestation.scene import CONVERSATION, Scene, build_scene
from tests.attestation.test_views import People, people, published, record, record_one, scene, text_of

__all__ = ["people", "published", "record", "scene"]

pytestmark = pytest.mark.django_db(transaction=True)

OTHER_TD = Td(report_data=bytes(64), rtmr1=bytes([1]) * 48)


async def unreachable(quote: bytes) -> Collateral:
    raise UnavailableError("nobody answers")


async def fetched(quote: bytes) -> Collateral:
    return build_scene().collateral


async def outdated(quote: bytes) -> Collateral:
    """Return lists of today in which this platform's weaknesses are not repaired."""
    scene = build_scene()
    return scene.platform.collateral(scene.now, tcb_info=scene.platform.tcb_info(scene.now, status="OutOfDate"))


@pytest.fixture
def deployed(published: Scene, tmp_path: Path, settings: Settings) -> Scene:
    """Let this installation be the one that made the scene's records."""
    settings.CONFCHAT_SIMULATOR_DIR = tmp_path / "simulator"
    settings.CONFCHAT_SIMULATOR_DIR.mkdir()
    (settings.CONFCHAT_SIMULATOR_DIR / "root.der").write_bytes(published.platform.root_der)
    settings.CONFCHAT_COLLATERAL_SOURCE = f"{__name__}.fetched"
    return published


def statuses(result: AttestationResult) -> dict[str, str]:
    return {check.id: check.status for check in result.checks}


def test_a_good_record_is_good_again_then_and_now(deployed: Scene, record: str) -> None:
    Attestation.objects.update(conversation=CONVERSATION)
    again = verify_again(find_attestation(uuid.UUID(record)), now=deployed.now + timedelta(days=2))
    then, now = again.verification.then, again.verification.now
    assert again.lists == "fetched"
    unknown = {name for name, status in statuses(then).items() if status == "unknown"}
    assert "fail" not in statuses(then).values()
    assert "binding.nonce" in unknown
    assert now is not None
    assert now.outcome == "affirming"


def test_a_weakness_that_became_known_since_then_is_found_now_only(
    deployed: Scene, record: str, settings: Settings
) -> None:
    settings.CONFCHAT_COLLATERAL_SOURCE = f"{__name__}.outdated"
    again = verify_again(find_attestation(uuid.UUID(record)), now=deployed.now + timedelta(days=2))
    assert statuses(again.verification.then)["tcb.status"] == "pass"
    assert again.verification.now is not None
    assert statuses(again.verification.now)["tcb.status"] == "fail"


def test_without_a_service_the_newest_lists_of_the_platform_are_taken(
    deployed: Scene, record: str, settings: Settings
) -> None:
    settings.CONFCHAT_COLLATERAL_SOURCE = f"{__name__}.unreachable"
    again = verify_again(find_attestation(uuid.UUID(record)), now=deployed.now)
    assert (again.lists, again.stored_at) == ("stored", deployed.now)
    assert again.verification.now is not None


def test_a_damaged_record_fails_again_and_the_page_names_the_fault(people: People, deployed: Scene) -> None:
    other = deployed.evidence(td=OTHER_TD)
    record = record_one(deployed, user=None, quote=other.quote, statement=other.statement)
    Attestation.objects.update(conversation=CONVERSATION)
    page = text_of(people.auditor.get(f"/attestation/records/{record}/again/"))
    assert "The first that does not hold: It runs exactly the released software." in page
    assert "not asked" in page


def test_a_record_whose_statement_is_damaged_cannot_be_verified_again(people: People, deployed: Scene) -> None:
    record = record_one(deployed, user=None, quote=b"damaged", statement=b"damaged")
    page = text_of(people.auditor.get(f"/attestation/records/{record}/again/"))
    assert "nothing says when it was made" in page


# --- another policy ------------------------------------------------------------------------------

POLICY = (
    "tcb_statuses=UpToDate&grace_days=0&accepted_advisories=any&advisory_days=0"
    "&min_evaluation=18&min_release=0.1.0&platform_ids=any&days=30"
)


def test_todays_policy_changes_nothing(people: People, deployed: Scene, record: str) -> None:
    Attestation.objects.update(verdict_at=timezone.now())
    page = text_of(people.admin.get(f"/attestation/dry-run/?{POLICY}"))
    assert "Of 1 attestation," in page
    assert "0 would be judged differently." in page


@pytest.mark.parametrize(
    ("changed", "check"),
    [
        (POLICY.replace("min_evaluation=18", "min_evaluation=99"), "quote.collateral"),
        (POLICY.replace("0.1.0", "9.0.0"), "td.measurements"),
        (POLICY.replace("UpToDate", "OutOfDate"), "tcb.status"),
        (POLICY.replace("platform_ids=any", "platform_ids=" + "00" * 16), "platform.id"),
        (POLICY + "&named=strict", "td.measurements"),
    ],
)
def test_a_stricter_policy_shows_what_it_would_refuse_and_by_which_check(
    people: People, deployed: Scene, record: str, changed: str, check: str
) -> None:
    Attestation.objects.update(verdict_at=timezone.now())
    page = text_of(people.admin.get(f"/attestation/dry-run/?{changed}"))
    assert "1 would be judged differently." in page
    assert "refused</span>" in page
    assert check in page


def test_a_dry_run_goes_on_with_older_records(deployed: Scene) -> None:
    for number in range(MOST_TRIED + 1):
        record_one(deployed, user=None, at=number, token=False)
    first = try_policy(
        lambda anchors: replace(anchors, policy=replace(anchors.policy, min_release_version="9.0.0")), wanted=Wanted()
    )
    assert (first.tried, len(first.differences)) == (MOST_TRIED, MOST_TRIED)
    second = try_policy(lambda anchors: anchors, wanted=Wanted(), before=first.next)
    assert (second.tried, second.differences, second.next) == (1, [], None)


def test_a_record_that_cannot_be_read_is_counted_apart(deployed: Scene) -> None:
    record_one(deployed, user=None, quote=b"damaged", statement=b"damaged")
    run = try_policy(lambda anchors: anchors, wanted=Wanted())
    assert (run.tried, run.unreadable, run.differences) == (1, 1, [])


@pytest.mark.parametrize("wrong", ["0.1.0", "days=30", "UpToDate", "platform_ids=any", "advisory_days=0"])
def test_a_policy_that_is_none_is_not_tried(people: People, deployed: Scene, wrong: str) -> None:
    spoiled = {"days=30": "days=0", "platform_ids=any": "platform_ids=00", "advisory_days=0": "advisory_days=1"}
    question = POLICY.replace(wrong, spoiled.get(wrong, "x"))
    assert people.admin.get(f"/attestation/dry-run/?{question}").status_code == 400
    assert people.admin.get("/attestation/dry-run/").status_code == 200


# --- two records ---------------------------------------------------------------------------------


def test_two_records_stand_side_by_side_with_what_differs(people: People, record: str, scene: Scene) -> None:
    other = scene.evidence(td=OTHER_TD)
    second = record_one(scene, user=None, at=60, quote=other.quote, statement=other.statement)
    page = text_of(people.auditor.get(f"/attestation/compare/?first={record}&second={second}"))
    rows = {row.split("<")[0].strip(): "differs" in row for row in page.split('<th scope="row">')[1:]}
    assert rows["RTMR1"]
    assert rows["Outcome"]
    assert not rows["MRTD"]
    assert not rows["Release digest"]


def test_what_a_verifier_wrote_in_english_is_marked_as_english(people: People, record: str, deployed: Scene) -> None:
    second = record_one(deployed, user=None, at=60)
    detail = escape(read_json(find_attestation(uuid.UUID(record)).checks)[0]["detail"])
    for address in (f"compare/?first={record}&second={second}", f"records/{record}/", f"records/{record}/again/"):
        page = text_of(people.auditor.get(f"/attestation/{address}", headers={"accept-language": "zh-hans"}))
        assert '<html lang="zh-hans"' in page
        assert f'lang="en">{detail}<' in page


def test_beside_one_record_stands_the_one_before_it(people: People, record: str, scene: Scene) -> None:
    second = record_one(scene, user=None, at=60)
    page = text_of(people.auditor.get(f"/attestation/compare/?second={second}"))
    assert f"/attestation/records/{record}/" in page
    assert "There is no attestation before this one." in text_of(
        people.auditor.get(f"/attestation/compare/?second={record}")
    )


def test_records_that_are_none_are_not_compared(people: People, record: str) -> None:
    assert people.auditor.get(f"/attestation/compare/?second={uuid.uuid4()}").status_code == 404
    assert people.auditor.get("/attestation/compare/?second=x").status_code == 400
    assert "Compare" in text_of(people.auditor.get("/attestation/compare/"))


def test_a_comparison_has_the_same_lines_in_every_language(people: People, record: str, scene: Scene) -> None:
    address = f"/attestation/compare/?first={record}&second={record_one(scene, user=None, at=60)}"
    pages = [text_of(people.auditor.get(address, headers={"accept-language": to})) for to in ("en", "ja", "zh-hans")]
    assert "二つの証明の比較" in pages[1]
    assert len({page.count('<th scope="row">') for page in pages}) == 1
