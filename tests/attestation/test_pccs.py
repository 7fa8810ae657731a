"""Collateral from services that are good, slow, lying, old or gone."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import stat
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote as url_encode

import aiohttp
import httpx
import pytest
from httpx_aiohttp import AiohttpTransport

from attestation.collateral import Collateral
from attestation.errors import ConfigurationError, MalformedError, UnavailableError
from attestation.pccs import INTEL_ROOT_CRL_URL, MAX_BODY_BYTES, RETRY_S, CollateralCache
from attestation.pki import INTEL_ROOT_CA_SHA256
from attestation.simulator.installation import Installation, create_simulator
from attestation.simulator.pcs import ProvisioningService
from attestation.simulator.platform import Platform, build_collateral
from attestation.simulator.sockets import PCCS_SOCKET
from attestation.simulator.td_report import Td
from tests.simulator_process import running
from tests.third_opinion import status_of

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
PLATFORM = Platform.create(NOW - timedelta(days=2), seed=b"pccs")
STRANGER = Platform.create(NOW - timedelta(days=2), seed=b"stranger")
QUOTE = PLATFORM.quote(Td(report_data=bytes(64)))
ROOTS = {hashlib.sha256(PLATFORM.root_der).digest()}
GOOD = PLATFORM.collateral(NOW)
URL = "https://pccs.example"
MAX_AGE_S = 3600.0

TCB = "/tdx/certification/v4/tcb"
QE_IDENTITY = "/tdx/certification/v4/qe/identity"
PCK_CRL = "/sgx/certification/v4/pckcrl"
ROOT_CRL = "/sgx/certification/v4/rootcacrl"
CHAINS = {
    TCB: "TCB-Info-Issuer-Chain",
    QE_IDENTITY: "SGX-Enclave-Identity-Issuer-Chain",
    PCK_CRL: "SGX-PCK-CRL-Issuer-Chain",
}


def envelope(name: str, text: str, signature: bytes) -> bytes:
    return f'{{"{name}":{text},"signature":"{signature.hex()}"}}'.encode()


def answers_of(collateral: Collateral) -> dict[str, httpx.Response]:
    """Return what Intel's service would answer, by path."""
    tcb_info = envelope("tcbInfo", collateral.tcb_info, collateral.tcb_info_signature)
    qe_identity = envelope("enclaveIdentity", collateral.qe_identity, collateral.qe_identity_signature)
    return {
        TCB: httpx.Response(200, content=tcb_info, headers=chain(TCB, collateral.tcb_info_issuer_chain)),
        QE_IDENTITY: httpx.Response(
            200, content=qe_identity, headers=chain(QE_IDENTITY, collateral.qe_identity_issuer_chain)
        ),
        PCK_CRL: httpx.Response(
            200, content=collateral.pck_crl, headers=chain(PCK_CRL, collateral.pck_crl_issuer_chain)
        ),
        ROOT_CRL: httpx.Response(200, content=collateral.root_ca_crl.hex()),
    }


def chain(path: str, pem: str) -> dict[str, str]:
    return {CHAINS[path]: url_encode(pem)}


@dataclass
class Service:
    """A service whose answers can be changed while it is asked."""

    answers: dict[str, httpx.Response | Exception] = field(default_factory=lambda: dict(answers_of(GOOD)))
    delay_s: float = 0
    asked: list[httpx.URL] = field(default_factory=list)

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url)
        await asyncio.sleep(self.delay_s)
        answer = self.answers[request.url.path]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer.stream, httpx.ByteStream):
            return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)
        return answer

    def publish(self, collateral: Collateral) -> None:
        self.answers = dict(answers_of(collateral))

    def fail(self) -> None:
        self.answers = dict.fromkeys(self.answers, httpx.ConnectError("no route"))


@dataclass
class Clock:
    """A monotonic clock and a calendar that go on together."""

    passed_s: float = 0

    def monotonic(self) -> float:
        return 1000 + self.passed_s

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.passed_s)


Make = Callable[..., CollateralCache]


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def make(service: Service, clock: Clock) -> AsyncIterator[Make]:
    caches: list[CollateralCache] = []

    def make_cache(base_url: str = URL, **changes: object) -> CollateralCache:
        arguments = {
            "root_sha256": ROOTS,
            "max_age_s": MAX_AGE_S,
            "transport": httpx.MockTransport(service),
            "monotonic": clock.monotonic,
            "clock": clock.now,
        }
        caches.append(CollateralCache(base_url, **(arguments | changes)))  # type: ignore[arg-type]
        return caches[-1]

    yield make_cache
    for cache in caches:
        await cache.aclose()


@pytest.fixture
def cache(make: Make) -> CollateralCache:
    return make()


async def test_collateral_is_put_together_from_four_answers(cache: CollateralCache, service: Service) -> None:
    assert await cache.collateral_for(QUOTE) == GOOD
    assert {str(url) for url in service.asked} == {
        f"{URL}{TCB}?fmspc=51AD00C0FFEE",
        f"{URL}{QE_IDENTITY}",
        f"{URL}{PCK_CRL}?ca=platform&encoding=der",
        f"{URL}{ROOT_CRL}",
    }


@pytest.mark.parametrize("base_url", [f"{URL}/", f"{URL}/sgx/certification/v4", f"{URL}/sgx/certification/v4/"])
async def test_base_url_may_be_written_as_quoting_libraries_have_it(make: Make, base_url: str) -> None:
    assert await make(base_url).collateral_for(QUOTE) == GOOD


async def test_processor_ca_is_asked_for_by_its_name(make: Make, service: Service) -> None:
    platform = Platform.create(NOW - timedelta(days=2), seed=b"processor", ca="Processor")
    service.publish(platform.collateral(NOW))
    cache = make(root_sha256={hashlib.sha256(platform.root_der).digest()})
    await cache.collateral_for(platform.quote(Td(report_data=bytes(64))))
    assert httpx.URL(f"{URL}{PCK_CRL}?ca=processor&encoding=der") in service.asked


async def test_real_collateral_of_intel_is_taken_as_it_is(make: Make, shared_vectors: Path) -> None:
    name = "collateral-90c06f000000-platform-2026-01-12.json"
    published = Collateral.from_wire(json.loads((shared_vectors / "quotes" / name).read_text()))
    quote = (shared_vectors / "quotes" / "v5-google-90c06f.quote.bin").read_bytes()
    service = Service(dict(answers_of(published)))
    root_crl = httpx.URL(INTEL_ROOT_CRL_URL)
    service.answers[root_crl.path] = httpx.Response(200, content=published.root_ca_crl)
    cache = make(
        "https://api.trustedservices.intel.com",
        root_sha256={INTEL_ROOT_CA_SHA256},
        transport=httpx.MockTransport(service),
    )
    assert await cache.collateral_for(quote) == published
    assert root_crl in service.asked
    assert {url.host for url in service.asked} == {root_crl.host, "api.trustedservices.intel.com"}


async def test_signed_text_is_kept_to_the_byte(cache: CollateralCache, service: Service) -> None:
    text = json.dumps(json.loads(GOOD.tcb_info), indent=1).replace("UpToDate", "UpTo\\u0044ate")
    signature = PLATFORM.pki.tcb_signing.sign(text.encode())
    body = b' {\n "tcbInfo" : ' + text.encode() + b' ,\n "signature" : "' + signature.hex().upper().encode() + b'" } \n'
    service.answers[TCB] = httpx.Response(200, content=body, headers=chain(TCB, GOOD.tcb_info_issuer_chain))
    assert (await cache.collateral_for(QUOTE)).tcb_info == text


async def test_simulator_is_asked_as_intel_is(make: Make, tmp_path: Path) -> None:
    create_simulator(tmp_path, now=NOW - timedelta(days=1))
    installation = Installation.open(tmp_path)
    root = installation.platform.root_der
    app = ProvisioningService(installation, clock=lambda: NOW)
    cache = make(root_sha256={hashlib.sha256(root).digest()}, transport=httpx.ASGITransport(app=app))
    quote = installation.platform.quote(installation.td(bytes(64)))
    collateral = await cache.collateral_for(quote)
    assert collateral == installation.collateral(NOW)
    assert status_of(quote, collateral, root=root, at=NOW) == "UpToDate"


def httpx_transport(path: str) -> httpx.AsyncBaseTransport:
    return httpx.AsyncHTTPTransport(uds=path)


def aiohttp_transport(path: str) -> httpx.AsyncBaseTransport:
    return AiohttpTransport(client=lambda: aiohttp.ClientSession(connector=aiohttp.UnixConnector(path)))


@pytest.mark.parametrize("transport", [httpx_transport, aiohttp_transport])
async def test_both_transports_reach_a_running_simulator(
    make: Make, transport: Callable[[str], httpx.AsyncBaseTransport]
) -> None:
    with tempfile.TemporaryDirectory(prefix="simulator-") as name:
        create_simulator(Path(name))
        installation = Installation.open(Path(name))
        quote = installation.platform.quote(installation.td(bytes(64)))
        roots = {hashlib.sha256(installation.platform.root_der).digest()}
        with running(Path(name)):
            cache = make(
                "http://simulator.invalid", root_sha256=roots, transport=transport(str(Path(name) / PCCS_SOCKET))
            )
            assert (await cache.collateral_for(quote)).tcb_info_issuer_chain
            await cache.aclose()
        gone = make("http://simulator.invalid", root_sha256=roots, transport=transport(str(Path(name) / PCCS_SOCKET)))
        with pytest.raises(UnavailableError):
            await gone.collateral_for(quote)


# --- age ----------------------------------------------------------------------------------------


async def test_set_is_asked_for_again_only_when_it_is_too_old(
    cache: CollateralCache, service: Service, clock: Clock
) -> None:
    await cache.collateral_for(QUOTE)
    clock.passed_s = MAX_AGE_S - 1
    await cache.collateral_for(QUOTE)
    assert len(service.asked) == 4
    newer = PLATFORM.collateral(NOW + timedelta(seconds=MAX_AGE_S))
    service.publish(newer)
    clock.passed_s = MAX_AGE_S
    assert await cache.collateral_for(QUOTE) == newer
    assert len(service.asked) == 8


async def test_age_is_known_and_counts_from_the_last_answer(cache: CollateralCache, clock: Clock) -> None:
    assert cache.oldest_age_s() is None
    await cache.collateral_for(QUOTE)
    clock.passed_s = 7
    assert cache.oldest_age_s() == 7
    clock.passed_s = MAX_AGE_S + 5
    await cache.collateral_for(QUOTE)
    assert cache.oldest_age_s() == 0


async def test_many_who_ask_at_once_share_one_fetch(cache: CollateralCache, service: Service) -> None:
    service.delay_s = 0.02
    sets = await asyncio.gather(*(cache.collateral_for(QUOTE) for _ in range(50)))
    assert set(sets) == {GOOD}
    assert len(service.asked) == 4


async def test_one_who_goes_away_does_not_end_the_fetch_of_the_others(cache: CollateralCache, service: Service) -> None:
    service.delay_s = 0.05
    first = asyncio.create_task(cache.collateral_for(QUOTE))
    second = asyncio.create_task(cache.collateral_for(QUOTE))
    await asyncio.sleep(0.01)
    first.cancel()
    assert await second == GOOD
    assert first.cancelled()
    assert len(service.asked) == 4


async def test_failure_that_nobody_waits_for_any_more_is_not_lost_noisily(
    cache: CollateralCache, service: Service
) -> None:
    service.fail()
    service.delay_s = 0.01
    alone = asyncio.create_task(cache.collateral_for(QUOTE))
    await asyncio.sleep(0)
    alone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await alone
    await asyncio.sleep(0.05)
    service.publish(GOOD)
    assert await cache.collateral_for(QUOTE) == GOOD


# --- services that fail -------------------------------------------------------------------------


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
    assert cache.oldest_age_s() == clock.passed_s
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
    assert cache.oldest_age_s() == MAX_AGE_S


@pytest.mark.parametrize("name", SPOILERS.keys() - ROLLBACKS)
async def test_bad_answer_alone_is_no_collateral(cache: CollateralCache, service: Service, name: str) -> None:
    SPOILERS[name](service)
    with pytest.raises(UnavailableError):
        await cache.collateral_for(QUOTE)
    assert cache.oldest_age_s() is None


@pytest.mark.parametrize("quote", [b"", QUOTE[:-1], bytes(5000)])
async def test_what_is_no_quote_asks_nobody(cache: CollateralCache, service: Service, quote: bytes) -> None:
    with pytest.raises(MalformedError):
        await cache.collateral_for(quote)
    assert service.asked == []


# --- on disk ------------------------------------------------------------------------------------


async def kept(directory: Path, make: Make) -> Path:
    """Let a cache keep a good set in a directory; return the file."""
    assert await make(directory=directory).collateral_for(QUOTE) == GOOD
    (path,) = directory.iterdir()
    return path


async def test_set_on_disk_serves_the_next_start_without_a_network(
    make: Make, service: Service, clock: Clock, tmp_path: Path
) -> None:
    path = await kept(tmp_path / "collateral", make)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    service.fail()
    clock.passed_s = MAX_AGE_S - 1
    asked = len(service.asked)
    again = make(directory=tmp_path / "collateral")
    assert await again.collateral_for(QUOTE) == GOOD
    assert (len(service.asked), again.oldest_age_s()) == (asked, MAX_AGE_S - 1)


async def test_set_on_disk_that_is_too_old_is_asked_for_again_and_kept_meanwhile(
    make: Make, service: Service, clock: Clock, tmp_path: Path
) -> None:
    await kept(tmp_path, make)
    clock.passed_s = MAX_AGE_S
    service.publish(NUMBERED)
    assert await make(directory=tmp_path).collateral_for(QUOTE) == GOOD
    newer = PLATFORM.collateral(LATER)
    service.publish(newer)
    assert await make(directory=tmp_path).collateral_for(QUOTE) == newer


async def test_set_from_the_future_is_asked_for_at_once(
    make: Make, service: Service, clock: Clock, tmp_path: Path
) -> None:
    await kept(tmp_path, make)
    clock.passed_s = -MAX_AGE_S
    newer = PLATFORM.collateral(LATER)
    service.publish(newer)
    assert await make(directory=tmp_path).collateral_for(QUOTE) == newer


def damage(members: dict[str, object]) -> list[bytes]:
    """Return what could stand in the file instead."""
    forged = GOOD.to_wire() | {"tcb_info": GOOD.tcb_info.replace("OutOfDate", "UpToDate")}
    return [
        b"",
        b"[]",
        b"\xff",
        json.dumps(members)[:-1].encode(),
        json.dumps(members | {"fetched_at": "now"}).encode(),
        json.dumps(members | {"fetched_at": 2**52}).encode(),
        json.dumps(members | {"collateral": None}).encode(),
        json.dumps(members | {"collateral": forged}).encode(),
        json.dumps(members | {"collateral": STRANGER.collateral(NOW).to_wire()}).encode(),
    ]


async def test_damaged_or_forged_file_is_never_used(make: Make, service: Service, tmp_path: Path) -> None:
    path = await kept(tmp_path, make)
    service.fail()
    for data in damage(json.loads(path.read_bytes())):
        path.write_bytes(data)
        with pytest.raises(UnavailableError):
            await make(directory=tmp_path).collateral_for(QUOTE)


async def test_directory_that_cannot_be_written_is_a_setting_to_change(make: Make, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError):
        await make(directory=tmp_path / "file" / "collateral").collateral_for(QUOTE)
