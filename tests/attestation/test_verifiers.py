"""Every kind of attestation service against its stand-in: asked as documented, and not believed when it lies."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from attestation.errors import ConfigurationError, UnavailableError
from attestation.services.description import build_verifier
from attestation.services.panel import Panel
from attestation.services.verdict import Verdict
from attestation.simulator.td_report import Td
from attestation.statement import report_data
from tests.attestation.scene import Scene, build_scene
from tests.standins.asking import KINDS, ask, describe, stand_in, verifier_of
from tests.standins.lies import LIES, NAMES, Lie, misname, replay
from tests.standins.service import Reply, Request, StandIn
from tests.standins.trust_authority import TrustAuthority, certificates

POLICY = TrustAuthority.policies[0]


@pytest.fixture
def scene() -> Scene:
    return build_scene()


@pytest.mark.parametrize("kind", KINDS)
async def test_each_kind_affirms_what_is_good(scene: Scene, tmp_path: Path, kind: str) -> None:
    verdict = await ask(stand_in(kind), scene, tmp_path)
    assert verdict.error_code is None
    assert verdict.token is not None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("name", "lie", "code"), LIES, ids=[name for name, *_ in LIES])
async def test_no_lie_is_believed(scene: Scene, tmp_path: Path, kind: str, name: str, lie: Lie, code: str) -> None:
    service = stand_in(kind)
    lie(service)
    assert (await ask(service, scene, tmp_path)).error_code == code


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("name", "claim"), NAMES)
async def test_other_names_are_lies_where_names_are_pinned(
    scene: Scene, tmp_path: Path, kind: str, name: str, claim: str
) -> None:
    service = stand_in(kind)
    pinned = getattr(service, {"iss": "issuer", "aud": "audience"}[claim])
    misname(service, claim)
    assert (await ask(service, scene, tmp_path)).error_code == (None if pinned is None else "service_lying")


@pytest.mark.parametrize("kind", KINDS)
async def test_the_token_of_another_question_is_a_lie(scene: Scene, tmp_path: Path, kind: str) -> None:
    service = stand_in(kind)
    other = await ask(service, scene, tmp_path, scene.evidence(nonce=bytes(32)))
    replay(service, other.token or "")
    verdict = await ask(service, scene, tmp_path)
    assert (verdict.token, verdict.error_code) == (other.token, "service_lying")


@pytest.mark.parametrize("kind", KINDS)
async def test_a_slow_service_times_out(scene: Scene, tmp_path: Path, kind: str) -> None:
    service = stand_in(kind)
    service.instead = lambda request: Reply(200, b"a" * 5000, pause_s=0.2)
    verifier = verifier_of(service, scene, tmp_path, timeout_s=1)
    verdict = await verifier.verify(scene.evidence(), report_data=report_data(scene.evidence().statement))
    assert verdict.error_code == "service_timeout"


async def test_a_service_of_the_older_era_is_found_out_once(scene: Scene, tmp_path: Path) -> None:
    service = stand_in("trustee-0.13")
    verifier = verifier_of(service, scene, tmp_path)
    evidence = scene.evidence()
    for _ in range(2):
        assert (await verifier.verify(evidence, report_data=report_data(evidence.statement))).error_code is None
    assert [sorted(request.json()) for request in service.asked] == [
        ["policy_ids", "verification_requests"],
        ["evidence", "policy_ids", "runtime_data", "tee"],
        ["evidence", "policy_ids", "runtime_data", "tee"],
    ]


async def test_a_service_whose_era_is_set_is_asked_in_no_other(scene: Scene, tmp_path: Path) -> None:
    verdict = await ask(stand_in("trustee-0.13"), scene, tmp_path, era="0.14")
    assert verdict.error_code == "service_refused"
    assert (await ask(stand_in("trustee"), scene, tmp_path, era="0.13")).error_code == "service_refused"


async def test_alibabas_runtime_data_is_written_as_it_is_taken(scene: Scene, tmp_path: Path) -> None:
    service = stand_in("alibaba")
    service.is_urlsafe = True  # type: ignore[attr-defined]
    verifier = verifier_of(service, scene, tmp_path)
    evidence = scene.evidence()
    for _ in range(2):
        assert (await verifier.verify(evidence, report_data=report_data(evidence.statement))).error_code is None
    assert len(service.asked) == 3


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_intels_service_gets_a_quote_of_its_own_that_carries_its_nonce(
    scene: Scene, tmp_path: Path, version: str
) -> None:
    service, evidence = stand_in("trust-authority"), scene.evidence()
    verdict = await ask(service, scene, tmp_path, evidence, version=version)
    assert verdict.error_code is None
    paths = [request.path for request in service.asked]
    assert paths == [f"/appraisal/{version}/nonce", f"/appraisal/{version}/attest", "/certs"]
    assert "x-api-key" not in service.asked[-1].headers


async def test_whoever_has_no_machine_asks_intels_service_about_the_evidences_own_quote(
    scene: Scene, tmp_path: Path
) -> None:
    service = stand_in("trust-authority")
    verdict = await ask(service, scene, tmp_path, with_machine=False)
    assert verdict.error_code is None
    assert [request.path for request in service.asked] == ["/appraisal/v2/attest", "/certs"]


async def test_a_quote_for_intels_nonce_that_another_machine_made_is_a_lie(scene: Scene, tmp_path: Path) -> None:
    key = tmp_path / "api-key"
    key.write_text("djE6example")
    service, evidence = stand_in("trust-authority"), scene.evidence()

    async def elsewhere(data: bytes) -> bytes:
        return scene.platform.quote(Td(report_data=data, mr_td=bytes(48)))

    verifier = build_verifier(
        describe(service, api_key_file=key),
        clock=lambda: scene.now,
        quote=elsewhere,
        transport=httpx.ASGITransport(service),
    )
    verdict = await verifier.verify(evidence, report_data=report_data(evidence.statement))
    assert verdict.error_code == "service_lying"


async def test_a_machine_that_cannot_quote_for_intels_nonce_has_no_verdict(scene: Scene, tmp_path: Path) -> None:
    key = tmp_path / "api-key"
    key.write_text("djE6example")

    async def away(data: bytes) -> bytes:
        raise UnavailableError("busy")

    service = stand_in("trust-authority")
    verifier = build_verifier(
        describe(service, api_key_file=key),
        clock=lambda: scene.now,
        quote=away,
        transport=httpx.ASGITransport(service),
    )
    verdict = await verifier.verify(scene.evidence(), report_data=bytes(64))
    assert (verdict.token, verdict.error_code) == (None, "service_unavailable")


async def test_certificates_count_only_under_the_pinned_root(scene: Scene, tmp_path: Path) -> None:
    service = stand_in("trust-authority")
    assert isinstance(service, TrustAuthority)
    pinned = service.pinned()
    for chain in (certificates(years=19), service.chain[:2], service.chain[::-1], (b"no certificate",)):
        service.chain = tuple(chain)
        assert (await ask(service, scene, tmp_path, token=pinned)).error_code == "service_lying"


async def test_certificates_out_of_date_do_not_count(scene: Scene, tmp_path: Path) -> None:
    service = stand_in("trust-authority")
    assert isinstance(service, TrustAuthority)
    later = replace(scene, now=scene.now.replace(year=scene.now.year + 25))
    service.now = lambda: later.now
    assert (await ask(service, later, tmp_path)).error_code == "service_lying"


@pytest.mark.parametrize(
    ("kind", "policy", "code"),
    [
        ("trust-authority", POLICY, None),
        ("trust-authority", "another", "service_refused"),
        ("trustee", "default", None),
        ("trustee", "another", "service_refused"),
        ("trustee-0.13", "default", None),
        ("alibaba", "default", None),
    ],
)
async def test_services_are_asked_to_judge_by_the_policies_that_are_pinned(
    scene: Scene, tmp_path: Path, kind: str, policy: str, code: str | None
) -> None:
    service = stand_in(kind)
    verdict = await ask(service, scene, tmp_path, token=service.pinned(policies=(policy,)))
    assert verdict.error_code == code


@pytest.mark.parametrize(
    "instead",
    [
        lambda request: Reply.json({"val": "!", "iat": "", "signature": ""}) if request.method == "GET" else None,
        lambda request: Reply.json([]) if request.method == "GET" else None,
        lambda request: Reply.text("{") if request.method == "GET" else None,
        lambda request: Reply.json({"keys": "none"}) if request.path == "/certs" else None,
        lambda request: Reply.json({"tokens": []}) if request.method == "POST" else None,
    ],
    ids=["a nonce that is none", "a list", "half an object", "no keys", "no token"],
)
async def test_intels_service_answering_in_other_forms_is_a_lie(scene: Scene, tmp_path: Path, instead: object) -> None:
    service = stand_in("trust-authority")
    service.instead = instead  # type: ignore[assignment]
    assert (await ask(service, scene, tmp_path)).error_code == "service_lying"


def test_intels_service_needs_an_api_key(tmp_path: Path) -> None:
    service = stand_in("trust-authority")
    for path in (None, tmp_path / "missing"):
        with pytest.raises(ConfigurationError):
            build_verifier(describe(service, api_key_file=path), clock=service.now, quote=None)
    empty = tmp_path / "empty"
    empty.write_text("\n")
    with pytest.raises(ConfigurationError):
        build_verifier(describe(service, api_key_file=empty), clock=service.now, quote=None)


async def test_several_are_asked_at_once_under_one_deadline(scene: Scene, tmp_path: Path) -> None:
    services = [stand_in(kind) for kind in KINDS]
    services[1].instead = lambda request: Reply(200, b"a" * 5000, pause_s=0.5)
    evidence = scene.evidence()
    panel = Panel([verifier_of(service, scene, tmp_path) for service in services], deadline_s=1.0)
    started = asyncio.get_running_loop().time()
    verdict = await panel.verify(evidence, report_data=report_data(evidence.statement))
    assert asyncio.get_running_loop().time() - started < 2.5
    codes = [each.error_code for each in (verdict, *verdict.others)]
    assert codes == [None, "service_timeout", None, None]
    assert [each.verifier.kind for each in verdict.others] == ["trustee", "alibaba", "trust-authority"]
    assert [issuer.form for issuer in panel.issuers] == ["ear", "simple", "oidc", "trust-authority"]
    await panel.aclose()


async def test_one_services_fault_changes_nothing_of_anothers_answer(scene: Scene, tmp_path: Path) -> None:
    good, away = stand_in("trustee"), stand_in("alibaba")
    away.instead = _down
    evidence = scene.evidence()
    panel = Panel([verifier_of(away, scene, tmp_path), verifier_of(good, scene, tmp_path)])
    verdict: Verdict = await panel.verify(evidence, report_data=report_data(evidence.statement))
    assert verdict.error_code == "service_unavailable"
    assert verdict.others[0].error_code is None
    wire = verdict.to_wire()
    assert (wire["token"], wire["others"][0]["token"]) == (None, verdict.others[0].token)


def test_a_panel_of_nobody_is_refused() -> None:
    with pytest.raises(ConfigurationError):
        Panel([])


def _down(request: Request) -> Reply | None:
    return Reply.text("away", 503)


def test_the_stand_ins_are_of_every_form() -> None:
    assert {service.form for service in map(stand_in, KINDS)} == {"ear", "simple", "oidc", "trust-authority"}
    assert all(isinstance(stand_in(kind), StandIn) for kind in KINDS)
