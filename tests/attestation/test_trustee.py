"""A client of services that are down, slow, lying or somebody else's: none of them is ever believed."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from attestation.appraisal import appraise
from attestation.services import (
    Verdict,
    remote_verifier,
)
from attestation.services.caller import MAX_ANSWER_BYTES
from attestation.statement import report_data
from attestation.token import sign_token
from tests.attestation.scene import SERVICE_URL, Scene, ask, build_scene, claims_of


@pytest.fixture
def scene() -> Scene:
    return build_scene()


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
async def test_answers_that_refuse_are_told_apart(scene: Scene, status: int, body: bytes) -> None:
    verdict = await ask_transport(scene, answering(status, body))
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
        evidence,
        policy=scene.policy,
        trust=scene.trust,
        expectation=scene.expectation,
        releases=(scene.release,),
        answers=verdict.answers,
    )
    assert result.outcome == "contraindicated"
    assert result.reason is not None
    assert (result.reason.id, result.reason.code) == ("verdict.token", "token_signature")


async def ask_transport(scene: Scene, transport: httpx.AsyncBaseTransport, *, timeout_s: float = 5.0) -> Verdict:
    evidence = scene.evidence()
    verifier = remote_verifier(
        SERVICE_URL, issuer=scene.token_issuer, transport=transport, timeout_s=timeout_s, clock=lambda: scene.now
    )
    try:
        return await verifier.verify(evidence, report_data=report_data(evidence.statement))
    finally:
        await verifier.aclose()


def answering(status: int, body: bytes) -> httpx.MockTransport:
    return httpx.MockTransport(lambda request: httpx.Response(status, content=body))


def raising(error: httpx.TransportError) -> Callable[[httpx.Request], httpx.Response]:
    def answer(request: httpx.Request) -> httpx.Response:
        raise error

    return answer
