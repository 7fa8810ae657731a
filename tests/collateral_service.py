"""A service that hands out collateral as Intel's does, as a person who tests wants it: good, slow, lying or gone."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import quote as url_encode

import httpx

from attestation.collateral import Collateral
from attestation.collateral_cache import CollateralCache
from attestation.pccs import FETCH_TIMEOUT_S, ProvisioningClient
from attestation.simulator.platform import Platform
from attestation.simulator.td_report import Td

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
PLATFORM = Platform.create(NOW - timedelta(days=2), seed=b"pccs")
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


def age_of(cache: CollateralCache) -> float:
    standing = cache.standing()
    assert standing is not None
    return standing.age_s


Make = Callable[..., CollateralCache]


@asynccontextmanager
async def caches(service: Service, clock: Clock) -> AsyncIterator[Make]:
    """Give a way to make caches of one service, and close them all in the end."""
    made: list[CollateralCache] = []

    def make(
        base_url: str = URL,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        timeout_s: float = FETCH_TIMEOUT_S,
        **changes: object,
    ) -> CollateralCache:
        source = ProvisioningClient(base_url, transport=transport or httpx.MockTransport(service), timeout_s=timeout_s)
        arguments = {
            "root_sha256": ROOTS,
            "max_age_s": MAX_AGE_S,
            "monotonic": clock.monotonic,
            "clock": clock.now,
        }
        made.append(CollateralCache(source, **(arguments | changes)))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for cache in made:
        await cache.aclose()
