"""A witness that verifies and signs as C2SP tlog-witness says, and one that lies in a way of its own."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from attestation.errors import AppraisalError
from attestation.log.checkpoint import Checkpoint, VerifierKey, parse_checkpoint, verify_checkpoint
from attestation.log.cosignature import build_cosignature_line, cosigned_message
from attestation.log.merkle import verify_consistency
from attestation.log.witness import Witness
from tests.attestation.log_scene import build_key

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@dataclass
class StandIn:
    """A witness with a name and a key; what it has cosigned last is all that it remembers."""

    name: str = "witness.example/w1"
    seed: bytes = bytes([9] * 32)
    last: Checkpoint | None = None
    at: datetime = NOW
    asked: list[bytes] = field(default_factory=list)
    answer: Callable[[StandIn, httpx.Request], httpx.Response] | None = None

    @property
    def signing(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)

    @property
    def witness(self) -> Witness:
        return Witness(f"https://{self.name}", VerifierKey(self.name, self.signing.public_key().public_bytes_raw()))

    @property
    def transport(self) -> httpx.AsyncBaseTransport:
        return httpx.MockTransport(self.handle)

    def handle(self, request: httpx.Request) -> httpx.Response:
        assert str(request.url) == f"https://{self.name}/add-checkpoint"
        self.asked.append(request.content)
        return self.answer(self, request) if self.answer is not None else self.witness_it(request)

    def witness_it(self, request: httpx.Request) -> httpx.Response:
        """Answer as the specification wants it."""
        head, _, note = request.content.decode().partition("\n\n")
        old, *proof = head.split("\n")
        log = build_key()
        try:
            now = verify_checkpoint(note, origin=log.origin, public_key=log.public)
        except AppraisalError:
            return httpx.Response(403)
        known = 0 if self.last is None else self.last.size
        if old != f"old {known}":
            return httpx.Response(409, text=f"{known}\n", headers={"content-type": "text/x.tlog.size"})
        if self.last is not None:
            try:
                verify_consistency(
                    old_size=known,
                    old_root=self.last.root,
                    new_size=now.size,
                    new_root=now.root,
                    proof=[base64.b64decode(node) for node in proof],
                )
            except AppraisalError:
                return httpx.Response(422)
        self.last = now
        return self.sign(now)

    def sign(self, checkpoint: Checkpoint) -> httpx.Response:
        at_s = int(self.at.timestamp())
        signature = self.signing.sign(cosigned_message(checkpoint.text(), at_s=at_s))
        line = build_cosignature_line(self.witness.key, at_s=at_s, signature=signature)
        return httpx.Response(200, text=f"{line}\n")


def wrong_size(_witness: StandIn, _request: httpx.Request) -> httpx.Response:
    """Say of every size that it is another one."""
    return httpx.Response(409, text="1\n")


def no_size(_witness: StandIn, _request: httpx.Request) -> httpx.Response:
    return httpx.Response(409, text="all of it\n")


def ahead(_witness: StandIn, _request: httpx.Request) -> httpx.Response:
    return httpx.Response(409, text="1000\n")


def wrong_root(witness: StandIn, request: httpx.Request) -> httpx.Response:
    asked = parse_checkpoint(request.content.decode().partition("\n\n")[2])
    return witness.sign(Checkpoint(origin=asked.origin, size=asked.size, root=bytes(32)))


def wrong_key(witness: StandIn, request: httpx.Request) -> httpx.Response:
    return StandIn(name=witness.name, seed=bytes([8] * 32)).witness_it(request)


def forged(witness: StandIn, request: httpx.Request) -> httpx.Response:
    """Sign nothing under the right name and key id."""
    return httpx.Response(200, text=build_cosignature_line(witness.witness.key, at_s=0, signature=bytes(64)) + "\n")


def from_tomorrow(witness: StandIn, request: httpx.Request) -> httpx.Response:
    return StandIn(at=NOW.replace(day=23)).witness_it(request)


def endless(_witness: StandIn, _request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, content=b"x" * 100_000)


def gone(_witness: StandIn, _request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("nobody there")


class Slow(httpx.AsyncBaseTransport):
    """A witness that takes its time."""

    async def handle_async_request(self, _request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(60)
        return httpx.Response(500)
