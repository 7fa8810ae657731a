"""An attestation service that is down, slow, lying or refusing: its own code, never green, and nothing else harmed."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from attestation.encoding import b64decode, b64encode, parse_json
from attestation.services.caller import MAX_ANSWER_BYTES
from attestation.services.token_key import key_id
from attestation.token import sign_token
from tests.faults.surroundings import Handler, Service, Surroundings
from tests.session_client import SessionClient


def failed(verdict: dict[str, Any]) -> list[str]:
    return [check["id"] for check in verdict["checks"] if check["status"] != "pass"]


async def assert_refused(client: SessionClient, login: httpx.Client, *, code: str | None) -> None:
    """Ask; the verdict says why it is not green, is on record, and opens nothing even for a client that lies."""
    verdict = await client.ask()
    assert (verdict["outcome"], verdict["error"]) == ("contraindicated", None if code is None else {"code": code})
    assert failed(verdict) == ["verdict.token"]
    evidence = f"/attestation/records/{verdict['record']}/evidence.zip"
    assert (await asyncio.to_thread(login.get, evidence)).status_code == 200
    await client.send_opening(outcome="affirming")
    assert (await client.receive_clear())["code"] == "refused_by_policy"
    assert await client.closed_with() == 4403


async def test_one_that_is_down(client: SessionClient, surroundings: Surroundings, login: httpx.Client) -> None:
    await surroundings.stop("attestation")
    await assert_refused(client, login, code="service_unavailable")


async def test_one_that_hangs_up(client: SessionClient, surroundings: Surroundings, login: httpx.Client) -> None:
    async def hang_up(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    surroundings.service.attesting = hang_up
    await assert_refused(client, login, code="service_unavailable")


async def test_one_that_does_not_answer(client: SessionClient, surroundings: Surroundings, login: httpx.Client) -> None:
    async def sleep(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    surroundings.service.attesting = sleep
    started = time.monotonic()
    await client.send_question()
    assert (await client.receive_clear())["type"] == "attest.evidence"
    assert time.monotonic() - started < 0.9, "evidence waits for nobody"
    assert (await client.receive_clear())["error"] == {"code": "service_timeout"}
    await assert_refused(client, login, code="service_timeout")


@pytest.mark.parametrize(
    ("status", "text", "code"),
    [
        (200, "<!doctype html><title>Sign in</title>", "service_lying"),
        (200, "a" * (MAX_ANSWER_BYTES + 1), "service_lying"),
        (200, "", "service_lying"),
        (302, "", "service_lying"),
        (401, "who are you", "service_refused"),
        (422, '{"code":"AS.EVIDENCE.REFUSED"}', "service_refused"),
        (500, "evaluation failed", "service_refused"),
        (503, "busy", "service_unavailable"),
    ],
)
async def test_one_that_answers_with_something_else(
    client: SessionClient, surroundings: Surroundings, login: httpx.Client, status: int, text: str, code: str
) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text=text, headers={"location": "/elsewhere"})

    surroundings.service.attesting = answer
    await assert_refused(client, login, code=code)


def changing(service: Service, **changes: Any) -> Handler:
    """Answer with the right token, its claims changed and signed anew by the right key."""

    async def attest(request: web.Request) -> web.StreamResponse:
        claims = parse_json(b64decode((await service.token(request)).split(".")[1]))
        assert isinstance(claims, dict)
        return web.Response(text=sign_token(claims | changes, service.key, key_id(service.key)))

    return attest


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "urn:somebody:else"},
        {"aud": "urn:somebody:else"},
        {"iat": 1_700_000_000, "nbf": 1_700_000_000, "exp": 1_700_000_300},
        {"exp": 9_000_000_000},
        {"submods": {}},
    ],
    ids=lambda changes: "+".join(changes),
)
async def test_one_whose_token_does_not_hold(
    client: SessionClient, surroundings: Surroundings, login: httpx.Client, changes: dict[str, Any]
) -> None:
    surroundings.service.attesting = changing(surroundings.service, **changes)
    await assert_refused(client, login, code="service_lying")


async def test_one_whose_signed_word_is_no(
    client: SessionClient, surroundings: Surroundings, login: httpx.Client
) -> None:
    service = surroundings.service

    async def attest(request: web.Request) -> web.StreamResponse:
        claims: Any = parse_json(b64decode((await service.token(request)).split(".")[1]))
        claims["submods"]["cpu0"]["ear.status"] = "contraindicated"
        return web.Response(text=sign_token(claims, service.key, key_id(service.key)))

    service.attesting = attest
    await assert_refused(client, login, code=None)


async def test_one_that_signs_with_another_key(
    client: SessionClient, surroundings: Surroundings, login: httpx.Client
) -> None:
    surroundings.service.key = generate_private_key(SECP256R1())
    surroundings.service.attesting = changing(surroundings.service)
    await assert_refused(client, login, code="service_lying")


async def test_one_that_signs_with_nothing(
    client: SessionClient, surroundings: Surroundings, login: httpx.Client
) -> None:
    async def attest(request: web.Request) -> web.StreamResponse:
        _, claims, signature = (await surroundings.service.token(request)).split(".")
        header = b64encode(b'{"alg":"none"}')
        return web.Response(text=f"{header}.{claims}.{signature}")

    surroundings.service.attesting = attest
    await assert_refused(client, login, code="service_lying")


async def test_one_that_gives_the_token_of_another_quote(
    client: SessionClient, surroundings: Surroundings, login: httpx.Client
) -> None:
    token = (await client.ask())["token"]

    async def replay(request: web.Request) -> web.StreamResponse:
        return web.Response(text=token)

    surroundings.service.attesting = replay
    await assert_refused(client, login, code="service_lying")


async def test_a_session_goes_on_while_its_successor_is_refused(
    client: SessionClient, surroundings: Surroundings
) -> None:
    await client.ask()
    await client.open()
    await surroundings.stop("attestation")
    assert (await client.ask())["outcome"] == "contraindicated"
    keys, sent, received = client.keys, client.sent, client.received
    await client.send_opening(outcome="affirming")
    assert (await client.receive_clear())["code"] == "refused_by_policy"
    client.keys, client.sent, client.received = keys, sent, received
    assert (await client.call("model.list"))["type"] == "model.list"
