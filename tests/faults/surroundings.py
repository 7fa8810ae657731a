"""What the product depends on, as a person who tests wants it: right, wrong in one way, slow or gone.

Quoting service and collateral source stand on the sockets where the simulated platform's are expected, attestation
service and model server at the installation's two ports. Each platform is a new one, of which nothing is remembered.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiohttp import web

from attestation.collateral import Collateral
from attestation.encoding import b64decode
from attestation.errors import AppraisalError
from attestation.reference_values import load_releases
from attestation.services import AttestationService
from attestation.services.token_key import load_token_key
from attestation.simulator.installation import Installation as Simulator
from attestation.simulator.pck_extension import PckValues
from attestation.simulator.pki import issue_pck
from attestation.simulator.platform import Platform
from attestation.simulator.qgs import QuotingService
from attestation.simulator.sockets import PCCS_SOCKET, QGS_SOCKET
from tests.attestation.scene import build_scene
from tests.collateral_service import answers_of
from tests.confchat import ollama_stand_in as ollama
from tests.faults.installation import MODEL, Installation

COLLATERAL_AGE = timedelta(hours=12)

Message = Callable[[bytes], Awaitable[bytes]]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def utc_now() -> datetime:
    return datetime.now(UTC)


class Machine:
    """A platform: its quoting service answers with `quoting`, its maker's service with `publishing`.

    What is published is `collateral`; the attestation service has its own copy, as it was when the platform was new.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.renew()

    def renew(self) -> None:
        """Become a platform that nobody has seen, and answer as it should be."""
        self.simulator = new_simulator(self._directory)
        self.collateral = self._first = self.platform.collateral(utc_now() - COLLATERAL_AGE)
        self.quoting: Message = self.quote
        self.publishing: Handler = self.publish

    async def collateral_for(self, _quote: bytes) -> Collateral:
        """Give the attestation service its collateral."""
        return self._first

    @property
    def platform(self) -> Platform:
        return self.simulator.platform

    async def quote(self, message: bytes) -> bytes:
        """Answer a message of the quoting service's protocol as it should be."""
        return framed(QuotingService(self.simulator).answer(message))

    async def publish(self, request: web.Request) -> web.StreamResponse:
        """Answer as Intel's service does, whichever platform is asked for."""
        return published(self.collateral, request)


class Service:
    """A service of Trustee's shape that the installation trusts; it answers with `attesting`."""

    def __init__(self, data_dir: Path, machine: Machine) -> None:
        root = machine.platform.root_der
        release_key = b64decode((data_dir / "keys" / "release.pub").read_text().strip())
        self.key = load_token_key(data_dir / "keys" / "token.p256")
        self.attesting: Handler = self.attest
        self._service = AttestationService(
            key=self.key,
            policy=build_scene().policy,
            trust=replace(build_scene().trust, simulator_root_sha256=hashlib.sha256(root).digest()),
            releases=load_releases(data_dir / "releases", release_key=release_key),
            collateral=machine,
            simulator_root=root,
            clock=utc_now,
        )

    async def attest(self, request: web.Request) -> web.StreamResponse:
        """Answer as it should be."""
        try:
            return web.Response(text=await self.token(request))
        except AppraisalError:
            return web.Response(status=422)

    async def token(self, request: web.Request) -> str:
        return await self._service.attest(await request.read())


@dataclass
class Surroundings:
    """Everything around one installation; each part can be stopped and started again."""

    machine: Machine
    service: Service
    model: ollama.StandIn
    parts: dict[str, Callable[[], AbstractAsyncContextManager[object]]]
    running: dict[str, AsyncExitStack] = field(default_factory=dict)

    async def start(self, *names: str) -> None:
        for name in names:
            self.running[name] = AsyncExitStack()
            await self.running[name].enter_async_context(self.parts[name]())

    async def stop(self, *names: str) -> None:
        for name in names:
            await self.running.pop(name).aclose()

    async def restore(self) -> None:
        """Let every part run, and answer as it should be."""
        self.machine.renew()
        self.service.attesting = self.service.attest
        vars(self.model).update(vars(good_model()))
        await self.start(*(self.parts.keys() - self.running.keys()))


@asynccontextmanager
async def surrounded(installation: Installation) -> AsyncIterator[Surroundings]:
    """Serve everything that the installation depends on."""
    simulator = installation.data_dir / "simulator"
    machine = Machine(simulator)
    service = Service(installation.data_dir, machine)
    model = good_model()
    parts: dict[str, Callable[[], AbstractAsyncContextManager[object]]] = {
        "quoting": lambda: quoting(machine, simulator / QGS_SOCKET),
        "collateral": lambda: answering(
            lambda: machine.publishing, lambda runner: web.UnixSite(runner, str(simulator / PCCS_SOCKET))
        ),
        "attestation": lambda: answering(
            lambda: service.attesting,
            lambda runner: web.TCPSite(runner, "127.0.0.1", installation.verifier_port),
        ),
        "model": lambda: ollama.serve(model, port=installation.model_port),
    }
    surroundings = Surroundings(machine, service, model, parts)
    await surroundings.restore()
    try:
        yield surroundings
    finally:
        await surroundings.stop(*list(surroundings.running))


def good_model() -> ollama.StandIn:
    """Return a model server that answers in a few pieces."""
    tags = {"models": [ollama.tag_entry(MODEL)]}
    return ollama.StandIn(tags=tags, pieces=(ollama.line("All "), ollama.line("is well."), ollama.last_line()))


def new_simulator(directory: Path) -> Simulator:
    """Return an installation's simulator with a processor that nobody has seen, under the same root."""
    simulator = Simulator.open(directory)
    values = PckValues(fmspc=secrets.token_bytes(6))
    pki = simulator.platform.pki
    created_at = pki.root.certificate.not_valid_before_utc
    pck = issue_pck(pki.pck_ca, created_at, seed=secrets.token_bytes(32), values=values)
    return replace(simulator, platform=replace(simulator.platform, pki=replace(pki, pck=pck), pck_values=values))


def framed(message: bytes) -> bytes:
    """Return a message of the quoting service's protocol as it goes over the socket."""
    return struct.pack(">I", len(message)) + message


def published(collateral: Collateral, request: web.Request) -> web.Response:
    """Return what Intel's service would answer to a request."""
    answer = answers_of(collateral)[request.path]
    return web.Response(body=answer.content, headers={**answer.headers, "content-length": str(len(answer.content))})


@asynccontextmanager
async def quoting(machine: Machine, path: Path) -> AsyncIterator[None]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            (size,) = struct.unpack(">I", await reader.readexactly(4))
            writer.write(await machine.quoting(await reader.readexactly(size)))
        finally:
            writer.close()

    async with await asyncio.start_unix_server(serve, path):
        yield


@asynccontextmanager
async def answering(
    handler: Callable[[], Handler], site: Callable[[web.AppRunner], web.BaseSite]
) -> AsyncIterator[None]:
    async def serve(request: web.Request) -> web.StreamResponse:
        return await handler()(request)

    application = web.Application(client_max_size=4 * 1024 * 1024)
    application.router.add_route("*", "/{path:.*}", serve)
    runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await site(runner).start()
    try:
        yield
    finally:
        await runner.cleanup()
