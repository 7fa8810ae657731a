"""Collateral fetched, put together, and kept in memory and on disk for as long as it may be."""

from __future__ import annotations

import asyncio
import hashlib
import json
import stat
import tempfile
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import aiohttp
import httpx
import pytest
from httpx_aiohttp import AiohttpTransport

from attestation.collateral import Collateral
from attestation.collateral_cache import CollateralCache
from attestation.errors import ConfigurationError, UnavailableError
from attestation.pccs import INTEL_ROOT_CRL_URL
from attestation.pki import INTEL_ROOT_CA_SHA256
from attestation.simulator.installation import Installation, create_simulator
from attestation.simulator.pcs import ProvisioningService
from attestation.simulator.platform import Platform
from attestation.simulator.sockets import PCCS_SOCKET
from attestation.simulator.td_report import Td
from tests.collateral_service import (
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
    answers_of,
    caches,
    chain,
)
from tests.simulator_process import running
from tests.third_opinion import status_of

LATER = NOW + timedelta(hours=1)


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
    assert cache.standing() is None
    await cache.collateral_for(QUOTE)
    clock.passed_s = 7
    assert age_of(cache) == 7
    clock.passed_s = MAX_AGE_S + 5
    await cache.collateral_for(QUOTE)
    assert age_of(cache) == 0


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
    assert (len(service.asked), age_of(again)) == (asked, MAX_AGE_S - 1)


async def test_set_on_disk_that_is_too_old_is_asked_for_again_and_kept_meanwhile(
    make: Make, service: Service, clock: Clock, tmp_path: Path
) -> None:
    await kept(tmp_path, make)
    clock.passed_s = MAX_AGE_S
    service.publish(PLATFORM.collateral(LATER, tcb_info=PLATFORM.tcb_info(LATER, evaluation_number=19)))
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
        json.dumps(members | {"collateral": Platform.create(NOW, seed=b"stranger").collateral(NOW).to_wire()}).encode(),
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
