"""A quoting service that is dead, slow or answers wrong: no evidence, or evidence that nobody affirms."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest

from attestation.simulator.platform import Platform
from attestation.simulator.td_report import Td
from tests.faults.surroundings import COLLATERAL_AGE, Surroundings, utc_now
from tests.quote_ext.quoting_service import Response
from tests.session_client import SessionClient

NO_EVIDENCE = {"type": "error", "code": "attestation_unavailable", "retry": True}


async def assert_no_evidence(client: SessionClient) -> None:
    """Ask twice on one socket: the answer is a clear error, and the socket stays."""
    for _ in range(2):
        await client.send_question()
        assert await client.receive_clear() == NO_EVIDENCE


async def test_one_that_is_dead(client: SessionClient, surroundings: Surroundings) -> None:
    await surroundings.stop("quoting")
    await assert_no_evidence(client)


async def test_one_that_is_slow(client: SessionClient, surroundings: Surroundings) -> None:
    async def sleep(message: bytes) -> bytes:
        await asyncio.sleep(1.3)
        return b""

    surroundings.machine.quoting = sleep
    started = time.monotonic()
    await client.send_question()
    assert await client.receive_clear() == NO_EVIDENCE
    assert time.monotonic() - started < 1.3


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\xff" * 4,
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        Response(quote=b"").frame(),
        Response(error_code=0x12001, quote=b"").frame(),
        Response(quote=b"not a quote").frame(),
        Response(quote=bytes(5000)).frame(),
        Response(quote_size=1).frame(),
    ],
    ids=["nothing", "a huge size", "HTTP", "no quote", "an error", "text", "zeros", "a wrong size"],
)
async def test_one_that_answers_with_something_else(
    client: SessionClient, surroundings: Surroundings, answer: bytes
) -> None:
    async def say(message: bytes) -> bytes:
        return answer

    surroundings.machine.quoting = say
    await assert_no_evidence(client)


async def test_one_that_quotes_something_else(client: SessionClient, surroundings: Surroundings) -> None:
    async def quote(message: bytes) -> bytes:
        return Response(quote=surroundings.machine.platform.quote(Td(report_data=bytes(64)))).frame()

    surroundings.machine.quoting = quote
    await assert_no_evidence(client)


async def test_one_whose_signature_is_wrong(client: SessionClient, surroundings: Surroundings) -> None:
    async def quote(message: bytes) -> bytes:
        frame = bytearray(await surroundings.machine.quote(message))
        start = frame.find(b"\x04\x00\x02\x00\x81\x00\x00\x00")  # version 4, ECDSA P-256, TDX
        frame[start + 48 + 584 + 4] ^= 1  # the first byte of the signature over header and body
        return bytes(frame)

    surroundings.machine.quoting = quote
    verdict = await client.ask()
    assert (verdict["outcome"], verdict["error"]) == ("contraindicated", {"code": "service_refused"})
    failed = [check["id"] for check in verdict["checks"] if check["status"] != "pass"]
    assert failed == ["quote.signature", "verdict.token"]
    await client.send_opening(outcome="affirming")
    assert (await client.receive_clear())["code"] == "refused_by_policy"


async def test_one_of_a_platform_that_made_its_own_root(client: SessionClient, surroundings: Surroundings) -> None:
    simulator = surroundings.machine.simulator
    stranger = Platform.create(utc_now() - 2 * COLLATERAL_AGE, pck_values=simulator.platform.pck_values)
    surroundings.machine.simulator = replace(simulator, platform=stranger)
    verdict = await client.ask()
    assert (verdict["outcome"], verdict["error"]) == ("contraindicated", {"code": "service_refused"})
    assert next(check["id"] for check in verdict["checks"] if check["status"] == "fail") == "quote.chain"
