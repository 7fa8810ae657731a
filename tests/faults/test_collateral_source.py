"""A source of collateral that is down, slow, lying or old: what is known stays, and what is not proves nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from aiohttp import web

from attestation.collateral import Collateral
from attestation.pccs import MAX_BODY_BYTES
from attestation.simulator.pck_extension import PckValues
from attestation.simulator.platform import COLLATERAL_LIFETIME, Platform
from attestation.simulator.tcb import EVALUATION_NUMBER
from tests.faults.surroundings import COLLATERAL_AGE, Handler, Surroundings, published, utc_now
from tests.session_client import SessionClient

NO_EVIDENCE = {"type": "error", "code": "attestation_unavailable", "retry": True}


async def assert_no_evidence(client: SessionClient) -> None:
    """Ask twice on one socket: the answer is a clear error, and the socket stays."""
    for _ in range(2):
        await client.send_question()
        assert await client.receive_clear() == NO_EVIDENCE


async def assert_affirmed(client: SessionClient, collateral: Collateral) -> None:
    """Ask; the evidence carries this collateral and is affirmed."""
    verdict = await client.ask()
    assert (verdict["outcome"], verdict["error"]) == ("affirming", None)
    assert Collateral.from_wire(client.evidence["collateral"]) == collateral


async def test_one_that_is_down_before_anything_is_known(client: SessionClient, surroundings: Surroundings) -> None:
    await surroundings.stop("collateral")
    await assert_no_evidence(client)


async def test_one_that_goes_down(client: SessionClient, surroundings: Surroundings) -> None:
    await assert_affirmed(client, surroundings.machine.collateral)
    await surroundings.stop("collateral")
    await assert_affirmed(client, surroundings.machine.collateral)


async def test_one_that_is_slow(client: SessionClient, surroundings: Surroundings) -> None:
    async def sleep(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    surroundings.machine.publishing = sleep
    await client.send_question()
    assert await client.receive_clear() == NO_EVIDENCE


def saying(**answer: object) -> Handler:
    async def say(request: web.Request) -> web.StreamResponse:
        return web.Response(**answer)  # type: ignore[arg-type]

    return say


@pytest.mark.parametrize(
    "publishing",
    [
        saying(status=404),
        saying(status=500, text="database is away"),
        saying(status=302, headers={"location": "https://elsewhere.example/"}),
        saying(text="<!doctype html>", content_type="text/html"),
        saying(text="{}"),
        saying(body=b"a" * (MAX_BODY_BYTES + 1)),
    ],
    ids=["404", "500", "elsewhere", "HTML", "nothing in it", "too large"],
)
async def test_one_that_answers_with_something_else(
    client: SessionClient, surroundings: Surroundings, publishing: Handler
) -> None:
    surroundings.machine.publishing = publishing
    await assert_no_evidence(client)


def of_a_stranger(platform: Platform) -> Collateral:
    issued_at = utc_now() - COLLATERAL_AGE
    return Platform.create(issued_at, pck_values=platform.pck_values).collateral(issued_at)


def of_two_minds(platform: Platform) -> Collateral:
    """TCB info that was changed after it was signed."""
    collateral = platform.collateral(utc_now() - COLLATERAL_AGE)
    text = collateral.tcb_info.replace('"tcbStatus":"OutOfDate"', '"tcbStatus":"UpToDate" ')
    assert text != collateral.tcb_info
    return replaced(collateral, tcb_info=text)


def of_nobody(platform: Platform) -> Collateral:
    """TCB info that nobody signed."""
    return replaced(platform.collateral(utc_now() - COLLATERAL_AGE), tcb_info_signature=bytes(64))


def of_another_processor(platform: Platform) -> Collateral:
    """What the same authorities say of another processor."""
    other = replace(platform, pck_values=PckValues(fmspc=bytes(6)))
    return other.collateral(utc_now() - COLLATERAL_AGE)


def replaced(collateral: Collateral, **changes: object) -> Collateral:
    return Collateral(**{name: getattr(collateral, name) for name in collateral.__slots__} | changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("make", [of_a_stranger, of_two_minds, of_nobody, of_another_processor])
async def test_one_that_lies(
    client: SessionClient, surroundings: Surroundings, make: Callable[[Platform], Collateral]
) -> None:
    machine = surroundings.machine
    lie = make(machine.platform)

    async def publish(request: web.Request) -> web.StreamResponse:
        return published(lie, request)

    machine.publishing = publish
    await assert_no_evidence(client)
    machine.publishing = machine.publish
    await assert_affirmed(client, machine.collateral)
    machine.publishing = publish
    await assert_affirmed(client, machine.collateral)


async def test_one_that_is_behind_the_times(client: SessionClient, surroundings: Surroundings) -> None:
    machine = surroundings.machine
    good = machine.collateral
    issued_at = utc_now() - COLLATERAL_LIFETIME - timedelta(hours=1)
    machine.collateral = machine.platform.collateral(issued_at)
    verdict = await client.ask()
    assert verdict["outcome"] == "contraindicated"
    failed = {check["id"] for check in verdict["checks"] if check["status"] == "fail"}
    assert failed == {"quote.chain", "quote.collateral"}, "the CRL and the lists have ended"
    machine.collateral = good
    await assert_affirmed(client, good)


async def test_one_that_is_rolled_back(client: SessionClient, surroundings: Surroundings) -> None:
    machine = surroundings.machine
    newest = machine.collateral
    await assert_affirmed(client, newest)
    machine.collateral = machine.platform.collateral(utc_now() - 2 * COLLATERAL_AGE)
    await assert_affirmed(client, newest)


async def test_one_that_only_has_lists_from_before_a_recovery(
    client: SessionClient, surroundings: Surroundings
) -> None:
    machine, issued_at = surroundings.machine, utc_now() - COLLATERAL_AGE
    number = EVALUATION_NUMBER - 1
    machine.collateral = machine.platform.collateral(
        issued_at,
        tcb_info=machine.platform.tcb_info(issued_at, evaluation_number=number),
        qe_identity=machine.platform.qe_identity(issued_at, evaluation_number=number),
    )
    verdict = await client.ask()
    assert verdict["outcome"] == "contraindicated"
    assert [check["id"] for check in verdict["checks"] if check["status"] == "fail"] == ["quote.collateral"]


async def test_one_that_says_that_the_platform_is_revoked(client: SessionClient, surroundings: Surroundings) -> None:
    machine = surroundings.machine
    await assert_affirmed(client, machine.collateral)
    good = machine.collateral
    machine.collateral = machine.platform.collateral(utc_now(), revoked={"pck"})
    for _ in range(2):
        verdict = await client.ask()
        assert verdict["outcome"] == "contraindicated"
        assert "quote.chain" in [check["id"] for check in verdict["checks"] if check["status"] == "fail"]
        machine.collateral = good  # nor is that forgotten when the older list comes back
