"""Calling a service: deadlines, retries, limits, rests, and TLS that knows whom it talks to."""

from __future__ import annotations

import asyncio
import datetime
import hashlib
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

from attestation.errors import ConfigurationError
from attestation.services.breaker import CircuitBreaker
from attestation.services.caller import MAX_ANSWER_BYTES, Retries, ServiceCaller
from attestation.services.tls import build_transport, key_digest
from attestation.services.verdict import ServiceError
from tests.standins.service import Reply, Request, StandIn, ec_key

AT_ONCE = Retries(most=2, first_s=0.0, longest_s=0.0)


def caller(answer: Callable[[httpx.Request], httpx.Response], **parts: object) -> ServiceCaller:
    defaults: dict[str, object] = {"transport": httpx.MockTransport(answer), "timeout_s": 1.0, "retries": AT_ONCE}
    return ServiceCaller("http://service.test", **{**defaults, **parts})  # type: ignore[arg-type]


async def refusal(each: ServiceCaller) -> str:
    with pytest.raises(ServiceError) as caught:
        await each.post("/attestation", b"{}")
    return caught.value.code


async def test_a_service_that_comes_back_is_asked_again() -> None:
    answers = iter([503, 429, 200])
    assert await caller(lambda request: httpx.Response(next(answers), content=b"yes")).post("/", b"{}") == b"yes"


@pytest.mark.parametrize("status", [200, 302, 400, 401, 500])
async def test_whoever_has_answered_is_not_asked_again(status: int) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(status, content=b"x" * (MAX_ANSWER_BYTES + 1 if status == 200 else 1))

    assert await refusal(caller(answer)) in ("service_refused", "service_lying")
    assert len(asked) == 1


async def test_retries_wait_a_random_part_of_a_delay_that_doubles() -> None:
    jitters: list[float] = []

    def jitter() -> float:
        jitters.append(0.0)
        return 0.0

    retries = Retries(most=3, first_s=60.0, longest_s=600.0)
    assert await refusal(caller(lambda request: httpx.Response(503), retries=retries, jitter=jitter)) == (
        "service_unavailable"
    )
    assert len(jitters) == 3


async def test_the_deadline_ends_retries_too() -> None:
    retries = Retries(most=9, first_s=60.0, longest_s=60.0)
    each = caller(lambda request: httpx.Response(503), retries=retries, jitter=lambda: 1.0, timeout_s=0.05)
    assert await refusal(each) == "service_timeout"


async def test_a_service_that_was_away_is_left_alone_and_then_asked_by_one() -> None:
    now, asked = [0.0], []
    is_there = [False]

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200 if is_there[0] else 503, content=b"yes")

    breaker = CircuitBreaker(failures=2, rest_s=10.0, monotonic=lambda: now[0])
    each = caller(answer, breaker=breaker, retries=Retries(most=0, first_s=0, longest_s=0))
    for _ in range(5):
        assert await refusal(each) == "service_unavailable"
    assert len(asked) == 2
    now[0] = 10.0
    assert await refusal(each) == "service_unavailable"
    assert await refusal(each) == "service_unavailable"
    assert len(asked) == 3
    now[0], is_there[0] = 20.0, True
    assert await each.post("/", b"{}") == b"yes"
    assert await each.post("/", b"{}") == b"yes"
    assert not breaker.is_open


async def test_a_service_that_refuses_is_there() -> None:
    breaker = CircuitBreaker(failures=1)
    each = caller(lambda request: httpx.Response(401), breaker=breaker)
    assert [await refusal(each) for _ in range(3)] == ["service_refused"] * 3


@pytest.mark.parametrize("url", ["ftp://service.test", "service.test", "http://", ""])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError):
        ServiceCaller(url, transport=httpx.MockTransport(lambda request: httpx.Response(200)))


class Speaking(StandIn):
    def answer(self, request: Request) -> Reply:
        return Reply.text("yes")


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path, bytes, StandIn]]:
    """A service behind TLS with a certificate of its own making: address, certificate's file, key's digest."""
    directory = tmp_path_factory.mktemp("tls")
    certificate, key = directory / "certificate.pem", directory / "key.pem"
    digest = write_certificate(certificate, key)
    service = Speaking()
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(service, ssl_certfile=certificate, ssl_keyfile=key, lifespan="off", log_level="critical")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: server.run(sockets=[listener]))
    thread.start()
    yield f"https://127.0.0.1:{listener.getsockname()[1]}", certificate, digest, service
    server.should_exit = True
    thread.join()
    listener.close()


def write_certificate(certificate: Path, key_file: Path) -> bytes:
    """Write a certificate for 127.0.0.1 and its key; return the digest that a pin of it is."""
    key: ec.EllipticCurvePrivateKey = ec_key(77)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "service")])
    start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    built = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=3))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate.write_bytes(built.public_bytes(Encoding.PEM))
    key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert key_digest(built.public_bytes(Encoding.DER)) == hashlib.sha256(spki).digest()
    return hashlib.sha256(spki).digest()


async def ask_tls(url: str, *, authorities: Path | None, pins: tuple[bytes, ...]) -> bytes:
    each = ServiceCaller(url, transport=build_transport(authorities=authorities, pins=pins), retries=AT_ONCE)
    try:
        return await each.post("/", b"secret")
    finally:
        await each.aclose()


async def test_tls_is_verified_and_pins_count(tls: tuple[str, Path, bytes, StandIn]) -> None:
    url, certificate, digest, service = tls
    assert await ask_tls(url, authorities=certificate, pins=()) == b"yes"
    assert await ask_tls(url, authorities=certificate, pins=(bytes(32), digest)) == b"yes"
    service.asked.clear()
    wrong = (
        {"authorities": None, "pins": ()},
        {"authorities": None, "pins": (digest,)},
        {"authorities": certificate, "pins": (bytes(32),)},
    )
    for way in wrong:
        with pytest.raises(ServiceError) as caught:
            await ask_tls(url, **way)  # type: ignore[arg-type]
        assert caught.value.code == "service_lying"
    assert service.asked == [], "nothing is said to whoever is not the service"


async def test_plain_text_where_tls_belongs_is_no_service(tls: tuple[str, Path, bytes, StandIn]) -> None:
    url, certificate, *_ = tls
    with pytest.raises(ServiceError):
        await ask_tls(url.replace("https", "http"), authorities=certificate, pins=())
    await asyncio.sleep(0)


def test_authorities_that_are_none_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("")
    for path in (tmp_path / "missing.pem", tmp_path / "empty.pem"):
        with pytest.raises(ConfigurationError):
            build_transport(authorities=path, pins=())


def test_a_certificate_that_is_none_has_no_digest() -> None:
    assert key_digest(b"") == b""
    assert issubclass(ssl.SSLCertVerificationError, ssl.SSLError)
