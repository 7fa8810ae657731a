"""The embedded service and its client, and services that are down, slow, lying or somebody else's."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from attestation.appraisal import appraise
from attestation.encoding import b64encode, parse_json
from attestation.errors import ConfigurationError, MalformedError, UnavailableError
from attestation.evidence import Evidence
from attestation.services import (
    AttestationService,
    Verdict,
    Verifier,
    choose_verifier,
    create_application,
    embedded_issuer,
    remote_verifier,
)
from attestation.services.ear import build_vector, status_of
from attestation.services.embedded import MAX_CONCURRENT_REQUESTS
from attestation.services.request import MAX_REQUEST_BYTES, build_request, parse_request
from attestation.services.token_key import create_token_key, load_token_key
from attestation.services.trustee import MAX_ANSWER_BYTES
from attestation.simulator.td_report import DEBUG, SEPT_VE_DISABLE, build_attributes, measure
from attestation.statement import report_data
from attestation.token import sign_token, verify_token
from tests.attestation.scene import FixedCollateral, Scene, Td, build_scene

URL = "http://service.test"


@pytest.fixture
def scene() -> Scene:
    return build_scene()


# --- the embedded service through its client -----------------------------------------------------


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
        evidence, policy=scene.policy, expectation=scene.expectation, releases=(scene.release,), token=verdict.token
    )
    assert result.outcome == "affirming", result.reason


async def test_the_verdict_says_who_verified_with_the_pinned_key(scene: Scene) -> None:
    evidence = scene.evidence()
    verifier = choose_verifier(url=None, issuer=None, service=scene.service())
    verdict = await verifier.verify(evidence, report_data=report_data(evidence.statement))
    assert verdict.error_code is None
    wire = verdict.verifier.to_wire()
    assert wire["kind"] == "embedded"
    assert wire["issuer"] == scene.token_issuer.issuer
    assert wire["jwks"] == {"keys": [dict(scene.token_issuer.key)]}


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
    verifier = client(scene, scene.service())
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


# --- services that cannot be believed ------------------------------------------------------------


async def test_a_service_that_is_down_is_unavailable(scene: Scene) -> None:
    verdict = await ask_transport(scene, httpx.MockTransport(raising(httpx.ConnectError("refused"))))
    assert (verdict.token, verdict.error_code) == (None, "service_unavailable")


async def test_a_service_that_breaks_off_is_unavailable(scene: Scene) -> None:
    verdict = await ask_transport(scene, httpx.MockTransport(raising(httpx.RemoteProtocolError("closed"))))
    assert verdict.error_code == "service_unavailable"


async def test_a_service_that_does_not_answer_times_out(scene: Scene) -> None:
    async def never(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(60)
        raise AssertionError

    verdict = await ask_transport(scene, httpx.MockTransport(never), timeout_s=0.05)
    assert verdict.error_code == "service_timeout"


async def test_a_service_that_drips_its_answer_times_out(scene: Scene) -> None:
    class Dripping(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            while True:
                await asyncio.sleep(0.01)
                yield b"a"

    verdict = await ask_transport(
        scene, httpx.MockTransport(lambda request: httpx.Response(200, stream=Dripping())), timeout_s=0.1
    )
    assert verdict.error_code == "service_timeout"


@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_an_overloaded_service_is_unavailable(scene: Scene, status: int) -> None:
    verdict = await ask_transport(scene, answering(status, b"busy"))
    assert verdict.error_code == "service_unavailable"


async def test_a_problem_that_may_pass_is_unavailability(scene: Scene) -> None:
    verdict = await ask_transport(scene, answering(500, b'{"retryable":true}'))
    assert verdict.error_code == "service_unavailable"


@pytest.mark.parametrize(
    ("status", "body"),
    [(400, b"bad"), (500, b"An internal error occured: \n0: evaluate"), (422, b"{}"), (500, b"[" * 9)],
)
def test_answers_that_refuse_are_told_apart(scene: Scene, status: int, body: bytes) -> None:
    verdict = asyncio.run(ask_transport(scene, answering(status, body)))
    assert (verdict.token, verdict.error_code) == (None, "service_refused")


@pytest.mark.parametrize("body", [b"", b"<html>", b"a.b", b"a.b.c.d", "ä.b.c".encode(), b'{"token":"a.b.c"}'])
async def test_what_is_not_a_token_is_no_answer(scene: Scene, body: bytes) -> None:
    verdict = await ask_transport(scene, answering(200, body))
    assert (verdict.token, verdict.error_code) == (None, "service_lying")


async def test_an_endless_answer_is_cut_off(scene: Scene) -> None:
    verdict = await ask_transport(scene, answering(200, b"a" * (MAX_ANSWER_BYTES + 1)))
    assert (verdict.token, verdict.error_code) == (None, "service_lying")


async def test_a_packed_answer_is_not_unpacked(scene: Scene) -> None:
    packed = httpx.Response(200, headers={"content-encoding": "gzip"}, stream=httpx.ByteStream(gzip.compress(b"a.b.c")))
    verdict = await ask_transport(scene, httpx.MockTransport(lambda request: packed))
    assert verdict.error_code == "service_lying"


async def test_a_redirect_is_not_followed(scene: Scene) -> None:
    def elsewhere(request: httpx.Request) -> httpx.Response:
        assert request.url.host == "service.test"
        return httpx.Response(307, headers={"location": "http://elsewhere.test/attestation"})

    verdict = await ask_transport(scene, httpx.MockTransport(elsewhere))
    assert verdict.error_code == "service_lying"


async def test_a_token_signed_with_another_key_is_a_lie_and_is_kept(scene: Scene) -> None:
    other = generate_private_key(SECP256R1())
    verdict = await ask(scene, scene.service(key=other), scene.evidence())
    assert verdict.error_code == "service_lying"
    assert verdict.token is not None


async def test_a_token_about_another_quote_is_a_lie(scene: Scene) -> None:
    replayed = await ask(scene, scene.service(), scene.evidence(nonce=bytes(32)))
    verdict = await ask_transport(scene, answering(200, (replayed.token or "").encode()))
    assert verdict.error_code == "service_lying"


async def test_a_token_of_yesterday_is_a_lie(scene: Scene) -> None:
    yesterday = scene.now - timedelta(days=1)
    verdict = await ask(scene, scene.service(clock=lambda: yesterday), scene.evidence())
    assert verdict.error_code == "service_lying"


@pytest.mark.parametrize("claim", ["iss", "aud"])
async def test_a_token_with_other_names_is_a_lie(scene: Scene, claim: str) -> None:
    good = await ask(scene, scene.service(), scene.evidence())
    claims = {**claims_of(scene, good), claim: "somebody else"}
    token = sign_token(claims, scene.token_key, "kid")
    verdict = await ask_transport(scene, answering(200, token.encode()))
    assert verdict.error_code == "service_lying"


async def test_a_token_that_says_nothing_of_the_quote_is_a_lie(scene: Scene) -> None:
    good = await ask(scene, scene.service(), scene.evidence())
    claims = {**claims_of(scene, good), "submods": {"cpu0": {"ear.status": "affirming"}}}
    verdict = await ask_transport(scene, answering(200, sign_token(claims, scene.token_key, "kid").encode()))
    assert verdict.error_code == "service_lying"


async def test_a_lie_never_makes_an_appraisal_affirming(scene: Scene) -> None:
    evidence = scene.evidence()
    verdict = await ask(scene, scene.service(key=generate_private_key(SECP256R1())), evidence)
    result = appraise(
        evidence, policy=scene.policy, expectation=scene.expectation, releases=(scene.release,), token=verdict.token
    )
    assert result.outcome == "contraindicated"
    assert result.reason is not None
    assert (result.reason.id, result.reason.code) == ("verdict.token", "token_signature")


# --- the REST interface --------------------------------------------------------------------------


async def test_the_keys_are_published_at_both_addresses(scene: Scene) -> None:
    async with http(scene.service()) as browser:
        answers = [await browser.get(path) for path in ("/jwks", "/.well-known/jwks.json")]
    assert [answer.json() for answer in answers] == [{"keys": [dict(scene.token_issuer.key)]}] * 2


async def test_the_answer_is_the_bare_token_as_trustee_sends_it(scene: Scene) -> None:
    evidence = scene.evidence()
    body = build_request(evidence, report_data=report_data(evidence.statement))
    async with http(scene.service()) as browser:
        answer = await browser.post("/attestation", content=body, headers={"content-type": "application/json"})
    assert answer.headers["content-type"].startswith("text/plain")
    assert verify_token(answer.text, scene.token_issuer, now=scene.now)["iss"] == scene.token_issuer.issuer


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/attestation", 405, "AS.REQUEST.METHOD"),
        ("POST", "/policy", 404, "AS.NOT_FOUND"),
        ("POST", "/attestation", 415, "AS.REQUEST.MEDIA_TYPE"),
    ],
)
async def test_what_the_service_does_not_know_gets_a_problem(
    scene: Scene, method: str, path: str, status: int, code: str
) -> None:
    async with http(scene.service()) as browser:
        answer = await browser.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == code


async def test_a_request_that_is_too_large_is_refused(scene: Scene) -> None:
    async with http(scene.service()) as browser:
        answer = await browser.post(
            "/attestation", content=b" " * (MAX_REQUEST_BYTES + 1), headers={"content-type": "application/json"}
        )
    assert (answer.status_code, answer.json()["code"]) == (413, "AS.REQUEST.TOO_LARGE")


async def test_too_many_requests_at_once_are_turned_away(scene: Scene) -> None:
    release = asyncio.Event()

    class Waiting(FixedCollateral):
        async def collateral_for(self, quote: bytes) -> Any:
            await release.wait()
            return self.answer

    verifier = client(scene, scene.service(collateral=Waiting(scene.collateral)))
    evidence = scene.evidence()
    tasks = [
        asyncio.create_task(verifier.verify(evidence, report_data=report_data(evidence.statement)))
        for _ in range(MAX_CONCURRENT_REQUESTS + 1)
    ]
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    release.set()
    assert [task.result().error_code for task in done] == ["service_unavailable"]
    assert [verdict.error_code for verdict in await asyncio.gather(*tasks)].count(None) == MAX_CONCURRENT_REQUESTS


async def test_the_application_can_be_a_process_of_its_own(scene: Scene) -> None:
    messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent: list[str] = []

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message["type"])

    await create_application(scene.service())({"type": "lifespan"}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


# --- requests ------------------------------------------------------------------------------------


def test_a_request_is_read_as_it_was_written(scene: Scene) -> None:
    evidence = replace(scene.evidence(), ccel=b"log", aael="INIT")
    request = parse_request(build_request(evidence, report_data=bytes(64)))
    assert (request.quote, request.ccel, request.aael) == (evidence.quote, b"log", "INIT")
    assert (request.report_data, request.policy_ids) == (bytes(64), ("default",))


def test_no_policy_named_means_the_default_one(scene: Scene) -> None:
    assert parse_request(changed(scene, lambda body: body.update(policy_ids=[]))).policy_ids == ("default",)


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body.pop("policy_ids"),
        lambda body: body.update(policy_ids=[1]),
        lambda body: body.update(extra=1),
        lambda body: body.update(verification_requests=[]),
        lambda body: body.update(verification_requests=body["verification_requests"] * 2),
        lambda body: body["verification_requests"][0].update(tee="sgx"),
        lambda body: body["verification_requests"][0].pop("runtime_data"),
        lambda body: body["verification_requests"][0].update(runtime_data={"structured": {}}),
        lambda body: body["verification_requests"][0].update(runtime_data={"raw": "AAAA"}),
        lambda body: body["verification_requests"][0].update(init_data={"init_data_digest": "AA"}),
        lambda body: body["verification_requests"][0].update(runtime_data_hash_algorithm="md5"),
        lambda body: body["verification_requests"][0].update(evidence="not base64!"),
        lambda body: body["verification_requests"][0].update(evidence=b64encode(b'{"quote":"*"}')),
        lambda body: body["verification_requests"][0].update(evidence=b64encode(b'{"quote":"AA==","aa_eventlog":1}')),
        lambda body: body["verification_requests"][0].update(evidence=b64encode(b"{}")),
        lambda body: body["verification_requests"][0].update(collateral={}),
    ],
)
def test_a_request_of_another_form_is_refused(scene: Scene, change: Callable[[dict[str, Any]], Any]) -> None:
    with pytest.raises(MalformedError):
        parse_request(changed(scene, change))


def test_the_old_shape_of_trustee_is_refused(shared_vectors: Path) -> None:
    with pytest.raises(MalformedError):
        parse_request((shared_vectors / "trustee" / "sample_attestation_request.json").read_bytes())


async def test_an_unknown_policy_is_refused(scene: Scene) -> None:
    body = changed(scene, lambda members: members.update(policy_ids=["lenient"]))
    with pytest.raises(MalformedError):
        await scene.service().attest(body)


# --- tokens, keys and choices --------------------------------------------------------------------


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
    jwk = embedded_issuer(load_token_key(path)).key
    assert jwk["kid"] == embedded_issuer(load_token_key(path)).key["kid"]
    assert len(base64.urlsafe_b64decode(jwk["kid"] + "=")) == 32


def test_a_remote_service_needs_a_pinned_key() -> None:
    with pytest.raises(ConfigurationError):
        choose_verifier(url=URL, issuer=None, service=None)


def test_a_verifier_that_is_nowhere_is_refused() -> None:
    with pytest.raises(ConfigurationError):
        choose_verifier(url=None, issuer=None, service=None)


def test_an_address_that_is_none_is_refused(scene: Scene) -> None:
    with pytest.raises(ConfigurationError):
        choose_verifier(url="ftp://service.test", issuer=scene.token_issuer, service=None)


async def test_the_settings_choose_between_embedded_and_remote(scene: Scene) -> None:
    embedded = choose_verifier(url=None, issuer=None, service=scene.service())
    remote = choose_verifier(url=URL, issuer=scene.token_issuer, service=scene.service())
    assert (embedded.info.kind, remote.info.kind, remote.info.url) == ("embedded", "trustee", URL)
    await remote.aclose()


# --- helpers -------------------------------------------------------------------------------------


def client(scene: Scene, service: AttestationService) -> Verifier:
    """Return a client that pins this deployment's key, whatever key the service signs with."""
    transport = httpx.ASGITransport(create_application(service))
    return remote_verifier(URL, issuer=scene.token_issuer, transport=transport, clock=lambda: scene.now)


async def ask(scene: Scene, service: AttestationService, evidence: Evidence) -> Verdict:
    return await client(scene, service).verify(evidence, report_data=report_data(evidence.statement))


async def ask_transport(scene: Scene, transport: httpx.AsyncBaseTransport, *, timeout_s: float = 5.0) -> Verdict:
    evidence = scene.evidence()
    verifier = remote_verifier(
        URL, issuer=scene.token_issuer, transport=transport, timeout_s=timeout_s, clock=lambda: scene.now
    )
    try:
        return await verifier.verify(evidence, report_data=report_data(evidence.statement))
    finally:
        await verifier.aclose()


def claims_of(scene: Scene, verdict: Verdict) -> dict[str, Any]:
    assert verdict.token is not None, verdict.error_code
    return dict(verify_token(verdict.token, scene.token_issuer, now=scene.now))


def http(service: AttestationService) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=URL, transport=httpx.ASGITransport(create_application(service)))


def answering(status: int, body: bytes) -> httpx.MockTransport:
    return httpx.MockTransport(lambda request: httpx.Response(status, content=body))


def raising(error: httpx.TransportError) -> Callable[[httpx.Request], httpx.Response]:
    def answer(request: httpx.Request) -> httpx.Response:
        raise error

    return answer


def changed(scene: Scene, change: Callable[[dict[str, Any]], Any]) -> bytes:
    """Return a request's body with one change."""
    body = parse_json(build_request(scene.evidence(), report_data=bytes(64)))
    change(body)
    return json.dumps(body).encode()
