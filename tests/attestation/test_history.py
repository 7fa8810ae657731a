"""What is recorded is what was shown, byte for byte, before anybody is told; and a million records stay readable."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.db import connection
from django.test.utils import CaptureQueriesContext

from attestation.appraisal import AttestationResult, appraise
from attestation.errors import AppraisalError, MalformedError, UnavailableError
from attestation.evidence import Evidence
from attestation.history import record_attestation, record_opening, split_quote
from attestation.models import Attestation, SharedPart
from attestation.records import find_attestation, list_attestations, read_bundle, read_evidence, read_json
from attestation.services import Verdict, VerifierInfo
from confchat.models import User
from tests.attestation.scene import Scene, build_scene

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def scene() -> Scene:
    return build_scene()


async def test_evidence_comes_back_byte_for_byte(scene: Scene) -> None:
    evidence = scene.evidence()
    record = await record_one(scene, evidence)
    assert await sync_to_async(lambda: read_evidence(find_attestation(record)))() == evidence


async def test_event_logs_come_back_byte_for_byte(scene: Scene) -> None:
    evidence = replace(scene.evidence(), ccel=bytes(range(256)), aael="INIT sha384/…\n")
    record = await record_one(scene, evidence)
    assert await sync_to_async(lambda: read_evidence(find_attestation(record)))() == evidence


async def test_a_record_tells_what_was_found_and_who_found_it(scene: Scene) -> None:
    record = await record_one(scene, scene.evidence())
    stored = await Attestation.objects.aget(pk=record)
    assert stored.server_outcome == stored.outcome == "contraindicated"
    assert (stored.failing_check, stored.failing_code) == ("verdict.token", "token_missing")
    assert (stored.error_code, stored.token, stored.verifier_kind) == ("service_unavailable", "", "embedded")
    assert (stored.client_outcome, stored.opened_at, stored.accepted_risk) == ("", None, False)
    assert stored.release_digest == scene.release.digest.hex()
    assert stored.tcb_status == "UpToDate"
    assert len(stored.mr_td) == 96


async def test_every_check_is_kept_with_its_code(scene: Scene) -> None:
    record = await record_one(scene, scene.evidence())
    checks = await sync_to_async(lambda: read_json(find_attestation(record).checks))()
    assert checks[0]["id"] == "quote.parse"
    assert checks[-1]["code"] == "token_missing"
    assert {check["status"] for check in checks} == {"pass", "fail"}


async def test_what_records_have_in_common_is_stored_once(scene: Scene) -> None:
    await record_one(scene, scene.evidence())
    before = await SharedPart.objects.acount()
    await record_one(scene, scene.evidence(nonce=bytes(32)))
    # Only its checks differ, by the reason of one of them.
    assert await SharedPart.objects.acount() - before <= 1
    assert await Attestation.objects.acount() == 2


async def test_evidence_that_cannot_be_read_is_recorded_all_the_same(scene: Scene) -> None:
    evidence = replace(scene.evidence(), quote=b"no quote", statement=b"no statement")
    record = await record_one(scene, evidence)
    stored = await Attestation.objects.aget(pk=record)
    assert (stored.failing_check, stored.mr_td, stored.release_version) == ("quote.parse", "", "")
    assert await sync_to_async(lambda: read_evidence(find_attestation(record)))() == evidence


async def test_a_record_id_is_never_used_twice(scene: Scene) -> None:
    record = await record_one(scene, scene.evidence())
    with pytest.raises(UnavailableError):
        await record_one(scene, scene.evidence(nonce=bytes(32)), record=record)
    assert await Attestation.objects.acount() == 1


async def test_an_attestation_that_cannot_be_stored_raises_and_leaves_nothing(scene: Scene) -> None:
    stranger = str(uuid.uuid4())
    before = await SharedPart.objects.acount()
    with pytest.raises(UnavailableError):
        await record_one(scene, scene.evidence(), user=stranger)
    assert await Attestation.objects.acount() == 0
    assert await SharedPart.objects.acount() == before


async def test_an_opening_is_recorded_once_with_the_worse_outcome(scene: Scene) -> None:
    record = await record_one(scene, scene.evidence())
    await record_opening(
        str(record), client_outcome="affirming", outcome="contraindicated", accepted_risk=True, opened=True
    )
    stored = await Attestation.objects.aget(pk=record)
    assert (stored.client_outcome, stored.outcome, stored.accepted_risk) == ("affirming", "contraindicated", True)
    assert stored.opened_at is not None
    with pytest.raises(AppraisalError) as refused:
        await record_opening(
            str(record), client_outcome="affirming", outcome="affirming", accepted_risk=False, opened=True
        )
    assert refused.value.code == "record_unknown"
    assert (await Attestation.objects.aget(pk=record)).outcome == "contraindicated"


async def test_a_refused_opening_is_recorded_as_not_opened(scene: Scene) -> None:
    record = await record_one(scene, scene.evidence())
    await record_opening(
        str(record), client_outcome="warning", outcome="contraindicated", accepted_risk=False, opened=False
    )
    stored = await Attestation.objects.aget(pk=record)
    assert (stored.client_outcome, stored.opened_at) == ("warning", None)


async def test_the_opening_of_an_unknown_record_is_refused() -> None:
    with pytest.raises(AppraisalError):
        await record_opening(
            str(uuid.uuid4()), client_outcome="affirming", outcome="affirming", accepted_risk=False, opened=True
        )


async def test_a_record_outlives_the_account_that_asked(scene: Scene) -> None:
    user = await User.objects.acreate_user("leaver")
    record = await record_one(scene, scene.evidence(), user=str(user.pk))
    await user.adelete()
    assert (await Attestation.objects.aget(pk=record)).user_id is None


async def test_a_bundle_of_a_record_names_nobody(scene: Scene) -> None:
    user = await User.objects.acreate_user("asker")
    record = await record_one(scene, scene.evidence(), user=str(user.pk))
    bundle = await sync_to_async(lambda: read_bundle(find_attestation(record)))()
    assert str(user.pk) not in repr(bundle)
    assert "asker" not in repr(bundle)
    assert bundle.release == (scene.release.manifest, scene.release.signature)
    assert bundle.keys == scene.keys.to_wire()


async def test_pages_follow_each_other_without_gap_or_repeat(scene: Scene) -> None:
    records = [await record_one(scene, scene.evidence(), at=number // 2) for number in range(7)]
    seen: list[uuid.UUID] = []
    cursor = None
    for _ in range(4):
        page = await sync_to_async(list_attestations)(before=cursor, size=2)
        seen += [record.pk for record in page.records]
        cursor = page.next
    assert cursor is None
    assert sorted(seen) == sorted(records)
    times = [(await Attestation.objects.aget(pk=pk)).verdict_at for pk in seen]
    assert times == sorted(times, reverse=True)


async def test_a_page_is_read_by_one_query_that_walks_the_index(scene: Scene) -> None:
    await record_one(scene, scene.evidence())
    page = await sync_to_async(list_attestations)(size=1)
    cursor = f"{int(page.records[0].verdict_at.timestamp() * 1_000_000)}-{uuid.uuid4().hex}"
    assert await sync_to_async(plan_of_a_page)(cursor) == 1


@pytest.mark.parametrize("cursor", ["", "x", "1-2", "1" * 18 + "-" + "0" * 32, "1-" + "g" * 32])
def test_a_cursor_of_another_form_is_refused(cursor: str) -> None:
    with pytest.raises(MalformedError):
        list_attestations(before=cursor)


def test_a_quote_is_cut_so_that_joining_gives_it_back(scene: Scene) -> None:
    quote = scene.evidence().quote
    head, certificates = split_quote(quote)
    assert head + certificates == quote
    assert len(head) < 1500
    assert split_quote(b"no certificates") == (b"no certificates", b"")


def plan_of_a_page(cursor: str) -> int:
    """Return how many queries a page takes, having asked the database how it carries that query out."""
    if connection.vendor != "sqlite":
        pytest.skip("a plan in SQLite's words")
    with CaptureQueriesContext(connection) as queries:
        list_attestations(before=cursor, size=10)
    with connection.cursor() as database:
        database.execute("EXPLAIN QUERY PLAN " + queries[0]["sql"])
        plan = " ".join(str(row[3]) for row in database.fetchall())
    assert "attestation_newest" in plan
    assert "TEMP B-TREE" not in plan
    return len(queries)


async def record_one(
    scene: Scene, evidence: Evidence, *, user: str | None = None, record: uuid.UUID | None = None, at: int = 0
) -> uuid.UUID:
    """Record evidence whose attestation service did not answer."""
    record = record or uuid.uuid4()
    asked = scene.now + timedelta(seconds=at)
    await record_attestation(
        str(record),
        evidence=evidence,
        result=judge(scene, evidence, at=at),
        verdict=Verdict(token=None, error_code="service_unavailable", verifier=verifier_of(scene)),
        user=user,
        conversation=None,
        requested_at=asked,
        evidence_at=asked,
        releases=(scene.release,),
        keys=scene.keys,
    )
    return record


def judge(scene: Scene, evidence: Evidence, *, at: int) -> AttestationResult:
    expectation = replace(scene.expectation, now=scene.now + timedelta(seconds=at))
    return appraise(
        evidence,
        policy=scene.policy,
        trust=scene.trust,
        expectation=expectation,
        releases=(scene.release,),
        answers=(),
    )


def verifier_of(scene: Scene) -> VerifierInfo:
    issuer = scene.token_issuer
    return VerifierInfo.of(issuer, kind="embedded", url="http://embedded.invalid")
