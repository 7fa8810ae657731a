"""What a service can do wrong, and that none of it ever replaces a good set or stands for one."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from attestation.collateral_cache import RETRY_S, CollateralCache
from attestation.errors import MalformedError, UnavailableError
from attestation.pccs import MAX_BODY_BYTES
from attestation.simulator.platform import Platform, build_collateral
from tests.collateral_service import (
    CHAINS,
    GOOD,
    MAX_AGE_S,
    NOW,
    PCK_CRL,
    PLATFORM,
    QE_IDENTITY,
    QUOTE,
    ROOT_CRL,
    TCB,
    URL,
    Clock,
    Make,
    Service,
    age_of,
    caches,
    chain,
    envelope,
)

STRANGER = Platform.create(NOW - timedelta(days=2), seed=b"stranger")


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def make(service: Service, clock: Clock) -> AsyncIterator[Make]:
    async with caches(service, clock) as make:
        yield make


@pytest.fixture
def cache(make: Make) -> CollateralCache:
    return make()


async def test_slow_service_is_given_up(make: Make, service: Service) -> None:
    service.delay_s = 5
    with pytest.raises(UnavailableError, match="did not answer"):
        await make(timeout_s=0.05).collateral_for(QUOTE)


async def test_answer_without_end_is_given_up(cache: CollateralCache, service: Service) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 65536
            yield b" " * 65536

    service.answers[TCB] = httpx.Response(200, content=endless(), headers=chain(TCB, GOOD.tcb_info_issuer_chain))
    with pytest.raises(UnavailableError):
        await cache.collateral_for(QUOTE)
    assert sent <= 2 * MAX_BODY_BYTES


async def test_service_that_is_gone_is_unavailable_until_it_is_back(cache: CollateralCache, service: Service) -> None:
    service.fail()
    with pytest.raises(UnavailableError):
        await cache.collateral_for(QUOTE)
    service.publish(GOOD)
    assert await cache.collateral_for(QUOTE) == GOOD


async def test_good_set_outlives_a_service_that_is_gone_and_is_asked_for_again_soon(
    cache: CollateralCache, service: Service, clock: Clock
) -> None:
    await cache.collateral_for(QUOTE)
    service.fail()
    clock.passed_s = MAX_AGE_S
    assert await cache.collateral_for(QUOTE) == GOOD
    tried = len(service.asked)
    clock.passed_s += RETRY_S - 1
    assert await cache.collateral_for(QUOTE) == GOOD
    assert len(service.asked) == tried
    assert age_of(cache) == clock.passed_s
    newer = PLATFORM.collateral(NOW + timedelta(hours=1))
    service.publish(newer)
    clock.passed_s += 1
    assert await cache.collateral_for(QUOTE) == newer


def respond(path: str, **changes: object) -> Callable[[Service], None]:
    """Return a spoiler that gives one path another answer than its good one."""

    def spoil(service: Service) -> None:
        good = service.answers[path]
        assert isinstance(good, httpx.Response)
        arguments = {"status_code": 200, "headers": good.headers, "content": good.content} | changes
        arguments["headers"] = {
            name: value for name, value in dict(arguments["headers"]).items() if name != "content-length"
        }
        service.answers[path] = httpx.Response(**arguments)  # type: ignore[arg-type]

    return spoil


def publish(**changes: object) -> Callable[[Service], None]:
    """Return a spoiler that publishes collateral with other parts."""
    return lambda service: service.publish(replace(GOOD, **changes))  # type: ignore[arg-type]


def compress(service: Service) -> None:
    """Answer in gzip; as a stream, for httpx decodes what it is given whole."""

    async def body() -> AsyncIterator[bytes]:
        yield gzip.compress(envelope("tcbInfo", GOOD.tcb_info, GOOD.tcb_info_signature))

    headers = chain(TCB, GOOD.tcb_info_issuer_chain) | {"content-encoding": "gzip"}
    service.answers[TCB] = httpx.Response(200, content=body(), headers=headers)


CONFUSED = build_collateral(
    PLATFORM.pki,
    issued_at=NOW,
    tcb_info=PLATFORM.tcb_info(NOW),
    qe_identity=PLATFORM.qe_identity(NOW),
    tcb_info_signer=PLATFORM.pki.pck,
)
OTHER_FMSPC = PLATFORM.collateral(NOW, tcb_info=replace(PLATFORM.tcb_info(NOW), fmspc=bytes(6)))
LATER = NOW + timedelta(hours=1)
NUMBERED = PLATFORM.collateral(LATER, tcb_info=PLATFORM.tcb_info(LATER, evaluation_number=19))

SPOILERS: dict[str, Callable[[Service], None]] = {
    "an error": respond(TCB, status_code=500),
    "not found": respond(QE_IDENTITY, status_code=404),
    "a redirect": respond(PCK_CRL, status_code=302, headers={"location": URL}),
    "nothing": respond(TCB, content=b""),
    "not JSON": respond(TCB, content=b'{"tcbInfo":{"id":,"signature":"00"}'),
    "a deep nest": respond(TCB, content=b'{"tcbInfo":' + b'{"a":' * 100_000),
    "no text": respond(TCB, content=b'{"tcbInfo":[],"signature":"' + b"0" * 128 + b'"}'),
    "not UTF-8": respond(TCB, content=b"\xff\xfe"),
    "another object": respond(TCB, content=envelope("enclaveIdentity", GOOD.qe_identity, GOOD.qe_identity_signature)),
    "no signature": respond(TCB, content=b'{"tcbInfo":' + GOOD.tcb_info.encode() + b"}"),
    "half a signature": respond(TCB, content=envelope("tcbInfo", GOOD.tcb_info, bytes(32))),
    "something behind": respond(TCB, content=envelope("tcbInfo", GOOD.tcb_info, GOOD.tcb_info_signature) + b"{}"),
    "compressed though not asked to": compress,
    "no chain": respond(QE_IDENTITY, headers={}),
    "a chain that is not text": respond(QE_IDENTITY, headers={CHAINS[QE_IDENTITY]: "%ff"}),
    "an empty chain": respond(QE_IDENTITY, headers={CHAINS[QE_IDENTITY]: ""}),
    "a list that is none": respond(ROOT_CRL, content=b"a revocation list"),
    "half a list": respond(PCK_CRL, content=GOOD.pck_crl[:-1]),
    "lists swapped": publish(root_ca_crl=GOOD.pck_crl, pck_crl=GOOD.root_ca_crl),
    "a text with another byte": publish(tcb_info=GOOD.tcb_info.replace('"version":3', '"version":4')),
    "another signature": publish(qe_identity_signature=GOOD.tcb_info_signature),
    "the signature of a PCK": lambda service: service.publish(CONFUSED),
    "another root": lambda service: service.publish(STRANGER.collateral(NOW)),
    "another platform": lambda service: service.publish(OTHER_FMSPC),
    "an older evaluation number": lambda service: service.publish(NUMBERED),
    "older dates": lambda service: service.publish(PLATFORM.collateral(NOW - timedelta(hours=1))),
}
ROLLBACKS = {"an older evaluation number", "older dates"}


@pytest.mark.parametrize("name", SPOILERS)
async def test_bad_answer_never_replaces_a_good_set(
    cache: CollateralCache, service: Service, clock: Clock, name: str
) -> None:
    assert await cache.collateral_for(QUOTE) == GOOD
    SPOILERS[name](service)
    clock.passed_s = MAX_AGE_S
    assert await cache.collateral_for(QUOTE) == GOOD
    assert age_of(cache) == MAX_AGE_S


@pytest.mark.parametrize("name", sorted(SPOILERS.keys() - ROLLBACKS))
async def test_bad_answer_alone_is_no_collateral(cache: CollateralCache, service: Service, name: str) -> None:
    SPOILERS[name](service)
    with pytest.raises(UnavailableError):
        await cache.collateral_for(QUOTE)
    assert cache.standing() is None


@pytest.mark.parametrize("quote", [b"", QUOTE[:-1], bytes(5000)])
async def test_what_is_no_quote_asks_nobody(cache: CollateralCache, service: Service, quote: bytes) -> None:
    with pytest.raises(MalformedError):
        await cache.collateral_for(quote)
    assert service.asked == []
