"""The embedded attestation service: what it affirms, what it refuses to speak of, and how it is chosen."""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from attestation.appraisal import appraise
from attestation.errors import ConfigurationError, UnavailableError
from attestation.services import (
    embedded_issuer,
    remote_verifier,
    service_verifier,
)
from attestation.services.ear import build_vector, status_of
from attestation.services.token_key import create_token_key, load_token_key
from attestation.simulator.boot import measure
from attestation.simulator.td_report import DEBUG, SEPT_VE_DISABLE, build_attributes
from attestation.statement import report_data
from attestation.token import verify_token
from tests.attestation.scene import SERVICE_URL, FixedCollateral, Scene, Td, ask, build_scene, claims_of, pinned_client


@pytest.fixture
def scene() -> Scene:
    return build_scene()


async def test_good_evidence_is_affirmed_by_a_token_about_this_very_quote(scene: Scene) -> None:
    evidence = scene.evidence()
    verdict = await ask(scene, scene.service(), evidence)
    assert verdict.error_code is None
    claims = claims_of(scene, verdict)
    module = claims["submods"]["cpu0"]
    assert module["ear.status"] == "affirming"
    tdx = module["ear.veraison.annotated-evidence"]["tdx"]
    assert tdx["quote"]["body"]["report_data"] == report_data(evidence.statement).hex()
    assert tdx["tcb_status"] == "UpToDate"
    assert tdx["quote"]["header"]["tee_type"] == "81000000"


async def test_the_token_makes_the_whole_appraisal_affirming(scene: Scene) -> None:
    evidence = scene.evidence()
    verdict = await ask(scene, scene.service(), evidence)
    result = appraise(
        evidence,
        policy=scene.policy,
        trust=scene.trust,
        expectation=scene.expectation,
        releases=(scene.release,),
        answers=verdict.answers,
    )
    assert result.outcome == "affirming", result.reason


async def test_the_verdict_says_who_verified_with_the_pinned_key(scene: Scene) -> None:
    evidence = scene.evidence()
    verifier = service_verifier(scene.service())
    verdict = await verifier.verify(evidence, report_data=report_data(evidence.statement))
    assert verdict.error_code is None
    wire = verdict.verifier.to_wire()
    assert wire["kind"] == "embedded"
    assert wire["issuer"] == scene.token_issuer.issuer
    assert wire["jwks"] == {"keys": [dict(scene.token_issuer.keys[0])]}


async def test_a_debuggable_td_is_contraindicated(scene: Scene) -> None:
    td = Td(report_data=bytes(64), td_attributes=build_attributes(SEPT_VE_DISABLE, DEBUG))
    verdict = await ask(scene, scene.service(), scene.evidence(td=td))
    module = claims_of(scene, verdict)["submods"]["cpu0"]
    assert module["ear.status"] == "contraindicated"
    assert module["ear.veraison.annotated-evidence"]["tdx"]["td_attributes"]["debug"] is True


async def test_an_unknown_release_is_not_affirmed(scene: Scene) -> None:
    td = Td(report_data=bytes(64), rtmr1=measure("another kernel"))
    verdict = await ask(scene, scene.service(), scene.evidence(td=td))
    module = claims_of(scene, verdict)["submods"]["cpu0"]
    assert module["ear.trustworthiness-vector"]["executables"] == 33
    assert module["ear.status"] == "warning"


async def test_an_outdated_platform_is_contraindicated(scene: Scene) -> None:
    issued_at = scene.now - timedelta(days=1)
    outdated = scene.platform.collateral(issued_at, tcb_info=scene.platform.tcb_info(issued_at, status="OutOfDate"))
    verdict = await ask(scene, scene.service(collateral=FixedCollateral(outdated)), scene.evidence())
    module = claims_of(scene, verdict)["submods"]["cpu0"]
    assert module["ear.status"] == "contraindicated"
    assert module["ear.veraison.annotated-evidence"]["tdx"]["tcb_status"] == "OutOfDate"


async def test_expired_lists_are_not_affirmed(scene: Scene) -> None:
    later = scene.now + timedelta(days=32)
    aged = scene.platform.collateral(later)
    stale = replace(aged, tcb_info=scene.collateral.tcb_info, tcb_info_signature=scene.collateral.tcb_info_signature)
    service = scene.service(collateral=FixedCollateral(stale), clock=lambda: later)
    verdict = await ask(scene, service, scene.evidence())
    module = verify_token(verdict.token or "", scene.token_issuer, now=later)["submods"]["cpu0"]
    assert module["ear.status"] == "contraindicated"
    assert module["ear.veraison.annotated-evidence"]["tdx"]["collateral_expiration_status"] == "1"


async def test_a_revoked_processor_is_refused_without_a_token(scene: Scene) -> None:
    revoked = scene.platform.collateral(scene.now - timedelta(days=1), revoked=("pck",))
    verdict = await ask(scene, scene.service(collateral=FixedCollateral(revoked)), scene.evidence())
    assert (verdict.token, verdict.error_code) == (None, "service_refused")


async def test_the_service_does_not_believe_the_requesters_collateral(scene: Scene) -> None:
    revoked = scene.platform.collateral(scene.now - timedelta(days=1), revoked=("pck",))
    evidence = scene.evidence()
    assert revoked != evidence.collateral
    verdict = await ask(scene, scene.service(collateral=FixedCollateral(revoked)), evidence)
    assert verdict.error_code == "service_refused"


async def test_a_changed_quote_is_refused(scene: Scene) -> None:
    evidence = scene.evidence()
    quote = bytearray(evidence.quote)
    quote[200] ^= 1
    verdict = await ask(scene, scene.service(), replace(evidence, quote=bytes(quote)))
    assert (verdict.token, verdict.error_code) == (None, "service_refused")


async def test_a_quote_with_other_report_data_is_refused(scene: Scene) -> None:
    verifier = pinned_client(scene, scene.service())
    verdict = await verifier.verify(scene.evidence(), report_data=bytes(64))
    assert verdict.error_code == "service_refused"


async def test_simulated_evidence_is_refused_where_no_simulator_is_configured(scene: Scene) -> None:
    verdict = await ask(scene, scene.service(simulator_root=None), scene.evidence())
    assert verdict.error_code == "service_refused"


async def test_collateral_that_cannot_be_had_is_the_services_absence_not_its_refusal(scene: Scene) -> None:
    service = scene.service(collateral=FixedCollateral(UnavailableError("no network")))
    verdict = await ask(scene, service, scene.evidence())
    assert verdict.error_code == "service_unavailable"


async def test_answers_come_while_the_service_computes(scene: Scene) -> None:
    verdicts = await asyncio.gather(*(ask(scene, scene.service(), scene.evidence()) for _ in range(8)))
    assert {verdict.error_code for verdict in verdicts} == {None}
    assert len({verdict.token for verdict in verdicts}) == 8


def test_the_token_has_the_members_of_trustees_own(scene: Scene, shared_vectors: Path) -> None:
    theirs = json.loads((shared_vectors / "trustee" / "example.token.json").read_text())
    verdict = asyncio.run(ask(scene, scene.service(), scene.evidence()))
    ours = claims_of(scene, verdict)
    assert set(theirs) <= set(ours)
    assert set(theirs["submods"]["cpu0"]) <= set(ours["submods"]["cpu0"])
    vectors = [claims["submods"]["cpu0"]["ear.trustworthiness-vector"] for claims in (theirs, ours)]
    assert set(vectors[0]) == set(vectors[1])


@pytest.mark.parametrize(
    ("worst", "tier"), [(0, "none"), (2, "affirming"), (31, "affirming"), (32, "warning"), (96, "contraindicated")]
)
def test_the_worst_claim_decides_the_tier(worst: int, tier: str) -> None:
    assert status_of({"hardware": worst, "executables": 0}) == tier


def test_checks_that_were_not_made_count_against() -> None:
    assert status_of(build_vector({}, is_known_release=False)) == "contraindicated"


def test_the_signing_key_is_named_by_its_thumbprint(tmp_path: Path) -> None:
    path = tmp_path / "token.p256"
    create_token_key(path)
    jwk = embedded_issuer(load_token_key(path)).keys[0]
    assert jwk["kid"] == embedded_issuer(load_token_key(path)).keys[0]["kid"]
    assert len(base64.urlsafe_b64decode(jwk["kid"] + "=")) == 32


def test_an_address_that_is_none_is_refused(scene: Scene) -> None:
    with pytest.raises(ConfigurationError):
        remote_verifier("ftp://service.test", issuer=scene.token_issuer)


async def test_a_service_in_this_process_and_one_elsewhere_are_told_apart(scene: Scene) -> None:
    embedded = service_verifier(scene.service())
    remote = remote_verifier(SERVICE_URL, issuer=scene.token_issuer)
    assert (embedded.info.kind, remote.info.kind, remote.info.url) == ("embedded", "trustee", SERVICE_URL)
    await remote.aclose()
