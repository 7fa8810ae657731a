"""The embedded service's REST interface, shaped as Trustee's, and the requests that it takes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from attestation.encoding import b64decode, b64encode, parse_json
from attestation.errors import MalformedError
from attestation.eventlog import join_logs
from attestation.services import (
    AttestationService,
    create_application,
)
from attestation.services.embedded import MAX_CONCURRENT_REQUESTS
from attestation.services.request import MAX_REQUEST_BYTES, build_old_request, build_request, parse_request
from attestation.statement import report_data
from attestation.token import verify_token
from tests.attestation.scene import SERVICE_URL, FixedCollateral, Scene, ask, build_scene, claims_of, pinned_client


@pytest.fixture
def scene() -> Scene:
    return build_scene()


async def test_the_keys_are_published_at_both_addresses(scene: Scene) -> None:
    async with http(scene.service()) as browser:
        answers = [await browser.get(path) for path in ("/jwks", "/.well-known/jwks.json")]
    assert [answer.json() for answer in answers] == [{"keys": [dict(scene.token_issuer.keys[0])]}] * 2


async def test_the_answer_is_the_bare_token_as_trustee_sends_it(scene: Scene) -> None:
    evidence = scene.evidence()
    body = build_request(evidence, report_data=report_data(evidence.statement), policy_ids=("default",))
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

    verifier = pinned_client(scene, scene.service(collateral=Waiting(scene.collateral)))
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


def test_request_is_read_as_it_was_written_with_all_events_in_one_log(scene: Scene) -> None:
    evidence = scene.evidence()
    assert evidence.ccel is not None
    request = parse_request(build_request(evidence, report_data=bytes(64), policy_ids=("default",)))
    assert (request.quote, request.ccel, request.aael) == (
        evidence.quote,
        join_logs(evidence.ccel, evidence.aael),
        None,
    )
    assert (request.report_data, request.policy_ids) == (bytes(64), ("default",))


@pytest.mark.parametrize("is_old", [False, True])
def test_without_the_firmwares_log_services_of_others_are_shown_none(scene: Scene, is_old: bool) -> None:
    evidence = replace(scene.evidence(), ccel=None)
    body = (
        build_old_request(evidence, runtime_data="AA==", policy_ids=())
        if is_old
        else build_request(evidence, report_data=bytes(64), policy_ids=())
    )
    request = parse_json(body)
    shown = parse_json(b64decode((request if is_old else request["verification_requests"][0])["evidence"]))
    assert (shown["cc_eventlog"], shown["aa_eventlog"]) == (None, None)


@pytest.mark.parametrize("log", ["both", "the application's only"])
async def test_service_judges_the_events_that_it_is_shown(scene: Scene, log: str) -> None:
    evidence = scene.evidence() if log == "both" else replace(scene.evidence(), ccel=None)
    verdict = await ask(scene, scene.service(), evidence)
    assert claims_of(scene, verdict)["submods"]["cpu0"]["ear.status"] == "affirming"


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
        lambda body: body["verification_requests"][0].update(evidence=b64encode(b'{"quote":"AA==","aa_eventlog":"x"}')),
        lambda body: body["verification_requests"][0].update(evidence=b64encode(b'{"quote":"","confchat_aael":1}')),
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


def http(service: AttestationService) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=SERVICE_URL, transport=httpx.ASGITransport(create_application(service)))


def changed(scene: Scene, change: Callable[[dict[str, Any]], Any]) -> bytes:
    """Return a request's body with one change."""
    body = parse_json(build_request(scene.evidence(), report_data=bytes(64), policy_ids=("default",)))
    change(body)
    return json.dumps(body).encode()
